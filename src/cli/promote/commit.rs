//! Commits a promotion on a new branch with the Git of the user, so that hooks, signatures and the
//! name of the author are those of any other commit. Nothing is pushed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::error::Error;
use crate::cli::workspace::Workspace;
use crate::edit::write::{EditedFile, write_all};

pub(super) struct Commit<'c> {
    pub(super) root: &'c Path,
    pub(super) branch: String,
    pub(super) message: String,
    pub(super) files: &'c [EditedFile],
}

impl Commit<'_> {
    /// Creates the branch, writes the files and commits them. Other changes of the work tree and
    /// the index stay as they are.
    pub(super) fn make(&self, workspace: &Workspace) -> Result<(), Error> {
        let changed = workspace.changed_since(&workspace.head_commit()?)?;
        let is_edited = |path: &str| self.files.iter().any(|file| file.path == path);
        if let Some(changed) = changed.into_iter().find(|one| is_edited(&one.path)) {
            return Err(Error::NotCommitted(changed.path));
        }
        self.git(&["switch", "--quiet", "--create", &self.branch])?;
        if let Err(error) = write_all(self.root, self.files) {
            self.git(&["switch", "--quiet", "-"])?;
            self.git(&["branch", "--quiet", "--delete", &self.branch])?;
            return Err(error.into());
        }
        let mut arguments = vec![
            "commit",
            "--quiet",
            "--only",
            "--message",
            &self.message,
            "--",
        ];
        arguments.extend(self.files.iter().map(|file| file.path.as_str()));
        self.git(&arguments)
    }

    fn git(&self, arguments: &[&str]) -> Result<(), Error> {
        let command = arguments.first().copied().unwrap_or_default().to_string();
        let failed = |reason: String| Error::GitCommand {
            command: command.clone(),
            reason,
        };
        let done = Command::new("git")
            // paths are paths, even if one is called `:(top)`
            .args(["--literal-pathspecs"])
            .args(arguments)
            .current_dir(self.root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(failed(said.trim().to_string()))
    }
}
