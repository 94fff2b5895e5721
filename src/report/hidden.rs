//! Hides secret values in the source lines that a report shows. Keys stay visible.
//!
//! A line is hidden if it holds a value of a Secret, or of a variable whose name sounds secret.
//! This is decided by the text alone, so that it also works in a file that cannot be parsed. In
//! doubt, a line is hidden. `compare::secrets` decides which names sound secret.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::check::CONFIG_FILE;
use crate::compare::secrets::is_secret_name;
use crate::source::SourceFile;
use crate::yaml::FileId;

const HIDDEN: &str = "(hidden)";
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

/// Where the files of a report have secrets. Each file is searched once.
#[derive(Default)]
pub(super) struct Hidden {
    files: RefCell<BTreeMap<FileId, Rc<Secrets>>>,
}

impl Hidden {
    /// Where the values of Secrets stand in a file.
    pub(super) fn of(&self, id: FileId, file: &SourceFile) -> Rc<Secrets> {
        self.files
            .borrow_mut()
            .entry(id)
            .or_insert_with(|| Rc::new(Secrets::of(file)))
            .clone()
    }
}

/// Where the values of Secrets stand in one file.
#[derive(Default)]
pub(super) struct Secrets {
    environment: bool,
    generator: bool,
    /// For each line, true if it belongs to a Secret. Empty if no line does.
    lines: Vec<bool>,
    /// Lines that may hold the value of a variable with the name of a secret.
    variables: BTreeSet<usize>,
}

impl Secrets {
    /// No value is hidden in a configuration: an entry such as `external: [{kind: Secret, …}]` names
    /// a Secret and holds none of its values.
    fn of(file: &SourceFile) -> Secrets {
        if file.path.rsplit('/').next() == Some(CONFIG_FILE) {
            return Secrets::default();
        }
        Secrets::search(file)
    }

    fn search(file: &SourceFile) -> Secrets {
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
            return after(line, '=');
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
            .is_some_and(is_secret_name)
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

fn is_env_file(path: &str) -> bool {
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
    if content.is_empty() || content.starts_with('#') || content.starts_with("---") {
        return Cow::Borrowed(line);
    }
    let indent = &line[..line.len() - content.len()];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Files;
    use std::sync::Arc;

    fn lines(path: &str, text: &str) -> String {
        let files = Files::default();
        let id = files.add(path, None, Arc::from(text));
        let file = files.get(id);
        let secrets = Hidden::default().of(id, &file);
        (1..=text.lines().count())
            .map(|number| {
                secrets
                    .shown(number, file.line(number))
                    .trim_end()
                    .to_string()
                    + "\n"
            })
            .collect()
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: smtp\nstringData:\n  user: hunter\n  pem: |\n    BEGIN\n    hunter2\ndata: {a: aHVudGVy}\n---\nkind: ConfigMap\ndata:\n  a: shown\n";
        let shown = lines("a.yaml", text);
        assert!(
            !shown.contains("hunter") && !shown.contains("aHVu") && !shown.contains("BEGIN"),
            "{shown}"
        );
        assert!(
            shown.contains("name: smtp")
                && shown.contains("a: shown")
                && shown.contains("user: (hidden)"),
            "{shown}"
        );
        let generator = lines(
            "kustomization.yaml",
            "secretGenerator:\n- name: smtp\n  literals:\n  - PASSWORD=hunter2\n",
        );
        assert!(generator.contains("- PASSWORD=(hidden)") && generator.contains("name: smtp"));
        assert_eq!(
            lines("prod/.env", "PASSWORD=hunter2\n# x\n"),
            "PASSWORD=(hidden)\n# x\n"
        );
    }

    #[test]
    fn the_configuration_names_secrets_without_their_values() {
        let text = "external:\n- {kind: Secret, name: x, environments: [prodd]}\n- kind: Secret\n  name: y\n";
        assert_eq!(lines(".gitops-lint.yaml", text), text);
        assert_ne!(lines("a.yaml", text), text);
    }

    #[test]
    fn values_of_variables_go_by_their_names() {
        for text in [
            "env:\n- name: DB_PASSWORD\n  value: hunter\n",
            "env:\n- value: hunter\n  name: DB_PASSWORD\n",
            "env: [{name: DB_PASSWORD, value: hunter}]\n",
            "{\"name\": \"API_TOKEN\", \"value\": \"hunter\"}\n",
            "{\n  \"name\": \"API_TOKEN\",\n  \"value\": \"hun}ter\"\n}\n",
        ] {
            let shown = lines("a.yaml", text);
            assert!(
                !shown.contains("hun") && shown.contains("(hidden)"),
                "{shown}"
            );
        }
        let other = "env:\n- name: MODE\n  value: open\n- name: DB_PASSWORD\n  valueFrom: {secretKeyRef: {name: db, key: password}}\n";
        assert_eq!(lines("a.yaml", other), other);
    }

    #[test]
    fn secrets_inside_of_other_documents_are_found() {
        let list = lines(
            "a.yaml",
            "kind: List\nitems:\n- data:\n    a: hunter\n  kind: Secret\n- kind: ConfigMap\n  data: {a: shown}\n",
        );
        assert!(
            !list.contains("hunter") && list.contains("a: shown"),
            "{list}"
        );
        let patch = "resources: [../../base]\npatches:\n  - patch: |\n      kind: Secret\n      stringData:\n        a: hunter\n    target: {kind: Secret}\nimages:\n  - newTag: v1\n";
        let patch = lines("kustomization.yaml", patch);
        assert!(
            !patch.contains("hunter")
                && patch.contains("newTag: v1")
                && patch.contains("../../base"),
            "{patch}"
        );
        for text in [
            "{\"kind\":\"Secret\",\"data\":{\"a\":\"hunter\"}}\n",
            "{\n  \"data\": {\n    \"a\": \"hunter\"\n  },\n  \"kind\": \"Secret\"\n}\n",
            "{kind: Secret, stringData: {a: hunter}}\n",
            "secretGenerator: [{name: x, literals: [A=hunter]}]\n",
            "secretGenerator:\n- literals: [A=hunter]\n  name: x\n",
            "secretGenerator:\n- name: x\n  literals:\n  - 'A=hunter'\n",
        ] {
            let shown = lines("a.json", text);
            assert!(!shown.contains("hunter"), "{shown}");
        }
        let other = "kind: SecretStore\nspec: {a: shown}\n";
        assert_eq!(lines("a.yaml", other), other);
    }
}
