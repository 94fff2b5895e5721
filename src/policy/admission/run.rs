//! Judges the objects of overlays by the policies of the clusters that they are deployed to.
//!
//! A policy that an overlay renders judges the objects of that environment and, if the overlay is of
//! one region or tenant, of that one only. Policies that the configuration or the command line names
//! judge all objects.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::Value as Json;

use super::cluster::Cluster;
use super::document::{Document, is_policy_text};
use super::request::{Gap, Object, Refusal, Request};
use crate::compare;
use crate::compare::secrets;
use crate::finding::{Cause, Finding, Severity};
use crate::kustomize::Resource;
use crate::policy::place::place_in;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{Node, write};

/// Environment, variant and cluster: overlays with equal ones go to the same place.
type Key<'r> = (Option<usize>, Option<&'r str>, Option<&'r str>);

fn key(overlay: &Overlay) -> Key<'_> {
    let (variant, cluster) = (overlay.variant.as_deref(), overlay.cluster.as_deref());
    (overlay.environment, variant, cluster)
}

/// Judges all overlays that are judged. `given` are the policies that the configuration or the
/// command line names, `now` is the time in nanoseconds since 1970.
pub(in crate::policy) fn run(given: &[Document], now: i128, context: &Context) -> Vec<Finding> {
    let repo = context.repo;
    let renders = repo.has_yaml_that(is_policy_text);
    if given.is_empty() && !renders {
        return Vec::new();
    }
    let rendered = if renders { documents(repo) } else { Vec::new() };
    if given.is_empty() && rendered.is_empty() {
        return Vec::new();
    }
    let run = Run {
        given,
        rendered,
        now,
        context,
        is_without_environments: repo.overlays.iter().all(|one| one.environment.is_none()),
    };
    run.all()
}

/// The policies that overlays render, each with the index of the overlay.
fn documents(repo: &Repo) -> Vec<(usize, Document)> {
    let overlays = repo.overlays.par_iter().enumerate();
    let found: Vec<Vec<(usize, Document)>> = overlays
        .map(|(index, overlay)| {
            let resources = overlay.rendered.resources.iter();
            let documents = resources.filter_map(|resource| Document::of(&resource.node));
            documents.map(|document| (index, document)).collect()
        })
        .collect();
    found.into_iter().flatten().collect()
}

struct Run<'r, 'c> {
    given: &'r [Document],
    rendered: Vec<(usize, Document)>,
    now: i128,
    context: &'r Context<'c>,
    /// True if the repo describes a single cluster, as far as it tells.
    is_without_environments: bool,
}

impl Run<'_, '_> {
    fn all(&self) -> Vec<Finding> {
        let mut by_key: BTreeMap<Key<'_>, Vec<&Overlay>> = BTreeMap::new();
        for overlay in self.context.judged() {
            by_key.entry(key(overlay)).or_default().push(overlay);
        }
        let mut findings = Vec::new();
        let mut gaps = self.unplaced();
        for (key, overlays) in by_key {
            let documents = self.documents_for(key);
            if documents.is_empty() {
                continue;
            }
            let cluster = Cluster::new(&documents, self.now, self.objects_for(key, &documents));
            gaps.extend(cluster.gaps.iter().cloned());
            if cluster.is_empty() {
                continue;
            }
            let each = overlays
                .par_iter()
                .map(|overlay| self.overlay(&cluster, overlay));
            for (found, unknown) in each.collect::<Vec<_>>() {
                findings.extend(found);
                gaps.extend(unknown);
            }
        }
        let mut told = BTreeSet::new();
        gaps.retain(|gap| told.insert((gap.origin.file, gap.origin.start, gap.message.clone())));
        findings.extend(gaps.iter().flat_map(|gap| self.gap(gap)));
        findings
    }

    /// Policies in overlays that belong to no environment, so that nothing tells where they count.
    fn unplaced(&self) -> Vec<Gap> {
        let overlays = &self.context.repo.overlays;
        let unplaced = self.rendered.iter().filter(|(index, _)| {
            let overlay = overlays.get(*index);
            !self.is_without_environments
                && overlay.is_some_and(|overlay| overlay.environment.is_none())
        });
        let gap = |(_, document): &(usize, Document)| {
            let what = document.describe();
            let message = format!(
                "{what} is not evaluated: its overlay belongs to no environment; name its file under `policies`"
            );
            Gap::unsupported(document.origin, message)
        };
        unplaced.map(gap).collect()
    }

    /// True if the policies of an overlay judge what goes to a place.
    fn governs(&self, overlay: &Overlay, (environment, variant, cluster): Key<'_>) -> bool {
        let of_one = |own: Option<&str>, other: Option<&str>| own.is_none() || own == other;
        let is_placed = environment.is_some() || self.is_without_environments;
        let (own, other) = (overlay.cluster.as_deref(), cluster);
        overlay.environment == environment
            && is_placed
            && of_one(overlay.variant.as_deref(), variant)
            && (own.is_none() || other.is_none() || own == other)
    }

    fn documents_for(&self, key: Key<'_>) -> Vec<&Document> {
        let overlays = &self.context.repo.overlays;
        let rendered = self.rendered.iter().filter(|(index, _)| {
            let overlay = overlays.get(*index);
            overlay.is_some_and(|overlay| self.governs(overlay, key))
        });
        let rendered = rendered.map(|(_, document)| document);
        self.given.iter().chain(rendered).collect()
    }

    /// The objects that go to a place, of the kinds that policies look up.
    fn objects_for(&self, key: Key<'_>, documents: &[&Document]) -> Vec<Object> {
        let repo = self.context.repo;
        let kinds = Kinds::of(documents);
        let overlays = repo.overlays.iter();
        let near = overlays.filter(|overlay| self.governs(overlay, key));
        let objects = near.flat_map(|overlay| {
            let resources = overlay.rendered.resources.iter();
            let wanted = resources.filter(|resource| kinds.has(resource.kind()));
            wanted.map(|resource| Object {
                namespace: namespace_of(repo, overlay, resource),
                json: masked(resource),
            })
        });
        objects.collect()
    }

    fn overlay(&self, cluster: &Cluster, overlay: &Overlay) -> (Vec<Finding>, Vec<Gap>) {
        let environments = &self.context.repo.environments;
        let before = self.context.at_base(overlay);
        let partners = before.map_or(Vec::new(), |before| {
            compare::partners(before, overlay, environments)
        });
        let address = |resource: &Resource| std::ptr::from_ref(resource).addr();
        let before: BTreeMap<usize, &Resource> = partners
            .iter()
            .map(|(before, own)| (address(own), *before))
            .collect();
        let mut findings = Vec::new();
        let mut gaps = Vec::new();
        for resource in &overlay.rendered.resources {
            let old = before.get(&address(resource));
            let (found, unknown) = self.resource(cluster, overlay, resource, old.copied());
            findings.extend(found);
            gaps.extend(unknown);
        }
        (findings, gaps)
    }

    fn resource(
        &self,
        cluster: &Cluster,
        overlay: &Overlay,
        resource: &Resource,
        old: Option<&Resource>,
    ) -> (Vec<Finding>, Vec<Gap>) {
        let object = masked(resource);
        let old = old.map(masked);
        let namespace = namespace_of(self.context.repo, overlay, resource);
        let request = Request {
            object: &object,
            old: old.as_ref(),
            operation: if old.is_some() { "UPDATE" } else { "CREATE" },
            namespace: namespace.as_deref(),
            namespace_object: namespace
                .as_deref()
                .and_then(|name| cluster.namespace(name)),
            is_cluster_scoped: resource.id().is_cluster_scoped(),
            stated: None,
            values: None,
        };
        let (refusals, gaps) = cluster.judge(request);
        let refusals = refusals.iter();
        let findings = refusals.flat_map(|refusal| self.refusal(overlay, resource, refusal));
        (findings.collect(), gaps)
    }

    /// The finding that the cluster would refuse an object.
    fn refusal(&self, overlay: &Overlay, resource: &Resource, refusal: &Refusal) -> Vec<Finding> {
        let message = refusal.message.trim();
        let (origin, pointer) = place_in(&resource.node, refusal.path.as_deref(), message);
        let severity = if self.is_without_environments {
            refusal.severity.min(Severity::Warning)
        } else {
            refusal.severity
        };
        let cause = Cause::new("refused").with(&refusal.name).with(message);
        let draft = Draft::new(severity, origin, cause, message)
            .on(resource, pointer)
            .help(format!(
                "{} does not admit the object as it is",
                refusal.name
            ))
            .related(refusal.policy, "the policy");
        let mut sink = Sink::new(refusal.id.clone());
        sink.report(self.context, Some(overlay), draft);
        sink.findings
    }

    /// The finding that a policy is not evaluated.
    fn gap(&self, gap: &Gap) -> Vec<Finding> {
        let Some(rule) = self.context.rules().for_failing_policies() else {
            return Vec::new();
        };
        let cause = Cause::new("unevaluated").with(&gap.message);
        let mut draft = Draft::new(gap.severity, gap.origin, cause, &*gap.message);
        if gap.severity == Severity::Error {
            draft = draft.help("fix the policy; it checks nothing until then");
        } else {
            draft = draft
                .notice()
                .help("the cluster evaluates it, this check does not");
        }
        let mut sink = Sink::new(rule.metadata().id);
        sink.report(self.context, None, draft);
        sink.findings
    }
}

/// The kinds of the objects that policies look up besides the one that they judge.
enum Kinds<'d> {
    /// A template reads the inventory.
    All,
    /// Namespaces, ConfigMaps and parameters.
    Some(BTreeSet<&'d str>),
}

impl<'d> Kinds<'d> {
    fn of(documents: &[&'d Document]) -> Kinds<'d> {
        if documents
            .iter()
            .any(|document| document.may_read_inventory())
        {
            return Kinds::All;
        }
        let parameters = documents
            .iter()
            .filter_map(|one| one.text("/spec/paramKind/kind"));
        Kinds::Some(parameters.chain(["Namespace", "ConfigMap"]).collect())
    }

    fn has(&self, kind: &str) -> bool {
        match self {
            Kinds::All => true,
            Kinds::Some(kinds) => kinds.contains(kind),
        }
    }
}

/// An object without the values of Secrets.
fn masked(resource: &Resource) -> Json {
    write::to_json(&secrets::digested(resource))
}

/// The namespace of an object: its own, or the one that Argo CD gives to objects without one.
fn namespace_of(repo: &Repo, overlay: &Overlay, resource: &Resource) -> Option<String> {
    if resource.id().is_cluster_scoped() {
        return None;
    }
    let destination = || {
        let pointer = repo.pointers().get(overlay.applied?)?;
        let namespace = pointer.object.at(&["spec", "destination", "namespace"])?;
        namespace.text()
    };
    let own = resource
        .node
        .at(&["metadata", "namespace"])
        .and_then(Node::text);
    let found = own.or_else(destination);
    found.filter(|name| !name.is_empty()).map(str::to_string)
}
