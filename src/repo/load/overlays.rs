//! From kustomizations and the agents that point at them to overlays.

use super::super::Overlay;
use super::super::agents::Pointer;
use super::super::discover::{self, Layout, Placement, Reading, is_example, is_set_aside};
use super::super::instances::{elsewhere, instances};
use super::Tree;
use super::built::{Built, finished, index_of, origin_of, to_be_built, with_releases};
use super::reuse::HeadRenderings;
use super::values::Values;
use crate::source::refs::split;
use crate::yaml::Node;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names of folders that other kustomizations build on, perhaps in another repo. Such a folder is
/// only an overlay if it can be built on its own.
const BASES: &[&str] = &["base", "bases", "common", "shared", "components"];

/// Folders that are overlays, with their environment and variant.
type Chosen = Vec<(String, Option<Placement>)>;

/// The overlays of a tree. Those that the head has already rendered keep its rendering.
pub(super) fn overlays(tree: Tree<'_>, head: Option<&HeadRenderings<'_>>) -> Vec<Overlay> {
    let built = built(tree, chosen(tree));
    let apps = built
        .iter()
        .map(|one| app_path(&one.path, one.placement.as_ref()));
    let apps: BTreeSet<String> = apps.collect();
    let names = discover::short_names(&apps);
    let values = Values::new(&built, tree);
    let overlays: Vec<Overlay> = built
        .par_iter()
        .map(|built| {
            let mut overlay = overlay(built, &values, &names, tree);
            let shared = head.and_then(|head| head.rendering(&overlay, built.pointer));
            overlay.rendered = shared.unwrap_or(overlay.rendered);
            overlay
        })
        .collect();
    let several = overlays.len() > 1;
    let stays = |overlay: &Overlay| {
        let is_base = overlay.environment.is_none() && has_part(&overlay.path, BASES);
        !(several && is_base && !overlay.rendered.complete)
    };
    overlays.into_iter().filter(stays).collect()
}

/// The folders that are overlays, sorted.
fn chosen(tree: Tree<'_>) -> Chosen {
    let pointers = tree.agents.pointers.iter();
    let pointers = pointers.filter(|pointer| !pointer.is_elsewhere());
    let pointed_at: BTreeSet<String> = pointers.map(|pointer| pointer.folder.clone()).collect();
    let mut chosen = discover::overlays(tree.roots, tree.layout, &pointed_at);
    let alone = standing_alone(tree, &chosen);
    chosen.extend(alone);
    chosen.sort_by(|one, other| one.0.cmp(&other.0));
    chosen
}

/// The overlays that the chosen folders make, several if agents apply a folder several times.
fn built<'t>(tree: Tree<'t>, chosen: Chosen) -> Vec<Built<'t>> {
    let agents = tree.agents;
    let mut pointers: HashMap<&str, Vec<&Pointer>> = HashMap::new();
    let mut without_folder: Vec<&Pointer> = Vec::new();
    for pointer in &agents.pointers {
        if pointer.is_elsewhere() {
            without_folder.push(pointer);
            continue;
        }
        pointers.entry(&pointer.folder).or_default().push(pointer);
    }
    let mut built: Vec<Built> = chosen
        .into_par_iter()
        .flat_map_iter(|(path, placement)| {
            let here = pointers.get(path.as_str()).map_or(&[][..], Vec::as_slice);
            instances(&path, placement, here, tree.layout)
        })
        .chain(elsewhere(&without_folder, tree.layout))
        .map(|(path, placement, pointer)| {
            let index = pointer.and_then(|pointer| index_of(pointer, agents));
            Built {
                rendered: to_be_built(tree.renderer, &path, index, agents),
                path,
                placement,
                pointer,
            }
        })
        .collect();
    built.sort_by(|one, other| one.path.cmp(&other.path));
    tell_refs_apart(&mut built, tree.layout);
    built
}

/// Makes the ref a part of the variant if the tree under check has the same overlay: what an agent
/// reads at `release-1` is not what the next release will be.
fn tell_refs_apart(built: &mut [Built<'_>], layout: &Layout) {
    let key = |one: &Built<'_>| {
        let place = one.placement.as_ref();
        let environment = place.map(|place| place.environment);
        let variant = place.and_then(|place| place.variant.clone());
        (app_path(&one.path, place), environment, variant)
    };
    let pinned = |one: &Built<'_>| layout.is_only_pointed_at(&one.path);
    if !built.iter().any(pinned) {
        return;
    }
    let own: BTreeSet<_> = built.iter().filter(|one| !pinned(one)).map(key).collect();
    for one in built.iter_mut().filter(|one| pinned(one)) {
        let (name, is_there) = (
            split(&one.path).0.trim_end_matches(':'),
            own.contains(&key(one)),
        );
        if let Some(place) = one.placement.as_mut().filter(|_| is_there) {
            let before = place.variant.take().into_iter();
            let parts: Vec<String> = before.chain([name.to_string()]).collect();
            place.variant = Some(parts.join("/"));
        }
    }
}

fn overlay(
    built: &Built<'_>,
    values: &Values<'_>,
    names: &BTreeMap<String, String>,
    tree: Tree<'_>,
) -> Overlay {
    let placement = built.placement.as_ref();
    let app = app_path(&built.path, placement);
    let agents = tree.agents;
    let applied = built.pointer.and_then(|pointer| index_of(pointer, agents));
    let mut rendered = built.rendered.clone();
    if let Some(pointer) = built.pointer {
        let wanted = pointer.post_build.iter().flat_map(|build| &build.from);
        let found = wanted.filter_map(|reference| {
            Some((reference.clone(), values.find(reference, built)?.clone()))
        });
        rendered = finished(
            pointer,
            applied,
            rendered,
            found.collect(),
            (agents, tree.renderer.files()),
        );
    }
    let environment = placement.map(|place| place.environment);
    let capabilities = tree.layout.cluster(environment);
    rendered = with_releases(rendered, &built.path, capabilities, tree.renderer, agents);
    let agent = built.pointer.filter(|pointer| !pointer.assumed);
    Overlay {
        app: names.get(&app).cloned().unwrap_or(app),
        environment: placement.map(|placement| placement.environment),
        variant: placement.and_then(|placement| placement.variant.clone()),
        agent: agent.map(|pointer| pointer.agent.clone()),
        assumed: built.pointer.is_some_and(|pointer| pointer.assumed),
        release: placement.and_then(|own| {
            let name = own
                .app
                .strip_prefix(split(&built.path).1)?
                .strip_prefix('/')?;
            Some(name.to_string())
        }),
        cluster: agent.and_then(cluster),
        origin: origin_of(&built.path, built.pointer, tree.renderer),
        rendered,
        applied,
        path: built.path.clone(),
    }
}

/// The cluster that an Application names, with the region or tenant that its path tells.
fn cluster(pointer: &Pointer) -> Option<String> {
    let destination = pointer.object.at(&["spec", "destination"])?;
    let text = |key: &str| destination.get(key).and_then(Node::text);
    let named = text("server").or(text("name"))?;
    let variant = pointer
        .any_placement()
        .and_then(|one| one.variant.as_deref());
    Some(format!("{} {named}", variant.unwrap_or_default()))
}

/// Folders that hold what overlays build on, so that nobody applies them by themselves: a base that
/// no overlay uses yet or any more.
const BUILT_UPON: &[&str] = &[
    "base", "bases", "_base", "lib", "library", "fixtures", "testdata",
];

/// True if a folder is a base, an example, or set aside.
fn is_for_others(folder: &str) -> bool {
    has_part(folder, BUILT_UPON) || is_example(folder) || is_set_aside(folder)
}

/// Kustomizations without an environment that nothing builds on. If they are applied at all, they
/// are applied as they are.
fn standing_alone(tree: Tree<'_>, chosen: &Chosen) -> Chosen {
    let used: BTreeSet<&str> = tree
        .roots
        .iter()
        .flat_map(|root| &root.references)
        .map(String::as_str)
        .collect();
    let taken: BTreeSet<&str> = chosen.iter().map(|(folder, _)| folder.as_str()).collect();
    let alone = |examples_too: bool| -> Chosen {
        tree.roots
            .iter()
            .filter(|root| !root.component && !root.only_gathers)
            .map(|root| root.folder.as_str())
            .filter(|folder| !used.contains(folder) && !taken.contains(folder))
            .filter(|folder| tree.layout.read(folder) == Reading::Unplaced)
            .filter(|folder| examples_too || !is_for_others(folder))
            .map(|folder| (folder.to_string(), None))
            .collect()
    };
    let found = alone(false);
    // check the bases and examples of a repo that has nothing else
    if found.is_empty() && chosen.is_empty() {
        alone(true)
    } else {
        found
    }
}

fn has_part(path: &str, names: &[&str]) -> bool {
    path.split('/')
        .any(|part| names.contains(&part.to_ascii_lowercase().as_str()))
}

/// The path that names the app: without the part for the environment, if there is one.
fn app_path(folder: &str, placement: Option<&Placement>) -> String {
    let unplaced = || split(folder).1.to_string();
    placement.map_or_else(unplaced, |placement| placement.app.clone())
}
