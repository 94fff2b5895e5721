//! Decides whether a needed Secret or ConfigMap exists. The four `missing-…` rules share this
//! logic.
//!
//! An object counts as provided in any of these cases:
//!
//! - The overlay has it.
//! - Another overlay that may be applied to the same cluster has it: one with the same environment
//!   or none, the same variant or none, and a namespace that can be the same.
//! - The configuration declares it under `external`.
//! - Kubernetes, an operator or a Helm release in the environment creates it.
//!
//! Not here: which kinds of objects provide others (`kubernetes::references`,
//! `kubernetes::operators`).

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::Words;
use crate::config::External;
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::{Provider, Reference, Target, Use, compatible};
use crate::kubernetes::{copies, operators};
use crate::kustomize::{Resource, hash};
use crate::names::{did_you_mean, slip};
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Context, Draft, Facts, Sink};
use crate::wording;
use crate::yaml::Origin;

/// How many other references to the same object a finding lists.
const LISTED: usize = 5;

/// Reports every object of this kind that the overlay needs and nobody provides: one finding for
/// each name, at its first use.
pub(in crate::rules) fn report_missing(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    target: Target,
) {
    let mut needs: BTreeMap<(&str, Option<&str>), Vec<&Reference>> = BTreeMap::new();
    for reference in context
        .facts(overlay)
        .references
        .iter()
        .filter(|reference| reference.target == target)
    {
        needs
            .entry((reference.name, reference.resource.namespace()))
            .or_default()
            .push(reference);
    }
    for ((name, namespace), references) in needs {
        let used_by_pod = |reference: &&&Reference| reference.purpose == Use::Pod;
        let Some(first) = references.iter().find(used_by_pod).or(references.first()) else {
            continue;
        };
        if !is_known_name(name) || is_provided(context, overlay, target, name, namespace) {
            continue;
        }
        let missing = Missing {
            first,
            references: &references,
            elsewhere: provided_elsewhere(context, overlay, target, name, namespace),
            near: nearest(context, overlay, target, name),
            hashed: generated_as(context, overlay, target, name),
        };
        let known = missing.elsewhere.is_some() || missing.near.is_some();
        // an environment that is only recognised by its folders may be set up differently
        let unsure = [Some(overlay), missing.elsewhere.map(|(other, _)| other)]
            .into_iter()
            .flatten()
            .any(|overlay| context.repo.is_unordered(overlay));
        let alike = if known {
            Vec::new()
        } else {
            needing(context, target, name)
        };
        // with a base, only an object that was already missing there can be created elsewhere
        let made_elsewhere = match context.base {
            None => are_many(&alike),
            Some(_) => lacked_before(context, &alike, target, name),
        };
        // one finding stands for all overlays
        if made_elsewhere
            && are_many(&alike)
            && alike
                .first()
                .is_some_and(|first| first.key() != overlay.key())
        {
            continue;
        }
        let comes_from_elsewhere = missing
            .elsewhere
            .is_some_and(|(other, _)| comes_from_elsewhere(context, overlay, other));
        let unsure = unsure || made_elsewhere || comes_from_elsewhere;
        if let Some(severity) = severity(context, overlay, target, first.purpose, known) {
            let severity = if unsure {
                severity.min(Severity::Warning)
            } else {
                severity
            };
            let mut draft = missing.draft(context, overlay, severity);
            if made_elsewhere {
                let message = &mut draft.message;
                message.push_str(&format!(
                    "; {} need it and none provides it, so it may be made elsewhere",
                    wording::count(alike.len(), "overlay")
                ));
            }
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// True if the agent's object that applies another overlay exists in this environment too, but does
/// not apply a folder of this repo: the Application `secrets` reads another repo in production.
fn comes_from_elsewhere(context: &Context, overlay: &Overlay, other: &Overlay) -> bool {
    let Some(agent) = &other.agent else {
        return false;
    };
    let is_it = |control: &&Control| {
        let (kind, name) = (control.text(&["kind"]), control.name());
        control.environment == overlay.environment
            && kind.is_some_and(|kind| agent.name.starts_with(kind))
            && agent.name.rsplit('/').next() == Some(name)
    };
    let applies_here = context.repo.overlays.iter().any(|one| {
        one.environment == overlay.environment
            && one.agent.as_ref().is_some_and(|own| own.name == agent.name)
    });
    !applies_here && context.controls().iter().any(|control| is_it(&control))
}

/// How many of the overlays that need an object are checked for it.
const ASKED: usize = 20;

/// The overlays that need an object of this name, protected ones first, if none of them has it.
fn needing<'a>(context: &Context<'a>, target: Target, name: &str) -> Vec<&'a Overlay> {
    let mut found = context.needing(target, name);
    found.sort_by_key(|other| !context.repo.protected(other));
    let has = |other: &&Overlay| is_provided(context, other, target, name, None);
    if found.iter().take(ASKED).any(has) {
        return Vec::new();
    }
    found
}

/// If this many overlays need an object and none of them provides it, it is created elsewhere.
const MANY: usize = 3;

/// True if so many overlays need an object that it is evidently created outside of the repo. False
/// if they are only the environments of one app: one line in their base may cause all of them.
fn are_many(needing: &[&Overlay]) -> bool {
    let apps: BTreeSet<&str> = needing.iter().map(|other| other.app.as_str()).collect();
    let environments: BTreeSet<_> = needing.iter().map(|other| other.environment).collect();
    needing.len() >= MANY && (apps.len() > 1 || needing.len() > environments.len())
}

/// True if an overlay needed an object at the base revision and lacked it there.
fn lacked_before(context: &Context, needing: &[&Overlay], target: Target, name: &str) -> bool {
    let mut before = needing
        .iter()
        .take(ASKED)
        .filter_map(|other| context.at_base(other));
    before.any(|before| {
        let facts = Facts::new(&before.rendered, &context.repo.files);
        let mut references = facts.references.iter();
        references.any(|need| need.target == target && need.name == name)
            && facts.providers_of(target, name).next().is_none()
    })
}

/// An object that nobody provides.
struct Missing<'m, 'a> {
    /// The reference that is reported.
    first: &'m Reference<'a>,
    /// All references to the object.
    references: &'m [&'m Reference<'a>],
    /// The overlay and object that provide it in another environment.
    elsewhere: Option<(&'m Overlay, &'m Provider<'m>)>,
    /// An object of this overlay that provides a similar name.
    near: Option<&'m Provider<'m>>,
    /// The object that a generator of this overlay made under that name, before its content hash
    /// was added.
    hashed: Option<&'m Provider<'m>>,
}

impl Missing<'_, '_> {
    fn draft(&self, context: &Context, overlay: &Overlay, severity: Severity) -> Draft {
        let first = self.first;
        // the level depends on other overlays, so it is not a part of the identity
        let cause = Cause::new("missing")
            .with(lasting_name(context, overlay, first.name))
            .standing();
        let message = self.message(context, overlay);
        let draft = Draft::new(severity, first.node.origin, cause, message)
            .on(first.resource, &first.pointer);
        let draft = self.advise(context, overlay, draft);
        let draft = self.name_adding_providers(context, overlay, draft);
        self.name_other_references(draft)
    }

    fn message(&self, context: &Context, overlay: &Overlay) -> String {
        let (kind, name) = (self.first.target.as_str(), self.first.name);
        let description = &self.first.description;
        if let Some(hashed) = self.hashed {
            return format!(
                "{kind} `{name}` is missing: {description} needs it, but kustomize names it `{}` and does not write that name into {}",
                hashed.name,
                self.first.resource.kind()
            );
        }
        let Some((other, provider)) = &self.elsewhere else {
            return format!("{kind} `{name}` is missing: {description} needs it");
        };
        let place = context
            .repo
            .environment(overlay)
            .map_or(String::new(), |environment| {
                format!(" in {}", environment.name)
            });
        format!(
            "{kind} `{name}` is missing{place}: {description} needs it; {} has it as {} `{}`",
            where_it_is(context, overlay, other),
            provider.resource.kind(),
            provider.resource.name()
        )
    }

    /// Adds the help, and the place that supports it.
    fn advise(&self, context: &Context, overlay: &Overlay, draft: Draft) -> Draft {
        let kind = self.first.target.as_str();
        if let Some(hashed) = self.hashed {
            return draft
                .related(hashed.resource.node.origin, "it is generated here")
                .help(format!(
                    "set `options: {{disableNameSuffixHash: true}}` for the generator, or add a `nameReference` for {} under `configurations`",
                    self.first.resource.kind()
                ));
        }
        match (&self.elsewhere, self.near) {
            (Some((other, provider)), _) => {
                let label = format!("{} provides it here", where_it_is(context, overlay, other));
                draft.related(provider.resource.node.origin, label).help(format!(
                    "add the {} to this overlay, or declare the {kind} under `external` if it is created outside the repo",
                    provider.resource.kind()
                ))
            }
            (None, Some(near)) => draft
                .related(
                    near.resource.node.origin,
                    format!("`{}` is provided here", near.name),
                )
                .help(did_you_mean(near.name)),
            (None, None) => draft.help(format!(
                "add it, or declare it under `external` if the {kind} is created outside the repo"
            )),
        }
    }

    /// Adds the objects that add keys to the missing object but do not create it, such as an
    /// ExternalSecret with `creationPolicy: Merge`.
    fn name_adding_providers(&self, context: &Context, overlay: &Overlay, draft: Draft) -> Draft {
        let kind = self.first.target.as_str();
        let facts = context.facts(overlay);
        facts
            .providers_of(self.first.target, self.first.name)
            .filter(|provider| !provider.creates)
            .fold(draft, |draft, provider| {
                let label = format!(
                    "this {} adds to the {kind} but does not create it",
                    provider.resource.kind()
                );
                draft.related(provider.resource.node.origin, label)
            })
    }

    fn name_other_references(&self, draft: Draft) -> Draft {
        let mut others: Vec<&Reference> = self
            .references
            .iter()
            .copied()
            .filter(|other| other.node.origin != self.first.node.origin)
            .collect();
        others.dedup_by_key(|other| other.node.origin);
        others.into_iter().take(LISTED).fold(draft, |draft, other| {
            let label = format!("{} needs it too", other.description);
            draft.related(other.node.origin, label)
        })
    }
}

/// A name without its content hash and without the words for the overlay's environment. One line of
/// a base then has the same cause in every overlay.
fn lasting_name(context: &Context, overlay: &Overlay, name: &str) -> String {
    let words = Words::of(overlay, &context.repo.environments);
    words.strip(hash::without_suffix(name)).to_string()
}

/// Reports every key that is read from an object of this kind but that no provider of the object
/// has.
pub(in crate::rules) fn report_missing_keys(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    target: Target,
) {
    for reference in context
        .facts(overlay)
        .references
        .iter()
        .filter(|reference| reference.target == target && !reference.keys.is_empty())
    {
        let Some(providers) = providers_with_known_keys(context, overlay, reference) else {
            continue;
        };
        for (key, node, pointer) in &reference.keys {
            let has_key = |provider: &&Provider| {
                let keys = provider.keys.as_ref();
                keys.is_some_and(|keys| keys.contains(key))
            };
            if is_known_name(key) && !providers.iter().any(has_key) {
                let draft =
                    missing_key(context, overlay, reference, &providers, (key, node.origin));
                sink.report(
                    context,
                    Some(overlay),
                    draft.on(reference.resource, pointer),
                );
            }
        }
    }
}

/// The providers of the object that a reference names. `None` if the repo has no provider or does
/// not show all of their keys.
fn providers_with_known_keys<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &'c Overlay,
    reference: &Reference<'a>,
) -> Option<Vec<&'c Provider<'a>>> {
    let (target, name) = (reference.target, reference.name);
    let namespace = reference.resource.namespace();
    let nearby: Vec<(&Overlay, &Provider)> =
        providers_nearby(context, overlay, target, name, namespace).collect();
    let own: Vec<&Provider> = context
        .facts(overlay)
        .providers_of(target, name)
        .filter(|provider| compatible(provider.namespace, namespace))
        .collect();
    // an object with this name in another app may be in another namespace, unless both namespaces
    // are written
    let surely_meant = |(other, provider): &(&Overlay, &Provider)| {
        other.app == overlay.app || provider.namespace.is_some() && provider.namespace == namespace
    };
    if own.is_empty() && !nearby.iter().any(surely_meant) {
        return None;
    }
    let adds_keys = nearby.iter().any(|(_, provider)| !provider.creates);
    if adds_keys || is_external(context, overlay, target, name, namespace) {
        return None;
    }
    let providers = if own.is_empty() {
        nearby.into_iter().map(|(_, provider)| provider).collect()
    } else {
        own
    };
    providers
        .iter()
        .all(|provider| provider.keys.is_some())
        .then_some(providers)
}

fn missing_key(
    context: &Context,
    overlay: &Overlay,
    reference: &Reference,
    providers: &[&Provider],
    (key, origin): (&str, Origin),
) -> Draft {
    let severity = if overlay.rendered.complete {
        Severity::Error
    } else {
        Severity::Warning
    };
    let (kind, name) = (reference.target.as_str(), reference.name);
    let elsewhere = key_elsewhere(context, overlay, reference, key);
    let mut message = format!(
        "{kind} `{name}` has no key `{key}`, which {} needs",
        reference.description
    );
    if let Some((other, _)) = &elsewhere {
        let there = where_it_is(context, overlay, other);
        message.push_str(&format!("; it has the key in {there}"));
    }
    let cause = Cause::new("missing-key")
        .with(lasting_name(context, overlay, name))
        .with(key);
    let mut draft = Draft::new(severity, origin, cause, message);
    for provider in providers {
        let label = format!("`{name}` is provided here");
        draft = draft.related(provider.resource.node.origin, label);
    }
    if let Some((other, provider)) = elsewhere {
        let there = where_it_is(context, overlay, other);
        let label = format!("{there} provides the key here");
        draft = draft.related(provider.resource.node.origin, label);
    }
    let keys = providers
        .iter()
        .flat_map(|provider| provider.keys.iter().flatten());
    draft.help(match slip(key, keys.copied()) {
        Some(near) => did_you_mean(near),
        None => format!("add the key to the {kind}, or mark the reference `optional: true`"),
    })
}

/// The severity of a missing object: an error if another environment has it, weaker if the app or
/// the repo keeps no objects of this kind; `None` if it is not reported.
fn severity(
    context: &Context,
    overlay: &Overlay,
    target: Target,
    purpose: Use,
    elsewhere: bool,
) -> Option<Severity> {
    if elsewhere {
        return Some(if overlay.rendered.complete {
            Severity::Error
        } else {
            Severity::Warning
        });
    }
    if !overlay.rendered.complete {
        return None;
    }
    let held = context
        .repo
        .overlays
        .iter()
        .filter(|other| other.app == overlay.app);
    let practice = held.into_iter().any(|other| {
        context
            .facts(other)
            .providers
            .iter()
            .any(|provider| provider.target == target && is_kept_in_repo(provider))
    });
    match (purpose, target) {
        (Use::Pod, Target::ConfigMap) if !practice => Some(Severity::Warning),
        (Use::Pod, Target::ConfigMap) => Some(Severity::Error),
        (Use::Pod, Target::Secret) if practice => Some(Severity::Error),
        (Use::Pod, Target::Secret) if context.providers().any(target) => Some(Severity::Warning),
        (Use::Pod, Target::Secret) => Some(Severity::Info),
        // people often create registry credentials and certificates in the cluster by hand
        (Use::Pull | Use::Certificate, _) if practice => Some(Severity::Info),
        (Use::Pull | Use::Certificate, _) => None,
    }
}

/// True if an object shows that a repo keeps objects of its kind: a Certificate does not, because
/// cert-manager makes its Secret.
fn is_kept_in_repo(provider: &Provider) -> bool {
    provider.resource.kind() != "Certificate"
}

/// The place of a provider in messages: its environment, such as `production`. It is the path of
/// the overlay if that has no environment, or the same one.
fn where_it_is(context: &Context, overlay: &Overlay, other: &Overlay) -> String {
    match context.repo.environment(other) {
        Some(environment) if other.environment != overlay.environment => environment.name.clone(),
        _ => other.path.clone(),
    }
}

/// True if a name is complete. The agent fills in placeholders such as `${CLUSTER}-db` later.
fn is_known_name(name: &str) -> bool {
    !name.contains("${") && !name.contains("{{") && !name.contains("$(") && !name.contains('<')
}

/// True if the object exists when the overlay's objects run.
fn is_provided(
    context: &Context,
    overlay: &Overlay,
    target: Target,
    name: &str,
    namespace: Option<&str>,
) -> bool {
    let own = context.facts(overlay).providers_of(target, name);
    own.filter(|provider| provider.creates)
        .any(|provider| compatible(provider.namespace, namespace))
        || providers_nearby(context, overlay, target, name, namespace)
            .any(|(_, provider)| provider.creates)
        || is_external(context, overlay, target, name, namespace)
        || operators::made_by_kubernetes(target, name)
        || context
            .repo
            .overlays
            .iter()
            .filter(|other| lands_together(overlay, other))
            .any(|other| {
                other.rendered.resources.iter().any(|resource| {
                    copies::copies(resource, target, name)
                        || reaches(resource, namespace) && operators::makes(resource, target, name)
                })
            })
}

/// True if an object can create others in a namespace. A Helm release or an Application may install
/// into a namespace other than its own.
fn reaches(resource: &Resource, namespace: Option<&str>) -> bool {
    compatible(resource.namespace(), namespace) || operators::installs_elsewhere(resource)
}

/// Providers of a name in other overlays that may be applied to the same cluster.
fn providers_nearby<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &'c Overlay,
    target: Target,
    name: &str,
    namespace: Option<&'c str>,
) -> impl Iterator<Item = (&'a Overlay, &'c Provider<'a>)> + use<'c, 'a> {
    let found: Vec<_> = context.providers_of(target, name).collect();
    found.into_iter().filter(move |(other, provider)| {
        other.key() != overlay.key()
            && lands_together(overlay, other)
            && compatible(provider.namespace, namespace)
    })
}

/// True if two overlays can be applied to one cluster.
pub(in crate::rules) fn lands_together(one: &Overlay, other: &Overlay) -> bool {
    let environment = one.environment.is_none()
        || other.environment.is_none()
        || one.environment == other.environment;
    let variant = one.variant.is_none() || other.variant.is_none() || one.variant == other.variant;
    environment && (variant || one.environment.is_none())
}

/// A provider of the name in an overlay for another cluster: another environment or variant. Names
/// of objects and namespaces may contain the name of their environment (`api-staging`). Overlays of
/// the same app come first.
fn provided_elsewhere<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &'c Overlay,
    target: Target,
    name: &str,
    namespace: Option<&str>,
) -> Option<(&'a Overlay, &'c Provider<'a>)> {
    let repo: &'a crate::repo::Repo = context.repo;
    let own_words = Words::of(overlay, &repo.environments);
    let (bare_name, bare_namespace) = (
        own_words.strip(name),
        namespace.map(|namespace| own_words.strip(namespace)),
    );
    let fits = |other: &Overlay, provider: &Provider| {
        let words = Words::of(other, &repo.environments);
        provider.target == target
            && provider.creates
            && (provider.name == name
                || provider.resource.original.name == name
                || words.strip(provider.name) == bare_name)
            && compatible(
                provider
                    .namespace
                    .map(|namespace| words.strip(namespace))
                    .as_deref(),
                bare_namespace.as_deref(),
            )
    };
    let others = || {
        repo.overlays
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, other)| !lands_together(overlay, other))
    };
    let same_app = others().filter(|(_, other)| other.app == overlay.app);
    let mut same_app: Vec<_> = same_app.collect();
    // the nearest environment is the best evidence
    same_app.sort_by_key(|(index, other)| (distance(overlay, other), *index));
    for (index, other) in same_app {
        if let Some(provider) = context
            .facts_at(index)
            .providers
            .iter()
            .find(|provider| fits(other, provider))
        {
            return Some((other, provider));
        }
    }
    context
        .providers_of(target, name)
        .find(|(other, provider)| {
            !lands_together(overlay, other)
                && provider.namespace.is_some()
                && namespace.is_some()
                && fits(other, provider)
        })
}

fn distance(one: &Overlay, other: &Overlay) -> usize {
    match (one.environment, other.environment) {
        (Some(one), Some(other)) => one.abs_diff(other),
        _ => usize::MAX,
    }
}

/// A provider that has the key, in an overlay for another cluster.
fn key_elsewhere<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &'c Overlay,
    reference: &Reference,
    key: &str,
) -> Option<(&'a Overlay, &'c Provider<'a>)> {
    let (name, namespace) = (reference.name, reference.resource.namespace());
    let original = context
        .facts(overlay)
        .providers_of(reference.target, name)
        .map(|provider| provider.resource.original.name.as_str())
        .next();
    let found = provided_elsewhere(
        context,
        overlay,
        reference.target,
        original.unwrap_or(name),
        namespace,
    )?;
    found
        .1
        .keys
        .as_ref()
        .is_some_and(|keys| keys.contains(key))
        .then_some(found)
}

/// True if the configuration says that the object exists outside the repo.
fn is_external(
    context: &Context,
    overlay: &Overlay,
    target: Target,
    name: &str,
    namespace: Option<&str>,
) -> bool {
    declared(context, overlay, target.as_str(), name, namespace).is_some()
}

/// The entry of `external` that covers an object.
pub(in crate::rules) fn declared<'a>(
    context: &Context<'a>,
    overlay: &Overlay,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
) -> Option<&'a External> {
    let environment = context.repo.environment(overlay);
    let config: &'a crate::config::Config = context.config;
    let mut entries = config.external.iter();
    entries.find(|external| external.covers(kind, name, namespace, environment))
}

/// The object that a generator of the overlay made under a name, if its content hash changed the
/// name: kustomize follows such names only in the kinds that it knows.
fn generated_as<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &Overlay,
    target: Target,
    name: &str,
) -> Option<&'c Provider<'a>> {
    let mut providers = context.facts(overlay).providers.iter();
    providers.find(|provider| {
        provider.target == target
            && provider.resource.generated
            && provider.resource.original.name == name
            && provider.name != name
    })
}

/// An object that the overlay provides under a similar name.
fn nearest<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &Overlay,
    target: Target,
    name: &str,
) -> Option<&'c Provider<'a>> {
    let providers = context
        .facts(overlay)
        .providers
        .iter()
        .filter(|provider| provider.target == target);
    let near = slip(name, providers.clone().map(|provider| provider.name))?;
    let mut providers = providers;
    providers.find(|provider| provider.name == near)
}
