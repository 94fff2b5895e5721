//! # removed-security-context
//!
//! ## What
//!
//! A container in a protected environment runs with fewer restrictions than the same container in
//! the previous environment. These restrictions are compared: `runAsNonRoot`,
//! `readOnlyRootFilesystem`, `allowPrivilegeEscalation: false`, dropped capabilities, and the
//! seccomp profile. A container that is privileged only in the protected environment is also
//! reported.
//!
//! Settings in the security context of the pod also apply to its containers.
//!
//! If a chart is not in the repository, the values of its release are compared instead:
//! `securityContext`, `podSecurityContext` and `containerSecurityContext`. There, a setting
//! that is only missing is a warning, because the chart may have a default.
//!
//! ## Why
//!
//! Somebody loosened a setting to find a bug, and it stayed loose where it matters most.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch
//! - op: remove
//!   path: /spec/template/spec/containers/0/securityContext
//! ```
//!
//! ## Fix
//!
//! Restore the restriction, or loosen it in staging first, so that the difference is a deliberate
//! decision.

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, Partners};
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct RemovedSecurityContext;

static METADATA: Metadata = Metadata {
    id: "removed-security-context",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a restriction of the security context that staging has and production lacks",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("removed_security_context.rs"),
};

impl Rule for RemovedSecurityContext {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        for partners in losses::partners(context, from, to) {
            let before = Settings::new(partners.from.node, partners.from_pod);
            let after = Settings::new(partners.to.node, partners.to_pod);
            let lost: Vec<&Hardening> = HARDENINGS
                .iter()
                .filter(|each| (each.holds)(&before) && !(each.holds)(&after))
                .collect();
            let Some(first) = lost.first() else { continue };
            let origin = place(&partners, first, &before, &after);
            let settings: Vec<&str> = lost.iter().map(|each| each.setting).collect();
            let message = format!(
                "{} has {} {} but not {}",
                partners.subject,
                wording::list(&settings),
                context.in_side(from),
                context.in_side(to)
            );
            let cause = lost.iter().fold(
                Cause::new("lost-hardening").with(partners.to.name),
                |cause, each| cause.with(each.key),
            );
            let is_switched_off = lost.iter().any(|each| after.get(each.key).is_some());
            let severity = partners.severity(Severity::Error, is_switched_off);
            let mut draft = Draft::new(severity, origin, cause, message)
                .help(advice(context, from, lost.len()))
                .on(
                    partners.resource,
                    format!("{}/securityContext", partners.to.pointer),
                );
            if let Some(node) = before.get(first.key).filter(|node| node.origin != origin) {
                let label = format!("{} sets it here", context.side(from));
                draft = draft.related(node.origin, label);
            }
            sink.report(context, Some(to), draft);
        }
    }
}

/// The place to edit: the line that removed the setting from the container or the pod, or else the
/// value that loosens it, or else the value in the earlier environment, which was never promoted.
fn place(partners: &Partners, lost: &Hardening, before: &Settings, after: &Settings) -> Origin {
    let path = ["securityContext", lost.key];
    let earlier = || before.get(lost.key).filter(|_| !partners.from_base);
    losses::remover(partners.to.node, &path)
        .or_else(|| losses::remover(partners.to_pod, &path))
        .or_else(|| Some(after.get(lost.key).or_else(earlier)?.origin))
        .unwrap_or(partners.to.node.origin)
}

fn advice(context: &Context, from: &Overlay, lost: usize) -> String {
    let restriction = if lost == 1 {
        "the restriction"
    } else {
        "the restrictions"
    };
    if context.is_of_base(from) {
        format!("restore {restriction}, or explain in the pull request why the change is intended")
    } else {
        let earlier = context.side(from);
        format!("restore {restriction}, or loosen {earlier} first")
    }
}

/// The security settings of a container: its own, else those of its pod.
struct Settings<'a> {
    own: Option<&'a Node>,
    pod: Option<&'a Node>,
}

impl<'a> Settings<'a> {
    fn new(container: &'a Node, pod: &'a Node) -> Settings<'a> {
        Settings {
            own: container.get("securityContext"),
            pod: pod.get("securityContext"),
        }
    }
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.own
            .and_then(|own| own.get(key))
            .or_else(|| self.pod.and_then(|pod| pod.get(key)))
    }
    fn is(&self, key: &str, value: bool) -> bool {
        self.get(key).and_then(Node::as_bool) == Some(value)
    }
}

/// A setting that restricts a container.
struct Hardening {
    key: &'static str,
    /// Its name in messages.
    setting: &'static str,
    holds: fn(&Settings) -> bool,
}

const HARDENINGS: &[Hardening] = &[
    Hardening {
        key: "runAsNonRoot",
        setting: "`runAsNonRoot: true`",
        holds: |settings| settings.is("runAsNonRoot", true),
    },
    Hardening {
        key: "readOnlyRootFilesystem",
        setting: "`readOnlyRootFilesystem: true`",
        holds: |settings| settings.is("readOnlyRootFilesystem", true),
    },
    Hardening {
        key: "allowPrivilegeEscalation",
        setting: "`allowPrivilegeEscalation: false`",
        holds: |settings| settings.is("allowPrivilegeEscalation", false),
    },
    Hardening {
        key: "capabilities",
        setting: "dropped capabilities",
        holds: |settings| {
            settings
                .get("capabilities")
                .and_then(|node| node.get("drop"))
                .is_some_and(|drop| !drop.items().is_empty())
        },
    },
    Hardening {
        key: "seccompProfile",
        setting: "a seccomp profile",
        holds: |settings| {
            let kind = settings
                .get("seccompProfile")
                .and_then(|profile| profile.get("type"))
                .and_then(Node::text);
            kind.is_some_and(|kind| kind != "Unconfined")
        },
    },
    Hardening {
        key: "privileged",
        setting: "`privileged: false`",
        holds: |settings| !settings.is("privileged", true),
    },
];
