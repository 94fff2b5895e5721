//! Why a template cannot be parsed or executed.

use std::sync::Arc;

use crate::yaml::Origin;

/// Why a template cannot be parsed or executed, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Error {
    /// The problem.
    pub problem: Problem,
    /// The name of the template: `chart/templates/deployment.yaml`.
    pub template: Arc<str>,
    /// The place in the template. For a template made from values (`tpl`), the place of the value.
    pub origin: Option<Origin>,
    /// The expression that failed, as Go prints it (`.Values.image.tag`); empty for errors of the
    /// syntax.
    pub expression: String,
    /// The `include`, `tpl` and `template` calls that led there, the innermost first.
    pub calls: Vec<Origin>,
}

/// A problem of a template.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Problem {
    /// It does not follow the grammar.
    #[error("{0}")]
    Syntax(String),
    /// An expression cannot be evaluated.
    #[error("{0}")]
    Execution(String),
    /// The chart itself refuses the values, by `fail` or `required`.
    #[error("{0}")]
    Refused(String),
    /// The template needs more work, output or depth than is allowed.
    #[error("the template needs more than {most} {what}")]
    TooMuch {
        /// The thing that there is too much of: `steps`, `bytes of output`, `levels of include`.
        what: &'static str,
        /// The amount that is allowed.
        most: u64,
    },
}

impl From<String> for Problem {
    fn from(message: String) -> Problem {
        Problem::Execution(message)
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Problem {
        Problem::Execution(message.to_string())
    }
}
