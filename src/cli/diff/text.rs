//! The changes as text.

use similar::TextDiff;

use super::{Side, title};
use crate::compare::{Change, ResourceChange, secrets};
use crate::report::printable;
use crate::wording::count;
use crate::yaml::{Node, write};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

/// The changes of two environments, and how many of their overlays differ.
pub(super) fn diff(sides: &[Side], all: bool) -> String {
    let shown = sides.iter().filter(|side| side.is_worth_showing());
    let text: String = shown.map(|side| section(side, all)).collect();
    let differing = sides.iter().filter(|side| !side.changes.is_empty()).count();
    format!("{text}{}", conclusion(differing, sides.len(), all))
}

/// The changes between two revisions, and how many of the overlays changed.
pub(super) fn between_revisions(sides: &[Side], compared: usize, names: (&str, &str)) -> String {
    let text: String = sides.iter().map(|side| section(side, true)).collect();
    format!(
        "{text}{} of {} changed between {} and {}\n",
        sides.len(),
        count(compared, "overlay"),
        names.0,
        names.1
    )
}

/// The changes of one overlay.
fn section(side: &Side, all: bool) -> String {
    let app = printable(&side.overlay.app);
    let mut text = format!("{app}: {}{}\n", side.paths(), side.incomplete());
    for change in &side.changes {
        text.push_str(&format!("{}\n", printable(&title(change))));
        let lines = unified(side, change, all);
        text.extend(lines.lines().map(|line| format!("  {}\n", printable(line))));
    }
    text.push('\n');
    text
}

/// The lines of a change. `all`: the whole object as YAML on both sides, instead of only the values
/// that are not expected to differ.
pub(super) fn unified(side: &Side, change: &ResourceChange, all: bool) -> String {
    if all || change.change != Change::Changed {
        let (from, to) = secrets::masked(change.from.as_ref(), change.to.as_ref());
        let text = |node: &Option<Node>| node.as_ref().map(write::write).unwrap_or_default();
        let (before, after) = (text(&from), text(&to));
        let diff = TextDiff::from_lines(&before, &after);
        return diff
            .unified_diff()
            .context_radius(CONTEXT)
            .header(side.from, side.to)
            .to_string();
    }
    let mut lines = String::new();
    for value in &change.changes {
        let (before, after) = secrets::masked_change(change.resource(), value);
        lines.push_str(&format!(
            "  {}\n",
            secrets::named_path(change.resource(), value)
        ));
        for (mark, node) in [('-', before), ('+', after)] {
            let text = node.map(|node| write::write(&node)).unwrap_or_default();
            lines.extend(text.lines().map(|line| format!("{mark}   {line}\n")));
        }
    }
    lines
}

/// `2 of 3 pairs have unexpected differences`, `no unexpected differences in 1 pair`.
fn conclusion(differing: usize, compared: usize, all: bool) -> String {
    let (kind, hint) = if all {
        ("differences", "")
    } else {
        (
            "unexpected differences",
            " (--all also shows the expected ones)",
        )
    };
    let pairs = count(compared, "pair");
    match differing {
        0 => format!("no {kind} in {pairs}{hint}\n"),
        1 if compared == 1 => format!("1 pair has {kind}{hint}\n"),
        1 => format!("1 of {pairs} has {kind}{hint}\n"),
        _ => format!("{differing} of {pairs} have {kind}{hint}\n"),
    }
}
