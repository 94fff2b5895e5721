//! # depends-on-cycle
//!
//! ## What
//!
//! Flux Kustomizations or HelmReleases wait for each other: following their `dependsOn` leads back
//! to the start. A cycle is reported once, at one of its entries; the other entries are shown as
//! related places.
//!
//! ## Why
//!
//! None of these objects is ever applied, and Flux does not report the cycle.
//!
//! ## Example
//!
//! ```yaml
//! metadata: {name: apps}
//! spec: {dependsOn: [{name: infrastructure}]}
//! ---
//! metadata: {name: infrastructure}
//! spec: {dependsOn: [{name: apps}]}
//! ```
//!
//! ## Fix
//!
//! Remove the `dependsOn` entry from the object that must come first.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Cause, Severity};
use crate::rules::engine::context::controls::overlay_of;
use crate::rules::engine::context::depends_on::Edge;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// See the documentation above.
pub(super) struct DependsOnCycle;

static METADATA: Metadata = Metadata {
    id: "depends-on-cycle",
    category: Category::Ordering,
    level: "error",
    severity: Severity::Error,
    summary: "Flux objects that wait for each other",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("depends_on_cycle.rs"),
};

impl Rule for DependsOnCycle {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let mut ways: BTreeMap<usize, Vec<(usize, &Edge)>> = BTreeMap::new();
        for edge in context.waits() {
            ways.entry(edge.at)
                .or_default()
                .extend(edge.to.map(|to| (to, edge)));
        }
        keep_cycles(&mut ways);
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for start in ways.keys().copied() {
            if told.contains(&start) {
                continue;
            }
            let Some(cycle) = shortest(start, &ways) else {
                continue;
            };
            told.extend(cycle.iter().map(|edge| edge.at));
            let Some(first) = cycle.first() else { continue };
            let names: Vec<&str> = cycle.iter().map(|edge| edge.from.name()).collect();
            let message = match names[..] {
                [one] => format!("`{one}` waits for itself"),
                _ => format!("{} wait for each other", quoted(&names)),
            };
            let cause = names
                .iter()
                .fold(Cause::new("cycle"), |cause, name| cause.with(name));
            let mut draft = Draft::new(Severity::Error, first.entry.origin, cause, message)
                .help("remove the `dependsOn` entry of the one that must be applied first");
            for edge in cycle.iter().skip(1) {
                draft = draft.related(
                    edge.entry.origin,
                    format!("`{}` waits for `{}`", edge.from.name(), edge.name),
                );
            }
            draft.resource = Some(first.from.id());
            draft.path = Some(first.path.clone());
            sink.report(context, overlay_of(context, &first.from), draft);
        }
    }
}

/// The names in backticks, as a list.
fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    wording::list(&names)
}

/// Removes all objects that are not part of a cycle: those that wait for nothing, then those that
/// only wait for removed ones, and so on.
fn keep_cycles(ways: &mut BTreeMap<usize, Vec<(usize, &Edge)>>) {
    let mut waiting: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in ways
        .iter()
        .flat_map(|(from, ways)| ways.iter().map(move |(to, _)| (*from, *to)))
    {
        waiting.entry(to).or_default().push(from);
    }
    let ends = |at: &usize| ways.get(at).is_none_or(Vec::is_empty);
    let mut open: Vec<usize> = waiting
        .keys()
        .chain(ways.keys())
        .copied()
        .filter(ends)
        .collect();
    while let Some(end) = open.pop() {
        ways.remove(&end);
        for from in waiting.remove(&end).unwrap_or_default() {
            let Some(left) = ways.get_mut(&from) else {
                continue;
            };
            left.retain(|(to, _)| *to != end);
            if left.is_empty() {
                open.push(from);
            }
        }
    }
}

/// The shortest way from an object back to itself.
fn shortest<'e, 'a>(
    start: usize,
    ways: &BTreeMap<usize, Vec<(usize, &'e Edge<'a>)>>,
) -> Option<Vec<&'e Edge<'a>>> {
    let mut came: BTreeMap<usize, (usize, &Edge)> = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for (to, edge) in ways.get(&at).map_or(&[][..], Vec::as_slice) {
            if *to == start {
                let (mut way, mut here) = (vec![*edge], at);
                while here != start {
                    let (before, edge) = came.get(&here)?;
                    way.push(edge);
                    here = *before;
                }
                way.reverse();
                return Some(way);
            }
            if !came.contains_key(to) {
                came.insert(*to, (at, edge));
                open.push_back(*to);
            }
        }
    }
    None
}
