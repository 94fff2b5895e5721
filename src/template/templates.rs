//! Templates by name, and their execution.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::error::{Error, Problem};
use super::evaluate::{self, MissingKey, Named, Shared, Source, Stack};
use super::functions::Dialect;
use super::parse;
use super::text::Text;
use super::value::Value;
use crate::yaml::{By, FileId, Origin};

/// Templates by name. `define` adds names, and the last definition of a name wins.
#[derive(Clone, Debug)]
pub(crate) struct Templates {
    dialect: Dialect,
    missing_key: MissingKey,
    named: Named,
}

impl Templates {
    /// No templates.
    pub(crate) fn new(dialect: Dialect, missing_key: MissingKey) -> Templates {
        Templates {
            dialect,
            missing_key,
            named: Named::new(),
        }
    }

    /// Parses a template, which replaces an earlier one of its name. Its text has the bytes of a
    /// file.
    pub(crate) fn parse(&mut self, name: &str, text: Arc<str>, file: FileId) -> Result<(), Error> {
        let origin = Origin {
            file,
            start: 0,
            end: text.len() as u32,
            by: By::Template,
        };
        self.parse_text(name, Text::written(text, origin))
    }

    /// Parses a template whose text has origins of its own, such as a field of an object.
    pub(crate) fn parse_text(&mut self, name: &str, text: Text) -> Result<(), Error> {
        let parsed = parse::parse(text.as_str(), self.dialect).map_err(|error| {
            let mut pieces = text.pieces_in(error.span.start..error.span.start + 1);
            let origin = pieces.next().and_then(|(bytes, piece)| {
                let origin = piece.printed_by?;
                let start = origin.start + (error.span.start - bytes.start) as u32;
                let end = start + error.span.len() as u32;
                Some(Origin {
                    start: start.min(origin.end),
                    end: end.min(origin.end),
                    ..origin
                })
            });
            Error {
                problem: Problem::Syntax(error.message),
                template: name.into(),
                origin: origin.or_else(|| text.pieces().last()?.printed_by),
                expression: String::new(),
                calls: Vec::new(),
            }
        })?;
        let source = Arc::new(Source {
            name: name.into(),
            text,
            parsed,
        });
        evaluate::define(&mut self.named, &source);
        Ok(())
    }
}

/// The execution of the templates of one release, within one budget.
#[derive(Debug)]
pub(crate) struct Run<'t> {
    shared: Shared<'t>,
}

impl<'t> Run<'t> {
    /// Starts with a full budget.
    pub(crate) fn new(templates: &'t Templates, budget: Budget) -> Run<'t> {
        Run {
            shared: Shared {
                base: &templates.named,
                dialect: templates.dialect,
                missing_key: templates.missing_key,
                budget,
                scopes: Vec::new(),
                included: HashMap::new(),
                depth: 0,
                stack: Stack::default(),
            },
        }
    }

    /// Executes a template. Maps in `data` that the template changes (`set`) stay changed for the
    /// next one.
    ///
    /// Go prints `<no value>` for what is missing, and Helm removes that afterwards:
    /// [`Text::without_no_value`].
    pub(crate) fn execute(&mut self, name: &str, data: &Value) -> Result<Text, Error> {
        let Some(template) = self.shared.base.get(name) else {
            return Err(Error {
                problem: format!("no template {name:?}").into(),
                template: name.into(),
                origin: None,
                expression: String::new(),
                calls: Vec::new(),
            });
        };
        let result = evaluate::execute(&mut self.shared, template, data);
        // an error leaves what was open at its place
        self.shared.scopes.clear();
        self.shared.included.clear();
        self.shared.depth = 0;
        self.shared.stack = Stack::default();
        result.map(Text::joined).map_err(|error| *error)
    }
}
