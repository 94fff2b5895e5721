//! CustomResourceDefinitions: the kinds that they add, and the schemas of their versions.
//!
//! Not here: where they are found (`repo`), judging an object (`walk`).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::pack::Types;
use super::rules::Rules;
use super::shape::{Broken, Shape};
use super::{Described, Fault, Source, Violation};
use crate::yaml::write::to_json;
use crate::yaml::{Node, Origin};

/// Definitions by group and kind, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Definitions {
    groups: HashMap<String, HashMap<String, Vec<Definition>>>,
}

/// A CustomResourceDefinition, or the schema of one version of a kind.
pub(crate) struct Definition {
    /// The place of the whole object.
    pub origin: Origin,
    /// The environments whose overlays render it; `None` for a file or an overlay of none.
    pub places: Vec<Option<usize>>,
    /// The versions, in the order of the file.
    pub versions: Vec<Version>,
    /// True if the kind may have other versions: only a schema of one is known.
    pub is_partial: bool,
    /// True if an object of the kind is judged.
    is_used: bool,
}

/// A version of a kind.
pub(crate) struct Version {
    /// `v1beta1`.
    pub name: String,
    /// True if the API server accepts objects of it.
    pub is_served: bool,
    /// True if objects are stored in it.
    pub is_stored: bool,
    /// True if the API server warns about objects of it.
    pub is_deprecated: bool,
    /// True if the API server keeps fields that the schema does not have, as it did for definitions of
    /// `apiextensions.k8s.io/v1beta1`.
    pub keeps_unknown: bool,
    schema: Option<Node>,
    shape: OnceLock<Result<Shape, Broken>>,
    rules: OnceLock<Rules>,
}

/// A schema that cannot be read.
pub(crate) struct BrokenSchema<'a> {
    /// The version that it belongs to.
    pub version: &'a str,
    /// The part at fault.
    pub origin: Origin,
    /// The problem, as the end of a sentence.
    pub reason: &'a str,
}

/// The API version of definitions before Kubernetes 1.16, in which repos still have some.
const BETA: &str = "apiextensions.k8s.io/v1beta1";

/// A definition that may be written by hand has at most this many bytes.
const SMALL: u32 = 1 << 15;

static NO_TYPES: OnceLock<Types> = OnceLock::new();

impl Definitions {
    /// Adds an object of an environment, if it is a definition.
    pub(crate) fn add(&mut self, node: &Node, place: Option<usize>) {
        let Some((group, kind)) = defined_by(node) else {
            return;
        };
        let kinds = self.groups.entry(group.to_string()).or_default();
        let known = kinds.entry(kind.to_string()).or_default();
        // overlays share the objects of their bases
        match known.iter_mut().find(|one| one.origin == node.origin) {
            Some(one) if one.places.contains(&place) => {}
            Some(one) => one.places.push(place),
            None => known.push(Definition {
                places: vec![place],
                ..Definition::of(node)
            }),
        }
    }

    /// Adds the schema of one version of a kind.
    pub(crate) fn add_schema(&mut self, (group, kind): (&str, &str), version: &str, schema: Node) {
        let kinds = self.groups.entry(group.to_string()).or_default();
        kinds.entry(kind.to_string()).or_default().push(Definition {
            origin: schema.origin,
            places: vec![None],
            versions: vec![Version {
                name: version.to_string(),
                is_served: true,
                is_stored: false,
                is_deprecated: false,
                keeps_unknown: false,
                schema: Some(schema),
                shape: OnceLock::new(),
                rules: OnceLock::new(),
            }],
            is_partial: true,
            is_used: true,
        });
    }

    /// Notes that an object of a kind is judged.
    pub(crate) fn note_use(&mut self, group: &str, kind: &str) {
        let kinds = self.groups.get_mut(group);
        let known = kinds.and_then(|kinds| kinds.get_mut(kind));
        for definition in known.into_iter().flatten() {
            definition.is_used = true;
        }
    }

    /// The definition that an object is.
    pub(crate) fn at(&self, node: &Node) -> Option<&Definition> {
        let (group, kind) = defined_by(node)?;
        let mut known = self.of(group, kind).iter();
        known.find(|one| one.origin == node.origin)
    }

    /// The definitions of a kind. Environments may have different ones.
    pub(crate) fn of(&self, group: &str, kind: &str) -> &[Definition] {
        let kinds = self.groups.get(group);
        let known = kinds.and_then(|kinds| kinds.get(kind));
        known.map_or(&[], Vec::as_slice)
    }
}

impl Definitions {
    /// The schemas of files that cannot be read, each with its kind, sorted by kind.
    pub(crate) fn broken_in_files(&self) -> Vec<(&str, BrokenSchema<'_>)> {
        let kinds = self.groups.values().flatten();
        let in_files = kinds.flat_map(|(kind, definitions)| {
            let definitions = definitions.iter().filter(|one| one.places == [None]);
            definitions.flat_map(move |one| one.broken().map(move |broken| (kind.as_str(), broken)))
        });
        let mut found: Vec<_> = in_files.collect();
        found.sort_by_key(|(kind, broken)| (*kind, broken.origin.file, broken.origin.start));
        found
    }
}

/// The group and kind that a CustomResourceDefinition defines; `None` for another object.
fn defined_by(node: &Node) -> Option<(&str, &str)> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text);
    let is_definition = text(&["kind"]) == Some("CustomResourceDefinition")
        && text(&["apiVersion"])?.starts_with("apiextensions.k8s.io/");
    let group = text(&["spec", "group"]).filter(|_| is_definition)?;
    Some((group, text(&["spec", "names", "kind"])?))
}

impl Definition {
    /// Reads an object; `None` if it is something else.
    pub(crate) fn read(node: &Node) -> Option<Definition> {
        defined_by(node).map(|_| Definition::of(node))
    }

    fn of(node: &Node) -> Definition {
        let versions = node.at(&["spec", "versions"]).map_or(&[][..], Node::items);
        let mut versions: Vec<Version> = versions.iter().filter_map(Version::read).collect();
        let is_beta = node.get("apiVersion").and_then(Node::text) == Some(BETA);
        if is_beta {
            Version::complete(&mut versions, node);
        }
        Definition {
            origin: node.origin,
            places: Vec::new(),
            versions,
            // no cluster of today takes such a definition, so it has a newer one
            is_partial: is_beta,
            is_used: false,
        }
    }

    /// The version of a name.
    pub(crate) fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// The schemas that cannot be read. A large definition was generated, and reading it takes time,
    /// so it is only read if an object needs it.
    pub(crate) fn broken(&self) -> impl Iterator<Item = BrokenSchema<'_>> {
        let size = self.origin.end.saturating_sub(self.origin.start);
        let versions = self.versions.iter();
        let read = versions.filter(move |_| self.is_used || size <= SMALL);
        read.filter_map(|version| {
            let schema = version.schema.as_ref()?;
            let broken = version.shape().as_ref().err()?;
            let at = schema.pointer(&broken.pointer).unwrap_or(schema);
            Some(BrokenSchema {
                version: &version.name,
                origin: at.origin,
                reason: &broken.reason,
            })
        })
    }
}

impl Version {
    fn read(node: &Node) -> Option<Version> {
        let is = |key: &str, value: bool| node.get(key).and_then(Node::as_bool) == Some(value);
        Some(Version {
            name: node.get("name").and_then(Node::text)?.to_string(),
            is_served: !is("served", false),
            is_stored: is("storage", true),
            is_deprecated: is("deprecated", true),
            keeps_unknown: false,
            schema: node.at(&["schema", "openAPIV3Schema"]).cloned(),
            shape: OnceLock::new(),
            rules: OnceLock::new(),
        })
    }

    /// Adds what a definition of `v1beta1` says for all of its versions: its schema, its only
    /// version, and that fields which the schema does not have are kept.
    fn complete(versions: &mut Vec<Version>, node: &Node) {
        let spec = |path: &[&str]| node.get("spec").and_then(|spec| spec.at(path));
        if versions.is_empty() {
            versions.extend(spec(&["version"]).and_then(Node::text).map(|name| Version {
                name: name.to_string(),
                is_served: true,
                is_stored: true,
                is_deprecated: false,
                keeps_unknown: false,
                schema: None,
                shape: OnceLock::new(),
                rules: OnceLock::new(),
            }));
        }
        let shared = spec(&["validation", "openAPIV3Schema"]);
        let prunes = spec(&["preserveUnknownFields"]).and_then(Node::as_bool) == Some(false);
        for version in versions {
            version.keeps_unknown = !prunes;
            if version.schema.is_none() {
                version.schema = shared.cloned();
            }
        }
    }

    fn shape(&self) -> &Result<Shape, Broken> {
        self.shape.get_or_init(|| match &self.schema {
            Some(schema) => Shape::read(&to_json(schema)),
            None => Ok(Shape::default()),
        })
    }

    /// The rules in CEL that an object breaks.
    pub(crate) fn broken_rules<'a>(&self, node: &'a Node) -> Vec<Violation<'a>> {
        let rules = self.rules.get_or_init(|| match &self.schema {
            Some(schema) => Rules::read(&to_json(schema)),
            None => Rules::default(),
        });
        let broken = rules.broken(&to_json(node)).into_iter();
        let violation = |(pointer, message): (String, String)| {
            let mut at = pointer.as_str();
            let place = loop {
                match node.pointer(at) {
                    Some(place) => break place,
                    None => at = at.get(..at.rfind('/').unwrap_or(0)).unwrap_or_default(),
                }
            };
            let first = place.entries().first().map(|entry| entry.value.origin);
            Violation {
                origin: first.filter(|_| at.is_empty()).unwrap_or(place.origin),
                pointer: at.to_string(),
                fault: Fault::Rule { message },
            }
        };
        broken.map(violation).collect()
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
        let definition = Definition::read(&crd).unwrap();
        let broken: Vec<_> = definition.broken().collect();
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].reason, "has the unknown type `intege`");
        assert!(definition.version("v1").unwrap().described().is_none());
    }
}
