//! The Applications that an ApplicationSet makes (`argo-cd/applicationset`, release 3.x).
//!
//! Here: the generators `list`, `git`, `matrix` and `merge` over the repository's own files. What
//! other generators give is known to a cluster or server only: their parameters stay as written in
//! the template. Not here: what an Application applies (`argocd`), the language of the templates
//! (`template`).

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Map, Value, json};

use super::Note;
use super::argocd::merged;
use super::repository::Identity;
use super::template::{Parameters, normalized, printed};
use crate::kustomize::Renderer;
use crate::yaml::{Data, Entry, Kind, Node, Scalar, read, write};

/// How many Applications one ApplicationSet may make.
const LIMIT: usize = 5000;
/// Generators within generators.
const DEPTH: usize = 2;
/// Generators that ask a cluster or a server.
const ELSEWHERE: [&str; 5] = [
    "clusters",
    "scmProvider",
    "clusterDecisionResource",
    "pullRequest",
    "plugin",
];

/// The tree that generators look at.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The tree.
    pub renderer: &'a Renderer,
    /// Every folder of the tree, sorted.
    pub folders: &'a BTreeSet<&'a str>,
    /// Which URLs are this repository's.
    pub identity: &'a Identity,
}

/// The Applications, as objects with the places of the template, and what could not be followed.
pub fn expand(node: &Node, surroundings: Surroundings<'_>, notes: &mut Vec<Note>) -> Vec<Node> {
    let Some((spec, template)) = node
        .get("spec")
        .and_then(|spec| Some((spec, spec.get("template")?)))
    else {
        return Vec::new();
    };
    let go = spec
        .get("goTemplate")
        .and_then(Node::as_bool)
        .unwrap_or(false);
    let patch = spec
        .entry("templatePatch")
        .filter(|patch| patch.value.as_str().is_some());
    let mut made: Vec<Node> = Vec::new();
    for generator in spec.get("generators").map_or(&[][..], Node::items) {
        let template = generator_template(generator)
            .map_or_else(|| template.clone(), |own| filled_up(own, template));
        for parameters in parameters(generator, go, surroundings, 0, notes) {
            if made.len() >= LIMIT {
                let message = format!(
                    "this ApplicationSet creates more than {LIMIT} Applications; the rest are not checked"
                );
                notes.push(Note {
                    origin: node.origin,
                    message,
                });
                return made;
            }
            let mut application = template.clone();
            fill(&mut application, &parameters);
            if let Some(patch) = patch {
                apply(&mut application, patch, &parameters, notes);
            }
            made.push(application);
        }
    }
    made
}

/// `templatePatch`: laid over the Application once its parameters are filled in.
fn apply(application: &mut Node, patch: &Entry, parameters: &Parameters, notes: &mut Vec<Note>) {
    let (text, origin) = (
        parameters.fill(patch.value.as_str().unwrap_or_default()),
        patch.value.origin,
    );
    match (!text.contains("{{")).then(|| read::read(&text, origin.file).ok()).flatten() {
        Some(read) => {
            for mut change in read.documents.into_iter().take(1) {
                super::set_origin(&mut change, origin);
                *application = merged(application, &change);
            }
        }
        None => notes.push(Note {
            origin: patch.key_origin,
            message: "this `templatePatch` cannot be resolved from the repository; the Applications are checked without it".to_string(),
        }),
    }
}

/// A generator's own template.
fn generator_template(generator: &Node) -> Option<&Node> {
    generator
        .entries()
        .iter()
        .find_map(|entry| entry.value.get("template"))
}

/// A generator's template with what it leaves open taken from the ApplicationSet's.
fn filled_up(own: &Node, base: &Node) -> Node {
    let (Some(_), Some(entries)) = (own.as_map(), base.as_map()) else {
        return own.clone();
    };
    let mut result = own.clone();
    for entry in &entries.entries {
        match own
            .get(&entry.key)
            .filter(|value| !value.is_null() && value.text() != Some(""))
        {
            Some(value) => result.set(&entry.key, filled_up(value, &entry.value), entry.key_origin),
            None => result.set(&entry.key, entry.value.clone(), entry.key_origin),
        }
    }
    result
}

/// What a generator gives: the parameters of each Application.
fn parameters(
    generator: &Node,
    go: bool,
    surroundings: Surroundings<'_>,
    depth: usize,
    notes: &mut Vec<Note>,
) -> Vec<Parameters> {
    let given = |values: Map<String, Value>| Parameters {
        values,
        open: false,
        go,
    };
    let mut sets = if let Some(list) = generator.get("list") {
        let mut elements: Vec<Value> = list
            .get("elements")
            .map_or(&[][..], Node::items)
            .iter()
            .map(write::to_json)
            .collect();
        if let Some(text) = list.get("elementsYaml").and_then(Node::as_str) {
            let documents = read::read(text, list.origin.file)
                .map(|read| read.documents)
                .unwrap_or_default();
            elements.extend(documents.iter().flat_map(Node::items).map(write::to_json));
        }
        elements
            .into_iter()
            .filter_map(|element| element.as_object().map(|values| given(shaped(values, go))))
            .collect()
    } else if let Some(Entry {
        value: git,
        key_origin,
        ..
    }) = generator.entry("git")
    {
        let url = git.get("repoURL").and_then(Node::text).unwrap_or_default();
        if surroundings.identity.is_own(url) {
            let mut sets = if git.get("directories").is_some() {
                directories(git, go, surroundings)
            } else {
                files(git, go, surroundings)
            };
            let values = git.get("values").map_or(&[][..], Node::entries);
            for parameters in &mut sets {
                let filled = values.iter().filter_map(|entry| {
                    Some((
                        entry.key.to_string(),
                        parameters.fill(entry.value.text()?).into(),
                    ))
                });
                let filled: Map<String, Value> = filled.collect();
                parameters.values.extend(shaped(
                    &Map::from_iter([("values".to_string(), Value::Object(filled))]),
                    go,
                ));
            }
            sets.retain(|set| !set.values.is_empty());
            sets
        } else {
            let message =
                "this generator reads another repository; the Applications it creates are not checked"
                    .to_string();
            notes.push(Note {
                origin: *key_origin,
                message,
            });
            vec![Parameters {
                open: true,
                go,
                ..Parameters::default()
            }]
        }
    } else if let Some(matrix) = generator.get("matrix").filter(|_| depth < DEPTH) {
        product(matrix, go, surroundings, depth, notes)
    } else if let Some(merge) = generator.get("merge").filter(|_| depth < DEPTH) {
        joined(merge, go, surroundings, depth, notes)
    } else {
        let entry = generator
            .entries()
            .iter()
            .find(|entry| ELSEWHERE.contains(&&*entry.key));
        let what = entry.map_or("this generator".to_string(), |entry| {
            format!("generator `{}`", entry.key)
        });
        let message = format!(
            "{what} needs a live cluster or server; the Applications it creates are not checked"
        );
        notes.push(Note {
            origin: entry.map_or(generator.origin, |entry| entry.key_origin),
            message,
        });
        vec![Parameters {
            open: true,
            go,
            ..Parameters::default()
        }]
    };
    if let Some(selector) = generator.get("selector") {
        sets.retain(|set| set.open || selects(selector, set));
    }
    sets.truncate(LIMIT + 1);
    sets
}

/// Every set of the first generator with every set of the second, which may use what the first
/// gave. Argo CD takes two generators, no more and no less.
fn product(
    matrix: &Node,
    go: bool,
    surroundings: Surroundings<'_>,
    depth: usize,
    notes: &mut Vec<Note>,
) -> Vec<Parameters> {
    let generators = matrix.get("generators").map_or(&[][..], Node::items);
    if generators.len() != 2 {
        let message = "a matrix generator needs exactly two generators; Argo CD creates no Application from this one"
            .to_string();
        notes.push(Note {
            origin: matrix.origin,
            message,
        });
        return Vec::new();
    }
    let mut sets = vec![Parameters {
        go,
        ..Parameters::default()
    }];
    for child in generators {
        let mut product = Vec::new();
        for before in &sets {
            let mut child = child.clone();
            fill(&mut child, before);
            for mut parameters in parameters(&child, go, surroundings, depth + 1, notes) {
                overlay(&mut parameters.values, &before.values);
                parameters.open |= before.open;
                product.push(parameters);
                if product.len() > LIMIT {
                    return product;
                }
            }
        }
        sets = product;
    }
    sets
}

/// The sets of the first generator with those of the others that agree in the merge keys laid over
/// them.
fn joined(
    merge: &Node,
    go: bool,
    surroundings: Surroundings<'_>,
    depth: usize,
    notes: &mut Vec<Note>,
) -> Vec<Parameters> {
    let keys: Vec<&str> = merge
        .get("mergeKeys")
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(Node::text)
        .collect();
    let mut generators = merge.get("generators").map_or(&[][..], Node::items).iter();
    let Some(first) = generators.next() else {
        return Vec::new();
    };
    let mut sets = parameters(first, go, surroundings, depth + 1, notes);
    for generator in generators {
        for other in parameters(generator, go, surroundings, depth + 1, notes) {
            for set in &mut sets {
                if other.open {
                    set.open = true;
                } else if keys
                    .iter()
                    .all(|key| set.values.get(*key) == other.values.get(*key))
                {
                    overlay(&mut set.values, &other.values);
                }
            }
        }
    }
    sets
}

/// Lays values over others, map by map.
fn overlay(values: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (values.get_mut(key), value) {
            (Some(Value::Object(present)), Value::Object(over)) => overlay(present, over),
            _ => drop(values.insert(key.clone(), value.clone())),
        }
    }
}

/// Nested for Go templates, by dotted keys otherwise.
fn shaped(values: &Map<String, Value>, go: bool) -> Map<String, Value> {
    if go {
        return values.clone();
    }
    let mut flat = Map::new();
    flatten("", &Value::Object(values.clone()), &mut flat);
    flat
}

fn flatten(prefix: &str, value: &Value, flat: &mut Map<String, Value>) {
    let below = |key: &str| {
        if prefix.is_empty() {
            key.to_string()
        } else {
            format!("{prefix}.{key}")
        }
    };
    match value {
        Value::Object(entries) => entries
            .iter()
            .for_each(|(key, value)| flatten(&below(key), value, flat)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| flatten(&below(&at.to_string()), item, flat)),
        other => drop(printed(other).map(|text| flat.insert(prefix.to_string(), text.into()))),
    }
}

/// `matchLabels` and `matchExpressions` over the parameters by dotted keys.
fn selects(selector: &Node, set: &Parameters) -> bool {
    let flat = shaped(&set.values, false);
    let value = |key: &str| flat.get(key).and_then(Value::as_str);
    let labels = selector
        .get("matchLabels")
        .map_or(&[][..], Node::entries)
        .iter();
    let expressions = selector
        .get("matchExpressions")
        .map_or(&[][..], Node::items)
        .iter();
    labels
        .into_iter()
        .all(|entry| value(&entry.key) == entry.value.text())
        && expressions.into_iter().all(|expression| {
            let text = |key: &str| expression.get(key).and_then(Node::text).unwrap_or_default();
            let found = value(text("key"));
            let among = expression
                .get("values")
                .map_or(&[][..], Node::items)
                .iter()
                .any(|item| item.text() == found && found.is_some());
            match text("operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => true,
            }
        })
}

fn directories(git: &Node, go: bool, surroundings: Surroundings<'_>) -> Vec<Parameters> {
    // `**` is `*` here: Go's path.Match knows no other
    let (wanted, excluded) = patterns(git, "directories", &|path| {
        glob(&path.replace("**", "*"), true)
    });
    let folders = surroundings
        .folders
        .iter()
        .copied()
        .filter(|folder| !folder.split('/').any(|part| part.starts_with('.')));
    let matching = folders.filter(|folder| {
        !folder.is_empty() && matches(&wanted, folder) && !matches(&excluded, folder)
    });
    matching
        .map(|folder| Parameters {
            values: path_parameters(git, go, folder, None),
            open: false,
            go,
        })
        .collect()
}

fn files(git: &Node, go: bool, surroundings: Surroundings<'_>) -> Vec<Parameters> {
    // Git's own globs, in which `*` takes slashes as well
    let (wanted, excluded) = patterns(git, "files", &|path| glob(path, false));
    let mut sets = Vec::new();
    for path in surroundings
        .renderer
        .source()
        .files()
        .iter()
        .filter(|path| matches(&wanted, path) && !matches(&excluded, path))
    {
        let Ok(documents) = surroundings.renderer.parsed(path) else {
            continue;
        };
        for document in &documents.documents {
            let items = if document.as_list().is_some() {
                document.items()
            } else {
                std::slice::from_ref(document)
            };
            for item in items {
                let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
                let own = write::to_json(item)
                    .as_object()
                    .map(|values| shaped(values, go))
                    .unwrap_or_default();
                let mut values = own;
                values.extend(path_parameters(git, go, folder, Some(name)));
                sets.push(Parameters {
                    values,
                    open: false,
                    go,
                });
            }
        }
    }
    sets
}

type Globs = Vec<GlobMatcher>;

/// The globs of `directories` or `files`: those that take in, and those that leave out.
fn patterns(git: &Node, key: &str, glob: &dyn Fn(&str) -> Option<GlobMatcher>) -> (Globs, Globs) {
    let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
    for entry in git.get(key).map_or(&[][..], Node::items) {
        let Some(path) = entry.get("path").and_then(Node::text) else {
            continue;
        };
        let exclude = entry
            .get("exclude")
            .and_then(Node::as_bool)
            .unwrap_or(false);
        (if exclude { &mut excluded } else { &mut wanted })
            .extend(glob(path.trim_start_matches("./").trim_matches('/')));
    }
    (wanted, excluded)
}

fn glob(text: &str, separator: bool) -> Option<GlobMatcher> {
    GlobBuilder::new(text)
        .literal_separator(separator)
        .build()
        .ok()
        .map(|glob| glob.compile_matcher())
}

fn matches(globs: &[GlobMatcher], path: &str) -> bool {
    globs.iter().any(|glob| glob.is_match(path))
}

/// What a folder, or a file in it, gives under `path`.
fn path_parameters(git: &Node, go: bool, folder: &str, file: Option<&str>) -> Map<String, Value> {
    let prefix = git
        .get("pathParamPrefix")
        .and_then(Node::text)
        .filter(|prefix| !prefix.is_empty());
    let base = folder.rsplit('/').next().unwrap_or_default();
    let segments: Vec<&str> = folder.split('/').collect();
    let mut named = vec![
        ("basename", base.to_string()),
        ("basenameNormalized", normalized(base)),
    ];
    named.extend(file.into_iter().flat_map(|file| {
        [
            ("filename", file.to_string()),
            ("filenameNormalized", normalized(file)),
        ]
    }));
    if go {
        let mut path = json!({"path": folder, "segments": segments});
        for (key, value) in named {
            path[key] = value.into();
        }
        let values = json!({"path": path});
        let values = prefix.map_or(values.clone(), |prefix| json!({prefix: values}));
        return values.as_object().cloned().unwrap_or_default();
    }
    let own = prefix.map_or("path".to_string(), |prefix| format!("{prefix}.path"));
    let mut values = Map::new();
    values.insert(own.clone(), folder.into());
    values.extend(
        named
            .into_iter()
            .map(|(key, value)| (format!("{own}.{key}"), value.into())),
    );
    values.extend(
        segments
            .iter()
            .enumerate()
            .map(|(at, segment)| (format!("{own}[{at}]"), (*segment).into())),
    );
    values
}

/// Puts parameters into every text and key of a tree; its depth is bounded by the reader.
fn fill(node: &mut Node, parameters: &Parameters) {
    if let Some(scalar) = node.as_scalar() {
        if scalar.kind == Kind::String && scalar.text.contains("{{") {
            let filled = parameters.fill(&scalar.text);
            node.data = Data::Scalar(Scalar::string(filled));
        }
    } else if let Some(map) = node.map_mut() {
        for entry in &mut map.entries {
            if entry.key.contains("{{") {
                entry.key = Arc::from(parameters.fill(&entry.key));
            }
            fill(&mut entry.value, parameters);
        }
    } else if let Some(list) = node.list_mut() {
        list.items
            .iter_mut()
            .for_each(|item| fill(item, parameters));
    }
}
