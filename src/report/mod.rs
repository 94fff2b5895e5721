//! Reports of a check, in the format that a person or a program asked for. Each format is one file;
//! all of them write the same [`Outcome`] in the same order.
//!
//! Here: the names of the formats, the summary line, and escaping of text from checked files for
//! the terminal. Not here: where a report goes (`cli`).

mod concise;
mod github;
mod gitlab;
mod groups;
mod html;
pub mod json;
mod junit;
mod markdown;
mod page;
mod pretty;
mod safe;
mod sarif;
mod windows;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::check::{Counts, Outcome};
use crate::finding::Severity;
use crate::source::Files;
pub use crate::wording::count;
use crate::wording::wrapped;
use crate::yaml::Origin;
pub(crate) use markdown::escape as escape_markdown;
pub use page::{
    ComparedObject, Comparison, Matrix, MatrixCell, MatrixRow, OpenPromotion, Page, SideLine,
    VersionMove,
};
pub(crate) use sarif::uri as encoded_path;

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Code frames for people.
    Pretty,
    /// One line a finding.
    Concise,
    /// JSON, version 1.
    Json,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit XML.
    Junit,
    /// Markdown for a step summary or a comment.
    Markdown,
    /// One self-contained page.
    Html,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: [Format; 9] = [
        Format::Pretty,
        Format::Concise,
        Format::Json,
        Format::Sarif,
        Format::Github,
        Format::Gitlab,
        Format::Junit,
        Format::Markdown,
        Format::Html,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Pretty => "pretty",
            Format::Concise => "concise",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Github => "github",
            Format::Gitlab => "gitlab",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Html => "html",
        }
    }

    /// The format of a name.
    pub fn parse(name: &str) -> Option<Format> {
        Format::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
    }
}

/// The options with which a report is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// True if the output can show colors.
    pub color: bool,
    /// The column at which text for people is wrapped; `None` (for logs and files) does not wrap
    /// it.
    pub width: Option<usize>,
    /// True if formats for people end with the summary line.
    pub summary: bool,
    /// True if formats for people list the checked overlays.
    pub overlays: bool,
    /// The lowest severity that fails the check; `None` if nothing does.
    pub fail_on: Option<Severity>,
    /// The lowest severity that `pretty` draws; it counts the others.
    pub least: Severity,
    /// True if formats for people print only the number of findings of each rule.
    pub statistics: bool,
    /// Lines before the summary: what was compared, what to do next.
    pub notes: Vec<String>,
    /// The address of the files of the repo at the checked commit, for links in `markdown` and
    /// `html`.
    pub links: Option<String>,
    /// The parts of `markdown` and `html` besides the findings.
    pub page: Page,
    /// Turns paths of the repo into paths from the folder in which the program was started.
    pub paths: ShownPaths,
}

/// Paths as a terminal can open them, which are those of the repo in its root.
#[derive(Clone, Debug, Default)]
pub struct ShownPaths {
    /// The folder of the repo in which the program was started, with `/` at its end.
    pub below: String,
    /// The path from there to the root.
    pub prefix: String,
    /// The address of the root, `file:///srv/config/`, if the terminal has hyperlinks.
    pub address: Option<String>,
}

impl ShownPaths {
    /// A path of the repo, printable.
    pub fn of(&self, path: &str) -> String {
        let shown = match path.strip_prefix(&self.below) {
            Some(rest) if !self.below.is_empty() => rest.to_string(),
            _ => format!("{}{path}", self.prefix),
        };
        printable(&shown).into_owned()
    }

    /// A text with a hyperlink to a file of the repo, where the terminal has them.
    fn linked(&self, text: &str, path: &str) -> String {
        match &self.address {
            Some(root) => {
                let address = format!("{root}{}", sarif::uri(path));
                format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
            }
            None => text.to_string(),
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            color: false,
            width: None,
            summary: true,
            overlays: false,
            fail_on: Some(Severity::Error),
            least: Severity::Info,
            statistics: false,
            notes: Vec::new(),
            links: None,
            page: Page::default(),
            paths: ShownPaths::default(),
        }
    }
}

/// Writes a report. Nothing in it acts on a terminal or on the log of a CI system.
pub fn write(
    format: Format,
    outcome: &Outcome,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    out.write_all(text(format, outcome, options)?.as_bytes())
}

/// A report as text.
pub fn text(format: Format, outcome: &Outcome, options: &Options) -> io::Result<String> {
    let mut bytes = Vec::new();
    write_as(format, outcome, &mut bytes, options)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(safe::report(format, &text).into_owned())
}

/// Text of other commands, and messages, without what acts on a terminal or a log. Line ends and
/// colors stay.
pub fn safe_text(text: &str) -> Cow<'_, str> {
    safe::text(text)
}

fn write_as(
    format: Format,
    outcome: &Outcome,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    match format {
        Format::Pretty => pretty::write(outcome, out, options),
        Format::Concise => concise::write(outcome, out, options),
        Format::Json => json::write(outcome, out),
        Format::Sarif => sarif::write(outcome, out),
        Format::Github => github::write(outcome, out, options),
        Format::Gitlab => gitlab::write(outcome, out),
        Format::Junit => junit::write(outcome, out, options),
        Format::Markdown => markdown::write(outcome, out, options),
        Format::Html => html::write(outcome, out, options),
    }
}

/// A message with a place that is not a finding, such as a mistake in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its title: `error[configuration]`.
    pub title: &'a str,
    /// The mistake.
    pub message: &'a str,
    /// The advice.
    pub help: Option<&'a str>,
    /// The place.
    pub origin: Origin,
    /// The severity with which it is drawn.
    pub severity: Severity,
    /// Labels of this and other places.
    pub related: &'a [(String, Origin)],
}

/// Draws a message with a code frame, as `pretty` draws findings.
pub fn frame(message: &Message<'_>, files: &Files, options: &Options) -> String {
    pretty::frame(message, files, options)
}

/// The address of the files of the project in the version that was built: a release and the action know
/// it. Empty if nobody said it.
const HOME: &str = match option_env!("GITOPS_LINT_HOME") {
    Some(home) => home,
    None => "",
};

/// The address of the documentation of a rule; relative to the project if its home is not known.
pub fn url(rule: &str) -> String {
    let home = HOME.trim_end_matches('/');
    let page = match crate::rules::find(rule) {
        Some(_) => format!("docs/rules/{rule}.md"),
        None if rule == crate::check::FAILED => "docs/reports.md".to_string(),
        // everything else that is reported is a policy
        None => "docs/policies.md".to_string(),
    };
    if home.is_empty() {
        page
    } else {
        format!("{home}/{page}")
    }
}

/// Text from checked files without characters that a terminal would interpret: control characters
/// (including line ends and tabs) and marks that reorder the text.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_printable(&mut safe, character);
    }
    Cow::Owned(safe)
}

/// The same for several lines; line ends stay.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

fn push_printable(safe: &mut String, character: char) {
    if acts_on_terminal(character) {
        safe.extend(character.escape_unicode())
    } else {
        safe.push(character)
    }
}

fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The numbers of findings: `2 errors, 1 warning`, `no findings`.
fn found(counts: &Counts) -> String {
    let kinds = [
        (counts.errors, "error"),
        (counts.warnings, "warning"),
        (counts.infos, "info"),
    ];
    let mut parts: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(*number, noun))
        .collect();
    if parts.is_empty() {
        parts.push("no findings".to_string());
    }
    if counts.suppressed > 0 {
        parts.push(format!("{} suppressed", counts.suppressed));
    }
    parts.join(", ")
}

/// The summary line. It says how much was found and how much was checked, so that a check of
/// nothing does not look clean.
pub fn summary(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let ran = format!(
        "{} and {}",
        count(counts.rules, "rule"),
        count(counts.policies, "policy")
    );
    if outcome.failed {
        return format!("{}; the check could not do its work", found(counts));
    }
    if !outcome.checked_anything() && counts.unconcerned > 0 {
        return format!(
            "{}; no overlay is affected ({} in the repository; {ran} ready)",
            found(counts),
            counts.unconcerned
        );
    }
    if !outcome.checked_anything() {
        return format!(
            "{}; nothing was checked because no overlay was found ({ran} ready)",
            found(counts)
        );
    }
    let incomplete = outcome
        .overlays
        .iter()
        .filter(|overlay| !overlay.complete)
        .count();
    let incomplete = if incomplete == 0 {
        String::new()
    } else {
        format!(", {incomplete} of them incompletely rendered")
    };
    let unseen = match outcome.unseen.len() {
        0 => String::new(),
        unseen => format!("; not checked: {}", count(unseen, "item")),
    };
    format!(
        "{}; checked {}{incomplete} ({}, {}) with {ran}{unseen}",
        found(counts),
        count(outcome.overlays.len(), "overlay"),
        count(counts.apps, "app"),
        count(counts.resources, "resource"),
    )
}

/// Writes the end of formats for people: the checked overlays and the summary line, if they are
/// wanted.
fn write_end(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    for checked in outcome.overlays.iter().filter(|_| options.overlays) {
        let overlay = &checked.overlay;
        let words = [
            Some(overlay.app.as_str()),
            overlay.environment.as_deref(),
            overlay.variant.as_deref(),
        ];
        let words = words
            .into_iter()
            .flatten()
            .map(printable)
            .collect::<Vec<_>>()
            .join(", ");
        let incomplete = if checked.complete {
            ""
        } else {
            " (incompletely rendered)"
        };
        writeln!(
            out,
            "checked {}: {words}{incomplete}",
            printable(&overlay.path)
        )?;
    }
    if options.summary {
        let columns = options.width.unwrap_or(usize::MAX);
        for line in options.notes.iter().chain([&summary(outcome)]) {
            writeln!(out, "{}", wrapped(&printable(line), columns, 2))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
