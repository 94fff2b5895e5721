//! A rendered object together with kustomize's notes on it: earlier identities, prefixes, hash and
//! merge behavior.
//!
//! Here: the types and identity tests. Not here: anything that changes a resource.

use std::sync::Arc;

use super::{hash, schema, steps};
use crate::yaml::{By, Data, Entry, Node, Origin};

/// Prefix of the annotations in which kustomize stores its notes on a resource during a build.
const BUILD_ANNOTATION: &str = "internal.config.kubernetes.io/";
/// The annotation that represents all of them here, see [`Resource::mark`].
const MARK: &str = "internal.config.kubernetes.io/previousNames";

/// The identity of an object for people and across environments.
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
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
    /// The API version: `v1` of `apps/v1`.
    pub fn version(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or(&self.api_version, |(_, version)| version)
    }
    /// The name without the hash of its content, with which the name of a generated ConfigMap or
    /// Secret changes.
    pub fn lasting_name(&self) -> &str {
        if matches!(&*self.kind, "ConfigMap" | "Secret") {
            hash::without_suffix(&self.name)
        } else {
            &self.name
        }
    }
    /// True if the kind is known to be cluster-scoped.
    pub fn is_cluster_scoped(&self) -> bool {
        schema::is_cluster_scoped(&self.api_version, &self.kind)
    }
    /// The namespace that counts for identity: none for cluster-scoped kinds, `default` where
    /// nothing is written.
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
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

/// The namespace that counts for the identity of an object of a kind, see
/// [`ResourceId::effective_namespace`].
pub(crate) fn effective_namespace<'a>(
    api_version: &str,
    kind: &str,
    namespace: Option<&'a str>,
) -> &'a str {
    if schema::is_cluster_scoped(api_version, kind) {
        return NO_NAMESPACE;
    }
    namespace
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or("default")
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

/// The treatment of a generated resource that has the identity of an existing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Behavior {
    /// Nothing was said: as `Create`.
    #[default]
    Unspecified,
    /// It must be new.
    Create,
    /// It replaces the present one.
    Replace,
    /// Its data is merged into the present one.
    Merge,
}

/// A rendered Kubernetes object.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The whole object (a map).
    pub node: Node,
    /// Identity as first written: before prefix, suffix, hash, namespace. Pairs of environments
    /// match on it.
    pub original: ResourceId,
    /// True if a configMapGenerator or secretGenerator made it.
    pub generated: bool,
    /// Identities it had before the present one, oldest first; the namespace is the effective one
    /// of that time. Empty until something stored one ([`Resource::store_previous`]), as
    /// kustomize's name references only follow recorded names.
    pub previous: Vec<ResourceId>,
    /// Name prefixes added so far, in the order of adding.
    pub prefixes: Vec<Arc<str>>,
    /// Name suffixes added so far, in the order of adding.
    pub suffixes: Vec<Arc<str>>,
    /// True if a content hash is appended to the name at the very end.
    pub needs_hash: bool,
    /// The treatment of a generated resource when its identity is taken.
    pub behavior: Behavior,
    /// Names of the `vars` that read this resource.
    pub variables: Vec<Arc<str>>,
    /// The place that last changed the name, for the origin of references that follow it.
    pub renamed_by: Option<Origin>,
    /// Labels and annotations whose value several fields share, see `SharedValue`.
    pub shared: Vec<SharedValue>,
    /// Where it came from, for `buildMetadata: [originAnnotations, transformerAnnotations]`; set
    /// only when that is asked for.
    pub trail: Option<Arc<Trail>>,
    /// True if what it deploys is rendered beside it: a HelmRelease with its chart.
    pub expanded: bool,
}

/// The `buildMetadata` annotations of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The text of the origin annotation.
    pub origin: Option<String>,
    /// The entries of the transformations annotation.
    pub transformations: Vec<String>,
}

impl Trail {
    /// The trail of a resource that nothing has changed yet.
    pub(super) fn starting_at(origin: String) -> Arc<Trail> {
        Arc::new(Trail {
            origin: Some(origin),
            transformations: Vec::new(),
        })
    }
}

/// A label or annotation that one transformer wrote to several fields of an object (metadata,
/// selector, template).
///
/// kustomize puts the same YAML node into all of them. A later change of one field, such as a patch
/// of `metadata.labels`, changes the others as well.
#[derive(Clone, Debug)]
pub struct SharedValue {
    /// The key.
    pub key: Arc<str>,
    /// The paths of the maps that may hold it; lists on the way are entered.
    pub maps: Vec<Arc<[Box<str>]>>,
    /// The entry that made it. Values from other entries are not shared.
    pub origin: Origin,
    /// The last value that all fields had.
    pub text: Arc<str>,
}

impl Resource {
    /// A resource as it is written in a file.
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
            shared: Vec::new(),
            trail: None,
            expanded: false,
        };
        resource.original = resource.id();
        resource.recall();
        resource
    }
    /// Reads the annotations of kustomize that a manifest itself contains, as the output of another
    /// build may.
    fn recall(&mut self) {
        let Some(annotations) = self.node.at(&["metadata", "annotations"]) else {
            return;
        };
        if !annotations
            .entries()
            .iter()
            .any(|entry| entry.key.starts_with(BUILD_ANNOTATION))
        {
            return;
        }
        let list = |name: &str| -> Vec<Arc<str>> {
            let text = annotations
                .get(&format!("{BUILD_ANNOTATION}{name}"))
                .and_then(Node::text)
                .unwrap_or_default();
            text.split(',')
                .filter(|item| !item.is_empty())
                .map(Arc::from)
                .collect()
        };
        let (names, kinds, namespaces) = (
            list("previousNames"),
            list("previousKinds"),
            list("previousNamespaces"),
        );
        let (prefixes, suffixes) = (list("prefixes"), list("suffixes"));
        let api_version = self.api_version().to_string();
        let ids = names
            .iter()
            .zip(&kinds)
            .zip(&namespaces)
            .map(|((name, kind), namespace)| ResourceId {
                api_version: api_version.clone(),
                kind: kind.to_string(),
                namespace: Some(namespace.to_string()),
                name: name.to_string(),
            });
        let ids: Vec<ResourceId> = ids.collect();
        (self.previous, self.prefixes, self.suffixes) = (ids, prefixes, suffixes);
    }
    /// Adds an annotation as soon as kustomize stores notes on the object. It is removed at the
    /// end. Until then patches and transformers find a map of annotations, and a patch that removes
    /// the annotation also removes the notes, see [`Resource::forget_unless_marked`].
    pub fn mark(&mut self) {
        let origin = Origin {
            end: self.node.origin.start,
            ..self.node.origin.with(By::BuildMetadata)
        };
        if self.node.as_map().is_none() {
            return;
        }
        for (parent, key) in [(&[][..], "metadata"), (&["metadata"], "annotations")] {
            if let Some(parent) = parent
                .iter()
                .try_fold(&mut self.node, |node, key| node.get_mut(key))
                && parent.get(key).is_none_or(Node::is_null)
            {
                parent.set(key, Node::map(Vec::new(), origin), origin);
            }
        }
        let annotations = self
            .node
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(map) = annotations
            .filter(|annotations| annotations.get(MARK).is_none())
            .and_then(Node::map_mut)
        {
            map.entries.push(Entry {
                key: MARK.into(),
                key_origin: origin,
                value: Node::string("", origin),
            });
        }
    }
    /// True if [`Resource::mark`] was called and no patch removed the annotation.
    pub fn is_marked(&self) -> bool {
        self.node.at(&["metadata", "annotations", MARK]).is_some()
    }
    /// Drops the notes that kustomize keeps in annotations if a patch removed these.
    pub fn forget_unless_marked(&mut self) {
        if !self.is_marked() {
            self.previous.clear();
            self.prefixes.clear();
            self.suffixes.clear();
            self.needs_hash = false;
            self.behavior = Behavior::Unspecified;
            self.trail = None;
        }
    }
    /// Copies a changed value to the other fields that share it. Of several changes the last one
    /// counts, in the order in which kustomize walks the keys.
    pub fn settle_shared(&mut self) {
        for shared in &mut self.shared {
            let mut last: Option<&Node> = None;
            for path in &shared.maps {
                steps::visit(&self.node, path, &mut |map| {
                    let value = map
                        .get(&shared.key)
                        .filter(|value| is_shared(value, shared.origin));
                    let changed = value.filter(|value| {
                        value
                            .as_scalar()
                            .is_some_and(|scalar| scalar.text != shared.text)
                    });
                    last = changed.or(last);
                });
            }
            let Some(winner) = last.cloned() else {
                continue;
            };
            let Some(scalar) = winner.as_scalar().cloned() else {
                continue;
            };
            for path in shared.maps.clone() {
                steps::visit_mut(&mut self.node, &path, &mut |map| {
                    let Some(value) = map
                        .get_mut(&shared.key)
                        .filter(|value| is_shared(value, shared.origin))
                    else {
                        return;
                    };
                    if value
                        .as_scalar()
                        .is_some_and(|present| present.text != scalar.text)
                    {
                        value.replace(Data::Scalar(scalar.clone()), winner.origin);
                    }
                });
            }
            shared.text = scalar.text.clone();
        }
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
    /// The identity that kustomize calls original: the oldest recorded one, or the present one.
    pub fn first_id(&self) -> ResourceId {
        self.previous
            .first()
            .map_or_else(|| self.id(), |first| self.with_present_version(first))
    }
    /// Recorded identities, oldest first, and then the present one. Earlier ones take the present
    /// group and version.
    pub fn all_ids(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.previous
            .iter()
            .map(|previous| self.with_present_version(previous))
            .chain(std::iter::once_with(|| self.id()))
    }
    fn with_present_version(&self, previous: &ResourceId) -> ResourceId {
        ResourceId {
            api_version: self.api_version().to_string(),
            ..previous.clone()
        }
    }
    /// Records the present identity before a change of name, namespace or kind.
    pub fn store_previous(&mut self) {
        let mut id = self.id();
        id.namespace = Some(id.effective_namespace().to_string());
        self.previous.push(id);
        self.mark();
    }
    /// `apiVersion`, empty when absent.
    pub fn api_version(&self) -> &str {
        self.node
            .get("apiVersion")
            .and_then(Node::text)
            .unwrap_or_default()
    }
    /// `kind`, empty when absent.
    pub fn kind(&self) -> &str {
        self.node
            .get("kind")
            .and_then(Node::text)
            .unwrap_or_default()
    }
    /// `metadata.name` as rendered.
    pub fn name(&self) -> &str {
        self.node
            .at(&["metadata", "name"])
            .and_then(Node::text)
            .unwrap_or_default()
    }
    /// `metadata.namespace` as rendered.
    pub fn namespace(&self) -> Option<&str> {
        self.node
            .at(&["metadata", "namespace"])
            .and_then(Node::text)
    }
    /// The namespace that counts for identity, see [`ResourceId::effective_namespace`].
    pub fn effective_namespace(&self) -> &str {
        effective_namespace(self.api_version(), self.kind(), self.namespace())
    }
    /// The API group of `apiVersion`; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
    /// The version part of `apiVersion`.
    pub fn version(&self) -> &str {
        let version = self.api_version();
        version
            .split_once('/')
            .map_or(version, |(_, version)| version)
    }
}

/// True if a value descends from the entry that made it.
fn is_shared(value: &Node, origin: Origin) -> bool {
    let mut oldest = value;
    while let Some(before) = &oldest.replaced {
        oldest = before;
    }
    oldest.origin == origin
}
