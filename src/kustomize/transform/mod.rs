//! The built-in transformers and the field specifications that steer them.
//!
//! Here: the calls that `accumulate` makes, in the order in which it makes them.

use std::sync::Arc;

use super::Resource;
use super::context::BuildContext;
use super::decode::{Pair, Text};
use super::kustomization::{ImageEntry, LabelEntry, ReplacementEntry, ReplicaEntry, VarEntry};
use crate::yaml::Node;

/// Which fields of which kinds the transformers change: the built-in table, with `configurations` and `crds` merged into it.
#[derive(Clone, Debug, Default)]
pub struct Configuration {}

impl Configuration {
    /// The built-in table.
    pub fn builtin() -> Arc<Configuration> {
        Arc::default()
    }
    /// Merges another table. Conflicts are reported.
    pub fn merge(&mut self, _other: &Configuration, _context: &mut BuildContext<'_>) {}
    /// Merges a file of `configurations`.
    pub fn merge_file(&mut self, _document: &Node, _context: &mut BuildContext<'_>) {}
    /// Merges the definitions of a file of `crds`.
    pub fn merge_crds(&mut self, _document: &Node, _context: &mut BuildContext<'_>) {}
}

/// The `namespace` field.
pub fn namespace(_resources: &mut [Resource], _namespace: &Text, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// The `namePrefix` field.
pub fn prefix(_resources: &mut [Resource], _prefix: &Text, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// The `nameSuffix` field.
pub fn suffix(_resources: &mut [Resource], _suffix: &Text, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// An entry of `labels`.
pub fn labels(_resources: &mut [Resource], _entry: &LabelEntry, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// The `commonLabels` field.
pub fn common_labels(_resources: &mut [Resource], _labels: &[Pair], _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// The `commonAnnotations` field.
pub fn annotations(_resources: &mut [Resource], _pairs: &[Pair], _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// An entry of `replicas`.
pub fn replicas(_resources: &mut [Resource], _entry: &ReplicaEntry, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// An entry of `images`.
pub fn image(_resources: &mut [Resource], _entry: &ImageEntry, _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// The `replacements` field; entries with a `path` are read from their files.
pub fn replacements(_resources: &mut [Resource], _entries: &[ReplacementEntry], _context: &mut BuildContext<'_>) {}
/// A built-in transformer configured as an object of `transformers` or `validators`. Returns false when its kind is none of ours.
pub fn plugin(_resources: &mut Vec<Resource>, _object: &Resource, _context: &mut BuildContext<'_>) -> bool {
    false
}
/// Makes every reference follow the objects that were renamed. Once, at the top.
pub fn fix_references(_resources: &mut [Resource], _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
/// Puts the values of `vars` where `$(NAME)` stands. Once, at the top.
pub fn resolve_vars(_resources: &mut [Resource], _vars: &[VarEntry], _configuration: &Configuration, _context: &mut BuildContext<'_>) {}
