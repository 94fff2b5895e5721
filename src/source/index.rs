//! The Git index: what is staged as a [`Source`], and what of a work tree differs from a tree of
//! Git, told by what the index knows of each file (size, times) and by reading only those that it
//! does not know.
//!
//! Not here: reading objects (`git`), what a difference means.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gix::index::entry::{Flags, Mode as IndexMode, Stage, Stat, stat};
use gix::index::extension::Tree as Noted;
use gix::objs::tree::EntryKind as Mode;
use rayon::prelude::*;

use super::git::{
    ChangedPath, EMPTY_TREE, GitError, GitTree, Id, Repository, TreeEntry, blob_id, id_of,
    not_checked_out, sha256,
};
use super::worktree::{Worktree, resolve_links};
use super::{MAX_FILE_SIZE, POINTER_SIZE, Source, SourceError, Withheld, pointed_at};

/// What the index says of one path.
#[derive(Clone, Copy)]
struct Known {
    mode: Mode,
    id: Id,
    stat: Stat,
    /// Not to be trusted: a conflict, a file that is announced only, or one written in the moment
    /// in which the index was.
    unsure: bool,
    /// Not merged yet.
    conflict: bool,
    /// Announced to be added later, and no part of the next commit.
    announced: bool,
    /// Left out of the work tree on purpose (a sparse checkout).
    absent: bool,
}

/// The index of a work tree, with paths relative to the opened folder.
#[derive(Default)]
pub struct Index {
    /// Sorted by path.
    entries: Vec<(Arc<str>, Known)>,
    /// The trees that the entries make, as far as Git noted them.
    trees: Option<Noted>,
    /// Names that are not UTF-8, as far as they can be shown.
    unreadable: Vec<String>,
}

const STAT: stat::Options = stat::Options {
    trust_ctime: true,
    check_stat: true,
    use_nsec: true,
    use_stdev: false,
};

impl Index {
    /// Reads the index; one that is not there is empty.
    pub fn read(repository: &Repository) -> Result<Index, GitError> {
        let told = |error: String| {
            GitError::Other(format!(
                "the index cannot be read: {error}; `git read-tree HEAD` writes it again"
            ))
        };
        let path = repository.index_path();
        let path = path.ok_or_else(|| {
            GitError::Other(
                "a bare repository has no index, so nothing is staged in it".to_string(),
            )
        })?;
        if !path.exists() {
            return Ok(Index::default());
        }
        let file = gix::index::File::at(
            path,
            gix::hash::Kind::Sha1,
            true,
            gix::index::decode::Options::default(),
        );
        let mut file = file.map_err(|error| told(error.to_string()))?;
        let below = if repository.prefix().is_empty() {
            String::new()
        } else {
            format!("{}/", repository.prefix())
        };
        let mut index = Index {
            entries: Vec::with_capacity(file.entries().len()),
            ..Index::default()
        };
        for entry in file.entries() {
            let path = match std::str::from_utf8(entry.path(&file)) {
                Ok(path) => path,
                Err(_) if below.is_empty() || entry.path(&file).starts_with(below.as_bytes()) => {
                    index.unreadable.push(entry.path(&file).to_string());
                    continue;
                }
                Err(_) => continue,
            };
            let mode = match entry.mode {
                IndexMode::FILE => Mode::Blob,
                IndexMode::FILE_EXECUTABLE => Mode::BlobExecutable,
                IndexMode::SYMLINK => Mode::Link,
                IndexMode::COMMIT => Mode::Commit,
                IndexMode::DIR => Mode::Tree,
                _ => continue,
            };
            let conflict = entry.stage() != Stage::Unconflicted;
            let announced = entry.flags.contains(Flags::INTENT_TO_ADD);
            let known = Known {
                mode,
                id: id_of(entry.id),
                stat: entry.stat,
                unsure: conflict || announced || entry.stat.is_racy(file.timestamp(), STAT),
                conflict,
                announced,
                absent: entry.flags.contains(Flags::SKIP_WORKTREE),
            };
            if mode == Mode::Tree {
                index.expand(repository, (path.trim_end_matches('/'), &below), &known)?;
                continue;
            }
            let Some(path) = path.strip_prefix(&*below) else {
                continue;
            };
            match index.entries.last_mut().filter(|(last, _)| **last == *path) {
                // of a conflict, our side is what is shown
                Some((_, last)) if entry.stage() == Stage::Ours => *last = known,
                Some(_) => {}
                None => index.entries.push((Arc::from(path), known)),
            }
        }
        if file.is_sparse() {
            index.entries.sort_by(|one, other| one.0.cmp(&other.0));
        }
        let below = |noted: Noted, part: &str| {
            noted
                .children
                .into_iter()
                .find(|child| *child.name == *part.as_bytes())
        };
        let parts = repository
            .prefix()
            .split('/')
            .filter(|part| !part.is_empty());
        index.trees = parts.fold(file.remove_tree(), |noted, part| {
            noted.and_then(|noted| below(noted, part))
        });
        Ok(index)
    }

    /// Adds the files of a folder for which a sparse index holds one entry. Paths are those of the
    /// whole work tree.
    fn expand(
        &mut self,
        repository: &Repository,
        (folder, below): (&str, &str),
        known: &Known,
    ) -> Result<(), GitError> {
        if !folder.starts_with(below) && !below.starts_with(&format!("{folder}/")) {
            return Ok(());
        }
        for entry in repository.entries(folder, &known.id)?.iter() {
            let path = format!("{folder}/{}", entry.name);
            let known = Known {
                mode: entry.mode,
                id: entry.id,
                ..*known
            };
            match path.strip_prefix(below) {
                _ if entry.mode == Mode::Tree => self.expand(repository, (&path, below), &known)?,
                Some(path) => self.entries.push((Arc::from(path), known)),
                None => {}
            }
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Option<&Known> {
        let at = self
            .entries
            .binary_search_by(|(other, _)| (**other).cmp(path))
            .ok()?;
        self.entries.get(at).map(|(_, known)| known)
    }

    /// The submodules.
    fn modules(&self) -> impl Iterator<Item = (&Arc<str>, &Id)> {
        self.entries
            .iter()
            .filter(|(_, known)| known.mode == Mode::Commit)
            .map(|(path, known)| (path, &known.id))
    }

    /// Why the work tree has nothing at a path for which there is an entry, or of which entries lie
    /// below.
    pub(super) fn withheld(&self, path: &str, worktree: &Worktree) -> Option<Withheld> {
        if let Some((module, _)) = self
            .modules()
            .find(|(module, _)| super::is_below(path, module))
        {
            return worktree
                .kind(module)
                .is_none()
                .then(|| not_checked_out(module));
        }
        let below = format!("{path}/");
        let next = self
            .entries
            .get(self.entries.partition_point(|(other, _)| **other < *below));
        let next = next
            .filter(|(other, _)| other.starts_with(&*below))
            .map(|(_, known)| known);
        self.get(path)
            .or(next)
            .filter(|known| known.absent)
            .map(|_| left_out(path))
    }

    /// How many files a sparse checkout leaves out.
    pub fn left_out(&self, worktree: &Worktree) -> usize {
        let is_absent =
            |(path, known): &&(Arc<str>, Known)| known.absent && worktree.kind(path).is_none();
        self.entries.iter().filter(is_absent).count()
    }

    /// What differs between a tree and a work tree, sorted. A file's id stands for its content; in
    /// `after` it is made up where only the work tree has the file. What a sparse checkout leaves
    /// out is not there to be compared, and comes second.
    pub fn changed_since(
        &self,
        repository: &Repository,
        tree: &Id,
        worktree: &Worktree,
    ) -> Result<(Vec<ChangedPath>, Vec<String>), GitError> {
        let mut found = self.changed_below("", repository, tree, worktree)?;
        found.sort();
        let unseen = |path: &str| {
            self.get(path).is_some_and(|known| known.absent) && worktree.kind(path).is_none()
        };
        let (left_out, found): (Vec<ChangedPath>, Vec<ChangedPath>) =
            found.into_iter().partition(|change| unseen(&change.path));
        Ok((
            found,
            left_out.into_iter().map(|change| change.path).collect(),
        ))
    }

    /// The same for the part of a work tree that a repository has: the whole, or a submodule. Paths
    /// are those of the whole.
    fn changed_below(
        &self,
        top: &str,
        repository: &Repository,
        tree: &Id,
        worktree: &Worktree,
    ) -> Result<Vec<ChangedPath>, GitError> {
        let below = if top.is_empty() {
            String::new()
        } else {
            format!("{top}/")
        };
        let modules: Vec<String> = self
            .modules()
            .map(|(path, _)| format!("{below}{path}/"))
            .collect();
        let (mut known, mut missing) = (self.entries.iter().peekable(), Vec::new());
        let mut files: Vec<(&str, Option<&Known>)> = Vec::with_capacity(self.entries.len());
        let mut no_file = |entry: &'_ (Arc<str>, Known), files: &mut Vec<_>| match entry.1.absent
            || entry.1.mode == Mode::Commit
        {
            true => files.push((entry.0.clone(), Some((entry.1.mode, entry.1.id)))),
            false => missing.push(entry.0.clone()),
        };
        let mut listed: Vec<Listed> = Vec::new();
        let first = worktree.files().partition_point(|path| **path < *below);
        let own = worktree
            .files()
            .get(first..)
            .unwrap_or_default()
            .iter()
            .map_while(|path| path.strip_prefix(&*below));
        let in_module = |path: &str| {
            modules
                .iter()
                .any(|folder| path.starts_with(folder.get(below.len()..).unwrap_or_default()))
        };
        // a clone that lies here for other reasons came with no change
        let other = |folder: &&str| {
            let next = self
                .entries
                .get(self.entries.partition_point(|(path, _)| **path < **folder));
            next.is_none_or(|(path, _)| !super::is_below(path, folder))
        };
        let others: Vec<&str> = worktree
            .nested()
            .iter()
            .filter_map(|folder| folder.strip_prefix(&*below))
            .filter(other)
            .collect();
        let in_other = |path: &str| others.iter().any(|folder| super::is_below(path, folder));
        for path in own.filter(|path| !in_module(path) && !in_other(path)) {
            while let Some(entry) = known.next_if(|(other, _)| **other < *path) {
                no_file(entry, &mut listed);
            }
            files.push((
                path,
                known
                    .next_if(|(other, _)| **other == *path)
                    .map(|(_, known)| known),
            ));
        }
        known.for_each(|entry| no_file(entry, &mut listed));
        listed.par_extend(files.into_par_iter().map(|(path, known)| {
            let untouched =
                known.filter(|known| is_untouched(worktree, &format!("{below}{path}"), known));
            (
                Arc::from(path),
                untouched.map(|known| (known.mode, known.id)),
            )
        }));
        listed.par_sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let content = |path: &str, before: &TreeEntry| {
            content_of(worktree, &format!("{below}{path}"), before, repository)
        };
        let mut found = Comparison::new(repository, &listed, &missing, &content)
            .run(self.trees.as_ref(), tree)?;
        self.changed_modules(&below, repository, tree, Some(worktree), &mut found)?;
        for change in &mut found {
            change.path.insert_str(0, &below);
        }
        Ok(found)
    }

    /// Adds what differs in submodules: those of the tree and those of the index. Without a work
    /// tree it is the commits that count.
    fn changed_modules(
        &self,
        below: &str,
        repository: &Repository,
        tree: &Id,
        worktree: Option<&Worktree>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let commit_in_tree = |path: &str| {
            let entry = repository.in_tree(tree, path)?;
            Ok(entry
                .filter(|(mode, _)| *mode == Mode::Commit)
                .map(|(_, id)| id))
        };
        let is_own = |path: &str| {
            self.get(path)
                .is_some_and(|known| known.mode == Mode::Commit)
        };
        let gone: Vec<String> = found
            .iter()
            .filter(|change| change.before.is_some() && !is_own(&change.path))
            .map(|change| change.path.clone())
            .collect();
        for path in gone {
            if let Some(before) = commit_in_tree(&path)? {
                repository.changed_in_module(&path, (Some(&before), None), found)?;
            }
        }
        for (path, own) in self.modules() {
            let before = commit_in_tree(path)?;
            let folder = format!("{below}{path}");
            let checked_out = worktree.filter(|worktree| worktree.kind(&folder).is_some());
            match (checked_out, repository.opened_module(path)) {
                (Some(worktree), Some(module)) => {
                    let before = before
                        .and_then(|before| module.commit(&before).ok())
                        .map_or(EMPTY_TREE, |commit| commit.tree);
                    let inner =
                        Index::read(&module)?.changed_below(&folder, &module, &before, worktree)?;
                    let inner = inner.into_iter().map(|mut change| ChangedPath {
                        path: change.path.split_off(below.len()),
                        ..change
                    });
                    found.extend(inner);
                }
                _ if before.as_ref() == Some(own) => {}
                (Some(worktree), None) => {
                    let inside = worktree
                        .files()
                        .iter()
                        .filter_map(|file| file.strip_prefix(below))
                        .filter(|file| file.starts_with(&format!("{path}/")));
                    found.extend(inside.map(|file| ChangedPath {
                        path: file.to_string(),
                        before: None,
                        after: Some(blob_id(&[])),
                        submodule: false,
                    }));
                }
                (None, _) => {
                    let after = if worktree.is_some() { None } else { Some(own) };
                    repository.changed_in_module(path, (before.as_ref(), after), found)?;
                }
            }
        }
        Ok(())
    }
}

/// Why what a sparse checkout leaves out is not here.
fn left_out(path: &str) -> Withheld {
    Withheld {
        reason: "Git has it, and the sparse checkout leaves it out".to_string(),
        remedy: format!(
            "git sparse-checkout add {}",
            path.rsplit_once('/').map_or(path, |(folder, _)| folder)
        ),
    }
}

/// Whether a file is as it was when the index took note of it.
fn is_untouched(worktree: &Worktree, path: &str, known: &Known) -> bool {
    !known.unsure
        && known.mode != Mode::Commit
        && worktree
            .stat(path)
            .is_some_and(|stat| known.stat.matches(&stat, STAT))
}

/// The id of a file of a work tree, as Git would store it next to what the tree has: line ends
/// count as the tree's where that alone makes the two equal, as `core.autocrlf` and attributes
/// would have it, and so does what a pointer of Git LFS stands for.
fn content_of(
    worktree: &Worktree,
    path: &str,
    before: &TreeEntry,
    repository: &Repository,
) -> Option<Id> {
    if let Some(target) = worktree.link(path) {
        return (before.mode == Mode::Link).then(|| blob_id(target.as_bytes()));
    }
    let bytes = worktree
        .read(path)
        .ok()
        .filter(|bytes| bytes.len() as u64 <= MAX_FILE_SIZE && before.mode != Mode::Link)?;
    let id = blob_id(&bytes);
    if id == before.id {
        return Some(id);
    }
    if bytes.contains(&b'\r') {
        let mut unified = Vec::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
                unified.push(*byte);
            }
        }
        let unified = blob_id(&unified);
        if unified == before.id {
            return Some(unified);
        }
    }
    let pointer = repository.small_blob(&before.id, POINTER_SIZE)?;
    let stands_for = pointed_at(&pointer).is_some_and(|digest| digest == sha256(&bytes));
    Some(if stands_for { before.id } else { id })
}

/// A file of a head, and what is known of it without reading it.
type Listed = (Arc<str>, Option<(Mode, Id)>);

/// Files that are compared with a tree. Folders of which Git noted the tree are entered only where
/// something in them may differ.
struct Comparison<'a> {
    repository: &'a Repository,
    /// Sorted by path.
    files: &'a [Listed],
    /// The folders with something that the index does not know, at any depth.
    unknown: HashSet<&'a str>,
    /// Gives the id of a file of which nothing is known.
    content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
}

impl<'a> Comparison<'a> {
    /// `missing`: what the index has and the head has not.
    fn new(
        repository: &'a Repository,
        files: &'a [Listed],
        missing: &'a [Arc<str>],
        content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
    ) -> Comparison<'a> {
        let unknown = files
            .iter()
            .filter(|(_, known)| known.is_none())
            .map(|(path, _)| path)
            .chain(missing);
        let folders = unknown.flat_map(|path| {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..at))
                .chain([""])
        });
        Comparison {
            repository,
            files,
            unknown: folders.collect(),
            content,
        }
    }

    /// What differs, sorted.
    fn run(&self, noted: Option<&Noted>, tree: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        self.folder("", self.files, noted, Some(*tree), &mut found)?;
        found.sort();
        Ok(found)
    }

    /// `files`: those in and below the folder.
    fn folder(
        &self,
        folder: &str,
        files: &[Listed],
        noted: Option<&Noted>,
        tree: Option<Id>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let own = noted
            .filter(|noted| noted.num_entries.is_some() && !self.unknown.contains(folder))
            .map(|noted| id_of(noted.id));
        if tree.is_some() && tree == own {
            return Ok(());
        }
        let entries = tree.map_or_else(
            || Ok(Arc::default()),
            |tree| self.repository.entries(folder, &tree),
        )?;
        let before: HashMap<&str, TreeEntry> =
            entries.iter().map(|entry| (entry.name, entry)).collect();
        let noted: HashMap<&[u8], &Noted> = noted
            .iter()
            .flat_map(|noted| &noted.children)
            .map(|child| (&*child.name, child))
            .collect();
        let path_of = |name: &str| {
            if folder.is_empty() {
                name.to_string()
            } else {
                format!("{folder}/{name}")
            }
        };
        let prefix = if folder.is_empty() {
            0
        } else {
            folder.len() + 1
        };
        fn below(listed: &Listed, prefix: usize) -> &str {
            listed.0.get(prefix..).unwrap_or_default()
        }
        let (mut own_files, mut own_folders): (HashSet<&str>, HashSet<&str>) = Default::default();
        let mut rest = files;
        while let Some(first) = rest.first() {
            let name = below(first, prefix);
            if let Some((name, _)) = name.split_once('/') {
                let inside = |listed: &Listed| {
                    below(listed, prefix)
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('/'))
                };
                let (inner, others) = rest.split_at(rest.partition_point(inside));
                rest = others;
                own_folders.insert(name);
                let tree = before
                    .get(name)
                    .filter(|entry| entry.mode == Mode::Tree)
                    .map(|entry| entry.id);
                self.folder(
                    &path_of(name),
                    inner,
                    noted.get(name.as_bytes()).copied(),
                    tree,
                    found,
                )?;
                continue;
            }
            rest = rest.get(1..).unwrap_or_default();
            own_files.insert(name);
            let (path, after) = (path_of(name), first.1);
            let own_module = after.is_some_and(|(mode, _)| mode == Mode::Commit);
            let after_id = Some(after.map_or_else(|| blob_id(&[]), |(_, id)| id));
            let Some(old) = before.get(name).filter(|entry| entry.mode != Mode::Tree) else {
                found.push(ChangedPath {
                    path,
                    before: None,
                    after: after_id,
                    submodule: own_module,
                });
                continue;
            };
            let same = match after {
                Some((mode, id)) => (mode, id) == (old.mode, old.id),
                None => (self.content)(&path, old) == Some(old.id),
            };
            if !same {
                let submodule = own_module || old.mode == Mode::Commit;
                found.push(ChangedPath {
                    path,
                    before: Some(old.id),
                    after: after_id,
                    submodule,
                });
            }
        }
        for entry in entries
            .iter()
            .filter(|entry| !own_files.contains(entry.name))
        {
            let (path, is_folder) = (path_of(entry.name), own_folders.contains(entry.name));
            match entry.mode {
                Mode::Tree if is_folder => {}
                Mode::Tree => self.folder(&path, &[], None, Some(entry.id), found)?,
                Mode::Commit if is_folder => {}
                mode => found.push(ChangedPath {
                    path,
                    before: Some(entry.id),
                    after: None,
                    submodule: mode == Mode::Commit,
                }),
            }
        }
        Ok(())
    }
}

/// What is staged: the files of the next commit.
pub struct Staged {
    repository: Arc<Repository>,
    index: Index,
    files: Vec<Arc<str>>,
    /// The files of submodules that are checked out, by their paths.
    modules: Vec<(Arc<str>, GitTree)>,
    /// What a sparse checkout leaves out of a partial clone, sorted.
    left_out: Vec<Arc<str>>,
}

impl Staged {
    /// The files of the index.
    pub fn open(repository: Arc<Repository>) -> Result<Staged, GitError> {
        let mut index = Index::read(&repository)?;
        if let Some((path, _)) = index.entries.iter().find(|(_, known)| known.conflict) {
            let rest = index
                .entries
                .iter()
                .filter(|(_, known)| known.conflict)
                .count()
                - 1;
            let more = if rest > 0 {
                format!(" and {rest} more")
            } else {
                String::new()
            };
            return Err(GitError::Other(format!(
                "{path}{more} is not merged yet, so there is no next commit: resolve the conflict and add it"
            )));
        }
        index.entries.retain(|(_, known)| !known.announced);
        let is_lacking = |known: &Known| {
            known.absent && known.mode != Mode::Commit && !repository.has(&known.id)
        };
        let left_out: Vec<Arc<str>> = index
            .entries
            .iter()
            .filter(|(_, known)| is_lacking(known))
            .map(|(path, _)| path.clone())
            .collect();
        let modules: Vec<(Arc<str>, GitTree)> = index
            .modules()
            .filter_map(|(path, id)| {
                let module = repository.opened_module(path)?;
                let commit = module.commit(id).ok()?;
                Some((path.clone(), module.tree(&commit)))
            })
            .collect();
        let mut files: Vec<Arc<str>> = index
            .entries
            .iter()
            .filter(|(_, known)| known.mode != Mode::Commit)
            .map(|(path, _)| path.clone())
            .collect();
        files.retain(|path| left_out.binary_search(path).is_err());
        for (path, tree) in &modules {
            files.extend(
                tree.files()
                    .iter()
                    .map(|file| Arc::from(format!("{path}/{file}"))),
            );
        }
        files.sort();
        Ok(Staged {
            repository,
            index,
            files,
            modules,
            left_out,
        })
    }

    /// Names that are not UTF-8, for a report.
    pub fn unreadable(&self) -> &[String] {
        &self.index.unreadable
    }

    /// How many files are not here because the checkout is sparse and the clone partial.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn is_left_out(&self, path: &str) -> bool {
        let next = self
            .left_out
            .get(self.left_out.partition_point(|other| **other < *path));
        next.is_some_and(|other| super::is_below(other, path))
    }

    /// What differs between a tree and what is staged, sorted.
    pub fn changed_since(&self, tree: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let listed: Vec<Listed> = self
            .index
            .entries
            .iter()
            .map(|(path, known)| (path.clone(), Some((known.mode, known.id))))
            .collect();
        let comparison = Comparison::new(&self.repository, &listed, &[], &|_, _| None);
        let mut found = comparison.run(self.index.trees.as_ref(), tree)?;
        self.index
            .changed_modules("", &self.repository, tree, None, &mut found)?;
        found.retain(|change| !self.is_left_out(&change.path));
        found.sort();
        Ok(found)
    }

    /// The submodule that a path lies in, and the path in it.
    fn module<'s, 'p>(&'s self, path: &'p str) -> Option<(&'s GitTree, &'p str)> {
        self.modules.iter().find_map(|(module, tree)| {
            Some((tree, path.strip_prefix(&**module)?.strip_prefix('/')?))
        })
    }

    fn noted(&self, path: &str, error: SourceError) -> SourceError {
        if let SourceError::Withheld(withheld) = &error {
            self.repository
                .gaps()
                .note(&Arc::from("the index"), path, withheld);
        }
        error
    }
}

impl Source for Staged {
    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let path = self.resolve(path)?;
        if let Some((module, path)) = self.module(&path) {
            return module.read(path);
        }
        match self.index.get(&path) {
            Some(_) if self.is_left_out(&path) => Err(SourceError::Withheld(left_out(&path))),
            Some(known) if known.mode != Mode::Commit => self
                .repository
                .blob(&known.id)
                .map_err(|error| self.noted(&path, error)),
            _ if super::kind_in(&self.files, &path).is_some() => Err(SourceError::IsDirectory),
            _ => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let path = self.resolve(path).ok()?;
        match self.module(&path) {
            Some((module, path)) => module.content_id(path),
            None => self.index.get(&path).map(|known| known.id),
        }
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        resolve_links(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        if let Some((module, path)) = self.module(path) {
            return module.link(path);
        }
        let known = self
            .index
            .get(path)
            .filter(|known| known.mode == Mode::Link)?;
        let target = self
            .repository
            .blob(&known.id)
            .map_err(|error| self.noted(path, error))
            .ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned()))
    }

    fn has_links(&self) -> bool {
        true
    }

    fn remotes(&self) -> Vec<String> {
        self.repository.remotes()
    }

    fn withheld(&self, path: &str) -> Option<Withheld> {
        if self.is_left_out(path) {
            return Some(left_out(path));
        }
        let (module, id) = self
            .index
            .modules()
            .find(|(module, _)| super::is_below(path, module))?;
        self.repository.module(module, id).err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scratch::{git, write};
    use std::path::Path;

    /// What differs from the first commit: in the work tree, and in what is staged.
    fn changed(root: &Path) -> (Vec<String>, Vec<String>) {
        let repository = Arc::new(Repository::open(root).unwrap());
        let first = repository
            .resolve("first")
            .and_then(|id| repository.commit(&id))
            .unwrap();
        let index = Index::read(&repository).unwrap();
        let paths =
            |changes: Vec<ChangedPath>| changes.into_iter().map(|change| change.path).collect();
        let (of_worktree, _) = index
            .changed_since(&repository, &first.tree, &Worktree::open(root).unwrap())
            .unwrap();
        (
            paths(of_worktree),
            paths(
                Staged::open(repository)
                    .unwrap()
                    .changed_since(&first.tree)
                    .unwrap(),
            ),
        )
    }

    #[test]
    fn what_differs_is_found_whatever_git_noted_of_trees() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        for path in [
            "a/b/one.yaml",
            "a/b/two.yaml",
            "a/c/three.yaml",
            "a-b/four.yaml",
            "a.yaml",
            "d/e/five.yaml",
        ] {
            write(root, path, path);
        }
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", "first"]);
        git(root, &["tag", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
        // changed, removed and new without the index knowing; a folder instead of a file
        write(root, "a/b/one.yaml", "other");
        write(root, "a/c/new.yaml", "new");
        std::fs::remove_file(root.join("a.yaml")).unwrap();
        write(root, "a.yaml/file", "in a folder");
        std::fs::remove_dir_all(root.join("d")).unwrap();
        let different = [
            "a.yaml",
            "a.yaml/file",
            "a/b/one.yaml",
            "a/c/new.yaml",
            "d/e/five.yaml",
        ]
        .map(str::to_string)
        .to_vec();
        assert_eq!(changed(root), (different.clone(), vec![]));
        // what is staged: Git notes the trees that are left as they were
        git(root, &["add", "-A"]);
        assert_eq!(changed(root), (different.clone(), different.clone()));
        // what is committed: all trees are noted, and some are not the first commit's
        git(root, &["commit", "-q", "-m", "second"]);
        assert_eq!(changed(root), (different.clone(), different));
        git(root, &["reset", "-q", "--hard", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
    }
}
