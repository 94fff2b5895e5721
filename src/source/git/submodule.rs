//! The repositories of submodules.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Id, Repository, lock, short};
use crate::source::Withheld;

impl Repository {
    /// The repository of a submodule that is checked out, or was.
    pub(in crate::source) fn opened_module(&self, path: &str) -> Option<Arc<Repository>> {
        let path = self.path_from_top(path);
        if let Some(known) = lock(&self.modules).get(&path) {
            return known.clone();
        }
        let opened = self.open_module(&path);
        lock(&self.modules).entry(path).or_insert(opened).clone()
    }

    fn path_from_top(&self, path: &str) -> String {
        if self.prefix.is_empty() {
            path.to_string()
        } else {
            format!("{}/{path}", self.prefix)
        }
    }

    /// The repository of a submodule, and the tree of one of its commits.
    pub(in crate::source) fn module(
        &self,
        path: &str,
        commit: &Id,
    ) -> Result<(Arc<Repository>, Id), Withheld> {
        let Some(module) = self.opened_module(path) else {
            return Err(not_checked_out(&self.path_from_top(path)));
        };
        match module.commit(commit) {
            Ok(commit) => Ok((module, commit.tree)),
            Err(_) => Err(Withheld {
                reason: format!(
                    "it is in the submodule {path} at {}, a commit that its clone lacks",
                    short(commit)
                ),
                remedy: format!(
                    "git -C {} fetch --unshallow, or `fetch-depth: 0` in CI",
                    self.path_from_top(path)
                ),
            }),
        }
    }

    fn open_module(&self, path: &str) -> Option<Arc<Repository>> {
        // trees may contain any name, and a link may replace a folder: never open anything outside
        let parts = || {
            path.split('/').scan(self.top.clone(), |folder, part| {
                Some((part, {
                    folder.push(part);
                    folder.clone()
                }))
            })
        };
        let leads_out = |(part, folder): (&str, PathBuf)| {
            matches!(part, "" | "." | ".." | ".git") || folder.is_symlink()
        };
        if parts().any(leads_out) {
            return None;
        }
        let checked_out = self.top.join(path);
        let folder = match checked_out.join(".git").exists() {
            true => checked_out.clone(),
            // a submodule that the change removes is still here
            false => self.with(|repo| repo.common_dir().join("modules").join(path)),
        };
        Repository::at(&folder, &checked_out, String::new())
            .map(Arc::new)
            .ok()
    }
}

/// Why the files of a submodule are not here.
pub(in crate::source) fn not_checked_out(module: &str) -> Withheld {
    Withheld {
        reason: format!("it is in the submodule {module}, which is not checked out"),
        remedy:
            "run `git submodule update --init --recursive`, or set `submodules: recursive` in CI"
                .to_string(),
    }
}
