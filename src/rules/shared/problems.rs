//! What the renderer found becomes findings of the rule that the problem belongs to.

use crate::finding::{Related, Severity};
use crate::kustomize::{Problem, ProblemKind};
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};

/// Reports every problem of one kind.
pub(in crate::rules) fn report(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    kind: ProblemKind,
    severity: Severity,
) {
    for problem in overlay
        .rendered
        .problems
        .iter()
        .filter(|problem| problem.kind == kind)
    {
        sink.report(context, Some(overlay), draft(problem, severity));
    }
}

/// The same for what may be unused in one overlay and needed in another: an entry of a shared base
/// or component is judged only when it does nothing in every overlay that reads its file. In an
/// overlay that could not be rendered as a whole it may be needed by what is missing.
pub(in crate::rules) fn report_unless_used_elsewhere(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    kind: ProblemKind,
    severity: Severity,
) {
    for problem in overlay
        .rendered
        .problems
        .iter()
        .filter(|problem| problem.kind == kind)
    {
        if context.used_elsewhere(kind, problem.origin) {
            continue;
        }
        let mut draft = draft(problem, severity);
        if !overlay.rendered.complete {
            draft.severity = Severity::Info;
            draft
                .message
                .push_str("; it may be meant for the part of the overlay that was not rendered");
        }
        sink.report(context, Some(overlay), draft);
    }
}

fn draft(problem: &Problem, severity: Severity) -> Draft {
    let mut draft = Draft::new(severity, problem.origin, problem.message.clone());
    draft.help = problem.help.clone();
    draft.related = problem
        .related
        .iter()
        .map(|(message, origin)| Related {
            message: message.clone(),
            origin: *origin,
        })
        .collect();
    draft
}
