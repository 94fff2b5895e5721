//! Go's `text/template` with the functions of Helm and Argo CD, where every byte of the output
//! knows what printed it.
//!
//! [`Templates`] holds parsed templates by name, [`Run`] executes them within a [`Budget`], and
//! the result is a [`Text`]: a string and its pieces. A piece names the place in the template that
//! printed it, and the places of the values that went into it.
//!
//! ```text
//! text ─► lex ─► parse ─► tree ─► evaluate ─► Text
//!                                 │  ▲
//!                                 ▼  │
//!                          functions, format, yaml, json
//! ```
//!
//! Here: the language. Not here: charts, values files and releases (`helm`), and what an
//! ApplicationSet does with the text (`repo`).

mod budget;
mod bytes;
mod error;
mod evaluate;
mod format;
mod functions;
mod inputs;
mod json;
mod layout;
mod node;
mod numbers;
mod parse;
pub(crate) mod semver;
mod tables;
mod templates;
mod text;
mod toml;
mod types;
mod value;
mod yaml;

pub(crate) use budget::Budget;
pub(crate) use bytes::first_stray;
pub(crate) use error::{Error, Problem};
pub(crate) use evaluate::MissingKey;
pub(crate) use functions::{Dialect, compile_regex, parse_url, query_escape};
pub(crate) use inputs::Inputs;
pub(crate) use templates::{Run, Templates};
pub(crate) use text::{Piece, Text};
pub(crate) use value::{Field, Map, Methods, Signature, Type, Unknown, Value};

/// Helm's `toYaml`: keys sorted, lists not indented, without a newline at the end. Empty for values
/// that have no YAML.
pub(crate) fn to_yaml(value: &Value) -> Text {
    yaml::to_yaml(value, yaml::Layout::Compact, &mut Budget::default()).unwrap_or_default()
}

/// Helm's `toYamlPretty`: keys sorted, lists indented, nothing folded.
pub(crate) fn to_yaml_indented(value: &Value) -> Text {
    yaml::to_yaml(value, yaml::Layout::Indented, &mut Budget::default()).unwrap_or_default()
}

/// Go's `fmt.Sprintf`.
///
/// # Errors
/// The result is too large.
pub(crate) fn sprintf(
    format: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Text, Problem> {
    format::sprintf(&format.into(), arguments, budget)
}

/// A string in double quotes, as Go's `strconv.Quote` writes it.
pub(crate) fn quoted(text: &str) -> String {
    format::quoted(text, false)
}

#[cfg(test)]
mod tests;
