//! The documents that the editor has open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::diagnostics::of_configuration;
use super::session::Session;
use super::uri::{path_of, real, real_below, uri_of};
use crate::check::{configuration, configuration_with_files};
use crate::config::CONFIG_FILE;
use crate::source::{Files, MAX_FILE_SIZE};

/// The most open documents.
const MOST: usize = 1000;

/// An open document.
struct Document {
    /// Without links.
    path: PathBuf,
    version: Option<i64>,
    text: Arc<str>,
}

/// The open documents, by the address as the editor writes it.
#[derive(Default)]
pub(super) struct Documents(BTreeMap<String, Document>);

impl Documents {
    /// Opens a document. Returns its address.
    pub(super) fn open(&mut self, parameters: &Value) -> Result<String, String> {
        let document = parameters.get("textDocument");
        let field = |name: &str| document.and_then(|document| document.get(name));
        let uri = field("uri").and_then(Value::as_str);
        let text = field("text").and_then(Value::as_str);
        let (Some(uri), Some(text)) = (uri, text) else {
            return Err("`textDocument/didOpen` lacks the address or the text".to_string());
        };
        if self.0.len() >= MOST {
            return Err(format!("more than {MOST} documents are open"));
        }
        if let Some(path) = path_of(uri).and_then(|path| real(&path)) {
            let document = Document {
                path,
                version: field("version").and_then(Value::as_i64),
                text: Arc::from(text),
            };
            self.0.insert(uri.to_string(), document);
        }
        Ok(uri.to_string())
    }

    /// Replaces the text of a document. Returns its address.
    pub(super) fn change(&mut self, parameters: &Value) -> Result<String, String> {
        let uri = address_in(parameters)?;
        let changes = parameters.get("contentChanges").and_then(Value::as_array);
        let last = changes.and_then(|changes| changes.last());
        let text = last.filter(|change| change.get("range").is_none());
        let text = text.and_then(|change| change.get("text")?.as_str());
        let text = text.ok_or("`textDocument/didChange` lacks the whole text of the document")?;
        let version = parameters.pointer("/textDocument/version");
        // documents of other schemes are not kept
        if let Some(document) = self.0.get_mut(&uri) {
            document.version = version.and_then(Value::as_i64);
            document.text = Arc::from(text);
        } else if path_of(&uri).is_some() {
            return Err(format!("{uri} changes but is not open"));
        }
        Ok(uri)
    }

    /// Closes a document. Returns its address.
    pub(super) fn close(&mut self, parameters: &Value) -> Result<String, String> {
        let uri = address_in(parameters)?;
        self.0.remove(&uri);
        Ok(uri)
    }

    /// The text of an open document.
    pub(super) fn text(&self, uri: &str) -> Option<Arc<str>> {
        self.0.get(uri).map(|document| document.text.clone())
    }

    /// The paths below a root with their texts.
    pub(super) fn below(&self, root: &Path) -> Vec<(String, Arc<str>)> {
        let documents = self.0.values();
        documents
            .filter_map(|document| Some((real_below(root, &document.path)?, document.text.clone())))
            .collect()
    }

    /// The paths below a root.
    pub(super) fn paths(&self, root: &Path) -> BTreeSet<String> {
        self.below(root).into_iter().map(|(path, _)| path).collect()
    }

    fn at(&self, root: &Path, path: &str) -> Option<(&String, &Document)> {
        let mut documents = self.0.iter();
        documents.find(|(_, document)| real_below(root, &document.path).as_deref() == Some(path))
    }

    /// The version of an open document.
    pub(super) fn version(&self, root: &Path, path: &str) -> Option<i64> {
        self.at(root, path)?.1.version
    }

    /// The address of a path: as the editor writes it, if the document is open.
    pub(super) fn address(&self, root: &Path, path: &str) -> String {
        let open = self.at(root, path).map(|(uri, _)| uri.clone());
        open.unwrap_or_else(|| uri_of(&root.join(path)))
    }

    /// The mistakes in the configuration as it is in the editor. Without a session, it need not be
    /// open.
    pub(super) fn mistakes(&self, root: &Path, session: Option<&Session>) -> Vec<Value> {
        let open = self.at(root, CONFIG_FILE);
        let open = open.map(|(_, document)| document.text.clone());
        let saved = || on_disk(root, CONFIG_FILE).filter(|_| session.is_none());
        let Some(text) = open.or_else(|| saved().map(Arc::from)) else {
            return Vec::new();
        };
        let files = Files::default();
        let id = files.add(CONFIG_FILE, None, text.clone());
        let problems = match session {
            Some(session) => configuration_with_files(&text, id, &*session.loaded.repo.source),
            None => configuration(&text, id),
        };
        let file = files.get(id);
        let problems = problems.err().unwrap_or_default();
        problems
            .iter()
            .map(|problem| of_configuration(problem, &file))
            .collect()
    }
}

fn address_in(parameters: &Value) -> Result<String, String> {
    let uri = parameters
        .pointer("/textDocument/uri")
        .and_then(Value::as_str);
    uri.map(str::to_string)
        .ok_or_else(|| "a notification lacks the address of its document".to_string())
}

/// The text of a file on disk; `None` if it is gone or cannot be a manifest.
pub(super) fn on_disk(root: &Path, path: &str) -> Option<String> {
    let path = root.join(path);
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_SIZE {
        return None;
    }
    std::fs::read_to_string(path).ok()
}
