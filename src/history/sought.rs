//! Tells which commits cannot bring a version that a walk looks for, so that an overlay need not be
//! rendered before them. Most commits of a busy repo are of that kind: a bot writes a tag.
//!
//! A commit is passed over only if nothing but values of fields for images changes, line by line, and
//! no old value can be a part of the version, nor the version a part of it.

use super::VersionKey;
use crate::yaml::Kind;
use crate::yaml::scalar::resolve;

/// Fields whose values name images, and decide about nothing else.
const FIELDS: &[&str] = &["digest", "image", "imageTag", "newTag", "tag"];

/// The versions that are looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Sought(Vec<String>);

impl Sought {
    /// The texts of some versions.
    pub(super) fn new<'k>(keys: impl IntoIterator<Item = &'k VersionKey>) -> Sought {
        Sought(keys.into_iter().map(|key| plain(key.text())).collect())
    }

    /// True if the text of a file before a commit can bring one of the versions, or the commit changes
    /// more than versions.
    pub(super) fn may_be_in(&self, before: &str, after: &str) -> bool {
        let (mut old, mut new) = (before.lines(), after.lines());
        loop {
            match (old.next(), new.next()) {
                (None, None) => return false,
                (Some(old), Some(new)) if old == new => {}
                (Some(old), Some(new)) => match (field(old), field(new)) {
                    (Some((start, value)), Some((other, _)))
                        if start == other && !self.is_like(value) => {}
                    _ => return true,
                },
                _ => return true,
            }
        }
    }

    /// True if a value may become one of the versions. Charts add and replace single characters.
    fn is_like(&self, value: &str) -> bool {
        let value = plain(value);
        let mut sought = self.0.iter();
        sought.any(|sought| sought.contains(&value) || value.contains(sought.as_str()))
    }
}

/// The letters and digits of a text, in lower case.
fn plain(text: &str) -> String {
    let characters = text.chars().filter(|one| one.is_alphanumeric());
    characters.flat_map(char::to_lowercase).collect()
}

/// A line with a field for images: the text up to the value, and the value, if it is a whole one. A chart
/// takes its default instead of null, false and zero.
fn field(line: &str) -> Option<(&str, &str)> {
    let (start, rest) = line.split_once(": ")?;
    let key = start.trim_start().trim_start_matches("- ").trim_start();
    let value = rest.split(" #").next().unwrap_or(rest).trim();
    // anchors, tags, maps and texts of several lines are more than a value
    let is_plain = !value.starts_with(['&', '*', '!', '{', '[', '|', '>', '"', '\'']);
    let is_quoted = |quote: char| {
        let inside = value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        inside.is_some_and(|inside| !inside.contains([quote, '\\']))
    };
    let is_whole = is_plain || is_quoted('"') || is_quoted('\'');
    let is_empty = matches!(resolve(value), Kind::Null | Kind::Bool) || plain(value) == "0";
    (FIELDS.contains(&key) && is_whole && !is_empty).then_some((start, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Version;

    fn may_be_in(tag: &str, before: &str, after: &str) -> bool {
        let version = Version {
            tag: Some(tag.to_string()),
            digest: None,
        };
        Sought::new([&VersionKey::of("registry.example:5000/api", &version)])
            .may_be_in(before, after)
    }

    #[test]
    fn a_change_of_other_versions_is_passed_over() {
        for (before, after) in [
            ("newTag: v1.0.0", "newTag: v1.1.0"),
            (
                "images:\n- name: api\n  newTag: v1.0.0 # a comment",
                "images:\n- name: api\n  newTag: v1.1.0",
            ),
            ("  - image: api:v1", "  - image: api:v3"),
            ("same: v2.0.0", "same: v2.0.0"),
        ] {
            assert!(!may_be_in("v2.0.0", before, after), "{before}");
        }
    }

    #[test]
    fn what_may_bring_a_version_is_not() {
        for (before, after) in [
            // the version itself, and what a chart makes it from
            ("newTag: v2.0.0", "newTag: v2.1.0"),
            ("image: \"api:v2.0.0\"", "image: \"api:v2.1.0\""),
            ("tag: 2.0.0", "tag: 2.1.0"),
            ("tag: v2", "tag: v3"),
            ("tag: v2_0_0+build", "tag: v3"),
            ("tag: ''", "tag: v3"),
            // the chart's own default
            ("tag: null", "tag: v3"),
            ("tag: false", "tag: v3"),
            ("tag: 0", "tag: v3"),
            // other fields and lines
            ("version: v1.0.0", "version: v1.1.0"),
            ("- ../base", "- ../other"),
            ("tag: v1\nreplicas: 1", "tag: v3\nreplicas: 2"),
            ("tag: v1\n", "tag: v3\nresources: []\n"),
            ("newTag: v1.0.0", "digest: v1.1.0"),
            ("  newTag: v1.0.0", "newTag: v1.1.0"),
            // more than a value
            ("tag: |", "tag: >"),
            ("tag: &tag v1", "tag: v3"),
            ("tag: \"v1", "tag: \"v3"),
            ("tag: \"v1\\x2e0\"", "tag: v3"),
            ("tag:\n  v1", "tag:\n  v3"),
        ] {
            assert!(may_be_in("v2.0.0", before, after), "{before}");
        }
    }
}
