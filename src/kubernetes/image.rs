//! Image references: `[registry/]repository[:tag][@digest]`.
//!
//! The colon of a registry's port is not a tag: `registry:5000/app` has none.

/// The parts of an image reference as written; nothing is filled in (`nginx` stays `nginx`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Image<'a> {
    /// Registry and repository: `registry:5000/team/app`.
    pub name: &'a str,
    /// Without `:`.
    pub tag: Option<&'a str>,
    /// Without `@`: `sha256:…`.
    pub digest: Option<&'a str>,
}

/// Why a text is not an image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It is empty or blank.
    #[error("it is empty")]
    Empty,
    /// A placeholder was not filled in: `${TAG}`, `<tag>`, `SHA`.
    #[error("`{0}` is a placeholder that was not replaced")]
    Placeholder(String),
    /// The name breaks the grammar of repositories.
    #[error("`{0}` is not a valid repository name")]
    Name(String),
    /// The tag breaks the grammar of tags.
    #[error("`{0}` is not a valid tag")]
    Tag(String),
    /// The digest is not an algorithm with as many hexadecimal digits as the algorithm gives.
    #[error("`{digest}` is not a valid digest: {reason}")]
    Digest {
        /// As written.
        digest: String,
        /// The problem.
        reason: String,
    },
}

/// Words that people write as placeholders.
const PLACEHOLDERS: &[&str] = &[
    "SHA",
    "TAG",
    "DIGEST",
    "VERSION",
    "IMAGE",
    "REPLACE",
    "REPLACEME",
    "REPLACE_ME",
    "REPLACE-ME",
    "CHANGEME",
    "CHANGE_ME",
    "CHANGE-ME",
    "PLACEHOLDER",
    "TODO",
    "FIXME",
    "TBD",
    "IMAGE_TAG",
    "IMAGE-TAG",
    "IMAGETAG",
    "GIT_SHA",
    "COMMIT_SHA",
    "IMAGE_NAME",
    "IMAGE_VERSION",
];

impl<'a> Image<'a> {
    /// Splits a reference without validating it.
    pub fn split(text: &'a str) -> Image<'a> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let colon = rest
            .get(last..)
            .and_then(|part| part.find(':'))
            .map(|at| last + at);
        match colon.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
            Some((name, tag)) => Image {
                name,
                tag: Some(tag),
                digest,
            },
            None => Image {
                name: rest,
                tag: None,
                digest,
            },
        }
    }

    /// Splits a reference and validates every part.
    pub fn parse(text: &'a str) -> Result<Image<'a>, ImageError> {
        if text.trim().is_empty() {
            return Err(ImageError::Empty);
        }
        if let Some(marker) = marker(text) {
            return Err(ImageError::Placeholder(marker.to_string()));
        }
        let image = Image::split(text);
        if let Some(word) = [image.tag, image.digest, Some(image.name)]
            .into_iter()
            .flatten()
            .find(|part| placeholder(part))
        {
            return Err(ImageError::Placeholder(word.to_string()));
        }
        let (registry, path) = image.registry_and_path();
        if registry.is_some_and(|registry| !valid_registry(registry))
            || !path.split('/').all(valid_component)
        {
            return Err(ImageError::Name(image.name.to_string()));
        }
        if let Some(tag) = image.tag.filter(|tag| !valid_tag(tag)) {
            return Err(ImageError::Tag(tag.to_string()));
        }
        if let Some(digest) = image.digest {
            valid_digest(digest).map_err(|reason| ImageError::Digest {
                digest: digest.to_string(),
                reason,
            })?;
        }
        Ok(image)
    }

    /// The registry and the repository in it. The first part of the name is a registry if it has a
    /// dot or a port, or is `localhost`.
    fn registry_and_path(&self) -> (Option<&'a str>, &'a str) {
        match self.name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first), rest)
            }
            _ => (None, self.name),
        }
    }

    /// The digest that somebody wrote as a tag, without its algorithm.
    pub fn digest_as_tag(&self) -> Option<&'a str> {
        self.tag
            .filter(|tag| tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// The last part of the name: `app` of `ghcr.io/acme/app`.
    pub fn short_name(&self) -> &'a str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

/// The first placeholder in a reference.
fn marker(text: &str) -> Option<&str> {
    for (open, close) in [
        ("${", "}"),
        ("$(", ")"),
        ("{{", "}}"),
        ("<", ">"),
        ("%%", "%%"),
        ("__", "__"),
    ] {
        let Some(start) = text.find(open) else {
            continue;
        };
        let rest = text.get(start + open.len()..).unwrap_or_default();
        if let Some(end) = rest.find(close).filter(|end| *end > 0) {
            let inner = rest.get(..end).unwrap_or_default();
            if open != "__" || inner.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
                return text.get(start..start + open.len() + end + close.len());
            }
        }
    }
    text.strip_prefix('$').map(|_| text)
}

fn placeholder(part: &str) -> bool {
    let word = part.strip_prefix("sha256:").unwrap_or(part);
    PLACEHOLDERS.contains(&word)
        || matches!(
            word.to_ascii_lowercase().as_str(),
            "changeme" | "replaceme" | "replace_me" | "replace-me" | "placeholder" | "todo"
        )
        || word.starts_with('$')
}

fn valid_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (registry, None),
    };
    !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':'))
        && port
            .is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case letters and digits, separated by one dot, one or two underscores, or dashes.
fn valid_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
    let separators = component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .filter(|s| !s.is_empty());
    let mut separators = separators;
    ends && separators.all(|separator| {
        matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    })
}

fn valid_tag(tag: &str) -> bool {
    let mut chars = tag.chars();
    tag.len() <= 128
        && chars
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn valid_digest(digest: &str) -> Result<(), String> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Err("it has no algorithm such as `sha256:`".into());
    };
    let expected = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(format!("unknown algorithm `{algorithm}`")),
    };
    if !hex
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err("it has characters outside 0-9 and a-f".into());
    }
    if hex.len() != expected {
        return Err(format!(
            "it has {} hexadecimal digits, but {algorithm} has {expected}",
            hex.len()
        ));
    }
    Ok(())
}

/// True if a tag floats, because it names no build or version: `latest`, `main`, `stable`,
/// `alpine` (of `nginx:alpine`), `pr-12`. `extra` adds the words of a team.
pub(crate) fn floating(tag: Option<&str>, extra: &[&str]) -> bool {
    let Some(tag) = tag else { return true };
    if extra.contains(&tag) {
        return true;
    }
    let lower = tag.to_ascii_lowercase();
    let pull_request = lower
        .strip_prefix("pr-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let commit = lower.len() >= 7 && lower.bytes().all(|byte| byte.is_ascii_hexdigit());
    pull_request
        || lower.split(['-', '_', '.']).any(|token| token == "latest")
        || (!commit && !lower.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_ports_tags_and_digests() {
        let split = |text| {
            let image = Image::split(text);
            (image.name, image.tag, image.digest)
        };
        assert_eq!(
            split("registry:5000/app"),
            ("registry:5000/app", None, None)
        );
        assert_eq!(
            split("registry:5000/team/app:1.2"),
            ("registry:5000/team/app", Some("1.2"), None)
        );
        assert_eq!(
            split("app:1@sha256:ab"),
            ("app", Some("1"), Some("sha256:ab"))
        );
        assert_eq!(
            split("ghcr.io/a/b@sha256:ab"),
            ("ghcr.io/a/b", None, Some("sha256:ab"))
        );
        assert_eq!(
            Image::split("registry:5000/team/app:1").registry_and_path(),
            (Some("registry:5000"), "team/app")
        );
        assert_eq!(
            Image::split("team/app").registry_and_path(),
            (None, "team/app")
        );
    }

    #[test]
    fn judges_references() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for good in [
            "nginx",
            "nginx:1.25",
            "localhost/a",
            "registry:5000/app",
            "a/b_c/d__e/f--g.h:V1_x",
            "ghcr.io/acme/api:pr-1",
            "version/tag:image",
        ] {
            assert!(Image::parse(good).is_ok(), "{good}");
        }
        assert!(Image::parse(&format!("app:1@{digest}")).is_ok());
        for bad in [
            "",
            " ",
            "app:${TAG}",
            "app:<tag>",
            "app:SHA",
            "app:{{ .Values.tag }}",
            "$(IMAGE)",
            "App:1",
            "a//b",
            "a b",
            "app:",
            "app:-x",
            "app@sha256:abc",
            "app@md5:abc",
            "app@0123",
            "https://ghcr.io/a/b:1",
            "app:REPLACE_ME",
            "app:__TAG__",
            "a/b/",
            "app:v1+2",
        ] {
            assert!(Image::parse(bad).is_err(), "{bad}");
        }
        assert!(
            Image::parse(&format!(
                "app@{}",
                digest.to_uppercase().replace("SHA", "sha")
            ))
            .is_err()
        );
    }

    #[test]
    fn tells_floating_from_version_tags() {
        for tag in [
            "latest",
            "main",
            "stable",
            "alpine",
            "stable-alpine",
            "3-latest",
            "pr-12",
            "production",
        ] {
            assert!(floating(Some(tag), &[]), "{tag}");
        }
        for tag in [
            "1.25",
            "v1",
            "1.25-alpine",
            "abcdefa",
            "main-0af3c1d-1700000000",
            "2024-01-01",
            "1e4f9c2",
        ] {
            assert!(!floating(Some(tag), &[]), "{tag}");
        }
        assert!(floating(None, &[]));
        assert!(floating(Some("v1"), &["v1"]));
    }

    #[test]
    fn fuzz_images() {
        let words = &[
            "registry.example.com",
            ":5000",
            "/",
            "app",
            ":",
            "1.2.3",
            "latest",
            "@",
            "sha256:",
            "0123456789abcdef",
            "-",
            "_",
            "__",
            ".",
            "A",
            "localhost",
            "[::1]",
        ];
        let examples = [
            "registry.example.com:5000/team/app:1.2.3",
            "app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ];
        crate::fuzz::run("images", &examples, words, |text| {
            let split = Image::split(text);
            if let Ok(image) = Image::parse(text) {
                // what is valid is made of its parts and nothing else
                let mut whole = image.name.to_string();
                image.tag.iter().for_each(|tag| whole += &format!(":{tag}"));
                image
                    .digest
                    .iter()
                    .for_each(|digest| whole += &format!("@{digest}"));
                assert_eq!(whole, text);
                assert_eq!(
                    (image.name, image.tag, image.digest),
                    (split.name, split.tag, split.digest)
                );
            }
            floating(split.tag, &[]);
        });
    }
}
