//! `resources` and `components`, and the objects of `generators`, `transformers` and `validators`.

use std::collections::HashMap;

use super::{Accumulated, Accumulator, CONTRADICTION, Step, trail, vars};
use crate::kustomize::context::{BuildContext, OBJECT_LIMIT, weight};
use crate::kustomize::decode::Text;
use crate::kustomize::identity::{check_unique, conflict, key};
use crate::kustomize::loader::Target;
use crate::kustomize::manifests::manifests;
use crate::kustomize::transform::Configuration;
use crate::kustomize::{Problem, Resource, schema};

/// The positions of resources by their identity.
struct Index {
    positions: HashMap<String, usize>,
}

impl Index {
    fn new(resources: &[Resource]) -> Index {
        let mut positions = HashMap::with_capacity(resources.len());
        for (position, resource) in resources.iter().enumerate() {
            positions.entry(key(&resource.id())).or_insert(position);
        }
        Index { positions }
    }
    /// Appends a resource, or reports that another one has its identity.
    fn append(
        &mut self,
        resources: &mut Vec<Resource>,
        resource: Resource,
        problems: &mut Vec<Problem>,
    ) {
        let id = resource.id();
        let position = self.positions.get(&key(&id));
        match position.and_then(|position| resources.get(*position)) {
            Some(present) => problems.push(conflict(&id, present, &resource)),
            None => {
                self.positions.insert(key(&id), resources.len());
                resources.push(resource);
            }
        }
    }
}

impl<'a> Accumulator<'a> {
    pub(super) fn resources(
        &self,
        step: &Step<'_>,
        entries: &[Text],
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let mut index = Index::new(&gathered.resources);
        for entry in entries {
            if !context.spend(1, entry.origin()) {
                return;
            }
            match self.enter(step, entry, context) {
                Some(Target::File) => {
                    for resource in self.file(step, entry, context) {
                        index.append(&mut gathered.resources, resource, &mut context.problems);
                    }
                }
                Some(Target::Folder(folder)) if self.is_component(&folder) => {
                    let message =
                        format!("{:?} is a Component, which resources cannot list", &**entry);
                    context.report(
                        Problem::error(entry.origin(), message)
                            .with_help("list it under components"),
                    );
                }
                Some(Target::Folder(folder)) => {
                    let trail = trail::join(&step.trail, entry);
                    let base = self.folder(&folder, &trail, step.depth + 1);
                    context.work.add(base.work);
                    let steps = copies(&base);
                    let objects = gathered.resources.len() + base.resources.len();
                    if !context.spend(steps, entry.origin()) || objects > OBJECT_LIMIT {
                        context.report(too_many(entry));
                        return;
                    }
                    for resource in base.resources.iter().cloned() {
                        index.append(&mut gathered.resources, resource, &mut context.problems);
                    }
                    add_base(&base, entry, context, gathered);
                }
                _ => {}
            }
        }
    }

    /// The resources of a file.
    fn file(&self, step: &Step<'_>, entry: &Text, context: &mut BuildContext<'a>) -> Vec<Resource> {
        let documents = match context.read_documents(entry) {
            Ok(documents) => documents,
            Err(problem) => {
                context.report(problem);
                return Vec::new();
            }
        };
        let trail = self.trail_of_file(step, entry);
        let mut resources = manifests(&documents, Some(entry), &mut context.problems);
        for resource in &mut resources {
            if !schema::is_built_in(resource.api_version(), resource.kind()) {
                self.scope.uses_built_in();
            }
            if trail.is_some() {
                resource.trail = trail.clone();
                resource.mark();
            }
        }
        resources
    }

    fn is_component(&self, folder: &str) -> bool {
        let loaded = self.loader.load(self.shared, folder);
        loaded
            .and_then(|loaded| loaded.kustomization.clone())
            .is_some_and(|kustomization| kustomization.component)
    }

    pub(super) fn component(
        &self,
        step: &Step<'_>,
        entry: &Text,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let folder = match self.enter(step, entry, context) {
            None => return,
            Some(Target::Folder(folder)) => folder,
            Some(_) => {
                let message = format!("{:?} is a file, but a component must be a folder", &**entry);
                context
                    .report(Problem::error(entry.origin(), message).with_help(
                        "list the file under resources, or name the component's folder",
                    ));
                return;
            }
        };
        let Some(loaded) = self.loader.load(self.shared, &folder) else {
            return;
        };
        gathered.files.extend(loaded.file);
        gathered.problems.extend(loaded.problems.iter().cloned());
        let Some(kustomization) = &loaded.kustomization else {
            return;
        };
        if !kustomization.component {
            let message = format!(
                "{:?} is a Kustomization, which components cannot list",
                &**entry
            );
            let problem = Problem::error(entry.origin(), message)
                .with_related("its kind is set here", kustomization.origin);
            context
                .report(problem.with_help("list it under resources, or make it a Component (apiVersion kustomize.config.k8s.io/v1alpha1)"));
            return;
        }
        let steps = COMPONENT_STEPS + weight(&gathered.resources);
        if !context.spend(steps, entry.origin()) {
            return;
        }
        gathered.work = context.work;
        let inner = Step {
            kustomization,
            trail: trail::join(&step.trail, entry),
            depth: step.depth + 1,
        };
        self.kustomization(&inner, &folder, gathered);
        context.work = gathered.work;
        // after a component, kustomize merges the configuration again
        let whole = std::mem::take(&mut gathered.configuration);
        if let Err(message) = Configuration::merge(&mut gathered.configuration, &whole) {
            context.report(Problem::error(entry.origin(), message).with_help(CONTRADICTION));
        }
        check_unique(&gathered.resources, &mut context.problems);
    }

    /// The objects of `generators`, `transformers` or `validators`: inline, from files or from
    /// folders.
    pub(super) fn objects(
        &self,
        step: &Step<'_>,
        entries: &[Text],
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) -> Vec<Resource> {
        let mut found = Accumulated::default();
        let mut paths = Vec::new();
        for entry in entries {
            let inline = context.read_inline(&entry.node).ok().filter(|documents| {
                documents
                    .documents
                    .iter()
                    .all(|document| document.get("kind").is_some())
                    && !documents.documents.is_empty()
            });
            let Some(documents) = inline else {
                paths.push(entry.clone());
                continue;
            };
            let trail = self.trail_of_file(step, step.file_name());
            let mut index = Index::new(&found.resources);
            for mut resource in manifests(&documents, None, &mut context.problems) {
                resource.trail = trail.clone();
                index.append(&mut found.resources, resource, &mut context.problems);
            }
        }
        self.resources(step, &paths, context, &mut found);
        gathered.problems.append(&mut found.problems);
        gathered.files.append(&mut found.files);
        found.resources
    }
}

/// A component is merged and checked as a whole, however little it holds.
const COMPONENT_STEPS: u64 = 1000;

/// The steps of copying what a base gathered. An object that many layers renamed remembers all of
/// its names, and takes as much more memory.
fn copies(base: &Accumulated) -> u64 {
    let names = base
        .resources
        .iter()
        .map(|resource| resource.previous.len());
    let objects = base.resources.len() + base.problems.len() + base.deleted.len();
    20 * (objects + names.sum::<usize>()) as u64
}

/// A base that would make the build too large.
fn too_many(entry: &Text) -> Problem {
    let message = format!(
        "with {:?} the build has more than {OBJECT_LIMIT} objects or steps, so it is not finished",
        &**entry
    );
    Problem::error(entry.origin(), message).with_help("split it into several overlays")
}

/// Adds what a base has besides resources.
fn add_base(
    base: &Accumulated,
    entry: &Text,
    context: &mut BuildContext<'_>,
    gathered: &mut Accumulated,
) {
    if let Err(message) = Configuration::merge(&mut gathered.configuration, &base.configuration) {
        context.report(Problem::error(entry.origin(), message).with_help(CONTRADICTION));
    }
    vars::add(&base.vars, &mut context.problems, gathered);
    gathered.problems.extend(base.problems.iter().cloned());
    gathered.files.extend(base.files.iter().copied());
    gathered.deleted.extend(base.deleted.iter().cloned());
    gathered.releases.extend(base.releases.iter().cloned());
    gathered.copies.extend(base.copies.iter().cloned());
}
