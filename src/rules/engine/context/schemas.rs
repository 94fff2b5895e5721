//! Judges the objects of overlays by their schemas, once for all rules. Not here: schemas
//! (`kubernetes`), how bad a violation is (each rule).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use super::Context;
use crate::kubernetes::schema::{
    self, Api, Definition, Definitions, Described, Fault, Release, Source, Violation,
};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::repo::coverage::{Unseen, UnseenKind};
use crate::yaml::Node;

/// The most definitions of one kind that an object is held against.
const DEFINITIONS: usize = 4;

/// Cached results.
#[derive(Default)]
pub(super) struct Schemas<'a> {
    definitions: OnceLock<Definitions>,
    overlays: OnceLock<Vec<OnceLock<Vec<Contradiction<'a>>>>>,
    agents_patch: OnceLock<bool>,
}

/// A part of an object that contradicts its schema.
pub(in crate::rules) struct Contradiction<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// The part.
    pub violation: Violation<'a>,
    /// Who describes the kind.
    pub source: Source,
}

impl<'a> Context<'a> {
    /// The version of Kubernetes of an overlay's environment, and true if it is configured.
    pub(in crate::rules) fn release_of(&self, overlay: Option<&Overlay>) -> (Release, bool) {
        let environment = overlay.and_then(|overlay| self.repo.environment(overlay));
        let text = environment.and_then(|environment| environment.kubernetes.as_deref());
        match text.and_then(Release::parse) {
            Some(release) => (release, true),
            None => (Release::newest(), false),
        }
    }

    /// The CustomResourceDefinitions of the repository: those that an overlay renders, those in
    /// files, and for kinds without one the schemas of the configured folders.
    pub(in crate::rules) fn definitions(&self) -> &Definitions {
        self.schemas.definitions.get_or_init(|| {
            let mut definitions = Definitions::default();
            let mut used: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
            for overlay in self.judged() {
                for resource in &overlay.rendered.resources {
                    definitions.add(&resource.node, overlay.environment);
                    if let Some((group, version)) = custom(resource.api_version()) {
                        used.insert((group, version, resource.kind()));
                    }
                }
            }
            for control in self.controls().iter().filter(|one| one.overlay.is_none()) {
                let (version, kind) = (control.text(&["apiVersion"]), control.text(&["kind"]));
                if let Some(((group, version), kind)) = version.and_then(custom).zip(kind) {
                    used.insert((group, version, kind));
                }
            }
            let groups = used.iter().map(|(group, _, _)| *group).collect();
            for node in self.repo.definitions(&groups) {
                definitions.add(&node, None);
            }
            for (group, _, kind) in &used {
                definitions.note_use(group, kind);
            }
            let paths = self.repo.schema_paths(&self.config.schemas);
            for (group, version, kind) in used.into_iter().filter(|_| !paths.is_empty()) {
                let file = schema_path(&paths, (group, version, kind));
                if let Some(schema) = file.and_then(|path| self.repo.schema_file(path))
                    && definitions.of(group, kind).is_empty()
                {
                    definitions.add_schema((group, kind), version, schema);
                }
            }
            definitions
        })
    }

    /// The definitions that may describe an object of an overlay: those of its environment, else
    /// those that belong to no environment, else all.
    pub(in crate::rules) fn definitions_of(
        &self,
        overlay: Option<&Overlay>,
        (group, kind): (&str, &str),
    ) -> Vec<&Definition> {
        // Kubernetes has no definitions of its own kinds
        if !group.contains('.') {
            return Vec::new();
        }
        let all = self.definitions().of(group, kind);
        let environment = overlay.and_then(|overlay| overlay.environment);
        let within = |place: Option<usize>| {
            let own = all.iter().filter(move |one| one.places.contains(&place));
            own.take(DEFINITIONS).collect::<Vec<_>>()
        };
        let own = within(environment);
        if !own.is_empty() {
            return own;
        }
        let nowhere = within(None);
        if nowhere.is_empty() {
            all.iter().take(DEFINITIONS).collect()
        } else {
            nowhere
        }
    }

    /// The parts of an object that contradict its schema, and who describes it; `None` if nothing
    /// does. If several definitions may describe it, the one that it fits best counts.
    pub(in crate::rules) fn contradictions<'n>(
        &self,
        overlay: Option<&Overlay>,
        (api_version, kind): (&str, &str),
        node: &'n Node,
    ) -> Option<(Vec<Violation<'n>>, Source)> {
        let (release, _) = self.release_of(overlay);
        let judge = |described: Described| {
            let mut found = described.violations(release, node);
            if described.source == Source::Embedded {
                found.retain(|violation| !violation.fault.may_be_newer());
            }
            (found, described.source)
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let definitions = self.definitions_of(overlay, (group, kind));
        if definitions.is_empty() {
            return Described::embedded(api_version, kind).map(judge);
        }
        let described = definitions.iter().filter_map(|definition| {
            let version = definition.version(version)?;
            let (mut found, source) = version.described().map(judge)?;
            if version.keeps_unknown {
                found.retain(|violation| !matches!(violation.fault, Fault::Unknown { .. }));
            }
            // the API server asks these rules about objects that have the right shape
            if found.is_empty() && node.get("sops").is_none() {
                found = version.broken_rules(node);
            }
            Some((found, source))
        });
        described.min_by_key(|(violations, _)| violations.len())
    }

    /// The kinds of the judged overlays whose objects no schema describes, sorted by name.
    pub(super) fn kinds_without_schema(&self) -> Vec<Unseen> {
        let mut found: BTreeMap<String, Unseen> = BTreeMap::new();
        let mut known: HashSet<(&str, &str)> = HashSet::new();
        for overlay in self.judged() {
            for resource in &overlay.rendered.resources {
                let (version, kind) = (resource.api_version(), resource.kind());
                let copied = resource.node.get("kind").is_some_and(Node::is_from_secret);
                if version.is_empty() || copied || !known.insert((version, kind)) {
                    continue;
                }
                let is_described = Described::embedded(version, kind).is_some()
                    || !self.definitions().of(resource.group(), kind).is_empty()
                    || !matches!(schema::api(version, kind, Release::newest()), Api::Served);
                if !is_described {
                    let name = format!("{kind} ({version})");
                    let unseen = Unseen {
                        kind: UnseenKind::Kind,
                        name: name.clone(),
                        origin: resource.node.origin,
                    };
                    found.entry(name).or_insert(unseen);
                }
            }
        }
        found.into_values().collect()
    }

    /// The parts of an overlay's objects that contradict their schemas.
    pub(in crate::rules) fn contradictions_of(&self, overlay: &Overlay) -> &[Contradiction<'a>] {
        let cells = self.schemas.overlays.get_or_init(|| {
            let overlays = self.repo.overlays.iter();
            overlays.map(|_| OnceLock::new()).collect()
        });
        let repo: &'a crate::repo::Repo = self.repo;
        let Some(index) = self.index(overlay) else {
            return &[];
        };
        let (Some(cell), Some(overlay)) = (cells.get(index), repo.overlays.get(index)) else {
            return &[];
        };
        cell.get_or_init(|| {
            let resources = overlay.rendered.resources.iter();
            resources
                .flat_map(|resource| self.contradictions_in(overlay, resource))
                .collect()
        })
    }

    /// True if the objects of an overlay may get fields that are not known here: nothing in the
    /// repository applies it, and the agents of others patch what they apply.
    fn is_patched(&self, overlay: &Overlay) -> bool {
        let patch = || {
            let mut pointers = self.repo.pointers().iter();
            pointers.any(|pointer| {
                let patches = pointer.object.at(&["spec", "patches"]);
                patches.is_some_and(|patches| !patches.items().is_empty())
            })
        };
        overlay.agent.is_none() && *self.schemas.agents_patch.get_or_init(patch)
    }

    fn contradictions_in(
        &self,
        overlay: &Overlay,
        resource: &'a Resource,
    ) -> Vec<Contradiction<'a>> {
        let (violations, source) = if resource.api_version().is_empty() {
            (
                vec![schema::without_version(&resource.node)],
                Source::BuiltIn,
            )
        } else {
            let found = self.contradictions(
                Some(overlay),
                (resource.api_version(), resource.kind()),
                &resource.node,
            );
            found.unwrap_or((Vec::new(), Source::BuiltIn))
        };
        let is_whole = overlay.rendered.complete && !is_part(resource) && !self.is_patched(overlay);
        let is_certain = |violation: &Violation| is_whole || !violation.fault.is_lack();
        let violations = violations.into_iter().filter(is_certain);
        violations
            .map(|violation| Contradiction {
                resource,
                violation,
                source,
            })
            .collect()
    }
}

/// The group and version of an API that is not Kubernetes' own.
fn custom(api_version: &str) -> Option<(&str, &str)> {
    let (group, version) = api_version.split_once('/')?;
    group.contains('.').then_some((group, version))
}

/// The schema file of a kind, as kubeconform finds it: `GROUP/KIND_VERSION.json`,
/// `KIND-GROUP-VERSION.json` with the first word of the group, or `KIND_VERSION.json`.
fn schema_path<'p>(
    paths: &'p BTreeMap<String, Vec<Arc<str>>>,
    (group, version, kind): (&str, &str, &str),
) -> Option<&'p str> {
    let kind = kind.to_lowercase();
    let in_group = |path: &&Arc<str>| path.rsplit('/').nth(1) == Some(group);
    let plain = paths.get(&format!("{kind}_{version}.json"));
    let plain = plain.map_or(&[][..], Vec::as_slice);
    let word = group.split('.').next().unwrap_or(group);
    let with_word = paths.get(&format!("{kind}-{word}-{version}.json"));
    // a folder that is named like another group holds schemas of that group
    let of_no_group = |path: &&Arc<str>| {
        path.rsplit('/')
            .nth(1)
            .is_none_or(|folder| !folder.contains('.'))
    };
    let found = plain.iter().find(in_group);
    let found = found.or_else(|| with_word.and_then(|paths| paths.first()));
    found
        .or_else(|| plain.iter().find(of_no_group))
        .map(|path| &**path)
}

/// True if an object is merged into one that something else makes: it needs only the fields that
/// differ.
fn is_part(resource: &Resource) -> bool {
    let annotation = |name: &str| {
        let node = resource.node.at(&["metadata", "annotations", name]);
        node.and_then(Node::text).unwrap_or_default()
    };
    annotation("argocd.argoproj.io/sync-options").contains("ServerSideApply=true")
        || annotation("kustomize.toolkit.fluxcd.io/ssa").eq_ignore_ascii_case("merge")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MINORS;

    /// The configuration accepts the versions whose schemas are packed.
    #[test]
    fn every_version_that_can_be_configured_has_schemas() {
        assert_eq!(Release::oldest(), Release(*MINORS.start()));
        assert_eq!(Release::newest(), Release(*MINORS.end()));
    }
}
