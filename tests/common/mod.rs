//! What tests of whole checks share: trees of files in memory, the configuration of one, and what a
//! check is told of a change besides its files: who made it, and what the base ran before.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_lint::config::Config;
use gitops_lint::history::{self, Authorship, Contribution, Proofs};
use gitops_lint::repo::{Overlay, Repo};
use gitops_lint::rules;
use gitops_lint::source::Files;
use gitops_lint::source::git::{Commit, Person};
use gitops_lint::source::memory::Memory;
use gitops_lint::yaml::FileId;
use gitops_lint::yaml::read::read;

/// The file of the configuration.
pub const CONFIG_FILE: &str = ".gitops-lint.yaml";

/// Paths and texts.
pub type Tree = BTreeMap<String, String>;

/// A path below `testdata`.
pub fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(path)
}

/// The files below a folder.
pub fn tree(root: &Path) -> Tree {
    let (mut tree, mut folders) = (Tree::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                tree.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    tree
}

/// A tree as a source.
pub fn memory(tree: &Tree) -> Memory {
    Memory::new(
        tree.iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    )
}

/// The configuration of a tree; its file is read first, as the command does.
pub fn configuration(text: Option<&str>, files: &Files) -> Config {
    text.map_or_else(Config::default, |text| {
        load_configuration(text, files.add(CONFIG_FILE, None, text.into()))
    })
}

/// The configuration in a file that was read.
pub fn load_configuration(text: &str, file: FileId) -> Config {
    Config::load(&read(text, file).unwrap(), &rules::known())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A moment in UTC.
pub fn time(text: &str) -> jiff::ZonedDateTime {
    let moment: jiff::Timestamp = text.parse().unwrap();
    moment.to_zoned_datetime(jiff::tz::TimeZone::UTC)
}

/// A past in which the overlays of a base ran their digests since a moment, in seconds since 1970.
pub struct Since<'a>(pub &'a Repo, pub i64);

impl Proofs for Since<'_> {
    fn since(&self, overlay: &Overlay, digest: &str) -> Vec<(String, i64)> {
        let images = self
            .0
            .same(overlay)
            .map(|overlay| history::images(&overlay.rendered, &self.0.files))
            .unwrap_or_default();
        let ran = images.into_iter().filter(|(_, versions)| {
            versions
                .iter()
                .any(|version| version.digest.as_deref() == Some(digest))
        });
        ran.map(|(name, _)| (name, self.1)).collect()
    }
    fn gap(&self, _overlay: &Overlay) -> Option<String> {
        None
    }
}

/// A change of one commit that touches every file of a tree. `author` is `Name <email>`, with the
/// commit's message below it.
pub fn authorship(author: &str, paths: impl IntoIterator<Item = String>) -> Authorship {
    let (author, message) = author.split_once('\n').unwrap_or((author, ""));
    let (name, email) = author
        .trim()
        .trim_end_matches('>')
        .split_once(" <")
        .expect("an author is written Name <email>");
    let person = Person {
        name: name.to_string(),
        email: email.to_string(),
    };
    let id = [0x5a; 20];
    let commit = Commit {
        id,
        tree: id,
        parents: vec![id],
        author: person.clone(),
        committer: person,
        time: 0,
        message: message.to_string(),
    };
    Authorship {
        actors: Vec::new(),
        commits: vec![Contribution {
            commit,
            paths: paths.into_iter().collect(),
        }],
    }
}
