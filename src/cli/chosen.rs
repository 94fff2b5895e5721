//! The overlays that `--environment` and `--app` select.

use super::error::Error;
use crate::repo::names::require_app;
use crate::repo::{Overlay, Repo};

/// The environments and apps that the options name; empty for all.
pub(super) struct Chosen<'a> {
    environments: Vec<usize>,
    apps: &'a [String],
}

impl<'a> Chosen<'a> {
    /// The selection in a repo. A name that does not exist is an error, because an empty selection
    /// would look clean.
    pub(super) fn new(
        repo: &Repo,
        environments: &[String],
        apps: &'a [String],
    ) -> Result<Chosen<'a>, Error> {
        Chosen::among(repo.overlays.iter(), repo, environments, apps)
    }

    /// The same where the apps are those of some overlays.
    pub(super) fn among<'r>(
        overlays: impl Iterator<Item = &'r Overlay> + Clone,
        repo: &Repo,
        environments: &[String],
        apps: &'a [String],
    ) -> Result<Chosen<'a>, Error> {
        let environments = environments.iter();
        let environments = environments.map(|name| repo.environment_named(name));
        let environments = environments.collect::<Result<_, _>>()?;
        for app in apps {
            require_app(app, overlays.clone())?;
        }
        Ok(Chosen { environments, apps })
    }

    /// The names of the environments.
    pub(super) fn environment_names(&self, repo: &Repo) -> Vec<String> {
        let environments = self.environments.iter();
        let known = environments.filter_map(|index| repo.environments.get(*index));
        known.map(|environment| environment.name.clone()).collect()
    }

    /// True if it selects an overlay.
    pub(super) fn has(&self, overlay: &Overlay) -> bool {
        self.has_environment(overlay.environment)
            && (self.apps.is_empty() || self.apps.contains(&overlay.app))
    }

    /// True if it selects an environment.
    pub(super) fn has_environment(&self, environment: Option<usize>) -> bool {
        let is_named = |environment: usize| self.environments.contains(&environment);
        self.environments.is_empty() || environment.is_some_and(is_named)
    }
}
