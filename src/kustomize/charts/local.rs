//! Charts below `helmGlobals.chartHome`, rendered as kustomize's generator runs Helm.

use super::super::context::BuildContext;
use super::super::decode::Text;
use super::{ChartRenderer, Release, Unrendered};
use crate::kustomize::{Kustomization, Problem, Resource};
use crate::source::join;
use crate::yaml::{By, Node, Origin};

/// The folder of charts where nothing is said.
const HOME: &str = "charts";
/// The name that Helm gives a release without one.
const NAMELESS: &str = "release-name";

/// The objects of a chart that lies in the tree; `None` if it does not.
pub(super) fn render(
    chart: &Node,
    kustomization: &Kustomization,
    at: Origin,
    context: &mut BuildContext<'_>,
) -> Option<Vec<Resource>> {
    let charts = context.shared.charts.as_deref()?;
    let path = located(chart, kustomization, context, charts)?;
    let release = release(chart, Some(&path), at, context, charts);
    let made = charts.render(&path, &release);
    context.files_read.extend(made.files);
    context.files_read.extend(release.files());
    for problem in made.problems {
        context.report(problem.with_related("the chart is asked for here", at));
    }
    // the version of a copy is promoted, that of a chart of the repository is not
    if is_copy(chart, &path, charts) {
        let empty = Node::map(Vec::new(), at);
        let version = named(chart, empty, at, context);
        context.releases.extend(version);
    }
    Some(made.resources)
}

/// True if a chart is taken from a folder of copies.
fn is_copy(chart: &Node, path: &str, charts: &dyn ChartRenderer) -> bool {
    let name = text(chart, &["name", "chartName"]).unwrap_or_default();
    let version = text(chart, &["version", "chartVersion"]).unwrap_or_default();
    charts.copy_of(name, version).as_deref() == Some(path)
}

/// The known facts of a release whose chart is not in the tree.
pub(super) fn unrendered(
    chart: &Node,
    at: Origin,
    context: &mut BuildContext<'_>,
) -> Option<Unrendered> {
    let charts = context.shared.charts.as_deref()?;
    let release = release(chart, None, at, context, charts);
    context.files_read.extend(release.files());
    named(chart, release.values, at, context)
}

/// The known facts of a release without its objects.
fn named(chart: &Node, values: Node, at: Origin, context: &BuildContext<'_>) -> Option<Unrendered> {
    let find = |keys: &[&str]| keys.iter().find_map(|key| chart.get(key));
    let name = find(&["name", "chartName"])?;
    let called = find(&["releaseName"]).unwrap_or(name);
    let namespace = find(&["namespace", "releaseNamespace"]);
    let version = find(&["version", "chartVersion"]);
    Some(Unrendered {
        names: context.shared.options.remotes.value_names.clone(),
        ..Unrendered::of_entry((called, namespace), (name, version), values, at)
    })
}

fn text<'c>(chart: &'c Node, keys: &[&str]) -> Option<&'c str> {
    let mut values = keys.iter().filter_map(|key| chart.get(key)?.text());
    values.find(|text| !text.is_empty())
}

/// The folder of the chart. One that came from a repository is in a folder with its version.
fn located(
    chart: &Node,
    kustomization: &Kustomization,
    context: &BuildContext<'_>,
    charts: &dyn ChartRenderer,
) -> Option<String> {
    let name = text(chart, &["name", "chartName"])?;
    let home = text(chart, &["chartHome"]).or(kustomization.chart_home.as_deref());
    let home = context
        .shared
        .locate(&context.folder, home.unwrap_or(HOME))
        .ok()?;
    let version = text(chart, &["version", "chartVersion"]);
    let has_repository = text(chart, &["repo", "chartRepo"]).is_some();
    let versioned = version.filter(|_| has_repository);
    let versioned = versioned.and_then(|version| join(&home, &format!("{name}-{version}/{name}")));
    let paths = versioned.into_iter().chain(join(&home, name));
    let own = paths.into_iter().find(|path| charts.is_chart(path));
    let copy = || charts.copy_of(name, version.unwrap_or_default());
    own.or_else(|| has_repository.then(copy).flatten())
}

fn release(
    chart: &Node,
    path: Option<&str>,
    at: Origin,
    context: &mut BuildContext<'_>,
    charts: &dyn ChartRenderer,
) -> Release {
    let flag = |key: &str| chart.get(key).and_then(Node::as_bool) == Some(true);
    let template = text(chart, &["nameTemplate"]).filter(|name| !name.contains("{{"));
    let name = text(chart, &["releaseName"])
        .or(template)
        .unwrap_or(NAMELESS);
    let namespace = text(chart, &["namespace", "releaseNamespace"]).unwrap_or("default");
    let mut release = Release::new(name, namespace, at);
    release.builds_dependencies = false;
    release.includes_crds = flag("includeCRDs");
    release.skips_hooks = flag("skipHooks");
    release.skips_tests = flag("skipTests");
    release.kubernetes = text(chart, &["kubeVersion"]).map(str::to_string);
    let versions = chart.get("apiVersions").map_or(&[][..], Node::items).iter();
    release.api_versions = versions
        .filter_map(Node::text)
        .map(str::to_string)
        .collect();
    let file = chart.get("valuesFile").or_else(|| chart.get("values"));
    let file = file.filter(|file| file.text().is_some_and(|text| !text.is_empty()));
    let of_file = match file {
        Some(file) => read(file, context, charts),
        // kustomize passes the chart's own file, which changes nothing but what inline values meet
        None => path
            .and_then(|path| join(path, "values.yaml"))
            .and_then(|path| charts.values(&path).ok()?.ok()),
    };
    let empty = || Node::map(Vec::new(), at.with(By::Values));
    let inline = chart
        .get("valuesInline")
        .filter(|inline| inline.as_map().is_some());
    let inline = inline.map(|inline| inline.attributed_to(By::Values));
    release.values = match (of_file, inline) {
        (of_file, None) => of_file.filter(|_| file.is_some()).unwrap_or_else(empty),
        (None, Some(inline)) => inline,
        (Some(of_file), Some(inline)) => match text(chart, &["valuesMerge"]) {
            Some("replace") => inline,
            Some("merge") => laid(charts, inline, &of_file),
            _ => laid(charts, of_file, &inline),
        },
    };
    let more = chart
        .get("additionalValuesFiles")
        .map_or(&[][..], Node::items);
    for item in more {
        if let Some(values) = read(item, context, charts) {
            charts.merge(&mut release.values, &values);
        }
    }
    release
}

fn laid(charts: &dyn ChartRenderer, mut values: Node, over: &Node) -> Node {
    charts.merge(&mut values, over);
    values
}

/// The values in a file that an entry names.
fn read(item: &Node, context: &mut BuildContext<'_>, charts: &dyn ChartRenderer) -> Option<Node> {
    let reference = Text::new(item.raw(), item.clone());
    let path = match context.resolve(&reference) {
        Ok(path) => path,
        Err(problem) => {
            context.report(problem);
            return None;
        }
    };
    match charts.values(&path) {
        Ok(Ok(values)) => Some(values),
        Ok(Err(problem)) => {
            context.report(*problem);
            None
        }
        Err(error) => {
            let message = format!("the values file {path:?} cannot be read: {error}");
            context.report(Problem::error(item.origin, message).with_help("correct the path"));
            None
        }
    }
}
