//! Releases whose charts are not in the tree: what their values say is all that is known of them.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::release::note_files;
use crate::kustomize::Resource;
use crate::kustomize::remote::ValueNames;
use crate::yaml::{Entry, FileId, Node, Origin};

/// A release of a chart that is not rendered.
#[derive(Clone, Debug)]
pub struct Unrendered {
    /// The object that asks for it: a HelmRelease, an Application, an entry of `helmCharts`. In the
    /// last two, the merged values stand for the inline ones.
    pub resource: Resource,
    /// True if that object is also among the objects of the rendering.
    pub is_object: bool,
    /// The namespace that it is installed in; `None` if that is not written.
    pub namespace: Option<Node>,
    /// The name of the chart, if it is known.
    pub chart: Option<Node>,
    /// The version of the chart, or the range.
    pub version: Option<Node>,
    /// The values of the release, merged as its agent merges them. The chart's own are unknown.
    pub values: Node,
    /// The JSON pointer of the inline values in the object.
    pub pointer: String,
    /// False if some values are not known here.
    pub complete: bool,
    /// The names that charts use for usual values.
    pub names: Arc<ValueNames>,
    /// The objects that the values outline, once somebody has asked for them.
    pub outline: OnceLock<Vec<Resource>>,
}

impl Unrendered {
    /// A release that an object asks for.
    pub fn new(resource: Resource, values: Node, pointer: impl Into<String>) -> Unrendered {
        let namespace = resource.node.at(&["metadata", "namespace"]).cloned();
        Unrendered {
            namespace,
            resource,
            is_object: false,
            chart: None,
            version: None,
            values,
            pointer: pointer.into(),
            complete: true,
            names: Arc::default(),
            outline: OnceLock::new(),
        }
    }

    /// A release that no object asks for, but an entry of a kustomization or of `Chart.yaml`.
    pub fn of_entry(
        called: (&Node, Option<&Node>),
        (chart, version): (&Node, Option<&Node>),
        values: Node,
        at: Origin,
    ) -> Unrendered {
        let mut fields = vec![("name", chart), ("valuesInline", &values)];
        fields.extend(version.map(|version| ("version", version)));
        let resource = object("HelmChart", called, &fields, at);
        Unrendered {
            chart: Some(chart.clone()),
            version: version.cloned(),
            ..Unrendered::new(resource, values, "/valuesInline")
        }
    }

    /// The files in which the values are written.
    pub fn files(&self) -> BTreeSet<FileId> {
        let mut files = BTreeSet::new();
        note_files(&self.values, &mut files);
        files
    }
}

/// An object that stands for an entry of a kustomization, which is none itself.
fn object(
    kind: &str,
    (name, namespace): (&Node, Option<&Node>),
    fields: &[(&str, &Node)],
    at: Origin,
) -> Resource {
    let entry = |key: &str, value: Node| Entry {
        key: key.into(),
        key_origin: value.origin,
        value,
    };
    let mut metadata = vec![entry("name", name.clone())];
    metadata.extend(namespace.map(|namespace| entry("namespace", namespace.clone())));
    let mut entries = vec![
        entry("apiVersion", Node::string("builtin", at)),
        entry("kind", Node::string(kind, at)),
        entry("metadata", Node::map(metadata, name.origin)),
    ];
    let fields = fields.iter();
    entries.extend(fields.map(|(key, value)| entry(key, (*value).clone())));
    Resource::new(Node::map(entries, at))
}
