//! Why Argo CD refuses an ApplicationSet as a whole: two Applications of one name, a name that is
//! empty, a parameter that is missing, a `templatePatch` that is not YAML.

use std::collections::BTreeMap;

use super::super::mistakes::{Mistake, MistakeKind};
use super::super::name_of;
use super::super::repository::Identity;
use super::super::template::Parameters;
use crate::yaml::{Node, Origin};

/// Fields of an Application that must not contain a parameter without a value.
const NEEDED: &[&[&str]] = &[
    &["metadata", "name"],
    &["spec", "source", "path"],
    &["spec", "source", "targetRevision"],
    &["spec", "destination", "name"],
    &["spec", "destination", "server"],
    &["spec", "destination", "namespace"],
];

/// The review of one ApplicationSet.
pub(super) struct Review<'a> {
    name: String,
    /// True if all generators read this repository, so that their parameters are known.
    known: bool,
    strict: bool,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Review<'a> {
    pub(super) fn new(
        node: &Node,
        identity: &Identity,
        mistakes: &'a mut Vec<Mistake>,
    ) -> Review<'a> {
        let mut known = true;
        let generators = node.at(&["spec", "generators"]);
        for generator in generators.into_iter() {
            super::super::with_repository(generator, &mut |url, _| {
                known &= identity.is_certain(url);
            });
        }
        let options = node.at(&["spec", "goTemplateOptions"]);
        let options = options.map_or(&[][..], Node::items).iter();
        let strict = options
            .filter_map(Node::text)
            .any(|option| option == "missingkey=error");
        Review {
            name: name_of(node, "ApplicationSet"),
            known,
            strict,
            mistakes,
        }
    }

    fn refused(&mut self, origin: Origin, subject: &str, (message, help): (String, &str)) {
        let message = format!("{} {message}", self.name);
        self.mistakes.push(Mistake {
            kind: MistakeKind::Refused,
            origin,
            subject: subject.to_string(),
            message,
            help: help.to_string(),
            related: None,
        });
    }

    /// Looks for parameters of the template that have no value. `filled` is the Application that
    /// `template` makes.
    pub(super) fn template(&mut self, filled: &Node, template: &Node, parameters: &Parameters) {
        if parameters.open || !self.known {
            return;
        }
        if parameters.go {
            let mut texts = Vec::new();
            collect(template, &mut texts);
            for (text, origin) in texts {
                self.text(text, origin, parameters);
            }
            if self.strict {
                return;
            }
        }
        for path in NEEDED {
            let Some(node) = filled.at(path) else {
                continue;
            };
            let text = node.text().unwrap_or_default();
            let missing = if parameters.go { "<no value>" } else { "{{" };
            if text.contains(missing) {
                let message = format!(
                    "has a parameter without a value in `{}`, which becomes `{text}`",
                    path.join(".")
                );
                let help = "correct the name of the parameter, or add it to every element of the generators";
                self.refused(node.origin, text, (message, help));
            }
        }
    }

    /// Looks for a Go template that fails with known parameters.
    pub(super) fn text(&mut self, text: &str, origin: Origin, parameters: &Parameters) {
        if parameters.open || !parameters.go || !self.known {
            return;
        }
        if let Some(key) = parameters.missing(text).filter(|_| self.strict) {
            let message = format!(
                "uses parameter `{key}`, which is missing; with `missingkey=error` Argo CD changes none of its Applications"
            );
            let help =
                "correct the name of the parameter, or add it to every element of the generators";
            self.refused(origin, &key, (message, help));
        } else if let Some(reason) = parameters.failure(text) {
            let message = format!(
                "has a Go template that fails: {reason}; Argo CD changes none of its Applications"
            );
            let help = "correct the template, or give the parameter a value in every element";
            self.refused(origin, text, (message, help));
        }
    }

    /// What Argo CD refuses in the generators.
    pub(super) fn generators(&mut self, refused: Vec<(Origin, String)>) {
        for (origin, what) in refused {
            if self.known {
                let message = format!("{what}; Argo CD changes none of its Applications");
                let help = "correct the generators of the ApplicationSet";
                self.refused(origin, "generators", (message, help));
            }
        }
    }

    pub(super) fn broken_patch(&mut self, origin: Origin) {
        if self.known {
            let message = "has a `templatePatch` that is not valid YAML once its parameters are filled in; Argo CD changes none of its Applications";
            let help = "correct the indentation and the quotes in the patch";
            self.refused(origin, "templatePatch", (message.to_string(), help));
        }
    }

    /// Looks for names that are empty or that two Applications have.
    pub(super) fn names(&mut self, made: &[Node]) {
        if !self.known {
            return;
        }
        let mut counts: BTreeMap<(&str, &str), (usize, Origin)> = BTreeMap::new();
        for node in made {
            let Some(name) = node.at(&["metadata", "name"]) else {
                continue;
            };
            let namespace = node.at(&["metadata", "namespace"]).and_then(Node::text);
            let text = name.text().unwrap_or_default();
            if text.contains("{{") {
                continue;
            }
            let key = (namespace.unwrap_or_default(), text);
            counts.entry(key).or_insert((0, name.origin)).0 += 1;
        }
        for ((_, name), (count, origin)) in counts {
            let help = "make the name different for every element, as in `{{.path.basename}}`";
            if name.is_empty() {
                let message =
                    "gives an Application no name; Argo CD changes none of its Applications";
                self.refused(origin, name, (message.to_string(), help));
            } else if count > 1 {
                let message = format!(
                    "gives {count} Applications the name `{name}`; Argo CD changes none of its Applications"
                );
                self.refused(origin, name, (message, help));
            }
        }
    }
}

/// The texts and keys of a tree that contain a template.
fn collect<'n>(node: &'n Node, texts: &mut Vec<(&'n str, Origin)>) {
    if let Some(text) = node.as_str().filter(|text| text.contains("{{")) {
        texts.push((text, node.origin));
    }
    for entry in node.entries() {
        if entry.key.contains("{{") {
            texts.push((&entry.key, entry.key_origin));
        }
        collect(&entry.value, texts);
    }
    node.items().iter().for_each(|item| collect(item, texts));
}
