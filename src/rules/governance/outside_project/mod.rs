//! # outside-project
//!
//! ## What
//!
//! The AppProject of an Argo CD Application does not allow what the Application does:
//!
//! - It reads a repository that `sourceRepos` does not list.
//! - It applies objects to a cluster or namespace that `destinations` does not list, or that an entry
//!   with `!` forbids.
//! - It applies a kind that `clusterResourceWhitelist` or `namespaceResourceWhitelist` does not list, or
//!   that a blacklist forbids.
//!
//! Only projects whose AppProject is in the repository count, also `default`. If several AppProjects
//! have the name, as in a folder for each cluster, the one of the same environment counts, or else all of
//! them must forbid it. A project with labels of its own is left out, because `globalProjects` in the
//! settings of Argo CD can select it and add what another project allows.
//!
//! Clusters are compared by name and address, as far as the repository or `clusters` in the
//! configuration tells both.
//!
//! ## Why
//!
//! Argo CD refuses to sync such an Application, or the object. The pull request is merged, and the
//! cluster keeps its old state.
//!
//! ## Example
//!
//! ```yaml
//! kind: AppProject
//! metadata: {name: shop}
//! spec:
//!   destinations:
//!     - {server: https://kubernetes.default.svc, namespace: shop}
//! ---
//! kind: Application
//! spec:
//!   project: shop
//!   destination: {server: https://kubernetes.default.svc, namespace: payments}
//! ```
//!
//! ## Fix
//!
//! Add what is needed to the AppProject, or move the Application to a project that allows it.

mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Cluster;
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::agents::OWN_CLUSTER;
use crate::repo::controls::group_of;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::rules::engine::context::object_key;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};
use limits::{Destination, Limits, Scope};

/// See the documentation above.
pub(super) struct OutsideProject;

static METADATA: Metadata = Metadata {
    id: "outside-project",
    category: Category::Governance,
    level: "error",
    severity: Severity::Error,
    summary: "an Argo CD Application that does what its AppProject does not allow",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

impl Rule for OutsideProject {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let projects = projects(context.repo);
        if projects.is_empty() {
            return;
        }
        let clusters = context.repo.clusters();
        let scopes = scopes(context);
        let mut seen: BTreeSet<(Place, Option<usize>)> = BTreeSet::new();
        for (application, overlay, environment) in applications(context) {
            let limits = of(&projects, application, environment);
            if limits.is_empty() {
                continue;
            }
            let judged = Judged {
                context,
                application,
                limits: &limits,
                clusters,
                scopes: &scopes,
            };
            let place = (application.origin.file.0, application.origin.start);
            if seen.insert((place, environment)) {
                judged.sources(overlay, sink);
                judged.destination(overlay, sink);
            }
            if let Some(overlay) = overlay {
                judged.objects(overlay, sink);
            }
        }
    }
}

/// File and first byte.
type Place = (u32, u32);

/// An AppProject with the environment of its file.
struct Project {
    node: Node,
    environment: Option<usize>,
}

/// The AppProjects, by name: those that overlays render, and those in files that nothing renders.
/// Only the overlays that may read one are rendered.
fn projects(repo: &Repo) -> BTreeMap<String, Vec<Project>> {
    let is_project = |node: &Node| node.get("kind").and_then(Node::text) == Some("AppProject");
    let controls = repo.controls().iter();
    let files: BTreeSet<Arc<str>> = controls
        .filter(|control| is_project(&control.node))
        .map(|control| repo.files.get(control.file).path.clone())
        .collect();
    if files.is_empty() {
        return BTreeMap::new();
    }
    let mut found: BTreeMap<String, Vec<Project>> = BTreeMap::new();
    let mut add = |node: &Node, environment| {
        let name = node.at(&["metadata", "name"]).and_then(Node::text);
        let is_one = group_of(node) == "argoproj.io" && is_project(node);
        if let Some(name) = name.filter(|_| is_one && !may_inherit(node)) {
            let node = node.clone();
            let projects = found.entry(name.to_string()).or_default();
            projects.push(Project { node, environment });
        }
    };
    let mut rendered = BTreeSet::new();
    for overlay in repo.readers_of(&files) {
        rendered.extend(overlay.rendered.files.iter().copied());
        for resource in &overlay.rendered.resources {
            add(&resource.node, overlay.environment);
        }
    }
    let controls = repo.controls().iter();
    for control in controls.filter(|one| !rendered.contains(&one.file)) {
        add(&control.node, control.environment);
    }
    found
}

/// True if `globalProjects` in the settings of Argo CD, which may be elsewhere, can select a project by
/// its labels. It then has the limits of another project as well.
fn may_inherit(project: &Node) -> bool {
    const OF_TOOLS: [&str; 4] = [
        "app.kubernetes.io/",
        "argocd.argoproj.io/",
        "helm.sh/",
        "kustomize.toolkit.fluxcd.io/",
    ];
    let labels = project.at(&["metadata", "labels"]);
    let mut labels = labels.map_or(&[][..], Node::entries).iter();
    labels.any(|entry| !OF_TOOLS.iter().any(|start| entry.key.starts_with(start)))
}

/// The AppProjects that an Application may belong to. Empty if none is known.
fn of<'p>(
    projects: &'p BTreeMap<String, Vec<Project>>,
    application: &Node,
    environment: Option<usize>,
) -> Vec<Limits<'p>> {
    let name = application.at(&["spec", "project"]).and_then(Node::text);
    let name = name.filter(|name| !name.is_empty()).unwrap_or("default");
    let all = projects.get(name).map_or(&[][..], Vec::as_slice);
    let near = |one: &&Project| one.environment == environment;
    let own: Vec<&Project> = match all.iter().any(|one| near(&one)) {
        true => all.iter().filter(near).collect(),
        false => all.iter().collect(),
    };
    let limits = own.into_iter().map(|one| Limits { node: &one.node });
    limits.collect()
}

/// The judged Applications with their overlays and environments, as far as they are followed.
fn applications<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a Node, Option<&'a Overlay>, Option<usize>)> {
    let repo = context.repo;
    let followed = context.judged().filter_map(|overlay| {
        let pointer = repo.pointer(overlay)?;
        let is_one = pointer.agent.kind == AgentKind::ArgoCd && !pointer.assumed;
        is_one.then_some((&pointer.object, Some(overlay), overlay.environment))
    });
    let pointers = repo.pointers().iter();
    let origins: BTreeSet<Place> = pointers
        .map(|one| (one.object.origin.file.0, one.object.origin.start))
        .collect();
    // those that apply other repositories
    let others = repo.controls().iter().filter(move |control| {
        let origin = control.node.origin;
        control.node.get("kind").and_then(Node::text) == Some("Application")
            && group_of(&control.node) == "argoproj.io"
            && !origins.contains(&(origin.file.0, origin.start))
            && !repo.is_patch(control)
    });
    followed.chain(others.map(|control| (&control.node, None, control.environment)))
}

/// The scope of each kind of the judged objects that a CustomResourceDefinition in the repo defines.
fn scopes(context: &Context) -> BTreeMap<(String, String), Scope> {
    let mut found = BTreeMap::new();
    let resources: Vec<&Resource> = context
        .judged()
        .flat_map(|one| &one.rendered.resources)
        .collect();
    let groups: BTreeSet<&str> = resources
        .iter()
        .map(|resource| resource.group())
        .filter(|group| group.contains('.') && !group.ends_with(".k8s.io"))
        .collect();
    let in_files = context.repo.definitions(&groups);
    let is_definition = |one: &&&Resource| one.kind() == "CustomResourceDefinition";
    let rendered = resources.iter().filter(is_definition).map(|one| &one.node);
    for node in in_files.iter().chain(rendered) {
        let text = |path: &[&str]| node.at(path).and_then(Node::text);
        let group = text(&["spec", "group"]).unwrap_or_default().to_string();
        let kind = text(&["spec", "names", "kind"])
            .unwrap_or_default()
            .to_string();
        let scope = match text(&["spec", "scope"]) {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespace,
            _ => continue,
        };
        found.insert((group, kind), scope);
    }
    found
}

/// An Application and all that it is judged by.
struct Judged<'c, 'r> {
    context: &'c Context<'r>,
    application: &'c Node,
    limits: &'c [Limits<'c>],
    clusters: &'c [Cluster],
    scopes: &'c BTreeMap<(String, String), Scope>,
}

/// A value that is a template, or that a variable fills in.
fn is_known(text: &str) -> bool {
    !text.contains("{{") && !text.contains("${")
}

impl<'c> Judged<'c, '_> {
    fn text(&self, path: &[&str]) -> Option<&'c str> {
        self.application.at(path).and_then(Node::text)
    }

    fn project(&self) -> &'c str {
        self.text(&["spec", "project"]).unwrap_or("default")
    }

    fn name(&self) -> &'c str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    /// The server, name and namespace of the destination; `None` if they are not known.
    fn place(&self) -> Option<Destination<'c>> {
        let part = |key: &str| {
            let text = self.text(&["spec", "destination", key]);
            text.filter(|text| !text.is_empty())
        };
        let (mut server, mut name) = (part("server"), part("name"));
        let namespace = part("namespace").unwrap_or_default();
        if server == Some(OWN_CLUSTER.0) || name == Some(OWN_CLUSTER.1) {
            (server, name) = (Some(OWN_CLUSTER.0), Some(OWN_CLUSTER.1));
        }
        let known = self.clusters.iter().filter(|one| !one.server.is_empty());
        for cluster in known {
            if server.is_none() && name == Some(cluster.name.as_str()) {
                server = Some(&cluster.server);
            } else if name.is_none() && server == Some(cluster.server.as_str()) {
                name = Some(&cluster.name);
            }
        }
        let is_set = server.is_some() || name.is_some();
        let mut texts = server.into_iter().chain(name).chain([namespace]);
        (is_set && texts.all(is_known)).then_some(Destination {
            server,
            name,
            namespace,
        })
    }

    fn sources(&self, overlay: Option<&Overlay>, sink: &mut Sink) {
        let spec = self.application.get("spec");
        let several = spec.and_then(|spec| spec.get("sources"));
        let several = several.map_or(&[][..], Node::items).iter();
        let one = spec.and_then(|spec| spec.get("source"));
        let dry = self
            .application
            .at(&["spec", "sourceHydrator", "drySource"]);
        for source in several.chain(one).chain(dry) {
            let Some(url) = source.get("repoURL") else {
                continue;
            };
            let text = url.text().unwrap_or_default();
            let refuses = |limits: &Limits| !limits.allows_source(text);
            if text.is_empty() || !is_known(text) || !self.limits.iter().all(refuses) {
                continue;
            }
            let message = format!(
                "Application `{}` reads `{text}`, which its project `{}` does not allow (`sourceRepos`)",
                self.name(),
                self.project()
            );
            let cause = Cause::new("source").with(self.project()).with(text);
            self.report(overlay, (url.origin, cause, message), "sourceRepos", sink);
        }
    }

    fn destination(&self, overlay: Option<&Overlay>, sink: &mut Sink) {
        let Some(place) = self.place() else { return };
        let refuses = |limits: &Limits| !limits.allows_destination(place);
        if !self.limits.iter().all(refuses) {
            return;
        }
        let node = self.application.at(&["spec", "destination"]);
        let part = node.and_then(|node| node.get("namespace")).or(node);
        let Some(node) = part else { return };
        let cluster = place.name.or(place.server).unwrap_or_default();
        let message = format!(
            "Application `{}` applies to namespace `{}` of cluster `{cluster}`, which its project `{}` does not allow (`destinations`)",
            self.name(),
            place.namespace,
            self.project()
        );
        let cause = Cause::new("destination")
            .with(self.project())
            .with(cluster)
            .with(place.namespace);
        self.report(overlay, (node.origin, cause, message), "destinations", sink);
    }

    /// The objects that the Application applies: each kind and namespace once.
    fn objects(&self, overlay: &Overlay, sink: &mut Sink) {
        let mut kinds = BTreeSet::new();
        let mut namespaces = BTreeSet::new();
        let place = self.place();
        for resource in &overlay.rendered.resources {
            let (group, kind, name, _) = object_key(resource);
            let scope = self.scope(resource, (group, kind));
            let refuses = |limits: &Limits| !limits.allows_kind((group, kind), name, scope);
            if self.limits.iter().all(refuses) && kinds.insert((group, kind)) {
                let first = self.limits.first();
                let list = first.map_or("spec", |one| one.refusing((group, kind), name, scope));
                let message = format!(
                    "Application `{}` applies {kind} `{name}`, a kind that its project `{}` does not allow",
                    self.name(),
                    self.project()
                );
                let cause = Cause::new("kind")
                    .with(self.project())
                    .with(group)
                    .with(kind);
                let origin = resource.node.origin;
                self.report(Some(overlay), (origin, cause, message), list, sink);
            }
            let written = resource.node.at(&["metadata", "namespace"]);
            let namespace = written.and_then(Node::text).filter(|text| !text.is_empty());
            let elsewhere = namespace.filter(|namespace| {
                scope == Scope::Namespace && is_known(namespace) && namespaces.insert(*namespace)
            });
            if let (Some(namespace), Some(place), Some(node)) = (elsewhere, place, written)
                && namespace != place.namespace
            {
                let wanted = Destination { namespace, ..place };
                let refuses = |limits: &Limits| !limits.allows_destination(wanted);
                if self.limits.iter().all(refuses) {
                    let message = format!(
                        "Application `{}` applies {kind} `{name}` to namespace `{namespace}`, which its project `{}` does not allow (`destinations`)",
                        self.name(),
                        self.project()
                    );
                    let cause = Cause::new("namespace").with(self.project()).with(namespace);
                    let found = (node.origin, cause, message);
                    self.report(Some(overlay), found, "destinations", sink);
                }
            }
        }
    }

    fn scope(&self, resource: &Resource, (group, kind): (&str, &str)) -> Scope {
        let defined = self.scopes.get(&(group.to_string(), kind.to_string()));
        let is_built_in = !group.contains('.') || group.ends_with(".k8s.io");
        if resource.id().is_cluster_scoped() {
            Scope::Cluster
        } else if let Some(scope) = defined {
            *scope
        } else if is_built_in || resource.namespace().is_some_and(|own| !own.is_empty()) {
            Scope::Namespace
        } else {
            Scope::Unknown
        }
    }

    fn report(
        &self,
        overlay: Option<&Overlay>,
        (origin, cause, message): (Origin, Cause, String),
        list: &str,
        sink: &mut Sink,
    ) {
        let mut draft = Draft::new(Severity::Error, origin, cause, message).help(format!(
            "change `{list}` of the AppProject, or use a project that allows it"
        ));
        if let Some(limits) = self.limits.first() {
            let name = limits.node.at(&["metadata", "name"]).unwrap_or(limits.node);
            let place = limits.list(list).unwrap_or(name);
            draft = draft.related(place.origin, "this is what the project allows");
        }
        sink.report(self.context, overlay, draft);
    }
}
