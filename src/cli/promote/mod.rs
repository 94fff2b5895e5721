//! `promote`: writes into production the versions that staging proved, and says in the words of a
//! pull request which.
//!
//! `proof` asks the history and the rules, `draft` holds what is promoted and what is not, `print`
//! writes it, `commit` makes a commit of it.

mod commit;
mod draft;
mod print;
mod proof;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::base::{self, Loaded};
use super::error::Error;
use super::options::{JudgeOptions, RepoOptions, TextJsonOrMarkdown};
use super::paint::{self, Look};
use super::workspace::Workspace;
use super::{Ending, output};
use crate::edit::write::write_all;
use crate::promote;
use crate::repo::{Overlay, Pair, Repo};
use crate::report::safe_text;
use draft::Draft;

/// Arguments of `promote`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Apps to promote
    #[arg(value_name = "APP")]
    apps: Vec<String>,
    /// Promote every app whose versions differ
    #[arg(long, conflicts_with = "apps")]
    all: bool,
    /// Environment that proved the versions [default: the one before --to]
    #[arg(long, value_name = "ENVIRONMENT")]
    from: Option<String>,
    /// Environment that gets the versions
    #[arg(long, value_name = "ENVIRONMENT")]
    to: String,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Show the edits without making them
    #[arg(long, short = 'n', conflicts_with = "commit")]
    dry_run: bool,
    /// Commit the edits on a new branch; nothing is pushed
    #[arg(long)]
    commit: bool,
    /// Name of the new branch [default: promote-APP-to-ENVIRONMENT]
    #[arg(long, value_name = "NAME", requires = "commit")]
    branch: Option<String>,
    /// Revision at which the earlier environment must run the versions
    /// [default: the remote's main branch, else HEAD]
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// Also promote a version that the environment ran before its present one
    #[arg(long)]
    rollback: bool,
    /// Output format; `markdown` prints the title and text of a pull request
    #[arg(long, value_enum, default_value = "text")]
    format: TextJsonOrMarkdown,
    #[command(flatten)]
    judge: JudgeOptions,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Promotes, and prints what was done.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let (text, ending) = promote(arguments)?;
    let text = match arguments.format {
        TextJsonOrMarkdown::Text => paint::for_output(text, Look::Changes, arguments.repo.color),
        _ => text,
    };
    output::write(&safe_text(&text)).map_err(Error::printing)?;
    Ok(ending)
}

/// Promotes. Returns what was done; nothing is written with `--dry-run`.
pub(super) fn promote(arguments: &Arguments) -> Result<(String, Ending), Error> {
    if arguments.apps.is_empty() && !arguments.all {
        return Err(Error::Usage(
            "name the apps to promote, or add --all for every app whose versions differ",
        ));
    }
    arguments.judge.require_known_rules()?;
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let pairs = pairs(&workspace.repo, arguments)?;
    let base = base_of(&workspace, arguments)?;
    let mut draft = planned(&workspace.repo, &pairs);
    proof::from_history(&mut draft, &workspace, &base, arguments.rollback);
    drop_refused(&mut draft, &workspace, arguments)?;
    if !arguments.all && !draft.refused.is_empty() {
        // the apps were named together, so none is promoted alone
        draft.withdraw();
    }
    if !draft.promotions.is_empty() && !arguments.dry_run {
        write(&draft, &workspace, arguments)?;
    }
    let text = print::text(&draft, &workspace, arguments);
    let ending = match draft.refused.is_empty() {
        true => Ending::Passed,
        false => Ending::Failed,
    };
    Ok((text, ending))
}

/// The pairs of the apps whose later overlay belongs to the environment.
fn pairs(repo: &Repo, arguments: &Arguments) -> Result<Vec<Pair>, Error> {
    let to = repo.environment_named(&arguments.to)?;
    let from = arguments.from.as_deref();
    let from = from.map(|name| repo.environment_named(name)).transpose()?;
    for app in &arguments.apps {
        repo.require_promoted_app(app)?;
    }
    let environment = |index: usize| repo.overlays.get(index).and_then(|one| one.environment);
    let is_wanted = |pair: &&Pair| {
        let app = repo.overlays.get(pair.to).map(|overlay| &overlay.app);
        environment(pair.to) == Some(to)
            && (from.is_none() || environment(pair.from) == from)
            && (arguments.all || app.is_some_and(|app| arguments.apps.contains(app)))
    };
    let mut found: Vec<Pair> = repo.pairs.iter().filter(is_wanted).copied().collect();
    // what an object of a promoted overlay deploys has its versions in that object
    let overlay = |index: usize| repo.overlays.get(index);
    let goes_along = |pair: &&Pair| {
        let is_known = found.iter().any(|known| known.to == pair.to);
        let mut tos = found.iter().filter_map(|known| overlay(known.to));
        let own = overlay(pair.to).filter(|own| own.environment == Some(to));
        !is_known && own.is_some_and(|own| tos.any(|to| promote::go_together(own, to)))
    };
    let more: Vec<Pair> = repo.pairs.iter().filter(goes_along).copied().collect();
    found.extend(more);
    let has_pair = |app: &&String| {
        let overlay = |pair: &Pair| repo.overlays.get(pair.to);
        found
            .iter()
            .any(|pair| overlay(pair).is_some_and(|one| one.app == **app))
    };
    let alone = arguments.apps.iter().find(|app| !has_pair(app));
    if found.is_empty() || alone.is_some() {
        let from = arguments.from.clone();
        return Err(Error::NothingBefore {
            what: alone.map_or_else(|| arguments.to.clone(), |app| format!("`{app}`")),
            from: from.unwrap_or_else(|| format!("an environment before {}", arguments.to)),
        });
    }
    Ok(found)
}

/// The revision by which the earlier environment must run a version.
fn base_of(workspace: &Workspace, arguments: &Arguments) -> Result<Loaded, Error> {
    if let Some(revision) = &arguments.base {
        return base::load(workspace, revision, &arguments.repo)
            .map_err(|error| Error::from(error).of("--base"));
    }
    let git = workspace.git()?;
    let mains = ["origin/HEAD", "origin/main", "origin/master"];
    let known = mains.into_iter().find(|name| git.resolve(name).is_ok());
    Ok(base::load(
        workspace,
        known.unwrap_or("HEAD"),
        &arguments.repo,
    )?)
}

/// The promotions that the pairs need.
fn planned<'r>(repo: &'r Repo, pairs: &[Pair]) -> Draft<'r> {
    let together: BTreeSet<usize> = pairs.iter().map(|pair| pair.to).collect();
    let mut draft = Draft::default();
    for pair in pairs {
        let Some(promotion) = promote::plan(repo, *pair, &together) else {
            continue;
        };
        let app = promotion.to.app.clone();
        if promotion.moves.is_empty() && promotion.refusals.is_empty() {
            draft.same.insert(app);
        } else {
            let refusals = promotion.refusals.iter().map(ToString::to_string);
            draft.refuse(&app, refusals.collect());
            draft.promotions.push(promotion);
        }
    }
    draft.settle();
    draft
}

/// Makes the edits in memory, and drops every app whose edits fail, do more than they should or
/// fail the check.
fn drop_refused(
    draft: &mut Draft,
    workspace: &Workspace,
    arguments: &Arguments,
) -> Result<(), Error> {
    let mut is_checked = false;
    // each round drops an app or is the last
    for _ in 0..=draft.promotions.len() {
        draft.edit(&workspace.repo);
        if draft.promotions.is_empty() {
            return Ok(());
        }
        let edited = workspace.with_edits(&draft.files);
        let wrong = promote::verify(&workspace.repo, &edited.repo, &draft.promotions);
        let mut refusals: Vec<(String, String)> = wrong
            .into_iter()
            .map(|(app, refusal)| (app, refusal.to_string()))
            .collect();
        if refusals.is_empty() && !is_checked {
            refusals = proof::from_rules(draft, &edited, arguments)?;
            is_checked = true;
        }
        if refusals.is_empty() {
            draft.left_behind = print::left_behind(draft, &edited.repo);
            return Ok(());
        }
        for (app, reason) in refusals {
            draft.refuse(&app, vec![reason]);
        }
        draft.settle();
    }
    Ok(())
}

fn write(draft: &Draft, workspace: &Workspace, arguments: &Arguments) -> Result<(), Error> {
    let root = &workspace.path.root;
    if !arguments.commit {
        return Ok(write_all(root, &draft.files)?);
    }
    let commit = commit::Commit {
        root,
        branch: draft.branch(arguments),
        message: print::message(draft, workspace, arguments),
        files: &draft.files,
    };
    commit.make(workspace)
}

/// The environment of an overlay, for people.
fn environment_of(repo: &Repo, overlay: &Overlay) -> String {
    super::table::environment(repo, overlay)
}
