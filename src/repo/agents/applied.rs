//! The folders that agents' objects name, and whether this tree must hold them: it need not if the
//! object reads another repository, branch or tag.

use std::collections::BTreeMap;

use super::{Object, Reading, argocd, name_of};
use crate::source::refs::split;
use crate::source::{EntryKind, Source, join};
use crate::yaml::{Node, Origin};

/// Revisions that are taken for the one under check.
const DEFAULTS: &[&str] = &["", "HEAD", "main", "master"];

/// A folder that an agent's object applies.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    /// The object, for people: `Application argocd/web`.
    pub name: String,
    /// The folder.
    pub folder: String,
    /// The branch or tag that it reads.
    pub revision: String,
    /// The line that names the folder.
    pub origin: Origin,
    /// True if the object certainly reads this repository.
    pub own: bool,
    /// Objects that read the same source. If one of them names a folder that is here, all do.
    pub source: Option<String>,
}

/// The folders that the sources of an Application name.
pub(super) fn by_application(node: &Node, reading: &Reading<'_>) -> Vec<Applied> {
    let Some(spec) = node.get("spec") else {
        return Vec::new();
    };
    let several = spec.get("sources").map_or(&[][..], Node::items);
    let dry = spec.at(&["sourceHydrator", "drySource"]);
    let sources = spec.get("source").into_iter().chain(several).chain(dry);
    sources
        .filter(|source| source.get("chart").is_none())
        .filter_map(|source| {
            let text = |key: &str| source.get(key).and_then(Node::text).unwrap_or_default();
            let path = source.get("path")?;
            let own = reading.identity.is_certain(text("repoURL"));
            let revision = text("targetRevision");
            let folder = folder(path.text()?)?;
            let there = own.then(|| reading.revisions.folder(revision, &folder));
            Some(Applied {
                name: name_of(node, argocd::KIND),
                folder: there.flatten().unwrap_or(folder),
                revision: revision.to_string(),
                origin: path.origin,
                own,
                source: None,
            })
        })
        .collect()
}

/// The folder that a Flux Kustomization names.
pub(super) fn by_kustomization(object: &Object, reading: &Reading<'_>) -> Option<Applied> {
    let (node, sources) = (&object.node, reading.sources);
    let path = node.at(&["spec", "path"])?;
    let text = |key: &str| node.at(&["spec", "sourceRef", key]).and_then(Node::text);
    if text("kind") != Some("GitRepository") || sources.is_composed(text("name")?) {
        return None;
    }
    let urls = sources.of(node);
    let own = urls.iter().any(|url| reading.identity.is_certain(url));
    let revision = sources.revision(text("name")?, &object.path);
    let folder = folder(path.text()?)?;
    let there = own.then(|| reading.revisions.folder(revision, &folder));
    Some(Applied {
        name: name_of(node, "Kustomization"),
        folder: there.flatten().unwrap_or(folder),
        revision: revision.to_string(),
        origin: path.origin,
        own,
        source: urls
            .is_empty()
            .then(|| text("name").map(str::to_string))
            .flatten(),
    })
}

/// A path as a folder of the tree; `None` if only a cluster can tell it.
fn folder(path: &str) -> Option<String> {
    let known = !["{{", "${", "<no value>"]
        .iter()
        .any(|mark| path.contains(mark));
    let folder = known.then(|| join("", path.trim_start_matches('/')))??;
    (!folder.is_empty() && folder != ".").then_some(folder)
}

/// The folders that this tree should hold and does not.
pub(super) fn absent(applied: Vec<Applied>, source: &dyn Source) -> Vec<Applied> {
    let exists = |one: &Applied| source.kind(&one.folder) == Some(EntryKind::Directory);
    let mut revisions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut here: BTreeMap<&str, bool> = BTreeMap::new();
    for one in &applied {
        if exists(one) {
            *revisions.entry(plain(&one.revision)).or_default() += 1;
        }
        if let Some(name) = &one.source {
            // of a misspelt path, the folders above may be here
            let top = one.folder.split('/').next().unwrap_or_default();
            let known = exists(one) || one.folder != top && source.kind(top).is_some();
            *here.entry(name).or_default() |= known;
        }
    }
    let usual = revisions
        .iter()
        .max_by_key(|(_, count)| **count)
        .map(|(revision, _)| revision.to_string());
    let expected = |one: &Applied| {
        let revision = plain(&one.revision);
        let checked = DEFAULTS.contains(&revision)
            || usual.as_deref() == Some(revision)
            || !split(&one.folder).0.is_empty();
        let known = |name: &String| here.get(name.as_str()).copied().unwrap_or_default();
        checked && (one.own || one.source.as_ref().is_some_and(known))
    };
    let missing: Vec<bool> = applied
        .iter()
        .map(|one| !exists(one) && source.withheld(&one.folder).is_none() && expected(one))
        .collect();
    let paired = applied.into_iter().zip(missing);
    paired
        .filter_map(|(one, missing)| missing.then_some(one))
        .collect()
}

fn plain(revision: &str) -> &str {
    revision.strip_prefix("refs/heads/").unwrap_or(revision)
}
