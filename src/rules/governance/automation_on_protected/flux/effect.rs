//! Markers that do not do what they say.

use super::policies::{policies, policy, takes_anything};
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::shared::flux_markers::{MarkedFile, Marker};
use crate::rules::{Context, Draft, Sink};

/// Reports a marker without a policy, or with a policy that accepts any build or tells no digest. Not
/// here: a tag that follows a policy beside a digest that does not (`lost-digest`).
pub(super) fn report(context: &Context, file: &MarkedFile, marker: &Marker, sink: &mut Sink) {
    let Some(overlay) = file.overlays.first().copied() else {
        return;
    };
    let draft = match policy(context, marker) {
        Some(policy) => doubtful_policy(context, overlay, marker, policy),
        None => missing_policy(context, overlay, marker),
    };
    if let Some(draft) = draft {
        sink.report(context, Some(overlay), draft);
    }
}

/// A marker whose ImagePolicy is not in the repo. `None` if the repo has no ImagePolicy at all,
/// because then the policies are kept elsewhere.
fn missing_policy(context: &Context, overlay: &Overlay, marker: &Marker) -> Option<Draft> {
    if !context.repo.protected(overlay) || policies(context).next().is_none() {
        return None;
    }
    let message = format!(
        "this marker follows ImagePolicy `{}:{}`, which does not exist in this repository",
        marker.namespace, marker.policy
    );
    let cause = marker.cause("missing-policy");
    let draft = Draft::new(Severity::Warning, marker.origin, cause, message);
    Some(draft.help("correct the name, or remove the marker"))
}

/// A policy that accepts any build, or that reports no digest although a marker asks for one.
fn doubtful_policy(
    context: &Context,
    overlay: &Overlay,
    marker: &Marker,
    policy: &Control,
) -> Option<Draft> {
    let any_build = takes_anything(policy).filter(|_| context.repo.protected(overlay));
    let reflected = policy.text(&["spec", "digestReflectionPolicy"]);
    let (cause, message, help) = if let Some(why) = any_build {
        let message = format!(
            "ImagePolicy `{}` may give {} a build that is not a release: {why}",
            marker.policy,
            context.name_of(overlay)
        );
        let help = "narrow the policy with `filterTags` or a range of releases";
        ("any-build", message, help)
    } else if marker.field == "digest" && reflected.is_none_or(|when| when == "Never") {
        let message = format!(
            "ImagePolicy `{}` reports no digest, so this value never changes",
            marker.policy
        );
        let help = "set `digestReflectionPolicy: IfNotPresent` in the policy";
        ("no-digest", message, help)
    } else {
        return None;
    };
    let cause = marker.cause(cause);
    let draft = Draft::new(Severity::Warning, marker.origin, cause, message).help(help);
    Some(draft.related(policy.node.origin, "the policy"))
}
