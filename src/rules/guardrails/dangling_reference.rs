//! # dangling-reference
//!
//! ## What
//!
//! An object refers to another object that its environment does not have:
//!
//! - an Ingress to its backend Service;
//! - an autoscaler to the Deployment or StatefulSet that it scales;
//! - a pod to its service account or volume claim;
//! - a RoleBinding to its role or service accounts;
//! - a Service or PodDisruptionBudget to pods, with a selector that matches none.
//!
//! The missing object may have been created outside of the repository, so the rule reports an
//! error only if there is evidence for a mistake:
//!
//! - the base revision has the target;
//! - another environment of the app has it;
//! - an existing name or label differs only by a typo;
//! - for backends of Ingresses and for autoscalers: the overlay has other objects of this kind.
//!
//! Objects under `external` in the configuration, incomplete overlays, and overlays with a Helm
//! release (which may create the target) are not checked.
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
//!
//! ## Options
//!
//! None.

use std::collections::HashMap;

use crate::compare::Words;
use crate::finding::Severity;
use crate::kubernetes::references::compatible;
use crate::kubernetes::targets::{self, Named, PodSelector};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::availability::{closest, declared, lands_together};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct DanglingReference;

static METADATA: Metadata = Metadata {
    id: "dangling-reference",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "an object that names or selects another one that is not there",
    options: &[],
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
        {
            return;
        }
        let workloads = &context.facts(overlay).workloads;
        let mut named: HashMap<(&str, &str), Vec<&Resource>> = HashMap::new();
        for resource in resources {
            named
                .entry((resource.kind(), resource.name()))
                .or_default()
                .push(resource);
        }
        let mut labelled: HashMap<(&str, &str), Vec<&Workload>> = HashMap::new();
        for workload in workloads {
            let labels = workload
                .metadata
                .and_then(|metadata| metadata.get("labels"))
                .map_or(&[][..], Node::entries);
            for (key, value) in labels
                .iter()
                .filter_map(|entry| Some((&*entry.key, entry.value.text()?)))
            {
                labelled.entry((key, value)).or_default().push(workload);
            }
        }
        let references = resources.iter().flat_map(targets::named_by_object);
        for reference in references.chain(workloads.iter().flat_map(targets::named_by_workload)) {
            let same_name = named
                .get(&(reference.kind, reference.name))
                .map_or(&[][..], |found| found);
            if !same_name
                .iter()
                .any(|resource| compatible(resource.namespace(), reference.namespace))
            {
                check_named(context, overlay, &reference, sink);
            }
        }
        for selector in resources.iter().filter_map(targets::pod_selector) {
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
}

/// Whether an object stands for others that are not seen here.
fn brings_others(resource: &Resource) -> bool {
    matches!(
        resource.kind(),
        "HelmRelease" | "HelmChart" | "Application" | "Kustomization"
    )
}

/// Why a missing target is a mistake rather than something that is made elsewhere.
enum Evidence<'a> {
    /// The overlay had it at the base revision.
    AtBase(Origin),
    /// Another environment of the app has it.
    Elsewhere(&'a Overlay, Origin),
    /// Something that is there has nearly this name.
    Near(String),
    /// Objects of the kind are there, under other names.
    KindIsHere,
}

/// What is said of a target that is known from elsewhere, and what to do.
struct Wording {
    had: &'static str,
    has: &'static str,
    kept: &'static str,
    added: &'static str,
}

const NAMED: Wording = Wording {
    had: "had it",
    has: "has it",
    kept: "keep it, or remove what refers to it as well",
    added: "add it here as well, or declare it under `external`",
};

const SELECTED: Wording = Wording {
    had: "had one that it selected",
    has: "has one that it selects",
    kept: "select labels that the pods have, or remove the selector's object as well",
    added: "select labels that the pods have here",
};

impl Evidence<'_> {
    /// Completes a finding: the end of the message, the other place, what to do.
    fn complete(self, context: &Context, origin: Origin, message: &str, words: &Wording) -> Draft {
        let draft = |message: String| Draft::new(Severity::Error, origin, message);
        match self {
            Evidence::AtBase(place) => draft(format!("{message}; the base revision {}", words.had))
                .related(place, "it is here at the base revision")
                .help(words.kept),
            Evidence::Elsewhere(other, place) => {
                let name = context
                    .repo
                    .environment(other)
                    .map_or(other.path.as_str(), |environment| environment.name.as_str());
                draft(format!("{message}; {name} {}", words.has))
                    .related(place, format!("it is here in {name}"))
                    .help(words.added)
            }
            Evidence::Near(name) => {
                draft(message.to_string()).help(format!("did you mean {name}?"))
            }
            Evidence::KindIsHere => {
                draft(message.to_string()).help("correct the name, or add the object")
            }
        }
    }
}

/// Whether a selector selects the pods of a workload.
fn selects(selector: &PodSelector, workload: &Workload) -> bool {
    selector.selects(workload)
        && compatible(workload.resource.namespace(), selector.resource.namespace())
}

/// Judges a reference to what the overlay does not have.
fn check_named(context: &Context, overlay: &Overlay, reference: &Named, sink: &mut Sink) {
    let is = |resource: &Resource| {
        resource.kind() == reference.kind
            && resource.name() == reference.name
            && compatible(resource.namespace(), reference.namespace)
    };
    let Some(evidence) = evidence_of_name(context, overlay, reference) else {
        return;
    };
    let external = declared(
        context,
        overlay,
        reference.kind,
        reference.name,
        reference.namespace,
    )
    .is_some();
    if external || neighbours(context, overlay).any(|other| other.rendered.resources.iter().any(is))
    {
        return;
    }
    let resource = reference.resource;
    let message = format!(
        "{} {} refers to the {} {}, which is not there",
        resource.kind(),
        resource.name(),
        reference.kind,
        reference.name
    );
    let draft = evidence.complete(context, reference.node.origin, &message, &NAMED);
    sink.report(
        context,
        Some(overlay),
        draft.on(resource, reference.pointer.clone()),
    );
}

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
    // namespaces may differ from environment to environment, unless one of the name lies in another
    // namespace here as well
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
    if let Some(near) = closest(reference.name, present.iter().copied()) {
        return Some(Evidence::Near(near.to_string()));
    }
    // accounts, claims and roles are often made by others; what routes and scales goes with what it
    // is for
    let goes_along = matches!(
        reference.resource.kind(),
        "Ingress" | "HorizontalPodAutoscaler" | "ScaledObject"
    );
    (goes_along && !present.is_empty()).then_some(Evidence::KindIsHere)
}

/// Judges a selector that selects nothing in the overlay.
fn check_selector(context: &Context, overlay: &Overlay, selector: &PodSelector, sink: &mut Sink) {
    let resource = selector.resource;
    let Some((evidence, origin)) = evidence_of_selector(context, overlay, selector) else {
        return;
    };
    let selected_nearby = neighbours(context, overlay).any(|other| {
        context
            .facts(other)
            .workloads
            .iter()
            .any(|workload| selects(selector, workload))
    });
    if selected_nearby
        || declared(
            context,
            overlay,
            "Pod",
            resource.name(),
            resource.namespace(),
        )
        .is_some()
    {
        return;
    }
    let message = format!("{} {} selects no pod", resource.kind(), resource.name());
    let draft = evidence.complete(context, origin, &message, &SELECTED);
    sink.report(context, Some(overlay), draft.on(resource, selector.pointer));
}

/// Why a selector that selects nothing is a mistake, and the value to edit.
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
    // a workload that is evidently meant: of the same name, or with labels that are nearly the
    // wanted ones
    context
        .facts(overlay)
        .workloads
        .iter()
        .filter(|workload| workload.builtin)
        .find_map(|workload| {
            let wrong = selector.contradictions(workload)?;
            let slip = wrong
                .iter()
                .all(|(_, wanted, present)| closest(wanted, std::iter::once(*present)).is_some());
            let (node, _, present) = wrong
                .first()
                .filter(|_| slip || workload.resource.original.name == resource.original.name)?;
            Some((Evidence::Near(present.to_string()), node.origin))
        })
}

/// The other overlays that can be applied to the same cluster.
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
