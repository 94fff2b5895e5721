//! The table of the fields of a kustomization, and the reading of a kustomization by it.
//!
//! A new field is an entry of [`FIELDS`] and a member of [`Kustomization`]. Everything that asks
//! about all fields (unknown names, deprecated names, emptiness, gathering) follows the table.

use std::sync::{Arc, LazyLock};

use super::{
    GeneratorEntry, GeneratorOptions, ImageEntry, Kustomization, LabelEntry, OpenApi, PatchEntry,
    ReplacementEntry, ReplicaEntry, SortOptions, VarEntry,
};
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::yaml::{FileId, Node};

/// The effect of a field on the resources of the listed folders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing by itself: the type of the file, or settings of another field.
    Describes,
    /// It adds the folders and files that it lists.
    Lists,
    /// It adds resources.
    Adds,
    /// It changes resources, or their order.
    Changes,
}

/// A field of a kustomization.
struct Field {
    name: &'static str,
    role: Role,
    /// The field to use instead, when this one is deprecated.
    instead: Option<&'static str>,
    decode: fn(&mut Reading, &Written<'_>, &mut Decoder<'_>),
}

const FIELDS: &[Field] = &[
    Field {
        name: "kind",
        role: Role::Describes,
        instead: None,
        decode: |read, field, decoder| read.kind = field.filled_text(decoder),
    },
    Field {
        name: "apiVersion",
        role: Role::Describes,
        instead: None,
        decode: |read, field, decoder| read.api_version = field.filled_text(decoder),
    },
    Field {
        name: "metadata",
        role: Role::Describes,
        instead: None,
        decode: |_, field, decoder| metadata(field, decoder),
    },
    Field {
        name: "openapi",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.openapi = Some(OpenApi::decode(field.node, decoder))
        },
    },
    Field {
        name: "namePrefix",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.name_prefix = field.filled_text(decoder),
    },
    Field {
        name: "nameSuffix",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.name_suffix = field.filled_text(decoder),
    },
    Field {
        name: "namespace",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.namespace = field.filled_text(decoder),
    },
    Field {
        name: "commonLabels",
        role: Role::Changes,
        instead: Some("labels"),
        decode: |read, field, decoder| read.result.common_labels = field.pairs(decoder),
    },
    Field {
        name: "labels",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.labels = field.entries(decoder, LabelEntry::decode)
        },
    },
    Field {
        name: "commonAnnotations",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.common_annotations = field.pairs(decoder),
    },
    Field {
        name: "patchesStrategicMerge",
        role: Role::Changes,
        instead: Some("patches"),
        decode: |read, field, decoder| read.result.patches_strategic_merge = field.texts(decoder),
    },
    Field {
        name: "patchesJson6902",
        role: Role::Changes,
        instead: Some("patches"),
        decode: |read, field, decoder| {
            read.result.patches_json6902 = field.entries(decoder, PatchEntry::decode)
        },
    },
    Field {
        name: "patches",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.patches = field.entries(decoder, PatchEntry::decode)
        },
    },
    Field {
        name: "images",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.images = field.entries(decoder, ImageEntry::decode)
        },
    },
    Field {
        name: "imageTags",
        role: Role::Changes,
        instead: Some("images"),
        decode: |read, field, decoder| read.image_tags = field.entries(decoder, ImageEntry::decode),
    },
    Field {
        name: "replacements",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.replacements = field.entries(decoder, ReplacementEntry::decode)
        },
    },
    Field {
        name: "replicas",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.replicas = field.entries(decoder, ReplicaEntry::decode)
        },
    },
    Field {
        name: "vars",
        role: Role::Changes,
        instead: Some("replacements"),
        decode: |read, field, decoder| read.result.vars = field.entries(decoder, VarEntry::decode),
    },
    Field {
        name: "sortOptions",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.sort_options = Some(SortOptions::decode(field.node, decoder))
        },
    },
    Field {
        name: "resources",
        role: Role::Lists,
        instead: None,
        decode: |read, field, decoder| read.result.resources = field.texts(decoder),
    },
    Field {
        name: "components",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.components = field.texts(decoder),
    },
    Field {
        name: "crds",
        role: Role::Adds,
        instead: None,
        decode: |read, field, decoder| read.result.crds = field.texts(decoder),
    },
    Field {
        name: "bases",
        role: Role::Lists,
        instead: Some("resources"),
        decode: |read, field, decoder| read.bases = field.texts(decoder),
    },
    Field {
        name: "configMapGenerator",
        role: Role::Adds,
        instead: None,
        decode: |read, field, decoder| {
            read.result.config_map_generator = field.entries(decoder, GeneratorEntry::config_map)
        },
    },
    Field {
        name: "secretGenerator",
        role: Role::Adds,
        instead: None,
        decode: |read, field, decoder| {
            read.result.secret_generator = field.entries(decoder, GeneratorEntry::secret)
        },
    },
    Field {
        name: "helmGlobals",
        role: Role::Describes,
        instead: None,
        decode: |read, field, decoder| {
            drop(decoder.fields(field.node, field.name, HELM_GLOBALS));
            let home = field.node.get("chartHome");
            read.result.chart_home = home.and_then(Node::text).map(Arc::from);
        },
    },
    Field {
        name: "helmCharts",
        role: Role::Adds,
        instead: None,
        decode: |read, field, decoder| read.charts(field, HELM_CHART, decoder),
    },
    Field {
        name: "helmChartInflationGenerator",
        role: Role::Adds,
        instead: Some("helmCharts"),
        decode: |read, field, decoder| read.charts(field, HELM_CHART_OLD, decoder),
    },
    Field {
        name: "generatorOptions",
        role: Role::Describes,
        instead: None,
        decode: |read, field, decoder| {
            read.result.generator_options = Some(GeneratorOptions::decode(field.node, decoder))
        },
    },
    Field {
        name: "configurations",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.configurations = field.texts(decoder),
    },
    Field {
        name: "generators",
        role: Role::Adds,
        instead: None,
        decode: |read, field, decoder| read.result.generators = field.texts(decoder),
    },
    Field {
        name: "transformers",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.transformers = field.texts(decoder),
    },
    Field {
        name: "validators",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.validators = field.texts(decoder),
    },
    Field {
        name: "buildMetadata",
        role: Role::Changes,
        instead: None,
        decode: |read, field, decoder| read.result.build_metadata = field.texts(decoder),
    },
];

static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| FIELDS.iter().map(|field| field.name).collect());

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

/// The value of a field as it is written.
struct Written<'n> {
    name: &'static str,
    node: &'n Node,
}

impl Written<'_> {
    fn filled_text(&self, decoder: &mut Decoder<'_>) -> Option<Text> {
        decoder.filled_text(self.node, self.name)
    }
    fn texts(&self, decoder: &mut Decoder<'_>) -> Vec<Text> {
        decoder.texts(self.node, self.name)
    }
    fn pairs(&self, decoder: &mut Decoder<'_>) -> Vec<Pair> {
        decoder.pairs(self.node, self.name)
    }
    fn entries<T>(
        &self,
        decoder: &mut Decoder<'_>,
        decode: fn(&Node, &mut Decoder<'_>) -> T,
    ) -> Vec<T> {
        let items = decoder.list(self.node, self.name);
        items.iter().map(|item| decode(item, decoder)).collect()
    }
    /// True if the value sets nothing: `labels: []`, `namespace: ""`.
    fn sets_nothing(&self) -> bool {
        let collection = self.node.as_list().is_some() || self.node.as_map().is_some();
        let filled = !self.node.items().is_empty() || !self.node.entries().is_empty();
        is_zero(self.node) || collection && !filled
    }
}

/// A kustomization while its fields are read.
struct Reading {
    result: Kustomization,
    kind: Option<Text>,
    api_version: Option<Text>,
    bases: Vec<Text>,
    image_tags: Vec<ImageEntry>,
}

impl Reading {
    fn charts(&mut self, field: &Written<'_>, known: &[&'static str], decoder: &mut Decoder<'_>) {
        for chart in decoder.list(field.node, field.name) {
            drop(decoder.fields(chart, "a Helm chart", known));
            self.result.helm_charts.push(chart.clone());
        }
    }
}

/// kustomize checks the metadata and does not use it.
fn metadata(field: &Written<'_>, decoder: &mut Decoder<'_>) {
    let known = &["name", "namespace", "labels", "annotations"];
    for (name, entry) in decoder.fields(field.node, field.name, known) {
        match name {
            "labels" | "annotations" => drop(decoder.pairs(&entry.value, name)),
            _ => drop(decoder.text(&entry.value, name)),
        }
    }
}

impl Kustomization {
    /// Reads a kustomization from the document of its file.
    pub fn decode(
        node: &Node,
        file: FileId,
        path: Arc<str>,
        problems: &mut Vec<Problem>,
    ) -> Kustomization {
        let mut reading = Reading {
            result: Kustomization::empty(file, path, node.origin),
            kind: None,
            api_version: None,
            bases: Vec::new(),
            image_tags: Vec::new(),
        };
        let mut decoder = Decoder::new(problems, Rules::Kustomization);
        let (mut anything, mut known) = (false, 0);
        for (name, entry) in decoder.fields(node, "the kustomization", &NAMES) {
            let Some(field) = FIELDS.iter().find(|field| field.name == name) else {
                continue;
            };
            let written = Written {
                name,
                node: &entry.value,
            };
            known += 1;
            anything |= !matches!(name, "kind" | "apiVersion") && !is_zero(&entry.value);
            let has_effect = !written.sets_nothing();
            reading.result.adds |= field.role == Role::Adds && has_effect;
            reading.result.changes |= field.role == Role::Changes && has_effect;
            if let Some(instead) = field.instead {
                decoder.note(
                    Problem::error(
                        entry.key_origin,
                        format!("the field `{name}` is deprecated"),
                    )
                    .with_kind(ProblemKind::DeprecatedField)
                    .with_help(format!("use `{instead}` instead"))
                    .about(Identity::DeprecatedField(name.to_string())),
                );
            }
            (field.decode)(&mut reading, &written, &mut decoder);
        }
        let Reading {
            mut result,
            kind,
            api_version,
            mut bases,
            mut image_tags,
        } = reading;
        result.resources.append(&mut bases);
        result.images.append(&mut image_tags);
        // a misspelled field was refused already; do not also report an empty kustomization
        let written = node
            .entries()
            .iter()
            .filter(|entry| !entry.value.is_null())
            .count();
        if !anything && node.as_map().is_some() && written == known {
            decoder.note(
                Problem::error(node.origin, "the kustomization is empty")
                    .with_help("list at least one resource, or remove the file and the references to its folder")
                    .about(Identity::EmptyKustomization),
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

/// True if Go takes a value for an unset field.
fn is_zero(node: &Node) -> bool {
    node.is_null() || node.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read::read;

    fn decode(text: &str) -> (Kustomization, Vec<Problem>) {
        let node = read(text, FileId(0)).unwrap().documents.remove(0);
        let mut problems = Vec::new();
        let path = "kustomization.yaml".into();
        let kustomization = Kustomization::decode(&node, FileId(0), path, &mut problems);
        (kustomization, problems)
    }

    #[test]
    fn every_field_that_changes_something_makes_more_than_a_gatherer() {
        for field in FIELDS.iter().filter(|field| field.role != Role::Lists) {
            // of the wrong type for most fields, which still says that the field is used
            let (kustomization, _) = decode(&format!("resources: [a]\n{}: [x]\n", field.name));
            let gathers = field.role == Role::Describes;
            assert_eq!(kustomization.only_gathers(), gathers, "{}", field.name);
            let (kustomization, _) = decode(&format!("resources: [a]\n{}: []\n", field.name));
            assert!(kustomization.only_gathers(), "an empty {}", field.name);
        }
        assert!(decode("bases: [a]").0.only_gathers());
        for text in [
            "resources: [a, b.yaml]",
            "resources: []",
            "kind: Component\nresources: [a]",
        ] {
            assert!(!decode(text).0.only_gathers(), "{text}");
        }
    }

    #[test]
    fn a_deprecated_field_names_one_that_is_not() {
        for field in FIELDS {
            let Some(instead) = field.instead else {
                continue;
            };
            let other = FIELDS.iter().find(|other| other.name == instead).unwrap();
            assert!(other.instead.is_none(), "{}", field.name);
            let (_, problems) = decode(&format!("{}: []\n", field.name));
            assert_eq!(problems[0].kind, ProblemKind::DeprecatedField);
            let expected = Identity::DeprecatedField(field.name.to_string());
            assert_eq!(problems[0].identity.as_deref(), Some(&expected));
        }
    }
}
