//! A branch whose history is read.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::kustomize::RenderOptions;
use crate::repo::Repo;
use crate::source::git::{Commit, Repository};

/// A branch: its newest commit, that commit as a loaded repo, and how its trees are read.
pub struct Branch<'r> {
    /// The Git repository.
    pub repository: &'r Arc<Repository>,
    /// The configuration that earlier trees are read with too.
    pub config: &'r Config,
    /// The tree of the newest commit, or the work tree or index on top of it.
    pub repo: &'r Repo,
    /// The newest commit.
    pub commit: Commit,
    /// Where the tree lies on disk.
    pub root: Option<PathBuf>,
}

impl Branch<'_> {
    /// The options for rendering earlier trees.
    pub(super) fn options(&self) -> RenderOptions {
        RenderOptions {
            remotes: self.config.remotes.clone(),
            root: self.root.clone(),
            charts: self.repo.charts(),
            ..RenderOptions::default()
        }
    }
}
