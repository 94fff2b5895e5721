//! The interface between kustomizations, agents and the renderer of charts.
//!
//! kustomize knows nothing of charts itself; `helm` implements [`ChartRenderer`].

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kustomize::remote::Remotes;
use crate::kustomize::{Problem, Rendered};
use crate::source::{Files, Source, SourceError};
use crate::yaml::{By, FileId, Node, Origin};

/// The known facts of the cluster that a release is installed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes, such as `1.34`.
    pub kubernetes: Option<String>,
    /// API versions besides those of Kubernetes.
    pub api_versions: Vec<String>,
}

/// A chart with values and a name: what Helm installs.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The values of the release, without the chart's defaults.
    pub values: Node,
    /// Values that stand for the `values.yaml` of the chart.
    pub defaults: Option<Node>,
    /// The version of the cluster, such as `1.34`; `None` for the one that Helm assumes.
    pub kubernetes: Option<String>,
    /// API versions that the cluster has besides those that Helm assumes.
    pub api_versions: Vec<String>,
    /// True if templates see an upgrade instead of an installation.
    pub is_upgrade: bool,
    /// True if the files in `crds/` are part of the output.
    pub includes_crds: bool,
    /// True if hooks are left out.
    pub skips_hooks: bool,
    /// True if tests are left out.
    pub skips_tests: bool,
    /// True if values that break the chart's schema are accepted.
    pub skips_schema: bool,
    /// True if some of its values are not known here. It is not an error if the chart rejects the
    /// others.
    pub is_partial: bool,
    /// True if dependencies that `charts/` lacks are taken from elsewhere, as agents do. Otherwise
    /// they are refused, as `helm template` does.
    pub builds_dependencies: bool,
}

impl Release {
    /// A release with a name and no values. `origin` asks for it.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>, origin: Origin) -> Release {
        Release {
            name: name.into(),
            namespace: namespace.into(),
            values: Node::map(Vec::new(), origin.with(By::Values)),
            defaults: None,
            kubernetes: None,
            api_versions: Vec::new(),
            is_upgrade: false,
            includes_crds: false,
            skips_hooks: false,
            skips_tests: false,
            skips_schema: false,
            is_partial: false,
            builds_dependencies: true,
        }
    }
}

impl Release {
    /// The files in which its values are written.
    pub fn files(&self) -> BTreeSet<FileId> {
        let mut files = BTreeSet::new();
        note_files(&self.values, &mut files);
        self.defaults
            .iter()
            .for_each(|node| note_files(node, &mut files));
        files
    }
}

pub(super) fn note_files(node: &Node, files: &mut BTreeSet<FileId>) {
    files.insert(node.origin.file);
    node.replaced
        .iter()
        .for_each(|node| note_files(node, files));
    node.entries()
        .iter()
        .for_each(|entry| note_files(&entry.value, files));
    node.items().iter().for_each(|item| note_files(item, files));
}

/// Renders the charts of one tree.
pub trait ChartRenderer: Send + Sync {
    /// True if a path is a chart: a folder with a `Chart.yaml`, or a packed chart.
    fn is_chart(&self, path: &str) -> bool;
    /// The values in a file. The outer error says that the file cannot be read.
    fn values(&self, path: &str) -> Result<Result<Node, Box<Problem>>, SourceError>;
    /// Lays values over others.
    fn merge(&self, values: &mut Node, over: &Node);
    /// The text of a file, for a value that is its content.
    fn text(&self, path: &str) -> Result<String, SourceError>;
    /// The paths of charts outside of a chart's folder that it depends on.
    fn beside(&self, path: &str) -> Vec<String>;
    /// The path of the copy of a chart from a registry, if one of the configured folders has one
    /// whose version is in a range.
    fn copy_of(&self, name: &str, range: &str) -> Option<String>;
    /// The objects of a release of a chart.
    fn render(&self, path: &str, release: &Release) -> Rendered;
}

/// Makes the renderer of the charts of a tree.
pub type ChartsOf = fn(Arc<dyn Source>, Arc<Files>, &Remotes) -> Arc<dyn ChartRenderer>;
