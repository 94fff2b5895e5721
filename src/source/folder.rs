//! The files of a folder on disk.
//!
//! Here: listing once, reading within the root, symbolic links. Not here: Git (`worktree`), what
//! files mean.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::{HashMap, HashMapExt};
use gix::index::entry::Stat;
use gix::index::fs::Metadata;
use rayon::prelude::*;
use walkdir::WalkDir;

use super::open::{open_regular, read_small};
use super::{EntryKind, MAX_FILE_SIZE, Source, SourceError, join, links, lock};

/// A folder on disk as a [`Source`].
#[derive(Default)]
pub(super) struct Folder {
    root: PathBuf,
    files: Vec<Arc<str>>,
    /// The files that are listed, if some are not.
    listed: Option<Vec<Arc<str>>>,
    /// Every file, by its number among `files`, and every folder.
    entries: HashMap<Arc<str>, Entry>,
    /// The metadata of the files that were read, by number.
    stats: Vec<OnceLock<Stat>>,
    /// Symbolic links (also of folders): path to target as written.
    links: HashMap<Arc<str>, String>,
    /// The paths that could not be listed, and why.
    unreadable: Vec<(String, String)>,
    /// The files that could not be read, and why.
    failed: Mutex<BTreeMap<String, String>>,
    /// The tops of linked work trees, which are no part of this one.
    linked: Vec<Arc<str>>,
    /// The tops of other repositories in here: submodules, and clones that were put here.
    nested: Vec<Arc<str>>,
}

/// The entry at a path.
#[derive(Clone, Copy)]
enum Entry {
    /// A file with its number.
    File(usize),
    Folder,
}

impl Folder {
    /// Lists a folder. `.git` is left out at every depth, and so are linked work trees of a
    /// repository, which show other branches.
    pub(super) fn open(root: &Path) -> Result<Folder, SourceError> {
        Folder::open_at_most(root, usize::MAX)
    }

    /// The same; more entries than a number are an error.
    pub(super) fn open_at_most(root: &Path, most: usize) -> Result<Folder, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let root = root.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::Missing,
            _ => unreadable(error),
        })?;
        let mut tree = Folder {
            root,
            ..Folder::default()
        };
        // one thread walks the top folders, all threads walk the folders below
        let room = AtomicUsize::new(most);
        let (mut found, deep) = walk(&tree.root, &tree.root, TOP, &room);
        found.par_extend(
            deep.par_iter()
                .flat_map_iter(|folder| walk(&tree.root, folder, usize::MAX, &room).0),
        );
        if room.into_inner() == 0 {
            return Err(SourceError::TooMany(most));
        }
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
                Found::Unreadable(path, reason) => tree.unreadable.push((path, reason)),
            }
        }
        tree.files.par_sort_unstable();
        tree.unreadable.sort();
        tree.entries = entries(&tree.files);
        tree.stats.resize_with(tree.files.len(), OnceLock::new);
        Ok(tree)
    }

    /// The root, absolute, with links resolved.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Leaves files out of the list. They can still be read.
    pub(super) fn unlist(&mut self, is_unlisted: impl Fn(&str) -> bool) {
        let listed = self.files.iter().filter(|path| !is_unlisted(path));
        let listed: Vec<Arc<str>> = listed.cloned().collect();
        self.listed = (listed.len() < self.files.len()).then_some(listed);
    }

    /// The entry at a path that contains no links.
    fn entry(&self, path: &str) -> Option<Entry> {
        if path.is_empty() {
            Some(Entry::Folder)
        } else {
            self.entries.get(path).copied()
        }
    }

    /// The metadata of a file or link for the Git index. A file that was read keeps the metadata it
    /// had then.
    pub(super) fn stat(&self, path: &str) -> Option<Stat> {
        let read = match self.entries.get(path) {
            Some(Entry::File(number)) => self.stats.get(*number).and_then(OnceLock::get),
            _ => None,
        };
        match read {
            Some(stat) => Some(*stat),
            None => Stat::from_fs(&Metadata::from_path_no_follow(&self.root.join(path)).ok()?).ok(),
        }
    }

    /// The tops of other repositories in here: submodules, and clones that were put here.
    pub(super) fn nested(&self) -> &[Arc<str>] {
        &self.nested
    }

    /// The tops of linked work trees, which are no part of this one.
    pub(super) fn linked(&self) -> &[Arc<str>] {
        &self.linked
    }

    /// Reads a file without links in its path.
    fn read_file(&self, path: &str, number: usize) -> Result<Arc<[u8]>, SourceError> {
        /// Most files fit; the buffer grows for others and is given back.
        const BUFFER: usize = 64 << 10;
        thread_local! {
            static BYTES: RefCell<Vec<u8>> = RefCell::default();
        }
        let unreadable = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        let file = open_regular(&self.root.join(path)).map_err(unreadable)?;
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
}

fn stat_of(file: &std::fs::File) -> Option<Stat> {
    Stat::from_fs(&Metadata::from_file(file).ok()?).ok()
}

/// Files by their number, and the folders above them.
fn entries(files: &[Arc<str>]) -> HashMap<Arc<str>, Entry> {
    let mut entries = HashMap::with_capacity(files.len() * 2);
    for (number, path) in files.iter().enumerate() {
        entries.insert(path.clone(), Entry::File(number));
        let mut folder = &**path;
        while let Some((above, _)) = folder
            .rsplit_once('/')
            .filter(|(above, _)| !entries.contains_key(*above))
        {
            entries.insert(above.into(), Entry::Folder);
            folder = above;
        }
    }
    entries
}

/// Folders up to this depth are walked one after the other.
const TOP: usize = 2;

/// An entry that a walk meets.
enum Found {
    File(Arc<str>),
    Link(Arc<str>, String),
    /// The top of a repository below the root, and true for a linked work tree.
    Repository(Arc<str>, bool),
    /// A path that cannot be listed or read, and why.
    Unreadable(String, String),
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
        leads_to_linked(git).unwrap_or(false),
    ))
}

/// True if a `.git` is the file of a linked work tree, which points at its repository.
fn leads_to_linked(git: &Path) -> Option<bool> {
    let text = read_small(git).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim().replace('\\', "/");
    let above = target.rsplit_once('/').map(|(above, _)| above)?;
    Some(above == "worktrees" || above.ends_with("/worktrees"))
}

/// Walks a folder down to a depth. The folders at that depth, which were not entered, come second.
/// `room` counts the entries that may still be met; the walk ends where there is none.
fn walk(
    root: &Path,
    folder: &Path,
    depth: usize,
    room: &AtomicUsize,
) -> (Vec<Found>, Vec<PathBuf>) {
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
        let taken = room.fetch_update(Relaxed, Relaxed, |room| room.checked_sub(1));
        if taken.is_err() {
            break;
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error
                    .path()
                    .map(|path| path.strip_prefix(root).unwrap_or(path));
                let path =
                    path.map_or_else(String::new, |path| path.to_string_lossy().into_owned());
                let reason = match error.io_error() {
                    Some(error) => error.to_string(),
                    None => "it cannot be listed".to_string(),
                };
                found.push(Found::Unreadable(path, reason));
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(root) else {
            continue;
        };
        let Some(path) = relative.to_str() else {
            let name = relative.to_string_lossy().into_owned();
            found.push(Found::Unreadable(name, "its name is not UTF-8".to_string()));
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
                Err(error) => Found::Unreadable(path().to_string(), error.to_string()),
            });
        } else if entry.file_type().is_file() {
            found.push(Found::File(path()));
        } else if entry.file_type().is_dir() && entry.depth() == depth {
            deep.push(entry.into_path());
        } else if !entry.file_type().is_dir() && !is_socket(&path()) {
            let reason = "it is not a regular file".to_string();
            found.push(Found::Unreadable(path().to_string(), reason));
        }
    }
    found.extend(repositories);
    (found, deep)
}

/// True for the sockets and pipes that programs leave in a work tree, such as `watch.sock`.
fn is_socket(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".sock", ".socket", ".ipc", ".pipe"]
        .iter()
        .any(|end| name.ends_with(end))
}

impl Source for Folder {
    fn files(&self) -> &[Arc<str>] {
        self.listed.as_ref().unwrap_or(&self.files)
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        // a path that exists needs no resolving if nothing is a link
        let found = self.entry(path).filter(|_| !self.has_links());
        match found.or_else(|| self.entry(&self.resolve(path).ok()?))? {
            Entry::File(_) => Some(EntryKind::File),
            Entry::Folder => Some(EntryKind::Directory),
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let path = self.resolve(path)?;
        let number = match self.entry(&path).ok_or(SourceError::Missing)? {
            Entry::File(number) => number,
            Entry::Folder => return Err(SourceError::IsDirectory),
        };
        self.read_file(&path, number).inspect_err(|error| {
            lock(&self.failed).insert(path.clone(), error.to_string());
        })
    }

    fn unreadable(&self) -> Vec<(String, String)> {
        let listed = self.unreadable.iter().cloned();
        listed.chain(lock(&self.failed).clone()).collect()
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        if self.links.is_empty() {
            return join("", path).ok_or(SourceError::OutsideRoot);
        }
        links::resolve(path, |path| self.link(path))
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
        let tree = Folder::open(root).unwrap();
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
