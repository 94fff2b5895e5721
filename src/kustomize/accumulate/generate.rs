//! Generators: making their resources, and adding these to the resources that exist.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Accumulated, Accumulator, Step, transform::needs_plugin};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::generators::{self, Generated};
use crate::kustomize::identity::{conflict, key, name_origin};
use crate::kustomize::kustomization::GeneratorEntry;
use crate::kustomize::resource::{Behavior, Trail};
use crate::kustomize::{Kustomization, Problem, Resource, charts};

impl<'a> Accumulator<'a> {
    pub(super) fn generators(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let mut made = self.made_by_fields(step, context);
        for object in self.objects(step, &step.kustomization.generators, context, gathered) {
            made.append(&mut self.made_by_object(&object, context));
        }
        absorb(made, context, gathered);
    }

    /// `configMapGenerator`, `secretGenerator` and `helmCharts`.
    fn made_by_fields(&self, step: &Step<'_>, context: &mut BuildContext<'a>) -> Vec<Resource> {
        let kustomization = step.kustomization;
        let global = kustomization.generator_options.as_ref();
        let mut made = Vec::new();
        for (what, kind, entries) in [
            (
                Generated::ConfigMap,
                "ConfigMapGenerator",
                &kustomization.config_map_generator,
            ),
            (
                Generated::Secret,
                "SecretGenerator",
                &kustomization.secret_generator,
            ),
        ] {
            let trail = self.origin_of_field(step, kind).map(Trail::starting_at);
            for entry in entries {
                let resource = generators::generate(entry, what, global, context);
                made.extend(resource.map(|resource| Resource {
                    trail: trail.clone(),
                    ..resource
                }));
            }
        }
        let trail = self
            .origin_of_field(step, "HelmChartInflationGenerator")
            .map(Trail::starting_at);
        for chart in &kustomization.helm_charts {
            let resources = charts::inflate(chart, kustomization, chart.origin, context);
            made.extend(resources.into_iter().map(|resource| Resource {
                trail: trail.clone(),
                ..resource
            }));
        }
        made
    }

    /// The resources that an object of `generators` makes.
    fn made_by_object(&self, object: &Resource, context: &mut BuildContext<'a>) -> Vec<Resource> {
        let made = match (object.api_version(), object.kind()) {
            ("builtin", "ConfigMapGenerator") => {
                let entry = entry_of(object, GeneratorEntry::config_map, context);
                generators::generate(&entry, Generated::ConfigMap, None, context)
            }
            ("builtin", "SecretGenerator") => {
                let entry = entry_of(object, GeneratorEntry::secret, context);
                generators::generate(&entry, Generated::Secret, None, context)
            }
            ("builtin", "IAMPolicyGenerator") => generators::iam_policy(&object.node, context),
            // kustomize finds this one by its kind under any apiVersion
            (_, "HelmChartInflationGenerator") => {
                let at = name_origin(&object.node);
                let none = Kustomization::empty(at.file, Arc::from(""), at);
                return charts::inflate(&object.node, &none, at, context);
            }
            _ => {
                context.report(needs_plugin(object, "generator"));
                None
            }
        };
        let trail = self.origin_of_object(object).map(Trail::starting_at);
        let with_trail = |resource: Resource| Resource {
            trail: trail.clone().or(resource.trail),
            ..resource
        };
        made.map(with_trail).into_iter().collect()
    }
}

/// Reads the fields of a generator from an object, whose own metadata stand in for a missing name
/// and namespace.
fn entry_of(
    object: &Resource,
    decode: fn(&crate::yaml::Node, &mut Decoder<'_>) -> GeneratorEntry,
    context: &mut BuildContext<'_>,
) -> GeneratorEntry {
    let mut problems = Vec::new();
    let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
    let mut entry = decode(&object.node, &mut decoder);
    for (key, slot) in [
        ("name", &mut entry.name),
        ("namespace", &mut entry.namespace),
    ] {
        if slot.is_none() {
            *slot = object
                .node
                .at(&["metadata", key])
                .and_then(|node| decoder.filled_text(node, key));
        }
    }
    entry.origin = name_origin(&object.node);
    context.problems.append(&mut problems);
    entry
}

/// Adds generated resources. Their `behavior` says whether each is new, replaces the present one or
/// is merged into it.
fn absorb(made: Vec<Resource>, context: &mut BuildContext<'_>, gathered: &mut Accumulated) {
    if made.is_empty() {
        return;
    }
    let mut index = Positions::default();
    for (position, resource) in gathered.resources.iter().enumerate() {
        index.note(resource, position);
    }
    for resource in made {
        let id = resource.id();
        let positions = index.get(&key(&id));
        let overlays = matches!(resource.behavior, Behavior::Merge | Behavior::Replace);
        match (positions, overlays) {
            ([], false) => {
                index.note(&resource, gathered.resources.len());
                gathered.resources.push(resource);
            }
            ([], true) => {
                let mut message = format!("there is no {id} to merge with or replace");
                let mut help = "remove behavior, or correct the name".to_string();
                let alike = |other: &&Resource| {
                    let other = other.id();
                    (&other.kind, &other.name) == (&id.kind, &id.name)
                };
                if let Some(elsewhere) = gathered.resources.iter().find(alike) {
                    let namespace = elsewhere.id().namespace;
                    let namespace = namespace.as_deref().unwrap_or("default");
                    message = format!("{message}; it is in namespace {namespace}");
                    help = format!("add `namespace: {namespace}` to the generator");
                }
                let problem = Problem::absent(name_origin(&resource.node), message);
                context.report(problem.with_help(help));
            }
            ([only], true) => {
                if let Some(present) = gathered.resources.get_mut(*only) {
                    let trail = combined_trail(present, &resource);
                    let combined = generators::combine(present, resource);
                    *present = Resource { trail, ..combined };
                }
            }
            ([first, ..], false) => {
                if let Some(present) = gathered.resources.get(*first) {
                    let problem = conflict(&id, present, &resource);
                    context.report(problem.with_help(
                        "set behavior: merge or behavior: replace, or choose another name",
                    ));
                }
            }
            (_, true) => {
                let problem = Problem::error(
                    name_origin(&resource.node),
                    format!("{id} is ambiguous: several objects have this identity"),
                );
                context.report(
                    problem.with_help("give the generator the namespace of the intended object"),
                );
            }
        }
    }
}

/// The positions of resources by every identity that they have or had.
#[derive(Default)]
struct Positions(HashMap<String, Vec<usize>>);

impl Positions {
    fn note(&mut self, resource: &Resource, position: usize) {
        for id in resource.all_ids() {
            let positions = self.0.entry(key(&id)).or_default();
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
    }
    fn get(&self, key: &str) -> &[usize] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

fn combined_trail(present: &Resource, new: &Resource) -> Option<Arc<Trail>> {
    if new.behavior == Behavior::Merge {
        return present.trail.clone().or_else(|| new.trail.clone());
    }
    // the origin is that of the new resource; the transformations of the present one stay
    let mut trail = new.trail.as_deref().cloned()?;
    trail.transformations = present
        .trail
        .as_ref()
        .map(|trail| trail.transformations.clone())
        .unwrap_or_default();
    Some(Arc::new(trail))
}
