//! The submodules that `.gitmodules` declares, each with the line that names its folder.
//!
//! Not here: the commit of a submodule, which is only in the tree of Git.

use std::sync::Arc;

use crate::source::{EntryKind, Files, Source};
use crate::yaml::{By, FileId, Origin};

const FILE: &str = ".gitmodules";

/// A folder that Git fills from another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// The folder, relative to the root of the repo.
    pub path: String,
    /// The line `path = vendor/platform`.
    pub origin: Origin,
}

/// Reads `.gitmodules`; without the file there are no submodules.
pub(super) fn find(source: &dyn Source, files: &Files) -> Vec<Submodule> {
    if source.kind(FILE) != Some(EntryKind::File) {
        return Vec::new();
    }
    let Ok(bytes) = source.read(FILE) else {
        return Vec::new();
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Vec::new();
    };
    let file = files.add(FILE, source.revision_of(FILE).as_deref(), Arc::from(text));
    declared(text, file)
}

fn declared(text: &str, file: FileId) -> Vec<Submodule> {
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let start = line_start + line.len() - line.trim_start().len();
        line_start += line.len();
        let line = line.trim();
        let path = line
            .strip_prefix("path")
            .and_then(|rest| rest.trim_start().strip_prefix('='));
        found.extend(path.map(|path| Submodule {
            path: path.trim().trim_matches('"').to_string(),
            origin: Origin {
                file,
                start: start as u32,
                end: (start + line.len()) as u32,
                by: By::Manifest,
            },
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_path_is_found() {
        let text = "[submodule \"platform\"]\n\tpath = vendor/platform\n\turl = ../platform\n[submodule \"charts\"]\n\tpath=\"my charts\"\n";
        let found = declared(text, FileId(0));
        let shown: Vec<(&str, &str)> = found
            .iter()
            .map(|submodule| {
                let span = submodule.origin.start as usize..submodule.origin.end as usize;
                (submodule.path.as_str(), &text[span])
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("vendor/platform", "path = vendor/platform"),
                ("my charts", "path=\"my charts\"")
            ]
        );
    }
}
