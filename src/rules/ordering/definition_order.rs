//! # definition-order
//!
//! ## What
//!
//! A custom resource is applied together with the Helm release that installs its kind: both are in
//! one Flux Kustomization, or in one Argo CD Application. The rule recognises the release by the
//! name of its chart, such as `cert-manager` for `cert-manager.io`.
//!
//! It reports nothing if the CustomResourceDefinition is in the repository, if another overlay of
//! the environment has a release that installs the kind, or if the release skips its
//! CustomResourceDefinitions. Argo CD accepts objects with the sync option
//! `SkipDryRunOnMissingResource=true`.
//!
//! ## Why
//!
//! On a new cluster, the API server does not know the kind yet. The agent checks all objects before
//! it applies the first one, so it does not apply the release either, and the kind is never
//! installed. A cluster that already runs the release hides the mistake until it is rebuilt.
//!
//! ## Example
//!
//! ```yaml
//! # infrastructure/cert-manager/kustomization.yaml
//! resources:
//!   - release.yaml # HelmRelease of the chart cert-manager
//!   - issuer.yaml # ClusterIssuer
//! ```
//!
//! ## Fix
//!
//! Put the custom resources into a folder with a Flux Kustomization of its own that waits for the
//! release: `dependsOn` there, and `wait: true` in the Kustomization of the release. With Argo CD,
//! use another Application in a later sync wave, or the sync option above.

use std::collections::HashSet;

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema;
use crate::kustomize::Resource;
use crate::repo::{AgentKind, Overlay};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct DefinitionOrder;

static METADATA: Metadata = Metadata {
    id: "definition-order",
    category: Category::Ordering,
    level: "warning",
    severity: Severity::Warning,
    summary: "a custom resource that is applied together with the release that installs its kind",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("definition_order.rs"),
};

/// Charts whose name says nothing about the groups of their kinds.
const GROUPS: [(&str, &str); 22] = [
    ("argo-cd", "argoproj.io"),
    ("argo-events", "argoproj.io"),
    ("argo-rollouts", "argoproj.io"),
    ("argo-workflows", "argoproj.io"),
    ("aws-load-balancer-controller", "elbv2.k8s.aws"),
    ("cert-manager", "acme.cert-manager.io"),
    ("cloudnative-pg", "postgresql.cnpg.io"),
    ("contour", "projectcontour.io"),
    ("eck-operator", "elasticsearch.k8s.elastic.co"),
    ("external-secrets", "generators.external-secrets.io"),
    ("gateway-helm", "gateway.envoyproxy.io"),
    ("grafana-operator", "grafana.integreatly.org"),
    ("karpenter", "karpenter.k8s.aws"),
    ("kube-prometheus-stack", "monitoring.coreos.com"),
    ("metallb", "metallb.io"),
    ("prometheus-operator", "monitoring.coreos.com"),
    ("prometheus-operator-crds", "monitoring.coreos.com"),
    ("rook-ceph", "ceph.rook.io"),
    ("sealed-secrets", "bitnami.com"),
    ("strimzi-kafka-operator", "kafka.strimzi.io"),
    ("traefik", "traefik.containo.us"),
    ("vault-secrets-operator", "secrets.hashicorp.com"),
];

impl Rule for DefinitionOrder {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(agent) = overlay.agent.as_ref() else {
            return;
        };
        let resources = &overlay.rendered.resources;
        let releases: Vec<Release> = resources
            .iter()
            .filter_map(|resource| Release::of(resource, resources))
            .filter(|release| !release.skips_definitions())
            .collect();
        let mut reported = HashSet::new();
        for resource in resources {
            let group = resource.group();
            let Some(release) = releases.iter().find(|release| release.installs(group)) else {
                continue;
            };
            let is_early = !std::ptr::eq(release.resource, resource)
                && !skips_dry_run(resource)
                && context.definitions().of(group, resource.kind()).is_empty()
                && !installed_elsewhere(context, overlay, group);
            // the others have the same cause
            if is_early && reported.insert(release.resource.name()) {
                sink.report(context, Some(overlay), draft(resource, release, agent.kind));
            }
        }
    }
}

/// A Helm release that an agent installs.
struct Release<'a> {
    resource: &'a Resource,
    chart: &'a str,
}

impl<'a> Release<'a> {
    /// The release that an object describes, with the name of its chart.
    fn of(resource: &'a Resource, resources: &'a [Resource]) -> Option<Release<'a>> {
        let text = |path: &[&str]| resource.node.at(path).and_then(Node::text);
        let chart = match (resource.kind(), resource.group()) {
            ("HelmRelease", "helm.toolkit.fluxcd.io") => {
                let chart = text(&["spec", "chart", "spec", "chart"]);
                chart.or_else(|| {
                    let name = text(&["spec", "chartRef", "name"])?;
                    artifact(resources, name).or(Some(name))
                })?
            }
            ("Application", "argoproj.io") => text(&["spec", "source", "chart"])?,
            _ => return None,
        };
        let chart = chart.trim_end_matches('/').rsplit('/').next()?;
        Some(Release { resource, chart })
    }

    /// True if it installs kinds of a group.
    fn installs(&self, group: &str) -> bool {
        if !group.contains('.') {
            return false;
        }
        let listed = GROUPS
            .iter()
            .any(|(chart, of)| *chart == self.chart && *of == group);
        let suffixes = ["-crds", "-crd", "-operator", "-controller", "-stack"];
        let word = suffixes
            .iter()
            .find_map(|suffix| self.chart.strip_suffix(suffix));
        let word = word.unwrap_or(self.chart);
        // `cert-manager` of `cert-manager.io`, `kyverno` of `policies.kyverno.io`
        let named = group.rsplit('.').nth(1) == Some(word);
        listed || (named && !schema::is_kubernetes(group))
    }

    /// True if it leaves CustomResourceDefinitions to something else.
    fn skips_definitions(&self) -> bool {
        let node = &self.resource.node;
        let text = |path: &[&str]| node.at(path).map(Node::raw).unwrap_or_default();
        text(&["spec", "install", "crds"]) == "Skip"
            || text(&["spec", "values", "crds", "enabled"]) == "false"
            || text(&["spec", "values", "installCRDs"]) == "false"
            || text(&["spec", "source", "helm", "skipCrds"]) == "true"
    }
}

/// The URL of the chart that an `OCIRepository` or `HelmChart` of Flux fetches.
fn artifact<'a>(resources: &'a [Resource], name: &str) -> Option<&'a str> {
    let is_source = |resource: &&Resource| {
        resource.group() == "source.toolkit.fluxcd.io" && resource.name() == name
    };
    let mut sources = resources.iter().filter(is_source);
    sources.find_map(|source| {
        let field = |name: &str| source.node.at(&["spec", name]).and_then(Node::text);
        field("url").or_else(|| field("chart"))
    })
}

/// True if Argo CD accepts an object whose kind it does not know yet.
fn skips_dry_run(resource: &Resource) -> bool {
    let path = ["metadata", "annotations", "argocd.argoproj.io/sync-options"];
    let options = resource.node.at(&path).and_then(Node::text);
    options.is_some_and(|options| options.contains("SkipDryRunOnMissingResource=true"))
}

/// True if another overlay has the definition, or one of the environment has a release that installs
/// the kind. A change does not affect these overlays, so they may not be rendered yet.
fn installed_elsewhere(context: &Context, overlay: &Overlay, group: &str) -> bool {
    let overlays = context.repo.overlays.iter();
    let mut others = overlays.filter(|other| other.key() != overlay.key());
    others.any(|other| {
        let resources = &other.rendered.resources;
        let defines = |one: &Resource| {
            one.kind() == "CustomResourceDefinition"
                && one.node.at(&["spec", "group"]).and_then(Node::text) == Some(group)
        };
        let installs = |one: &Resource| {
            let release = Release::of(one, resources);
            release.is_some_and(|release| release.installs(group) && !release.skips_definitions())
        };
        let is_near = other.environment == overlay.environment;
        resources
            .iter()
            .any(|one| defines(one) || (is_near && installs(one)))
    })
}

fn draft(resource: &Resource, release: &Release, agent: AgentKind) -> Draft {
    let (own, other) = (resource.id(), release.resource.id());
    let agent = match agent {
        AgentKind::Flux => "Flux",
        _ => "Argo CD",
    };
    let message = format!(
        "{} `{}` is applied together with {} `{}`, which installs its kind; on a new cluster, {agent} applies neither",
        own.kind, own.name, other.kind, other.name
    );
    let cause = Cause::new("definition-order")
        .with(own.group())
        .with(&other.name);
    Draft::new(Severity::Warning, resource.node.origin, cause, message)
        .help("put the custom resources into a Kustomization or Application of their own that waits for the release")
        .on(resource, "")
        .related(release.resource.node.origin, "the release")
}
