//! # invalid-hook
//!
//! ## What
//!
//! The annotation `argocd.argoproj.io/hook` contains an unknown phase. Argo CD knows `PreSync`,
//! `Sync`, `PostSync`, `SyncFail`, `Skip`, `PreDelete` and `PostDelete`, with exactly this
//! capitalisation.
//!
//! - If no phase in the annotation is valid, it is an error: the object is never applied.
//! - If only some phases are unknown, it is a warning: Argo CD ignores these.
//! - An unknown `argocd.argoproj.io/hook-delete-policy` is a warning. Argo CD knows
//!   `HookSucceeded`, `HookFailed` and `BeforeHookCreation`.
//!
//! ## Why
//!
//! The annotation makes the object a hook, and a hook without a valid phase is never applied. Argo
//! CD does not report it.
//!
//! ## Example
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     argocd.argoproj.io/hook: Presync # must be PreSync
//! ```
//!
//! ## Fix
//!
//! Write the phase exactly as Argo CD does.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::names::nearest;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::escape_pointer;

const HOOK: &str = "argocd.argoproj.io/hook";
const POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const PHASES: &[&str] = &[
    "PreSync",
    "Sync",
    "PostSync",
    "SyncFail",
    "Skip",
    "PreDelete",
    "PostDelete",
];
const POLICIES: &[&str] = &["HookSucceeded", "HookFailed", "BeforeHookCreation"];

/// See the documentation above.
pub(super) struct InvalidHook;

static METADATA: Metadata = Metadata {
    id: "invalid-hook",
    category: Category::Ordering,
    level: "error; warning where the object is applied all the same",
    severity: Severity::Error,
    summary: "a hook of Argo CD that is misspelt, so the object is never applied",
    options: &[],
    source: include_str!("invalid_hook.rs"),
};

impl Rule for InvalidHook {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for resource in &overlay.rendered.resources {
            for (key, known) in [(HOOK, PHASES), (POLICY, POLICIES)] {
                let Some(node) = resource.node.at(&["metadata", "annotations", key]) else {
                    continue;
                };
                let text = node.text().unwrap_or_default();
                let values: Vec<&str> = text
                    .split(',')
                    .map(str::trim)
                    .filter(|value| !value.is_empty())
                    .collect();
                let wrong: Vec<&str> = values
                    .iter()
                    .copied()
                    .filter(|value| !known.contains(value))
                    .collect();
                // a variable that an agent fills in
                if text.contains(['$', '{'])
                    || (wrong.is_empty() && !(values.is_empty() && key == HOOK))
                {
                    continue;
                }
                let name = format!("{}/{}", resource.kind(), resource.name());
                let shown = wrong.join(", ");
                let (severity, message) = match (key, wrong.len() == values.len()) {
                    (HOOK, true) => (
                        Severity::Error,
                        format!("{name} is never applied: `{shown}` is no phase of Argo CD"),
                    ),
                    (HOOK, false) => (
                        Severity::Warning,
                        format!("`{shown}` is no phase of Argo CD, so {name} goes without it"),
                    ),
                    _ => (
                        Severity::Warning,
                        format!(
                            "`{shown}` is no delete policy of hooks, so {name} goes without it"
                        ),
                    ),
                };
                let meant = wrong.first().and_then(|value| nearest(value, known));
                let help = meant.map_or_else(
                    || format!("write one of {}", known.join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                let draft = Draft::new(severity, node.origin, message).help(help);
                sink.report(
                    context,
                    Some(overlay),
                    draft.on(
                        resource,
                        format!("/metadata/annotations/{}", escape_pointer(key)),
                    ),
                );
            }
        }
    }
}
