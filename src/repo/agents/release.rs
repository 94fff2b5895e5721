//! Flux HelmReleases (`helm-controller` 1.x). If the chart is in this repository, the objects that
//! it makes become objects of the overlay that holds the release. If it is elsewhere, the overlay
//! gets the values of the release.
//!
//! Here: what a HelmRelease asks for, and where its values come from. Not here: rendering a chart
//! (`helm`).

use std::collections::HashSet;
use std::sync::Arc;

use super::flux::{self, Sources};
use super::repository::Identity;
use crate::helm::values::set::{self, Mode};
use crate::helm::values::{merge, read};
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::{
    Capabilities, ChartRenderer, Kustomization, Problem, ProblemKind, Release, Rendered, Renderer,
    Resource, Unrendered,
};
use crate::source::{SourceError, join};
use crate::yaml::scalar::base64;
use crate::yaml::{By, FileId, Node, Origin};

/// The longest name of a release.
const LONGEST_NAME: usize = 53;

/// The known facts of the sources of charts.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// Which GitRepositories there are.
    pub(super) sources: Sources,
    /// Which of them are this repository.
    pub(super) identity: Identity,
    /// File and first byte of the Applications whose charts have an overlay of their own.
    pub(super) applications: HashSet<(FileId, u32)>,
}

/// True if a source is this repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    Certain,
    Likely,
}

impl Origins {
    fn of(&self, name: &str) -> Option<Ownership> {
        let urls = self.sources.named(name);
        if name == flux::OWN || urls.iter().any(|url| self.identity.is_certain(url)) {
            return Some(Ownership::Certain);
        }
        let own = urls.is_empty() || urls.iter().any(|url| self.identity.is_own(url));
        own.then_some(Ownership::Likely)
    }
}

/// Adds the objects of releases in a cluster to a rendering.
pub(super) fn expand(
    rendered: Arc<Rendered>,
    folder: &str,
    origins: &Origins,
    renderer: &Renderer,
    cluster: &Capabilities,
) -> Arc<Rendered> {
    let has_overlay = |resource: &Resource| {
        let Origin { file, start, .. } = resource.node.origin;
        resource.kind() == "Application" && origins.applications.contains(&(file, start))
    };
    let rendered = match rendered.resources.iter().any(has_overlay) {
        true => {
            let mut rendered = Arc::unwrap_or_clone(rendered);
            let applications = rendered.resources.iter_mut().filter(|one| has_overlay(one));
            applications.for_each(|one| one.expanded = true);
            Arc::new(rendered)
        }
        false => rendered,
    };
    let releases = rendered.resources.iter().enumerate();
    let releases: Vec<usize> = releases
        .filter(|(_, resource)| is_release(resource))
        .map(|(index, _)| index)
        .collect();
    let Some(charts) = renderer.charts().filter(|_| !releases.is_empty()) else {
        return rendered;
    };
    let mut result = Rendered::clone(&rendered);
    for index in releases {
        let Some(resource) = rendered.resources.get(index) else {
            continue;
        };
        let expansion = Expansion {
            node: &resource.node,
            overlay: &rendered,
            folder,
            renderer,
            charts,
            cluster,
        };
        let Some(made) = expansion.run(origins) else {
            let release = expansion.unrendered(resource);
            result.files.extend(release.files());
            result.releases.push(release);
            continue;
        };
        if let Some(release) = result.resources.get_mut(index) {
            release.expanded = !made.resources.is_empty();
        }
        result.resources.extend(made.resources);
        result.releases.extend(made.releases);
        result.problems.extend(made.problems);
        result.files.extend(made.files);
    }
    result.complete &= !result.problems.iter().any(|problem| problem.kind.refused());
    Arc::new(result)
}

fn is_release(resource: &Resource) -> bool {
    resource.group() == flux::RELEASES && resource.kind() == "HelmRelease"
}

/// One release on its way to objects.
struct Expansion<'e> {
    node: &'e Node,
    overlay: &'e Rendered,
    folder: &'e str,
    renderer: &'e Renderer,
    charts: &'e dyn ChartRenderer,
    cluster: &'e Capabilities,
}

impl Expansion<'_> {
    fn text(&self, path: &[&str]) -> Option<&str> {
        self.node
            .at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    }

    /// The objects of the release; `None` if its chart is not in this repository.
    fn run(&self, origins: &Origins) -> Option<Rendered> {
        let Some(spec) = self.chart_spec() else {
            return self.run_artifact();
        };
        let text = |path: &[&str]| spec.at(path).and_then(Node::text);
        if text(&["sourceRef", "kind"]) != Some("GitRepository") {
            return self.run_copy(spec);
        }
        let ownership = origins.of(text(&["sourceRef", "name"])?)?;
        let chart = spec.get("chart")?;
        let path = join("", chart.text()?.trim_start_matches('/'))?;
        if !self.charts.is_chart(&path) {
            let message = format!("there is no chart at {path:?} in this repository");
            let problem = Problem::error(chart.origin, message)
                .with_help("correct the path, which starts at the root of the repository");
            return (ownership == Ownership::Certain).then(|| Rendered {
                problems: vec![problem],
                ..Rendered::default()
            });
        }
        Some(self.made(spec, (&path, ""), chart.origin))
    }

    /// The objects of a release whose chart comes from a registry, if the repository has a copy.
    fn run_copy(&self, spec: &Node) -> Option<Rendered> {
        let chart = spec.get("chart")?;
        let version = spec.get("version").and_then(Node::text);
        let path = self
            .charts
            .copy_of(chart.text()?, version.unwrap_or_default())?;
        Some(self.made(spec, (&path, &path), chart.origin))
    }

    /// The same for a chart in an OCI repository, whose URL ends in the name of the chart.
    fn run_artifact(&self) -> Option<Rendered> {
        let reference = self.node.at(&["spec", "chartRef"])?;
        let object = self.referenced(reference, "OCIRepository")?;
        let url = object.node.at(&["spec", "url"])?;
        let name = url.text()?.trim_end_matches('/').rsplit('/').next()?;
        let versions = object.node.at(&["spec", "ref"]);
        let version = ["semver", "tag"]
            .iter()
            .find_map(|key| versions?.get(key)?.text());
        let path = self.charts.copy_of(name, version.unwrap_or_default())?;
        Some(self.made(&object.node, (&path, &path), url.origin))
    }

    /// The objects of a release of the chart at a path. Its values files are below `root`.
    fn made(&self, spec: &Node, (path, root): (&str, &str), at: Origin) -> Rendered {
        let mut problems = Vec::new();
        let release = self.release(spec, (root, at), &mut problems);
        let mut made = self.charts.render(path, &release);
        made.files.extend(release.files());
        made.problems.extend(problems);
        self.post_render(&mut made);
        let namespace = self.node.at(&["spec", "targetNamespace"]);
        let namespace = namespace.or_else(|| self.node.at(&["metadata", "namespace"]));
        if let Some(namespace) = namespace {
            for resource in &mut made.resources {
                fill_namespace(resource, namespace);
            }
        }
        made
    }

    /// The known facts of a release whose chart is not here.
    fn unrendered(&self, resource: &Resource) -> Unrendered {
        let mut values = Node::map(Vec::new(), self.node.origin.with(By::Values));
        let mut unknown = Vec::new();
        let entries = self.node.at(&["spec", "valuesFrom"]);
        for entry in entries.map_or(&[][..], Node::items) {
            self.values_from(entry, &mut values, &mut unknown);
        }
        match self.node.at(&["spec", "values"]) {
            // what patches removed from the values is kept with them
            Some(inline) if values.entries().is_empty() => values = inline.clone(),
            Some(inline) => merge::merge_maps(&mut values, inline),
            None => {}
        }
        let spec = self.chart_spec();
        Unrendered {
            chart: spec.and_then(|spec| spec.get("chart")).cloned(),
            version: spec.and_then(|spec| spec.get("version")).cloned(),
            complete: unknown.is_empty(),
            names: self.renderer.options().remotes.value_names.clone(),
            is_object: true,
            namespace: ["targetNamespace", "namespace"]
                .iter()
                .zip(["spec", "metadata"])
                .find_map(|(key, map)| self.node.at(&[map, key]).cloned()),
            ..Unrendered::new(resource.clone(), values, "/spec/values")
        }
    }

    /// The description of the chart: in the release, or in a HelmChart that it names.
    fn chart_spec(&self) -> Option<&Node> {
        if let Some(spec) = self.node.at(&["spec", "chart", "spec"]) {
            return Some(spec);
        }
        let reference = self.node.at(&["spec", "chartRef"])?;
        self.referenced(reference, "HelmChart")?.node.get("spec")
    }

    /// The object of the overlay that a reference names, if it is of a kind.
    fn referenced(&self, reference: &Node, kind: &str) -> Option<&Resource> {
        let text = |key: &str| reference.get(key).and_then(Node::text);
        let mut objects = self.overlay.resources.iter();
        objects.find(|other| {
            text("kind") == Some(kind) && other.kind() == kind && Some(other.name()) == text("name")
        })
    }

    fn release(
        &self,
        spec: &Node,
        (root, origin): (&str, Origin),
        problems: &mut Vec<Problem>,
    ) -> Release {
        let name = self.text(&["metadata", "name"]).unwrap_or_default();
        let own = self.text(&["metadata", "namespace"]);
        let target = self.text(&["spec", "targetNamespace"]);
        let name = match (self.text(&["spec", "releaseName"]), target) {
            (Some(name), _) => name.to_string(),
            (None, Some(target)) => format!("{target}-{name}"),
            (None, None) => name.to_string(),
        };
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let namespace = target.or(own).unwrap_or("default");
        let mut release = Release::new(name, namespace, origin);
        release.includes_crds = self.text(&["spec", "install", "crds"]) != Some("Skip");
        release.skips_tests = true;
        let flag = |key: &str| {
            self.node
                .at(&["spec", "install", key])
                .and_then(Node::as_bool)
        };
        release.skips_hooks = flag("disableHooks") == Some(true);
        release.skips_schema = flag("disableSchemaValidation") == Some(true);
        release.kubernetes = self.cluster.kubernetes.clone();
        release.api_versions = self.cluster.api_versions.clone();
        release.defaults = self.defaults(spec, (root, origin), problems);
        for entry in self
            .node
            .at(&["spec", "valuesFrom"])
            .map_or(&[][..], Node::items)
        {
            let is_known = self.values_from(entry, &mut release.values, problems);
            release.is_partial |= !is_known;
        }
        if let Some(values) = self.node.at(&["spec", "values"]) {
            merge::merge_maps(&mut release.values, &values.attributed_to(By::Values));
        }
        release
    }

    /// The values files that stand for the one of the chart.
    fn defaults(
        &self,
        spec: &Node,
        (root, at): (&str, Origin),
        problems: &mut Vec<Problem>,
    ) -> Option<Node> {
        let items = spec.get("valuesFiles").map_or(&[][..], Node::items).iter();
        let items: Vec<&Node> = items.chain(spec.get("valuesFile")).collect();
        if items.is_empty() {
            return None;
        }
        let ignores = spec.get("ignoreMissingValuesFiles").and_then(Node::as_bool) == Some(true);
        let mut values = Node::map(Vec::new(), at.with(By::Values));
        for item in items {
            let path = join(root, item.raw().trim_start_matches('/')).unwrap_or_default();
            match self.charts.values(&path) {
                Ok(Ok(read)) => merge::merge_maps(&mut values, &read),
                Ok(Err(problem)) => problems.push(*problem),
                Err(SourceError::Missing) if ignores => {}
                Err(error) => {
                    let message = format!("the values file {path:?} cannot be read: {error}");
                    let help = "correct the path, which starts at the root of the repository";
                    problems.push(Problem::error(item.origin, message).with_help(help));
                }
            }
        }
        Some(values)
    }

    /// Lays the values of a ConfigMap or Secret over the others. Returns false if only the cluster
    /// knows them.
    fn values_from(&self, entry: &Node, values: &mut Node, problems: &mut Vec<Problem>) -> bool {
        let text = |key: &str| entry.get(key).and_then(Node::text);
        let (Some(kind), Some(name)) = (text("kind"), text("name")) else {
            return true;
        };
        let key = text("valuesKey").unwrap_or("values.yaml");
        let optional = entry.get("optional").and_then(Node::as_bool) == Some(true);
        let host = self.data(kind, name, key);
        let Some(host) = host else {
            if !optional {
                let message = format!(
                    "the values in {kind} `{name}` are not known here, so the chart is rendered without them"
                );
                let help = "keep the values beside the release, or write them into `spec.values`";
                let problem = Problem::error(entry.origin, message).with_help(help);
                problems.push(problem.with_kind(ProblemKind::NeedsPlugin));
            }
            return false;
        };
        let Some(target) = text("targetPath") else {
            match read::of_embedded(&host, self.renderer.files()) {
                Ok(read) => merge::merge_maps(values, &read),
                Err(problem) => problems.push(*problem),
            }
            return true;
        };
        let value = host.raw();
        let unquoted = ['\'', '"'].into_iter().find_map(|quote| {
            let inner = value.strip_prefix(quote)?;
            inner.strip_suffix(quote)
        });
        let (value, mode) = match unquoted {
            Some(value) => (value, Mode::Text),
            None => (value, Mode::Typed),
        };
        let argument = format!("{target}={value}");
        if let Err(reason) = set::set(values, &argument, &mode, &|_| host.origin) {
            let message = format!("the value for `{target}` cannot be set: {reason}");
            problems.push(Problem::error(entry.origin, message).with_help("correct `targetPath`"));
        }
        true
    }

    /// The text under a key of a ConfigMap or Secret of the overlay, if it can be read.
    fn data(&self, kind: &str, name: &str, key: &str) -> Option<Node> {
        let namespace = self.text(&["metadata", "namespace"]);
        let mut objects = self.overlay.resources.iter();
        let object = objects.find(|other| {
            let there = other.namespace();
            let fits = there.is_none() || namespace.is_none() || there == namespace;
            other.kind() == kind && other.name() == name && fits
        })?;
        let at = |map: &str| {
            object
                .node
                .at(&[map, key])
                .filter(|value| value.text().is_some())
        };
        let found = match kind {
            "Secret" => at("stringData")
                .cloned()
                .or_else(|| at("data").and_then(decoded)),
            _ => at("data").cloned(),
        }?;
        let is_readable = !found.raw().starts_with("ENC[");
        is_readable.then_some(found)
    }

    /// Changes the objects as `postRenderers` say.
    fn post_render(&self, made: &mut Rendered) {
        let Some(renderers) = self.node.at(&["spec", "postRenderers"]) else {
            return;
        };
        for renderer in renderers.items() {
            let Some(spec) = renderer.get("kustomize") else {
                continue;
            };
            let path = self.renderer.files().get(spec.origin.file).path.clone();
            let empty = Kustomization::empty(spec.origin.file, path, spec.origin.with(By::Flux));
            let mut decoder = Decoder::new(&mut made.problems, Rules::Plugin);
            let layer = flux::layer(spec, empty, &mut decoder);
            let resources = std::mem::take(&mut made.resources);
            let changed = self
                .renderer
                .render_over(self.folder, &layer.kustomization, resources);
            made.resources = changed.resources;
            made.problems.extend(changed.problems);
            made.files.extend(changed.files);
        }
        made.complete &= !made.problems.iter().any(|problem| problem.kind.refused());
    }
}

/// The text of a value in base64.
fn decoded(node: &Node) -> Option<Node> {
    let text = String::from_utf8(base64(node.raw())?).ok()?;
    Some(Node::string(text, node.origin))
}

/// Gives an object the namespace in which Helm creates it.
fn fill_namespace(resource: &mut Resource, namespace: &Node) {
    if resource.namespace().is_some() || resource.id().is_cluster_scoped() {
        return;
    }
    let origin = namespace.origin.with(By::Flux);
    let value = Node::string(namespace.raw(), origin);
    if resource
        .node
        .get("metadata")
        .is_none_or(|metadata| metadata.as_map().is_none())
    {
        return;
    }
    if let Some(metadata) = resource.node.get_mut("metadata") {
        metadata.set("namespace", value, origin);
    }
}
