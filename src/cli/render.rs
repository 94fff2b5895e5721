//! `render`: prints what `kustomize build` would print.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Arguments of `render`.
#[derive(Args)]
pub struct Arguments {
    /// Folder of the kustomization
    overlay: PathBuf,
    /// Which files a kustomization may read: below its own folder, in the repository, or as far as symbolic links lead
    #[arg(long, value_enum, default_value = "root")]
    load_restrictor: Restrictor,
    /// Order of the documents, unless the kustomization has sortOptions
    #[arg(long, value_enum, default_value = "legacy")]
    reorder: Order,
    /// Add the label app.kubernetes.io/managed-by to everything
    #[arg(long)]
    add_managed_by_label: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
    /// Say where each value comes from
    #[arg(long)]
    provenance: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Restrictor {
    Root,
    Repo,
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    None,
    Legacy,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Runs the command.
pub fn run(_arguments: &Arguments) -> ExitCode {
    ExitCode::from(super::FAILED)
}
