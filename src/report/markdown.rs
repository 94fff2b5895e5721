//! `markdown`: a table for the summary of a CI step or a comment. A step summary holds at most 1
//! MiB, so a long list is cut.

use std::io::{self, Write};

use super::{count, printable, summary};
use crate::check::Outcome;
use crate::finding::{Located, Severity};

/// Rows of the table.
const ROWS: usize = 200;
/// Characters of a message.
const MESSAGE: usize = 600;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mark = match (
        outcome.checked_anything() || outcome.counts.unconcerned > 0,
        outcome
            .findings
            .iter()
            .map(|located| located.finding.severity)
            .max(),
    ) {
        (false, _) | (_, Some(Severity::Error)) => "❌",
        (_, Some(Severity::Warning)) => "⚠️",
        _ => "✅",
    };
    writeln!(
        out,
        "## gitops-lint\n\n{mark} {}",
        escape(&summary(outcome))
    )?;
    if outcome.findings.is_empty() {
        return Ok(());
    }
    let mut findings: Vec<&Located> = outcome.findings.iter().collect();
    // the worst first, so that a cut list loses the least
    findings.sort_by_key(|located| std::cmp::Reverse(located.finding.severity));
    writeln!(
        out,
        "\n| severity | rule | place | finding |\n|---|---|---|---|"
    )?;
    for located in findings.iter().take(ROWS) {
        let (finding, place) = (&located.finding, &located.location);
        let mut message = escape(&shortened(finding.message.trim_end()));
        if let Some(help) = &finding.help {
            message.push_str(&format!("<br>{}", escape(&shortened(help))));
        }
        if !finding.also_in.is_empty() {
            message.push_str(&format!(
                "<br>also in {}",
                count(finding.also_in.len(), "overlay")
            ));
        }
        let (severity, rule, file) = (
            finding.severity.as_str(),
            escape(&finding.rule),
            escape(&place.file),
        );
        writeln!(
            out,
            "| {severity} | {rule} | {file}:{} | {message} |",
            place.line
        )?;
    }
    if findings.len() > ROWS {
        writeln!(out, "\n{} more not shown here", findings.len() - ROWS)?;
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(MESSAGE).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// Text that Markdown shows as it is: no markup, no HTML, no links, no mentions, no end of the
/// table's cell.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for line in text.lines() {
        if !escaped.is_empty() {
            escaped.push(' ');
        }
        for character in printable(line).chars() {
            match character {
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '&' => escaped.push_str("&amp;"),
                // an entity, as GitHub sees mentions and links through a backslash
                '@' => escaped.push_str("&#64;"),
                ':' => escaped.push_str("&#58;"),
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '$' | '!' => {
                    escaped.push('\\');
                    escaped.push(character);
                }
                character => escaped.push(character),
            }
        }
    }
    // GitHub links host names even without a scheme
    escaped.replace("www.", "www&#46;")
}
