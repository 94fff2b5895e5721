//! The generator `git`: folders and files of the repository.

use globset::GlobMatcher;
use serde_json::{Map, Value, json};

use super::super::template::normalized;
use super::Surroundings;
use super::values::shaped;
use crate::glob::{Stars, compile};
use crate::source::refs::split;
use crate::yaml::{Node, write};

type Values = Map<String, Value>;

/// The values of each folder, or of each item in each file, that the generator chooses. `root` is
/// the folder of the ref that it reads; empty for the tree under check.
pub(super) fn values(
    git: &Node,
    go: bool,
    root: &str,
    surroundings: Surroundings<'_>,
) -> Vec<Values> {
    if git.get("directories").is_some() {
        directories(git, go, root, surroundings)
    } else {
        files(git, go, root, surroundings)
    }
}

/// The part of a path in a ref; `None` if it is in another one.
fn inside<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    let (own, rest) = split(path);
    (own == root).then_some(rest)
}

fn directories(git: &Node, go: bool, root: &str, surroundings: Surroundings<'_>) -> Vec<Values> {
    // Go's path.Match reads `**` as `*`
    let (wanted, excluded) = patterns(git, "directories", &|path| {
        glob(&path.replace("**", "*"), true)
    });
    let folders = surroundings.folders.iter();
    let folders = folders.filter_map(|folder| inside(folder, root));
    folders
        .filter(|folder| !folder.split('/').any(|part| part.starts_with('.')))
        .filter(|folder| !folder.is_empty())
        .filter(|folder| matches(&wanted, folder) && !matches(&excluded, folder))
        .map(|folder| path_parameters(git, go, folder, None))
        .collect()
}

fn files(git: &Node, go: bool, root: &str, surroundings: Surroundings<'_>) -> Vec<Values> {
    // in Git's own globs, `*` matches slashes as well
    let (wanted, excluded) = patterns(git, "files", &|path| glob(path, false));
    let mut sets = Vec::new();
    for whole in surroundings.renderer.source().files().iter() {
        let Some(path) = inside(whole, root) else {
            continue;
        };
        if !matches(&wanted, path) || matches(&excluded, path) {
            continue;
        }
        let Ok(documents) = surroundings.renderer.parsed(whole) else {
            continue;
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        for document in &documents.documents {
            let items = if document.as_list().is_some() {
                document.items()
            } else {
                std::slice::from_ref(document)
            };
            for item in items {
                let own = write::to_json(item);
                let own = own.as_object().map(|values| shaped(values, go));
                let mut values = own.unwrap_or_default();
                values.extend(path_parameters(git, go, folder, Some(name)));
                sets.push(values);
            }
        }
    }
    sets
}

type Globs = Vec<GlobMatcher>;

/// The globs of `directories` or `files`: those that include, and those that exclude.
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
    let stars = match separator {
        true => Stars::WithinFolder,
        false => Stars::AcrossFolders,
    };
    compile(text, stars).ok()
}

fn matches(globs: &[GlobMatcher], path: &str) -> bool {
    globs.iter().any(|glob| glob.is_match(path))
}

/// The parameters that start with `path`, of a folder or of a file in it.
fn path_parameters(git: &Node, go: bool, folder: &str, file: Option<&str>) -> Values {
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
