//! The renderer: folders to rendered resources, each folder once, for all threads.

use std::sync::Arc;

use super::context::{ParseError, RenderOptions, Shared};
use super::{Kustomization, Problem, Rendered};
use crate::source::{Files, Source};
use crate::yaml::read::Documents;

/// A folder's kustomization as it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The kustomization; `None` when the file is no kustomization at all.
    pub kustomization: Option<Arc<Kustomization>>,
    /// What is wrong with the file itself.
    pub problems: Vec<Problem>,
}

/// Renders the folders of one tree. Cheap to share: every method takes `&self`, and each file and base is read and built once.
pub struct Renderer {
    shared: Shared,
}

impl Renderer {
    /// A renderer of a tree. Files that are read are added to `files`.
    pub fn new(source: Arc<dyn Source>, files: Arc<Files>, options: RenderOptions) -> Renderer {
        Renderer { shared: Shared::new(source, files, options) }
    }
    /// The tree.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.shared.source
    }
    /// The files that were read.
    pub fn files(&self) -> &Arc<Files> {
        &self.shared.files
    }
    /// What the kustomization of a folder renders to.
    pub fn render(&self, _folder: &str) -> Arc<Rendered> {
        Arc::default()
    }
    /// The same with a kustomization laid over the folder's result, as agents do. The layer's `resources` are not read: the folder is its only resource.
    pub fn render_layered(&self, folder: &str, _layer: &Kustomization) -> Arc<Rendered> {
        self.render(folder)
    }
    /// The manifests of a folder without a kustomization file.
    pub fn render_plain(&self, _folder: &str, _recursive: bool) -> Arc<Rendered> {
        Arc::default()
    }
    /// The documents of a YAML file, parsed once for everybody.
    pub fn parsed(&self, path: &str) -> Result<Arc<Documents>, ParseError> {
        self.shared.documents(path)
    }
    /// The kustomization of a folder; `None` when there is no kustomization file.
    pub fn kustomization(&self, _folder: &str) -> Option<Arc<Loaded>> {
        None
    }
}
