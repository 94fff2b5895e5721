//! `gitlab`: the code quality report that GitLab shows in a merge request.

use std::io::{self, Write};

use serde::Serialize;

use crate::check::Outcome;
use crate::finding::Severity;

#[derive(Serialize)]
struct Issue<'a> {
    description: &'a str,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Place<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let issues = outcome.findings.iter().map(|located| Issue {
        description: &located.finding.message,
        check_name: &located.finding.rule,
        fingerprint: &located.finding.fingerprint,
        severity: match located.finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Info => "info",
        },
        location: Place {
            path: &located.location.file,
            lines: Lines {
                begin: located.location.line,
                end: located.location.end_line,
            },
        },
    });
    serde_json::to_writer_pretty(&mut *out, &issues.collect::<Vec<_>>())?;
    writeln!(out)
}
