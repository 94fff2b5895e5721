//! Which of several ConfigMaps or Secrets of one name an agent means: those of its own environment
//! come before others.

use super::super::discover::Placement;
use super::Reference;
use crate::kustomize::Resource;
use crate::yaml::{Node, write};

/// An object, and the environment that it belongs to.
pub(in crate::repo) struct Found {
    pub(in crate::repo) placement: Option<Placement>,
    pub(in crate::repo) resource: Resource,
}

impl Found {
    /// Both parts.
    pub(in crate::repo) fn pair(&self) -> (Option<&Placement>, &Resource) {
        (self.placement.as_ref(), &self.resource)
    }
}

/// The object that an agent means: the one of its own environment and variant, else of its
/// environment, else of none. `None` if there is none, or if several differ.
pub(in crate::repo) fn nearest<'n>(
    own: Option<&Placement>,
    reference: &Reference,
    candidates: impl Iterator<Item = (Option<&'n Placement>, &'n Resource)>,
) -> Option<&'n Node> {
    let ranked: Vec<(usize, &Node)> = candidates
        .filter(|(_, resource)| reference.means(&resource.node))
        .filter_map(|(other, resource)| Some((rank(own, other)?, &resource.node)))
        .collect();
    let best = ranked.iter().map(|(rank, _)| *rank).min()?;
    let mut best = ranked.into_iter().filter(|(rank, _)| *rank == best);
    let (_, first) = best.next()?;
    let data = |node: &Node| ["data", "stringData"].map(|key| node.get(key).map(write::to_json));
    best.all(|(_, other)| data(other) == data(first))
        .then_some(first)
}

/// The distance of an object from an agent; `None` if it belongs to another environment.
fn rank(own: Option<&Placement>, other: Option<&Placement>) -> Option<usize> {
    match (own, other) {
        (Some(own), Some(other)) if own.environment != other.environment => None,
        (Some(own), Some(other)) if own.variant == other.variant => Some(0),
        (Some(_), Some(_)) => Some(1),
        (None, Some(_)) => Some(3),
        (_, None) => Some(2),
    }
}
