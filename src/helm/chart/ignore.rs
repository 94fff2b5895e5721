//! `.helmignore`: the files of a folder that do not belong to its chart.
//!
//! Here: Helm's rules, which differ from those of Git: `**` is refused, and a line that starts with
//! `!` leaves out everything that does not match it. Not here: reading the folder (`files`).

use std::ops::Range;

use regex::Regex;

/// The rules of a `.helmignore`, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

/// One line.
#[derive(Debug)]
struct Rule {
    negated: bool,
    folders_only: bool,
    /// False if only the last part of a path is compared.
    whole_path: bool,
    pattern: Regex,
}

/// A line that Helm refuses: its bytes, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) bytes: Range<usize>,
    pub(super) reason: &'static str,
}

impl Rules {
    /// The rules of a file. Helm adds one for hidden files among the templates.
    pub(super) fn parse(text: &str) -> Result<Rules, Refused> {
        let mut rules = Rules::default();
        let mut end = 0;
        for line in text.split_inclusive('\n').chain(["templates/.?*"]) {
            end += line.len();
            let start = end - line.trim_start().len();
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |reason| Refused {
                bytes: start..start + line.len(),
                reason,
            };
            if line.contains("**") {
                return Err(refused("Helm does not support `**` in a .helmignore"));
            }
            let negated = line.starts_with('!');
            let rule = line.strip_prefix('!').unwrap_or(line);
            let folders_only = rule.ends_with('/');
            let rule = rule.strip_suffix('/').unwrap_or(rule);
            let whole_path = rule.contains('/');
            let rule = rule.strip_prefix('/').unwrap_or(rule);
            rules.0.push(Rule {
                negated,
                folders_only,
                whole_path,
                pattern: shell_pattern(rule).ok_or_else(|| refused("it is not a valid pattern"))?,
            });
        }
        Ok(rules)
    }

    /// True if a file or folder is left out. Its path is relative to the chart.
    pub(super) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.0 {
            let matches = || {
                let compared = if rule.whole_path { path } else { name };
                rule.pattern.is_match(compared)
            };
            if rule.negated {
                if (rule.folders_only && !is_folder) || !matches() {
                    return true;
                }
            } else if (!rule.folders_only || is_folder) && matches() {
                return true;
            }
        }
        false
    }
}

/// A pattern of Go's `filepath.Match`: `*` and `?` do not match `/`, and `[…]` is a class.
fn shell_pattern(pattern: &str) -> Option<Regex> {
    let mut written = String::from("^(?s:");
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '*' => written.push_str("[^/]*"),
            '?' => written.push_str("[^/]"),
            '\\' => written.push_str(&regex::escape(&rest.next()?.to_string())),
            '[' => class(&mut rest, &mut written)?,
            other => written.push_str(&regex::escape(&other.to_string())),
        }
    }
    written.push_str(")$");
    Regex::new(&written).ok()
}

/// The rest of a class, up to its `]`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, written: &mut String) -> Option<()> {
    written.push('[');
    if rest.next_if_eq(&'^').is_some() {
        written.push('^');
    }
    let mut items = 0;
    loop {
        match rest.next()? {
            ']' if items > 0 => break,
            '-' if items > 0 => written.push('-'),
            '\\' => written.push_str(&regex::escape(&rest.next()?.to_string())),
            other => {
                written.push('\\');
                if other.is_alphanumeric() || other == '_' || !other.is_ascii() {
                    written.pop();
                }
                written.push(other);
            }
        }
        items += 1;
    }
    written.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_those_of_helm() {
        let rules =
            Rules::parse("# comment\n*.bak\n/README.md\ndocs/\nci/*.yaml\n[a-c]?.txt\n").unwrap();
        for (path, is_folder, expected) in [
            ("x.bak", false, true),
            ("deep/x.bak", false, true),
            ("README.md", false, true),
            ("sub/README.md", false, false),
            ("docs", true, true),
            ("docs", false, false),
            ("ci/a.yaml", false, true),
            ("ci/a/b.yaml", false, false),
            ("b1.txt", false, true),
            ("d1.txt", false, false),
            ("templates/.hidden", false, true),
            ("templates/a.yaml", false, false),
        ] {
            assert_eq!(rules.leaves_out(path, is_folder), expected, "{path}");
        }
        let negated = Rules::parse("!keep.txt\n").unwrap();
        assert!(negated.leaves_out("Chart.yaml", false) && !negated.leaves_out("keep.txt", false));
        assert_eq!(Rules::parse("\na/**\n").unwrap_err().bytes, 1..5);
        assert!(Rules::parse("[a\n").is_err());
    }
}
