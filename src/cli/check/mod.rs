//! `check`: the default command. Loads, runs rules and policies, writes the reports, decides the
//! exit status.

mod fix;
mod page;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser};

use self::fix::Fixed;
use super::Ending;
use super::base::{self, Loaded};
use super::chosen::Chosen;
use super::ci;
use super::error::Error;
use super::hook;
use super::options::{
    FailOn, JudgeOptions, Now, RepoOptions, Target, fail_on, format_help, target,
};
use super::output::{complain, complain_of, say, warn};
use super::patch;
use super::progress::Progress;
use super::reports::{self, Reports};
use super::root::relative;
use super::select::SelectOptions;
use super::watchdog;
use super::workspace::{Head, Workspace};
use crate::check::{self, Baseline, Outcome, PolicySet, Request, Selection, Timings};
use crate::config::CONFIG_FILE;
use crate::edit::write::write_all;
use crate::history::{Authorship, Branch, GitProofs, NoProofs, Proofs};
use crate::names::{self, UnknownName};
use crate::policy::{self, Policies, PolicyFile};
use crate::repo::Repo;
use crate::report::{Format, Page};
use crate::source::SourceError;
use crate::source::git::{GitError, short};
use crate::wording;

/// Arguments of `check`.
#[derive(Args)]
#[group(id = "check")]
pub(super) struct Arguments {
    /// Folders or files to check; references are still resolved across the whole repository
    /// [default: the repository around the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[arg(long = "format", value_name = "FORMAT[=FILE]", value_parser = target, help = format_help())]
    formats: Vec<Target>,
    /// Write the report to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output_file: Option<PathBuf>,
    #[command(flatten)]
    select: SelectOptions,
    #[command(flatten)]
    judge: JudgeOptions,
    #[command(flatten)]
    repo: RepoOptions,
    /// Check only this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Check only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Lowest severity that fails the check
    #[arg(long, value_parser = fail_on(), value_name = "LEVEL", default_value = "error")]
    fail_on: FailOn,
    /// Accept the findings that `--write-baseline` wrote to this file
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Report findings that the configured baseline accepts as well
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
    /// Write a file that accepts all present findings, and pass
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "select", "ignore"])]
    write_baseline: Option<PathBuf>,
    /// Edit the files to resolve findings that have one right answer, then report the others
    #[arg(long, conflicts_with_all = ["staged", "hook", "write_baseline"])]
    fix: bool,
    /// Print the edits of --fix as a patch instead of making them; fails if there are any
    #[arg(long, conflicts_with_all = ["fix", "staged", "hook", "write_baseline"])]
    diff: bool,
    /// Report only what changed since this revision; in CI the default is the target branch of the
    /// pull request
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// Report everything, even in CI where a base revision is known
    #[arg(long, conflicts_with_all = ["base", "staged"])]
    no_base: bool,
    /// Also report findings that already exist at the base
    #[arg(long)]
    all: bool,
    /// Check what is staged instead of the work tree, and report only what it changes; for
    /// pre-commit hooks
    #[arg(long)]
    staged: bool,
    /// Check what pre-commit asks for: what is staged, the revisions that it names, or everything
    #[arg(long, conflicts_with_all = ["base", "no_base", "staged"])]
    hook: bool,
    /// Print only the findings
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,
    /// List the overlays that were checked
    #[arg(long, short)]
    verbose: bool,
    /// Print how long each step took
    #[arg(long)]
    timings: bool,
}

/// Runs the command. Whatever happens, the reports say so.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let mut reports = Reports {
        targets: reports::targets(&arguments.formats, arguments.output_file.as_deref())?,
        quiet: arguments.quiet,
        verbose: arguments.verbose,
        fail_on: arguments.fail_on.0,
        color: arguments.repo.color,
        least: arguments.select.min_severity,
        statistics: arguments.select.statistics,
        notes: Vec::new(),
        page: Page::default(),
        root: None,
    };
    watchdog::start(arguments.repo.limits, Some(reports.clone()));
    let progress = Progress::start("checking the repository", arguments.quiet);
    let judged = baseline(arguments).and_then(|accepted| {
        reports.remove_earlier()?;
        let judged = judge(arguments, accepted.as_ref())?;
        Ok((judged, accepted))
    });
    drop(progress);
    let (mut judged, accepted) =
        judged.inspect_err(|error| reports.write_failure(&error.to_string()))?;
    reports.root = Some(judged.workspace.path.root.clone());
    if let Some(file) = &arguments.write_baseline {
        return write_baseline(file, &judged.outcome);
    }
    arguments.select.apply(&mut judged.outcome);
    if wants_fixes(arguments, &reports, &judged.outcome) {
        crate::fix::attach(&mut judged.outcome.findings, &judged.workspace.repo);
    }
    if arguments.fix || arguments.diff {
        let found = fixes(arguments, &judged, accepted.as_ref())?;
        if arguments.diff {
            let text = found
                .map(|fixed| patch::text(&fixed.files))
                .unwrap_or_default();
            super::output::write(&text).map_err(Error::printing)?;
            return Ok(if text.is_empty() {
                Ending::Passed
            } else {
                Ending::Failed
            });
        }
        if let Some(fixed) = found {
            write_all(&judged.workspace.path.root, &fixed.files)?;
            say(&format!(
                "fixed {} in {}",
                wording::count(fixed.findings, "finding"),
                wording::count(fixed.files.len(), "file")
            ));
            judged = fixed.judged;
            arguments.select.apply(&mut judged.outcome);
        }
    }
    let fails = reports
        .fail_on
        .is_some_and(|level| judged.outcome.fails_at(level));
    reports.page = std::mem::take(&mut judged.page);
    reports.notes = notes(arguments, &judged);
    if let Some(least) = reports.least {
        judged.outcome.keep(|finding| finding.severity >= least);
    }
    let outcome = &judged.outcome;
    judged.timings.step("report", || reports.write(outcome))?;
    if arguments.timings {
        print_timings(&judged.timings.into_steps());
    }
    if let Some(error) = judged.nothing {
        return Err(error);
    }
    Ok(if fails {
        Ending::Failed
    } else {
        Ending::Passed
    })
}

/// The outcome of a check that prints and writes nothing, with the fixes of its findings.
pub(super) fn outcome(arguments: &Arguments) -> Result<Outcome, Error> {
    let accepted = baseline(arguments)?;
    let mut judged = judge(arguments, accepted.as_ref())?;
    if let Some(error) = judged.nothing {
        return Err(error);
    }
    arguments.select.apply(&mut judged.outcome);
    if let Some(least) = arguments.select.min_severity {
        judged.outcome.keep(|finding| finding.severity >= least);
    }
    crate::fix::attach(&mut judged.outcome.findings, &judged.workspace.repo);
    Ok(judged.outcome)
}

/// The outcome of a check of a whole repo, with the usual options.
pub(super) fn whole(path: &Path) -> Result<Outcome, Error> {
    #[derive(Parser)]
    struct Usual {
        #[command(flatten)]
        arguments: Arguments,
    }
    let words = [
        "gitops-lint".as_ref(),
        "--no-base".as_ref(),
        path.as_os_str(),
    ];
    outcome(&Usual::try_parse_from(words)?.arguments)
}

/// The findings of a check.
pub(super) struct JudgedRepo {
    pub(super) outcome: Outcome,
    /// The repo.
    pub(super) workspace: Workspace,
    /// The parts of pages besides the findings.
    page: Page,
    /// The base that it was compared with: `origin/main at cff1309`.
    compared: Option<String>,
    /// True if findings were accepted by a baseline.
    has_baseline: bool,
    /// Why there was nothing to check, although something was expected.
    nothing: Option<Error>,
    timings: Timings,
}

/// Loads the repo and its base, and judges them.
fn judge(arguments: &Arguments, baseline: Option<&Baseline>) -> Result<JudgedRepo, Error> {
    let path = arguments
        .paths
        .first()
        .map_or(Path::new("."), PathBuf::as_path);
    require_no_command(arguments)?;
    arguments.select.require_known()?;
    let revisions = hook::revisions().filter(|_| arguments.hook);
    let head = match &revisions {
        Some((_, to)) => Head::Revision(to),
        None if arguments.staged || arguments.hook => Head::Staged,
        None => Head::Worktree,
    };
    let judge = &arguments.judge;
    judge.require_known_rules()?;
    let from = revisions.as_ref().map(|(from, _)| from.as_str());
    let (workspace, base) = load(arguments, path, head, from)?;
    judge_loaded(arguments, baseline, workspace, base)
}

/// The edits of the findings that have one right answer.
fn fixes(
    arguments: &Arguments,
    judged: &JudgedRepo,
    accepted: Option<&Baseline>,
) -> Result<Option<Fixed>, Error> {
    fix::fixed(judged, &|edited| {
        let base = base_of(arguments, &edited, None)?;
        judge_loaded(arguments, accepted, edited, base)
    })
}

fn has_format(arguments: &Arguments, format: Format) -> bool {
    let mut formats = arguments.formats.iter();
    formats.any(|target| target.format == format)
}

/// Findings up to which the default report says how many have a fix.
const COUNTED: usize = 200;

/// True if a report says which findings have a fix.
fn wants_fixes(arguments: &Arguments, reports: &Reports, outcome: &Outcome) -> bool {
    let formats = reports.targets.iter().map(|target| target.format);
    let is_counted = |format| format == Format::Pretty && outcome.findings.len() <= COUNTED;
    arguments.fix
        || arguments.diff
        || formats.into_iter().any(|format| {
            matches!(format, Format::Json | Format::Sarif | Format::Html) || is_counted(format)
        })
}

/// Judges a loaded repo.
fn judge_loaded(
    arguments: &Arguments,
    baseline: Option<&Baseline>,
    mut workspace: Workspace,
    base: Option<Loaded>,
) -> Result<JudgedRepo, Error> {
    let judge = &arguments.judge;
    let configured = match baseline {
        Some(_) => None,
        None => configured_baseline(arguments, &workspace, base.as_ref())?,
    };
    let baseline = baseline.or(configured.as_ref());
    let selection = selection(arguments, &workspace)?;
    let now = Now::or_clock(judge.now.as_ref());
    let policy_options = judge.policy_options(&now);
    let policies = policies(&workspace, judge, &policy_options)?;
    let mut timings = std::mem::take(&mut workspace.timings);
    let authorship = match &base {
        Some(base) => base::authorship(&workspace, base)?,
        None => Authorship::default(),
    };
    let proofs = proofs(&workspace, base.as_ref());
    let log = policy::Log::new(judge.trace);
    let outcome = check::run(Request {
        levels: &judge.rules,
        base: base.as_ref().map(|loaded| &loaded.base),
        everything: arguments.all,
        proofs: Some(&*proofs),
        authorship,
        policies: Some(PolicySet {
            policies: &policies,
            options: &policy_options,
            log: Some(&log),
            named_by_caller: !judge.policies.is_empty(),
        }),
        selection: selection.clone(),
        baseline,
        ..Request::new(&workspace.repo, &workspace.config, now)
    });
    timings.extend(&outcome.timings);
    for line in log.lines() {
        say(&crate::report::printable(&line));
    }
    if let Some(base) = base
        .as_ref()
        .filter(|_| outcome.counts.known > 0 && !arguments.quiet)
    {
        say(&hidden(outcome.counts.known, &short(&base.commit.id)));
    }
    workspace.whole()?;
    let nothing =
        !outcome.checked_anything() && (!outcome.narrowed || workspace.repo.overlays.is_empty());
    let level = arguments.fail_on.0;
    let fails = level.is_some_and(|level| outcome.fails_at(level));
    let nothing = if !fails && !nothing && lost_environments(&workspace.repo, base.as_ref()) {
        let base = base.as_ref().map(|loaded| short(&loaded.commit.id));
        Some(Error::NothingCompared(base.unwrap_or_default()))
    } else {
        nothing.then(|| Error::NothingChecked(why_nothing(&selection, &outcome, &workspace)))
    };
    drop(proofs);
    Ok(JudgedRepo {
        page: page::of(&workspace, base.as_ref(), &outcome, &|format| {
            has_format(arguments, format)
        }),
        compared: base.as_ref().map(|base| base.name()),
        has_baseline: baseline.is_some(),
        workspace,
        nothing,
        outcome,
        timings,
    })
}

/// The accepted findings.
fn baseline(arguments: &Arguments) -> Result<Option<Baseline>, Error> {
    let file = arguments.baseline.as_deref();
    file.map(read_baseline).transpose()
}

/// Loads the repo and the base revision. A folder that the change makes a repository of its own, by a
/// configuration in it, is still checked with the configuration that its base has.
fn load(
    arguments: &Arguments,
    path: &Path,
    head: Head<'_>,
    hook_from: Option<&str>,
) -> Result<(Workspace, Option<Loaded>), Error> {
    let mut passed: Vec<PathBuf> = Vec::new();
    let options = RepoOptions {
        target: arguments.base.clone().or(hook_from.map(str::to_string)),
        ..arguments.repo.clone()
    };
    loop {
        let mut workspace = Workspace::load_without(path, &options, head, &passed)?;
        let mut timings = std::mem::take(&mut workspace.timings);
        let base = timings.step("base", || base_of(arguments, &workspace, hook_from))?;
        workspace.timings = timings;
        let is_new_root = |base: &Loaded| workspace.is_root_only_since(&base.base.repo);
        if !base.as_ref().is_some_and(is_new_root) {
            return Ok((workspace, base));
        }
        let root = workspace.path.root.clone();
        warn(&format!(
            "{} is new, so it does not apply to the change that adds it",
            root.join(CONFIG_FILE).display()
        ));
        passed.push(root);
    }
}

/// True if no overlay belongs to an environment, and none is left of those that the base had: who
/// renames the folders of all environments does not escape the comparison.
fn lost_environments(repo: &Repo, base: Option<&Loaded>) -> bool {
    let has = |repo: &Repo| repo.overlays.iter().any(|one| one.environment.is_some());
    base.is_some_and(|base| has(&base.base.repo)) && !has(repo)
}

/// Says how many findings are hidden because the base has them too.
fn hidden(findings: usize, base: &str) -> String {
    let count = wording::count(findings, "finding");
    match findings {
        1 => format!("{count} hidden: it already exists at the base {base}; `--all` shows it"),
        _ => format!("{count} hidden: they already exist at the base {base}; `--all` shows them"),
    }
}

/// The base revision. It is an error if the revision that `--base` or CI names does not exist:
/// without it, the check would answer another question.
fn base_of(
    arguments: &Arguments,
    workspace: &Workspace,
    hook_from: Option<&str>,
) -> Result<Option<Loaded>, Error> {
    let options = &arguments.repo;
    if let Some(revision) = arguments.base.as_deref().or(hook_from) {
        let option = if hook_from.is_some() {
            hook::FROM
        } else {
            "--base"
        };
        return base::load(workspace, revision, options)
            .map(Some)
            .map_err(|error| Error::from(error).of(option));
    }
    if arguments.staged || arguments.hook {
        return match base::load_exactly(workspace, "HEAD", options) {
            // `pre-commit run --all-files` outside of a commit: nothing is staged
            Ok(base) if arguments.hook && base.base.changed.is_empty() && !hook::is_in_commit() => {
                Ok(None)
            }
            Ok(base) => Ok(Some(base)),
            // before the first commit there is no base: every finding is new
            Err(GitError::Unborn) => Ok(None),
            Err(error) => Err(Error::from(error).of("--staged")),
        };
    }
    let mut first = None;
    for (revision, variable) in ci::from_environment()
        .into_iter()
        .filter(|_| !arguments.no_base)
    {
        match base::load(workspace, &revision, options) {
            // GitHub's pull_request_target checks out the target branch, not the proposed change;
            // Prow reports the merged revision as its base
            Ok(base)
                if base.base.changed.is_empty()
                    && workspace
                        .head_commit()
                        .is_ok_and(|head| head.id == base.commit.id) =>
            {
                warn(&format!(
                    "the base {revision} of {variable} is the checked-out commit, so all findings are reported"
                ));
                return Ok(None);
            }
            Ok(base) => return Ok(Some(base)),
            // another name would answer another question
            Err(error @ GitError::Ambiguous(..)) => {
                return Err(Error::BaseOfCi {
                    revision,
                    variable,
                    error,
                });
            }
            Err(error) => first = first.or(Some((revision, variable, error))),
        }
    }
    match first {
        // CI describes a clone, but the checked folder is outside of it
        None | Some((_, _, GitError::NotARepository)) => Ok(None),
        Some((revision, variable, error)) => Err(Error::BaseOfCi {
            revision,
            variable,
            error,
        }),
    }
}

/// The Git history of the base, or of the head if there is no base.
pub(super) fn proofs<'r>(
    workspace: &'r Workspace,
    base: Option<&'r Loaded>,
) -> Box<dyn Proofs + 'r> {
    let open = || -> Result<GitProofs<'r>, GitError> {
        let Some(base) = base else {
            return Ok(GitProofs::new(workspace.branch()?));
        };
        Ok(GitProofs::new(Branch {
            repository: workspace.git()?,
            config: &base.base.config,
            repo: base.base.compared(),
            commit: base.commit.clone(),
            root: Some(workspace.path.root.clone()),
        }))
    };
    match open() {
        Ok(proofs) => Box::new(proofs),
        Err(error) => Box::new(NoProofs {
            reason: error.to_string(),
        }),
    }
}

/// The configured policies and those of the command line. All their problems are printed.
pub(super) fn policies(
    workspace: &Workspace,
    options: &JudgeOptions,
    policy_options: &policy::Options,
) -> Result<Policies, Error> {
    let mut files = Vec::new();
    for path in &options.policies {
        files.extend(super::policy::files(path).map_err(|error| error.of("--policy"))?);
    }
    // as conftest does, Rego files among the data are loaded as policies
    let (rego, data): (Vec<PathBuf>, Vec<PathBuf>) =
        options.data.iter().cloned().partition(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rego")
        });
    for path in &rego {
        let found = super::policy::files(path).map_err(|error| error.of("--data"))?;
        let is_known = |path: &str| files.iter().any(|file: &PolicyFile| file.path == path);
        let new: Vec<PolicyFile> = found
            .into_iter()
            .filter(|file| !is_known(&file.path))
            .collect();
        files.extend(new);
    }
    let data = super::policy::data(&data)?;
    policy::load(
        &*workspace.repo.source,
        &workspace.config,
        policy::Added { files, data },
        policy_options,
    )
    .map_err(|problems| {
        for problem in &problems {
            complain_of("error", &problem.to_string());
        }
        Error::Policies { undone: "checked" }
    })
}

/// The baseline that the configuration names. What counts for a change is the baseline of its base: it
/// cannot accept its own findings.
fn configured_baseline(
    arguments: &Arguments,
    workspace: &Workspace,
    base: Option<&Loaded>,
) -> Result<Option<Baseline>, Error> {
    if arguments.no_baseline || arguments.write_baseline.is_some() {
        return Ok(None);
    }
    let (config, repo) = match base {
        Some(base) => (&base.base.config, &base.base.repo),
        None => (&workspace.config, &workspace.repo),
    };
    let Some((path, _)) = &config.baseline else {
        return Ok(None);
    };
    let bytes = match repo.source.read(path) {
        Ok(bytes) => bytes,
        Err(SourceError::Missing) if base.is_some() => return Ok(None),
        Err(SourceError::Missing) => {
            return Err(Error::Missing {
                what: format!("the configured baseline {path}"),
                help: "; `gitops-lint check --write-baseline` with this path writes it".to_string(),
            });
        }
        Err(error) => {
            let what = format!("the configured baseline {path}");
            return Err(Error::reading_source(what, &error));
        }
    };
    let baseline = Baseline::parse(&String::from_utf8_lossy(&bytes));
    baseline.map(Some).map_err(|error| Error::Baseline {
        file: PathBuf::from(path),
        error,
    })
}

fn read_baseline(path: &Path) -> Result<Baseline, Error> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::reading(format!("the baseline {shown}"), &error))?;
    Baseline::parse(&text).map_err(|error| Error::Baseline {
        file: path.to_path_buf(),
        error,
    })
}

/// The selection of the options.
fn selection(arguments: &Arguments, workspace: &Workspace) -> Result<Selection, Error> {
    let repo = &workspace.repo;
    let chosen = Chosen::new(repo, &arguments.environments, &arguments.apps)?;
    Ok(Selection {
        paths: paths(arguments, workspace)?,
        environments: chosen.environment_names(repo),
        apps: arguments.apps.clone(),
    })
}

/// The paths that the arguments name, relative to the root; empty for all of it.
fn paths(arguments: &Arguments, workspace: &Workspace) -> Result<Vec<String>, Error> {
    let mut paths = vec![workspace.path.path.clone()];
    for path in arguments.paths.iter().skip(1) {
        let shown = path.display();
        let real = path
            .canonicalize()
            .map_err(|error| Error::reading(format!("`{shown}`"), &error))?;
        let below = relative(&workspace.path.root, &real);
        paths.push(below.ok_or(Error::Usage(
            "the paths belong to different repositories; check one at a time",
        ))?);
    }
    // the root includes every other path
    if paths.iter().any(String::is_empty) {
        paths.clear();
    }
    Ok(paths)
}

/// An error if the only path is a misspelt command: `chek`.
fn require_no_command(arguments: &Arguments) -> Result<(), Error> {
    let [path] = arguments.paths.as_slice() else {
        return Ok(());
    };
    let typed = path.to_string_lossy();
    let commands = super::command_names();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let meant = names::nearest(&typed, &commands).filter(|_| !path.exists());
    match meant {
        Some(_) => Err(UnknownName::new("command or path", &typed, &commands).into()),
        None => Ok(()),
    }
}

/// Writes the accepted findings.
fn write_baseline(file: &Path, outcome: &Outcome) -> Result<Ending, Error> {
    reports::save(file, Baseline::text(&outcome.findings).as_bytes())
        .map_err(|error| Error::writing(file, error))?;
    let count = wording::count(outcome.findings.len(), "finding");
    let shown = file.display();
    say(&format!(
        "{count} accepted in {shown}; `gitops-lint check --baseline {shown}` reports only other ones, and so does every check with `baseline: {shown}` in {CONFIG_FILE}"
    ));
    Ok(Ending::Passed)
}

/// Findings from which on a first run gets advice.
const MANY: usize = 10;

/// The revisions that were compared, and the next step.
fn notes(arguments: &Arguments, judged: &JudgedRepo) -> Vec<String> {
    let outcome = &judged.outcome;
    let mut notes = Vec::new();
    let is_first =
        judged.compared.is_none() && !judged.has_baseline && arguments.select.select.is_empty();
    let has_many = outcome.counts.errors + outcome.counts.warnings >= MANY;
    if let Some(worst) = outcome
        .findings
        .iter()
        .max_by_key(|located| located.finding.severity)
        .filter(|_| is_first && has_many)
    {
        notes.push(format!(
            "next: `gitops-lint rules {}` explains a rule; `gitops-lint check --write-baseline baseline.json` accepts these findings; `gitops-lint init` writes a configuration",
            worst.finding.rule
        ));
    }
    let fixes = outcome
        .findings
        .iter()
        .filter(|located| located.fix.is_some());
    match fixes.count() {
        0 => {}
        1 => notes.push("1 finding has a fix; `gitops-lint check --fix` edits the file".to_string()),
        number => notes.push(format!(
            "{number} findings have a fix; `gitops-lint check --fix` edits the files, and `--diff` shows the edits"
        )),
    }
    if outcome.stale > 0 && !outcome.narrowed && arguments.paths.is_empty() {
        notes.push(format!(
            "stale baseline: {} no longer found; write it again with --write-baseline",
            wording::count(outcome.stale, "accepted finding")
        ));
    }
    let repo = &judged.workspace.repo;
    if repo.overlays.len() > 1 && repo.overlays.iter().all(|one| one.environment.is_none()) {
        notes.push(
            "no overlay belongs to an environment, so none is compared with another".to_string(),
        );
    }
    notes.extend(
        judged
            .compared
            .as_ref()
            .map(|base| format!("compared with {base}")),
    );
    notes
}

/// The message if no overlay was checked: the reason, and what was found instead.
fn why_nothing(selection: &Selection, outcome: &Outcome, workspace: &Workspace) -> String {
    if !selection.is_whole() {
        return "no overlay matches the path, --app and --environment".to_string();
    }
    let names: Vec<&str> = outcome
        .unseen
        .iter()
        .map(|(unseen, _)| unseen.name.as_str())
        .collect();
    let why = "no folder with a kustomization has an environment in its path; `layout` in .gitops-lint.yaml says where apps and environments are";
    if names.is_empty() && !workspace.path.is_marked() {
        let root = workspace.path.root.display();
        return format!("{root} is in no Git repository, and below it {why}");
    }
    if names.is_empty() {
        return why.to_string();
    }
    let listed = wording::listed(&names, 3);
    format!("{why}. What the repository applies cannot be followed yet: {listed}")
}

fn print_timings(timings: &[(&'static str, Duration)]) {
    let names = timings.iter().map(|(name, _)| name.len());
    let width = names.max().unwrap_or_default();
    let line = |name: &str, time: Duration| {
        complain(&format!(
            "{name:>width$} {:>9.1} ms",
            time.as_secs_f64() * 1000.0
        ))
    };
    for (name, time) in timings {
        line(name, *time);
    }
    line("total", timings.iter().map(|(_, time)| *time).sum());
}
