//! `github`: workflow commands, which GitHub Actions shows as annotations on the changed lines.
//!
//! GitHub keeps ten annotations of a level for one step. The others are written as ordinary lines
//! of the log, so that it stays readable. The SARIF file and the step summary have no such limit.

use std::io::{self, Write};

use super::{Options, concise, printable, printable_lines, summary};
use crate::check::Outcome;
use crate::finding::{Located, Severity};

/// Annotations of one level that GitHub keeps for a step.
const ANNOTATIONS: usize = 10;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let mut rest = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let findings = outcome
            .findings
            .iter()
            .filter(|located| located.finding.severity == severity);
        for (index, located) in findings.enumerate() {
            if index < ANNOTATIONS {
                writeln!(out, "{}", command(located))?;
            } else {
                rest.push(located);
            }
        }
    }
    if !rest.is_empty() {
        writeln!(
            out,
            "GitHub keeps {ANNOTATIONS} annotations of a level for a step; the rest:"
        )?;
        rest.sort_by(|a, b| a.order(b));
        for located in rest {
            // a line that starts with `::` would be taken for a command
            writeln!(out, "- {}", concise::line(located))?;
        }
    }
    if outcome.failed {
        // the finding says why
    } else if !outcome.checked_anything() {
        writeln!(
            out,
            "::error title=gitops-lint::{}",
            data(&summary(outcome))
        )?;
    } else if options.summary {
        writeln!(out, "{}", summary(outcome))?;
    }
    Ok(())
}

fn command(located: &Located) -> String {
    let (finding, place) = (&located.finding, &located.location);
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut message = finding.message.trim_end().to_string();
    if let Some(revision) = &place.revision {
        message.push_str(&format!(" (at {revision})"));
    }
    if let Some(help) = &finding.help {
        message.push_str(&format!("\n{help}"));
    }
    for (related, place) in finding.related.iter().zip(&located.related) {
        let revision = place
            .revision
            .as_deref()
            .map(|revision| format!(" at {revision}"))
            .unwrap_or_default();
        message.push_str(&format!(
            "\n{}:{}{revision}: {}",
            place.file, place.line, related.message
        ));
    }
    if !finding.also_in.is_empty() {
        message.push_str(&format!("\nalso in: {}", finding.also_in.join(", ")));
    }
    // GitHub ignores columns if the annotation spans several lines, and refuses an end before the
    // start
    let (end_line, columns) = if place.end_line == place.line {
        (
            place.line,
            format!(
                ",col={},endColumn={}",
                place.column,
                place.end_column.max(place.column)
            ),
        )
    } else {
        (place.end_line.max(place.line), String::new())
    };
    format!(
        "::{level} file={},line={},endLine={end_line}{columns},title={}::{}",
        property(&place.file),
        place.line,
        property(&finding.rule),
        data(&printable_lines(&message))
    )
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    printable(&data(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}
