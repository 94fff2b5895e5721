//! Puts edited files on disk. Each is written beside the old one and renamed, so that no reader
//! ever sees half of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file with its text before and after an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedFile {
    /// Relative to the root.
    pub path: String,
    /// The text that was read.
    pub before: String,
    /// The text to write.
    pub after: String,
}

/// Why files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refuses.
    #[error("{path} cannot be written: {error}; nothing was changed")]
    Refused {
        /// The file.
        path: String,
        /// The reason.
        error: std::io::Error,
    },
    /// Some files were renamed before the system refused.
    #[error("{path} cannot be written: {error}; these files were already changed: {done}")]
    Halfway {
        /// The file.
        path: String,
        /// The reason.
        error: std::io::Error,
        /// The files that have their new text.
        done: String,
    },
    /// Somebody else edited the file in the meantime.
    #[error("{0} changed while this command ran; nothing was changed")]
    Changed(String),
    /// A link leads out of the repository.
    #[error("{0} is a link that leads out of the repository; nothing was changed")]
    OutsideRoot(String),
}

/// Writes all files or, if one cannot be written, none.
pub fn write_all(root: &Path, files: &[EditedFile]) -> Result<(), WriteError> {
    let mut prepared = Vec::new();
    for file in files {
        prepared.push((file, prepare(root, file)?));
    }
    let mut done: Vec<(&EditedFile, PathBuf)> = Vec::new();
    for (file, (temporary, target)) in prepared {
        if let Err(error) = temporary.persist(&target) {
            return Err(undo(file, error.error, &done));
        }
        done.push((file, target));
    }
    Ok(())
}

/// Writes the new text beside the file. The result is renamed onto the second path.
fn prepare(root: &Path, file: &EditedFile) -> Result<(NamedTempFile, PathBuf), WriteError> {
    let refused = |error: std::io::Error| WriteError::Refused {
        path: file.path.clone(),
        error,
    };
    let top = root.canonicalize().map_err(refused)?;
    let target = top.join(&file.path).canonicalize().map_err(refused)?;
    let Some(folder) = target.parent().filter(|folder| folder.starts_with(&top)) else {
        return Err(WriteError::OutsideRoot(file.path.clone()));
    };
    if std::fs::read(&target).map_err(refused)? != file.before.as_bytes() {
        return Err(WriteError::Changed(file.path.clone()));
    }
    let permissions = std::fs::metadata(&target).map_err(refused)?.permissions();
    if permissions.readonly() {
        return Err(refused(std::io::ErrorKind::PermissionDenied.into()));
    }
    let mut temporary = tempfile::Builder::new()
        .prefix(".gitops-lint-")
        .tempfile_in(folder)
        .map_err(refused)?;
    let written = temporary
        .write_all(file.after.as_bytes())
        .and_then(|()| temporary.as_file().set_permissions(permissions))
        .and_then(|()| temporary.as_file().sync_all());
    written.map_err(refused)?;
    Ok((temporary, target))
}

/// Puts the old text of a file back, as a whole.
fn restore(file: &EditedFile, target: &Path) -> std::io::Result<()> {
    let permissions = std::fs::metadata(target)?.permissions();
    let mut temporary = tempfile::Builder::new()
        .prefix(".gitops-lint-")
        .tempfile_in(target.parent().unwrap_or(Path::new("")))?;
    temporary.write_all(file.before.as_bytes())?;
    temporary.as_file().set_permissions(permissions)?;
    temporary.persist(target)?;
    Ok(())
}

/// Gives the files that were renamed already their old text back.
fn undo(file: &EditedFile, error: std::io::Error, done: &[(&EditedFile, PathBuf)]) -> WriteError {
    let path = file.path.clone();
    let is_kept = |(file, target): &&(&EditedFile, PathBuf)| restore(file, target).is_err();
    let kept: Vec<&str> = done
        .iter()
        .filter(is_kept)
        .map(|(file, _)| file.path.as_str())
        .collect();
    if kept.is_empty() {
        WriteError::Refused { path, error }
    } else {
        WriteError::Halfway {
            path,
            error,
            done: kept.join(", "),
        }
    }
}
