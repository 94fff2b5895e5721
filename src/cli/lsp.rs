//! `lsp`: the language server on the streams of the process.

use std::io::{BufReader, stdin, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::ZonedDateTime;

use super::Ending;
use super::check;
use super::error::Error;
use super::options::{Color, JudgeOptions, Limits, Now, RepoOptions};
use super::root::current_folder;
use super::workspace::Workspace;
use crate::server::lsp::{Host, Loaded, serve};
use crate::server::{Broken, Ended};

/// Arguments of `lsp`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Talk over standard input and output, which is the only way; editors pass it
    #[arg(long)]
    stdio: bool,
    /// Configuration file [default: .gitops-lint.yaml at the root]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Number of worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Give up above this memory, with status 2; 0 sets no limit (Linux only)
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    memory_limit: u64,
    #[command(flatten)]
    judge: JudgeOptions,
}

/// Serves until the editor ends the session.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let _ = arguments.stdio;
    crate::check::free_repos();
    arguments.judge.require_known_rules()?;
    let host = Process {
        options: RepoOptions {
            config: arguments.config.clone(),
            jobs: arguments.jobs,
            color: Color::Never,
            limits: Limits {
                time_limit: 0,
                memory_limit: arguments.memory_limit,
            },
            target: None,
        },
        judge: arguments.judge.clone(),
    };
    match serve(BufReader::new(stdin()), stdout().lock(), host) {
        Ok(Ended::Properly) => Ok(Ending::Passed),
        Ok(Ended::Abruptly) => Ok(Ending::Failed),
        Err(Broken::Stream(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(Ending::Passed)
        }
        Err(broken) => Err(broken.into()),
    }
}

/// Loads repos as the other commands do.
struct Process {
    options: RepoOptions,
    judge: JudgeOptions,
}

impl Host for Process {
    fn load(&self, folder: &Path) -> Result<Loaded, String> {
        let load = || -> Result<Loaded, Error> {
            let workspace = Workspace::load(folder, &self.options)?;
            let policy_options = self.judge.policy_options(&self.now());
            let policies = check::policies(&workspace, &self.judge, &policy_options)?;
            let git = workspace.git().cloned();
            let git = git.and_then(|git| Ok((git, workspace.head_commit()?)));
            Ok(Loaded {
                root: workspace.path.root,
                config: workspace.config,
                repo: workspace.repo,
                policies,
                policy_options,
                git: git.map_err(|error| error.to_string()),
            })
        };
        load().map_err(|error| error.to_string())
    }

    fn now(&self) -> ZonedDateTime {
        Now::or_clock(self.judge.now.as_ref())
    }

    fn folder(&self) -> PathBuf {
        current_folder().unwrap_or_else(|| PathBuf::from("."))
    }
}
