//! Runs the program in a temporary repo: writing files, running Git, running the binary, and
//! reading its output.
//!
//! The tests use Git to create repositories. The program itself never runs Git.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod talk;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary repo.
pub(crate) struct Repo {
    folder: TempDir,
}

/// Prefixes of environment variables from Git, CI systems and terminals that would change the
/// output.
const VARIABLES: &[&str] = &[
    "BITBUCKET_",
    "BUILD_",
    "BUILDKITE_",
    "CHANGE_",
    "CI_",
    "CIRCLE_",
    "CIRRUS_",
    "CLICOLOR",
    "CODEBUILD_",
    "COLUMNS",
    "DRONE_",
    "GITHUB_",
    "GITLAB_",
    "GITOPS_LINT_",
    "GIT_",
    "NO_COLOR",
    "PULL_",
    "SYSTEM_",
];

/// Removes the variables of the machine that runs the tests from the environment of a process.
pub(crate) fn isolate(command: &mut Command) -> &mut Command {
    let named = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in named.filter(|name| VARIABLES.iter().any(|start| name.starts_with(start))) {
        command.env_remove(name);
    }
    command
}

impl Repo {
    /// An empty folder.
    pub(crate) fn new() -> Repo {
        Repo {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Repo {
        self.write_bytes(path, text.as_bytes())
    }

    /// Writes a file that may be binary.
    pub(crate) fn write_bytes(&self, path: &str, bytes: &[u8]) -> &Repo {
        let file = self.path(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
        self
    }

    /// Runs Git in it.
    pub(crate) fn git(&self, arguments: &[&str]) -> &Repo {
        run_git(self.root(), arguments);
        self
    }

    /// Commits all files.
    pub(crate) fn commit(&self, message: &str) -> &Repo {
        self.git(&["add", "-A"])
            .git(&["commit", "-q", "-m", message])
    }

    /// Commits all files with a given day of January 2026 as the date.
    pub(crate) fn commit_on(&self, day: u8, message: &str) -> &Repo {
        let date = format!("2026-01-{day:02}T12:00:00Z");
        self.git(&["add", "-A"]);
        let mut git = git_in(self.root(), &["commit", "-q", "-m", message]);
        assert!(
            git.env("GIT_AUTHOR_DATE", &date)
                .env("GIT_COMMITTER_DATE", &date)
                .status()
                .unwrap()
                .success()
        );
        self
    }

    /// Runs the program in it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(self.root(), arguments, &[])
    }
}

/// Runs Git in a folder and returns its output.
pub(crate) fn run_git(folder: &Path, arguments: &[&str]) -> String {
    let done = try_git(folder, arguments);
    assert!(
        done.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap().trim().to_string()
}

/// Runs Git in a folder. It may fail.
pub(crate) fn try_git(folder: &Path, arguments: &[&str]) -> Output {
    git_in(folder, arguments).output().unwrap()
}

fn git_in(folder: &Path, arguments: &[&str]) -> Command {
    let identity = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.com",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    ];
    let mut git = Command::new("git");
    // use neither the system's nor the user's configuration
    isolate(&mut git)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", folder.join("no-configuration"));
    git.current_dir(folder).args(identity).args(arguments);
    git
}

/// Prints that a case cannot be tested on this machine. It bypasses the test harness, which hides
/// the output of passing tests.
pub(crate) fn not_tested(what: &str) {
    let _ = writeln!(std::io::stderr(), "not tested: {what}");
}

/// The program in a folder, without variables of a CI system.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitops-lint"));
    isolate(&mut command).current_dir(folder).args(arguments);
    command
}

/// Runs the program in a folder, with environment variables.
pub(crate) fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    Run::new(
        command(folder, arguments)
            .envs(variables.iter().copied())
            .output()
            .unwrap(),
    )
}

/// The result of a run.
pub(crate) struct Run {
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// The result of a process that was not killed.
    pub(crate) fn new(output: Output) -> Run {
        let run = Run {
            status: output.status.code().expect("the program ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    /// Asserts the exit status of the run.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Run {
        let start: String = self.out.chars().take(2000).collect();
        assert_eq!(self.status, status, "\n{start}\n{}", self.err);
        self
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }

    /// `rule file:line` of each finding.
    pub(crate) fn findings(&self) -> Vec<String> {
        let place = |finding: &Value| {
            let location = &finding["location"];
            format!(
                "{} {}:{}",
                finding["rule"].as_str().unwrap(),
                location["file"].as_str().unwrap(),
                location["line"]
            )
        };
        self.json()["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(place)
            .collect()
    }
}
