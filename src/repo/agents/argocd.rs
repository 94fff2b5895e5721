//! Argo CD Applications: the folders that they apply and what they add (`argo-cd/util/kustomize`
//! and `reposerver`, release 3.x).
//!
//! `destination.namespace` is no part of what is built: Argo CD gives it to objects without a
//! namespace when it applies them. Not here: ApplicationSets (`applicationset`), editing the
//! kustomization (`layer`).

use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use super::{Layer, Note, Plain, Pointer, name_of};
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry, PatchEntry, ReplicaEntry};
use crate::kustomize::{Kustomization, Problem, Renderer};
use crate::repo::{Agent, AgentKind};
use crate::source::join;
use crate::yaml::{By, Entry, FileId, Node, Origin};

/// The API group of Applications and ApplicationSets.
pub const GROUP: &str = "argoproj.io";

/// How Argo CD reads a folder of plain manifests (`source.directory`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// Whether what lies in folders below is read as well.
    pub recursive: bool,
    include: Option<Glob>,
    exclude: Option<Glob>,
}

/// A glob in which `*` takes slashes as well; `None` inside when it cannot be read, and then
/// nothing matches.
#[derive(Clone, Debug)]
struct Glob(Option<GlobMatcher>);

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.0.as_ref().map(GlobMatcher::glob) == other.0.as_ref().map(GlobMatcher::glob)
    }
}

impl Directory {
    fn read(node: Option<&Node>) -> Directory {
        let glob = |key: &str| {
            let text = node?.get(key)?.text().filter(|text| !text.is_empty())?;
            Some(Glob(
                GlobBuilder::new(text)
                    .literal_separator(false)
                    .build()
                    .ok()
                    .map(|glob| glob.compile_matcher()),
            ))
        };
        let recursive = node
            .and_then(|node| node.get("recurse"))
            .and_then(Node::as_bool)
            .unwrap_or(false);
        Directory {
            recursive,
            include: glob("include"),
            exclude: glob("exclude"),
        }
    }

    /// Whether a file is read; its path is relative to the folder.
    pub fn reads(&self, path: &str) -> bool {
        let matches = |glob: &Glob| glob.0.as_ref().is_some_and(|glob| glob.is_match(path));
        (self.recursive || !path.contains('/'))
            && !self.exclude.as_ref().is_some_and(matches)
            && self.include.as_ref().is_none_or(matches)
    }
}

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
            "path {text:?} needs values from a live cluster; what this Application applies is not checked"
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
        place: None,
        folder_place: None,
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

/// The variables that Argo CD gives to a build (`$ARGOCD_APP_NAME`, …).
struct Environment<'n> {
    node: &'n Node,
    source: &'n Node,
}

impl Environment<'_> {
    fn value(&self, name: &str) -> Option<String> {
        let text = |node: &Node, path: &[&str]| {
            node.at(path)
                .and_then(Node::text)
                .unwrap_or_default()
                .to_string()
        };
        Some(match name {
            "$" => "$".to_string(),
            "ARGOCD_APP_NAME" => text(self.node, &["metadata", "name"]),
            "ARGOCD_APP_NAMESPACE" => text(self.node, &["spec", "destination", "namespace"]),
            "ARGOCD_APP_PROJECT_NAME" => text(self.node, &["spec", "project"]),
            "ARGOCD_APP_SOURCE_REPO_URL" => text(self.source, &["repoURL"]),
            "ARGOCD_APP_SOURCE_PATH" => text(self.source, &["path"]),
            "ARGOCD_APP_SOURCE_TARGET_REVISION" => text(self.source, &["targetRevision"]),
            // the commit is known when it is applied
            "ARGOCD_APP_REVISION" | "ARGOCD_APP_REVISION_SHORT" | "ARGOCD_APP_REVISION_SHORT_8" => {
                return None;
            }
            _ => String::new(),
        })
    }

    /// `$NAME` and `${NAME}` filled in, as Go's `os.Expand` does; what is not known here stays as
    /// written.
    fn expand(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let (name, length) = if let Some(inner) = tail.strip_prefix('{') {
                let Some(end) = inner.find('}') else {
                    rest = &rest[at..];
                    break;
                };
                (&inner[..end], end + 2)
            } else if tail.starts_with('$') {
                ("$", 1)
            } else {
                let end = tail
                    .find(|character| !word(character))
                    .unwrap_or(tail.len());
                (&tail[..end], end)
            };
            match self.value(name).filter(|_| length > 0) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&rest[at..=at + length]),
            }
            rest = &rest[at + 1 + length..];
        }
        out + rest
    }
}

/// `source.kustomize`. Fields that depend on what is not known here are left out and noted.
fn layer(
    fields: &Node,
    (file, path, origin): (FileId, &str, Origin),
    environment: &Environment<'_>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) -> Layer {
    let mut made = Kustomization::empty(file, Arc::from(path), origin.with(By::ArgoCd));
    let mut unknown = |node: &Node, what: &str| {
        let open = templated(node);
        if open {
            let message = format!(
                "`kustomize.{what}` needs values from a live cluster; the Application is checked without it"
            );
            notes.push(Note {
                origin: node.origin,
                message,
            });
        }
        open
    };
    let mut items = |key: &str| -> Vec<Node> {
        let list = fields.get(key).map_or(&[][..], Node::items);
        list.iter()
            .filter(|node| !unknown(node, key))
            .cloned()
            .collect()
    };
    let images = items("images");
    let replicas = items("replicas");
    let patches = items("patches");
    let components = items("components");
    let mut field = |key: &str| fields.get(key).filter(|node| !unknown(node, key));
    let (namespace, prefix, suffix) =
        (field("namespace"), field("namePrefix"), field("nameSuffix"));
    let (labels, annotations) = (field("commonLabels"), field("commonAnnotations"));
    for node in &images {
        match image(node, environment) {
            Some(image) => made.images.push(image),
            None => {
                let message = "this image sets no new name, tag or digest; Argo CD cannot build it";
                problems.push(
                    Problem::error(node.origin, message)
                        .with_help("write `name:tag`, `name@digest` or `name=new:tag`"),
                );
            }
        }
    }
    let mut decoder = Decoder::new(problems, Rules::Plugin);
    made.replicas = replicas
        .iter()
        .map(|node| replica(node, &mut decoder))
        .collect();
    made.patches = patches
        .iter()
        .map(|node| PatchEntry::decode(node, &mut decoder))
        .collect();
    made.components = components
        .iter()
        .filter_map(|node| decoder.filled_text(node, "an item of components"))
        .collect();
    let mut text = |node: Option<&Node>, what: &str| {
        node.and_then(|node| decoder.filled_text(node, what))
            .filter(|text| !text.is_empty())
    };
    made.namespace = text(namespace, "namespace");
    made.name_prefix = text(prefix, "namePrefix");
    made.name_suffix = text(suffix, "nameSuffix");
    let flag = |key: &str| fields.get(key).and_then(Node::as_bool).unwrap_or(false);
    made.common_annotations = annotations
        .map(|node| decoder.pairs(node, "commonAnnotations"))
        .unwrap_or_default();
    if flag("commonAnnotationsEnvsubst") {
        made.common_annotations
            .iter_mut()
            .for_each(|pair| expand(pair, environment));
    }
    let mut pairs = labels
        .map(|node| decoder.pairs(node, "commonLabels"))
        .unwrap_or_default();
    pairs.iter_mut().for_each(|pair| expand(pair, environment));
    let include_templates = flag("labelIncludeTemplates");
    match labels.filter(|_| !pairs.is_empty()) {
        Some(node) if flag("labelWithoutSelector") => {
            made.labels = vec![LabelEntry {
                pairs,
                include_selectors: false,
                include_templates,
                include_volume_claim_templates: false,
                fields: Vec::new(),
                origin: node.origin,
            }];
        }
        Some(node) if include_templates => {
            let message =
                "`labelIncludeTemplates` needs `labelWithoutSelector`; Argo CD cannot build this";
            problems.push(
                Problem::error(node.origin, message).with_help("set `labelWithoutSelector: true`"),
            );
        }
        _ => made.common_labels = pairs,
    }
    let mut layer = Layer::new(AgentKind::ArgoCd, made);
    layer.ignore_missing_components = flag("ignoreMissingComponents");
    layer.force_labels = flag("forceCommonLabels");
    layer.force_annotations = flag("forceCommonAnnotations");
    layer
}

fn expand(pair: &mut Pair, environment: &Environment<'_>) {
    pair.value.value = environment.expand(&pair.value).into();
}

/// Whether a text of a tree still has a template in it.
fn templated(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains("{{"))
        || node
            .entries()
            .iter()
            .any(|entry| entry.key.contains("{{") || templated(&entry.value))
        || node.items().iter().any(templated)
}

/// The count may be written as a text.
fn replica(node: &Node, decoder: &mut Decoder<'_>) -> ReplicaEntry {
    let count = node.get("count").filter(|count| count.as_str().is_some());
    let number = count.and_then(|count| count.text()?.parse::<i64>().ok());
    match (number, node.get("name")) {
        (Some(number), Some(name)) => ReplicaEntry {
            name: decoder.filled_text(name, "name"),
            count: number,
            count_origin: count.map_or(node.origin, |count| count.origin),
            origin: node.origin,
        },
        _ => ReplicaEntry::decode(node, decoder),
    }
}

/// `name:tag`, `name@digest` or `old=new:tag@digest`, as `kustomize edit set image` takes it;
/// `None` when it says nothing new.
fn image(node: &Node, environment: &Environment<'_>) -> Option<ImageEntry> {
    let written = environment.expand(node.text()?);
    let part = |text: &str| Text::new(text, node.clone());
    let (old, new) = written
        .split_once('=')
        .map_or((None, written.as_str()), |(old, new)| (Some(old), new));
    let (rest, digest) = new
        .split_once('@')
        .map_or((new, None), |(rest, digest)| (rest, Some(digest)));
    let (name, tag) = match rest.rsplit_once(':') {
        // the port of a registry is no tag
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if old.is_none() && tag.is_none() && digest.is_none() {
        return None;
    }
    Some(ImageEntry {
        name: Some(part(old.unwrap_or(name))),
        new_name: old.is_some().then(|| part(name)),
        new_tag: tag.map(part),
        tag_suffix: None,
        digest: digest.map(part),
        origin: node.origin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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
