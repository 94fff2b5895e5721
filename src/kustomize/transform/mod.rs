//! The built-in transformers and the field specifications that steer them.
//!
//! Here: the calls that `accumulate` and `render` make. `configuration` knows which fields are
//! meant, `field_spec` walks to them.

pub mod configuration;
pub mod embedded;
pub mod field_spec;
pub mod images;
pub mod metadata;
pub mod path;
pub mod plugin;
pub mod references;
pub mod replacements;
pub mod replicas;
pub mod value_add;
pub mod vars;

use super::Resource;
use super::context::BuildContext;
use super::decode::{Pair, Text};
use super::kustomization::{ImageEntry, ReplicaEntry};
use crate::yaml::By;

pub use configuration::{Configuration, Fields};
pub use field_spec::{FieldSpec, Gvk};
pub use metadata::{HELM_GENERATED, check_key, labels};
pub use plugin::plugin;
pub use references::fix_references;
pub use replacements::replacements;
pub use vars::resolve_vars;

use metadata::{Affix, NamespaceOptions};

/// Bytes of the longest text that may be put together; more does not fit a Kubernetes object
/// anyway.
const MAX_TEXT: usize = 4 << 20;

/// The `namespace` field.
pub fn namespace(
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
pub fn prefix(
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
pub fn suffix(
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
pub fn common_labels(
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
pub fn annotations(
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
pub fn replicas(
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
/// An entry of `images`.
pub fn image(
    resources: &mut [Resource],
    entry: &ImageEntry,
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    images::image(
        resources,
        entry,
        configuration.fields(Fields::Images),
        context,
    );
}
