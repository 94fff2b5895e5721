//! Automations that write new versions into protected environments.

use std::collections::BTreeSet;

use super::branches::{Push, push};
use super::{Automations, MarkerSet};
use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Draft, Sink};
use crate::yaml::Origin;

/// Reports the protected environments into which an automation writes, and adds the markers that it
/// updates there to `reported`.
pub(super) fn report(
    all: &Automations,
    automation: &Control,
    reported: &mut MarkerSet,
    sink: &mut Sink,
) {
    let kind = automation.text(&["spec", "sourceRef", "kind"]);
    if kind.is_some_and(|kind| kind != "GitRepository") {
        return;
    }
    let context = all.context;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for file in &all.files {
        let covered: Vec<Origin> = file
            .markers
            .iter()
            .filter(|marker| all.covers(automation, file, marker))
            .map(|marker| marker.origin)
            .collect();
        let Some(first) = covered.first() else {
            continue;
        };
        let mut live = false;
        let overlays = file.overlays.iter();
        for overlay in overlays.filter(|overlay| context.repo.protected(overlay)) {
            let (push, branch) = push(context, automation, overlay);
            live |= push == Push::Live;
            if push != Push::Elsewhere && seen.insert(&overlay.path) {
                let draft = draft(all, automation, overlay, (push, branch));
                let draft = draft.related(*first, "it updates this value");
                sink.report(context, Some(overlay), draft);
            }
        }
        if live {
            reported.extend(covered.iter().map(|origin| (origin.file, origin.start)));
        }
    }
}

fn draft(
    all: &Automations,
    automation: &Control,
    overlay: &Overlay,
    (push, branch): (Push, Option<&str>),
) -> Draft {
    let environment = all.context.side(overlay);
    let (name, branch) = (automation.name(), branch.unwrap_or_default());
    let (severity, target) = match push {
        Push::Unknown => (
            Severity::Warning,
            format!("`{branch}`, which {environment} may be applied from"),
        ),
        _ if branch.is_empty() => (Severity::Error, "the branch that it reads".to_string()),
        _ => (
            Severity::Error,
            format!("`{branch}`, which {environment} is applied from"),
        ),
    };
    let message = format!(
        "ImageUpdateAutomation `{name}` writes new versions into {environment} and pushes them to {target}"
    );
    let written = automation.node.at(&["spec", "update", "path"]);
    let origin = written.map_or(automation.node.origin, |path| path.origin);
    let cause = Cause::new("writes").with(name).with(branch);
    let mut draft = Draft::new(severity, origin, cause, message).help(
        "narrow `spec.update.path`, remove the marker, or push to another branch and open a pull request",
    );
    draft.path = written.map(|_| "/spec/update/path".to_string());
    draft.resource = Some(automation.id());
    draft
}
