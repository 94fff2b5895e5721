//! The effects of the change on an overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Context;
use crate::compare::{self, Change, ResourceChange};
use crate::history::{self, Version};
use crate::kubernetes::artifact;
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::{Problem, ProblemKind, Rendered, Resource, ResourceId};
use crate::repo::{Overlay, Repo};
use crate::yaml::{Node, Origin};

/// A version that an overlay runs without a digest, and that it did not run at the base revision.
pub struct MovedVersion<'a> {
    /// The image, or the chart or base as messages name it.
    pub name: String,
    /// The tag, chart version or reference.
    pub version: Version,
    /// The versions that ran there before.
    pub before: BTreeSet<Version>,
    /// The value that sets the version.
    pub origin: Origin,
    /// The object; `None` for an entry of a kustomization.
    pub resource: Option<&'a Resource>,
}

impl<'a> Context<'a> {
    /// The objects of an overlay that render differently than at the base revision. Empty without a
    /// base. If an overlay can only be rendered in part, only that part is compared. Comments and
    /// the order of keys do not count. All objects of a new overlay count as added.
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
        let mut changes = compare::resources(before, overlay, self.repo);
        // if only one side could not be rendered in full, an object that seems to be added or
        // removed may just not be rendered; an object that both sides have is compared
        if self.lacks(&before.rendered) != self.lacks(&overlay.rendered) {
            changes.retain(|change| change.from.is_some() && change.to.is_some());
        }
        changes
    }

    /// True if an overlay renders to the same objects as at the base revision, as far as both can
    /// be rendered.
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

    /// The line of the head that causes the first change of an overlay, with the object and the
    /// path of the value. For an overlay that is [gone](Self::gone), the line at the base revision.
    /// `None` if nothing changes.
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
        // a change that only removes objects has no line in the head
        value.or_else(|| {
            changes
                .first()
                .map(|change| (overlay.origin, change.id(), String::new()))
        })
    }

    /// The images of an overlay whose version differs from the base revision. Empty for a new
    /// overlay.
    pub fn moved_images(&self, overlay: &Overlay) -> Vec<&ImageUse<'a>> {
        let Some(before) = self.at_base(overlay) else {
            return Vec::new();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let known = history::images(&before.rendered, self.repo);
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

    /// The tags, chart versions and references of an overlay that the change replaces with others.
    /// Empty for a new overlay. Images with a digest are left out.
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
        let known = history::images(&before.rendered, repo);
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

    /// True if the container ran an image with another name before.
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

    /// The places because of which a rendering lacks objects.
    fn lacks(&self, rendered: &Rendered) -> BTreeSet<(ProblemKind, Arc<str>, String)> {
        let problems = rendered.problems.iter();
        let refused = problems.filter(|problem| problem.kind.refused());
        let place = |problem: &Problem| {
            let file = self.repo.files.get(problem.origin.file);
            let text = file.slice(problem.origin).to_string();
            (problem.kind, file.path.clone(), text)
        };
        refused.map(place).collect()
    }
}
