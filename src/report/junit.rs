//! `junit`: JUnit XML for CI systems that show test results. Every checked overlay is a test case.
//! A finding at or above the failing level is a failed test case; any other finding is the output
//! of a passing one.

use std::io::{self, Write};

use super::{Options, concise, summary};
use crate::check::Outcome;
use crate::finding::Located;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let fails = |located: &&Located| {
        options
            .fail_on
            .is_some_and(|level| located.finding.severity >= level)
    };
    let failures = outcome.findings.iter().filter(fails).count();
    let empty = usize::from(!outcome.checked_anything());
    let total = outcome.overlays.len() + outcome.findings.len() + empty;
    let counts = format!(
        "name=\"gitops-lint\" tests=\"{total}\" failures=\"{failures}\" errors=\"{empty}\""
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites {counts}>")?;
    writeln!(out, "  <testsuite {counts}>")?;
    if empty > 0 {
        writeln!(
            out,
            "    <testcase classname=\"gitops-lint\" name=\"check\">"
        )?;
        writeln!(
            out,
            "      <error message=\"{}\"/>",
            escape(&summary(outcome))
        )?;
        writeln!(out, "    </testcase>")?;
    }
    for checked in &outcome.overlays {
        let name = if checked.complete {
            "rendered"
        } else {
            "rendered in part"
        };
        writeln!(
            out,
            "    <testcase classname=\"{}\" name=\"{name}\"/>",
            escape(&checked.overlay.path)
        )?;
    }
    for located in &outcome.findings {
        let (finding, place) = (&located.finding, &located.location);
        let class = finding.overlay_path().unwrap_or("repository");
        let name = format!("{}: {}", finding.rule, finding.message);
        let (class, name, file) = (escape(class), escape(&name), escape(&place.file));
        writeln!(
            out,
            "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{file}\" line=\"{}\">",
            place.line
        )?;
        let mut text = concise::line(located);
        if let Some(help) = &finding.help {
            text.push_str(&format!("\nhelp: {help}"));
        }
        if !finding.also_in.is_empty() {
            text.push_str(&format!("\nalso in: {}", finding.also_in.join(", ")));
        }
        let text = escape(&text);
        if fails(&located) {
            let (message, kind) = (escape(&finding.message), escape(&finding.rule));
            writeln!(
                out,
                "      <failure message=\"{message}\" type=\"{kind}\">{text}</failure>"
            )?;
        } else {
            writeln!(out, "      <system-out>{text}</system-out>")?;
        }
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

/// Text for XML 1.0, in which most control characters cannot be written at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character if character.is_control() => escaped.extend(character.escape_unicode()),
            character => escaped.push(character),
        }
    }
    escaped
}
