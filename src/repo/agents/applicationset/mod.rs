//! The Applications that an ApplicationSet makes (`argo-cd/applicationset`, release 3.x).
//!
//! Here: filling the template. `generators` computes the parameters, from the repository's own files
//! (`git`), from lists, and from the clusters that are known (`clusters`); only a server knows what other
//! generators give, so their parameters stay as written. Not here: what an Application applies (`argocd`), the language of the
//! templates (`template`).

pub(super) mod clusters;
mod generators;
mod git;
mod review;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Note;
use super::argocd::{KIND, merged};
use super::mistakes::Mistake;
use super::repository::Identity;
use super::revisions::Revisions;
use super::template::Parameters;
use crate::config::Cluster;
use crate::kustomize::Renderer;
use crate::source::Files;
use crate::yaml::{Data, Entry, Kind, Node, Origin, Part, Scalar, Style, Traced, read};
use generators::Generators;
use review::Review;

/// The version of the Applications that an ApplicationSet makes.
const VERSION: &str = "argoproj.io/v1alpha1";
/// The most Applications that one ApplicationSet may make.
const LIMIT: usize = 5000;

/// The tree that generators look at.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) renderer: &'a Renderer,
    /// Every folder of the tree, sorted.
    pub(super) folders: &'a BTreeSet<&'a str>,
    /// The URLs of this repository.
    pub(super) identity: &'a Identity,
    /// The clusters that Argo CD knows; empty if nothing tells.
    pub(super) clusters: &'a [Cluster],
    pub(super) revisions: &'a Revisions<'a>,
}

/// The Applications, as objects with the origins of the template. Notes say what is not known,
/// mistakes why Argo CD refuses the ApplicationSet.
pub(super) fn expand(
    node: &Node,
    surroundings: Surroundings<'_>,
    (notes, mistakes): (&mut Vec<Note>, &mut Vec<Mistake>),
) -> Vec<Node> {
    let Some(spec) = node.get("spec") else {
        return Vec::new();
    };
    let Some(template) = spec.get("template") else {
        return Vec::new();
    };
    let go = spec.get("goTemplate").and_then(Node::as_bool);
    let patch = spec.entry("templatePatch");
    let patch = patch.filter(|patch| patch.value.as_str().is_some());
    let mut generators = Generators {
        surroundings,
        go: go.unwrap_or(false),
        notes,
        work: 0,
        refused: Vec::new(),
    };
    let mut made: Vec<Node> = Vec::new();
    let mut review = Review::new(node, surroundings.identity, mistakes);
    for generator in spec.get("generators").map_or(&[][..], Node::items) {
        let template = generator_template(generator)
            .map_or_else(|| template.clone(), |own| filled_up(own, template));
        for parameters in generators.parameters(generator, 0) {
            if made.len() >= LIMIT {
                let message = format!(
                    "this ApplicationSet creates more than {LIMIT} Applications; the rest are not checked"
                );
                generators.notes.push(Note::limit(node.origin, message));
                return made;
            }
            let mut application = template.clone();
            for (key, text) in [("apiVersion", VERSION), ("kind", KIND)] {
                let origin = application.origin;
                application.set(key, Node::string(text, origin), origin);
            }
            let files = generators.surroundings.renderer.files();
            fill(&mut application, &parameters, files);
            review.template(&application, &template, &parameters);
            if let Some(patch) = patch {
                apply(
                    &mut application,
                    patch,
                    &parameters,
                    (generators.notes, &mut review),
                );
            }
            made.push(application);
        }
    }
    review.generators(generators.refused);
    review.names(&made);
    made
}

/// Merges `templatePatch` into an Application, once the parameters are filled in.
fn apply(
    application: &mut Node,
    patch: &Entry,
    parameters: &Parameters,
    (notes, review): (&mut Vec<Note>, &mut Review<'_>),
) {
    review.text(
        patch.value.as_str().unwrap_or_default(),
        patch.value.origin,
        parameters,
    );
    let (text, origin) = (
        parameters.fill(patch.value.as_str().unwrap_or_default()),
        patch.value.origin,
    );
    let resolved = !text.contains("{{");
    match resolved.then(|| read::read(&text, origin.file).ok()) {
        Some(Some(read)) => {
            for mut change in read.documents.into_iter().take(1) {
                super::set_origin(&mut change, origin);
                // a patch cannot move an Application to another project
                if let Some(spec) = change.get_mut("spec").and_then(Node::map_mut) {
                    spec.entries.retain(|entry| &*entry.key != "project");
                }
                *application = merged(application, &change);
            }
        }
        Some(None) => review.broken_patch(patch.key_origin),
        None => notes.push(Note::new(
            patch.key_origin,
            "this `templatePatch` cannot be resolved from the repository; the Applications are checked without it",
        )),
    }
}

/// A generator's own template.
fn generator_template(generator: &Node) -> Option<&Node> {
    generator
        .entries()
        .iter()
        .find_map(|entry| entry.value.get("template"))
}

/// The template of a generator. What it leaves out comes from the template of the ApplicationSet.
fn filled_up(own: &Node, base: &Node) -> Node {
    let (Some(_), Some(entries)) = (own.as_map(), base.as_map()) else {
        return own.clone();
    };
    let mut result = own.clone();
    for entry in &entries.entries {
        match own
            .get(&entry.key)
            .filter(|value| !value.is_null() && value.text() != Some(""))
        {
            Some(value) => result.set(&entry.key, filled_up(value, &entry.value), entry.key_origin),
            None => result.set(&entry.key, entry.value.clone(), entry.key_origin),
        }
    }
    result
}

/// Puts parameters into every text and key of a tree; its depth is bounded by the reader.
fn fill(node: &mut Node, parameters: &Parameters, files: &Files) {
    if let Some(scalar) = node.as_scalar() {
        if scalar.kind == Kind::String && scalar.text.contains("{{") {
            let mut filled = Scalar::string(parameters.fill(&scalar.text));
            filled.traced = traced(&filled.text, scalar, node.origin, files);
            node.data = Data::Scalar(filled);
        }
    } else if let Some(map) = node.map_mut() {
        for entry in &mut map.entries {
            if entry.key.contains("{{") {
                entry.key = Arc::from(parameters.fill(&entry.key));
            }
            fill(&mut entry.value, parameters, files);
        }
    } else if let Some(list) = node.list_mut() {
        list.items
            .iter_mut()
            .for_each(|item| fill(item, parameters, files));
    }
}

/// Where the lines of a filled text came from: those of the template, one by one. Nothing is known if
/// the parameters added or removed lines.
fn traced(filled: &Arc<str>, template: &Scalar, origin: Origin, files: &Files) -> Traced {
    let host = files.get(origin.file).text.clone();
    let is_block = template.style == Style::Literal;
    let starts = is_block.then(|| read::lines(&template.text, origin.start as usize, &host));
    let new: Vec<&str> = filled.split_inclusive('\n').collect();
    let old: Vec<&str> = template.text.split_inclusive('\n').collect();
    let Some(starts) = starts.flatten().filter(|_| new.len() == old.len()) else {
        return Traced::default();
    };
    let mut end = 0;
    let lines = new.into_iter().zip(old).zip(starts);
    let parts = lines.map(|((new, old), (_, start))| {
        end += new.len();
        Part {
            end,
            origin: Origin {
                start: start as u32,
                end: (start + old.trim_end_matches('\n').len()) as u32,
                ..origin
            },
            exact: new == old,
        }
    });
    let parts = parts.collect();
    Traced::new(filled, parts)
}
