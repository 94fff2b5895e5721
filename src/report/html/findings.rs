//! The findings of the page: the worst first, each with the lines of every file that is involved.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{escape, left_out, with_code};
use crate::check::Outcome;
use crate::finding::{Located, Severity};
use crate::report::windows::{Mark, Shown, Window, cut, windows};
use crate::report::{Options, count, sarif, url};
use crate::rules;
use crate::secrets::lines::HiddenLines;
use crate::source::Files;

/// Bytes of all findings. Browsers open larger pages slowly.
const MOST: usize = 8 << 20;
/// Lines shown above and below a place.
const CONTEXT: usize = 2;
/// Characters of a line that are shown.
const LINE: usize = 400;
/// The most places of one finding.
const PLACES: usize = 12;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    writeln!(out, "<h2 id=\"findings\">Findings</h2>")?;
    if outcome.findings.is_empty() {
        return writeln!(out, "<p class=\"good\">no findings</p>");
    }
    write_filters(outcome, out)?;
    let mut findings: Vec<&Located> = outcome.findings.iter().collect();
    findings.sort_by_key(|located| std::cmp::Reverse(located.finding.severity));
    let hidden = HiddenLines::default();
    let (mut length, mut skipped) = (0, 0);
    for located in findings {
        let text = article(located, &outcome.files, &hidden, options);
        if length + text.len() > MOST {
            skipped += 1;
            continue;
        }
        length += text.len();
        out.write_all(text.as_bytes())?;
    }
    left_out(out, skipped, "more finding")
}

/// The filters. Only the script shows them, because nothing works without it.
fn write_filters(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<form hidden>")?;
    for severity in Severity::ALL.into_iter().rev() {
        let name = severity.as_str();
        let number = outcome
            .findings
            .iter()
            .filter(|located| located.finding.severity == severity)
            .count();
        let checked = match severity {
            // information is hidden unless it is all there is
            Severity::Info if number < outcome.findings.len() => "",
            _ => " checked",
        };
        write!(
            out,
            "<label class=\"{name}\"><input type=\"checkbox\" value=\"{name}\"{checked}> {}</label>",
            count(number, name)
        )?;
    }
    let names = |name: &dyn Fn(&Located) -> Option<String>| -> BTreeSet<String> {
        outcome.findings.iter().filter_map(name).collect()
    };
    let lists = [
        ("app", "every app", names(&app)),
        ("environment", "every environment", names(&environment)),
        (
            "rule",
            "every rule",
            names(&|one| Some(one.finding.rule.clone())),
        ),
    ];
    for (name, all, values) in lists {
        write!(
            out,
            "<select name=\"{name}\" aria-label=\"{name}\"><option value=\"\">{all}</option>"
        )?;
        for value in values {
            let value = escape(&value);
            write!(out, "<option value=\"{value}\">{value}</option>")?;
        }
        write!(out, "</select>")?;
    }
    writeln!(
        out,
        "<input type=\"search\" name=\"text\" placeholder=\"text in a finding\" aria-label=\"text in a finding\">\
         <button type=\"reset\">reset</button><span class=\"soft\" id=\"shown\"></span></form>"
    )
}

fn app(located: &Located) -> Option<String> {
    let overlay = located.finding.overlay.as_deref();
    overlay.map(|overlay| overlay.app.clone())
}

fn environment(located: &Located) -> Option<String> {
    located.finding.environment().map(str::to_string)
}

fn article(located: &Located, files: &Files, hidden: &HiddenLines, options: &Options) -> String {
    let finding = &located.finding;
    let severity = finding.severity.as_str();
    let rule = escape(&finding.rule);
    let (app, environment) = (app(located), environment(located));
    let message = finding.message.trim_start_matches([':', ' ']).trim_end();
    let mut text = format!(
        "<article class=\"{severity}\" data-severity=\"{severity}\" data-rule=\"{rule}\" data-app=\"{}\" data-environment=\"{}\">\n\
         <h3>{}</h3>\n<p><span class=\"tag level {severity}\">{severity}</span><a class=\"tag\" href=\"#rule-{rule}\">{rule}</a>",
        escape(app.as_deref().unwrap_or_default()),
        escape(environment.as_deref().unwrap_or_default()),
        with_code(message),
    );
    let resource = finding.resource.as_ref();
    let resource = resource.map(|id| format!("{}/{}", id.kind, id.name));
    for tag in [app, environment, resource].into_iter().flatten() {
        text.push_str(&format!("<span class=\"tag soft\">{}</span>", escape(&tag)));
    }
    text.push_str("</p>\n");
    let mut marks = Mark::all(located);
    cut(&mut marks, PLACES);
    let first = located.location.clone();
    for window in windows(marks, files, CONTEXT) {
        text.push_str(&figure(window, &first, files, (hidden, options)));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("<p>help: {}</p>\n", with_code(help)));
    }
    if let Some(fix) = &located.fix {
        text.push_str(&format!(
            "<p>fix: {} (<code>gitops-lint check --fix</code>)</p>\n",
            escape(&fix.title)
        ));
    }
    if !finding.also_in.is_empty() {
        text.push_str(&format!(
            "<details><summary>also in {}</summary><p>{}</p></details>\n",
            count(finding.also_in.len(), "overlay"),
            escape(&finding.also_in.join(", "))
        ));
    }
    text.push_str("</article>\n");
    text
}

/// Lines of a file with the marked places, and the label of each below it.
fn figure(
    window: Window,
    first: &crate::finding::Location,
    files: &Files,
    (hidden, options): (&HiddenLines, &Options),
) -> String {
    let file = files.get(window.file);
    let secrets = hidden.of(&file);
    let top = window
        .marks
        .first()
        .map_or(window.from, |mark| mark.location.line);
    let shown = format!("{}:{top}", file.path_in_revision());
    let caption = match (&options.links, &file.revision) {
        (Some(base), None) => format!(
            "<a href=\"{}\">{}</a>",
            escape(&format!("{base}{}#L{top}", sarif::uri(&file.path))),
            escape(&shown)
        ),
        (_, Some(revision)) => escape(&format!("{shown} at {revision}")),
        _ => escape(&shown),
    };
    let mut text =
        format!("<figure><figcaption>{caption}</figcaption><div class=\"scroll\"><table>\n");
    for number in window.from..=window.to {
        let line = secrets.shown(number, file.line(number));
        let line = line.trim_start_matches('\u{feff}');
        let marks = window.marks.iter();
        let here: Vec<&Mark> = marks.filter(|mark| mark.location.line == number).collect();
        let column = here.iter().map(|mark| mark.location.column).min();
        let mut plain = String::new();
        let cut = Shown::new(line, (column.unwrap_or(1), true), LINE, &mut plain);
        let spans = here.iter().map(|mark| cut.marked(mark.location)).collect();
        text.push_str(&format!(
            "<tr><td class=\"number\">{number}</td><td class=\"code\">{}</td></tr>\n",
            marked(&plain, spans)
        ));
        for mark in here {
            let Some(label) = &mark.text else { continue };
            let class = if mark.location == first {
                " class=\"first\""
            } else {
                ""
            };
            text.push_str(&format!(
                "<tr{class}><td></td><td class=\"label\">↑ {}</td></tr>\n",
                with_code(label)
            ));
        }
    }
    text.push_str("</table></div></figure>\n");
    text
}

/// A line whose places are marked.
fn marked(line: &str, mut spans: Vec<(usize, usize)>) -> String {
    spans.sort_unstable();
    let (mut text, mut at) = (String::new(), 0);
    for (from, to) in spans {
        let (from, to) = (from.max(at), to.max(at));
        let (before, inner) = (line.get(at..from), line.get(from..to));
        if let (Some(before), Some(inner)) = (before, inner.filter(|inner| !inner.is_empty())) {
            text.push_str(&format!("{}<mark>{}</mark>", escape(before), escape(inner)));
            at = to;
        }
    }
    text.push_str(&escape(line.get(at..).unwrap_or_default()));
    text
}

/// The pages of the rules that found something.
pub(super) fn write_rules(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let found = outcome.findings.iter().map(|one| one.finding.rule.as_str());
    let found: BTreeSet<&str> = found.collect();
    if found.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2 id=\"rules\">Rules</h2>")?;
    for id in found {
        let rule = rules::find(id).map(|rule| rule.metadata());
        let summary = rule.map_or("a policy", |metadata| metadata.summary);
        let page = rule.map(|metadata| metadata.documentation());
        let link = Some(url(id)).filter(|url| url.contains("://"));
        let link = link.map(|url| format!("<p><a href=\"{0}\">{0}</a></p>", escape(&url)));
        writeln!(
            out,
            "<details id=\"rule-{0}\"><summary><code>{0}</code> {1}</summary>{2}<pre>{3}</pre></details>",
            escape(id),
            escape(summary),
            link.unwrap_or_default(),
            escape(page.as_deref().unwrap_or(summary)),
        )?;
    }
    Ok(())
}
