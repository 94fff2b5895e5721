//! Transformers and validators, in the order in which kustomize runs them.

use super::trail::record;
use super::{Accumulated, Accumulator, Step};
use crate::kustomize::context::{BuildContext, weight};
use crate::kustomize::identity::name_origin;
use crate::kustomize::kustomization::PatchEntry;
use crate::kustomize::manifests::is_empty;
use crate::kustomize::patch::{self, Form};
use crate::kustomize::transform::{self, Configuration};
use crate::kustomize::{Problem, ProblemKind, Resource};

impl<'a> Accumulator<'a> {
    pub(super) fn transformers(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let kustomization = step.kustomization;
        context.schema = self.scope.schema();
        if !kustomization.patches.is_empty()
            || !kustomization.patches_strategic_merge.is_empty()
            || !kustomization.transformers.is_empty()
        {
            self.scope.uses_built_in();
        }
        let mut fields = Fields {
            accumulator: self,
            step,
            configuration: &gathered.configuration,
            resources: &mut gathered.resources,
            context,
        };
        fields.patches();
        fields.metadata();
        fields.values();
        for object in self.objects(step, &kustomization.transformers, context, gathered) {
            self.run(&object, "transformer", context, gathered);
        }
    }

    fn run(
        &self,
        object: &Resource,
        what: &str,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        if object.api_version() == "builtin"
            && transform::plugin(&mut gathered.resources, object, context)
        {
            record(&mut gathered.resources, self.origin_of_object(object));
            drop_empty(&mut gathered.resources);
        } else {
            context.report(needs_plugin(object, what));
        }
    }

    pub(super) fn validators(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        for object in self.objects(step, &step.kustomization.validators, context, gathered) {
            let before = gathered.resources.clone();
            self.run(&object, "validator", context, gathered);
            let same = before.len() == gathered.resources.len()
                && before
                    .iter()
                    .zip(&gathered.resources)
                    .all(|(before, after)| before.node.same_value(&after.node));
            if !same {
                context.report(
                    Problem::error(
                        name_origin(&object.node),
                        "a validator must not change the resources, but this one does",
                    )
                    .with_help("list it under transformers"),
                );
                gathered.resources = before;
            }
        }
    }
}

/// The fields of one kustomization that change resources.
struct Fields<'f, 'a> {
    accumulator: &'f Accumulator<'a>,
    step: &'f Step<'f>,
    configuration: &'f Configuration,
    resources: &'f mut Vec<Resource>,
    context: &'f mut BuildContext<'a>,
}

impl Fields<'_, '_> {
    /// Ends the run of a transformer.
    fn done(&mut self, transformer: &str) {
        let origin = self.accumulator.origin_of_field(self.step, transformer);
        record(self.resources, origin);
        drop_empty(self.resources);
    }

    /// Counts the steps of a field before it runs. False if the build has taken too many.
    fn may_run(&mut self) -> bool {
        let steps = weight(self.resources);
        self.context.spend(steps, self.step.kustomization.origin)
    }

    fn patch(&mut self, entry: &PatchEntry, form: Form) {
        if !self.may_run() {
            return;
        }
        let entries = std::slice::from_ref(entry);
        patch::apply_patches(self.resources, entries, form, self.context);
    }

    fn patches(&mut self) {
        let kustomization = self.step.kustomization;
        if !kustomization.patches_strategic_merge.is_empty() {
            for entry in &kustomization.patches_strategic_merge {
                self.patch(&PatchEntry::from_path(entry), Form::StrategicMerge);
            }
            self.done("PatchStrategicMergeTransformer");
        }
        for entry in &kustomization.patches {
            self.patch(entry, Form::Patches);
            self.done("PatchTransformer");
        }
    }

    fn metadata(&mut self) {
        let (kustomization, configuration) = (self.step.kustomization, self.configuration);
        if let Some(namespace) = &kustomization.namespace {
            transform::namespace(self.resources, namespace, configuration, self.context);
            self.done("NamespaceTransformer");
        }
        if let Some(prefix) = &kustomization.name_prefix {
            transform::prefix(self.resources, prefix, configuration, self.context);
            self.done("PrefixTransformer");
        }
        if let Some(suffix) = &kustomization.name_suffix {
            transform::suffix(self.resources, suffix, configuration, self.context);
            self.done("SuffixTransformer");
        }
        for entry in &kustomization.labels {
            if !self.may_run() {
                return;
            }
            transform::labels(self.resources, entry, configuration, self.context);
            self.done("LabelTransformer");
        }
        let common = &kustomization.common_labels;
        if !kustomization.labels.is_empty() || !common.is_empty() {
            transform::common_labels(self.resources, common, configuration, self.context);
            self.done("LabelTransformer");
        }
        let annotations = &kustomization.common_annotations;
        if !annotations.is_empty() {
            transform::annotations(self.resources, annotations, configuration, self.context);
            self.done("AnnotationsTransformer");
        }
    }

    fn values(&mut self) {
        let (kustomization, configuration) = (self.step.kustomization, self.configuration);
        for entry in &kustomization.patches_json6902 {
            self.patch(entry, Form::Json6902);
            self.done("PatchJson6902Transformer");
        }
        for entry in &kustomization.replicas {
            if !self.may_run() {
                return;
            }
            transform::replicas(self.resources, entry, configuration, self.context);
            self.done("ReplicaCountTransformer");
        }
        let origin = self
            .accumulator
            .origin_of_field(self.step, "ImageTagTransformer");
        transform::images(
            self.resources,
            &kustomization.images,
            configuration,
            self.context,
            |resources| record(resources, origin.clone()),
        );
        if !kustomization.replacements.is_empty() {
            transform::replacements(self.resources, &kustomization.replacements, self.context);
            self.done("ReplacementTransformer");
        }
    }
}

fn drop_empty(resources: &mut Vec<Resource>) {
    resources.retain(|resource| !is_empty(&resource.node));
}

/// A generator, transformer or validator that is not built in.
pub(super) fn needs_plugin(object: &Resource, what: &str) -> Problem {
    if object.api_version() == "builtin" {
        let message = format!("there is no built-in {what} {}", object.kind());
        return Problem::error(name_origin(&object.node), message);
    }
    let message = format!("the {what} {} is a plugin, which is not run", object.kind());
    Problem::error(name_origin(&object.node), message)
        .with_kind(ProblemKind::NeedsPlugin)
        .with_help("commit its output, or use a built-in one")
}
