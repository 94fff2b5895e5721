//! The built-in transformers and the field specifications that steer them.
//!
//! Here: the calls that `accumulate` and `render` make. `configuration` knows the fields, and
//! `field_spec` walks to them.

pub(super) mod configuration;
pub(super) mod embedded;
pub(super) mod field_spec;
pub(super) mod images;
pub(super) mod metadata;
pub(super) mod path;
pub(super) mod plugin;
pub(super) mod references;
pub(super) mod replacements;
pub(super) mod replicas;
pub(super) mod value_add;
pub(super) mod vars;

use super::Resource;
use super::context::{BuildContext, weight};
use super::decode::{Pair, Text};
use super::kustomization::{ImageEntry, ReplicaEntry};
use crate::yaml::By;

pub(super) use configuration::{Configuration, Fields};
pub(super) use field_spec::FieldSpec;
pub(super) use metadata::{HELM_GENERATED, check_key, labels};
pub(super) use plugin::plugin;
pub(super) use references::fix_references;
pub(super) use replacements::replacements;
pub(super) use vars::resolve_vars;

use metadata::{Affix, NamespaceOptions};

/// The longest text, in bytes, that transformers may build. Longer ones do not fit a Kubernetes
/// object anyway.
const MAX_TEXT: usize = 4 << 20;

/// The `namespace` field.
pub(super) fn namespace(
    resources: &mut [Resource],
    namespace: &Text,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    metadata::namespace(
        resources,
        namespace,
        configuration.fields(Fields::Namespace),
        NamespaceOptions::default(),
        context,
    );
}
/// The `namePrefix` field.
pub(super) fn prefix(
    resources: &mut [Resource],
    prefix: &Text,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    metadata::affix(
        resources,
        Affix::Prefix,
        prefix,
        configuration.fields(Fields::NamePrefix),
        context,
    );
}
/// The `nameSuffix` field.
pub(super) fn suffix(
    resources: &mut [Resource],
    suffix: &Text,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    metadata::affix(
        resources,
        Affix::Suffix,
        suffix,
        configuration.fields(Fields::NameSuffix),
        context,
    );
}
/// The `commonLabels` field.
pub(super) fn common_labels(
    resources: &mut [Resource],
    labels: &[Pair],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    metadata::set_pairs(
        resources,
        labels,
        configuration.fields(Fields::CommonLabels),
        By::Labels,
        context,
    );
}
/// The `commonAnnotations` field.
pub(super) fn annotations(
    resources: &mut [Resource],
    pairs: &[Pair],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    metadata::set_pairs(
        resources,
        pairs,
        configuration.fields(Fields::CommonAnnotations),
        By::Annotations,
        context,
    );
}
/// An entry of `replicas`.
pub(super) fn replicas(
    resources: &mut [Resource],
    entry: &ReplicaEntry,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    replicas::replicas(
        resources,
        entry,
        configuration.fields(Fields::Replicas),
        context,
    );
}
/// The `images` field. `done` runs after each entry.
pub(super) fn images(
    resources: &mut [Resource],
    entries: &[ImageEntry],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
    mut done: impl FnMut(&mut [Resource]),
) {
    let specs = configuration.fields(Fields::Images);
    let mut users = images::Images::of(resources, specs);
    let steps = weight(resources);
    for entry in entries {
        if !context.spend(steps, entry.origin) {
            return;
        }
        images::image(resources, &mut users, entry, specs, context);
        done(resources);
    }
}
