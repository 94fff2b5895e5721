//! `external`, `images` and `dependencies`: facts about clusters, registries and apps that the
//! files of the repository do not contain.

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use super::{Config, Environment, environments};

use crate::kubernetes::DeclaredField;
use crate::names::NamePattern;
use crate::yaml::{Node, Origin};

/// An entry of `external`: an object that exists in the cluster without being in the repo.
#[derive(Clone, Debug)]
pub struct External {
    /// `Secret`, `ConfigMap`, …
    pub kind: NamePattern,
    /// Name.
    pub name: NamePattern,
    /// Namespace, when it matters.
    pub namespace: Option<String>,
    /// Environments in which it exists; empty for all.
    pub environments: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

impl External {
    /// True if the object exists in an environment. A namespace that is not given on one of the two
    /// sides may be any.
    pub fn covers(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
        environment: Option<&Environment>,
    ) -> bool {
        let in_environment = self.environments.is_empty()
            || environment.is_some_and(|own| self.environments.contains(&own.name));
        let in_namespace = match (self.namespace.as_deref(), namespace) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        in_environment && in_namespace && self.kind.matches(kind) && self.name.matches(name)
    }
}

/// An entry of `images.mirrors`: a registry that holds the images of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Prefix of the original names.
    pub from: String,
    /// Prefix of the names in the mirror.
    pub to: String,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `dependencies`: an app, and the apps that it needs.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The app.
    pub app: NamePattern,
    /// The apps that it needs.
    pub needs: Vec<NamePattern>,
    /// The entry in the file.
    pub origin: Origin,
}

static EXTERNAL_FIELDS: [Field; 4] = [
    Field::new(
        "kind",
        Shape::Pattern,
        "`Secret`, `ConfigMap`, `Service`, …",
    )
    .required(),
    Field::new("name", Shape::Pattern, "name of the object").required(),
    Field::new("namespace", Shape::Text, "its namespace").or("every namespace"),
    Field::new("environments", Shape::List(&Shape::Text), "where it exists")
        .or("every environment"),
];

static IMAGES_FIELDS: [Field; 2] = [
    Field::new(
        "mirrors",
        Shape::List(&Shape::Record(&MIRROR_FIELDS)),
        "registries that hold copies of others",
    ),
    Field::new(
        "fields",
        Shape::List(&Shape::Record(&FIELD_FIELDS)),
        "fields of custom resources that hold images",
    ),
];

static FIELD_FIELDS: [Field; 3] = [
    Field::new("kind", Shape::Pattern, "kind of the objects").required(),
    Field::new(
        "path",
        Shape::Text,
        "keys that lead to the field, such as `spec/run/ref`",
    )
    .required(),
    Field::new("group", Shape::Text, "their API group").or("every group"),
];

static MIRROR_FIELDS: [Field; 2] = [
    Field::new("from", Shape::Text, "beginning of the original names").required(),
    Field::new("to", Shape::Text, "beginning of the names in the mirror").required(),
];

static DEPENDENCY_FIELDS: [Field; 2] = [
    Field::new("app", Shape::Pattern, "the app").required(),
    Field::new(
        "needs",
        Shape::List(&Shape::Pattern),
        "the apps that it needs",
    )
    .required(),
];

pub(super) static EXTERNAL: Key = Key {
    name: "external",
    value: "list of {kind, name, namespace, environments}",
    summary: "objects that exist in the cluster but not in the repository",
    shape: Shape::List(&Shape::Record(&EXTERNAL_FIELDS)),
    read: |reader, node, config| {
        let entry = |reader: &mut Reader, node: &Node| external(reader, node, config);
        let entries = reader.each(node, "`external`", entry);
        config.external = entries;
    },
};

pub(super) static IMAGES: Key = Key {
    name: "images",
    value: "{mirrors: list of {from, to}, fields: list of {kind, path, group}}",
    summary: "registries that hold the same images under another name, and further fields that hold images",
    shape: Shape::Record(&IMAGES_FIELDS),
    read: |reader, node, config| {
        let fields = reader.record(node, "`images`", &IMAGES_FIELDS);
        let Some(fields) = fields else { return };
        if let Some(node) = fields.get("mirrors") {
            config.mirrors = reader.each(node, "`images.mirrors`", mirror);
        }
        if let Some(node) = fields.get("fields") {
            config.image_fields = reader.each(node, "`images.fields`", image_field);
        }
    },
};

pub(super) static DEPENDENCIES: Key = Key {
    name: "dependencies",
    value: "list of {app, needs}",
    summary: "which apps must be promoted before, or together with, the app that needs them",
    shape: Shape::List(&Shape::Record(&DEPENDENCY_FIELDS)),
    read: |reader, node, config| {
        config.dependencies = reader.each(node, "`dependencies`", dependency);
    },
};

fn external(reader: &mut Reader, node: &Node, config: &Config) -> Option<External> {
    let fields = reader.record(node, "an external object", &EXTERNAL_FIELDS)?;
    let names = fields.get("environments");
    let environments = names.map(|node| environments::names(reader, node, config));
    let (kind, name) = (
        reader.required(&fields, "kind", Reader::kind),
        reader.required(&fields, "name", Reader::pattern),
    );
    Some(External {
        kind: kind?,
        name: name?,
        namespace: reader.optional(&fields, "namespace", Reader::text),
        environments: environments.unwrap_or_default(),
        origin: node.origin,
    })
}

fn mirror(reader: &mut Reader, node: &Node) -> Option<Mirror> {
    let fields = reader.record(node, "a mirror", &MIRROR_FIELDS)?;
    let from = reader.required(&fields, "from", Reader::text);
    let to = reader.required(&fields, "to", Reader::text);
    if from.is_some() && from == to {
        reader.refuse(
            node.origin,
            "this mirror has the name of the original",
            "write the registry that holds the copies as `to`",
        );
    }
    Some(Mirror {
        from: from?,
        to: to?,
        origin: node.origin,
    })
}

fn image_field(reader: &mut Reader, node: &Node) -> Option<DeclaredField> {
    let fields = reader.record(node, "a field", &FIELD_FIELDS)?;
    let kind = reader.required(&fields, "kind", Reader::kind);
    let path = reader.required(&fields, "path", Reader::text);
    let path = path.and_then(|path| keys(reader, fields.get("path")?, &path));
    Some(DeclaredField {
        kind: kind?,
        path: path?,
        group: reader.optional(&fields, "group", Reader::text),
        origin: node.origin,
    })
}

/// The keys of a path. They are written as in kustomize's field specs: `spec/steps[]/ref`, where
/// `[]` may be left out and `\/` is a slash within a key.
fn keys(reader: &mut Reader, node: &Node, path: &str) -> Option<Vec<String>> {
    const SLASH: &str = "\u{0}";
    let escaped = path.trim_matches('/').replace("\\/", SLASH);
    let keys = escaped.split('/').map(|key| {
        let key = key.strip_suffix("[]").unwrap_or(key);
        key.replace(SLASH, "/")
    });
    let keys: Vec<String> = keys.collect();
    if keys.iter().any(String::is_empty) {
        reader.refuse(
            node.origin,
            format!("`{path}` has an empty key"),
            "write the keys with a slash between them, such as `spec/run/ref`",
        );
        return None;
    }
    Some(keys)
}

fn dependency(reader: &mut Reader, node: &Node) -> Option<Dependency> {
    let fields = reader.record(node, "a dependency", &DEPENDENCY_FIELDS)?;
    let app = reader.required(&fields, "app", Reader::pattern);
    let needs = reader.required(&fields, "needs", Reader::patterns);
    if let Some((app, needs)) = app.as_ref().zip(needs.as_ref())
        && needs.contains(app)
    {
        reader.refuse(
            node.origin,
            format!("this entry says that the app `{app}` needs itself"),
            "remove it from `needs`",
        );
    }
    Some(Dependency {
        app: app?,
        needs: needs?,
        origin: node.origin,
    })
}
