//! Finds policies and their data: those of the configuration, of the command line, and built-in
//! ones.

use std::sync::Arc;

use super::built_in::built_in;
use super::{Namespaces, Policies, PolicyFile, PolicyProblem};
use crate::config::Config;
use crate::source::{EntryKind, Source};
use crate::yaml::{FileId, read, write};

/// A file of data: its path in messages, and its text.
pub type DataFile = (String, String);

/// Policies and data of the command line.
#[derive(Default)]
pub struct Added {
    /// Policies that the command line names.
    pub files: Vec<PolicyFile>,
    /// Data that the command line names.
    pub data: Vec<DataFile>,
}

/// Loads and compiles every policy that the configuration of a repo or the command line names.
/// `now` is the time for policies, in nanoseconds since 1970.
///
/// # Errors
/// Everything that is missing, cannot be read or does not compile.
pub fn load(
    source: &dyn Source,
    config: &Config,
    added: Added,
    namespaces: Namespaces,
    now: i128,
) -> Result<Policies, Vec<PolicyProblem>> {
    let mut loader = Loader {
        source,
        files: added.files,
        problems: Vec::new(),
    };
    for entry in &config.policies {
        loader.policy(entry);
    }
    let mut documents = Vec::new();
    for (path, text) in &added.data {
        documents.extend(loader.documents(path, text));
    }
    for path in &config.data {
        if let Some(text) = loader.read(path.trim_start_matches("./")) {
            documents.extend(loader.documents(path, &text));
        }
    }
    if !loader.problems.is_empty() {
        return Err(loader.problems);
    }
    Policies::compile(loader.files, documents, namespaces, now, false)
}

/// Collects the files, and everything that is wrong with them.
struct Loader<'s> {
    source: &'s dyn Source,
    files: Vec<PolicyFile>,
    problems: Vec<PolicyProblem>,
}

impl Loader<'_> {
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(PolicyProblem::new(path, message));
    }

    /// An entry of `policies` in the configuration: `builtin/NAME`, a file or a folder.
    fn policy(&mut self, entry: &str) {
        if let Some(name) = entry.strip_prefix("builtin/") {
            self.built_in(entry, name);
            return;
        }
        let path = entry.trim_end_matches('/').trim_start_matches("./");
        match self.source.kind(path) {
            None => self.refuse(entry, "no such file or folder"),
            Some(EntryKind::File) => self.file(path),
            Some(EntryKind::Directory) => self.folder(entry, path),
        }
    }

    fn built_in(&mut self, entry: &str, name: &str) {
        match built_in(name) {
            Ok(text) => self.files.push(PolicyFile {
                path: entry.to_string(),
                text: text.into(),
            }),
            Err(unknown) => self.refuse(entry, unknown.to_string()),
        }
    }

    fn folder(&mut self, entry: &str, path: &str) {
        let prefix = format!("{path}/");
        let is_policy = |file: &&Arc<str>| file.starts_with(&prefix) && file.ends_with(".rego");
        let below: Vec<&Arc<str>> = self.source.files().iter().filter(is_policy).collect();
        if below.is_empty() {
            self.refuse(entry, "the folder has no .rego file");
        }
        for file in below {
            self.file(file);
        }
    }

    fn file(&mut self, path: &str) {
        if let Some(text) = self.read(path) {
            self.files.push(PolicyFile {
                path: path.to_string(),
                text: text.into(),
            });
        }
    }

    fn read(&mut self, path: &str) -> Option<String> {
        let bytes = match self.source.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.refuse(path, error.to_string());
                return None;
            }
        };
        let text = String::from_utf8(bytes.to_vec());
        if text.is_err() {
            self.refuse(path, "the file is not UTF-8");
        }
        text.ok()
    }

    /// The documents of a data file, YAML or JSON.
    fn documents(&mut self, path: &str, text: &str) -> Vec<serde_json::Value> {
        match read::read(text, FileId(0)) {
            Ok(read) => {
                let filled = read.documents.iter().filter(|node| !node.is_null());
                filled.map(write::to_json).collect()
            }
            Err(error) => {
                let before = text.get(..error.origin.start as usize);
                let line = before.map_or(1, |before| before.matches('\n').count() + 1);
                self.refuse(path, format!("line {line}: {}", error.message));
                Vec::new()
            }
        }
    }
}
