//! Records in Markdown.
//!
//! A table has a column for the app and one for the version, or one column for each environment. A
//! list has items such as `- api: 1.2.3`. A heading may name the app or the environment.

use super::Statement;
use super::subject::Subject;
use super::version::Version;
use super::words::{Words, plain};
use crate::yaml::{By, FileId, Origin};

pub(super) fn read(text: &str, file: FileId, words: &Words) -> Vec<Statement> {
    let mut page = Page {
        words,
        file,
        headings: Vec::new(),
        columns: Vec::new(),
        statements: Vec::new(),
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        page.read_line(line, start);
        start += line.len();
    }
    page.statements
}

/// The content of a column of a table.
enum Column {
    App,
    Environment,
    Variant,
    Image,
    Version,
    Digest,
    /// The versions of this environment and variant.
    VersionIn(usize, Option<String>),
    Other,
}

/// A file while it is read line by line.
struct Page<'w> {
    words: &'w Words<'w>,
    file: FileId,
    /// The headings above this line: the depth of each, and the subject that it and the headings
    /// above it name.
    headings: Vec<(usize, Subject)>,
    /// The columns of the table that this line belongs to.
    columns: Vec<Column>,
    statements: Vec<Statement>,
}

impl Page<'_> {
    /// Reads a line that starts at the offset `at`.
    fn read_line(&mut self, line: &str, at: usize) {
        let trimmed = line.trim();
        if let Some(title) = trimmed.strip_prefix('#') {
            self.read_heading(title);
            return;
        }
        if !trimmed.contains('|') {
            self.columns.clear();
            self.read_item(line, at);
            return;
        }
        let cells = cells(line, at);
        let is_rule = |cell: &Cell| {
            let mut letters = cell.text.chars();
            letters.all(|letter| matches!(letter, '-' | ':' | ' '))
        };
        if self.columns.is_empty() {
            let titles = cells.iter();
            self.columns = titles.map(|cell| column(&cell.text, self.words)).collect();
        } else if !cells.iter().all(is_rule) {
            self.read_row(&cells);
        }
    }

    fn subject(&self) -> Subject {
        self.headings
            .last()
            .map(|(_, subject)| subject.clone())
            .unwrap_or_default()
    }

    /// `title` is the line after its first `#`.
    fn read_heading(&mut self, title: &str) {
        let text = title.trim_start_matches('#');
        let depth = title.len() - text.len();
        self.headings.retain(|(other, _)| *other < depth);
        let mut subject = self.subject();
        subject.read(plain(text), self.words);
        self.headings.push((depth, subject));
        self.columns.clear();
    }

    /// `- api: 1.2.3` below the heading of an environment, or `- production: 1.2.3` below that of an
    /// app.
    fn read_item(&mut self, line: &str, at: usize) {
        let Some((name, version)) = line
            .trim_start()
            .strip_prefix(['-', '*'])
            .and_then(|item| item.split_once(": "))
        else {
            return;
        };
        let mut subject = self.subject();
        subject.read(plain(name), self.words);
        let origin = self.origin(version, at + line.len() - version.len());
        self.statements
            .extend(subject.claim(Version::read(version, origin)));
    }

    fn read_row(&mut self, cells: &[Cell]) {
        let subject = self.subject_of_row(cells);
        let mut version = Version::default();
        let mut statements = Vec::new();
        for (
            Cell {
                text: cell,
                at,
                end,
            },
            column,
        ) in cells.iter().zip(&self.columns)
        {
            let origin = Origin {
                file: self.file,
                start: *at as u32,
                end: *end as u32,
                by: By::Manifest,
            };
            match column {
                Column::Version => {
                    let read = Version::read(cell, origin);
                    version = Version {
                        image: read.image.or(version.image),
                        tag: read.tag.or(version.tag),
                        digest: read.digest.or(version.digest),
                    };
                }
                Column::Digest => {
                    version.digest = Version::read(&format!("@{}", plain(cell)), origin).digest;
                }
                Column::VersionIn(environment, variant) => {
                    let subject = Subject {
                        environment: Some(*environment),
                        variant: variant.clone(),
                        ..subject.clone()
                    };
                    statements.extend(subject.claim(Version::read(cell, origin)));
                }
                _ => {}
            }
        }
        statements.extend(subject.claim(version));
        self.statements.extend(statements);
    }

    /// The app, environment and variant that the headings and the other cells of a row name.
    fn subject_of_row(&self, cells: &[Cell]) -> Subject {
        let filled = |cell: &str| Some(plain(cell).to_string()).filter(|cell| !cell.is_empty());
        let mut subject = self.subject();
        for (Cell { text: cell, .. }, column) in cells.iter().zip(&self.columns) {
            match column {
                Column::App => subject.app = self.words.app(cell).or(subject.app.take()),
                Column::Environment => {
                    if let Some((environment, variant)) = self.words.environment(cell) {
                        (subject.environment, subject.variant) = (Some(environment), variant);
                    }
                }
                Column::Variant => subject.variant = filled(cell),
                Column::Image => subject.image = filled(cell),
                _ => {}
            }
        }
        subject
    }

    fn origin(&self, text: &str, at: usize) -> Origin {
        Origin {
            file: self.file,
            start: at as u32,
            end: (at + text.trim_end().len()) as u32,
            by: By::Manifest,
        }
    }
}

/// A cell of a table.
struct Cell {
    /// Its text, without the escapes of Markdown.
    text: String,
    /// Its offsets in the file.
    at: usize,
    end: usize,
}

/// The cells of a row.
fn cells(line: &str, at: usize) -> Vec<Cell> {
    let inner = line.trim_end().trim_end_matches('|');
    let begin = inner.len() - inner.trim_start().trim_start_matches('|').len();
    let mut found = Vec::new();
    let mut start = begin;
    for cell in inner.get(begin..).unwrap_or_default().split('|') {
        let at = at + start + cell.len() - cell.trim_start().len();
        found.push(Cell {
            text: unescape(cell.trim()),
            at,
            end: at + cell.trim().len(),
        });
        start += cell.len() + 1;
    }
    found
}

/// Undoes what `status --format markdown` writes so that Markdown shows a text as it is: a
/// backslash before punctuation, and entities such as `&#64;`.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let entity = || {
            let (name, after) = after.split_once(';')?;
            let character = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                _ => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
            };
            Some((character, after))
        };
        let escaped = after.chars().next().filter(char::is_ascii_punctuation);
        let (character, after) = match (first, escaped) {
            ('\\', Some(escaped)) => (escaped, &after[1..]),
            ('&', _) => entity().unwrap_or((first, after)),
            _ => (first, after),
        };
        plain.push(character);
        rest = after;
    }
    plain
}

fn column(title: &str, words: &Words) -> Column {
    if let Some((environment, variant)) = words.environment(title) {
        return Column::VersionIn(environment, variant);
    }
    match plain(title).to_lowercase().as_str() {
        "app" | "application" | "service" | "component" | "name" => Column::App,
        "environment" | "env" | "stage" => Column::Environment,
        "variant" | "region" | "cluster" => Column::Variant,
        "image" | "repository" => Column::Image,
        "version" | "tag" | "running" | "deployed" => Column::Version,
        "digest" => Column::Digest,
        _ => Column::Other,
    }
}
