//! Colors of the commands that print text: headings, changed lines, keys.
//!
//! A command makes its text without colors, so that tables can be aligned and texts compared, and
//! paints it line by line at the end.

use std::io::{self, IsTerminal};

use super::options::Color;

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const CYAN: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

/// Marks what needs attention in a table.
pub(super) const MARK: &str = " *";

/// The kinds of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A table: the first line has the names of the columns.
    Table,
    /// Changes: lines begin with `+`, `-` and `@@` behind blanks, and other lines without blanks
    /// before them are headings.
    Changes,
    /// An outline: lines without blanks before them are headings.
    Outline,
    /// A page in Markdown.
    Page,
    /// Manifests and configurations.
    Yaml,
    /// The results of tests.
    Results,
}

/// A text for standard output, painted if that shows colors.
pub(super) fn for_output(text: String, look: Look, color: Color) -> String {
    if !color.colored(io::stdout().is_terminal()) {
        return text;
    }
    painted(&text, look)
}

fn painted(text: &str, look: Look) -> String {
    let line = |(number, line): (usize, &str)| match look {
        Look::Table if number == 0 => whole(BOLD, line),
        Look::Table => line.replace(MARK, &format!("{YELLOW}{MARK}{PLAIN}")),
        Look::Changes => change(line),
        Look::Outline | Look::Page if line.starts_with("# ") => whole(BOLD, line),
        Look::Page if line.starts_with("## ") => whole(BOLD, line),
        Look::Outline if line.starts_with(|first: char| !first.is_whitespace()) => {
            whole(BOLD, line)
        }
        Look::Outline | Look::Page => line.to_string(),
        Look::Yaml => yaml(line),
        Look::Results => result(line),
    };
    text.lines()
        .enumerate()
        .map(|numbered| line(numbered) + "\n")
        .collect()
}

fn whole(code: &str, line: &str) -> String {
    match line {
        "" => String::new(),
        line => format!("{code}{line}{PLAIN}"),
    }
}

fn change(line: &str) -> String {
    let inner = line.trim_start();
    match inner.chars().next() {
        Some('+') => whole(GREEN, line),
        Some('-') => whole(RED, line),
        Some('@') => whole(CYAN, line),
        Some(_) if inner.len() == line.len() => whole(BOLD, line),
        _ => line.to_string(),
    }
}

/// A line of YAML: the key in a color, comments dim.
fn yaml(line: &str) -> String {
    let inner = line.trim_start_matches([' ', '-']);
    let indent = &line[..line.len() - inner.len()];
    if inner.starts_with('#') {
        return whole(DIM, line);
    }
    let key = inner
        .split_once(": ")
        .map(|(key, _)| key)
        .or(inner.strip_suffix(':'));
    match key.filter(|key| !key.contains([' ', '"', '\'', '{'])) {
        Some(key) => format!("{indent}{CYAN}{key}{PLAIN}{}", &inner[key.len()..]),
        None => line.to_string(),
    }
}

fn result(line: &str) -> String {
    let codes = [("pass ", GREEN), ("FAIL ", RED), ("skip ", YELLOW)];
    let code = codes.iter().find(|(word, _)| line.starts_with(word));
    match code {
        Some((word, code)) => format!("{code}{word}{PLAIN}{}", &line[word.len()..]),
        None => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_change_no_letter() {
        let text = "pass app: a -> b *\nchanged Deployment/api\n  - x: 1\n  + x: 2\n    @@ -1 +1 @@\n\n# note\nkey: \"a: b\"\n- name: x\n";
        let looks = [
            Look::Table,
            Look::Changes,
            Look::Outline,
            Look::Page,
            Look::Yaml,
            Look::Results,
        ];
        for look in looks {
            let mut plain = painted(text, look);
            for code in [BOLD, DIM, RED, GREEN, YELLOW, CYAN, PLAIN] {
                plain = plain.replace(code, "");
            }
            assert_eq!(plain, text, "{look:?}");
            assert_ne!(painted(text, look), text, "{look:?}");
        }
    }
}
