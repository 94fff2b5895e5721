//! A YAML tree in which every key and value knows the file and bytes it came from, and the value
//! that it replaced.
//!
//! Here: the tree ([`Node`]), its origin ([`Origin`]), the reader (`read`), the resolution of plain
//! scalars as Go's YAML reads them (`scalar`) and the writer (`write`). Not here: anything that
//! knows Kubernetes or kustomize.
//!
//! Subtrees are shared by reference and copied on write along the changed path only: cloning a
//! [`Node`] is cheap.

pub(crate) mod comments;
pub(crate) mod go_json;
pub mod read;
pub(crate) mod reprint;
pub(crate) mod scalar;
mod traced;
pub mod write;

use std::sync::Arc;

pub use traced::{Part, Traced};

/// Number of a file in [`crate::source::Files`]. Never shown to people and never used for sorting
/// output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// The source of the present content of a value. The text form (`By::as_str`) is part of the JSON
/// interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum By {
    /// A resource file; the span's text is the value.
    Manifest,
    /// A strategic-merge or JSON 6902 patch, inline or from a file; the span's text is the value
    /// if possible.
    Patch,
    /// An entry of `images` (also the deprecated `imageTags`).
    Images,
    /// An entry of `replicas`.
    Replicas,
    /// `configMapGenerator` or `secretGenerator`: data from a literal, env file or file.
    Generator,
    /// The content hash appended to a generated object's name.
    Hash,
    /// The `namespace` field.
    Namespace,
    /// The `namePrefix` field.
    Prefix,
    /// The `nameSuffix` field.
    Suffix,
    /// `labels` or `commonLabels`.
    Labels,
    /// `commonAnnotations` and generator option annotations.
    Annotations,
    /// An entry of `replacements`; the span is the source value or the entry.
    Replacement,
    /// An entry of `replacements` that copies a value of a Secret.
    SecretReplacement,
    /// An entry of `vars`.
    Var,
    /// An entry of `vars` whose value is that of a Secret.
    SecretVar,
    /// A name reference that followed a renamed object; the span is what renamed it.
    Reference,
    /// `buildMetadata`.
    BuildMetadata,
    /// A field of a Flux Kustomization (`postBuild` substitution and the like).
    Flux,
    /// A field of an Argo CD Application or `.argocd-source*.yaml`.
    ArgoCd,
    /// A template: its literal text, or the action that printed a value.
    Template,
    /// A value of a chart's release; the span's text is the value if possible.
    Values,
    /// The same, if its name says that it is a secret, or what a template made of such a value.
    SecretValues,
    /// A plugin-style built-in transformer (`ValueAddTransformer`, …).
    Transformer,
}

impl By {
    /// The word used in JSON and in `render --provenance`.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Manifest => "manifest",
            By::Patch => "patch",
            By::Images => "images",
            By::Replicas => "replicas",
            By::Generator => "generator",
            By::Hash => "hash",
            By::Namespace => "namespace",
            By::Prefix => "prefix",
            By::Suffix => "suffix",
            By::Labels => "labels",
            By::Annotations => "annotations",
            By::Replacement | By::SecretReplacement => "replacement",
            By::Var | By::SecretVar => "var",
            By::Reference => "reference",
            By::BuildMetadata => "build-metadata",
            By::Flux => "flux",
            By::ArgoCd => "argocd",
            By::Template => "template",
            By::Values | By::SecretValues => "values",
            By::Transformer => "transformer",
        }
    }
}

/// Where a key or value came from: a byte range of a file, and who put it there.
///
/// `start..end` are byte offsets into the file's text (with its BOM), `start <=
/// end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Who put it there.
    pub by: By,
}

impl Origin {
    /// The start of a file, which stands for the whole of it.
    pub fn start_of(file: FileId) -> Origin {
        Origin {
            file,
            start: 0,
            end: 0,
            by: By::Manifest,
        }
    }

    /// The same bytes, attributed to something else (a manifest's value used by a patch, …).
    pub fn with(self, by: By) -> Origin {
        Origin { by, ..self }
    }
}

/// The style in which a scalar was written. Style and text decide its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Unquoted.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The type that Go's YAML v3 gives a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false` in three spellings; never `yes`, `on`.
    Bool,
    /// An integer in base 2, 8, 10 or 16, with underscores.
    Int,
    /// A floating-point number.
    Float,
    /// Text.
    String,
    /// An unquoted date or time, which kustomize prints as RFC 3339.
    Timestamp,
    /// `!!binary`.
    Binary,
}

/// A scalar: the text as written (escapes resolved), how it was written and the type it resolves
/// to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Text with quotes, escapes and indentation resolved; for plain scalars as written (`0777`,
    /// `1_000`, `~`, empty for nothing).
    pub text: Arc<str>,
    /// The style in which it was written.
    pub style: Style,
    /// Its type.
    pub kind: Kind,
    /// Where its parts came from, if a template printed them.
    pub traced: Traced,
}

impl Scalar {
    /// A string scalar, which prints as a string even if it looks like a number.
    pub fn string(text: impl Into<Arc<str>>) -> Scalar {
        Scalar {
            text: text.into(),
            style: Style::DoubleQuoted,
            kind: Kind::String,
            traced: Traced::default(),
        }
    }
    /// An integer scalar.
    pub fn int(value: i64) -> Scalar {
        Scalar {
            text: value.to_string().into(),
            style: Style::Plain,
            kind: Kind::Int,
            traced: Traced::default(),
        }
    }
    /// A boolean scalar.
    pub fn bool(value: bool) -> Scalar {
        Scalar {
            text: value.to_string().into(),
            style: Style::Plain,
            kind: Kind::Bool,
            traced: Traced::default(),
        }
    }
    /// The null scalar.
    pub fn null() -> Scalar {
        Scalar {
            text: "".into(),
            style: Style::Plain,
            kind: Kind::Null,
            traced: Traced::default(),
        }
    }
    /// A plain scalar as a YAML file would hold it; its type is resolved from the text.
    pub fn plain(text: impl Into<Arc<str>>) -> Scalar {
        let text = text.into();
        let kind = scalar::resolve(&text);
        Scalar {
            text,
            style: Style::Plain,
            kind,
            traced: Traced::default(),
        }
    }
}

/// A value, its origin and the value that it replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The content.
    pub data: Data,
    /// Where the present content came from. For a map or list: its whole span, from first key or
    /// item to the end of the last.
    pub origin: Origin,
    /// The value that a transformer or patch replaced, with its own history.
    pub replaced: Option<Arc<Node>>,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A leaf.
    Scalar(Scalar),
    /// A mapping.
    Map(Arc<Map>),
    /// A sequence.
    List(Arc<List>),
}

/// A mapping in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Keys and values; keys are unique (the reader reports duplicates and keeps the last).
    pub entries: Vec<Entry>,
    /// The entries that a patch removed, so that a rule can point at the responsible line.
    pub removed: Vec<Removed>,
}

/// A sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The items.
    pub items: Vec<Node>,
    /// The items that a patch removed (`$patch: delete`, JSON 6902 `remove`).
    pub removed: Vec<Removed>,
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: Arc<str>,
    /// The position of the key.
    pub key_origin: Origin,
    /// The value.
    pub value: Node,
}

/// A value that a patch removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// Its key; empty for list items.
    pub key: Arc<str>,
    /// The directive that removed it (`key: null`, `$patch: delete`, `op: remove`).
    pub origin: Origin,
    /// The removed value.
    pub node: Node,
}

impl Node {
    /// True if the value, or one that it replaced in part, was copied from a Secret or from a secret
    /// value of a chart.
    pub fn is_from_secret(&self) -> bool {
        let mut node = self;
        loop {
            let by = node.origin.by;
            if matches!(by, By::SecretReplacement | By::SecretVar | By::SecretValues) {
                return true;
            }
            match &node.replaced {
                Some(replaced) => node = replaced,
                None => return false,
            }
        }
    }
    /// The same tree with every key and value attributed to something else, and without a past.
    pub fn attributed_to(&self, by: By) -> Node {
        let data = match &self.data {
            Data::Scalar(scalar) => Data::Scalar(scalar.clone()),
            Data::Map(map) => {
                let entries = map.entries.iter().map(|entry| Entry {
                    key: entry.key.clone(),
                    key_origin: entry.key_origin.with(by),
                    value: entry.value.attributed_to(by),
                });
                Data::Map(Arc::new(Map {
                    entries: entries.collect(),
                    removed: Vec::new(),
                }))
            }
            Data::List(list) => Data::List(Arc::new(List {
                items: list
                    .items
                    .iter()
                    .map(|item| item.attributed_to(by))
                    .collect(),
                removed: Vec::new(),
            })),
        };
        Node {
            data,
            origin: self.origin.with(by),
            replaced: None,
        }
    }
    /// A scalar.
    pub fn scalar(scalar: Scalar, origin: Origin) -> Node {
        Node {
            data: Data::Scalar(scalar),
            origin,
            replaced: None,
        }
    }
    /// A string.
    pub fn string(text: impl Into<Arc<str>>, origin: Origin) -> Node {
        Node::scalar(Scalar::string(text), origin)
    }
    /// A map.
    pub fn map(entries: Vec<Entry>, origin: Origin) -> Node {
        Node {
            data: Data::Map(Arc::new(Map {
                entries,
                removed: Vec::new(),
            })),
            origin,
            replaced: None,
        }
    }
    /// A list.
    pub fn list(items: Vec<Node>, origin: Origin) -> Node {
        Node {
            data: Data::List(Arc::new(List {
                items,
                removed: Vec::new(),
            })),
            origin,
            replaced: None,
        }
    }
    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }
    /// The list, if this is one.
    pub fn as_list(&self) -> Option<&List> {
        match &self.data {
            Data::List(list) => Some(list),
            _ => None,
        }
    }
    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        self.as_list().map_or(&[], |list| &list.items)
    }
    /// The entries of a map; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        self.as_map().map_or(&[], |map| &map.entries)
    }
    /// The scalar, if this is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }
    /// The text of a scalar of kind string; `None` for numbers, booleans, null, maps and lists.
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar()
            .filter(|s| s.kind == Kind::String)
            .map(|s| &*s.text)
    }
    /// The text of any scalar but null.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar()
            .filter(|s| s.kind != Kind::Null)
            .map(|s| &*s.text)
    }
    /// The text of any scalar, null included; empty for maps and lists.
    pub fn raw(&self) -> &str {
        self.as_scalar().map_or("", |scalar| &scalar.text)
    }
    /// Names the kind of the content in messages.
    pub fn describe(&self) -> &'static str {
        match &self.data {
            Data::Scalar(_) => "a single value",
            Data::Map(_) => "a map",
            Data::List(_) => "a list",
        }
    }
    /// The value of a boolean scalar.
    pub fn as_bool(&self) -> Option<bool> {
        self.as_scalar()
            .filter(|s| s.kind == Kind::Bool)
            .map(|s| s.text.eq_ignore_ascii_case("true"))
    }
    /// The value of an integer scalar that fits 64 bits.
    pub fn as_int(&self) -> Option<i64> {
        self.as_scalar()
            .filter(|s| s.kind == Kind::Int)
            .and_then(|s| scalar::parse_int(&s.text))
    }
    /// True if this is null.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|s| s.kind == Kind::Null)
    }
    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }
    /// The entry under a key of a map.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }
    /// The value below a path of map keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }
    /// The value at an RFC 6901 pointer such as `/spec/template/spec/containers/0/image`; the empty
    /// pointer is the node itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |node, token| {
                let token = unescape_pointer(token);
                match &node.data {
                    Data::Map(_) => node.get(&token),
                    Data::List(list) => list.items.get(token.parse::<usize>().ok()?),
                    Data::Scalar(_) => None,
                }
            })
    }
    /// The map for writing; copies it when it is shared.
    pub fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(Arc::make_mut(map)),
            _ => None,
        }
    }
    /// The list for writing; copies it when it is shared.
    pub fn list_mut(&mut self) -> Option<&mut List> {
        match &mut self.data {
            Data::List(list) => Some(Arc::make_mut(list)),
            _ => None,
        }
    }
    /// The value under a key, for writing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.map_mut()?
            .entries
            .iter_mut()
            .find(|entry| &*entry.key == key)
            .map(|entry| &mut entry.value)
    }
    /// Replaces the present content and remembers it in `replaced`, even if both contents are
    /// equal.
    pub fn replace(&mut self, data: Data, origin: Origin) {
        let old = std::mem::replace(
            self,
            Node {
                data,
                origin,
                replaced: None,
            },
        );
        self.replaced = Some(Arc::new(old));
    }
    /// Sets a key of a map: replaces the value (remembering the old one) or appends the key. Does
    /// nothing on other nodes.
    pub fn set(&mut self, key: &str, value: Node, key_origin: Origin) {
        if let Some(present) = self.get_mut(key) {
            present.replace(value.data, value.origin);
        } else if let Some(map) = self.map_mut() {
            map.entries.push(Entry {
                key: key.into(),
                key_origin,
                value,
            });
        }
    }
    /// True if two trees hold equal values: order of keys, style and origin aside; `1` and `"1"`
    /// differ.
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.data, &other.data) {
            (Data::Scalar(a), Data::Scalar(b)) => scalar::same(a, b),
            (Data::Map(a), Data::Map(b)) => {
                Arc::ptr_eq(a, b)
                    || (a.entries.len() == b.entries.len()
                        && a.entries.iter().all(|entry| {
                            other
                                .get(&entry.key)
                                .is_some_and(|value| entry.value.same_value(value))
                        }))
            }
            (Data::List(a), Data::List(b)) => {
                Arc::ptr_eq(a, b)
                    || (a.items.len() == b.items.len()
                        && a.items.iter().zip(&b.items).all(|(x, y)| x.same_value(y)))
            }
            _ => false,
        }
    }
}

/// One token of a pointer with `~1` and `~0` resolved.
pub fn unescape_pointer(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// One token of a pointer with `~` and `/` escaped.
pub fn escape_pointer(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
