//! Field specifications: a path of keys in objects of some kinds, and the walk to the values that
//! it leads to.
//!
//! Lists on the way are entered although no step names them. A missing field is made only if both
//! the specification and the transformer say so. Not here: which fields there are
//! (`configuration`).

use std::sync::Arc;

use crate::kustomize::Resource;
use crate::kustomize::kustomization::FieldSpecEntry;
use crate::kustomize::steps::list_step;
use crate::yaml::{Data, Entry, Kind, List, Map, Node, Origin, Scalar};

/// Group, version and kind; an empty part matches any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gvk {
    /// `apps`
    pub group: Arc<str>,
    /// `v1`
    pub version: Arc<str>,
    /// `Deployment`
    pub kind: Arc<str>,
}

impl Gvk {
    /// True if a type is selected.
    pub(crate) fn selects(&self, group: &str, version: &str, kind: &str) -> bool {
        let any_or = |wanted: &str, present: &str| wanted.is_empty() || wanted == present;
        any_or(&self.kind, kind) && any_or(&self.group, group) && any_or(&self.version, version)
    }

    /// True if an object's present type is selected.
    pub(crate) fn selects_object(&self, node: &Node) -> bool {
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        let api_version = text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.selects(group, version, text("kind"))
    }

    /// True if the first type of a resource is selected.
    pub(crate) fn selects_first(&self, resource: &Resource) -> bool {
        let kind = resource
            .previous
            .first()
            .map_or_else(|| resource.kind(), |first| &first.kind);
        self.selects(resource.group(), resource.version(), kind)
    }
}

/// A field of objects of some kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// Which objects.
    pub gvk: Gvk,
    /// The path as written: `spec/template/metadata/labels`.
    pub path: Arc<str>,
    /// Its steps.
    pub steps: Arc<[Box<str>]>,
    /// True if missing fields are made.
    pub create: bool,
}

impl FieldSpec {
    /// A specification; the path's steps are separated by `/`, and `\/` is a slash in a key.
    pub(crate) fn new(gvk: Gvk, path: &str, create: bool) -> FieldSpec {
        FieldSpec {
            gvk,
            path: path.into(),
            steps: split_path(path, '/')
                .into_iter()
                .map(String::into_boxed_str)
                .collect(),
            create,
        }
    }

    /// The specification of an entry of a configuration.
    pub(crate) fn of(entry: &FieldSpecEntry) -> FieldSpec {
        let gvk = Gvk {
            group: entry.group.clone(),
            version: entry.version.clone(),
            kind: entry.kind.clone(),
        };
        FieldSpec::new(gvk, &entry.path, entry.create)
    }

    /// True if this is the name of the object itself.
    pub(crate) fn is_name(&self) -> bool {
        &*self.path == "metadata/name"
    }
}

/// Splits a path at a delimiter; a backslash before the delimiter makes it part of the step. One
/// leading delimiter is ignored.
pub(crate) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = path.split(delimiter).peekable();
    let mut steps: Vec<String> = Vec::new();
    let first = parts.next().unwrap_or_default();
    if !(first.is_empty() && parts.peek().is_some()) {
        steps.push(first.to_string());
    }
    for part in parts {
        match steps.last_mut().and_then(|last| {
            last.strip_suffix('\\')
                .map(str::len)
                .map(|length| (last, length))
        }) {
            Some((last, length)) => {
                last.truncate(length);
                last.push(delimiter);
                last.push_str(part);
            }
            None => steps.push(part.to_string()),
        }
    }
    steps
}

/// The values that a transformer makes if a field is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    /// Nothing.
    Nothing,
    /// A map.
    Map,
    /// A scalar, which the transformer fills.
    Scalar,
}

/// Why a path could not be followed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub(crate) struct FieldError {
    /// The problem.
    pub message: String,
    /// The value in the way.
    pub origin: Origin,
}

impl FieldError {
    /// An error at a value.
    pub(crate) fn new(node: &Node, message: impl Into<String>) -> FieldError {
        FieldError {
            message: message.into(),
            origin: node.origin,
        }
    }
}

/// Calls `set` on every value that the specification leads to in an object of one of its kinds.
/// `origin` is the origin of fields that are made.
pub(crate) fn apply(
    object: &mut Node,
    spec: &FieldSpec,
    create: Create,
    origin: Origin,
    set: &mut dyn FnMut(&mut Node) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    if !spec.gvk.selects_object(object) {
        return Ok(());
    }
    let create = if spec.create { create } else { Create::Nothing };
    // a missing field must not cost a copy of the maps on the way to it
    if create == Create::Nothing && !reaches(object, &spec.steps) {
        return Ok(());
    }
    walk(object, &spec.steps, create, origin, set)
}

/// True if a walk would set something or fail.
fn reaches(node: &Node, steps: &[Box<str>]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match &node.data {
        Data::Scalar(scalar) => scalar.kind != Kind::Null,
        Data::List(list) => list.items.iter().any(|item| reaches(item, steps)),
        Data::Map(_) => {
            let (name, list) = list_step(step);
            !is_key(name)
                || node
                    .get(name)
                    .is_some_and(|value| (list && value.is_null()) || reaches(value, rest))
        }
    }
}

/// True if a step can be the key of a map. kustomize gives others a special meaning, and refuses
/// them in a map.
fn is_key(step: &str) -> bool {
    !(matches!(step, "*" | "-")
        || step.starts_with('[') && step.ends_with(']')
        || step.parse::<i64>().is_ok())
}

fn walk(
    node: &mut Node,
    steps: &[Box<str>],
    create: Create,
    origin: Origin,
    set: &mut dyn FnMut(&mut Node) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    let Some((step, rest)) = steps.split_first() else {
        return set(node);
    };
    match &node.data {
        Data::Scalar(scalar) if scalar.kind == Kind::Null => return Ok(()),
        Data::Scalar(_) => {
            return Err(FieldError::new(
                node,
                format!(
                    "a map or list is needed here to get to `{step}`, but this is a plain value"
                ),
            ));
        }
        Data::List(list) => {
            // asking for a mutable list copies it
            let is_reached = |item: &Node| create != Create::Nothing || reaches(item, steps);
            let reached: Vec<bool> = list.items.iter().map(is_reached).collect();
            if let Some(list) = node.list_mut().filter(|_| reached.contains(&true)) {
                for (item, _) in list
                    .items
                    .iter_mut()
                    .zip(reached)
                    .filter(|(_, reached)| *reached)
                {
                    walk(item, steps, create, origin, set)?;
                }
            }
            return Ok(());
        }
        Data::Map(_) => {}
    }
    match field(node, step, rest.is_empty(), create, origin)? {
        Some(field) => walk(field, rest, create, origin, set),
        None => Ok(()),
    }
}

/// The field of a map that a step names, made if it is missing and may be made.
fn field<'n>(
    node: &'n mut Node,
    step: &str,
    is_last: bool,
    create: Create,
    origin: Origin,
) -> Result<Option<&'n mut Node>, FieldError> {
    let (name, list) = list_step(step);
    if name.is_empty() {
        return Err(FieldError::new(node, "a step of the path is empty"));
    }
    if !is_key(name) {
        let message =
            format!("`{name}` is not a key: field paths have neither wildcards nor items of lists");
        return Err(FieldError::new(node, message));
    }
    let made = match create {
        _ if list => None,
        Create::Nothing => None,
        Create::Scalar if is_last => Some(Data::Scalar(Scalar {
            kind: Kind::String,
            ..Scalar::null()
        })),
        _ => Some(Data::Map(Arc::new(Map::default()))),
    };
    if node.get(name).is_none() {
        let (Some(data), Some(map)) = (made.clone(), node.map_mut()) else {
            return Ok(None);
        };
        map.entries.push(Entry {
            key: name.into(),
            key_origin: origin,
            value: Node {
                data,
                origin,
                replaced: None,
            },
        });
    }
    let Some(field) = node.get_mut(name) else {
        return Ok(None);
    };
    if field.is_null() {
        match made {
            Some(data) => field.replace(data, origin),
            None if list => field.replace(Data::List(Arc::new(List::default())), origin),
            None => {}
        }
    }
    Ok(Some(field))
}

/// Sets a string under a key of a map, as labels and annotations are set.
pub(crate) fn set_entry(
    map: &mut Node,
    key: &str,
    key_origin: Origin,
    text: &Arc<str>,
    origin: Origin,
) -> Result<(), FieldError> {
    if map.is_null() {
        return Ok(());
    }
    if map.as_map().is_none() {
        return Err(FieldError::new(
            map,
            format!("a map is needed here to set `{key}`"),
        ));
    }
    // two specifications may lead to one map
    if map.get(key).is_none_or(|present| present.origin != origin) {
        map.set(key, Node::string(text.clone(), origin), key_origin);
    }
    Ok(())
}

/// Sets the text of a scalar, keeping its quotes; without quotes the new text decides the type.
pub(crate) fn set_text(node: &mut Node, text: String, origin: Origin) -> Result<(), FieldError> {
    let Some(present) = node.as_scalar() else {
        return Err(FieldError::new(node, "a plain value is needed here"));
    };
    let scalar = match present.style {
        crate::yaml::Style::Plain => Scalar::plain(text),
        style => Scalar {
            style,
            ..Scalar::string(text)
        },
    };
    node.replace(Data::Scalar(scalar), origin);
    Ok(())
}

/// Sets a string instead of a scalar.
pub(crate) fn set_string(
    node: &mut Node,
    text: &Arc<str>,
    origin: Origin,
) -> Result<(), FieldError> {
    if node.as_scalar().is_none() {
        return Err(FieldError::new(node, "a plain value is needed here"));
    }
    // a value that was just made for this purpose replaces nothing
    let fresh = node.origin == origin && node.replaced.is_none();
    node.replace(Data::Scalar(Scalar::string(text.clone())), origin);
    if fresh {
        node.replaced = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{By, FileId, read, write};

    fn parse(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    const HERE: Origin = Origin {
        file: FileId(1),
        start: 0,
        end: 0,
        by: By::Labels,
    };

    fn run(text: &str, path: &str, create: bool, kind: Create) -> Result<String, FieldError> {
        let mut node = parse(text);
        let spec = FieldSpec::new(Gvk::default(), path, create);
        apply(&mut node, &spec, kind, HERE, &mut |node| match kind {
            Create::Map => set_entry(node, "k", HERE, &"v".into(), HERE),
            _ => set_string(node, &"v".into(), HERE),
        })?;
        Ok(write::to_json(&node).to_string())
    }

    #[test]
    fn paths_split_at_unescaped_slashes() {
        assert_eq!(split_path("a/b", '/'), ["a", "b"]);
        assert_eq!(split_path("/a/b", '/'), ["a", "b"]);
        assert_eq!(
            split_path(r"metadata/annotations/x\/y", '/'),
            ["metadata", "annotations", "x/y"]
        );
        assert_eq!(split_path("", '/'), [""]);
    }

    #[test]
    fn fields_are_made_only_when_asked_for() {
        assert_eq!(
            run("{a: 1}", "b/c", false, Create::Map).unwrap(),
            r#"{"a":1}"#
        );
        assert_eq!(
            run("{a: 1}", "b/c", true, Create::Map).unwrap(),
            r#"{"a":1,"b":{"c":{"k":"v"}}}"#
        );
        assert_eq!(
            run("{b: null}", "b/c", true, Create::Scalar).unwrap(),
            r#"{"b":{"c":"v"}}"#
        );
        assert_eq!(
            run("{b: null}", "b/c", false, Create::Scalar).unwrap(),
            r#"{"b":null}"#
        );
        assert_eq!(
            run("{b: [{}, {c: x}]}", "b[]/c", true, Create::Scalar).unwrap(),
            r#"{"b":[{"c":"v"},{"c":"v"}]}"#
        );
        assert_eq!(
            run("{b: [{}, {c: x}]}", "b/c", false, Create::Scalar).unwrap(),
            r#"{"b":[{},{"c":"v"}]}"#
        );
        assert_eq!(run("{}", "b[]/c", true, Create::Scalar).unwrap(), "{}");
    }

    #[test]
    fn wildcards_and_indices_are_refused_where_a_map_is() {
        for step in ["*", "-", "0", "[name=x]"] {
            assert!(
                run("{a: {b: x}}", &format!("a/{step}"), false, Create::Scalar).is_err(),
                "{step}"
            );
            assert_eq!(
                run("{b: x}", &format!("a/{step}"), false, Create::Scalar).unwrap(),
                r#"{"b":"x"}"#,
                "nothing leads there"
            );
        }
    }

    #[test]
    fn a_plain_value_in_the_way_is_an_error() {
        assert!(run("{b: text}", "b/c", false, Create::Map).is_err());
    }
}
