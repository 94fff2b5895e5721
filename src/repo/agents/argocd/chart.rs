//! Sources of Applications that are charts of this repository, as Argo CD renders them
//! (`helmTemplate` in its repository server, release 3.x).
//!
//! Here: the release that a source describes. Not here: rendering it (`helm`).

use std::collections::BTreeMap;

use super::environment::Environment;
use super::open;
use crate::glob::{Stars, compile};
use crate::helm::values::set::{self, Mode};
use crate::helm::values::{merge, read};
use crate::kustomize::{
    Capabilities, ChartRenderer, Problem, ProblemKind, Release, Rendered, Renderer,
};
use crate::repo::agents::Reading;
use crate::source::refs::split;
use crate::source::{SourceError, join};
use crate::yaml::{By, Node, Origin};

/// A source that is a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSource {
    /// The Application.
    application: Node,
    /// The source, with the overrides that lie in its folder.
    source: Node,
    /// The sources that value files can name (`$values/prod.yaml`), and whether each is this
    /// repository.
    references: BTreeMap<String, Reference>,
    /// The line that names the chart.
    origin: Origin,
    /// True if the chart is not in this repository, and so are files whose paths start in it.
    pub(super) is_elsewhere: bool,
    /// True if some of its texts have parameters that only a cluster or server knows.
    pub(super) is_open: bool,
    /// The known facts of the cluster.
    pub(in crate::repo::agents) cluster: Capabilities,
}

/// A source with a `ref`.
#[derive(Clone, Debug, PartialEq)]
struct Reference {
    url: String,
    revision: String,
    /// The folder of its ref, if it is this repository; empty for the tree under check.
    root: Option<String>,
}

/// A values file of a source.
enum File {
    /// A file of this tree.
    Own(String),
    /// All files that a pattern matches.
    Pattern(String),
    /// A file that is not in this tree, and why.
    Elsewhere(&'static str),
}

impl ChartSource {
    /// Reads a source of an Application. `several` are all its sources.
    pub(super) fn new(
        application: &Node,
        source: &Node,
        several: &[Node],
        origin: Origin,
    ) -> ChartSource {
        let references = several.iter().filter_map(|source| {
            let text = |key: &str| source.get(key).and_then(Node::text);
            let url = text("repoURL").unwrap_or_default().to_string();
            let revision = text("targetRevision").unwrap_or_default().to_string();
            let reference = Reference {
                url,
                revision,
                root: None,
            };
            Some((text("ref")?.to_string(), reference))
        });
        ChartSource {
            application: application.clone(),
            source: source.clone(),
            references: references.collect(),
            origin: origin.with(By::ArgoCd),
            is_elsewhere: false,
            is_open: false,
            cluster: Capabilities::default(),
        }
    }

    /// The line that names the chart.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// The name of the chart, or the path to it.
    pub(in crate::repo::agents) fn chart_name(&self) -> Option<&Node> {
        self.source.get("chart").or_else(|| self.source.get("path"))
    }

    /// The version of the chart. A chart in a Git repository has the revision of that, which is a
    /// version if it looks like one: `v1.4.0`, and not `main`.
    pub(super) fn version(&self) -> Option<&Node> {
        let revision = self.source.get("targetRevision")?;
        let text = revision.raw().trim_start_matches('v');
        let is_version = text.starts_with(|first: char| first.is_ascii_digit());
        (self.source.get("chart").is_some() || is_version).then_some(revision)
    }

    /// The namespace of the release.
    pub(super) fn namespace(&self) -> Option<&Node> {
        let own = self.helm().and_then(|helm| helm.get("namespace"));
        own.or_else(|| self.application.at(&["spec", "destination", "namespace"]))
    }

    /// True if the chart has a version, written or the newest one.
    pub(super) fn has_version(&self) -> bool {
        self.source.get("chart").is_some() || self.version().is_some()
    }

    /// The JSON pointer to the inline values.
    pub(super) fn pointer_of_values(&self) -> String {
        let source = match self.place() {
            Some(at) => format!("sources/{at}"),
            None => "source".to_string(),
        };
        format!("/spec/{source}/helm/valuesObject")
    }

    /// Where the source stands in `sources`; `None` for `source`.
    fn place(&self) -> Option<usize> {
        let sources = self.application.at(&["spec", "sources"])?;
        let mut sources = sources.items().iter();
        sources.position(|source| source.origin == self.source.origin)
    }

    /// The Application with merged values in the place of all that it merges.
    pub(super) fn with_values(&self, values: &Node) -> Node {
        let mut application = self.application.clone();
        let Some(spec) = application.get_mut("spec") else {
            return application;
        };
        let source = match self.place() {
            Some(at) => spec
                .get_mut("sources")
                .and_then(Node::list_mut)
                .and_then(|list| list.items.get_mut(at)),
            None => spec.get_mut("source"),
        };
        let Some(source) = source else {
            return application;
        };
        if source.get("helm").and_then(Node::as_map).is_none() {
            let empty = Node::map(Vec::new(), source.origin);
            source.set("helm", empty, source.origin);
        }
        if let Some(helm) = source.get_mut("helm") {
            if let Some(map) = helm.map_mut() {
                let merged = ["values", "parameters", "fileParameters"];
                map.entries.retain(|entry| !merged.contains(&&*entry.key));
            }
            helm.set("valuesObject", values.clone(), values.origin);
        }
        application
    }

    /// Notes which of the sources that value files name are this repository.
    pub(in crate::repo::agents) fn recognise(&mut self, reading: &Reading<'_>) {
        for reference in self.references.values_mut() {
            let is_own = reading.identity.is_own(&reference.url);
            // what this clone lacks is judged as it is under check, which a note says
            let root = is_own.then(|| reading.revisions.root(&reference.revision));
            reference.root = root.map(Option::unwrap_or_default);
        }
    }

    /// The files and folders besides the chart's own folder that the source reads.
    pub(crate) fn reads(&self, folder: &str) -> Vec<String> {
        let named = self
            .items("valueFiles")
            .iter()
            .filter_map(|item| item.text());
        let contents = self.items("fileParameters").iter();
        let contents = contents.filter_map(|item| item.get("path").and_then(Node::text));
        let files = named.chain(contents).map(|path| self.locate(path, folder));
        files
            .filter_map(|file| match file {
                File::Own(path) => Some(path),
                File::Pattern(path) => Some(static_part(&path).to_string()),
                File::Elsewhere(_) => None,
            })
            .collect()
    }

    /// The values files of this repository that the source names, each with the entry.
    pub(in crate::repo) fn values_files(&self, folder: &str) -> Vec<(String, Origin)> {
        let items = self.items("valueFiles").iter();
        let located = items.filter_map(|item| match self.locate(item.text()?, folder) {
            File::Own(path) => Some((path, item.origin)),
            File::Pattern(_) | File::Elsewhere(_) => None,
        });
        located.collect()
    }

    /// The release that Argo CD renders, and what is wrong with its settings.
    pub(in crate::repo) fn release(
        &self,
        folder: &str,
        renderer: &Renderer,
        charts: &dyn ChartRenderer,
    ) -> (Release, Vec<Problem>) {
        let name = self.text("releaseName").or_else(|| {
            let name = self.application.at(&["metadata", "name"]);
            name.and_then(Node::text).map(str::to_string)
        });
        let namespace = self.text("namespace").or_else(|| {
            let namespace = self.application.at(&["spec", "destination", "namespace"]);
            namespace.and_then(Node::text).map(str::to_string)
        });
        let namespace = namespace.unwrap_or_else(|| "default".to_string());
        let mut release = Release::new(name.unwrap_or_default(), namespace, self.origin);
        release.kubernetes = self
            .text("kubeVersion")
            .or_else(|| self.cluster.kubernetes.clone());
        let versions = self.items("apiVersions").iter();
        let versions = versions.filter_map(Node::text).map(str::to_string);
        release.api_versions = self.cluster.api_versions.clone();
        release.api_versions.extend(versions);
        release.includes_crds = !self.flag("skipCrds");
        // Argo CD has no hook for tests, so it never applies them
        release.skips_tests = true;
        release.skips_schema = self.flag("skipSchemaValidation");
        let mut problems = Vec::new();
        self.value_files(&mut release, folder, renderer, charts, &mut problems);
        self.inline(&mut release, renderer, &mut problems);
        self.parameters(&mut release, folder, charts, &mut problems);
        let is_unknown = |problem: &Problem| problem.kind == ProblemKind::NeedsPlugin;
        release.is_partial = self.is_open || problems.iter().any(is_unknown);
        (release, problems)
    }

    /// The objects of the release of the chart in a folder or archive.
    pub(in crate::repo) fn rendered(
        &self,
        path: &str,
        release: &Release,
        charts: &dyn ChartRenderer,
    ) -> Rendered {
        match self.is_open {
            true => open::rendered(charts, path, release),
            false => charts.render(path, release),
        }
    }

    fn helm(&self) -> Option<&Node> {
        self.source.get("helm")
    }

    fn items(&self, key: &str) -> &[Node] {
        let list = self.helm().and_then(|helm| helm.get(key));
        list.map_or(&[], Node::items)
    }

    fn text(&self, key: &str) -> Option<String> {
        let text = self.helm()?.get(key)?.text()?;
        (!text.is_empty()).then(|| text.to_string())
    }

    fn flag(&self, key: &str) -> bool {
        let flag = self.helm().and_then(|helm| helm.get(key));
        flag.and_then(Node::as_bool) == Some(true)
    }

    fn expand(&self, text: &str) -> String {
        let environment = Environment {
            node: &self.application,
            source: &self.source,
        };
        environment.expand(text)
    }

    /// Where a values file is. `$name/path` is in the source of that name.
    fn locate(&self, path: &str, folder: &str) -> File {
        let referenced = path.strip_prefix('$').and_then(|rest| {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            Some((self.references.get(name)?, rest))
        });
        let (base, path) = match referenced {
            Some((reference, rest)) => match &reference.root {
                None => return File::Elsewhere("is in another repository"),
                Some(root) => (root.as_str(), self.expand(rest)),
            },
            None if self.is_elsewhere && !path.contains("://") => {
                return File::Elsewhere("is in the chart, which is not in this repository");
            }
            None => (folder, self.expand(path)),
        };
        if path.contains("://") {
            return File::Elsewhere("is on the web");
        }
        if path.contains("{{") {
            return File::Elsewhere("has a name that only the cluster knows");
        }
        let (base, path) = match path.strip_prefix('/') {
            Some(rest) => (split(base).0, rest.to_string()),
            None => (base, path),
        };
        match join(base, &path) {
            None => File::Elsewhere("is outside of the repository"),
            Some(path) if path.contains(['*', '?', '[']) => File::Pattern(path),
            Some(path) => File::Own(path),
        }
    }

    /// Lays the values files over each other, in their order.
    fn value_files(
        &self,
        release: &mut Release,
        folder: &str,
        renderer: &Renderer,
        charts: &dyn ChartRenderer,
        problems: &mut Vec<Problem>,
    ) {
        let ignores_missing = self.flag("ignoreMissingValueFiles");
        let items = self.items("valueFiles");
        let located = |item: &Node| Some(self.locate(item.text()?, folder));
        let explicit: Vec<String> = items
            .iter()
            .filter_map(|item| match located(item)? {
                File::Own(path) => Some(path),
                _ => None,
            })
            .collect();
        let mut read: Vec<String> = Vec::new();
        for item in items {
            let found = match located(item) {
                None => continue,
                Some(File::Own(path)) => vec![path],
                Some(File::Pattern(pattern)) => {
                    let paths = matching(&pattern, renderer);
                    if paths.is_empty() && !ignores_missing {
                        problems.push(missing(item, "no values file matches"));
                    }
                    let others = paths.into_iter();
                    others.filter(|path| !explicit.contains(path)).collect()
                }
                Some(File::Elsewhere(why)) => {
                    problems.push(elsewhere(item, why));
                    continue;
                }
            };
            for path in found {
                if read.contains(&path) {
                    continue;
                }
                match charts.values(&path) {
                    Ok(Ok(values)) => merge::merge_maps(&mut release.values, &values),
                    Ok(Err(problem)) => problems.push(*problem),
                    Err(SourceError::Missing) if ignores_missing => {}
                    Err(SourceError::Missing) => {
                        problems.push(missing(item, "there is no values file"));
                    }
                    Err(error) => problems.push(Problem::error(
                        item.origin,
                        format!("the values file {path:?} cannot be read: {error}"),
                    )),
                }
                read.push(path);
            }
        }
    }

    /// Lays `valuesObject` or `values` over the files.
    fn inline(&self, release: &mut Release, renderer: &Renderer, problems: &mut Vec<Problem>) {
        let Some(helm) = self.helm() else {
            return;
        };
        let object = helm
            .get("valuesObject")
            .filter(|object| object.as_map().is_some());
        if let Some(object) = object {
            merge::merge_maps(&mut release.values, &object.attributed_to(By::Values));
            return;
        }
        let text = helm
            .get("values")
            .filter(|values| values.as_str().is_some());
        let values = text.map(|text| match self.is_open {
            true => open::values(text, renderer.files()),
            false => read::of_embedded(text, renderer.files()),
        });
        match values {
            Some(Ok(values)) => merge::merge_maps(&mut release.values, &values),
            Some(Err(problem)) => problems.push(*problem),
            None => {}
        }
    }

    /// Sets the parameters, which win over all files.
    fn parameters(
        &self,
        release: &mut Release,
        folder: &str,
        charts: &dyn ChartRenderer,
        problems: &mut Vec<Problem>,
    ) {
        let is_text = |item: &&Node| item.get("forceString").and_then(Node::as_bool) == Some(true);
        let typed = self
            .items("parameters")
            .iter()
            .filter(|item| !is_text(item));
        let texts = self.items("parameters").iter().filter(is_text);
        let typed = typed.map(|item| (item, "value", Mode::Typed));
        let texts = texts.map(|item| (item, "value", Mode::Text));
        let content = |path: &str| match self.locate(path, folder) {
            File::Own(path) => charts
                .text(&path)
                .map_err(|error| format!("{path:?}: {error}")),
            File::Pattern(path) => Err(format!("{path:?} is a pattern")),
            File::Elsewhere(why) => Err(format!("{path:?} {why}")),
        };
        let files = self.items("fileParameters").iter();
        let files = files.map(|item| (item, "path", Mode::File(&content)));
        for (item, key, mode) in typed.chain(texts).chain(files) {
            let name = item.get("name").and_then(Node::text);
            let (Some(name), Some(value)) = (name, item.get(key)) else {
                continue;
            };
            let text = match key {
                "path" => value.raw().to_string(),
                _ => self.expand(value.raw()),
            };
            let argument = format!("{name}={}", escaped(&text));
            let place = |_: std::ops::Range<usize>| value.origin;
            if let Err(reason) = set::set(&mut release.values, &argument, &mode, &place) {
                let message = format!("the parameter `{name}` cannot be set: {reason}");
                problems.push(Problem::error(value.origin, message).with_help("correct it"));
            }
        }
    }
}

/// The value of a parameter as an argument of `--set`: commas belong to it, but those of a list.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_string();
    }
    let mut written = String::with_capacity(value.len());
    let mut before = ' ';
    for next in value.chars() {
        if next == ',' && before != '\\' {
            written.push('\\');
        }
        written.push(next);
        before = next;
    }
    written
}

/// The folders of a pattern before the first wildcard.
fn static_part(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let before = pattern.get(..wild).unwrap_or_default();
    before.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn matching(pattern: &str, renderer: &Renderer) -> Vec<String> {
    let Ok(glob) = compile(pattern, Stars::WithinFolder) else {
        return Vec::new();
    };
    let files = renderer.source().files().iter();
    let found = files.filter(|path| glob.is_match(&***path));
    found.map(|path| path.to_string()).collect()
}

fn missing(item: &Node, what: &str) -> Problem {
    let message = format!(
        "{what} {:?}, so Argo CD cannot render the chart",
        item.raw()
    );
    let help = "correct the path, which is relative to the chart, or add the file";
    Problem::error(item.origin, message).with_help(help)
}

fn elsewhere(item: &Node, why: &str) -> Problem {
    let message = format!(
        "the values file {:?} {why}, so the chart is rendered without it",
        item.raw()
    );
    let help = "keep the values in this repository";
    let problem = Problem::error(item.origin, message).with_help(help);
    problem.with_kind(ProblemKind::NeedsPlugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_belong_to_a_parameter() {
        assert_eq!(escaped("a,b\\,c"), "a\\,b\\,c");
        assert_eq!(escaped("{a,b}"), "{a,b}");
        assert_eq!(static_part("values/prod-*/a.yaml"), "values");
        assert_eq!(static_part("*.yaml"), "");
    }
}
