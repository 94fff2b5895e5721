//! Puts a new version in the place of an old one in the text of a value.

use crate::history::Version;

/// `@sha256:…` and `:v1`, as they end an image reference.
fn suffix(version: &Version) -> String {
    let tag = version.tag.iter().map(|tag| format!(":{tag}"));
    let digest = version.digest.iter().map(|digest| format!("@{digest}"));
    tag.chain(digest).collect()
}

/// A value with another version: a whole reference, its tag, its digest, `ref=v1` of a URL, or
/// `TAG=v1`. `None` if the value does not end in the old version.
pub(super) fn version(text: &str, before: &Version, after: &Version) -> Option<String> {
    let whole = suffix(before);
    if let Some(name) = text
        .strip_suffix(whole.as_str())
        .filter(|_| !whole.is_empty())
    {
        // `v1@sha256:…` in a tag has no colon before it
        return Some(format!("{name}{}", suffix(after)));
    }
    if let (Some(old), Some(new)) = (&before.tag, &after.tag) {
        let bare = |version: &Version, tag: &str| match &version.digest {
            Some(digest) => format!("{tag}@{digest}"),
            None => tag.to_string(),
        };
        let (from, to) = (bare(before, old), bare(after, new));
        if text == from {
            return Some(to);
        }
        if text == old {
            return Some(new.clone());
        }
        if let Some(start) = text
            .strip_suffix(old.as_str())
            .filter(|start| start.ends_with('='))
        {
            return Some(format!("{start}{new}"));
        }
        for key in ["ref=", "version="] {
            let (from, to) = (format!("{key}{old}"), format!("{key}{new}"));
            if text.matches(&from).count() == 1 && text.contains('?') {
                return Some(text.replacen(&from, &to, 1));
            }
        }
    }
    match (&before.digest, &after.digest) {
        (Some(old), Some(new)) if text.ends_with(old.as_str()) => {
            Some(format!("{}{new}", &text[..text.len() - old.len()]))
        }
        // `tag: v1` beside a digest elsewhere
        _ => None,
    }
}

/// True if a promotion explains that a value changed: it holds the new version where it held the
/// old one.
pub(super) fn explains(old: &str, new: &str, before: &Version, after: &Version) -> bool {
    version(old, before, after).as_deref() == Some(new)
        || pinned(old, before, after).as_deref() == Some(new)
        || explains_lines(old, new, before, after)
}

/// The same for a text of several lines, such as the values of a chart.
fn explains_lines(old: &str, new: &str, before: &Version, after: &Version) -> bool {
    let parts = [(&before.tag, &after.tag), (&before.digest, &after.digest)];
    let is_same = |(one, other): (&str, &str)| {
        let replaced = |(from, to): &(&Option<String>, &Option<String>)| {
            let (from, to) = (
                from.as_deref().unwrap_or_default(),
                to.as_deref().unwrap_or_default(),
            );
            !from.is_empty() && one.replacen(from, to, 1) == other
        };
        one == other || parts.iter().any(replaced)
    };
    old.contains('\n')
        && old.split("\n").count() == new.split("\n").count()
        && old.lines().zip(new.lines()).all(is_same)
}

/// An image that names no version.
fn pinned(text: &str, before: &Version, after: &Version) -> Option<String> {
    let bare = before.tag.is_none() && before.digest.is_none();
    (bare && !text.contains([':', '@'])).then(|| format!("{text}{}", suffix(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: &str, digest: &str) -> Version {
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_string());
        Version {
            tag: filled(tag),
            digest: filled(digest),
        }
    }

    #[test]
    fn versions_are_replaced_where_they_stand() {
        let (before, after) = (of("v1", "sha256:a1"), of("v2", "sha256:b2"));
        for (old, new) in [
            (
                "registry:5000/api:v1@sha256:a1",
                "registry:5000/api:v2@sha256:b2",
            ),
            ("v1@sha256:a1", "v2@sha256:b2"),
            ("v1", "v2"),
            ("sha256:a1", "sha256:b2"),
            ("API=v1", "API=v2"),
        ] {
            assert_eq!(version(old, &before, &after).as_deref(), Some(new), "{old}");
        }
        let (before, after) = (of("v1", ""), of("v2", "sha256:b2"));
        assert_eq!(
            version("api:v1", &before, &after).as_deref(),
            Some("api:v2@sha256:b2")
        );
        assert_eq!(
            version("https://x.example/a?ref=v1", &before, &of("v2", "")).as_deref(),
            Some("https://x.example/a?ref=v2")
        );
        for text in ["v10", "other:v3", "v1-alpine", ""] {
            assert_eq!(version(text, &before, &after), None, "{text}");
        }
    }
}
