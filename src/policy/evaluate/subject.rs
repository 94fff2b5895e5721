//! The input of one evaluation.

use crate::kustomize::Resource;
use crate::policy::log::Place;
use crate::repo::Overlay;
use crate::rules::Context;
use crate::yaml::{FileId, Node, Origin};

/// The subject of one evaluation.
#[derive(Clone, Copy)]
pub(super) struct Subject<'r> {
    pub(super) overlay: Option<&'r Overlay>,
    /// The object, if the input is one.
    pub(super) resource: Option<&'r Resource>,
    /// The document, if the input is one of a file.
    pub(super) document: Option<&'r Node>,
    pub(super) place: Place,
}

impl Subject<'_> {
    /// The place for findings about the input as a whole.
    pub(super) fn origin(&self) -> Origin {
        match (self.document, self.overlay) {
            (Some(document), _) => document.origin,
            (None, Some(overlay)) => overlay.origin,
            (None, None) => Origin::start_of(FileId(0)),
        }
    }

    /// The input in words: `Deployment/web of apps/web/overlays/production`.
    pub(super) fn describe(&self, context: &Context) -> String {
        let overlay = self.overlay.map(|overlay| overlay.path.as_str());
        match (self.resource, overlay) {
            (Some(resource), Some(overlay)) => {
                format!("{}/{} of {overlay}", resource.kind(), resource.name())
            }
            (None, Some(overlay)) => overlay.to_string(),
            _ => {
                let file = context.repo.files.get(self.origin().file);
                file.path.to_string()
            }
        }
    }
}
