//! `config`: the effective configuration with the origin of each value, and the JSON Schema of the
//! file.

mod effective;

use std::path::PathBuf;

use clap::Args;

use super::error::Error;
use super::options::{RepoOptions, TextOrJson};
use super::paint::{self, Look};
use super::workspace::Workspace;
use crate::{config, rules};

/// Arguments of `config`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Any path inside the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print the JSON Schema of the configuration file instead
    #[arg(long)]
    schema: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text", conflicts_with = "schema")]
    format: TextOrJson,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Returns the configuration or its schema.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    if arguments.schema {
        return Ok(format!("{:#}\n", config::schema(&rules::known())));
    }
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let name = workspace.configuration_name(&arguments.repo);
    let values = effective::values(&workspace, &name);
    Ok(match arguments.format {
        TextOrJson::Text => {
            paint::for_output(effective::text(&values), Look::Yaml, arguments.repo.color)
        }
        TextOrJson::Json => effective::json(&values),
    })
}
