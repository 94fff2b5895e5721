//! The revisions that agents' objects name.

use std::collections::BTreeMap;

use super::repository::Identity;
use super::revisions::plain;
use super::{Object, argocd, flux, is, with_repository};
use crate::yaml::Node;

/// The revisions of this repository that agents read, with the number of objects that do.
pub(super) fn revisions(
    objects: &[Object],
    sources: &flux::Sources,
    identity: &Identity,
) -> BTreeMap<String, usize> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut note = |revision: &str| *found.entry(plain(revision).to_string()).or_default() += 1;
    for object in objects {
        let node = &object.node;
        if is(node, "Application", argocd::GROUP) || is(node, "ApplicationSet", argocd::GROUP) {
            with_repository(node, &mut |url, source| {
                let keys = ["targetRevision", "revision"];
                let mut revisions = keys.iter().filter_map(|key| source.get(key));
                let revision = revisions.next().and_then(Node::text).unwrap_or_default();
                if identity.is_own(url) && !revision.contains("{{") {
                    note(revision);
                }
            });
        } else if is(node, "Kustomization", flux::GROUP) {
            let name = node.at(&["spec", "sourceRef", "name"]).and_then(Node::text);
            let urls = sources.of(node);
            if urls.is_empty() || urls.iter().any(|url| identity.is_own(url)) {
                note(sources.revision(name.unwrap_or_default(), &object.path));
            }
        }
    }
    found
}
