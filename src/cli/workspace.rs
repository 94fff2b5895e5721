//! The repo that a command works on: its root, files, configuration and overlays. Every command
//! that looks at overlays loads one.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::ci;
use super::error::Error;
use super::options::{self, Color, Now, RepoOptions};
use super::output::{complain, warn, width_of};
use super::root::{self, RepoPath, current_folder, relative};
use super::watchdog;
use crate::check::{self, Timings};
use crate::config::{CONFIG_FILE, Config};
use crate::edit::write::EditedFile;
use crate::finding::Severity;
use crate::history::{Branch, End, Walk};
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{RenderOptions, Renderer};
use crate::repo::Repo;
use crate::report::{self, Message};
use crate::source::beside::Beside;
use crate::source::git::{ChangedPath, Commit, GitError, Repository, hex, is_bare};
use crate::source::index::Staged;
use crate::source::memory::Memory;
use crate::source::refs::{Refs, WithRefs};
use crate::source::worktree::Worktree;
use crate::source::{Files, Source, SourceError};
use crate::wording;
use crate::yaml::FileId;

/// Which files of a repo a command looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head<'a> {
    /// The work tree, with uncommitted changes; the commit at `HEAD` if there is no work tree.
    Worktree,
    /// The staged files: the next commit.
    Staged,
    /// A revision.
    Revision(&'a str),
}

/// The files of a head, in the form that can be compared with a tree of Git.
#[derive(Clone)]
enum HeadFiles {
    Worktree(Arc<Worktree>),
    Staged(Arc<Staged>),
    Commit(Box<Commit>),
}

/// A loaded repo.
pub(super) struct Workspace {
    /// The path that the user named.
    pub(super) path: RepoPath,
    /// The configuration.
    pub(super) config: Config,
    /// The repo.
    pub(super) repo: Arc<Repo>,
    /// The duration of each step.
    pub(super) timings: Timings,
    head: HeadFiles,
    git: OnceLock<Result<Arc<Repository>, GitError>>,
    /// The files whose text an edit replaces, which is not on disk yet.
    edited: Vec<String>,
}

impl Workspace {
    /// Loads the repo of a path. Mistakes in the configuration are printed, all of them.
    pub(super) fn load(path: &Path, options: &RepoOptions) -> Result<Workspace, Error> {
        Workspace::load_at(path, options, Head::Worktree)
    }

    /// Loads the repo with the files of the work tree, the index or a revision.
    pub(super) fn load_at(
        path: &Path,
        options: &RepoOptions,
        head: Head<'_>,
    ) -> Result<Workspace, Error> {
        Workspace::load_without(path, options, head, &[])
    }

    /// The same; the configurations in some folders do not make them roots.
    pub(super) fn load_without(
        path: &Path,
        options: &RepoOptions,
        head: Head<'_>,
        passed: &[PathBuf],
    ) -> Result<Workspace, Error> {
        watchdog::start(options.limits, None);
        start_workers(options.jobs)?;
        let mut timings = Timings::default();
        let (path, head, source, git) =
            timings.step("list", || files_of(root::find_without(path, passed)?, head))?;
        let files = Arc::new(Files::default());
        unreadable(&*source);
        let refs = Refs::new(&path.root, ci::target(options));
        let source: Arc<dyn Source> = Arc::new(WithRefs::none(source, Arc::new(refs)));
        let config = timings.step("configuration", || {
            configuration(
                &path.root,
                &source,
                &files,
                options.config.as_deref(),
                options.color,
            )
        })?;
        refs_are_here(&config, &*source)?;
        let repo = timings.step("discover", || {
            Repo::load_with(source, Some(path.root.clone()), &config, files)
        });
        let workspace = Workspace {
            path,
            config,
            repo: check::lasting(repo),
            timings,
            head,
            git,
            edited: Vec::new(),
        };
        workspace.whole()?;
        Ok(workspace)
    }

    /// The repo as it will be when edited files are on disk.
    pub(super) fn with_edits(&self, files: &[EditedFile]) -> Workspace {
        let edited: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let texts = files.iter().map(|file| (&*file.path, &*file.after));
        let source = Arc::new(Beside::new(
            self.repo.source.clone(),
            Arc::new(Memory::new(texts)),
            edited.iter().map(|path| Arc::from(path.as_str())),
        ));
        let root = Some(self.path.root.clone());
        let repo = Repo::load_with(source, root, &self.config, Arc::default());
        Workspace {
            path: self.path.clone(),
            config: self.config.clone(),
            repo: check::lasting(repo),
            timings: Timings::default(),
            head: self.head.clone(),
            git: self.git.clone(),
            edited,
        }
    }

    /// The configuration of another revision, and the file in which findings about it are reported:
    /// the head's configuration, or its own if the head has none. `None` if neither revision has
    /// one, or the other one cannot be read.
    pub(super) fn configuration_of(
        &self,
        other: &Repo,
        options: &RepoOptions,
    ) -> Option<(Config, FileId)> {
        let name = configuration_name(&self.path.root, options.config.as_deref());
        let read = |repo: &Repo| written(&*repo.source, &repo.files, &name);
        let (before, now) = (read(other), read(&self.repo));
        let file = match (&now, &before) {
            (Written::Here(_, file), _) | (Written::Nowhere, Written::Here(_, file)) => *file,
            (Written::Unusable(Some(file)), _) => *file,
            _ => return None,
        };
        match before {
            Written::Here(config, _) => Some((*config, file)),
            Written::Nowhere => Some((Config::default(), file)),
            Written::Unusable(_) => None,
        }
    }

    /// The name of the configuration in reports.
    pub(super) fn configuration_name(&self, options: &RepoOptions) -> String {
        configuration_name(&self.path.root, options.config.as_deref())
    }

    /// True if the root is a folder inside a repository, and only a configuration that the other
    /// revision does not have makes it one.
    pub(super) fn is_root_only_since(&self, other: &Repo) -> bool {
        let root = &self.path.root;
        !root.join(".git").exists()
            && root.join(CONFIG_FILE).is_file()
            && other.source.kind(CONFIG_FILE).is_none()
    }

    /// The Git repository around the root.
    pub(super) fn git(&self) -> Result<&Arc<Repository>, GitError> {
        self.git
            .get_or_init(|| repository(&self.path.root))
            .as_ref()
            .map_err(GitError::clone)
    }

    /// An error if Git could not read everything, because results from a partial tree may be wrong.
    pub(super) fn whole(&self) -> Result<(), Error> {
        let gaps = self
            .git
            .get()
            .and_then(|git| git.as_ref().ok())
            .and_then(|git| git.gaps().message());
        gaps.map_or(Ok(()), |gaps| Err(Error::IncompleteClone(gaps)))
    }

    /// The commit of the head. For a work tree or the index, the last commit.
    pub(super) fn head_commit(&self) -> Result<Commit, GitError> {
        match &self.head {
            HeadFiles::Commit(commit) => Ok((**commit).clone()),
            _ => self
                .git()?
                .resolve("HEAD")
                .and_then(|id| self.git()?.commit(&id)),
        }
    }

    /// The branch whose newest commit is the head.
    pub(super) fn branch(&self) -> Result<Branch<'_>, GitError> {
        Ok(Branch {
            repository: self.git()?,
            config: &self.config,
            repo: &self.repo,
            commit: self.head_commit()?,
            root: Some(self.path.root.clone()),
        })
    }

    /// The paths in which the head's files differ from those of a commit.
    pub(super) fn changed_since(&self, commit: &Commit) -> Result<Vec<ChangedPath>, GitError> {
        let mut changed = self.changed_on_disk(commit)?;
        let is_known =
            |path: &str, changed: &[ChangedPath]| changed.iter().any(|one| one.path == path);
        for path in &self.edited {
            if !is_known(path, &changed) {
                changed.push(ChangedPath {
                    path: path.clone(),
                    before: None,
                    after: None,
                    submodule: false,
                });
            }
        }
        changed.sort();
        Ok(changed)
    }

    fn changed_on_disk(&self, commit: &Commit) -> Result<Vec<ChangedPath>, GitError> {
        let repository = self.git()?;
        match &self.head {
            HeadFiles::Worktree(tree) => {
                let (changed, unseen) = tree.changed_since(repository, &commit.tree)?;
                if let Some(first) = unseen.first() {
                    let (count, first) = (wording::count(unseen.len(), "file"), first);
                    let more = if unseen.len() > 1 { " and others" } else { "" };
                    warn(&format!(
                        "{count} of the change not checked, left out by the sparse checkout: {first}{more}"
                    ));
                }
                Ok(changed)
            }
            HeadFiles::Staged(staged) => staged.changed_since(&commit.tree),
            HeadFiles::Commit(head) => repository.changed_paths(&commit.tree, &head.tree),
        }
    }

    /// The configuration for loading another revision: its own. If it cannot be read, or if
    /// `--config` names a file, the configuration of the head.
    pub(super) fn configuration_at(&self, source: &dyn Source, options: &RepoOptions) -> Config {
        if options.config.is_some() {
            return self.config.clone();
        }
        match written(source, &self.repo.files, CONFIG_FILE) {
            Written::Here(config, _) => *config,
            Written::Nowhere => Config::default(),
            Written::Unusable(_) => self.config.clone(),
        }
    }
}

/// An error if the clone lacks the branch of an environment: nothing of it would be looked at.
fn refs_are_here(config: &Config, source: &dyn Source) -> Result<(), Error> {
    let Some(refs) = source.refs() else {
        return Ok(());
    };
    let here = refs.here();
    let configured = config.environments.iter();
    let named = configured.filter_map(|one| Some((&one.name, one.reference.as_deref()?)));
    for (environment, reference) in named {
        if here.as_deref() != Some(reference) && refs.commit(reference).is_none() {
            return Err(Error::MissingRef {
                environment: environment.clone(),
                reference: reference.to_string(),
            });
        }
    }
    Ok(())
}

/// The configuration as a revision has it.
enum Written {
    /// It has this one.
    Here(Box<Config>, FileId),
    /// It has none.
    Nowhere,
    /// It cannot be read, or has mistakes.
    Unusable(Option<FileId>),
}

fn written(source: &dyn Source, files: &Files, name: &str) -> Written {
    let bytes = match source.read(name) {
        Ok(bytes) => bytes,
        Err(SourceError::Missing) => return Written::Nowhere,
        Err(_) => return Written::Unusable(None),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Written::Unusable(None);
    };
    let file = files.add(name, source.revision_of(name).as_deref(), Arc::from(text));
    match check::configuration(text, file) {
        Ok(config) => Written::Here(Box::new(config), file),
        Err(_) => Written::Unusable(Some(file)),
    }
}

type Git = OnceLock<Result<Arc<Repository>, GitError>>;

/// The files to look at.
fn files_of(
    named: RepoPath,
    head: Head<'_>,
) -> Result<(RepoPath, HeadFiles, Arc<dyn Source>, Git), Error> {
    let revision = match head {
        Head::Worktree if is_bare(&named.root) => "HEAD",
        Head::Worktree => {
            let (path, tree) = open(named)?;
            let has_no_tree =
                || repository(&path.root).is_ok_and(|repository| !repository.has_worktree());
            if let Some(first) = tree.linked().first().filter(|_| has_no_tree()) {
                return Err(Error::LinkedWorktreesOnly {
                    root: path.root,
                    tree: first.to_string(),
                });
            }
            left_out(tree.left_out());
            return Ok((
                path,
                HeadFiles::Worktree(tree.clone()),
                tree,
                OnceLock::new(),
            ));
        }
        Head::Staged => "",
        Head::Revision(revision) => revision,
    };
    let repository = repository(&named.root)?;
    let git = OnceLock::from(Ok(repository.clone()));
    if head == Head::Staged {
        let staged = Staged::open(repository).map_err(|error| Error::from(error).of("--staged"))?;
        let staged = Arc::new(staged);
        left_out(staged.left_out());
        return Ok((named, HeadFiles::Staged(staged.clone()), staged, git));
    }
    let commit = repository
        .resolve(revision)
        .and_then(|id| repository.commit(&id))?;
    let tree = Arc::new(repository.tree(&commit));
    Ok((named, HeadFiles::Commit(Box::new(commit)), tree, git))
}

/// The Git repository around a folder. Git gives a hook the index of the commit in progress in
/// GIT_INDEX_FILE. With `commit -a` or `commit PATH`, that is not the usual index.
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
    // the variable is about the repository in which the hook runs
    let here = current_folder().is_some_and(|folder| folder.starts_with(repository.top()));
    Ok(Arc::new(repository.with_index(index.filter(|_| here))))
}

/// The revision that a text names: itself or, for a date, the last commit of that day or time on the
/// line of first parents.
pub(super) fn revision_at(path: &Path, text: &str) -> Result<String, Error> {
    const DAY: i64 = 24 * 60 * 60;
    let Ok(Now(time)) = options::now(text) else {
        return Ok(text.to_string());
    };
    let repository = repository(&root::find(path)?.root)?;
    // a tag may be named like a date
    if repository.resolve(text).is_ok() {
        return Ok(text.to_string());
    }
    let is_day = text.len() <= "2027-01-31".len();
    let end = time.timestamp().as_second() + if is_day { DAY - 1 } else { 0 };
    let head = repository.resolve("HEAD")?;
    for commit in repository.first_parents(&head) {
        let commit = commit?;
        if commit.time <= end {
            return Ok(hex(&commit.id));
        }
    }
    Err(Error::NoCommitBefore(text.to_string()))
}

/// Says that the history is not known as far as it goes.
pub(super) fn warn_of_history(reason: &str) {
    warn(&format!("the history is incomplete: {reason}"));
}

/// Says that a walk through the history ended early, or left overlays out.
pub(super) fn warn_of_gaps(repo: &Repo, walk: &Walk<'_>, end: &End) {
    if let End::Truncated(reason) = end {
        warn_of_history(reason);
    }
    let unrendered = walk.unrendered().into_iter();
    let unrendered = unrendered
        .filter_map(|(overlay, reason)| Some((&*repo.overlays.get(overlay)?.path, reason)));
    warn_of_overlays(unrendered);
}

/// Says which overlays are not known as far back as the history goes: their paths, each with the reason.
pub(super) fn warn_of_overlays<'o>(overlays: impl Iterator<Item = (&'o str, &'o str)>) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, reason) in overlays {
        by_reason.entry(reason).or_default().push(path);
    }
    for (reason, paths) in by_reason {
        let of_each = if paths.len() > 1 { "for each, " } else { "" };
        let paths = wording::listed(&paths, 3);
        warn(&format!(
            "the history of {paths} is incomplete: {of_each}{reason}"
        ));
    }
}

/// Says that files were not looked at because the checkout is sparse.
fn left_out(files: usize) {
    if files > 0 {
        let count = wording::count(files, "file");
        warn(&format!(
            "{count} left out by the sparse checkout; objects that only they define are not checked"
        ));
    }
}

/// Says what cannot be read. `check` also reports it as findings.
fn unreadable(source: &dyn Source) {
    for (path, reason) in source.unreadable() {
        warn(&format!("{path} cannot be read: {reason}"));
    }
}

/// Lists the files. If nothing marks the root, the root is the nearest folder that contains
/// everything that the kustomizations refer to, up to the current folder. If there is none, it is
/// the folder that was named.
fn open(named: RepoPath) -> Result<(RepoPath, Arc<Worktree>), Error> {
    let is_marked = named.is_marked();
    let list = |root: &Path| {
        let opened = match is_marked {
            true => Worktree::open(root),
            false => Worktree::open_anywhere(root),
        };
        match opened {
            Ok(tree) => Ok(Arc::new(tree)),
            Err(SourceError::TooMany(most)) => Err(Error::NoRepository {
                root: root.to_path_buf(),
                most,
            }),
            Err(error) => Err(Error::reading_source(root.display().to_string(), &error)),
        }
    };
    let tree = list(&named.root)?;
    let Some(top) = current_folder().filter(|_| !named.is_marked()) else {
        return Ok((named, tree));
    };
    let (mut path, mut wider) = (named.clone(), tree.clone());
    while leads_out(&wider, &path.root) {
        let Some(above) = path.widened().filter(|above| above.root.starts_with(&top)) else {
            return Ok((named, tree));
        };
        wider = list(&above.root)?;
        path = above;
    }
    Ok((path, wider))
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

/// Starts the global pool of threads. A second call in the same process keeps the first pool.
fn start_workers(jobs: Option<u16>) -> Result<(), Error> {
    /// Deep trees are walked by recursion up to the reader's limit of nesting.
    const STACK: usize = 16 << 20;
    let mut pool = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    if let Some(jobs) = jobs {
        pool = pool.num_threads(usize::from(jobs));
    }
    match pool.build_global() {
        Ok(()) => Ok(()),
        Err(error) if std::error::Error::source(&error).is_some() => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Reads the configuration. Its mistakes are printed, all of them.
pub(super) fn configuration(
    root: &Path,
    source: &Arc<dyn Source>,
    files: &Arc<Files>,
    named: Option<&Path>,
    color: Color,
) -> Result<Config, Error> {
    let (name, bytes) = match named {
        Some(path) => {
            let shown = configuration_name(root, named);
            let bytes = std::fs::read(path)
                .map_err(|error| Error::reading(format!("the configuration {shown}"), &error))?;
            (shown, bytes)
        }
        None => match source.read(CONFIG_FILE) {
            Ok(bytes) => match crate::config::second(&**source) {
                Some(found) => return Err(Error::SecondConfiguration { found }),
                None => (CONFIG_FILE.to_string(), bytes.to_vec()),
            },
            Err(SourceError::Missing) => match crate::config::misnamed(&**source) {
                Some(found) => return Err(Error::MisnamedConfiguration { found }),
                None => return Ok(Config::default()),
            },
            Err(error) => {
                let what = format!("the configuration {CONFIG_FILE} in {}", root.display());
                return Err(Error::reading_source(what, &error));
            }
        },
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::NotUtf8(format!("the configuration {name}")))?;
    let file = files.add(
        &name,
        source.revision_of(&name).as_deref(),
        Arc::from(text.as_str()),
    );
    let problems = match check::configuration_with_files(&text, file, &**source) {
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
        let stderr = std::io::stderr();
        let (color, width) = (color.colored(stderr.is_terminal()), width_of(&stderr));
        complain(&report::frame(
            &message,
            files,
            &report::Options {
                color,
                width,
                ..report::Options::default()
            },
        ));
    }
    Err(Error::Configuration(problems.len()))
}

/// The name of the configuration in reports: its path below the root, if it is there.
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
