//! The repo that a command works on: root found, files listed, configuration read, overlays rendered. Shared by every
//! command that looks at overlays. Not here: judging (`check`), printing.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::options::{CONFIG_FILE, Color, Place, RepoOptions, complain, current_folder, place, relative};
use crate::config::{Config, ConfigProblem, KnownRule};
use crate::finding::Severity;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{RenderOptions, Renderer};
use crate::repo::Repo;
use crate::report::{self, Message};
use crate::source::git::{Commit, GitError, Repository};
use crate::source::worktree::Worktree;
use crate::source::{Files, Source, SourceError};
use crate::yaml::{self, FileId};

/// A loaded repo.
pub struct Workspace {
    /// Where it lies, and which part was asked about.
    pub place: Place,
    /// The configuration, with what the command line says laid over it.
    pub config: Config,
    /// The repo.
    pub repo: Repo,
    /// How long each step took.
    pub timings: Vec<(&'static str, Duration)>,
}

/// Runs a step and notes how long it took.
pub fn timed<T>(timings: &mut Vec<(&'static str, Duration)>, name: &'static str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    timings.push((name, start.elapsed()));
    result
}

impl Workspace {
    /// Loads the repo of a path. What is wrong with the configuration is printed, all of it; the error says what could not
    /// be done.
    pub fn load(path: &Path, options: &RepoOptions) -> Result<Workspace, String> {
        Workspace::load_at(path, options, None)
    }

    /// The same at a Git revision instead of the work tree.
    pub fn load_at(path: &Path, options: &RepoOptions, revision: Option<&str>) -> Result<Workspace, String> {
        start_workers(options.jobs)?;
        let mut timings = Vec::new();
        let (place, tree) = timed(&mut timings, "list", || open(place(path)?))?;
        for name in tree.unreadable() {
            complain(&format!("warning: {} cannot be read: its name is not UTF-8, or the folder is closed", report::printable(name)));
        }
        let source: Arc<dyn Source> = match revision {
            None => tree,
            Some(revision) => {
                let repository = Arc::new(Repository::open(&place.root).map_err(|error| error.to_string())?);
                let commit = repository.resolve(revision).and_then(|id| repository.commit(&id)).map_err(|error| error.to_string())?;
                Arc::new(repository.tree(&commit))
            }
        };
        let files = Arc::new(Files::default());
        let config =
            timed(&mut timings, "configuration", || configuration(&place.root, &source, &files, options.config.as_deref(), options.color))?;
        for (id, _) in &options.rules {
            if crate::rules::find(id).is_none() && !is_other_rule(id) {
                return Err(format!("--rule: {}", super::unknown_rule(id)));
            }
        }
        let config = with_levels(config, options);
        let repo = timed(&mut timings, "render", || Repo::load_with(source, Some(place.root.clone()), &config, files, &|_, _| None));
        Ok(Workspace { place, config, repo, timings })
    }

    /// The configuration of another revision, and the file in which what it no longer says is reported: the head's, or its own.
    /// `None` where neither has one, or the other one cannot be read.
    pub fn configuration_of(&self, other: &Repo, options: &RepoOptions) -> Option<(Config, FileId)> {
        let name = configuration_name(&self.place.root, options.config.as_deref());
        let read = |repo: &Repo| {
            let bytes = repo.source.read(&name).ok()?;
            let text = String::from_utf8(bytes.to_vec()).ok()?;
            let file = repo.files.add(&name, repo.source.revision(), Arc::from(text.as_str()));
            Some((text, file))
        };
        let (before, now) = (read(other), read(&self.repo));
        let file = now.as_ref().or(before.as_ref()).map(|(_, file)| *file)?;
        let config = before.map_or_else(|| Ok(Config::default()), |(text, file)| parsed(&text, file)).ok()?;
        Some((with_levels(config, options), file))
    }

    /// The Git repository and its head, or the commit of a revision.
    pub fn head(&self, revision: Option<&str>) -> Result<(Arc<Repository>, Commit), String> {
        let told = |error: GitError| error.to_string();
        let repository = Arc::new(Repository::open(&self.place.root).map_err(told)?);
        let id = repository.resolve(revision.unwrap_or("HEAD")).map_err(told)?;
        let commit = repository.commit(&id).map_err(told)?;
        Ok((repository, commit))
    }
}

/// Lists the files. Where nothing marks the root, it is the nearest folder that holds what the kustomizations refer to, no
/// higher than the folder in which the user stands; when there is none, the folder that was named.
fn open(named: Place) -> Result<(Place, Arc<Worktree>), String> {
    let list = |place: &Place| match Worktree::open(&place.root) {
        Ok(tree) => Ok(Arc::new(tree)),
        Err(error) => Err(format!("{} cannot be read: {error}", place.root.display())),
    };
    let tree = list(&named)?;
    let Some(top) = current_folder().filter(|_| !named.is_marked()) else { return Ok((named, tree)) };
    let (mut place, mut wider) = (named.clone(), tree.clone());
    while leads_out(&wider, &place.root) {
        let Some(above) = place.widened().filter(|above| above.root.starts_with(&top)) else { return Ok((named, tree)) };
        wider = list(&above)?;
        place = above;
    }
    Ok((place, wider))
}

fn leads_out(tree: &Arc<Worktree>, root: &Path) -> bool {
    let options = RenderOptions { root: Some(root.to_path_buf()), ..RenderOptions::default() };
    let renderer = Renderer::new(tree.clone(), Arc::new(Files::default()), options);
    let folders = tree.files().iter().filter_map(|path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        FILE_NAMES.contains(&name).then_some(folder)
    });
    folders.into_iter().any(|folder| renderer.leads_out(folder))
}

/// Ids that findings have without being a rule's: policies and what is said about suppressions.
fn is_other_rule(id: &str) -> bool {
    id.starts_with("policy/") || ["policy-error", "unused-suppression", "expired-suppression"].contains(&id)
}

/// Starts the pool of threads that everything below uses. A second command in one process keeps the first one's pool.
fn start_workers(jobs: Option<u16>) -> Result<(), String> {
    /// Deep trees are walked by recursion up to the reader's limit of nesting.
    const STACK: usize = 16 << 20;
    let mut pool = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    if let Some(jobs) = jobs {
        pool = pool.num_threads(usize::from(jobs));
    }
    match pool.build_global() {
        Ok(()) => Ok(()),
        Err(error) if std::error::Error::source(&error).is_some() => Err(format!("the worker threads cannot be started: {error}")),
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
            let bytes = std::fs::read(path).map_err(|error| format!("the configuration {shown} cannot be read: {error}"))?;
            (shown, bytes)
        }
        None => match source.read(CONFIG_FILE) {
            Ok(bytes) => (CONFIG_FILE.to_string(), bytes.to_vec()),
            Err(SourceError::Missing) => return Ok(Config::default()),
            Err(error) => return Err(format!("the configuration {CONFIG_FILE} in {} cannot be read: {error}", root.display())),
        },
    };
    let text = String::from_utf8(bytes).map_err(|_| format!("the configuration {name} is not UTF-8"))?;
    let file = files.add(&name, None, Arc::from(text.as_str()));
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
        complain(&report::frame(&message, files, &report::Options { color, ..report::Options::default() }));
    }
    let count = problems.len();
    Err(format!("the configuration has {count} mistake{}, so nothing was checked", if count == 1 { "" } else { "s" }))
}

/// What reports call the configuration: below the root as every other file.
fn configuration_name(root: &Path, config: Option<&Path>) -> String {
    let Some(path) = config else { return CONFIG_FILE.to_string() };
    let below = path.canonicalize().ok().and_then(|real| relative(root, &real));
    below.unwrap_or_else(|| path.display().to_string())
}

fn parsed(text: &str, file: FileId) -> Result<Config, Vec<ConfigProblem>> {
    let rules: Vec<KnownRule<'_>> =
        crate::rules::all().iter().map(|rule| rule.metadata()).map(|rule| KnownRule { id: rule.id, options: rule.options }).collect();
    match yaml::read::read(text, file) {
        Ok(documents) => Config::load(&documents, &rules),
        Err(error) => Err(vec![ConfigProblem { message: error.message, help: None, origin: error.origin }]),
    }
}

/// Lays the levels of the command line over a configuration.
fn with_levels(mut config: Config, options: &RepoOptions) -> Config {
    for (id, level) in &options.rules {
        config.rules.entry(id.clone()).or_default().level = Some(*level);
    }
    config
}
