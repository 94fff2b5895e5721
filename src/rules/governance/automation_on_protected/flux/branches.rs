//! Which branch an automation pushes to, and which branch an overlay is applied from.

use crate::repo::{AgentKind, Overlay};
use crate::rules::Context;
use crate::rules::engine::context::applying::agents_of;
use crate::rules::engine::context::controls::Control;
use crate::yaml::Node;

const SOURCE: &str = "source.toolkit.fluxcd.io";

/// Where an automation pushes to, as seen from an overlay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Push {
    /// The branch that the overlay is applied from.
    Live,
    /// Another branch, which may become a pull request.
    Elsewhere,
    /// A branch that the overlay may be applied from; the repo does not say so.
    Unknown,
}

/// The GitRepository that an object reads.
fn repository<'c, 'a>(
    context: &'c Context<'a>,
    object: &Node,
    environment: Option<usize>,
) -> Option<&'c Control<'a>> {
    let text = |path: &[&str]| {
        object
            .at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let name = text(&["spec", "sourceRef", "name"])?;
    let namespace = text(&["spec", "sourceRef", "namespace"]).or(text(&["metadata", "namespace"]));
    let same = |control: &&Control| {
        let there = control.namespace();
        control.is("GitRepository", SOURCE)
            && control.name() == name
            && (there.is_none() || namespace.is_none() || there == namespace)
            && control.reaches(environment)
    };
    context.controls().iter().find(same)
}

/// The branch of a GitRepository.
fn branch_of<'a>(repository: &Control<'a>) -> Option<&'a str> {
    repository.text(&["spec", "ref", "branch"])
}

/// Where an automation pushes to, and the name of the branch if it is known.
pub(super) fn push<'c>(
    context: &'c Context,
    automation: &Control<'c>,
    overlay: &Overlay,
) -> (Push, Option<&'c str>) {
    let own = repository(context, automation.node, automation.environment);
    let flux = agents_of(context, overlay)
        .iter()
        .find(|pointer| pointer.agent.kind == AgentKind::Flux);
    let applied =
        flux.and_then(|pointer| repository(context, &pointer.object, overlay.environment));
    let url = |control: &Control<'c>| control.text(&["spec", "url"]);
    if let (Some(own), Some(applied)) = (own, applied)
        && url(own).is_some()
        && url(applied).is_some()
        && url(own) != url(applied)
    {
        // pushes to another repository are not checked
        return (Push::Elsewhere, None);
    }
    let read = automation
        .text(&["spec", "git", "checkout", "ref", "branch"])
        .or_else(|| own.and_then(branch_of));
    let live = applied.and_then(branch_of);
    let pushed = automation.text(&["spec", "git", "push", "branch"]);
    let refspec = automation.text(&["spec", "git", "push", "refspec"]);
    let target = refspec
        .map(|refspec| refspec.rsplit(':').next().unwrap_or(refspec))
        .map(|target| target.trim_start_matches("refs/heads/"));
    let followed = live.or(read.filter(|_| pushed.is_some() || refspec.is_some()));
    let is_live = |branch: &str| followed.map(|followed| branch == followed);
    if let Some(target) = target
        && is_live(target) == Some(true)
    {
        return (Push::Live, Some(target));
    }
    match (pushed, read) {
        (Some(branch), _) => (
            is_live(branch).map_or(Push::Unknown, |live| {
                if live { Push::Live } else { Push::Elsewhere }
            }),
            Some(branch),
        ),
        // without `push.branch`, Flux pushes to the branch that it reads, and to the refspec
        (None, Some(branch)) => (
            if live.is_none_or(|live| live == branch) {
                Push::Live
            } else {
                Push::Elsewhere
            },
            Some(branch),
        ),
        (None, None) => (Push::Live, None),
    }
}
