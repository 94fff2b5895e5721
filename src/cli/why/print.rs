//! The output of `why`: text with code frames, and JSON.

use serde_json::json;

use super::object::name_in_all;
use crate::compare::secrets;
use crate::explain::Found;
use crate::explain::path::{dotted, general, pointer};
use crate::explain::value::{State, Value};
use crate::finding::{Location, Severity};
use crate::repo::{Overlay, Repo};
use crate::report::{
    self, Message,
    json::{self, resource as identity},
    printable,
};
use crate::wording::{short_digests, shortened, wrapped};
use crate::yaml::{Origin, write};

/// Characters of a value in a label of a code frame.
const LABEL: usize = 45;

/// The data that is printed.
pub(super) struct Report<'r> {
    pub(super) repo: &'r Repo,
    pub(super) found: &'r [Found<'r>],
    /// The overlays of the same app that do not have the object.
    pub(super) without: &'r [&'r Overlay],
    /// A line below the place of the object.
    pub(super) note: Option<&'r str>,
    pub(super) values: &'r [Value<'r>],
    /// The width of the terminal, if the text goes to one.
    pub(super) columns: Option<usize>,
}

impl Report<'_> {
    /// `one_value`: one value was asked for, instead of everything that was changed.
    pub(super) fn text(&self, one_value: bool, color: bool) -> String {
        let mut definitions = self.definitions();
        if let Some(note) = self.note {
            definitions.push_str(&format!("{}\n", wrapped(&printable(note), self.room(0), 2)));
        }
        if one_value {
            format!(
                "{definitions}\n{}\n{}",
                self.side_by_side(),
                self.frames(color)
            )
        } else {
            format!("{definitions}\n{}", self.overview())
        }
    }

    /// Where the object is defined. Environments that share the manifest share the line.
    fn definitions(&self) -> String {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for one in self.found {
            let (resource, place) = (one.resource, self.location(one.resource.node.origin));
            let (kind, name) = (resource.kind(), name_in_all(self.found, one));
            let what = format!("{kind}/{name}, defined at {place}");
            add(&mut groups, what, self.environment(one.overlay));
        }
        let several = groups.len() > 1;
        let line = |(what, environments): &(String, Vec<String>)| {
            let line = if several {
                format!("{what} ({})", environments.join(", "))
            } else {
                what.clone()
            };
            format!("{}\n", wrapped(&printable(&line), self.room(0), 2))
        };
        groups.iter().map(line).collect()
    }

    /// The values that were not written by the object's manifest, such as by a patch. For each, its
    /// value in every environment, the place that wrote it, and the earlier values.
    fn overview(&self) -> String {
        if self.values.is_empty() {
            return "no patch or other kustomization field changes it\n".to_string();
        }
        let mut paths = Vec::new();
        for value in self.values {
            let path = general(&value.steps);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let mut text = String::new();
        for path in &paths {
            text.push_str(&format!("{}\n", printable(&dotted(path))));
            let values = self
                .values
                .iter()
                .filter(|value| general(&value.steps) == *path);
            text.push_str(&self.states_of(values));
        }
        text
    }

    /// The states of one value in every environment, newest first. Environments with the same states
    /// share the lines.
    fn states_of<'v>(&self, values: impl Iterator<Item = &'v Value<'v>>) -> String {
        let shown = |state: &State| {
            let value = state.one_line().unwrap_or("removed".to_string());
            let value = printable(&short_digests(&value)).into_owned();
            let source = format!("({} {})", state.by, self.location(state.origin));
            (value, printable(&source).into_owned())
        };
        let mut groups: Vec<(Vec<(String, String)>, Vec<String>)> = Vec::new();
        for value in values {
            let states = value.states().iter().rev().map(shown).collect();
            add(&mut groups, states, self.environment(value.overlay));
        }
        let mut text = String::new();
        for (states, environments) in groups {
            let is_everywhere = environments.len() == self.found.len();
            let mut indent = 2;
            if !is_everywhere || self.found.len() == 1 {
                text.push_str(&format!("  {}\n", printable(&environments.join(", "))));
                indent = 4;
            }
            for (index, (value, source)) in states.iter().enumerate() {
                let was = if index == 0 { "" } else { "was " };
                let line = format!("{:indent$}{was}{value}  {source}\n", "");
                if line.chars().count() <= self.room(0).saturating_add(1) {
                    text.push_str(&line);
                    continue;
                }
                let value = shortened(value, self.room(indent + was.len()));
                let below = indent + 2;
                text.push_str(&format!(
                    "{:indent$}{was}{value}\n{:below$}{source}\n",
                    "", ""
                ));
            }
        }
        text
    }

    /// The value in each environment.
    fn side_by_side(&self) -> String {
        let mut rows: Vec<(String, String)> = Vec::new();
        for one in self.found {
            let environment = || self.environment(one.overlay);
            let is_here = |value: &&Value| std::ptr::eq(value.resource, one.resource);
            let mut values = self.values.iter().filter(is_here).peekable();
            if values.peek().is_none() {
                rows.push((environment(), "(missing)".to_string()));
            }
            for value in values {
                let last = value.states().pop().and_then(|state| state.one_line());
                rows.push((environment(), last.unwrap_or("(removed)".to_string())));
            }
        }
        let kind = self.found.first().map_or("", |one| one.resource.kind());
        for overlay in self.without {
            rows.push((self.environment(overlay), format!("(no such {kind})")));
        }
        let widths = rows.iter().map(|(name, _)| name.chars().count());
        let width = widths.max().unwrap_or_default();
        let line = |(name, value): &(String, String)| {
            let value = short_digests(value);
            let value = shortened(&value, self.room(width + 4));
            format!("  {:<width$}  {}\n", printable(name), printable(&value))
        };
        rows.iter().map(line).collect()
    }

    /// The columns that are left in a line; without a terminal, a line has no end.
    fn room(&self, taken: usize) -> usize {
        /// The part of a value that is shown even if the terminal is narrower.
        const LEAST: usize = 20;
        let left = |columns: usize| columns.saturating_sub(taken).max(LEAST);
        self.columns.map_or(usize::MAX, left)
    }

    /// A code frame for each value. Environments with the same states share the frame.
    fn frames(&self, color: bool) -> String {
        let mut groups: Vec<(Vec<(String, Origin)>, Vec<&Value>)> = Vec::new();
        for value in self.values {
            let key = |state: &State| (state.one_line().unwrap_or_default(), state.origin);
            let key = value.states().iter().map(key).collect();
            add(&mut groups, key, value);
        }
        let options = report::Options {
            color,
            width: self.columns,
            ..report::Options::default()
        };
        groups
            .iter()
            .map(|(_, values)| self.frame(values, &options))
            .collect()
    }

    /// The frame of one value, with a label for each of its states.
    fn frame(&self, values: &[&Value], options: &report::Options) -> String {
        // the frames below show no value of a Secret either
        for value in values
            .iter()
            .filter(|value| value.resource.kind() == "Secret")
        {
            secrets::hide_values(value.resource, &self.repo.files);
        }
        let Some(value) = values.first() else {
            return String::new();
        };
        let states = value.states();
        let Some(last) = states.last() else {
            return String::new();
        };
        let environments = values.iter().map(|value| self.environment(value.overlay));
        let environments = environments.collect::<Vec<_>>().join(", ");
        let path = dotted(&value.steps);
        let message = match last.one_line() {
            Some(present) => format!("{path} is {}", short_digests(&present)),
            None => format!("{path} is missing: removed by {}", last.by),
        };
        let label = |(index, state): (usize, &State)| {
            let value = state.one_line().unwrap_or("removed".to_string());
            let value = shortened(&short_digests(&value), LABEL).into_owned();
            (
                format!("{}. {value} ({})", index + 1, state.by),
                state.origin,
            )
        };
        let related: Vec<(String, Origin)> = states.iter().enumerate().map(label).collect();
        let message = Message {
            title: &environments,
            message: &message,
            help: None,
            origin: last.origin,
            severity: Severity::Info,
            related: &related,
        };
        format!("{}\n", report::frame(&message, &self.repo.files, options))
    }

    pub(super) fn json(&self) -> String {
        let overlays: Vec<serde_json::Value> =
            self.found.iter().map(|one| self.overlay(one)).collect();
        format!("{:#}\n", json!({"version": 1, "overlays": overlays}))
    }

    fn overlay(&self, one: &Found) -> serde_json::Value {
        let (overlay, resource) = (one.overlay, one.resource);
        let location = |origin: Origin| json!(json::location(&self.location(origin)));
        let state = |state: &State| {
            json!({
                "value": state.value.as_ref().map(write::to_json), "removed": state.value.is_none(),
                "origin": {"by": state.by, "location": location(state.origin)},
            })
        };
        let value = |value: &Value| {
            let states: Vec<serde_json::Value> = value.states().iter().map(state).collect();
            json!({"path": pointer(&value.steps), "present": value.removed.is_none(), "states": states})
        };
        let is_here = |value: &&Value| std::ptr::eq(value.resource, resource);
        let values: Vec<serde_json::Value> =
            self.values.iter().filter(is_here).map(value).collect();
        let environment = self.repo.environment(overlay);
        json!({
            "app": overlay.app, "environment": environment.map(|environment| environment.name.clone()),
            "variant": overlay.variant, "overlay": overlay.path, "resource": identity(&resource.id()),
            "deleted": one.deleted.map(location), "location": location(resource.node.origin),
            "values": values,
        })
    }

    fn location(&self, origin: Origin) -> Location {
        Location::resolve(&self.repo.files, origin)
    }

    /// The name of the environment and the variant; the path of an overlay without environment.
    fn environment(&self, overlay: &Overlay) -> String {
        let environment = self.repo.environment(overlay);
        let name = environment.map_or(&overlay.path, |environment| &environment.name);
        match &overlay.variant {
            Some(variant) => format!("{name}/{variant}"),
            None => name.clone(),
        }
    }
}

/// Adds an item to the group of its key. The groups stay in the order in which they began.
fn add<K: PartialEq, T>(groups: &mut Vec<(K, Vec<T>)>, key: K, item: T) {
    match groups.iter_mut().find(|(known, _)| *known == key) {
        Some((_, items)) => items.push(item),
        None => groups.push((key, vec![item])),
    }
}
