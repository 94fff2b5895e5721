//! # invalid-agent
//!
//! ## What
//!
//! An Argo CD or Flux object does not work as written. It is an error if the object applies nothing
//! or if nothing can check it:
//!
//! - It applies a folder of this repository that does not exist.
//! - An ApplicationSet gives two Applications the same name, gives one no name, uses a parameter
//!   that has no value, or has a template that fails or a `templatePatch` that is not valid YAML.
//! - The generators of an ApplicationSet do not go together: elements that are not text without Go
//!   templates, a matrix that sets a parameter twice, or merge keys that two sets share.
//! - Two Applications that one root applies, or that lie in one folder, have the same name and
//!   namespace.
//! - A value under `postBuild.substitute` is a number or a boolean. The API server only accepts
//!   strings.
//! - gitops-lint cannot read the file of the object. The agent may be able to read it, so nobody
//!   checks the folders that it applies.
//!
//! It is a warning if the object works differently than it looks:
//!
//! - A field is misspelt, such as `dependson` instead of `dependsOn`.
//! - `kustomize.images` of an Application sets the same image twice.
//!
//! The folder of an object is not checked if the object reads another repository, branch or tag, or
//! if a kustomization changes the object before it is applied.
//!
//! ## Why
//!
//! The agent reports the mistake only in the cluster, after the merge. Until somebody notices, the
//! cluster keeps its old state. If an Application or an element of an ApplicationSet was renamed,
//! the old one is deleted as well.
//!
//! ## Example
//!
//! ```yaml
//! kind: Application
//! spec:
//!   source:
//!     path: apps/web/prod # the folder is called apps/web/production
//! ```
//!
//! ## Fix
//!
//! Correct the line that the finding names.

use crate::finding::{Cause, Severity};
use crate::repo::agents::{Mistake, MistakeKind};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct InvalidAgent;

static METADATA: Metadata = Metadata {
    id: "invalid-agent",
    category: Category::Structure,
    level: "error; warning for misspelt fields and repeated images",
    severity: Severity::Error,
    summary: "an Argo CD or Flux object that applies nothing, or something else than it says",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("invalid_agent.rs"),
};

impl Rule for InvalidAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for mistake in context.repo.mistakes() {
            sink.report(context, None, draft(mistake));
        }
    }
}

fn draft(mistake: &Mistake) -> Draft {
    let severity = match mistake.kind {
        MistakeKind::Unreadable | MistakeKind::MissingPath | MistakeKind::Refused => {
            Severity::Error
        }
        MistakeKind::UnknownField | MistakeKind::RepeatedImage => Severity::Warning,
    };
    let cause = Cause::new(mistake.kind.as_str()).with(&mistake.subject);
    let draft = Draft::new(severity, mistake.origin, cause, mistake.message.clone())
        .help(mistake.help.clone());
    match &mistake.related {
        Some((label, origin)) => draft.related(*origin, label.clone()),
        None => draft,
    }
}
