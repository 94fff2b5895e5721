//! An object that an overlay needs, and the objects that may provide it.

use crate::compare::Words;
use crate::config::External;
use crate::kubernetes::references::{Provider, Target, Use, compatible};
use crate::kubernetes::{copies, operators};
use crate::kustomize::{Resource, ResourceId, Unrendered, hash};
use crate::names::slip;
use crate::repo::Overlay;
use crate::rules::Context;

/// An object that an overlay needs.
#[derive(Clone, Copy)]
pub(super) struct Need<'c, 'a> {
    pub(super) context: &'c Context<'a>,
    pub(super) overlay: &'c Overlay,
    /// The kind of the object.
    pub(super) target: Target,
    pub(super) name: &'c str,
    pub(super) namespace: Option<&'c str>,
    /// The object that needs it, and what for.
    pub(super) asking: Option<(&'c ResourceId, Use)>,
}

impl<'c, 'a> Need<'c, 'a> {
    /// The same name, needed by another overlay in any namespace.
    pub(super) fn of(self, overlay: &'c Overlay) -> Need<'c, 'a> {
        Need {
            overlay,
            namespace: None,
            asking: None,
            ..self
        }
    }

    /// The same name, needed in a namespace.
    pub(super) fn within(self, namespace: Option<&'c str>) -> Need<'c, 'a> {
        Need { namespace, ..self }
    }

    /// Providers of the name in the overlay itself.
    pub(super) fn own_providers(self) -> impl Iterator<Item = &'c Provider<'a>> + use<'c, 'a> {
        let facts = self.context.facts(self.overlay);
        let own = facts.providers_of(self.target, self.name);
        own.filter(move |provider| compatible(provider.namespace, self.namespace))
    }

    /// True if the object exists when the overlay's objects run.
    pub(super) fn is_provided(self) -> bool {
        let mut own = self.own_providers();
        own.any(|provider| provider.creates)
            || self
                .providers_nearby()
                .any(|(_, provider)| provider.creates)
            || self.is_external()
            || operators::made_by_kubernetes(self.target, self.name)
            || {
                let mut making = self.context.making(self.name);
                making.any(|other| lands_together(self.overlay, other) && self.is_made_in(other))
            }
    }

    /// True if something in an overlay makes the object without naming it as such.
    fn is_made_in(self, overlay: &Overlay) -> bool {
        let Need {
            target,
            name,
            namespace,
            ..
        } = self;
        let facts = self.context.facts(overlay);
        let by_object = |resource: &Resource| {
            copies::copies(resource, target, name)
                || reaches(resource, namespace) && operators::makes(resource, target, name)
        };
        // a release does not make what its values name, and cannot make what they come from
        let is_asking = |release: &Unrendered| {
            let asking = self.asking.map(|(own, _)| own);
            asking == Some(&release.resource.original)
        };
        let is_for_values = self
            .asking
            .is_some_and(|(_, purpose)| purpose == Use::Values);
        let mut named = facts.releases_named(name);
        let mut with_value = facts.releases_with_value(name);
        facts.makers_of(name).any(by_object)
            || named.any(|release| !(is_for_values && is_asking(release)))
            || with_value.any(|release| !is_asking(release))
    }

    /// An object that gives the name to a program, which may create the object: an argument of a
    /// controller. What needs the object itself does not create it.
    pub(super) fn named_for_a_program(self) -> Option<&'a Resource> {
        let Need {
            context,
            overlay,
            target,
            name,
            namespace,
            ..
        } = self;
        let overlays = context.naming(name);
        let mut together = overlays.filter(|other| lands_together(overlay, other));
        together.find_map(|other| {
            let facts = context.facts(other);
            let needs_it = |resource: &Resource| {
                facts.references.iter().any(|reference| {
                    (reference.target, reference.name) == (target, name)
                        && reference.resource.original == resource.original
                })
            };
            let mut naming = facts.naming(target, name);
            naming
                .find(|resource| compatible(resource.namespace(), namespace) && !needs_it(resource))
        })
    }

    /// Providers of a name in other overlays that may be applied to the same cluster.
    pub(super) fn providers_nearby(
        self,
    ) -> impl Iterator<Item = (&'a Overlay, &'c Provider<'a>)> + use<'c, 'a> {
        let Need {
            context,
            overlay,
            target,
            name,
            namespace,
            ..
        } = self;
        let found: Vec<_> = context.providers_of(target, name).collect();
        found.into_iter().filter(move |(other, provider)| {
            other.key() != overlay.key()
                && lands_together(overlay, other)
                && compatible(provider.namespace, namespace)
        })
    }

    /// A provider of the name in an overlay for another cluster: another environment or variant. Names
    /// of objects and namespaces may contain the name of their environment (`api-staging`). Overlays of
    /// the same app come first.
    pub(super) fn provided_elsewhere(self) -> Option<(&'a Overlay, &'c Provider<'a>)> {
        let Need {
            context,
            overlay,
            target,
            name,
            namespace,
            ..
        } = self;
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

    /// A provider that has the key, in an overlay for another cluster.
    pub(super) fn key_elsewhere(self, key: &str) -> Option<(&'a Overlay, &'c Provider<'a>)> {
        let original = self
            .context
            .facts(self.overlay)
            .providers_of(self.target, self.name)
            .map(|provider| provider.resource.original.name.as_str())
            .next();
        let original = Need {
            name: original.unwrap_or(self.name),
            ..self
        };
        let found = original.provided_elsewhere()?;
        found
            .1
            .keys
            .as_ref()
            .is_some_and(|keys| keys.contains(key))
            .then_some(found)
    }

    /// True if the configuration says that the object exists outside the repo.
    pub(super) fn is_external(self) -> bool {
        let kind = self.target.as_str();
        declared(self.context, self.overlay, kind, self.name, self.namespace).is_some()
    }

    /// The object that a generator of the overlay made under a name, if its content hash changed the
    /// name: kustomize follows such names only in the kinds that it knows.
    pub(super) fn generated(self) -> Option<&'c Provider<'a>> {
        let Need {
            context,
            overlay,
            target,
            name,
            ..
        } = self;
        let mut providers = context.facts(overlay).providers.iter();
        providers.find(|provider| {
            provider.target == target
                && provider.resource.generated
                && provider.resource.original.name == name
                && provider.name != name
        })
    }

    /// An object that the overlay provides under a similar name.
    pub(super) fn nearest(self) -> Option<&'c Provider<'a>> {
        let Need {
            context,
            overlay,
            target,
            name,
            ..
        } = self;
        let providers = context
            .facts(overlay)
            .providers
            .iter()
            .filter(|provider| provider.target == target);
        let near = slip(name, providers.clone().map(|provider| provider.name))?;
        let mut providers = providers;
        providers.find(|provider| provider.name == near)
    }
}

/// True if two overlays can be applied to one cluster.
pub(in crate::rules) fn lands_together(one: &Overlay, other: &Overlay) -> bool {
    let environment = one.environment.is_none()
        || other.environment.is_none()
        || one.environment == other.environment;
    let variant = one.variant.is_none() || other.variant.is_none() || one.variant == other.variant;
    let cluster = one.cluster.is_some() && one.cluster == other.cluster;
    environment && (variant || cluster || one.environment.is_none())
}

fn distance(one: &Overlay, other: &Overlay) -> usize {
    match (one.environment, other.environment) {
        (Some(one), Some(other)) => one.abs_diff(other),
        _ => usize::MAX,
    }
}

/// True if an object can create others in a namespace. A Helm release or an Application may install
/// into a namespace other than its own.
fn reaches(resource: &Resource, namespace: Option<&str>) -> bool {
    compatible(resource.namespace(), namespace) || operators::installs_elsewhere(resource)
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

/// The place of a provider in messages: its environment, such as `production`. It is the path of
/// the overlay if that has no environment, or the same one.
pub(super) fn where_it_is(context: &Context, overlay: &Overlay, other: &Overlay) -> String {
    match context.repo.environment(other) {
        Some(environment) if other.environment != overlay.environment => environment.name.clone(),
        _ => other.path.clone(),
    }
}

/// True if a name is complete. The agent fills in placeholders such as `${CLUSTER}-db` later.
pub(super) fn is_known_name(name: &str) -> bool {
    !name.contains("${") && !name.contains("{{") && !name.contains("$(") && !name.contains('<')
}

/// A name without its content hash and without the words for the overlay's environment. One line of
/// a base then has the same cause in every overlay.
pub(super) fn lasting_name(context: &Context, overlay: &Overlay, name: &str) -> String {
    let words = Words::of(overlay, &context.repo.environments);
    words.strip(hash::without_suffix(name)).to_string()
}
