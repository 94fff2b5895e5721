//! Finding and reading the kustomization of a folder, once, and the graph of the folders that
//! kustomizations lead to.
//!
//! Here: file names, cycles. Not here: what the kustomization does (`accumulate`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::{HashMap, HashSet};

use super::context::{NO_YAML, ParseError, Shared, lock, start_of};
use super::decode::Text;
use super::{Kustomization, Problem, ProblemKind, remote};
use crate::source::{EntryKind, SourceError, join};
use crate::yaml::{FileId, Node, Origin};

/// The names that a kustomization file may have.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether a path is that of a kustomization.
pub fn is_kustomization(path: &str) -> bool {
    FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// A folder's kustomization as it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Path of the file.
    pub path: Arc<str>,
    /// The file, when it could be read.
    pub file: Option<FileId>,
    /// The kustomization; `None` when the file could not be read as one.
    pub kustomization: Option<Arc<Kustomization>>,
    /// What is wrong with the file itself.
    pub problems: Vec<Problem>,
}

type Cell = Arc<OnceLock<Option<Arc<Loaded>>>>;
type Reach = Arc<BTreeSet<Arc<str>>>;

/// The kustomizations of a tree that were read so far.
#[derive(Default)]
pub struct Loader {
    loaded: Mutex<HashMap<Arc<str>, Cell>>,
    reach: Mutex<HashMap<Arc<str>, Reach>>,
}

/// Where an entry of `resources` or `components` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
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
    pub fn load(&self, shared: &Shared, folder: &str) -> Option<Arc<Loaded>> {
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

    /// The folders that a folder's kustomization leads to, itself left out unless a cycle leads
    /// back to it.
    pub fn reach(&self, shared: &Shared, folder: &str) -> Reach {
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
    pub fn children(&self, shared: &Shared, folder: &str) -> Vec<Arc<str>> {
        let Some(kustomization) = self
            .load(shared, folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            return Vec::new();
        };
        let lists = [
            &kustomization.resources,
            &kustomization.components,
            &kustomization.generators,
            &kustomization.transformers,
            &kustomization.validators,
        ];
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

/// Stands for a folder whose own kustomization is missing or not used: the start of that file.
pub(super) fn start_of_kustomization(shared: &Shared, folder: &str) -> Origin {
    let path = join(folder, FILE_NAMES[0]).unwrap_or_default();
    let revision = shared.source.revision();
    start_of(shared.files.add(&path, revision, Arc::from("")))
}

/// Where an entry leads.
pub fn target(shared: &Shared, folder: &str, entry: &Text) -> Target {
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
    let paths = FILE_NAMES.iter().map(|name| {
        if folder.is_empty() {
            name.to_string()
        } else {
            format!("{folder}/{name}")
        }
    });
    let present: Vec<String> = paths
        .filter(|path| shared.source.kind(path) == Some(EntryKind::File))
        .collect();
    let path = present.first()?;
    let mut loaded = Loaded {
        path: Arc::from(path.as_str()),
        file: None,
        kustomization: None,
        problems: Vec::new(),
    };
    let documents = shared.documents(path);
    loaded.file = shared.file_id(path);
    let Some(file) = loaded.file else {
        // a file that is not a text has no line to point at: an empty stand-in carries the place
        let file = shared.files.add(
            path,
            shared.source.revision_of(path).as_deref(),
            Arc::from(""),
        );
        if let Err(ParseError::Source(SourceError::Withheld(withheld))) = &documents {
            let message = format!("the kustomization is not here: {}", withheld.reason);
            let problem = Problem::error(start_of(file), message).with_kind(ProblemKind::Withheld);
            loaded
                .problems
                .push(problem.with_help(withheld.remedy.clone()));
            loaded.file = Some(file);
            return Some(loaded);
        }
        let reason = documents
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        loaded.problems.push(
            Problem::error(
                start_of(file),
                format!("the kustomization {path:?} cannot be read: {reason}"),
            )
            .with_help("it must be a file of YAML in UTF-8"),
        );
        loaded.file = Some(file);
        return Some(loaded);
    };
    for other in present.iter().skip(1) {
        let names = [path, other].map(|path| path.rsplit('/').next().unwrap_or(path).to_string());
        let message = format!(
            "the folder has two kustomization files, {} and {}",
            names[0], names[1]
        );
        let mut problem = Problem::error(start_of(file), message).with_help("keep one of them");
        if let Ok(second) = shared.text(other) {
            problem = problem.with_related("the other one", start_of(second));
        }
        loaded.problems.push(problem);
    }
    match documents {
        Ok(documents) => {
            let node = documents
                .documents
                .first()
                .cloned()
                .unwrap_or_else(|| Node::map(Vec::new(), start_of(file)));
            let kustomization =
                Kustomization::decode(&node, file, loaded.path.clone(), &mut loaded.problems);
            loaded.kustomization = Some(Arc::new(kustomization));
        }
        Err(ParseError::Yaml {
            message,
            origin,
            template,
        }) => {
            let problem = Problem::error(origin, message);
            loaded.problems.push(match template {
                true => problem.with_help("this looks like a template, not like YAML"),
                false => problem.with_help(NO_YAML),
            });
        }
        Err(ParseError::Source(error)) => {
            let problem = Problem::error(
                start_of(file),
                format!("the kustomization cannot be read: {error}"),
            );
            loaded
                .problems
                .push(problem.with_help("it must be a file of YAML in UTF-8"));
        }
    }
    Some(loaded)
}
