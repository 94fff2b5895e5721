//! `replacements`: values copied from a field of one resource, or given, into fields of others.
//!
//! Not here: field paths (`path`), and JSON or YAML in strings (`embedded`).

mod source;
mod target;
#[cfg(test)]
mod tests;
mod writer;

use crate::kustomize::context::{BuildContext, weight};
use crate::kustomize::decode::{Decoder, Rules, Text};
use crate::kustomize::kustomization::{FieldOptions, ReplacementEntry};
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Data, Node, Scalar};
use source::source_value;
use target::{Going, write_target};

/// The path of sources and targets that give none.
const DEFAULT_PATH: &str = "metadata.name";

/// The `replacements` field; entries with a `path` are read from their files.
pub(in crate::kustomize) fn replacements(
    resources: &mut [Resource],
    entries: &[ReplacementEntry],
    context: &mut BuildContext<'_>,
) {
    let mut loaded = Vec::new();
    for entry in entries {
        match &entry.path {
            None => loaded.push(entry.clone()),
            Some(_) if entry.source.is_some() || !entry.targets.is_empty() => {
                context.report(
                    Problem::error(
                        entry.origin,
                        "a replacement has both a path and a source or targets",
                    )
                    .with_help("move the replacement into the file, or remove the path"),
                );
            }
            Some(file) => match from_file(file, context) {
                Ok(entries) => loaded.extend(entries),
                Err(problem) => context.report(problem),
            },
        }
    }
    for entry in &loaded {
        apply(resources, entry, context);
    }
}

/// The replacements of a file: one, or a list of them.
fn from_file(
    file: &Text,
    context: &mut BuildContext<'_>,
) -> Result<Vec<ReplacementEntry>, Problem> {
    let documents = context.read_documents(file)?;
    let wrong = |found: &str| {
        Problem::error(
            file.origin(),
            format!(
                "{:?} must hold a replacement or a list of replacements, but it holds {found}",
                &**file
            ),
        )
        .with_help("write source and targets, as under replacements")
    };
    let document = documents
        .documents
        .first()
        .ok_or_else(|| wrong("nothing"))?;
    let nodes = match &document.data {
        Data::Map(_) => std::slice::from_ref(document),
        Data::List(list) => &list.items,
        Data::Scalar(_) => return Err(wrong("a single value")),
    };
    let mut decoder = Decoder::new(&mut context.problems, Rules::Plugin);
    Ok(nodes
        .iter()
        .map(|node| ReplacementEntry {
            path: None,
            ..ReplacementEntry::decode(node, &mut decoder)
        })
        .collect())
}

/// A value to write.
struct Value {
    node: Node,
    /// The position and path of a whole value of a resource. Writing to one target can change the
    /// value that the next target gets.
    live: Option<(usize, Vec<String>)>,
    /// The attribution of the written value; a value of a Secret stays secret.
    by: By,
}

/// A replacement takes several times as long for an object as other fields do.
const REPLACEMENT_STEPS: u64 = 8;

fn apply(resources: &mut [Resource], entry: &ReplacementEntry, context: &mut BuildContext<'_>) {
    match value(resources, entry) {
        Ok(mut value) => {
            for target in &entry.targets {
                // each object is searched and settled for each target, and written for each path
                let parts = target.field_paths.len() + target.reject.len();
                let steps = (REPLACEMENT_STEPS + parts as u64).saturating_mul(weight(resources));
                if !context.spend(steps, entry.origin) {
                    return;
                }
                match write_target(resources, &mut value, target, entry, context) {
                    Ok(Going::On) => {}
                    Ok(Going::Stop) => return,
                    Err(problem) => context.report(problem),
                }
                resources.iter_mut().for_each(Resource::settle_shared);
            }
        }
        Err(problem) => context.report(problem),
    }
}

fn value(resources: &[Resource], entry: &ReplacementEntry) -> Result<Value, Problem> {
    if entry.targets.is_empty() {
        return Err(
            Problem::error(entry.origin, "the replacement has no targets")
                .with_help("list at least one entry under targets"),
        );
    }
    match (&entry.source, &entry.source_value) {
        (None, None) => Err(Problem::error(
            entry.origin,
            "the replacement has neither a source nor a sourceValue",
        )
        .with_help("say where the value comes from")),
        (Some(source), Some(_)) => Err(Problem::error(
            source.origin,
            "the replacement has both a source and a sourceValue",
        )
        .with_help("remove one of the two")),
        (None, Some(text)) => Ok(Value {
            node: Node::scalar(
                Scalar::plain(text.value.clone()),
                text.origin().with(By::Replacement),
            ),
            live: None,
            by: By::Replacement,
        }),
        (Some(source), None) => source_value(resources, source, entry),
    }
}

/// The attribution of an object's value where it is copied to.
fn by_of(resource: &Resource, fields: &[String]) -> By {
    let first = fields.first().map(String::as_str);
    let secret = resource.kind() == "Secret" && matches!(first, Some("data" | "stringData"));
    if secret {
        By::SecretReplacement
    } else {
        By::Replacement
    }
}

fn attributed(node: &Node, by: By) -> Node {
    Node {
        data: node.data.clone(),
        origin: node.origin.with(by),
        replaced: None,
    }
}

fn not_scalar(options: &FieldOptions, what: &str) -> Problem {
    Problem::error(
        options.origin,
        format!("{what} is a map or a list, which a delimiter cannot split"),
    )
    .with_help("name a field that holds a single value, or remove the delimiter")
}
