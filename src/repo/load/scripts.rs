//! The files that commands of the repo name: scripts, Makefiles and workflows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use super::Tree;
use crate::source::folder_of;

/// The most files of commands that are read, and the longest one.
const SCRIPTS: (usize, usize) = (500, 1 << 18);

/// Those of some paths that commands name: by the name of the file if they lie in the same folder, else
/// together with the folder. Each script is searched once, whatever the number of paths.
pub(super) fn named<'p>(tree: Tree<'_>, paths: &[&'p str]) -> BTreeSet<&'p str> {
    let mut by_name: BTreeMap<&str, Vec<&'p str>> = BTreeMap::new();
    for path in paths {
        for name in BTreeSet::from([own_name(path), with_folder(path)]) {
            by_name.entry(name).or_default().push(path);
        }
    }
    let names: Vec<(&str, Vec<&str>)> = by_name.into_iter().collect();
    let mut found = BTreeSet::new();
    // a set of names that is too large to search for names nothing
    let Ok(search) = AhoCorasick::new(names.iter().map(|(name, _)| name)) else {
        return found;
    };
    for (folder, text) in scripts(tree) {
        let matches = search.find_overlapping_iter(&text);
        let whole = matches.filter(|one| is_whole(&text, one.start(), one.end()));
        let matched: BTreeSet<usize> = whole.map(|one| one.pattern().as_usize()).collect();
        for (name, paths) in matched.into_iter().filter_map(|at| names.get(at)) {
            found.extend(paths.iter().filter(|path| match folder_of(path) == folder {
                true => *name == own_name(path),
                false => *name == with_folder(path),
            }));
        }
    }
    found
}

/// `web.yaml` of `apps/web/web.yaml`.
fn own_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `web/web.yaml` of `apps/web/web.yaml`.
fn with_folder(path: &str) -> &str {
    let above = folder_of(folder_of(path));
    let name = path.get(above.len()..).unwrap_or(path);
    name.trim_start_matches('/')
}

/// True if a name is not part of a longer word.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let is_part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

/// The files of commands in the repo: the folder and the text of each.
fn scripts(tree: Tree<'_>) -> impl Iterator<Item = (&str, String)> {
    let source = tree.renderer.source();
    let is_script = |path: &&Arc<str>| {
        let name = own_name(path);
        name.ends_with(".sh")
            || ["Makefile", "Justfile", "justfile", "Jenkinsfile"].contains(&name)
            || ["Taskfile.yml", "Taskfile.yaml", ".gitlab-ci.yml"].contains(&name)
            || path.starts_with(".github/workflows/")
    };
    let paths = source.files().iter().filter(is_script).take(SCRIPTS.0);
    paths.filter_map(|path| {
        let bytes = source.read(path).ok()?;
        let text = (bytes.len() <= SCRIPTS.1).then(|| String::from_utf8_lossy(&bytes));
        Some((folder_of(path), text?.into_owned()))
    })
}
