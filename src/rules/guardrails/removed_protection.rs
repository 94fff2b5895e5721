//! # removed-protection
//!
//! ## What
//!
//! An object in a protected environment lost a setting that protects it, while the same object in
//! the previous environment has it. These settings are compared:
//!
//! - Ingress and Route: TLS, the addresses that may connect, authentication, client certificates,
//!   the redirect to HTTPS, a web application firewall, rate limits (ingress-nginx, Traefik,
//!   HAProxy, AWS and GKE load balancers, OpenShift);
//! - Service: `loadBalancerSourceRanges`, and the annotations that make a load balancer internal;
//! - Argo Rollout: the analysis of a new version, and the manual promotion
//!   (`autoPromotionEnabled: false`);
//! - Namespace: the enforced Pod Security Standard.
//!
//! If a chart is not in the repository, `ingress` and `service` in the values of its release are
//! compared instead.
//!
//! With `--base`, the rule also reports what the change removes from every environment.
//!
//! ## Why
//!
//! Nothing breaks when such a setting is lost, so nobody notices that production became public.
//!
//! ## Example
//!
//! ```yaml
//! # staging
//! annotations: {nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/8}
//! # production
//! annotations: {}
//! ```
//!
//! ## Fix
//!
//! Restore the setting in production, or remove it from the previous environment first.

use crate::compare;
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, advice};
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::{Entry, Node, Origin};

/// See the documentation above.
pub(super) struct RemovedProtection;

static METADATA: Metadata = Metadata {
    id: "removed-protection",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "production lost TLS, an address restriction, authentication or the analysis of a release",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("removed_protection.rs"),
};

impl Rule for RemovedProtection {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(to) || !to.rendered.complete {
            return;
        }
        let environments = &context.repo.environments;
        let objects = compare::partners(from, to, environments).into_iter();
        let objects = objects.map(|(before, after)| (before, after, None));
        let releases = compare::releases(from, to, environments).into_iter();
        let outlined = releases.flat_map(|(before, after)| losses::outlined(before, after));
        for (before, after, release) in objects.chain(outlined) {
            let kept = protections(after);
            let mut lost = protections(before);
            lost.retain(|one| !kept.iter().any(|other| other.what == one.what));
            let Some(first) = lost.first() else { continue };
            let origin = place(context, from, after, first);
            let names: Vec<&str> = lost.iter().map(|one| one.what).collect();
            let message = format!(
                "{} has {} {} but not {}",
                match release {
                    Some(release) => losses::named_in_values(release, &after.original.name),
                    None => format!("{} `{}`", after.kind(), after.name()),
                },
                wording::list(&names),
                context.in_side(from),
                context.in_side(to)
            );
            let (object, pointer) = match release {
                Some(release) => {
                    let path = &after.original.name;
                    (&release.resource, losses::pointer_in_values(release, path))
                }
                None => (after, "/metadata".to_string()),
            };
            let cause = names
                .iter()
                .fold(Cause::new("lost-protection"), |cause, name| {
                    cause.with(*name)
                });
            let setting = format!("`{}`", first.path.last().copied().unwrap_or_default());
            let mut draft = Draft::new(Severity::Warning, origin, cause, message)
                .help(advice(context, (from, to), &setting))
                .on(object, pointer);
            if origin != first.origin {
                let label = format!("{} sets it here", context.side(from));
                draft = draft.related(first.origin, label);
            }
            sink.report(context, Some(to), draft);
        }
    }
}

/// The place to edit: what removed the setting, else the value that stands in its place, else the
/// earlier environment's line, or the object where that line is no longer there.
fn place(context: &Context, from: &Overlay, after: &Resource, lost: &Protection) -> Origin {
    let present = || after.node.at(&lost.path).map(|value| value.origin);
    losses::remover(&after.node, &lost.path)
        .or_else(present)
        .unwrap_or_else(|| {
            if context.is_of_base(from) {
                let name = after.node.at(&["metadata", "name"]);
                name.map_or(after.node.origin, |name| name.origin)
            } else {
                lost.origin
            }
        })
}

/// A setting that protects an object.
struct Protection<'a> {
    /// Its name in messages.
    what: &'static str,
    /// The keys that lead to it.
    path: Vec<&'a str>,
    origin: Origin,
}

/// The settings of an object that are switched on.
fn protections(resource: &Resource) -> Vec<Protection<'_>> {
    let annotations = resource.node.at(&["metadata", "annotations"]);
    let mut found: Vec<Protection> = annotations
        .map_or(&[][..], Node::entries)
        .iter()
        .filter_map(|entry| by_annotation(resource.kind(), entry))
        .collect();
    let fields: &[(&'static str, &[&'static str])] = match (resource.kind(), resource.group()) {
        ("Ingress", "networking.k8s.io" | "extensions") | ("Route", "route.openshift.io") => {
            &[("TLS", &["spec", "tls"])]
        }
        ("Service", "") => &[(
            "the addresses that may connect",
            &["spec", "loadBalancerSourceRanges"],
        )],
        ("Rollout", "argoproj.io") => &ROLLOUT,
        ("Namespace", "") => &[(
            "an enforced Pod Security Standard",
            &["metadata", "labels", "pod-security.kubernetes.io/enforce"],
        )],
        _ => &[],
    };
    for (what, path) in fields {
        let value = resource.node.at(path).filter(|value| is_on(path, value));
        found.extend(value.map(|value| Protection {
            what,
            path: path.to_vec(),
            origin: value.origin,
        }));
    }
    found
}

const ROLLOUT: [(&str, &[&str]); 5] = [
    (
        "an analysis before the switch",
        &["spec", "strategy", "blueGreen", "prePromotionAnalysis"],
    ),
    (
        "an analysis after the switch",
        &["spec", "strategy", "blueGreen", "postPromotionAnalysis"],
    ),
    (
        "a manual promotion",
        &["spec", "strategy", "blueGreen", "autoPromotionEnabled"],
    ),
    (
        "an analysis of the canary",
        &["spec", "strategy", "canary", "analysis"],
    ),
    (
        "the steps of the canary",
        &["spec", "strategy", "canary", "steps"],
    ),
];

/// True if a value of a field protects. `autoPromotionEnabled` does so when it is false, and a
/// Namespace that enforces `privileged` enforces nothing.
fn is_on(path: &[&str], value: &Node) -> bool {
    if path.last() == Some(&"autoPromotionEnabled") {
        return value.as_bool() == Some(false);
    }
    match value.text() {
        Some(text) => text != "privileged",
        None => {
            let is_open = |item: &Node| item.text().is_some_and(is_everywhere);
            let items = value.items();
            !items.is_empty() && !items.iter().any(is_open) || !value.entries().is_empty()
        }
    }
}

/// The protection by annotations of ingress controllers and load balancers, by the part behind the
/// last `/`.
const ANNOTATIONS: &[(&str, &[&str])] = &[
    (
        "the addresses that may connect",
        &[
            "whitelist-source-range",
            "allowlist-source-range",
            "denylist-source-range",
            "allow-list",
            "deny-list",
            "whitelist",
            "ip_whitelist",
            "ip_allowlist",
            "inbound-cidrs",
            "load-balancer-source-ranges",
        ],
    ),
    (
        "authentication",
        &[
            "auth-url",
            "auth-type",
            "auth-secret",
            "auth-realm",
            "auth-signin",
        ],
    ),
    (
        "client certificates",
        &["auth-tls-secret", "auth-tls-verify-client"],
    ),
    (
        "the redirect to HTTPS",
        &["force-ssl-redirect", "ssl-redirect"],
    ),
    (
        "a web application firewall",
        &["enable-modsecurity", "wafv2-acl-arn", "waf-acl-id"],
    ),
    (
        "a rate limit",
        &["limit-rps", "limit-rpm", "limit-connections"],
    ),
    ("middlewares", &["router.middlewares"]),
    ("TLS", &["router.tls"]),
    (
        "an internal load balancer",
        &[
            "aws-load-balancer-internal",
            "azure-load-balancer-internal",
            "load-balancer-type",
        ],
    ),
];

/// True for a range of all addresses.
fn is_everywhere(range: &str) -> bool {
    matches!(range.trim(), "0.0.0.0/0" | "::/0")
}

fn by_annotation<'a>(kind: &str, entry: &'a Entry) -> Option<Protection<'a>> {
    if !matches!(kind, "Ingress" | "Service" | "Route") {
        return None;
    }
    let name = entry.key.rsplit_once('/').map(|(_, name)| name)?;
    let (what, _) = ANNOTATIONS
        .iter()
        .find(|(_, names)| names.contains(&name))?;
    let value = entry.value.text()?.trim();
    let is_off = matches!(value, "" | "false" | "off" | "none" | "None" | "0")
        || value.split(',').any(is_everywhere)
        || (name == "load-balancer-type" && value != "Internal");
    (!is_off).then(|| Protection {
        what,
        path: vec!["metadata", "annotations", &entry.key],
        origin: entry.value.origin,
    })
}
