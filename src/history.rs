//! What environments ran before, from Git alone: the changes of the images that overlays render, along the first parents of a
//! branch, newest first.
//!
//! Here: walking commits, rendering overlays again only where a commit touched a file that they read, renamed folders.
//! Not here: which images must have been where (`rules`), tables (`cli`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::kubernetes::image::Image;
use crate::kubernetes::workload;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{RenderOptions, Rendered, Renderer};
use crate::repo::{Overlay, Repo};
use crate::source::git::{ChangedPath, Commit, GitError, Repository, blob_id};
use crate::source::{Files, Source};

/// What of an image changes with a promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The tag, without `:`.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

impl Version {
    /// Whether two versions are the same build for all that the repo tells: by digest where both have one, else by tag.
    pub fn same(&self, other: &Version) -> bool {
        match (&self.digest, &other.digest) {
            (Some(one), Some(other)) => one == other,
            _ => self.tag == other.tag,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => write!(formatter, "{tag}@{digest}"),
            (Some(tag), None) => formatter.write_str(tag),
            (None, Some(digest)) => formatter.write_str(digest),
            (None, None) => formatter.write_str("latest"),
        }
    }
}

/// The images of an overlay: name without tag and digest, and the versions that run (one, as a rule).
pub type Images = BTreeMap<String, BTreeSet<Version>>;

/// The images that the containers of an overlay run.
pub fn images(rendered: &Rendered) -> Images {
    let mut found = Images::new();
    for resource in &rendered.resources {
        for workload in workload::of(resource) {
            for image in workload.containers.iter().filter_map(|container| container.image()?.text()) {
                let image = Image::split(image);
                let version = Version { tag: image.tag.map(str::to_string), digest: image.digest.map(str::to_string) };
                found.entry(image.name.to_string()).or_default().insert(version);
            }
        }
    }
    found
}

/// A commit of the change under check, and what it touched.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// The commit.
    pub commit: Commit,
    /// The paths that it changed.
    pub paths: BTreeSet<String>,
}

/// The commits after `base` up to `head`. A merge brings what others wrote, so it is not one of them.
pub fn contributions(repository: &Repository, base: &Commit, head: &Commit) -> Result<Vec<Contribution>, GitError> {
    let mut found = Vec::new();
    for commit in repository.commits_between(&base.id, &head.id)? {
        let [parent] = &commit.parents[..] else { continue };
        let parent = repository.commit(parent)?;
        let paths = repository.changed_paths(&parent.tree, &commit.tree)?.into_iter().map(|change| change.path).collect();
        found.push(Contribution { commit, paths });
    }
    Ok(found)
}

/// A commit that changed the images of an overlay.
#[derive(Clone, Debug)]
pub struct Change {
    /// Index into [`Repo::overlays`] of the head.
    pub overlay: usize,
    /// The commit; `None` for what is not committed yet.
    pub commit: Option<Arc<Commit>>,
    /// The images before it.
    pub before: Images,
    /// The images after it.
    pub after: Images,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything that was asked for was found.
    Answered,
    /// The first commit was reached.
    Complete,
    /// The clone does not go back further: the reason.
    Truncated(String),
}

/// An overlay on its way back in time.
struct Tracked {
    overlay: usize,
    path: String,
    files: BTreeSet<String>,
    images: Images,
    done: bool,
}

/// Walks the history of a branch.
pub struct Walk<'a> {
    repository: &'a Arc<Repository>,
    config: &'a Config,
    root: Option<PathBuf>,
    tracked: Vec<Tracked>,
    readers: HashMap<String, BTreeSet<usize>>,
}

impl<'a> Walk<'a> {
    /// A walk for some overlays of a loaded head. `root` is where the tree lies on disk.
    pub fn new(repository: &'a Arc<Repository>, config: &'a Config, repo: &Repo, root: Option<PathBuf>, overlays: &[usize]) -> Walk<'a> {
        let mut walk = Walk { repository, config, root, tracked: Vec::new(), readers: HashMap::new() };
        for index in overlays {
            let Some(overlay) = repo.overlays.get(*index) else { continue };
            let files = paths(&overlay.rendered, &repo.files);
            walk.track(Tracked { overlay: *index, path: overlay.path.clone(), files, images: images(&overlay.rendered), done: false });
        }
        walk
    }

    fn track(&mut self, tracked: Tracked) {
        let number = self.tracked.len();
        for file in &tracked.files {
            self.readers.entry(file.clone()).or_default().insert(number);
        }
        self.tracked.push(tracked);
    }

    /// Goes back from `head`. `see` is told each change, newest first, and says whether the overlay's past is still of interest.
    /// `repo` is the head as loaded: where it is a work tree, what is not committed is the first change.
    pub fn run(&mut self, repo: &Repo, head: &Commit, see: &mut dyn FnMut(Change) -> bool) -> End {
        if repo.source.revision().is_none() {
            let dirty = self.dirty(repo, head);
            self.step(head, &[], &dirty, None, see);
        }
        let mut commits = self.repository.first_parents(&head.id);
        let Some(Ok(mut commit)) = commits.next() else { return End::Truncated("the head cannot be read".to_string()) };
        loop {
            if self.tracked.iter().all(|tracked| tracked.done) {
                return End::Answered;
            }
            let parent = match commits.next() {
                None => {
                    let commit = Arc::new(commit);
                    for tracked in self.tracked.iter_mut().filter(|tracked| !tracked.done) {
                        let after = std::mem::take(&mut tracked.images);
                        tracked.done = true;
                        see(Change { overlay: tracked.overlay, commit: Some(commit.clone()), before: Images::new(), after });
                    }
                    return End::Complete;
                }
                Some(Err(GitError::MissingObject(_))) => {
                    return End::Truncated("the clone is shallow: fetch all of it (fetch-depth: 0, or git fetch --unshallow)".to_string());
                }
                Some(Err(error)) => return End::Truncated(error.to_string()),
                Some(Ok(parent)) => parent,
            };
            match self.repository.changed_paths(&parent.tree, &commit.tree) {
                Err(error) => return End::Truncated(error.to_string()),
                Ok(changed) => {
                    let touched: BTreeSet<usize> =
                        changed.iter().filter_map(|change| self.readers.get(&change.path)).flatten().copied().collect();
                    let touched: Vec<usize> = touched.into_iter().collect();
                    let newer = Arc::new(commit);
                    self.step(&parent, &changed, &touched, Some(&newer), see);
                }
            }
            commit = parent;
        }
    }

    /// The overlays of a work tree that differ from the head in a file that they read.
    fn dirty(&self, repo: &Repo, head: &Commit) -> Vec<usize> {
        let tree = self.repository.tree(head);
        let mut differs: HashMap<String, bool> = HashMap::new();
        for (_, file) in repo.files.all().iter().filter(|(_, file)| file.revision.is_none()) {
            let same = tree.content_id(&file.path) == Some(blob_id(file.text.as_bytes()));
            differs.insert(file.path.to_string(), !same);
        }
        let number = |(number, tracked): (usize, &Tracked)| {
            tracked.files.iter().any(|file| differs.get(file).copied().unwrap_or(false)).then_some(number)
        };
        self.tracked.iter().enumerate().filter_map(number).collect()
    }

    /// Renders what was touched at an earlier commit and tells what changed since. `newer` is the commit that made the change.
    fn step(
        &mut self,
        earlier: &Commit,
        changed: &[ChangedPath],
        touched: &[usize],
        newer: Option<&Arc<Commit>>,
        see: &mut dyn FnMut(Change) -> bool,
    ) {
        if touched.is_empty() {
            return;
        }
        let source: Arc<dyn Source> = Arc::new(self.repository.tree(earlier));
        let files = Arc::new(Files::default());
        let options = RenderOptions { remotes: self.config.remotes.clone(), root: self.root.clone(), ..RenderOptions::default() };
        let renderer = Renderer::new(source, files.clone(), options);
        for number in touched {
            let Some(tracked) = self.tracked.get_mut(*number).filter(|tracked| !tracked.done) else { continue };
            if renderer.kustomization(&tracked.path).is_none()
                && let Some(before) = renamed(&tracked.path, changed)
            {
                tracked.path = before;
            }
            let there = renderer.kustomization(&tracked.path).is_some();
            let (before, read) = if there {
                let rendered = renderer.render(&tracked.path);
                (images(&rendered), paths(&rendered, &files))
            } else {
                (Images::new(), BTreeSet::new())
            };
            if before != tracked.images {
                let after = std::mem::replace(&mut tracked.images, before.clone());
                let change = Change { overlay: tracked.overlay, commit: newer.cloned(), before, after };
                tracked.done |= !see(change);
            }
            tracked.done |= !there;
            for file in read.difference(&tracked.files) {
                self.readers.entry(file.clone()).or_default().insert(*number);
            }
            tracked.files = read;
        }
    }
}

/// The files that a rendering read.
fn paths(rendered: &Rendered, files: &Files) -> BTreeSet<String> {
    rendered.files.iter().map(|file| files.get(*file).path.to_string()).collect()
}

/// The folder that an overlay had before a commit that moved it: a kustomization that went away as this one came, with the same
/// content, else with the most alike path.
fn renamed(folder: &str, changed: &[ChangedPath]) -> Option<String> {
    let is_kustomization = |path: &str| FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path));
    let folder_of = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string());
    let added =
        changed.iter().find(|change| change.before.is_none() && is_kustomization(&change.path) && folder_of(&change.path) == folder)?;
    let gone: Vec<&ChangedPath> = changed.iter().filter(|change| change.after.is_none() && is_kustomization(&change.path)).collect();
    let alike = |path: &str| {
        let (one, other): (Vec<&str>, Vec<&str>) = (path.split('/').rev().collect(), added.path.split('/').rev().collect());
        let end = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
        end + one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count()
    };
    // more than the file's name must be alike
    let best = gone.iter().max_by_key(|change| (change.before == added.after, alike(&change.path)))?;
    (best.before == added.after || alike(&best.path) > 2).then(|| folder_of(&best.path))
}

/// The overlays of an app, or of all.
pub fn overlays_of(repo: &Repo, app: Option<&str>) -> Vec<usize> {
    let wanted = |overlay: &Overlay| app.is_none_or(|app| overlay.app == app);
    repo.overlays
        .iter()
        .enumerate()
        .filter(|(_, overlay)| overlay.environment.is_some() && wanted(overlay))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::worktree::Worktree;
    use std::path::Path;
    use std::process::Command;

    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"];
        let done = Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn write(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(folder: &Path, message: &str) {
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", message]);
    }

    fn overlay(folder: &Path, environment: &str, tag: &str) {
        let text = format!("resources: [../../base]\nimages:\n- name: api\n  newTag: {tag}\n");
        write(folder, &format!("apps/api/overlays/{environment}/kustomization.yaml"), &text);
    }

    fn changes(root: &Path) -> (Vec<String>, End) {
        let config = Config::default();
        let repo = Repo::load(Arc::new(Worktree::open(root).unwrap()), Some(root.to_path_buf()), &config);
        let repository = Arc::new(Repository::open(root).unwrap());
        let head = repository.commit(&repository.resolve("HEAD").unwrap()).unwrap();
        let mut found = Vec::new();
        let overlays = overlays_of(&repo, None);
        let end = Walk::new(&repository, &config, &repo, None, &overlays).run(&repo, &head, &mut |change| {
            let shown = |images: &Images| images.values().flatten().map(Version::to_string).collect::<Vec<_>>().join(",");
            let by = change.commit.as_ref().map_or("uncommitted".to_string(), |commit| commit.message.trim().to_string());
            let path = &repo.overlays[change.overlay].path;
            found.push(format!("{by}: {} {} -> {}", path.rsplit('/').next().unwrap(), shown(&change.before), shown(&change.after)));
            true
        });
        (found, end)
    }

    #[test]
    fn promotions_are_found_through_bases_renames_and_what_is_not_committed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: api, image: api}\n";
        write(root, "apps/api/base/kustomization.yaml", "resources: [deployment.yaml]\n");
        write(root, "apps/api/base/deployment.yaml", deployment);
        overlay(root, "staging", "v1");
        overlay(root, "prod", "v1");
        commit(root, "start");
        overlay(root, "staging", "v2");
        commit(root, "stage v2");
        write(root, "README.md", "nothing");
        commit(root, "docs");
        git(root, &["mv", "apps/api/overlays/prod", "apps/api/overlays/production"]);
        commit(root, "rename");
        overlay(root, "production", "v2");
        let (found, end) = changes(root);
        assert_eq!(
            found,
            ["uncommitted: production v1 -> v2", "stage v2: staging v1 -> v2", "start: production  -> v1", "start: staging  -> v1"]
        );
        assert_eq!(end, End::Complete);
    }
}
