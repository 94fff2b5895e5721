//! Objects that control agents, image updaters and promotion gates, as written in their files:
//! Flux, Argo CD with its Image Updater, GitOps Promoter, Kargo. Many of them are applied by hand
//! or by a bootstrap command, so no overlay renders them.
//!
//! Not here: the folders that agents' objects apply (`agents`), judgement (`rules`).

use crate::yaml::{FileId, Node};

/// An object of a group of [`is_control`].
#[derive(Clone, Debug)]
pub struct Control {
    /// The whole object.
    pub node: Node,
    /// The file that it is written in.
    pub file: FileId,
    /// The environment according to the path of the file.
    pub environment: Option<usize>,
}

/// True if an API group steers agents, updaters or gates.
pub fn is_control(group: &str) -> bool {
    group.ends_with(".toolkit.fluxcd.io")
        || group == "argoproj.io"
        || group.ends_with(".argoproj.io")
        || group == "kargo.akuity.io"
}

/// True if a text may hold such an object.
pub(super) fn mentioned(text: &str) -> bool {
    ["toolkit.fluxcd.io/", "argoproj.io/", "kargo.akuity.io/"]
        .iter()
        .any(|group| text.contains(group))
}

/// The API group of an object as written.
pub fn group_of(node: &Node) -> &str {
    let version = node
        .get("apiVersion")
        .and_then(Node::text)
        .unwrap_or_default();
    version.split_once('/').map_or("", |(group, _)| group)
}
