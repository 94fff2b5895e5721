//! CODEOWNERS: which lines own a path, in the dialects of GitHub, GitLab and Forgejo.
//!
//! Here: finding, reading and matching. Not here: which paths must be owned (`rules`). Source: the
//! documentation of code owners of GitHub, GitLab and Gitea.

use std::sync::Arc;

use regex::Regex;

use crate::source::{EntryKind, Files, Source};
use crate::yaml::{By, FileId, Origin};

/// GitHub ignores a file of this size altogether.
const GITHUB_LIMIT: usize = 3 << 20;

/// How a forge reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The last line that matches counts; a line with a mistake is skipped.
    GitHub,
    /// The last line that matches counts in each section; patterns without a leading slash match at
    /// any depth.
    GitLab,
    /// Regular expressions of whole paths; every line that matches counts.
    Forgejo,
}

impl Dialect {
    /// The forge.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::GitHub => "GitHub",
            Dialect::GitLab => "GitLab",
            Dialect::Forgejo => "Forgejo",
        }
    }

    /// Where the file may lie; the first one counts.
    fn places(self) -> &'static [&'static str] {
        match self {
            Dialect::GitHub => &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
            Dialect::GitLab => &["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
            Dialect::Forgejo => &[
                "CODEOWNERS",
                "docs/CODEOWNERS",
                ".gitea/CODEOWNERS",
                ".forgejo/CODEOWNERS",
            ],
        }
    }
}

/// A file of owners.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    /// The file.
    pub file: FileId,
    /// Who reads it.
    pub dialect: Dialect,
    sections: Vec<Section>,
    lines: Vec<OwnerLine>,
    mistakes: Vec<Mistake>,
}

/// What is wrong with a line, or with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The pattern, the owner, or the start of the file.
    pub origin: Origin,
    /// What is wrong: one sentence.
    pub message: String,
    /// What to write.
    pub help: String,
    /// Whether what the line says is lost; else it is only of no use.
    pub harmful: bool,
}

/// Lines below a heading of GitLab; what stands above the first one is a section of its own.
#[derive(Clone, Debug, Default)]
struct Section {
    name: String,
    optional: bool,
    owners: Vec<String>,
}

/// A line that names paths.
#[derive(Clone, Debug)]
pub struct OwnerLine {
    /// The pattern as written.
    pub pattern: String,
    /// Who owns what it matches; for a line that names nobody, whom its section names.
    pub owners: Vec<String>,
    /// The place of the pattern.
    pub origin: Origin,
    section: usize,
    /// GitLab: what it matches has no owner in its section.
    exclusion: bool,
    /// Forgejo: it is about everything but what the pattern matches.
    negated: bool,
    matcher: Option<Regex>,
}

impl OwnerLine {
    /// Whether the line takes paths out of its section, whatever stands below it.
    pub fn excludes(&self) -> bool {
        self.exclusion
    }
    /// Whether the line is about a path.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher
            .as_ref()
            .is_some_and(|matcher| matcher.is_match(path) != self.negated)
    }
}

/// Who owns a path.
#[derive(Clone, Copy, Debug)]
pub enum Ownership<'o> {
    /// The line that gives it an owner.
    Owned(&'o OwnerLine),
    /// The line that leaves it without one.
    Unowned(&'o OwnerLine),
    /// A line of a section that need not approve; no other owns it.
    Optional(&'o OwnerLine),
    /// No line matches.
    Unmatched,
}

impl CodeOwners {
    /// The file of a tree; `None` when there is none, or none that can be read.
    pub fn find(source: &dyn Source, files: &Files) -> Option<CodeOwners> {
        let guessed = dialect_of(source);
        let others = [Dialect::GitHub, Dialect::GitLab, Dialect::Forgejo]
            .into_iter()
            .filter(|other| *other != guessed);
        let mut places = std::iter::once(guessed)
            .chain(others)
            .flat_map(|dialect| dialect.places().iter().map(move |path| (dialect, *path)));
        let there = |path: &str| source.kind(path) == Some(EntryKind::File);
        let (dialect, path) = places.find(|(_, path)| there(path))?;
        let bytes = source.read(path).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        // only GitLab knows headings
        let dialect =
            if dialect == Dialect::GitHub && path != ".github/CODEOWNERS" && has_headings(text) {
                Dialect::GitLab
            } else {
                dialect
            };
        let path = dialect
            .places()
            .iter()
            .copied()
            .find(|path| there(path))
            .unwrap_or(path);
        let bytes = source.read(path).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let mut owners = CodeOwners::read(
            files.add(path, source.revision_of(path).as_deref(), Arc::from(text)),
            text,
            dialect,
        );
        for ignored in dialect
            .places()
            .iter()
            .copied()
            .filter(|other| *other != path && there(other))
        {
            let bytes = source.read(ignored).unwrap_or_default();
            let file = files.add(
                ignored,
                source.revision_of(ignored).as_deref(),
                Arc::from(String::from_utf8_lossy(&bytes)),
            );
            owners.mistakes.push(Mistake {
                origin: Origin {
                    file,
                    start: 0,
                    end: 0,
                    by: By::Manifest,
                },
                message: format!(
                    "{} ignores this file because {path} takes precedence",
                    dialect.name()
                ),
                help: format!("move its lines to {path} and delete this file"),
                harmful: false,
            });
        }
        Some(owners)
    }

    /// Reads a file. A line whose pattern cannot be understood matches nothing.
    pub fn read(file: FileId, text: &str, dialect: Dialect) -> CodeOwners {
        let mut reader = Reader {
            owners: CodeOwners {
                file,
                dialect,
                sections: vec![Section::default()],
                lines: Vec::new(),
                mistakes: Vec::new(),
            },
            section: 0,
        };
        if dialect == Dialect::GitHub && text.len() >= GITHUB_LIMIT {
            reader.wrong(
                0,
                0,
                "GitHub ignores this file because it is 3 MB or larger".to_string(),
                "use fewer, broader patterns",
            );
            return reader.owners;
        }
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            reader.line(start, line.trim_end_matches(['\n', '\r']));
            start += line.len();
        }
        reader.twice();
        reader.owners
    }

    /// What is wrong with the file, in its order; then what is wrong beside it.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Whether no line of it counts.
    pub fn is_ignored(&self) -> bool {
        self.lines.is_empty()
            && self
                .mistakes
                .iter()
                .any(|mistake| mistake.harmful && mistake.origin.end == 0)
    }

    /// Who owns a path.
    pub fn ownership(&self, path: &str) -> Ownership<'_> {
        let mut found = Ownership::Unmatched;
        for (number, section) in self.sections.iter().enumerate() {
            let lines = || self.lines.iter().filter(|line| line.section == number);
            // one that excludes cannot be taken back in its section
            let excluded = lines().find(|line| line.exclusion && line.matches(path));
            let all = self.dialect == Dialect::Forgejo;
            let counts = |line: &&OwnerLine| {
                !line.exclusion && line.matches(path) && !(all && line.owners.is_empty())
            };
            let Some(line) = excluded.or_else(|| lines().rev().find(counts)) else {
                continue;
            };
            match (line.exclusion || line.owners.is_empty(), section.optional) {
                (false, false) => return Ownership::Owned(line),
                (false, true) => found = Ownership::Optional(line),
                (true, _) if matches!(found, Ownership::Unmatched) => {
                    found = Ownership::Unowned(line)
                }
                (true, _) => {}
            }
        }
        found
    }

    /// The lines above one, in its section, that name owners and match a path.
    pub fn above<'o, 'p>(
        &'o self,
        line: &'p OwnerLine,
        path: &'p str,
    ) -> impl Iterator<Item = &'o OwnerLine> + use<'o, 'p> {
        let earlier = self
            .lines
            .iter()
            .take_while(|other| other.origin.start < line.origin.start);
        earlier.filter(|other| {
            other.section == line.section
                && !other.exclusion
                && !other.owners.is_empty()
                && other.matches(path)
        })
    }

    /// A pattern that means a path and misses it, with what it ought to be: one that is anchored at
    /// the root by a slash within it, or one that ends in `/*` and does not go deeper.
    pub fn near_miss(&self, path: &str) -> Option<(&OwnerLine, String)> {
        let lines = self
            .lines
            .iter()
            .filter(|line| !line.owners.is_empty() && !line.exclusion);
        lines.rev().find_map(|line| {
            let pattern = line.pattern.as_str();
            let deeper = pattern
                .strip_suffix('*')
                .filter(|rest| rest.ends_with('/') && rest.len() > 1)
                .map(str::to_string);
            let afloat = (self.dialect == Dialect::GitHub && !pattern.starts_with(['/', '*']))
                .then(|| format!("**/{pattern}"));
            let better = [deeper, afloat].into_iter().flatten();
            let mut better = better.filter(|better| {
                matcher(better, self.dialect).is_some_and(|matcher| matcher.is_match(path))
            });
            Some((line, better.next()?))
        })
    }
}

/// Whose file it is by what else lies in the repo.
fn dialect_of(source: &dyn Source) -> Dialect {
    let there = |path: &str| source.kind(path).is_some();
    if there(".github") {
        Dialect::GitHub
    } else if there(".gitlab-ci.yml") || there(".gitlab") {
        Dialect::GitLab
    } else if there(".forgejo") || there(".gitea") {
        Dialect::Forgejo
    } else {
        Dialect::GitHub
    }
}

/// A heading of a section: whether it is optional, its name, what stands behind it.
fn heading(line: &str) -> Option<(bool, &str, &str)> {
    let optional = line.starts_with('^');
    let (name, rest) = line
        .strip_prefix('^')
        .unwrap_or(line)
        .strip_prefix('[')?
        .split_once(']')?;
    let whole = rest.is_empty() || rest.starts_with(['[', ' ', '\t']);
    (whole && !name.trim().is_empty()).then_some((optional, name, rest))
}

fn has_headings(text: &str) -> bool {
    text.lines().any(|line| heading(line.trim()).is_some())
}

struct Reader {
    owners: CodeOwners,
    section: usize,
}

impl Reader {
    fn at(&self, start: usize, length: usize) -> Origin {
        let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Origin {
            file: self.owners.file,
            start: place(start),
            end: place(start.saturating_add(length)),
            by: By::Manifest,
        }
    }

    fn wrong(&mut self, start: usize, length: usize, message: String, help: impl Into<String>) {
        let origin = self.at(start, length);
        self.owners.mistakes.push(Mistake {
            origin,
            message,
            help: help.into(),
            harmful: true,
        });
    }

    fn line(&mut self, start: usize, line: &str) {
        let content = line.trim();
        let start = start + line.len() - line.trim_start().len();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        let gitlab = self.owners.dialect == Dialect::GitLab;
        if let Some((optional, name, rest)) = heading(content).filter(|_| gitlab) {
            self.heading(start, content, (optional, name, rest));
            return;
        }
        if gitlab && content.trim_start_matches('^').starts_with('[') && !content.contains(']') {
            self.wrong(
                start,
                content.len(),
                "this section heading is not closed".to_string(),
                "add the closing `]`",
            );
            return;
        }
        let mut words = words(content).into_iter();
        let Some((_, length, pattern)) = words.next() else {
            return;
        };
        if let Some((message, help)) = wrong_pattern(content, &pattern, self.owners.dialect) {
            self.wrong(
                start,
                length,
                format!("{message}; {} skips this line", self.owners.dialect.name()),
                help,
            );
            return;
        }
        let (mut named, mut comment) = (Vec::new(), false);
        for (offset, length, word) in words {
            comment |= word.starts_with('#');
            // GitLab looks for owners in what others take for a comment
            if comment && (!gitlab || !is_owner(&word, self.owners.dialect)) {
                continue;
            }
            if is_owner(&word, self.owners.dialect) {
                named.push(word);
                continue;
            }
            let (message, help) = wrong_owner(&word, self.owners.dialect);
            if gitlab {
                self.wrong(
                    start + offset,
                    length,
                    format!("{message}; GitLab ignores it"),
                    help,
                );
                continue;
            }
            self.wrong(
                start + offset,
                length,
                format!("{message}; {} skips this line", self.owners.dialect.name()),
                help,
            );
            return;
        }
        let rest = pattern
            .strip_prefix('!')
            .filter(|_| self.owners.dialect != Dialect::GitHub);
        let exclusion = rest.is_some() && gitlab;
        let glob = rest.unwrap_or(&pattern);
        if named.is_empty() && !exclusion && gitlab {
            named = self
                .owners
                .sections
                .get(self.section)
                .map(|section| section.owners.clone())
                .unwrap_or_default();
        }
        let line = OwnerLine {
            owners: named,
            origin: self.at(start, length),
            section: self.section,
            exclusion,
            negated: rest.is_some() && !gitlab,
            matcher: matcher(glob, self.owners.dialect),
            pattern,
        };
        self.owners.lines.push(line);
    }

    fn heading(&mut self, start: usize, content: &str, (optional, name, rest): (bool, &str, &str)) {
        let (approvals, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((approvals, rest)) => (Some(approvals), rest),
            None => (None, rest),
        };
        if approvals.is_some_and(|approvals| {
            approvals
                .trim()
                .parse::<u32>()
                .map_or(true, |count| count == 0)
        }) {
            let origin = self.at(start, content.len());
            self.owners.mistakes.push(Mistake {
                origin,
                message:
                    "the number of required approvals is not a positive integer; GitLab uses 1"
                        .to_string(),
                help: "write an integer of at least 1 in the second brackets".to_string(),
                harmful: false,
            });
        }
        let mut owners = Vec::new();
        for (_, _, word) in words(rest)
            .into_iter()
            .filter(|(_, _, word)| !word.starts_with('#'))
        {
            if is_owner(&word, Dialect::GitLab) {
                owners.push(word);
            } else {
                let (message, help) = wrong_owner(&word, Dialect::GitLab);
                self.wrong(
                    start,
                    content.len(),
                    format!("{message}; GitLab ignores it"),
                    help,
                );
            }
        }
        // headings with one name, however its letters are written, are one section
        let known = self.owners.sections.iter().position(|section| {
            section.name.eq_ignore_ascii_case(name) && !section.name.is_empty()
        });
        self.section = known.unwrap_or(self.owners.sections.len());
        match self.owners.sections.get_mut(self.section) {
            Some(section) => {
                section.optional &= optional;
                // the lines below a heading have its owners
                section.owners = owners;
            }
            None => self.owners.sections.push(Section {
                name: name.to_string(),
                optional,
                owners,
            }),
        }
    }

    /// Lines that never count because the same pattern stands below them again.
    fn twice(&mut self) {
        if self.owners.dialect == Dialect::Forgejo {
            return;
        }
        let lines = &self.owners.lines;
        let again = |(index, line): (usize, &OwnerLine)| {
            let mut below = lines.iter().skip(index + 1);
            let other = below
                .find(|other| other.pattern == line.pattern && other.section == line.section)?;
            (other.owners != line.owners).then_some(line.origin)
        };
        let found: Vec<Origin> = lines.iter().enumerate().filter_map(again).collect();
        self.owners.mistakes.extend(found.into_iter().map(|origin| {
            Mistake {
                origin,
                message:
                    "this line has no effect: the same pattern appears below with other owners"
                        .to_string(),
                help: "list all owners of a pattern on one line".to_string(),
                harmful: false,
            }
        }));
        self.owners
            .mistakes
            .sort_by_key(|mistake| mistake.origin.start);
    }
}

/// Why a pattern is none, and what to do.
fn wrong_pattern(line: &str, pattern: &str, dialect: Dialect) -> Option<(String, &'static str)> {
    if dialect == Dialect::Forgejo {
        let broken = matcher(pattern.trim_start_matches('!'), dialect).is_none();
        return broken.then(|| {
            (
                format!("`{pattern}` is not a valid regular expression"),
                "fix the regular expression",
            )
        });
    }
    if dialect == Dialect::GitHub {
        if pattern.starts_with('!') {
            let help = "add a later line with the other owners for the excluded paths";
            return Some((
                format!("`{pattern}` is an exclusion, which GitHub does not support"),
                help,
            ));
        }
        if line.starts_with("\\#") {
            return Some((
                "a pattern cannot start with `\\#`".to_string(),
                "match the folder instead",
            ));
        }
        if pattern.contains('[') && pattern.contains(']') {
            return Some((
                format!("`{pattern}` has a character range, which GitHub does not support"),
                "use `*`, or write one line for each character",
            ));
        }
        if pattern.contains("***") {
            return Some((
                format!("`{pattern}` has three asterisks in a row, which GitHub does not support"),
                "write `**`",
            ));
        }
    }
    None
}

fn is_owner(word: &str, dialect: Dialect) -> bool {
    let name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'))
    };
    match (word.strip_prefix('@'), dialect) {
        (Some(rest), Dialect::GitLab) => match rest.strip_prefix('@') {
            Some(role) => ["developer", "maintainer", "owner"].contains(
                &role
                    .strip_suffix('s')
                    .unwrap_or(role)
                    .to_ascii_lowercase()
                    .as_str(),
            ),
            None => rest.split('/').all(name),
        },
        (Some(rest), _) => match rest.split_once('/') {
            Some((organisation, team)) => name(organisation) && name(team),
            None => name(rest),
        },
        (None, _) => word.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && host.contains('.') && !host.contains('@')
        }),
    }
}

/// What is wrong with an owner, and what to do.
fn wrong_owner(word: &str, dialect: Dialect) -> (String, &'static str) {
    if word.contains("[bot]") || word.starts_with("app/") || word.starts_with("@app/") {
        return (
            format!("`{word}` is an app, and apps cannot be owners"),
            "use a person or a team",
        );
    }
    let help = match dialect {
        Dialect::GitLab => "use `@user`, `@group/subgroup`, `@@maintainer` or an e-mail address",
        _ => "use `@user`, `@organisation/team` or an e-mail address",
    };
    (format!("`{word}` is not a valid owner"), help)
}

/// Words of a line, each with its offset and length as written; a backslash keeps a blank in a
/// word.
fn words(line: &str) -> Vec<(usize, usize, String)> {
    let mut words: Vec<(usize, usize, String)> = Vec::new();
    let (mut open, mut escaped) = (false, false);
    for (at, letter) in line.char_indices() {
        if letter.is_whitespace() && !escaped {
            open = false;
            continue;
        }
        if !open {
            words.push((at, 0, String::new()));
            open = true;
        }
        let Some((start, length, word)) = words.last_mut() else {
            continue;
        };
        *length = at + letter.len_utf8() - *start;
        if letter == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && !letter.is_whitespace() {
            word.push('\\');
        }
        word.push(letter);
        escaped = false;
    }
    words
}

/// A pattern as a regular expression of whole paths relative to the root.
fn matcher(pattern: &str, dialect: Dialect) -> Option<Regex> {
    let expression = match dialect {
        Dialect::GitHub => github(pattern),
        Dialect::GitLab => gitlab(pattern),
        Dialect::Forgejo => format!("^(?:{pattern})$"),
    };
    Regex::new(&expression).ok()
}

/// As git ignores files, with one difference: `/*` at the end does not go deeper. A pattern with a
/// slash before its end is anchored at the root.
fn github(pattern: &str) -> String {
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
fn wildcards(segment: &str) -> String {
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

/// As Ruby's `fnmatch` with FNM_PATHNAME and FNM_DOTMATCH, after GitLab's own preparation: without
/// a leading slash at any depth, a folder only with a slash at the end.
fn gitlab(pattern: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    fn owned(text: &str, path: &str, dialect: Dialect) -> &'static str {
        match CodeOwners::read(FileId(0), text, dialect).ownership(path) {
            Ownership::Owned(_) => "owned",
            Ownership::Unowned(_) => "unowned",
            Ownership::Optional(_) => "optional",
            Ownership::Unmatched => "unmatched",
        }
    }

    fn messages(text: &str, dialect: Dialect) -> Vec<String> {
        CodeOwners::read(FileId(0), text, dialect)
            .mistakes()
            .iter()
            .map(|mistake| mistake.message.clone())
            .collect()
    }

    #[test]
    fn the_last_line_that_matches_counts() {
        let text = "* @a\n/apps/ @b # note\n/apps/x/\n";
        for (path, expected) in [
            ("README.md", "owned"),
            ("apps/y/z.yaml", "owned"),
            ("apps/x/z.yaml", "unowned"),
        ] {
            assert_eq!(owned(text, path, Dialect::GitHub), expected, "{path}");
        }
        assert_eq!(owned("/apps/ @b", "docs/a", Dialect::GitHub), "unmatched");
    }

    #[test]
    fn each_forge_matches_patterns_in_its_own_way() {
        // pattern, path, GitHub, GitLab
        for (pattern, path, github, gitlab) in [
            ("docs/*", "docs/a.md", true, true),
            ("docs/*", "docs/a/b.md", false, false),
            ("docs/*", "x/docs/a.md", false, true),
            ("/*", "a.md", true, true),
            ("/*", "a/b.md", false, false),
            ("*", "a/b.md", true, true),
            ("apps/", "x/apps/a", true, true),
            ("apps", "x/apps/a", true, false),
            ("/apps", "apps/a", true, false),
            ("/apps/", "x/apps/a", false, false),
            ("/apps/", "apps/a/b/c", true, true),
            ("*.yaml", "a/b/c.yaml", true, true),
            (
                "overlays/production/",
                "apps/x/overlays/production/k.yaml",
                false,
                true,
            ),
            (
                "**/production/",
                "apps/x/overlays/production/k.yaml",
                true,
                true,
            ),
            ("/apps/*/base/", "apps/x/base/k.yaml", true, true),
            ("/apps/*/base/", "apps/x/y/base/k.yaml", false, false),
            (
                "/apps/**/production",
                "apps/a/b/production/k.yaml",
                true,
                false,
            ),
            ("/apps/**/production/", "apps/production/k.yaml", true, true),
            ("/apps/**", "apps/a/b", true, false),
            ("/a?c", "abc", true, true),
            ("/.github/", ".github/x", true, true),
            ("a\\ b", "a b", true, true),
            ("{a,b}.yaml", "a.yaml", false, false),
        ] {
            for (dialect, expected) in [(Dialect::GitHub, github), (Dialect::GitLab, gitlab)] {
                let found = owned(&format!("{pattern} @a"), path, dialect) == "owned";
                assert_eq!(found, expected, "{pattern} {path} {dialect:?}");
            }
        }
        assert_eq!(owned("/[ab].yaml @a", "b.yaml", Dialect::GitLab), "owned");
        assert_eq!(
            owned("/[!ab].yaml @a", "b.yaml", Dialect::GitLab),
            "unmatched"
        );
        assert_eq!(
            owned(
                "apps/.*/production/.* @a",
                "apps/x/production/k",
                Dialect::Forgejo
            ),
            "owned"
        );
        assert_eq!(
            owned("production @a", "apps/production/k", Dialect::Forgejo),
            "unmatched"
        );
    }

    #[test]
    fn sections_count_each_for_itself() {
        let text = "[Docs] @docs\n*.md\n[Apps]\n/apps/ @a\n^[Security][2] @s\n/secrets/\n[apps]\n/apps/x/\n!/apps/y/\n/apps/y/ @late\n";
        for (path, expected) in [
            ("apps/x.md", "owned"),
            ("x.md", "owned"),
            ("x.yaml", "unmatched"),
            ("secrets/a", "optional"),
            ("apps/x/a", "unowned"),
            ("apps/y/a", "unowned"),
            ("apps/y/a.md", "owned"),
        ] {
            assert_eq!(owned(text, path, Dialect::GitLab), expected, "{path}");
        }
    }

    #[test]
    fn what_a_forge_skips_owns_nothing() {
        let text = "* @a\n/apps/ acme/platform\n!/x @a\n\\#y @a\n/[ab] @a\n/bots/ @renovate[bot]\n/mail/ a@example.com\n";
        assert_eq!(messages(text, Dialect::GitHub).len(), 5);
        let owners = CodeOwners::read(FileId(0), text, Dialect::GitHub);
        assert!(
            matches!(owners.ownership("apps/a"), Ownership::Owned(line) if line.pattern == "*")
        );
        assert_eq!(owned("/a/ acme @b", "a/x", Dialect::GitLab), "owned");
        assert_eq!(
            messages(
                "/a/ @@maintainers @group/sub/deep\n/b/ @@admin\n",
                Dialect::GitLab
            )
            .len(),
            1
        );
        assert_eq!(
            messages("/a/ @x\n/a/ @y\n", Dialect::GitHub),
            ["this line has no effect: the same pattern appears below with other owners"]
        );
        let huge = "# filler\n".repeat(GITHUB_LIMIT / 9 + 1) + "* @a\n";
        assert!(CodeOwners::read(FileId(0), &huge, Dialect::GitHub).is_ignored());
    }

    #[test]
    fn the_first_place_of_the_forge_counts() {
        let files = Files::default();
        let find = |tree: &[(&str, &str)]| {
            CodeOwners::find(&Memory::new(tree.iter().copied()), &files).unwrap()
        };
        let both = find(&[(".github/CODEOWNERS", "* @a\n"), ("CODEOWNERS", "* @b\n")]);
        assert_eq!((both.dialect, both.mistakes().len()), (Dialect::GitHub, 1));
        let headings = find(&[("CODEOWNERS", "[All]\n* @a\n")]);
        assert_eq!(
            (headings.dialect, headings.mistakes().len()),
            (Dialect::GitLab, 0)
        );
        assert_eq!(
            find(&[(".gitlab/CODEOWNERS", "* @a\n"), (".gitlab-ci.yml", "")]).dialect,
            Dialect::GitLab
        );
        assert_eq!(
            find(&[(".forgejo/CODEOWNERS", ".* @a\n")]).dialect,
            Dialect::Forgejo
        );
    }

    #[test]
    fn a_pattern_that_nearly_matches_is_told() {
        let owners = CodeOwners::read(
            FileId(0),
            "overlays/production/ @a\n/base/* @a\n",
            Dialect::GitHub,
        );
        assert_eq!(
            owners
                .near_miss("apps/x/overlays/production/k")
                .map(|(_, better)| better)
                .as_deref(),
            Some("**/overlays/production/")
        );
        assert_eq!(
            owners
                .near_miss("base/a/b")
                .map(|(_, better)| better)
                .as_deref(),
            Some("/base/")
        );
        assert!(owners.near_miss("elsewhere").is_none());
    }
}
