//! # invalid-hook
//!
//! ## What
//!
//! A value of `argocd.argoproj.io/hook` that names no phase which Argo CD knows (`PreSync`, `Sync`,
//! `PostSync`, `SyncFail`, `Skip`, `PreDelete`, `PostDelete`): an error. A list in which only some
//! do, and a `hook-delete-policy` that is none (`HookSucceeded`, `HookFailed`,
//! `BeforeHookCreation`), are warnings.
//!
//! ## Why
//!
//! The annotation makes the object a hook, and a hook without a phase is never applied. Argo CD
//! reports nothing.
//!
//! ## Example
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     argocd.argoproj.io/hook: Presync # PreSync
//! ```
//!
//! ## Fix
//!
//! Write the phase as Argo CD does; upper and lower case count.
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
