//! What the change does to an overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Context;
use crate::compare::{self, Change, ResourceChange};
use crate::history::{self, Version};
use crate::kubernetes::artifact;
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::{ProblemKind, Rendered, Resource, ResourceId};
use crate::repo::{Overlay, Repo};
use crate::yaml::{Node, Origin};

/// A version that an overlay runs without a digest, and that it did not run at the base revision.
pub struct MovedVersion<'a> {
    /// The image, or what messages call the chart or base.
    pub name: String,
    /// The tag, chart version or reference.
    pub version: Version,
    /// What ran there before.
    pub before: BTreeSet<Version>,
    /// The value that says so.
    pub origin: Origin,
    /// The object; `None` for an entry of a kustomization.
    pub resource: Option<&'a Resource>,
}

impl<'a> Context<'a> {
    /// What an overlay renders to otherwise than at the base revision; nothing without a base. Of
    /// what can be rendered in part only, that part. Comments and the order of keys are no change;
    /// all of an overlay that is new is one.
    pub fn changes(&self, overlay: &Overlay) -> &[ResourceChange] {
        let cell = self
            .index(overlay)
            .and_then(|index| self.against_base.changes.get(index));
        cell.map_or(&[], |cell| cell.get_or_init(|| self.changes_of(overlay)))
    }

    fn changes_of(&self, overlay: &Overlay) -> Vec<ResourceChange> {
        let Some(before) = self.at_base(overlay) else {
            let added = |resource: &Resource| ResourceChange {
                change: Change::Added,
                from: None,
                to: Some(resource.clone()),
                changes: Vec::new(),
            };
            let new = self.base.is_some() && overlay.rendered.complete;
            return overlay
                .rendered
                .resources
                .iter()
                .filter(|_| new)
                .map(added)
                .collect();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let mut changes = compare::resources(before, overlay, &self.repo.environments);
        // what is missing on one side only neither came nor went; what is there on both sides is
        // known
        if lacks(&before.rendered) != lacks(&overlay.rendered) {
            changes.retain(|change| change.from.is_some() && change.to.is_some());
        }
        changes
    }

    /// Whether an overlay renders to what it renders to at the base revision, for all that can be
    /// rendered.
    pub(in crate::rules) fn is_unchanged(&self, overlay: &Overlay) -> bool {
        self.at_base(overlay).is_some_and(|before| {
            let whole = before.rendered.complete && overlay.rendered.complete;
            before.rendered.is(&overlay.rendered) || (whole && self.changes(overlay).is_empty())
        })
    }

    /// The files that an overlay reads, or read at the base revision, and that the change touches.
    pub fn touched(&self, overlay: &Overlay) -> BTreeSet<String> {
        let texts = |overlay: &Overlay| -> BTreeMap<Arc<str>, Arc<str>> {
            let files = overlay
                .rendered
                .files
                .iter()
                .map(|file| self.repo.files.get(*file));
            files
                .map(|file| (file.path.clone(), file.text.clone()))
                .collect()
        };
        let (now, before) = (
            texts(overlay),
            self.at_base(overlay).map(texts).unwrap_or_default(),
        );
        let differs = |path: &&Arc<str>| now.get(*path) != before.get(*path);
        now.keys()
            .chain(before.keys())
            .filter(differs)
            .map(|path| path.to_string())
            .collect()
    }

    /// The line of the head that brings the first change of an overlay, with the object and the
    /// value; of one that is [gone](Self::gone) where it was. Nothing where nothing changes.
    pub fn first_change(&self, overlay: &Overlay) -> Option<(Origin, ResourceId, String)> {
        if self.index(overlay).is_none() {
            return overlay
                .rendered
                .resources
                .first()
                .map(|lost| (overlay.origin, lost.id(), String::new()));
        }
        let changes = self.changes(overlay);
        let own = |origin: &Origin| overlay.rendered.files.contains(&origin.file);
        let value = changes.iter().find_map(|change| {
            let resource = change.to.as_ref()?;
            match change.change {
                Change::Added => Some((resource.node.origin, resource.id(), String::new())),
                _ => change
                    .changes
                    .iter()
                    .find(|value| own(&value.origin))
                    .map(|value| (value.origin, resource.id(), value.path())),
            }
        });
        // what was only taken away stands in no line of the head
        value.or_else(|| {
            changes
                .first()
                .map(|change| (overlay.origin, change.id(), String::new()))
        })
    }

    /// The images of an overlay that the base revision runs there in another version; none where
    /// the overlay is new.
    pub fn moved_images(&self, overlay: &Overlay) -> Vec<&ImageUse<'a>> {
        let Some(before) = self.at_base(overlay) else {
            return Vec::new();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let known = history::images(&before.rendered, &self.repo.files);
        let moved = |used: &&ImageUse<'a>| {
            let image = used.image();
            let same = |version: &Version| {
                version.tag.as_deref() == image.tag && version.digest.as_deref() == image.digest
            };
            known
                .get(&used.name)
                .is_some_and(|versions| !versions.iter().any(same))
                || self.is_other_image(before, used)
        };
        self.facts(overlay).images.iter().filter(moved).collect()
    }

    /// The tags, chart versions and references that the change gives an overlay instead of others;
    /// none where the overlay is new. What has a digest is left out.
    pub fn moved_versions(&self, overlay: &Overlay) -> Vec<MovedVersion<'a>> {
        let (Some(before), Some(index)) = (self.at_base(overlay), self.index(overlay)) else {
            return Vec::new();
        };
        let repo: &'a Repo = self.repo;
        let Some(overlay) = repo.overlays.get(index) else {
            return Vec::new();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let known = history::images(&before.rendered, &repo.files);
        let images = self.facts(overlay).images.iter().filter_map(|used| {
            let image = used.image();
            let tag = image
                .tag
                .filter(|_| image.digest.is_none() && used.tag_known)?;
            Some((
                used.name.clone(),
                tag.to_string(),
                used.tag_origin,
                Some(used.resource),
            ))
        });
        let artifacts = artifact::of(&overlay.rendered).into_iter();
        let artifacts = artifacts.map(|one| (one.name, one.version, one.origin, one.resource));
        images
            .chain(artifacts)
            .filter_map(|(name, tag, origin, resource)| {
                let before = known.get(&name)?.clone();
                let version = Version {
                    tag: Some(tag),
                    digest: None,
                };
                let moved = !before.iter().any(|old| old.tag == version.tag);
                moved.then_some(MovedVersion {
                    name,
                    version,
                    before,
                    origin,
                    resource,
                })
            })
            .collect()
    }

    /// Whether a container ran an image of another name before.
    fn is_other_image(&self, before: &Overlay, used: &ImageUse) -> bool {
        let id = &used.resource.original;
        let same = |other: &&Resource| {
            other.original.kind == id.kind
                && other.original.name == id.name
                && other.original.group() == id.group()
        };
        let Some(earlier) = before.rendered.resources.iter().find(same) else {
            return false;
        };
        let container = |resource: &Resource, path: &str| {
            let name = resource
                .node
                .pointer(path.rsplit_once('/')?.0)?
                .get("name")?
                .text()?;
            Some(name.to_string())
        };
        let there = earlier.node.pointer(&used.pointer).and_then(Node::text);
        let here = used
            .resource
            .node
            .pointer(&used.pointer)
            .and_then(Node::text);
        let name = |image: &str| {
            crate::kubernetes::image::Image::split(image)
                .name
                .to_string()
        };
        container(earlier, &used.pointer) == container(used.resource, &used.pointer)
            && there.map(name) != here.map(name)
            && there.is_some()
    }
}

/// Why a rendering lacks objects.
fn lacks(rendered: &Rendered) -> BTreeSet<(ProblemKind, &str)> {
    let refused = rendered
        .problems
        .iter()
        .filter(|problem| problem.kind.refused());
    refused
        .map(|problem| (problem.kind, problem.message.as_str()))
        .collect()
}
