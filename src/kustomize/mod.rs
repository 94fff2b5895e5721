//! `kustomize build` (release 5.8) in-process, with the origin of every value kept.
//!
//! Here: reading kustomizations, accumulating resources, the built-in generators and transformers,
//! patches, references. Not here: which folders are overlays and what they mean (`repo`), judgement
//! (`rules`).
//!
//! Nothing is run and nothing is fetched: plugins, Helm and remote bases become a [`Problem`], and
//! the rest is still rendered.

mod accumulate;
pub mod charts;
pub mod context;
pub mod decode;
pub mod generators;
pub mod hash;
mod identity;
pub mod kustomization;
pub mod loader;
mod manifests;
pub mod order;
pub mod patch;
pub mod remote;
pub mod render;
pub mod resource;
pub mod schema;
mod steps;
pub mod transform;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

pub use context::{BuildContext, LoadRestrictor, RenderOptions, Reorder};
pub use kustomization::Kustomization;
pub use loader::Loaded;
pub use render::Renderer;
pub use resource::{Behavior, Resource, ResourceId};

use crate::yaml::{FileId, Origin};

/// What kind of trouble a rendering ran into; each maps to one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// kustomize would refuse this, or a file could not be read (`render-error`).
    Error,
    /// Something names an object or value that is not there (`render-error`). Kustomize refuses it;
    /// where something else is missing already, it is a consequence and not told.
    Absent,
    /// Something that Git has and that is not in the clone or the work tree
    /// (`incomplete-checkout`).
    Withheld,
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
                | ProblemKind::Absent
                | ProblemKind::Withheld
                | ProblemKind::DuplicateKey
                | ProblemKind::NeedsPlugin
                | ProblemKind::RemotePinned
                | ProblemKind::RemoteUnpinned
        )
    }
}

/// What makes a problem this one, whatever its message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A name for the trouble: `deprecated-field`.
    pub code: &'static str,
    /// The fields, names and targets that it is about.
    pub facts: Vec<String>,
}

/// One trouble of a rendering, with the place to edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// Which trouble of its kind it is. Without one, the message tells problems at one origin
    /// apart.
    pub identity: Option<Box<Identity>>,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub origin: Origin,
    /// Other places that play a part, each with a label.
    pub related: Vec<(String, Origin)>,
}

impl Problem {
    /// Something that kustomize refuses.
    pub fn error(origin: Origin, message: impl Into<String>) -> Problem {
        Problem {
            kind: ProblemKind::Error,
            identity: None,
            message: message.into(),
            help: None,
            origin,
            related: Vec::new(),
        }
    }
    /// Something that kustomize refuses because what it names is not there.
    pub fn absent(origin: Origin, message: impl Into<String>) -> Problem {
        Problem::error(origin, message).with_kind(ProblemKind::Absent)
    }
    /// The same with its identity, which does not depend on the wording of the message.
    pub fn about(
        self,
        code: &'static str,
        facts: impl IntoIterator<Item = impl ToString>,
    ) -> Problem {
        let facts = facts.into_iter().map(|fact| fact.to_string()).collect();
        Problem {
            identity: Some(Box::new(Identity { code, facts })),
            ..self
        }
    }
    /// The same with an advice.
    pub fn with_help(self, help: impl Into<String>) -> Problem {
        Problem {
            help: Some(help.into()),
            ..self
        }
    }
    /// The same with another place.
    pub fn with_related(mut self, label: impl Into<String>, origin: Origin) -> Problem {
        self.related.push((label.into(), origin));
        self
    }
    /// The same of another kind.
    pub fn with_kind(self, kind: ProblemKind) -> Problem {
        Problem { kind, ..self }
    }
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
    /// The objects that patches deleted, in the order of deletion.
    pub deleted: Vec<Deleted>,
}

/// An object that a patch deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// The object as it was.
    pub resource: Resource,
    /// What deleted it.
    pub origin: Origin,
}

/// A rendering that is made when it is first looked at, and shared.
#[derive(Clone)]
pub struct LazyRendered(Arc<LazyCell>);

type LazyCell = LazyLock<Arc<Rendered>, Box<dyn FnOnce() -> Arc<Rendered> + Send + Sync>>;

impl LazyRendered {
    /// A rendering to be made.
    pub fn new(render: impl FnOnce() -> Arc<Rendered> + Send + Sync + 'static) -> LazyRendered {
        LazyRendered(Arc::new(LazyLock::new(Box::new(render))))
    }
    /// The rendering itself.
    pub fn shared(&self) -> Arc<Rendered> {
        LazyLock::force(&*self.0).clone()
    }
    /// Whether both are one rendering, so that nothing can differ between them.
    pub fn is(&self, other: &LazyRendered) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for LazyRendered {
    type Target = Rendered;
    fn deref(&self) -> &Rendered {
        let rendered: &Arc<Rendered> = LazyLock::force(&*self.0);
        rendered
    }
}

impl From<Arc<Rendered>> for LazyRendered {
    fn from(rendered: Arc<Rendered>) -> LazyRendered {
        LazyRendered::new(move || rendered)
    }
}

impl Default for LazyRendered {
    fn default() -> LazyRendered {
        LazyRendered::from(Arc::new(Rendered::default()))
    }
}

impl std::fmt::Debug for LazyRendered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Rendered::fmt(self, formatter)
    }
}
