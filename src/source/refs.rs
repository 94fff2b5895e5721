//! Other branches and tags of the repository as folders of one tree. The folder
//! `environment/staging:` is the root of the branch `environment/staging`, so that a path such as
//! `environment/staging:/apps/web` is read like any other. The name of a ref has no colon.
//!
//! Here: finding the refs ([`Refs`]) and the tree ([`WithRefs`]). Not here: which refs agents read
//! (`repo`).

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::git::{Commit, GitTree, Repository};
use super::memory::Memory;
use super::{Source, SourceError, Withheld, lock};

/// The folder of a ref.
pub fn root_of(name: &str) -> String {
    format!("{name}:")
}

/// The folder of the ref that a path is in, and the path there. The folder is empty for a path of
/// the tree itself.
pub fn split(path: &str) -> (&str, &str) {
    if let Some(at) = path.find(":/") {
        let (root, rest) = path.split_at(at + 1);
        return (root, rest.trim_start_matches('/'));
    }
    match path.ends_with(':') {
        true => (path, ""),
        false => ("", path),
    }
}

/// A path in a ref. `root` is the ref's folder, or empty.
pub fn within(root: &str, path: &str) -> String {
    match (root, path) {
        ("", path) => path.to_string(),
        (root, "") => root.to_string(),
        (root, path) => format!("{root}/{path}"),
    }
}

/// The refs of the repository that a tree is from.
pub struct Refs {
    root: PathBuf,
    /// Opened when it is needed.
    repository: OnceLock<Option<Arc<Repository>>>,
    target: Option<String>,
    trees: Mutex<HashMap<String, Option<Arc<GitTree>>>>,
}

impl Refs {
    /// The refs of the repository around a folder. `target`: the branch that the change under check
    /// goes to, if it is known.
    pub fn new(root: &Path, target: Option<String>) -> Refs {
        Refs {
            root: root.to_path_buf(),
            repository: OnceLock::new(),
            target,
            trees: Mutex::default(),
        }
    }

    /// The repository; `None` if there is none.
    pub fn repository(&self) -> Option<&Arc<Repository>> {
        let open = || Repository::open(&self.root).ok().map(Arc::new);
        self.repository.get_or_init(open).as_ref()
    }

    /// The branch that the change under check goes to.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The branch that the tree under check is, as far as it is known: the one that the change goes
    /// to, or else the one that is checked out.
    pub fn here(&self) -> Option<String> {
        let current = || self.repository()?.current_branch();
        self.target.clone().or_else(current)
    }

    /// The names of all branches.
    pub fn branches(&self) -> BTreeSet<String> {
        let repository = self.repository();
        repository.map_or_else(BTreeSet::new, |repository| repository.branches())
    }

    /// The commit that a ref leads to; `None` if the clone lacks it.
    pub fn commit(&self, name: &str) -> Option<Commit> {
        self.repository()?.reference(name)
    }

    /// The files of a ref; `None` if the clone lacks it.
    pub fn tree(&self, name: &str) -> Option<Arc<GitTree>> {
        if let Some(known) = lock(&self.trees).get(name) {
            return known.clone();
        }
        let tree = self.commit(name).and_then(|commit| {
            let repository = self.repository()?;
            Some(Arc::new(repository.tree(&commit)))
        });
        lock(&self.trees).insert(name.to_string(), tree.clone());
        tree
    }
}

/// A tree with some refs as folders.
pub struct WithRefs {
    main: Arc<dyn Source>,
    refs: Arc<Refs>,
    mounted: Vec<Mounted>,
    /// All files, if there are mounted refs.
    files: Vec<Arc<str>>,
}

struct Mounted {
    /// The revision of its files in locations; `None` for that which the tree tells.
    name: Option<Arc<str>>,
    root: String,
    tree: Arc<dyn Source>,
}

impl WithRefs {
    /// The tree without other refs.
    pub fn none(main: Arc<dyn Source>, refs: Arc<Refs>) -> WithRefs {
        WithRefs::new(main, refs, Vec::new())
    }

    /// The tree with the files of some refs.
    pub fn new(
        main: Arc<dyn Source>,
        refs: Arc<Refs>,
        mounted: Vec<(String, Arc<dyn Source>)>,
    ) -> WithRefs {
        let mounted: Vec<Mounted> = mounted
            .into_iter()
            .map(|(name, tree)| Mounted {
                root: root_of(&name),
                name: Some(Arc::from(name)),
                tree,
            })
            .collect();
        let mut files: Vec<Arc<str>> = Vec::new();
        for one in &mounted {
            let inside = one.tree.files().iter();
            files.extend(inside.map(|path| Arc::from(within(&one.root, path))));
        }
        if !mounted.is_empty() {
            files.extend(main.files().iter().cloned());
            files.sort();
            files.dedup();
        }
        WithRefs {
            main,
            refs,
            mounted,
            files,
        }
    }

    /// Only the folder of a ref, with the files of an earlier commit of it.
    pub fn earlier(root: &str, tree: Arc<dyn Source>, refs: Arc<Refs>) -> WithRefs {
        let name = root.trim_end_matches(':').to_string();
        let mut only = WithRefs::new(Arc::new(Memory::default()), refs, vec![(name, tree)]);
        // a file that is the same in many commits has one name, which the tree tells
        only.mounted.iter_mut().for_each(|one| one.name = None);
        only
    }

    fn mounted(&self, path: &str) -> Option<&Mounted> {
        let (root, _) = split(path);
        let mut mounted = self.mounted.iter().filter(|_| !root.is_empty());
        mounted.find(|one| one.root == root)
    }

    /// The tree that has a path, and the path there.
    fn side<'p>(&self, path: &'p str) -> (&dyn Source, &'p str) {
        match self.mounted(path) {
            Some(one) => (&*one.tree, split(path).1),
            None => (&*self.main, path),
        }
    }
}

impl Source for WithRefs {
    fn files(&self) -> &[Arc<str>] {
        match self.mounted.is_empty() {
            true => self.main.files(),
            false => &self.files,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let (side, path) = self.side(path);
        side.read(path)
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let (side, path) = self.side(path);
        side.content_id(path)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        match self.mounted(path) {
            Some(one) => {
                let real = one.tree.resolve(split(path).1)?;
                Ok(within(&one.root, &real))
            }
            None => self.main.resolve(path),
        }
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        let (side, path) = self.side(path);
        side.link(path)
    }

    fn has_links(&self) -> bool {
        self.main.has_links() || self.mounted.iter().any(|one| one.tree.has_links())
    }

    fn revision(&self) -> Option<&str> {
        self.main.revision()
    }

    fn revision_of(&self, path: &str) -> Option<Arc<str>> {
        match self.mounted(path) {
            Some(one) => {
                let own = || one.tree.revision_of(split(path).1);
                one.name.clone().or_else(own)
            }
            None => self.main.revision_of(path),
        }
    }

    fn withheld(&self, path: &str) -> Option<Withheld> {
        let (side, path) = self.side(path);
        side.withheld(path)
    }

    fn unreadable(&self) -> Vec<(String, String)> {
        let inside = self.mounted.iter().flat_map(|one| {
            let unreadable = one.tree.unreadable().into_iter();
            unreadable.map(|(path, reason)| (within(&one.root, &path), reason))
        });
        self.main.unreadable().into_iter().chain(inside).collect()
    }

    fn remotes(&self) -> Vec<String> {
        self.main.remotes()
    }

    fn refs(&self) -> Option<&Arc<Refs>> {
        Some(&self.refs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::EntryKind;
    use crate::source::join;

    #[test]
    fn a_ref_is_a_folder_that_nothing_leaves() {
        let main = Arc::new(Memory::new([("apps/web/a.yaml", "main")]));
        let other = Arc::new(Memory::new([("apps/web/a.yaml", "other"), ("b.yaml", "")]));
        let refs = Arc::new(Refs::new(Path::new("/nowhere"), None));
        let tree = WithRefs::new(main, refs, vec![("env/staging".to_string(), other)]);
        let paths: Vec<&str> = tree.files().iter().map(|path| &**path).collect();
        assert_eq!(
            paths,
            [
                "apps/web/a.yaml",
                "env/staging:/apps/web/a.yaml",
                "env/staging:/b.yaml"
            ]
        );
        assert_eq!(&*tree.read("apps/web/a.yaml").unwrap(), b"main");
        assert_eq!(
            &*tree.read("env/staging:/apps/web/a.yaml").unwrap(),
            b"other"
        );
        assert_eq!(tree.kind("env/staging:"), Some(EntryKind::Directory));
        assert_eq!(
            tree.revision_of("env/staging:/b.yaml"),
            Some("env/staging".into())
        );
        assert_eq!(
            join("env/staging:/apps", "../b.yaml"),
            Some("env/staging:/b.yaml".into())
        );
        assert_eq!(join("env/staging:/apps", "../../x"), None);
        assert_eq!(split("env/staging:/apps/web"), ("env/staging:", "apps/web"));
        assert_eq!(split("env/staging:"), ("env/staging:", ""));
        assert_eq!(split("apps/web"), ("", "apps/web"));
    }
}
