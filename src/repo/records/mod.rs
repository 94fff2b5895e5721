//! Records of what runs where, kept beside the manifests: `versions.json`, `VERSIONS.md`, and the
//! files that `records` of the configuration names.
//!
//! Every team writes its own format, so reading is lenient. A record statements that a version of an app
//! runs in an environment. In JSON and YAML, the app and the environment come from the keys above
//! the version, or from fields such as `app` and `environment` beside it. In Markdown they come
//! from headings and from the columns of a table. A version without an app and environment of the
//! repo is ignored.
//!
//! Here: which files are records. `structured` and `markdown` read them, `words` recognises apps
//! and environments, `version` reads versions, `subject` collects the app, environment and variant
//! of a version. Not here: comparing statements with rendered images (`rules`).

mod markdown;
mod structured;
mod subject;
mod version;
mod words;

use super::Overlay;
use crate::config::Environment;
use crate::kustomize::Renderer;
use crate::yaml::{FileId, Origin};
use words::Words;

/// Files at the root that are records without any configuration.
const NAMES: &[&str] = &[
    "versions.json",
    "versions.yaml",
    "versions.yml",
    "VERSIONS.md",
];

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The file.
    pub file: FileId,
    /// Its statements, in the order of the file.
    pub statements: Vec<Statement>,
}

/// A record says that an app runs this version in this environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The app.
    pub app: String,
    /// Index of the environment.
    pub environment: usize,
    /// The variant, if the record distinguishes variants.
    pub variant: Option<String>,
    /// The image, if the record names it.
    pub image: Option<String>,
    /// The tag and where it is written.
    pub tag: Option<(String, Origin)>,
    /// The digest, or the start of one, and where it is written.
    pub digest: Option<(String, Origin)>,
}

/// Reads the records of a tree.
pub(super) fn read(
    renderer: &Renderer,
    paths: &[String],
    overlays: &[Overlay],
    environments: &[Environment],
) -> Vec<Record> {
    let words = Words::new(overlays, environments);
    let paths = NAMES
        .iter()
        .copied()
        .chain(paths.iter().map(String::as_str));
    let mut found: Vec<Record> = Vec::new();
    for path in paths {
        let Some(record) = read_one(renderer, path, &words) else {
            continue;
        };
        if found.iter().all(|other| other.file != record.file) {
            found.push(record);
        }
    }
    found
}

fn read_one(renderer: &Renderer, path: &str, words: &Words) -> Option<Record> {
    let source = renderer.source();
    let extension = path.rsplit('.').next()?;
    if extension.eq_ignore_ascii_case("md") {
        let bytes = source.read(path).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?.into();
        let revision = source.revision_of(path);
        let file = renderer.files().add(path, revision.as_deref(), text);
        let statements = markdown::read(&renderer.files().get(file).text, file, words);
        return Some(Record { file, statements });
    }
    source.kind(path)?;
    let documents = renderer.parsed(path).ok()?;
    let statements = structured::read(&documents.documents, words);
    let file = renderer.file_id(path)?;
    Some(Record { file, statements })
}
