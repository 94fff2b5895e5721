//! `diff --summary`: which overlays changed, without their contents.

use serde_json::{Value, json};

use super::Side;
use crate::repo::{Overlay, Repo};
use crate::report::{escape_markdown, printable};
use crate::wording::count;

/// `api, production, eu`
fn words(repo: &Repo, overlay: &Overlay) -> String {
    let environment = repo
        .environment(overlay)
        .map(|environment| environment.name.as_str());
    let words = [
        Some(overlay.app.as_str()),
        environment,
        overlay.variant.as_deref(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn told(side: &Side) -> String {
    if side.changes.is_empty() {
        return "may have changed (cannot be rendered completely)".to_string();
    }
    let incomplete = if side.complete {
        ""
    } else {
        ", cannot be rendered completely"
    };
    format!(
        "{} ({}{incomplete})",
        side.change.as_str(),
        count(side.changes.len(), "resource")
    )
}

pub(super) fn text(repo: &Repo, sides: &[Side]) -> String {
    let line = |side: &Side| {
        format!(
            "{}: {}: {}\n",
            printable(&side.overlay.path),
            printable(&words(repo, side.overlay)),
            told(side)
        )
    };
    sides.iter().map(line).collect()
}

pub(super) fn markdown(repo: &Repo, sides: &[Side]) -> String {
    let line = |side: &Side| {
        format!(
            "| {} | {} | {} |\n",
            escape_markdown(&side.overlay.path),
            escape_markdown(&words(repo, side.overlay)),
            told(side)
        )
    };
    let lines: String = sides.iter().map(line).collect();
    if lines.is_empty() {
        "No overlay changes.\n".to_string()
    } else {
        format!("| overlay | app | change |\n|---|---|---|\n{lines}")
    }
}

pub(super) fn json(names: (&str, &str), repo: &Repo, sides: &[Side]) -> String {
    let overlay = |side: &Side| {
        let overlay = side.overlay;
        let environment = repo.environment(overlay);
        json!({
            "path": overlay.path, "app": overlay.app,
            "environment": environment.map(|environment| environment.name.clone()),
            "variant": overlay.variant, "change": side.change.as_str(),
            "resources": side.changes.len(), "complete": side.complete,
        })
    };
    let overlays: Vec<Value> = sides.iter().map(overlay).collect();
    format!(
        "{:#}\n",
        json!({"version": 1, "from": names.0, "to": names.1, "overlays": overlays})
    )
}
