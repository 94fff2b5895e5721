//! Mistakes in agents' objects: they apply nothing, or not what they say.
//!
//! Here: folders that do not exist, values of the wrong type, images that are set twice. Not here:
//! misspelt fields (`fields`), mistakes in templates of ApplicationSets (`applicationset`), how
//! serious a mistake is (`rules`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::applied::Applied;
use super::flux;
use crate::kustomize::Renderer;
use crate::kustomize::context::ParseError;
use crate::names::nearest;
use crate::source::{EntryKind, Source, folder_of};
use crate::wording;
use crate::yaml::{Kind, Node, Origin};

/// The number of names that one message lists.
const NAMED: usize = 3;

/// The kinds of mistakes in an agent's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MistakeKind {
    /// The file that it stands in cannot be read.
    Unreadable,
    /// The folder that it applies does not exist.
    MissingPath,
    /// The API server or the controller refuses the object.
    Refused,
    /// A field that looks like a misspelt one, which the API server drops or refuses.
    UnknownField,
    /// An image that it sets twice.
    RepeatedImage,
}

impl MistakeKind {
    /// The word in causes.
    pub fn as_str(self) -> &'static str {
        match self {
            MistakeKind::Unreadable => "unreadable",
            MistakeKind::MissingPath => "missing-path",
            MistakeKind::Refused => "refused",
            MistakeKind::UnknownField => "unknown-field",
            MistakeKind::RepeatedImage => "repeated-image",
        }
    }
}

/// A mistake in an agent's object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mistake {
    /// The problem.
    pub kind: MistakeKind,
    /// The place to edit.
    pub origin: Origin,
    /// The thing at fault: a folder, a field, an image.
    pub subject: String,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The advice.
    pub help: String,
    /// Another place that belongs to it.
    pub related: Option<(String, Origin)>,
}

/// A file with agents' objects that cannot be read: an agent may read it all the same, and what it
/// applies is not checked. Templates of charts are left out, which no agent reads as they stand.
pub(super) fn unreadable(renderer: &Renderer, path: &str, error: &ParseError) -> Option<Mistake> {
    let (origin, message) = match error {
        ParseError::Yaml {
            message,
            origin,
            template,
        } => {
            let text = &renderer.files().get(origin.file).text;
            // characters that hide content from this check and not from an agent
            let hides = text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
            if *template && !hides {
                return None;
            }
            (*origin, message.clone())
        }
        ParseError::Source(error) => {
            let revision = renderer.source().revision_of(path);
            let file = renderer
                .files()
                .add(path, revision.as_deref(), Arc::from(""));
            let origin = Origin::start_of(file);
            (origin, error.to_string())
        }
    };
    Some(Mistake {
        kind: MistakeKind::Unreadable,
        origin,
        subject: path.to_string(),
        message: format!("the agents' objects in this file cannot be read: {message}"),
        help: "correct the file; until then nothing checks what they apply".to_string(),
        related: None,
    })
}

/// Values that the API server refuses.
pub(super) fn refused_values(node: &Node, name: &str) -> Vec<Mistake> {
    if super::is(node, "Kustomization", flux::GROUP) {
        values_that_are_not_text(node, name)
    } else {
        Vec::new()
    }
}

/// Values of `postBuild.substitute` that the API server refuses.
fn values_that_are_not_text(node: &Node, name: &str) -> Vec<Mistake> {
    let values = node.at(&["spec", "postBuild", "substitute"]);
    let wrong = values
        .map_or(&[][..], Node::entries)
        .iter()
        .filter(|entry| {
            let scalar = entry.value.as_scalar();
            scalar.is_none_or(|scalar| !matches!(scalar.kind, Kind::String | Kind::Null))
        });
    wrong
        .map(|entry| Mistake {
            kind: MistakeKind::Refused,
            origin: entry.value.origin,
            subject: entry.key.to_string(),
            message: format!(
                "{name} sets variable `{}` to {}, so the API server refuses the object",
                entry.key,
                match entry.value.as_scalar() {
                    Some(scalar) => format!("`{}`, which is not text", scalar.text),
                    None => "a map or a list".to_string(),
                }
            ),
            help: "values under `substitute` must be text: put the value in quotes".to_string(),
            related: None,
        })
        .collect()
}

/// Images that a source of an Application sets twice. Argo CD uses the last entry.
pub(super) fn repeated_images(source: &Node, name: &str) -> Vec<Mistake> {
    let mut seen: BTreeMap<&str, Origin> = BTreeMap::new();
    let mut found = Vec::new();
    let images = source.at(&["kustomize", "images"]);
    for node in images.map_or(&[][..], Node::items) {
        let Some(image) = node.text().and_then(image_name) else {
            continue;
        };
        if let Some(first) = seen.insert(image, node.origin) {
            found.push(Mistake {
                kind: MistakeKind::RepeatedImage,
                origin: node.origin,
                subject: image.to_string(),
                message: format!("{name} sets image `{image}` twice; Argo CD uses the last entry"),
                help: "remove the entry that is out of date".to_string(),
                related: Some(("it is also set here".to_string(), first)),
            });
        }
    }
    found
}

/// The name of the image that an entry of `kustomize.images` changes; `None` for a template.
fn image_name(entry: &str) -> Option<&str> {
    let old = entry.split_once('=').map_or(entry, |(old, _)| old);
    let old = old.split_once('@').map_or(old, |(old, _)| old);
    let name = match old.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => old,
    };
    (!name.contains("{{") && !name.contains('$')).then_some(name)
}

/// Reports folders that do not exist, once for each line that names them.
pub(super) fn missing_paths(applied: &[Applied], source: &dyn Source) -> Vec<Mistake> {
    let mut places: BTreeMap<(u32, u32), Vec<&Applied>> = BTreeMap::new();
    for one in applied {
        let place = (one.origin.file.0, one.origin.start);
        places.entry(place).or_default().push(one);
    }
    places
        .values()
        .filter_map(|here| missing_path(here, source))
        .collect()
}

fn missing_path(here: &[&Applied], source: &dyn Source) -> Option<Mistake> {
    let first = here.first()?;
    let state = match source.kind(&first.folder) {
        Some(EntryKind::File) => "which is a file and not a folder",
        _ => "which does not exist",
    };
    let message = if here.len() == 1 {
        format!("{} applies `{}`, {state}", first.name, first.folder)
    } else {
        let mut folders: Vec<&str> = here.iter().map(|one| one.folder.as_str()).collect();
        let mut seen = HashSet::new();
        folders.retain(|folder| seen.insert(*folder));
        format!(
            "{} and {} more apply folders that do not exist: {}",
            first.name,
            here.len() - 1,
            wording::listed(&folders, NAMED)
        )
    };
    Some(Mistake {
        kind: MistakeKind::MissingPath,
        origin: first.origin,
        subject: first.folder.clone(),
        message,
        help: advice(&first.folder, source),
        related: None,
    })
}

/// The folder that was probably meant.
fn advice(folder: &str, source: &dyn Source) -> String {
    if folder.contains('\\') {
        return "separate folders by `/` instead of `\\`".to_string();
    }
    if source.kind(folder) == Some(EntryKind::File) {
        return format!("name the folder: `{}`", folder_of(folder));
    }
    let (mut there, mut rest) = (String::new(), folder.split('/').peekable());
    while let Some(part) = rest.peek() {
        let below = below(&there, part);
        if source.kind(&below) != Some(EntryKind::Directory) {
            break;
        }
        there = below;
        rest.next();
    }
    let Some(part) = rest.next() else {
        return "name a folder instead".to_string();
    };
    let children = children(&there, source);
    let meant = nearest(part, &children).or_else(|| {
        let mut longer = children.iter().filter(|child| child.starts_with(part));
        longer.next().copied()
    });
    let meant = meant.map(|meant| rest.fold(below(&there, meant), |path, part| below(&path, part)));
    match meant.filter(|meant| source.kind(meant) == Some(EntryKind::Directory)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if children.is_empty() => "correct the path, or add the folder".to_string(),
        None => format!(
            "correct the path, or add the folder; {} has {}",
            if there.is_empty() {
                "the root of the repository".to_string()
            } else {
                format!("`{there}`")
            },
            wording::listed(&children, NAMED)
        ),
    }
}

fn below(folder: &str, part: &str) -> String {
    if folder.is_empty() {
        part.to_string()
    } else {
        format!("{folder}/{part}")
    }
}

/// The names of the folders in a folder.
fn children<'s>(folder: &str, source: &'s dyn Source) -> Vec<&'s str> {
    let prefix = below(folder, "");
    let prefix = if folder.is_empty() { "" } else { &prefix };
    let mut found: Vec<&str> = source
        .files()
        .iter()
        .filter_map(|path| path.strip_prefix(prefix)?.split_once('/'))
        .map(|(child, _)| child)
        .filter(|child| !child.starts_with('.'))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
