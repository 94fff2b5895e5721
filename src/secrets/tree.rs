//! Finds the values of Secrets in the tree of a file: also in patches, lists and texts that hold
//! YAML themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::source::SourceFile;
use crate::yaml::read::{read, read_embedded};
use crate::yaml::{Kind, Node, Origin};

use super::words::words;
use super::{
    AROUND, is_open, is_secret_name, is_secret_object, names_secret_value, secret_arguments,
    without_passwords,
};

/// Keys of an entry of `secretGenerator` that hold no value.
const GENERATOR: [&str; 10] = [
    "name",
    "namespace",
    "behavior",
    "type",
    "options",
    "files",
    "envs",
    "env",
    "kvSources",
    "metadata",
];
/// The depth to which texts may hold YAML in texts.
const DEPTH: usize = 4;

/// The bytes of a file that must not be shown, in no order; `None` if it has no tree.
pub(super) fn spans(file: &SourceFile) -> Option<Vec<(u32, u32)>> {
    if super::text::is_env_file(&file.path) {
        return None;
    }
    let documents = read(&file.text, file.id).ok()?;
    if documents
        .documents
        .iter()
        .all(|document| document.as_scalar().is_some())
        && !documents.documents.is_empty()
    {
        return None;
    }
    let mut search = Search {
        text: &file.text,
        spans: Vec::new(),
        objects: Vec::new(),
        depth: 0,
    };
    for document in &documents.documents {
        search.node(document);
    }
    for comment in documents.comments {
        search.comment(comment);
    }
    Some(search.spans)
}

struct Search<'a> {
    text: &'a str,
    spans: Vec<(u32, u32)>,
    /// The bytes of Secrets, in which comments are hidden as well.
    objects: Vec<(u32, u32)>,
    depth: usize,
}

impl Search<'_> {
    fn node(&mut self, node: &Node) {
        match (node.as_map(), node.as_list()) {
            (Some(_), _) => self.map(node),
            (_, Some(_)) => self.list(node),
            _ => self.scalar(node),
        }
    }

    fn map(&mut self, node: &Node) {
        let kind = node.get("kind").and_then(Node::text);
        match kind {
            Some("Secret") if is_secret_object(node) => return self.secret(node),
            Some("SecretList") => {
                let items = node.get("items").map_or(&[][..], Node::items);
                return items.iter().for_each(|item| self.secret(item));
            }
            Some("SecretGenerator") => self.generator(node),
            _ => {}
        }
        self.operation(node);
        let target = node.at(&["target", "kind"]).and_then(Node::text);
        let named = ["name", "key"]
            .iter()
            .filter_map(|key| node.get(key).and_then(Node::text))
            .any(names_secret_value);
        for entry in node.entries() {
            match &*entry.key {
                "value" if named => self.hide(&entry.value),
                "secretGenerator" => {
                    let items = entry.value.items();
                    items.iter().for_each(|item| self.generator(item));
                }
                "configMapGenerator" => self.literals(&entry.value),
                "patch" if target == Some("Secret") => self.patch(&entry.value),
                key if names_secret_value(key)
                    && entry
                        .value
                        .as_scalar()
                        .is_some_and(|scalar| !matches!(scalar.kind, Kind::Bool | Kind::Null)) =>
                {
                    self.hide(&entry.value);
                }
                _ => self.node(&entry.value),
            }
        }
    }

    fn list(&mut self, node: &Node) {
        let secrets = secret_arguments(node);
        for (index, item) in node.items().iter().enumerate() {
            match secrets.contains(&index) {
                true => self.hide(item),
                false => self.node(item),
            }
        }
    }

    /// A text may have passwords in it, and hold YAML itself.
    fn scalar(&mut self, node: &Node) {
        let text = node.raw();
        if let Cow::Owned(shown) = without_passwords(text) {
            self.hide_words(node, &shown);
        }
        let may = text.contains('\n') || text.starts_with(['{', '[']);
        if !may || !(text.contains("ecret") || text.contains("ata")) {
            return;
        }
        if self.depth == DEPTH {
            return self.hide(node);
        }
        match read_embedded(node, self.text) {
            Ok(documents) => {
                self.depth += 1;
                documents
                    .documents
                    .iter()
                    .for_each(|inner| self.node(inner));
                documents
                    .comments
                    .into_iter()
                    .for_each(|comment| self.comment(comment));
                self.depth -= 1;
            }
            Err(_) if text.contains("Secret") || text.contains("stringData") => self.hide(node),
            Err(_) => {}
        }
    }

    /// Remembers an object whose comments are hidden as well.
    fn object(&mut self, node: &Node) {
        if let (Some(first), Some(last)) = (node.entries().first(), node.entries().last()) {
            let end = last.value.origin.end.max(node.origin.end);
            self.objects
                .push((first.key_origin.start.min(node.origin.start), end));
        }
    }

    /// A Secret: everything but its identity is hidden.
    fn secret(&mut self, node: &Node) {
        self.object(node);
        for entry in node.entries() {
            if !AROUND.contains(&&*entry.key) {
                self.hide(&entry.value);
            } else if let Some(annotations) = entry.value.get("annotations") {
                let applied = "kubectl.kubernetes.io/last-applied-configuration";
                annotations
                    .get(applied)
                    .into_iter()
                    .for_each(|text| self.hide(text));
            }
        }
    }

    /// An entry of `secretGenerator`.
    fn generator(&mut self, node: &Node) {
        self.object(node);
        for entry in node.entries() {
            if !GENERATOR.contains(&&*entry.key) && !AROUND.contains(&&*entry.key) {
                self.assignments(&entry.value);
            }
        }
    }

    /// `KEY=value`, one or several: the value is hidden.
    fn assignments(&mut self, node: &Node) {
        if let Some(text) = node.text() {
            let written = self.slice(node.origin);
            let key = text.split_once('=').map_or(0, |(key, _)| key.len());
            match written.split_once('=') {
                Some((before, _)) if key > 0 && !text.contains('\n') => {
                    let start = node.origin.start + before.len() as u32 + 1;
                    self.spans.push((start, node.origin.end));
                }
                _ => self.hide(node),
            }
        }
        node.items().iter().for_each(|item| self.assignments(item));
        node.entries()
            .iter()
            .for_each(|entry| self.assignments(&entry.value));
    }

    /// The entries of `configMapGenerator`: the values of variables that sound secret.
    fn literals(&mut self, node: &Node) {
        for literals in node
            .items()
            .iter()
            .filter_map(|entry| entry.get("literals"))
        {
            for literal in literals.items() {
                let key = literal.text().and_then(|text| text.split_once('='));
                if key.is_some_and(|(key, _)| is_secret_name(key)) {
                    self.assignments(literal);
                }
            }
        }
    }

    /// An operation of a JSON patch that sets data of an object that may be a Secret.
    fn operation(&mut self, node: &Node) {
        let path = node.get("path").and_then(Node::text).unwrap_or_default();
        let data = ["/stringData", "/data"].iter().any(|field| {
            path.strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let named = path.rsplit('/').next().is_some_and(is_secret_name);
        if let (true, Some(value)) = (
            node.get("op").is_some() && (data || named),
            node.get("value"),
        ) {
            self.hide(value);
        }
    }

    /// The text of a patch whose target is a Secret.
    fn patch(&mut self, node: &Node) {
        let Ok(documents) = read_embedded(node, self.text) else {
            return self.hide(node);
        };
        for document in &documents.documents {
            for operation in document.items() {
                operation
                    .get("value")
                    .into_iter()
                    .for_each(|value| self.hide(value));
            }
            if document.as_map().is_some() {
                self.secret(document);
            }
        }
    }

    /// Hides the words of a text that another one lacks. If they are written in another way, such as
    /// with escapes, the whole text is hidden.
    fn hide_words(&mut self, node: &Node, shown: &str) {
        let written = self.slice(node.origin).to_string();
        let known: BTreeSet<&str> = words(shown).collect();
        let hidden = words(node.raw()).filter(|word| !known.contains(word));
        let mut found = Vec::new();
        let is_found = |word: &str, found: &mut Vec<(u32, u32)>| {
            let before = found.len();
            let places = written.match_indices(word);
            let start = |at: usize| node.origin.start + at as u32;
            found.extend(places.map(|(at, _)| (start(at), start(at + word.len()))));
            found.len() > before
        };
        let mut all = true;
        for word in hidden {
            all &= is_found(word, &mut found);
        }
        match all && !found.is_empty() {
            true => self.spans.extend(found),
            false => self.hide(node),
        }
    }

    /// Hides every scalar.
    fn hide(&mut self, node: &Node) {
        if node.as_scalar().is_some() && !is_open(node.raw()) {
            self.spans.push((node.origin.start, node.origin.end));
        }
        node.items().iter().for_each(|item| self.hide(item));
        for entry in node.entries() {
            self.hide(&entry.value);
        }
    }

    /// A comment in a Secret, or at the end of a line of it.
    fn comment(&mut self, comment: Origin) {
        let inside = |(start, end): &(u32, u32)| {
            let between = self.text.get(*end as usize..comment.start as usize);
            *start <= comment.start && between.is_none_or(|text| !text.contains('\n'))
        };
        let text = self.slice(comment);
        let ours = text
            .trim_start_matches(['#', ' '])
            .starts_with("gitops-lint");
        if !ours && self.objects.iter().any(inside) {
            self.spans.push((comment.start + 1, comment.end));
        }
    }

    fn slice(&self, origin: Origin) -> &str {
        self.text
            .get(origin.start as usize..origin.end as usize)
            .unwrap_or_default()
    }
}
