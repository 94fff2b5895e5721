//! # dangling-reference
//!
//! ## What
//!
//! An object refers to another object that its environment does not have:
//!
//! - an Ingress, HTTPRoute or GRPCRoute to its backend Service, or to a port that the Service does
//!   not have;
//! - an autoscaler to the Deployment or StatefulSet that it scales;
//! - a Rollout of Argo to its Services and AnalysisTemplates;
//! - a Certificate to its issuer, and an ExternalSecret to its store;
//! - a pod to its service account, volume claim or priority class;
//! - a RoleBinding to its role or service accounts;
//! - a Service or PodDisruptionBudget to pods, with a selector that matches none.
//!
//! The missing object may have been created outside of the repository, so the rule only reports an
//! error if at least one of these is true:
//!
//! - the base revision has the object;
//! - another environment of the app has it;
//! - an existing name or label differs only by a typo;
//! - the reference is in an Ingress, route, autoscaler or Rollout, and the overlay has other
//!   objects of the missing kind.
//!
//! Objects under `external` in the configuration, incomplete overlays, overlays with a Helm release
//! or beside one in the same Application (which may create the target), and names that follow that
//! of a release are not checked.
//!
//! ## Why
//!
//! The Ingress answers 503, the autoscaler does nothing, or the pod waits for its volume. The
//! usual cause is a rename or a deletion that missed a reference.
//!
//! ## Example
//!
//! ```yaml
//! backend:
//!   service: {name: storefront-web, port: {number: 80}}   # the Service is called storefront
//! ```
//!
//! ## Fix
//!
//! Correct the name, add the object, or declare it under `external`.

use std::collections::HashMap;

use crate::compare::Words;
use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::compatible;
use crate::kubernetes::targets::{self, Named, PodSelector};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::Resource;
use crate::names::{did_you_mean, slip};
use crate::repo::Overlay;
use crate::rules::shared::availability::{declared, lands_together};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording::list;
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct DanglingReference;

static METADATA: Metadata = Metadata {
    id: "dangling-reference",
    category: Category::Guardrails,
    level: "error; warning for a missing account that gets rights",
    severity: Severity::Error,
    summary: "an object that names or selects another object that does not exist",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("dangling_reference.rs"),
};

impl Rule for DanglingReference {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let resources = &overlay.rendered.resources;
        if !overlay.rendered.complete
            || overlay.environment.is_none()
            || resources.iter().any(brings_others)
            || context.repo.is_a_part(overlay)
        {
            return;
        }
        check_references(context, overlay, sink);
        check_selectors(context, overlay, sink);
    }
}

/// True if an object creates others that are not rendered here.
fn brings_others(resource: &Resource) -> bool {
    matches!(
        resource.kind(),
        "HelmRelease" | "HelmChart" | "Application" | "Kustomization"
    )
}

/// Judges every reference by name to an object that the overlay does not have.
fn check_references(context: &Context, overlay: &Overlay, sink: &mut Sink) {
    let resources = &overlay.rendered.resources;
    let mut named: HashMap<(&str, &str), Vec<&Resource>> = HashMap::new();
    for resource in resources {
        named
            .entry((resource.kind(), resource.name()))
            .or_default()
            .push(resource);
    }
    let is_there = |reference: &Named| {
        let same_name = named.get(&(reference.kind, reference.name));
        same_name.is_some_and(|found| {
            found
                .iter()
                .any(|resource| compatible(resource.namespace(), reference.namespace))
        })
    };
    let workloads = context.facts(overlay).workloads.iter();
    let references = resources
        .iter()
        .flat_map(targets::named_by_object)
        .chain(workloads.flat_map(targets::named_by_workload));
    for reference in references {
        if is_there(&reference) {
            check_port(context, overlay, &reference, sink);
        } else {
            check_reference(context, overlay, &reference, sink);
        }
    }
}

/// Judges the port of an existing Service to which an Ingress or route refers.
fn check_port(context: &Context, overlay: &Overlay, reference: &Named, sink: &mut Sink) {
    let Some(wanted) = reference.port.filter(|port| !port.raw().contains("${")) else {
        return;
    };
    let is_target = |resource: &&Resource| {
        resource.kind() == "Service"
            && resource.group().is_empty()
            && resource.name() == reference.name
            && compatible(resource.namespace(), reference.namespace)
    };
    let mut offered = Vec::new();
    let mut place = None;
    for service in overlay.rendered.resources.iter().filter(is_target) {
        let ports = service.node.at(&["spec", "ports"]);
        // a Service without ports, such as an ExternalName, takes any
        let Some(ports) = ports.filter(|ports| !ports.items().is_empty()) else {
            return;
        };
        for port in ports.items() {
            let texts = ["port", "name"].map(|key| port.get(key).map_or("", Node::raw));
            if texts
                .iter()
                .any(|text| *text == wanted.raw() || text.contains("${"))
            {
                return;
            }
            offered.extend(texts.into_iter().filter(|text| !text.is_empty()));
        }
        place = ports.items().first().and_then(|port| port.get("port"));
    }
    let Some(place) = place else { return };
    let message = format!(
        "{} `{}` asks for port `{}` of Service `{}`, which does not have it",
        reference.resource.kind(),
        reference.resource.name(),
        wanted.raw(),
        reference.name
    );
    let cause = Cause::new("missing-port")
        .with(reference.name)
        .with(wanted.raw());
    let offered: Vec<String> = offered.iter().map(|port| format!("`{port}`")).collect();
    let draft = Draft::new(Severity::Error, wanted.origin, cause, message)
        .help(format!(
            "use a port that the Service has: {}",
            list(&offered)
        ))
        .related(place.origin, "the Service has this port")
        .on(reference.resource, reference.pointer.clone());
    sink.report(context, Some(overlay), draft);
}

/// Judges every selector that selects no pod of the overlay.
fn check_selectors(context: &Context, overlay: &Overlay, sink: &mut Sink) {
    let workloads = &context.facts(overlay).workloads;
    let mut labelled: HashMap<(&str, &str), Vec<&Workload>> = HashMap::new();
    for workload in workloads {
        let labels = workload
            .metadata
            .and_then(|metadata| metadata.get("labels"))
            .map_or(&[][..], Node::entries);
        for entry in labels {
            if let Some(value) = entry.value.text() {
                labelled
                    .entry((&*entry.key, value))
                    .or_default()
                    .push(workload);
            }
        }
    }
    let selectors = overlay.rendered.resources.iter();
    for selector in selectors.filter_map(targets::pod_selector) {
        let selects = |workload: &&Workload| selects(&selector, workload);
        let selected = match selector.label() {
            Some(label) => labelled
                .get(&label)
                .is_some_and(|found| found.iter().any(selects)),
            None => workloads.iter().any(|workload| selects(&workload)),
        };
        if !selected {
            check_selector(context, overlay, &selector, sink);
        }
    }
}

/// The evidence that a missing target is a mistake and not created elsewhere.
enum Evidence<'a> {
    /// The overlay had it at the base revision.
    AtBase(Origin),
    /// Another environment of the app has it.
    Elsewhere(&'a Overlay, Origin),
    /// Something in the overlay has nearly this name.
    Near(String),
    /// The overlay has objects of the kind, under other names.
    KindIsHere,
}

/// True if a selector selects the pods of a workload.
fn selects(selector: &PodSelector, workload: &Workload) -> bool {
    selector.selects(workload)
        && compatible(workload.resource.namespace(), selector.resource.namespace())
}

/// Judges a reference to an object that the overlay does not have.
fn check_reference(context: &Context, overlay: &Overlay, reference: &Named, sink: &mut Sink) {
    let Some(evidence) = evidence_of_name(context, overlay, reference) else {
        return;
    };
    let is_external = declared(
        context,
        overlay,
        reference.kind,
        reference.name,
        reference.namespace,
    )
    .is_some();
    let is_target = |resource: &Resource| {
        resource.kind() == reference.kind
            && resource.name() == reference.name
            && compatible(resource.namespace(), reference.namespace)
    };
    let is_nearby = || {
        let mut others = neighbours(context, overlay);
        others.any(|other| other.rendered.resources.iter().any(is_target))
    };
    if is_external || is_nearby() || may_be_released(context, overlay, reference) {
        return;
    }
    let draft = unresolved(context, overlay, reference, evidence);
    sink.report(
        context,
        Some(overlay),
        draft.on(reference.resource, reference.pointer.clone()),
    );
}

/// True if a release of a chart that is not rendered, in the same cluster and namespace, may make
/// the target of a reference.
fn may_be_released(context: &Context, overlay: &Overlay, reference: &Named) -> bool {
    let mut overlays = context.making(reference.name);
    overlays.any(|other| {
        let facts = context.facts(other);
        let named = facts.releases_named(reference.name);
        let mut releases = named.chain(facts.releases_with_value(reference.name));
        lands_together(overlay, other)
            && releases.any(|release| {
                let namespace = release.namespace.as_ref().and_then(Node::text);
                compatible(namespace, reference.namespace)
            })
    })
}

/// The finding of a reference to an object that does not exist.
fn unresolved(
    context: &Context,
    overlay: &Overlay,
    reference: &Named,
    evidence: Evidence,
) -> Draft {
    let kind = reference.kind;
    let refers = format!(
        "{} `{}` refers to {kind} `{}`",
        reference.resource.kind(),
        reference.resource.name(),
        reference.name
    );
    let cause = Cause::new("missing-target").with(kind).with(reference.name);
    // to give rights to an account that is gone breaks nothing; one that moved loses its rights
    let mut accounts = overlay.rendered.resources.iter();
    let gives_rights = kind == "ServiceAccount"
        && reference.resource.kind().ends_with("RoleBinding")
        && !accounts.any(|one| one.kind() == kind && one.name() == reference.name);
    let severity = match evidence {
        Evidence::Elsewhere(..) | Evidence::KindIsHere | Evidence::AtBase(_) if gives_rights => {
            Severity::Warning
        }
        _ => Severity::Error,
    };
    let draft = |message| Draft::new(severity, reference.node.origin, cause.clone(), message);
    match evidence {
        Evidence::AtBase(place) => draft(format!(
            "{refers}, which no longer exists (the base revision has it)"
        ))
        .related(place, "it is here at the base revision")
        .help(format!(
            "restore the {kind}, or remove the reference as well"
        )),
        Evidence::Elsewhere(other, place) => {
            let (here, there) = (context.name_of(overlay), context.name_of(other));
            draft(format!(
                "{refers}, which exists in {there} but not in {here}"
            ))
            .related(place, format!("{there} has it here"))
            .help(format!(
                "add the {kind} to {here}, or declare it under `external` in {CONFIG_FILE}"
            ))
        }
        Evidence::Near(name) => {
            draft(format!("{refers}, which does not exist")).help(did_you_mean(&name))
        }
        Evidence::KindIsHere => draft(format!("{refers}, which does not exist"))
            .help(format!("correct the name, or add the {kind}")),
    }
}

/// The evidence that a missing target is a mistake; `None` if it may be created elsewhere.
fn evidence_of_name<'a>(
    context: &Context<'a>,
    overlay: &Overlay,
    reference: &Named,
) -> Option<Evidence<'a>> {
    let of_kind = |resource: &&Resource| resource.kind() == reference.kind;
    let before = context
        .at_base(overlay)
        .map(|base| &base.rendered.resources);
    let had = |resource: &&Resource| {
        resource.name() == reference.name && compatible(resource.namespace(), reference.namespace)
    };
    if let Some(had) = before.and_then(|resources| resources.iter().filter(of_kind).find(had)) {
        return Some(Evidence::AtBase(had.node.origin));
    }
    let words = |overlay: &Overlay| Words::of(overlay, &context.repo.environments);
    let own_words = words(overlay);
    let own = own_words.strip(reference.name);
    // environments may use different namespaces (`shop-staging`, `shop-production`), so a target of
    // this name counts wherever it is, unless this overlay has one in another namespace too
    let apart = overlay
        .rendered
        .resources
        .iter()
        .filter(of_kind)
        .any(|resource| resource.name() == reference.name);
    for other in other_environments(context, overlay) {
        let words = words(other);
        let alike = |resource: &Resource| match (resource.namespace(), reference.namespace) {
            (Some(there), Some(here)) if apart => words.strip(there) == own_words.strip(here),
            _ => true,
        };
        let same = |resource: &&Resource| {
            (resource.name() == reference.name || words.strip(resource.name()) == own)
                && alike(resource)
        };
        if let Some(has) = other.rendered.resources.iter().filter(of_kind).find(same) {
            return Some(Evidence::Elsewhere(other, has.node.origin));
        }
    }
    let present: Vec<&str> = overlay
        .rendered
        .resources
        .iter()
        .filter(of_kind)
        .map(Resource::name)
        .collect();
    if let Some(near) = slip(reference.name, present.iter().copied()) {
        return Some(Evidence::Near(near.to_string()));
    }
    // service accounts, claims and roles are often created outside of the repo; the target of an
    // Ingress or autoscaler belongs beside it
    let goes_along = matches!(
        reference.resource.kind(),
        "Ingress"
            | "HTTPRoute"
            | "GRPCRoute"
            | "HorizontalPodAutoscaler"
            | "ScaledObject"
            | "Rollout"
    );
    (goes_along && !present.is_empty()).then_some(Evidence::KindIsHere)
}

/// Judges a selector that selects nothing in the overlay.
fn check_selector(context: &Context, overlay: &Overlay, selector: &PodSelector, sink: &mut Sink) {
    let Some((evidence, origin)) = evidence_of_selector(context, overlay, selector) else {
        return;
    };
    let resource = selector.resource;
    let selects_nearby = neighbours(context, overlay).any(|other| {
        let mut workloads = context.facts(other).workloads.iter();
        workloads.any(|workload| selects(selector, workload))
    });
    let (name, namespace) = (resource.name(), resource.namespace());
    if selects_nearby || declared(context, overlay, "Pod", name, namespace).is_some() {
        return;
    }
    let draft = selects_nothing(context, overlay, (selector, origin), evidence);
    sink.report(context, Some(overlay), draft.on(resource, selector.pointer));
}

/// The finding of a selector, at the value to edit.
fn selects_nothing(
    context: &Context,
    overlay: &Overlay,
    (selector, origin): (&PodSelector, Origin),
    evidence: Evidence,
) -> Draft {
    let kind = selector.resource.kind();
    let name = format!("{kind} `{}`", selector.resource.name());
    let cause = Cause::new("selects-nothing");
    let draft = |message| Draft::new(Severity::Error, origin, cause.clone(), message);
    match evidence {
        Evidence::AtBase(place) => draft(format!(
            "{name} no longer selects any pod (it does at the base revision)"
        ))
        .related(place, "it selects these pods at the base revision")
        .help(format!(
            "select labels that the pods have, or remove the {kind} as well"
        )),
        Evidence::Elsewhere(other, place) => {
            let (here, there) = (context.name_of(overlay), context.name_of(other));
            draft(format!("{name} selects pods in {there} but none in {here}"))
                .related(place, format!("it selects these pods in {there}"))
                .help(format!("select labels that the pods have in {here}"))
        }
        Evidence::Near(label) => draft(format!("{name} selects no pod")).help(did_you_mean(&label)),
        Evidence::KindIsHere => {
            draft(format!("{name} selects no pod")).help("select labels that the pods have")
        }
    }
}

/// Why a selector that selects nothing is a mistake, with the value to edit.
fn evidence_of_selector<'a>(
    context: &Context<'a>,
    overlay: &Overlay,
    selector: &PodSelector,
) -> Option<(Evidence<'a>, Origin)> {
    let resource = selector.resource;
    let partner = |other: &'a Overlay| -> Option<Origin> {
        let same = |candidate: &&Resource| {
            candidate.kind() == resource.kind() && candidate.original.name == resource.original.name
        };
        let partner = targets::pod_selector(other.rendered.resources.iter().find(same)?)?;
        let selected = other.rendered.resources.iter().find(|object| {
            workload::of(object)
                .iter()
                .any(|pods| selects(&partner, pods))
        })?;
        Some(selected.node.origin)
    };
    if let Some(origin) = context.at_base(overlay).and_then(partner) {
        return Some((Evidence::AtBase(origin), selector.node.origin));
    }
    for other in other_environments(context, overlay) {
        if let Some(origin) = partner(other) {
            return Some((Evidence::Elsewhere(other, origin), selector.node.origin));
        }
    }
    // the workload that is evidently meant: it has the name of the selector's object (`api`), or
    // labels that differ from the selected ones by a typo
    context
        .facts(overlay)
        .workloads
        .iter()
        .filter(|workload| workload.builtin)
        .find_map(|workload| {
            let wrong = selector.contradictions(workload)?;
            let slip = wrong
                .iter()
                .all(|(_, wanted, present)| slip(wanted, std::iter::once(*present)).is_some());
            let (node, _, present) = wrong
                .first()
                .filter(|_| slip || workload.resource.original.name == resource.original.name)?;
            Some((Evidence::Near(present.to_string()), node.origin))
        })
}

/// The other overlays that may be applied to the same cluster.
fn neighbours<'c>(context: &'c Context, overlay: &'c Overlay) -> impl Iterator<Item = &'c Overlay> {
    context
        .repo
        .overlays
        .iter()
        .filter(move |other| !std::ptr::eq(*other, overlay) && lands_together(overlay, other))
}

/// The overlays of the app in other environments, the nearest one first.
fn other_environments<'a>(context: &Context<'a>, overlay: &Overlay) -> Vec<&'a Overlay> {
    let repo: &'a crate::repo::Repo = context.repo;
    let other = |other: &&Overlay| {
        other.app == overlay.app
            && other.environment.is_some()
            && other.environment != overlay.environment
    };
    let mut found: Vec<&Overlay> = repo.overlays.iter().filter(other).collect();
    found.sort_by_key(|other| {
        other
            .environment
            .zip(overlay.environment)
            .map(|(one, other)| one.abs_diff(other))
    });
    found
}
