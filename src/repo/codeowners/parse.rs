//! Reads the lines of a CODEOWNERS file and collects what the forge ignores in them.

use super::mistake::{Mistake, MistakeKind, Problem};
use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::Pattern;
use super::{CodeOwners, Dialect, OwnerLine, Section};
use crate::yaml::{By, Origin};

/// GitHub ignores a file of this size altogether.
pub(super) const GITHUB_LIMIT: usize = 3 << 20;

/// The parts of a section heading: `^[Docs][2] @docs` is optional, `Docs` and `[2] @docs`.
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

pub(super) fn has_headings(text: &str) -> bool {
    text.lines().any(|line| heading(line.trim()).is_some())
}

pub(super) struct Parser {
    pub(super) owners: CodeOwners,
    pub(super) section: usize,
    /// The numbers of the sections by name, in lower case.
    pub(super) named: HashMap<String, usize>,
}

impl Parser {
    fn at(&self, start: usize, length: usize) -> Origin {
        let position = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Origin {
            file: self.owners.file,
            start: position(start),
            end: position(start.saturating_add(length)),
            by: By::Manifest,
        }
    }

    /// Records that the forge does not accept a pattern, owner or heading.
    fn reject(&mut self, origin: Origin, pattern: &str, owner: Option<&str>, problem: Problem) {
        self.owners.mistakes.push(Mistake {
            kind: problem.kind,
            pattern: pattern.to_string(),
            owner: owner.map(str::to_string),
            origin,
            message: problem.message,
            help: problem.help.to_string(),
        });
    }

    /// Reads one line; `start` is its offset in the file.
    pub(super) fn line(&mut self, start: usize, line: &str) {
        let content = line.trim();
        let start = start + line.len() - line.trim_start().len();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        let dialect = self.owners.dialect;
        if dialect == Dialect::GitLab {
            if let Some(parts) = heading(content) {
                self.heading(start, content, parts);
                return;
            }
            if content.trim_start_matches('^').starts_with('[') && !content.contains(']') {
                let problem = Problem {
                    kind: MistakeKind::UnclosedHeading,
                    message: "this section heading is not closed".to_string(),
                    help: "add the closing `]`",
                };
                self.reject(self.at(start, content.len()), content, None, problem);
                return;
            }
        }
        let mut words = words(content).into_iter();
        let Some(pattern) = words.next() else {
            return;
        };
        let origin = self.at(start, pattern.length);
        if let Some(mut problem) = wrong_pattern(content, &pattern.text, dialect) {
            problem.message = format!("{}; {} skips this line", problem.message, dialect.name());
            self.reject(origin, &pattern.text, None, problem);
            return;
        }
        if pattern.text.starts_with('@') && is_owner(&pattern.text, dialect) {
            let owner = &pattern.text;
            let problem = Problem {
                kind: MistakeKind::MissingPattern,
                message: format!(
                    "this line has no pattern: {} reads the owner `{owner}` as a path",
                    dialect.name()
                ),
                help: "write the files before the owner: `* @acme/team` for all files",
            };
            self.reject(origin, owner, None, problem);
        }
        if let Some(named) = self.line_owners(start, &pattern.text, words) {
            self.add(pattern.text, origin, named);
        }
    }

    /// The owners that a line names; `None` if the forge skips the line because of one of them.
    fn line_owners(
        &mut self,
        start: usize,
        pattern: &str,
        words: impl Iterator<Item = Word>,
    ) -> Option<Vec<String>> {
        let dialect = self.owners.dialect;
        let gitlab = dialect == Dialect::GitLab;
        let (mut named, mut comment) = (Vec::new(), false);
        for word in words {
            comment |= word.text.starts_with('#');
            let valid = is_owner(&word.text, dialect);
            // GitLab also takes owners from `# @acme`, which is a comment for the other forges
            if comment && !(gitlab && valid) {
                continue;
            }
            if valid {
                named.push(word.text);
                continue;
            }
            let mut problem = wrong_owner(&word.text, dialect);
            problem.message = match dialect {
                Dialect::GitLab => format!("{}; GitLab ignores it", problem.message),
                _ => format!("{}; {} skips this line", problem.message, dialect.name()),
            };
            let origin = self.at(start + word.offset, word.length);
            self.reject(origin, pattern, Some(&word.text), problem);
            if !gitlab {
                return None;
            }
        }
        Some(named)
    }

    /// Adds a valid line.
    fn add(&mut self, pattern: String, origin: Origin, named: Vec<String>) {
        let mut owners: Arc<[String]> = named.into();
        let dialect = self.owners.dialect;
        let rest = pattern
            .strip_prefix('!')
            .filter(|_| dialect != Dialect::GitHub);
        let exclusion = rest.is_some() && dialect == Dialect::GitLab;
        if owners.is_empty() && !exclusion && dialect == Dialect::GitLab {
            let section = self.owners.sections.get(self.section);
            owners = section.map_or(owners, |section| section.owners.clone());
        }
        let line = OwnerLine {
            owners,
            origin,
            section: self.section,
            exclusion,
            negated: rest.is_some() && !exclusion,
            matcher: Pattern::read(rest.unwrap_or(&pattern), dialect),
            pattern,
        };
        self.owners.lines.push(line);
    }

    fn heading(&mut self, start: usize, content: &str, (optional, name, rest): (bool, &str, &str)) {
        let (approvals, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((approvals, rest)) => (Some(approvals), rest),
            None => (None, rest),
        };
        let required = approvals.map(|approvals| approvals.trim().parse::<u32>().unwrap_or(0));
        if required == Some(0) {
            let problem = Problem {
                kind: MistakeKind::InvalidApprovals,
                message:
                    "the number of required approvals is not a positive integer; GitLab uses 1"
                        .to_string(),
                help: "write an integer of at least 1 in the second brackets",
            };
            self.reject(self.at(start, content.len()), content, None, problem);
        }
        let approvals = required.unwrap_or(1).max(1);
        let mut owners = Vec::new();
        for word in words(rest).into_iter().map(|word| word.text) {
            if word.starts_with('#') {
                continue;
            }
            if is_owner(&word, Dialect::GitLab) {
                owners.push(word);
                continue;
            }
            let mut problem = wrong_owner(&word, Dialect::GitLab);
            problem.message.push_str("; GitLab ignores it");
            let origin = self.at(start, content.len());
            self.reject(origin, content, Some(&word), problem);
        }
        // GitLab merges `[Docs]` and `[docs]` into one section
        let new = self.owners.sections.len();
        self.section = *self.named.entry(name.to_ascii_lowercase()).or_insert(new);
        let owners: Arc<[String]> = owners.into();
        match self.owners.sections.get_mut(self.section) {
            Some(section) => {
                section.optional &= optional;
                section.approvals = section.approvals.max(approvals);
                // lines without owners below this heading get its owners
                section.owners = owners;
            }
            None => self.owners.sections.push(Section {
                name: name.to_ascii_lowercase(),
                optional,
                approvals,
                owners,
            }),
        }
    }

    /// Reports lines without effect: the same pattern follows with other owners.
    pub(super) fn report_repeated_patterns(&mut self) {
        if self.owners.dialect == Dialect::Forgejo {
            return;
        }
        let mut below: HashMap<(&str, usize), &OwnerLine> = HashMap::new();
        let repeated = self.owners.lines.iter().rev().filter(|line| {
            let next = below.insert((line.pattern.as_str(), line.section), line);
            next.is_some_and(|other| other.owners != line.owners)
        });
        let found = repeated.map(|line| Mistake {
            kind: MistakeKind::RepeatedPattern,
            pattern: line.pattern.clone(),
            owner: None,
            origin: line.origin,
            message: "this line has no effect: the same pattern appears below with other owners"
                .to_string(),
            help: "list all owners of a pattern on one line".to_string(),
        });
        let found: Vec<Mistake> = found.collect();
        self.owners.mistakes.extend(found);
        self.owners
            .mistakes
            .sort_by_key(|mistake| mistake.origin.start);
    }
}

/// Why the forge does not accept a pattern, if so.
fn wrong_pattern(line: &str, pattern: &str, dialect: Dialect) -> Option<Problem> {
    let (kind, message, help) = match dialect {
        Dialect::Forgejo if Pattern::read(pattern.trim_start_matches('!'), dialect).is_none() => (
            MistakeKind::InvalidExpression,
            format!("`{pattern}` is not a valid regular expression"),
            "fix the regular expression",
        ),
        Dialect::GitHub if pattern.starts_with('!') => (
            MistakeKind::Exclusion,
            format!("`{pattern}` is an exclusion, which is not supported"),
            "add a later line with the other owners for the excluded paths",
        ),
        Dialect::GitHub if line.starts_with("\\#") => (
            MistakeKind::EscapedHash,
            "a pattern cannot start with `\\#`".to_string(),
            "match the folder instead",
        ),
        Dialect::GitHub if pattern.contains('[') && pattern.contains(']') => (
            MistakeKind::CharacterRange,
            format!("`{pattern}` has a character range, which is not supported"),
            "use `*`, or write one line for each character",
        ),
        Dialect::GitHub if pattern.contains("***") => (
            MistakeKind::TripleAsterisk,
            format!("`{pattern}` has three asterisks in a row, which is not supported"),
            "write `**`",
        ),
        _ => return None,
    };
    Some(Problem {
        kind,
        message,
        help,
    })
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

/// Why the forge does not accept an owner.
fn wrong_owner(word: &str, dialect: Dialect) -> Problem {
    if word.contains("[bot]") || word.starts_with("app/") || word.starts_with("@app/") {
        return Problem {
            kind: MistakeKind::AppAsOwner,
            message: format!("`{word}` is an app, and apps cannot be owners"),
            help: "use a person or a team",
        };
    }
    Problem {
        kind: MistakeKind::InvalidOwner,
        message: format!("`{word}` is not a valid owner"),
        help: match dialect {
            Dialect::GitLab => {
                "use `@user`, `@group/subgroup`, `@@maintainer` or an e-mail address"
            }
            _ => "use `@user`, `@organisation/team` or an e-mail address",
        },
    }
}

/// A word of a line, at its offset and with its length as written.
struct Word {
    offset: usize,
    length: usize,
    text: String,
}

/// The words of a line. A backslash keeps a space in a word: `/my\ docs/`.
fn words(line: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut open, mut escaped) = (false, false);
    for (at, letter) in line.char_indices() {
        if letter.is_whitespace() && !escaped {
            open = false;
            continue;
        }
        if !open {
            words.push(Word {
                offset: at,
                length: 0,
                text: String::new(),
            });
            open = true;
        }
        let Some(word) = words.last_mut() else {
            continue;
        };
        word.length = at + letter.len_utf8() - word.offset;
        if letter == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && !letter.is_whitespace() {
            word.text.push('\\');
        }
        word.text.push(letter);
        escaped = false;
    }
    words
}
