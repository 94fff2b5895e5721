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

use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::names::{did_you_mean, nearest};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, escape_pointer};

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
    level: "error; warning if the object is applied anyway",
    severity: Severity::Error,
    summary: "a hook of Argo CD that is misspelt, so the object is never applied",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("invalid_hook.rs"),
};

impl Rule for InvalidHook {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for resource in &overlay.rendered.resources {
            for (key, known) in [(HOOK, PHASES), (POLICY, POLICIES)] {
                let annotation = resource.node.at(&["metadata", "annotations", key]);
                if let Some(draft) = annotation.and_then(|node| judge(resource, key, known, node)) {
                    let path = format!("/metadata/annotations/{}", escape_pointer(key));
                    sink.report(context, Some(overlay), draft.on(resource, path));
                }
            }
        }
    }
}

/// The finding of an annotation with values that Argo CD does not know.
fn judge(resource: &Resource, key: &str, known: &[&str], node: &Node) -> Option<Draft> {
    let text = node.text().unwrap_or_default();
    // `${HOOK}` is a variable that an agent fills in
    if text.contains(['$', '{']) {
        return None;
    }
    let values = || {
        text.split(',')
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let wrong: Vec<&str> = values().filter(|value| !known.contains(value)).collect();
    let is_hook = key == HOOK;
    let is_empty_hook = is_hook && values().next().is_none();
    if wrong.is_empty() && !is_empty_hook {
        return None;
    }
    let name = format!("{} `{}`", resource.kind(), resource.name());
    let shown = wrong.join(", ");
    let is_never_applied = is_hook && values().count() == wrong.len();
    let (severity, kind, message) = if is_never_applied && wrong.is_empty() {
        (
            Severity::Error,
            "empty-hook",
            format!("{name} is never applied: its hook annotation is empty"),
        )
    } else if is_never_applied {
        (
            Severity::Error,
            "unknown-phases",
            format!("{name} is never applied: `{shown}` is not a phase of Argo CD"),
        )
    } else if is_hook {
        (
            Severity::Warning,
            "unknown-phase",
            format!("{name} does not run in `{shown}`, which is not a phase of Argo CD"),
        )
    } else {
        (
            Severity::Warning,
            "unknown-delete-policy",
            format!("{name} ignores `{shown}`, which is not a delete policy of hooks"),
        )
    };
    let meant = wrong.first().and_then(|value| nearest(value, known));
    let help = meant.map_or_else(|| format!("use one of {}", known.join(", ")), did_you_mean);
    let cause = wrong
        .iter()
        .fold(Cause::new(kind), |cause, value| cause.with(value));
    Some(Draft::new(severity, node.origin, cause, message).help(help))
}
