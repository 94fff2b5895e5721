//! The levels that the configuration and the command line give to rules.

use crate::finding::Severity;
use crate::names::UnknownName;

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule does not run.
    Off,
    /// Every finding of the rule gets this severity.
    At(Severity),
}

/// The levels as people write them.
const LEVELS: [&str; 4] = ["off", "info", "warning", "error"];

impl std::str::FromStr for Level {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Level, UnknownName> {
        match name {
            "off" => Ok(Level::Off),
            "info" => Ok(Level::At(Severity::Info)),
            "warning" => Ok(Level::At(Severity::Warning)),
            "error" => Ok(Level::At(Severity::Error)),
            _ => Err(UnknownName::new("level", name, &LEVELS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_level_names_the_one_that_was_meant() {
        assert_eq!("warning".parse(), Ok(Level::At(Severity::Warning)));
        let wrong = |name: &str| name.parse::<Level>().unwrap_err().to_string();
        assert_eq!(wrong("eror"), "unknown level `eror`; did you mean `error`?");
        assert_eq!(
            wrong("3"),
            "unknown level `3`; expected `off`, `info`, `warning` or `error`"
        );
    }
}
