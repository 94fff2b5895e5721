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
//! Settings in the security context of the pod count for its containers.
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
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::losses;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct RemovedSecurityContext;

static METADATA: Metadata = Metadata {
    id: "removed-security-context",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a hardening of the security context that staging has and production lacks",
    options: &[],
    source: include_str!("removed_security_context.rs"),
};

impl Rule for RemovedSecurityContext {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn also_against_base(&self) -> bool {
        true
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let name = |overlay| context.side(overlay);
        for partners in losses::partners(context, from, to) {
            let before = Settings::new(partners.from.node, partners.from_pod);
            let after = Settings::new(partners.to.node, partners.to_pod);
            let lost: Vec<&Hardening> = HARDENINGS
                .iter()
                .filter(|each| (each.holds)(&before) && !(each.holds)(&after))
                .collect();
            let Some(first) = lost.first() else { continue };
            let words: Vec<&str> = lost.iter().map(|each| each.words).collect();
            let origin = losses::remover(partners.to.node, &["securityContext", first.key])
                .or_else(|| losses::remover(partners.to_pod, &["securityContext", first.key]))
                .or_else(|| after.get(first.key).map(|node| node.origin))
                .or_else(|| {
                    before
                        .get(first.key)
                        .filter(|_| !partners.from_base)
                        .map(|node| node.origin)
                })
                .unwrap_or(partners.to.node.origin);
            let message = format!(
                "container {} is less restricted in {} than in {}: not {}",
                partners.to.name,
                name(to),
                name(from),
                words.join(", not ")
            );
            let draft = Draft::new(Severity::Error, origin, message);
            let draft = draft.help(format!(
                "put the restriction back, or loosen it in {} first",
                name(from)
            ));
            let mut draft = draft.on(
                partners.resource,
                format!("{}/securityContext", partners.to.pointer),
            );
            if let Some(node) = before.get(first.key).filter(|node| node.origin != origin) {
                draft = draft.related(node.origin, format!("{} has it here", name(from)));
            }
            sink.report(context, Some(to), draft);
        }
    }
}

/// The security settings that count for a container: its own, then the pod's.
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

/// A restriction.
struct Hardening {
    key: &'static str,
    words: &'static str,
    holds: fn(&Settings) -> bool,
}

const HARDENINGS: &[Hardening] = &[
    Hardening {
        key: "runAsNonRoot",
        words: "runAsNonRoot",
        holds: |settings| settings.is("runAsNonRoot", true),
    },
    Hardening {
        key: "readOnlyRootFilesystem",
        words: "readOnlyRootFilesystem",
        holds: |settings| settings.is("readOnlyRootFilesystem", true),
    },
    Hardening {
        key: "allowPrivilegeEscalation",
        words: "allowPrivilegeEscalation: false",
        holds: |settings| settings.is("allowPrivilegeEscalation", false),
    },
    Hardening {
        key: "capabilities",
        words: "dropping capabilities",
        holds: |settings| {
            settings
                .get("capabilities")
                .and_then(|node| node.get("drop"))
                .is_some_and(|drop| !drop.items().is_empty())
        },
    },
    Hardening {
        key: "seccompProfile",
        words: "confined by a seccomp profile",
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
        words: "unprivileged",
        holds: |settings| !settings.is("privileged", true),
    },
];
