//! Versions as records write them.

use super::words::plain;
use crate::kubernetes::image::Image;
use crate::yaml::Origin;

/// A version as a record writes it.
#[derive(Default)]
pub(super) struct Version {
    pub(super) image: Option<String>,
    pub(super) tag: Option<(String, Origin)>,
    pub(super) digest: Option<(String, Origin)>,
}

impl Version {
    /// Reads `1.2.3`, `1.2.3@sha256:…`, `@abc…`, `registry/api:1.2.3` or a digest. Any other text
    /// gives an empty version.
    pub(super) fn read(text: &str, origin: Origin) -> Version {
        let text = plain(text).split_whitespace().next().unwrap_or_default();
        let is_hex =
            |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_digest = |text: &str| is_hex(text.rsplit(':').next().unwrap_or_default());
        let tag = |tag: &str| (!tag.is_empty() && tag != "-").then(|| (tag.to_string(), origin));
        if let Some(digest) = text
            .strip_prefix('@')
            .or_else(|| text.starts_with("sha256:").then_some(text))
        {
            return Version {
                digest: is_digest(digest).then(|| (digest.to_string(), origin)),
                ..Version::default()
            };
        }
        if text.contains('/') {
            let image = Image::split(text);
            return Version {
                image: Some(image.name.to_string()),
                tag: image.tag.and_then(tag),
                digest: image.digest.map(|digest| (digest.to_string(), origin)),
            };
        }
        let (name, digest) = text
            .split_once('@')
            .map_or((text, None), |(name, digest)| (name, Some(digest)));
        if !name.bytes().any(|byte| byte.is_ascii_digit()) || name.contains(':') {
            return Version::default();
        }
        let digest = digest
            .filter(|digest| is_digest(digest))
            .map(|digest| (digest.to_string(), origin));
        Version {
            image: None,
            tag: tag(name),
            digest,
        }
    }
}
