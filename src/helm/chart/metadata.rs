//! `Chart.yaml`, and the `requirements.yaml` of older charts.
//!
//! Texts may be written as numbers: `version: 1.10` is the text `1.1`, as in Helm.

use std::sync::Arc;

use crate::kustomize::Problem;
use crate::template::semver;
use crate::yaml::{Data, Kind, Node, Origin, scalar};

/// A text of `Chart.yaml` and its place.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its text; empty if it is not set.
    pub(crate) text: Arc<str>,
    /// Where it stands; the start of the file if it is not set.
    pub(crate) origin: Origin,
}

/// The facts of `Chart.yaml` about a chart.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    /// The start of the file.
    pub(crate) origin: Origin,
    /// The texts by their key in the file.
    texts: Vec<(&'static str, Field)>,
    /// `sources`, `keywords`.
    pub(crate) lists: Vec<(&'static str, Vec<Field>)>,
    /// `maintainers`.
    pub(crate) maintainers: Vec<Vec<(&'static str, Field)>>,
    /// `annotations`; `None` if there are none.
    pub(crate) annotations: Option<Vec<(Arc<str>, Field)>>,
    /// `deprecated`.
    pub(crate) deprecated: bool,
    /// `dependencies`, those of `requirements.yaml` included.
    pub(crate) dependencies: Vec<Dependency>,
}

/// An entry of `dependencies`.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// Where the entry stands.
    pub(crate) origin: Origin,
    /// The name of the chart.
    pub(crate) name: Field,
    /// The range of versions.
    pub(crate) version: Field,
    /// The version in `Chart.lock`, if it is locked.
    pub(crate) locked: Option<Field>,
    /// Where the chart comes from.
    pub(crate) repository: Field,
    /// Paths of values, of which the first boolean decides.
    pub(crate) condition: Field,
    /// Names below `tags` in the values.
    pub(crate) tags: Vec<Field>,
    /// Another name for the chart.
    pub(crate) alias: Field,
    /// `import-values`.
    pub(crate) imports: Vec<Import>,
}

/// An entry of `import-values`: a table of the subchart that the parent takes over.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The path in the subchart's values.
    pub(crate) child: String,
    /// The path in the parent's values; `.` for the top.
    pub(crate) parent: String,
}

/// The keys of `Chart.yaml` that hold a text.
const TEXTS: [&str; 12] = [
    "apiVersion",
    "name",
    "version",
    "appVersion",
    "kubeVersion",
    "type",
    "description",
    "home",
    "icon",
    "condition",
    "tags",
    "engine",
];

impl Metadata {
    /// Reads the document of a `Chart.yaml`.
    pub(super) fn read(node: &Node, origin: Origin) -> Result<Metadata, Box<Problem>> {
        if node.as_map().is_none() {
            return Err(refused(node.origin, "Chart.yaml is not a map"));
        }
        let mut texts = Vec::with_capacity(TEXTS.len());
        for key in TEXTS {
            texts.push((key, field(node, key, origin)?));
        }
        let mut metadata = Metadata {
            origin,
            texts,
            lists: Vec::new(),
            maintainers: Vec::new(),
            annotations: None,
            deprecated: node.get("deprecated").and_then(Node::as_bool) == Some(true),
            dependencies: Vec::new(),
        };
        if metadata.text("apiVersion").is_empty() {
            let versions = metadata.texts.iter_mut();
            let mut versions = versions.filter(|(key, _)| *key == "apiVersion");
            versions
                .by_ref()
                .for_each(|(_, field)| field.text = Arc::from("v1"));
        }
        for key in ["sources", "keywords"] {
            let items = node.get(key).map_or(&[][..], Node::items).iter();
            let items: Result<_, _> = items.map(|item| text_of(item, key)).collect();
            metadata.lists.push((key, items?));
        }
        for item in node.get("maintainers").map_or(&[][..], Node::items) {
            let mut maintainer = Vec::new();
            for key in ["name", "email", "url"] {
                maintainer.push((key, field(item, key, origin)?));
            }
            metadata.maintainers.push(maintainer);
        }
        if let Some(annotations) = node.get("annotations").filter(|node| !node.is_null()) {
            let entries = annotations.entries().iter();
            let read = |entry: &crate::yaml::Entry| {
                Ok((entry.key.clone(), text_of(&entry.value, "annotations")?))
            };
            metadata.annotations = Some(entries.map(read).collect::<Result<_, Box<Problem>>>()?);
        }
        metadata.require(node)?;
        Ok(metadata)
    }

    /// Replaces the dependencies by those of a `requirements.yaml`, if it has any.
    pub(super) fn require(&mut self, node: &Node) -> Result<(), Box<Problem>> {
        let Some(list) = node.get("dependencies").filter(|list| !list.is_null()) else {
            return Ok(());
        };
        let items = list.items().iter();
        self.dependencies = items.map(Dependency::read).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Notes the versions of a `Chart.lock`.
    pub(super) fn lock(&mut self, node: &Node) {
        for entry in node.get("dependencies").map_or(&[][..], Node::items) {
            let (Ok(name), Ok(version)) = (
                field(entry, "name", entry.origin),
                field(entry, "version", entry.origin),
            ) else {
                continue;
            };
            for dependency in &mut self.dependencies {
                let fits = semver::matches(&dependency.version.text, &version.text);
                if dependency.name.text == name.text && fits {
                    dependency.locked = Some(version.clone());
                }
            }
        }
    }

    /// A text by its key; empty if it is not set.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.field(key).map_or("", |field| &field.text)
    }

    /// A text and its place.
    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        let mut texts = self.texts.iter();
        texts.find_map(|(other, field)| (*other == key).then_some(field))
    }

    /// The name of the chart.
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    /// True if the chart only defines templates for others.
    pub(crate) fn is_library(&self) -> bool {
        self.text("type") == "library"
    }

    /// Refuses what Helm refuses.
    pub(super) fn validate(&self) -> Result<(), Box<Problem>> {
        let refuse = |key: &str, message: &str| {
            let origin = self.field(key).map_or(self.origin, |field| field.origin);
            Err(refused(origin, message))
        };
        let (name, version) = (self.name(), self.text("version"));
        if name.is_empty() {
            return refuse("name", "Chart.yaml has no `name`");
        }
        if name == "." || name == ".." || name.contains('/') {
            return refuse("name", "the name of a chart cannot be a path");
        }
        if version.is_empty() {
            return refuse("version", "Chart.yaml has no `version`");
        }
        if !semver::is_version(version) {
            let message = format!("the version `{version}` of the chart is not a semantic version");
            return refuse("version", &message);
        }
        if !["", "application", "library"].contains(&self.text("type")) {
            return refuse("type", "the type of a chart is `application` or `library`");
        }
        if !["v1", "v2"].contains(&self.text("apiVersion")) {
            return refuse("apiVersion", "the apiVersion of a chart is `v1` or `v2`");
        }
        self.validate_dependencies()
    }

    fn validate_dependencies(&self) -> Result<(), Box<Problem>> {
        let mut known: Vec<&str> = Vec::new();
        for dependency in &self.dependencies {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !dependency.alias.text.chars().all(allowed) {
                let message = "an alias may only have letters, digits, `-` and `_`";
                return Err(refused(dependency.alias.origin, message));
            }
            if known.contains(&dependency.key()) {
                let message = format!(
                    "two dependencies have the name or alias `{}`",
                    dependency.key()
                );
                return Err(refused(dependency.origin, &message));
            }
            known.push(dependency.key());
        }
        Ok(())
    }
}

impl Dependency {
    fn read(node: &Node) -> Result<Dependency, Box<Problem>> {
        if node.as_map().is_none() {
            return Err(refused(node.origin, "a dependency is not a map"));
        }
        let text = |key: &str| field(node, key, node.origin);
        let list = |key: &str| node.get(key).map_or(&[][..], Node::items).iter();
        let tags: Result<_, _> = list("tags").map(|item| text_of(item, "tags")).collect();
        let import = |item: &Node| match item.text() {
            Some(name) => Some(Import {
                child: format!("exports.{name}"),
                parent: ".".to_string(),
            }),
            None => Some(Import {
                child: item.get("child")?.text()?.to_string(),
                parent: item.get("parent")?.text()?.to_string(),
            }),
        };
        Ok(Dependency {
            origin: node.origin,
            name: text("name")?,
            version: text("version")?,
            locked: None,
            repository: text("repository")?,
            condition: text("condition")?,
            tags: tags?,
            alias: text("alias")?,
            imports: list("import-values").filter_map(import).collect(),
        })
    }

    /// The key of the subchart's values: its alias, else its name.
    pub(crate) fn key(&self) -> &str {
        if self.alias.text.is_empty() {
            &self.name.text
        } else {
            &self.alias.text
        }
    }
}

fn refused(origin: Origin, message: &str) -> Box<Problem> {
    Box::new(Problem::error(origin, message).with_help("correct Chart.yaml"))
}

fn field(node: &Node, key: &str, missing: Origin) -> Result<Field, Box<Problem>> {
    match node.get(key) {
        Some(value) => text_of(value, key),
        None => Ok(Field {
            text: Arc::from(""),
            origin: missing,
        }),
    }
}

/// The text of a value; numbers and booleans as JSON writes them. Control characters are left out.
fn text_of(node: &Node, key: &str) -> Result<Field, Box<Problem>> {
    let Data::Scalar(scalar) = &node.data else {
        return Err(refused(node.origin, &format!("`{key}` is not a text")));
    };
    let text = match scalar.kind {
        Kind::Null => String::new(),
        Kind::Int => scalar::integer(&scalar.text)
            .map_or_else(|| scalar.text.to_string(), |value| value.to_string()),
        Kind::Float => scalar::parse_float(&scalar.text)
            .map_or_else(|| scalar.text.to_string(), |value| value.to_string()),
        _ => scalar.text.to_string(),
    };
    let printable = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    });
    Ok(Field {
        text: printable.collect::<String>().into(),
        origin: node.origin,
    })
}
