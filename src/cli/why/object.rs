//! Finds the object that a user means by `Deployment/api` or `api`, in each overlay.

use std::collections::BTreeSet;

use super::{listed, variables};
use crate::cli::error::Error;
use crate::compare::secrets;
use crate::explain::{Found, objects, path::words, value};
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::names::UnknownName;
use crate::repo::Overlay;
use crate::report::printable;

/// The short names of kinds in kubectl.
const SHORT: [(&str, &str); 12] = [
    ("cm", "ConfigMap"),
    ("cj", "CronJob"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("ns", "Namespace"),
    ("pdb", "PodDisruptionBudget"),
    ("pvc", "PersistentVolumeClaim"),
    ("sa", "ServiceAccount"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

/// The object that was typed: `Deployment/api` or `api`.
#[derive(Clone, Copy)]
struct Typed<'t> {
    kind: Option<&'t str>,
    name: &'t str,
}

impl Typed<'_> {
    fn new(text: &str) -> Typed<'_> {
        let (kind, name) = text
            .rsplit_once('/')
            .map_or((None, text), |(kind, name)| (Some(kind), name));
        Typed { kind, name }
    }

    /// True if the object is of the kind: `Deployment`, `deployments`, `deploy`, or no kind at all.
    fn is_kind_of(self, resource: &Resource) -> bool {
        self.kind.is_none_or(|kind| {
            let short = SHORT
                .iter()
                .find(|(short, _)| short.eq_ignore_ascii_case(kind));
            let whole = short.map_or(kind, |(_, whole)| whole);
            let singular = whole.strip_suffix('s').unwrap_or(whole);
            let kinds = [whole, singular];
            kinds
                .iter()
                .any(|kind| resource.kind().eq_ignore_ascii_case(kind))
        })
    }
}

/// The object that a name means, in each overlay. If several objects fit, the one that has the
/// value is meant.
pub(super) fn find<'r>(
    overlays: &[&'r Overlay],
    typed: &str,
    path: Option<&str>,
) -> Result<Vec<Found<'r>>, Error> {
    let typed = Typed::new(typed);
    let all: Vec<Found<'r>> = overlays
        .iter()
        .flat_map(|overlay| objects(overlay))
        .collect();
    let mut found = named(&all, typed);
    if let Some(path) = path.filter(|_| identities(&found, false).len() > 1) {
        let has_value = |one: &&Found| {
            let own = value::candidates(&[**one], &words(path)).0;
            !own.is_empty() || variables::taken(&[**one], path).is_some()
        };
        let with_value: Vec<Found> = found.iter().filter(has_value).copied().collect();
        if identities(&with_value, false).len() == 1 {
            found = with_value;
        }
    }
    match identities(&found, false).len() {
        1 => Ok(found),
        0 => Err(unknown(&all, typed).into()),
        _ => Err(Error::Ambiguous {
            name: printable(typed.name).into_owned(),
            advice: "write KIND/NAME, or choose with --app",
            list: listed(identities(&found, true)),
        }),
    }
}

/// The objects of a name, before or after prefixes and hashes were added. If there are none, those
/// with a container of that name; else those whose name contains it.
fn named<'r>(all: &[Found<'r>], typed: Typed) -> Vec<Found<'r>> {
    let such = |test: &dyn Fn(&Resource) -> bool| -> Vec<Found<'r>> {
        let fits = |one: &&Found| typed.is_kind_of(one.resource) && test(one.resource);
        all.iter().filter(fits).copied().collect()
    };
    let has_container = |resource: &Resource| {
        let workload = workload::of(resource);
        let mut containers = workload.iter().flat_map(|workload| &workload.containers);
        containers.any(|container| container.name == typed.name)
    };
    let names = |resource: &Resource, test: &dyn Fn(&str) -> bool| {
        test(resource.name()) || test(&resource.original.name)
    };
    let mut found = such(&|resource| names(resource, &|name| name == typed.name));
    if found.is_empty() {
        found = such(&has_container);
    }
    if found.is_empty() {
        found = such(&|resource| names(resource, &|name| name.contains(typed.name)));
    }
    found
}

/// A name alone is compared with names alone.
fn unknown(all: &[Found], typed: Typed) -> UnknownName {
    // a name that was copied from a Secret is not suggested
    let is_shown = |one: &&Found| secrets::shown_id(one.resource) == one.resource.id();
    let known: Vec<String> = all
        .iter()
        .filter(is_shown)
        .map(|one| match typed.kind {
            Some(_) => format!("{}/{}", one.resource.kind(), one.resource.original.name),
            None => one.resource.original.name.clone(),
        })
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let name = match typed.kind {
        Some(kind) => format!("{kind}/{}", typed.name),
        None => typed.name.to_string(),
    };
    UnknownName::new("object", &name, &known)
}

/// The name of an object in all environments: as rendered if they agree, else the one before prefixes
/// and the names of releases were added.
pub(super) fn name_in_all<'r>(found: &[Found<'r>], one: &Found<'r>) -> &'r str {
    let is_same = |other: &&Found<'r>| {
        other.overlay.app == one.overlay.app
            && other.resource.kind() == one.resource.kind()
            && other.resource.original.name == one.resource.original.name
    };
    let mut same = found.iter().filter(is_same);
    match same.all(|other| other.resource.name() == one.resource.name()) {
        true => one.resource.name(),
        false => &one.resource.original.name,
    }
}

/// The identity of an object in all environments: app, kind and name. `with_namespace`
/// adds the namespace, so that the user sees how to choose.
fn identities(found: &[Found], with_namespace: bool) -> BTreeSet<String> {
    let identity = |one: &Found| {
        let resource = one.resource;
        let namespace = resource.original.namespace.as_deref();
        let namespace = namespace.filter(|_| with_namespace);
        let namespace = namespace.map_or(String::new(), |name| format!(" in namespace {name}"));
        let (kind, name, app) = (resource.kind(), name_in_all(found, one), &one.overlay.app);
        format!("{kind}/{name}{namespace} (app {app})")
    };
    found.iter().map(identity).collect()
}
