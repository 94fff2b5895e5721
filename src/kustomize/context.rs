//! What everything below a build shares: the tree, the parse cache, the options; and the state of
//! one folder's build.
//!
//! Here: reading files under the load restrictor, collecting problems. Not here: kustomizations
//! (`loader`), accumulation.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::HashMap;

use super::decode::Text;
use super::remote::Remotes;
use super::{Identity, Problem, ProblemKind, remote};
use crate::names::nearest;
use crate::source::{EntryKind, Files, Source, SourceError, Withheld, join, pointed_at};
use crate::yaml::read::{Documents, read_embedded, read_file};
use crate::yaml::{By, FileId, Node, Origin};

/// Which files a kustomization may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Only files in or below its own folder, the default of kustomize.
    Root,
    /// Everything in the repo, as Flux builds.
    #[default]
    Repo,
}

/// The order of the rendered documents where `sortOptions` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reorder {
    /// As accumulated.
    None,
    /// Namespaces and the like first, webhooks last.
    #[default]
    Legacy,
}

/// How to render.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Which files a kustomization may read.
    pub load_restrictor: LoadRestrictor,
    /// Copies of remote bases, files and charts.
    pub remotes: Remotes,
    /// The order of documents.
    pub reorder: Reorder,
    /// Add the managed-by label to every object.
    pub managed_by_label: bool,
    /// Where the root of the tree is on disk, so that absolute paths into it can be followed.
    pub root: Option<PathBuf>,
}

/// The result of reading and parsing one file.
pub(crate) type Parsed = Result<Arc<Documents>, ParseError>;

/// Why a file gave no documents.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ParseError {
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not YAML.
    #[error("{message}")]
    Yaml {
        /// What is wrong.
        message: String,
        /// Where.
        origin: Origin,
        /// True if it looks like a template.
        template: bool,
    },
}

#[derive(Clone)]
struct ParsedFile {
    id: Option<FileId>,
    documents: Parsed,
}

/// Revision and path of a file.
type FileKey = (Option<Arc<str>>, Arc<str>);

/// The files of all revisions that were read so far. A file that is the same in two revisions is read
/// and parsed once.
#[derive(Default)]
pub(crate) struct Cache {
    parsed: Mutex<HashMap<FileKey, Arc<OnceLock<ParsedFile>>>>,
}

/// What all builds of one tree share.
pub struct Shared {
    /// The tree.
    pub source: Arc<dyn Source>,
    /// The files read so far.
    pub files: Arc<Files>,
    /// How to render.
    pub options: RenderOptions,
    cache: Arc<Cache>,
}

/// What to do about a text that is not YAML.
pub(super) const NO_YAML: &str = "kustomize reads it as Go's YAML does: check indentation and quotes there and in the lines above";
/// Texts up to this size are kept after a test. Larger ones are often generated for another purpose.
const SMALL: usize = 64 * 1024;

/// Locks even after a thread panicked, because the guarded tables are only appended to.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Shared {
    /// A shared state without anything read yet.
    pub fn new(source: Arc<dyn Source>, files: Arc<Files>, options: RenderOptions) -> Shared {
        Shared {
            source,
            files,
            options,
            cache: Arc::default(),
        }
    }
    /// The state for another revision, sharing the files that were read.
    pub fn beside(&self, source: Arc<dyn Source>, remotes: Remotes) -> Shared {
        let options = RenderOptions {
            remotes,
            ..self.options.clone()
        };
        Shared {
            source,
            files: self.files.clone(),
            options,
            cache: self.cache.clone(),
        }
    }
    /// The bytes of a file. A Git LFS pointer is an error, because it is not the content of the file.
    pub fn bytes(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let bytes = self.source.read(path)?;
        match pointed_at(&bytes) {
            None => Ok(bytes),
            Some(_) => Err(SourceError::Withheld(Withheld {
                reason: "it is a pointer of Git LFS, and its content was not fetched".to_string(),
                remedy: "git lfs pull, or `lfs: true` in CI".to_string(),
            })),
        }
    }
    /// The text of a file and its number.
    pub fn text(&self, path: &str) -> Result<FileId, SourceError> {
        let revision = self.source.revision_of(path);
        if let Some(id) = self.files.find(path, &revision) {
            return Ok(id);
        }
        let bytes = self.bytes(path)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| SourceError::NotUtf8(error.valid_up_to()))?;
        Ok(self.files.add(path, revision.as_deref(), Arc::from(text)))
    }
    /// True if a file has at most `largest` bytes and its text passes a test. Small texts are kept.
    pub fn skim(&self, path: &str, largest: usize, test: impl Fn(&str) -> bool) -> bool {
        let revision = self.source.revision_of(path);
        if let Some(id) = self.files.find(path, &revision) {
            let file = self.files.get(id);
            return file.text.len() <= largest && test(&file.text);
        }
        let Ok(bytes) = self.bytes(path) else {
            return false;
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return false;
        };
        if text.len() <= SMALL {
            self.files.add(path, revision.as_deref(), Arc::from(text));
        }
        text.len() <= largest && test(text)
    }
    /// What to do about a path that does not exist: suggests a similar name.
    pub fn near_miss(&self, folder: &str, reference: &str) -> String {
        let wanted = join(folder, reference).unwrap_or_default();
        let (parent, name) = wanted.rsplit_once('/').unwrap_or(("", &wanted));
        let below = if parent.is_empty() {
            String::new()
        } else {
            format!("{parent}/")
        };
        let siblings = self
            .source
            .files()
            .iter()
            .filter_map(|path| path.strip_prefix(below.as_str())?.split('/').next());
        let siblings: Vec<&str> = siblings.collect::<BTreeSet<&str>>().into_iter().collect();
        match nearest(name, &siblings) {
            Some(sibling) => format!("did you mean {sibling}?"),
            None => "correct the path, or add what is missing".to_string(),
        }
    }
    fn parsed_file(&self, path: &str) -> ParsedFile {
        let cell = lock(&self.cache.parsed)
            .entry((self.source.revision_of(path), Arc::from(path)))
            .or_default()
            .clone();
        cell.get_or_init(|| match self.text(path) {
            Err(error) => ParsedFile {
                id: None,
                documents: Err(error.into()),
            },
            Ok(id) => {
                let documents = read_file(&self.files.get(id)).map(Arc::new);
                let documents = documents.map_err(|error| ParseError::Yaml {
                    message: error.message,
                    origin: error.origin,
                    template: error.template,
                });
                ParsedFile {
                    id: Some(id),
                    documents,
                }
            }
        })
        .clone()
    }
    /// The documents of a file, parsed once.
    pub fn documents(&self, path: &str) -> Parsed {
        self.parsed_file(path).documents
    }
    /// The number of a file that was parsed.
    pub fn file_id(&self, path: &str) -> Option<FileId> {
        self.parsed_file(path).id
    }
    /// A path as written in a kustomization's folder, relative to the root; symbolic links are not
    /// resolved yet.
    pub fn locate(&self, folder: &str, path: &str) -> Result<String, SourceError> {
        if let Some(rest) = path.strip_prefix('/') {
            let root = self
                .options
                .root
                .as_ref()
                .and_then(|root| root.to_str())
                .ok_or(SourceError::OutsideRoot)?;
            let below = rest
                .strip_prefix(root.trim_start_matches('/').trim_end_matches('/'))
                .ok_or(SourceError::OutsideRoot)?;
            let below = match below.strip_prefix('/') {
                Some(below) => below,
                None if below.is_empty() => "",
                None => return Err(SourceError::OutsideRoot),
            };
            return join("", below).ok_or(SourceError::OutsideRoot);
        }
        join(folder, path).ok_or(SourceError::OutsideRoot)
    }
}

/// The state of building one folder.
pub struct BuildContext<'a> {
    /// What all builds share.
    pub shared: &'a Shared,
    /// The folder of the kustomization, symbolic links resolved.
    pub folder: Arc<str>,
    /// The problems so far.
    pub problems: Vec<Problem>,
    /// The files that were read so far.
    pub files_read: BTreeSet<FileId>,
    /// The objects that patches deleted.
    pub deleted: Vec<super::Deleted>,
    /// The schema of `openapi.path`, which replaces the built-in merge keys.
    pub schema: Option<Arc<super::schema::Schema>>,
}

impl<'a> BuildContext<'a> {
    /// The state at the start.
    pub fn new(shared: &'a Shared, folder: impl Into<Arc<str>>) -> BuildContext<'a> {
        BuildContext {
            shared,
            folder: folder.into(),
            problems: Vec::new(),
            files_read: BTreeSet::new(),
            deleted: Vec::new(),
            schema: None,
        }
    }
    /// Reports a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
    /// Reports something that kustomize refuses.
    pub fn refuse(&mut self, origin: Origin, message: impl Into<String>) {
        self.report(Problem::error(origin, message));
    }
    /// The path of a file relative to the root, when it may be read from here.
    pub fn resolve(&self, reference: &Text) -> Result<String, Problem> {
        if remote::is_http(reference) {
            let copy = self
                .shared
                .options
                .remotes
                .copy_of(reference)
                .ok_or_else(|| remote::problem(reference))?;
            let real = self
                .shared
                .source
                .resolve(&copy)
                .unwrap_or_else(|_| copy.clone());
            return match self.shared.source.kind(&real) {
                Some(EntryKind::File) => Ok(real),
                Some(EntryKind::Directory) => Err(unreadable(reference, &SourceError::IsDirectory)),
                None => Err(remote::missing_copy(reference, &copy)),
            };
        }
        let fail = |error: SourceError| match error {
            SourceError::Missing => unreadable(reference, &error)
                .with_help(self.shared.near_miss(&self.folder, reference)),
            error => unreadable(reference, &error),
        };
        let path = self.shared.locate(&self.folder, reference).map_err(fail)?;
        let real = self.shared.source.resolve(&path).map_err(fail)?;
        match self.shared.source.kind(&real) {
            None => {
                return Err(fail(
                    self.shared
                        .source
                        .withheld(&real)
                        .map_or(SourceError::Missing, SourceError::Withheld),
                ));
            }
            Some(EntryKind::Directory) => return Err(fail(SourceError::IsDirectory)),
            Some(EntryKind::File) => {}
        }
        if self.shared.options.load_restrictor == LoadRestrictor::Root
            && !is_below(&real, &self.folder)
        {
            let message = format!(
                "the file {:?} is not in or below the folder of the kustomization",
                &**reference
            );
            let help = "move the file, refer to a kustomization instead, or allow it with --load-restrictor none".to_string();
            return Err(Problem::error(reference.origin(), message).with_help(help));
        }
        Ok(real)
    }
    /// The bytes of a file that a kustomization refers to.
    pub fn read_bytes(&mut self, reference: &Text) -> Result<(String, Arc<[u8]>), Problem> {
        let path = self.resolve(reference)?;
        let bytes = self
            .shared
            .bytes(&path)
            .map_err(|error| unreadable(reference, &error))?;
        if let Ok(id) = self.shared.text(&path) {
            self.files_read.insert(id);
        }
        Ok((path, bytes))
    }
    /// The text of a file that a kustomization refers to.
    pub fn read_text(&mut self, reference: &Text) -> Result<FileId, Problem> {
        let path = self.resolve(reference)?;
        let id = self
            .shared
            .text(&path)
            .map_err(|error| unreadable(reference, &error))?;
        self.files_read.insert(id);
        Ok(id)
    }
    /// The documents of a YAML file that a kustomization refers to. Duplicate keys are reported.
    pub fn read_documents(&mut self, reference: &Text) -> Result<Arc<Documents>, Problem> {
        let path = self.resolve(reference)?;
        if let Some(id) = self.shared.file_id(&path) {
            self.files_read.insert(id);
        }
        let documents = self
            .shared
            .documents(&path)
            .map_err(|error| unparsed(reference, error))?;
        self.report_duplicates(&documents);
        Ok(documents)
    }
    /// The documents of a YAML text in a scalar. Duplicate keys are reported.
    pub fn read_inline(&mut self, host: &Node) -> Result<Documents, Problem> {
        let text = self.shared.files.get(host.origin.file).text.clone();
        let documents = read_embedded(host, &text)
            .map_err(|error| Problem::error(error.origin, error.message).with_help(NO_YAML))?;
        self.report_duplicates(&documents);
        Ok(documents)
    }
    /// Reports duplicate keys.
    pub fn report_duplicates(&mut self, documents: &Documents) {
        for duplicate in &documents.duplicate_keys {
            let message = format!("the key `{}` is in this map twice", duplicate.key);
            self.report(
                Problem::error(duplicate.second, message)
                    .with_kind(ProblemKind::DuplicateKey)
                    .with_help("remove one of the two")
                    .with_related("it is first set here", duplicate.first)
                    .about(Identity::DuplicateKey(duplicate.key.to_string())),
            );
        }
    }
}

/// True if a path is a folder or below it. Everything is below the root, whose path is empty.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Explains, at the line that names a file, why it could not be read.
pub(crate) fn unreadable(reference: &Text, error: &SourceError) -> Problem {
    let message = match error {
        SourceError::Missing => format!("there is no file or folder {:?}", &**reference),
        SourceError::OutsideRoot => format!("{:?} leads out of the repository", &**reference),
        SourceError::IsDirectory => {
            format!("{:?} is a folder, but a file is needed here", &**reference)
        }
        SourceError::Withheld(withheld) => return absent(reference, withheld),
        other => format!("{:?} cannot be read: {other}", &**reference),
    };
    let help = match error {
        SourceError::Missing => "correct the path, or add the file",
        SourceError::OutsideRoot => "copy what is needed into the repository",
        SourceError::IsDirectory => "name a file in it",
        _ => "check what kind of file it is",
    };
    Problem::error(reference.origin(), message).with_help(help)
}

/// Explains why something that a kustomization refers to is missing although Git has it.
pub(crate) fn absent(reference: &Text, withheld: &Withheld) -> Problem {
    let message = format!("{:?} is not here: {}", &**reference, withheld.reason);
    Problem::error(reference.origin(), message)
        .with_kind(ProblemKind::Withheld)
        .with_help(withheld.remedy.clone())
}

/// Explains why a file could not be parsed.
pub(crate) fn unparsed(reference: &Text, error: ParseError) -> Problem {
    match error {
        ParseError::Source(error) => unreadable(reference, &error),
        ParseError::Yaml {
            message,
            origin,
            template,
        } => {
            let problem = Problem::error(origin, message);
            let problem =
                problem.with_related("it is read because of this line", reference.origin());
            if template {
                problem.with_help("this looks like a template, not like YAML: render it first, or take it out of the kustomization")
            } else {
                problem.with_help(NO_YAML)
            }
        }
    }
}

/// The start of a file.
pub(crate) fn start_of(file: FileId) -> Origin {
    Origin {
        file,
        start: 0,
        end: 0,
        by: By::Manifest,
    }
}
