//! # coverage
//!
//! ## What
//!
//! Something in the repository that the check does not judge. Each of these kinds is one finding:
//!
//! - kustomizations that no overlay is made of;
//! - environments whose place in the promotion order is not known, because only the shape of the
//!   repository shows them;
//! - Argo CD Applications, ApplicationSets and Flux Kustomizations that apply a Helm chart or
//!   another repository;
//! - objects that deploy what is not rendered, such as a `HelmRelease` or an OLM `Subscription`.
//!   Images in the values of a HelmRelease are checked all the same.
//!
//! ## Why
//!
//! A check that is silent about what it did not look at is taken for a check of everything.
//!
//! ## Example
//!
//! ```yaml
//! kind: Application
//! spec:
//!   source:
//!     repoURL: https://charts.example.com
//!     chart: metrics # what the chart makes is not checked
//! ```
//!
//! ## Fix
//!
//! List environments in their order under `environments`, and map folders to environments or ignore
//! them under `layout` in `.gitops-lint.yaml`. For a chart, commit the output of `helm template`.
//! `rules: {coverage: error}` makes the check fail as long as anything is not judged.

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::coverage::{Unseen, UnseenKind};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// How many places one finding names.
const NAMED: usize = 3;

/// See the documentation above.
pub(super) struct Coverage;

static METADATA: Metadata = Metadata {
    id: "coverage",
    category: Category::Structure,
    level: "info",
    severity: Severity::Info,
    summary: "a part of the repository that the check does not judge",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("coverage.rs"),
};

impl Rule for Coverage {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for unseen in context
            .unseen()
            .chunk_by(|one, other| one.kind == other.kind)
        {
            if let Some(draft) = draft(context.repo, unseen) {
                sink.report(context, None, draft);
            }
        }
    }
}

/// The finding about everything of one kind that is not judged.
fn draft(repo: &Repo, unseen: &[Unseen]) -> Option<Draft> {
    let first = unseen.first()?;
    let mut names: Vec<&str> = unseen.iter().map(|unseen| unseen.name.as_str()).collect();
    // clusters often apply objects of one name
    names.dedup();
    let listed = wording::listed(&names, NAMED);
    // where clusters share names, a number of further names would not match the number of objects
    let examples = if names.len() == unseen.len() {
        format!(": {listed}")
    } else {
        let first = names.get(..NAMED).unwrap_or(&names);
        format!(", such as {}", wording::list(first))
    };
    let one = unseen.len() == 1;
    let (message, help) = match first.kind {
        UnseenKind::Kustomization => (
            format!(
                "{} {} in no overlay, so nothing checks {}: {listed}",
                wording::count(unseen.len(), "kustomization"),
                if one { "is" } else { "are" },
                if one { "it" } else { "them" },
            ),
            format!(
                "map each folder to an environment under `layout` in {CONFIG_FILE}, or ignore it there"
            ),
        ),
        UnseenKind::Environment => (
            format!(
                "nothing is compared with {listed}, because the promotion order does not say where {} {}",
                if one {
                    "this environment"
                } else {
                    "these environments"
                },
                if one { "stands" } else { "stand" },
            ),
            format!(
                "list all environments in their order in {CONFIG_FILE}: `environments: [{}]`",
                order(repo).join(", ")
            ),
        ),
        UnseenKind::Agent => (
            format!(
                "{} what is not in this repository or cannot be followed, so nothing checks it{examples}",
                if one {
                    "1 agent's object applies".to_string()
                } else {
                    format!("{} agents' objects apply", unseen.len())
                },
            ),
            "check it where it is kept; for a chart, commit the output of `helm template`"
                .to_string(),
        ),
        UnseenKind::Object => (
            format!(
                "{} what is not rendered, so nothing checks it{examples}",
                if one {
                    "1 object deploys".to_string()
                } else {
                    format!("{} objects deploy", unseen.len())
                },
            ),
            "for a chart, commit the output of `helm template` and apply that".to_string(),
        ),
    };
    let cause = names
        .iter()
        .fold(Cause::new(first.kind.as_str()), |cause, name| {
            cause.with(name)
        });
    let draft = Draft::new(Severity::Info, first.origin, cause, message).help(help);
    Some(
        unseen
            .iter()
            .skip(1)
            .take(NAMED - 1)
            .fold(draft, |draft, unseen| {
                draft.related(unseen.origin, unseen.name.clone())
            }),
    )
}

/// The environments in the order of promotion, those of unknown place before protected ones.
fn order(repo: &Repo) -> Vec<&str> {
    let used = |at: &usize| {
        let mut overlays = repo.overlays.iter();
        overlays.any(|overlay| overlay.environment == Some(*at))
    };
    let mut environments: Vec<_> = (0..repo.environments.len())
        .filter(used)
        .filter_map(|at| repo.environments.get(at))
        .collect();
    environments.sort_by_key(|environment| environment.protected);
    let names = environments.into_iter();
    names.map(|environment| environment.name.as_str()).collect()
}
