//! The secret values of a release. What the templates make of them is secret as well, in objects and
//! in the messages of templates that fail.

use std::collections::BTreeSet;

use crate::kustomize::Problem;
use crate::secrets::lines::text_shown;
use crate::secrets::words::{SHORTEST, Words, forms};
use crate::secrets::{is_open, is_secret_name, names_secret_value};
use crate::yaml::{FileId, Kind, Node, Origin};

/// The values whose names say that they are secret: `password`, `clientSecret`.
#[derive(Default)]
pub(super) struct SecretValues {
    places: BTreeSet<(FileId, u32, u32)>,
    /// The texts, in the forms in which templates print them.
    forms: BTreeSet<String>,
}

impl SecretValues {
    /// The secrets among the values of a release.
    pub(super) fn of(values: &Node) -> SecretValues {
        let mut secrets = SecretValues::default();
        secrets.search(values);
        secrets
    }

    fn search(&mut self, node: &Node) {
        let name = node.get("name").and_then(Node::text);
        let is_named = name.is_some_and(names_secret_value);
        for entry in node.entries() {
            if is_secret_value(&entry.key) || (&*entry.key == "value" && is_named) {
                self.note(&entry.value);
            }
            self.search(&entry.value);
        }
        node.items().iter().for_each(|item| self.search(item));
    }

    fn note(&mut self, node: &Node) {
        let text = node.as_scalar().filter(|text| text.kind == Kind::String);
        if let Some(text) = text.filter(|text| !is_open(&text.text)) {
            self.places.insert(key(node.origin));
            if text.text.len() >= SHORTEST {
                self.forms.extend(forms(&text.text));
            }
        }
    }

    /// A problem that does not quote a secret.
    pub(super) fn conceal(&self, mut problem: Problem) -> Problem {
        if !self.forms.is_empty() {
            let words = Words::new(&self.forms);
            words.hide_in(&mut problem.message);
            problem.help.iter_mut().for_each(|help| words.hide_in(help));
            let related = problem.related.iter_mut();
            related.for_each(|(label, _)| words.hide_in(label));
        }
        problem
    }

    /// True if a text that values went into tells a secret: it was made of nothing else, or contains
    /// one in some form. A checksum of many values tells none of them.
    pub(super) fn told_by(&self, printed: &str, inputs: &[Origin]) -> bool {
        let is_secret = |origin: &Origin| self.places.contains(&key(*origin));
        if self.places.is_empty() || printed.trim().is_empty() || !inputs.iter().any(is_secret) {
            return false;
        }
        let is_form = |form: &String| {
            let is_part = printed.len() >= SHORTEST && form.starts_with(printed);
            is_part || printed.contains(form.as_str())
        };
        inputs.len() == 1 || self.forms.iter().any(is_form)
    }

    /// True if a part of a text is still there after the lines of passwords were hidden.
    pub(super) fn is_shown(whole: &str, part: &str) -> bool {
        text_shown(whole).contains(part.trim())
    }
}

fn key(origin: Origin) -> (FileId, u32, u32) {
    (origin.file, origin.start, origin.end)
}

/// True if the value of this name is a secret, and not the name of one: `secret` and `authSecret` name
/// an object in many charts.
fn is_secret_value(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_text = ["client", "shared", "app", "consumer", "webhook"]
        .iter()
        .any(|whose| lower.contains(whose));
    names_secret_value(name) && (!lower.ends_with("secret") || (is_text && is_secret_name(name)))
}
