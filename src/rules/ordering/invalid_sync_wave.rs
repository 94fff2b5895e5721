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
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
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
    summary: "a sync wave of Argo CD that is no number in quotes",
    options: &[],
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
            // a variable that an agent fills in
            if text.contains(['$', '{']) {
                continue;
            }
            let name = format!("{}/{}", resource.kind(), resource.name());
            let (message, help) = if wave
                .as_scalar()
                .is_none_or(|scalar| scalar.kind != Kind::String)
            {
                (
                    format!(
                        "the sync wave of {name} is no text, so the API server refuses the object"
                    ),
                    format!("write it in quotes: \"{text}\""),
                )
            } else if text.parse::<i64>().is_err() {
                (
                    format!("the sync wave {text:?} of {name} is no number, so Argo CD takes 0"),
                    "write a whole number in quotes".to_string(),
                )
            } else {
                continue;
            };
            let draft = Draft::new(Severity::Error, wave.origin, message).help(help);
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
