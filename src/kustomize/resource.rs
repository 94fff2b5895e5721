//! A rendered object together with what kustomize remembers of it: earlier identities, prefixes, hash and merge behaviour.
//!
//! Here: the types and identity tests. Not here: anything that changes a resource.

use std::sync::Arc;

use super::schema;
use crate::yaml::{Node, Origin};

/// What identifies an object to people and across environments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ResourceId {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `metadata.namespace`, when set.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ResourceId {
    /// The API group: `apps` of `apps/v1`, empty for `v1`.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
    /// The API version: `v1` of `apps/v1`.
    pub fn version(&self) -> &str {
        self.api_version.split_once('/').map_or(&self.api_version, |(_, version)| version)
    }
    /// Whether the kind is known to live outside namespaces.
    pub fn is_cluster_scoped(&self) -> bool {
        schema::is_cluster_scoped(&self.api_version, &self.kind)
    }
    /// The namespace that counts for identity: none for cluster-scoped kinds, `default` where nothing is written.
    pub fn effective_namespace(&self) -> &str {
        effective_namespace(&self.api_version, &self.kind, self.namespace.as_deref())
    }
    /// The same object: group, version, kind, name and effective namespace.
    pub fn same_object(&self, other: &ResourceId) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.api_version == other.api_version
            && self.effective_namespace() == other.effective_namespace()
    }
}

/// The namespace that cluster-scoped objects count as being in.
pub const NO_NAMESPACE: &str = "_non_namespaceable_";

/// The namespace that counts for the identity of an object of a kind, see [`ResourceId::effective_namespace`].
pub fn effective_namespace<'a>(api_version: &str, kind: &str, namespace: Option<&'a str>) -> &'a str {
    if schema::is_cluster_scoped(api_version, kind) {
        return NO_NAMESPACE;
    }
    namespace.filter(|namespace| !namespace.is_empty()).unwrap_or("default")
}

impl std::fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)?;
        match &self.namespace {
            Some(namespace) => write!(formatter, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// What a generated resource does when one with its identity exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Behavior {
    /// Nothing was said: as `Create`.
    #[default]
    Unspecified,
    /// It must be new.
    Create,
    /// It takes the place of the present one.
    Replace,
    /// Its data is laid over the present one's.
    Merge,
}

/// A rendered Kubernetes object.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The whole object (a map).
    pub node: Node,
    /// Identity as first written: before prefix, suffix, hash, namespace. Pairs of environments match on it.
    pub original: ResourceId,
    /// Whether a configMapGenerator or secretGenerator made it.
    pub generated: bool,
    /// Identities it had before the present one, oldest first; the namespace is the effective one of that time. Empty until
    /// something stored one ([`Resource::store_previous`]), as kustomize's name references only follow recorded names.
    pub previous: Vec<ResourceId>,
    /// Name prefixes added so far, in the order of adding.
    pub prefixes: Vec<Arc<str>>,
    /// Name suffixes added so far, in the order of adding.
    pub suffixes: Vec<Arc<str>>,
    /// Whether a content hash is appended to the name at the very end.
    pub needs_hash: bool,
    /// What a generated resource does when its identity is taken.
    pub behavior: Behavior,
    /// Names of the `vars` that read this resource.
    pub variables: Vec<Arc<str>>,
    /// What last changed the name, for the origin of references that follow it.
    pub renamed_by: Option<Origin>,
    /// Where it came from, for `buildMetadata: [originAnnotations, transformerAnnotations]`; set only when that is asked for.
    pub trail: Option<Arc<Trail>>,
}

/// What `buildMetadata` annotations say of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The text of the origin annotation.
    pub origin: Option<String>,
    /// The entries of the transformations annotation.
    pub transformations: Vec<String>,
}

impl Resource {
    /// A resource as it stands in a file.
    pub fn new(node: Node) -> Resource {
        let mut resource = Resource {
            node,
            original: ResourceId::default(),
            generated: false,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            behavior: Behavior::Unspecified,
            variables: Vec::new(),
            renamed_by: None,
            trail: None,
        };
        resource.original = resource.id();
        resource
    }
    /// Identity as rendered.
    pub fn id(&self) -> ResourceId {
        let text = |path: &[&str]| self.node.at(path).and_then(Node::text).map(str::to_string);
        ResourceId {
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            kind: text(&["kind"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]).filter(|namespace| !namespace.is_empty()),
            name: text(&["metadata", "name"]).unwrap_or_default(),
        }
    }
    /// Identity as kustomize calls original: the oldest recorded one, or the present one.
    pub fn first_id(&self) -> ResourceId {
        self.previous.first().map_or_else(|| self.id(), |first| self.with_present_version(first))
    }
    /// Recorded identities, oldest first, and then the present one. Earlier ones take the present group and version.
    pub fn all_ids(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.previous.iter().map(|previous| self.with_present_version(previous)).chain(std::iter::once_with(|| self.id()))
    }
    fn with_present_version(&self, previous: &ResourceId) -> ResourceId {
        ResourceId { api_version: self.api_version().to_string(), ..previous.clone() }
    }
    /// Records the present identity before a change of name, namespace or kind.
    pub fn store_previous(&mut self) {
        let mut id = self.id();
        id.namespace = Some(id.effective_namespace().to_string());
        self.previous.push(id);
    }
    /// `apiVersion`, empty when absent.
    pub fn api_version(&self) -> &str {
        self.node.get("apiVersion").and_then(Node::text).unwrap_or_default()
    }
    /// `kind`, empty when absent.
    pub fn kind(&self) -> &str {
        self.node.get("kind").and_then(Node::text).unwrap_or_default()
    }
    /// `metadata.name` as rendered.
    pub fn name(&self) -> &str {
        self.node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default()
    }
    /// `metadata.namespace` as rendered.
    pub fn namespace(&self) -> Option<&str> {
        self.node.at(&["metadata", "namespace"]).and_then(Node::text)
    }
    /// The namespace that counts for identity, see [`ResourceId::effective_namespace`].
    pub fn effective_namespace(&self) -> &str {
        effective_namespace(self.api_version(), self.kind(), self.namespace())
    }
    /// The API group of `apiVersion`; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }
    /// The version part of `apiVersion`.
    pub fn version(&self) -> &str {
        let version = self.api_version();
        version.split_once('/').map_or(version, |(_, version)| version)
    }
}
