//! Finds the values of Secrets in a file that cannot be read as YAML: an env file, a template, a
//! file with a mistake.
//!
//! A line is hidden if it seems to hold a value of a Secret, or of a variable whose name sounds
//! secret.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{HIDDEN, names_secret_value};
use crate::source::SourceFile;

/// Keys of a Secret whose values are not secret.
const PLAIN: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "type",
    "data",
    "stringData",
    "labels",
    "annotations",
    "immutable",
];

/// Where the values of Secrets stand in one file.
#[derive(Default)]
pub(crate) struct Secrets {
    environment: bool,
    generator: bool,
    /// For each line, true if it belongs to a Secret. Empty if no line does.
    lines: Vec<bool>,
    /// Lines that may hold the value of a variable with the name of a secret.
    variables: BTreeSet<usize>,
}

impl Secrets {
    /// Searches a file.
    pub(super) fn of(file: &SourceFile) -> Secrets {
        let text = &*file.text;
        let mut lines = Vec::new();
        if text.contains("Secret") {
            lines = vec![false; file.line_starts().len() + 1];
            for number in 1..lines.len() {
                // this line belongs to an object that was already found
                if lines[number] || !is_kind_secret(file.line(number)) {
                    continue;
                }
                // lines that are indented at least as far as the key belong to the same object
                let (_, column) = columns(file.line(number));
                let outside = |number: usize| {
                    let line = file.line(number);
                    line.starts_with("---") || (!line.trim().is_empty() && columns(line).0 < column)
                };
                // the object is the item of a list: its first line begins with the dash
                let first = (1..number)
                    .rev()
                    .find(|number| outside(*number))
                    .map_or(1, |above| {
                        let begins = columns(file.line(number)).0 == column
                            && columns(file.line(above)).1 == column;
                        if begins { above } else { above + 1 }
                    });
                let last = (number + 1..lines.len())
                    .find(|number| outside(*number))
                    .unwrap_or(lines.len());
                lines[first..last].fill(true);
            }
        }
        let mut variables = BTreeSet::new();
        for number in
            (1..=file.line_starts().len()).filter(|number| names_secret(file.line(*number)))
        {
            // the value is on the same line as the name, or on the next or previous line of the
            // same list item
            let begins = |number: usize| file.line(number).trim_start().starts_with("- ");
            let near = [
                (number, true),
                (number - 1, !begins(number)),
                (number + 1, !begins(number + 1)),
            ];
            let near = near
                .into_iter()
                .filter(|(near, same)| *same && value_of_variable(file.line(*near)).is_some());
            variables.extend(near.map(|(near, _)| near));
        }
        Secrets {
            environment: is_env_file(&file.path),
            generator: text.contains("secretGenerator"),
            lines,
            variables,
        }
    }

    /// A line without the values of Secrets.
    pub(super) fn shown<'a>(&self, number: usize, line: &'a str) -> Cow<'a, str> {
        if self.environment {
            // a comment may hold an old value
            return match line.trim_start().starts_with('#') && !line.contains('=') {
                true => Cow::Owned(format!("# {HIDDEN}")),
                false => after(line, '='),
            };
        }
        if self.lines.get(number).is_some_and(|secret| *secret) {
            return value_hidden(line);
        }
        if self.variables.contains(&number)
            && let Some((before, after)) = value_of_variable(line)
        {
            return Cow::Owned(format!("{before} {HIDDEN}{after}"));
        }
        let content = line.trim_start();
        if self.generator
            && ["- ", "literals", "\"", "'", "secretGenerator"]
                .iter()
                .any(|start| content.starts_with(start))
        {
            return after(line, '=');
        }
        Cow::Borrowed(line)
    }
}

/// The columns at which a line and its first key begin: they differ in the first line of an item of
/// a list.
fn columns(line: &str) -> (usize, usize) {
    let mut rest = line.trim_start();
    let start = line.len() - rest.len();
    while let Some(inner) = rest.strip_prefix("- ") {
        rest = inner.trim_start();
    }
    (start, line.len() - rest.len())
}

/// True if a line says that an object is a Secret, in YAML or JSON, in a block or in braces.
fn is_kind_secret(line: &str) -> bool {
    let compact: String = line
        .chars()
        .filter(|character| !matches!(character, ' ' | '\t' | '\r' | '"' | '\''))
        .collect();
    compact.match_indices("kind:Secret").any(|(index, found)| {
        let ends = |character: Option<char>| {
            character.is_none_or(|character| matches!(character, ',' | '}' | '#'))
        };
        let before = compact[..index].chars().next_back();
        ends(compact[index + found.len()..].chars().next())
            && before.is_none_or(|character| matches!(character, '-' | '{' | ','))
    })
}

/// True if a line names a variable that sounds secret, in YAML or JSON: `- name: DB_PASSWORD`.
fn names_secret(line: &str) -> bool {
    line.match_indices("name").any(|(at, key)| {
        let rest = line[at + key.len()..]
            .trim_start_matches(['"', '\''])
            .trim_start();
        let name = rest
            .strip_prefix(':')
            .map(|rest| rest.trim_start().trim_start_matches(['"', '\'']));
        name.and_then(|name| name.split(['"', '\'', ',', '}', ' ', '\t', '\r']).next())
            .is_some_and(names_secret_value)
    })
}

/// The text before and after the value of a variable: `value: …`, also in braces.
fn value_of_variable(line: &str) -> Option<(&str, &str)> {
    let (at, key) = line.match_indices("value").find(|(at, _)| {
        let before = line[..*at]
            .trim_end_matches(['"', '\''])
            .chars()
            .next_back();
        before.is_none_or(|before| matches!(before, ' ' | '{' | ',' | '\t'))
    })?;
    let rest = &line[at + key.len()..];
    let value = rest
        .trim_start_matches(['"', '\''])
        .trim_start()
        .strip_prefix(':')?;
    let start = line.len() - value.len();
    // a brace may belong to the value: hidden as well, when it is not the last
    let end = if value.contains('}') {
        line.rfind('}').unwrap_or(line.len())
    } else {
        line.len()
    };
    (!value.trim().is_empty()).then(|| (&line[..start], &line[end.max(start)..]))
}

pub(super) fn is_env_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".env") || name.starts_with(".env")
}

fn after(line: &str, delimiter: char) -> Cow<'_, str> {
    match line.split_once(delimiter) {
        Some((key, value)) if !value.trim().is_empty() => {
            Cow::Owned(format!("{key}{delimiter}{HIDDEN}"))
        }
        _ => Cow::Borrowed(line),
    }
}

fn value_hidden(line: &str) -> Cow<'_, str> {
    let content = line.trim_start();
    if content.is_empty() || content.starts_with("---") {
        return Cow::Borrowed(line);
    }
    let indent = &line[..line.len() - content.len()];
    if content.starts_with('#') {
        return Cow::Owned(format!("{indent}# {HIDDEN}"));
    }
    match content.split_once(':') {
        Some((key, value)) if value.is_empty() || value.starts_with([' ', '\t', '\r']) => {
            let name = key.trim_start_matches("- ").trim_matches(['"', '\'']);
            if PLAIN.contains(&name) && !value.contains('{') || value.trim().is_empty() {
                Cow::Borrowed(line)
            } else {
                Cow::Owned(format!("{indent}{key}: {HIDDEN}"))
            }
        }
        // the continuation of a block or of a long value
        _ => Cow::Owned(format!("{indent}{HIDDEN}")),
    }
}
