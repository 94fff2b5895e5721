//! `markdown`: the comment of a pull request, or the summary of a CI step. The verdict comes first,
//! then the versions that the change moves, the findings by app, the worst first, and the rendered
//! changes, folded.
//!
//! GitHub takes comments of at most 65,536 characters, so the least severe findings are left out
//! above that.

use std::io::{self, Write};

use super::{Options, VersionMove, count, printable, sarif, summary};
use crate::check::Outcome;
use crate::finding::{Located, Severity};

/// Begins every report, so that a later one can replace it.
pub(super) const MARKER: &str = "<!-- gitops-lint -->";
/// The characters of a report. The rest of what a comment may hold is for the last lines.
const MOST: usize = 60_000;
/// Characters of a message.
const MESSAGE: usize = 600;
/// Rows of the table of versions.
const ROWS: usize = 50;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let mut page = format!(
        "{MARKER}\n## gitops-lint\n\n{} {}\n",
        verdict(outcome),
        escape(&summary(outcome))
    );
    page.push_str(&versions(&options.page.moves));
    let mut findings: Vec<&Located> = outcome.findings.iter().collect();
    // the worst first, so that a cut list loses the least
    findings.sort_by_key(|located| std::cmp::Reverse(located.finding.severity));
    let mut left_out = 0;
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let of_severity = findings
            .iter()
            .filter(|located| located.finding.severity == severity);
        let of_severity: Vec<&Located> = of_severity.copied().collect();
        left_out += section(&mut page, severity, &of_severity, options);
    }
    if left_out > 0 {
        page.push_str(&format!(
            "\n{} not shown here\n",
            count(left_out, "more finding")
        ));
    }
    page.push_str(&changes(
        &options.page.changes,
        MOST.saturating_sub(page.len()),
    ));
    write!(out, "{page}")
}

/// The rendered changes, folded, as far as there is room.
fn changes(sections: &[String], room: usize) -> String {
    /// Characters of the heading and of the last line.
    const AROUND: usize = 200;
    if sections.is_empty() || room < AROUND {
        return String::new();
    }
    let (mut text, mut shown) = (String::new(), 0);
    for section in sections {
        if text.len() + section.len() + AROUND > room {
            break;
        }
        text.push_str(section);
        shown += 1;
    }
    let mut folded = format!(
        "\n<details><summary>Rendered changes in {}</summary>\n\n{text}",
        count(sections.len(), "overlay")
    );
    if shown < sections.len() {
        let more = count(sections.len() - shown, "more overlay");
        folded.push_str(&format!(
            "{more} not shown here; `gitops-lint diff` shows everything.\n\n"
        ));
    }
    folded.push_str("</details>\n");
    folded
}

fn verdict(outcome: &Outcome) -> &'static str {
    let is_checked = outcome.checked_anything() || outcome.counts.unconcerned > 0;
    let findings = outcome.findings.iter();
    let worst = findings.map(|located| located.finding.severity).max();
    match worst {
        _ if !is_checked => "❌",
        Some(Severity::Error) => "❌",
        Some(Severity::Warning) => "⚠️",
        _ => "✅",
    }
}

/// The versions that the change moves, each with its proof.
fn versions(moves: &[VersionMove]) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n### Versions\n\n| app | environment | version of | before | after | proof |\n|---|---|---|---|---|---|\n",
    );
    for one in moves.iter().take(ROWS) {
        let cells = [
            &one.app,
            &one.environment,
            &one.name,
            &one.before,
            &one.after,
            &one.proof,
        ];
        let cells = cells.map(|cell| escape(&shortened(cell)));
        let mark = if one.is_proved { "✅" } else { "❌" };
        let [app, environment, name, before, after, proof] = cells;
        text.push_str(&format!(
            "| {app} | {environment} | {name} | {before} | {after} | {mark} {proof} |\n"
        ));
    }
    if moves.len() > ROWS {
        text.push_str(&format!(
            "\n{} not shown here\n",
            count(moves.len() - ROWS, "more version")
        ));
    }
    text
}

/// The findings of a severity by app; information is folded. Returns how many have no room.
fn section(
    page: &mut String,
    severity: Severity,
    findings: &[&Located],
    options: &Options,
) -> usize {
    if findings.is_empty() {
        return 0;
    }
    let (mark, title) = match severity {
        Severity::Error => ("❌", "error"),
        Severity::Warning => ("⚠️", "warning"),
        Severity::Info => ("ℹ️", "info"),
    };
    let heading = count(findings.len(), title);
    let is_folded = severity == Severity::Info;
    if is_folded {
        page.push_str(&format!("\n<details><summary>{mark} {heading}</summary>\n"));
    } else {
        page.push_str(&format!("\n### {mark} {heading}\n"));
    }
    let mut by_app: Vec<&Located> = findings.to_vec();
    let app = |located: &Located| {
        located
            .finding
            .overlay
            .as_deref()
            .map(|overlay| overlay.app.clone())
    };
    by_app.sort_by_key(|located| app(located));
    let mut left_out = 0;
    let mut last = None;
    for located in by_app {
        let block = block(located, options);
        if page.len() + block.len() > MOST {
            left_out += 1;
            continue;
        }
        let own = app(located).unwrap_or_else(|| "the repository".to_string());
        if last.as_ref() != Some(&own) {
            page.push_str(&format!("\n**{}**\n\n", escape(&own)));
            last = Some(own);
        }
        page.push_str(&block);
    }
    if is_folded {
        page.push_str("\n</details>\n");
    }
    left_out
}

/// A finding as an item of a list: message, place, help.
fn block(located: &Located, options: &Options) -> String {
    let finding = &located.finding;
    let message = finding.message.trim_start_matches([':', ' ']).trim_end();
    let mut text = format!(
        "- {} ({})<br>{}",
        escape(&shortened(message)),
        escape(&finding.rule),
        linked(located, options)
    );
    for (related, at) in finding.related.iter().zip(&located.related).take(3) {
        let related = escape(&shortened(&related.message));
        text.push_str(&format!(
            "<br>{}&#58;{}: {related}",
            escape(&at.file),
            at.line
        ));
    }
    if !finding.also_in.is_empty() {
        text.push_str(&format!(
            "<br>also in {}",
            count(finding.also_in.len(), "overlay")
        ));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("<br>help: {}", escape(&shortened(help))));
    }
    text.push('\n');
    text
}

/// The place of a finding, as a link if the address of the repository is known.
fn linked(located: &Located, options: &Options) -> String {
    let place = &located.location;
    let shown = format!("{}&#58;{}", escape(&place.file), place.line);
    match &options.links {
        Some(base) if place.revision.is_none() => {
            format!(
                "[{shown}]({base}{}#L{})",
                sarif::uri(&place.file),
                place.line
            )
        }
        _ => shown,
    }
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
