//! `pretty`: a code frame for every file that is involved, drawn by miette.
//!
//! miette accepts only one source for each diagnostic and scans it from the start. [`Frames`]
//! therefore builds a virtual text from small windows of several files. It contains only the lines
//! around each label, with control characters escaped and long lines cut. A finding at the end of a
//! large file then costs no more than one at its start.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan,
};
use miette::{Severity as Level, SpanContents};

use super::groups::{groups, table};
use super::windows::{Mark, Shown, Window, cut, marks, windows};
use super::{Message, Options, ShownPaths, printable, printable_lines, url, write_end};
use crate::check::Outcome;
use crate::finding::{Located, Location, Severity};
use crate::secrets::lines::{HiddenLines, Lines};
use crate::source::{Files, SourceFile};
use crate::wording::{shortened, wrapped};
use crate::yaml::FileId;

/// Lines shown above and below a label.
const CONTEXT: usize = 2;
/// Columns of a frame that is not drawn on a terminal.
const WIDTH: usize = 100;
/// Columns around a line of code, besides the digits of its number: blanks, the gutter and the marks
/// of a line that is cut.
const AROUND: usize = 6;
/// The narrowest line of code and the narrowest label.
const NARROWEST: usize = 30;
const NARROWEST_LABEL: usize = 16;
/// The most labels of one finding that are drawn; further labels are only counted.
const LABELS: usize = 8;

/// One window of a file.
struct Frame {
    name: String,
    /// The path in the repo; `None` for a file of another revision.
    path: Option<Arc<str>>,
    first_line: usize,
    /// Where the window starts in the virtual text.
    start: usize,
    text: String,
}

/// A label: its place in the virtual text and its position in the file.
struct Label {
    start: usize,
    length: usize,
    line: usize,
    column: usize,
    text: Option<String>,
}

/// The virtual text.
#[derive(Default)]
struct Frames {
    /// Characters of a line that are shown.
    line: usize,
    paths: ShownPaths,
    frames: Vec<Frame>,
    /// The primary label first.
    labels: Vec<Label>,
}

impl SourceCode for Frames {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        let frame = self
            .frames
            .iter()
            .find(|frame| frame.start <= span.offset() && end <= frame.start + frame.text.len());
        let frame = frame.ok_or(MietteError::OutOfBounds)?;
        if before > 0 {
            let (whole, lines) = (
                (frame.start, frame.text.len()).into(),
                frame.text.lines().count(),
            );
            let name = frame.name.clone();
            return Ok(Box::new(MietteSpanContents::new_named(
                name,
                frame.text.as_bytes(),
                whole,
                frame.first_line - 1,
                0,
                lines,
            )));
        }
        // without context miette asks for the position that it prints above the frame
        let label = self
            .labels
            .iter()
            .find(|label| label.start == span.offset())
            .ok_or(MietteError::OutOfBounds)?;
        let text = frame
            .text
            .get(span.offset() - frame.start..end - frame.start)
            .unwrap_or_default();
        let (name, line, column) = (frame.name.clone(), label.line - 1, label.column - 1);
        Ok(Box::new(MietteSpanContents::new_named(
            name,
            text.as_bytes(),
            *span,
            line,
            column,
            1,
        )))
    }
}

impl Frames {
    /// The frames of a finding.
    fn of(located: &Located, files: &Files, hidden: &HiddenLines, options: &Options) -> Frames {
        Frames::new(Mark::all(located), files, hidden, options)
    }

    fn new(mut marks: Vec<Mark>, files: &Files, hidden: &HiddenLines, options: &Options) -> Frames {
        cut(&mut marks, LABELS);
        let numbers = marks.iter().map(|mark| mark.location.line + CONTEXT);
        let digits = numbers.max().unwrap_or_default().to_string().len();
        let line = options
            .width
            .unwrap_or(WIDTH)
            .saturating_sub(digits + AROUND);
        let mut frames = Frames {
            line: line.max(NARROWEST),
            paths: options.paths.clone(),
            ..Frames::default()
        };
        for window in windows(marks, files, CONTEXT) {
            let text = files.get(window.file);
            frames.add(&text, &hidden.of(&text), window);
        }
        frames
    }

    /// Adds the window of some lines of a file, with its marks.
    fn add(&mut self, file: &SourceFile, secrets: &Lines, window: Window) {
        let Window {
            from, to, marks, ..
        } = window;
        let start = self
            .frames
            .last()
            .map_or(0, |frame| frame.start + frame.text.len() + 1);
        let mut text = String::new();
        let mut labels: Vec<Option<Label>> = marks.iter().map(|_| None).collect();
        for number in from..=to {
            let line = secrets.shown(number, file.line(number));
            let line = line.trim_start_matches('\u{feff}');
            let here = || marks.iter().filter(|mark| mark.location.line == number);
            let first = here().map(|mark| mark.location.column).min().unwrap_or(1);
            let has_label = here().any(|mark| mark.text.is_some());
            let line_start = text.len();
            // a label at this column needs room
            let has_room = !has_label || first + NARROWEST_LABEL + AROUND <= self.line;
            let shown = Shown::new(line, (first, has_room), self.line, &mut text);
            for (mark, slot) in marks
                .iter()
                .zip(&mut labels)
                .filter(|(mark, _)| mark.location.line == number)
            {
                let location = mark.location;
                let (from, to) = shown.marked(location);
                // the label hangs from the middle of the marked text
                let columns = |part: Option<&str>| part.map_or(0, |part| part.chars().count());
                let anchor = columns(text.get(line_start..from)) + columns(text.get(from..to)) / 2;
                let room = self.line.saturating_sub(anchor + AROUND);
                let wrap = |label: &String| fitted(label, room.max(NARROWEST_LABEL));
                *slot = Some(Label {
                    start: start + from,
                    length: to.saturating_sub(from),
                    line: number,
                    column: location.column,
                    text: mark.text.as_ref().map(wrap),
                });
            }
            text.push('\n');
        }
        self.labels.extend(labels.into_iter().flatten());
        let revision = file
            .revision
            .as_deref()
            .map(|revision| format!(" at {}", printable(revision)))
            .unwrap_or_default();
        let path = match &file.revision {
            None => self.paths.of(&file.path),
            Some(_) => printable(&file.path_in_revision()).into_owned(),
        };
        let name = format!("{path}{revision}");
        self.frames.push(Frame {
            name,
            path: file.revision.is_none().then(|| file.path.clone()),
            first_line: from,
            start,
            text,
        });
    }
}

/// A label of lines that are not wider than its room. A name that is longer is shortened: the line
/// that it labels has it whole.
fn fitted(label: &str, room: usize) -> String {
    let words = label.split(' ').map(|word| shortened(word, room));
    wrapped(&words.collect::<Vec<_>>().join(" "), room, 0)
}

/// A diagnostic for miette to draw.
struct Drawn {
    title: String,
    severity: Severity,
    frames: Frames,
    message: String,
    help: Option<String>,
    url: Option<String>,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.title))
    }
    fn severity(&self) -> Option<Level> {
        Some(match self.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Advice,
        })
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.url
            .as_ref()
            .map(|url| Box::new(url) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.frames)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.frames.labels.iter().enumerate().map(|(index, label)| {
            let span = SourceSpan::from((label.start, label.length));
            match index {
                0 => LabeledSpan::new_primary_with_span(label.text.clone(), span),
                _ => LabeledSpan::new_with_span(label.text.clone(), span),
            }
        });
        Some(Box::new(labels))
    }
}

/// The overlays that share a finding: listed by name if they are few, else counted.
fn also_in(overlays: &[String]) -> Option<String> {
    const NAMED: usize = 3;
    let named = |overlays: &[String]| {
        overlays
            .iter()
            .map(|overlay| printable(overlay).into_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match overlays.len() {
        0 => None,
        number if number <= NAMED => Some(format!(
            "also in {}: {}",
            super::count(number, "overlay"),
            named(overlays)
        )),
        number => Some(format!(
            "also in {number} overlays: {} and {} more",
            named(&overlays[..NAMED]),
            number - NAMED
        )),
    }
}

/// The handler that draws with these options.
fn handler(options: &Options) -> GraphicalReportHandler {
    let theme = if options.color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    GraphicalReportHandler::new_themed(theme)
        .with_links(options.color)
        .with_context_lines(CONTEXT)
        .without_cause_chain()
        .without_syntax_highlighting()
        .with_break_words(false)
        .with_width(options.width.unwrap_or(10_000).max(40))
}

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let hidden = HiddenLines::default();
    let shown = groups(outcome, options.least);
    for group in shown.iter().filter(|_| !options.statistics) {
        for located in group.parts().0 {
            let frame = drawn(located, &outcome.files, &hidden, options);
            writeln!(out, "{}", frame.map_err(io::Error::other)?)?;
        }
        let rest = group.rest(options.fail_on, options.width, &options.paths);
        for line in &rest {
            writeln!(out, "{line}")?;
        }
        if !rest.is_empty() {
            writeln!(out)?;
        }
    }
    write_table(outcome, out, options)?;
    write_end(outcome, out, options)
}

/// Findings from which on a table says how many there are of each rule.
const MANY: usize = 6;

/// The number of findings of each rule, and how many are not drawn.
fn write_table(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    if !options.summary && !options.statistics {
        return Ok(());
    }
    let rows = table(outcome, options.width);
    if options.statistics || (outcome.findings.len() >= MANY && rows.len() > 1) {
        for row in &rows {
            writeln!(out, "{row}")?;
        }
        if !rows.is_empty() {
            writeln!(out)?;
        }
    }
    let hidden = outcome
        .findings
        .iter()
        .filter(|located| located.finding.severity < options.least);
    match hidden.count() {
        0 => Ok(()),
        1 => writeln!(out, "1 info hidden; `--min-severity info` shows it"),
        number => writeln!(
            out,
            "{} hidden; `--min-severity info` shows them",
            super::count(number, "info")
        ),
    }
}

/// One finding as text.
fn drawn(
    located: &Located,
    files: &Files,
    hidden: &HiddenLines,
    options: &Options,
) -> Result<String, fmt::Error> {
    let finding = &located.finding;
    let mut help: Vec<String> = finding
        .help
        .iter()
        .map(|help| printable_lines(help))
        .collect();
    help.extend(also_in(&finding.also_in));
    let diagnostic = Drawn {
        title: format!(
            "{}[{}]",
            finding.severity.as_str(),
            printable(&finding.rule)
        ),
        severity: finding.severity,
        frames: Frames::of(located, files, hidden, options),
        message: printable_lines(finding.message.trim_end()),
        help: (!help.is_empty()).then(|| help.join("\n")),
        url: Some(url(&finding.rule)).filter(|url| url.contains("://")),
    };
    draw(&diagnostic, options)
}

/// A message that is not a finding, such as a mistake in the configuration.
pub(super) fn frame(message: &Message<'_>, files: &Files, options: &Options) -> String {
    let location = Location::resolve(files, message.origin);
    let related: Vec<(&str, FileId, Location)> = message
        .related
        .iter()
        .map(|(text, origin)| {
            (
                text.as_str(),
                origin.file,
                Location::resolve(files, *origin),
            )
        })
        .collect();
    let places = related
        .iter()
        .map(|(text, file, location)| (*text, *file, location));
    let diagnostic = Drawn {
        title: printable(message.title).into_owned(),
        severity: message.severity,
        frames: Frames::new(
            marks((message.origin.file, &location), places),
            files,
            &HiddenLines::default(),
            options,
        ),
        message: printable_lines(message.message),
        help: message.help.map(printable_lines),
        url: None,
    };
    draw(&diagnostic, options)
        .unwrap_or_else(|_| format!("{}: {}", message.title, diagnostic.message))
}

fn draw(diagnostic: &Drawn, options: &Options) -> Result<String, fmt::Error> {
    let mut text = String::new();
    handler(options).render_report(&mut text, diagnostic)?;
    // miette leaves blanks at the ends of lines, and a blank line below the rule
    let lines = text
        .lines()
        .map(str::trim_end)
        .enumerate()
        .filter(|(index, line)| *index != 1 || !line.is_empty());
    let text: String = lines.map(|(_, line)| format!("{line}\n")).collect();
    Ok(with_links(text, &diagnostic.frames))
}

/// Makes the places above the frames, such as `[a.yaml:1:2]`, lead to their files. Colors may stand
/// between the bracket and the path.
fn with_links(text: String, frames: &Frames) -> String {
    if frames.paths.address.is_none() {
        return text;
    }
    let mut linked = String::with_capacity(text.len());
    let mut frames_left = frames.frames.iter().peekable();
    for line in text.split_inclusive('\n') {
        let place = frames_left.peek().and_then(|frame| {
            let bracket = line.find("─[")?;
            let start = bracket + line.get(bracket..)?.find(&format!("{}:", frame.name))?;
            let rest = line.get(start + frame.name.len()..)?;
            let numbers = rest.find(|letter: char| !letter.is_ascii_digit() && letter != ':');
            Some((*frame, start, line.len() - rest.len() + numbers?))
        });
        let Some((frame, start, end)) = place else {
            linked.push_str(line);
            continue;
        };
        frames_left.next();
        let (before, after) = (line.get(..start), line.get(end..));
        match (&frame.path, line.get(start..end)) {
            (Some(path), Some(place)) => {
                linked.push_str(before.unwrap_or_default());
                linked.push_str(&frames.paths.linked(place, path));
                linked.push_str(after.unwrap_or_default());
            }
            _ => linked.push_str(line),
        }
    }
    linked
}
