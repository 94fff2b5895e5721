//! Options that several commands share: what to look at, how to judge it, how to print it; and the
//! mistakes in them.
//!
//! Here: parsing of values, the root of a path. Not here: what a command does with them.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

use crate::config::{CONFIG_FILE, Level, is_policy};
use crate::finding::Severity;
use crate::report::Format;
use crate::source::worktree::find_root;

/// How a repository is read, and what is printed of it.
#[derive(Args, Clone, Debug, Default)]
pub struct RepoOptions {
    /// Configuration file [default: .gitops-lint.yaml at the root]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Number of worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// How a repository is judged.
#[derive(Args, Clone, Debug, Default)]
pub struct JudgeOptions {
    /// Set the level of a rule: off, info, warning or error; may be given several times
    #[arg(long = "rule", value_name = "ID=LEVEL", value_parser = rule_level)]
    pub rules: Vec<(String, Level)>,
    /// Folder or file of Rego policies, in addition to the configured ones; may be given several
    /// times
    #[arg(long = "policy", value_name = "DIR")]
    pub policies: Vec<PathBuf>,
    /// JSON or YAML file with data for policies; may be given several times
    #[arg(long = "data", value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// Evaluate all policy packages, not just `main` and `promotion`
    #[arg(long)]
    pub all_namespaces: bool,
    /// Evaluate as if it were this time, such as 2027-01-31 or 2027-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = now)]
    pub now: Option<Now>,
}

impl JudgeOptions {
    /// Whether every rule that a level is given exists; else what to say.
    pub fn known(&self) -> Result<(), String> {
        for (id, _) in self.rules.iter().filter(|(id, _)| !is_policy(id)) {
            crate::rules::named(id).map_err(|error| format!("--rule: {error}"))?;
        }
        Ok(())
    }
}

/// How a command prints what people read and programs as well.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    Text,
    Json,
}

/// The same where a table may go into a pull request.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextJsonOrMarkdown {
    Text,
    Json,
    Markdown,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If the output is a terminal that shows colors
    #[default]
    Auto,
    /// In any case
    Always,
    /// No colors
    Never,
}

impl Color {
    /// Whether text gets colours. `NO_COLOR` and `CLICOLOR_FORCE` count as elsewhere.
    pub fn colored(self, terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto
                if std::env::var_os("CLICOLOR_FORCE")
                    .is_some_and(|value| !value.is_empty() && value != "0") =>
            {
                true
            }
            Color::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

/// From which severity on a finding fails the check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Every finding
    Info,
    /// Warnings and errors
    Warning,
    /// Errors
    #[default]
    Error,
    /// Nothing; only a check that could not run fails
    Never,
}

impl FailOn {
    /// The severity, if any.
    pub fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Info => Some(Severity::Info),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Error => Some(Severity::Error),
            FailOn::Never => None,
        }
    }
}

/// A report to write: its format and the file, if not standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The format.
    pub format: Format,
    /// `None` for standard output.
    pub file: Option<PathBuf>,
}

/// Parses `FORMAT` or `FORMAT=FILE`.
pub fn target(text: &str) -> Result<Target, String> {
    let (name, file) = match text.split_once('=') {
        Some((_, "")) => return Err("the file after `=` is missing".to_string()),
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let format = Format::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        format!("the formats are {}", crate::wording::list(&names))
    })?;
    Ok(Target { format, file })
}

/// Parses `ID=LEVEL`.
fn rule_level(text: &str) -> Result<(String, Level), String> {
    let (id, level) = text
        .split_once('=')
        .ok_or("write the rule and its level, such as mutable-tag=warning")?;
    let level = level.parse::<Level>().map_err(|error| error.with_help())?;
    Ok((id.to_string(), level))
}

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now(pub ZonedDateTime);

impl Now {
    /// The given time, or the clock's.
    pub fn or_clock(given: Option<&Now>) -> ZonedDateTime {
        given.map_or_else(ZonedDateTime::now, |now| now.0.clone())
    }
}

/// Parses a time; without a zone it is UTC, so that CI and laptops agree.
pub(super) fn now(text: &str) -> Result<Now, String> {
    let utc = |time: DateTime| time.to_zoned_datetime(TimeZone::UTC).ok();
    let zoned = text.parse::<ZonedDateTime>().ok();
    let zoned = zoned.or_else(|| {
        text.parse::<Timestamp>()
            .ok()
            .map(|time| time.to_zoned_datetime(TimeZone::UTC))
    });
    let zoned = zoned.or_else(|| {
        if text.len() > 10 {
            utc(text.parse::<DateTime>().ok()?)
        } else {
            None
        }
    });
    let zoned = zoned.or_else(|| {
        utc(text
            .parse::<Date>()
            .ok()?
            .to_datetime(jiff::civil::Time::midnight()))
    });
    zoned.map(Now).ok_or_else(|| {
        "write 2027-01-31, 2027-01-31T08:00:00Z or 2027-01-31T08:00:00[Europe/Berlin]".to_string()
    })
}

/// A path that was asked about: the root of its repo, and where it lies in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Absolute, with links resolved.
    pub root: PathBuf,
    /// Relative to the root, `/`-separated; empty for the root.
    pub path: String,
}

impl Place {
    /// Whether something marks the root as one: a configuration or `.git`.
    pub fn is_marked(&self) -> bool {
        self.root.join(".git").exists() || self.root.join(CONFIG_FILE).is_file()
    }

    /// The place with the folder above for a root.
    pub fn widened(&self) -> Option<Place> {
        let name = self.root.file_name()?.to_str()?;
        let path = if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{name}/{}", self.path)
        };
        Some(Place {
            root: self.root.parent()?.to_path_buf(),
            path,
        })
    }
}

/// Finds the root: the nearest folder at or above the path that holds a configuration or `.git`,
/// else the folder itself. Outside of Git, a configuration above the current folder does not count.
pub fn place(path: &Path) -> Result<Place, String> {
    let shown = path.display();
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{shown}: no such file or folder; `gitops-lint --help` lists the commands")
        }
        _ => format!("{shown} cannot be read: {error}"),
    })?;
    let folder = if real.is_dir() {
        real.as_path()
    } else {
        real.parent().unwrap_or(&real)
    };
    let git = find_root(&real);
    let top = match current_folder()
        .filter(|current| !git.join(".git").exists() && folder.starts_with(current))
    {
        Some(current) => current,
        None => git.clone(),
    };
    let within = folder
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(&top));
    let root = within
        .into_iter()
        .find(|ancestor| ancestor.join(CONFIG_FILE).is_file())
        .map_or(git, Path::to_path_buf);
    let path = relative(&root, &real).ok_or_else(|| format!("{shown} is not UTF-8"))?;
    Ok(Place { root, path })
}

/// Where the user stands.
pub fn current_folder() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

/// The path of something below the root, `/`-separated. `None` when it is not below or not UTF-8.
pub fn relative(root: &Path, real: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in real.strip_prefix(root).ok()?.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

/// Prints to standard output. A closed pipe is not a reason to fail.
pub fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints a line to standard error.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Columns of the terminal, as the shell says.
pub fn columns() -> usize {
    let columns = std::env::var_os("COLUMNS")
        .as_ref()
        .and_then(|value: &OsString| value.to_str()?.parse().ok());
    columns.unwrap_or(120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_files() {
        assert_eq!(
            target("sarif=out/a=b.sarif"),
            Ok(Target {
                format: Format::Sarif,
                file: Some("out/a=b.sarif".into())
            })
        );
        assert_eq!(
            target("json"),
            Ok(Target {
                format: Format::Json,
                file: None
            })
        );
        assert!(target("yaml").is_err() && target("json=").is_err());
    }

    #[test]
    fn times_are_read_in_every_form() {
        for text in [
            "2027-01-31",
            "2027-01-31T00:00:00Z",
            "2027-01-31T00:00",
            "2027-01-31T01:00:00+01:00[Europe/Berlin]",
        ] {
            assert_eq!(
                now(text).unwrap().0.timestamp().to_string(),
                "2027-01-31T00:00:00Z",
                "{text}"
            );
        }
        assert!(now("tomorrow").is_err());
    }

    #[test]
    fn a_configuration_marks_a_root_inside_of_a_repo() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join(".git")).unwrap();
        std::fs::create_dir_all(top.join("demo/apps/api")).unwrap();
        assert_eq!(
            place(&top.join("demo/apps")),
            Ok(Place {
                root: top.clone(),
                path: "demo/apps".into()
            })
        );
        std::fs::write(top.join("demo").join(CONFIG_FILE), "version: 1\n").unwrap();
        assert_eq!(
            place(&top.join("demo/apps")),
            Ok(Place {
                root: top.join("demo"),
                path: "apps".into()
            })
        );
        assert_eq!(
            place(&top.join("demo")),
            Ok(Place {
                root: top.join("demo"),
                path: String::new()
            })
        );
        assert!(place(&top.join("missing")).is_err());
    }
}
