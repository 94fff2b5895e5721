//! Typed reading of maps that kustomize decodes through JSON: case-insensitive keys, unknown and
//! mistyped fields refused with their origin.
//!
//! Here: the decoder and [`Text`]. Not here: which fields exist (`kustomization`, `transform`).

use std::sync::Arc;

use super::Problem;
use crate::names::{did_you_mean, nearest};
use crate::yaml::{Data, Entry, Kind, Node, Origin, Style};

/// A string of a kustomization with the node that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The string.
    pub value: Arc<str>,
    /// The scalar it was read from; the host of inline patches.
    pub node: Node,
}

impl Text {
    /// A text made of a node and its value.
    pub fn new(value: impl Into<Arc<str>>, node: Node) -> Text {
        Text {
            value: value.into(),
            node,
        }
    }
    /// Its position in the file.
    pub fn origin(&self) -> Origin {
        self.node.origin
    }
}

impl std::ops::Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.value
    }
}

/// One key with its value, both with their origins.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The key.
    pub key: Arc<str>,
    /// The position of the key.
    pub key_origin: Origin,
    /// The value.
    pub value: Text,
}

/// Reads typed values out of nodes and collects the problems.
pub struct Decoder<'a> {
    problems: &'a mut Vec<Problem>,
    rules: Rules,
}

/// The strictness with which a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// A kustomization: unknown fields are refused, `yes` and `on` are booleans, numbers are not
    /// strings.
    Kustomization,
    /// A file of `configurations`: unknown fields are refused, numbers and booleans become strings.
    Configuration,
    /// The configuration of a built-in transformer or generator: unknown fields are ignored,
    /// numbers and booleans become strings.
    Plugin,
}

/// The kind of a value, for messages.
fn describe(node: &Node, rules: Rules) -> &'static str {
    match &node.data {
        Data::Map(_) => "a map",
        Data::List(_) => "a list",
        Data::Scalar(scalar) => match scalar.kind {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Int | Kind::Float => "a number",
            Kind::String
                if scalar.style == Style::Plain
                    && rules != Rules::Plugin
                    && old_boolean(&scalar.text).is_some() =>
            {
                "a boolean"
            }
            _ => "a string",
        },
    }
}

/// The booleans of YAML 1.1 other than `true` and `false`.
pub(crate) fn old_boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

impl<'a> Decoder<'a> {
    /// A decoder that reports into `problems`.
    pub fn new(problems: &'a mut Vec<Problem>, rules: Rules) -> Decoder<'a> {
        Decoder { problems, rules }
    }
    /// Reports an error.
    pub fn refuse(&mut self, origin: Origin, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem {
            help,
            ..Problem::error(origin, message)
        });
    }
    /// Reports another problem.
    pub fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
    fn mistyped(&mut self, node: &Node, what: &str, expected: &str) {
        let found = describe(node, self.rules);
        let help = match (found, expected) {
            ("a number" | "a boolean", "a string") => Some("put the value in quotes".to_string()),
            ("a string", "a list") => Some("start the line with \"- \"".to_string()),
            ("a string", "a boolean") => Some("write true or false, without quotes".to_string()),
            ("a string", "a whole number") => Some("write digits, without quotes".to_string()),
            ("a map", "a list") => Some("write one item below each \"- \"".to_string()),
            ("a list", "a map" | "a map of strings") => {
                Some("write keys and values, without \"- \"".to_string())
            }
            ("a map" | "a list", "a string") => Some("write a single value".to_string()),
            _ => None,
        };
        self.refuse(
            node.origin,
            format!("{what} must be {expected}, but this is {found}"),
            help,
        );
    }
    /// The entries of a map by known field; null values are left out. `what` names the map in
    /// messages.
    pub fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&'static str],
    ) -> Vec<(&'static str, &'n Entry)> {
        if node.is_null() {
            return Vec::new();
        }
        if node.as_map().is_none() {
            self.mistyped(node, what, "a map");
            return Vec::new();
        }
        let mut found: Vec<(&'static str, &'n Entry)> = Vec::new();
        for entry in node.entries() {
            match known
                .iter()
                .find(|name| name.eq_ignore_ascii_case(&entry.key))
            {
                Some(name) => found.push((*name, entry)),
                None if self.rules == Rules::Plugin => {}
                None => {
                    let help = match nearest(&entry.key, known) {
                        Some(name) => did_you_mean(name),
                        None => format!("known fields: {}", known.join(", ")),
                    };
                    self.refuse(
                        entry.key_origin,
                        format!("{what} has no field {:?}", entry.key),
                        Some(help),
                    );
                }
            }
        }
        found.retain(|(_, entry)| !entry.value.is_null());
        found
    }
    /// A string.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        if node.is_null() {
            return None;
        }
        let found = describe(node, self.rules);
        match (self.rules, &node.data) {
            (rules, Data::Scalar(scalar))
                if found == "a string" || rules != Rules::Kustomization =>
            {
                Some(Text {
                    value: scalar.text.clone(),
                    node: node.clone(),
                })
            }
            _ => {
                self.mistyped(node, what, "a string");
                None
            }
        }
    }
    /// A string that is not empty.
    pub fn filled_text(&mut self, node: &Node, what: &str) -> Option<Text> {
        self.text(node, what).filter(|text| !text.is_empty())
    }
    /// A list of strings. Null items count as empty strings.
    pub fn texts(&mut self, node: &Node, what: &str) -> Vec<Text> {
        let item = format!("an item of {what}");
        self.list(node, what)
            .iter()
            .filter_map(|node| {
                if node.is_null() {
                    Some(Text::new("", node.clone()))
                } else {
                    self.text(node, &item)
                }
            })
            .collect()
    }
    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        if node.as_list().is_none() && !node.is_null() {
            self.mistyped(node, what, "a list");
        }
        node.items()
    }
    /// A boolean; false for anything else.
    pub fn boolean(&mut self, node: &Node, what: &str) -> bool {
        if let Some(value) = node.as_bool() {
            return value;
        }
        if describe(node, self.rules) == "a boolean"
            && let Some(value) = node.text().and_then(old_boolean)
        {
            return value;
        }
        if !node.is_null() {
            self.mistyped(node, what, "a boolean");
        }
        false
    }
    /// An integer.
    pub fn integer(&mut self, node: &Node, what: &str) -> Option<i64> {
        let value = node.as_int();
        if value.is_none() && !node.is_null() {
            self.mistyped(node, what, "a whole number");
        }
        value
    }
    /// A map of strings; null values are empty strings.
    pub fn pairs(&mut self, node: &Node, what: &str) -> Vec<Pair> {
        if node.as_map().is_none() && !node.is_null() {
            self.mistyped(node, what, "a map of strings");
        }
        let mut pairs = Vec::with_capacity(node.entries().len());
        for entry in node.entries() {
            let value = if entry.value.is_null() {
                Some(Text::new("", entry.value.clone()))
            } else {
                self.text(&entry.value, &format!("{what}.{}", entry.key))
            };
            // an unquoted key that YAML 1.1 takes for a boolean becomes a boolean
            let plain = (entry.key_origin.end - entry.key_origin.start) as usize == entry.key.len();
            let boolean =
                old_boolean(&entry.key).filter(|_| plain && self.rules == Rules::Kustomization);
            let key = boolean.map_or_else(|| entry.key.clone(), |value| value.to_string().into());
            if let Some(value) = value {
                pairs.push(Pair {
                    key,
                    key_origin: entry.key_origin,
                    value,
                });
            }
        }
        pairs
    }
}
