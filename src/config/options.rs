//! Options of rules: declared by the rule with their type, default and direction; read and checked
//! once, by `rules`.
//!
//! ```ignore
//! static FLOATING: TextsOption = TextsOption {
//!     name: "floating",
//!     summary: "tags that count as floating besides `latest`, `main` and the like",
//!     default: &[],
//!     more: More::Tightens,
//! };
//! ```
//!
//! The rule lists it in its metadata and reads it with `METADATA.texts(config, &FLOATING)`.

use jiff::SignedDuration;

use super::Config;
use crate::yaml::Origin;

/// True if a longer list or duration loosens or tightens the check. `loosened-check` reports
/// changes that loosen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// The rule reports less, as with a longer list of exceptions.
    Loosens,
    /// The rule reports more, as with a longer time to wait.
    Tightens,
}

/// An option that is a list of texts; a single text counts as a list of one.
#[derive(Debug)]
pub struct TextsOption {
    /// Its key in the configuration.
    pub name: &'static str,
    /// One line: what it lists.
    pub summary: &'static str,
    /// The value when it is not set.
    pub default: &'static [&'static str],
    /// The effect of more of it.
    pub more: More,
}

/// An option that is a length of time. The rule is off until it is set.
#[derive(Debug)]
pub struct DurationOption {
    /// Its key in the configuration.
    pub name: &'static str,
    /// One line: what takes this long.
    pub summary: &'static str,
    /// The effect of more of it.
    pub more: More,
}

/// An option as the metadata of its rule lists it.
#[derive(Clone, Copy, Debug)]
pub enum RuleOption {
    /// A list of texts.
    Texts(&'static TextsOption),
    /// A length of time.
    Duration(&'static DurationOption),
}

/// The facts about a rule that the configuration needs.
#[derive(Clone, Copy, Debug)]
pub struct KnownRule<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its options besides `level`.
    pub options: &'a [RuleOption],
    /// True if its findings can be suppressed.
    pub suppressible: bool,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A list of texts.
    Texts(Vec<String>),
    /// A length of time.
    Duration(SignedDuration),
}

/// A value that the configuration sets.
#[derive(Clone, Debug)]
pub struct OptionSetting {
    /// The value.
    pub value: OptionValue,
    /// The value in the file.
    pub origin: Origin,
}

impl RuleOption {
    /// Its key in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            RuleOption::Texts(option) => option.name,
            RuleOption::Duration(option) => option.name,
        }
    }

    /// One line: what it is for.
    pub fn summary(self) -> &'static str {
        match self {
            RuleOption::Texts(option) => option.summary,
            RuleOption::Duration(option) => option.summary,
        }
    }

    /// True if more of it loosens or tightens the check.
    pub fn more(self) -> More {
        match self {
            RuleOption::Texts(option) => option.more,
            RuleOption::Duration(option) => option.more,
        }
    }

    /// Its type, with the unit, for people.
    pub fn kind(self) -> &'static str {
        match self {
            RuleOption::Texts(_) => "list of texts",
            RuleOption::Duration(_) => "duration such as `90m`, `24h` or `2d`",
        }
    }

    /// Its default, for people.
    pub fn default(self) -> String {
        match self {
            RuleOption::Texts(option) => format!("`[{}]`", option.default.join(", ")),
            RuleOption::Duration(_) => "unset, which keeps the rule off".to_string(),
        }
    }

    /// True if the rule is off until the option is set.
    pub(crate) fn switches_on(self) -> bool {
        matches!(self, RuleOption::Duration(_))
    }

    /// The line of the option in the rule's documentation.
    pub fn documentation(self) -> String {
        format!(
            "- `{}` ({}; default: {}): {}.",
            self.name(),
            self.kind(),
            self.default(),
            self.summary()
        )
    }
}

impl Config {
    /// The value that the configuration gives an option of a rule.
    pub fn option(&self, rule: &str, name: &str) -> Option<&OptionSetting> {
        self.rules.get(rule)?.options.get(name)
    }

    /// The value of an option that is a list of texts.
    pub fn texts<'c>(&'c self, rule: &str, option: &TextsOption) -> Vec<&'c str> {
        match self.option(rule, option.name).map(|setting| &setting.value) {
            Some(OptionValue::Texts(texts)) => texts.iter().map(String::as_str).collect(),
            _ => option.default.to_vec(),
        }
    }

    /// The value of an option that is a length of time; `None` when it is not set.
    pub fn duration(&self, rule: &str, option: &DurationOption) -> Option<SignedDuration> {
        match self.option(rule, option.name)?.value {
            OptionValue::Duration(duration) => Some(duration),
            OptionValue::Texts(_) => None,
        }
    }
}
