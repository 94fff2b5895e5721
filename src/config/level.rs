//! The levels that the configuration and the command line give to rules.

use crate::finding::Severity;
use crate::names::did_you_mean;

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule does not run.
    Off,
    /// Every finding of the rule gets this severity.
    At(Severity),
}

/// The levels as people write them.
pub const LEVELS: [&str; 4] = ["off", "info", "warning", "error"];

/// A level that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level `{name}`")]
pub struct UnknownLevel {
    name: String,
}

impl UnknownLevel {
    /// The level that was meant, or all of them.
    pub fn help(&self) -> String {
        did_you_mean(&self.name, &LEVELS, || {
            "the levels are off, info, warning and error".to_string()
        })
    }

    /// The error and the help in one line.
    pub fn with_help(&self) -> String {
        format!("{self}; {}", self.help())
    }
}

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Level, UnknownLevel> {
        match name {
            "off" => Ok(Level::Off),
            "info" => Ok(Level::At(Severity::Info)),
            "warning" => Ok(Level::At(Severity::Warning)),
            "error" => Ok(Level::At(Severity::Error)),
            _ => Err(UnknownLevel {
                name: name.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_level_names_the_one_that_was_meant() {
        assert_eq!("warning".parse(), Ok(Level::At(Severity::Warning)));
        let wrong = |name: &str| name.parse::<Level>().unwrap_err().with_help();
        assert_eq!(wrong("eror"), "unknown level `eror`; did you mean `error`?");
        assert_eq!(
            wrong("3"),
            "unknown level `3`; the levels are off, info, warning and error"
        );
    }
}
