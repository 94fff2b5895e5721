//! Argo CD Applications: the folders that they apply and what they add (`argo-cd/util/kustomize`
//! and `reposerver`, release 3.x).
//!
//! `destination.namespace` does not change what is built: Argo CD gives it to objects without a
//! namespace when it applies them. Not here: ApplicationSets (`applicationset`), editing the
//! kustomization (`layer`).

mod chart;
mod directory;
mod elsewhere;
mod environment;
mod kustomize;
mod open;

use super::{Note, Plain, Pointer, Reading, name_of, revisions};
use crate::kustomize::{Kustomization, Problem};
use crate::repo::{Agent, AgentKind};
use crate::source::join;
use crate::yaml::{By, Entry, FileId, Node, Origin};
pub use chart::ChartSource;
pub use directory::Directory;
pub(super) use elsewhere::rendered as rendered_elsewhere;
use environment::Environment;
use kustomize::Fields;
use std::sync::Arc;

/// The API group of Applications and ApplicationSets.
pub(super) const GROUP: &str = "argoproj.io";
/// The kind of Applications.
pub(super) const KIND: &str = "Application";

/// An Application, as it is written or as an ApplicationSet makes it.
#[derive(Clone, Copy)]
pub(super) struct Application<'a> {
    pub(super) node: &'a Node,
    /// The file that it is written in.
    pub(super) file: FileId,
    pub(super) path: &'a str,
    /// True if an ApplicationSet makes it with parameters that only a cluster or server knows.
    pub(super) is_open: bool,
    pub(super) reading: &'a Reading<'a>,
}

/// The tool with which Argo CD builds the folder of a source.
enum Tool {
    /// kustomize, or nothing for plain manifests.
    Folder,
    /// Helm.
    Chart,
    /// A plugin, or something that is not known here.
    Plugin,
}

impl Application<'_> {
    /// The folder of this repository that each source applies. Notes say what cannot be followed.
    pub(super) fn pointers(self, notes: &mut Vec<Note>) -> Vec<Pointer> {
        let Some(spec) = self.node.get("spec") else {
            return Vec::new();
        };
        let several = spec.get("sources").map_or(&[][..], Node::items);
        let dry = spec.at(&["sourceHydrator", "drySource"]);
        let sources = spec.get("source").into_iter().chain(several).chain(dry);
        sources
            .filter_map(|source| self.pointer(source, several, notes))
            .collect()
    }

    fn pointer(self, source: &Node, several: &[Node], notes: &mut Vec<Note>) -> Option<Pointer> {
        let target = source.get("path")?;
        let mut noted = Vec::new();
        let folder = folder_of_source(source, target, &mut noted);
        let url = source.get("repoURL").and_then(Node::text);
        notes.append(&mut noted);
        if !self.reading.identity.is_own(url.unwrap_or_default()) {
            return None;
        }
        let folder = self.at_revision(source, folder?, notes);
        let (source, mut read) = self.overridden(source, &folder);
        read.insert(0, self.file);
        let is_chart = match self.tool(&source, &folder)? {
            Tool::Chart => true,
            Tool::Folder => false,
            Tool::Plugin => return None,
        };
        let present = |key: &str| source.get(key).filter(|value| !value.is_null());
        let mut problems = Vec::new();
        let layer = present("kustomize").filter(|_| !is_chart).map(|fields| {
            let origin = target.origin.with(By::ArgoCd);
            let fields = Fields {
                fields,
                environment: &Environment {
                    node: self.node,
                    source: &source,
                },
                problems: &mut problems,
                notes,
            };
            fields.layer(Kustomization::empty(
                self.file,
                Arc::from(self.path),
                origin,
            ))
        });
        if layer.is_some() {
            problems.extend(self.missing_kustomization(&folder, target.origin));
        }
        let directory = Directory::read(present("directory"));
        Some(Pointer {
            folder,
            agent: Arc::new(Agent {
                kind: AgentKind::ArgoCd,
                name: name_of(self.node, "Application"),
                origin: target.origin,
            }),
            file: Arc::from(self.path),
            read,
            hints: hints(self.node),
            file_placement: None,
            folder_placement: None,
            inherited: None,
            written_in: None,
            named: None,
            layer: layer.filter(|layer| !layer.is_empty()),
            plain: if is_chart {
                let mut chart = ChartSource::new(self.node, &source, several, target.origin);
                chart.is_open = self.is_open;
                chart.recognise(self.reading);
                Plain::Chart(Box::new(chart))
            } else if present("directory").is_some_and(Directory::is_set) {
                Plain::Always(directory)
            } else {
                Plain::Directory(directory)
            },
            post_build: None,
            common_metadata: Default::default(),
            problems,
            object: self.node.clone(),
            assumed: false,
        })
    }

    /// The folder in the branch or tag that a source reads.
    fn at_revision(self, source: &Node, folder: String, notes: &mut Vec<Note>) -> String {
        let target = source.get("targetRevision");
        let revision = target.and_then(Node::text).unwrap_or_default();
        match self.reading.revisions.folder(revision, &folder) {
            Some(folder) => folder,
            None => {
                let origin = target.map_or(source.origin, |node| node.origin);
                let agent = name_of(self.node, KIND);
                notes.push(revisions::absent(&agent, revision, origin));
                folder
            }
        }
    }

    /// The source with the parameter overrides that lie in its folder, and their files.
    fn overridden(self, source: &Node, folder: &str) -> (Node, Vec<FileId>) {
        let metadata = |key: &str| {
            let text = self.node.at(&["metadata", key]).and_then(Node::text);
            text.unwrap_or_default()
        };
        let (name, namespace) = (metadata("name"), metadata("namespace"));
        let names = [
            ".argocd-source.yaml".to_string(),
            format!(".argocd-source-{name}.yaml"),
            format!(".argocd-source-{namespace}_{name}.yaml"),
        ];
        let mut files = Vec::new();
        let mut result = source.clone();
        for path in names.iter().filter_map(|name| join(folder, name)) {
            let parsed = self.reading.renderer.parsed(&path).ok();
            files.extend(self.reading.renderer.file_id(&path));
            if let Some(patch) = parsed.as_ref().and_then(|read| read.documents.first()) {
                result = merged(&result, patch);
            }
        }
        (result, files)
    }

    /// The tool with which Argo CD builds a folder.
    fn tool(self, source: &Node, folder: &str) -> Option<Tool> {
        let present = |key: &str| source.get(key).is_some_and(|value| !value.is_null());
        if present("plugin") {
            return Some(Tool::Plugin);
        }
        // Argo CD takes a folder with a Chart.yaml for a chart, unless it has a kustomization too
        let chart = join(folder, "Chart.yaml")?;
        let has_chart = self.reading.renderer.source().kind(&chart).is_some();
        if present("helm") {
            // without a chart, `helm` is there for other sources or by mistake
            return Some(if has_chart { Tool::Chart } else { Tool::Plugin });
        }
        let directory = source.get("directory").is_some_and(Directory::is_set);
        let is_chart =
            !directory && self.reading.renderer.kustomization(folder).is_none() && has_chart;
        Some(if is_chart { Tool::Chart } else { Tool::Folder })
    }

    fn missing_kustomization(self, folder: &str, origin: Origin) -> Option<Problem> {
        if self.reading.renderer.kustomization(folder).is_some() {
            return None;
        }
        self.reading.renderer.source().kind(folder)?;
        let message = format!(
            "{} uses `source.kustomize`, but {folder:?} has no kustomization file",
            name_of(self.node, "Application")
        );
        Some(
            Problem::error(origin, message)
                .with_help("add a `kustomization.yaml`, or remove `source.kustomize`"),
        )
    }
}

/// The folder of a source; `None` for charts. A path that is a template is noted.
fn folder_of_source(source: &Node, path: &Node, notes: &mut Vec<Note>) -> Option<String> {
    let text = path.text()?;
    if source.get("chart").is_some() {
        return None;
    }
    if text.contains("{{") {
        let message = format!(
            "path {text:?} cannot be resolved from the repository; what this Application applies is not checked"
        );
        notes.push(Note::new(path.origin, message));
        return None;
    }
    join("", text.trim_start_matches('/'))
}

/// The folder of a file with parameter overrides, which Argo CD merges into the source of an
/// Application, and the name of the Application if the file's name has it.
pub(super) fn overridden(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let rest = name.strip_prefix(".argocd-source")?.strip_suffix(".yaml")?;
    Some((
        folder,
        if rest.is_empty() {
            rest
        } else {
            rest.strip_prefix('-')?
        },
    ))
}

/// The Application of such a file, if its object is not in the repo. `name` may contain the
/// namespace (`apps_api`), or be empty.
pub(super) fn elsewhere(folder: &str, name: &str, origin: Origin) -> Node {
    let entry = |key: &str, value: Node| Entry {
        key: key.into(),
        key_origin: origin,
        value,
    };
    let map = |entries: Vec<Entry>| Node::map(entries, origin);
    let text = |text: &str| Node::string(text, origin);
    let mut metadata: Vec<Entry> = Vec::new();
    let (namespace, name) = name.split_once('_').unwrap_or(("", name));
    metadata.extend(
        [("namespace", namespace), ("name", name)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| entry(key, text(value))),
    );
    let source = map(vec![entry(
        "path",
        text(if folder.is_empty() { "." } else { folder }),
    )]);
    map(vec![
        entry("metadata", map(metadata)),
        entry("spec", map(vec![entry("source", source)])),
    ])
}

/// Names that may tell the environment of an Application, if the folder of its file does not.
fn hints(node: &Node) -> Vec<String> {
    let text = |path: &[&str]| {
        node.at(path)
            .and_then(Node::text)
            .filter(|text| !text.contains("{{"))
            .map(str::to_string)
    };
    let paths: [&[&str]; 4] = [
        &["metadata", "name"],
        &["spec", "destination", "namespace"],
        &["spec", "destination", "name"],
        &["spec", "project"],
    ];
    paths.into_iter().filter_map(text).collect()
}

/// A JSON merge patch (RFC 7386): maps are merged, null removes, everything else is replaced.
pub(super) fn merged(node: &Node, patch: &Node) -> Node {
    let Some(change) = patch.as_map() else {
        return patch.clone();
    };
    let mut result = if node.as_map().is_some() {
        node.clone()
    } else {
        Node::map(Vec::new(), patch.origin)
    };
    for entry in &change.entries {
        if entry.value.is_null() {
            if let Some(map) = result.map_mut() {
                map.entries.retain(|present| present.key != entry.key);
            }
            continue;
        }
        let value = match result.get(&entry.key) {
            Some(present) => merged(present, &entry.value),
            None => merged(&Node::map(Vec::new(), entry.value.origin), &entry.value),
        };
        match result.get_mut(&entry.key) {
            Some(present) => *present = value,
            None => result.set(&entry.key, value, entry.key_origin),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::kustomize::image;
    use super::*;
    use crate::kustomize::decode::Text;
    use crate::yaml::{read, write};

    fn parsed(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    #[test]
    fn files_beside_the_kustomization_are_merge_patches() {
        let source = parsed(
            "path: a\nkustomize: {images: ['a:1'], namePrefix: x-, commonLabels: {a: '1', b: '2'}}",
        );
        let patch =
            parsed("kustomize: {images: ['b:2'], namePrefix: null, commonLabels: {b: '3'}}");
        let expected = serde_json::json!({"path": "a", "kustomize": {"images": ["b:2"], "commonLabels": {"a": "1", "b": "3"}}});
        assert_eq!(write::to_json(&merged(&source, &patch)), expected);
    }

    #[test]
    fn images_as_kustomize_edit_takes_them() {
        let application = parsed("metadata: {name: api}");
        let environment = Environment {
            node: &application,
            source: &application,
        };
        let taken = |text: &str| {
            let image = image(&Node::string(text, application.origin), &environment)?;
            let text = |text: &Option<Text>| {
                text.as_ref()
                    .map_or("-".to_string(), |text| text.to_string())
            };
            Some(
                [&image.name, &image.new_name, &image.new_tag, &image.digest]
                    .map(text)
                    .join(" "),
            )
        };
        for (text, expected) in [
            ("acme/api:v1", Some("acme/api - v1 -")),
            (
                "acme/api=registry:5000/api",
                Some("acme/api registry:5000/api - -"),
            ),
            (
                "registry:5000/api:v1@sha256:ab",
                Some("registry:5000/api - v1 sha256:ab"),
            ),
            ("a=*:v2", Some("a * v2 -")),
            ("acme/api:$ARGOCD_APP_NAME", Some("acme/api - api -")),
            ("acme/api", None),
        ] {
            assert_eq!(taken(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn variables_of_the_build() {
        let application = parsed("metadata: {name: api}\nspec: {project: shop}");
        let environment = Environment {
            node: &application,
            source: &application,
        };
        for (text, expected) in [
            ("$ARGOCD_APP_NAME-${ARGOCD_APP_PROJECT_NAME}", "api-shop"),
            ("$$x $ ${NONE}. ${", "$x $ . ${"),
            (
                "v-$ARGOCD_APP_REVISION_SHORT",
                "v-$ARGOCD_APP_REVISION_SHORT",
            ),
        ] {
            assert_eq!(environment.expand(text), expected, "{text}");
        }
    }

    #[test]
    fn files_of_a_folder() {
        let directory = |text: &str| Directory::read(Some(&parsed(text)));
        assert!(directory("{}").reads("a.yaml") && !directory("{}").reads("b/a.yaml"));
        let chosen = directory("{recurse: true, include: '{*.yaml,*.yml}', exclude: 'test/*'}");
        assert!(
            chosen.reads("b/a.yaml") && !chosen.reads("a.json") && !chosen.reads("test/x/a.yaml")
        );
    }
}
