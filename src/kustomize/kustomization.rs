//! The fields of a Kustomization or Component, typed, every entry with its place.
//!
//! Here: the types and their reading from a node, for kustomizations and for the configuration of
//! built-in plugins. Not here: what the fields do (`accumulate`, `patch`, `transform`,
//! `generators`).

use std::sync::Arc;

use super::decode::{Decoder, Pair, Rules, Text};
use super::{Problem, ProblemKind};
use crate::yaml::{FileId, Node, Origin};

/// A kustomization file, with the deprecated fields moved to where they belong.
#[derive(Clone, Debug, PartialEq)]
pub struct Kustomization {
    /// The file.
    pub file: FileId,
    /// Path of the file relative to the root.
    pub path: Arc<str>,
    /// A place that stands for the whole file.
    pub origin: Origin,
    /// Whether `kind` is Component.
    pub component: bool,
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
    /// The entries of `helmCharts` and `helmChartInflationGenerator`, which are not run.
    pub helm_charts: Vec<Node>,
    /// `openapi`
    pub openapi: Option<OpenApi>,
    /// `sortOptions`
    pub sort_options: Option<SortOptions>,
    /// `buildMetadata`
    pub build_metadata: Vec<Text>,
}

/// `openapi`: a schema of one's own, or a version of the built-in one.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApi {
    /// Path of a schema file.
    pub path: Option<Text>,
    /// Version of the built-in schema.
    pub version: Option<Text>,
}

/// `sortOptions`
#[derive(Clone, Debug, PartialEq)]
pub struct SortOptions {
    /// `legacy` or `fifo`.
    pub order: Option<Text>,
    /// Whether `legacySortOptions` is there.
    pub legacy: Option<LegacySortOptions>,
    /// The whole field.
    pub origin: Origin,
}

/// `sortOptions.legacySortOptions`
#[derive(Clone, Debug, PartialEq)]
pub struct LegacySortOptions {
    /// Kinds that come first.
    pub first: Vec<Text>,
    /// Kinds that come last.
    pub last: Vec<Text>,
    /// The whole field.
    pub origin: Origin,
}

/// Group, version, kind, name, namespace, labels and annotations of the resources that an entry is
/// meant for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// `group`
    pub group: Option<Text>,
    /// `version`
    pub version: Option<Text>,
    /// `kind`
    pub kind: Option<Text>,
    /// `name`
    pub name: Option<Text>,
    /// `namespace`
    pub namespace: Option<Text>,
    /// `annotationSelector`
    pub annotation_selector: Option<Text>,
    /// `labelSelector`
    pub label_selector: Option<Text>,
    /// The whole selector.
    pub origin: Option<Origin>,
}

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchEntry {
    /// `path`
    pub path: Option<Text>,
    /// `patch`
    pub patch: Option<Text>,
    /// `target`
    pub target: Option<Selector>,
    /// `options.allowNameChange`
    pub allow_name_change: bool,
    /// `options.allowKindChange`
    pub allow_kind_change: bool,
    /// The whole entry.
    pub origin: Origin,
}

/// An entry of `images`.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageEntry {
    /// `name`
    pub name: Option<Text>,
    /// `newName`
    pub new_name: Option<Text>,
    /// `newTag`
    pub new_tag: Option<Text>,
    /// `tagSuffix`
    pub tag_suffix: Option<Text>,
    /// `digest`
    pub digest: Option<Text>,
    /// The whole entry.
    pub origin: Origin,
}

/// An entry of `replicas`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaEntry {
    /// `name`
    pub name: Option<Text>,
    /// `count`
    pub count: i64,
    /// The count's place, or the entry's when it has none.
    pub count_origin: Origin,
    /// The whole entry.
    pub origin: Origin,
}

/// An entry of `labels`.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelEntry {
    /// `pairs`
    pub pairs: Vec<Pair>,
    /// `includeSelectors`
    pub include_selectors: bool,
    /// `includeTemplates`
    pub include_templates: bool,
    /// `includeVolumeClaimTemplates`
    pub include_volume_claim_templates: bool,
    /// `fields`
    pub fields: Vec<FieldSpecEntry>,
    /// The whole entry.
    pub origin: Origin,
}

/// A field specification as written: which field of which kinds a transformer changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpecEntry {
    /// `group`, empty for any.
    pub group: Arc<str>,
    /// `version`, empty for any.
    pub version: Arc<str>,
    /// `kind`, empty for any.
    pub kind: Arc<str>,
    /// `path`
    pub path: Arc<str>,
    /// `create`
    pub create: bool,
}

/// An entry of `replacements`: itself a replacement, or the path of a file with replacements.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementEntry {
    /// `path`
    pub path: Option<Text>,
    /// `source`
    pub source: Option<ReplacementSource>,
    /// `sourceValue`
    pub source_value: Option<Text>,
    /// `targets`
    pub targets: Vec<ReplacementTarget>,
    /// The whole entry.
    pub origin: Origin,
}

/// `replacements[].source`
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementSource {
    /// What to read; compared literally.
    pub selector: Selector,
    /// `fieldPath`
    pub field_path: Option<Text>,
    /// `options`
    pub options: Option<FieldOptions>,
    /// The whole field.
    pub origin: Origin,
}

/// `replacements[].targets[]`
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementTarget {
    /// `select`
    pub select: Option<Selector>,
    /// `reject`
    pub reject: Vec<Selector>,
    /// `fieldPaths`
    pub field_paths: Vec<Text>,
    /// `options`
    pub options: Option<FieldOptions>,
    /// The whole entry.
    pub origin: Origin,
}

/// `options` of a replacement's source or target.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldOptions {
    /// `delimiter`
    pub delimiter: Option<Text>,
    /// `index`
    pub index: i64,
    /// `encoding`
    pub encoding: Option<Text>,
    /// `create`
    pub create: bool,
    /// The whole field.
    pub origin: Origin,
}

/// An entry of `vars`.
#[derive(Clone, Debug, PartialEq)]
pub struct VarEntry {
    /// `name`
    pub name: Text,
    /// `objref`, with `apiVersion` split into group and version.
    pub object: Selector,
    /// `fieldref.fieldPath`, `metadata.name` unless given.
    pub field_path: Arc<str>,
    /// The field path's place, when it is written.
    pub field_path_origin: Option<Origin>,
    /// The whole entry.
    pub origin: Origin,
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorEntry {
    /// `name`
    pub name: Option<Text>,
    /// `namespace`
    pub namespace: Option<Text>,
    /// `behavior`
    pub behavior: Option<Text>,
    /// `type`, of Secrets only.
    pub secret_type: Option<Text>,
    /// `literals`
    pub literals: Vec<Text>,
    /// `files`
    pub files: Vec<Text>,
    /// `envs`, then `env`.
    pub envs: Vec<Text>,
    /// `options`
    pub options: Option<GeneratorOptions>,
    /// The whole entry.
    pub origin: Origin,
}

/// `generatorOptions` and `options` of a generator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratorOptions {
    /// `labels`
    pub labels: Vec<Pair>,
    /// `annotations`
    pub annotations: Vec<Pair>,
    /// `disableNameSuffixHash`
    pub disable_name_suffix_hash: bool,
    /// `immutable`, with its place.
    pub immutable: Option<Origin>,
}

const FIELDS: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

const HELM_GLOBALS: &[&str] = &["chartHome", "configHome"];
const HELM_CHART: &[&str] = &[
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];
const HELM_CHART_OLD: &[&str] = &[
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

/// The path in an entry of a generator's `files`: what follows the key in `key=path`.
pub fn path_in(entry: &str) -> &str {
    entry.rsplit('=').next().unwrap_or(entry)
}

impl Kustomization {
    /// A kustomization without any field.
    pub fn empty(file: FileId, path: Arc<str>, origin: Origin) -> Kustomization {
        Kustomization {
            file,
            path,
            origin,
            component: false,
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
            openapi: None,
            sort_options: None,
            build_metadata: Vec::new(),
        }
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

    /// Reads a kustomization from the document of its file.
    pub fn decode(
        node: &Node,
        file: FileId,
        path: Arc<str>,
        problems: &mut Vec<Problem>,
    ) -> Kustomization {
        let mut result = Kustomization::empty(file, path, node.origin);
        let mut decoder = Decoder::new(problems, Rules::Kustomization);
        let mut bases = Vec::new();
        let mut image_tags = Vec::new();
        let mut kind: Option<Text> = None;
        let mut api_version: Option<Text> = None;
        let (mut anything, mut known) = (false, 0);
        for (name, entry) in decoder.fields(node, "the kustomization", FIELDS) {
            let value = &entry.value;
            anything |= !matches!(name, "kind" | "apiVersion") && !is_zero(value);
            known += 1;
            if let Some(instead) = deprecated(name) {
                decoder.note(Problem {
                    kind: ProblemKind::DeprecatedField,
                    message: format!("the field {name} is deprecated"),
                    help: Some(format!("use {instead} instead")),
                    origin: entry.key_origin,
                    related: Vec::new(),
                });
            }
            match name {
                "kind" => kind = decoder.filled_text(value, name),
                "apiVersion" => api_version = decoder.filled_text(value, name),
                "metadata" => {
                    for (name, entry) in decoder.fields(
                        value,
                        "metadata",
                        &["name", "namespace", "labels", "annotations"],
                    ) {
                        match name {
                            "labels" | "annotations" => drop(decoder.pairs(&entry.value, name)),
                            _ => drop(decoder.text(&entry.value, name)),
                        }
                    }
                }
                "openapi" => {
                    let pairs = decoder.pairs(value, name);
                    let get = |key: &str| {
                        pairs
                            .iter()
                            .find(|pair| &*pair.key == key)
                            .map(|pair| pair.value.clone())
                    };
                    result.openapi = Some(OpenApi {
                        path: get("path"),
                        version: get("version"),
                    });
                }
                "namePrefix" => result.name_prefix = decoder.filled_text(value, name),
                "nameSuffix" => result.name_suffix = decoder.filled_text(value, name),
                "namespace" => result.namespace = decoder.filled_text(value, name),
                "commonLabels" => result.common_labels = decoder.pairs(value, name),
                "labels" => {
                    result.labels = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| LabelEntry::decode(node, &mut decoder))
                        .collect()
                }
                "commonAnnotations" => result.common_annotations = decoder.pairs(value, name),
                "patchesStrategicMerge" => {
                    result.patches_strategic_merge = decoder.texts(value, name)
                }
                "patchesJson6902" => {
                    result.patches_json6902 = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| PatchEntry::decode(node, &mut decoder))
                        .collect();
                }
                "patches" => {
                    result.patches = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| PatchEntry::decode(node, &mut decoder))
                        .collect();
                }
                "images" => {
                    result.images = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ImageEntry::decode(node, &mut decoder))
                        .collect()
                }
                "imageTags" => {
                    image_tags = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ImageEntry::decode(node, &mut decoder))
                        .collect()
                }
                "replacements" => {
                    result.replacements = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ReplacementEntry::decode(node, &mut decoder))
                        .collect();
                }
                "replicas" => {
                    result.replicas = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ReplicaEntry::decode(node, &mut decoder))
                        .collect();
                }
                "vars" => {
                    result.vars = decoder
                        .list(value, name)
                        .iter()
                        .filter_map(|node| VarEntry::decode(node, &mut decoder))
                        .collect();
                }
                "sortOptions" => {
                    result.sort_options = Some(SortOptions::decode(value, &mut decoder))
                }
                "resources" => result.resources = decoder.texts(value, name),
                "components" => result.components = decoder.texts(value, name),
                "crds" => result.crds = decoder.texts(value, name),
                "bases" => bases = decoder.texts(value, name),
                "configMapGenerator" => {
                    result.config_map_generator = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| GeneratorEntry::decode(node, &mut decoder, false))
                        .collect();
                }
                "secretGenerator" => {
                    result.secret_generator = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| GeneratorEntry::decode(node, &mut decoder, true))
                        .collect();
                }
                "helmGlobals" => drop(decoder.fields(value, name, HELM_GLOBALS)),
                "helmCharts" | "helmChartInflationGenerator" => {
                    let known = if name == "helmCharts" {
                        HELM_CHART
                    } else {
                        HELM_CHART_OLD
                    };
                    for chart in decoder.list(value, name) {
                        drop(decoder.fields(chart, "a Helm chart", known));
                        result.helm_charts.push(chart.clone());
                    }
                }
                "generatorOptions" => {
                    result.generator_options = Some(GeneratorOptions::decode(value, &mut decoder))
                }
                "configurations" => result.configurations = decoder.texts(value, name),
                "generators" => result.generators = decoder.texts(value, name),
                "transformers" => result.transformers = decoder.texts(value, name),
                "validators" => result.validators = decoder.texts(value, name),
                "buildMetadata" => result.build_metadata = decoder.texts(value, name),
                _ => {}
            }
        }
        result.resources.append(&mut bases);
        result.images.append(&mut image_tags);
        // a misspelt field was refused already: one mistake, one problem
        let written = node
            .entries()
            .iter()
            .filter(|entry| !entry.value.is_null())
            .count();
        if !anything && node.as_map().is_some() && written == known {
            decoder.refuse(
                node.origin,
                "the kustomization is empty",
                Some("list at least one resource, or remove the file and the references to its folder".to_string()),
            );
        }
        result.check_kind(kind, api_version, &mut decoder);
        result
    }

    fn check_kind(
        &mut self,
        kind: Option<Text>,
        api_version: Option<Text>,
        decoder: &mut Decoder<'_>,
    ) {
        match kind.as_deref() {
            None | Some("Kustomization") => {}
            Some("Component") => self.component = true,
            Some(other) => {
                let message =
                    format!("kind must be Kustomization or Component, but this is {other}");
                decoder.refuse(
                    kind.as_ref().map_or(self.origin, Text::origin),
                    message,
                    None,
                );
            }
        }
        let (word, required) = match self.component {
            true => ("Component", "kustomize.config.k8s.io/v1alpha1"),
            false => ("Kustomization", "kustomize.config.k8s.io/v1beta1"),
        };
        if let Some(version) = api_version
            && &*version != required
        {
            let help = Some(format!("write apiVersion: {required}"));
            decoder.refuse(
                version.origin(),
                format!("the apiVersion of a {word} must be {required}"),
                help,
            );
        }
    }
}

/// Whether Go would take a value for an unset field.
fn is_zero(node: &Node) -> bool {
    node.is_null() || node.as_str() == Some("")
}

fn deprecated(field: &str) -> Option<&'static str> {
    match field {
        "bases" => Some("resources"),
        "imageTags" => Some("images"),
        "patchesJson6902" | "patchesStrategicMerge" => Some("patches"),
        "vars" => Some("replacements"),
        "commonLabels" => Some("labels"),
        "helmChartInflationGenerator" => Some("helmCharts"),
        _ => None,
    }
}

impl Selector {
    const FIELDS: &'static [&'static str] = &[
        "group",
        "version",
        "kind",
        "name",
        "namespace",
        "annotationSelector",
        "labelSelector",
    ];

    /// Reads a selector.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Selector {
        let mut result = Selector {
            origin: Some(node.origin),
            ..Selector::default()
        };
        for (name, entry) in decoder.fields(node, "the selector", Selector::FIELDS) {
            result.set(name, entry.value.clone(), decoder);
        }
        result
    }
    fn set(&mut self, name: &str, value: Node, decoder: &mut Decoder<'_>) {
        let text = decoder.filled_text(&value, name);
        match name {
            "group" => self.group = text,
            "version" => self.version = text,
            "kind" => self.kind = text,
            "name" => self.name = text,
            "namespace" => self.namespace = text,
            "annotationSelector" => self.annotation_selector = text,
            "labelSelector" => self.label_selector = text,
            _ => {}
        }
    }
}

impl PatchEntry {
    /// Reads an entry of `patches`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> PatchEntry {
        let mut result = PatchEntry {
            path: None,
            patch: None,
            target: None,
            allow_name_change: false,
            allow_kind_change: false,
            origin: node.origin,
        };
        for (name, entry) in
            decoder.fields(node, "a patch", &["path", "patch", "target", "options"])
        {
            match name {
                "path" => result.path = decoder.filled_text(&entry.value, name),
                "patch" => result.patch = decoder.filled_text(&entry.value, name),
                "target" => result.target = Some(Selector::decode(&entry.value, decoder)),
                _ => {
                    for (name, option) in decoder.fields(
                        &entry.value,
                        "options",
                        &["allowNameChange", "allowKindChange"],
                    ) {
                        let value = decoder.boolean(&option.value, name);
                        match name {
                            "allowNameChange" => result.allow_name_change = value,
                            _ => result.allow_kind_change = value,
                        }
                    }
                }
            }
        }
        result
    }
}

impl ImageEntry {
    /// Reads an entry of `images`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ImageEntry {
        let mut result = ImageEntry {
            name: None,
            new_name: None,
            new_tag: None,
            tag_suffix: None,
            digest: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "an image",
            &["name", "newName", "tagSuffix", "newTag", "digest"],
        ) {
            let text = decoder.filled_text(&entry.value, name);
            match name {
                "name" => result.name = text,
                "newName" => result.new_name = text,
                "tagSuffix" => result.tag_suffix = text,
                "newTag" => result.new_tag = text,
                _ => result.digest = text,
            }
        }
        result
    }
}

impl ReplicaEntry {
    /// Reads an entry of `replicas`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplicaEntry {
        let mut result = ReplicaEntry {
            name: None,
            count: 0,
            count_origin: node.origin,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(node, "an entry of replicas", &["name", "count"]) {
            match name {
                "name" => result.name = decoder.filled_text(&entry.value, name),
                _ => {
                    result.count = decoder.integer(&entry.value, name).unwrap_or_default();
                    result.count_origin = entry.value.origin;
                }
            }
        }
        result
    }
}

impl LabelEntry {
    /// Reads an entry of `labels`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> LabelEntry {
        let mut result = LabelEntry {
            pairs: Vec::new(),
            include_selectors: false,
            include_templates: false,
            include_volume_claim_templates: false,
            fields: Vec::new(),
            origin: node.origin,
        };
        let known = &[
            "pairs",
            "includeSelectors",
            "includeTemplates",
            "includeVolumeClaimTemplates",
            "fields",
        ];
        for (name, entry) in decoder.fields(node, "an entry of labels", known) {
            let value = &entry.value;
            match name {
                "pairs" => result.pairs = decoder.pairs(value, name),
                "includeSelectors" => result.include_selectors = decoder.boolean(value, name),
                "includeTemplates" => result.include_templates = decoder.boolean(value, name),
                "includeVolumeClaimTemplates" => {
                    result.include_volume_claim_templates = decoder.boolean(value, name)
                }
                _ => {
                    result.fields = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| FieldSpecEntry::decode(node, decoder))
                        .collect()
                }
            }
        }
        result
    }
}

impl FieldSpecEntry {
    /// Reads a field specification.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> FieldSpecEntry {
        let mut result = FieldSpecEntry::default();
        for (name, entry) in decoder.fields(
            node,
            "a field specification",
            &["group", "version", "kind", "path", "create"],
        ) {
            if name == "create" {
                result.create = decoder.boolean(&entry.value, name);
                continue;
            }
            let text = decoder
                .text(&entry.value, name)
                .map(|text| text.value)
                .unwrap_or_default();
            match name {
                "group" => result.group = text,
                "version" => result.version = text,
                "kind" => result.kind = text,
                _ => result.path = text,
            }
        }
        result
    }
}

impl ReplacementEntry {
    /// Reads an entry of `replacements`, or a replacement of a file that an entry names.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementEntry {
        let mut result = ReplacementEntry {
            path: None,
            source: None,
            source_value: None,
            targets: Vec::new(),
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "a replacement",
            &["path", "source", "sourceValue", "targets"],
        ) {
            let value = &entry.value;
            match name {
                "path" => result.path = decoder.filled_text(value, name),
                "source" => result.source = Some(ReplacementSource::decode(value, decoder)),
                "sourceValue" => result.source_value = decoder.text(value, name),
                _ => {
                    result.targets = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ReplacementTarget::decode(node, decoder))
                        .collect();
                }
            }
        }
        result
    }
}

impl ReplacementSource {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementSource {
        let mut result = ReplacementSource {
            selector: Selector {
                origin: Some(node.origin),
                ..Selector::default()
            },
            field_path: None,
            options: None,
            origin: node.origin,
        };
        let known = &[
            "group",
            "version",
            "kind",
            "name",
            "namespace",
            "fieldPath",
            "options",
        ];
        for (name, entry) in decoder.fields(node, "the source", known) {
            match name {
                "fieldPath" => result.field_path = decoder.filled_text(&entry.value, name),
                "options" => result.options = Some(FieldOptions::decode(&entry.value, decoder)),
                _ => result.selector.set(name, entry.value.clone(), decoder),
            }
        }
        result
    }
}

impl ReplacementTarget {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementTarget {
        let mut result = ReplacementTarget {
            select: None,
            reject: Vec::new(),
            field_paths: Vec::new(),
            options: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "a target",
            &["select", "reject", "fieldPaths", "options"],
        ) {
            let value = &entry.value;
            match name {
                "select" => result.select = Some(Selector::decode(value, decoder)),
                "reject" => {
                    result.reject = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| Selector::decode(node, decoder))
                        .collect()
                }
                "fieldPaths" => result.field_paths = decoder.texts(value, name),
                _ => result.options = Some(FieldOptions::decode(value, decoder)),
            }
        }
        result
    }
}

impl FieldOptions {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> FieldOptions {
        let mut result = FieldOptions {
            delimiter: None,
            index: 0,
            encoding: None,
            create: false,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "options",
            &["delimiter", "index", "encoding", "create"],
        ) {
            match name {
                "delimiter" => result.delimiter = decoder.filled_text(&entry.value, name),
                "index" => result.index = decoder.integer(&entry.value, name).unwrap_or_default(),
                "encoding" => result.encoding = decoder.filled_text(&entry.value, name),
                _ => result.create = decoder.boolean(&entry.value, name),
            }
        }
        result
    }
}

impl VarEntry {
    /// Reads an entry of `vars`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Option<VarEntry> {
        let mut variable = None;
        let mut object = Selector {
            origin: Some(node.origin),
            ..Selector::default()
        };
        let mut field: Option<Text> = None;
        for (name, entry) in decoder.fields(node, "a variable", &["name", "objref", "fieldref"]) {
            match name {
                "name" => variable = decoder.text(&entry.value, name),
                "objref" => {
                    object.origin = Some(entry.value.origin);
                    let mut api_version = None;
                    let known = &[
                        "apiVersion",
                        "group",
                        "version",
                        "kind",
                        "name",
                        "namespace",
                    ];
                    for (name, entry) in decoder.fields(&entry.value, "objref", known) {
                        match name {
                            "apiVersion" => api_version = decoder.filled_text(&entry.value, name),
                            _ => object.set(name, entry.value.clone(), decoder),
                        }
                    }
                    if let Some(version) = api_version {
                        match version.split('/').collect::<Vec<_>>()[..] {
                            [group, of_group] => {
                                object.group = Some(Text::new(group, version.node.clone()));
                                object.version = Some(Text::new(of_group, version.node.clone()));
                            }
                            [_] => object.version = Some(version),
                            _ => {}
                        }
                    }
                }
                _ => {
                    for (name, entry) in decoder.fields(&entry.value, "fieldref", &["fieldPath"]) {
                        field = decoder.filled_text(&entry.value, name);
                    }
                }
            }
        }
        Some(VarEntry {
            name: variable.unwrap_or_else(|| Text::new("", node.clone())),
            object,
            field_path_origin: field.as_ref().map(Text::origin),
            field_path: field.map_or_else(|| "metadata.name".into(), |field| field.value),
            origin: node.origin,
        })
    }
}

impl GeneratorEntry {
    /// Reads an entry of `configMapGenerator` or `secretGenerator`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>, secret: bool) -> GeneratorEntry {
        let mut result = GeneratorEntry {
            name: None,
            namespace: None,
            behavior: None,
            secret_type: None,
            literals: Vec::new(),
            files: Vec::new(),
            envs: Vec::new(),
            options: None,
            origin: node.origin,
        };
        let known: &[&str] = &[
            "namespace",
            "name",
            "behavior",
            "literals",
            "files",
            "envs",
            "env",
            "options",
            "type",
        ];
        let known = if secret {
            known
        } else {
            &known[..known.len() - 1]
        };
        let what = if secret {
            "a secret generator"
        } else {
            "a configmap generator"
        };
        let mut env = None;
        for (name, entry) in decoder.fields(node, what, known) {
            let value = &entry.value;
            match name {
                "namespace" => result.namespace = decoder.filled_text(value, name),
                "name" => result.name = decoder.filled_text(value, name),
                "behavior" => result.behavior = decoder.filled_text(value, name),
                "type" => result.secret_type = decoder.filled_text(value, name),
                "literals" => result.literals = decoder.texts(value, name),
                "files" => result.files = decoder.texts(value, name),
                "envs" => result.envs = decoder.texts(value, name),
                "env" => env = decoder.filled_text(value, name),
                _ => result.options = Some(GeneratorOptions::decode(value, decoder)),
            }
        }
        result.envs.extend(env);
        result
    }
}

impl GeneratorOptions {
    /// Reads `generatorOptions` or `options`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> GeneratorOptions {
        let mut result = GeneratorOptions::default();
        for (name, entry) in decoder.fields(
            node,
            "generator options",
            &[
                "labels",
                "annotations",
                "disableNameSuffixHash",
                "immutable",
            ],
        ) {
            let value = &entry.value;
            match name {
                "labels" => result.labels = decoder.pairs(value, name),
                "annotations" => result.annotations = decoder.pairs(value, name),
                "disableNameSuffixHash" => {
                    result.disable_name_suffix_hash = decoder.boolean(value, name)
                }
                _ => result.immutable = decoder.boolean(value, name).then_some(value.origin),
            }
        }
        result
    }
}

impl SortOptions {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> SortOptions {
        let mut result = SortOptions {
            order: None,
            legacy: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(node, "sortOptions", &["order", "legacySortOptions"]) {
            match name {
                "order" => result.order = decoder.filled_text(&entry.value, name),
                _ => {
                    let mut legacy = LegacySortOptions {
                        first: Vec::new(),
                        last: Vec::new(),
                        origin: entry.value.origin,
                    };
                    for (name, entry) in decoder.fields(
                        &entry.value,
                        "legacySortOptions",
                        &["orderFirst", "orderLast"],
                    ) {
                        let kinds = decoder.texts(&entry.value, name);
                        match name {
                            "orderFirst" => legacy.first = kinds,
                            _ => legacy.last = kinds,
                        }
                    }
                    result.legacy = Some(legacy);
                }
            }
        }
        result
    }
}
