//! The lists of kustomizations from which a change removed entries. Findings about deleted objects
//! point at such a list, however many overlays read it.
//!
//! Not here: which objects are gone (`deletion`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::kustomize::loader::is_kustomization;
use crate::repo::Overlay;
use crate::rules::Context;
use crate::source::{folder_of, is_below, join};
use crate::yaml::{FileId, Node, Origin, read};

/// A list of the head that lost entries.
pub(in crate::rules) struct Unlisted {
    /// The list's key.
    pub list: Origin,
    /// The paths that the removed entries named.
    paths: Vec<String>,
}

impl Unlisted {
    /// True if a removed entry named the file or a folder above it.
    pub(crate) fn named(&self, file: &str) -> bool {
        self.paths.iter().any(|path| is_below(file, path))
    }
}

/// The lists that an overlay reads at both revisions and that lost entries.
pub(in crate::rules) fn collect(
    context: &Context,
    before: &Overlay,
    overlay: &Overlay,
) -> Vec<Unlisted> {
    let path = |file: FileId| context.repo.files.get(file).path.clone();
    let is_kustomization = |file: &FileId| is_kustomization(&path(*file));
    let earlier = before
        .rendered
        .files
        .iter()
        .filter(|file| is_kustomization(file))
        .map(|file| (path(*file), *file));
    let earlier: HashMap<Arc<str>, FileId> = earlier.collect();
    let kept = overlay
        .rendered
        .files
        .iter()
        .copied()
        .filter(is_kustomization);
    let edited = kept
        .filter_map(|now| Some((now, *earlier.get(&path(now))?)))
        .filter(|(now, then)| now != then);
    let lists = edited.filter_map(|(now, then)| {
        let (list, left) = listed(context, now)?;
        let paths: Vec<String> = listed(context, then)?
            .1
            .into_iter()
            .filter(|path| !left.contains(path))
            .collect();
        (!paths.is_empty()).then_some(Unlisted { list, paths })
    });
    lists.collect()
}

/// The key of the first list of resources or components in a kustomization, and the paths that
/// these lists name.
pub(in crate::rules) fn listed(context: &Context, file: FileId) -> Option<(Origin, Vec<String>)> {
    let source = context.repo.files.get(file);
    let documents = read::read(&source.text, file).ok()?;
    let entries = documents.documents.first()?.entries();
    let lists = || {
        entries
            .iter()
            .filter(|entry| matches!(&*entry.key, "resources" | "components" | "bases"))
    };
    let paths = lists()
        .flat_map(|entry| entry.value.items())
        .filter_map(Node::text)
        .filter_map(|path| join(folder_of(&source.path), path));
    Some((lists().next()?.key_origin, paths.collect()))
}
