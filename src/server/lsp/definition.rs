//! Go to definition: from an entry of a kustomization to the file, from a patch to what it changes,
//! from an overlay to the base.

use serde_json::{Value as Json, json};

use super::diagnostics::{Address, range_of};
use super::values::{Place, Written, at, written};
use crate::explain::objects;
use crate::finding::Location;
use crate::repo::Repo;
use crate::source::{EntryKind, folder_of, join};
use crate::yaml::{Node, Origin};

/// The most places of one answer.
const MOST: usize = 20;

/// The places that a cursor leads to.
pub(super) fn definition(repo: &Repo, place: Place<'_>, address: Address<'_>) -> Json {
    let written = written(place.file, place.offset);
    if let Some(target) = written
        .as_ref()
        .and_then(|written| named(repo, place, written))
    {
        let start = json!({"line": 0, "character": 0});
        return json!([{"uri": address(&target), "range": {"start": start, "end": start}}]);
    }
    let mut origins = changed(repo, place);
    if origins.is_empty()
        && let Some(written) = &written
    {
        origins = targets(repo, place, &written.document);
    }
    let mut locations: Vec<Location> = origins
        .into_iter()
        .map(|origin| Location::resolve(&repo.files, origin))
        .collect();
    locations.sort();
    locations.dedup();
    let shown = locations.iter().take(MOST).map(|location| {
        let range = range_of(&repo.files, location);
        let start = range.get("start").cloned().unwrap_or_default();
        json!({"uri": address(&location.file), "range": {"start": start, "end": start}})
    });
    Json::Array(shown.collect())
}

/// The file that an entry names: `../../base`, `patch.yaml`, `key=file.txt`, or a path from the root
/// in an agent's object.
fn named(repo: &Repo, place: Place<'_>, written: &Written) -> Option<String> {
    let text = written.node.text()?;
    let text = text.split_once('=').map_or(text, |(_, file)| file);
    if text.is_empty() || text.contains('\n') {
        return None;
    }
    let folder = folder_of(&place.file.path);
    let from_root = || join("", text.trim_start_matches('/')).filter(|_| text.contains('/'));
    let candidates = [join(folder, text), from_root()];
    candidates
        .into_iter()
        .flatten()
        .find_map(|path| match repo.source.kind(&path)? {
            EntryKind::File => Some(path),
            EntryKind::Directory => {
                let origin = repo.kustomization_origin(&path)?;
                Some(repo.files.get(origin.file).path.to_string())
            }
        })
}

/// The places that wrote the value before the cursor's place changed or removed it. For a new value,
/// the object that it was added to.
fn changed(repo: &Repo, place: Place<'_>) -> Vec<Origin> {
    let is_here = |origin: &Origin| place.is_at(*origin);
    let mut origins = Vec::new();
    for value in at(repo, place) {
        let states: Vec<Origin> = value.states().iter().map(|state| state.origin).collect();
        let here = states.iter().position(is_here).unwrap_or(states.len());
        let before = here.checked_sub(1).and_then(|before| states.get(before));
        let object = value.resource.node.origin;
        match before {
            Some(before) => origins.push(*before),
            None if object.file != place.file.id => origins.push(object),
            None => {}
        }
    }
    origins
}

/// The objects that a patch names by kind and name.
fn targets(repo: &Repo, place: Place<'_>, document: &Node) -> Vec<Origin> {
    let Some(kind) = document.get("kind").and_then(Node::text) else {
        return Vec::new();
    };
    let name = document.at(&["metadata", "name"]).and_then(Node::text);
    let readers = repo
        .overlays
        .iter()
        .filter(|overlay| overlay.rendered.files.contains(&place.file.id));
    readers
        .flat_map(objects)
        .filter(|found| {
            let original = &found.resource.original;
            original.kind == kind && Some(original.name.as_str()) == name
        })
        .map(|found| found.resource.node.origin)
        .filter(|origin| origin.file != place.file.id)
        .take(MOST)
        .collect()
}
