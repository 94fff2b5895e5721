//! # coverage
//!
//! ## What
//!
//! The repository contains parts that the check does not judge. There is one finding for each of
//! these kinds:
//!
//! - kustomizations that belong to no overlay;
//! - environments that were recognised by their folders only, so that their place in the promotion
//!   order is unknown;
//! - the comparison of environments, if no overlay belongs to an environment and the agents do not
//!   all apply to one cluster;
//! - Argo CD Applications, ApplicationSets and Flux Kustomizations that apply another repository;
//! - objects that deploy something which is not rendered, such as an OLM `Subscription`;
//! - Argo CD Applications and Flux HelmReleases whose chart is not in the repository. Their values
//!   are checked, but not the objects that the chart makes of them;
//! - charts in the repository that nothing in it applies. If a chart has values files for
//!   environments, such as `values-production.yaml`, it is checked with each of them, unless it
//!   needs further values to be rendered;
//! - schemas of charts that refer to the web, which is not fetched. Values are checked against the
//!   rest of the schema;
//! - kinds without a schema: nothing is known about the fields of their objects;
//! - with a base revision, files of Kubernetes objects that the change edits and that nothing in the
//!   repository applies.
//!
//! ## Why
//!
//! If the report did not mention these parts, readers would think that everything was checked.
//!
//! ## Example
//!
//! ```yaml
//! kind: Application
//! spec:
//!   source:
//!     repoURL: https://charts.example.com
//!     chart: metrics # the objects of the chart are not checked
//! ```
//!
//! ## Fix
//!
//! In `.gitops-lint.yaml`, list all environments in their order under `environments`, and use
//! `layout` to map folders to environments or to ignore them. For a chart, commit the output of
//! `helm template`. Set `rules: {coverage: error}` if the check should fail as long as anything is
//! not judged.

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::coverage::{Unseen, UnseenKind};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// The number of places that one finding names.
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
    // several clusters often apply objects with the same name
    names.dedup();
    let (message, help) = match first.kind {
        UnseenKind::Kustomization => kustomizations(unseen.len(), &names),
        UnseenKind::Environment => environments(unseen.len(), &names, repo),
        UnseenKind::Agent => agents(unseen.len(), &names),
        UnseenKind::Object => objects(unseen.len(), &names),
        UnseenKind::Release => releases(unseen.len(), &names),
        UnseenKind::Chart => charts(unseen.len(), &names),
        UnseenKind::Schema => schemas(unseen.len(), &names),
        UnseenKind::Kind => kinds(unseen.len(), &names),
        UnseenKind::Manifest => manifests(unseen.len(), &names),
        UnseenKind::Comparison => comparison(repo),
    };
    let cause = names
        .iter()
        .fold(Cause::new(first.kind.as_str()), |cause, name| {
            cause.with(name)
        });
    let draft = Draft::new(Severity::Info, first.origin, cause, message).help(help);
    let others = unseen.iter().skip(1).take(NAMED - 1);
    Some(others.fold(draft, |draft, unseen| {
        draft.related(unseen.origin, unseen.name.clone())
    }))
}

/// The message and the help about files that a change edits and nothing applies.
fn manifests(count: usize, names: &[&str]) -> (String, String) {
    let (has, it) = if count == 1 {
        ("has", "it")
    } else {
        ("have", "them")
    };
    let message = format!(
        "{} that this change edits {has} Kubernetes objects, but nothing here applies {it}, so nothing checks {it}: {}",
        wording::count(count, "file"),
        wording::listed(names, NAMED)
    );
    let help = "list it in a kustomization, or add the agent's object that applies its folder; ignore its folder under `layout` if no cluster gets it";
    (message, help.to_string())
}

/// The message and the help about kustomizations in no overlay.
fn kustomizations(count: usize, names: &[&str]) -> (String, String) {
    let (is, it) = if count == 1 {
        ("is", "it")
    } else {
        ("are", "them")
    };
    let message = format!(
        "{} {is} in no overlay, so nothing checks {it}: {}",
        wording::count(count, "kustomization"),
        wording::listed(names, NAMED),
    );
    let help = format!(
        "map each folder to an environment under `layout` in {CONFIG_FILE}, or ignore it there"
    );
    (message, help)
}

/// The message and the help about environments whose place in the promotion order is unknown.
fn environments(count: usize, names: &[&str], repo: &Repo) -> (String, String) {
    let message = format!(
        "{} {} not compared with other environments: the place in the promotion order is unknown",
        wording::listed(names, NAMED),
        if count == 1 { "is" } else { "are" },
    );
    let help = format!(
        "list all environments in their order in {CONFIG_FILE}: `environments: [{}]`",
        order(repo).join(", ")
    );
    (message, help)
}

/// The message and the help about overlays of which none belongs to an environment.
fn comparison(repo: &Repo) -> (String, String) {
    let overlays = repo.overlays.iter();
    let folders: Vec<&str> = overlays
        .map(|overlay| match overlay.path.as_str() {
            "" => "the root",
            path => path,
        })
        .collect();
    let message = format!(
        "no overlay belongs to an environment, so none is compared with another: {}",
        wording::listed(&folders, NAMED)
    );
    let help = format!("map folders to environments under `layout` in {CONFIG_FILE}");
    (message, help)
}

/// The message and the help about agents' objects that lead out of the repository.
fn agents(count: usize, names: &[&str]) -> (String, String) {
    let subject = match count {
        1 => "1 Argo CD or Flux object applies".to_string(),
        _ => format!("{count} Argo CD or Flux objects apply"),
    };
    let message = format!(
        "{subject} a chart or another repository or cannot be followed, so nothing checks it{}",
        examples(count, names)
    );
    let help = "check it in the repository that contains it; for a chart, commit the output of `helm template`";
    (message, help.to_string())
}

/// The message and the help about objects that deploy something which is not rendered.
fn objects(count: usize, names: &[&str]) -> (String, String) {
    let subject = match count {
        1 => "1 object deploys".to_string(),
        _ => format!("{count} objects deploy"),
    };
    let message = format!(
        "{subject} something that is not rendered here, so nothing checks it{}",
        examples(count, names)
    );
    let help = "for a chart, commit the output of `helm template` and apply that";
    (message, help.to_string())
}

/// The message and the help about releases whose chart is elsewhere.
fn releases(count: usize, names: &[&str]) -> (String, String) {
    let (subject, their) = match count {
        1 => ("1 release uses".to_string(), "its"),
        _ => (format!("{count} releases use"), "their"),
    };
    let message = format!(
        "{subject} a chart that is not in the repository, so only {their} values are checked{}",
        examples(count, names)
    );
    let help = "to have its objects checked, commit the chart, or the output of `helm template`";
    (message, help.to_string())
}

/// The message and the help about charts that nothing installs, as far as the repository says.
fn charts(count: usize, names: &[&str]) -> (String, String) {
    let (subject, it) = match count {
        1 => ("1 chart is".to_string(), "it"),
        _ => (format!("{count} charts are"), "them"),
    };
    let message = format!(
        "nothing here says with which values {subject} installed, so nothing checks {it}{}",
        examples(count, names)
    );
    let help = "keep a values file for each environment beside the chart, such as `values-production.yaml`, or the Application or HelmRelease that installs it";
    (message, help.to_string())
}

/// The message and the help about kinds without a schema.
fn kinds(count: usize, names: &[&str]) -> (String, String) {
    let (has, their) = if count == 1 {
        ("has", "its")
    } else {
        ("have", "their")
    };
    let message = format!(
        "{} {has} no schema, so {their} fields are not checked: {}",
        wording::count(count, "kind"),
        wording::listed(names, NAMED),
    );
    let help = format!(
        "commit the CustomResourceDefinitions, or name a folder of schemas under `schemas` in {CONFIG_FILE}"
    );
    (message, help)
}

/// The message and the help about schemas of charts that refer to the web.
fn schemas(count: usize, names: &[&str]) -> (String, String) {
    let (refers, it) = if count == 1 {
        ("schema refers", "it")
    } else {
        ("schemas refer", "them")
    };
    let message = format!(
        "{count} {refers} to the web, so values are checked against a part of {it} only: {}",
        wording::listed(names, NAMED),
    );
    let help = "copy the definitions into the schema, so that all values are checked";
    (message, help.to_string())
}

/// The names after a message. If clusters share names, "and 3 more" would not match the number of
/// objects, so only examples are given.
fn examples(count: usize, names: &[&str]) -> String {
    if names.len() == count {
        format!(": {}", wording::listed(names, NAMED))
    } else {
        let first = names.get(..NAMED).unwrap_or(names);
        format!(", such as {}", wording::list(first))
    }
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
