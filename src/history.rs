//! What environments ran before, from Git alone: the changes of the images that overlays render,
//! along the first parents of a branch, newest first.
//!
//! Here: walking commits, rendering overlays again only where a commit touched a file that they
//! read, with what an agent adds to them; renamed folders. Not here: which images must have been
//! where (`rules`), tables (`cli`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::config::Config;
use crate::kubernetes::image_use;
use crate::kustomize::context::is_below;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{RenderOptions, Rendered, Renderer};
use crate::repo::agents::{self, Agents, Pointer};
use crate::repo::discover::Layout;
use crate::repo::{Overlay, Repo};
use crate::source::git::{ChangedPath, Commit, Gaps, GitError, Repository, blob_id};
use crate::source::{Files, Source, folder_of};

/// What of an image changes with a promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The tag, without `:`.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

impl Version {
    /// Whether two versions are the same build for all that the repo tells: by digest where both
    /// have one, else by tag.
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

/// The images of an overlay: name without tag and digest, and the versions that run (one, as a
/// rule).
pub type Images = BTreeMap<String, BTreeSet<Version>>;

/// The images that an overlay runs: those of containers, and those that values give to charts.
pub fn images(rendered: &Rendered, files: &Files) -> Images {
    let mut found = Images::new();
    for used in image_use::of_all(&rendered.resources, files) {
        let image = used.image();
        // of a version that the chart fills in nothing is known
        if used.tag_known || image.digest.is_some() {
            let version = Version {
                tag: image.tag.map(str::to_string),
                digest: image.digest.map(str::to_string),
            };
            found.entry(used.name).or_default().insert(version);
        }
    }
    found
}

/// Whether images of the same name, whatever their registries, are there in a version that others
/// have.
pub fn share_version(some: &Images, others: &Images) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
    some.iter().any(|(name, versions)| {
        let alike = others.iter().filter(|(other, _)| last(other) == last(name));
        alike
            .flat_map(|(_, others)| others)
            .any(|other| versions.iter().any(|version| version.same(other)))
    })
}

/// A commit of the change under check, and what it touched.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// The commit.
    pub commit: Commit,
    /// The paths that it changed.
    pub paths: BTreeSet<String>,
}

/// The commits after `base` up to `head`. A merge brings what others wrote, so it is not one of
/// them.
pub fn contributions(
    repository: &Repository,
    base: &Commit,
    head: &Commit,
) -> Result<Vec<Contribution>, GitError> {
    let mut found = Vec::new();
    for commit in repository.commits_between(&base.id, &head.id)? {
        let [parent] = &commit.parents[..] else {
            continue;
        };
        let parent = repository.commit(parent)?;
        let paths = repository
            .changed_paths(&parent.tree, &commit.tree)?
            .into_iter()
            .map(|change| change.path)
            .collect();
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
    /// What the overlay rendered to before it, where the walk [keeps](Walk::keeping) that.
    pub rendered: Option<Arc<Rendered>>,
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
    /// What an agent's object adds.
    applied: Option<Arc<Pointer>>,
    /// The files that it is rendered from.
    files: BTreeSet<String>,
    images: Images,
    /// It was not there before.
    begun: bool,
    /// Its past is of no more interest.
    done: bool,
    /// It could not be rendered as it was before, because the clone lacks files of that time.
    cut: bool,
}

/// A commit and the one before it on the branch.
struct Step {
    newer: Arc<Commit>,
    earlier: Commit,
    changed: Vec<ChangedPath>,
}

/// Commits that are gone through at once.
const BATCH: usize = 256;

/// Walks the history of a branch.
pub struct Walk<'a> {
    repository: &'a Arc<Repository>,
    config: &'a Config,
    tracked: Vec<Tracked>,
    /// What was read of all commits; a file is read once for each of its contents.
    renderer: Renderer,
    /// Whether changes tell what was rendered.
    keeps: bool,
    /// What the clone lacks of them.
    gaps: Arc<Gaps>,
}

impl<'a> Walk<'a> {
    /// A walk for some overlays of a loaded head. `root` is where the tree lies on disk.
    pub fn new(
        repository: &'a Arc<Repository>,
        config: &'a Config,
        repo: &Repo,
        root: Option<PathBuf>,
        overlays: &[usize],
    ) -> Walk<'a> {
        let options = RenderOptions {
            remotes: config.remotes.clone(),
            root,
            ..RenderOptions::default()
        };
        let renderer = Renderer::new(repo.source.clone(), Arc::new(Files::default()), options);
        let tracked = overlays.par_iter().filter_map(|index| {
            let overlay = repo.overlays.get(*index)?;
            let applied = overlay
                .applied
                .and_then(|index| repo.pointers.get(index))
                .cloned()
                .map(Arc::new);
            let files = paths(&overlay.rendered, &repo.files);
            let images = images(&overlay.rendered, &repo.files);
            Some(Tracked {
                overlay: *index,
                path: overlay.path.clone(),
                applied,
                files,
                images,
                begun: false,
                done: false,
                cut: false,
            })
        });
        Walk {
            repository,
            config,
            tracked: tracked.collect(),
            renderer,
            keeps: false,
            gaps: Arc::default(),
        }
    }

    /// The same that tells with each change what the overlay rendered to before, with places in the
    /// files of the repo.
    pub fn keeping(mut self, repo: &Repo) -> Walk<'a> {
        self.renderer = Renderer::new(
            repo.source.clone(),
            repo.files.clone(),
            self.renderer.options().clone(),
        );
        self.keeps = true;
        self
    }

    /// Goes back from `head`. `see` is told each change, newest first, and says whether the
    /// overlay's past is still of interest. `repo` is the head as loaded: where it is a work tree,
    /// what is not committed is the first change.
    pub fn run(&mut self, repo: &Repo, head: &Commit, see: &mut dyn FnMut(Change) -> bool) -> End {
        if repo.source.revision().is_none() {
            self.uncommitted(repo, head, see);
        }
        let mut commits = self.repository.first_parents(&head.id);
        let Some(Ok(mut newer)) = commits.next() else {
            return End::Truncated("the head cannot be read".to_string());
        };
        loop {
            if self.tracked.iter().all(|tracked| tracked.done) {
                return self.cut().unwrap_or(End::Answered);
            }
            let (mut pairs, mut end) = (Vec::new(), None);
            while pairs.len() < BATCH && end.is_none() {
                match commits.next() {
                    Some(Ok(earlier)) => {
                        pairs.push((std::mem::replace(&mut newer, earlier.clone()), earlier))
                    }
                    Some(Err(error)) => end = Some(Some(error)),
                    None => end = Some(None),
                }
            }
            let steps = pairs.into_par_iter().map(|(newer, earlier)| {
                let changed = self.repository.changed_paths(&earlier.tree, &newer.tree)?;
                Ok(Step {
                    newer: Arc::new(newer),
                    earlier,
                    changed,
                })
            });
            let mut steps: Vec<Result<Step, GitError>> = steps.collect();
            let broken = steps.iter().position(Result::is_err);
            let broken = broken
                .and_then(|at| steps.drain(at..).next())
                .and_then(Result::err);
            self.go_back(
                &steps.into_iter().filter_map(Result::ok).collect::<Vec<_>>(),
                see,
            );
            match (broken, end) {
                (Some(error), _) | (None, Some(Some(error))) => {
                    return End::Truncated(error.to_string());
                }
                (None, Some(None)) => {
                    let first = Arc::new(newer);
                    for tracked in self
                        .tracked
                        .iter_mut()
                        .filter(|tracked| !tracked.done && !tracked.begun)
                    {
                        let after = std::mem::take(&mut tracked.images);
                        tracked.done = true;
                        see(Change {
                            overlay: tracked.overlay,
                            commit: Some(first.clone()),
                            before: Images::new(),
                            after,
                            rendered: None,
                        });
                    }
                    return self.cut().unwrap_or(End::Complete);
                }
                (None, None) => {}
            }
        }
    }

    /// The end where files of some commits could not be read.
    fn cut(&self) -> Option<End> {
        let cut = self.tracked.iter().any(|tracked| tracked.cut);
        self.gaps.told().filter(|_| cut).map(End::Truncated)
    }

    /// What of a work tree, or of what is staged, differs from the commit that it comes after.
    fn uncommitted(&mut self, repo: &Repo, head: &Commit, see: &mut dyn FnMut(Change) -> bool) {
        let tree = self.repository.tree(head);
        let of_head = repo
            .files
            .all()
            .into_par_iter()
            .map(|(_, file)| file)
            .filter(|file| file.revision.is_none());
        let differs = of_head
            .filter(|file| tree.content_id(&file.path) != Some(blob_id(file.text.as_bytes())));
        let differs: HashSet<String> = differs.map(|file| file.path.to_string()).collect();
        let layout = Layout::new(
            &self.config.environments,
            &self.config.layout,
            std::iter::empty(),
        );
        let renderer = self.renderer.beside(
            Arc::new(self.repository.tree_among_many(head, &self.gaps)),
            self.config.remotes.clone(),
        );
        for tracked in self
            .tracked
            .iter_mut()
            .filter(|tracked| tracked.files.iter().any(|file| differs.contains(file)))
        {
            if let Some((before, after, rendered)) =
                tracked.step_back((&renderer, &self.gaps), &layout, &[])
            {
                let rendered = rendered.filter(|_| self.keeps);
                tracked.done |= !see(Change {
                    overlay: tracked.overlay,
                    commit: None,
                    before,
                    after,
                    rendered,
                });
            }
            tracked.done |= tracked.cut;
        }
    }

    /// Takes every overlay through some steps, newest first, and tells what changed.
    fn go_back(&mut self, steps: &[Step], see: &mut dyn FnMut(Change) -> bool) {
        let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, step) in steps.iter().enumerate() {
            for change in &step.changed {
                by_path.entry(&change.path).or_default().push(number);
            }
        }
        let layout = Layout::new(
            &self.config.environments,
            &self.config.layout,
            std::iter::empty(),
        );
        let (repository, config, renderer, keeps, gaps) = (
            self.repository,
            self.config,
            &self.renderer,
            self.keeps,
            &self.gaps,
        );
        let renderers: Vec<OnceLock<Renderer>> = steps.iter().map(|_| OnceLock::new()).collect();
        let renderer_of = |number: usize, step: &Step| {
            let make = || {
                renderer.beside(
                    Arc::new(repository.tree_among_many(&step.earlier, gaps)),
                    config.remotes.clone(),
                )
            };
            renderers.get(number).map(|cell| cell.get_or_init(make))
        };
        let walked = self
            .tracked
            .par_iter_mut()
            .enumerate()
            .filter(|(_, tracked)| !tracked.done && !tracked.begun);
        let walked = walked.flat_map_iter(|(number, tracked)| {
            let (mut found, mut next) = (Vec::new(), 0);
            while let Some(at) = tracked.next_touched(&by_path, steps, next) {
                let Some((step, renderer)) = steps
                    .get(at)
                    .and_then(|step| Some((step, renderer_of(at, step)?)))
                else {
                    break;
                };
                if let Some((before, after, rendered)) =
                    tracked.step_back((renderer, gaps), &layout, &step.changed)
                {
                    let (commit, rendered) = (Some(step.newer.clone()), rendered.filter(|_| keeps));
                    found.push((
                        at,
                        number,
                        Change {
                            overlay: tracked.overlay,
                            commit,
                            before,
                            after,
                            rendered,
                        },
                    ));
                }
                if tracked.begun || tracked.cut {
                    break;
                }
                next = at + 1;
            }
            found
        });
        let mut changes: Vec<(usize, usize, Change)> = walked.collect();
        changes.sort_by_key(|(step, number, _)| (*step, *number));
        for (_, number, change) in changes {
            if let Some(tracked) = self.tracked.get_mut(number).filter(|tracked| !tracked.done) {
                tracked.done = !see(change);
            }
        }
        renderers.into_par_iter().for_each(drop);
        // what was not there before has no past to go through
        self.tracked
            .iter_mut()
            .for_each(|tracked| tracked.done |= tracked.begun || tracked.cut);
    }
}

impl Tracked {
    /// The next step that touches a file which the overlay is rendered from.
    fn next_touched(
        &self,
        by_path: &HashMap<&str, Vec<usize>>,
        steps: &[Step],
        from: usize,
    ) -> Option<usize> {
        let first = |path: &str| {
            by_path
                .get(path)?
                .iter()
                .copied()
                .find(|step| *step >= from)
        };
        let mut next = self.files.iter().filter_map(|file| first(file)).min();
        if let Some(pointer) = &self.applied {
            let name = pointer
                .agent
                .name
                .rsplit(['/', ' '])
                .next()
                .unwrap_or_default();
            let overrides = [
                format!("{}/.argocd-source.yaml", self.path),
                format!("{}/.argocd-source-{name}.yaml", self.path),
            ];
            next = overrides
                .iter()
                .map(String::as_str)
                .chain([&*pointer.file])
                .filter_map(first)
                .chain(next)
                .min();
            // a folder without kustomization is all that lies in it
            let below = |step: &Step| {
                step.changed
                    .iter()
                    .any(|change| is_below(&change.path, &self.path))
            };
            let plain = steps
                .iter()
                .enumerate()
                .skip(from)
                .find(|(_, step)| below(step))
                .map(|(number, _)| number);
            next = plain.into_iter().chain(next).min();
        }
        next
    }

    /// Goes to an earlier tree, and tells the images before and after when they differ, and what
    /// was rendered before.
    fn step_back(
        &mut self,
        (renderer, gaps): (&Renderer, &Gaps),
        layout: &Layout,
        changed: &[ChangedPath],
    ) -> Option<(Images, Images, Option<Arc<Rendered>>)> {
        if renderer.kustomization(&self.path).is_none()
            && let Some(before) = renamed(&self.path, changed)
        {
            self.path = before;
        }
        let there = renderer.kustomization(&self.path).is_some();
        let earlier = self
            .applied
            .take()
            .and_then(|pointer| earlier_pointer(&pointer, &self.path, renderer, layout, changed));
        let rendered = match &earlier {
            Some((pointer, agents)) => {
                Some(pointer.finish(pointer.build(renderer, agents), &|_| None))
            }
            None => there.then(|| renderer.render(&self.path)),
        };
        self.applied = earlier.map(|(pointer, _)| pointer);
        // what the clone lacks says nothing of what ran
        if rendered.as_ref().is_none_or(|rendered| !rendered.complete) && gaps.told().is_some() {
            self.cut = true;
            return None;
        }
        self.begun = rendered.is_none();
        let before = rendered
            .as_ref()
            .map(|rendered| images(rendered, renderer.files()))
            .unwrap_or_default();
        self.files = rendered
            .as_ref()
            .map(|rendered| paths(rendered, renderer.files()))
            .unwrap_or_default();
        let after = std::mem::replace(&mut self.images, before.clone());
        (before != after).then_some((before, after, rendered))
    }
}

/// The agent's object in an earlier tree: in the same file, or in one that a commit took away.
fn earlier_pointer(
    pointer: &Pointer,
    folder: &str,
    renderer: &Renderer,
    layout: &Layout,
    changed: &[ChangedPath],
) -> Option<(Arc<Pointer>, Agents)> {
    let folders = || {
        folder
            .match_indices('/')
            .filter_map(|(at, _)| folder.get(..at))
            .chain([folder])
            .collect()
    };
    let moved = changed
        .iter()
        .filter(|change| change.after.is_none())
        .map(|change| Arc::from(change.path.as_str()));
    std::iter::once(pointer.file.clone())
        .chain(moved)
        .find_map(|file| {
            let agents = agents::read(renderer, layout, std::slice::from_ref(&file), folders);
            let same = agents
                .pointers
                .iter()
                .find(|other| other.agent.name == pointer.agent.name && other.folder == folder)?;
            Some((Arc::new(same.clone()), agents))
        })
}

/// The files that a rendering read.
fn paths(rendered: &Rendered, files: &Files) -> BTreeSet<String> {
    rendered
        .files
        .iter()
        .map(|file| files.get(*file).path.to_string())
        .collect()
}

/// The folder that an overlay had before a commit that moved it: a kustomization that went away as
/// this one came, with the same content, else with the most alike path.
fn renamed(folder: &str, changed: &[ChangedPath]) -> Option<String> {
    let added = changed.iter().find(|change| {
        change.before.is_none()
            && is_kustomization(&change.path)
            && folder_of(&change.path) == folder
    })?;
    let gone: Vec<&ChangedPath> = changed
        .iter()
        .filter(|change| change.after.is_none() && is_kustomization(&change.path))
        .collect();
    let alike = |path: &str| {
        let (one, other): (Vec<&str>, Vec<&str>) = (
            path.split('/').rev().collect(),
            added.path.split('/').rev().collect(),
        );
        let end = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
        end + one
            .iter()
            .rev()
            .zip(other.iter().rev())
            .take_while(|(a, b)| a == b)
            .count()
    };
    // more than the file's name must be alike
    let best = gone
        .iter()
        .max_by_key(|change| (change.before == added.after, alike(&change.path)))?;
    (best.before == added.after || alike(&best.path) > 2).then(|| folder_of(&best.path).to_string())
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
    use crate::source::scratch::{self, git, write};
    use crate::source::worktree::Worktree;
    use std::path::Path;

    fn overlay(folder: &Path, environment: &str, tag: &str) {
        let text = format!("resources: [../../base]\nimages:\n- name: api\n  newTag: {tag}\n");
        write(
            folder,
            &format!("apps/api/overlays/{environment}/kustomization.yaml"),
            &text,
        );
    }

    fn changes(root: &Path) -> (Vec<String>, End) {
        let config = Config::default();
        let repo = Repo::load(
            Arc::new(Worktree::open(root).unwrap()),
            Some(root.to_path_buf()),
            &config,
        );
        let repository = Arc::new(Repository::open(root).unwrap());
        let head = repository
            .commit(&repository.resolve("HEAD").unwrap())
            .unwrap();
        let mut found = Vec::new();
        let overlays = overlays_of(&repo, None);
        let end = Walk::new(&repository, &config, &repo, None, &overlays).run(
            &repo,
            &head,
            &mut |change| {
                let shown = |images: &Images| {
                    images
                        .values()
                        .flatten()
                        .map(Version::to_string)
                        .collect::<Vec<_>>()
                        .join(",")
                };
                let by = change
                    .commit
                    .as_ref()
                    .map_or("uncommitted".to_string(), |commit| {
                        commit.message.trim().to_string()
                    });
                let path = &repo.overlays[change.overlay].path;
                found.push(format!(
                    "{by}: {} {} -> {}",
                    path.rsplit('/').next().unwrap(),
                    shown(&change.before),
                    shown(&change.after)
                ));
                true
            },
        );
        (found, end)
    }

    #[test]
    fn promotions_are_found_through_bases_renames_and_what_is_not_committed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: api, image: api}\n";
        write(
            root,
            "apps/api/base/kustomization.yaml",
            "resources: [deployment.yaml]\n",
        );
        write(root, "apps/api/base/deployment.yaml", deployment);
        overlay(root, "staging", "v1");
        overlay(root, "prod", "v1");
        scratch::commit(root, &[], "start");
        overlay(root, "staging", "v2");
        scratch::commit(root, &[], "stage v2");
        write(root, "README.md", "nothing");
        scratch::commit(root, &[], "docs");
        git(
            root,
            &[
                "mv",
                "apps/api/overlays/prod",
                "apps/api/overlays/production",
            ],
        );
        scratch::commit(root, &[], "rename");
        overlay(root, "production", "v2");
        let (found, end) = changes(root);
        assert_eq!(
            found,
            [
                "uncommitted: production v1 -> v2",
                "stage v2: staging v1 -> v2",
                "start: production  -> v1",
                "start: staging  -> v1"
            ]
        );
        assert_eq!(end, End::Complete);
    }
}
