//! `check --fix` and `check --diff`: the edits of findings that have one right answer. The edited
//! repo is checked before anything is written.

use std::collections::BTreeSet;

use super::JudgedRepo;
use crate::cli::error::Error;
use crate::cli::output::warn;
use crate::cli::workspace::Workspace;
use crate::edit::write::EditedFile;
use crate::finding::{Finding, Fix, Severity};
use crate::promote::first_changed;
use crate::repo::Repo;
use crate::wording;
use crate::yaml::{FileId, read};

/// The effect of the fixes of a check.
pub(super) struct Fixed {
    /// The files with their new texts.
    pub(super) files: Vec<EditedFile>,
    /// The number of findings that are resolved.
    pub(super) findings: usize,
    /// The outcome of the check of the edited repo.
    pub(super) judged: JudgedRepo,
}

/// The fixes of a check, if there are any that leave the repo no worse. `judge` checks an edited
/// repo.
pub(super) fn fixed(
    judged: &JudgedRepo,
    judge: &dyn Fn(Workspace) -> Result<JudgedRepo, Error>,
) -> Result<Option<Fixed>, Error> {
    let workspace = &judged.workspace;
    let repo = &workspace.repo;
    let all = judged.outcome.findings.iter();
    let mut fixes: Vec<&Fix> = all.filter_map(|located| located.fix.as_ref()).collect();
    let neutral: Vec<&Fix> = fixes.iter().copied().filter(|fix| fix.neutral).collect();
    let mut search = Search {
        workspace,
        checks: 0,
        changed: None,
    };
    let kept = search.harmless(&neutral);
    if let Some(overlay) = &search.changed {
        let left = wording::count(neutral.len() - kept.len(), "deprecated field");
        warn(&format!(
            "{left} left as written: with the new name, {overlay} would render to other objects"
        ));
    }
    let is_kept = |fix: &Fix| !fix.neutral || kept.iter().any(|kept| std::ptr::eq(*kept, fix));
    fixes.retain(|fix| is_kept(fix));
    let (files, findings) = applied(&fixes, repo);
    if files.is_empty() {
        return Ok(None);
    }
    let after = judge(workspace.with_edits(&files))?;
    if let Some(worse) = new_error(judged, &after) {
        warn(&format!(
            "nothing is fixed, because the edits would cause another error: {}: {}",
            worse.rule,
            worse.message.trim_start_matches([':', ' '])
        ));
        return Ok(None);
    }
    Ok(Some(Fixed {
        files,
        findings,
        judged: after,
    }))
}

/// The search for renames that change what an overlay renders to.
struct Search<'w> {
    workspace: &'w Workspace,
    /// The number of times that the edited repo was rendered.
    checks: usize,
    /// The first overlay that would change.
    changed: Option<String>,
}

impl Search<'_> {
    /// The fixes that change no rendering. Halves that change one are searched further.
    fn harmless<'f>(&mut self, fixes: &[&'f Fix]) -> Vec<&'f Fix> {
        /// Renderings after which the fixes that are not judged yet are left out.
        const MOST: usize = 64;
        if fixes.is_empty() || self.checks >= MOST {
            return Vec::new();
        }
        self.checks += 1;
        let repo = &self.workspace.repo;
        let (files, _) = applied(fixes, repo);
        let edited = self.workspace.with_edits(&files);
        let Some(overlay) = first_changed(repo, &edited.repo) else {
            return fixes.to_vec();
        };
        self.changed.get_or_insert_with(|| overlay.path.clone());
        if fixes.len() == 1 {
            return Vec::new();
        }
        let (one, other) = fixes.split_at(fixes.len() / 2);
        let mut kept = self.harmless(one);
        kept.extend(self.harmless(other));
        kept
    }
}

/// An error that only the edited repo has.
fn new_error<'a>(before: &JudgedRepo, after: &'a JudgedRepo) -> Option<&'a Finding> {
    let known: BTreeSet<(&str, &str)> = errors(before)
        .map(|finding| (finding.rule.as_str(), finding.message.as_str()))
        .collect();
    errors(after)
        .find(|finding| !known.contains(&(finding.rule.as_str(), finding.message.as_str())))
}

fn errors(judged: &JudgedRepo) -> impl Iterator<Item = &Finding> {
    let findings = judged
        .outcome
        .findings
        .iter()
        .map(|located| &located.finding);
    findings.filter(|finding| finding.severity == Severity::Error)
}

/// The files with the edits of all fixes that do not overlap, and the number of these fixes.
fn applied(fixes: &[&Fix], repo: &Repo) -> (Vec<EditedFile>, usize) {
    let mut edits: Vec<(&str, usize, usize, &str)> = Vec::new();
    let mut used = 0;
    for fix in fixes {
        let own: Vec<(&str, usize, usize, &str)> = fix
            .replacements
            .iter()
            .map(|one| {
                (
                    &*one.file,
                    one.bytes.start,
                    one.bytes.end,
                    one.text.as_str(),
                )
            })
            .collect();
        // two findings may have one fix
        let is_known = own.iter().all(|edit| edits.contains(edit));
        let overlaps = |edit: &(&str, usize, usize, &str)| {
            let (file, start, end, _) = *edit;
            edits
                .iter()
                .any(|(other, from, to, _)| *other == file && start <= *to && *from <= end)
        };
        if !is_known && own.iter().any(overlaps) {
            continue;
        }
        used += 1;
        if !is_known {
            edits.extend(own);
        }
    }
    edits.sort_unstable();
    let files = edits.chunk_by(|one, other| one.0 == other.0);
    let file = |edits: &[(&str, usize, usize, &str)]| {
        let (path, ..) = edits.first()?;
        let before = repo
            .files
            .get(repo.files.find(path, &None)?)
            .text
            .to_string();
        let mut after = before.clone();
        for (_, start, end, text) in edits.iter().rev() {
            after.get(*start..*end)?;
            after.replace_range(*start..*end, text);
        }
        read::read(&after, FileId(0)).ok()?;
        Some(EditedFile {
            path: path.to_string(),
            before,
            after,
        })
    };
    (files.filter_map(file).collect(), used)
}
