//! Turns the findings of rules and policies into the outcome. Removes findings outside of the
//! selection, suppressed and accepted findings, and those that already exist at the base. The rest
//! is merged, sorted and counted.

use std::collections::BTreeSet;

use super::suppression::Suppressions;
use super::{CheckedOverlay, Counts, Known, Options, Outcome, Ran, Selection, merge};
use crate::finding::{Finding, Located, Location, Severity};
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, check_suppressions, overlay_ref};
use crate::source::Files;
use crate::yaml::FileId;

/// The findings of a base revision, without those that are suppressed there. The findings of the
/// head are compared with them.
pub(super) fn known(context: &Context, options: &Options<'_>, findings: Vec<Finding>) -> Known {
    let base = context.repo;
    let mut suppressions = Suppressions::collect(base, context.config, options.today);
    let mut kept = located(findings, &base.files);
    kept.retain(|located| !suppressions.covers_known(located));
    kept.extend(about_suppressions(&suppressions, context, options));
    Known::new(kept, base)
}

/// Turns what rules and policies found in a repo into the outcome.
pub(super) fn conclude(
    context: &Context,
    options: &mut Options<'_>,
    findings: Vec<Finding>,
    ran: Ran,
) -> Outcome {
    let repo = context.repo;
    let asked = Asked::new(repo, options.selection);
    let mut suppressions = Suppressions::collect(repo, context.config, options.today);
    let findings = findings
        .into_iter()
        .filter(|finding| asked.includes(finding));
    let findings = located(findings, &repo.files);
    let apart = |findings: Vec<Located>, known: &Option<Known>| match known {
        Some(base) => base.split(findings, repo),
        None => (findings, Vec::new()),
    };
    let (new, old) = apart(findings, &options.known);
    let (mut suppressed, mut kept): (Vec<Located>, Vec<Located>) =
        new.into_iter().partition(|one| suppressions.covers(one));
    let (accepted, old): (Vec<Located>, Vec<Located>) = old
        .into_iter()
        .partition(|one| suppressions.covers_known(one));
    suppressed.extend(accepted);
    let mut known = old.len();
    let mut others = about_suppressions(&suppressions, context, options);
    if let Some(strict) = options.strict.take() {
        let includes = |finding: &Finding| asked.includes(finding);
        others.extend(strict.besides(&mut kept, options.today, includes));
    }
    let (new, old) = apart(others, &options.known);
    kept.extend(new);
    known += old.len();
    if options.known.is_some() {
        soften_what_runs_ahead(&mut kept);
    }
    let suppressed = merge::merge(unlocated(suppressed), repo).len();
    let mut findings = located(merge::merge(unlocated(kept), repo), &repo.files);
    findings.sort_by(Located::order);
    merge::fingerprint(&mut findings, &repo.files);
    let all = findings.len();
    let mut stale = 0;
    if let Some(baseline) = options.baseline {
        let present = findings.iter().map(|located| &*located.finding.fingerprint);
        stale = baseline.without(present.collect());
        findings.retain(|located| !baseline.accepts(&located.finding.fingerprint));
    }
    let selected = asked.judged(options);
    let counts = Counts {
        suppressed: suppressed + all - findings.len(),
        known,
        rules: ran.rules,
        policies: ran.policies,
        ..counts(repo, &selected, options, &findings)
    };
    let overlays = selected.iter().map(|overlay| CheckedOverlay {
        overlay: overlay_ref(repo, overlay),
        complete: overlay.rendered.complete,
    });
    let unseen = context.unseen().iter().map(|unseen| {
        let location = Location::resolve(&repo.files, unseen.origin);
        (unseen.clone(), location)
    });
    Outcome {
        overlays: overlays.collect(),
        findings,
        counts,
        files: repo.files.clone(),
        unseen: unseen.collect(),
        narrowed: options.judged.overlays.is_some(),
        stale,
        failed: false,
        described: Vec::new(),
        timings: Vec::new(),
    }
}

pub(super) fn located(findings: impl IntoIterator<Item = Finding>, files: &Files) -> Vec<Located> {
    let findings = findings.into_iter();
    findings
        .map(|finding| Located::new(finding, files))
        .collect()
}

fn unlocated(located: Vec<Located>) -> Vec<Finding> {
    located.into_iter().map(|located| located.finding).collect()
}

/// The findings of the rules about suppressions.
fn about_suppressions(
    suppressions: &Suppressions<'_>,
    context: &Context,
    options: &Options<'_>,
) -> Vec<Located> {
    let repo = context.repo;
    let judged = |file: Option<FileId>| {
        options.judges(file.map(|file| repo.files.get(file).path.clone()).as_ref())
    };
    // without a base, nothing is known to be new
    let before = |path: &str, line: &str| {
        let base = options.known.as_ref();
        base.is_none_or(|base| base.has_line(path, line, repo))
    };
    let suppressed = suppressions.result(repo, &judged, &before);
    located(check_suppressions(context, &suppressed), &repo.files)
}

/// Lowers findings to `info` if they exist only because staging went ahead of production.
fn soften_what_runs_ahead(kept: &mut [Located]) {
    for located in kept.iter_mut().filter(|located| located.finding.ahead) {
        let finding = &mut located.finding;
        finding.severity = Severity::Info;
        let help = finding.help.take();
        finding.help = help.map(|help| format!("when it is promoted: {help}"));
    }
}

/// The selection of the caller.
struct Asked<'r> {
    repo: &'r Repo,
    selection: &'r Selection,
    /// The paths of all overlays.
    paths: BTreeSet<&'r str>,
    /// The selected overlays, each with its index.
    overlays: Vec<(usize, &'r Overlay)>,
    /// Their paths and environments.
    selected: BTreeSet<(&'r str, Option<&'r str>)>,
}

impl<'r> Asked<'r> {
    fn new(repo: &'r Repo, selection: &'r Selection) -> Asked<'r> {
        let all = repo.overlays.iter().enumerate();
        let overlays: Vec<(usize, &Overlay)> = all
            .filter(|(_, overlay)| selection.selects(repo, overlay))
            .collect();
        let place = |(_, overlay): &(usize, &'r Overlay)| {
            let environment = repo.environment(overlay);
            let name = environment.map(|environment| environment.name.as_str());
            (overlay.path.as_str(), name)
        };
        Asked {
            repo,
            selection,
            paths: repo
                .overlays
                .iter()
                .map(|overlay| overlay.path.as_str())
                .collect(),
            selected: overlays.iter().map(place).collect(),
            overlays,
        }
    }

    /// True if a finding belongs to the selection. A finding about the whole repo can name an
    /// overlay that was not judged, for example after an edit of `versions.json`.
    fn includes(&self, finding: &Finding) -> bool {
        let selection = self.selection;
        if is_about_policies(finding) && finding.overlay.is_none() {
            // a policy that cannot be loaded judges no part of the selection
            return true;
        }
        match finding.overlay.as_deref() {
            Some(overlay) if self.paths.contains(overlay.path.as_str()) => {
                let place = (overlay.path.as_str(), overlay.environment.as_deref());
                self.selected.contains(&place)
            }
            // an overlay that only exists at the base revision
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
                    && selection.contains(&self.repo.files.get(finding.origin.file).path)
            }
        }
    }

    /// The selected overlays that were judged.
    fn judged(&self, options: &Options<'_>) -> Vec<&'r Overlay> {
        let judged = |(index, _): &&(usize, &Overlay)| options.judged.has(*index);
        let overlays = self.overlays.iter().filter(judged);
        overlays.map(|(_, overlay)| *overlay).collect()
    }
}

/// True for the finding that a policy checks nothing.
fn is_about_policies(finding: &Finding) -> bool {
    let rule = crate::rules::find(&finding.rule);
    rule.is_some_and(|rule| rule.metadata().behavior.for_failing_policies)
}

/// The counts of the outcome, except those that [`conclude`] counts itself.
fn counts(
    repo: &Repo,
    selected: &[&Overlay],
    options: &Options<'_>,
    findings: &[Located],
) -> Counts {
    let of = |severity: Severity| {
        let same = |located: &&Located| located.finding.severity == severity;
        findings.iter().filter(same).count()
    };
    let apps: BTreeSet<&str> = selected
        .iter()
        .map(|overlay| overlay.app.as_str())
        .collect();
    let files = repo.files.all();
    let resources = selected
        .iter()
        .map(|overlay| overlay.rendered.resources.len());
    let judged = options.judged.overlays.as_ref();
    Counts {
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        infos: of(Severity::Info),
        unconcerned: judged.map_or(0, |judged| repo.overlays.len().saturating_sub(judged.len())),
        apps: apps.len(),
        files: files
            .iter()
            .filter(|(_, file)| file.revision.is_none())
            .count(),
        resources: resources.sum(),
        ..Counts::default()
    }
}
