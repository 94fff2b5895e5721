//! Helm charts of kustomizations. Helm is never run: a chart that lies in the tree is rendered by
//! [`ChartRenderer`], and for others a committed copy of the output of `helm template` is used.

mod local;
mod release;
mod unrendered;

use std::sync::Arc;

pub use release::{Capabilities, ChartRenderer, ChartsOf, Release};
pub use unrendered::Unrendered;

use super::context::BuildContext;
use super::manifests::manifests;
use super::transform::HELM_GENERATED;
use super::{Kustomization, Problem, ProblemKind, Resource};
use crate::source::{EntryKind, join};
use crate::yaml::{Node, Origin};

/// A chart of which a committed copy of the output was used.
#[derive(Clone, Debug)]
pub struct ChartCopy {
    /// The entry that asks for the chart.
    pub chart: Node,
    /// The path of the output: a file or a folder.
    pub output: String,
    /// The paths of the values files of the entry.
    pub values: Vec<String>,
}

impl ChartCopy {
    /// The copy of an entry. Its values files count as read, because the output depends on them.
    fn new(chart: &Node, output: &str, context: &mut BuildContext<'_>) -> ChartCopy {
        let own = ["valuesFile", "values"].into_iter();
        let own = own.filter_map(|key| chart.get(key).and_then(Node::text));
        let more = chart.get("additionalValuesFiles");
        let more = more.map_or(&[][..], Node::items).iter();
        let named = own.chain(more.filter_map(Node::text));
        let shared = context.shared;
        let values: Vec<String> = named
            .filter_map(|path| join(&context.folder, path))
            .collect();
        let read = values.iter().filter_map(|path| shared.text(path).ok());
        context.files_read.extend(read);
        ChartCopy {
            chart: chart.clone(),
            output: output.trim_end_matches('/').to_string(),
            values,
        }
    }
}

/// The resources of a chart: of an entry of `helmCharts` or `helmChartInflationGenerator`, or of
/// the object that configures the generator. `at` points at it.
pub(super) fn inflate(
    chart: &Node,
    kustomization: &Kustomization,
    at: Origin,
    context: &mut BuildContext<'_>,
) -> Vec<Resource> {
    let text = |keys: [&str; 2]| {
        let node = keys.iter().find_map(|key| chart.get(key));
        node.and_then(Node::text).map(str::to_string)
    };
    let name = text(["name", "chartName"]).unwrap_or_default();
    let release = text(["releaseName", "releaseName"]);
    let remotes = &context.shared.options.remotes;
    let mut made = match remotes.chart(&name, release.as_deref(), &context.folder) {
        Some(copy) => {
            let wanted = text(["version", "chartVersion"]);
            if let (Some(rendered), Some(wanted)) = (&copy.version, wanted)
                && *rendered != wanted
            {
                let message = format!(
                    "{:?} was rendered from version {rendered} of the chart {name}, but this asks for {wanted}",
                    copy.output
                );
                let problem = Problem::error(at, message).with_kind(ProblemKind::NeedsPlugin);
                context.report(problem.with_help(
                    "run helm template again, and correct the version under charts in the configuration",
                ));
            }
            let output = copy.output.clone();
            let copy = ChartCopy::new(chart, &output, context);
            context.copies.push(copy);
            copied(&name, &output, at, context)
        }
        None => local::render(chart, kustomization, at, context).unwrap_or_else(|| {
            let problem = Problem::error(
                at,
                "a Helm chart is not rendered, so its objects are missing",
            );
            let help = "commit the chart below charts/, or commit the output of helm template and name it under charts in the configuration";
            context.report(problem.with_kind(ProblemKind::NeedsPlugin).with_help(help));
            let release = local::unrendered(chart, at, context);
            context.releases.extend(release);
            Vec::new()
        }),
    };
    for resource in &mut made {
        mark(&mut resource.node, at);
    }
    made
}

/// The resources of a committed copy of a chart's output: a file, or all YAML files of a folder.
fn copied(chart: &str, output: &str, at: Origin, context: &mut BuildContext<'_>) -> Vec<Resource> {
    let shared = context.shared;
    let folder = join("", output).unwrap_or_default();
    let prefix = format!("{folder}/");
    let files: Vec<Arc<str>> = match shared.source.kind(&folder) {
        Some(EntryKind::File) => vec![Arc::from(folder.as_str())],
        Some(EntryKind::Directory) => {
            let yaml = |path: &&Arc<str>| {
                path.starts_with(&prefix) && (path.ends_with(".yaml") || path.ends_with(".yml"))
            };
            shared.source.files().iter().filter(yaml).cloned().collect()
        }
        None => Vec::new(),
    };
    if files.is_empty() {
        let message = format!(
            "the configuration names {output:?} as the output of the chart {chart}, but it does not exist"
        );
        context.report(
            Problem::error(at, message)
                .with_help("correct the entry under charts, or put the output there"),
        );
        return Vec::new();
    }
    let mut made = Vec::new();
    for path in files {
        context.files_read.extend(shared.file_id(&path));
        match shared.documents(&path) {
            Ok(documents) => {
                context.report_duplicates(&documents);
                made.append(&mut manifests(&documents, None, &mut context.problems));
            }
            Err(error) => context.report(Problem::error(
                at,
                format!("{path:?} cannot be read: {error}"),
            )),
        }
    }
    made
}

/// kustomize marks the resources of a chart, so that the namespace transformer leaves their
/// namespace alone, and removes the mark at the end.
fn mark(node: &mut Node, origin: Origin) {
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if metadata
        .get("annotations")
        .is_none_or(|annotations| annotations.as_map().is_none())
    {
        metadata.set("annotations", Node::map(Vec::new(), origin), origin);
    }
    if let Some(annotations) = metadata.get_mut("annotations") {
        annotations.set(HELM_GENERATED, Node::string("true", origin), origin);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::kustomize::remote::{Chart, Remotes};
    use crate::kustomize::{ProblemKind, RenderOptions, Rendered, Renderer};
    use crate::source::memory::Memory;
    use crate::yaml::Node;
    use std::sync::Arc;

    fn rendered(kustomization: &str, remotes: Remotes) -> Arc<Rendered> {
        let output = "---\n# Source: redis/templates/x.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: redis, namespace: own}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: redis-2}\n";
        let source = Memory::new([
            ("app/kustomization.yaml", kustomization),
            ("vendor/redis/templates/service.yaml", output),
            ("vendor/redis/NOTES.txt", "{{"),
            (
                "vendor/bases/web/kustomization.yaml",
                "resources: [crd.yaml]",
            ),
            (
                "vendor/bases/web/crd.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n",
            ),
        ]);
        let options = RenderOptions {
            remotes,
            ..RenderOptions::default()
        };
        Renderer::new(Arc::new(source), Arc::default(), options).render("app")
    }

    fn chart(version: Option<&str>, output: &str) -> Remotes {
        let version = version.map(str::to_string);
        let chart = Chart {
            name: "redis".into(),
            release: None,
            path: crate::glob::Glob::new("app".to_string()).ok(),
            version,
            output: output.into(),
        };
        Remotes {
            urls: BTreeMap::new(),
            charts: vec![chart],
            ..Remotes::default()
        }
    }

    fn shown(rendered: &Rendered) -> (Vec<(&str, Option<&str>)>, Vec<(ProblemKind, &str)>) {
        let annotated = |node: &Node| node.at(&["metadata", "annotations"]).is_some();
        assert!(
            !rendered
                .resources
                .iter()
                .any(|resource| annotated(&resource.node))
        );
        let resources = rendered
            .resources
            .iter()
            .map(|resource| (resource.name(), resource.namespace()))
            .collect();
        (
            resources,
            rendered
                .problems
                .iter()
                .map(|problem| (problem.kind, &*problem.message))
                .collect(),
        )
    }

    #[test]
    fn the_output_of_helm_template_stands_for_a_chart() {
        let kustomization = "namespace: shop\nnamePrefix: a-\nhelmCharts: [{name: redis, repo: 'https://x', version: 1.2.3}]\n";
        // the resources of a chart keep their namespace
        let made = vec![("a-redis", Some("own")), ("a-redis-2", None)];
        assert_eq!(
            shown(&rendered(
                kustomization,
                chart(Some("1.2.3"), "vendor/redis")
            )),
            (made.clone(), vec![])
        );
        assert_eq!(
            shown(&rendered(
                kustomization,
                chart(None, "vendor/redis/templates/service.yaml")
            )),
            (made, vec![])
        );
        let generator = "generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: x}\n  name: redis\n";
        assert_eq!(
            rendered(generator, chart(None, "vendor/redis"))
                .resources
                .len(),
            2
        );
        let old = "helmChartInflationGenerator: [{chartName: redis, chartVersion: 1.2.3}]\n";
        assert_eq!(
            rendered(old, chart(Some("1.2.3"), "vendor/redis"))
                .resources
                .len(),
            2
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let kustomization = "helmCharts: [{name: redis, version: 1.2.3}]\n";
        let stale = rendered(kustomization, chart(Some("1.0.0"), "vendor/redis"));
        let (resources, problems) = shown(&stale);
        assert_eq!(resources.len(), 2);
        let message = "\"vendor/redis\" was rendered from version 1.0.0 of the chart redis, but this asks for 1.2.3";
        assert_eq!(problems, [(ProblemKind::NeedsPlugin, message)]);
        let message = "the configuration names \"vendor/none\" as the output of the chart redis, but it does not exist";
        assert_eq!(
            shown(&rendered(kustomization, chart(None, "vendor/none"))).1,
            [(ProblemKind::Error, message)]
        );
        let message = "a Helm chart is not rendered, so its objects are missing";
        assert_eq!(
            shown(&rendered(kustomization, Remotes::default())).1,
            [(ProblemKind::NeedsPlugin, message)]
        );
    }

    #[test]
    fn copies_of_remote_bases_and_files_are_rendered() {
        let remotes = |copy: &str| Remotes {
            urls: [(
                "https://github.com/acme/bases".to_string(),
                copy.to_string(),
            )]
            .into(),
            charts: Vec::new(),
            ..Remotes::default()
        };
        let base = "resources: ['https://github.com/acme/bases//web?ref=v1']\n";
        assert_eq!(
            shown(&rendered(base, remotes("vendor/bases"))),
            (vec![("web", None)], vec![])
        );
        let file = "resources: ['https://github.com/acme/bases/web/crd.yaml']\n";
        assert_eq!(
            shown(&rendered(file, remotes("vendor/bases"))),
            (vec![("web", None)], vec![])
        );
        let message = "the configuration says that \"vendor/none/web\" is the copy of \"https://github.com/acme/bases//web?ref=v1\", but it does not exist";
        assert_eq!(
            shown(&rendered(base, remotes("vendor/none"))).1,
            [(ProblemKind::Error, message)]
        );
        assert_eq!(shown(&rendered(base, Remotes::default())).1.len(), 1);
    }
}
