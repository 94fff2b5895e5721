//! The repo that a command works on: root found, files listed, configuration read, overlays found.
//! Shared by every command that looks at overlays. Not here: judging (`check`), printing.

use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::options::{Color, Place, RepoOptions, complain, current_folder, place, relative};
use crate::config::{CONFIG_FILE, Config, ConfigProblem};
use crate::finding::Severity;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{RenderOptions, Renderer};
use crate::repo::Repo;
use crate::report::{self, Message};
use crate::source::git::{ChangedPath, Commit, GitError, Repository, is_bare};
use crate::source::index::Staged;
use crate::source::worktree::Worktree;
use crate::source::{Files, Source, SourceError};
use crate::yaml::{self, FileId};

/// Which files of a repo a command looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// The work tree, with what is not committed; the commit at `HEAD` where there is no work tree.
    Worktree,
    /// What is staged: the next commit.
    Staged,
    /// A revision.
    Revision(&'a str),
}

/// The files of a head, as they are compared with a tree of Git.
enum HeadFiles {
    Worktree(Arc<Worktree>),
    Staged(Arc<Staged>),
    Commit(Box<Commit>),
}

/// A loaded repo.
pub struct Workspace {
    /// Where it lies, and which part was asked about.
    pub place: Place,
    /// The configuration.
    pub config: Config,
    /// The repo. The process ends with the answer: to give all of it back piece by piece takes a
    /// while.
    pub repo: ManuallyDrop<Repo>,
    /// How long each step took.
    pub timings: Vec<(&'static str, Duration)>,
    head: HeadFiles,
    git: OnceLock<Result<Arc<Repository>, GitError>>,
}

/// Runs a step and notes how long it took.
pub fn timed<T>(
    timings: &mut Vec<(&'static str, Duration)>,
    name: &'static str,
    step: impl FnOnce() -> T,
) -> T {
    let start = Instant::now();
    let result = step();
    timings.push((name, start.elapsed()));
    result
}

impl Workspace {
    /// Loads the repo of a path. What is wrong with the configuration is printed, all of it; the
    /// error says what could not be done.
    pub fn load(path: &Path, options: &RepoOptions) -> Result<Workspace, String> {
        Workspace::load_at(path, options, Head::Worktree)
    }

    /// The same for other files than those of the work tree.
    pub fn load_at(
        path: &Path,
        options: &RepoOptions,
        head: Head<'_>,
    ) -> Result<Workspace, String> {
        start_workers(options.jobs)?;
        let mut timings = Vec::new();
        let (place, head, source, git) =
            timed(&mut timings, "list", || files_of(place(path)?, head))?;
        let files = Arc::new(Files::default());
        let config = timed(&mut timings, "configuration", || {
            configuration(
                &place.root,
                &source,
                &files,
                options.config.as_deref(),
                options.color,
            )
        })?;
        let repo = timed(&mut timings, "discover", || {
            Repo::load_with(source, Some(place.root.clone()), &config, files)
        });
        let workspace = Workspace {
            place,
            config,
            repo: ManuallyDrop::new(repo),
            timings,
            head,
            git,
        };
        workspace.whole()?;
        Ok(workspace)
    }

    /// The configuration of another revision, and the file in which what it no longer says is
    /// reported: the head's, or its own. `None` where neither has one, or the other one cannot be
    /// read.
    pub fn configuration_of(
        &self,
        other: &Repo,
        options: &RepoOptions,
    ) -> Option<(Config, FileId)> {
        let name = configuration_name(&self.place.root, options.config.as_deref());
        let read = |repo: &Repo| {
            let bytes = repo.source.read(&name).ok()?;
            let text = String::from_utf8(bytes.to_vec()).ok()?;
            let file = repo.files.add(
                &name,
                repo.source.revision_of(&name).as_deref(),
                Arc::from(text.as_str()),
            );
            Some((text, file))
        };
        let (before, now) = (read(other), read(&self.repo));
        let file = now.as_ref().or(before.as_ref()).map(|(_, file)| *file)?;
        let config = before
            .map_or_else(|| Ok(Config::default()), |(text, file)| parsed(&text, file))
            .ok()?;
        Some((config, file))
    }

    /// The Git repository around the root.
    pub fn git(&self) -> Result<&Arc<Repository>, GitError> {
        self.git
            .get_or_init(|| repository(&self.place.root))
            .as_ref()
            .map_err(GitError::clone)
    }

    /// An error where the answer lacks what the clone lacks: nothing is to be concluded from a tree
    /// that could be read in part only.
    pub fn whole(&self) -> Result<(), String> {
        let gaps = self
            .git
            .get()
            .and_then(|git| git.as_ref().ok())
            .and_then(|git| git.gaps().told());
        gaps.map_or(Ok(()), Err)
    }

    /// The commit that the head is, or that its files come after.
    pub fn head_commit(&self) -> Result<Commit, GitError> {
        match &self.head {
            HeadFiles::Commit(commit) => Ok((**commit).clone()),
            _ => self
                .git()?
                .resolve("HEAD")
                .and_then(|id| self.git()?.commit(&id)),
        }
    }

    /// The paths in which the head's files differ from those of a commit.
    pub fn changed_since(&self, commit: &Commit) -> Result<Vec<ChangedPath>, GitError> {
        let repository = self.git()?;
        match &self.head {
            HeadFiles::Worktree(tree) => {
                let (changed, unseen) = tree.changed_since(repository, &commit.tree)?;
                if let Some(first) = unseen.first() {
                    let (count, first) = (
                        report::count(unseen.len(), "file"),
                        report::printable(first),
                    );
                    let more = if unseen.len() > 1 { " and others" } else { "" };
                    complain(&format!(
                        "warning: {count} of the change not looked at, left out by the sparse checkout: {first}{more}"
                    ));
                }
                Ok(changed)
            }
            HeadFiles::Staged(staged) => staged.changed_since(&commit.tree),
            HeadFiles::Commit(head) => repository.changed_paths(&commit.tree, &head.tree),
        }
    }

    /// The configuration by which another revision of the repo is loaded: its own; that of the head
    /// where that cannot be read, or the command line names a file.
    pub fn configuration_at(&self, source: &dyn Source, options: &RepoOptions) -> Config {
        let read = || {
            let bytes = match source.read(CONFIG_FILE) {
                Ok(bytes) => bytes,
                Err(SourceError::Missing) => return Some(Config::default()),
                Err(_) => return None,
            };
            let revision = source.revision_of(CONFIG_FILE);
            let file = self.repo.files.add(
                CONFIG_FILE,
                revision.as_deref(),
                Arc::from(std::str::from_utf8(&bytes).ok()?),
            );
            parsed(&self.repo.files.get(file).text.clone(), file).ok()
        };
        match &options.config {
            Some(_) => self.config.clone(),
            None => read().unwrap_or_else(|| self.config.clone()),
        }
    }
}

type Git = OnceLock<Result<Arc<Repository>, GitError>>;

/// The files to look at.
fn files_of(
    named: Place,
    head: Head<'_>,
) -> Result<(Place, HeadFiles, Arc<dyn Source>, Git), String> {
    let revision = match head {
        Head::Worktree if is_bare(&named.root) => "HEAD",
        Head::Worktree => {
            let (place, tree) = open(named)?;
            unreadable(tree.unreadable());
            let has_no_tree =
                || repository(&place.root).is_ok_and(|repository| !repository.has_worktree());
            if let Some(first) = tree.linked().first().filter(|_| has_no_tree()) {
                let shown = report::printable(first).into_owned();
                return Err(format!(
                    "{} holds linked work trees only ({shown}): run in one of them",
                    place.root.display()
                ));
            }
            left_out(tree.left_out());
            return Ok((
                place,
                HeadFiles::Worktree(tree.clone()),
                tree,
                OnceLock::new(),
            ));
        }
        Head::Staged => "",
        Head::Revision(revision) => revision,
    };
    let repository = repository(&named.root).map_err(|error| error.to_string())?;
    let git = OnceLock::from(Ok(repository.clone()));
    if head == Head::Staged {
        let staged =
            Arc::new(Staged::open(repository).map_err(|error| format!("--staged: {error}"))?);
        unreadable(staged.unreadable());
        left_out(staged.left_out());
        return Ok((named, HeadFiles::Staged(staged.clone()), staged, git));
    }
    let commit = repository
        .resolve(revision)
        .and_then(|id| repository.commit(&id))
        .map_err(|error| error.to_string())?;
    let tree = Arc::new(repository.tree(&commit));
    unreadable(tree.unreadable());
    Ok((named, HeadFiles::Commit(Box::new(commit)), tree, git))
}

/// The Git repository around a folder. Of the variables of Git the one counts that a hook is given
/// for the commit that is being made: its index, which is not the usual one when all or some paths
/// are committed without being staged.
fn repository(root: &Path) -> Result<Arc<Repository>, GitError> {
    let repository =
        Repository::open(root).map_err(|error| match (&error, std::env::var_os("GIT_DIR")) {
            (GitError::NotARepository, Some(_)) => GitError::Other(format!(
                "{error}; GIT_DIR is not followed: a folder with .git is needed"
            )),
            _ => error,
        })?;
    let index = std::env::var_os("GIT_INDEX_FILE")
        .filter(|index| !index.is_empty())
        .map(PathBuf::from);
    // it is that of the repository in which the hook runs
    let here = current_folder().is_some_and(|folder| folder.starts_with(repository.top()));
    Ok(Arc::new(repository.with_index(index.filter(|_| here))))
}

/// Says that files were not looked at because the checkout is sparse.
fn left_out(files: usize) {
    if files > 0 {
        let count = report::count(files, "file");
        complain(&format!(
            "warning: {count} left out by the sparse checkout; objects that only they define are not checked"
        ));
    }
}

/// Says which files were not looked at because of their names.
fn unreadable(names: &[String]) {
    for name in names {
        complain(&format!(
            "warning: {} cannot be read: its name is not UTF-8, or the folder is closed",
            report::printable(name)
        ));
    }
}

/// Lists the files. Where nothing marks the root, it is the nearest folder that holds what the
/// kustomizations refer to, no higher than the folder in which the user stands; when there is none,
/// the folder that was named.
fn open(named: Place) -> Result<(Place, Arc<Worktree>), String> {
    let list = |place: &Place| match Worktree::open(&place.root) {
        Ok(tree) => Ok(Arc::new(tree)),
        Err(error) => Err(format!("{} cannot be read: {error}", place.root.display())),
    };
    let tree = list(&named)?;
    let Some(top) = current_folder().filter(|_| !named.is_marked()) else {
        return Ok((named, tree));
    };
    let (mut place, mut wider) = (named.clone(), tree.clone());
    while leads_out(&wider, &place.root) {
        let Some(above) = place.widened().filter(|above| above.root.starts_with(&top)) else {
            return Ok((named, tree));
        };
        wider = list(&above)?;
        place = above;
    }
    Ok((place, wider))
}

fn leads_out(tree: &Arc<Worktree>, root: &Path) -> bool {
    let options = RenderOptions {
        root: Some(root.to_path_buf()),
        ..RenderOptions::default()
    };
    let renderer = Renderer::new(tree.clone(), Arc::new(Files::default()), options);
    let folders = tree.files().iter().filter_map(|path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        FILE_NAMES.contains(&name).then_some(folder)
    });
    folders.into_iter().any(|folder| renderer.leads_out(folder))
}

/// Starts the pool of threads that everything below uses. A second command in one process keeps the
/// first one's pool.
fn start_workers(jobs: Option<u16>) -> Result<(), String> {
    /// Deep trees are walked by recursion up to the reader's limit of nesting.
    const STACK: usize = 16 << 20;
    let mut pool = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    if let Some(jobs) = jobs {
        pool = pool.num_threads(usize::from(jobs));
    }
    match pool.build_global() {
        Ok(()) => Ok(()),
        Err(error) if std::error::Error::source(&error).is_some() => {
            Err(format!("the worker threads cannot be started: {error}"))
        }
        Err(_) => Ok(()),
    }
}

/// Reads the configuration. Its mistakes are printed, all of them.
pub fn configuration(
    root: &Path,
    source: &Arc<dyn Source>,
    files: &Arc<Files>,
    named: Option<&Path>,
    color: Color,
) -> Result<Config, String> {
    let (name, bytes) = match named {
        Some(path) => {
            let shown = configuration_name(root, named);
            let bytes = std::fs::read(path)
                .map_err(|error| format!("the configuration {shown} cannot be read: {error}"))?;
            (shown, bytes)
        }
        None => match source.read(CONFIG_FILE) {
            Ok(bytes) => (CONFIG_FILE.to_string(), bytes.to_vec()),
            Err(SourceError::Missing) => match crate::config::misnamed(&**source) {
                Some(name) => {
                    return Err(format!(
                        "`{name}` is not read as the configuration; rename it to `{CONFIG_FILE}`"
                    ));
                }
                None => return Ok(Config::default()),
            },
            Err(error) => {
                return Err(format!(
                    "the configuration {CONFIG_FILE} in {} cannot be read: {error}",
                    root.display()
                ));
            }
        },
    };
    let text =
        String::from_utf8(bytes).map_err(|_| format!("the configuration {name} is not UTF-8"))?;
    let file = files.add(
        &name,
        source.revision_of(&name).as_deref(),
        Arc::from(text.as_str()),
    );
    let problems = match parsed(&text, file) {
        Ok(config) => return Ok(config),
        Err(problems) => problems,
    };
    for problem in &problems {
        let message = Message {
            title: "error[configuration]",
            message: &problem.message,
            help: problem.help.as_deref(),
            origin: problem.origin,
            severity: Severity::Error,
            related: &[],
        };
        let color = color.colored(std::io::stderr().is_terminal());
        complain(&report::frame(
            &message,
            files,
            &report::Options {
                color,
                ..report::Options::default()
            },
        ));
    }
    let count = problems.len();
    Err(format!(
        "the configuration has {count} mistake{}, so nothing was checked",
        if count == 1 { "" } else { "s" }
    ))
}

/// What reports call the configuration: below the root as every other file.
fn configuration_name(root: &Path, config: Option<&Path>) -> String {
    let Some(path) = config else {
        return CONFIG_FILE.to_string();
    };
    let below = path
        .canonicalize()
        .ok()
        .and_then(|real| relative(root, &real));
    below.unwrap_or_else(|| path.display().to_string())
}

fn parsed(text: &str, file: FileId) -> Result<Config, Vec<ConfigProblem>> {
    match yaml::read::read(text, file) {
        Ok(documents) => Config::load(&documents, &crate::rules::known()),
        Err(error) => Err(vec![ConfigProblem {
            message: error.message,
            help: None,
            origin: error.origin,
        }]),
    }
}
