//! `kustomize build` (release 5.8) in-process, with the origin of every value kept.
//!
//! Here: reading kustomizations, accumulating resources, the built-in generators and transformers,
//! patches, references. Not here: which folders are overlays and what they mean (`repo`), judgement
//! (`rules`).
//!
//! Nothing is run and nothing is fetched: plugins, Helm and remote bases become a [`Problem`], and
//! the rest is still rendered.

mod accumulate;
mod charts;
pub(crate) mod context;
pub(crate) mod decode;
mod generators;
pub(crate) mod hash;
mod identity;
pub(crate) mod kustomization;
pub(crate) mod loader;
mod manifests;
mod order;
mod patch;
pub(crate) mod remote;
mod render;
pub(crate) mod resource;
mod schema;
mod steps;
mod transform;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

pub use charts::{Capabilities, ChartCopy, ChartRenderer, ChartsOf, Release, Unrendered};
pub use context::{BuildContext, LoadRestrictor, RenderOptions, Reorder};
pub use kustomization::Kustomization;
pub use loader::Loaded;
pub use remote::ValueNames;
pub use render::Renderer;
pub use resource::{Behavior, Resource, ResourceId};

use crate::yaml::{FileId, Origin};

/// The kind of a problem. Rules map each to their own report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// kustomize refuses this, or a file could not be read.
    Error,
    /// Something names an object or value that does not exist. kustomize refuses it. Not reported
    /// if something else is missing already, because it may be a consequence of that.
    Absent,
    /// Git has something that is missing from the clone or the work tree.
    Withheld,
    /// A manifest has a key twice; kustomize refuses this as well.
    DuplicateKey,
    /// Exec plugins, containers, Helm.
    NeedsPlugin,
    /// A remote base without a local copy, pinned to a commit or tag.
    RemotePinned,
    /// A remote base without a local copy that can change at any time.
    RemoteUnpinned,
    /// A patch with a target that selects nothing; kustomize is silent.
    UnmatchedPatch,
    /// An `images` entry that no container uses; kustomize is silent.
    UnusedImageOverride,
    /// A deprecated field of a kustomization.
    DeprecatedField,
    /// A file outside of the folder of the kustomization. kustomize refuses it unless it is told not
    /// to; Flux does not ask.
    RestrictedFile,
}

impl ProblemKind {
    /// True if `kustomize build` stops here, so that `render` must fail.
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

/// Tells a problem from others of its kind, independently of the wording of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A key that a map has twice.
    DuplicateKey(String),
    /// A deprecated field of a kustomization.
    DeprecatedField(String),
    /// A URL without a local copy, pinned or not.
    Remote(String),
    /// A path that Git has, but this clone or work tree does not.
    Withheld(String),
    /// A kustomization that sets nothing.
    EmptyKustomization,
    /// An image whose entry no container uses; empty if the entry names none.
    UnusedImage(String),
}

/// A problem of a rendering, at the line to edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind.
    pub kind: ProblemKind,
    /// Without one, the message tells problems at one origin apart.
    pub identity: Option<Box<Identity>>,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The advice about it.
    pub help: Option<String>,
    /// Where to edit.
    pub origin: Origin,
    /// Other lines that play a part, each with a label.
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
    /// Something that kustomize refuses because it names something that does not exist.
    pub fn absent(origin: Origin, message: impl Into<String>) -> Problem {
        Problem::error(origin, message).with_kind(ProblemKind::Absent)
    }
    /// Adds an identity.
    pub fn about(self, identity: Identity) -> Problem {
        Problem {
            identity: Some(Box::new(identity)),
            ..self
        }
    }
    /// Adds what to do about it.
    pub fn with_help(self, help: impl Into<String>) -> Problem {
        Problem {
            help: Some(help.into()),
            ..self
        }
    }
    /// Adds another line that plays a part.
    pub fn with_related(mut self, label: impl Into<String>, origin: Origin) -> Problem {
        self.related.push((label.into(), origin));
        self
    }
    /// Changes the kind.
    pub fn with_kind(self, kind: ProblemKind) -> Problem {
        Problem { kind, ..self }
    }
}

/// The rendering of a folder.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects in kustomize's order.
    pub resources: Vec<Resource>,
    /// Everything that fails or has no effect, each once, in a stable order.
    pub problems: Vec<Problem>,
    /// False when something is missing: a refused problem occurred.
    pub complete: bool,
    /// Every file that was read for it: kustomizations, manifests, patches, generator inputs.
    pub files: BTreeSet<FileId>,
    /// The objects that patches deleted, in the order of deletion.
    pub deleted: Vec<Deleted>,
    /// Parts of values that stay as written because only the cluster knows what its agent puts
    /// there: `${SECRET_DOMAIN}`.
    pub unknown: BTreeSet<Arc<str>>,
    /// The releases whose charts are not in the tree. Their objects are not among the resources.
    pub releases: Vec<Unrendered>,
    /// The charts of which a committed copy of the output was used.
    pub copies: Vec<ChartCopy>,
}

impl Rendered {
    /// True if a part of a text is not known here and is filled in by an agent.
    pub fn is_unknown(&self, text: &str) -> bool {
        self.unknown.iter().any(|part| text.contains(&**part))
    }
}

/// An object that a patch deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// The object before the deletion.
    pub resource: Resource,
    /// The line that deleted it.
    pub origin: Origin,
}

/// A rendering that is made when it is first needed, and shared.
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
    /// True if both are the same rendering, so that nothing can differ between them.
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
