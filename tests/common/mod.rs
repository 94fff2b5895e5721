//! Shared by the tests of whole checks: trees of files in memory, their configuration, and facts
//! about a change that are not in its files (its author, and the builds that ran before).

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_lint::config::Config;
use gitops_lint::history::{self, Authorship, Contribution, Proofs, VersionKey};
use gitops_lint::repo::{Overlay, Repo};
use gitops_lint::rules;
use gitops_lint::source::Files;
use gitops_lint::source::git::{Commit, Person};
use gitops_lint::source::memory::Memory;
use gitops_lint::yaml::FileId;
use gitops_lint::yaml::read::read;

/// Path of the configuration file.
pub(crate) const CONFIG_FILE: &str = ".gitops-lint.yaml";

/// Each file: its path and its text.
pub(crate) type Tree = BTreeMap<String, String>;

/// A path below `testdata`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(path)
}

/// The files below a folder.
pub(crate) fn tree(root: &Path) -> Tree {
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
pub(crate) fn memory(tree: &Tree) -> Memory {
    Memory::new(
        tree.iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    )
}

/// The configuration of a tree. Its file is read first, as the command does.
pub(crate) fn configuration(text: Option<&str>, files: &Files) -> Config {
    text.map_or_else(Config::default, |text| {
        load_configuration(text, files.add(CONFIG_FILE, None, text.into()))
    })
}

/// Parses a configuration file.
pub(crate) fn load_configuration(text: &str, file: FileId) -> Config {
    Config::load(&read(text, file).unwrap(), &rules::known())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A moment in UTC.
pub(crate) fn time(text: &str) -> jiff::ZonedDateTime {
    let moment: jiff::Timestamp = text.parse().unwrap();
    moment.to_zoned_datetime(jiff::tz::TimeZone::UTC)
}

/// A past in which the overlays of the base have run their digests since a moment (in seconds since
/// 1970).
pub(crate) struct Since<'a>(pub &'a Repo, pub i64, pub Vec<Replaced>);

/// A line of `ran.txt`: an overlay ran a version, by its key, until a commit replaced it.
#[derive(Clone)]
pub(crate) struct Replaced {
    pub overlay: String,
    pub name: String,
    pub version: String,
}

impl Since<'_> {
    fn replaced(&self, overlay: &Overlay, version: &VersionKey) -> impl Iterator<Item = &Replaced> {
        let (path, version) = (overlay.path.clone(), version.to_string());
        self.2
            .iter()
            .filter(move |one| one.overlay == path && one.version == version)
    }
}

impl Proofs for Since<'_> {
    fn since(&self, overlay: &Overlay, digest: &VersionKey) -> Vec<(String, i64)> {
        let images = self
            .0
            .same(overlay)
            .map(|overlay| history::images(&overlay.rendered, self.0))
            .unwrap_or_default();
        let ran = images.into_iter().filter(|(name, versions)| {
            let mut keys = versions.iter().map(|version| VersionKey::of(name, version));
            keys.any(|key| key == *digest)
        });
        let replaced = self.replaced(overlay, digest);
        ran.map(|(name, _)| name)
            .chain(replaced.map(|one| one.name.clone()))
            .map(|name| (name, self.1))
            .collect()
    }
    fn replaced_by(
        &self,
        overlay: &Overlay,
        version: &VersionKey,
        fits: &dyn Fn(&str) -> bool,
    ) -> Option<[u8; 20]> {
        let mut replaced = self.replaced(overlay, version);
        replaced.any(|one| fits(&one.name)).then_some([0x5a; 20])
    }
    fn gap(&self, _overlay: &Overlay) -> Option<gitops_lint::history::Gap> {
        None
    }
}

/// A change with one commit that touches all `paths`. `author` is `Name <email>`, with the message
/// of the commit on the lines below.
pub(crate) fn authorship(author: &str, paths: impl IntoIterator<Item = String>) -> Authorship {
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
        ..Authorship::default()
    }
}
