//! The parts of the pages of a check besides the findings: the versions that the change moves, which
//! version runs where, and the environments side by side.

use std::collections::BTreeSet;
use std::time::Duration;

use similar::{DiffOp, TextDiff};

use crate::check::Outcome;
use crate::cli::base::Loaded;
use crate::cli::table::{environment, version};
use crate::cli::workspace::Workspace;
use crate::cli::{diff, status};
use crate::compare::{self, Change, ResourceChange, secrets};
use crate::promote::{Running, running};
use crate::repo::{Overlay, Pair};
use crate::report::{ComparedObject, Comparison, Format, Page, SideLine, VersionMove};
use crate::yaml::write;

/// Equal lines shown around a difference.
const CONTEXT: usize = 3;
/// Lines of all objects that are shown.
const LINES: usize = 40_000;

/// The facts that the wanted formats show.
pub(super) fn of(
    workspace: &Workspace,
    base: Option<&Loaded>,
    outcome: &Outcome,
    has_format: &dyn Fn(Format) -> bool,
) -> Page {
    let is_html = has_format(Format::Html);
    Page {
        moves: match base {
            Some(base) if is_html || has_format(Format::Markdown) => since(workspace, base),
            _ => Vec::new(),
        },
        matrix: match is_html {
            true => status::matrix(&workspace.repo),
            false => Default::default(),
        },
        changes: match base {
            Some(base) if has_format(Format::Markdown) => {
                diff::changes_since(&workspace.repo, &base.base)
            }
            _ => Vec::new(),
        },
        comparisons: match is_html {
            true => comparisons(workspace, outcome),
            false => Vec::new(),
        },
    }
}

/// The pairs of the checked overlays, those of protected environments first.
fn comparisons(workspace: &Workspace, outcome: &Outcome) -> Vec<Comparison> {
    let repo = &workspace.repo;
    let checked: BTreeSet<&str> = outcome
        .overlays
        .iter()
        .map(|checked| checked.overlay.path.as_str())
        .collect();
    let overlays = |pair: &Pair| Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?));
    let is_checked = |(from, to): &(&Overlay, &Overlay)| {
        checked.contains(from.path.as_str()) || checked.contains(to.path.as_str())
    };
    let mut pairs: Vec<_> = repo
        .pairs
        .iter()
        .filter_map(overlays)
        .filter(is_checked)
        .collect();
    pairs.sort_by_key(|(_, to)| (!repo.protected(to), to.app.clone(), to.path.clone()));
    let mut room = LINES;
    let one = |(from, to): (&Overlay, &Overlay)| {
        let changes = compare::resources(from, to, repo);
        let is_shared = |change: &&ResourceChange| change.change != Change::Removed;
        let shared = changes.iter().filter(is_shared).count();
        let mut comparison = Comparison {
            app: to.app.clone(),
            from: environment(repo, from),
            to: environment(repo, to),
            paths: (from.path.clone(), to.path.clone()),
            complete: from.rendered.complete && to.rendered.complete,
            equal: to.rendered.resources.len().saturating_sub(shared),
            ..Comparison::default()
        };
        for change in &changes {
            let lines = if room == 0 {
                Vec::new()
            } else {
                side_by_side(change)
            };
            if lines.is_empty() || lines.len() > room {
                comparison.left_out += 1;
                continue;
            }
            room -= lines.len();
            let id = secrets::shown_id(change.resource());
            let is_expected = change.change == Change::Changed
                && change.changes.iter().all(|value| value.expected.is_some());
            comparison.objects.push(ComparedObject {
                is_expected,
                title: format!("{} {}/{}", change.change.as_str(), id.kind, id.name),
                lines,
            });
        }
        comparison.objects.sort_by_key(|object| object.is_expected);
        comparison
    };
    pairs.into_iter().map(one).collect()
}

/// The lines of an object on both sides, without the values of Secrets. Equal lines far from a
/// difference are only counted.
fn side_by_side(change: &ResourceChange) -> Vec<SideLine> {
    let (from, to) = secrets::masked(change.from.as_ref(), change.to.as_ref());
    let text = |node: Option<_>| node.as_ref().map(write::write).unwrap_or_default();
    let (before, after) = (text(from), text(to));
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let diff = TextDiff::configure()
        .timeout(Duration::from_millis(500))
        .diff_slices(&old, &new);
    let line = |lines: &[&str], at: usize| Some((at + 1, lines.get(at)?.to_string()));
    let mut shown = Vec::new();
    let mut end = 0;
    for op in diff.grouped_ops(CONTEXT).iter().flatten() {
        let (left, right) = (op.old_range(), op.new_range());
        if left.start > end {
            shown.push(SideLine::Gap(left.start - end));
        }
        end = left.end;
        for at in 0..left.len().max(right.len()) {
            let left = left.clone().nth(at).and_then(|at| line(&old, at));
            let right = right.clone().nth(at).and_then(|at| line(&new, at));
            shown.push(match (op, left, right) {
                (DiffOp::Equal { .. }, Some((left, text)), Some((right, _))) => {
                    SideLine::Equal((left, right), text)
                }
                (_, left, right) => SideLine::Different(left, right),
            });
        }
    }
    if !shown.is_empty() && old.len() > end {
        shown.push(SideLine::Gap(old.len() - end));
    }
    shown
}

/// The moves since the base, in the order of the overlays.
fn since(workspace: &Workspace, base: &Loaded) -> Vec<VersionMove> {
    let (repo, before) = (&workspace.repo, base.base.compared());
    let mut moves = Vec::new();
    for (index, overlay) in repo.overlays.iter().enumerate() {
        let Some(old) = before.same(overlay).filter(|_| repo.protected(overlay)) else {
            continue;
        };
        if old.rendered.is(&overlay.rendered) {
            continue;
        }
        let pair = repo.pairs.iter().find(|pair| pair.to == index);
        let earlier = pair.and_then(|pair| repo.overlays.get(pair.from));
        let proved = earlier.and_then(|earlier| before.same(earlier));
        let proofs = proved
            .map(|proved| running(proved, before))
            .unwrap_or_default();
        let past = running(old, before);
        let mut seen = BTreeSet::new();
        for used in running(overlay, repo) {
            let Some(was) = past.iter().find(|was| was.name == used.name) else {
                continue;
            };
            let is_same = past
                .iter()
                .any(|was| was.name == used.name && was.version == used.version);
            if is_same || !seen.insert((used.name.clone(), used.version.clone())) {
                continue;
            }
            let (proof, is_proved) = proof(&used, earlier, &proofs, |one| environment(repo, one));
            moves.push(VersionMove {
                app: overlay.app.clone(),
                environment: environment(repo, overlay),
                name: used.name.clone(),
                before: version(&was.version),
                after: version(&used.version),
                proof,
                is_proved,
            });
        }
    }
    moves
}

fn proof(
    used: &Running,
    earlier: Option<&Overlay>,
    proofs: &[Running],
    name: impl Fn(&Overlay) -> String,
) -> (String, bool) {
    let Some(earlier) = earlier else {
        return ("no earlier environment".to_string(), false);
    };
    let environment = name(earlier);
    let is_proved = proofs
        .iter()
        .any(|one| one.is_called_like(used) && one.version.same(&used.version));
    match is_proved {
        true => (format!("{environment} runs it at the base"), true),
        false => (format!("{environment} does not run it at the base"), false),
    }
}
