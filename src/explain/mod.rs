//! Where rendered values come from: the line that wrote a value, what replaced or removed it.
//!
//! `path` is the place of a value in an object, `value` reads the states of a value from the
//! provenance in the rendered tree. Values of Secrets are masked. Not here: finding what a user
//! means by a name (`cli::why`), what stands below a cursor (`server`).

pub(crate) mod path;
pub(crate) mod value;

use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::yaml::Origin;

/// An object in an overlay.
#[derive(Clone, Copy)]
pub(crate) struct Found<'r> {
    /// The overlay.
    pub overlay: &'r Overlay,
    /// The object.
    pub resource: &'r Resource,
    /// The patch that deleted it, if one did.
    pub deleted: Option<Origin>,
}

/// The objects of an overlay, and the objects that patches deleted from it.
pub(crate) fn objects(overlay: &Overlay) -> impl Iterator<Item = Found<'_>> {
    let there = overlay
        .rendered
        .resources
        .iter()
        .map(move |resource| Found {
            overlay,
            resource,
            deleted: None,
        });
    let there_still = |gone: &Resource| {
        overlay
            .rendered
            .resources
            .iter()
            .any(|resource| resource.id() == gone.id())
    };
    let deleted = overlay
        .rendered
        .deleted
        .iter()
        .filter(move |gone| !there_still(&gone.resource));
    there.chain(deleted.map(move |gone| Found {
        overlay,
        resource: &gone.resource,
        deleted: Some(gone.origin),
    }))
}
