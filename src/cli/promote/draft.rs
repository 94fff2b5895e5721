//! The promotions that are made, those that are refused, and the files that they edit.

use std::collections::{BTreeMap, BTreeSet};

use super::Arguments;
use crate::edit::write::EditedFile;
use crate::edit::{Edit, edited};
use crate::promote::Promotion;
use crate::repo::Repo;
use crate::wording::count;

/// The versions that are going to be promoted.
#[derive(Default)]
pub(super) struct Draft<'r> {
    pub(super) promotions: Vec<Promotion<'r>>,
    /// Why apps are not promoted.
    pub(super) refused: BTreeMap<String, BTreeSet<String>>,
    /// Apps that run the same versions in both environments.
    pub(super) same: BTreeSet<String>,
    /// The files with their new texts.
    pub(super) files: Vec<EditedFile>,
    /// Since when the earlier environment has run a version, in seconds since 1970, by app, name and
    /// version.
    pub(super) since: BTreeMap<(String, String, String), i64>,
    /// Differences that stay after the promotion, by app.
    pub(super) left_behind: Vec<(String, Vec<String>)>,
    /// Warnings of the check, by app.
    pub(super) warnings: Vec<(String, String)>,
}

impl Draft<'_> {
    /// Notes why an app is not promoted.
    pub(super) fn refuse(&mut self, app: &str, reasons: Vec<String>) {
        if !reasons.is_empty() {
            self.refused
                .entry(app.to_string())
                .or_default()
                .extend(reasons);
        }
    }

    /// Drops the promotions of refused apps.
    pub(super) fn settle(&mut self) {
        let refused = &self.refused;
        self.promotions
            .retain(|promotion| !refused.contains_key(&promotion.to.app));
        let promoted: BTreeSet<&String> = self.promotions.iter().map(|one| &one.to.app).collect();
        self.same
            .retain(|app| !promoted.contains(app) && !refused.contains_key(app));
    }

    /// Drops every promotion.
    pub(super) fn withdraw(&mut self) {
        self.promotions.clear();
        self.files.clear();
        self.left_behind.clear();
    }

    /// The apps that are promoted.
    pub(super) fn apps(&self) -> BTreeSet<&str> {
        self.promotions
            .iter()
            .map(|promotion| promotion.to.app.as_str())
            .collect()
    }

    /// Makes the edits in memory. An app with a file that cannot be edited is refused.
    pub(super) fn edit(&mut self, repo: &Repo) {
        self.files.clear();
        let mut by_path: BTreeMap<&str, (Vec<Edit>, BTreeSet<&str>)> = BTreeMap::new();
        for promotion in &self.promotions {
            for (path, edits) in &promotion.edits {
                let (known, apps) = by_path.entry(path).or_default();
                apps.insert(&promotion.to.app);
                for edit in edits {
                    if !known.contains(edit) {
                        known.push(edit.clone());
                    }
                }
            }
        }
        let mut refusals: Vec<(String, String)> = Vec::new();
        for (path, (edits, apps)) in by_path {
            let Some(file) = repo.files.find(path, &None) else {
                continue;
            };
            let before = repo.files.get(file).text.to_string();
            match edited(&before, &edits) {
                Ok(after) => self.files.push(EditedFile {
                    path: path.to_string(),
                    before,
                    after,
                }),
                Err(error) => refusals.extend(
                    apps.iter()
                        .map(|app| (app.to_string(), format!("{path}: {error}"))),
                ),
            }
        }
        if refusals.is_empty() {
            return;
        }
        for (app, reason) in refusals {
            self.refuse(&app, vec![reason]);
        }
        self.settle();
        // the others may edit files of the refused apps
        self.edit(repo);
    }

    /// `promote-api-to-production`
    pub(super) fn branch(&self, arguments: &Arguments) -> String {
        if let Some(branch) = &arguments.branch {
            return branch.clone();
        }
        let apps = self.apps();
        let apps = match apps.first() {
            Some(app) if apps.len() == 1 => app.to_string(),
            _ => count(apps.len(), "app"),
        };
        let name = format!("promote-{apps}-to-{}", arguments.to);
        let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        name.chars()
            .map(|letter| if is_safe(letter) { letter } else { '-' })
            .collect()
    }
}
