//! Environments that turn out to be branches: no path tells an environment.

use super::super::controls::group_of;
use super::super::{Repo, refs};
use crate::config::{Config, Environment, default_environments};
use crate::source::Source;
use crate::yaml::Node;

/// The promotion order with the branches of the environments. `None` if a path tells one, if the
/// configuration lists them, or if no branch is called like one.
pub(super) fn discovered(
    repo: &Repo,
    config: &Config,
    main: &dyn Source,
) -> Option<Vec<Environment>> {
    let told = repo.overlays.iter().any(|one| one.environment.is_some());
    if told || config.environments != default_environments() {
        return None;
    }
    refs::discovered(&config.environments, main, &promoted(repo))
}

/// The branches that a PromotionStrategy of GitOps Promoter lists, in its order.
fn promoted(repo: &Repo) -> Vec<String> {
    let strategies = repo.controls().iter().filter(|control| {
        let kind = control.node.get("kind").and_then(Node::text);
        group_of(&control.node) == "promoter.argoproj.io" && kind == Some("PromotionStrategy")
    });
    let listed = strategies.filter_map(|one| one.node.at(&["spec", "environments"]));
    let branches = listed.flat_map(Node::items);
    let branches = branches.filter_map(|one| Some(one.get("branch")?.text()?.to_string()));
    branches.collect()
}
