//! Reading entries: from a file or from the entry itself, as strategic merge or JSON 6902.

use std::collections::VecDeque;

use super::{Form, json6902};
use crate::kustomize::Problem;
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::Text;
use crate::kustomize::kustomization::PatchEntry;
use crate::kustomize::manifests::{directive_problem, is_empty};
use crate::yaml::read::Documents;
use crate::yaml::{By, Node, Origin};

/// The content of an entry.
pub(super) enum Loaded {
    /// Nothing but comments.
    Nothing,
    Strategic(Vec<Node>),
    Operations(json6902::Patch),
}

pub(super) fn load(
    entry: &PatchEntry,
    form: Form,
    context: &mut BuildContext<'_>,
) -> Result<Loaded, Problem> {
    let inline = entry
        .patch
        .as_ref()
        .filter(|patch| !patch.trim().is_empty());
    match (inline, &entry.path) {
        (None, None) => {
            let problem =
                Problem::error(entry.origin, "this patch names neither a file nor a change");
            Err(problem.with_help("set path to a file, or patch to the change itself"))
        }
        (Some(patch), Some(path)) => {
            let problem = Problem::error(path.origin(), "this patch has both path and patch");
            Err(problem
                .with_related("the other one is here", patch.origin())
                .with_help("keep one of them"))
        }
        (Some(patch), None) => {
            let documents = context.read_inline(&patch.node)?;
            check_json(patch.trim(), form, patch.origin())?;
            read(&documents, form, patch)
        }
        (None, Some(path)) => {
            if form == Form::StrategicMerge
                && let Some(documents) = inline_documents(path, context)
            {
                return read(&documents, form, path);
            }
            let documents = context.read_documents(path)?;
            if let Some(first) = documents.documents.first() {
                let text = context.shared.files.get(first.origin.file).text.clone();
                check_json(
                    &text,
                    form,
                    Origin {
                        end: first.origin.start,
                        ..first.origin
                    },
                )?;
            }
            read(&documents, form, path)
        }
    }
}

/// kustomize reads a text that starts with `[` as JSON, which allows less than YAML.
fn check_json(text: &str, form: Form, origin: Origin) -> Result<(), Problem> {
    if form == Form::StrategicMerge || !text.starts_with('[') {
        return Ok(());
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|error| {
            let problem = Problem::error(
                origin,
                format!("this patch starts with [, but is not JSON: {error}"),
            );
            problem.with_help("correct the JSON, or write the operations as a YAML list")
        })
}

/// The documents of an entry of `patchesStrategicMerge` that is the patch itself, not a path.
fn inline_documents(entry: &Text, context: &mut BuildContext<'_>) -> Option<Documents> {
    if !entry.contains('\n') && !entry.contains(": ") && !entry.starts_with('{') {
        return None;
    }
    context.read_inline(&entry.node).ok().filter(|documents| {
        !documents.documents.is_empty()
            && documents
                .documents
                .iter()
                .all(|document| document.as_map().is_some())
    })
}

fn read(documents: &Documents, form: Form, written: &Text) -> Result<Loaded, Problem> {
    let empty = || {
        Problem::error(written.origin(), "this patch is empty")
            .with_help("write the change, or remove the entry")
    };
    let operations = match form {
        Form::Patches => documents
            .documents
            .first()
            .is_some_and(|first| first.as_list().is_some_and(|list| !list.items.is_empty())),
        Form::StrategicMerge => false,
        Form::Json6902 => true,
    };
    if operations {
        let patch = json6902::Patch::read(documents.documents.first().ok_or_else(empty)?)?;
        if patch.is_empty() {
            return Err(empty());
        }
        return Ok(Loaded::Operations(patch));
    }
    if let Some(directive) = documents.directive {
        return Err(directive_problem(directive));
    }
    match (strategic(documents, written)?, form) {
        (patches, Form::StrategicMerge) if patches.is_empty() => Err(empty()),
        (patches, _) if patches.is_empty() => Ok(Loaded::Nothing),
        (patches, _) => Ok(Loaded::Strategic(patches)),
    }
}

/// The strategic merge patches of a file; a list of objects is expanded.
fn strategic(documents: &Documents, written: &Text) -> Result<Vec<Node>, Problem> {
    let mut waiting: VecDeque<Node> = documents.documents.iter().cloned().collect();
    let mut found = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        if is_empty(&node) {
            continue;
        }
        let start = Origin {
            end: node.origin.start,
            ..node.origin
        };
        if node.as_map().is_none() {
            let message = "this patch is neither an object (strategic merge) nor a list of operations (JSON 6902)";
            let problem =
                Problem::error(start, message).with_related("it is named here", written.origin());
            return Err(problem.with_help(
                "start with apiVersion, kind and metadata.name, or with a list of op and path",
            ));
        }
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let missing = if kind.is_empty() {
            Some("kind")
        } else if !kind.ends_with("List")
            && node
                .at(&["metadata", "name"])
                .and_then(Node::text)
                .is_none_or(str::is_empty)
        {
            Some("metadata.name")
        } else {
            None
        };
        if let Some(missing) = missing {
            return Err(Problem::error(start, format!("this patch has no {missing}"))
                .with_related("it is named here", written.origin())
                .with_help("a strategic merge patch needs kind and metadata.name, even if target selects the objects"));
        }
        match node.get("items") {
            Some(items) if kind.ends_with("List") && items.as_list().is_some() => {
                waiting.extend(items.items().iter().cloned())
            }
            Some(items) if kind.ends_with("List") && items.is_null() => {}
            _ => found.push(node.attributed_to(By::Patch)),
        }
    }
    Ok(found)
}
