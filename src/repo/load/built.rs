//! Builds one overlay, from its folder to the objects that its agent applies. Nothing is rendered
//! before it is needed.

use super::super::agents::{Agents, Pointer, Reference};
use super::super::discover::Placement;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{Capabilities, LazyRendered, Renderer};
use crate::source::{Files, join};
use crate::yaml::{Node, Origin};
use std::sync::Arc;

/// An overlay that is built, before its agent fills in variables.
pub(super) struct Built<'p> {
    pub(super) path: String,
    pub(super) placement: Option<Placement>,
    pub(super) pointer: Option<&'p Pointer>,
    pub(super) rendered: LazyRendered,
}

impl Built<'_> {
    /// The placement of the folder, or of the agent's object that points at it.
    pub(super) fn any_placement(&self) -> Option<&Placement> {
        let own = self.placement.as_ref();
        own.or_else(|| self.pointer?.any_placement())
    }
}

/// The index of a pointer in [`Agents::pointers`].
pub(super) fn index_of(pointer: &Pointer, agents: &Agents) -> Option<usize> {
    // the addresses of the items ascend, so the search needs no comparison of contents
    let at = agents
        .pointers
        .partition_point(|other| std::ptr::from_ref(other) < std::ptr::from_ref(pointer));
    agents
        .pointers
        .get(at)
        .filter(|other| std::ptr::eq(*other, pointer))
        .map(|_| at)
}

/// The rendering of a folder, built as its agent builds it.
pub(super) fn to_be_built(
    renderer: &Arc<Renderer>,
    path: &str,
    pointer: Option<usize>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    let (renderer, path, agents) = (renderer.clone(), path.to_string(), agents.clone());
    LazyRendered::new(
        move || match pointer.and_then(|pointer| agents.build(pointer, &renderer)) {
            Some(built) => built,
            None => renderer.render(&path),
        },
    )
}

/// The objects that an agent applies: the built ones, with the variables of `substituteFrom` filled
/// in.
pub(super) fn finished(
    pointer: &Pointer,
    index: Option<usize>,
    built: LazyRendered,
    found: Vec<(Reference, Node)>,
    (agents, files): (&Arc<Agents>, &Arc<Files>),
) -> LazyRendered {
    if pointer.post_build.is_none() && pointer.common_metadata.is_empty() {
        return built;
    }
    let (agents, files) = (agents.clone(), files.clone());
    LazyRendered::new(move || {
        let find = |reference: &Reference| {
            found
                .iter()
                .find(|(other, _)| other == reference)
                .map(|(_, node)| node)
        };
        match index.and_then(|index| agents.pointers.get(index)) {
            Some(pointer) => pointer.finish(built.shared(), &find, &files),
            None => built.shared(),
        }
    })
}

/// A rendering with the objects of the HelmReleases in it.
pub(super) fn with_releases(
    built: LazyRendered,
    path: &str,
    cluster: Capabilities,
    renderer: &Arc<Renderer>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    let (renderer, path, agents) = (renderer.clone(), path.to_string(), agents.clone());
    LazyRendered::new(move || agents.with_releases(built.shared(), &path, &renderer, &cluster))
}

/// The start of an overlay's kustomization. If the folder has none, the line that points at it.
pub(super) fn origin_of(folder: &str, pointer: Option<&Pointer>, renderer: &Renderer) -> Origin {
    let file = renderer
        .kustomization(folder)
        .and_then(|loaded| loaded.file);
    if let (None, Some(pointer)) = (file, pointer) {
        return pointer.agent.origin;
    }
    let file = file.unwrap_or_else(|| {
        let path = join(folder, FILE_NAMES[0]).unwrap_or_default();
        renderer.files().add(
            &path,
            renderer.source().revision_of(&path).as_deref(),
            Arc::from(""),
        )
    });
    Origin::start_of(file)
}
