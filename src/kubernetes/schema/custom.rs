//! CustomResourceDefinitions: the kinds that they add, and the schemas of their versions.
//!
//! Not here: where they are found (`repo`), judging an object (`walk`).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::pack::Types;
use super::shape::{Broken, Shape};
use super::{Described, Source};
use crate::yaml::write::to_json;
use crate::yaml::{Node, Origin};

/// Definitions by group and kind, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Definitions<'a> {
    groups: HashMap<&'a str, HashMap<&'a str, Vec<Definition<'a>>>>,
}

/// A CustomResourceDefinition.
pub(crate) struct Definition<'a> {
    /// The whole object.
    pub node: &'a Node,
    /// The environments whose overlays render it; `None` for a file or an overlay of none.
    pub places: Vec<Option<usize>>,
    versions: Vec<Version<'a>>,
}

/// A version of a kind.
pub(crate) struct Version<'a> {
    /// `v1beta1`.
    pub name: &'a str,
    /// True if the API server accepts objects of it.
    pub is_served: bool,
    /// True if the API server warns about objects of it.
    pub is_deprecated: bool,
    schema: Option<&'a Node>,
    shape: OnceLock<Result<Shape, Broken>>,
}

/// A schema that cannot be read.
pub(crate) struct BrokenSchema<'a> {
    /// The version that it belongs to.
    pub version: &'a str,
    /// The part at fault.
    pub origin: Origin,
    /// The problem, as the end of a sentence.
    pub reason: String,
}

static NO_TYPES: OnceLock<Types> = OnceLock::new();

impl<'a> Definitions<'a> {
    /// Adds an object of an environment, if it is a definition.
    pub(crate) fn add(&mut self, node: &'a Node, place: Option<usize>) {
        let Some(((group, kind), definition)) = Definition::read(node) else {
            return;
        };
        let kinds = self.groups.entry(group).or_default();
        let known = kinds.entry(kind).or_default();
        // overlays share the objects of their bases
        match known.iter_mut().find(|one| one.node.origin == node.origin) {
            Some(one) if one.places.contains(&place) => {}
            Some(one) => one.places.push(place),
            None => known.push(Definition {
                places: vec![place],
                ..definition
            }),
        }
    }

    /// The definitions of a kind. Environments may have different ones.
    pub(crate) fn of(&self, group: &str, kind: &str) -> &[Definition<'a>] {
        let kinds = self.groups.get(group);
        let known = kinds.and_then(|kinds| kinds.get(kind));
        known.map_or(&[], Vec::as_slice)
    }
}

impl<'a> Definition<'a> {
    /// Reads an object, with its group and kind; `None` if it is something else.
    pub(crate) fn read(node: &'a Node) -> Option<((&'a str, &'a str), Definition<'a>)> {
        let text = |path: &[&str]| node.at(path).and_then(Node::text);
        let version = text(&["apiVersion"])?;
        if text(&["kind"]) != Some("CustomResourceDefinition")
            || !version.starts_with("apiextensions.k8s.io/")
        {
            return None;
        }
        let key = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
        let versions = node.at(&["spec", "versions"]).map_or(&[][..], Node::items);
        let versions = versions.iter().filter_map(Version::read).collect();
        let places = Vec::new();
        Some((
            key,
            Definition {
                node,
                places,
                versions,
            },
        ))
    }

    /// The versions, in the order of the file.
    pub(crate) fn versions(&self) -> &[Version<'a>] {
        &self.versions
    }

    /// The version of a name.
    pub(crate) fn version(&self, name: &str) -> Option<&Version<'a>> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// The schemas that cannot be read.
    pub(crate) fn broken(&self) -> impl Iterator<Item = BrokenSchema<'a>> {
        self.versions.iter().filter_map(|version| {
            let schema = version.schema?;
            let broken = version.shape().as_ref().err()?;
            let at = schema.pointer(&broken.pointer).unwrap_or(schema);
            Some(BrokenSchema {
                version: version.name,
                origin: at.origin,
                reason: broken.reason.clone(),
            })
        })
    }
}

impl<'a> Version<'a> {
    fn read(node: &'a Node) -> Option<Version<'a>> {
        let is = |key: &str, value: bool| node.get(key).and_then(Node::as_bool) == Some(value);
        Some(Version {
            name: node.get("name").and_then(Node::text)?,
            is_served: !is("served", false),
            is_deprecated: is("deprecated", true),
            schema: node.at(&["schema", "openAPIV3Schema"]),
            shape: OnceLock::new(),
        })
    }

    fn shape(&self) -> &Result<Shape, Broken> {
        self.shape.get_or_init(|| match self.schema {
            Some(schema) => Shape::read(&to_json(schema)),
            None => Ok(Shape::default()),
        })
    }

    /// The schema; `None` if it cannot be read.
    pub(crate) fn described(&self) -> Option<Described<'_>> {
        let shape = self.shape().as_ref().ok()?;
        let types = NO_TYPES.get_or_init(Types::default);
        Some(Described::new(shape, types, Source::Repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::Release;
    use crate::yaml::{FileId, read};

    const BACKUP: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.acme.example}
spec:
  group: acme.example
  names: {kind: Backup, plural: backups}
  versions:
    - {name: v1alpha1, served: false, storage: false}
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [schedule]
              properties:
                schedule: {type: string, pattern: '^\\S+( \\S+){4}$'}
                keep: {type: integer, minimum: 1, default: 3}
                mode: {type: string, enum: [Full, Changes]}
                targets:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items:
                    type: object
                    properties: {name: {type: string}, volume: {type: string}, bucket: {type: string}}
                    oneOf: [{required: [volume]}, {required: [bucket]}]
";

    fn node(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    fn found(spec: &str) -> Vec<String> {
        let (crd, object) = (
            node(BACKUP),
            node(&format!(
                "{{apiVersion: acme.example/v1, kind: Backup, metadata: {{name: a, labels: {{tier: '1'}}}}, spec: {spec}}}"
            )),
        );
        let mut definitions = Definitions::default();
        definitions.add(&crd, None);
        let definition = definitions.of("acme.example", "Backup").first().unwrap();
        let described = definition.version("v1").unwrap().described().unwrap();
        let violations = described.violations(Release::newest(), &object);
        let shown = violations
            .iter()
            .map(|one| format!("{} {:?}", one.pointer, one.fault));
        shown
            .map(|text| text.split(" {").next().unwrap().to_string())
            .collect()
    }

    #[test]
    fn objects_are_judged_by_the_schema_of_their_version() {
        assert_eq!(
            found("{schedule: 0 3 * * *, targets: [{name: a, volume: b}]}"),
            Vec::<String>::new()
        );
        assert_eq!(found("{schedule: daily}"), ["/spec/schedule Refused"]);
        assert_eq!(
            found("{keep: 0}"),
            ["/spec Missing", "/spec/keep Refused"]
                .map(str::to_string)
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        );
        assert_eq!(
            found("{schedule: 0 3 * * *, mode: full}"),
            ["/spec/mode Refused"]
        );
        assert_eq!(
            found("{schedule: 0 3 * * *, mode: '${MODE}'}"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("{schedule: 0 3 * * *, kep: 2}"),
            ["/spec/kep Unknown"]
        );
        assert_eq!(
            found("{schedule: 0 3 * * *, targets: [{name: a, volume: b}, {name: a, bucket: c}]}"),
            ["/spec/targets Duplicate"]
        );
        assert_eq!(
            found("{schedule: 0 3 * * *, targets: [{name: a, volume: b, bucket: c}]}"),
            ["/spec/targets/0 Refused"]
        );
    }

    #[test]
    fn a_broken_schema_is_located_and_judges_nothing() {
        let crd = node(&BACKUP.replace("type: integer", "type: intege"));
        let (_, definition) = Definition::read(&crd).unwrap();
        let broken: Vec<_> = definition.broken().collect();
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].reason, "has the unknown type `intege`");
        assert!(definition.version("v1").unwrap().described().is_none());
    }
}
