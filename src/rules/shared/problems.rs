//! Turns the problems that the renderer found into findings of the rule that they belong to.

use crate::finding::{Cause, Related, Severity};
use crate::kustomize::{Identity, Problem, ProblemKind, remote};
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft, Sink};

/// Reports every problem of one kind.
pub(in crate::rules) fn report(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    kind: ProblemKind,
    severity: Severity,
) {
    report_by(context, overlay, sink, kind, &|_| severity);
}

/// Reports every problem of one kind, each with its own severity.
pub(in crate::rules) fn report_by(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    kind: ProblemKind,
    severity: &dyn Fn(&Problem) -> Severity,
) {
    for problem in of_kind(context, overlay, kind) {
        let draft = draft(context, problem, severity(problem));
        sink.report(context, Some(overlay), draft);
    }
}

/// True if a change brings the first problem of some kinds into production, so that everything there
/// was checked until now. `usual` returns true if the base has them elsewhere.
pub(in crate::rules) fn is_first_in_production(
    context: &Context,
    overlay: &Overlay,
    kinds: &[ProblemKind],
    usual: fn(&Repo) -> bool,
) -> bool {
    let has = |overlay: &Overlay| {
        let mut problems = overlay.rendered.problems.iter();
        problems.any(|problem| kinds.contains(&problem.kind))
    };
    let (Some(base), Some(before)) = (context.base, context.at_base(overlay)) else {
        return false;
    };
    context.repo.protected(overlay) && has(overlay) && !has(before) && !usual(base)
}

/// Reports every entry without effect, such as a patch without a match. An entry of a shared base
/// or component is only reported if it has no effect in any overlay that reads its file. If an
/// overlay is only rendered in part, the entry may be meant for the missing part, so it is an info.
pub(in crate::rules) fn report_unless_used_elsewhere(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    kind: ProblemKind,
    severity: &dyn Fn(&Problem) -> Severity,
) {
    for problem in of_kind(context, overlay, kind) {
        if context.used_elsewhere(kind, problem.origin) {
            continue;
        }
        let mut draft = draft(context, problem, severity(problem));
        if !overlay.rendered.complete {
            draft.severity = Severity::Info;
            draft
                .message
                .push_str("; it may be meant for the part of the overlay that was not rendered");
        }
        sink.report(context, Some(overlay), draft);
    }
}

/// The problems of one kind. A chart that may lack values of a pipeline has none: `coverage` says
/// that it cannot be rendered.
fn of_kind<'o>(
    context: &Context,
    overlay: &'o Overlay,
    kind: ProblemKind,
) -> impl Iterator<Item = &'o Problem> {
    let is_guess = context.is_guess(overlay);
    let problems = overlay.rendered.problems.iter();
    problems.filter(move |problem| problem.kind == kind && !is_guess)
}

fn draft(context: &Context, problem: &Problem, severity: Severity) -> Draft {
    let cause = cause(problem, context);
    let mut draft = Draft::new(severity, problem.origin, cause, problem.message.clone());
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

/// The identity of a problem: the data that the renderer gives, or else the text at its place.
fn cause(problem: &Problem, context: &Context) -> Cause {
    let file = context.repo.files.get(problem.origin.file);
    let text = file.slice(problem.origin).trim();
    if let Some(identity) = &problem.identity {
        return match &**identity {
            Identity::DuplicateKey(key) => Cause::new("duplicate-key").with(key),
            Identity::DeprecatedField(field) => Cause::new("deprecated-field").with(field),
            // pinning the same repository to another version is not a new problem
            Identity::Remote(url) if problem.kind == ProblemKind::RemotePinned => {
                Cause::new("remote")
                    .with(remote::without_pin(url))
                    .standing()
            }
            Identity::Remote(url) => Cause::new("remote").with(url),
            Identity::Withheld(path) => Cause::new("withheld").with(path),
            Identity::EmptyKustomization => Cause::new("empty-kustomization"),
            // its severity depends on how many entries beside it match nothing
            Identity::UnusedImage(_) => Cause::new("unused-image-override").with(text).standing(),
        };
    }
    let cause = Cause::new(kind(problem.kind)).with(text);
    match problem.kind {
        // kustomize refuses hundreds of things and two may meet at one place, such as a missing
        // name and a missing kind; only the message tells them apart
        ProblemKind::Error | ProblemKind::Absent | ProblemKind::Withheld => {
            cause.with(&problem.message)
        }
        _ => cause,
    }
}

fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Error => "refused",
        ProblemKind::Absent => "absent",
        ProblemKind::Withheld => "withheld",
        ProblemKind::DuplicateKey => "duplicate-key",
        ProblemKind::NeedsPlugin => "needs-plugin",
        ProblemKind::RemotePinned => "pinned",
        ProblemKind::RemoteUnpinned => "unpinned",
        ProblemKind::UnmatchedPatch => "unmatched-patch",
        ProblemKind::UnusedImageOverride => "unused-image-override",
        ProblemKind::DeprecatedField => "deprecated-field",
        ProblemKind::RestrictedFile => "restricted-file",
    }
}
