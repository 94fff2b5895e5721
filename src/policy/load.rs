//! Finds policies and their data: those of the configuration, of the command line, and built-in
//! ones.

use std::sync::Arc;

use super::admission::is_policy_text;
use super::built_in::built_in;
use super::{Options, Policies, PolicyFile, PolicyProblem, opa};
use crate::config::Config;
use crate::source::{EntryKind, Source, is_below};
use crate::yaml::{FileId, Node, read, write};

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
///
/// # Errors
/// Everything that is missing, cannot be read or does not compile.
pub fn load(
    source: &dyn Source,
    config: &Config,
    added: Added,
    options: &Options,
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
    for entry in &config.data {
        for path in loader.data_files(entry) {
            if let Some(text) = loader.read(&path) {
                documents.extend(loader.documents(&path, &text));
            }
        }
    }
    if !loader.problems.is_empty() {
        return Err(loader.problems);
    }
    Policies::compile(loader.files, documents, options)
}

/// Compiles policies whose tests are run, with the data that the command line names.
///
/// # Errors
/// Everything that cannot be read or does not compile.
pub fn load_tests(
    files: Vec<PolicyFile>,
    data: Vec<DataFile>,
    options: &Options,
) -> Result<Policies, Vec<PolicyProblem>> {
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    for (path, text) in &data {
        match documents_of(path, text) {
            Ok(found) => documents.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Policies::compile_tests(files, documents, options)
}

/// True for the names of files that hold data: YAML and JSON.
pub fn is_data_file(path: &str) -> bool {
    [".json", ".yaml", ".yml"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// The documents of a data file, YAML or JSON.
fn documents_of(path: &str, text: &str) -> Result<Vec<serde_json::Value>, PolicyProblem> {
    match read::read(text, FileId(0)) {
        Ok(read) => {
            let filled = read.documents.iter().filter(|node| !node.is_null());
            Ok(filled.map(write::to_json).collect())
        }
        Err(error) => {
            let before = text.get(..error.origin.start as usize);
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            Err(PolicyProblem::new(
                path,
                format!("line {line}: {}", error.message),
            ))
        }
    }
}

/// True for a file of policies without a rule, and for a file of data without a value. A file of
/// data that cannot be parsed is not empty: evaluating the policies reports it.
pub(crate) fn is_empty(path: &str, text: &str) -> bool {
    if path.ends_with(".rego") {
        return opa::has_no_rule(text);
    }
    read::read(text, FileId(0)).is_ok_and(|read| read.documents.iter().all(holds_nothing))
}

fn holds_nothing(node: &Node) -> bool {
    let values = || node.entries().iter().map(|entry| &entry.value);
    match (node.as_map(), node.as_list()) {
        (None, None) => node.is_null(),
        _ => values().chain(node.items()).all(holds_nothing),
    }
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
        match self.source.kind(entry) {
            None => self.refuse(entry, "no such file or folder"),
            Some(EntryKind::File) => self.file(entry),
            Some(EntryKind::Directory) => self.folder(entry),
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

    fn folder(&mut self, entry: &str) {
        let is_policy = |file: &&Arc<str>| {
            is_below(file, entry) && (file.ends_with(".rego") || self.is_admission_policy(file))
        };
        let below: Vec<&Arc<str>> = self.source.files().iter().filter(is_policy).collect();
        if below.is_empty() {
            self.refuse(entry, "the folder has no policy");
        }
        for file in below {
            self.file(file);
        }
    }

    /// True for a YAML file with policies of an admission controller.
    fn is_admission_policy(&self, path: &str) -> bool {
        let is_policy = |bytes: Arc<[u8]>| std::str::from_utf8(&bytes).is_ok_and(is_policy_text);
        is_data_file(path) && self.source.read(path).is_ok_and(is_policy)
    }

    /// An entry of `data` in the configuration: a file, or the data files of a folder.
    fn data_files(&mut self, entry: &str) -> Vec<String> {
        if self.source.kind(entry) != Some(EntryKind::Directory) {
            return vec![entry.to_string()];
        }
        let is_data = |file: &&Arc<str>| is_below(file, entry) && is_data_file(file);
        let below = self.source.files().iter().filter(is_data);
        let below: Vec<String> = below.map(|file| file.to_string()).collect();
        if below.is_empty() {
            self.refuse(entry, "the folder has no JSON or YAML file");
        }
        below
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

    fn documents(&mut self, path: &str, text: &str) -> Vec<serde_json::Value> {
        documents_of(path, text).unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_rules_or_values_is_empty() {
        for (path, text) in [
            ("a.json", "{\n}\n"),
            ("a.json", "[\n]\n"),
            ("a.yaml", "key:\n"),
            ("a.yaml", "# nothing\n---\n"),
            ("a.yaml", "limits: {cpu: , memory: []}\n"),
            ("a.yaml", ""),
            ("a.rego", "package main\nimport rego.v1\n# deny\n"),
            ("a.rego", ""),
        ] {
            assert!(is_empty(path, text), "{text}");
        }
        for (path, text) in [
            ("a.json", "{\n\"a\": 0\n}\n"),
            ("a.yaml", "key: ''\n"),
            ("a.yaml", "a: {\n"),
            ("a.rego", "package main\ndefault allow := false\n"),
        ] {
            assert!(!is_empty(path, text), "{text}");
        }
    }
}
