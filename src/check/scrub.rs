//! Takes secrets out of messages, wherever they come from: a rule that quotes an image or a URL, a
//! policy that builds a text, a mistake in the file of a Secret.
//!
//! Three things are hidden: the values of rendered Secrets, passwords inside of other text, and the
//! words that a code frame of the same line hides. Not here: comparisons (`compare`), which know
//! where a value stands.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::compare::secrets::hide_values;
use crate::finding::Finding;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::secrets::lines::HiddenLines;
use crate::secrets::{HIDDEN, without_passwords};
use crate::source::{Files, SourceFile};
use crate::yaml::scalar::base64;
use crate::yaml::{Node, Origin};

/// The shortest value that is looked for. Shorter ones are part of many words.
const SHORTEST: usize = 6;

/// Finds words in the lines of a place.
type Search<'s> = dyn Fn(&SourceFile, Origin) -> Vec<Rc<BTreeSet<String>>> + 's;

/// The values of some Secrets. They may be megabytes of text that differ in their last letter, so they
/// are looked up and not compiled into an automaton.
#[derive(Default)]
pub(super) struct Scrub {
    /// In the order of their bytes.
    values: Vec<String>,
    /// For each value the longest other one that it begins with.
    shorter: Vec<Option<usize>>,
    /// The first bytes of the values.
    starts: HashSet<[u8; SHORTEST]>,
}

impl Scrub {
    /// The values of the Secrets that overlays render. Their places are hidden in reports.
    pub(super) fn of<'r>(overlays: impl Iterator<Item = &'r Overlay>, files: &Files) -> Scrub {
        let (mut values, mut names) = (BTreeSet::new(), BTreeSet::new());
        for overlay in overlays {
            names.insert(overlay.app.clone());
            for resource in &overlay.rendered.resources {
                if resource.kind() == "Secret" {
                    hide_values(resource, files);
                    add(resource, &mut values);
                } else if resource.previous.is_empty() {
                    names.insert(resource.name().to_string());
                }
            }
        }
        values.retain(|value| !names.contains(value));
        Scrub::new(values)
    }

    fn new(values: BTreeSet<String>) -> Scrub {
        let values: Vec<String> = values.into_iter().collect();
        let mut shorter = Vec::with_capacity(values.len());
        let mut before: Option<usize> = None;
        for (index, value) in values.iter().enumerate() {
            while let Some(other) = before
                && !value.starts_with(&values[other])
            {
                before = shorter.get(other).copied().flatten();
            }
            shorter.push(before);
            before = Some(index);
        }
        let starts = values
            .iter()
            .filter_map(|value| value.as_bytes().first_chunk());
        Scrub {
            starts: starts.copied().collect(),
            values,
            shorter,
        }
    }

    /// The longest value that a text begins with.
    fn at_start(&self, text: &[u8]) -> Option<&str> {
        let start = text
            .first_chunk()
            .filter(|start| self.starts.contains(*start));
        start?;
        let until = self
            .values
            .partition_point(|value| value.as_bytes() <= text);
        // all that the text begins with are among the values that this one begins with
        let mut found = until.checked_sub(1);
        while let Some(index) = found {
            let value = self.values.get(index)?;
            if text.starts_with(value.as_bytes()) {
                return Some(value);
            }
            found = self.shorter.get(index).copied().flatten();
        }
        None
    }

    /// The text without values.
    fn without_values<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let bytes = text.as_bytes();
        let (mut shown, mut from, mut at) = (String::new(), 0, 0);
        while at + SHORTEST <= bytes.len() && !self.values.is_empty() {
            match bytes.get(at..).and_then(|rest| self.at_start(rest)) {
                Some(value) => {
                    shown.push_str(text.get(from..at).unwrap_or_default());
                    shown.push_str(HIDDEN);
                    at += value.len();
                    from = at;
                }
                None => at += 1,
            }
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        shown.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(shown)
    }

    /// Hides the values in the texts of findings.
    pub(super) fn apply(&self, findings: &mut [Finding], files: &Files) {
        let lines = HiddenLines::default();
        for finding in findings {
            let related = finding.related.iter().map(|related| related.origin);
            let places: Vec<Origin> = std::iter::once(finding.origin).chain(related).collect();
            let at = |find: &Search<'_>| -> Vec<Rc<BTreeSet<String>>> {
                let found = places.iter();
                let found = found.flat_map(|place| find(&files.get(place.file), *place));
                found.collect()
            };
            let words = at(&|file, place| lines.hidden_at(file, place));
            let words = words.iter().flat_map(|words| words.iter());
            let mut hidden: Vec<&str> = words.map(String::as_str).collect();
            if !hidden.is_empty() {
                // what the report shows beside the message is no secret
                let shown = at(&|file, place| lines.shown_at(file, place));
                let public = public(finding);
                hidden.retain(|word| {
                    let is_shown = shown.iter().any(|words| words.contains(*word));
                    !is_shown && !public.iter().any(|text| text.contains(word))
                });
            }
            // a longer word may contain a shorter one
            hidden.sort_by_key(|word| std::cmp::Reverse(word.len()));
            let related = finding.related.iter_mut();
            let related = related.map(|related| &mut related.message);
            for text in [&mut finding.message].into_iter().chain(related) {
                self.text(text);
                for word in &hidden {
                    *text = text.replace(word, HIDDEN);
                }
            }
            if let Some(help) = &mut finding.help {
                self.text(help);
                hidden.iter().for_each(|word| hide_in_quotes(help, word));
            }
        }
    }

    fn text(&self, text: &mut String) {
        if let Cow::Owned(shown) = without_passwords(text) {
            *text = shown;
        }
        if let Cow::Owned(shown) = self.without_values(text) {
            *text = shown;
        }
    }
}

/// Hides a word where it is quoted: the other words of an advice are our own, such as `only`.
fn hide_in_quotes(text: &mut String, word: &str) {
    for quote in ['`', '"'] {
        let parts = text.split(quote).enumerate();
        let parts = parts.map(|(at, part)| match at % 2 {
            0 => Cow::Borrowed(part),
            _ => Cow::Owned(part.replace(word, HIDDEN)),
        });
        *text = parts.collect::<Vec<_>>().join(&quote.to_string());
    }
}

/// The texts of a finding that are no secrets, even if words of one are in them: the name of its object,
/// and the path to its value.
fn public(finding: &Finding) -> Vec<String> {
    let object = finding.resource.iter();
    let object = object.flat_map(|id| [Some(&id.name), Some(&id.kind), id.namespace.as_ref()]);
    let path = finding.path.iter();
    object.flatten().chain(path).cloned().collect()
}

/// Adds the values of a Secret, as they are and as they are written.
fn add(resource: &Resource, values: &mut BTreeSet<String>) {
    for (field, encoded) in [("data", true), ("stringData", false)] {
        let entries = resource.node.get(field).map_or(&[][..], Node::entries);
        for text in entries.iter().filter_map(|entry| entry.value.text()) {
            let decoded = || String::from_utf8(base64(text.trim())?).ok();
            let plain = if encoded { decoded() } else { None };
            for text in [Some(text.to_string()), plain].into_iter().flatten() {
                let lines = text.lines().map(str::trim);
                values.extend(lines.filter(|line| is_telling(line)).map(str::to_string));
            }
        }
    }
}

/// True if a value can hardly be an ordinary word: `hunter2-eu`, not `postgres` or `5432`.
fn is_telling(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    value.len() >= SHORTEST
        && !value.starts_with("ENC[")
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_value_is_hidden_wherever_it_stands() {
        let values = [
            "hunter2",
            "hunter2-eu",
            "hunter2-eu-west",
            "hunter3",
            "pässwort1",
        ];
        let scrub = Scrub::new(values.iter().map(ToString::to_string).collect());
        for (text, shown) in [
            ("nothing of it: hunter", "nothing of it: hunter"),
            ("hunter2", "*"),
            ("xhunter2-e, hunter2-eu-wes", "x*-e, *-wes"),
            ("hunter2-eu-westhunter3hunter4", "**hunter4"),
            ("é pässwort1é", "é *é"),
        ] {
            assert_eq!(
                scrub.without_values(text),
                shown.replace('*', HIDDEN),
                "{text}"
            );
        }
        assert_eq!(Scrub::default().without_values("hunter2"), "hunter2");
    }
}
