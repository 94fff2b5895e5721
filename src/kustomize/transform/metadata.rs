//! `namespace`, `namePrefix`, `nameSuffix`, `labels`, `commonLabels` and `commonAnnotations`.
//!
//! Not here: the references that follow a changed name (`references`).

use std::collections::HashSet;

use super::configuration::{Configuration, Fields, merge_specs};
use super::field_spec::{self, Create, FieldError, FieldSpec, Gvk};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Pair, Text};
use crate::kustomize::kustomization::LabelEntry;
use crate::kustomize::resource::SharedValue;
use crate::kustomize::{Problem, Resource, steps};
use crate::yaml::{By, Kind, Node, Origin, scalar};

/// The mark of objects that a Helm chart made.
pub(crate) const HELM_GENERATED: &str = "internal.config.kubernetes.io/helm-generated";

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    Default,
    /// Every ServiceAccount.
    ServiceAccounts,
    /// None.
    Nobody,
}

/// The way in which the namespace is set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NamespaceOptions {
    /// Only for objects without a namespace.
    pub unset_only: bool,
    /// Which subjects of role bindings get it.
    pub subjects: Subjects,
    /// Do not record the earlier identity.
    pub unrecorded: bool,
}

/// Reports why a field of a resource could not be set.
pub(super) fn report(
    context: &mut BuildContext<'_>,
    resource: &Resource,
    path: &str,
    error: FieldError,
    by: Origin,
) {
    let message = format!(
        "{path} of {} cannot be set: {}",
        resource.id(),
        error.message
    );
    let problem =
        Problem::error(error.origin, message).with_related("it is to be set because of this", by);
    context.report(problem.with_help("give the field the form that Kubernetes expects"));
}

/// The `namespace` field.
pub(crate) fn namespace(
    resources: &mut [Resource],
    namespace: &Text,
    specs: &[FieldSpec],
    options: NamespaceOptions,
    context: &mut BuildContext<'_>,
) {
    if namespace.is_empty() {
        return;
    }
    let origin = namespace.origin().with(By::Namespace);
    let own = FieldSpec::new(Gvk::default(), "metadata/namespace", true);
    let mut set = |node: &mut Node| {
        let filled = node.text().is_some_and(|text| !text.is_empty());
        if options.unset_only && filled {
            Ok(())
        } else {
            field_spec::set_string(node, &namespace.value, origin)
        }
    };
    for resource in resources.iter_mut() {
        if resource
            .node
            .at(&["metadata", "annotations", HELM_GENERATED])
            .and_then(Node::text)
            == Some("true")
        {
            continue;
        }
        if !options.unrecorded {
            resource.store_previous();
        }
        let mut changed = Ok(());
        if !resource.id().is_cluster_scoped() {
            changed = field_spec::apply(&mut resource.node, &own, Create::Scalar, origin, &mut set);
        }
        let binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
        if binding && changed.is_ok() {
            changed = subjects(&mut resource.node, options.subjects, origin, &mut set);
        }
        for spec in specs {
            let skipped = &*spec.path == "metadata/namespace"
                || (spec.is_name() && resource.api_version() != "v1")
                || (matches!(&*spec.gvk.kind, "RoleBinding" | "ClusterRoleBinding")
                    && &*spec.path == "subjects/namespace");
            if !skipped && changed.is_ok() {
                changed =
                    field_spec::apply(&mut resource.node, spec, Create::Scalar, origin, &mut set);
            }
        }
        if let Err(error) = changed {
            report(context, resource, "the namespace", error, origin);
        }
    }
    report_equal(resources, namespace, context);
}

/// Reports objects that a namespace makes the same.
fn report_equal(resources: &[Resource], namespace: &Text, context: &mut BuildContext<'_>) {
    let mut seen = HashSet::with_capacity(resources.len());
    for resource in resources {
        let id = resource.id();
        if !seen.insert((
            id.api_version.clone(),
            id.kind.clone(),
            id.effective_namespace().to_string(),
            id.name.clone(),
        )) {
            let message = format!(
                "in the namespace {:?} there are several {}/{}",
                &*namespace.value, id.kind, id.name
            );
            let origin = resource
                .node
                .at(&["metadata", "name"])
                .map_or(resource.node.origin, |name| name.origin);
            let problem =
                Problem::error(namespace.origin(), message).with_related("one of them", origin);
            context.report(
                problem
                    .with_help("give them different names, or do not set the namespace for both"),
            );
        }
    }
}

fn subjects(
    node: &mut Node,
    which: Subjects,
    origin: Origin,
    set: &mut dyn FnMut(&mut Node) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    let (key, wanted) = match which {
        Subjects::Nobody => return Ok(()),
        Subjects::Default => ("name", "default"),
        Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
    };
    if let Some(found) = node
        .get("subjects")
        .filter(|found| found.as_list().is_none() && !found.is_null())
    {
        return Err(FieldError::new(found, "the subjects must be a list"));
    }
    let concerns = |subject: &Node| subject.get(key).and_then(Node::text) == Some(wanted);
    if !node
        .get("subjects")
        .is_some_and(|subjects| subjects.items().iter().any(concerns))
    {
        return Ok(());
    }
    let spec = FieldSpec::new(Gvk::default(), "namespace", true);
    let Some(list) = node.get_mut("subjects").and_then(Node::list_mut) else {
        return Ok(());
    };
    for subject in list.items.iter_mut().filter(|subject| concerns(subject)) {
        field_spec::apply(subject, &spec, Create::Scalar, origin, set)?;
    }
    Ok(())
}

/// The side of the name on which an affix is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affix {
    /// `namePrefix`
    Prefix,
    /// `nameSuffix`
    Suffix,
}

/// The `namePrefix` and `nameSuffix` fields.
pub(crate) fn affix(
    resources: &mut [Resource],
    affix: Affix,
    text: &Text,
    specs: &[FieldSpec],
    context: &mut BuildContext<'_>,
) {
    let by = if affix == Affix::Prefix {
        By::Prefix
    } else {
        By::Suffix
    };
    let origin = text.origin().with(by);
    for resource in resources {
        let kind = resource
            .previous
            .first()
            .map_or(resource.kind(), |first| &first.kind);
        let exempt = matches!(kind, "CustomResourceDefinition" | "Namespace")
            || (kind == "APIService" && resource.group() == "apiregistration.k8s.io");
        if exempt {
            continue;
        }
        for spec in specs
            .iter()
            .filter(|spec| spec.gvk.selects_first(resource))
            .collect::<Vec<_>>()
        {
            if spec.is_name() && !text.is_empty() {
                let list = if affix == Affix::Prefix {
                    &mut resource.prefixes
                } else {
                    &mut resource.suffixes
                };
                list.push(text.value.clone());
                resource.store_previous();
                resource.renamed_by = Some(origin);
            }
            let set = &mut |node: &mut Node| {
                let present = node.text().unwrap_or_default();
                let new = if affix == Affix::Prefix {
                    format!("{}{present}", text.value)
                } else {
                    format!("{present}{}", text.value)
                };
                if text.is_empty() {
                    Ok(())
                } else {
                    field_spec::set_text(node, new, origin)
                }
            };
            if let Err(error) =
                field_spec::apply(&mut resource.node, spec, Create::Scalar, origin, set)
            {
                report(context, resource, &spec.path, error, origin);
            }
        }
    }
}

/// An entry of `labels`.
pub(crate) fn labels(
    resources: &mut [Resource],
    entry: &LabelEntry,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    let mut specs: Vec<FieldSpec> = entry.fields.iter().map(FieldSpec::of).collect();
    let own = FieldSpec::new(Gvk::default(), "metadata/labels", true);
    let mut lists = vec![configuration.fields(Fields::Labels)];
    if entry.include_selectors {
        lists.push(configuration.fields(Fields::CommonLabels));
    } else {
        if entry.include_templates {
            lists.push(configuration.fields(Fields::TemplateLabels));
        }
        if entry.include_volume_claim_templates {
            lists.push(configuration.fields(Fields::VolumeClaimTemplateLabels));
        }
        lists.push(std::slice::from_ref(&own));
    }
    for list in lists {
        if let Err(message) = merge_specs(&mut specs, list) {
            context.report(
                Problem::error(entry.origin, message)
                    .with_help("drop the entry of fields, or give it the same create"),
            );
            return;
        }
    }
    set_pairs(resources, &entry.pairs, &specs, By::Labels, context);
}

/// The keys that a transformer looks at and that count as one step of the build: objects with
/// thousands of labels would take the square of their number.
const LOOKS_A_STEP: u64 = 4;

/// Sets strings in the maps that the specifications lead to: `commonLabels`, `commonAnnotations`.
pub(crate) fn set_pairs(
    resources: &mut [Resource],
    pairs: &[Pair],
    specs: &[FieldSpec],
    by: By,
    context: &mut BuildContext<'_>,
) {
    if pairs.is_empty() {
        return;
    }
    for pair in pairs.iter().filter(|_| !resources.is_empty()) {
        check_key(&pair.key, pair.key_origin, context);
    }
    for resource in resources {
        let mut looked = 0;
        for spec in specs {
            let made_by = pairs
                .first()
                .map_or(resource.node.origin, |pair| pair.key_origin)
                .with(by);
            let set = &mut |node: &mut Node| {
                pairs.iter().try_for_each(|pair| {
                    let origin = pair.value.origin().with(by);
                    looked += node.entries().len() as u64;
                    field_spec::set_entry(
                        node,
                        &pair.key,
                        pair.key_origin.with(by),
                        &pair.value.value,
                        origin,
                    )
                })
            };
            if let Err(error) =
                field_spec::apply(&mut resource.node, spec, Create::Map, made_by, set)
            {
                report(context, resource, &spec.path, error, made_by);
            }
        }
        // each value that fields share is looked for in each of its maps
        let steps = looked * (1 + resource.shared.len() as u64 / 16) / LOOKS_A_STEP;
        if !context.spend(
            steps,
            pairs
                .first()
                .map_or(resource.node.origin, |pair| pair.key_origin),
        ) {
            return;
        }
        resource.settle_shared();
        share(resource, pairs, specs, by);
    }
}

/// Remembers which of the pairs the object now has in several fields.
fn share(resource: &mut Resource, pairs: &[Pair], specs: &[FieldSpec], by: By) {
    for pair in pairs {
        let origin = pair.value.origin().with(by);
        let (mut fields, mut maps) = (0, Vec::new());
        for spec in specs
            .iter()
            .filter(|spec| spec.gvk.selects_object(&resource.node))
        {
            let before = fields;
            steps::visit(&resource.node, &spec.steps, &mut |map| {
                fields += usize::from(
                    map.get(&pair.key)
                        .is_some_and(|value| value.origin == origin && value.replaced.is_none()),
                );
            });
            if fields > before {
                maps.push(spec.steps.clone());
            }
        }
        if fields > 1 {
            let (key, text) = (pair.key.clone(), pair.value.value.clone());
            resource.shared.push(SharedValue {
                key,
                maps,
                origin,
                text,
            });
        }
    }
}

/// Refuses a key that YAML reads as something other than a string, because kustomize writes new
/// keys without quotes.
pub(crate) fn check_key(key: &str, origin: Origin, context: &mut BuildContext<'_>) {
    if scalar::resolve(key) != Kind::String {
        let message = format!(
            "the key {key:?} reads as another type than a string, and kustomize writes it without quotes"
        );
        context.report(Problem::error(origin, message).with_help("choose a key that is a word"));
    }
}
