//! Takes secrets out of messages, wherever they come from: a rule that quotes an image or a URL, a
//! policy that builds a text, a mistake in the file of a Secret.
//!
//! Three things are hidden: the values of rendered Secrets, passwords inside of other text, and the
//! words that a code frame of the same line hides. Not here: comparisons (`compare`), which know
//! where a value stands.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::compare::secrets::{copied_words, hide_values};
use crate::finding::Finding;
use crate::kustomize::Resource;
use crate::rules::Context;
use crate::secrets::lines::HiddenLines;
use crate::secrets::words::{SHORTEST, Words, without_word};
use crate::secrets::{HIDDEN, without_passwords};
use crate::source::{Files, SourceFile};
use crate::yaml::scalar::base64;
use crate::yaml::{Node, Origin};

/// Finds words in the lines of a place.
type Search<'s> = dyn Fn(&SourceFile, Origin) -> Vec<Rc<BTreeSet<String>>> + 's;

/// The values of some Secrets.
#[derive(Default)]
pub(super) struct Scrub {
    words: Words,
    /// Those that were copied into other objects, which may be their names.
    copied: BTreeSet<String>,
}

impl Scrub {
    /// The values of the Secrets that the judged overlays render, and what was copied from them, also
    /// at the base. The places of the values are hidden in reports.
    pub(super) fn of(context: &Context<'_>) -> Scrub {
        let files = &context.repo.files;
        let (mut values, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut copied = BTreeSet::new();
        for overlay in context.judged() {
            let at_base = context.altered_at_base(overlay).into_iter();
            at_base
                .flat_map(|overlay| &overlay.rendered.resources)
                .for_each(|resource| copied_words(resource, &mut copied));
            names.insert(overlay.app.clone());
            for resource in &overlay.rendered.resources {
                copied_words(resource, &mut copied);
                if resource.kind() == "Secret" {
                    hide_values(resource, files);
                    add(resource, &mut values);
                } else if resource.previous.is_empty() && !has_copied_name(resource) {
                    names.insert(resource.name().to_string());
                }
            }
        }
        copied.retain(|word| !names.contains(word));
        values.retain(|value| !names.contains(value));
        values.extend(copied.iter().cloned());
        Scrub {
            words: Words::new(&values),
            copied,
        }
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
                    hide_word(text, word);
                }
            }
            if let Some(help) = &mut finding.help {
                self.text(help);
                hidden.iter().for_each(|word| hide_in_quotes(help, word));
            }
            self.identity(finding);
        }
    }

    fn text(&self, text: &mut String) {
        if let Cow::Owned(shown) = without_passwords(text) {
            *text = shown;
        }
        self.words.hide_in(text);
    }

    /// Hides what was copied from a Secret into the names of the object of a finding.
    fn identity(&self, finding: &mut Finding) {
        if self.copied.is_empty() {
            return;
        }
        if let Some(id) = &mut finding.resource {
            let names = [&mut id.kind, &mut id.name].into_iter();
            names
                .chain(&mut id.namespace)
                .filter(|name| self.copied.contains(*name))
                .for_each(|name| *name = HIDDEN.to_string());
        }
        finding
            .path
            .iter_mut()
            .for_each(|path| self.words.hide_in(path));
    }
}

fn hide_word(text: &mut String, word: &str) {
    if let Some(hidden) = without_word(text, word) {
        *text = hidden;
    }
}

/// True if the name of an object was copied from a Secret.
fn has_copied_name(resource: &Resource) -> bool {
    let name = resource.node.at(&["metadata", "name"]);
    name.is_some_and(Node::is_from_secret)
}

/// Hides a word where it is quoted: the other words of an advice are our own, such as `only`.
fn hide_in_quotes(text: &mut String, word: &str) {
    for quote in ['`', '"'] {
        let parts = text.split(quote).enumerate();
        let parts = parts.map(|(at, part)| match at % 2 {
            0 => Cow::Borrowed(part),
            _ => without_word(part, word).map_or(Cow::Borrowed(part), Cow::Owned),
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
