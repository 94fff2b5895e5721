//! The root of the repo that a path belongs to.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::error::Error;
use crate::config::CONFIG_FILE;
use crate::names::nearest;
use crate::source::worktree::find_root;

/// The most entries of a folder that a misspelt name is compared with.
const MOST_LISTED: usize = 10_000;

/// A path that a user named: the root of its repo, and the path inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RepoPath {
    /// Absolute, with links resolved.
    pub(super) root: PathBuf,
    /// Relative to the root, `/`-separated; empty for the root.
    pub(super) path: String,
}

impl RepoPath {
    /// True if a configuration or `.git` marks the root.
    pub(super) fn is_marked(&self) -> bool {
        self.root.join(".git").exists() || self.root.join(CONFIG_FILE).is_file()
    }

    /// The same path, with the folder above as the root.
    pub(super) fn widened(&self) -> Option<RepoPath> {
        let name = self.root.file_name()?.to_str()?;
        let path = if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{name}/{}", self.path)
        };
        Some(RepoPath {
            root: self.root.parent()?.to_path_buf(),
            path,
        })
    }
}

/// Finds the root: the nearest folder at or above the path that holds a configuration or `.git`,
/// else the folder itself. Outside of Git, a configuration above the current folder does not count.
pub(super) fn find(path: &Path) -> Result<RepoPath, Error> {
    find_without(path, &[])
}

/// A path that a user named, absolute and with links resolved.
pub(super) fn real(path: &Path) -> Result<PathBuf, Error> {
    let shown = path.display();
    path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Missing {
            what: format!("`{shown}`"),
            help: match similar(path) {
                Some(similar) => format!("; did you mean `{}`?", similar.display()),
                // the path may be a misspelt command
                None => "; `gitops-lint --help` lists the commands".to_string(),
            },
        },
        _ => Error::reading(shown.to_string(), &error),
    })
}

/// A file or folder that exists, with a name similar to the one that does not.
fn similar(path: &Path) -> Option<PathBuf> {
    let missing = path.ancestors().find(|one| match one.parent() {
        Some(above) if above.as_os_str().is_empty() => true,
        Some(above) => above.is_dir(),
        None => false,
    })?;
    let above = missing.parent()?;
    let folder = match above.as_os_str().is_empty() {
        true => Path::new("."),
        false => above,
    };
    let entries = std::fs::read_dir(folder).ok()?.take(MOST_LISTED);
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = above.join(nearest(missing.file_name()?.to_str()?, &names)?);
    let whole = found.join(path.strip_prefix(missing).ok()?);
    Some(if whole.exists() { whole } else { found })
}

/// The same; the configurations in some folders do not count.
pub(super) fn find_without(path: &Path, passed: &[PathBuf]) -> Result<RepoPath, Error> {
    let real = real(path)?;
    let folder = if real.is_dir() {
        real.as_path()
    } else {
        real.parent().unwrap_or(&real)
    };
    let git = find_root(&real);
    let top = match current_folder()
        .filter(|current| !git.join(".git").exists() && folder.starts_with(current))
    {
        Some(current) => current,
        None => git.clone(),
    };
    let within = folder
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(&top));
    let root = within
        .into_iter()
        .find(|ancestor| {
            ancestor.join(CONFIG_FILE).is_file() && !passed.iter().any(|folder| folder == ancestor)
        })
        .map_or(git, Path::to_path_buf);
    let path = relative(&root, &real).ok_or_else(|| Error::NotUtf8(path.display().to_string()))?;
    Ok(RepoPath { root, path })
}

/// The folder in which the program was started.
pub(super) fn current_folder() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

/// The path of something below the root, `/`-separated. `None` when it is not below or not UTF-8.
pub(super) fn relative(root: &Path, real: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in real.strip_prefix(root).ok()?.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_marks_a_root_inside_of_a_repo() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join(".git")).unwrap();
        std::fs::create_dir_all(top.join("demo/apps/api")).unwrap();
        let found = |path: &str| find(&top.join(path)).unwrap();
        let at = |root: PathBuf, path: &str| RepoPath {
            root,
            path: path.to_string(),
        };
        assert_eq!(found("demo/apps"), at(top.clone(), "demo/apps"));
        std::fs::write(top.join("demo").join(CONFIG_FILE), "version: 1\n").unwrap();
        assert_eq!(found("demo/apps"), at(top.join("demo"), "apps"));
        assert_eq!(found("demo"), at(top.join("demo"), ""));
        assert!(find(&top.join("missing")).is_err());
    }
}
