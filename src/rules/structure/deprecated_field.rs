//! # deprecated-field
//!
//! ## What
//!
//! A field that kustomize still reads but has replaced: `bases`, `patchesStrategicMerge`,
//! `patchesJson6902`, `commonLabels`, `vars`, `imageTags` and others.
//!
//! ## Why
//!
//! A later version of kustomize, and therefore of Flux or Argo CD, will refuse the file.
//!
//! ## Example
//!
//! ```yaml
//! bases:
//!   - ../../base
//! ```
//!
//! ## Fix
//!
//! Use the field that the finding names. `kustomize edit fix` makes most of these changes for you.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct DeprecatedField;

static METADATA: Metadata = Metadata {
    id: "deprecated-field",
    category: Category::Structure,
    level: "info",
    severity: Severity::Info,
    summary: "a deprecated field of a kustomization",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("deprecated_field.rs"),
};

impl Rule for DeprecatedField {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::DeprecatedField,
            Severity::Info,
        );
    }
}
