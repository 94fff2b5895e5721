//! `concise`: one line for each finding, `file:line:column: severity[rule] message`, for editors,
//! `grep` and short logs.

use std::io::{self, Write};

use super::{Options, printable, write_end};
use crate::check::Outcome;
use crate::finding::Located;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    for located in outcome.findings.iter().filter(|_| !options.statistics) {
        let file = match located.location.revision {
            None => {
                let path = &located.location.file;
                options.paths.linked(&options.paths.of(path), path)
            }
            Some(_) => printable(&located.location.file).into_owned(),
        };
        writeln!(out, "{}", line_at(located, &file))?;
    }
    if options.statistics {
        for row in super::groups::table(outcome, options.width) {
            writeln!(out, "{row}")?;
        }
    }
    write_end(outcome, out, options)
}

/// The line of a finding.
pub(super) fn line(located: &Located) -> String {
    line_at(located, &printable(&located.location.file))
}

fn line_at(located: &Located, file: &str) -> String {
    let (finding, place) = (&located.finding, &located.location);
    let also = match finding.also_in.len() {
        0 => String::new(),
        1 => " (also in 1 overlay)".to_string(),
        several => format!(" (also in {several} overlays)"),
    };
    let revision = place
        .revision
        .as_deref()
        .map(|revision| format!("{}:", printable(revision)))
        .unwrap_or_default();
    format!(
        "{revision}{}:{}:{}: {}[{}] {}{also}",
        file,
        place.line,
        place.column,
        finding.severity.as_str(),
        printable(&finding.rule),
        printable(finding.message.trim_end()),
    )
}
