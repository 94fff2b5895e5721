//! # restricted-file
//!
//! ## What
//!
//! Argo CD applies a kustomization that reads a file outside of its own folder, such as
//! `files: [../../policies/default.json]` or a patch in a folder above. kustomize refuses this unless
//! it is called with `--load-restrictor LoadRestrictionsNone`.
//!
//! The rule reports nothing if a file of the repository gives Argo CD this option, and nothing that
//! Flux applies: Flux does not restrict files within the repository.
//!
//! ## Why
//!
//! Argo CD cannot render the Application. It keeps running what it applied last, and no change
//! arrives any more.
//!
//! ## Example
//!
//! ```yaml
//! configMapGenerator:
//!   - name: policy
//!     files: [../../../../policies/default.json]
//! ```
//!
//! ## Fix
//!
//! Put a `kustomization.yaml` beside the file and list its folder under `resources` or `components`.
//! Or set `kustomize.buildOptions: --load-restrictor LoadRestrictionsNone` in the ConfigMap
//! `argocd-cm`. If that is set outside of this repository, switch the rule off.

use crate::finding::{Cause, Severity};
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct RestrictedFile;

static METADATA: Metadata = Metadata {
    id: "restricted-file",
    category: Category::Structure,
    level: "warning",
    severity: Severity::Warning,
    summary: "a file outside of the folder of a kustomization, which Argo CD usually refuses",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("restricted_file.rs"),
};

impl Rule for RestrictedFile {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let problems = overlay.rendered.problems.iter();
        let mut restricted = problems
            .filter(|problem| problem.kind == ProblemKind::RestrictedFile)
            .peekable();
        if restricted.peek().is_none() {
            return;
        }
        let agent = context.repo.pointer(overlay);
        let agent = agent.filter(|agent| {
            !agent.assumed && agent.object.get("kind").and_then(Node::text) == Some("Application")
        });
        let Some(agent) = agent.filter(|_| !context.lifts_load_restrictor()) else {
            return;
        };
        for problem in restricted {
            let message = format!("{}, so Argo CD refuses it", problem.message);
            let cause = Cause::new("restricted-file").with(&problem.message);
            let draft = Draft::new(Severity::Warning, problem.origin, cause, message)
                .help("make its folder a kustomization and list that, or set `kustomize.buildOptions: --load-restrictor LoadRestrictionsNone` in argocd-cm")
                .related(agent.agent.origin, "Argo CD applies it here");
            sink.report(context, Some(overlay), draft);
        }
    }
}
