//! Finding policies and their data: what the configuration names in the repo, built-in ones, and
//! what the command line adds.

use std::sync::Arc;

use super::{Namespaces, Policies, PolicyFile, PolicyProblem, built_in};
use crate::config::Config;
use crate::names::nearest;
use crate::source::{EntryKind, Source};
use crate::yaml::{FileId, read, write};

/// A file of data: how it is shown, and its text.
pub type DataFile = (String, String);

/// Loads and compiles every policy of a repo. `files` and `data` come from the command line.
///
/// # Errors
/// Everything that is missing, cannot be read or does not compile.
pub fn load(
    source: &dyn Source,
    config: &Config,
    mut files: Vec<PolicyFile>,
    mut data: Vec<DataFile>,
    namespaces: Namespaces,
    now: i128,
) -> Result<Policies, Vec<PolicyProblem>> {
    let mut problems = Vec::new();
    let text_of = |path: &str, problems: &mut Vec<PolicyProblem>| {
        let bytes = source.read(path).map_err(|error| error.to_string());
        let text = bytes.and_then(|bytes| {
            String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8".to_string())
        });
        text.map_err(|message| {
            problems.push(PolicyProblem {
                path: path.to_string(),
                message,
            })
        })
        .ok()
    };
    for entry in &config.policies {
        if let Some(name) = entry.strip_prefix("builtin/") {
            match built_in(name) {
                Ok(text) => files.push(PolicyFile {
                    path: entry.clone(),
                    text: text.into(),
                }),
                Err(known) => {
                    let meant = nearest(name, &known).map_or_else(
                        || known.join(", "),
                        |meant| format!("did you mean builtin/{meant}?"),
                    );
                    problems.push(PolicyProblem {
                        path: entry.clone(),
                        message: format!("there is no such built-in policy; {meant}"),
                    });
                }
            }
            continue;
        }
        let path = entry.trim_end_matches('/').trim_start_matches("./");
        match source.kind(path) {
            None => problems.push(PolicyProblem {
                path: entry.clone(),
                message: "there is no such file or folder".to_string(),
            }),
            Some(EntryKind::File) => {
                files.extend(text_of(path, &mut problems).map(|text| PolicyFile {
                    path: path.to_string(),
                    text: text.into(),
                }));
            }
            Some(EntryKind::Directory) => {
                let prefix = format!("{path}/");
                let below: Vec<&Arc<str>> = source
                    .files()
                    .iter()
                    .filter(|file| file.starts_with(&prefix) && file.ends_with(".rego"))
                    .collect();
                if below.is_empty() {
                    problems.push(PolicyProblem {
                        path: entry.clone(),
                        message: "the folder has no .rego file".to_string(),
                    });
                }
                for file in below {
                    files.extend(text_of(file, &mut problems).map(|text| PolicyFile {
                        path: file.to_string(),
                        text: text.into(),
                    }));
                }
            }
        }
    }
    for path in &config.data {
        data.extend(
            text_of(path.trim_start_matches("./"), &mut problems).map(|text| (path.clone(), text)),
        );
    }
    let mut documents = Vec::new();
    for (path, text) in data {
        match read::read(&text, FileId(0)) {
            Ok(read) => documents.extend(
                read.documents
                    .iter()
                    .filter(|document| !document.is_null())
                    .map(write::to_json),
            ),
            Err(error) => {
                let line = text
                    .get(..error.origin.start as usize)
                    .map_or(1, |before| before.matches('\n').count() + 1);
                problems.push(PolicyProblem {
                    path,
                    message: format!("line {line}: {}", error.message),
                });
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Policies::compile(files, documents, namespaces, now, false)
}
