//! Records in Markdown.
//!
//! A table has a column for the app and one for the version, or one column for each environment. A
//! list has items such as `- api: 1.2.3`. A heading may name the app or the environment.

use super::Claim;
use super::subject::Subject;
use super::version::Version;
use super::words::{Words, plain};
use crate::yaml::{By, FileId, Origin};

pub(super) fn read(text: &str, file: FileId, words: &Words) -> Vec<Claim> {
    let mut page = Page {
        words,
        file,
        headings: Vec::new(),
        columns: Vec::new(),
        claims: Vec::new(),
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        page.read_line(line, start);
        start += line.len();
    }
    page.claims
}

/// What a column of a table holds.
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
    claims: Vec<Claim>,
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
        let is_rule = |(cell, _): &(&str, usize)| {
            cell.chars().all(|letter| matches!(letter, '-' | ':' | ' '))
        };
        if self.columns.is_empty() {
            let titles = cells.iter();
            self.columns = titles.map(|(cell, _)| column(cell, self.words)).collect();
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
        self.claims
            .extend(subject.claim(Version::read(version, origin)));
    }

    fn read_row(&mut self, cells: &[(&str, usize)]) {
        let subject = self.subject_of_row(cells);
        let mut version = Version::default();
        let mut claims = Vec::new();
        for ((cell, at), column) in cells.iter().zip(&self.columns) {
            let origin = self.origin(cell, *at);
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
                    claims.extend(subject.claim(Version::read(cell, origin)));
                }
                _ => {}
            }
        }
        claims.extend(subject.claim(version));
        self.claims.extend(claims);
    }

    /// The app, environment and variant that the headings and the other cells of a row name.
    fn subject_of_row(&self, cells: &[(&str, usize)]) -> Subject {
        let filled = |cell: &str| Some(plain(cell).to_string()).filter(|cell| !cell.is_empty());
        let mut subject = self.subject();
        for ((cell, _), column) in cells.iter().zip(&self.columns) {
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

/// The cells of a row, each with its offset.
fn cells(line: &str, at: usize) -> Vec<(&str, usize)> {
    let inner = line.trim_end().trim_end_matches('|');
    let begin = inner.len() - inner.trim_start().trim_start_matches('|').len();
    let mut found = Vec::new();
    let mut start = begin;
    for cell in inner.get(begin..).unwrap_or_default().split('|') {
        let lead = cell.len() - cell.trim_start().len();
        found.push((cell.trim(), at + start + lead));
        start += cell.len() + 1;
    }
    found
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
