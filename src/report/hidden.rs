//! Lines of Secrets as a report may show them: keys stay, values go.
//!
//! Here: which lines of a file carry values of Secrets. Not here: what counts as a secret in a comparison (`compare::secrets`).

use std::borrow::Cow;

use crate::source::SourceFile;

const HIDDEN: &str = "(hidden)";
/// Keys of a Secret whose values are none.
const PLAIN: &[&str] =
    &["apiVersion", "kind", "metadata", "name", "namespace", "type", "data", "stringData", "labels", "annotations", "immutable"];

/// A line without the values of Secrets.
pub(super) fn shown<'a>(file: &SourceFile, number: usize, line: &'a str) -> Cow<'a, str> {
    if is_env_file(&file.path) {
        return after(line, '=');
    }
    if in_secret(file, number) {
        return value_hidden(line);
    }
    // literals of a secretGenerator
    if file.text.contains("secretGenerator") && line.trim_start().starts_with("- ") && line.contains('=') {
        return after(line, '=');
    }
    Cow::Borrowed(line)
}

fn is_env_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".env") || name.starts_with(".env")
}

/// Whether a line stands in a YAML document of kind Secret, or in a file that is no YAML and no manifest.
fn in_secret(file: &SourceFile, number: usize) -> bool {
    let lines = file.line_starts().len();
    let ends = |number: &usize| file.line(*number).starts_with("---");
    let first = (1..=number).rev().find(ends).unwrap_or(1);
    let last = (number + 1..=lines).find(ends).unwrap_or(lines);
    (first..=last).any(|number| {
        let line = file.line(number).trim_end();
        line.strip_prefix("kind:").is_some_and(|kind| matches!(kind.trim().trim_matches(['"', '\'']), "Secret"))
            || line.contains("\"kind\": \"Secret\"")
    })
}

fn after(line: &str, delimiter: char) -> Cow<'_, str> {
    match line.split_once(delimiter) {
        Some((key, value)) if !value.trim().is_empty() => Cow::Owned(format!("{key}{delimiter}{HIDDEN}")),
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
        let file = files.get(files.add(path, None, Arc::from(text)));
        (1..=text.lines().count()).map(|number| shown(&file, number, file.line(number)).trim_end().to_string() + "\n").collect()
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: smtp\nstringData:\n  user: hunter\n  pem: |\n    BEGIN\n    hunter2\ndata: {a: aHVudGVy}\n---\nkind: ConfigMap\ndata:\n  a: shown\n";
        let shown = lines("a.yaml", text);
        assert!(!shown.contains("hunter") && !shown.contains("aHVu") && !shown.contains("BEGIN"), "{shown}");
        assert!(shown.contains("name: smtp") && shown.contains("a: shown") && shown.contains("user: (hidden)"), "{shown}");
        let generator = lines("kustomization.yaml", "secretGenerator:\n- name: smtp\n  literals:\n  - PASSWORD=hunter2\n");
        assert!(generator.contains("- PASSWORD=(hidden)") && generator.contains("name: smtp"));
        assert_eq!(lines("prod/.env", "PASSWORD=hunter2\n# x\n"), "PASSWORD=(hidden)\n# x\n");
    }
}
