//! Hover: where a value comes from, and what it is in each environment.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::diagnostics::range;
use super::values::{Place, at, everywhere, written};
use crate::explain::path::{dotted, general};
use crate::explain::value::Value;
use crate::finding::Location;
use crate::repo::{Overlay, Repo};
use crate::report::{escape_markdown, printable};
use crate::wording::{short_digests, shortened};

/// The most values that one hover explains, and rows of a table.
const MOST: (usize, usize) = (3, 12);

/// Characters of a value.
const LONGEST: usize = 60;

/// The text of a hover; `None` if no overlay renders what stands there.
pub(super) fn hover(repo: &Repo, place: Place<'_>) -> Option<Json> {
    let values = at(repo, place);
    let (most, _) = MOST;
    let mut seen = BTreeSet::new();
    let mut sections = Vec::new();
    let mut more = 0;
    for value in &values {
        let original = &value.resource.original;
        let path = general(&value.steps);
        let key = (&value.overlay.app, &original.kind, &original.name, path);
        if !seen.insert(key) {
            continue;
        }
        if sections.len() < most {
            sections.push(section(repo, value));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        sections.push(format!("and {more} more values"));
    }
    let written = written(place.file, place.offset)?.node.origin;
    let (start, end) = (written.start as usize, written.end as usize);
    (!sections.is_empty()).then(|| {
        json!({
            "contents": {"kind": "markdown", "value": sections.join("\n\n---\n\n")},
            "range": range(place.file, start, end),
        })
    })
}

/// A heading with the object and the path, and a table of environments.
fn section(repo: &Repo, value: &Value) -> String {
    let original = &value.resource.original;
    let mut text = format!(
        "**{}/{}** `{}`\n\n| environment | value | from |\n|---|---|---|\n",
        cell(&original.kind),
        cell(&original.name),
        dotted(&value.steps).replace('`', "'")
    );
    let (_, most) = MOST;
    let rows = everywhere(repo, value);
    let more = rows.len().saturating_sub(most);
    for (overlay, found) in rows.into_iter().take(most) {
        let (value, from) = match found.as_ref().and_then(|found| last(repo, found)) {
            Some(state) => state,
            None => ("(missing)".to_string(), String::new()),
        };
        let environment = cell(&environment(repo, overlay));
        text.push_str(&format!(
            "| {environment} | {} | {} |\n",
            cell(&value),
            cell(&from)
        ));
    }
    if more > 0 {
        text.push_str(&format!("\nand {more} more overlays"));
    }
    text
}

/// The present value, and the places that wrote it and what it replaced, newest first.
fn last(repo: &Repo, value: &Value) -> Option<(String, String)> {
    let states = value.states();
    let state = states.last()?;
    let shown = state.one_line().unwrap_or_else(|| "(removed)".to_string());
    let shown = shortened(&short_digests(&shown), LONGEST).into_owned();
    let from: Vec<String> = states
        .iter()
        .rev()
        .map(|state| {
            let place = Location::resolve(&repo.files, state.origin);
            format!("{} {}:{}", state.by, place.file, place.line)
        })
        .collect();
    Some((shown, from.join(", before: ")))
}

fn environment(repo: &Repo, overlay: &Overlay) -> String {
    let environment = repo.environment(overlay);
    let name = environment.map_or(&overlay.path, |environment| &environment.name);
    match &overlay.variant {
        Some(variant) => format!("{name}/{variant}"),
        None => name.clone(),
    }
}

fn cell(text: &str) -> String {
    escape_markdown(&printable(text)).to_string()
}
