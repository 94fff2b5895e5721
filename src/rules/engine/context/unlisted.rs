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
use crate::yaml::{Entry, FileId, Node, Origin, read};

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
    let document = documents.documents.first()?;
    let list = lists(document).next()?.key_origin;
    let paths = entries(document, &source.path).map(|(path, _)| path);
    Some((list, paths.collect()))
}

/// The lists of files and folders in a kustomization.
fn lists(document: &Node) -> impl Iterator<Item = &Entry> {
    let names = ["resources", "components", "bases"];
    let entries = document.entries().iter();
    entries.filter(move |entry| names.contains(&&*entry.key))
}

/// The files and folders that a kustomization at a path lists, each with its place.
pub(super) fn entries<'n>(
    document: &'n Node,
    path: &'n str,
) -> impl Iterator<Item = (String, Origin)> + 'n {
    let items = lists(document).flat_map(|list| list.value.items());
    items.filter_map(move |item| Some((join(folder_of(path), item.text()?)?, item.origin)))
}
