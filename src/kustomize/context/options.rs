//! The options of a rendering.

use std::path::PathBuf;

use crate::kustomize::ChartsOf;
use crate::kustomize::remote::Remotes;

/// Which files a kustomization may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Only files in or below its own folder, the default of kustomize.
    Root,
    /// Everything in the repo, as Flux builds.
    #[default]
    Repo,
}

/// The order of the rendered documents where `sortOptions` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reorder {
    /// As accumulated.
    None,
    /// Namespaces and the like first, webhooks last.
    #[default]
    Legacy,
}

/// The options of a rendering.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Which files a kustomization may read.
    pub load_restrictor: LoadRestrictor,
    /// Copies of remote bases, files and charts.
    pub remotes: Remotes,
    /// The order of documents.
    pub reorder: Reorder,
    /// Add the managed-by label to every object.
    pub managed_by_label: bool,
    /// Where the root of the tree is on disk, so that absolute paths into it can be followed.
    pub root: Option<PathBuf>,
    /// The renderer of charts; without it they are not rendered.
    pub charts: Option<ChartsOf>,
}
