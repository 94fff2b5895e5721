//! The changes as JSON.

use serde_json::{Value, json};

use super::{NOT_THERE, Side};
use crate::compare::{ResourceChange, ValueChange, secrets};
use crate::finding::Location;
use crate::repo::Repo;
use crate::report::json::location;
use crate::report::json::resource as identity;
use crate::yaml::write;

pub(super) fn diff(names: (&str, &str), repo: &Repo, sides: &[Side]) -> String {
    let path = |path: &str| Some(path.to_string()).filter(|path| path != NOT_THERE);
    let overlay = |side: &Side| {
        let changes = side.changes.iter();
        let resources: Vec<Value> = changes.map(|change| resource(repo, change)).collect();
        json!({
            "app": side.overlay.app, "from": path(side.from), "to": path(side.to),
            "resources": resources,
        })
    };
    let overlays: Vec<Value> = sides.iter().map(overlay).collect();
    format!(
        "{:#}\n",
        json!({"version": 1, "from": names.0, "to": names.1, "overlays": overlays})
    )
}

fn resource(repo: &Repo, change: &ResourceChange) -> Value {
    let value = |value: &ValueChange| {
        let (from, to) = secrets::masked_change(change.resource(), value);
        json!({
            "path": value.path(),
            "from": from.as_ref().map(write::to_json),
            "to": to.as_ref().map(write::to_json),
            "expected": value.expected.is_some(),
            "location": location(&Location::resolve(&repo.files, value.origin)),
        })
    };
    let changes: Vec<Value> = change.changes.iter().map(value).collect();
    json!({
        "resource": identity(&secrets::shown_id(change.resource())), "change": change.change.as_str(), "changes": changes,
    })
}
