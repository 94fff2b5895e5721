//! # wider-access
//!
//! ## What
//!
//! A change gives something in a protected environment more rights. The rule needs a base revision
//! (`--base`). It reports:
//!
//! - a new subject of a ClusterRoleBinding or RoleBinding, or another role for it;
//! - new rights of a Role or ClusterRole that existed before;
//! - another ServiceAccount of a workload, and another role of a cloud for a ServiceAccount;
//! - access to the host: `hostPath`, `hostNetwork`, `hostPID`, `hostIPC`, `hostProcess`, unsafe
//!   sysctls, an unmasked `/proc`, containers without AppArmor, and added capabilities;
//! - a key with which an object that SOPS encrypted can be decrypted.
//!
//! It is a warning. It is an info if a RoleBinding names an ordinary role, or if a verb gives no
//! further rights. Rights about Secrets, tokens, roles, `exec`, webhooks and `*` give further rights.
//!
//! It reports nothing that the previous environment had before the change. Of a new object or overlay
//! it reports only what leads to everything: access to the host, `cluster-admin`, and bindings for
//! everybody.
//!
//! ## Why
//!
//! Everything works as before, so no test fails. Whoever takes over the workload later has the
//! rights as well.
//!
//! ## Example
//!
//! ```yaml
//! kind: ClusterRoleBinding
//! roleRef: {kind: ClusterRole, name: cluster-admin}
//! subjects: [{kind: ServiceAccount, name: api, namespace: shop}]
//! ```
//!
//! ## Fix
//!
//! Name only the objects and verbs that are needed, or let a reviewer approve the right. A finding
//! about a change is gone once the change is merged.

mod cloud;
mod pods;
mod rbac;
mod recipients;

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::Words;
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::listed;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct WiderAccess;

static METADATA: Metadata = Metadata {
    id: "wider-access",
    category: Category::Guardrails,
    level: "warning; info for ordinary rights; needs a base revision",
    severity: Severity::Warning,
    summary: "a change that gives production more rights: roles, service accounts, the host",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

/// A right of an object.
struct Access<'r> {
    resource: &'r Resource,
    kind: Kind,
    /// The part of the object that has it, such as a container.
    holder: &'r str,
    /// The right in messages: ``ServiceAccount `api` the ClusterRole `view` ``.
    what: String,
    strength: Strength,
    origin: Origin,
    /// The JSON pointer to it.
    pointer: String,
}

/// What somebody can do with a right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// What it says.
    Ordinary,
    /// It leads to other rights.
    Strong,
    /// It leads to everything: the host, or every right in the cluster, or rights for everybody.
    Total,
}

/// A kind of right. All new rights of one kind in one object are one finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A subject has a role.
    Binding,
    /// A role allows a verb.
    Verb,
    /// A workload runs as a ServiceAccount.
    Account,
    /// A ServiceAccount takes a role of a cloud.
    Cloud,
    /// A workload reaches its host.
    Host,
    /// A container has a capability.
    Capability,
    /// A key decrypts a Secret.
    Decryption,
}

impl Kind {
    /// Its name in the identity of findings.
    fn name(self) -> &'static str {
        match self {
            Kind::Binding => "binding",
            Kind::Verb => "verb",
            Kind::Account => "account",
            Kind::Cloud => "cloud",
            Kind::Host => "host",
            Kind::Capability => "capability",
            Kind::Decryption => "decryption",
        }
    }

    /// The words between the object and its rights.
    fn phrase(self) -> &'static str {
        match self {
            Kind::Binding => "now gives",
            Kind::Verb => "now allows to",
            Kind::Account => "now runs as",
            Kind::Cloud => "now takes the role",
            Kind::Host => "now has access to the host:",
            Kind::Capability => "now has more capabilities:",
            Kind::Decryption => "can now be decrypted with",
        }
    }
}

/// The rights of one kind in one object.
type Group<'r> = (usize, Kind);

impl Rule for WiderAccess {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let before = context.altered_at_base(overlay);
        let is_new = context.at_base(overlay).is_none() && context.repo.protected(overlay);
        if context.base.is_none() || before.is_none() && !is_new {
            return;
        }
        let words = |overlay: &Overlay| Words::of(overlay, &context.repo.environments);
        let own = words(overlay);
        let mut new = rights(overlay, None);
        new.retain(|right| right.strength == Strength::Total || existed(right, before));
        if let Some(before) = before {
            let known = keys(&rights(before, None), &words(before));
            new.retain(|right| !known.contains(&key(right, &own)));
        }
        if new.is_empty() {
            return;
        }
        // only what is new is looked up in the other overlays
        let wanted: BTreeSet<&str> = new.iter().map(|right| right.resource.kind()).collect();
        for other in elsewhere(context, overlay, before) {
            let known = keys(&rights(other, Some(&wanted)), &words(other));
            new.retain(|right| !known.contains(&key(right, &own)));
        }
        report(context, overlay, &new, sink);
    }
}

/// The overlays of the base that may have had a right before: those of the environments before this
/// one, and those of this one, from which an object may have been moved.
fn elsewhere<'r>(
    context: &Context<'r>,
    overlay: &Overlay,
    before: Option<&Overlay>,
) -> Vec<&'r Overlay> {
    let Some(base) = context.base else {
        return Vec::new();
    };
    let same = base
        .overlays
        .iter()
        .filter(|other| other.environment == overlay.environment)
        .filter(|other| before.is_none_or(|before| !std::ptr::eq(*other, before)));
    base.before(before.unwrap_or(overlay)).chain(same).collect()
}

/// True if the object was there before the change. A new one brings its usual rights; but a new
/// binding gives rights to what may have been there.
fn existed(right: &Access, before: Option<&Overlay>) -> bool {
    before.is_some_and(|before| {
        right.kind == Kind::Binding || before.same_resource(right.resource).is_some()
    })
}

/// The rights of the objects of an overlay, of some kinds of objects or of all.
fn rights<'r>(overlay: &'r Overlay, wanted: Option<&BTreeSet<&str>>) -> Vec<Access<'r>> {
    let resources = overlay.rendered.resources.iter();
    let resources =
        resources.filter(|resource| wanted.is_none_or(|wanted| wanted.contains(resource.kind())));
    resources
        .flat_map(|resource| {
            let mut found = rbac::rights(resource);
            found.extend(pods::rights(resource));
            found.extend(cloud::rights(resource));
            found.extend(recipients::rights(resource));
            found
        })
        .collect()
}

fn keys(rights: &[Access], words: &Words) -> BTreeSet<String> {
    rights.iter().map(|right| key(right, words)).collect()
}

/// The text by which the rights of two overlays are compared: without the words of the environment,
/// and without the name of a binding.
fn key(right: &Access, words: &Words) -> String {
    let resource = right.resource;
    let name = match right.kind {
        Kind::Binding => "",
        _ => resource.original.name.as_str(),
    };
    let parts = [resource.kind(), name, right.holder, &right.what];
    let stripped = parts.map(|part| words.strip(part));
    format!("{}\0{}", right.kind.name(), stripped.join("\0"))
}

/// One finding for each object and kind of right.
fn report(context: &Context, overlay: &Overlay, new: &[Access], sink: &mut Sink) {
    let mut groups: BTreeMap<Group, Vec<&Access>> = BTreeMap::new();
    let mut numbers: BTreeMap<(*const Resource, &str), usize> = BTreeMap::new();
    for right in new {
        let count = numbers.len();
        let holder = (std::ptr::from_ref(right.resource), right.holder);
        let number = *numbers.entry(holder).or_insert(count);
        groups.entry((number, right.kind)).or_default().push(right);
    }
    for ((_, kind), rights) in groups {
        let Some(first) = rights
            .iter()
            .find(|right| right.strength > Strength::Ordinary)
            .or(rights.first())
        else {
            continue;
        };
        let mut whats: Vec<&str> = vec![&first.what];
        whats.extend(rights.iter().map(|right| right.what.as_str()));
        let mut seen = BTreeSet::new();
        whats.retain(|what| seen.insert(*what));
        let resource = first.resource;
        let object = format!("{} `{}`", resource.kind(), resource.name());
        let subject = match first.holder {
            "" => object,
            container => format!("container `{container}` of {object}"),
        };
        let message = format!("{subject} {} {}", kind.phrase(), wording::listed(&whats, 3));
        let cause = Cause::new(kind.name()).with(first.holder).with(&first.what);
        let severity = if first.strength > Strength::Ordinary {
            Severity::Warning
        } else {
            Severity::Info
        };
        let draft = Draft::new(severity, first.origin, cause, message)
            .help("allow only what is needed, or let a reviewer approve it")
            .on(resource, first.pointer.clone());
        let draft = listed::at_the_change(context, overlay, draft);
        sink.report(context, Some(overlay), draft);
    }
}
