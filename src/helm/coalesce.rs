//! The values of a chart and its subcharts under the values of a release (`CoalesceValues` and
//! `MergeValues` in Helm).
//!
//! The parent's values win over those of a subchart; `global` flows down.

use super::instance::Instance;
use super::values::index::Index;
use super::values::merge::{fill, remove, underlay, without_nulls};
use crate::kustomize::Problem;
use crate::yaml::{By, Node, Origin};

/// The key of the values that all charts of a release share.
pub(crate) const GLOBAL: &str = "global";

/// Completes the values of a release with the defaults of its charts. `keep_nulls`: nulls stay,
/// because a later step decides what they remove.
pub(crate) fn coalesce(
    chart: &Instance,
    values: &mut Node,
    keep_nulls: bool,
) -> Result<(), Box<Problem>> {
    defaults(chart, values, keep_nulls);
    for subchart in &chart.subcharts {
        let name = &*subchart.name;
        let (own, origin) = (values.entry(name), chart.chart.origin());
        if let Some(entry) = own.filter(|entry| entry.value.as_map().is_none()) {
            return Err(mismatch(entry.value.origin, name, &entry.value));
        }
        if own.is_none() {
            values.set(name, empty(origin), origin.with(By::Values));
        }
        let globals = values.get(GLOBAL).cloned();
        let Some(below) = values.get_mut(name) else {
            continue;
        };
        pass_globals(below, globals.as_ref(), origin);
        coalesce(subchart, below, keep_nulls)?;
        let passed = below.get(GLOBAL).cloned();
        if let (Some(passed), Some(globals)) = (passed, values.get_mut(GLOBAL)) {
            leak_globals(globals, &passed);
        }
    }
    Ok(())
}

fn mismatch(origin: Origin, name: &str, value: &Node) -> Box<Problem> {
    let message = format!(
        "`{name}` holds the values of a subchart, but here it is {}",
        if value.is_null() {
            "null"
        } else {
            value.describe()
        }
    );
    Box::new(Problem::error(origin, message).with_help(format!(
        "write a map below `{name}`, or switch the subchart off by its condition"
    )))
}

fn empty(origin: Origin) -> Node {
    Node::map(Vec::new(), origin.with(By::Values))
}

/// Lays the values over the defaults of one chart.
fn defaults(chart: &Instance, values: &mut Node, keep_nulls: bool) {
    let is_subchart = |key: &str| chart.subcharts.iter().any(|sub| &*sub.name == key);
    let Some(map) = values.map_mut() else {
        return;
    };
    let mut index = Index::of(&map.entries);
    let mut removed = Vec::new();
    for entry in chart.values.entries() {
        let default = &entry.value;
        match index.find(&map.entries, &entry.key) {
            None if default.is_null() && !keep_nulls => {}
            None => {
                let mut entry = entry.clone();
                if !keep_nulls {
                    without_nulls(&mut entry.value);
                }
                index.push(&mut map.entries, entry);
            }
            Some(at) => {
                let Some(present) = map.entries.get_mut(at) else {
                    continue;
                };
                if present.value.is_null() && !keep_nulls {
                    removed.push((at, default));
                } else if present.value.as_map().is_some() && default.as_map().is_some() {
                    let keep = keep_nulls || is_subchart(&entry.key);
                    let mut default = default.clone();
                    if !keep {
                        without_nulls(&mut default);
                    }
                    fill(&mut present.value, &default, keep);
                } else {
                    underlay(&mut present.value, default);
                }
            }
        }
    }
    remove(map, removed);
}

/// Lays the parent's `global` over that of a subchart.
fn pass_globals(below: &mut Node, globals: Option<&Node>, origin: Origin) {
    match below.get(GLOBAL) {
        None => below.set(GLOBAL, empty(origin), origin.with(By::Values)),
        Some(own) if own.as_map().is_none() => return,
        Some(_) => {}
    }
    let Some(own) = below.get_mut(GLOBAL) else {
        return;
    };
    for entry in globals.map_or(&[][..], Node::entries) {
        let is_map = entry.value.as_map().is_some();
        match own.get_mut(&entry.key) {
            None => own.set(&entry.key, entry.value.clone(), entry.key_origin),
            Some(present) if is_map && present.as_map().is_some() => {
                let mut merged = entry.value.clone();
                fill(&mut merged, present, true);
                *present = merged;
            }
            Some(present) if is_map || present.as_map().is_some() => {}
            Some(present) => {
                let replaced = std::mem::replace(present, entry.value.clone());
                underlay(present, &replaced);
            }
        }
    }
}

/// In Helm the maps below `global.KEY` are shared between parent and subchart, so what the
/// subchart's own `global` adds to them reaches the parent and the next subcharts.
fn leak_globals(globals: &mut Node, passed: &Node) {
    for entry in passed.entries() {
        let Some(own) = globals
            .get_mut(&entry.key)
            .filter(|own| own.as_map().is_some())
        else {
            continue;
        };
        for below in entry.value.entries() {
            let is_map = |node: &Node| node.as_map().is_some();
            match own.get_mut(&below.key) {
                Some(shared) if is_map(shared) && is_map(&below.value) => {
                    *shared = below.value.clone();
                }
                _ => {}
            }
        }
    }
}
