//! Flux: ImageUpdateAutomations, the `$imagepolicy` markers whose values they update, and the
//! ImagePolicies that the markers name.
//!
//! Here: which automation updates which marker. `writes` reports automations that write into
//! protected environments, `promotion` policies that update two environments at once, `effect`
//! markers that do not do what they say.

mod branches;
mod effect;
mod policies;
mod promotion;
mod writes;

use std::collections::BTreeSet;

use super::selector::selects;
use crate::rules::engine::context::controls::Control;
use crate::rules::shared::flux_markers::{MarkedFile, Marker, marked_files};
use crate::rules::{Context, Sink};
use crate::source::join;
use crate::yaml::{FileId, Node};

const IMAGE: &str = "image.toolkit.fluxcd.io";

/// Markers by their file and offset.
type MarkerSet = BTreeSet<(FileId, u32)>;

/// The automations and markers of a repo.
struct Automations<'c, 'a> {
    context: &'c Context<'a>,
    automations: Vec<&'c Control<'a>>,
    files: Vec<MarkedFile<'a>>,
}

/// Reports automations that write into protected environments, and markers that do not do what they
/// say.
pub(super) fn check(context: &Context, sink: &mut Sink) {
    let files = marked_files(context);
    if files.is_empty() {
        return;
    }
    let controls = context.controls().iter();
    let all = Automations {
        context,
        automations: controls.filter(|control| is_active(control)).collect(),
        files,
    };
    let mut reported = MarkerSet::new();
    for automation in &all.automations {
        writes::report(&all, automation, &mut reported, sink);
    }
    for file in &all.files {
        for marker in &file.markers {
            let covering = all.covering(file, marker);
            // if the repo has automations but none updates this marker, the marker may be a
            // leftover
            if covering.is_empty() && !all.automations.is_empty() {
                continue;
            }
            if !reported.contains(&(file.file.id, marker.origin.start)) {
                promotion::report(&all, (file, marker), &covering, sink);
            }
            effect::report(context, file, marker, sink);
        }
    }
}

fn is_active(control: &Control) -> bool {
    let suspended = control.node.at(&["spec", "suspend"]);
    let strategy = control.text(&["spec", "update", "strategy"]);
    control.is("ImageUpdateAutomation", IMAGE)
        && suspended.and_then(Node::as_bool) != Some(true)
        && strategy.is_none_or(|strategy| strategy == "Setters")
}

impl<'c, 'a> Automations<'c, 'a> {
    /// The automations that update the value of a marker.
    fn covering(&self, file: &MarkedFile, marker: &Marker) -> Vec<&'c Control<'a>> {
        let automations = self.automations.iter().copied();
        automations
            .filter(|automation| self.covers(automation, file, marker))
            .collect()
    }

    /// True if an automation updates the value of a marker, wherever it pushes to.
    fn covers(&self, automation: &Control, file: &MarkedFile, marker: &Marker) -> bool {
        let path = automation.text(&["spec", "update", "path"]);
        let folder = join("", path.unwrap_or(".").trim_start_matches('/')).unwrap_or_default();
        let inside = folder.is_empty()
            || file
                .file
                .path
                .strip_prefix(&*folder)
                .is_some_and(|rest| rest.starts_with('/'));
        // Flux looks for policies in the namespace of the automation
        let same_namespace = automation
            .namespace()
            .is_none_or(|namespace| namespace == marker.namespace);
        let selector = automation.node.at(&["spec", "policySelector"]);
        let selected = policies::policy(self.context, marker)
            .is_none_or(|policy| selector.is_none_or(|selector| selects(selector, policy.node)));
        inside && same_namespace && selected
    }
}
