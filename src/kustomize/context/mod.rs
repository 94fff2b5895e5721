//! The state of building one folder, and what all builds share (`shared`).
//!
//! Here: reading files under the load restrictor, collecting problems. Not here: kustomizations
//! (`loader`), accumulation.

mod options;
mod shared;
mod unread;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::decode::Text;
use super::{Identity, Problem, ProblemKind, remote};
pub(super) use crate::source::lock;
use crate::source::{EntryKind, SourceError, is_below};
use crate::yaml::read::{Documents, read_embedded};
use crate::yaml::{FileId, Node};
pub use options::{LoadRestrictor, RenderOptions, Reorder};
use shared::NOT_THERE;
pub(crate) use shared::{ParseError, Shared};
pub(super) use unread::withheld;
use unread::{unparsed, unreadable};
pub(super) use work::{OBJECT_LIMIT, Work, weight};

/// The advice about a text that is not YAML.
pub(super) const NO_YAML: &str = "kustomize reads it as Go's YAML does: check indentation and quotes there and in the lines above";

/// The problems of a kustomization that get a suggestion of another name.
const ADVISED: usize = 50;

/// The state of building one folder.
pub struct BuildContext<'a> {
    /// The things that all builds share.
    pub shared: &'a Shared,
    /// The folder of the kustomization, symbolic links resolved.
    pub folder: Arc<str>,
    /// The problems so far.
    pub problems: Vec<Problem>,
    /// The files that were read so far.
    pub files_read: BTreeSet<FileId>,
    /// The objects that patches deleted.
    pub deleted: Vec<super::Deleted>,
    /// The releases of charts that are not in the tree.
    pub releases: Vec<super::Unrendered>,
    /// The charts of which a committed copy of the output was used.
    pub copies: Vec<super::ChartCopy>,
    /// The schema of `openapi.path`, which replaces the built-in merge keys.
    pub schema: Option<Arc<super::schema::Schema>>,
    /// The steps so far, those of the bases included.
    pub work: Work,
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
            releases: Vec::new(),
            copies: Vec::new(),
            schema: None,
            work: Work::default(),
        }
    }
    /// Reports a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
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
            SourceError::Missing => {
                unreadable(reference, &error).with_help(self.near_miss(reference))
            }
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
    /// The advice about a path that does not exist. A similar name is only searched for the first
    /// problems, because each search looks at all files of the folder.
    pub fn near_miss(&self, reference: &str) -> String {
        if self.problems.len() < ADVISED {
            self.shared.near_miss(&self.folder, reference)
        } else {
            NOT_THERE.to_string()
        }
    }
    /// The same, and a file that kustomize usually refuses is noted.
    fn resolve_noted(&mut self, reference: &Text) -> Result<String, Problem> {
        let path = self.resolve(reference)?;
        if !remote::is_http(reference) && !is_below(&path, &self.folder) {
            let message = format!(
                "the file {:?} is not in or below the folder of the kustomization",
                &**reference
            );
            let problem = Problem::error(reference.origin(), message);
            self.problems
                .push(problem.with_kind(ProblemKind::RestrictedFile));
        }
        Ok(path)
    }
    /// The bytes of a file that a kustomization refers to.
    pub fn read_bytes(&mut self, reference: &Text) -> Result<(String, Arc<[u8]>), Problem> {
        let path = self.resolve_noted(reference)?;
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
        let path = self.resolve_noted(reference)?;
        let id = self
            .shared
            .text(&path)
            .map_err(|error| unreadable(reference, &error))?;
        self.files_read.insert(id);
        Ok(id)
    }
    /// The documents of a YAML file that a kustomization refers to. Duplicate keys are reported.
    pub fn read_documents(&mut self, reference: &Text) -> Result<Arc<Documents>, Problem> {
        let path = self.resolve_noted(reference)?;
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
