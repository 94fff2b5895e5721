//! Where files come from: a work tree or a Git revision behind one trait ([`Source`]), and the
//! table of the files that were read ([`Files`]), which turns byte offsets into lines.
//!
//! Not here: what the files mean. Nothing outside the root is ever read, not even through `..` or
//! symbolic links.

pub mod beside;
mod folder;
pub mod git;
pub(crate) mod index;
mod links;
pub mod memory;
mod open;
pub mod refs;
#[cfg(test)]
pub(crate) mod scratch;
pub mod unsaved;
mod utf16;
pub mod worktree;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};

use foldhash::HashMap;

use crate::yaml::{FileId, Origin};
pub use utf16::EditorPosition;

/// The kind of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such file or folder.
    #[error("no such file or folder")]
    Missing,
    /// The path leaves the root, by `..`, as an absolute path or through a symbolic link.
    #[error("the path leaves the repository")]
    OutsideRoot,
    /// A folder where a file was expected.
    #[error("is a folder")]
    IsDirectory,
    /// Larger than [`MAX_FILE_SIZE`].
    #[error("larger than {} MiB", MAX_FILE_SIZE >> 20)]
    TooLarge,
    /// Git has it, but it is missing here.
    #[error("{0}")]
    Withheld(Withheld),
    /// The bytes are not UTF-8; the offset of the first bad byte.
    #[error("not UTF-8 (byte {0})")]
    NotUtf8(usize),
    /// A folder with more entries than are read outside of a repository.
    #[error("more than {0} files and folders")]
    TooMany(usize),
    /// Another error of the system.
    #[error("{0}")]
    Unreadable(String),
}

/// Why something that Git has is missing from this clone or work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// The reason: `it is in the submodule vendor, which is not checked out`.
    pub reason: String,
    /// The way to get it.
    pub remedy: String,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}; {}", self.reason, self.remedy)
    }
}

/// Files above this size are refused.
pub const MAX_FILE_SIZE: u64 = 64 << 20;

/// The largest pointer of Git LFS, in bytes.
pub const POINTER_SIZE: u64 = 1024;

/// The SHA-256 that a Git LFS pointer contains; `None` for any other content.
pub fn pointed_at(bytes: &[u8]) -> Option<&str> {
    let is_pointer = bytes.len() as u64 <= POINTER_SIZE
        && bytes.starts_with(b"version https://git-lfs.github.com/spec/");
    if !is_pointer {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("oid sha256:"))
}

/// A tree of files. All paths are relative to the root, `/`-separated, normalised (no `.`, `..`,
/// empty segments); the root is "". Symbolic links inside the root are followed by every method but
/// `files`, which lists a link under its own path.
pub trait Source: Send + Sync {
    /// Every file, sorted bytewise by path; `.git` is left out.
    fn files(&self) -> &[Arc<str>];
    /// The kind of the entry at a path.
    fn kind(&self, path: &str) -> Option<EntryKind> {
        kind_in(self.files(), &self.resolve(path).ok()?)
    }
    /// The bytes of a file.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError>;
    /// The id of the content, if it is known without reading: a Git blob id. Equal ids mean equal
    /// content.
    fn content_id(&self, _path: &str) -> Option<[u8; 20]> {
        None
    }
    /// The path with symbolic links resolved, for `..` and for the load restrictor.
    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        Ok(path.to_string())
    }
    /// The target of a symbolic link as written; `None` for everything else. Links above it are not
    /// followed.
    fn link(&self, _path: &str) -> Option<Cow<'_, str>> {
        None
    }
    /// False if there are no symbolic links, so that paths need no resolving.
    fn has_links(&self) -> bool {
        false
    }
    /// The revision's name as locations show it; `None` for the head (work tree).
    fn revision(&self) -> Option<&str> {
        None
    }
    /// The revision that one file is read from. A base reads files that are the same in the head
    /// from the head ([`beside`]).
    fn revision_of(&self, _path: &str) -> Option<Arc<str>> {
        self.revision().map(Arc::from)
    }
    /// Why a path is missing although Git has it.
    fn withheld(&self, _path: &str) -> Option<Withheld> {
        None
    }
    /// The paths that are there but cannot be read, as far as it was tried: names that are not
    /// UTF-8, folders and files that cannot be opened. Each path comes with the reason.
    fn unreadable(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The URLs of the remotes of the clone, under which others know the repository.
    fn remotes(&self) -> Vec<String> {
        Vec::new()
    }
    /// The other branches and tags of the repository; `None` outside of a repository.
    fn refs(&self) -> Option<&Arc<refs::Refs>> {
        None
    }
}

/// Names that are not UTF-8, with the reason why they cannot be read.
fn not_utf8(names: &[String]) -> Vec<(String, String)> {
    let reason = || "its name is not UTF-8".to_string();
    names.iter().map(|name| (name.clone(), reason())).collect()
}

/// True if a path is a folder or below it. Everything is below the root, whose path is empty.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Locks even after a thread panicked, because the guarded tables are only appended to.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The kind of the entry at a path without links, by a sorted list of files.
fn kind_in(files: &[Arc<str>], path: &str) -> Option<EntryKind> {
    if path.is_empty() {
        return Some(EntryKind::Directory);
    }
    if files.binary_search_by(|file| (**file).cmp(path)).is_ok() {
        return Some(EntryKind::File);
    }
    let prefix = format!("{path}/");
    let next = files.partition_point(|file| **file < *prefix);
    files
        .get(next)?
        .starts_with(&prefix)
        .then_some(EntryKind::Directory)
}

/// A text file that was read.
#[derive(Debug)]
pub struct SourceFile {
    /// Its number.
    pub id: FileId,
    /// Path relative to the root.
    pub path: Arc<str>,
    /// The revision it was read from; `None` for the head.
    pub revision: Option<Arc<str>>,
    /// The text.
    pub text: Arc<str>,
    /// Where its comments are. Ask `yaml::comments::of`, which fills this.
    pub comments: OnceLock<Box<[Origin]>>,
    /// The bytes that a report must not show. See [`SourceFile::hide`].
    hidden: Mutex<BTreeSet<(u32, u32)>>,
    line_starts: OnceLock<Vec<u32>>,
    /// The number of characters before every block of [`BLOCK`] bytes, so that a file of one long
    /// line can have thousands of findings.
    characters: OnceLock<Vec<u32>>,
}

/// Bytes between two counts of characters.
const BLOCK: usize = 1024;

/// A position for people: 1-based line, 1-based column in Unicode characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// 1-based.
    pub line: usize,
    /// 1-based, in Unicode characters.
    pub column: usize,
}

impl SourceFile {
    /// The path in the revision that the file is from, as people see it: without the folder of a ref.
    pub fn path_in_revision(&self) -> Arc<str> {
        match refs::split(&self.path) {
            (root, path) if !root.is_empty() && self.revision.is_some() => Arc::from(path),
            _ => self.path.clone(),
        }
    }
    /// Byte offsets at which lines start.
    pub fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let mut starts = vec![0];
            for (index, byte) in bytes.iter().enumerate() {
                if *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
                    starts.push(index as u32 + 1);
                }
            }
            starts
        })
    }
    /// Line and column of a byte offset; offsets past the end are clamped, offsets inside a
    /// character round down.
    pub fn position(&self, offset: u32) -> Position {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.line_starts();
        let line = starts
            .partition_point(|start| *start as usize <= offset)
            .max(1);
        let mut start = starts[line - 1] as usize;
        while start < offset && self.text[start..].starts_with('\u{feff}') {
            start += '\u{feff}'.len_utf8();
        }
        Position {
            line,
            column: self.characters_before(offset) - self.characters_before(start) + 1,
        }
    }
    /// The number of characters before a byte offset.
    fn characters_before(&self, offset: usize) -> usize {
        let bytes = self.text.as_bytes();
        // every character has one byte that does not continue another
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| (**byte as i8) >= -0x40).count();
        let blocks = self.characters.get_or_init(|| {
            let mut before = 0;
            let mut counts = vec![0];
            for block in bytes.chunks(BLOCK) {
                before += count(block) as u32;
                counts.push(before);
            }
            counts
        });
        let block = offset / BLOCK;
        let rest = bytes.get(block * BLOCK..offset).map_or(0, count);
        blocks.get(block).map_or(0, |count| *count as usize) + rest
    }

    /// Marks bytes that a report must not show: a value that became part of a Secret.
    pub(crate) fn hide(&self, start: u32, end: u32) {
        lock(&self.hidden).insert((start, end));
    }

    /// The bytes that were marked, in order.
    pub(crate) fn hidden(&self) -> Vec<(u32, u32)> {
        lock(&self.hidden).iter().copied().collect()
    }

    /// The text at a place; empty if the place is not in the text.
    pub fn slice(&self, origin: Origin) -> &str {
        let span = origin.start as usize..origin.end as usize;
        self.text.get(span).unwrap_or_default()
    }

    /// The byte at which a line (1-based) starts.
    pub fn start_of_line(&self, line: usize) -> Option<usize> {
        let start = self.line_starts().get(line.checked_sub(1)?)?;
        Some(*start as usize)
    }

    /// The text of a line (1-based) without its end.
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(start) = line.checked_sub(1).and_then(|index| starts.get(index)) else {
            return "";
        };
        let end = starts
            .get(line)
            .map_or(self.text.len(), |end| *end as usize);
        self.text[*start as usize..end].trim_end_matches(['\n', '\r'])
    }
}

/// Every text file that was read in this run, of all revisions, by [`FileId`]. Append-only and
/// shared by all threads.
#[derive(Default)]
pub struct Files {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    files: Vec<Arc<SourceFile>>,
    /// By revision (`None` for the head), then by path.
    by_path: HashMap<Option<Arc<str>>, HashMap<Arc<str>, FileId>>,
}

impl Files {
    /// A table of its own in which the ids of another one are valid as well.
    pub fn beginning_with(other: &Files) -> Files {
        let table = other
            .table
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let files = table.files.clone();
        Files {
            table: RwLock::new(Table {
                files,
                by_path: HashMap::default(),
            }),
        }
    }
    /// Adds a file, or finds it when the path and revision were added before.
    pub fn add(&self, path: &str, revision: Option<&str>, text: Arc<str>) -> FileId {
        let (revision, path): (Option<Arc<str>>, Arc<str>) =
            (revision.map(Arc::from), Arc::from(path));
        let mut table = self
            .table
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let id = FileId(table.files.len() as u32);
        match table
            .by_path
            .entry(revision.clone())
            .or_default()
            .entry(path.clone())
        {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(slot) => slot.insert(id),
        };
        table.files.push(Arc::new(SourceFile {
            id,
            path,
            revision,
            text,
            comments: OnceLock::new(),
            hidden: Mutex::default(),
            line_starts: OnceLock::new(),
            characters: OnceLock::new(),
        }));
        id
    }
    /// The file of a path and revision, when it was added before.
    pub fn find(&self, path: &str, revision: &Option<Arc<str>>) -> Option<FileId> {
        let table = self
            .table
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        table.by_path.get(revision)?.get(path).copied()
    }
    /// Every file with its id, in the order in which they were added (which may differ from run to
    /// run).
    pub fn all(&self) -> Vec<(FileId, Arc<SourceFile>)> {
        let table = self
            .table
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        table
            .files
            .iter()
            .enumerate()
            .map(|(index, file)| (FileId(index as u32), file.clone()))
            .collect()
    }
    /// The file of an id that [`Files::add`] returned.
    pub fn get(&self, id: FileId) -> Arc<SourceFile> {
        let table = self
            .table
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        table.files[id.0 as usize].clone()
    }
}

/// The folder of a path; empty at the root.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Joins a relative path to a folder and normalises it. `None` when the result leaves the root or
/// the path is absolute.
pub fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    // most paths are normalised already
    if folder.is_empty()
        && relative
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."))
    {
        return Some(relative.to_string());
    }
    let mut parts: Vec<&str> = folder
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            // the folder of a ref is a root as well
            ".." if parts.pop()?.ends_with(':') => return None,
            ".." => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
