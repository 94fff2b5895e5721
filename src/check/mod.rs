//! The check of a loaded repo. [`run`] runs rules and policies, leaves out what is suppressed,
//! accepted or older than the change, and merges findings with one cause. Its [`Outcome`] is all
//! that a report needs.
//!
//! Not here: loading (`repo`, `config`), formats (`report`), exit status (`cli`).

mod again;
mod base;
mod baseline;
mod conclude;
mod configuration;
mod known;
mod merge;
mod policy_changes;
mod run;
mod scrub;
mod strict;
mod suppression;
#[cfg(test)]
mod tests;
mod unreadable;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

pub use again::{Earlier, run_again};
pub use base::{Base, BaseInputs, free_repos, lasting};
pub use baseline::{Baseline, BaselineError};
pub use configuration::{configuration, configuration_with_files};
pub(crate) use run::Timings;
pub use run::{PolicySet, Request, run, run_keeping};

pub(crate) use crate::config::CONFIG_FILE;
use conclude::{conclude, known};
use known::Known;
use strict::Strict;

use crate::finding::{Cause, Finding, Located, Location, OverlayRef, RuleDescription, Severity};
use crate::repo::coverage::Unseen;
use crate::repo::{Overlay, Repo};
use crate::source::Files;
use crate::yaml::Origin;

/// The id of the finding that stands for a check that could not do its work.
pub const FAILED: &str = "check-failed";

/// The part of the repo whose findings are reported. Other parts are still rendered as needed: the
/// findings of production depend on staging.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Folders and files relative to the root; empty for the whole repo.
    pub paths: Vec<String>,
    /// Environments by name; empty for all.
    pub environments: Vec<String>,
    /// Apps by name; empty for all.
    pub apps: Vec<String>,
}

impl Selection {
    /// True if nothing is left out.
    pub fn is_whole(&self) -> bool {
        self.paths.is_empty() && self.environments.is_empty() && self.apps.is_empty()
    }

    /// True if a file or folder lies in the selected path.
    fn contains(&self, path: &str) -> bool {
        let is_in = |folder: &String| {
            path.strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.paths.is_empty() || self.paths.iter().any(is_in)
    }

    /// True if an overlay is selected: its environment and app are, and it is in the selected path
    /// or reads a file there.
    pub fn selects(&self, repo: &Repo, overlay: &Overlay) -> bool {
        let environment = repo
            .environment(overlay)
            .map(|environment| environment.name.as_str());
        (self.environments.is_empty()
            || environment
                .is_some_and(|name| self.environments.iter().any(|wanted| wanted == name)))
            && (self.apps.is_empty() || self.apps.contains(&overlay.app))
            && (self.contains(&overlay.path)
                || overlay
                    .rendered
                    .files
                    .iter()
                    .any(|file| self.contains(&repo.files.get(*file).path)))
    }
}

/// The inputs of the outcome besides the configuration.
struct Options<'a> {
    selection: &'a Selection,
    baseline: Option<&'a Baseline>,
    /// The date that decides which suppressions have expired.
    today: Date,
    /// The findings of the base revision, which the outcome leaves out.
    known: Option<Known>,
    /// The findings of the base's configuration about the head.
    strict: Option<Strict<'a>>,
    judged: Judged<'a>,
}

/// The part of the repo that was judged. `None` stands for all of it.
struct Judged<'a> {
    /// Indices of overlays.
    overlays: Option<BTreeSet<usize>>,
    /// Paths whose readers were all judged.
    files: Option<&'a BTreeSet<Arc<str>>>,
}

impl Judged<'_> {
    fn has(&self, overlay: usize) -> bool {
        self.overlays
            .as_ref()
            .is_none_or(|judged| judged.contains(&overlay))
    }
}

impl Options<'_> {
    fn judges(&self, path: Option<&Arc<str>>) -> bool {
        let read = |judged: &BTreeSet<Arc<str>>| path.is_some_and(|path| judged.contains(path));
        self.selection.is_whole() && self.judged.files.is_none_or(read)
    }
}

/// One overlay that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedOverlay {
    /// Which one.
    pub overlay: OverlayRef,
    /// True if everything in it was rendered.
    pub complete: bool,
}

/// The amount of work that was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Apps with a checked overlay.
    pub apps: usize,
    /// Files of the head that were read.
    pub files: usize,
    /// Objects rendered in the checked overlays.
    pub resources: usize,
    /// Rules that ran.
    pub rules: usize,
    /// Policies that ran.
    pub policies: usize,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity info.
    pub infos: usize,
    /// Findings that a comment, the configuration or the baseline accepts.
    pub suppressed: usize,
    /// Overlays that were not judged because the change does not affect them.
    pub unconcerned: usize,
    /// Findings that already exist at the base, counted before findings with one cause are merged.
    pub known: usize,
}

/// The result of a check.
pub struct Outcome {
    /// In the order of [`Located::order`].
    pub findings: Vec<Located>,
    /// In the order of the repo: by path.
    pub overlays: Vec<CheckedOverlay>,
    /// The amount of work that was done.
    pub counts: Counts,
    /// The texts that the findings point into.
    pub files: Arc<Files>,
    /// The parts of the repo that were not judged, in the order of [`Repo::unseen`].
    pub unseen: Vec<(Unseen, Location)>,
    /// True if only the overlays that the change affects were judged.
    pub narrowed: bool,
    /// Accepted findings of the baseline that do not occur any more.
    pub stale: usize,
    /// True if the check could not do its work; its only finding says why.
    pub failed: bool,
    /// The descriptions that the policies give of themselves.
    pub described: Vec<RuleDescription>,
    /// The steps of the check with their durations, in order.
    pub timings: Vec<(&'static str, Duration)>,
}

impl Outcome {
    /// The outcome of a check that could not do its work, for programs that read reports.
    pub fn failed(message: &str) -> Outcome {
        let files = Arc::new(Files::default());
        let file = files.add(CONFIG_FILE, None, Arc::from(""));
        let (origin, cause) = (Origin::start_of(file), Cause::new("failed"));
        let finding = Finding {
            help: Some("nothing is known about this change until the check can run".to_string()),
            ..Finding::new(FAILED, Severity::Error, origin, cause, message)
        };
        let mut findings = vec![Located::new(finding, &files)];
        merge::fingerprint(&mut findings, &files);
        Outcome {
            findings,
            overlays: Vec::new(),
            counts: Counts {
                errors: 1,
                ..Counts::default()
            },
            files,
            unseen: Vec::new(),
            narrowed: false,
            stale: 0,
            failed: true,
            described: Vec::new(),
            timings: Vec::new(),
        }
    }

    /// True if something was checked: an overlay with objects, or one of an environment. Otherwise,
    /// "no findings" does not mean that the repo is clean.
    pub fn checked_anything(&self) -> bool {
        let placed = self
            .overlays
            .iter()
            .any(|one| one.overlay.environment.is_some());
        let unseen = self.counts.resources == 0 && !self.unseen.is_empty();
        !self.overlays.is_empty() && (placed || !unseen)
    }
    /// Leaves out findings as if they had not been made.
    pub fn keep(&mut self, wanted: impl Fn(&Finding) -> bool) {
        self.findings.retain(|located| wanted(&located.finding));
        let number = |severity: Severity| {
            let findings = self.findings.iter();
            findings
                .filter(|located| located.finding.severity == severity)
                .count()
        };
        self.counts.errors = number(Severity::Error);
        self.counts.warnings = number(Severity::Warning);
        self.counts.infos = number(Severity::Info);
    }
    /// True if a finding is at least this severe.
    pub fn fails_at(&self, level: Severity) -> bool {
        self.findings
            .iter()
            .any(|located| located.finding.severity >= level)
    }
}

/// The number of checks of each kind that ran.
#[derive(Clone, Copy, Debug, Default)]
struct Ran {
    /// Built-in rules.
    rules: usize,
    /// Rego rules.
    policies: usize,
}
