//! # needs-plugin
//!
//! ## What
//!
//! A kustomization uses a Helm chart that is not in the repository, a KRM function or an exec
//! plugin. Or a chart needs a dependency or values that are not in the repository. The tool never
//! runs or fetches these. No rule sees the objects that they would create, and the overlay counts as
//! incomplete.
//!
//! ## Why
//!
//! Without this finding, the check would silently skip a part of the overlay and pass.
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
//! Commit the chart below `charts/`, with its dependencies. Or commit the output of `helm template`
//! and declare it in `.gitops-lint.yaml`:
//!
//! ```yaml
//! charts:
//!   - {name: redis, version: "18.1.0", output: vendor/redis.yaml}
//! ```
//!
//! Add `release` and `path` (a glob for the folder of the kustomization) if the same chart is
//! rendered several times. For other plugins, commit their output and list it under `resources`.
//! Otherwise, suppress the finding with a reason.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::{Overlay, Repo};
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct NeedsPlugin;

static METADATA: Metadata = Metadata {
    id: "needs-plugin",
    category: Category::Structure,
    level: "warning; error for the first plugin that a change brings into production",
    severity: Severity::Warning,
    summary: "an overlay that needs Helm, a container or an executable to build",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("needs_plugin.rs"),
};

impl Rule for NeedsPlugin {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let kinds = [ProblemKind::NeedsPlugin];
        let is_first =
            problems::is_first_in_production(context, overlay, &kinds, Repo::uses_plugins);
        let severity = if is_first {
            Severity::Error
        } else {
            Severity::Warning
        };
        problems::report(context, overlay, sink, ProblemKind::NeedsPlugin, severity);
    }
}
