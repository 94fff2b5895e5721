//! CODEOWNERS: which line owns a path. GitHub's dialect, and GitLab's sections as far as ownership by path goes.
//!
//! Here: reading and matching. Not here: which paths must be owned (`rules`). Facts: field notes, section 3.2.

use globset::{GlobBuilder, GlobMatcher};

use crate::yaml::{By, FileId, Origin};

/// Where the file may lie; the first one counts.
pub const PLACES: &[&str] = &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// A file of owners.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    /// The file.
    pub file: FileId,
    lines: Vec<OwnerLine>,
}

/// A line that names paths.
#[derive(Clone, Debug)]
pub struct OwnerLine {
    /// Whether anybody owns what it matches.
    pub owned: bool,
    /// The pattern.
    pub origin: Origin,
    section: usize,
    matcher: Option<GlobMatcher>,
}

impl CodeOwners {
    /// Reads a file. Lines whose pattern is no glob match nothing.
    pub fn read(file: FileId, text: &str) -> CodeOwners {
        let (mut lines, mut start, mut section, mut default_owner) = (Vec::new(), 0usize, 0usize, false);
        for line in text.split_inclusive('\n') {
            let here = start;
            start += line.len();
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let header = content.trim_start_matches('^');
            if let Some((_, rest)) = header.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                // what stands behind a section's name owns the lines that name nobody
                section += 1;
                default_owner =
                    rest.trim_start_matches(|letter: char| letter == '[' || letter == ']' || letter.is_ascii_digit()).contains('@');
                continue;
            }
            let mut words = words(content);
            if words.is_empty() {
                continue;
            }
            let pattern = words.remove(0);
            let owned = words.iter().take_while(|word| !word.starts_with('#')).any(|word| word.contains('@')) || default_owner;
            let offset = here + line.find(content).unwrap_or_default();
            let end = offset + content.split_whitespace().next().map_or(0, str::len);
            let origin = Origin { file, start: offset as u32, end: end as u32, by: By::Manifest };
            lines.push(OwnerLine { owned, origin, section, matcher: matcher(&pattern) });
        }
        CodeOwners { file, lines }
    }

    /// The line that counts for a path: the last that matches, in each section; a path is owned when any section says so.
    pub fn owner(&self, path: &str) -> Option<&OwnerLine> {
        let mut last: Option<&OwnerLine> = None;
        let sections = self.lines.last().map_or(0, |line| line.section);
        for section in 0..=sections {
            let matches =
                |line: &&OwnerLine| line.section == section && line.matcher.as_ref().is_some_and(|matcher| matcher.is_match(path));
            if let Some(found) = self.lines.iter().rev().find(matches) {
                if found.owned {
                    return Some(found);
                }
                last = Some(found);
            }
        }
        last
    }
}

/// Words of a line; a backslash keeps a blank or `#` in a word.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '\\' if !escaped => escaped = true,
            letter if letter.is_whitespace() && !escaped => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            letter => {
                word.push(letter);
                escaped = false;
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A pattern as a glob of whole paths: anchored when it has a slash before its end, below a folder when it ends in one, and a
/// name matches the file or everything in the folder; `/*` at the end does not go deeper.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let body = pattern.trim_start_matches('/');
    let prefix = if anchored || body == "*" || body.starts_with("**") { "" } else { "**/" };
    let glob = if body.is_empty() || body == "*" || body == "**" {
        "**".to_string()
    } else if let Some(folder) = body.strip_suffix('/') {
        format!("{prefix}{folder}/**")
    } else if body.ends_with("/*") {
        format!("{prefix}{body}")
    } else {
        format!("{prefix}{body}{{,/**}}")
    };
    GlobBuilder::new(&glob).literal_separator(true).empty_alternates(true).build().ok().map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(text: &str, path: &str) -> Option<bool> {
        CodeOwners::read(FileId(0), text).owner(path).map(|line| line.owned)
    }

    #[test]
    fn the_last_line_that_matches_counts() {
        let text = "* @a\n/apps/ @b # note\n/apps/x/\n";
        assert_eq!(owned(text, "README.md"), Some(true));
        assert_eq!(owned(text, "apps/y/z.yaml"), Some(true));
        assert_eq!(owned(text, "apps/x/z.yaml"), Some(false));
        assert_eq!(owned("/apps/ @b", "docs/a"), None);
    }

    #[test]
    fn patterns_match_as_git_matches_them() {
        for (pattern, path, expected) in [
            ("docs/*", "docs/a.md", true),
            ("docs/*", "docs/a/b.md", false),
            ("apps/", "x/apps/a", true),
            ("/apps/", "x/apps/a", false),
            ("*.yaml", "a/b/c.yaml", true),
            ("/apps/*/base/", "apps/x/base/k.yaml", true),
            ("/apps/**/production", "apps/a/b/production/k.yaml", true),
            ("a\\ b", "a b", true),
        ] {
            assert_eq!(owned(&format!("{pattern} @a"), path).unwrap_or(false), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn sections_count_each_for_itself() {
        let text = "[Docs] @docs\n*.md\n[Apps]\n/apps/ @a\n";
        assert_eq!(owned(text, "apps/x.md"), Some(true));
        assert_eq!(owned(text, "x.md"), Some(true));
        assert_eq!(owned(text, "x.yaml"), None);
    }
}
