//! Policies that update a protected environment and an earlier one at the same time.

use super::Automations;
use super::policies::policies;
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::shared::flux_markers::{MarkedFile, Marker};
use crate::rules::{Draft, Sink};

/// Reports a marker in a protected environment if the same policy updates an earlier environment.
/// `covering`: the automations that update the marker.
pub(super) fn report(
    all: &Automations,
    (file, marker): (&MarkedFile, &Marker),
    covering: &[&Control],
    sink: &mut Sink,
) {
    let context = all.context;
    let first = file.overlays.first();
    let Some(overlay) = first.filter(|overlay| context.repo.protected(overlay)) else {
        return;
    };
    let Some((other, earlier)) = earlier_marker(all, marker, covering) else {
        return;
    };
    let (environment, before) = (context.side(overlay), context.side(earlier));
    let message = format!(
        "ImagePolicy `{}` updates {environment} and {before} at once, so nothing is promoted",
        marker.policy
    );
    let severity = if covering.is_empty() {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut draft = Draft::new(severity, marker.origin, marker.cause("feeds-two"), message).help(
        format!("remove the marker in {environment}, and promote versions that ran in {before}"),
    );
    if other.origin != marker.origin {
        draft = draft.related(other.origin, format!("the marker in {before}"));
    }
    sink.report(context, Some(overlay), draft);
}

/// A marker of the same policy in an environment that is not protected, with an overlay of it.
fn earlier_marker<'m>(
    all: &'m Automations,
    marker: &Marker,
    covering: &[&Control],
) -> Option<(&'m Marker, &'m Overlay)> {
    all.files.iter().find_map(|file| {
        let mut overlays = file.overlays.iter();
        let overlay = overlays.find(|overlay| !all.context.repo.protected(overlay))?;
        let mut markers = file.markers.iter();
        let other = markers.find(|other| {
            other.policy == marker.policy
                && other.namespace == marker.namespace
                && in_one_cluster(all, (file, other), covering)
        })?;
        Some((other, *overlay))
    })
}

/// True if one cluster updates this marker and the one that `covering` updates. Several clusters may
/// each have a policy of the same name.
fn in_one_cluster(
    all: &Automations,
    (file, marker): (&MarkedFile, &Marker),
    covering: &[&Control],
) -> bool {
    if covering.is_empty() {
        let same = policies(all.context).filter(|policy| policy.name() == marker.policy);
        return same.count() == 1;
    }
    all.covering(file, marker).iter().any(|automation| {
        let mut covering = covering.iter();
        covering.any(|other| other.environment == automation.environment)
    })
}
