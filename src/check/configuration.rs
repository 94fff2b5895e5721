//! Reads the text of a configuration, with the rules that it may name.

use crate::config::{Config, ConfigProblem, missing_files};
use crate::source::Source;
use crate::yaml::FileId;
use crate::yaml::read::{Documents, read};

/// Reads a configuration.
pub fn configuration(text: &str, file: FileId) -> Result<Config, Vec<ConfigProblem>> {
    Config::load(&documents(text, file)?, &crate::rules::known())
}

/// Reads the configuration of the head, whose files have to be there.
pub fn configuration_with_files(
    text: &str,
    file: FileId,
    source: &dyn Source,
) -> Result<Config, Vec<ConfigProblem>> {
    let documents = documents(text, file)?;
    let config = Config::load(&documents, &crate::rules::known())?;
    let missing = missing_files(&documents, source);
    if missing.is_empty() {
        Ok(config)
    } else {
        Err(missing)
    }
}

fn documents(text: &str, file: FileId) -> Result<Documents, Vec<ConfigProblem>> {
    read(text, file).map_err(|error| {
        vec![ConfigProblem {
            message: error.message,
            help: None,
            origin: error.origin,
        }]
    })
}
