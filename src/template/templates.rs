//! Templates by name, and their execution.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::error::{Error, Problem};
use super::text::Text;
use super::value::Value;
use crate::yaml::{By, FileId, Origin};

/// Whose functions templates may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Helm's: sprig, `include`, `tpl`, `toYaml` and the like.
    Helm,
    /// Those of Argo CD's ApplicationSets: sprig, `normalize`, `slugify`, `toYaml` and the like.
    ArgoCd,
}

/// What a missing key of a map is, after Go's option `missingkey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKey {
    /// Nothing, printed as `<no value>` (`default`, `invalid`).
    Invalid,
    /// Null (`zero`), as in Helm.
    Zero,
    /// An error.
    Error,
}

/// Templates by name. `define` adds names, and the last definition of a name wins.
#[derive(Clone, Debug)]
pub struct Templates {
    dialect: Dialect,
    missing_key: MissingKey,
    named: HashMap<Arc<str>, Text>,
}

impl Templates {
    /// No templates.
    pub fn new(dialect: Dialect, missing_key: MissingKey) -> Templates {
        Templates {
            dialect,
            missing_key,
            named: HashMap::new(),
        }
    }

    /// Parses a template, which replaces an earlier one of its name. Its text has the bytes of a
    /// file.
    pub fn parse(&mut self, name: &str, text: Arc<str>, file: FileId) -> Result<(), Error> {
        let origin = Origin {
            file,
            start: 0,
            end: text.len() as u32,
            by: By::Template,
        };
        self.parse_text(name, Text::written(text, origin))
    }

    /// Parses a template whose text has origins of its own, such as a field of an object.
    pub fn parse_text(&mut self, name: &str, text: Text) -> Result<(), Error> {
        self.named.insert(name.into(), text);
        Ok(())
    }

    /// True if a template of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }
}

/// The execution of the templates of one release, within one budget.
#[derive(Debug)]
pub struct Run<'t> {
    templates: &'t Templates,
    budget: Budget,
}

impl<'t> Run<'t> {
    /// Starts with a full budget.
    pub fn new(templates: &'t Templates, budget: Budget) -> Run<'t> {
        Run { templates, budget }
    }

    /// Executes a template. Maps in `data` that the template changes (`set`) stay changed for the
    /// next one.
    ///
    /// Go prints `<no value>` for what is missing, and Helm removes that afterwards:
    /// [`Text::without_no_value`].
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Text, Error> {
        _ = (
            self.templates.dialect,
            self.templates.missing_key,
            data,
            &self.budget,
        );
        Err(Error {
            problem: Problem::Execution("not yet".to_string()),
            template: name.into(),
            origin: None,
            expression: String::new(),
            calls: Vec::new(),
        })
    }
}
