//! # needs-plugin
//!
//! ## What
//!
//! A Helm chart, a KRM function or an exec plugin that a kustomization asks for. None of them is
//! ever run: what they would make is not seen by any rule, and the overlay counts as incomplete.
//!
//! ## Why
//!
//! A check that silently skips half of an overlay looks green without having looked.
//!
//! ## Example
//!
//! ```yaml
//! helmCharts:
//!   - name: redis
//!     repo: https://charts.example.com
//! ```
//!
//! ## Fix
//!
//! Commit the output of `helm template` and name it under `charts` in the configuration: `{name:
//! redis, version: "18.1.0", output: vendor/redis.yaml}`, with `release` and `path` (a glob of the
//! folder of the kustomization) where one chart is rendered several times. What another plugin
//! makes can be listed under `resources`. Or accept the finding with a reason.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// See the documentation above.
pub struct NeedsPlugin;

const METADATA: Metadata = Metadata {
    id: "needs-plugin",
    category: Category::Structure,
    level: "warning",
    severity: Severity::Warning,
    summary: "an overlay that needs Helm, a container or an executable to build",
    options: &[],
    source: include_str!("needs_plugin.rs"),
};

impl Rule for NeedsPlugin {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::NeedsPlugin,
            Severity::Warning,
        );
    }
}
