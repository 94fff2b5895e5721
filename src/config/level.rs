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

impl Level {
    /// Every level, the least strict first.
    pub const ALL: [Level; 4] = [
        Level::Off,
        Level::At(Severity::Info),
        Level::At(Severity::Warning),
        Level::At(Severity::Error),
    ];

    /// The level as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::At(severity) => severity.as_str(),
        }
    }
}

impl std::str::FromStr for Level {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Level, UnknownName> {
        let mut levels = Level::ALL.into_iter();
        let found = levels.find(|level| level.as_str() == name);
        found.ok_or_else(|| UnknownName::new("level", name, &Level::ALL.map(Level::as_str)))
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
