//! Why a command could not do its work. `cli::run` prints it and exits with status 2.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::output::{complain, complain_of};
use crate::check::BaselineError;
use crate::names::{UnknownName, did_you_mean};
use crate::source::SourceError;
use crate::source::git::GitError;
use crate::wording::count;

/// The error of a command.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// Arguments that clap refuses. It prints them itself.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// Options that do not fit together, and what to write instead.
    #[error("{0}")]
    Usage(&'static str),
    /// An app, environment, overlay, object or rule that does not exist.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    /// A name or path that fits several things; they are listed below the advice.
    #[error("`{name}` is ambiguous; {advice}:\n{list}")]
    Ambiguous {
        name: String,
        advice: &'static str,
        list: String,
    },
    /// A path into an object that has no such value.
    #[error("{object} has no value at `{path}`{}", nearest.as_ref().map(|name| format!("; {}", did_you_mean(name))).unwrap_or_default())]
    NoValue {
        object: String,
        path: String,
        nearest: Option<String>,
    },
    /// A mistake in the value of an option, such as `--base`.
    #[error("{option}: {error}")]
    Option {
        option: &'static str,
        error: Box<Error>,
    },
    /// Git could not answer.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The base that a variable of the CI system names.
    #[error(
        "the base {revision} that {variable} names cannot be used: {error}; --no-base checks without one"
    )]
    BaseOfCi {
        revision: String,
        variable: &'static str,
        error: GitError,
    },
    /// The clone lacks files or commits, so the answer would be incomplete.
    #[error("{0}")]
    IncompleteClone(String),
    /// A folder that only holds work trees of a bare repository.
    #[error("{} holds linked work trees only ({tree}); run in one of them", root.display())]
    LinkedWorktreesOnly { root: PathBuf, tree: String },
    #[error("{what} does not exist{help}")]
    Missing { what: String, help: String },
    #[error("{what} cannot be read: {reason}")]
    Unreadable { what: String, reason: String },
    #[error("{what} cannot be written: {error}")]
    Unwritable { what: String, error: io::Error },
    /// A folder outside of a repository, and how many entries are read there.
    #[error(
        "{} is in no Git repository and has more than {most} files and folders; run in a config repository, or name its folder",
        root.display()
    )]
    NoRepository { root: PathBuf, most: usize },
    #[error("{0} is not UTF-8")]
    NotUtf8(String),
    #[error("{} already exists", .0.display())]
    AlreadyExists(PathBuf),
    #[error("{} is a bare repository without files to write to; --stdout prints the configuration", .0.display())]
    BareRepository(PathBuf),
    #[error("{} is a file; name the folder of a kustomization instead", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} has neither a kustomization file nor a Chart.yaml; name a folder that has one", .0.display())]
    NoKustomization(PathBuf),
    /// The errors because of which kustomize would refuse to build.
    #[error("{}", .0.join("\nerror: "))]
    NotRendered(Vec<String>),
    /// A configuration under a name that is not read.
    #[error(
        "`{found}` is not read as the configuration; rename it to `{}`",
        crate::config::CONFIG_FILE
    )]
    MisnamedConfiguration { found: &'static str },
    /// A second configuration, which is not read.
    #[error(
        "`{found}` is not read beside `{}`; remove one of the two",
        crate::config::CONFIG_FILE
    )]
    SecondConfiguration { found: &'static str },
    /// The number of mistakes. They are printed before, each with its lines.
    #[error("the configuration has {}, so nothing was checked", count(*.0, "mistake"))]
    Configuration(usize),
    #[error("the baseline {} is {error}", file.display())]
    Baseline { file: PathBuf, error: BaselineError },
    /// The problems of policies are printed before.
    #[error("the policies cannot be used, so nothing was {undone}")]
    Policies { undone: &'static str },
    #[error("no .rego file found in {}", .0.display())]
    NoPolicy(PathBuf),
    #[error("no test found in {}; tests are rules whose names begin with `test_`", .0.display())]
    NoPolicyTest(PathBuf),
    #[error("nothing was checked: {0}")]
    NothingChecked(String),
    /// The base.
    #[error(
        "no overlay belongs to an environment, although some do at the base {0}, so nothing was compared; map folders to environments under `layout` in .gitops-lint.yaml"
    )]
    NothingCompared(String),
    #[error(
        "no overlay that belongs to an environment was found; `layout` in .gitops-lint.yaml says where apps and environments are"
    )]
    NoEnvironments,
    #[error("the history has no commit before {0}")]
    NoCommitBefore(String),
    #[error(transparent)]
    Edit(#[from] crate::edit::write::WriteError),
    /// A command of Git that failed, and what it printed.
    #[error("`git {command}` failed: {reason}")]
    GitCommand { command: String, reason: String },
    #[error(
        "{0} has changes that are not committed; commit or stash them first, or promote without --commit"
    )]
    NotCommitted(String),
    /// The app or environment, and the environment that it would be promoted from.
    #[error(
        "{what} has no overlay in {from} to promote from; `gitops-lint status` shows the environments"
    )]
    NothingBefore { what: String, from: String },
    #[error("the app has no overlay in {0}; `gitops-lint status` shows the environments")]
    NoOverlay(String),
    /// `diff` was given one environment, and these are two that it could compare.
    #[error("`{name}` is an environment, and `diff` compares two; write `gitops-lint diff {pair}`")]
    OneEnvironment { name: String, pair: String },
    /// The clone lacks the branch of an environment.
    #[error(
        "the clone has no branch or tag `{reference}`, which holds {environment}; run `git fetch origin {reference}:refs/remotes/origin/{reference}` (with actions/checkout: `fetch-depth: 0`)"
    )]
    MissingRef {
        environment: String,
        reference: String,
    },
    /// `diff` was given one overlay.
    #[error("`{0}` is an overlay, and `diff` compares two; name another one behind it")]
    OneOverlay(String),
    #[error("no app has an overlay in both {from} and {to}")]
    NoPair { from: String, to: String },
    /// A session with an editor or an assistant that could not go on.
    #[error(transparent)]
    Session(#[from] crate::server::Broken),
    #[error("the worker threads cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A mistake in the text of an option.
    #[error("{what}: {reason}")]
    Unusable { what: String, reason: String },
    #[error("write a version such as 1.34")]
    NotAVersion,
    #[error("write the rule and its level, such as mutable-tag=warning")]
    NotARuleLevel,
    #[error("write the name of a file after `=`")]
    NoFile,
    #[error("write 2027-01-31, 2027-01-31T08:00:00Z or 2027-01-31T08:00:00[Europe/Berlin]")]
    NotATime,
}

impl Error {
    /// The error of reading a file or folder. `what` begins a sentence, such as `` `policies` ``.
    pub(super) fn reading(what: impl Into<String>, error: &io::Error) -> Error {
        let what = what.into();
        match error.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                what,
                help: String::new(),
            },
            _ => Error::Unreadable {
                what,
                reason: error.to_string(),
            },
        }
    }

    /// The error of reading a file of the repository, or its folder.
    pub(super) fn reading_source(what: impl Into<String>, error: &SourceError) -> Error {
        Error::Unreadable {
            what: what.into(),
            reason: error.to_string(),
        }
    }

    /// The error of writing a file.
    pub(super) fn writing(file: &Path, error: io::Error) -> Error {
        Error::Unwritable {
            what: file.display().to_string(),
            error,
        }
    }

    /// The error of printing.
    pub(super) fn printing(error: io::Error) -> Error {
        Error::Unwritable {
            what: "standard output".to_string(),
            error,
        }
    }

    /// The same error, with the name of the option whose value caused it.
    pub(super) fn of(self, option: &'static str) -> Error {
        Error::Option {
            option,
            error: Box::new(self),
        }
    }

    /// Prints the error for people.
    pub(super) fn print(&self) {
        match self {
            // a closed pipe is not a failure
            Error::Arguments(error) => _ = error.print(),
            // their lines are made printable one by one
            Error::Ambiguous { .. } | Error::NotRendered(_) => complain(&format!("error: {self}")),
            error => complain_of("error", &error.to_string()),
        }
    }
}
