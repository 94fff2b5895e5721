//! The fields of a Kustomization or Component, typed. Every entry knows its origin.
//!
//! `fields` is the table of the fields: how each is read, its replacement, its effect. The entries
//! of the fields have a module each. Not here: applying the fields (`accumulate`, `patch`,
//! `transform`, `generators`).

mod build;
mod fields;
mod generator;
mod image;
mod label;
mod patch;
mod replacement;
mod replica;
mod selector;
mod variable;

use std::sync::Arc;

pub(crate) use build::{OpenApi, SortOptions};
pub(crate) use generator::{GeneratorEntry, GeneratorOptions, path_in};
pub(crate) use image::ImageEntry;
pub(crate) use label::{FieldSpecEntry, LabelEntry};
pub(crate) use patch::PatchEntry;
pub(crate) use replacement::{
    FieldOptions, ReplacementEntry, ReplacementSource, ReplacementTarget,
};
pub(crate) use replica::ReplicaEntry;
pub(crate) use selector::Selector;
pub(crate) use variable::VarEntry;

use super::decode::{Pair, Text};
use crate::yaml::{FileId, Node, Origin};

/// A kustomization file, with deprecated fields moved into those that replaced them.
#[derive(Clone, Debug, PartialEq)]
pub struct Kustomization {
    /// The file.
    pub file: FileId,
    /// Path of the file relative to the root.
    pub path: Arc<str>,
    /// The start of the file.
    pub origin: Origin,
    /// True if `kind` is Component.
    pub component: bool,
    /// True if a field adds resources besides those of listed folders and files.
    adds: bool,
    /// True if a field changes resources.
    changes: bool,
    /// `resources`, then `bases`.
    pub resources: Vec<Text>,
    /// `components`
    pub components: Vec<Text>,
    /// `crds`
    pub crds: Vec<Text>,
    /// `configurations`
    pub configurations: Vec<Text>,
    /// `generators`: inline documents, files or folders.
    pub generators: Vec<Text>,
    /// `transformers`, likewise.
    pub transformers: Vec<Text>,
    /// `validators`, likewise.
    pub validators: Vec<Text>,
    /// `namePrefix`
    pub name_prefix: Option<Text>,
    /// `nameSuffix`
    pub name_suffix: Option<Text>,
    /// `namespace`
    pub namespace: Option<Text>,
    /// `commonLabels`
    pub common_labels: Vec<Pair>,
    /// `labels`
    pub labels: Vec<LabelEntry>,
    /// `commonAnnotations`
    pub common_annotations: Vec<Pair>,
    /// `patches`
    pub patches: Vec<PatchEntry>,
    /// `patchesJson6902`
    pub patches_json6902: Vec<PatchEntry>,
    /// `patchesStrategicMerge`: paths or inline patches.
    pub patches_strategic_merge: Vec<Text>,
    /// `images`, then `imageTags`.
    pub images: Vec<ImageEntry>,
    /// `replicas`
    pub replicas: Vec<ReplicaEntry>,
    /// `replacements`
    pub replacements: Vec<ReplacementEntry>,
    /// `vars`
    pub vars: Vec<VarEntry>,
    /// `configMapGenerator`
    pub config_map_generator: Vec<GeneratorEntry>,
    /// `secretGenerator`
    pub secret_generator: Vec<GeneratorEntry>,
    /// `generatorOptions`
    pub generator_options: Option<GeneratorOptions>,
    /// The entries of `helmCharts` and `helmChartInflationGenerator`.
    pub helm_charts: Vec<Node>,
    /// The folder of charts, `helmGlobals.chartHome`.
    pub chart_home: Option<Arc<str>>,
    /// `openapi`
    pub openapi: Option<OpenApi>,
    /// `sortOptions`
    pub sort_options: Option<SortOptions>,
    /// `buildMetadata`
    pub build_metadata: Vec<Text>,
}

impl Kustomization {
    /// A kustomization without any field.
    pub fn empty(file: FileId, path: Arc<str>, origin: Origin) -> Kustomization {
        Kustomization {
            file,
            path,
            origin,
            component: false,
            adds: false,
            changes: false,
            resources: Vec::new(),
            components: Vec::new(),
            crds: Vec::new(),
            configurations: Vec::new(),
            generators: Vec::new(),
            transformers: Vec::new(),
            validators: Vec::new(),
            name_prefix: None,
            name_suffix: None,
            namespace: None,
            common_labels: Vec::new(),
            labels: Vec::new(),
            common_annotations: Vec::new(),
            patches: Vec::new(),
            patches_json6902: Vec::new(),
            patches_strategic_merge: Vec::new(),
            images: Vec::new(),
            replicas: Vec::new(),
            replacements: Vec::new(),
            vars: Vec::new(),
            config_map_generator: Vec::new(),
            secret_generator: Vec::new(),
            generator_options: None,
            helm_charts: Vec::new(),
            chart_home: None,
            openapi: None,
            sort_options: None,
            build_metadata: Vec::new(),
        }
    }

    /// The lists whose entries may be folders with kustomizations.
    pub fn lists_of_folders(&self) -> [&[Text]; 5] {
        [
            &self.resources,
            &self.components,
            &self.generators,
            &self.transformers,
            &self.validators,
        ]
    }

    /// True if it runs plugins or charts, whose configuration may name more files.
    pub fn has_plugins(&self) -> bool {
        let plugins = [&self.generators, &self.transformers, &self.validators];
        plugins.iter().any(|list| !list.is_empty()) || !self.helm_charts.is_empty()
    }

    /// Everything in it that may be the path of a file or folder, inline patches and `key=path`
    /// forms included.
    pub fn paths(&self) -> impl Iterator<Item = &Text> {
        let generators = self
            .config_map_generator
            .iter()
            .chain(&self.secret_generator);
        [
            &self.resources,
            &self.components,
            &self.crds,
            &self.configurations,
            &self.generators,
            &self.transformers,
            &self.validators,
            &self.patches_strategic_merge,
        ]
        .into_iter()
        .flatten()
        .chain(
            self.patches
                .iter()
                .chain(&self.patches_json6902)
                .filter_map(|entry| entry.path.as_ref()),
        )
        .chain(
            self.replacements
                .iter()
                .filter_map(|entry| entry.path.as_ref()),
        )
        .chain(generators.flat_map(|entry| entry.files.iter().chain(&entry.envs)))
        .chain(
            self.openapi
                .iter()
                .filter_map(|openapi| openapi.path.as_ref()),
        )
    }

    /// True if it changes what it lists: `images`, `patches`, `namespace` and the like.
    pub fn changes_what_it_lists(&self) -> bool {
        self.changes
    }

    /// True if it only lists other folders. Such a kustomization gathers overlays and is not one
    /// itself: `resources: [storefront, checkout]`.
    pub fn only_gathers(&self) -> bool {
        let is_file = |entry: &Text| {
            [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| entry.ends_with(end))
        };
        !self.component
            && !self.adds
            && !self.changes
            && !self.resources.is_empty()
            && !self.resources.iter().any(is_file)
    }
}
