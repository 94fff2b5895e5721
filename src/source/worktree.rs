//! The files of a folder on disk.
//!
//! Here: listing once, reading within the root, symbolic links. Not here: Git (`git`), what files
//! mean.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use foldhash::{HashMap, HashMapExt};
use gix::index::entry::Stat;
use gix::index::fs::Metadata;
use rayon::prelude::*;
use walkdir::WalkDir;

use super::git::Repository;
use super::index::Index;
use super::{EntryKind, MAX_FILE_SIZE, Source, SourceError, Withheld, join};

/// Links followed on the way to one file before it counts as a loop, as Linux does.
const LINK_LIMIT: usize = 40;

/// A folder on disk as a [`Source`].
#[derive(Default)]
pub struct Worktree {
    root: PathBuf,
    files: Vec<Arc<str>>,
    /// Every file, by its number among `files`, and every folder.
    places: HashMap<Arc<str>, Option<usize>>,
    /// What the system told of the files that were read, by number.
    stats: Vec<OnceLock<Stat>>,
    /// Symbolic links (also of folders): path to target as written.
    links: HashMap<Arc<str>, String>,
    /// Names that are not UTF-8; they are never read.
    unreadable: Vec<String>,
    /// The tops of linked work trees, which are no part of this one.
    linked: Vec<Arc<str>>,
    /// The tops of other repositories in here: submodules, and clones that were put here.
    nested: Vec<Arc<str>>,
    /// What Git knows of the files, read when something is missing.
    index: OnceLock<Option<Index>>,
}

/// The nearest folder at or above `path` that holds `.git` (a folder, or the file of a linked work
/// tree); else the folder itself.
pub fn find_root(path: &Path) -> PathBuf {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    folder
        .ancestors()
        .find(|ancestor| ancestor.join(".git").exists())
        .unwrap_or(folder)
        .to_path_buf()
}

impl Worktree {
    /// Lists a folder. `.git` is left out at every depth, and so are linked work trees of a
    /// repository, which show other branches; everything else counts, ignored by Git or not.
    pub fn open(root: &Path) -> Result<Worktree, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let root = root.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::Missing,
            _ => unreadable(error),
        })?;
        let mut tree = Worktree {
            root,
            ..Worktree::default()
        };
        // the top is walked by one thread, what lies below by all
        let (mut found, deep) = walk(&tree.root, &tree.root, TOP);
        found.par_extend(
            deep.par_iter()
                .flat_map_iter(|folder| walk(&tree.root, folder, usize::MAX).0),
        );
        for entry in &found {
            if let Found::Repository(folder, is_linked) = entry {
                (if *is_linked {
                    &mut tree.linked
                } else {
                    &mut tree.nested
                })
                .push(folder.clone());
            }
        }
        let linked = tree.linked.clone();
        let outside = |path: &str| linked.iter().all(|folder| !super::is_below(path, folder));
        for entry in found {
            match entry {
                Found::File(path) | Found::Link(path, _) if !outside(&path) => {}
                Found::Repository(..) => {}
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
        tree.places = places(&tree.files);
        tree.stats.resize_with(tree.files.len(), OnceLock::new);
        Ok(tree)
    }

    /// The root, absolute, with links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What stands at a path without links: a file's number, or a folder.
    fn place(&self, path: &str) -> Option<Option<usize>> {
        if path.is_empty() {
            Some(None)
        } else {
            self.places.get(path).copied()
        }
    }

    /// What the system tells of a file or link, for the Git index: as it was when the file was
    /// read, where it was.
    pub(super) fn stat(&self, path: &str) -> Option<Stat> {
        let read = self
            .places
            .get(path)
            .copied()
            .flatten()
            .and_then(|number| self.stats.get(number)?.get());
        match read {
            Some(stat) => Some(*stat),
            None => Stat::from_fs(&Metadata::from_path_no_follow(&self.root.join(path)).ok()?).ok(),
        }
    }

    fn index(&self) -> Option<&Index> {
        let read = || Index::read(&Repository::open(&self.root).ok()?).ok();
        self.index.get_or_init(read).as_ref()
    }

    /// How many files Git leaves out of the work tree because of a sparse checkout.
    pub fn left_out(&self) -> usize {
        let top = find_root(&self.root).join(".git");
        // a linked work tree has its own settings elsewhere
        let sparse = top.is_file() || top.join("info/sparse-checkout").exists();
        let sparse =
            sparse && Repository::open(&self.root).is_ok_and(|repository| repository.is_sparse());
        self.index()
            .filter(|_| sparse)
            .map_or(0, |index| index.left_out(self))
    }

    /// The tops of other repositories in here: submodules, and clones that were put here.
    pub(super) fn nested(&self) -> &[Arc<str>] {
        &self.nested
    }

    /// The tops of linked work trees, which are no part of this one.
    pub fn linked(&self) -> &[Arc<str>] {
        &self.linked
    }

    /// Names that could not be listed or are not UTF-8, for a report.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }
}

fn stat_of(file: &std::fs::File) -> Option<Stat> {
    Stat::from_fs(&Metadata::from_file(file).ok()?).ok()
}

/// Files by their number, and the folders that they lie in.
fn places(files: &[Arc<str>]) -> HashMap<Arc<str>, Option<usize>> {
    let mut places = HashMap::with_capacity(files.len() * 2);
    for (number, path) in files.iter().enumerate() {
        places.insert(path.clone(), Some(number));
        let mut folder = &**path;
        while let Some((above, _)) = folder
            .rsplit_once('/')
            .filter(|(above, _)| !places.contains_key(*above))
        {
            places.insert(above.into(), None);
            folder = above;
        }
    }
    places
}

/// Folders up to this depth are walked one after the other.
const TOP: usize = 2;

/// What a walk meets.
enum Found {
    File(Arc<str>),
    Link(Arc<str>, String),
    /// The top of a repository below the root; whether it is a linked work tree.
    Repository(Arc<str>, bool),
    Unreadable(String),
}

/// The folder of a repository below the root, by its `.git`.
fn repository(root: &Path, git: &Path) -> Option<Found> {
    let folder = git
        .parent()?
        .strip_prefix(root)
        .ok()?
        .to_str()
        .filter(|folder| !folder.is_empty())?;
    let folder = folder.replace(std::path::MAIN_SEPARATOR, "/");
    Some(Found::Repository(
        folder.into(),
        leads_to_linked(git).unwrap_or_default(),
    ))
}

/// Whether a `.git` is the file of a linked work tree, which says where its repository is.
fn leads_to_linked(git: &Path) -> Option<bool> {
    let text = std::fs::read_to_string(git).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim().replace('\\', "/");
    let above = target.rsplit_once('/').map(|(above, _)| above)?;
    Some(above == "worktrees" || above.ends_with("/worktrees"))
}

/// Walks a folder down to a depth. The folders at that depth, which were not entered, come second.
fn walk(root: &Path, folder: &Path, depth: usize) -> (Vec<Found>, Vec<PathBuf>) {
    let (mut found, mut deep) = (Vec::new(), Vec::new());
    let mut repositories = Vec::new();
    let entries = WalkDir::new(folder)
        .max_depth(depth)
        .into_iter()
        .filter_entry(|entry| {
            let counts = entry.depth() == 0 || entry.file_name() != ".git";
            if !counts {
                repositories.extend(repository(root, entry.path()));
            }
            counts
        });
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.push(Found::Unreadable(
                    error
                        .path()
                        .map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
                ));
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(root) else {
            continue;
        };
        let Some(path) = relative.to_str() else {
            found.push(Found::Unreadable(relative.to_string_lossy().into_owned()));
            continue;
        };
        let path = || -> Arc<str> {
            if std::path::MAIN_SEPARATOR == '/' {
                path.into()
            } else {
                path.replace(std::path::MAIN_SEPARATOR, "/").into()
            }
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
    found.extend(repositories);
    (found, deep)
}

/// Resolves links in every segment of a path. `link` tells the target of a link, as written.
pub(super) fn resolve_links<'a>(
    path: &str,
    link: impl Fn(&str) -> Option<Cow<'a, str>>,
) -> Result<String, SourceError> {
    let mut pending: Vec<String> = path
        .split('/')
        .rev()
        .filter(|part| !part.is_empty())
        .map(str::to_string)
        .collect();
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
        let next = if resolved.is_empty() {
            part
        } else {
            format!("{resolved}/{part}")
        };
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
        Repository::open(&self.root)
            .map(|repository| repository.remotes())
            .unwrap_or_default()
    }
    fn withheld(&self, path: &str) -> Option<Withheld> {
        self.index()?.withheld(path, self)
    }
    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        // what is found as it is needs no resolving where nothing is a link
        let found = self.place(path).filter(|_| !self.has_links());
        let place = found.or_else(|| self.place(&self.resolve(path).ok()?))?;
        Some(if place.is_some() {
            EntryKind::File
        } else {
            EntryKind::Directory
        })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        /// Most files fit; the buffer grows for others and is given back.
        const BUFFER: usize = 64 << 10;
        thread_local! {
            static BYTES: RefCell<Vec<u8>> = RefCell::default();
        }
        let path = self.resolve(path)?;
        let number = self
            .place(&path)
            .ok_or(SourceError::Missing)?
            .ok_or(SourceError::IsDirectory)?;
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let file = std::fs::File::open(self.root.join(&path)).map_err(unreadable)?;
        if let (Some(cell), Some(stat)) = (self.stats.get(number), stat_of(&file)) {
            cell.get_or_init(|| stat);
        }
        BYTES.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.shrink_to(BUFFER);
            bytes.reserve(BUFFER);
            file.take(MAX_FILE_SIZE + 1)
                .read_to_end(bytes)
                .map_err(unreadable)?;
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
        self.links
            .get(path)
            .map(|target| Cow::Borrowed(target.as_str()))
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
