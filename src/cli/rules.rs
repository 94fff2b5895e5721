//! `rules`: lists the built-in rules or explains one. The text is also used in docs/rules and
//! SARIF.

use std::fmt::Write as _;
use std::io;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::error::Error;
use super::markdown;
use super::options::Color;
use super::output::width_of;
use super::paint::{self, Look};
use crate::report;
use crate::rules::{self, Metadata};

/// Arguments of `rules`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Rule to explain, by its id
    rule: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    /// The table of docs/rules.md
    Markdown,
}

#[derive(Serialize)]
struct Document {
    version: u32,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    id: &'static str,
    category: &'static str,
    level: &'static str,
    severity: &'static str,
    summary: &'static str,
    options: Vec<RuleOption>,
    documentation: String,
    url: String,
}

#[derive(Serialize)]
struct RuleOption {
    name: &'static str,
    meaning: &'static str,
    kind: &'static str,
    default: String,
}

impl Rule {
    fn new(metadata: &'static Metadata) -> Rule {
        Rule {
            id: metadata.id,
            category: metadata.category.as_str(),
            level: metadata.level,
            severity: metadata.severity.as_str(),
            summary: metadata.summary,
            options: metadata
                .options
                .iter()
                .map(|option| RuleOption {
                    name: option.name(),
                    meaning: option.summary(),
                    kind: option.kind(),
                    default: option.default(),
                })
                .collect(),
            documentation: metadata.documentation(),
            url: report::url(metadata.id),
        }
    }
}

/// Returns the list, or the page of the rule that was named.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let all: Vec<&'static Metadata> = rules::all().iter().map(|rule| rule.metadata()).collect();
    let chosen = match &arguments.rule {
        None => all.clone(),
        Some(id) => vec![rules::named(id)?.metadata()],
    };
    Ok(match (arguments.format, arguments.rule.is_some()) {
        (Format::Json, _) => {
            let document = Document {
                version: 1,
                rules: chosen.into_iter().map(Rule::new).collect(),
            };
            serde_json::to_string_pretty(&document)
                .expect("internal: plain data is written as JSON")
                + "\n"
        }
        (Format::Markdown, false) => rules::table_markdown(),
        (_, false) => {
            let text = list(&chosen, width_of(&io::stdout()));
            paint::for_output(text, Look::Outline, arguments.color)
        }
        (_, true) => {
            let pages = chosen.iter().map(|metadata| explanation(metadata));
            paint::for_output(pages.collect(), Look::Page, arguments.color)
        }
    })
}

/// A text that begins at a column and is wrapped below it; on one line if there are no columns.
fn hanging(text: &str, column: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_string();
    };
    let (mut wrapped, mut at) = (String::new(), column);
    for word in text.split(' ') {
        let length = word.chars().count() + 1;
        if at > column && at + length > columns {
            wrapped.push_str(&format!("\n{:column$}{word}", ""));
            at = column + length;
        } else {
            let gap = if at > column { " " } else { "" };
            wrapped.push_str(&format!("{gap}{word}"));
            at += length;
        }
    }
    wrapped
}

fn list(all: &[&Metadata], columns: Option<usize>) -> String {
    let width = all
        .iter()
        .map(|metadata| metadata.id.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    let mut category = None;
    for metadata in all {
        if category.replace(metadata.category) != Some(metadata.category) {
            let _ = writeln!(
                text,
                "{}{}",
                if text.is_empty() { "" } else { "\n" },
                capitalized(metadata.category.as_str())
            );
        }
        let summary = hanging(metadata.summary, width + 4, columns);
        let _ = writeln!(text, "  {:width$}  {summary}", metadata.id);
    }
    let _ = writeln!(text, "\n`gitops-lint rules RULE` explains one");
    text
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn explanation(metadata: &Metadata) -> String {
    let mut text = metadata.documentation().trim_end().to_string();
    let _ = writeln!(text, "\n\nDefault level: {}", metadata.level);
    match width_of(&io::stdout()) {
        Some(columns) => markdown::reflowed(&text, columns),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::hanging;

    #[test]
    fn a_long_summary_is_wrapped_below_its_beginning() {
        let text = "one two three four";
        assert_eq!(hanging(text, 2, None), text);
        assert_eq!(hanging(text, 2, Some(11)), "one two\n  three\n  four");
    }
}
