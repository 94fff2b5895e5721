//! # invalid-sync-wave
//!
//! ## What
//!
//! The annotation `argocd.argoproj.io/sync-wave` is not a quoted integer.
//!
//! ## Why
//!
//! If Argo CD cannot read the value, it silently uses `helm.sh/hook-weight` or 0 instead. An
//! unquoted number is not a string, so the API server rejects the object. (kustomize adds the
//! quotes, but a folder of plain manifests is applied as it is.)
//!
//! ## Example
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     argocd.argoproj.io/sync-wave: first
//! ```
//!
//! ## Fix
//!
//! Write an integer in quotes: `"-1"`.

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Kind, escape_pointer};

const WAVE: &str = "argocd.argoproj.io/sync-wave";

/// See the documentation above.
pub(super) struct InvalidSyncWave;

static METADATA: Metadata = Metadata {
    id: "invalid-sync-wave",
    category: Category::Ordering,
    level: "error",
    severity: Severity::Error,
    summary: "an Argo CD sync wave that is not a quoted integer",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("invalid_sync_wave.rs"),
};

impl Rule for InvalidSyncWave {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for resource in &overlay.rendered.resources {
            let Some(wave) = resource.node.at(&["metadata", "annotations", WAVE]) else {
                continue;
            };
            let text = wave.text().unwrap_or_default();
            // `${WAVE}` is a variable that an agent fills in
            if text.contains(['$', '{']) {
                continue;
            }
            let name = format!("{} `{}`", resource.kind(), resource.name());
            let (kind, message, help) = if wave
                .as_scalar()
                .is_none_or(|scalar| scalar.kind != Kind::String)
            {
                (
                    "not-a-string",
                    format!(
                        "{name} has an unquoted sync wave, so the API server rejects the object"
                    ),
                    format!("put it in quotes: `\"{text}\"`"),
                )
            } else if text.parse::<i64>().is_err() {
                (
                    "not-an-integer",
                    format!(
                        "{name} has the sync wave {text:?}, which is not an integer, so Argo CD uses 0"
                    ),
                    "use an integer in quotes, such as `\"1\"`".to_string(),
                )
            } else {
                continue;
            };
            let cause = Cause::new(kind).with(text);
            let draft = Draft::new(Severity::Error, wave.origin, cause, message).help(help);
            sink.report(
                context,
                Some(overlay),
                draft.on(
                    resource,
                    format!("/metadata/annotations/{}", escape_pointer(WAVE)),
                ),
            );
        }
    }
}
