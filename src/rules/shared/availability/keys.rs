//! Keys that an overlay reads from an object, and that no provider of the object has.

use super::need::{Need, is_known_name, lasting_name, where_it_is};
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::{Provider, Reference, Target};
use crate::names::{did_you_mean, slip};
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::yaml::Origin;

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
        let need = Need {
            context,
            overlay,
            target,
            name: reference.name,
            namespace: reference.namespace,
            asking: None,
        };
        let Some(providers) = providers_with_known_keys(need) else {
            continue;
        };
        for (key, node, pointer) in &reference.keys {
            let has_key = |provider: &&Provider| {
                let keys = provider.keys.as_ref();
                keys.is_some_and(|keys| keys.contains(key))
            };
            if is_known_name(key) && !providers.iter().any(has_key) {
                let draft = missing_key(need, reference, &providers, (key, node.origin));
                sink.report(
                    context,
                    Some(overlay),
                    draft.on(reference.resource, pointer),
                );
            }
        }
    }
}

/// The providers of an object. `None` if the repo has no provider or does
/// not show all of their keys.
fn providers_with_known_keys<'c, 'a>(need: Need<'c, 'a>) -> Option<Vec<&'c Provider<'a>>> {
    let Need {
        overlay, namespace, ..
    } = need;
    let nearby: Vec<(&Overlay, &Provider)> = need.providers_nearby().collect();
    let own: Vec<&Provider> = need.own_providers().collect();
    // an object with this name in another app may be in another namespace, unless both namespaces
    // are written
    let surely_meant = |(other, provider): &(&Overlay, &Provider)| {
        other.app == overlay.app || provider.namespace.is_some() && provider.namespace == namespace
    };
    if own.is_empty() && !nearby.iter().any(surely_meant) {
        return None;
    }
    let adds_keys = nearby.iter().any(|(_, provider)| !provider.creates);
    if adds_keys || need.is_external() {
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
    need: Need<'_, '_>,
    reference: &Reference,
    providers: &[&Provider],
    (key, origin): (&str, Origin),
) -> Draft {
    let Need {
        context,
        overlay,
        name,
        ..
    } = need;
    let severity = if overlay.rendered.complete {
        Severity::Error
    } else {
        Severity::Warning
    };
    let kind = need.target.as_str();
    let elsewhere = need.key_elsewhere(key);
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
