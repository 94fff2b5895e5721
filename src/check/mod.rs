//! The check of a loaded repo. [`run`] runs rules and policies, leaves out what is suppressed,
//! accepted or older than the change, and merges findings with one cause. Its [`Outcome`] is all
//! that a report needs.
//!
//! Not here: loading (`repo`, `config`), formats (`report`), exit status (`cli`).

mod base;
mod baseline;
mod known;
mod merge;
mod run;
mod suppression;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

pub use base::Base;
pub use baseline::Baseline;
pub use run::{PolicySet, Request, run};

use known::Known;

use crate::config::Config;
use crate::finding::{Finding, Located, OverlayRef, Severity};
use crate::repo::{Overlay, Repo};
use crate::rules::overlay_ref;
use crate::source::Files;
use crate::yaml::FileId;

/// What part of the repo is asked about. The whole repo is rendered all the same: production's
/// findings need staging.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A folder or file relative to the root; empty for the whole repo.
    pub path: String,
    /// Environments by name; empty for all.
    pub environments: Vec<String>,
    /// Apps by name; empty for all.
    pub apps: Vec<String>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        self.path.is_empty() && self.environments.is_empty() && self.apps.is_empty()
    }

    /// Whether a file or folder lies in the selected path.
    fn contains(&self, path: &str) -> bool {
        self.path.is_empty()
            || path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether an overlay is asked about: by environment and app, and because it lies in the path
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

/// What shapes the outcome besides the configuration.
struct Options<'a> {
    selection: Selection,
    baseline: Option<&'a Baseline>,
    /// The day on which suppressions are judged.
    today: Date,
    /// The findings of the base revision, which the outcome leaves out.
    known: Option<Known>,
    /// The severity of the report about suppression comments that the change adds.
    brought: Option<Severity>,
    judged: Judged,
}

/// The part of the repo that was judged. `None` stands for all of it.
struct Judged {
    /// Indices of overlays.
    overlays: Option<BTreeSet<usize>>,
    /// Paths whose readers were all judged.
    files: Option<BTreeSet<Arc<str>>>,
}

impl Judged {
    fn has(&self, overlay: usize) -> bool {
        self.overlays
            .as_ref()
            .is_none_or(|judged| judged.contains(&overlay))
    }
}

impl Options<'_> {
    fn judges(&self, path: Option<&Arc<str>>) -> bool {
        let read = |judged: &BTreeSet<Arc<str>>| path.is_some_and(|path| judged.contains(path));
        self.selection.is_whole() && self.judged.files.as_ref().is_none_or(read)
    }
}

/// One overlay that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedOverlay {
    /// Which one.
    pub overlay: OverlayRef,
    /// Whether everything in it was rendered.
    pub complete: bool,
}

/// How much was done.
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
    /// How much was done.
    pub counts: Counts,
    /// The texts that the findings point into.
    pub files: Arc<Files>,
    /// Whether only the overlays that the change affects were judged.
    pub narrowed: bool,
    /// The steps of the check with their durations, in order.
    pub timings: Vec<(&'static str, Duration)>,
}

impl Outcome {
    /// Whether there was anything to check; without it, no findings do not mean clean.
    pub fn checked_anything(&self) -> bool {
        !self.overlays.is_empty()
    }
    /// Whether a finding is at least this severe.
    pub fn fails_at(&self, level: Severity) -> bool {
        self.findings
            .iter()
            .any(|located| located.finding.severity >= level)
    }
}

/// How many checks of each kind ran.
#[derive(Clone, Copy, Debug, Default)]
struct Ran {
    /// Built-in rules.
    rules: usize,
    /// Rego rules.
    policies: usize,
}

/// The findings of a base revision that nothing accepts there, as the head's are compared with
/// them.
fn known(base: &Repo, config: &Config, options: &Options<'_>, findings: Vec<Finding>) -> Known {
    let mut suppressions = suppression::Suppressions::collect(base, config, options.today);
    let located = findings
        .into_iter()
        .map(|finding| Located::new(finding, &base.files));
    let mut kept: Vec<Located> = located
        .filter(|located| !suppressions.covers(located))
        .collect();
    let judged = |file: Option<FileId>| {
        options.judges(file.map(|file| base.files.get(file).path.clone()).as_ref())
    };
    kept.extend(
        suppressions
            .findings(config, &judged)
            .into_iter()
            .map(|finding| Located::new(finding, &base.files)),
    );
    Known::new(kept, base)
}

/// Turns what rules and policies found in a repo into the outcome.
fn conclude(
    repo: &Repo,
    config: &Config,
    options: &Options<'_>,
    findings: Vec<Finding>,
    ran: Ran,
) -> Outcome {
    // a finding about the whole repo can name an overlay that was not judged: an edited record of
    // versions, for example
    let asked: Vec<(usize, &Overlay)> = repo
        .overlays
        .iter()
        .enumerate()
        .filter(|(_, overlay)| options.selection.selects(repo, overlay))
        .collect();
    let selected: Vec<&Overlay> = asked
        .iter()
        .filter(|(index, _)| options.judged.has(*index))
        .map(|(_, overlay)| *overlay)
        .collect();
    let name = |overlay: &Overlay| {
        repo.environment(overlay)
            .map(|environment| environment.name.clone())
    };
    let places: BTreeSet<(&str, Option<String>)> = asked
        .iter()
        .map(|(_, overlay)| (overlay.path.as_str(), name(overlay)))
        .collect();
    let all: BTreeSet<&str> = repo
        .overlays
        .iter()
        .map(|overlay| overlay.path.as_str())
        .collect();
    let selection = &options.selection;
    let mut suppressions = suppression::Suppressions::collect(repo, config, options.today);
    let (mut kept, mut suppressed) = (Vec::new(), Vec::new());
    for finding in findings {
        let asked = match finding.overlay.as_deref() {
            Some(overlay) if all.contains(overlay.path.as_str()) => {
                places.contains(&(overlay.path.as_str(), overlay.environment.clone()))
            }
            // one that only the base revision has
            Some(overlay) => {
                let among = |wanted: &[String], name: Option<&String>| {
                    wanted.is_empty() || name.is_some_and(|name| wanted.contains(name))
                };
                among(&selection.environments, overlay.environment.as_ref())
                    && among(&selection.apps, Some(&overlay.app))
                    && selection.contains(&overlay.path)
            }
            None => {
                selection.environments.is_empty()
                    && selection.apps.is_empty()
                    && selection.contains(&repo.files.get(finding.origin.file).path)
            }
        };
        if !asked {
            continue;
        }
        let located = Located::new(finding, &repo.files);
        let covered = suppressions.covers(&located);
        (if covered { &mut suppressed } else { &mut kept }).push(located);
    }
    let judged = |file: Option<FileId>| {
        options.judges(file.map(|file| repo.files.get(file).path.clone()).as_ref())
    };
    let about = suppressions
        .findings(config, &judged)
        .into_iter()
        .map(|finding| Located::new(finding, &repo.files));
    let (mut about, mut known) = (about.collect::<Vec<Located>>(), 0);
    if let Some(base) = &options.known {
        let before = |path: &str, line: &str| base.has_line(path, line, repo);
        let brought = options
            .brought
            .map(|severity| suppressions.brought(severity, repo, &before));
        kept.extend(
            brought
                .into_iter()
                .flatten()
                .map(|finding| Located::new(finding, &repo.files)),
        );
        let before = kept.len() + about.len();
        kept = base.new_ones(kept, repo);
        about = base.new_ones(about, repo);
        // only staging changed: report at `info` until production is promoted
        for located in kept.iter_mut().filter(|located| located.finding.ahead) {
            let finding = &mut located.finding;
            finding.severity = Severity::Info;
            finding.help = finding
                .help
                .take()
                .map(|help| format!("when it is promoted: {help}"));
        }
        known = before - kept.len() - about.len();
    }
    let findings = |located: Vec<Located>| {
        located
            .into_iter()
            .map(|located| located.finding)
            .collect::<Vec<Finding>>()
    };
    let mut counts = Counts {
        suppressed: merge::merge(findings(suppressed), repo).len(),
        known,
        ..Counts::default()
    };
    let mut merged = merge::merge(findings(kept), repo);
    merged.extend(findings(about));
    let findings = merged;
    let mut findings: Vec<Located> = findings
        .into_iter()
        .map(|finding| Located::new(finding, &repo.files))
        .collect();
    findings.sort_by(Located::order);
    merge::fingerprint(&mut findings, &repo.files);
    if let Some(baseline) = options.baseline {
        let before = findings.len();
        findings.retain(|located| !baseline.accepts(&located.finding.fingerprint));
        counts.suppressed += before - findings.len();
    }
    for located in &findings {
        match located.finding.severity {
            Severity::Error => counts.errors += 1,
            Severity::Warning => counts.warnings += 1,
            Severity::Info => counts.infos += 1,
        }
    }
    counts.unconcerned = options.judged.overlays.as_ref().map_or(0, |judged| {
        repo.overlays.len() - judged.len().min(repo.overlays.len())
    });
    counts.apps = selected
        .iter()
        .map(|overlay| overlay.app.as_str())
        .collect::<BTreeSet<_>>()
        .len();
    counts.files = repo
        .files
        .all()
        .iter()
        .filter(|(_, file)| file.revision.is_none())
        .count();
    counts.resources = selected
        .iter()
        .map(|overlay| overlay.rendered.resources.len())
        .sum();
    (counts.rules, counts.policies) = (ran.rules, ran.policies);
    let overlays = selected.iter().map(|overlay| CheckedOverlay {
        overlay: overlay_ref(repo, overlay),
        complete: overlay.rendered.complete,
    });
    Outcome {
        overlays: overlays.collect(),
        findings,
        counts,
        files: repo.files.clone(),
        narrowed: false,
        timings: Vec::new(),
    }
}
