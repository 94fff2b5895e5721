//! `configMapGenerator`, `secretGenerator` and the IAM policy generator: resources made of
//! literals, env files and files, each value with the line that it came from.
//!
//! Here: making the resources. Not here: how they meet what is there (`accumulate`), their hashes
//! (`hash`).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;

use super::context::BuildContext;
use super::decode::{Decoder, Pair, Rules, Text};
use super::kustomization::{GeneratorEntry, GeneratorOptions};
use super::transform::check_key;
use super::{Behavior, Problem, Resource};
use crate::yaml::{By, Data, Entry, Node, Origin, Scalar, Style};

/// What a generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
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

/// Makes the resource of a generator. What is wrong is reported; `None` when nothing can be made.
pub fn generate(
    entry: &GeneratorEntry,
    what: Generated,
    global: Option<&GeneratorOptions>,
    context: &mut BuildContext<'_>,
) -> Option<Resource> {
    let here = entry.origin.with(By::Generator);
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
    let kind = match what {
        Generated::ConfigMap => "ConfigMap",
        Generated::Secret => "Secret",
    };
    let mut metadata = vec![field(
        "name",
        Node::string(name.value.clone(), name.origin().with(By::Generator)),
        here,
    )];
    if let Some(namespace) = &entry.namespace {
        metadata.push(field(
            "namespace",
            Node::string(
                namespace.value.clone(),
                namespace.origin().with(By::Generator),
            ),
            here,
        ));
    }
    for (key, pairs) in [
        ("labels", &options.labels),
        ("annotations", &options.annotations),
    ] {
        if !pairs.is_empty() {
            let entries = pairs.iter().map(|pair| {
                let origin = pair.value.origin().with(By::Generator);
                let value = Node::string(pair.value.value.clone(), origin);
                Entry {
                    key: pair.key.clone(),
                    key_origin: pair.key_origin,
                    value,
                }
            });
            metadata.push(field(key, Node::map(entries.collect(), here), here));
        }
    }
    let mut fields = vec![
        field("apiVersion", Node::string("v1", here), here),
        field("kind", Node::string(kind, here), here),
        field("metadata", Node::map(metadata, here), here),
    ];
    if what == Generated::Secret {
        let (text, origin) = match &entry.secret_type {
            Some(text) => (text.value.clone(), text.origin().with(By::Generator)),
            None => ("Opaque".into(), here),
        };
        fields.push(field("type", Node::string(text, origin), here));
    }
    let mut data = Vec::new();
    let mut binary = Vec::new();
    for (key, value) in values {
        let text = match what {
            Generated::Secret => None,
            Generated::ConfigMap => std::str::from_utf8(&value.bytes).ok(),
        };
        let list = if text.is_none() && what == Generated::ConfigMap {
            &mut binary
        } else {
            &mut data
        };
        let text = text.map_or_else(|| base64_lines(&value.bytes), str::to_string);
        list.push(Entry {
            key,
            key_origin: value.key_origin,
            value: block(text, value.origin),
        });
    }
    if !data.is_empty() || what == Generated::Secret {
        fields.push(field("data", Node::map(data, here), here));
    }
    if !binary.is_empty() {
        fields.push(field("binaryData", Node::map(binary, here), here));
    }
    if let Some(origin) = options.immutable {
        fields.push(field(
            "immutable",
            Node::scalar(Scalar::bool(true), origin.with(By::Generator)),
            here,
        ));
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

/// Options of a generator with those of the whole kustomization: its own labels win, a global
/// `true` wins.
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

fn read_values(
    entry: &GeneratorEntry,
    name: &str,
    context: &mut BuildContext<'_>,
) -> BTreeMap<Arc<str>, Value> {
    let mut values: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut add = |key: &str, value: Value, context: &mut BuildContext<'_>| match values.get(key) {
        Some(first) => {
            let problem = Problem::error(
                value.key_origin,
                format!("the generator of {name:?} has the key {key:?} twice"),
            );
            context.report(
                problem
                    .with_related("it stands first here", first.key_origin)
                    .with_help("remove one of the two"),
            );
        }
        None => drop(values.insert(key.into(), value)),
    };
    for file in &entry.envs {
        read_env_file(file, context, &mut add);
    }
    for literal in &entry.literals {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let problem = Problem::error(
                literal.origin(),
                format!("the literal {:?} is not of the form key=value", &**literal),
            );
            context.report(problem.with_help("write KEY=VALUE; the value may be empty"));
            continue;
        };
        let value_text = unquoted(value);
        let skipped = literal.len() - value.len() + usize::from(value_text.len() < value.len());
        let origin = part(literal, skipped, value_text.len(), context);
        let key_origin = part(literal, 0, key.len(), context);
        add(
            key,
            Value {
                bytes: Arc::from(value_text.as_bytes()),
                key_origin,
                origin,
            },
            context,
        );
    }
    for file in &entry.files {
        let Some((key, path)) = file_source(file, context) else {
            continue;
        };
        match context.read_bytes(&Text::new(path, file.node.clone())) {
            Err(problem) => context.report(problem),
            Ok((path, bytes)) => {
                let here = file.origin().with(By::Generator);
                let origin = context.shared.text(&path).map_or(here, |id| {
                    let length = context.shared.files.get(id).text.len();
                    Origin {
                        file: id,
                        start: 0,
                        end: length as u32,
                        by: By::Generator,
                    }
                });
                add(
                    &key,
                    Value {
                        bytes,
                        key_origin: here,
                        origin,
                    },
                    context,
                );
            }
        }
    }
    values
}

/// A pair of quotes around the whole value is taken off.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
            return &value[1..value.len() - 1];
        }
    }
    value
}

/// The place of a part of a text, when the text stands in the file as it reads; otherwise of the
/// whole scalar.
fn part(text: &Text, start: usize, length: usize, context: &BuildContext<'_>) -> Origin {
    let whole = text.origin().with(By::Generator);
    let file = context.shared.files.get(whole.file);
    let Some(raw) = file.text.get(whole.start as usize..whole.end as usize) else {
        return whole;
    };
    let Some(offset) = [0, 1]
        .into_iter()
        .find(|offset| raw.get(*offset..*offset + text.len()) == Some(&**text))
    else {
        return whole;
    };
    let start = whole.start + (offset + start) as u32;
    Origin {
        start,
        end: start + length as u32,
        ..whole
    }
}

fn read_env_file(
    file: &Text,
    context: &mut BuildContext<'_>,
    add: &mut impl FnMut(&str, Value, &mut BuildContext<'_>),
) {
    let id = match context.read_text(file) {
        Ok(id) => id,
        Err(problem) => return context.report(problem),
    };
    let text = context.shared.files.get(id).text.clone();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let offset = start;
        start += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = if number == 0 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        let content = content.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let begin = offset + (line.len() - content.len());
        let (key, value) = content.split_once('=').unwrap_or((content, ""));
        if key.is_empty() {
            continue;
        }
        let span = |from: usize, to: usize| Origin {
            file: id,
            start: from as u32,
            end: to as u32,
            by: By::Generator,
        };
        let end = begin + content.len();
        let origin = span(end - value.len(), end);
        let value = Value {
            bytes: Arc::from(value.as_bytes()),
            key_origin: span(begin, begin + key.len()),
            origin,
        };
        add(key, value, context);
    }
}

/// The key and path of an entry of `files`.
fn file_source(source: &Text, context: &mut BuildContext<'_>) -> Option<(String, String)> {
    let refuse = |context: &mut BuildContext<'_>, why: &str| {
        context.report(
            Problem::error(
                source.origin(),
                format!("the file entry {:?} {why}", &**source),
            )
            .with_help("write PATH or KEY=PATH"),
        );
        None
    };
    match source.split_once('=') {
        None => Some((
            source
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_string(),
            source.to_string(),
        )),
        Some(("", _)) => refuse(context, "has no key before the ="),
        Some((_, "")) => refuse(context, "has no path after the ="),
        Some((_, path)) if path.contains('=') => refuse(context, "has more than one ="),
        Some((key, path)) => Some((key.to_string(), path.to_string())),
    }
}

/// Makes the service account of an IAM policy generator.
pub fn iam_policy(node: &Node, context: &mut BuildContext<'_>) -> Option<Resource> {
    let mut problems = Vec::new();
    let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
    let mut cloud = String::new();
    let (mut service, mut namespace, mut account, mut project) =
        (String::new(), String::new(), String::new(), String::new());
    for (name, entry) in decoder.fields(
        node,
        "the generator",
        &["cloud", "kubernetesService", "serviceAccount"],
    ) {
        if name == "cloud" {
            cloud = decoder
                .text(&entry.value, name)
                .map(|text| text.to_string())
                .unwrap_or_default();
            continue;
        }
        for (inner, entry) in
            decoder.fields(&entry.value, name, &["name", "namespace", "projectId"])
        {
            let text = decoder
                .text(&entry.value, inner)
                .map(|text| text.to_string())
                .unwrap_or_default();
            match (name, inner) {
                ("kubernetesService", "name") => service = text,
                ("kubernetesService", "namespace") => namespace = text,
                ("serviceAccount", "name") => account = text,
                ("serviceAccount", "projectId") => project = text,
                _ => {}
            }
        }
    }
    context.problems.append(&mut problems);
    if cloud != "gke" {
        context.report(
            Problem::error(
                node.origin,
                format!("the cloud {cloud:?} is not supported: only gke is"),
            )
            .with_help("write cloud: gke"),
        );
        return None;
    }
    let here = node.origin.with(By::Generator);
    let text = |text: String| Node::string(text, here);
    let annotation = format!("{account}@{project}.iam.gserviceaccount.com");
    let annotations = Node::map(
        vec![field(
            "iam.gke.io/gcp-service-account",
            text(annotation),
            here,
        )],
        here,
    );
    let mut metadata = vec![
        field("annotations", annotations, here),
        field("name", text(service), here),
    ];
    if !namespace.is_empty() {
        metadata.push(field("namespace", text(namespace), here));
    }
    let fields = vec![
        field("apiVersion", text("v1".into()), here),
        field("kind", text("ServiceAccount".into()), here),
        field("metadata", Node::map(metadata, here), here),
    ];
    Some(Resource::new(Node::map(fields, here)))
}

/// Lays the data of a generated resource over that of the present one, as the behaviours `merge`
/// and `replace` do.
pub fn combine(present: &Resource, mut new: Resource) -> Resource {
    for key in ["labels", "annotations"] {
        if let Some(node) = merged_map(
            present.node.at(&["metadata", key]),
            new.node.at(&["metadata", key]),
            false,
        ) && let Some(metadata) = new.node.get_mut("metadata")
        {
            put(metadata, key, node);
        }
    }
    let identity = [
        ("name", present.node.at(&["metadata", "name"])),
        ("namespace", present.node.at(&["metadata", "namespace"])),
    ];
    for (key, value) in identity {
        if let Some(metadata) = new.node.get_mut("metadata") {
            match value {
                Some(value) => put(metadata, key, value.clone()),
                None => drop(
                    metadata
                        .map_mut()
                        .map(|map| map.entries.retain(|entry| &*entry.key != key)),
                ),
            }
        }
    }
    if new.behavior == Behavior::Merge {
        let data = match (new.kind(), new.api_version()) {
            ("Secret", "v1") => with_string_data(&present.node),
            _ => present.node.get("data").cloned(),
        };
        for (key, old) in [
            ("data", data),
            ("binaryData", present.node.get("binaryData").cloned()),
        ] {
            match merged_map(old.as_ref(), new.node.get(key), true) {
                Some(node) => put(&mut new.node, key, node),
                None => drop(
                    new.node
                        .map_mut()
                        .map(|map| map.entries.retain(|entry| &*entry.key != key)),
                ),
            }
        }
    }
    new.needs_hash &= present.needs_hash;
    new.behavior = present.behavior;
    new.original = present.original.clone();
    new.previous = present.previous.clone();
    new.prefixes = present.prefixes.clone();
    new.suffixes = present.suffixes.clone();
    new.variables = present.variables.clone();
    new.renamed_by = present.renamed_by;
    new
}

fn put(map: &mut Node, key: &str, value: Node) {
    match map.get_mut(key) {
        Some(present) => *present = value,
        None => {
            let origin = value.origin;
            if let Some(map) = map.map_mut() {
                map.entries.push(Entry {
                    key: key.into(),
                    key_origin: origin,
                    value,
                });
            }
        }
    }
}

/// Two maps of strings in one; the new values win and remember the old. `None` when nothing is
/// left.
fn merged_map(old: Option<&Node>, new: Option<&Node>, sorted: bool) -> Option<Node> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut index: std::collections::HashMap<Arc<str>, usize> = std::collections::HashMap::new();
    for entry in old.into_iter().chain(new).flat_map(Node::entries) {
        let mut value = entry.value.clone();
        let scalar = value.as_scalar().map_or_else(
            || Scalar::string(""),
            |scalar| match scalar.kind {
                crate::yaml::Kind::Null => Scalar::string(""),
                _ => Scalar {
                    text: scalar.text.clone(),
                    style: scalar.style,
                    kind: crate::yaml::Kind::String,
                },
            },
        );
        value.data = Data::Scalar(scalar);
        match index.get(&entry.key) {
            Some(place) => {
                let Some(present) = entries.get_mut(*place) else {
                    continue;
                };
                present.value.replace(value.data, value.origin);
            }
            None => {
                index.insert(entry.key.clone(), entries.len());
                entries.push(Entry {
                    value,
                    ..entry.clone()
                });
            }
        }
    }
    if entries.is_empty() {
        return None;
    }
    if sorted {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let origin = new.or(old)?.origin;
    Some(Node::map(entries, origin))
}

/// The data of a Secret with its `stringData` encoded into it, as the API server would.
fn with_string_data(node: &Node) -> Option<Node> {
    let Some(strings) = node.get("stringData").filter(|strings| !strings.is_null()) else {
        return node.get("data").cloned();
    };
    let encoded = strings.entries().iter().map(|entry| {
        let text = entry.value.text().unwrap_or_default();
        Entry {
            value: block(base64_lines(text.as_bytes()), entry.value.origin),
            ..entry.clone()
        }
    });
    merged_map(
        node.get("data"),
        Some(&Node::map(encoded.collect(), strings.origin)),
        true,
    )
}
