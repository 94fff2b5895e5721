//! `rules`: levels and options of rules.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::key::Key;
use super::options::{OptionSetting, OptionValue, RuleOption};
use super::read::Reader;
use super::shape::Shape;
use super::{Config, Level};
use crate::calendar;
use crate::names::UnknownName;
use crate::yaml::{Node, Origin};

/// The configuration of one rule.
#[derive(Clone, Debug, Default)]
pub struct RuleSettings {
    /// `None` leaves the rule's own level.
    pub level: Option<Level>,
    /// The options that are set, by name.
    pub options: BTreeMap<String, OptionSetting>,
    /// The rule's name in the file; `None` when the command line says it.
    pub origin: Option<Origin>,
}

/// True if an id is that of a policy. Whether the policy exists is only known once policies are
/// loaded.
pub(crate) fn is_policy(id: &str) -> bool {
    id.starts_with("policy/")
}

impl Config {
    /// The level that this configuration gives a rule; `None` leaves the rule its own.
    pub fn level(&self, rule: &str) -> Option<Level> {
        self.rules.get(rule).and_then(|settings| settings.level)
    }
}

pub(super) static KEY: Key = Key {
    name: "rules",
    value: "map of rules to levels, or to {level, OPTION…}",
    summary: "levels (off, info, warning, error) and options of rules",
    shape: Shape::Rules,
    read: |reader, node, config| {
        if node.as_map().is_none() {
            reader.mistyped(node, "`rules`", "a map of rules to levels");
        }
        for entry in node.entries() {
            if is_known(reader, &entry.key, entry.key_origin) {
                let settings = RuleSettings {
                    origin: Some(entry.key_origin),
                    ..settings(reader, &entry.key, &entry.value)
                };
                config.rules.insert(entry.key.to_string(), settings);
            }
        }
    },
};

/// The id of a rule whose findings can be suppressed.
pub(super) fn suppressible(reader: &mut Reader, node: &Node, what: &str) -> Option<String> {
    let id = reader.text(node, what)?;
    let rule = reader.rules.iter().find(|rule| rule.id == id);
    if rule.is_some_and(|rule| !rule.suppressible) {
        reader.refuse(
            node.origin,
            format!("findings of `{id}` cannot be suppressed"),
            "remove the entry; a reviewer has to approve what the rule reports",
        );
        return None;
    }
    is_known(reader, &id, node.origin).then_some(id)
}

/// True if a rule exists. If not, that is a mistake.
fn is_known(reader: &mut Reader, id: &str, origin: Origin) -> bool {
    let known: Vec<&str> = reader.rules.iter().map(|rule| rule.id).collect();
    let exists = known.contains(&id) || is_policy(id);
    if !exists {
        let unknown = UnknownName::new("rule", id, &known);
        reader.unknown(
            origin,
            &unknown.or_else_see("`gitops-lint rules` lists them"),
        );
    }
    exists
}

/// The settings of one rule: a level, or a map of a level and options.
fn settings(reader: &mut Reader, id: &str, node: &Node) -> RuleSettings {
    let mut settings = RuleSettings::default();
    if node.as_map().is_none() {
        settings.level = level(reader, node, &format!("the level of `{id}`"));
        return settings;
    }
    let rule = reader.rules.iter().find(|rule| rule.id == id);
    let options = rule.map_or(&[][..], |rule| rule.options);
    let names = options.iter().map(|option| option.name());
    let known: Vec<&str> = std::iter::once("level").chain(names).collect();
    let what = format!("the rule `{id}`");
    let fields = reader.fields(node, &what, &known);
    for entry in fields.iter().flat_map(|fields| fields.entries()) {
        let option = options.iter().find(|option| option.name() == &*entry.key);
        let Some(option) = option else {
            settings.level = level(reader, &entry.value, "`level`");
            continue;
        };
        if let Some(setting) = value(reader, *option, &entry.value) {
            settings.options.insert(entry.key.to_string(), setting);
        }
    }
    settings
}

/// The value of an option.
fn value(reader: &mut Reader, option: RuleOption, node: &Node) -> Option<OptionSetting> {
    let what = format!("`{}`", option.name());
    let value = match option {
        RuleOption::Texts(_) if node.text().is_some() => {
            OptionValue::Texts(vec![reader.text(node, &what)?])
        }
        RuleOption::Texts(_) => OptionValue::Texts(reader.texts(node, &what)?),
        RuleOption::Duration(_) => {
            let seconds = reader.parsed(node, &what, calendar::duration)?;
            OptionValue::Duration(SignedDuration::from_secs(seconds))
        }
    };
    let origin = node.origin;
    Some(OptionSetting { value, origin })
}

fn level(reader: &mut Reader, node: &Node, what: &str) -> Option<Level> {
    if node.text().is_none_or(str::is_empty) || node.is_null() {
        reader.mistyped(node, what, "off, info, warning or error");
        return None;
    }
    // YAML 1.1 reads a plain `off` as false, and some editors write it so
    let text = match node.text() {
        Some("false") => "off",
        text => text.unwrap_or_default(),
    };
    match text.parse::<Level>() {
        Ok(level) => Some(level),
        Err(error) => {
            reader.unknown(node.origin, &error);
            None
        }
    }
}
