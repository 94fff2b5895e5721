//! `render APP ENVIRONMENT`: the objects of an app's overlay, with all that agents add to it.

use super::{Arguments, Output};
use crate::cli::error::Error;
use crate::cli::options::RepoOptions;
use crate::cli::table::environment;
use crate::cli::workspace::Workspace;
use crate::repo::{Overlay, Repo};
use crate::report::printable;

/// The app that is meant, unless the first argument is a path: a path is never hidden by an app of its
/// name, unless an environment follows.
pub(super) fn named(arguments: &Arguments) -> Option<&str> {
    let name = arguments.overlay.to_str()?;
    let is_app = environment_of(arguments).is_some()
        || (!name.contains('/') && arguments.overlay.symlink_metadata().is_err());
    is_app.then_some(name)
}

fn environment_of(arguments: &Arguments) -> Option<&str> {
    let option = arguments.environment_option.as_deref();
    arguments.environment.as_deref().or(option)
}

/// The overlay of the app in the environment.
pub(super) fn render(arguments: &Arguments, app: &str) -> Result<Output, Error> {
    let options = RepoOptions {
        config: arguments.config.clone(),
        color: arguments.color,
        ..RepoOptions::default()
    };
    let workspace = Workspace::load(&arguments.path, &options)?;
    let repo = &workspace.repo;
    repo.require_app(app)?;
    let all = repo.overlays.iter().filter(|one| one.app == app);
    let found: Vec<&Overlay> = match environment_of(arguments) {
        Some(typed) => in_environment(repo, all.collect(), typed)?,
        None => all.collect(),
    };
    match found.as_slice() {
        [one] => Ok(Output {
            files: repo.files.clone(),
            rendered: one.rendered.shared(),
            text: None,
        }),
        several => Err(Error::Ambiguous {
            name: printable(app).into_owned(),
            advice: "name one of its environments or folders behind `gitops-lint render`",
            list: listed(repo, several, app),
        }),
    }
}

/// The overlays of an environment, such as `production` or `production/eu`.
fn in_environment<'r>(
    repo: &Repo,
    overlays: Vec<&'r Overlay>,
    typed: &str,
) -> Result<Vec<&'r Overlay>, Error> {
    let whole = |one: &&&Overlay| environment(repo, one) == typed;
    let exact: Vec<&Overlay> = overlays.iter().filter(whole).copied().collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let (name, variant) = match typed.split_once('/') {
        Some((name, variant)) => (name, Some(variant)),
        None => (typed, None),
    };
    let index = repo.environment_named(name)?;
    let fits = |one: &&Overlay| {
        one.environment == Some(index) && (variant.is_none() || one.variant.as_deref() == variant)
    };
    let found: Vec<&Overlay> = overlays.into_iter().filter(fits).collect();
    if found.is_empty() {
        return Err(Error::NoOverlay(typed.to_string()));
    }
    Ok(found)
}

/// `  payments production/eu   apps/payments/overlays/production/eu`
fn listed(repo: &Repo, overlays: &[&Overlay], app: &str) -> String {
    /// Overlays that are listed.
    const LISTED: usize = 20;
    let line = |one: &&Overlay| {
        let place = match one.environment {
            Some(_) => format!("{app} {}", environment(repo, one)),
            None => one.path.clone(),
        };
        format!("  {}", printable(&place))
    };
    let mut lines: Vec<String> = overlays.iter().take(LISTED).map(line).collect();
    if overlays.len() > LISTED {
        lines.push(format!("  and {} more", overlays.len() - LISTED));
    }
    lines.join("\n")
}
