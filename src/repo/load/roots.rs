//! The kustomizations of a tree as discovery sees them.

use super::super::discover::{Layout, Root};
use crate::kustomize::Renderer;
use crate::kustomize::loader::is_kustomization;
use crate::source::{EntryKind, Source, folder_of, is_below, join};
use std::collections::BTreeSet;

/// The parts of a kustomization that decide which folders are overlays: all that name a path.
#[derive(PartialEq)]
pub(super) struct Shape {
    pub(super) root: Root,
    pub(super) paths: Vec<String>,
    pub(super) unsure: bool,
}

pub(super) fn shape(folder: &str, renderer: &Renderer) -> Option<Shape> {
    let kustomization = renderer.kustomization(folder)?.kustomization.clone()?;
    let unsure = kustomization.has_plugins();
    let paths = kustomization.paths().map(|path| path.to_string()).collect();
    Some(Shape {
        root: root_of(folder, renderer),
        paths,
        unsure,
    })
}

/// The folders with a kustomization. A symbolic link to a folder adds the folders below its target
/// once more, if the path of the link tells their environment. A kustomization that builds upon a
/// link needs no such copy.
pub(super) fn kustomization_folders(source: &dyn Source, layout: &Layout) -> BTreeSet<String> {
    let kustomizations = source.files().iter().filter(|path| is_kustomization(path));
    let kustomizations = kustomizations.filter(|path| !layout.is_only_pointed_at(path));
    let mut folders: BTreeSet<String> = kustomizations
        .map(|path| folder_of(path).to_string())
        .collect();
    if source.has_links() {
        let links = source.files().iter().filter(|path| {
            source.link(path).is_some() && source.kind(path) == Some(EntryKind::Directory)
        });
        let mut brought = Vec::new();
        for (link, target) in links
            .filter_map(|link| Some((link, source.resolve(link).ok()?)))
            .filter(|(link, to)| !is_below(link, to))
        {
            let below = folders
                .iter()
                .filter(|folder| is_below(folder, &target))
                .filter_map(|folder| folder.get(target.len()..));
            brought.extend(
                below
                    .map(|rest| format!("{link}{rest}"))
                    .filter(|folder| layout.placement(folder).is_some()),
            );
        }
        folders.extend(brought);
    }
    folders
}

pub(super) fn root_of(folder: &str, renderer: &Renderer) -> Root {
    let kustomization = renderer
        .kustomization(folder)
        .and_then(|loaded| loaded.kustomization.clone());
    Root {
        folder: folder.to_string(),
        component: kustomization
            .as_ref()
            .is_some_and(|kustomization| kustomization.component),
        references: renderer
            .children(folder)
            .iter()
            .map(|folder| folder.to_string())
            .collect(),
        // what lists a folder above itself, such as `..`, is a mistake and has to be reported
        only_gathers: kustomization.as_ref().is_some_and(|kustomization| {
            let mut targets = kustomization
                .resources
                .iter()
                .filter_map(|entry| join(folder, entry));
            kustomization.only_gathers() && !targets.any(|target| is_below(folder, &target))
        }),
        changes: kustomization.is_some_and(|kustomization| kustomization.changes_what_it_lists()),
    }
}
