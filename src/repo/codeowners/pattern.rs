//! Patterns of CODEOWNERS as regular expressions of whole paths, one translation for each forge.

use super::Dialect;
use regex::Regex;

/// A pattern as a regular expression of whole paths relative to the root.
pub(super) fn matcher(pattern: &str, dialect: Dialect) -> Option<Regex> {
    let expression = match dialect {
        Dialect::GitHub => github(pattern),
        Dialect::GitLab => gitlab(pattern),
        Dialect::Forgejo => format!("^(?:{pattern})$"),
    };
    Regex::new(&expression).ok()
}

/// Patterns of GitHub work like those of `.gitignore`, with one difference: `/*` at the end does
/// not match deeper files. A pattern with a slash before its end is anchored at the root.
pub(super) fn github(pattern: &str) -> String {
    let mut segments: Vec<&str> = pattern.split('/').collect();
    if segments.first() == Some(&"") {
        segments.remove(0);
    } else if (segments.len() == 1 || (segments.len() == 2 && segments.last() == Some(&"")))
        && segments.first() != Some(&"**")
    {
        segments.insert(0, "**");
    }
    if segments.len() > 1 && segments.last() == Some(&"") {
        segments.pop();
        segments.push("**");
    }
    let last = segments.len().saturating_sub(1);
    let mut expression = String::from("^");
    let mut slash = false;
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            "**" if index == 0 && index == last => expression.push_str(".+"),
            "**" if index == 0 => expression.push_str("(?:.+/)?"),
            "**" if index == last => expression.push_str("/.*"),
            "**" => {
                expression.push_str("(?:/.+)?");
                slash = true;
                continue;
            }
            _ => {
                if slash {
                    expression.push('/');
                }
                if *segment == "*" {
                    expression.push_str("[^/]+");
                } else {
                    expression.push_str(&wildcards(segment));
                    if index == last {
                        expression.push_str("(?:/.*)?");
                    }
                }
                slash = true;
                continue;
            }
        }
        slash = false;
    }
    expression.push('$');
    expression
}

/// `*` and `?` of one segment.
pub(super) fn wildcards(segment: &str) -> String {
    let mut expression = String::new();
    let mut letters = segment.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '\\' => expression.push_str(
                &letters
                    .next()
                    .map_or("\\\\".to_string(), |next| regex::escape(&next.to_string())),
            ),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression
}

/// Patterns of GitLab work like Ruby's `fnmatch` with FNM_PATHNAME and FNM_DOTMATCH. Before that,
/// GitLab changes them: a pattern without a leading slash matches at any depth, and a pattern only
/// matches a folder if it ends with a slash.
pub(super) fn gitlab(pattern: &str) -> String {
    let mut prepared = if pattern == "*" {
        "/**/*".to_string()
    } else {
        pattern
            .strip_prefix("\\#")
            .map_or(pattern.to_string(), |rest| format!("#{rest}"))
    };
    if !prepared.starts_with('/') {
        prepared.insert_str(0, "/**/");
    }
    if prepared.ends_with('/') {
        prepared.push_str("**/*");
    }
    let body = prepared.strip_prefix('/').unwrap_or(&prepared);
    let mut expression = String::from("^");
    let mut rest = body;
    let mut begins = true;
    while let Some(letter) = rest.chars().next() {
        if begins && let Some(after) = rest.strip_prefix("**/") {
            expression.push_str("(?:[^/]+/)*");
            rest = after;
            continue;
        }
        begins = letter == '/';
        let mut after = rest.get(letter.len_utf8()..).unwrap_or_default();
        match letter {
            '*' => {
                after = rest.trim_start_matches('*');
                expression.push_str("[^/]*");
            }
            '?' => expression.push_str("[^/]"),
            '\\' => {
                if let Some(next) = after.chars().next() {
                    expression.push_str(&regex::escape(&next.to_string()));
                    after = after.get(next.len_utf8()..).unwrap_or_default();
                }
            }
            '[' if after.contains(']') => {
                let (class, tail) = after.split_once(']').unwrap_or((after, ""));
                let (not, class) = class
                    .strip_prefix(['!', '^'])
                    .map_or(("", class), |class| ("^", class));
                let class: String = class
                    .chars()
                    .map(|letter| {
                        if matches!(letter, '-') {
                            letter.to_string()
                        } else {
                            regex::escape(&letter.to_string())
                        }
                    })
                    .collect();
                expression.push_str(&format!("[{not}{class}]"));
                after = tail;
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
        rest = after;
    }
    expression.push('$');
    expression
}
