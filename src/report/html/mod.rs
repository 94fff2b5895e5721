//! `html`: one self-contained page. Verdict, promotion matrix, findings with the lines of all their
//! files and filters, and the rendered environments side by side.
//!
//! The page loads nothing, and a policy in it lets nothing run but its own script. Without scripts
//! it shows everything.

mod findings;
mod sides;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::page::Matrix;
use super::{Options, VersionMove, count, printable, summary};
use crate::check::Outcome;
use crate::finding::Severity;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Rows of the matrix that are shown unfolded.
const ROWS: usize = 20;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let worst = outcome.findings.iter();
    let worst = worst.map(|located| located.finding.severity).max();
    let is_checked = outcome.checked_anything() || outcome.counts.unconcerned > 0;
    let class = match worst {
        _ if !is_checked => "error",
        Some(Severity::Error) => "error",
        Some(Severity::Warning) => "warning",
        _ => "good",
    };
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>gitops-lint</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>gitops-lint</h1><button id=\"theme\" type=\"button\" hidden>dark / light</button></header>\n\
         <p class=\"verdict {class}\">{}</p>\n",
        hash(STYLE),
        hash(SCRIPT),
        escape(&summary(outcome)),
    )?;
    for note in &options.notes {
        writeln!(out, "<p class=\"note\">{}</p>", with_code(note))?;
    }
    write_contents(outcome, out, options)?;
    write_moves(out, &options.page.moves)?;
    write_matrix(out, &options.page.matrix)?;
    findings::write(outcome, out, options)?;
    sides::write(out, &options.page.comparisons)?;
    findings::write_rules(outcome, out)?;
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// The hash by which the policy of the page knows its style and its script.
fn hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

/// Links to the sections that the page has.
fn write_contents(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let sections = [
        (
            "versions",
            "Versions of this change",
            !options.page.moves.is_empty(),
        ),
        (
            "matrix",
            "What runs where",
            !options.page.matrix.rows.is_empty(),
        ),
        ("findings", "Findings", !outcome.findings.is_empty()),
        (
            "sides",
            "Side by side",
            !options.page.comparisons.is_empty(),
        ),
        ("rules", "Rules", !outcome.findings.is_empty()),
    ];
    let links = sections.iter().filter(|(.., is_there)| *is_there);
    let links: Vec<String> = links
        .map(|(id, title, _)| format!("<a href=\"#{id}\">{title}</a>"))
        .collect();
    writeln!(out, "<nav>{}</nav>", links.join(""))
}

fn write_moves(out: &mut dyn Write, moves: &[VersionMove]) -> io::Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    write!(
        out,
        "<h2 id=\"versions\">Versions of this change</h2>\n<div class=\"scroll\"><table class=\"grid\">\n\
         <tr><th>app</th><th>environment</th><th>version of</th><th>before</th><th>after</th><th>proof</th></tr>\n"
    )?;
    for one in moves {
        let (class, mark) = if one.is_proved {
            ("good", "✓")
        } else {
            ("error", "✗")
        };
        let cells = [
            &one.app,
            &one.environment,
            &one.name,
            &one.before,
            &one.after,
        ];
        let cells = cells.map(|cell| format!("<td>{}</td>", escape(cell)));
        writeln!(
            out,
            "<tr>{}<td class=\"{class}\">{mark} {}</td></tr>",
            cells.concat(),
            escape(&one.proof)
        )?;
    }
    writeln!(out, "</table></div>")
}

fn write_matrix(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    if matrix.rows.is_empty() {
        return Ok(());
    }
    let names = matrix.environments.iter();
    let names: String = names
        .map(|name| format!("<th>{}</th>", escape(name)))
        .collect();
    let open = match matrix.open.iter().filter(|one| !one.is_ahead).count() {
        0 => "no promotion is open".to_string(),
        1 => "1 promotion is open".to_string(),
        number => format!("{number} promotions are open"),
    };
    // a long table would hide the findings below it
    let unfolded = if matrix.rows.len() > ROWS {
        ""
    } else {
        " open"
    };
    write!(
        out,
        "<h2 id=\"matrix\">What runs where</h2>\n<details{unfolded}><summary>{open}; a version that \
         differs from the one in the environment before is marked</summary>\n\
         <div class=\"scroll\"><table class=\"grid\">\n<tr><th>app</th>{names}</tr>\n"
    )?;
    for row in &matrix.rows {
        write!(out, "<tr><th>{}</th>", escape(&row.app))?;
        for cell in &row.cells {
            let differs = if cell.iter().any(|one| one.differs) {
                " class=\"differs\""
            } else {
                ""
            };
            write!(out, "<td{differs}>")?;
            for one in cell {
                let place = one.variant.as_deref().map(|variant| format!("{variant}: "));
                let title = one.since.as_deref().map(|since| format!("since {since}"));
                write!(
                    out,
                    "<div title=\"{}\">{}{} <span class=\"name\">{}</span></div>",
                    escape(&title.unwrap_or_default()),
                    escape(&place.unwrap_or_default()),
                    escape(&one.version),
                    escape(
                        one.name
                            .rsplit(['/', '`'])
                            .find(|part| !part.is_empty())
                            .unwrap_or(&one.name)
                    ),
                )?;
            }
            write!(out, "</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div></details>")
}

/// The number of those that are left out: `<p>3 more findings not shown here</p>`
fn left_out(out: &mut dyn Write, number: usize, noun: &str) -> io::Result<()> {
    match number {
        0 => Ok(()),
        number => writeln!(
            out,
            "<p class=\"note\">{} not shown here</p>",
            count(number, noun)
        ),
    }
}

/// A message: what stands in backticks is code.
fn with_code(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    // an odd backtick is one of the text
    if parts.len().is_multiple_of(2) {
        return escape(message);
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        1 => format!("<code>{}</code>", escape(part)),
        _ => escape(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text inside an element or an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            escaped.push('\n');
        }
        for letter in printable(line).chars() {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                letter => escaped.push(letter),
            }
        }
    }
    escaped
}
