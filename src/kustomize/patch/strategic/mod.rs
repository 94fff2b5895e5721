//! Strategic merge as kustomize does it, with the origin of everything written, replaced and
//! removed.
//!
//! The rules are those of kyaml's walk over two trees, including where they surprise: every map of
//! the object is walked, not only what the patch names, so `key:` without a value disappears; nulls
//! inside an added map disappear; lists without merge keys are replaced as a whole, directives in
//! them included; additions to merged lists come first.
//!
//! Here: merging two trees. Not here: which objects a patch is for (`find`), and what they keep of
//! their identity (`keep`).

mod directive;
mod items;
mod keys;

use std::sync::Arc;

use crate::kustomize::Problem;
use crate::kustomize::schema::{Schema, Shape, Type};
use crate::yaml::scalar::resolve;
use crate::yaml::{Data, Entry, Kind, Node, Origin, Removed, Scalar, Style};
use directive::{
    DIRECTIVE, Directive, directive, list_directive, remover, without_directive,
    without_list_directive,
};

/// Merges a patch into an object; `None` if the patch deletes it. The nodes of the patch are taken
/// as they are, so attribute them to the patch first.
pub(super) fn merge(object: Node, patch: &Node, schema: &Schema) -> Result<Option<Node>, Problem> {
    if let Ok(Some((Directive::Replace, _))) = directive(patch) {
        // kustomize makes the new object and then drops it
        return Ok(Some(object));
    }
    Merger { schema }.walk(Some(object), Some(patch), None)
}

struct Merger<'s> {
    schema: &'s Schema,
}

/// Why a tree has no counterpart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// It is part of the object, and the patch does not mention it.
    Kept,
    /// It is part of the patch, and new to the object.
    Added,
}

impl Merger<'_> {
    /// Merges a value that may be missing on either side, but not on both.
    fn walk(
        &self,
        target: Option<Node>,
        patch: Option<&Node>,
        shape: Option<Shape<'_>>,
    ) -> Result<Option<Node>, Problem> {
        let Some(patch) = patch else {
            let Some(target) = target else {
                return Ok(None);
            };
            return match self.settled(&target, shape, Alone::Kept) {
                true => Ok(Some(target)),
                false => self.alone(target, shape, Alone::Kept),
            };
        };
        let target = match target {
            Some(target) if !target.is_null() => target,
            missing => {
                let added = self.add(patch, shape)?;
                return Ok(added.map(|added| replacing(added, missing)));
            }
        };
        if patch.is_null() {
            return Ok(None);
        }
        let resolved = self
            .shape(shape, &target)
            .or_else(|| self.shape(None, patch));
        match (&target.data, &patch.data) {
            (Data::Scalar(_), Data::Scalar(_)) => Ok(Some(replacing(patch.clone(), Some(target)))),
            (Data::Map(_), Data::Map(_)) => match directive(patch)? {
                Some((Directive::Delete, _)) => Ok(None),
                Some((Directive::Replace, _)) => {
                    let added = self.alone(without_directive(patch), resolved, Alone::Added)?;
                    Ok(added.map(|added| replacing(added, Some(target))))
                }
                Some((Directive::Merge, _)) | None => {
                    self.fields(target, patch, map_type(resolved)).map(Some)
                }
            },
            (Data::List(_), Data::List(list)) => match resolved {
                Some(Shape::MergedList { keys, items }) => match list_directive(list)? {
                    Some((Directive::Delete, _)) => Ok(None),
                    Some((directive, value)) => {
                        let rest = without_list_directive(patch, value)?;
                        if directive == Directive::Replace {
                            let added = self.items(rest, None, keys, items, Alone::Added)?;
                            return Ok(Some(replacing(added, Some(target))));
                        }
                        self.items(target, Some(rest.items()), keys, items, Alone::Kept)
                            .map(Some)
                    }
                    None => self
                        .items(target, Some(&list.items), keys, items, Alone::Kept)
                        .map(Some),
                },
                _ => Ok(Some(replacing(patch.clone(), Some(target)))),
            },
            _ => {
                let message = format!(
                    "the patch has {} where the object has {}",
                    patch.describe(),
                    target.describe()
                );
                Err(Problem::error(patch.origin, message)
                    .with_related("the object's value is here", target.origin)
                    .with_help("give the patch the same structure as the object, or delete the field first with a separate patch"))
            }
        }
    }

    /// A value that is new to the object.
    fn add(&self, patch: &Node, shape: Option<Shape<'_>>) -> Result<Option<Node>, Problem> {
        let resolved = self.shape(shape, patch);
        match &patch.data {
            Data::Map(_) => match directive(patch) {
                Ok(Some((Directive::Delete, _))) => Ok(None),
                Ok(Some(_)) => self.added_fields(without_directive(patch), map_type(resolved)),
                // kustomize notices an unknown word only if there is something to patch
                Ok(None) | Err(_) => self.added_fields(patch.clone(), map_type(resolved)),
            },
            Data::List(_) => match resolved {
                Some(Shape::MergedList { keys, items }) => self
                    .items(patch.clone(), None, keys, items, Alone::Added)
                    .map(Some),
                _ => Ok(Some(patch.clone())),
            },
            Data::Scalar(_) => Ok(Some(patch.clone()).filter(|node| !node.is_null())),
        }
    }

    fn added_fields(&self, map: Node, of: Option<Type<'_>>) -> Result<Option<Node>, Problem> {
        self.own_fields(map, of, Alone::Added).map(Some)
    }

    /// Walks a value that has no counterpart.
    fn alone(
        &self,
        node: Node,
        shape: Option<Shape<'_>>,
        alone: Alone,
    ) -> Result<Option<Node>, Problem> {
        if self.settled(&node, shape, alone) {
            return Ok(Some(node));
        }
        let resolved = self.shape(shape, &node);
        match &node.data {
            Data::Scalar(scalar) => {
                let keep = !node.is_null() || (alone == Alone::Kept && !scalar.text.is_empty());
                Ok(Some(node).filter(|_| keep))
            }
            Data::Map(_) => {
                let mut node = node;
                if alone == Alone::Added {
                    match directive(&node)? {
                        Some((Directive::Delete, _)) => return Ok(None),
                        Some(_) => node = without_directive(&node),
                        None => {}
                    }
                }
                self.own_fields(node, map_type(resolved), alone).map(Some)
            }
            Data::List(list) => match resolved {
                Some(Shape::MergedList { keys, items }) => {
                    let found = if alone == Alone::Added {
                        list_directive(list)?
                    } else {
                        None
                    };
                    let rest = match found {
                        Some((Directive::Delete, _)) => return Ok(None),
                        Some((_, value)) => without_list_directive(&node, value)?,
                        None => node.clone(),
                    };
                    self.items(rest, None, keys, items, alone).map(Some)
                }
                _ => Ok(Some(node)),
            },
        }
    }

    /// The fields of a map without counterpart.
    fn own_fields(
        &self,
        mut node: Node,
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> Result<Node, Problem> {
        let Some(map) = node.map_mut() else {
            return Ok(node);
        };
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in std::mem::take(&mut map.entries) {
            let shape = of.and_then(|of| of.field(&entry.key));
            if let Some(value) = self.alone(entry.value, shape, alone)? {
                entries.push(Entry { value, ..entry });
            }
        }
        map.entries = entries;
        Ok(node)
    }

    /// Merges the fields of a patch into a map.
    fn fields(
        &self,
        mut target: Node,
        patch: &Node,
        of: Option<Type<'_>>,
    ) -> Result<Node, Problem> {
        let shape = |key: &str| of.and_then(|of| of.field(key));
        let unsettled = |entry: &Entry| {
            patch.get(&entry.key).is_none()
                && !self.settled(&entry.value, shape(&entry.key), Alone::Kept)
        };
        if target.entries().iter().any(unsettled)
            && let Some(map) = target.map_mut()
        {
            let mut entries = Vec::with_capacity(map.entries.len());
            for entry in std::mem::take(&mut map.entries) {
                if patch.get(&entry.key).is_some() {
                    entries.push(entry);
                } else if let Some(value) =
                    self.alone(entry.value, shape(&entry.key), Alone::Kept)?
                {
                    entries.push(Entry { value, ..entry });
                }
            }
            map.entries = entries;
        }
        for entry in patch
            .entries()
            .iter()
            .filter(|entry| &*entry.key != DIRECTIVE)
        {
            let Some(map) = target.map_mut() else { break };
            let position = map
                .entries
                .iter()
                .position(|present| present.key == entry.key);
            let present = position.and_then(|position| map.entries.get_mut(position));
            match present {
                None => {
                    if let Some(value) = self.walk(None, Some(&entry.value), shape(&entry.key))? {
                        map.entries.push(Entry {
                            value,
                            ..entry.clone()
                        });
                    }
                }
                Some(present) => {
                    let empty = Node::scalar(Scalar::null(), present.value.origin);
                    let value = std::mem::replace(&mut present.value, empty);
                    let before = value.clone();
                    match (
                        self.walk(Some(value), Some(&entry.value), shape(&entry.key))?,
                        position,
                    ) {
                        (Some(value), _) => present.value = in_style_of(value, &before),
                        (None, Some(position)) => {
                            let origin = remover(&entry.value).unwrap_or(Origin {
                                start: entry.key_origin.start,
                                ..entry.value.origin
                            });
                            map.entries.remove(position);
                            map.removed.push(Removed {
                                key: entry.key.clone(),
                                origin,
                                node: before,
                            });
                        }
                        (None, None) => {}
                    }
                }
            }
        }
        Ok(target)
    }

    /// The type of a value. An object inside another one is known by its own kind.
    fn shape<'t>(&'t self, shape: Option<Shape<'t>>, node: &Node) -> Option<Shape<'t>> {
        shape.or_else(|| {
            node.as_map()?;
            let (version, kind) = (node.get("apiVersion")?.text()?, node.get("kind")?.text()?);
            self.schema.kind(version, kind).map(Shape::Map)
        })
    }

    /// True if walking a value without a counterpart would not change it. This is nearly always so,
    /// and saves a copy.
    fn settled(&self, node: &Node, shape: Option<Shape<'_>>, alone: Alone) -> bool {
        match &node.data {
            Data::Scalar(scalar) => {
                !node.is_null() || (alone == Alone::Kept && !scalar.text.is_empty())
            }
            Data::Map(map) => {
                let of = map_type(self.shape(shape, node));
                map.entries.iter().all(|entry| {
                    (alone == Alone::Kept || &*entry.key != DIRECTIVE)
                        && self.settled(&entry.value, of.and_then(|of| of.field(&entry.key)), alone)
                })
            }
            Data::List(list) => match shape {
                Some(Shape::MergedList { keys, items }) => {
                    self.settled_items(&list.items, keys, items, alone)
                }
                _ => true,
            },
        }
    }
}

fn map_type<'t>(shape: Option<Shape<'t>>) -> Option<Type<'t>> {
    match shape {
        Some(Shape::Map(of)) => Some(of),
        _ => None,
    }
}

/// A value that remembers the one it replaces.
fn replacing(mut node: Node, before: Option<Node>) -> Node {
    if let Some(before) = before {
        node.replaced = Some(Arc::new(before));
    }
    node
}

/// A scalar takes over the quotes of the one it replaces, and quotes make numbers and booleans
/// strings.
fn in_style_of(mut node: Node, before: &Node) -> Node {
    let Some(style) = before.as_scalar().map(|scalar| scalar.style) else {
        return node;
    };
    if let Data::Scalar(scalar) = &mut node.data {
        scalar.style = style;
        if style != Style::Plain
            && scalar.kind != Kind::Null
            && scalar.kind == resolve(&scalar.text)
        {
            scalar.kind = Kind::String;
        }
    }
    node
}

fn is_empty_map(node: &Node) -> bool {
    node.as_map().is_some_and(|map| map.entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::schema::built_in;
    use crate::yaml::read::read;
    use crate::yaml::write::{to_json, write};
    use crate::yaml::{By, FileId};
    use proptest::prelude::*;

    fn tree(text: &str, file: u32) -> Node {
        let null = Node::scalar(Scalar::null(), Origin::start_of(FileId(file)));
        read(text, FileId(file))
            .unwrap()
            .documents
            .pop()
            .unwrap_or(null)
    }
    fn merged(object: &str, patch: &str) -> Result<Option<Node>, Problem> {
        merge(
            tree(object, 0),
            &tree(patch, 1).attributed_to(By::Patch),
            built_in(),
        )
    }
    fn shown(object: &str, patch: &str) -> String {
        merged(object, patch)
            .unwrap()
            .map(|node| write(&node))
            .unwrap_or_default()
    }
    /// A pod with the given spec, in flow style.
    fn pod(spec: &str) -> String {
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {spec}}}")
    }
    fn spec(object: &str, patch: &str) -> String {
        let node = merged(&pod(object), &pod(patch)).unwrap().unwrap();
        to_json(node.get("spec").unwrap()).to_string()
    }

    #[test]
    fn maps_merge_and_nulls_delete() {
        let out = spec(
            "{nodeSelector: {zone: a, disk: ssd}, hostNetwork: true}",
            "{nodeSelector: {zone: b, disk: null}, priority: 1}",
        );
        assert_eq!(
            out,
            r#"{"hostNetwork":true,"nodeSelector":{"zone":"b"},"priority":1}"#
        );
        assert_eq!(
            spec("{dnsPolicy: ~}", "{dnsPolicy: {a: null, b: 1}}"),
            r#"{"dnsPolicy":{"b":1}}"#,
            "nulls of an added map vanish"
        );
    }

    #[test]
    fn every_map_of_the_object_is_walked() {
        assert_eq!(
            spec("{empty: , tilde: ~, nested: {empty: }}", "{priority: 1}"),
            r#"{"nested":{},"priority":1,"tilde":null}"#
        );
    }

    #[test]
    fn merged_lists_put_what_is_new_first() {
        let out = spec(
            "{containers: [{name: app, image: a}]}",
            "{containers: [{name: app, env: [{name: X, value: y}]}, {name: side}]}",
        );
        assert_eq!(
            out,
            r#"{"containers":[{"env":[{"name":"X","value":"y"}],"image":"a","name":"app"},{"name":"side"}]}"#
        );
        let out = spec(
            "{containers: [{name: app}]}",
            "{containers: [{name: side}]}",
        );
        assert_eq!(out, r#"{"containers":[{"name":"side"},{"name":"app"}]}"#);
    }

    #[test]
    fn ports_merge_by_number_and_protocol() {
        let ports = |list: &str| format!("{{containers: [{{name: app, ports: {list}}}]}}");
        let out = spec(
            &ports(
                "[{containerPort: 80, protocol: TCP, name: web}, {containerPort: 80, protocol: UDP}]",
            ),
            &ports("[{containerPort: 80, protocol: UDP, name: quic}]"),
        );
        let udp = r#"{"containerPort":80,"name":"quic","protocol":"UDP"}"#;
        let tcp = r#"{"containerPort":80,"name":"web","protocol":"TCP"}"#;
        assert_eq!(
            out,
            format!(r#"{{"containers":[{{"name":"app","ports":[{tcp},{udp}]}}]}}"#)
        );
        let out = spec(
            &ports("[{containerPort: 80}]"),
            &ports("[{containerPort: 80, protocol: TCP}]"),
        );
        assert!(
            out.contains(r#"[{"containerPort":80}]"#),
            "kustomize drops a patch that adds the protocol: {out}"
        );
    }

    #[test]
    fn lists_without_keys_are_replaced() {
        assert_eq!(
            spec("{tolerations: [{key: a}]}", "{tolerations: [{key: b}]}"),
            r#"{"tolerations":[{"key":"b"}]}"#
        );
        let out = shown(
            "{kind: Thing, apiVersion: example.com/v1, parts: [{name: a}]}",
            "{parts: [{name: b}]}",
        );
        assert!(
            out.contains("- name: b") && !out.contains("- name: a"),
            "kinds without schema do not merge lists: {out}"
        );
    }

    #[test]
    fn scalar_sets_are_united() {
        let out = shown(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [a, b]}}",
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [b, c]}}",
        );
        assert!(out.contains("finalizers:\n  - b\n  - c\n  - a\n"), "{out}");
        let out = shown(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [a, null]}}",
            "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {b: c}}}",
        );
        assert!(out.contains("finalizers:\n  - a\n  labels:"), "{out}");
    }

    #[test]
    fn directives_delete_replace_and_merge() {
        let volumes = "{volumes: [{name: data, emptyDir: {}}, {name: other}]}";
        assert_eq!(
            spec(volumes, "{volumes: [{name: data, $patch: delete}]}"),
            r#"{"volumes":[{"name":"other"}]}"#
        );
        assert_eq!(
            spec(volumes, "{volumes: [{$patch: replace}, {name: new}]}"),
            r#"{"volumes":[{"name":"new"}]}"#
        );
        assert_eq!(spec(volumes, "{volumes: [{$patch: delete}]}"), "{}");
        assert_eq!(
            spec(
                "{nodeSelector: {a: b}}",
                "{nodeSelector: {$patch: replace, c: d}}"
            ),
            r#"{"nodeSelector":{"c":"d"}}"#
        );
        assert_eq!(
            spec("{nodeSelector: {a: b}}", "{nodeSelector: {$patch: delete}}"),
            "{}"
        );
        assert!(
            merged(
                &pod("{}"),
                &format!("{{$patch: delete, {}", &pod("{}")[1..])
            )
            .unwrap()
            .is_none()
        );
        let problem = merged(
            &pod("{nodeSelector: {a: b}}"),
            &pod("{nodeSelector: {$patch: remove}}"),
        )
        .unwrap_err();
        assert_eq!(problem.message, "unknown patch directive \"remove\"");
    }

    #[test]
    fn different_shapes_are_refused() {
        let problem =
            merged(&pod("{nodeSelector: {a: b}}"), &pod("{nodeSelector: [a]}")).unwrap_err();
        assert_eq!(
            problem.message,
            "the patch has a list where the object has a map"
        );
        assert_eq!(problem.origin.file, FileId(1));
        assert_eq!(
            problem.related.first().map(|(_, origin)| origin.file),
            Some(FileId(0))
        );
    }

    #[test]
    fn a_value_takes_over_the_quotes_of_the_one_it_replaces() {
        assert_eq!(
            spec("{a: \"1\", b: 1, c: x}", "{a: 2, b: \"2\", c: true}"),
            r#"{"a":"2","b":"2","c":true}"#
        );
    }

    #[test]
    fn what_was_there_before_is_remembered() {
        let node = merged(
            &pod("{nodeSelector: {zone: a, disk: ssd}, volumes: [{name: data}, {name: tmp}]}"),
            &pod("{nodeSelector: {zone: b, disk: null}, volumes: [{name: data, $patch: delete}]}"),
        );
        let node = node.unwrap().unwrap();
        let zone = node.at(&["spec", "nodeSelector", "zone"]).unwrap();
        assert_eq!((zone.origin.file, zone.origin.by), (FileId(1), By::Patch));
        assert_eq!(
            zone.replaced.as_ref().and_then(|before| before.as_str()),
            Some("a")
        );
        let removed = &node
            .at(&["spec", "nodeSelector"])
            .unwrap()
            .as_map()
            .unwrap()
            .removed;
        assert_eq!(
            removed
                .iter()
                .map(|removed| &*removed.key)
                .collect::<Vec<_>>(),
            ["disk"]
        );
        let removed = &node
            .at(&["spec", "volumes"])
            .unwrap()
            .as_list()
            .unwrap()
            .removed;
        assert_eq!(
            removed
                .iter()
                .map(|removed| removed.origin.by)
                .collect::<Vec<_>>(),
            [By::Patch]
        );
        assert_eq!(
            node.at(&["metadata", "name"])
                .unwrap()
                .replaced
                .as_ref()
                .map(|before| before.origin.by),
            Some(By::Manifest)
        );
    }

    /// The merge cases in a folder beside the checkout, if there are any.
    #[test]
    fn agrees_with_the_cases_at_hand() {
        let beside = ["..", "../.."].map(|up| {
            format!(
                "{}/{up}/shared/kustomize-cases/merge",
                env!("CARGO_MANIFEST_DIR")
            )
        });
        let Some(folder) = beside.iter().find_map(|path| std::fs::read_dir(path).ok()) else {
            return;
        };
        for case in folder.flatten() {
            let text =
                |name: &str| std::fs::read_to_string(case.path().join(name)).unwrap_or_default();
            let tree = |name: &str| {
                read(&text(name), FileId(0))
                    .ok()
                    .and_then(|read| read.documents.into_iter().next())
            };
            // builds never infer merge keys, and schemas in comments are not read
            if text("case.json").contains("\"infer_associative_lists\": true")
                || text("target.yaml").contains("# {\"items\"")
            {
                continue;
            }
            let (Some(target), Some(patch)) = (tree("target.yaml"), tree("patch.yaml")) else {
                continue;
            };
            let out = merge(target, &patch, built_in()).unwrap();
            match (out, tree("expected.yaml")) {
                (Some(out), Some(expected)) => assert!(
                    out.same_value(&expected),
                    "{:?}: {}",
                    case.path(),
                    write(&out)
                ),
                (out, expected) => {
                    assert_eq!(out.is_some(), expected.is_some(), "{:?}", case.path())
                }
            }
        }
    }

    const LEAVES: &[&str] = &[
        "a", "b", "80", "null", "''", "'1'", "delete", "replace", "TCP",
    ];
    const KEYS: &[&str] = &[
        "name",
        "containers",
        "ports",
        "containerPort",
        "protocol",
        "env",
        "$patch",
        "finalizers",
        "metadata",
        "spec",
        "kind",
    ];

    fn value(
        leaves: &'static [&'static str],
        keys: &'static [&'static str],
    ) -> impl Strategy<Value = String> {
        proptest::sample::select(leaves)
            .prop_map(str::to_string)
            .prop_recursive(5, 48, 4, move |inner| {
                let map = proptest::collection::btree_map(
                    proptest::sample::select(keys),
                    inner.clone(),
                    0..4,
                )
                .prop_map(|map| {
                    format!(
                        "{{{}}}",
                        map.iter()
                            .map(|(k, v)| format!("{k}: {v}"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                });
                let list = proptest::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", ")));
                prop_oneof![map, list]
            })
    }

    proptest! {
        #[test]
        fn no_two_trees_make_it_fall_over(
            object in value(LEAVES, KEYS),
            patch in value(LEAVES, KEYS),
            typed in any::<bool>(),
        ) {
            let (object, patch) = if typed { (pod(&object), pod(&patch)) } else { (object, patch) };
            let _ = merged(&object, &patch);
        }

        #[test]
        fn a_patch_that_is_laid_twice_changes_nothing_more(
            object in value(&["a", "1"], &["a", "b", "c"]),
            patch in value(&["a", "1"], &["a", "b", "c"]),
        ) {
            let patch = tree(&pod(&patch), 1).attributed_to(By::Patch);
            let Ok(Some(once)) = merge(tree(&pod(&object), 0), &patch, built_in()) else { return Ok(()) };
            let twice = merge(once.clone(), &patch, built_in()).unwrap().unwrap();
            prop_assert!(once.same_value(&twice), "{}\n{}", write(&once), write(&twice));
        }
    }
}
