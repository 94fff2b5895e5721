//! The things that all builds of a tree share: the files that were read and parsed, and the
//! options.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::HashMap;

use super::{RenderOptions, lock};
use crate::kustomize::remote::Remotes;
use crate::kustomize::{ChartRenderer, ChartsOf};
use crate::names::{did_you_mean, nearest};
use crate::source::{Files, Source, SourceError, Withheld, join, pointed_at};
use crate::yaml::read::{Documents, read_file};
use crate::yaml::{FileId, Origin};

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
        /// The problem.
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

/// The files of all revisions that were read so far. A file that is the same in two revisions is
/// read and parsed once.
#[derive(Default)]
pub(crate) struct Cache {
    parsed: Mutex<HashMap<FileKey, Arc<OnceLock<ParsedFile>>>>,
}

/// The things that all builds of one tree share.
pub struct Shared {
    /// The tree.
    pub source: Arc<dyn Source>,
    /// The files read so far.
    pub files: Arc<Files>,
    /// The options of a rendering.
    pub options: RenderOptions,
    /// The renderer of the tree's charts.
    pub charts: Option<Arc<dyn ChartRenderer>>,
    cache: Arc<Cache>,
}

/// The advice about a path that does not exist and resembles no other.
pub(super) const NOT_THERE: &str = "correct the path, or add what is missing";

/// Texts up to this size are kept after a test. Larger ones are often generated for another
/// purpose.
const SMALL: usize = 64 * 1024;

/// A text in UTF-16 with a byte order mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let read: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xfe, 0xff] => u16::from_be_bytes,
        [0xff, 0xfe] => u16::from_le_bytes,
        _ => return None,
    };
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .filter_map(|pair| Some(read([*pair.first()?, *pair.get(1)?])))
        .collect();
    Some(String::from_utf16_lossy(&units))
}

impl Shared {
    /// A shared state without anything read yet.
    pub fn new(source: Arc<dyn Source>, files: Arc<Files>, options: RenderOptions) -> Shared {
        let of = |charts: ChartsOf| charts(source.clone(), files.clone(), &options.remotes);
        Shared {
            charts: options.charts.map(of),
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
        let of = |charts: ChartsOf| charts(source.clone(), self.files.clone(), &options.remotes);
        Shared {
            charts: options.charts.map(of),
            source,
            files: self.files.clone(),
            options,
            cache: self.cache.clone(),
        }
    }
    /// The bytes of a file. A Git LFS pointer is an error, because it is not the content of the
    /// file.
    pub fn bytes(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let bytes = self.source.read(path)?;
        match pointed_at(&bytes) {
            None => Ok(bytes),
            Some(_) => Err(SourceError::Withheld(Withheld {
                reason: "it is a pointer of Git LFS, and its content was not fetched".to_string(),
                remedy: "run `git lfs pull`, or set `lfs: true` in CI".to_string(),
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
            // Go's YAML reads UTF-16, so such a file is one that cannot be read here
            return bytes.len() <= largest && utf16(&bytes).is_some_and(|text| test(&text));
        };
        if text.len() <= SMALL {
            self.files.add(path, revision.as_deref(), Arc::from(text));
        }
        text.len() <= largest && test(text)
    }
    /// The advice about a path that does not exist: suggests a similar name.
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
            Some(sibling) => did_you_mean(sibling),
            None => NOT_THERE.to_string(),
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
