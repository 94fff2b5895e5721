//! The values that hold, each with its origin: the file, the built-in defaults, or the repository.

use serde_json::{Value, json};

use crate::cli::workspace::Workspace;
use crate::config::{CONFIG_FILE, Environment, KEYS};
use crate::finding::Location;
use crate::report::{json::location, printable};
use crate::yaml::{Node, Origin, read, write};

/// Where a value comes from.
enum From {
    /// A line of the configuration.
    File(Location),
    /// The default.
    BuiltIn,
    /// Folders of the repository.
    Repository,
}

/// A value of a key, or an entry of its list or map.
pub(super) struct Setting {
    key: &'static str,
    /// The key of the entry, if the value is a map.
    entry: Option<String>,
    /// True if the value is an entry of a list.
    is_item: bool,
    value: Value,
    from: From,
}

/// The values, in the order of the keys.
pub(super) fn values(workspace: &Workspace, name: &str) -> Vec<Setting> {
    let repo = &workspace.repo;
    let file = repo.files.find(name, &repo.source.revision_of(name));
    let text = file.map(|file| repo.files.get(file));
    let documents = text.and_then(|text| read::read(&text.text, text.id).ok());
    let document = documents.and_then(|read| read.documents.into_iter().find(|one| !one.is_null()));
    let place = |origin: Origin| From::File(Location::resolve(&repo.files, origin));
    let mut values = Vec::new();
    for key in KEYS {
        let written = document
            .as_ref()
            .and_then(|document| document.entry(key.name));
        match (key.name, written) {
            ("environments", written) => {
                let node = written.map(|entry| &entry.value);
                values.extend(environments(workspace, node, &place));
            }
            (_, Some(entry)) => {
                values.extend(settings(key.name, &entry.value, entry.key_origin, &place))
            }
            ("version", None) => values.push(default(key.name, json!(1))),
            ("bots", None) => {
                let bots = workspace.config.bots.iter().map(|bot| bot.as_str());
                values.push(default(key.name, json!(bots.collect::<Vec<&str>>())));
            }
            // files that are not named have no default
            ("baseline" | "evidence", None) => {}
            (name, None) => {
                let is_map = matches!(
                    name,
                    "rules" | "drift" | "images" | "remotes" | "values" | "breakGlass"
                );
                let empty = if is_map { json!({}) } else { json!([]) };
                values.push(default(name, empty));
            }
        }
    }
    values
}

fn default(key: &'static str, value: Value) -> Setting {
    Setting {
        key,
        entry: None,
        is_item: false,
        value,
        from: From::BuiltIn,
    }
}

/// The entries of a list or map in the file, each with its line, or the single value.
fn settings(
    key: &'static str,
    node: &Node,
    origin: Origin,
    place: &dyn Fn(Origin) -> From,
) -> Vec<Setting> {
    let setting = |entry: Option<String>, is_item: bool, node: &Node, origin: Origin| Setting {
        key,
        entry,
        is_item,
        value: write::to_json(node),
        from: place(origin),
    };
    let entries = node.entries().iter();
    let entries = entries.map(|one| {
        let name = one.key.to_string();
        setting(Some(name), false, &one.value, one.key_origin)
    });
    let items = node.items().iter();
    let items = items.map(|item| setting(None, true, item, item.origin));
    let all: Vec<Setting> = entries.chain(items).collect();
    if all.is_empty() {
        vec![setting(None, false, node, origin)]
    } else {
        all
    }
}

/// The environments with what is built in about them, and those that the repository shows.
fn environments(
    workspace: &Workspace,
    node: Option<&Node>,
    place: &dyn Fn(Origin) -> From,
) -> Vec<Setting> {
    let items = node.map_or(&[][..], Node::items);
    let name_of = |item: &Node| {
        let name = item.get("name").unwrap_or(item);
        name.text().map(str::to_string)
    };
    let setting = |environment: &Environment| {
        let written = items
            .iter()
            .find(|item| name_of(item).as_deref() == Some(environment.name.as_str()));
        let from = match written {
            Some(item) => place(item.origin),
            None if !environment.ordered => From::Repository,
            None => From::BuiltIn,
        };
        Setting {
            key: "environments",
            entry: None,
            is_item: true,
            value: json!({
                "name": environment.name, "aliases": environment.aliases,
                "protected": environment.protected, "kubernetes": environment.kubernetes,
                "ref": environment.reference,
            }),
            from,
        }
    };
    workspace.repo.environments.iter().map(setting).collect()
}

impl From {
    fn text(&self) -> String {
        match self {
            From::File(location) => {
                printable(&format!("{}:{}", location.file, location.line)).into_owned()
            }
            From::BuiltIn => "built in".to_string(),
            From::Repository => "found in the repository".to_string(),
        }
    }

    fn json(&self) -> Value {
        match self {
            From::File(place) => json!({"kind": "file", "location": location(place)}),
            From::BuiltIn => json!({"kind": "built-in"}),
            From::Repository => json!({"kind": "repository"}),
        }
    }
}

/// YAML that is a configuration again, with the origins as comments.
pub(super) fn text(values: &[Setting]) -> String {
    let mut text = String::new();
    let mut last = "";
    for setting in values {
        let from = setting.from.text();
        let mut value = setting.value.clone();
        // what is not set has no value that could be written
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        // JSON is YAML, and fits on one line
        let value = printable(&value.to_string()).into_owned();
        let is_part = setting.is_item || setting.entry.is_some();
        if setting.key != last && is_part {
            text.push_str(&format!("{}:\n", setting.key));
        }
        last = setting.key;
        let line = match &setting.entry {
            Some(entry) => format!("  {}: {value}", json!(entry)),
            None if setting.is_item => format!("  - {value}"),
            None => format!("{}: {value}", setting.key),
        };
        text.push_str(&format!("{line}  # {from}\n"));
    }
    text
}

/// The values for programs.
pub(super) fn json(values: &[Setting]) -> String {
    let setting = |setting: &Setting| {
        json!({
            "key": setting.key, "entry": setting.entry, "value": setting.value,
            "origin": setting.from.json(),
        })
    };
    let all: Vec<Value> = values.iter().map(setting).collect();
    format!(
        "{:#}\n",
        json!({"version": 1, "file": CONFIG_FILE, "values": all})
    )
}
