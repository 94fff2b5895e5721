//! Applications with charts that are not in this repository. Nothing of them can be rendered, but
//! their values are known, so each becomes an overlay of its own:
//!
//! ```yaml
//! # argocd/production/web.yaml, which becomes the overlay argocd/production/web.yaml/web
//! sources:
//!   - {repoURL: registry.example.org/charts, chart: web, targetRevision: 1.4.0, helm: {…}}
//!   - {repoURL: https://git.example.org/acme/config, ref: values}
//! ```

use super::chart::ChartSource;
use super::{Application, hints};
use crate::kustomize::{ChartRenderer, ProblemKind, Rendered, Renderer, Resource, Unrendered};
use crate::repo::agents::{Plain, Pointer, name_of};
use crate::repo::{Agent, AgentKind};
use crate::yaml::Node;
use std::sync::Arc;

impl Application<'_> {
    /// The Application as an overlay, if a source of it is a chart from elsewhere.
    pub(in crate::repo::agents) fn elsewhere(self) -> Option<Pointer> {
        let is_own = |url: &str| self.reading.identity.is_own(url);
        let spec = self.node.get("spec")?;
        let several = spec.get("sources").map_or(&[][..], Node::items);
        let sources = spec.get("source").into_iter().chain(several);
        let charts: Vec<ChartSource> = sources
            .filter_map(|source| {
                let at = chart_elsewhere(source, &is_own)?;
                let mut chart = ChartSource::new(self.node, source, several, at.origin);
                chart.is_elsewhere = true;
                chart.is_open = self.is_open;
                chart.recognise(self.reading);
                Some(chart)
            })
            .collect();
        let origin = charts.first()?.origin();
        let name = self.node.at(&["metadata", "name"]).and_then(Node::text)?;
        Some(Pointer {
            folder: format!("{}/{name}", self.path),
            agent: Arc::new(Agent {
                kind: AgentKind::ArgoCd,
                name: name_of(self.node, "Application"),
                origin,
            }),
            file: Arc::from(self.path),
            read: vec![self.file],
            hints: hints(self.node),
            file_placement: None,
            folder_placement: None,
            inherited: None,
            written_in: None,
            named: None,
            layer: None,
            plain: Plain::Elsewhere(charts),
            post_build: None,
            common_metadata: Default::default(),
            problems: Vec::new(),
            object: self.node.clone(),
            assumed: false,
        })
    }
}

/// The name of the chart, or the path to it, if a source is a chart that is not in this repository.
fn chart_elsewhere<'n>(source: &'n Node, is_own: &dyn Fn(&str) -> bool) -> Option<&'n Node> {
    let is_plain = |node: &&Node| node.text().is_some_and(|text| !text.contains("{{"));
    if let Some(chart) = source.get("chart") {
        return Some(chart).filter(is_plain);
    }
    let url = source.get("repoURL").and_then(Node::text)?;
    let has_values = source.get("helm").is_some_and(|helm| !helm.is_null());
    let path = source.get("path").filter(is_plain)?;
    (has_values && !is_own(url)).then_some(path)
}

/// The known facts of the releases of an Application whose charts are elsewhere.
pub(in crate::repo::agents) fn rendered(
    sources: &[ChartSource],
    renderer: &Renderer,
    charts: &dyn ChartRenderer,
) -> Rendered {
    let mut rendered = Rendered {
        complete: true,
        ..Rendered::default()
    };
    for source in sources {
        let copy = copy_of(source, charts);
        if let Some(path) = &copy {
            render_copy(source, path, renderer, charts, &mut rendered);
        }
        let (mut release, problems) = source.release("", renderer, charts);
        if copy.is_some() {
            // only the version of the chart is left to judge
            release.values = Node::map(Vec::new(), release.values.origin);
        }
        let (unknown, wrong): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .partition(|problem| problem.kind == ProblemKind::NeedsPlugin);
        if copy.is_none() {
            rendered.complete &= !wrong.iter().any(|problem| problem.kind.refused());
            rendered.problems.extend(wrong);
        }
        let mut resource = Resource::new(source.with_values(&release.values));
        let version = source.version();
        let chart = source.chart_name();
        if sources.len() > 1 {
            let name = chart.map(Node::raw).unwrap_or_default();
            resource.original.name = format!("{} {name}", resource.original.name);
        }
        let unrendered = Unrendered {
            chart: chart.filter(|_| source.has_version()).cloned(),
            version: version.cloned(),
            namespace: source.namespace().cloned(),
            complete: unknown.is_empty() || copy.is_some(),
            names: renderer.options().remotes.value_names.clone(),
            ..Unrendered::new(resource, release.values, source.pointer_of_values())
        };
        rendered.files.extend(unrendered.files());
        rendered.releases.push(unrendered);
    }
    rendered
}

/// The path of the copy of a chart from a registry, if the repository has one.
fn copy_of(source: &ChartSource, charts: &dyn ChartRenderer) -> Option<String> {
    let chart = source.chart_name().filter(|_| source.has_version())?;
    let version = source.version().map_or("", Node::raw);
    charts.copy_of(chart.text()?, version)
}

/// Adds the objects of a release of a chart of which the repository has a copy.
fn render_copy(
    source: &ChartSource,
    path: &str,
    renderer: &Renderer,
    charts: &dyn ChartRenderer,
    rendered: &mut Rendered,
) {
    let mut source = source.clone();
    source.is_elsewhere = false;
    let (release, problems) = source.release(path, renderer, charts);
    let made = source.rendered(path, &release, charts);
    rendered.resources.extend(made.resources);
    rendered.releases.extend(made.releases);
    rendered.files.extend(made.files);
    rendered.files.extend(release.files());
    let problems = problems.into_iter().chain(made.problems);
    rendered.problems.extend(problems);
    let mut problems = rendered.problems.iter();
    rendered.complete &= !problems.any(|problem| problem.kind.refused());
}
