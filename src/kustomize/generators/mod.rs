//! `configMapGenerator`, `secretGenerator` and the IAM policy generator: resources made of
//! literals, env files and files, each value with the line that it came from.
//!
//! Here: making the resources. Not here: adding them to existing ones (`accumulate`), their hashes
//! (`hash`).

mod combine;
mod iam;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;

use super::context::BuildContext;
use super::decode::{Pair, Text};
use super::kustomization::{GeneratorEntry, GeneratorOptions};
use super::transform::check_key;
use super::{Behavior, Problem, Resource};
use crate::yaml::{By, Entry, Node, Origin, Scalar, Style};
pub(super) use combine::combine;
pub(super) use iam::iam_policy;
use values::read_values;

/// The kind of the resource that a generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generated {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// One key of the data.
struct Value {
    bytes: Arc<[u8]>,
    key_origin: Origin,
    origin: Origin,
}

/// Makes the resource of a generator; `None` if it has no name.
pub(super) fn generate(
    entry: &GeneratorEntry,
    what: Generated,
    global: Option<&GeneratorOptions>,
    context: &mut BuildContext<'_>,
) -> Option<Resource> {
    let Some(name) = &entry.name else {
        context.report(
            Problem::error(entry.origin, "a generator needs a name").with_help("add name:"),
        );
        return None;
    };
    let values = read_values(entry, name, context);
    let options = merged(entry.options.as_ref(), global);
    let labels = options
        .labels
        .iter()
        .map(|pair| (&pair.key, pair.key_origin));
    for (key, origin) in values
        .iter()
        .map(|(key, value)| (key, value.key_origin))
        .chain(labels)
    {
        check_key(key, origin, context);
    }
    let here = entry.origin.with(By::Generator);
    let kind = match what {
        Generated::ConfigMap => "ConfigMap",
        Generated::Secret => "Secret",
    };
    let mut fields = vec![
        field("apiVersion", Node::string("v1", here), here),
        field("kind", Node::string(kind, here), here),
        field("metadata", metadata(entry, name, &options), here),
    ];
    match what {
        Generated::ConfigMap => fields.extend(config_map_fields(values, here)),
        Generated::Secret => fields.extend(secret_fields(entry, values, here)),
    }
    if let Some(origin) = options.immutable {
        let value = Node::scalar(Scalar::bool(true), origin.with(By::Generator));
        fields.push(field("immutable", value, here));
    }
    let mut resource = Resource::new(Node::map(fields, here));
    resource.generated = true;
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = match entry.behavior.as_deref() {
        Some("create") => Behavior::Create,
        Some("replace") => Behavior::Replace,
        Some("merge") => Behavior::Merge,
        _ => Behavior::Unspecified,
    };
    resource.mark();
    Some(resource)
}

fn metadata(entry: &GeneratorEntry, name: &Text, options: &GeneratorOptions) -> Node {
    let here = entry.origin.with(By::Generator);
    let text = |text: &Text| Node::string(text.value.clone(), text.origin().with(By::Generator));
    let mut metadata = vec![field("name", text(name), here)];
    if let Some(namespace) = &entry.namespace {
        metadata.push(field("namespace", text(namespace), here));
    }
    for (key, pairs) in [
        ("labels", &options.labels),
        ("annotations", &options.annotations),
    ] {
        if !pairs.is_empty() {
            let entries = pairs.iter().map(|pair| Entry {
                key: pair.key.clone(),
                key_origin: pair.key_origin,
                value: text(&pair.value),
            });
            metadata.push(field(key, Node::map(entries.collect(), here), here));
        }
    }
    Node::map(metadata, here)
}

/// `data` for values that are text, `binaryData` for others.
fn config_map_fields(values: BTreeMap<Arc<str>, Value>, here: Origin) -> Vec<Entry> {
    let (mut data, mut binary) = (Vec::new(), Vec::new());
    for (key, value) in values {
        let (list, text) = match std::str::from_utf8(&value.bytes) {
            Ok(text) => (&mut data, text.to_string()),
            Err(_) => (&mut binary, base64_lines(&value.bytes)),
        };
        list.push(Entry {
            key,
            key_origin: value.key_origin,
            value: block(text, value.origin),
        });
    }
    [("data", data), ("binaryData", binary)]
        .into_iter()
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(key, entries)| field(key, Node::map(entries, here), here))
        .collect()
}

/// `type` and `data`, in base64.
fn secret_fields(
    entry: &GeneratorEntry,
    values: BTreeMap<Arc<str>, Value>,
    here: Origin,
) -> [Entry; 2] {
    let (text, origin) = match &entry.secret_type {
        Some(text) => (text.value.clone(), text.origin().with(By::Generator)),
        None => ("Opaque".into(), here),
    };
    let data = values.into_iter().map(|(key, value)| Entry {
        key,
        key_origin: value.key_origin,
        value: block(base64_lines(&value.bytes), value.origin),
    });
    [
        field("type", Node::string(text, origin), here),
        field("data", Node::map(data.collect(), here), here),
    ]
}

fn field(key: &str, value: Node, origin: Origin) -> Entry {
    Entry {
        key: key.into(),
        key_origin: origin,
        value,
    }
}

/// A string; several lines become a literal block.
fn block(text: String, origin: Origin) -> Node {
    let mut scalar = Scalar::string(text);
    if scalar.text.contains('\n') {
        scalar.style = Style::Literal;
    }
    Node::scalar(scalar, origin)
}

/// Base64, broken into lines of 70 when it is longer.
fn base64_lines(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < 70 {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / 70 + 1);
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 70 == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push('\n');
    out
}

/// The options of a generator with those of the whole kustomization. Its own labels win; of flags,
/// a global `true` wins.
fn merged(own: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut result = own.cloned().unwrap_or_default();
    if let Some(global) = global {
        let add = |own: &mut Vec<Pair>, global: &[Pair]| {
            let missing: Vec<Pair> = global
                .iter()
                .filter(|pair| !own.iter().any(|present| present.key == pair.key))
                .cloned()
                .collect();
            own.extend(missing);
        };
        add(&mut result.labels, &global.labels);
        add(&mut result.annotations, &global.annotations);
        result.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        result.immutable = result.immutable.or(global.immutable);
    }
    result
}
