//! The changes as text.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;

use super::{Side, title};
use crate::compare::{Change, Expectation, ResourceChange, ValueChange, secrets};
use crate::report::printable;
use crate::wording::{count, listed};
use crate::yaml::{Node, write};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

/// The changes of two environments, and how many of their overlays differ.
pub(super) fn diff(sides: &[Side], all: bool) -> String {
    format!("{}{}", sections(sides, all), conclusion(sides, all))
}

/// The changes between two revisions, and how many of the overlays changed.
pub(super) fn between_revisions(sides: &[Side], compared: usize, names: (&str, &str)) -> String {
    let (from, to) = names;
    if compared == 0 && sides.is_empty() {
        return format!("nothing was compared: there is no overlay in {from} or {to}\n");
    }
    format!(
        "{}{} of {} changed between {from} and {to}\n",
        sections(sides, true),
        sides.len(),
        count(compared, "overlay"),
    )
}

/// A part of a change that is shown or counted: a value, or the whole object.
struct Part {
    lines: String,
    /// Equal for the same change elsewhere.
    key: String,
}

/// The parts of a change.
fn parts(side: &Side, change: &ResourceChange, all: bool) -> Vec<Part> {
    if all || change.change != Change::Changed {
        let lines = unified(side, change, all);
        let key = format!(
            "{} {}\n{}",
            change.change.as_str(),
            change.id().kind,
            core(&lines)
        );
        return vec![Part { lines, key }];
    }
    let part = |value: &ValueChange| {
        let lines = value_lines(change, value);
        let key = lines.clone();
        Part { lines, key }
    };
    change.changes.iter().map(part).collect()
}

/// The changed lines, without the names of the files and the lines around them, which the same change
/// in another overlay does not share.
fn core(lines: &str) -> String {
    let is_core = |line: &&str| {
        line.starts_with(['-', '+']) && !line.starts_with("--- ") && !line.starts_with("+++ ")
    };
    let lines = lines.lines().filter(is_core);
    lines.map(|line| format!("{line}\n")).collect()
}

/// The changes of each overlay. A change that several objects have is shown once, with their number.
fn sections(sides: &[Side], all: bool) -> String {
    let worth: Vec<&Side> = sides
        .iter()
        .filter(|side| side.is_worth_showing())
        .collect();
    let of_side = |side: &&Side| -> Vec<Vec<Part>> {
        let changes = side.changes.iter();
        changes.map(|change| parts(side, change, all)).collect()
    };
    let parts: Vec<Vec<Vec<Part>>> = worth.iter().map(of_side).collect();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for part in parts.iter().flatten().flatten() {
        *numbers.entry(&part.key).or_default() += 1;
    }
    let (mut text, mut seen, mut repeated) = (String::new(), BTreeSet::new(), Vec::new());
    for (side, parts) in worth.iter().zip(&parts) {
        let (mut section, mut known) = (String::new(), 0);
        for (change, parts) in side.changes.iter().zip(parts) {
            let (new, old): (Vec<&Part>, Vec<&Part>) = parts
                .iter()
                .partition(|part| seen.insert(part.key.as_str()));
            known += old.len();
            if new.is_empty() && !old.is_empty() {
                continue;
            }
            section.push_str(&format!("{}\n", printable(&title(change))));
            for part in new {
                let lines = part.lines.lines();
                section.extend(lines.map(|line| format!("  {}\n", printable(line))));
                if let Some(number) = numbers.get(part.key.as_str()).filter(|one| **one > 1) {
                    let others = count(number - 1, "other object");
                    section.push_str(&format!("    (the same change in {others})\n"));
                }
            }
        }
        if section.is_empty() && known > 0 {
            repeated.push(side.overlay.app.as_str());
            continue;
        }
        let app = printable(&side.overlay.app);
        let (paths, incomplete) = (side.paths(), side.incomplete());
        text.push_str(&format!("{app}: {paths}{incomplete}\n{section}"));
        if known > 0 {
            text.push_str(&format!(
                "and {} shown above\n",
                count(known, "equal change")
            ));
        }
        text.push('\n');
    }
    if !repeated.is_empty() {
        let overlays = count(repeated.len(), "more overlay");
        repeated.dedup();
        text.push_str(&format!(
            "{overlays} with nothing but changes shown above: {}\n\n",
            printable(&listed(&repeated, NAMED))
        ));
    }
    text
}

/// Apps that are named.
const NAMED: usize = 5;

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
    let values = change.changes.iter();
    values.map(|value| value_lines(change, value)).collect()
}

/// A value on both sides, below its path.
fn value_lines(change: &ResourceChange, value: &ValueChange) -> String {
    let (before, after) = secrets::masked_change(change.resource(), value);
    let mut lines = format!("  {}\n", secrets::named_path(change.resource(), value));
    for (mark, node) in [('-', before), ('+', after)] {
        let text = node.map(|node| write::write(&node)).unwrap_or_default();
        lines.extend(text.lines().map(|line| format!("{mark}   {line}\n")));
    }
    lines
}

/// `2 of 3 pairs have unexpected differences`, `no unexpected differences in 1 pair`.
fn conclusion(sides: &[Side], all: bool) -> String {
    let (kind, hint) = if all {
        ("differences", "")
    } else {
        (
            "unexpected differences",
            " (--all also shows the expected ones)",
        )
    };
    let is_image = |value: &ValueChange| value.expected == Some(Expectation::ImageVersion);
    let is_unexpected = |change: &ResourceChange| {
        change.change != Change::Changed || !change.changes.iter().all(is_image)
    };
    let has_unexpected = |side: &&Side| side.changes.iter().any(|one| all || is_unexpected(one));
    let runs_others = |side: &&Side| {
        let values = side.changes.iter().flat_map(|change| &change.changes);
        values.into_iter().any(is_image)
    };
    let differing = sides.iter().filter(has_unexpected).count();
    let images = match sides.iter().filter(runs_others).count() {
        0 => String::new(),
        1 => ", 1 runs other images".to_string(),
        number => format!(", {number} run other images"),
    };
    let pairs = count(sides.len(), "pair");
    match differing {
        0 => format!("no {kind} in {pairs}{images}{hint}\n"),
        1 if sides.len() == 1 => format!("1 pair has {kind}{images}{hint}\n"),
        1 => format!("1 of {pairs} has {kind}{images}{hint}\n"),
        _ => format!("{differing} of {pairs} have {kind}{images}{hint}\n"),
    }
}
