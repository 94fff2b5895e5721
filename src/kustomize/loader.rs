//! Finding and reading the kustomization of a folder, once, and the graph of the folders that
//! kustomizations lead to.
//!
//! Here: file names, cycles. Not here: applying the kustomization (`accumulate`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::{HashMap, HashSet};

use super::context::{NO_YAML, ParseError, Shared, lock};
use super::decode::Text;
use super::{Identity, Kustomization, Problem, ProblemKind, remote};
use crate::source::{EntryKind, SourceError, join};
use crate::yaml::{FileId, Node, Origin};

/// The names that a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The advice about a kustomization that is not a text.
const NOT_TEXT: &str = "it must be a file of YAML in UTF-8";

/// True if a path is that of a kustomization.
pub(crate) fn is_kustomization(path: &str) -> bool {
    FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// The kustomization of a folder, read from its file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file, if it could be read.
    pub file: Option<FileId>,
    /// The kustomization; `None` if the file could not be read as one.
    pub kustomization: Option<Arc<Kustomization>>,
    /// The problems of the file itself.
    pub problems: Vec<Problem>,
}

type Cell = Arc<OnceLock<Option<Arc<Loaded>>>>;
type Reach = Arc<BTreeSet<Arc<str>>>;

/// The kustomizations of a tree that were read so far.
#[derive(Default)]
pub(crate) struct Loader {
    loaded: Mutex<HashMap<Arc<str>, Cell>>,
    reach: Mutex<HashMap<Arc<str>, Reach>>,
}

/// Where an entry of `resources` or `components` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, path relative to the root, links not resolved.
    File,
    /// A folder, links resolved.
    Folder(Arc<str>),
    /// A URL without a copy.
    Remote,
    /// Nothing.
    Missing,
    /// Out of the tree.
    Outside,
}

impl Loader {
    /// The kustomization of a folder; `None` when there is no kustomization file.
    pub(crate) fn load(&self, shared: &Shared, folder: &str) -> Option<Arc<Loaded>> {
        let cell = {
            let mut loaded = lock(&self.loaded);
            match loaded.get(folder) {
                Some(cell) => cell.clone(),
                None => loaded.entry(Arc::from(folder)).or_default().clone(),
            }
        };
        cell.get_or_init(|| read(shared, folder).map(Arc::new))
            .clone()
    }

    /// All folders that the kustomization of a folder leads to, directly or not. The folder itself
    /// is among them only if a cycle leads back to it.
    pub(crate) fn reach(&self, shared: &Shared, folder: &str) -> Reach {
        if let Some(reach) = lock(&self.reach).get(folder) {
            return reach.clone();
        }
        let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut waiting: Vec<Arc<str>> = vec![Arc::from(folder)];
        let mut visited: HashSet<Arc<str>> = HashSet::default();
        while let Some(next) = waiting.pop() {
            if !visited.insert(next.clone()) {
                continue;
            }
            if let Some(known) = lock(&self.reach).get(&next) {
                found.extend(known.iter().cloned());
                continue;
            }
            for target in self.children(shared, &next) {
                found.insert(target.clone());
                waiting.push(target);
            }
        }
        let reach = Arc::new(found);
        lock(&self.reach).insert(Arc::from(folder), reach.clone());
        reach
    }

    /// The folders that a folder's kustomization names.
    pub(crate) fn children(&self, shared: &Shared, folder: &str) -> Vec<Arc<str>> {
        let Some(kustomization) = self
            .load(shared, folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            return Vec::new();
        };
        let lists = kustomization.lists_of_folders();
        let targets =
            lists
                .into_iter()
                .flatten()
                .filter_map(|entry| match target(shared, folder, entry) {
                    Target::Folder(folder) => Some(folder),
                    _ => None,
                });
        targets.collect()
    }
}

/// Represents a folder whose own kustomization is missing or not used: the start of that file.
pub(super) fn start_of_kustomization(shared: &Shared, folder: &str) -> Origin {
    let path = join(folder, FILE_NAMES[0]).unwrap_or_default();
    let revision = shared.source.revision();
    Origin::start_of(shared.files.add(&path, revision, Arc::from("")))
}

/// Where an entry leads.
pub(crate) fn target(shared: &Shared, folder: &str, entry: &Text) -> Target {
    let copy = shared.options.remotes.copy_of(entry);
    let path = match &copy {
        Some(copy) => copy.clone(),
        None if remote::is_http(entry) => return Target::Remote,
        None => match shared.locate(folder, entry) {
            Ok(path) => path,
            Err(_) if remote::parse(entry).is_some() => return Target::Remote,
            Err(_) => return Target::Outside,
        },
    };
    let real = match shared.source.resolve(&path) {
        Ok(real) => real,
        Err(SourceError::OutsideRoot) => return Target::Outside,
        Err(_) => path,
    };
    match shared.source.kind(&real) {
        Some(EntryKind::File) => Target::File,
        _ if copy.is_none() && remote::parse(entry).is_some() => Target::Remote,
        Some(EntryKind::Directory) => Target::Folder(real.into()),
        None => Target::Missing,
    }
}

fn read(shared: &Shared, folder: &str) -> Option<Loaded> {
    let mut present = FILE_NAMES
        .iter()
        .filter_map(|name| join(folder, name))
        .filter(|path| shared.source.kind(path) == Some(EntryKind::File));
    let path = present.next()?;
    let documents = shared.documents(&path);
    let Some(file) = shared.file_id(&path) else {
        return Some(unread(shared, &path, documents.err()));
    };
    let mut problems: Vec<Problem> = present
        .map(|other| second_file(shared, file, &path, &other))
        .collect();
    let kustomization = match documents {
        Ok(documents) => {
            let node = documents
                .documents
                .first()
                // kustomize takes a document `null` for an empty file
                .filter(|node| !node.is_null())
                .cloned()
                .unwrap_or_else(|| Node::map(Vec::new(), Origin::start_of(file)));
            let path = Arc::from(path.as_str());
            let decoded = Kustomization::decode(&node, file, path, &mut problems);
            Some(Arc::new(decoded))
        }
        Err(error) => {
            problems.push(unparsed(error, file));
            None
        }
    };
    Some(Loaded {
        file: Some(file),
        kustomization,
        problems,
    })
}

/// A kustomization that is not a text. An empty file represents it, so that problems have an
/// origin.
fn unread(shared: &Shared, path: &str, error: Option<ParseError>) -> Loaded {
    let revision = shared.source.revision_of(path);
    let file = shared.files.add(path, revision.as_deref(), Arc::from(""));
    let origin = Origin::start_of(file);
    let problem = match error {
        Some(ParseError::Source(SourceError::Withheld(withheld))) => {
            let message = format!("the kustomization is not here: {}", withheld.reason);
            Problem::error(origin, message)
                .with_kind(ProblemKind::Withheld)
                .about(Identity::Withheld(path.to_string()))
                .with_help(withheld.remedy)
        }
        error => {
            let reason = error.map(|error| error.to_string()).unwrap_or_default();
            let message = format!("the kustomization {path:?} cannot be read: {reason}");
            Problem::error(origin, message).with_help(NOT_TEXT)
        }
    };
    Loaded {
        file: Some(file),
        kustomization: None,
        problems: vec![problem],
    }
}

fn second_file(shared: &Shared, file: FileId, path: &str, other: &str) -> Problem {
    let [first, second] = [path, other].map(|path| path.rsplit('/').next().unwrap_or(path));
    let message = format!("the folder has two kustomization files, {first} and {second}");
    let problem = Problem::error(Origin::start_of(file), message).with_help("keep one of them");
    match shared.text(other) {
        Ok(second) => problem.with_related("the other one", Origin::start_of(second)),
        Err(_) => problem,
    }
}

fn unparsed(error: ParseError, file: FileId) -> Problem {
    match error {
        ParseError::Yaml {
            message,
            origin,
            template,
        } => Problem::error(origin, message).with_help(if template {
            "this looks like a template, not like YAML"
        } else {
            NO_YAML
        }),
        ParseError::Source(error) => {
            let message = format!("the kustomization cannot be read: {error}");
            Problem::error(Origin::start_of(file), message).with_help(NOT_TEXT)
        }
    }
}
