//! `external`, `images` and `dependencies`: facts about clusters, registries and apps that the
//! files of the repository do not contain.

use super::keys::Key;
use super::read::Reader;
use super::{Config, environments};
use crate::yaml::{Node, Origin};

/// An entry of `external`: an object that exists in the cluster without being in the repo.
#[derive(Clone, Debug)]
pub struct External {
    /// `Secret`, `ConfigMap`, …
    pub kind: String,
    /// Name, `*` allowed.
    pub name: String,
    /// Namespace, when it matters.
    pub namespace: Option<String>,
    /// Environments in which it exists; empty for all.
    pub environments: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `dependencies`: an app, and the apps that it needs.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The app.
    pub app: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

pub(super) static EXTERNAL: Key = Key {
    name: "external",
    value: "list of {kind, name, namespace, environments}",
    summary: "objects that exist in the cluster but not in the repository",
    read: |reader, node, config| {
        let entry = |reader: &mut Reader, node: &Node| external(reader, node, config);
        let entries = reader.each(node, "`external`", entry);
        config.external = entries;
    },
};

pub(super) static IMAGES: Key = Key {
    name: "images",
    value: "{mirrors: list of {from, to}}",
    summary: "registries that hold the same images under another name",
    read: |reader, node, config| {
        let fields = reader.fields(node, "`images`", &["mirrors"]);
        if let Some(node) = fields.and_then(|fields| fields.get("mirrors")) {
            config.mirrors = reader.each(node, "`images.mirrors`", mirror);
        }
    },
};

pub(super) static DEPENDENCIES: Key = Key {
    name: "dependencies",
    value: "list of {app, needs}",
    summary: "which apps must be promoted before, or together with, the app that needs them",
    read: |reader, node, config| {
        config.dependencies = reader.each(node, "`dependencies`", dependency);
    },
};

fn external(reader: &mut Reader, node: &Node, config: &Config) -> Option<External> {
    let keys = ["kind", "name", "namespace", "environments"];
    let fields = reader.fields(node, "an external object", &keys)?;
    let names = fields.get("environments");
    let environments = names.map(|node| environments::names(reader, node, config));
    let (kind, name) = (
        reader.required(&fields, "kind", Reader::text),
        reader.required(&fields, "name", Reader::text),
    );
    Some(External {
        kind: kind?,
        name: name?,
        namespace: reader.optional(&fields, "namespace", Reader::text),
        environments: environments.unwrap_or_default(),
        origin: node.origin,
    })
}

fn mirror(reader: &mut Reader, node: &Node) -> Option<(String, String)> {
    let fields = reader.fields(node, "a mirror", &["from", "to"])?;
    let from = reader.required(&fields, "from", Reader::text);
    let to = reader.required(&fields, "to", Reader::text);
    from.zip(to)
}

fn dependency(reader: &mut Reader, node: &Node) -> Option<Dependency> {
    let fields = reader.fields(node, "a dependency", &["app", "needs"])?;
    let app = reader.required(&fields, "app", Reader::text);
    let needs = reader.required(&fields, "needs", Reader::texts);
    Some(Dependency {
        app: app?,
        needs: needs?,
        origin: node.origin,
    })
}
