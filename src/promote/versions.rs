//! The versions that an overlay runs, each with the places that decide it.

use std::collections::BTreeSet;

use super::Refusal;
use crate::history::Version;
use crate::kubernetes::image::floating;
use crate::kubernetes::{artifact, image_use};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo};
use crate::yaml::{Node, Origin};

/// An image, chart or base that an overlay runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// The image without tag and digest, or the chart or base as messages call it.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The place that writes the tag.
    pub(super) tag: Origin,
    /// The place that writes the digest.
    pub(super) digest: Origin,
    /// True for a container, whose image an entry of `images` can set.
    pub(super) container: bool,
    /// True for an image, whose name may be in another registry in another environment.
    image: bool,
    /// The object and the place in it.
    user: (String, String, String),
}

impl Running {
    fn short_name(&self) -> &str {
        match self.image {
            true => self.name.rsplit('/').next().unwrap_or(&self.name),
            false => &self.name,
        }
    }

    /// True if both are the same image, chart or base.
    pub fn is_called_like(&self, other: &Running) -> bool {
        self.image == other.image && self.short_name() == other.short_name()
    }
}

/// The images, charts, artifacts and bases of an overlay that have a version.
pub fn running(overlay: &Overlay, repo: &Repo) -> Vec<Running> {
    let rendered = &overlay.rendered;
    let mut found = Vec::new();
    for used in image_use::of_all(rendered, &repo.files, &repo.image_fields) {
        let image = used.image();
        if !used.tag_known && image.digest.is_none() {
            continue;
        }
        found.push(Running {
            version: Version::of(&image),
            tag: used.tag_origin,
            digest: used.digest_origin,
            container: used.node.is_some(),
            image: true,
            user: user(Some(used.resource), &used.place),
            name: used.name,
        });
    }
    for artifact in artifact::of(rendered) {
        if artifact.version != "*" {
            let user = user(artifact.resource, "");
            found.push(by_one_value(
                artifact.name,
                artifact.version,
                artifact.origin,
                user,
            ));
        }
    }
    rendered
        .resources
        .iter()
        .for_each(|resource| argo_sources(resource, &mut found));
    found
}

/// Something whose version is one value.
fn by_one_value(
    name: String,
    version: String,
    origin: Origin,
    user: (String, String, String),
) -> Running {
    Running {
        name,
        version: Version {
            tag: Some(version),
            digest: None,
        },
        tag: origin,
        digest: origin,
        container: false,
        image: false,
        user,
    }
}

/// The charts and pinned revisions of an Application.
fn argo_sources(resource: &Resource, found: &mut Vec<Running>) {
    let spec: &[&str] = match (resource.group(), resource.kind()) {
        ("argoproj.io", "Application") => &["spec"],
        ("argoproj.io", "ApplicationSet") => &["spec", "template", "spec"],
        _ => return,
    };
    let Some(spec) = resource.node.at(spec) else {
        return;
    };
    let several = spec.get("sources").map_or(&[][..], Node::items);
    for source in spec.get("source").into_iter().chain(several) {
        let text = |key: &str| source.get(key).and_then(Node::text);
        let (Some(url), Some(revision)) = (text("repoURL"), source.get("targetRevision")) else {
            continue;
        };
        let Some(version) = revision.text() else {
            continue;
        };
        let name = match text("chart") {
            Some(chart) => format!("chart `{chart}`"),
            // a branch is not a version that was proved
            None if floating(Some(version), &["HEAD"]) || version.contains(['*', '{']) => continue,
            None => format!("revision of `{url}`"),
        };
        let user = user(Some(resource), "");
        found.push(by_one_value(
            name,
            version.to_string(),
            revision.origin,
            user,
        ));
    }
}

fn user(resource: Option<&Resource>, place: &str) -> (String, String, String) {
    let id = resource.map(|resource| &resource.original);
    let kind = id.map(|id| id.kind.clone()).unwrap_or_default();
    let name = id.map(|id| id.name.clone()).unwrap_or_default();
    (kind, name, place.to_string())
}

/// The version of the earlier environment where production runs `used`, if it is another one.
pub(super) fn partner<'v>(
    used: &Running,
    earlier: &'v [Running],
    later: &[Running],
    environment: &str,
) -> Result<Option<&'v Running>, Refusal> {
    let alike: Vec<&Running> = earlier
        .iter()
        .filter(|other| used.is_called_like(other))
        .collect();
    let exact: Vec<&Running> = alike
        .iter()
        .copied()
        .filter(|other| other.name == used.name)
        .collect();
    let candidates = if exact.is_empty() { alike } else { exact };
    let versions: BTreeSet<&Version> = candidates.iter().map(|other| &other.version).collect();
    let found = match (candidates.first(), versions.len()) {
        (None, _) => return Ok(None),
        (Some(first), 1) => *first,
        // `api:v1` beside `api:v2` on purpose: only the same container of the same object counts
        _ => match candidates.iter().find(|other| other.user == used.user) {
            Some(found) => *found,
            None if versions.contains(&used.version) => return Ok(None),
            None => {
                let versions: Vec<String> = versions.iter().map(|one| one.to_string()).collect();
                return Err(Refusal::SeveralVersions {
                    name: used.name.clone(),
                    environment: environment.to_string(),
                    versions: versions.join(", "),
                });
            }
        },
    };
    let (own, new) = (&used.version, &found.version);
    let gains_digest = own.digest.is_none() && new.digest.is_some();
    if own.same(new) && !gains_digest {
        return Ok(None);
    }
    // two containers of production may be meant to run two versions
    let is_mixed = later.iter().any(|other| {
        other.is_called_like(used) && other.version != used.version && other.version.same(new)
    });
    if is_mixed && found.user != used.user {
        return Ok(None);
    }
    if own.digest.is_some() && new.digest.is_none() {
        return Err(Refusal::Unpinned {
            name: used.name.clone(),
            environment: environment.to_string(),
            tag: new.tag.clone().unwrap_or_else(|| "latest".to_string()),
        });
    }
    Ok(Some(found))
}
