//! Options that several commands share, and how their values are parsed.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

use super::error::Error;
use crate::config::{Level, is_policy};
use crate::finding::Severity;
use crate::names::UnknownName;
use crate::policy::{self, Namespaces, RegoVersion};
use crate::report::Format;

/// The options with which a repository is read, and the colors of the output.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RepoOptions {
    /// Configuration file [default: .gitops-lint.yaml at the root]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Number of worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) limits: Limits,
    /// The base that a command is given, which names the branch that the change goes to
    #[arg(skip)]
    pub(super) target: Option<String>,
}

/// The limits of a command.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// Give up after this time, with status 2; 0 sets no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(super) time_limit: u64,
    /// Give up above this memory, with status 2; 0 sets no limit (Linux only)
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    pub(super) memory_limit: u64,
}

/// The options with which a repository is judged.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct JudgeOptions {
    /// Set the level of a rule: off, info, warning or error; may be given several times
    #[arg(long = "rule", value_name = "ID=LEVEL", value_parser = rule_level)]
    pub(super) rules: Vec<(String, Level)>,
    /// Folder or file of Rego policies, in addition to the configured ones; may be given several
    /// times
    #[arg(long = "policy", value_name = "DIR")]
    pub(super) policies: Vec<PathBuf>,
    /// JSON or YAML file, or folder of such files, with data for policies; may be given several
    /// times
    #[arg(long = "data", value_name = "PATH")]
    pub(super) data: Vec<PathBuf>,
    /// Policy package to evaluate instead of `main`, `promotion` and `source`, such as `main` or `team.*`;
    /// may be given several times
    #[arg(
        long = "namespace",
        value_name = "PACKAGE",
        conflicts_with = "all_namespaces"
    )]
    pub(super) namespaces: Vec<String>,
    /// Evaluate all policy packages, not just `main`, `promotion` and `source`
    #[arg(long)]
    pub(super) all_namespaces: bool,
    /// Evaluate policies once for each overlay; `input` is a list of `path` and `contents`, as
    /// with `conftest --combine`
    #[arg(long)]
    pub(super) combine: bool,
    /// Print every evaluation of a policy on standard error
    #[arg(long)]
    pub(super) trace: bool,
    /// Version of Rego in which policies are written; detected for each file by default
    #[arg(long, value_name = "VERSION", value_parser = rego_version)]
    pub(super) rego_version: Option<RegoVersion>,
    /// Evaluate as if it were this time, such as 2027-01-31 or 2027-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = now)]
    pub(super) now: Option<Now>,
}

/// A version of Rego: `v0` or `v1`.
pub(super) fn rego_version(text: &str) -> Result<RegoVersion, String> {
    match text {
        "v0" => Ok(RegoVersion::V0),
        "v1" => Ok(RegoVersion::V1),
        _ => Err("expected `v0` or `v1`".to_string()),
    }
}

impl JudgeOptions {
    /// The options with which policies are compiled.
    pub(super) fn policy_options(&self, now: &ZonedDateTime) -> policy::Options {
        policy::Options {
            namespaces: match (self.all_namespaces, self.namespaces.as_slice()) {
                (true, _) => Namespaces::All,
                (false, []) => Namespaces::Default,
                (false, named) => Namespaces::Named(named.to_vec()),
            },
            now: now.timestamp().as_nanosecond(),
            version: self.rego_version,
            combined: self.combine,
        }
    }

    /// An error if `--rule` names a rule that does not exist.
    pub(super) fn require_known_rules(&self) -> Result<(), Error> {
        for (id, _) in self.rules.iter().filter(|(id, _)| !is_policy(id)) {
            crate::rules::named(id).map_err(|error| Error::from(error).of("--rule"))?;
        }
        Ok(())
    }
}

/// The formats of a command: for people and for programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    Text,
    Json,
}

/// The formats of a table, which may also go into a pull request.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextJsonOrMarkdown {
    Text,
    Json,
    Markdown,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// If the output is a terminal that shows colors
    #[default]
    Auto,
    /// Even if the output is not a terminal
    Always,
    /// No colors
    Never,
}

impl Color {
    /// True if text gets colors. `NO_COLOR` and `CLICOLOR_FORCE` have their usual meaning.
    pub(super) fn colored(self, terminal: bool) -> bool {
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

/// The lowest severity that fails the check; `None` for `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailOn(pub(super) Option<Severity>);

impl FromStr for FailOn {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<FailOn, UnknownName> {
        Ok(FailOn(match name {
            "never" => None,
            _ => match name.parse()? {
                Level::Off => None,
                Level::At(severity) => Some(severity),
            },
        }))
    }
}

/// The parser of a severity.
pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(["info", "warning", "error"]).try_map(|name| {
        match name.parse::<Level>()? {
            Level::At(severity) => Ok(severity),
            Level::Off => Err(UnknownName::new(
                "severity",
                &name,
                &["info", "warning", "error"],
            )),
        }
    })
}

/// The parser of `--fail-on`. It lists the values for the help and for completions.
pub(super) fn fail_on() -> impl TypedValueParser<Value = FailOn> {
    let values = [
        ("info", "Every finding"),
        ("warning", "Warnings and errors"),
        ("error", "Errors"),
        ("never", "Nothing; only a check that could not run fails"),
    ];
    let value = |(name, help): (&'static str, &'static str)| PossibleValue::new(name).help(help);
    PossibleValuesParser::new(values.map(value)).try_map(|name| name.parse::<FailOn>())
}

/// A report to write: its format and the file, if not standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The format.
    pub(super) format: Format,
    /// `None` for standard output.
    pub(super) file: Option<PathBuf>,
}

/// The help text of `--format`.
pub(super) fn format_help() -> String {
    let names = Format::ALL.map(Format::as_str);
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!(
        "Report format: {} or {last}; `=FILE` writes it to a file; may be given several times [default: pretty]",
        others.join(", ")
    )
}

/// Parses `FORMAT` or `FORMAT=FILE`.
pub(super) fn target(text: &str) -> Result<Target, Error> {
    let (name, file) = match text.split_once('=') {
        Some((_, "")) => return Err(Error::NoFile),
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let format = Format::parse(name)
        .ok_or_else(|| UnknownName::new("format", name, &Format::ALL.map(Format::as_str)))?;
    Ok(Target { format, file })
}

/// Parses `ID=LEVEL`.
fn rule_level(text: &str) -> Result<(String, Level), Error> {
    let (id, level) = text.split_once('=').ok_or(Error::NotARuleLevel)?;
    Ok((id.to_string(), level.parse()?))
}

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Now(pub ZonedDateTime);

impl Now {
    /// The given time, or the clock's.
    pub(super) fn or_clock(given: Option<&Now>) -> ZonedDateTime {
        given.map_or_else(ZonedDateTime::now, |now| now.0.clone())
    }
}

/// Parses a time. Without a zone it is UTC, so that CI and laptops agree.
pub(super) fn now(text: &str) -> Result<Now, Error> {
    let in_utc = |time: DateTime| time.to_zoned_datetime(TimeZone::UTC).ok();
    let zoned = || text.parse::<ZonedDateTime>().ok();
    let timestamp = || {
        Some(
            text.parse::<Timestamp>()
                .ok()?
                .to_zoned_datetime(TimeZone::UTC),
        )
    };
    let day = || in_utc(text.parse::<Date>().ok()?.to_datetime(Time::midnight()));
    let local = || in_utc(text.parse::<DateTime>().ok()?);
    let is_day = text.len() <= "2027-01-31".len();
    let found = zoned().or_else(timestamp);
    let found = found.or_else(|| if is_day { day() } else { local() });
    found.map(Now).ok_or(Error::NotATime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_files() {
        let sarif = Target {
            format: Format::Sarif,
            file: Some("out/a=b.sarif".into()),
        };
        let json = Target {
            format: Format::Json,
            file: None,
        };
        assert_eq!(target("sarif=out/a=b.sarif").unwrap(), sarif);
        assert_eq!(target("json").unwrap(), json);
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
}
