//! The rendered objects of two environments, side by side.

use std::io::{self, Write};

use super::{escape, left_out};
use crate::report::count;
use crate::report::page::{ComparedObject, Comparison, SideLine};

pub(super) fn write(out: &mut dyn Write, comparisons: &[Comparison]) -> io::Result<()> {
    if comparisons.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2 id=\"sides\">Side by side</h2>\n<p class=\"note\">The rendered objects of an environment \
         and of the one before it. Values of Secrets are hidden.</p>"
    )?;
    for one in comparisons {
        let incomplete = if one.complete {
            ""
        } else {
            " (cannot be rendered completely)"
        };
        writeln!(
            out,
            "<details><summary>{}: {} → {} <span class=\"soft\">{}{incomplete}</span></summary>",
            escape(&one.app),
            escape(&one.from),
            escape(&one.to),
            numbers(one),
        )?;
        for object in &one.objects {
            write_object(out, one, object)?;
        }
        left_out(out, one.left_out, "more object")?;
        writeln!(out, "</details>")?;
    }
    Ok(())
}

/// `1 object with unexpected differences, 3 with expected ones, 2 equal`
fn numbers(one: &Comparison) -> String {
    let unexpected = one.objects.iter().filter(|object| !object.is_expected);
    let unexpected = unexpected.count();
    let different = one.objects.len() + one.left_out;
    match (unexpected, different) {
        (0, 0) => format!("{} equal", count(one.equal, "object")),
        (0, _) => format!(
            "{} with expected differences, {} equal",
            count(different, "object"),
            one.equal
        ),
        _ => format!(
            "{} with unexpected differences, {} with expected ones, {} equal",
            count(unexpected, "object"),
            different - unexpected,
            one.equal
        ),
    }
}

fn write_object(out: &mut dyn Write, one: &Comparison, object: &ComparedObject) -> io::Result<()> {
    let (open, remark) = match object.is_expected {
        true => ("", " <span class=\"soft\">expected differences</span>"),
        false => (" open", ""),
    };
    let head = |name: &str, path: &str| {
        format!(
            "<th colspan=\"2\">{} <span class=\"soft\">{}</span></th>",
            escape(name),
            escape(path)
        )
    };
    write!(
        out,
        "<details{open}><summary>{}{remark}</summary>\n<div class=\"scroll\"><table class=\"sides\">\n\
         <colgroup><col class=\"number\"><col><col class=\"number\"><col></colgroup>\n<tr>{}{}</tr>\n",
        escape(&object.title),
        head(&one.from, &one.paths.0),
        head(&one.to, &one.paths.1),
    )?;
    for line in &object.lines {
        write_line(out, line)?;
    }
    writeln!(out, "</table></div></details>")
}

fn write_line(out: &mut dyn Write, line: &SideLine) -> io::Result<()> {
    let cell = |class: &str, number: usize, text: &str| {
        format!(
            "<td class=\"number{class}\">{number}</td><td class=\"code{class}\">{}</td>",
            escape(text)
        )
    };
    match line {
        SideLine::Gap(lines) => writeln!(
            out,
            "<tr class=\"gap\"><td colspan=\"4\">{}</td></tr>",
            count(*lines, "equal line")
        ),
        SideLine::Equal((left, right), text) => writeln!(
            out,
            "<tr>{}{}</tr>",
            cell("", *left, text),
            cell("", *right, text)
        ),
        SideLine::Different(left, right) => {
            let side = |class: &str, side: &Option<(usize, String)>| match side {
                Some((number, text)) => cell(class, *number, text),
                None => "<td></td><td></td>".to_string(),
            };
            writeln!(
                out,
                "<tr>{}{}</tr>",
                side(" gone", left),
                side(" new", right)
            )
        }
    }
}
