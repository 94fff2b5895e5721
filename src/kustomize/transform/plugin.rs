//! The built-in transformers as objects of `transformers` and `validators`: `apiVersion: builtin`,
//! their configuration and field specifications are fields of the object.
//!
//! Here: reading these objects. Not here: the transformers. `ValueAddTransformer`, which no field
//! of a kustomization uses, is in `value_add`.

use super::field_spec::FieldSpec;
use super::metadata::{self, Affix, NamespaceOptions, Subjects};
use super::{images, replacements, replicas, value_add};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{
    FieldSpecEntry, ImageEntry, PatchEntry, ReplacementEntry, ReplicaEntry, Selector,
};
use crate::kustomize::{Resource, hash, patch};
use crate::yaml::{By, Node, Origin, Scalar};

/// Runs a built-in transformer that is configured as an object. Returns false if its kind is not
/// built in.
pub(crate) fn plugin(
    resources: &mut Vec<Resource>,
    object: &Resource,
    context: &mut BuildContext<'_>,
) -> bool {
    let mut problems = Vec::new();
    let mut reader = Reader {
        decoder: Decoder::new(&mut problems, Rules::Plugin),
        object: &object.node,
    };
    let Some(transformer) = reader.transformer(object.kind()) else {
        return false;
    };
    if problems.is_empty() {
        run(transformer, resources, context);
    }
    context.problems.append(&mut problems);
    true
}

/// A transformer with its configuration.
enum Transformer {
    /// `AnnotationsTransformer`, `LabelTransformer`
    Pairs(Vec<Pair>, Vec<FieldSpec>, By),
    /// `HashTransformer`
    Hash,
    /// `ImageTagTransformer`
    Image(Box<ImageEntry>, Vec<FieldSpec>),
    /// `NamespaceTransformer`; without a namespace it does nothing.
    Namespace(Option<Text>, Vec<FieldSpec>, NamespaceOptions),
    /// `PatchTransformer`, `PatchJson6902Transformer`
    Patch(Box<PatchEntry>, patch::Form),
    /// `PatchStrategicMergeTransformer`: paths or inline patches, and inline patches.
    StrategicMerge(Vec<Text>, Option<Text>),
    /// `PrefixTransformer`, `SuffixTransformer`, `PrefixSuffixTransformer`
    Affixes(Vec<(Affix, Text)>, Vec<FieldSpec>),
    /// `ReplacementTransformer`
    Replacements(Vec<ReplacementEntry>),
    /// `ReplicaCountTransformer`
    Replicas(ReplicaEntry, Vec<FieldSpec>),
    /// `ValueAddTransformer`
    ValueAdd(value_add::ValueAdd),
}

struct Reader<'a, 'p> {
    decoder: Decoder<'p>,
    object: &'a Node,
}

impl<'a> Reader<'a, '_> {
    fn transformer(&mut self, kind: &str) -> Option<Transformer> {
        Some(match kind {
            "AnnotationsTransformer" => {
                Transformer::Pairs(self.pairs("annotations"), self.specs(), By::Annotations)
            }
            "LabelTransformer" => {
                Transformer::Pairs(self.pairs("labels"), self.specs(), By::Labels)
            }
            "HashTransformer" => Transformer::Hash,
            "ImageTagTransformer" => {
                let node = self
                    .field("imageTag")
                    .cloned()
                    .unwrap_or_else(|| self.nothing());
                Transformer::Image(
                    Box::new(ImageEntry::decode(&node, &mut self.decoder)),
                    self.specs(),
                )
            }
            "NamespaceTransformer" => self.namespace(),
            "PatchTransformer" => Transformer::Patch(
                Box::new(PatchEntry::decode(self.object, &mut self.decoder)),
                patch::Form::Patches,
            ),
            "PatchJson6902Transformer" => self.json6902(),
            "PatchStrategicMergeTransformer" => self.strategic_merge(),
            "PrefixTransformer" => self.affixes(&[(Affix::Prefix, "prefix")]),
            "SuffixTransformer" => self.affixes(&[(Affix::Suffix, "suffix")]),
            "PrefixSuffixTransformer" => {
                self.affixes(&[(Affix::Prefix, "prefix"), (Affix::Suffix, "suffix")])
            }
            "ReplacementTransformer" => {
                let entries = self.list("replacements");
                Transformer::Replacements(
                    entries
                        .iter()
                        .map(|node| ReplacementEntry::decode(node, &mut self.decoder))
                        .collect(),
                )
            }
            "ReplicaCountTransformer" => {
                let node = self
                    .field("replica")
                    .cloned()
                    .unwrap_or_else(|| self.nothing());
                Transformer::Replicas(ReplicaEntry::decode(&node, &mut self.decoder), self.specs())
            }
            "ValueAddTransformer" => {
                Transformer::ValueAdd(value_add::ValueAdd::decode(self.object, &mut self.decoder))
            }
            _ => return None,
        })
    }

    /// Points at the object by its kind.
    fn origin(&self) -> Origin {
        self.object
            .get("kind")
            .map_or(self.object.origin, |kind| kind.origin)
    }
    fn nothing(&self) -> Node {
        Node::scalar(Scalar::null(), self.origin())
    }
    fn field(&self, name: &str) -> Option<&'a Node> {
        let entry = self
            .object
            .entries()
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(name))?;
        Some(&entry.value).filter(|value| !value.is_null())
    }
    fn text(&mut self, name: &str) -> Option<Text> {
        let node = self.field(name)?;
        self.decoder.filled_text(node, name)
    }
    fn pairs(&mut self, name: &str) -> Vec<Pair> {
        self.field(name)
            .map(|node| self.decoder.pairs(node, name))
            .unwrap_or_default()
    }
    fn list(&mut self, name: &str) -> &'a [Node] {
        self.field(name)
            .map_or(&[], |node| self.decoder.list(node, name))
    }
    fn specs(&mut self) -> Vec<FieldSpec> {
        let entries = self.list("fieldSpecs");
        entries
            .iter()
            .map(|node| FieldSpec::of(&FieldSpecEntry::decode(node, &mut self.decoder)))
            .collect()
    }

    fn namespace(&mut self) -> Transformer {
        let written = self
            .field("metadata")
            .and_then(|metadata| metadata.get("namespace"));
        let namespace =
            written.and_then(|node| self.decoder.filled_text(node, "metadata.namespace"));
        let unset_only = self
            .field("unsetOnly")
            .is_some_and(|node| self.decoder.boolean(node, "unsetOnly"));
        let mode = self.text("setRoleBindingSubjects");
        let subjects = match mode.as_deref() {
            None | Some("defaultOnly") => Subjects::Default,
            Some("allServiceAccounts") => Subjects::ServiceAccounts,
            Some("none") => Subjects::Nobody,
            Some(other) => {
                let message = format!("setRoleBindingSubjects cannot be {other:?}");
                let origin = mode.as_ref().map_or(self.object.origin, Text::origin);
                self.decoder.refuse(
                    origin,
                    message,
                    Some("write defaultOnly, allServiceAccounts or none".to_string()),
                );
                Subjects::Default
            }
        };
        Transformer::Namespace(
            namespace,
            self.specs(),
            NamespaceOptions {
                unset_only,
                subjects,
                unrecorded: false,
            },
        )
    }

    fn json6902(&mut self) -> Transformer {
        let target = self
            .field("target")
            .map(|node| Selector::decode(node, &mut self.decoder));
        let (path, patch) = (self.text("path"), self.text("jsonOp"));
        let wrong = match (&target, &path, &patch) {
            (target, _, _) if target.as_ref().is_none_or(|target| target.name.is_none()) => {
                Some("must have a target with a name")
            }
            (_, None, None) => Some("has neither a path nor a jsonOp"),
            (_, Some(_), Some(_)) => Some("has both a path and a jsonOp"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.decoder.refuse(
                self.origin(),
                format!("the PatchJson6902Transformer {wrong}"),
                None,
            );
        }
        let origin = self.object.origin;
        let entry = PatchEntry {
            path,
            patch,
            target,
            allow_name_change: false,
            allow_kind_change: false,
            origin,
        };
        Transformer::Patch(Box::new(entry), patch::Form::Json6902)
    }

    fn strategic_merge(&mut self) -> Transformer {
        let paths = self
            .field("paths")
            .map(|node| self.decoder.texts(node, "paths"))
            .unwrap_or_default();
        let patches = self.text("patches");
        if paths.is_empty() && patches.is_none() {
            let help =
                Some("list files under paths, or write the patches under patches".to_string());
            self.decoder.refuse(
                self.origin(),
                "the PatchStrategicMergeTransformer has neither paths nor patches",
                help,
            );
        }
        Transformer::StrategicMerge(paths, patches)
    }

    fn affixes(&mut self, fields: &[(Affix, &str)]) -> Transformer {
        if self.field("fieldSpecs").is_none() {
            let help = Some("list the fields, usually one with the path metadata/name".to_string());
            self.decoder
                .refuse(self.origin(), "the transformer has no fieldSpecs", help);
        }
        // an empty affix also marks the resources
        let read = |(affix, name): &(Affix, &str)| {
            (
                *affix,
                self.text(name)
                    .unwrap_or_else(|| Text::new("", self.object.clone())),
            )
        };
        let affixes = fields.iter().map(read).collect();
        Transformer::Affixes(affixes, self.specs())
    }
}

fn run(transformer: Transformer, resources: &mut Vec<Resource>, context: &mut BuildContext<'_>) {
    match transformer {
        Transformer::Pairs(pairs, specs, by) => {
            metadata::set_pairs(resources, &pairs, &specs, by, context)
        }
        Transformer::Hash => hash::add_hashes(resources),
        Transformer::Image(entry, specs) => {
            let mut users = images::Images::of(resources, &specs);
            images::image(resources, &mut users, &entry, &specs, context);
        }
        Transformer::Namespace(Some(namespace), specs, options) => {
            metadata::namespace(resources, &namespace, &specs, options, context)
        }
        Transformer::Namespace(None, ..) => {}
        Transformer::Patch(entry, form) => {
            patch::apply_patches(resources, std::slice::from_ref(&*entry), form, context)
        }
        Transformer::StrategicMerge(paths, inline) => {
            let mut entries: Vec<PatchEntry> = paths.iter().map(PatchEntry::from_path).collect();
            entries.extend(inline.map(PatchEntry::inline));
            patch::apply_patches(resources, &entries, patch::Form::StrategicMerge, context);
        }
        Transformer::Affixes(affixes, specs) => {
            for (affix, text) in affixes {
                metadata::affix(resources, affix, &text, &specs, context);
            }
        }
        Transformer::Replacements(entries) => {
            replacements::replacements(resources, &entries, context)
        }
        Transformer::Replicas(entry, specs) => {
            replicas::replicas(resources, &entry, &specs, context)
        }
        Transformer::ValueAdd(value_add) => value_add.run(resources, context),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::kustomize::{RenderOptions, Rendered, Renderer};
    use crate::source::{Files, memory::Memory};
    use crate::yaml::{By, Node, write};

    const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 1, template: {spec: {containers: [{name: web, image: \"web:1\"}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: own}
data: {path: /a/b, image: \"web:1\"}
";

    fn run(kind: &str, body: &str) -> Rendered {
        run_all(
            &format!(
                "apiVersion: builtin\nkind: {kind}\nmetadata: {{name: x, namespace: set}}\n{body}"
            ),
            "",
        )
    }
    fn run_all(object: &str, more: &str) -> Rendered {
        let kustomization = format!("resources: [objects.yaml]\ntransformers: [t.yaml]\n{more}");
        let files = [
            ("kustomization.yaml", &*kustomization),
            ("objects.yaml", OBJECTS),
            ("t.yaml", object),
        ];
        let renderer = Renderer::new(
            Arc::new(Memory::new(files)),
            Arc::new(Files::default()),
            RenderOptions::default(),
        );
        (*renderer.render("")).clone()
    }
    fn value(rendered: &Rendered, kind: &str, pointer: &str) -> Option<Node> {
        assert_eq!(rendered.problems, []);
        rendered
            .resources
            .iter()
            .find(|resource| resource.kind() == kind)?
            .node
            .pointer(pointer)
            .cloned()
    }
    fn text(rendered: &Rendered, kind: &str, pointer: &str) -> String {
        value(rendered, kind, pointer)
            .map(|node| write::write(&node).trim().to_string())
            .unwrap_or_default()
    }
    fn refused(kind: &str, body: &str) -> String {
        let rendered = run(kind, body);
        assert!(!rendered.complete);
        rendered.problems.first().unwrap().message.clone()
    }

    #[test]
    fn labels_and_annotations_go_where_the_object_says() {
        let rendered = run(
            "LabelTransformer",
            "labels: {a: 1}\nfieldSpecs: [{path: spec/x, kind: Deployment, create: true}]",
        );
        assert_eq!(
            text(&rendered, "Deployment", "/spec/x/a"),
            "\"1\"",
            "numbers become strings"
        );
        assert_eq!(
            value(&rendered, "Deployment", "/metadata/labels").map(|node| write::write(&node)),
            None
        );
        let rendered = run("AnnotationsTransformer", "annotations: {a: b}");
        assert_eq!(
            text(&rendered, "ConfigMap", "/metadata"),
            "name: settings\nnamespace: own",
            "without fieldSpecs nothing happens"
        );
    }

    #[test]
    fn affixes_need_field_specs() {
        assert!(refused("PrefixTransformer", "prefix: p-").contains("no fieldSpecs"));
        let rendered = run(
            "PrefixSuffixTransformer",
            "prefix: p-\nsuffix: -s\nfieldSpecs: [{path: metadata/name, kind: ConfigMap}]",
        );
        assert_eq!(
            text(&rendered, "ConfigMap", "/metadata/name"),
            "p-settings-s"
        );
        assert_eq!(text(&rendered, "Deployment", "/metadata/name"), "web");
    }

    #[test]
    fn the_namespace_is_that_of_the_object() {
        let rendered = run("NamespaceTransformer", "unsetOnly: true");
        assert_eq!(text(&rendered, "Deployment", "/metadata/namespace"), "set");
        assert_eq!(text(&rendered, "ConfigMap", "/metadata/namespace"), "own");
        assert!(refused("NamespaceTransformer", "setRoleBindingSubjects: all").contains("\"all\""));
    }

    #[test]
    fn images_and_replicas() {
        let rendered = run(
            "ImageTagTransformer",
            "imageTag: {name: web, newTag: 2}\nfieldSpecs: [{path: data/image}]",
        );
        assert_eq!(
            text(
                &rendered,
                "Deployment",
                "/spec/template/spec/containers/0/image"
            ),
            "web:2",
            "containers are always meant"
        );
        assert_eq!(text(&rendered, "ConfigMap", "/data/image"), "web:2");
        let rendered = run(
            "ReplicaCountTransformer",
            "replica: {name: web, count: 4}\nfieldSpecs: [{path: spec/replicas, kind: Deployment}]",
        );
        assert_eq!(text(&rendered, "Deployment", "/spec/replicas"), "4");
    }

    #[test]
    fn values_are_added() {
        let rendered = run(
            "ValueAddTransformer",
            "value: v\ntargets: [{fieldPath: data/path, filePathPosition: 2, selector: {kind: ConfigMap}}]",
        );
        let path = value(&rendered, "ConfigMap", "/data/path").unwrap();
        assert_eq!(
            (path.as_str(), path.origin.by),
            (Some("/a/v/b"), By::Transformer)
        );
        assert_eq!(
            path.replaced.as_ref().and_then(|old| old.as_str()),
            Some("/a/b")
        );
        let rendered = run(
            "ValueAddTransformer",
            "value: v\ntargets: [{fieldPath: metadata/namespace}]",
        );
        assert_eq!(text(&rendered, "ConfigMap", "/metadata/namespace"), "v");
        assert!(refused("ValueAddTransformer", "value: v").contains("no targets"));
    }

    #[test]
    fn patches_and_replacements() {
        let rendered = run(
            "PatchTransformer",
            "patch: '[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 9}]'\ntarget: {kind: Deployment}",
        );
        assert_eq!(text(&rendered, "Deployment", "/spec/replicas"), "9");
        assert!(
            refused(
                "PatchJson6902Transformer",
                "jsonOp: '[]'\ntarget: {kind: Deployment}"
            )
            .contains("a target with a name")
        );
        assert!(
            refused("PatchStrategicMergeTransformer", "").contains("neither paths nor patches")
        );
        let rendered = run(
            "ReplacementTransformer",
            "replacements: [{sourceValue: x, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.path]}]}]",
        );
        assert_eq!(text(&rendered, "ConfigMap", "/data/path"), "x");
    }

    #[test]
    fn hashes_are_added_twice() {
        let hash = "apiVersion: builtin\nkind: HashTransformer\nmetadata: {name: x}\n";
        let rendered = run_all(
            hash,
            "configMapGenerator: [{name: made, literals: [a=b]}]\n",
        );
        let made = rendered
            .resources
            .iter()
            .find(|resource| resource.generated)
            .unwrap();
        assert_eq!(
            made.name().matches('-').count(),
            2,
            "once here, and once at the end: {}",
            made.name()
        );
    }

    #[test]
    fn other_kinds_are_not_ours() {
        assert!(
            refused("SortOrderTransformer", "")
                .contains("no built-in transformer SortOrderTransformer")
        );
    }
}
