//! # unfollowed-agent
//!
//! ## What
//!
//! An Argo CD Application or ApplicationSet whose objects cannot be determined without a cluster
//! or a server:
//!
//! - It uses a generator such as `clusters`, `scmProvider` or `pullRequest`.
//! - Its Git generator reads another repository.
//! - Its path or another field contains a template that the tool does not understand.
//! - It reads a branch, tag or commit that this clone does not have, or a range of versions. The
//!   files under check are judged instead. For a protected environment, this is a warning. Agents
//!   that read the same revision share one finding.
//! - It reaches a limit: an ApplicationSet that creates more than 5,000 Applications, a matrix with too
//!   many combinations, agents that apply each other more than 12 levels deep. This is an error,
//!   because the rest could be checked and is not.
//!
//! A matrix generator with fewer or more than two generators is also reported, because Argo CD
//! refuses it.
//!
//! ## Why
//!
//! The tool does not guess. It does not check the objects that such an Application applies or the
//! settings that it adds to a folder, and you should know that.
//!
//! ## Example
//!
//! ```yaml
//! kind: ApplicationSet
//! spec:
//!   generators:
//!     - clusters: {}
//! ```
//!
//! ## Fix
//!
//! If the finding names a `git fetch`, run it before the check (with actions/checkout, set
//! `fetch-depth: 0`). Otherwise you do not have to change anything. The tool follows `list`, `git`, `matrix` and `merge`
//! generators over this repository. If the clusters are few and known, a `list` generator can
//! replace `clusters`.

use std::collections::{HashMap, HashSet};

use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::agents::Note;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// How many of the other agents that read an absent revision a finding names.
const SHOWN: usize = 2;

/// The rule.
pub(super) struct UnfollowedAgent;

static METADATA: Metadata = Metadata {
    id: "unfollowed-agent",
    category: Category::Structure,
    level: "error if a limit is reached; warning if the clone lacks what a protected environment reads, else info",
    severity: Severity::Info,
    summary: "an Argo CD object that cannot be followed without a cluster",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unfollowed_agent.rs"),
};

impl Rule for UnfollowedAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let absent = context
            .repo
            .notes()
            .iter()
            .any(|note| note.absent.is_some());
        let protected = match absent {
            true => of_protected(context.repo),
            false => Vec::new(),
        };
        for notes in by_revision(context) {
            let Some((first, others)) = notes.split_first() else {
                continue;
            };
            let file = context.repo.files.get(first.origin.file);
            let cause = Cause::new("not-followed").with(file.slice(first.origin).trim());
            let is_serious =
                |note: &&Note| note.absent.is_some() && is_within(&protected, note.origin);
            let severity = if notes.iter().any(|note| note.limit) {
                Severity::Error
            } else if notes.iter().any(is_serious) {
                Severity::Warning
            } else {
                Severity::Info
            };
            let message = match &first.absent {
                Some(absent) => absent.message(notes.len()),
                None => first.message.clone(),
            };
            let mut draft = Draft::new(severity, first.origin, cause, message);
            let places = others.iter().filter_map(|note| {
                let absent = note.absent.as_ref()?;
                Some((note.origin, absent.label()))
            });
            for (origin, label) in places.take(SHOWN) {
                draft = draft.related(origin, label);
            }
            sink.report(context, None, draft);
        }
    }
}

/// The notes in groups: those about one absent revision together, any other alone. Agents that the
/// base has and agents that the change adds are in different groups: the finding about the first is
/// known and hidden, the finding about the second is new.
fn by_revision<'c>(context: &Context<'c>) -> Vec<Vec<&'c Note>> {
    let of_base: HashSet<&str> = match context.base {
        Some(base) => base
            .notes()
            .iter()
            .map(|note| note.message.as_str())
            .collect(),
        None => HashSet::new(),
    };
    let mut groups: Vec<Vec<&Note>> = Vec::new();
    let mut known: HashMap<(&str, bool), usize> = HashMap::new();
    for note in context.repo.notes() {
        let Some(absent) = &note.absent else {
            groups.push(vec![note]);
            continue;
        };
        let key = (
            absent.name.as_str(),
            of_base.contains(note.message.as_str()),
        );
        let group = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(note),
            None => groups.push(vec![note]),
        }
    }
    groups
}

/// The agents' objects that apply a protected environment.
fn of_protected(repo: &Repo) -> Vec<Origin> {
    let fleet = repo.fleet();
    let protected = fleet.applied.iter().filter(|one| {
        let environment = one
            .environment
            .and_then(|index| repo.environments.get(index));
        environment.is_some_and(|environment| environment.protected)
    });
    protected.map(|one| one.pointer.object.origin).collect()
}

/// True if a place is within one of some objects.
fn is_within(objects: &[Origin], place: Origin) -> bool {
    objects.iter().any(|object| {
        object.file == place.file && object.start <= place.start && place.end <= object.end
    })
}
