//! The changes as Markdown, for a comment on a pull request. Changes that exceed the length of a
//! comment are left out and counted.

use super::text::unified;
use super::{Side, title};
use crate::compare::ResourceChange;
use crate::report::{escape_markdown, printable};
use crate::wording::count;

/// Characters that a comment on a pull request can hold, with room for text around it.
const MARKDOWN_LIMIT: usize = 60_000;
/// The most characters of one resource.
const RESOURCE_LIMIT: usize = 20_000;

pub(super) fn diff(sides: &[Side], all: bool) -> String {
    let (mut text, mut left_out, mut in_overlays) = (String::new(), 0, 0);
    for side in sides.iter().filter(|side| side.is_worth_showing()) {
        let room = MARKDOWN_LIMIT.saturating_sub(text.len());
        let (section, skipped) = section(side, all, room);
        left_out += skipped;
        in_overlays += usize::from(skipped > 0);
        text.push_str(&section);
    }
    if left_out > 0 {
        let resources = count(left_out, "more resource");
        let overlays = count(in_overlays, "overlay");
        text.push_str(&format!(
            "{resources} in {overlays} not shown here; `gitops-lint diff` shows everything.\n"
        ));
    }
    match (text.is_empty(), all) {
        (true, true) => "No overlay changes.\n".to_string(),
        (true, false) => "No unexpected differences.\n".to_string(),
        (false, _) => text,
    }
}

/// The changes of one overlay. What does not fit a comment is counted.
pub(super) fn whole(side: &Side) -> String {
    let (mut section, skipped) = section(side, true, MARKDOWN_LIMIT / 3);
    if skipped > 0 {
        section.push_str(&format!(
            "{} not shown here\n\n",
            count(skipped, "more resource")
        ));
    }
    section
}

/// The changes of one overlay as far as there is room, and how many resources are left out. A heading
/// without anything below it is left out as well.
fn section(side: &Side, all: bool, room: usize) -> (String, usize) {
    let (app, paths) = (escape_markdown(&side.overlay.app), paths(side));
    let mut section = format!("### {app}: {paths}{}\n\n", side.incomplete());
    let mut skipped = 0;
    for change in &side.changes {
        let piece = folded(side, change, all);
        if section.len() + piece.len() > room {
            skipped += 1;
        } else {
            section.push_str(&piece);
        }
    }
    let shows_something = skipped < side.changes.len();
    if shows_something || (side.changes.is_empty() && section.len() <= room) {
        (section, skipped)
    } else {
        (String::new(), skipped)
    }
}

fn paths(side: &Side) -> String {
    // a backtick would end the code
    let code = |path: &str| {
        if path.contains('`') {
            escape_markdown(path)
        } else {
            format!("`{}`", printable(path))
        }
    };
    if side.from == side.to {
        code(side.to)
    } else {
        format!("{} → {}", code(side.from), code(side.to))
    }
}

/// One resource, folded under its name. A very long one is cut.
fn folded(side: &Side, change: &ResourceChange, all: bool) -> String {
    let text = unified(side, change, all);
    let (mut body, mut lines) = (String::new(), text.lines());
    for line in lines.by_ref() {
        body.push_str(&printable(line));
        body.push('\n');
        if body.len() > RESOURCE_LIMIT {
            break;
        }
    }
    let left = lines.count();
    if left > 0 {
        body.push_str(&format!("… {}\n", count(left, "more line")));
    }
    let fence = "`".repeat(
        body.split(|letter| letter != '`')
            .map(str::len)
            .max()
            .unwrap_or_default()
            .max(2)
            + 1,
    );
    let summary = escape_html(&title(change));
    format!("<details><summary>{summary}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n\n")
}

/// A text inside an HTML element: no markup, and no mentions.
fn escape_html(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('@', "&#64;")
}
