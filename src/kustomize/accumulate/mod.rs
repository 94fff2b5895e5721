//! Accumulation: what a kustomization gathers from its resources, bases, generators and components,
//! and the order in which its transformers change it.
//!
//! Here: the order of the steps, and bases that several builds share. Not here: the steps
//! themselves (`patch`, `transform`, `generators`), and the steps at the top of a build (`render`).

mod configurations;
mod entry;
mod generate;
mod resources;
mod scope;
mod trail;
mod transform;
mod vars;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::{BuildContext, Shared, Work};
use super::kustomization::{Kustomization, VarEntry};
use super::loader::Loader;
use super::transform::Configuration;
use super::{ChartCopy, Deleted, Problem, Resource, Unrendered};
use crate::yaml::FileId;
pub(super) use scope::Scope;

/// The advice about field specifications that contradict each other.
const CONTRADICTION: &str = "give both field specifications the same create";

/// The things that a folder gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Accumulated {
    /// The resources so far.
    pub(super) resources: Vec<Resource>,
    /// The transformer configuration so far.
    pub(super) configuration: Arc<Configuration>,
    /// The variables so far.
    pub(super) vars: Vec<VarEntry>,
    /// The problems so far.
    pub(super) problems: Vec<Problem>,
    /// The files that were read.
    pub(super) files: BTreeSet<FileId>,
    /// The objects that patches deleted.
    pub(super) deleted: Vec<Deleted>,
    /// The releases of charts that are not in the tree.
    pub(super) releases: Vec<Unrendered>,
    /// The charts of which a committed copy of the output was used.
    pub(super) copies: Vec<ChartCopy>,
    /// The steps that the build took.
    pub(super) work: Work,
}

/// Builds folders within one scope.
#[derive(Clone, Copy)]
pub(super) struct Accumulator<'a> {
    /// The things that all builds share.
    pub(super) shared: &'a Shared,
    /// The kustomizations.
    pub(super) loader: &'a Loader,
    /// The scope.
    pub(super) scope: &'a Scope,
}

/// A kustomization within a build.
struct Step<'k> {
    kustomization: &'k Kustomization,
    /// Path of the folder relative to the root of the build, for trails.
    trail: String,
    /// The number of kustomizations that lead here from the root of the build.
    depth: usize,
}

impl Step<'_> {
    fn file_name(&self) -> &str {
        let path = &self.kustomization.path;
        path.rsplit('/').next().unwrap_or_default()
    }
}

impl<'a> Accumulator<'a> {
    /// The folder at the root of a build.
    pub(super) fn root(&self, folder: &str) -> Arc<Accumulated> {
        self.folder(folder, "", 0)
    }

    /// The folder at the root of a build, with another kustomization instead of its own.
    pub(super) fn root_as(
        &self,
        folder: &str,
        kustomization: &Kustomization,
        gathered: &mut Accumulated,
    ) {
        let step = Step {
            kustomization,
            trail: String::new(),
            depth: 0,
        };
        self.kustomization(&step, folder, gathered);
    }

    /// Builds a folder once for every build in the same scope.
    fn folder(&self, folder: &str, trail: &str, depth: usize) -> Arc<Accumulated> {
        let trail = if self.scope.trails { trail } else { "" };
        let cell = self.scope.cell(folder, trail);
        cell.get_or_init(|| Arc::new(self.build(folder, trail, depth)))
            .clone()
    }

    fn build(&self, folder: &str, trail: &str, depth: usize) -> Accumulated {
        let mut gathered = Accumulated::default();
        let Some(loaded) = self.loader.load(self.shared, folder) else {
            return gathered;
        };
        gathered.files.extend(loaded.file);
        gathered.problems.extend(loaded.problems.iter().cloned());
        if let Some(kustomization) = &loaded.kustomization {
            let step = Step {
                kustomization,
                trail: trail.to_string(),
                depth,
            };
            self.kustomization(&step, folder, &mut gathered);
        }
        gathered
    }

    /// Applies a kustomization to what was gathered before. For a component that is what its parent
    /// has; for others it is nothing.
    fn kustomization(&self, step: &Step<'_>, folder: &str, gathered: &mut Accumulated) {
        let kustomization = step.kustomization;
        let mut context = BuildContext::new(self.shared, folder);
        context.work = gathered.work;
        if let Some(openapi) = &kustomization.openapi {
            self.scope.choose_schema(openapi, &mut context);
        }
        self.resources(step, &kustomization.resources, &mut context, gathered);
        configurations::add(kustomization, &mut context, gathered);
        self.generators(step, &mut context, gathered);
        for entry in &kustomization.components {
            self.component(step, entry, &mut context, gathered);
        }
        self.transformers(step, &mut context, gathered);
        self.validators(step, &mut context, gathered);
        gathered.work = context.work;
        vars::tie_own(&kustomization.vars, &mut context.problems, gathered);
        gathered.problems.append(&mut context.problems);
        gathered.files.append(&mut context.files_read);
        gathered.deleted.append(&mut context.deleted);
        gathered.releases.append(&mut context.releases);
        gathered.copies.append(&mut context.copies);
    }
}
