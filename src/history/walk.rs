//! A walk back through the history of a branch, along first parents, newest commit first. An
//! overlay is rendered again only at the commits that touch a file it reads.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::sought::Sought;
use super::tracked::{Step, StepBack, Tracked};
use super::{Branch, Images, VersionKey};
use crate::config::Config;
use crate::kustomize::{Rendered, Renderer};
use crate::repo::discover::Layout;
use crate::source::git::{Commit, Gaps, GitError, blob_id};
use crate::source::refs::{WithRefs, within};
use crate::source::{Files, Source};

/// A commit that changed the images of an overlay.
#[derive(Clone, Debug)]
pub struct Change {
    /// Index into [`Repo::overlays`](crate::repo::Repo::overlays) of the head.
    pub overlay: usize,
    /// The commit; `None` for what is not committed yet.
    pub commit: Option<Arc<Commit>>,
    /// The images before it.
    pub before: Images,
    /// The images after it.
    pub after: Images,
    /// The rendering before it, if the walk keeps renderings.
    pub rendered: Option<Arc<Rendered>>,
}

/// The end of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything that was asked for was found.
    Answered,
    /// The first commit was reached.
    Complete,
    /// The clone does not go back further: the reason.
    Truncated(String),
}

/// The number of charts that a walk renders at earlier commits, shared out among its overlays, and how many it
/// renders for each overlay at least. A bot may commit a new tag to one chart every hour.
const MOST_CHARTS: usize = 500;
const FEWEST_CHARTS: usize = 10;

/// The number of overlays that a bounded walk renders at earlier commits, shared out likewise. On two
/// cores that takes a few seconds.
const MOST_RENDERINGS: usize = 5_000;
const FEWEST_RENDERINGS: usize = 20;

/// Commits whose changed paths are computed in parallel.
const BATCH: usize = 256;

/// A run of steps, and whether the branch ends after it or cannot be read further.
struct Batch {
    steps: Vec<Step>,
    end: Option<Result<(), GitError>>,
}

/// Walks the history of a branch.
pub struct Walk<'a> {
    branch: &'a Branch<'a>,
    tracked: Vec<Tracked>,
    /// Shared by all commits, so that each content of a file is parsed once.
    renderer: Arc<Renderer>,
    /// True if changes carry the rendering before them.
    keeps_renderings: bool,
    /// The folder of the ref that is walked; empty for the branch.
    root: String,
    /// The objects that the clone lacks.
    gaps: Arc<Gaps>,
}

impl<'a> Walk<'a> {
    /// A walk for some overlays of the newest commit.
    pub fn new(branch: &'a Branch<'a>, overlays: &[usize]) -> Walk<'a> {
        let repo = branch.repo;
        // agents' objects of the newest commit apply folders of earlier ones
        let files = Arc::new(Files::beginning_with(&repo.files));
        let renderer = Renderer::new(repo.source.clone(), files, branch.options());
        let charts = (MOST_CHARTS / overlays.len().max(1)).max(FEWEST_CHARTS);
        let tracked = overlays
            .par_iter()
            .filter_map(|index| Tracked::new(repo, *index, charts));
        Walk {
            branch,
            tracked: tracked.collect(),
            renderer: Arc::new(renderer),
            keeps_renderings: false,
            root: String::new(),
            gaps: Arc::default(),
        }
    }

    /// Makes the walk pass over commits that cannot bring some versions of an overlay. Between the
    /// changes that it reports, an overlay may have run other versions.
    pub(super) fn seeking(mut self, versions: &BTreeMap<usize, BTreeSet<VersionKey>>) -> Walk<'a> {
        for tracked in &mut self.tracked {
            let versions = versions.get(&tracked.overlay);
            tracked.sought = versions.map(Sought::new);
        }
        self
    }

    /// Makes each change carry the rendering before it, whose origins point into the files of the
    /// newest commit.
    pub(super) fn keeping_renderings(mut self) -> Walk<'a> {
        let repo = self.branch.repo;
        let options = self.renderer.options().clone();
        self.renderer = Arc::new(Renderer::new(
            repo.source.clone(),
            repo.files.clone(),
            options,
        ));
        self.keeps_renderings = true;
        self
    }

    /// Makes the walk end after a number of renderings, for answers that a person waits for. It is
    /// shared out among the overlays, so that one app is followed far back and a fleet is not.
    /// [`Walk::unrendered`] has the overlays that were not followed to their first commit.
    pub fn bounded(mut self) -> Walk<'a> {
        let each = MOST_RENDERINGS / self.tracked.len().max(1);
        for tracked in &mut self.tracked {
            tracked.renderings = each.max(FEWEST_RENDERINGS);
        }
        self
    }

    /// Goes back from the newest commit and hands each change to `see`, newest first. `see` returns
    /// true if it wants earlier changes of that overlay. If the branch was loaded from a work tree,
    /// the uncommitted changes come first. Overlays in other refs are followed along those, one ref
    /// after the other.
    pub fn run(&mut self, see: &mut dyn FnMut(Change) -> bool) -> End {
        let mut by_root: BTreeMap<String, Vec<Tracked>> = BTreeMap::new();
        for tracked in std::mem::take(&mut self.tracked) {
            let root = tracked.root().to_string();
            by_root.entry(root).or_default().push(tracked);
        }
        let (mut walked, mut ends) = (Vec::new(), Vec::new());
        for (root, tracked) in by_root {
            self.tracked = tracked;
            self.root = root;
            ends.push(self.run_line(see));
            walked.append(&mut self.tracked);
        }
        self.tracked = walked;
        let rank = |end: &End| match end {
            End::Truncated(_) => 2,
            End::Complete => 1,
            End::Answered => 0,
        };
        ends.into_iter().max_by_key(rank).unwrap_or(End::Answered)
    }

    /// The newest commit of the line that is walked.
    fn newest(&self) -> Option<Commit> {
        let name = self.root.trim_end_matches(':');
        match name {
            "" => Some(self.branch.commit.clone()),
            name => self.branch.repo.source.refs()?.commit(name),
        }
    }

    fn run_line(&mut self, see: &mut dyn FnMut(Change) -> bool) -> End {
        let branch = self.branch;
        if branch.repo.source.revision().is_none() && self.root.is_empty() {
            self.uncommitted(see);
        }
        let newest = self.newest();
        let start = newest.map(|commit| branch.repository.first_parents(&commit.id));
        let mut commits = start.into_iter().flatten();
        let Some(Ok(mut newer)) = commits.next() else {
            return End::Truncated("the head cannot be read".to_string());
        };
        loop {
            if self.tracked.iter().all(|tracked| tracked.done) {
                return self.cut().unwrap_or(End::Answered);
            }
            let batch = self.next_batch(&mut commits, &mut newer);
            self.go_back(&batch.steps, see);
            match batch.end {
                Some(Err(error)) => return End::Truncated(error.to_string()),
                Some(Ok(())) => {
                    self.first_commit(&Arc::new(newer), see);
                    return self.cut().unwrap_or(End::Complete);
                }
                None => {}
            }
        }
    }

    /// The next steps of the branch. `newer` is the last commit that was reached.
    fn next_batch(
        &self,
        commits: &mut dyn Iterator<Item = Result<Commit, GitError>>,
        newer: &mut Commit,
    ) -> Batch {
        let (mut pairs, mut end) = (Vec::new(), None);
        while pairs.len() < BATCH && end.is_none() {
            match commits.next() {
                Some(Ok(earlier)) => {
                    pairs.push((std::mem::replace(newer, earlier.clone()), earlier))
                }
                Some(Err(error)) => end = Some(Err(error)),
                None => end = Some(Ok(())),
            }
        }
        let read = |(newer, earlier): (Commit, Commit)| {
            let mut changed = self
                .branch
                .repository
                .changed_paths(&earlier.tree, &newer.tree)?;
            for change in changed.iter_mut().filter(|_| !self.root.is_empty()) {
                change.path = within(&self.root, &change.path);
            }
            Ok(Step {
                newer: Arc::new(newer),
                earlier,
                changed,
            })
        };
        let mut steps = Vec::new();
        for step in pairs.into_par_iter().map(read).collect::<Vec<_>>() {
            match step {
                Ok(step) => steps.push(step),
                Err(error) => {
                    end = Some(Err(error));
                    break;
                }
            }
        }
        Batch { steps, end }
    }

    /// Reports the images that the first commit of the branch brought.
    fn first_commit(&mut self, first: &Arc<Commit>, see: &mut dyn FnMut(Change) -> bool) {
        let open = |tracked: &&mut Tracked| !tracked.done && !tracked.begun;
        for tracked in self.tracked.iter_mut().filter(open) {
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
    }

    /// The overlays that were not rendered at all earlier commits, and why.
    pub fn unrendered(&self) -> BTreeMap<usize, &'static str> {
        let tracked = self.tracked.iter();
        tracked
            .filter_map(|tracked| Some((tracked.overlay, tracked.unrendered?)))
            .collect()
    }

    /// The end of a walk that could not read files of some commits.
    fn cut(&self) -> Option<End> {
        let cut = self.tracked.iter().any(|tracked| tracked.cut);
        self.gaps.message().filter(|_| cut).map(End::Truncated)
    }

    /// Reports the changes of the work tree or the index since the last commit.
    fn uncommitted(&mut self, see: &mut dyn FnMut(Change) -> bool) {
        let branch = self.branch;
        let tree = branch.repository.tree(&branch.commit);
        let of_head = branch
            .repo
            .files
            .all()
            .into_par_iter()
            .map(|(_, file)| file)
            .filter(|file| file.revision == branch.repo.source.revision_of(&file.path));
        let differs = of_head
            .filter(|file| tree.content_id(&file.path) != Some(blob_id(file.text.as_bytes())));
        let differs: HashSet<String> = differs.map(|file| file.path.to_string()).collect();
        let layout = layout(branch.config);
        let tree = branch
            .repository
            .tree_among_many(&branch.commit, &self.gaps);
        let renderer = self
            .renderer
            .beside(Arc::new(tree), branch.config.remotes.clone());
        for tracked in self
            .tracked
            .iter_mut()
            .filter(|tracked| tracked.reads_any(&differs))
        {
            if let Some(step) = tracked.step_back((&renderer, &self.gaps), &layout, &[]) {
                let change = Change::new(tracked.overlay, None, step, self.keeps_renderings);
                tracked.done |= !see(change);
            }
            tracked.done |= tracked.cut || tracked.unrendered.is_some();
        }
    }

    /// Follows every overlay back through some steps, newest first, and reports the changes.
    fn go_back(&mut self, steps: &[Step], see: &mut dyn FnMut(Change) -> bool) {
        let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, step) in steps.iter().enumerate() {
            for change in &step.changed {
                by_path.entry(&change.path).or_default().push(number);
            }
        }
        let trees = Trees::new(self, steps);
        let keeps_renderings = self.keeps_renderings;
        let walked = self
            .tracked
            .par_iter_mut()
            .enumerate()
            .filter(|(_, tracked)| !tracked.done && !tracked.begun);
        let walked = walked.flat_map_iter(|(number, tracked)| {
            let (mut found, mut next) = (Vec::new(), 0);
            while let Some(at) = tracked.next_touched(&by_path, steps, next)
                && let Some(step) = steps.get(at)
            {
                next = at + 1;
                if tracked.passes_over(step, trees.branch.repository) {
                    continue;
                }
                let Some(renderer) = trees.before(at) else {
                    break;
                };
                let rendering = (renderer, &*trees.gaps);
                if let Some(back) = tracked.step_back(rendering, &trees.layout, &step.changed) {
                    let commit = Some(step.newer.clone());
                    let change = Change::new(tracked.overlay, commit, back, keeps_renderings);
                    found.push((at, number, change));
                }
                if tracked.has_ended() {
                    break;
                }
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
        trees.renderers.into_par_iter().for_each(drop);
        // an overlay that this batch created has no earlier commits
        self.tracked
            .iter_mut()
            .for_each(|tracked| tracked.done |= tracked.has_ended());
    }
}

impl Change {
    fn new(
        overlay: usize,
        commit: Option<Arc<Commit>>,
        step: StepBack,
        keeps_renderings: bool,
    ) -> Change {
        Change {
            overlay,
            commit,
            before: step.before,
            after: step.after,
            rendered: step.rendered.filter(|_| keeps_renderings),
        }
    }
}

/// The trees before some steps, each opened when the first overlay needs it.
struct Trees<'w> {
    branch: &'w Branch<'w>,
    renderer: Arc<Renderer>,
    root: String,
    gaps: Arc<Gaps>,
    layout: Layout<'w>,
    steps: &'w [Step],
    renderers: Vec<OnceLock<Renderer>>,
}

impl<'w> Trees<'w> {
    fn new(walk: &Walk<'w>, steps: &'w [Step]) -> Trees<'w> {
        Trees {
            branch: walk.branch,
            renderer: walk.renderer.clone(),
            root: walk.root.clone(),
            gaps: walk.gaps.clone(),
            layout: layout(walk.branch.config),
            steps,
            renderers: steps.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The renderer of the tree before a step.
    fn before(&self, at: usize) -> Option<&Renderer> {
        let step = self.steps.get(at)?;
        let open = || {
            let branch = self.branch;
            let tree = branch.repository.tree_among_many(&step.earlier, &self.gaps);
            let tree = in_root(Arc::new(tree), &self.root, &branch.repo.source);
            self.renderer.beside(tree, branch.config.remotes.clone())
        };
        Some(self.renderers.get(at)?.get_or_init(open))
    }
}

/// A tree as the folder of a ref.
fn in_root(tree: Arc<dyn Source>, root: &str, head: &Arc<dyn Source>) -> Arc<dyn Source> {
    let Some(refs) = head.refs().filter(|_| !root.is_empty()) else {
        return tree;
    };
    Arc::new(WithRefs::earlier(root, tree, refs.clone()))
}

fn layout(config: &Config) -> Layout<'_> {
    Layout::new(&config.environments, &config.layout, std::iter::empty())
        .with_clusters(&config.clusters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::history::{Version, overlays_of};
    use crate::repo::Repo;
    use crate::source::git::Repository;
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
        let branch = Branch {
            repository: &repository,
            config: &config,
            repo: &repo,
            commit: head,
            root: None,
        };
        let end = Walk::new(&branch, &overlays).run(&mut |change| {
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
        });
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
