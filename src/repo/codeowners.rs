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
    mistakes: Vec<Mistake>,
}

/// Something for which the forge skips a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The pattern or the owner.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: &'static str,
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

/// What is wrong with a line: its pattern first, then its owners.
fn mistake(file: FileId, start: usize, line: &str, pattern: &str, gitlab: bool) -> Option<Mistake> {
    let at =
        |from: usize, length: usize| Origin { file, start: (start + from) as u32, end: (start + from + length) as u32, by: By::Manifest };
    let first = line.find(|letter: char| !letter.is_whitespace()).unwrap_or_default();
    let rest = line.get(first..).unwrap_or_default();
    let length = rest.find(|letter: char| letter.is_whitespace()).unwrap_or(rest.len());
    let wrong = |message: String, help| Some(Mistake { origin: at(first, length), message, help });
    if !gitlab && pattern.starts_with('!') {
        return wrong(format!("`{pattern}` excludes, which GitHub does not know"), "write a later line for what has other owners");
    }
    if !gitlab && rest.starts_with("\\#") {
        return wrong("a pattern cannot begin with `\\#`".to_string(), "name the folder instead");
    }
    if !gitlab && pattern.contains('[') && pattern.contains(']') {
        return wrong(format!("`{pattern}` has a range in brackets, which GitHub does not know"), "write `*`, or a line for each");
    }
    // blanks within a path are escaped: the owners begin behind the first blank that is not
    let mut offset = first + length;
    if rest.get(..length).is_some_and(|pattern| pattern.ends_with('\\')) {
        return None;
    }
    for word in line.get(offset..).unwrap_or_default().split_whitespace() {
        let from = offset + line.get(offset..).and_then(|rest| rest.find(word)).unwrap_or_default();
        offset = from + word.len();
        if word.starts_with('#') {
            return None;
        }
        let name =
            |name: &str| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'));
        let valid = match word.strip_prefix('@') {
            Some(rest) if gitlab => rest.trim_start_matches('@').split('/').all(name),
            Some(rest) => match rest.split_once('/') {
                Some((organisation, team)) => name(organisation) && name(team),
                None => name(rest),
            },
            None => word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')),
        };
        if !valid {
            let message = format!("`{word}` is no owner");
            return Some(Mistake { origin: at(from, word.len()), message, help: "write @user, @organisation/team or an e-mail address" });
        }
    }
    None
}

impl CodeOwners {
    /// Reads a file. Lines whose pattern is no glob match nothing.
    pub fn read(file: FileId, text: &str) -> CodeOwners {
        let gitlab = text.lines().any(|line| line.trim_start().trim_start_matches('^').starts_with('[') && line.contains(']'));
        let mut mistakes = Vec::new();
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
            mistakes.extend(mistake(file, here, line, &pattern, gitlab));
            let owned = words.iter().take_while(|word| !word.starts_with('#')).any(|word| word.contains('@')) || default_owner;
            let offset = here + line.find(content).unwrap_or_default();
            let end = offset + content.split_whitespace().next().map_or(0, str::len);
            let origin = Origin { file, start: offset as u32, end: end as u32, by: By::Manifest };
            lines.push(OwnerLine { owned, origin, section, matcher: matcher(&pattern) });
        }
        CodeOwners { file, lines, mistakes }
    }

    /// The lines that the forge skips, in the order of the file.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
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
