//! # wider-project
//!
//! ## What
//!
//! A change lets the Applications of an AppProject do more: take objects from more repositories, apply
//! them to more clusters or namespaces, or apply more kinds. The same holds if commits need no
//! signature any more, or if a role is new or gets more rights. The rule needs a base revision
//! (`--base`).
//!
//! It is a warning if the new entry holds `*`, or if a restriction is removed; else an info. Projects
//! in the folder of an environment that is not protected are left out.
//!
//! ## Why
//!
//! The project is what keeps an Application from another team out of production. A wider project
//! changes nothing today, and allows everything tomorrow.
//!
//! ## Example
//!
//! ```yaml
//! kind: AppProject
//! spec:
//!   sourceRepos: ['*'] # before: one repository
//! ```
//!
//! ## Fix
//!
//! Name the repository, cluster, namespace or kind that is needed. A finding about a change is gone
//! once the change is merged.

use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::controls::{Control, group_of};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct WiderProject;

static METADATA: Metadata = Metadata {
    id: "wider-project",
    category: Category::Governance,
    level: "warning; info for a single repository, cluster or kind; needs a base revision",
    severity: Severity::Warning,
    summary: "a change that lets the Applications of an AppProject do more",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("wider_project.rs"),
};

/// The lists of a project that allow something, each with its meaning.
const ALLOWED: [(&str, &str); 6] = [
    ("sourceRepos", "takes objects from"),
    ("destinations", "applies objects to"),
    (
        "clusterResourceWhitelist",
        "applies kinds for the whole cluster:",
    ),
    ("namespaceResourceWhitelist", "applies kinds:"),
    ("sourceNamespaces", "has Applications in the namespaces"),
    ("roles", "has the roles"),
];

/// The lists of a project that forbid something.
const FORBIDDEN: [(&str, &str); 4] = [
    ("clusterResourceBlacklist", "kinds for the whole cluster"),
    ("namespaceResourceBlacklist", "kinds"),
    ("signatureKeys", "unsigned commits"),
    ("syncWindows", "changes outside of a window"),
];

impl Rule for WiderProject {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some(base) = context.base else { return };
        for now in projects(context.repo) {
            let name = name_of(now);
            let before = projects(base)
                .find(|before| name_of(before) == name && before.environment == now.environment);
            if let Some(before) = before.filter(|before| !before.node.same_value(&now.node)) {
                compare(context, &name, (&before.node, &now.node), sink);
            }
        }
    }
}

/// The AppProjects, except those of environments that are not protected.
fn projects(repo: &Repo) -> impl Iterator<Item = &Control> {
    repo.controls().iter().filter(move |control| {
        control.node.get("kind").and_then(Node::text) == Some("AppProject")
            && group_of(&control.node) == "argoproj.io"
            && repo.may_be_protected(control.environment)
    })
}

fn name_of(project: &Control) -> String {
    let name = project.node.at(&["metadata", "name"]);
    name.and_then(Node::text).unwrap_or_default().to_string()
}

fn compare(context: &Context, name: &str, (before, now): (&Node, &Node), sink: &mut Sink) {
    let list = |node: &'_ Node, key: &str| -> Vec<Node> {
        let list = node.at(&["spec", key]);
        list.map_or(&[][..], Node::items).to_vec()
    };
    for (key, meaning) in ALLOWED {
        let (old, new) = (list(before, key), list(now, key));
        let added: Vec<&Node> = without(&new, &old);
        let Some(first) = added.first() else { continue };
        let texts: Vec<String> = added.iter().map(|node| text_of(node)).collect();
        let severity = match texts.iter().any(|text| text.contains('*')) {
            true => Severity::Warning,
            false => Severity::Info,
        };
        let message = format!(
            "the project `{name}` now {meaning} {}",
            wording::listed(&texts, 3)
        );
        let cause = Cause::new("allowed").with(name).with(key);
        let draft = Draft::new(severity, first.origin, cause, message)
            .help("name only what is needed, or let a reviewer approve it");
        sink.report(context, None, draft);
    }
    for (key, what) in FORBIDDEN {
        let (old, new) = (list(before, key), list(now, key));
        let gone = without(&old, &new);
        let Some(first) = gone.first() else { continue };
        let message = format!("the project `{name}` no longer forbids {what} (`{key}`)");
        let place = now.at(&["spec", key]).or(now.get("spec")).unwrap_or(now);
        let cause = Cause::new("forbidden").with(name).with(key);
        let draft = Draft::new(Severity::Warning, place.origin, cause, message)
            .help("restore the entry, or let a reviewer approve the change")
            .related(first.origin, "before the change");
        sink.report(context, None, draft);
    }
}

/// The items of one list that the other one lacks.
fn without<'n>(list: &'n [Node], other: &[Node]) -> Vec<&'n Node> {
    let items = list.iter();
    items
        .filter(|item| !other.iter().any(|known| known.same_value(item)))
        .collect()
}

/// An entry in messages: `` `https://git.example.com/a.git` ``, ``server `*`, namespace `shop` ``.
fn text_of(node: &Node) -> String {
    if let Some(text) = node.text() {
        return format!("`{text}`");
    }
    let name = node.get("name").and_then(Node::text);
    if let Some(name) = name.filter(|_| node.get("policies").is_some()) {
        return format!("`{name}`");
    }
    let entries = node.entries().iter();
    let parts: Vec<String> = entries
        .filter_map(|entry| Some(format!("{} `{}`", entry.key, entry.value.text()?)))
        .collect();
    parts.join(", ")
}
