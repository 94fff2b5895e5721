//! The images, charts and bases that an overlay runs, and when two versions are the same build.

use std::collections::{BTreeMap, BTreeSet};

use crate::kubernetes::image::Image;
use crate::kubernetes::{DeclaredField, artifact, image_use};
use crate::kustomize::Rendered;
use crate::repo::Repo;
use crate::source::Files;

/// Tag and digest of an image: the part that a promotion changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The tag, without `:`.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

impl Version {
    /// True if two versions are the same build: by digest where both have one, else by tag.
    pub fn same(&self, other: &Version) -> bool {
        match (&self.digest, &other.digest) {
            (Some(one), Some(other)) => one == other,
            _ => self.tag == other.tag,
        }
    }
}

impl Version {
    /// The tag and digest of a reference.
    pub fn of(image: &Image<'_>) -> Version {
        Version {
            tag: image.tag.map(str::to_string),
            digest: image.digest.map(str::to_string),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => write!(formatter, "{tag}@{digest}"),
            (Some(tag), None) => formatter.write_str(tag),
            (None, Some(digest)) => formatter.write_str(digest),
            (None, None) => formatter.write_str("latest"),
        }
    }
}

/// The versions that an overlay runs, usually one for each name. The key is the name of an image
/// without tag and digest, or the name of a chart or remote base as messages write it.
pub type Images = BTreeMap<String, BTreeSet<Version>>;

/// The images of an overlay (in its containers and in the values of Helm charts), and its charts,
/// OCI artifacts and remote bases with their versions.
pub fn images(rendered: &Rendered, repo: &Repo) -> Images {
    images_in(rendered, &repo.files, &repo.image_fields)
}

/// The same for a rendering of another revision, with the files that it was rendered from.
pub(super) fn images_in(rendered: &Rendered, files: &Files, declared: &[DeclaredField]) -> Images {
    let mut found = Images::new();
    for used in image_use::of_all(rendered, files, declared) {
        let image = used.image();
        // `image: {repository: api}` without a tag: the chart decides the version
        if used.tag_known || image.digest.is_some() {
            let version = Version::of(&image);
            found.entry(used.name).or_default().insert(version);
        }
    }
    for artifact in artifact::of(rendered) {
        let version = Version {
            tag: Some(artifact.version),
            digest: None,
        };
        found.entry(artifact.name).or_default().insert(version);
    }
    found
}

/// The key for finding a version in the history: its digest, or its tag together with the last part
/// of the image name, because many images have a tag `v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionKey(String);

impl VersionKey {
    /// The key of a version of an image.
    pub fn of(name: &str, version: &Version) -> VersionKey {
        match (&version.digest, &version.tag) {
            (Some(digest), _) => VersionKey::of_digest(digest),
            (None, tag) => VersionKey::of_tag(name, tag.as_deref().unwrap_or_default()),
        }
    }

    /// The key of a digest. It needs no name.
    pub fn of_digest(digest: &str) -> VersionKey {
        VersionKey(digest.to_string())
    }

    /// The digits of the digest, or the tag; empty for an image without one.
    pub(super) fn text(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }

    fn of_tag(name: &str, tag: &str) -> VersionKey {
        let short = name.rsplit('/').next().unwrap_or(name);
        VersionKey(format!("{short}:{tag}"))
    }

    /// The keys of all versions of an image that are running: those of digests and of tags.
    pub fn all_of<'v>(
        name: &'v str,
        versions: &'v BTreeSet<Version>,
    ) -> impl Iterator<Item = VersionKey> + 'v {
        versions.iter().flat_map(move |version| {
            let tag = version.tag.iter().map(|tag| VersionKey::of_tag(name, tag));
            let digest = version.digest.iter();
            digest
                .map(|digest| VersionKey::of_digest(digest))
                .chain(tag)
        })
    }
}

impl std::fmt::Display for VersionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// True if both run an image in the same version. The registry does not matter:
/// `ghcr.io/acme/api:v1` and `mirror.acme.example/api:v1` are the same.
pub fn share_version(some: &Images, others: &Images) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
    some.iter().any(|(name, versions)| {
        let alike = others.iter().filter(|(other, _)| last(other) == last(name));
        alike
            .flat_map(|(_, others)| others)
            .any(|other| versions.iter().any(|version| version.same(other)))
    })
}
