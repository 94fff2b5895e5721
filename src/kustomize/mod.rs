//! `kustomize build` (release 5.8) in-process, with the origin of every value kept.
//!
//! Here: reading kustomizations, accumulating resources, the built-in generators and transformers, patches, references.
//! Not here: which folders are overlays and what they mean (`repo`), judgement (`rules`).
//!
//! Nothing is run and nothing is fetched: plugins, Helm and remote bases become a [`Problem`], and the rest is still rendered.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::yaml::{FileId, Node, Origin};

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
}

impl Resource {
    /// Identity as rendered.
    pub fn id(&self) -> ResourceId {
        let text = |path: &[&str]| self.node.at(path).and_then(Node::text).map(str::to_string);
        ResourceId {
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            kind: text(&["kind"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]).unwrap_or_default(),
        }
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
    /// The API group of `apiVersion`; empty for the core group.
    pub fn group(&self) -> &str {
        let version = self.node.get("apiVersion").and_then(Node::text).unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// What kind of trouble a rendering ran into; each maps to one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// kustomize would refuse this, or a file could not be read (`render-error`).
    Error,
    /// A manifest has a key twice (`duplicate-key`); kustomize refuses this as well.
    DuplicateKey,
    /// Exec plugins, containers, Helm (`needs-plugin`).
    NeedsPlugin,
    /// A remote base without a local copy, pinned to a commit or tag (`remote-base`).
    RemotePinned,
    /// A remote base without a local copy that can change at any time (`remote-base`).
    RemoteUnpinned,
    /// A patch with a target that selects nothing; kustomize is silent (`unmatched-patch`).
    UnmatchedPatch,
    /// An `images` entry that no container uses; kustomize is silent (`unused-image-override`).
    UnusedImageOverride,
    /// A deprecated field of a kustomization (`deprecated-field`).
    DeprecatedField,
}

impl ProblemKind {
    /// Whether `kustomize build` stops here, so that `render` must fail.
    pub fn refused(self) -> bool {
        matches!(
            self,
            ProblemKind::Error
                | ProblemKind::DuplicateKey
                | ProblemKind::NeedsPlugin
                | ProblemKind::RemotePinned
                | ProblemKind::RemoteUnpinned
        )
    }
}

/// One trouble of a rendering, with the place to edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub origin: Origin,
    /// Other places that play a part, each with a label.
    pub related: Vec<(String, Origin)>,
}

/// What a kustomization root renders to.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects in kustomize's order.
    pub resources: Vec<Resource>,
    /// Everything that went wrong or does nothing, in a stable order, each once.
    pub problems: Vec<Problem>,
    /// False when something is missing: a refused problem occurred.
    pub complete: bool,
    /// Every file that was read for it: kustomizations, manifests, patches, generator inputs.
    pub files: BTreeSet<FileId>,
}

/// A shared rendering.
pub type SharedRendered = Arc<Rendered>;
