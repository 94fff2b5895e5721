//! Text files that hold a small tree of files, so that you can read a case from top to bottom:
//!
//! ```text
//! What the case shows.
//!
//! -- top/kustomization.yaml --
//! resources: [web.yaml]
//! -- top/web.yaml --
//! …
//! ```

use std::path::{Path, PathBuf};

/// A tree of files in one text file.
pub(crate) struct Archive {
    /// The text before the first file.
    pub comment: String,
    /// Each file: its path and its text.
    pub files: Vec<(String, String)>,
}

impl Archive {
    /// Parses the format above.
    pub(crate) fn read(path: &Path) -> Archive {
        let text = std::fs::read_to_string(path).unwrap();
        let mut archive = Archive {
            comment: String::new(),
            files: Vec::new(),
        };
        for line in text.split_inclusive('\n') {
            let name = line
                .trim_end()
                .strip_prefix("-- ")
                .and_then(|rest| rest.strip_suffix(" --"));
            match (name, archive.files.last_mut()) {
                (Some(name), _) => archive.files.push((name.to_string(), String::new())),
                (None, Some((_, text))) => text.push_str(line),
                (None, None) => archive.comment.push_str(line),
            }
        }
        archive
    }
    /// The files, without the sections that hold expectations (their names have no dot: `output`).
    pub(crate) fn tree(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(name, _)| name.contains('.'))
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }
    /// The folder to render: `top` if it exists, otherwise the root.
    pub(crate) fn folder(&self) -> &'static str {
        if self.tree().any(|(path, _)| path.starts_with("top/")) {
            "top"
        } else {
            ""
        }
    }
}

/// The archives below a folder of `testdata`, in order.
pub(crate) fn all(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}
