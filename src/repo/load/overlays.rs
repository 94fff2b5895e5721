//! From kustomizations and the agents that point at them to overlays, each with what it renders to.

use super::super::agents::{Agents, Pointer, Reference};
use super::super::discover::{self, Layout, Placement, Root, is_set_aside};
use super::super::instances::instances;
use super::super::{Overlay, values};
use super::reuse::HeadRenderings;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{LazyRendered, Renderer};
use crate::source::join;
use crate::yaml::{By, Node, Origin};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Folder names whose kustomizations are made to be copied, not to be applied.
pub(super) const BUILT_UPON: &[&str] = &[
    "template",
    "templates",
    "example",
    "examples",
    "sample",
    "samples",
];

/// Folder names of what is made to be built upon, perhaps by another repo: such a root counts only
/// when it builds by itself.
pub(super) const BASES: &[&str] = &["base", "bases", "common", "shared", "components"];

/// The overlays among the kustomizations, each with the rendering that it will have.
pub(super) fn overlays(
    roots: &[Root],
    layout: &Layout,
    agents: &Arc<Agents>,
    renderer: &Arc<Renderer>,
    known: Option<&HeadRenderings<'_>>,
) -> Vec<Overlay> {
    let pointed_at: BTreeSet<String> = agents
        .pointers
        .iter()
        .map(|pointer| pointer.folder.clone())
        .collect();
    let mut chosen = discover::overlays(roots, layout, &pointed_at);
    let alone = standing_alone(roots, layout, &chosen);
    chosen.extend(alone);
    chosen.sort_by(|one, other| one.0.cmp(&other.0));
    let apps: BTreeSet<String> = chosen
        .iter()
        .map(|(folder, place)| app_path(folder, place.as_ref()))
        .collect();
    let names = discover::short_names(&apps);
    let mut pointers: HashMap<&str, Vec<&Pointer>> = HashMap::new();
    agents
        .pointers
        .iter()
        .for_each(|pointer| pointers.entry(&pointer.folder).or_default().push(pointer));
    let built: Vec<Built> = chosen
        .into_par_iter()
        .flat_map_iter(|(path, place)| {
            instances(
                &path,
                place,
                pointers.get(path.as_str()).map_or(&[], Vec::as_slice),
                layout,
            )
        })
        .map(|(path, place, pointer)| {
            let rendered = to_be_built(
                renderer,
                &path,
                pointer.and_then(|pointer| index_of(pointer, agents)),
                agents,
            );
            Built {
                path,
                place,
                pointer,
                rendered,
            }
        })
        .collect();
    let values = values::Values::new(&built, roots, renderer, layout);
    let overlays: Vec<Overlay> = built
        .par_iter()
        .map(|built| {
            let (path, place) = (&built.path, built.place.as_ref());
            let app = app_path(path, place);
            let rendered = match built.pointer {
                Some(pointer) => {
                    let wanted = pointer.post_build.iter().flat_map(|build| &build.from);
                    let found = wanted.filter_map(|reference| {
                        Some((reference.clone(), values.find(reference, built)?.clone()))
                    });
                    finished(
                        pointer,
                        index_of(pointer, agents),
                        built.rendered.clone(),
                        found.collect(),
                        agents,
                    )
                }
                None => built.rendered.clone(),
            };
            let mut overlay = Overlay {
                app: names.get(&app).cloned().unwrap_or(app),
                environment: place.map(|place| place.environment),
                variant: place.and_then(|place| place.variant.clone()),
                agent: built.pointer.map(|pointer| pointer.agent.clone()),
                origin: origin_of(path, built.pointer, renderer),
                rendered,
                applied: built.pointer.and_then(|pointer| index_of(pointer, agents)),
                path: path.clone(),
            };
            if let Some(shared) = known.and_then(|known| known.rendering(&overlay, built.pointer)) {
                overlay.rendered = shared;
            }
            overlay
        })
        .collect();
    let is_base = |overlay: &Overlay| {
        overlay
            .path
            .split('/')
            .any(|part| BASES.contains(&part.to_ascii_lowercase().as_str()))
    };
    let several = overlays.len() > 1;
    let stays = |overlay: &Overlay| {
        !(several
            && overlay.environment.is_none()
            && is_base(overlay)
            && !overlay.rendered.complete)
    };
    overlays.into_iter().filter(stays).collect()
}

/// An overlay that is built, before its agent put variables in.
pub(in crate::repo) struct Built<'p> {
    pub(in crate::repo) path: String,
    pub(in crate::repo) place: Option<Placement>,
    pub(in crate::repo) pointer: Option<&'p Pointer>,
    pub(in crate::repo) rendered: LazyRendered,
}

pub(super) fn index_of(pointer: &Pointer, agents: &Agents) -> Option<usize> {
    // the items of a list lie in the order of their addresses
    let at = agents
        .pointers
        .partition_point(|other| std::ptr::from_ref(other) < std::ptr::from_ref(pointer));
    agents
        .pointers
        .get(at)
        .filter(|other| std::ptr::eq(*other, pointer))
        .map(|_| at)
}

pub(super) fn to_be_built(
    renderer: &Arc<Renderer>,
    path: &str,
    pointer: Option<usize>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    let (renderer, path, agents) = (renderer.clone(), path.to_string(), agents.clone());
    LazyRendered::new(
        move || match pointer.and_then(|pointer| agents.pointers.get(pointer)) {
            Some(pointer) => pointer.build(&renderer, &agents),
            None => renderer.render(&path),
        },
    )
}

/// What an agent makes of what is built, given the objects that `substituteFrom` names.
pub(super) fn finished(
    pointer: &Pointer,
    index: Option<usize>,
    built: LazyRendered,
    found: Vec<(Reference, Node)>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    if pointer.post_build.is_none() && pointer.common_metadata.is_empty() {
        return built;
    }
    let agents = agents.clone();
    LazyRendered::new(move || {
        let find = |reference: &Reference| {
            found
                .iter()
                .find(|(other, _)| other == reference)
                .map(|(_, node)| node)
        };
        match index.and_then(|index| agents.pointers.get(index)) {
            Some(pointer) => pointer.finish(built.shared(), &find),
            None => built.shared(),
        }
    })
}

/// Kustomizations that carry no environment and that nothing builds upon: applied as they are, if
/// at all.
pub(super) fn standing_alone(
    roots: &[Root],
    layout: &Layout,
    chosen: &[(String, Option<Placement>)],
) -> Vec<(String, Option<Placement>)> {
    let used: BTreeSet<&str> = roots
        .iter()
        .flat_map(|root| &root.references)
        .map(String::as_str)
        .collect();
    let taken: BTreeSet<&str> = chosen.iter().map(|(folder, _)| folder.as_str()).collect();
    let named_so = |folder: &str| {
        folder
            .split('/')
            .any(|part| BUILT_UPON.contains(&part.to_ascii_lowercase().as_str()))
    };
    let alone = |built_upon: bool| -> Vec<(String, Option<Placement>)> {
        roots
            .iter()
            .filter(|root| !root.component && !root.only_gathers)
            .map(|root| root.folder.as_str())
            .filter(|folder| {
                !used.contains(folder) && !taken.contains(folder) && layout.place(folder).is_none()
            })
            .filter(|folder| built_upon || !named_so(folder) && !is_set_aside(folder))
            .map(|folder| (folder.to_string(), None))
            .collect()
    };
    let found = alone(false);
    // a repo of nothing but bases and examples is checked by them
    if found.is_empty() && chosen.is_empty() {
        alone(true)
    } else {
        found
    }
}

/// What names the app: what is left of the path without the environment, or the folder.
pub(super) fn app_path(folder: &str, place: Option<&Placement>) -> String {
    place.map_or_else(|| folder.to_string(), |place| place.app.clone())
}

/// The start of an overlay's kustomization; of a folder without one, the line that points at it.
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
    Origin {
        file,
        start: 0,
        end: 0,
        by: By::Manifest,
    }
}
