//! The files of a folder on disk.
//!
//! Here: listing once, reading within the root, symbolic links. Not here: Git (`git`), what files mean.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use walkdir::WalkDir;

use super::{EntryKind, MAX_FILE_SIZE, Source, SourceError, join};

/// Links followed on the way to one file before it counts as a loop, as Linux does.
const LINK_LIMIT: usize = 40;

/// A folder on disk as a [`Source`].
#[derive(Debug)]
pub struct Worktree {
    root: PathBuf,
    files: Vec<Arc<str>>,
    /// Symbolic links (also of folders): path to target as written.
    links: HashMap<Arc<str>, String>,
    /// Names that are no UTF-8; they are never read.
    unreadable: Vec<String>,
}

/// The nearest folder at or above `path` that holds `.git` (a folder, or the file of a linked work tree); else the folder itself.
pub fn find_root(path: &Path) -> PathBuf {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    folder.ancestors().find(|ancestor| ancestor.join(".git").exists()).unwrap_or(folder).to_path_buf()
}

impl Worktree {
    /// Lists a folder. `.git` is left out at every depth; everything else counts, ignored by Git or not.
    pub fn open(root: &Path) -> Result<Worktree, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let root = root.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::Missing,
            _ => unreadable(error),
        })?;
        let mut tree = Worktree { root, files: Vec::new(), links: HashMap::new(), unreadable: Vec::new() };
        // the top is walked by one thread, what lies below by all
        let (mut found, deep) = walk(&tree.root, &tree.root, TOP);
        found.par_extend(deep.par_iter().flat_map_iter(|folder| walk(&tree.root, folder, usize::MAX).0));
        for entry in found {
            match entry {
                Found::File(path) => tree.files.push(path),
                Found::Link(path, target) => {
                    tree.links.insert(path.clone(), target);
                    tree.files.push(path);
                }
                Found::Unreadable(path) => tree.unreadable.push(path),
            }
        }
        tree.files.par_sort_unstable();
        tree.unreadable.sort();
        Ok(tree)
    }

    /// The root, absolute, with links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names that could not be listed or are not UTF-8, for a report.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }
}

/// Folders up to this depth are walked one after the other.
const TOP: usize = 2;

/// What a walk meets.
enum Found {
    File(Arc<str>),
    Link(Arc<str>, String),
    Unreadable(String),
}

/// Walks a folder down to a depth. The folders at that depth, which were not entered, come second.
fn walk(root: &Path, folder: &Path, depth: usize) -> (Vec<Found>, Vec<PathBuf>) {
    let (mut found, mut deep) = (Vec::new(), Vec::new());
    let entries = WalkDir::new(folder).max_depth(depth).into_iter().filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git");
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.push(Found::Unreadable(error.path().map_or_else(String::new, |path| path.to_string_lossy().into_owned())));
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(root) else { continue };
        let Some(path) = relative.to_str() else {
            found.push(Found::Unreadable(relative.to_string_lossy().into_owned()));
            continue;
        };
        let path = || -> Arc<str> {
            if std::path::MAIN_SEPARATOR == '/' { path.into() } else { path.replace(std::path::MAIN_SEPARATOR, "/").into() }
        };
        if entry.file_type().is_symlink() {
            found.push(match std::fs::read_link(entry.path()) {
                Ok(target) => Found::Link(path(), target.to_string_lossy().into_owned()),
                Err(_) => Found::Unreadable(path().to_string()),
            });
        } else if entry.file_type().is_file() {
            found.push(Found::File(path()));
        } else if entry.file_type().is_dir() && entry.depth() == depth {
            deep.push(entry.into_path());
        }
    }
    (found, deep)
}

/// Resolves links in every segment of a path. `link` tells the target of a link, as written.
pub(super) fn resolve_links<'a>(path: &str, link: impl Fn(&str) -> Option<Cow<'a, str>>) -> Result<String, SourceError> {
    let mut pending: Vec<String> = path.split('/').rev().filter(|part| !part.is_empty()).map(str::to_string).collect();
    let mut resolved = String::new();
    let mut followed = 0;
    while let Some(part) = pending.pop() {
        if part == "." || part.is_empty() {
            continue;
        }
        if part == ".." {
            if resolved.is_empty() {
                return Err(SourceError::OutsideRoot);
            }
            resolved.truncate(resolved.rfind('/').unwrap_or(0));
            continue;
        }
        let next = if resolved.is_empty() { part } else { format!("{resolved}/{part}") };
        match link(&next) {
            None => resolved = next,
            Some(target) => {
                followed += 1;
                if followed > LINK_LIMIT {
                    return Err(SourceError::Unreadable("a loop of symbolic links".into()));
                }
                if target.starts_with('/') {
                    return Err(SourceError::OutsideRoot);
                }
                pending.extend(target.split('/').rev().map(str::to_string));
            }
        }
    }
    Ok(resolved)
}

impl Source for Worktree {
    fn remotes(&self) -> Vec<String> {
        super::git::Repository::open(&self.root).map(|repository| repository.remotes()).unwrap_or_default()
    }
    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        super::kind_in(&self.files, &self.resolve(path).ok()?)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        /// Most files fit; the buffer grows for others and is given back.
        const BUFFER: usize = 64 << 10;
        thread_local! {
            static BYTES: RefCell<Vec<u8>> = RefCell::default();
        }
        let path = self.resolve(path)?;
        match super::kind_in(&self.files, &path) {
            None => return Err(SourceError::Missing),
            Some(EntryKind::Directory) => return Err(SourceError::IsDirectory),
            Some(EntryKind::File) => {}
        }
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let file = std::fs::File::open(self.root.join(&path)).map_err(unreadable)?;
        BYTES.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.shrink_to(BUFFER);
            bytes.reserve(BUFFER);
            file.take(MAX_FILE_SIZE + 1).read_to_end(bytes).map_err(unreadable)?;
            if bytes.len() as u64 > MAX_FILE_SIZE {
                return Err(SourceError::TooLarge);
            }
            Ok(bytes.as_slice().into())
        })
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        if self.links.is_empty() {
            return join("", path).ok_or(SourceError::OutsideRoot);
        }
        resolve_links(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        self.links.get(path).map(|target| Cow::Borrowed(target.as_str()))
    }

    fn has_links(&self) -> bool {
        !self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_reads_and_stays_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::write(root.join(".git/config"), "x").unwrap();
        std::fs::write(root.join("a/b/c.yaml"), "x: 1").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a/b", root.join("link")).unwrap();
            std::os::unix::fs::symlink("/etc", root.join("etc")).unwrap();
            std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        }
        let tree = Worktree::open(root).unwrap();
        assert!(tree.files().iter().all(|file| !file.starts_with(".git")));
        assert_eq!(tree.kind("a/b"), Some(EntryKind::Directory));
        assert_eq!(&*tree.read("a/b/c.yaml").unwrap(), b"x: 1");
        assert_eq!(tree.read("a/b"), Err(SourceError::IsDirectory));
        assert_eq!(tree.read("../x"), Err(SourceError::OutsideRoot));
        assert_eq!(tree.read("nope"), Err(SourceError::Missing));
        #[cfg(unix)]
        {
            assert_eq!(tree.resolve("link/c.yaml").unwrap(), "a/b/c.yaml");
            assert_eq!(&*tree.read("link/c.yaml").unwrap(), b"x: 1");
            assert_eq!(tree.kind("link"), Some(EntryKind::Directory));
            assert_eq!(tree.read("etc/passwd"), Err(SourceError::OutsideRoot));
            assert!(tree.read("loop").is_err());
        }
    }
}
