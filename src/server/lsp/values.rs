//! The rendered values that stand below a cursor: those that this place of the file wrote, changed
//! or removed, in every overlay that reads it.

use crate::explain::path::{Step, general};
use crate::explain::value::{self, Value};
use crate::explain::{Found, objects};
use crate::repo::{Overlay, Repo};
use crate::source::{EditorPosition, SourceFile};
use crate::yaml::{FileId, Node, Origin, read};

/// The most objects that one answer looks at.
const MOST: usize = 400;

/// A place in a file.
#[derive(Clone, Copy)]
pub(super) struct Place<'f> {
    pub(super) file: &'f SourceFile,
    /// The byte. On a key, that of its value.
    pub(super) offset: u32,
    /// The bytes of the item of a list that is a map and holds the place.
    around: Option<(u32, u32)>,
}

fn spans(origin: Origin, offset: u32) -> bool {
    origin.start <= offset && offset <= origin.end
}

/// The innermost map at a byte that is an item of a list.
fn around(node: &Node, offset: u32) -> Option<(u32, u32)> {
    let values = node.entries().iter().map(|entry| &entry.value);
    let inner = values
        .chain(node.items())
        .filter(|child| spans(child.origin, offset));
    let inner = inner.into_iter().find_map(|child| around(child, offset));
    inner.or_else(|| {
        let mut items = node.items().iter();
        let item = items.find(|item| item.as_map().is_some() && spans(item.origin, offset))?;
        Some((item.origin.start, item.origin.end))
    })
}

/// The key or value at a byte of a document.
pub(super) struct Written {
    /// The scalar, or the value of the key.
    pub(super) node: Node,
    /// The document around it.
    pub(super) document: Node,
}

impl<'f> Place<'f> {
    pub(super) fn new(file: &'f SourceFile, position: EditorPosition) -> Place<'f> {
        let offset = file.offset_of(position) as u32;
        let written = written(file, offset);
        // inside of a block of text, the place itself counts: a patch may be written there
        let on_key = written
            .as_ref()
            .filter(|written| !spans(written.node.origin, offset));
        Place {
            file,
            offset: on_key.map_or(offset, |written| written.node.origin.start),
            around: written.and_then(|written| around(&written.document, offset)),
        }
    }

    fn holds(self, origin: Origin) -> bool {
        origin.file == self.file.id && spans(origin, self.offset)
    }

    /// True for the place itself, and for others in the same item of a list.
    pub(super) fn is_at(self, origin: Origin) -> bool {
        self.holds(origin) || self.is_beside(origin)
    }

    /// True for a place in the same item of a list: `newTag` and `digest` of an image.
    fn is_beside(self, origin: Origin) -> bool {
        let within = |(start, end): (u32, u32)| start <= origin.start && origin.end <= end;
        origin.file == self.file.id && self.around.is_some_and(within)
    }
}

/// The scalar at a byte, or the value of the key there. `None` for a file that is not YAML.
pub(super) fn written(file: &SourceFile, offset: u32) -> Option<Written> {
    let documents = read::read(&file.text, FileId(0)).ok()?.documents;
    documents.into_iter().find_map(|document| {
        let node = below(&document, offset)?.clone();
        Some(Written { node, document })
    })
}

fn below(node: &Node, offset: u32) -> Option<&Node> {
    let holds = |origin: Origin| origin.start <= offset && offset <= origin.end;
    for entry in node.entries() {
        if holds(entry.key_origin) {
            return Some(&entry.value);
        }
        if let Some(found) = below(&entry.value, offset) {
            return Some(found);
        }
    }
    let found = node.items().iter().find_map(|item| below(item, offset));
    found.or_else(|| Some(node).filter(|node| node.as_scalar().is_some() && holds(node.origin)))
}

/// The values below a cursor, in the order of the overlays. If there are none, those that the item
/// of a list around it wrote.
pub(super) fn at<'r>(repo: &'r Repo, place: Place<'_>) -> Vec<Value<'r>> {
    let values = held(repo, place.file.id, &|origin| place.holds(origin));
    if values.is_empty() {
        held(repo, place.file.id, &|origin| place.is_beside(origin))
    } else {
        values
    }
}

/// True for the places that are asked about.
type Holds<'h> = &'h dyn Fn(Origin) -> bool;

fn held<'r>(repo: &'r Repo, file: FileId, holds: Holds<'_>) -> Vec<Value<'r>> {
    let readers = repo
        .overlays
        .iter()
        .filter(|overlay| overlay.rendered.files.contains(&file));
    let touched = readers
        .flat_map(objects)
        .filter(|found| touches(&found.resource.node, holds) || found.deleted.is_some_and(holds))
        .take(MOST);
    let mut values: Vec<(u32, Value)> = Vec::new();
    for found in touched {
        let all = value::all(found).into_iter();
        values.extend(all.filter_map(|value| Some((narrowest(&value, holds)?, value))));
    }
    let least = values.iter().map(|(length, _)| *length).min();
    values.retain(|(length, _)| Some(*length) == least);
    let mut values: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    // a scalar says more than the list or map that was written as a whole
    if values.iter().any(|value| value.node.as_scalar().is_some()) {
        values.retain(|value| value.node.as_scalar().is_some());
    }
    values
}

/// True if a place of the file wrote or removed something in a node.
fn touches(node: &Node, holds: Holds<'_>) -> bool {
    let mut states = std::iter::successors(Some(node), |node| node.replaced.as_deref());
    let removed = |node: &Node| {
        let map = node.as_map().map(|map| &map.removed);
        let list = node.as_list().map(|list| &list.removed);
        let mut all = map.into_iter().chain(list).flatten();
        all.any(|removed| holds(removed.origin))
    };
    states.any(|state| holds(state.origin))
        || removed(node)
        || node
            .entries()
            .iter()
            .map(|entry| &entry.value)
            .chain(node.items())
            .any(|child| touches(child, holds))
}

/// The length of the narrowest text at the place that wrote, changed or removed the value.
fn narrowest(value: &Value, holds: Holds<'_>) -> Option<u32> {
    let states = std::iter::successors(Some(value.node), |node| node.replaced.as_deref());
    let origins = states.map(|node| node.origin).chain(value.removed);
    let held = origins.filter(|origin| holds(*origin));
    held.map(|origin| origin.end.saturating_sub(origin.start))
        .min()
}

/// The value at the same path of the same object, in every overlay of the app. The value is missing
/// where an overlay does not have it.
pub(super) fn everywhere<'r>(
    repo: &'r Repo,
    value: &Value<'r>,
) -> Vec<(&'r Overlay, Option<Value<'r>>)> {
    let path: Vec<Step> = general(&value.steps);
    let mut overlays: Vec<&Overlay> = repo
        .overlays
        .iter()
        .filter(|overlay| overlay.app == value.overlay.app)
        .take(MOST)
        .collect();
    overlays.sort_by_key(|overlay| (overlay.environment, overlay.variant.as_deref()));
    let in_overlay = |overlay: &'r Overlay| {
        let same = |found: &Found| {
            let original = &found.resource.original;
            original.same_object(&value.resource.original)
        };
        let object = objects(overlay).find(same);
        let values = object.map(value::all).unwrap_or_default();
        let found = values
            .into_iter()
            .find(|other| general(&other.steps) == path);
        (overlay, found)
    };
    overlays.into_iter().map(in_overlay).collect()
}
