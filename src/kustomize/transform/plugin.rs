//! The built-in transformers as objects of `transformers` and `validators`: `apiVersion: builtin`, their configuration in the
//! object's own fields, and their field specifications beside it.
//!
//! Here: reading these objects. Not here: what the transformers do; `ValueAddTransformer`, which is no field of a
//! kustomization, is in `value_add`.

use super::field_spec::FieldSpec;
use super::metadata::{self, Affix, NamespaceOptions, Subjects};
use super::{images, replacements, replicas, value_add};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{FieldSpecEntry, ImageEntry, PatchEntry, ReplacementEntry, ReplicaEntry, Selector};
use crate::kustomize::{Resource, accumulate, patch, render};
use crate::yaml::{By, Node, Origin, Scalar};

/// Runs a built-in transformer that is configured as an object. Returns false when its kind is none of ours.
pub fn plugin(resources: &mut Vec<Resource>, object: &Resource, context: &mut BuildContext<'_>) -> bool {
    let mut problems = Vec::new();
    let mut reader = Reader { decoder: Decoder::new(&mut problems, Rules::Plugin), object: &object.node };
    let Some(transformer) = reader.transformer(object.kind()) else { return false };
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
    Image(ImageEntry, Vec<FieldSpec>),
    /// `NamespaceTransformer`; without a namespace it does nothing.
    Namespace(Option<Text>, Vec<FieldSpec>, NamespaceOptions),
    /// `PatchTransformer`, `PatchJson6902Transformer`
    Patch(PatchEntry, patch::Form),
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
            "AnnotationsTransformer" => Transformer::Pairs(self.pairs("annotations"), self.specs(), By::Annotations),
            "LabelTransformer" => Transformer::Pairs(self.pairs("labels"), self.specs(), By::Labels),
            "HashTransformer" => Transformer::Hash,
            "ImageTagTransformer" => {
                let node = self.field("imageTag").cloned().unwrap_or_else(|| self.nothing());
                Transformer::Image(ImageEntry::decode(&node, &mut self.decoder), self.specs())
            }
            "NamespaceTransformer" => self.namespace(),
            "PatchTransformer" => Transformer::Patch(PatchEntry::decode(self.object, &mut self.decoder), patch::Form::Patches),
            "PatchJson6902Transformer" => self.json6902(),
            "PatchStrategicMergeTransformer" => self.strategic_merge(),
            "PrefixTransformer" => self.affixes(&[(Affix::Prefix, "prefix")]),
            "SuffixTransformer" => self.affixes(&[(Affix::Suffix, "suffix")]),
            "PrefixSuffixTransformer" => self.affixes(&[(Affix::Prefix, "prefix"), (Affix::Suffix, "suffix")]),
            "ReplacementTransformer" => {
                let entries = self.list("replacements");
                Transformer::Replacements(entries.iter().map(|node| ReplacementEntry::decode(node, &mut self.decoder)).collect())
            }
            "ReplicaCountTransformer" => {
                let node = self.field("replica").cloned().unwrap_or_else(|| self.nothing());
                Transformer::Replicas(ReplicaEntry::decode(&node, &mut self.decoder), self.specs())
            }
            "ValueAddTransformer" => Transformer::ValueAdd(value_add::ValueAdd::decode(self.object, &mut self.decoder)),
            _ => return None,
        })
    }

    /// Where the object can be pointed at: its kind.
    fn place(&self) -> Origin {
        self.object.get("kind").map_or(self.object.origin, |kind| kind.origin)
    }
    fn nothing(&self) -> Node {
        Node::scalar(Scalar::null(), self.place())
    }
    fn field(&self, name: &str) -> Option<&'a Node> {
        let entry = self.object.entries().iter().find(|entry| entry.key.eq_ignore_ascii_case(name))?;
        Some(&entry.value).filter(|value| !value.is_null())
    }
    fn text(&mut self, name: &str) -> Option<Text> {
        let node = self.field(name)?;
        self.decoder.filled_text(node, name)
    }
    fn pairs(&mut self, name: &str) -> Vec<Pair> {
        self.field(name).map(|node| self.decoder.pairs(node, name)).unwrap_or_default()
    }
    fn list(&mut self, name: &str) -> &'a [Node] {
        self.field(name).map_or(&[], |node| self.decoder.list(node, name))
    }
    fn specs(&mut self) -> Vec<FieldSpec> {
        let entries = self.list("fieldSpecs");
        entries.iter().map(|node| FieldSpec::of(&FieldSpecEntry::decode(node, &mut self.decoder))).collect()
    }

    fn namespace(&mut self) -> Transformer {
        let written = self.field("metadata").and_then(|metadata| metadata.get("namespace"));
        let namespace = written.and_then(|node| self.decoder.filled_text(node, "metadata.namespace"));
        let unset_only = self.field("unsetOnly").is_some_and(|node| self.decoder.boolean(node, "unsetOnly"));
        let mode = self.text("setRoleBindingSubjects");
        let subjects = match mode.as_deref() {
            None | Some("defaultOnly") => Subjects::Default,
            Some("allServiceAccounts") => Subjects::ServiceAccounts,
            Some("none") => Subjects::Nobody,
            Some(other) => {
                let message = format!("setRoleBindingSubjects cannot be {other:?}");
                let place = mode.as_ref().map_or(self.object.origin, Text::origin);
                self.decoder.refuse(place, message, Some("write defaultOnly, allServiceAccounts or none".to_string()));
                Subjects::Default
            }
        };
        Transformer::Namespace(namespace, self.specs(), NamespaceOptions { unset_only, subjects })
    }

    fn json6902(&mut self) -> Transformer {
        let target = self.field("target").map(|node| Selector::decode(node, &mut self.decoder));
        let (path, patch) = (self.text("path"), self.text("jsonOp"));
        let wrong = match (&target, &path, &patch) {
            (target, _, _) if target.as_ref().is_none_or(|target| target.name.is_none()) => Some("must have a target with a name"),
            (_, None, None) => Some("has neither a path nor a jsonOp"),
            (_, Some(_), Some(_)) => Some("has both a path and a jsonOp"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.decoder.refuse(self.place(), format!("the PatchJson6902Transformer {wrong}"), None);
        }
        let origin = self.object.origin;
        let entry = PatchEntry { path, patch, target, allow_name_change: false, allow_kind_change: false, origin };
        Transformer::Patch(entry, patch::Form::Json6902)
    }

    fn strategic_merge(&mut self) -> Transformer {
        let paths = self.field("paths").map(|node| self.decoder.texts(node, "paths")).unwrap_or_default();
        let patches = self.text("patches");
        if paths.is_empty() && patches.is_none() {
            let help = Some("list files under paths, or write the patches under patches".to_string());
            self.decoder.refuse(self.place(), "the PatchStrategicMergeTransformer has neither paths nor patches", help);
        }
        Transformer::StrategicMerge(paths, patches)
    }

    fn affixes(&mut self, fields: &[(Affix, &str)]) -> Transformer {
        if self.field("fieldSpecs").is_none() {
            let help = Some("list the fields, usually one with the path metadata/name".to_string());
            self.decoder.refuse(self.place(), "the transformer has no fieldSpecs", help);
        }
        // An empty affix marks the resources as well.
        let read = |(affix, name): &(Affix, &str)| (*affix, self.text(name).unwrap_or_else(|| Text::new("", self.object.clone())));
        let affixes = fields.iter().map(read).collect();
        Transformer::Affixes(affixes, self.specs())
    }
}

fn run(transformer: Transformer, resources: &mut Vec<Resource>, context: &mut BuildContext<'_>) {
    match transformer {
        Transformer::Pairs(pairs, specs, by) => metadata::set_pairs(resources, &pairs, &specs, by, context),
        Transformer::Hash => render::add_hashes(resources),
        Transformer::Image(entry, specs) => images::image(resources, &entry, &specs, context),
        Transformer::Namespace(Some(namespace), specs, options) => metadata::namespace(resources, &namespace, &specs, options, context),
        Transformer::Namespace(None, ..) => {}
        Transformer::Patch(entry, form) => patch::apply_patches(resources, &[entry], form, context),
        Transformer::StrategicMerge(paths, inline) => {
            let mut entries: Vec<PatchEntry> = paths.iter().map(accumulate::strategic).collect();
            entries.extend(inline.map(|patch| PatchEntry {
                path: None,
                origin: patch.origin(),
                patch: Some(patch),
                target: None,
                allow_name_change: false,
                allow_kind_change: false,
            }));
            patch::apply_patches(resources, &entries, patch::Form::StrategicMerge, context);
        }
        Transformer::Affixes(affixes, specs) => {
            for (affix, text) in affixes {
                metadata::affix(resources, affix, &text, &specs, context);
            }
        }
        Transformer::Replacements(entries) => replacements::replacements(resources, &entries, context),
        Transformer::Replicas(entry, specs) => replicas::replicas(resources, &entry, &specs, context),
        Transformer::ValueAdd(value_add) => value_add.run(resources, context),
    }
}
