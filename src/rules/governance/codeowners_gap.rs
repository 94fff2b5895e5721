//! # codeowners-gap
//!
//! ## What
//!
//! A file that a protected environment renders from has no code owner. Such files are its overlay,
//! bases, components, patches, files of generators, and the Flux or Argo CD object that applies
//! it. A file has no owner if no line of CODEOWNERS matches it, if the last matching line lists no
//! owner, or if only an optional section (GitLab) owns it.
//!
//! The rule also reports a line that a later line overrides: the later line matches every file of
//! the earlier one and names other owners.
//!
//! Both are errors, except in these cases:
//!
//! - If at least half of the files of protected environments have no owner, the repository does not
//!   use CODEOWNERS to guard production. Files that no line matches are then only an info. If the
//!   change itself removes an owner, it is still an error.
//! - It is an info if nobody owns CODEOWNERS itself, the configuration or policies of this tool,
//!   the configuration of Renovate, or objects that control what reaches production (AppProject,
//!   ImageUpdateAutomation and others).
//!
//! Without a CODEOWNERS file nothing is reported.
//!
//! With a base revision, the rule reads CODEOWNERS from the base, as the forge does. It reads the
//! new file as well, to find owners that the change removes. It follows the rules of GitHub, GitLab
//! (sections, optional sections, default owners, exclusions, roles) or Forgejo.
//!
//! ## Why
//!
//! The forge only asks for a review if a file has an owner. Note that the approval of the owner is
//! only required if the branch protection says so. No file in the repository shows that setting.
//!
//! ## Example
//!
//! ```text
//! /apps/*/overlays/production/ @acme/release-managers
//! /apps/                       @acme/developers
//! ```
//!
//! The last line that matches counts, so the developers approve changes of production.
//!
//! ## Fix
//!
//! Add a line with an owner below all broader lines:
//! `/apps/*/overlays/production/ @acme/release-managers`.
//!
//! On GitHub, a pattern with a slash inside is anchored at the root: `overlays/production/` does
//! not match `apps/api/overlays/production/`. Write `**/overlays/production/`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::repo::codeowners::{CodeOwners, OwnerLine, Ownership};
use crate::repo::controls::group_of;
use crate::repo::{Overlay, Repo};
use crate::rules::engine::context::applying::agents_of;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::is_below;
use crate::source::refs::split;
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct CodeownersGap;

static METADATA: Metadata = Metadata {
    id: "codeowners-gap",
    category: Category::Governance,
    level: "error in protected environments; info if most of production has no owner; off without CODEOWNERS",
    severity: Severity::Error,
    summary: "a file that production renders from and nobody owns",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("codeowners_gap.rs"),
};

/// Patterns that the help names at most.
/// The files that pairs of lines are compared by, to find lines that never count. Thousands of lines
/// for one file would make as many pairs.
const COMPARED: usize = 5_000_000;

const SUGGESTED: usize = 3;
/// Kinds that decide what reaches production, besides the kinds that apply a folder.
const STEERING: &[&str] = &[
    "AppProject",
    "ImageUpdateAutomation",
    "ImagePolicy",
    "ImageUpdater",
    "PromotionStrategy",
    "ScheduledCommitStatus",
];

impl Rule for CodeownersGap {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let new = context.repo.owners.as_ref();
        let old = context.base.and_then(|base| base.owners.as_ref());
        let Some(owners) = old.or(new).filter(|owners| !owners.is_ignored()) else {
            return;
        };
        if let Some(old) = old.filter(|old| new.is_none() && !old.is_ignored()) {
            let origin = Origin::start_of(old.file);
            let message = "this change removes CODEOWNERS, so nobody owns the files of protected environments";
            sink.report(
                context,
                None,
                Draft::new(Severity::Error, origin, Cause::new("file-removed"), message)
                    .help("restore it, or move it to a place where it is read"),
            );
            return;
        }
        let before = check(context, owners, Scope::All, sink);
        // gaps in the CODEOWNERS file of the base are reported above; the change may add others
        if let Some(new) =
            new.filter(|new| old.is_some() && new.file != owners.file && !new.is_ignored())
        {
            check(context, new, Scope::AllBut(&before), sink);
        }
    }
}

/// The files that are judged.
#[derive(Clone, Copy)]
enum Scope<'s> {
    All,
    /// All files except these, which already have a gap according to the file of the base.
    AllBut(&'s BTreeSet<String>),
}

/// Why files have no owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// No line matches.
    Unmatched,
    /// A line without owners matches last.
    Unowned,
    /// Only an optional section owns them.
    Optional,
    /// A later line gives them other owners than an earlier line.
    Overruled,
}

impl Gap {
    /// The kind of its cause.
    fn kind(self) -> &'static str {
        match self {
            Gap::Unmatched => "unmatched",
            Gap::Unowned => "unowned",
            Gap::Optional => "optional",
            Gap::Overruled => "overruled",
        }
    }
}

/// Files without owner for one reason.
struct Group<'r> {
    /// An overlay that renders from them; `None` for files that control production from outside.
    overlay: Option<&'r Overlay>,
    line: Option<&'r OwnerLine>,
    /// The line that no longer counts.
    void: Option<&'r OwnerLine>,
    paths: BTreeSet<String>,
}

/// Judges the files of every protected environment and returns the paths that have a gap.
fn check<'r>(
    context: &Context<'r>,
    owners: &'r CodeOwners,
    scope: Scope<'_>,
    sink: &mut Sink,
) -> BTreeSet<String> {
    let repo = context.repo;
    let wanted = |path: &str| match scope {
        Scope::All => true,
        Scope::AllBut(known) => !known.contains(path),
    };

    let mut seen: HashMap<String, Option<(Gap, Option<&OwnerLine>, Option<&OwnerLine>)>> =
        HashMap::new();
    let mut void: HashMap<(u32, u32), bool> = HashMap::new();
    // in each environment: one finding for each line that removes owners, and one for all files
    // that no line matches
    let mut groups: BTreeMap<(bool, Option<usize>, Gap, Option<u32>), Group> = BTreeMap::new();
    let mut note = |overlay: Option<&'r Overlay>, path: String| {
        // another branch has a CODEOWNERS file of its own
        if !split(&path).0.is_empty() {
            return;
        }
        let gap = seen
            .entry(path.clone())
            .or_insert_with(|| gap_of(context, owners, &path, &mut void));
        let Some((gap, line, lost)) = *gap else {
            return;
        };
        let environment = overlay.and_then(|overlay| overlay.environment);
        let key = (
            overlay.is_none(),
            environment,
            gap,
            line.map(|line| line.origin.start),
        );
        let group = groups.entry(key).or_insert_with(|| Group {
            overlay,
            line,
            void: lost,
            paths: BTreeSet::new(),
        });
        group.paths.insert(path);
    };
    let path_of = |file| repo.files.get(file).path.to_string();
    for overlay in context.judged().filter(|overlay| repo.protected(overlay)) {
        let agents = agents_of(context, overlay).iter();
        let files = overlay
            .rendered
            .files
            .iter()
            .copied()
            .chain(agents.map(|pointer| pointer.agent.origin.file));
        for path in files.map(path_of).filter(|path| wanted(path)) {
            note(Some(overlay), path);
        }
    }
    for path in steering(context).into_iter().filter(|path| wanted(path)) {
        note(None, path);
    }
    let mut gaps = BTreeSet::new();
    // files that no line matches are reported once, at an overlay that renders from them
    let unmatched = groups
        .keys()
        .any(|(steers, _, gap, _)| !steers && *gap == Gap::Unmatched);
    let is_unguarded = matches!(scope, Scope::All) && is_unguarded(repo, owners);
    for ((steers, _, gap, _), group) in groups {
        if !(steers && unmatched && gap == Gap::Unmatched) {
            // files that production renders from are errors; files that only control it are infos
            let severity = if steers || is_unguarded && gap == Gap::Unmatched {
                Severity::Info
            } else {
                Severity::Error
            };
            report(context, owners, (gap, severity), &group, sink);
        }
        gaps.extend(group.paths);
    }
    gaps
}

/// True if at least half of the files in the folders of protected environments have no owner.
fn is_unguarded(repo: &Repo, owners: &CodeOwners) -> bool {
    let protected: BTreeSet<&str> = repo
        .overlays
        .iter()
        .filter(|overlay| repo.protected(overlay))
        .map(|overlay| overlay.path.as_str())
        .collect();
    let (mut all, mut unowned) = (0, 0);
    for path in repo.paths() {
        let mut above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        if above.any(|folder| protected.contains(folder)) {
            all += 1;
            unowned += usize::from(matches!(owners.ownership(path), Ownership::Unmatched));
        }
    }
    unowned * 2 >= all
}

/// Why a path has no owner, with the line that counts and the line that it overrides.
fn gap_of<'o>(
    context: &Context,
    owners: &'o CodeOwners,
    path: &str,
    void: &mut HashMap<(u32, u32), bool>,
) -> Option<(Gap, Option<&'o OwnerLine>, Option<&'o OwnerLine>)> {
    let line = match owners.ownership(path) {
        Ownership::Unmatched => return Some((Gap::Unmatched, None, None)),
        Ownership::Unowned(line) => {
            return Some((Gap::Unowned, Some(line), owners.above(line, path).pop()));
        }
        Ownership::Optional(line) => return Some((Gap::Optional, Some(line), None)),
        Ownership::Owned(line) => line,
    };
    let files = context.repo.paths();
    // a line is a mistake if a later and broader line always overrides it
    let lost = owners
        .above(line, path)
        .into_iter()
        .filter(|other| !other.owners.iter().all(|owner| line.owners.contains(owner)))
        .find(|other| {
            let key = (other.origin.start, line.origin.start);
            let compared = void.len().saturating_mul(files.len());
            if compared > COMPARED && !void.contains_key(&key) {
                return false;
            }
            *void.entry(key).or_insert_with(|| {
                let (mut all, mut more) = (true, false);
                for file in files {
                    match (other.matches(file), line.matches(file)) {
                        (true, false) => all = false,
                        (false, true) => more = true,
                        _ => {}
                    }
                }
                all && more
            })
        })?;
    Some((Gap::Overruled, Some(line), Some(lost)))
}

/// Files that decide what reaches production without being rendered into it.
fn steering(context: &Context) -> BTreeSet<String> {
    let repo = context.repo;
    let kind = |node: &Node| {
        node.get("kind")
            .and_then(Node::text)
            .is_some_and(|kind| STEERING.contains(&kind))
            && !group_of(node).is_empty()
    };
    let controls = repo
        .controls()
        .iter()
        .filter(|control| repo.may_be_protected(control.environment) && kind(&control.node));
    let mut files: BTreeSet<String> = controls
        .map(|control| repo.files.get(control.file).path.to_string())
        .collect();
    files.extend(
        repo.owners
            .as_ref()
            .map(|owners| repo.files.get(owners.file).path.to_string()),
    );
    files.extend(
        repo.renovate
            .as_ref()
            .map(|renovate| repo.files.get(renovate.file).path.to_string()),
    );
    let ours = |path: &str| {
        let mut policies = context.config.policies.iter();
        path == CONFIG_FILE || policies.any(|policy| is_below(path, policy))
    };
    files.extend(
        repo.paths()
            .iter()
            .filter(|path| ours(path))
            .map(|path| path.to_string()),
    );
    files
}

fn report(
    context: &Context,
    owners: &CodeOwners,
    (gap, severity): (Gap, Severity),
    group: &Group,
    sink: &mut Sink,
) {
    let Some(first) = group.paths.first() else {
        return;
    };
    let start = Origin::start_of(owners.file);
    let near = owners.near_miss(first).filter(|_| gap == Gap::Unmatched);
    // a line that almost matches the files shows that somebody meant to guard them
    let severity = if near.is_some() && group.overlay.is_some() {
        Severity::Error
    } else {
        severity
    };
    let origin = group.line.map_or(start, |line| line.origin);
    let cause = group
        .paths
        .iter()
        .fold(Cause::new(gap.kind()), |cause, path| cause.with(path));
    let mut draft = Draft::new(severity, origin, cause, message(context, gap, group)).help(advice(
        context,
        owners,
        (gap, group),
        near.as_ref(),
    ));
    if let Some(void) = group.void {
        let label = format!("this line names {}", void.owners.join(" "));
        draft = draft.related(void.origin, label);
    } else if let Some((line, _)) = &near {
        draft = draft.related(line.origin, "this line was probably meant for it");
    }
    let draft = match group.overlay {
        Some(overlay) => {
            let label = format!("the overlay of {}", context.name_of(overlay));
            draft.related(overlay.origin, label)
        }
        None => draft.notice(),
    };
    sink.report(context, group.overlay, draft);
}

/// `412 production files have no code owner (first: F)`.
fn message(context: &Context, gap: Gap, group: &Group) -> String {
    let first = group.paths.first().map_or("", String::as_str);
    let number = group.paths.len();
    let environment = group.overlay.map(|overlay| context.name_of(overlay));
    let files = match (environment, number) {
        (Some(environment), 1) => format!("{environment} file {first}"),
        (Some(environment), _) => format!("{number} {environment} files"),
        (None, 1) => format!("{first}, which controls what reaches production,"),
        (None, _) => format!("{number} files that control what reaches production"),
    };
    let (has, is, it) = match number {
        1 => ("has", "is", "it"),
        _ => ("have", "are", "them"),
    };
    let owners =
        |line: Option<&OwnerLine>| line.map(|line| line.owners.join(" ")).unwrap_or_default();
    let message = match gap {
        Gap::Unmatched => format!("{files} {has} no code owner"),
        Gap::Unowned => format!("this line leaves {files} without a code owner"),
        Gap::Optional => format!(
            "{files} {is} owned by an optional section only, so nobody has to approve a change"
        ),
        Gap::Overruled => format!(
            "this line takes {files} from {} and gives {it} to {}",
            owners(group.void),
            owners(group.line)
        ),
    };
    if number == 1 {
        message
    } else {
        format!("{message} (first: {first})")
    }
}

fn advice(
    context: &Context,
    owners: &CodeOwners,
    (gap, group): (Gap, &Group),
    near: Option<&(&OwnerLine, String)>,
) -> String {
    let patterns = suggested(&group.paths).join("`, `");
    let help = match (near, group.void) {
        (Some((line, better)), _) => {
            format!("`{}` does not match it; write `{better}`", line.pattern)
        }
        (None, Some(void)) if gap == Gap::Overruled => {
            format!("move the line `{}` below this one", void.pattern)
        }
        (None, _) if group.line.is_some_and(OwnerLine::excludes) => {
            "remove this line, or narrow it: no later line can undo what a section excludes"
                .to_string()
        }
        (None, _) if gap == Gap::Unowned => {
            format!("name an owner in this line, or add a line for `{patterns}` below it")
        }
        (None, _) => format!("add a line with an owner for `{patterns}` below all broader lines"),
    };
    let old = context.base.and_then(|base| base.owners.as_ref());
    let new = context.repo.owners.as_ref();
    match old.zip(new) {
        Some((old, new)) if old.file == owners.file && new.file != old.file => {
            format!("{help}; the CODEOWNERS file of the base revision counts, so merge this first")
        }
        _ => help,
    }
}

/// Patterns for paths: their folders, with `*` for the segments that differ.
fn suggested(paths: &BTreeSet<String>) -> Vec<String> {
    let folders: BTreeSet<&str> = paths
        .iter()
        .map(|path| {
            path.rsplit_once('/')
                .map_or(path.as_str(), |(folder, _)| folder)
        })
        .collect();
    let mut patterns: Vec<Vec<&str>> = Vec::new();
    'folders: for folder in folders {
        let segments: Vec<&str> = folder.split('/').collect();
        for known in &mut patterns {
            if known.len() > segments.len()
                || known
                    .iter()
                    .zip(&segments)
                    .any(|(one, other)| one != other && *one != "*")
            {
                let differ: Vec<usize> = known
                    .iter()
                    .zip(&segments)
                    .enumerate()
                    .filter(|(_, (one, other))| one != other)
                    .map(|(at, _)| at)
                    .collect();
                match differ[..] {
                    [at] if known.len() == segments.len() && at > 0 && at + 1 < known.len() => {
                        if let Some(segment) = known.get_mut(at) {
                            *segment = "*";
                        }
                        continue 'folders;
                    }
                    _ => continue,
                }
            }
            continue 'folders;
        }
        patterns.push(segments);
    }
    let file = |pattern: &str| paths.contains(pattern);
    let written = patterns.into_iter().map(|segments| segments.join("/"));
    written
        .take(SUGGESTED)
        .map(|pattern| {
            if file(&pattern) {
                format!("/{pattern}")
            } else {
                format!("/{pattern}/")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_gather_what_differs_in_one_place() {
        let paths = [
            "apps/a/overlays/production/k.yaml",
            "apps/b/overlays/production/k.yaml",
            "apps/a/overlays/production/p/x.yaml",
            "CODEOWNERS",
        ];
        let paths: BTreeSet<String> = paths.into_iter().map(str::to_string).collect();
        assert_eq!(
            suggested(&paths),
            ["/CODEOWNERS", "/apps/*/overlays/production/"]
        );
    }
}
