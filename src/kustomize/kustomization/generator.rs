//! Entries of `configMapGenerator` and `secretGenerator`, and `generatorOptions`.

use crate::kustomize::decode::{Decoder, Pair, Text};
use crate::yaml::{Node, Origin};

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
    /// The origin of `immutable`, if it is set.
    pub immutable: Option<Origin>,
}

/// The path in an entry of a generator's `files`, without the key of `key=path`.
pub(crate) fn path_in(entry: &str) -> &str {
    entry.rsplit('=').next().unwrap_or(entry)
}

impl GeneratorEntry {
    /// Reads an entry of `configMapGenerator`.
    pub fn config_map(node: &Node, decoder: &mut Decoder<'_>) -> GeneratorEntry {
        GeneratorEntry::decode(node, decoder, false)
    }
    /// Reads an entry of `secretGenerator`.
    pub fn secret(node: &Node, decoder: &mut Decoder<'_>) -> GeneratorEntry {
        GeneratorEntry::decode(node, decoder, true)
    }
    fn decode(node: &Node, decoder: &mut Decoder<'_>, secret: bool) -> GeneratorEntry {
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
