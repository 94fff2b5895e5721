//! Argo CD Applications: the folders that they apply and what they add (`argo-cd/util/kustomize`
//! and `reposerver`, release 3.x).
//!
//! `destination.namespace` does not change what is built: Argo CD gives it to objects without a
//! namespace when it applies them. Not here: ApplicationSets (`applicationset`), editing the
//! kustomization (`layer`).

mod directory;
mod environment;
mod kustomize;

use super::{Note, Plain, Pointer, name_of};
use crate::kustomize::{Problem, Renderer};
use crate::repo::{Agent, AgentKind};
use crate::source::join;
use crate::yaml::{Entry, FileId, Node, Origin};
pub use directory::Directory;
use environment::Environment;
use kustomize::layer;
use std::sync::Arc;

/// The API group of Applications and ApplicationSets.
pub const GROUP: &str = "argoproj.io";

/// The sources of an Application with a folder of this repository; what cannot be followed is
/// noted.
pub fn pointers(
    node: &Node,
    file: FileId,
    path: &str,
    renderer: &Renderer,
    notes: &mut Vec<Note>,
) -> Vec<(String, Pointer)> {
    let Some(spec) = node.get("spec") else {
        return Vec::new();
    };
    let sources = spec
        .get("source")
        .into_iter()
        .chain(spec.get("sources").map_or(&[][..], Node::items));
    sources
        .filter_map(|source| pointer(node, source, (file, path), renderer, notes))
        .collect()
}

/// The URL of a source and what it applies.
fn pointer(
    node: &Node,
    source: &Node,
    at: (FileId, &str),
    renderer: &Renderer,
    notes: &mut Vec<Note>,
) -> Option<(String, Pointer)> {
    let path = source.get("path")?;
    let text = path.text()?;
    if source.get("chart").is_some() {
        return None;
    }
    if text.contains("{{") {
        let message = format!(
            "path {text:?} cannot be resolved from the repository; what this Application applies is not checked"
        );
        notes.push(Note {
            origin: path.origin,
            message,
        });
        return None;
    }
    let folder = join("", text.trim_start_matches('/'))?;
    let (name, namespace) = ["name", "namespace"]
        .map(|key| {
            node.at(&["metadata", key])
                .and_then(Node::text)
                .unwrap_or_default()
        })
        .into();
    let files = [
        ".argocd-source.yaml".to_string(),
        format!(".argocd-source-{name}.yaml"),
        format!(".argocd-source-{namespace}_{name}.yaml"),
    ];
    let read = |file: &String| {
        renderer
            .parsed(&join(&folder, file)?)
            .ok()?
            .documents
            .first()
            .cloned()
    };
    let (file, file_path) = at;
    let beside = files
        .iter()
        .filter_map(|file| renderer.file_id(&join(&folder, file)?));
    let read_files = std::iter::once(file).chain(beside).collect();
    let source = files
        .iter()
        .filter_map(read)
        .fold(source.clone(), |source, file| merged(&source, &file));
    // Helm and plugins render something else than the folder's kustomization
    let present = |key: &str| source.get(key).filter(|value| !value.is_null());
    if ["helm", "plugin"].iter().any(|key| present(key).is_some()) {
        return None;
    }
    let own = renderer.kustomization(&folder).is_some();
    // a chart is what Argo CD takes a folder with a Chart.yaml for, unless a kustomization lies
    // beside it
    if !own
        && present("directory").is_none()
        && renderer
            .source()
            .kind(&join(&folder, "Chart.yaml")?)
            .is_some()
    {
        return None;
    }
    let mut problems = Vec::new();
    let environment = Environment {
        node,
        source: &source,
    };
    let layer = present("kustomize").map(|fields| {
        let place = (file, file_path, path.origin);
        layer(fields, place, &environment, &mut problems, notes)
    });
    if present("kustomize").is_some() && !own && renderer.source().kind(&folder).is_some() {
        let message = format!(
            "{} uses `source.kustomize`, but {folder:?} has no kustomization file",
            name_of(node, "Application")
        );
        problems.push(
            Problem::error(path.origin, message)
                .with_help("add a `kustomization.yaml`, or remove `source.kustomize`"),
        );
    }
    let explicit_directory = present("directory").is_some();
    let agent = Agent {
        kind: AgentKind::ArgoCd,
        name: name_of(node, "Application"),
        origin: path.origin,
    };
    let directory = Directory::read(present("directory"));
    let url = source
        .get("repoURL")
        .and_then(Node::text)
        .unwrap_or_default()
        .to_string();
    let pointer = Pointer {
        folder,
        agent,
        file: Arc::from(file_path),
        read: read_files,
        hints: hints(node),
        file_placement: None,
        folder_placement: None,
        named: None,
        layer: layer.filter(|layer| !layer.is_empty()),
        plain: if explicit_directory {
            Plain::Always(directory)
        } else {
            Plain::Directory(directory)
        },
        post_build: None,
        common_metadata: Default::default(),
        problems,
        object: node.clone(),
    };
    Some((url, pointer))
}

/// The folder of a file that Argo CD merges into the source of an Application (parameter
/// overrides), and the name of the Application where the file's name has it.
pub fn overridden(path: &str) -> Option<(&str, &str)> {
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

/// The Application of such a file when its object is not in the repo: `name` may carry the
/// namespace (`apps_api`), or be empty.
pub fn elsewhere(folder: &str, name: &str, origin: Origin) -> Node {
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

/// What tells the environment of an Application when its file's folder does not.
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
pub fn merged(node: &Node, patch: &Node) -> Node {
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
