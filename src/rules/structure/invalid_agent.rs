//! # invalid-agent
//!
//! ## What
//!
//! An Argo CD or Flux object that cannot work as it is written. It is an error if nothing is
//! applied:
//!
//! - It applies a folder that does not exist, although it reads this repository.
//! - An ApplicationSet gives two Applications the same name, gives one no name, uses a parameter
//!   that has no value, or has a `templatePatch` that is not valid YAML.
//! - A value under `postBuild.substitute` is a number or a boolean. The API server accepts only
//!   text.
//! - The file that it stands in cannot be read here. The agent may read it all the same, and then
//!   nothing checks what it applies.
//!
//! It is a warning if something else is applied than the object seems to say:
//!
//! - A field is misspelt, such as `dependson` instead of `dependsOn`.
//! - `kustomize.images` of an Application sets the same image twice.
//!
//! Objects that read another repository, branch or tag are not judged by their folder. Neither are
//! objects that a kustomization changes before they are applied.
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
    summary: "an Argo CD or Flux object that applies nothing, or not what it says",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("invalid_agent.rs"),
};

impl Rule for InvalidAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for mistake in &context.repo.mistakes {
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
