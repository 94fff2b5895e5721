//! # weaker-guard
//!
//! ## What
//!
//! A change weakens an object that guards a protected environment, or opens a way in. The rule needs
//! a base revision (`--base`). It reports:
//!
//! - NetworkPolicy, and AuthorizationPolicy of Istio: a rule that admits everybody;
//! - PeerAuthentication of Istio that no longer insists on mutual TLS;
//! - policies of Kyverno, constraints of Gatekeeper and bindings of admission policies that no
//!   longer deny;
//! - a validating webhook that lets pass what it cannot judge (`failurePolicy: Ignore`);
//! - a new webhook that may change objects, a new API that a service serves, and an exception from
//!   policies;
//! - a DestinationRule of Istio that connects without TLS;
//! - a PodDisruptionBudget that lets all pods be evicted at once;
//! - a Service that is reachable from outside from now on, has further addresses or leads elsewhere;
//! - an Ingress or route that is new, has another class, or admits more paths or hosts; one that
//!   copies requests elsewhere, or has a snippet of configuration;
//! - a volume or storage class that deletes the data with the claim.
//!
//! It reports nothing that the previous environment had before the change.
//!
//! ## Why
//!
//! Nothing breaks when a guard becomes weaker, so nobody notices.
//!
//! ## Example
//!
//! ```yaml
//! kind: NetworkPolicy
//! spec:
//!   podSelector: {}
//!   ingress:
//!     - {} # before: only from pods of the same namespace
//! ```
//!
//! ## Fix
//!
//! Restore the guard, or let a reviewer approve the change. A finding about a change is gone once
//! the change is merged.

use crate::compare::{self, Words};
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::listed;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::{Node, escape_pointer};

/// See the documentation above.
pub(super) struct WeakerGuard;

static METADATA: Metadata = Metadata {
    id: "weaker-guard",
    category: Category::Guardrails,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "a change that weakens a policy of production, or makes something reachable",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("weaker_guard.rs"),
};

/// A way in which an object lets something pass.
struct Gap<'r> {
    /// Continues the name of the object: `admits everybody`.
    what: String,
    node: &'r Node,
    pointer: String,
}

impl Rule for WeakerGuard {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(before) = context.altered_at_base(overlay) else {
            return;
        };
        for resource in &overlay.rendered.resources {
            let old = before.same_resource(resource);
            let mut new = gaps(resource);
            new.retain(|gap| match old {
                Some(old) => !gaps(old).iter().any(|known| known.what == gap.what),
                // a new object guards nothing yet, but it may open a way
                None => is_entrance(resource),
            });
            new.retain(|gap| !was_elsewhere(context, before, overlay, resource, gap));
            let Some(first) = new.first() else { continue };
            let whats: Vec<&str> = new.iter().map(|gap| gap.what.as_str()).collect();
            let whats = wording::listed(&whats, 3);
            let message = format!("{} `{}` {whats}", resource.kind(), resource.name());
            let cause = Cause::new("weaker-guard").with(&whats);
            let draft = Draft::new(Severity::Warning, first.node.origin, cause, message)
                .help("restore it, or let a reviewer approve the change")
                .on(resource, first.pointer.clone());
            let draft = listed::at_the_change(context, overlay, draft);
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// True if an earlier environment, or another overlay of this one, had a gap before the change.
fn was_elsewhere(
    context: &Context,
    before: &Overlay,
    overlay: &Overlay,
    resource: &Resource,
    gap: &Gap,
) -> bool {
    let Some(base) = context.base else {
        return false;
    };
    let environments = &context.repo.environments;
    let own = Words::of(overlay, environments).strip(&gap.what);
    let has = |other: &Resource, words: &Words| {
        gaps(other)
            .iter()
            .any(|known| words.strip(&known.what) == own)
    };
    let promoted = base.before(before).any(|earlier| {
        let words = Words::of(earlier, environments);
        let partners = compare::partners(earlier, overlay, environments);
        let mut same = partners
            .into_iter()
            .filter(|(_, now)| std::ptr::eq(*now, resource));
        same.any(|(old, _)| has(old, &words))
    });
    let moved = || {
        let words = Words::of(before, environments);
        let had = |other: &Resource| has(other, &words);
        let mut others = base.overlays.iter();
        others.any(|other| {
            other.environment == before.environment
                && other.same_resource(resource).is_some_and(had)
        })
    };
    promoted || moved()
}

/// True for objects that let something in rather than guard it.
fn is_entrance(resource: &Resource) -> bool {
    matches!(
        resource.kind(),
        "Service"
            | "Ingress"
            | "Route"
            | "HTTPRoute"
            | "TLSRoute"
            | "TCPRoute"
            | "GRPCRoute"
            | "IngressRoute"
            | "IngressRouteTCP"
            | "MutatingWebhookConfiguration"
            | "APIService"
            | "PolicyException"
            | "EnvoyFilter"
    )
}

/// The ways in which an object lets something pass.
fn gaps(resource: &Resource) -> Vec<Gap<'_>> {
    let node = &resource.node;
    match (resource.group(), resource.kind()) {
        ("networking.k8s.io" | "extensions", "NetworkPolicy") => network_policy(node),
        ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy") => cilium(node),
        ("networking.istio.io", "DestinationRule") => unless(
            node,
            &["spec", "trafficPolicy", "tls", "mode"],
            &["SIMPLE", "MUTUAL", "ISTIO_MUTUAL"],
            "connects without TLS",
        ),
        ("networking.istio.io", "EnvoyFilter") => {
            whole(node, "changes what the proxies do with requests")
        }
        ("apiregistration.k8s.io", "APIService") => whole(node, "serves an API of the cluster"),
        ("kyverno.io" | "policies.kyverno.io", "PolicyException") => {
            whole(node, "exempts objects from policies")
        }
        ("", "PersistentVolume") => unless(
            node,
            &["spec", "persistentVolumeReclaimPolicy"],
            &["Retain", "Recycle"],
            DELETES,
        ),
        ("storage.k8s.io", "StorageClass") => {
            unless(node, &["reclaimPolicy"], &["Retain"], DELETES)
        }
        ("security.istio.io", "AuthorizationPolicy") => authorization(node),
        ("security.istio.io", "PeerAuthentication") => unless(
            node,
            &["spec", "mtls", "mode"],
            &["STRICT", "UNSET"],
            "accepts connections without mutual TLS",
        ),
        ("kyverno.io", "ClusterPolicy" | "Policy") => kyverno(node),
        ("policies.kyverno.io", _) => actions(node, "validationActions"),
        ("constraints.gatekeeper.sh", _) => unless(
            node,
            &["spec", "enforcementAction"],
            &["deny", "scoped"],
            "no longer denies (`enforcementAction`)",
        ),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            actions(node, "validationActions")
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => webhooks(node),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => whole(
            node,
            "may change objects of the cluster while they are made",
        ),
        ("policy", "PodDisruptionBudget") => budget(node),
        ("", "Service") => service(node),
        ("networking.k8s.io" | "extensions", "Ingress") => {
            let mut found = ingress(node);
            found.extend(snippets(node));
            found
        }
        ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute") => {
            let mut found = whole(node, REACHABLE);
            found.extend(mirrors(node));
            found
        }
        ("route.openshift.io", "Route")
        | ("gateway.networking.k8s.io", _)
        | ("traefik.io" | "traefik.containo.us", "IngressRoute" | "IngressRouteTCP")
            if is_entrance(resource) =>
        {
            whole(node, REACHABLE)
        }
        _ => Vec::new(),
    }
}

const REACHABLE: &str = "makes a service reachable";
const DELETES: &str = "deletes the data with the claim";

fn whole<'r>(node: &'r Node, what: &str) -> Vec<Gap<'r>> {
    let name = node.at(&["metadata", "name"]);
    vec![Gap {
        what: what.to_string(),
        node: name.unwrap_or(node),
        pointer: "/metadata/name".to_string(),
    }]
}

/// A gap if a setting has none of the strict values. What is not set is strict.
fn unless<'r>(node: &'r Node, path: &[&str], strict: &[&str], what: &str) -> Vec<Gap<'r>> {
    let value = node.at(path);
    let text = value.and_then(Node::text);
    let weak = text.is_some_and(|text| !strict.contains(&text));
    let found = value.filter(|_| weak).map(|value| Gap {
        what: what.to_string(),
        node: value,
        pointer: format!("/{}", path.join("/")),
    });
    found.into_iter().collect()
}

/// The rules of a policy for the network that admit everybody. `is_open` tells that of a rule and the
/// beginning of its lists of peers, `from` or `to`; `ports` is its list of ports.
fn open_rules<'r>(
    node: &'r Node,
    is_open: impl Fn(&Node, &str) -> bool,
    ports: &str,
) -> Vec<Gap<'r>> {
    let mut found = Vec::new();
    for (direction, peers, what) in [
        ("ingress", "from", "admits connections from everywhere"),
        ("egress", "to", "allows connections to everywhere"),
    ] {
        let rules = node.at(&["spec", direction]).map_or(&[][..], Node::items);
        for (index, rule) in rules.iter().enumerate() {
            // a rule for a few ports lets only these pass
            if is_open(rule, peers) && rule.get(ports).is_none() {
                found.push(Gap {
                    what: what.to_string(),
                    node: rule,
                    pointer: format!("/spec/{direction}/{index}"),
                });
            }
        }
    }
    found
}

/// True if an item of a list is one of some texts.
fn is_one_of(item: &Node, texts: &[&str]) -> bool {
    item.text().is_some_and(|text| texts.contains(&text))
}

/// All addresses.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

fn network_policy(node: &Node) -> Vec<Gap<'_>> {
    let is_everybody = |peer: &Node| {
        let range = peer.at(&["ipBlock", "cidr"]);
        range.is_some_and(|range| is_one_of(range, &EVERYWHERE))
    };
    let is_open = |rule: &Node, peers: &str| {
        let peers = rule.get(peers).map_or(&[][..], Node::items);
        peers.is_empty() || peers.iter().any(is_everybody)
    };
    open_rules(node, is_open, "ports")
}

/// Rules of Cilium that admit everybody.
fn cilium(node: &Node) -> Vec<Gap<'_>> {
    let is_open = |rule: &Node, peers: &str| {
        let names = |list: &str, texts: &[&str]| {
            let items = rule.get(&format!("{peers}{list}"));
            let mut items = items.map_or(&[][..], Node::items).iter();
            items.any(|item| is_one_of(item, texts))
        };
        names("Entities", &["all", "world"]) || names("CIDR", &EVERYWHERE)
    };
    open_rules(node, is_open, "toPorts")
}

fn authorization(node: &Node) -> Vec<Gap<'_>> {
    let action = node.at(&["spec", "action"]).and_then(Node::text);
    if !matches!(action, None | Some("ALLOW")) {
        return Vec::new();
    }
    let rules = node.at(&["spec", "rules"]).map_or(&[][..], Node::items);
    let open = rules.iter().enumerate().filter(|(_, rule)| {
        let mut parts = ["from", "to", "when"].iter();
        parts.all(|part| rule.get(part).is_none())
    });
    let gaps = open.map(|(index, rule)| Gap {
        what: "allows every request".to_string(),
        node: rule,
        pointer: format!("/spec/rules/{index}"),
    });
    gaps.collect()
}

fn kyverno(node: &Node) -> Vec<Gap<'_>> {
    const WHAT: &str = "no longer denies (`Audit`)";
    let strict = ["Enforce", "enforce"];
    let mut found = unless(node, &["spec", "validationFailureAction"], &strict, WHAT);
    let rules = node.at(&["spec", "rules"]).map_or(&[][..], Node::items);
    for (index, rule) in rules.iter().enumerate() {
        let mut gaps = unless(rule, &["validate", "failureAction"], &strict, WHAT);
        for gap in &mut gaps {
            gap.pointer = format!("/spec/rules/{index}{}", gap.pointer);
        }
        found.append(&mut gaps);
    }
    found
}

/// A list of actions that does not deny.
fn actions<'r>(node: &'r Node, field: &str) -> Vec<Gap<'r>> {
    let Some(list) = node.at(&["spec", field]) else {
        return Vec::new();
    };
    let denies = |item: &Node| item.text() == Some("Deny");
    if list.items().iter().any(denies) {
        return Vec::new();
    }
    vec![Gap {
        what: format!("no longer denies (`{field}`)"),
        node: list,
        pointer: format!("/spec/{field}"),
    }]
}

fn webhooks(node: &Node) -> Vec<Gap<'_>> {
    let webhooks = node.get("webhooks").map_or(&[][..], Node::items);
    let ignoring = webhooks.iter().enumerate().filter_map(|(index, webhook)| {
        let policy = webhook.get("failurePolicy")?;
        (policy.text() == Some("Ignore")).then(|| Gap {
            what: "lets pass what it cannot judge (`failurePolicy`)".to_string(),
            node: policy,
            pointer: format!("/webhooks/{index}/failurePolicy"),
        })
    });
    ignoring.collect()
}

fn budget(node: &Node) -> Vec<Gap<'_>> {
    let weak = [
        ("minAvailable", &["0", "0%"][..]),
        ("maxUnavailable", &["100%"][..]),
    ];
    let gaps = weak.into_iter().filter_map(|(field, values)| {
        let value = node.at(&["spec", field])?;
        values.contains(&value.text()?).then(|| Gap {
            what: "lets all pods be evicted at once".to_string(),
            node: value,
            pointer: format!("/spec/{field}"),
        })
    });
    gaps.collect()
}

fn service(node: &Node) -> Vec<Gap<'_>> {
    let outside = ["LoadBalancer", "NodePort"];
    let kind = node.at(&["spec", "type"]);
    let found = kind.and_then(|kind| Some((kind, kind.text()?)));
    let found = found.filter(|(_, text)| outside.contains(text));
    let gaps = found.map(|(kind, text)| Gap {
        what: format!("is reachable from outside of the cluster ({text})"),
        node: kind,
        pointer: "/spec/type".to_string(),
    });
    let mut gaps: Vec<Gap> = gaps.into_iter().collect();
    let addresses = node
        .at(&["spec", "externalIPs"])
        .map_or(&[][..], Node::items);
    for (index, address) in addresses.iter().enumerate() {
        gaps.extend(address.text().map(|text| Gap {
            what: format!("takes the address `{text}`"),
            node: address,
            pointer: format!("/spec/externalIPs/{index}"),
        }));
    }
    let elsewhere = node.at(&["spec", "externalName"]);
    if let Some((name, text)) = elsewhere.and_then(|name| Some((name, name.text()?))) {
        gaps.push(Gap {
            what: format!("leads to `{text}`"),
            node: name,
            pointer: "/spec/externalName".to_string(),
        });
    }
    gaps
}

/// Annotations with which an Ingress brings configuration of its own, or sends requests elsewhere.
fn snippets(node: &Node) -> Vec<Gap<'_>> {
    let annotations = node.at(&["metadata", "annotations"]);
    let entries = annotations.map_or(&[][..], Node::entries).iter();
    let found = entries.filter_map(|entry| {
        let (_, name) = entry.key.rsplit_once('/')?;
        let what = match name {
            "mirror-target" => "copies requests elsewhere".to_string(),
            _ if name.ends_with("-snippet") => format!("has a snippet of configuration (`{name}`)"),
            _ => return None,
        };
        Some(Gap {
            what,
            node: &entry.value,
            pointer: format!("/metadata/annotations/{}", escape_pointer(&entry.key)),
        })
    });
    found.collect()
}

/// The filters of a route that copy requests.
fn mirrors(node: &Node) -> Vec<Gap<'_>> {
    let mut found = Vec::new();
    let rules = node.at(&["spec", "rules"]).map_or(&[][..], Node::items);
    for (index, rule) in rules.iter().enumerate() {
        let filters = rule.get("filters").map_or(&[][..], Node::items);
        for (number, filter) in filters.iter().enumerate() {
            let target = filter.at(&["requestMirror", "backendRef", "name"]);
            if let Some((target, name)) = target.and_then(|node| Some((node, node.text()?))) {
                found.push(Gap {
                    what: format!("copies requests to `{name}`"),
                    node: target,
                    pointer: format!(
                        "/spec/rules/{index}/filters/{number}/requestMirror/backendRef/name"
                    ),
                });
            }
        }
    }
    found
}

/// The class of an Ingress, its hosts and its paths. One that matches every host is worse than a
/// further host.
fn ingress(node: &Node) -> Vec<Gap<'_>> {
    let mut found = Vec::new();
    let class = node.at(&["spec", "ingressClassName"]);
    let annotation = ["metadata", "annotations", "kubernetes.io/ingress.class"];
    let class = class.or_else(|| node.at(&annotation));
    if let Some((class, text)) = class.and_then(|class| Some((class, class.text()?))) {
        found.push(Gap {
            what: format!("is served by the class `{text}`"),
            node: class,
            pointer: "/spec/ingressClassName".to_string(),
        });
    }
    let rules = node.at(&["spec", "rules"]).map_or(&[][..], Node::items);
    for (index, rule) in rules.iter().enumerate() {
        let paths = rule.at(&["http", "paths"]).map_or(&[][..], Node::items);
        let paths: Vec<String> = paths
            .iter()
            .filter_map(|path| path.get("path").and_then(Node::text))
            .map(|path| format!("`{path}`"))
            .collect();
        let host = rule.get("host").and_then(Node::text);
        let of_host = host.map_or("every host".to_string(), |host| format!("`{host}`"));
        let what = match paths[..] {
            [] => format!("makes {of_host} reachable"),
            _ => format!(
                "makes {} of {of_host} reachable",
                wording::listed(&paths, 3)
            ),
        };
        found.push(Gap {
            what,
            node: rule.get("host").unwrap_or(rule),
            pointer: format!("/spec/rules/{index}"),
        });
    }
    found
}
