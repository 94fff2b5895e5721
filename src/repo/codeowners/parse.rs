//! Reading the lines of a CODEOWNERS file, and what is wrong with them.

use super::pattern::matcher;
use super::{CodeOwners, Dialect, Mistake, OwnerLine, Section};
use crate::yaml::{By, Origin};

/// GitHub ignores a file of this size altogether.
pub(super) const GITHUB_LIMIT: usize = 3 << 20;

/// A heading of a section: whether it is optional, its name, what stands behind it.
pub(super) fn heading(line: &str) -> Option<(bool, &str, &str)> {
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
}

impl Parser {
    pub(super) fn at(&self, start: usize, length: usize) -> Origin {
        let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Origin {
            file: self.owners.file,
            start: place(start),
            end: place(start.saturating_add(length)),
            by: By::Manifest,
        }
    }

    pub(super) fn wrong(
        &mut self,
        start: usize,
        length: usize,
        message: String,
        help: impl Into<String>,
    ) {
        let origin = self.at(start, length);
        self.owners.mistakes.push(Mistake {
            origin,
            message,
            help: help.into(),
            harmful: true,
        });
    }

    pub(super) fn line(&mut self, start: usize, line: &str) {
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

    pub(super) fn heading(
        &mut self,
        start: usize,
        content: &str,
        (optional, name, rest): (bool, &str, &str),
    ) {
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
    pub(super) fn twice(&mut self) {
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
pub(super) fn wrong_pattern(
    line: &str,
    pattern: &str,
    dialect: Dialect,
) -> Option<(String, &'static str)> {
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

pub(super) fn is_owner(word: &str, dialect: Dialect) -> bool {
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
pub(super) fn wrong_owner(word: &str, dialect: Dialect) -> (String, &'static str) {
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
pub(super) fn words(line: &str) -> Vec<(usize, usize, String)> {
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
