//! # configuration-mismatch
//!
//! ## What
//!
//! An entry of `.gitops-lint.yaml` does not fit the repository:
//!
//! - No overlay belongs to a listed environment. This is an error if a folder beside the other
//!   environments has a similar name, else an info.
//! - Folders such as `staging` lie beside the listed environments, but `environments` does not list
//!   them (warning).
//! - A pair names a folder that is not an overlay, or its `from` belongs to a later environment than
//!   its `to` (error).
//! - No folder matches a path of `layout` (warning).
//! - A file in `records` cannot be parsed, or names no version of an app in an environment (error).
//! - No rendered object has a kind of `drift.kinds` (warning). With a base revision, this is only
//!   reported if the change affects every overlay.
//! - `rules` sets the level of a policy that does not exist (warning).
//!
//! Mistakes that do not depend on the repository end the check with status 2.
//!
//! ## Why
//!
//! A misspelt name makes the check skip a comparison without saying so.
//!
//! ## Example
//!
//! ```yaml
//! environments: [dev, stagin, production] # the folders are named staging
//! ```
//!
//! ## Fix
//!
//! Correct the name, or remove the entry.

mod environments;

use std::collections::BTreeSet;

use environments::Unlisted;

use crate::config::{CONFIG_FILE, Config, LayoutPattern, is_policy};
use crate::finding::{Cause, Severity};
use crate::names::{UnknownName, nearest};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct ConfigurationMismatch;

static METADATA: Metadata = Metadata {
    id: "configuration-mismatch",
    category: Category::Governance,
    level: "error, warning or info",
    severity: Severity::Error,
    summary: "an entry of the configuration that does not fit the repository",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

impl Rule for ConfigurationMismatch {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let drafts = listed_environments(context)
            .into_iter()
            .chain(pairs(context))
            .chain(layout(context))
            .chain(records(context))
            .chain(drift_kinds(context))
            .chain(policies(context));
        for draft in drafts {
            sink.report(context, None, draft);
        }
    }
}

/// The listed environments without an overlay, and the environments beside them that are not
/// listed.
fn listed_environments(context: &Context) -> Vec<Draft> {
    let (repo, config) = (context.repo, context.config);
    let Some(first) = config.environment_origins.first() else {
        return Vec::new();
    };
    let mut unlisted = environments::unlisted(repo);
    let mut drafts = Vec::new();
    for (index, origin) in config.environment_origins.iter().enumerate() {
        let mut overlays = repo.overlays.iter();
        let Some(environment) = repo.environments.get(index) else {
            continue;
        };
        if overlays.any(|overlay| overlay.environment == Some(index)) {
            continue;
        }
        let name = &environment.name;
        let near = environments::nearest(name, &unlisted).map(|near| unlisted.remove(near));
        drafts.push(unmatched_environment(name, *origin, near));
    }
    let known = unlisted.into_iter().filter(|folder| folder.is_known_word);
    drafts.extend(known.map(|folder| unlisted_environment(folder, *first)));
    drafts
}

fn unmatched_environment(name: &str, origin: Origin, near: Option<Unlisted>) -> Draft {
    let cause = Cause::new("unmatched-environment").with(name);
    let message = format!("no overlay belongs to the environment `{name}`");
    match near {
        Some(near) => Draft::new(
            Severity::Error,
            origin,
            cause,
            format!("{message}, so nothing is compared with it"),
        )
        .help(format!("did you mean `{}`?", near.name))
        .related(near.origin, "this overlay belongs to no environment"),
        None => Draft::new(Severity::Info, origin, cause, message).help(format!(
            "remove it, or add the name of its folders to its `aliases` in {CONFIG_FILE}"
        )),
    }
}

fn unlisted_environment(folder: Unlisted, origin: Origin) -> Draft {
    let name = &folder.name;
    let message = format!(
        "{} in folders named `{name}` belong{} to no environment, because `environments` does not list it",
        wording::count(folder.overlays, "overlay"),
        if folder.overlays == 1 { "s" } else { "" },
    );
    let help = format!(
        "add `{name}` to `environments` at its place in the promotion order, or ignore the folders under `layout`"
    );
    let cause = Cause::new("unlisted-environment").with(name);
    Draft::new(Severity::Warning, origin, cause, message)
        .help(help)
        .related(folder.origin, "this overlay belongs to no environment")
}

/// The pairs that are not compared, or the wrong way round.
fn pairs(context: &Context) -> Vec<Draft> {
    let repo = context.repo;
    let paths: Vec<&str> = repo.overlays.iter().map(|overlay| &*overlay.path).collect();
    let mut drafts = Vec::new();
    for pair in &context.config.pairs {
        let mut overlays = Vec::new();
        for path in [&pair.from, &pair.to] {
            if let Some(overlay) = repo.overlays_at(path).next() {
                overlays.push(overlay);
                continue;
            }
            let cause = Cause::new("unknown-overlay").with(path);
            let message = format!("`{path}` is not an overlay, so this pair is not compared");
            let draft = Draft::new(Severity::Error, pair.origin, cause, message);
            let help = UnknownName::new("overlay", path, &paths).help();
            drafts.push(draft.help(help.unwrap_or_else(|| {
                "write the folder of a kustomization, relative to the root".to_string()
            })));
        }
        let [from, to] = overlays[..] else { continue };
        if let Some((earlier, later)) = repo.environment(to).zip(repo.environment(from))
            && to.environment < from.environment
            && earlier.ordered
            && later.ordered
        {
            let cause = Cause::new("reversed-pair").with(&pair.from).with(&pair.to);
            let message = format!(
                "this pair takes {} for the environment before {}",
                later.name, earlier.name
            );
            let draft = Draft::new(Severity::Error, pair.origin, cause, message);
            drafts.push(draft.help("exchange `from` and `to`"));
        }
    }
    drafts
}

fn layout(context: &Context) -> Vec<Draft> {
    let unmatched = context.repo.unmatched_layout(context.config).into_iter();
    let draft = |entry: &LayoutPattern| {
        let cause = Cause::new("unmatched-layout").with(entry.path.as_str());
        let message = format!("no folder matches `{}`", entry.path.as_str());
        let help = if entry.ignore {
            "correct the path, or remove the entry"
        } else {
            "correct the path: one segment for each folder, and a name or alias of an environment where {environment} stands"
        };
        Draft::new(Severity::Warning, entry.origin, cause, message).help(help)
    };
    unmatched.map(draft).collect()
}

/// The records that say nothing.
fn records(context: &Context) -> Vec<Draft> {
    let repo = context.repo;
    let mut drafts = Vec::new();
    for path in &context.config.records {
        let file = repo.file(path);
        let record = repo.records.iter().find(|record| Some(record.file) == file);
        let (kind, message) = match record {
            Some(record) if !record.statements.is_empty() => continue,
            Some(_) => (
                "empty-record",
                "this record names no version of an app in an environment, so nothing is compared with it",
            ),
            None => (
                "unreadable-record",
                "this record cannot be parsed, so nothing is compared with it",
            ),
        };
        let Some(file) = file else { continue };
        let origin = Origin::start_of(file);
        let draft = Draft::new(
            Severity::Error,
            origin,
            Cause::new(kind).with(path),
            message,
        );
        drafts.push(draft.help(format!(
            "correct the file, or remove it from `records` in {CONFIG_FILE}"
        )));
    }
    drafts
}

/// The additional kinds of `overlay-drift` that no object has.
fn drift_kinds(context: &Context) -> Vec<Draft> {
    let wanted = &context.config.drift_kinds;
    let overlays = &context.repo.overlays;
    if wanted.is_empty() || context.judged().count() < overlays.len() {
        return Vec::new();
    }
    let objects = || {
        overlays
            .iter()
            .flat_map(|one| one.rendered.resources.iter())
    };
    let is_missing = |(kind, _): &&(String, Origin)| !objects().any(|one| one.kind() == kind);
    let missing = wanted.iter().filter(is_missing);
    let draft = |(kind, origin): &(String, Origin)| {
        let kinds: BTreeSet<&str> = objects().map(|one| one.kind()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        let cause = Cause::new("unmatched-kind").with(kind);
        let message = format!("no rendered object has the kind `{kind}`");
        let near = nearest(kind, &kinds);
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it".to_string(),
        };
        Draft::new(Severity::Warning, *origin, cause, message).help(help)
    };
    missing.map(draft).collect()
}

/// The levels of policies that do not exist.
fn policies(context: &Context) -> Vec<Draft> {
    let Some(ids) = &context.policy_ids else {
        return Vec::new();
    };
    let known: Vec<&str> = ids.iter().map(String::as_str).collect();
    named_policies(context.config)
        .filter(|(id, _)| !known.contains(id) && !is_of_cluster(id))
        .map(|(id, origin)| {
            let message = format!("the policy `{id}` does not exist, so its level has no effect");
            let cause = Cause::new("unknown-policy").with(id);
            let help = UnknownName::new("policy", id, &known).help();
            let help = help.unwrap_or_else(|| "remove the entry".to_string());
            Draft::new(Severity::Warning, origin, cause, message).help(help)
        })
        .collect()
}

/// True for a policy of an admission controller. Those that overlays render are not known in advance.
fn is_of_cluster(id: &str) -> bool {
    ["policy/gatekeeper/", "policy/admission/", "policy/kyverno/"]
        .iter()
        .any(|start| id.starts_with(start))
}

fn named_policies(config: &Config) -> impl Iterator<Item = (&str, Origin)> {
    let rules = config.rules.iter();
    rules.filter_map(|(id, settings)| is_policy(id).then_some((id.as_str(), settings.origin?)))
}
