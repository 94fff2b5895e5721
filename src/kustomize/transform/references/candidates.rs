//! The objects that references may mean, found by an index of earlier names instead of comparing
//! all pairs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::kustomize::Resource;
use crate::kustomize::resource::NO_NAMESPACE;
use crate::kustomize::transform::field_spec::{FieldSpec, Gvk};
use crate::yaml::{Data, Kind, Node, Origin};

/// A resource that a reference may mean.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    effective_namespace: String,
    first_namespace: String,
    service_account: bool,
    earlier: Vec<(String, Gvk)>,
    prefixes: Vec<Arc<str>>,
    suffixes: Vec<Arc<str>>,
    pub(super) renamed_by: Option<Origin>,
    pub(super) namespace_origin: Origin,
    pub(super) name_origin: Origin,
    pub(super) description: String,
}

impl Candidate {
    fn new(resource: &Resource) -> Candidate {
        let (group, version) = (resource.group(), resource.version());
        let earlier = resource.previous.iter().map(|id| {
            let gvk = Gvk {
                group: group.into(),
                version: version.into(),
                kind: id.kind.as_str().into(),
            };
            (id.name.clone(), gvk)
        });
        Candidate {
            name: resource.name().to_string(),
            namespace: resource
                .namespace()
                .filter(|namespace| !namespace.is_empty())
                .map(str::to_string),
            effective_namespace: resource.effective_namespace().to_string(),
            first_namespace: resource.first_id().effective_namespace().to_string(),
            service_account: resource.kind() == "ServiceAccount",
            earlier: earlier.collect(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            renamed_by: resource.renamed_by,
            namespace_origin: resource
                .node
                .at(&["metadata", "namespace"])
                .map_or(resource.node.origin, |namespace| namespace.origin),
            name_origin: resource
                .node
                .at(&["metadata", "name"])
                .map_or(resource.node.origin, |name| name.origin),
            description: resource.id().to_string(),
        }
    }
    fn was_of_type(&self, wanted: &Gvk) -> bool {
        self.earlier
            .iter()
            .any(|(_, gvk)| wanted.selects(&gvk.group, &gvk.version, &gvk.kind))
    }
}

/// A field of an object that may refer to another one.
#[derive(Clone, Copy)]
pub(super) struct Reference<'r> {
    /// The type that the field refers to.
    pub(super) target: &'r Gvk,
    pub(super) spec: &'r FieldSpec,
    pub(super) referrer: &'r Referrer,
}

/// All resources, by their earlier names and first namespaces.
pub(super) struct Candidates {
    all: Vec<Candidate>,
    by_earlier_name: HashMap<String, Vec<usize>>,
    by_first_namespace: HashMap<String, Vec<usize>>,
}

/// The object that contains a reference.
pub(super) struct Referrer {
    effective_namespace: String,
    prefixes: Vec<Arc<str>>,
    suffixes: Vec<Arc<str>>,
    /// Namespaces of the service accounts that a RoleBinding binds.
    subject_namespaces: BTreeSet<String>,
    /// `roleRef` of a binding.
    role: Option<Gvk>,
}

/// A reference as it is written.
pub(super) struct Sought<'n> {
    pub(super) name: &'n str,
    pub(super) namespace: Option<&'n str>,
    /// Name and namespace are in one map, so that both follow.
    pub(super) whole: bool,
}

impl<'n> Sought<'n> {
    pub(super) fn of(node: &'n Node) -> Option<Sought<'n>> {
        let text = |node: &'n Node| node.as_scalar().map_or("", |scalar| &scalar.text);
        match &node.data {
            Data::Scalar(scalar) if scalar.kind == Kind::Null => None,
            Data::Scalar(scalar) => Some(Sought {
                name: &scalar.text,
                namespace: None,
                whole: false,
            }),
            Data::Map(_) => Some(Sought {
                name: text(node.get("name")?),
                namespace: node.get("namespace").map(text),
                whole: true,
            }),
            Data::List(_) => None,
        }
    }
}

/// The objects that a reference means.
pub(super) enum Found<'c> {
    Nothing,
    One(&'c Candidate),
    Several(Vec<&'c Candidate>),
}

impl Candidates {
    pub(super) fn new(resources: &[Resource]) -> Candidates {
        let mut candidates = Candidates {
            all: Vec::new(),
            by_earlier_name: HashMap::new(),
            by_first_namespace: HashMap::new(),
        };
        for resource in resources {
            let index = candidates.all.len();
            let candidate = Candidate::new(resource);
            for (name, _) in &candidate.earlier {
                let positions = candidates.by_earlier_name.entry(name.clone()).or_default();
                if positions.last() != Some(&index) {
                    positions.push(index);
                }
            }
            candidates
                .by_first_namespace
                .entry(candidate.first_namespace.clone())
                .or_default()
                .push(index);
            candidates.all.push(candidate);
        }
        candidates
    }

    /// True if the referrer can refer to an object at all.
    fn reachable(&self, candidate: &Candidate, referrer: &Referrer) -> bool {
        referrer.effective_namespace == NO_NAMESPACE
            || candidate.effective_namespace == NO_NAMESPACE
            || candidate.effective_namespace == referrer.effective_namespace
            || candidate
                .namespace
                .as_ref()
                .is_some_and(|namespace| referrer.subject_namespaces.contains(namespace))
    }

    /// The objects that a reference means.
    pub(super) fn find(&self, sought: &Sought<'_>, reference: &Reference<'_>) -> Found<'_> {
        let Some(positions) = self.by_earlier_name.get(sought.name) else {
            return Found::Nothing;
        };
        let referrer = reference.referrer;
        let by_first = self.is_first_namespace(sought, referrer);
        let in_namespace = |candidate: &Candidate| match sought.namespace {
            None => true,
            Some(namespace) if by_first => candidate.first_namespace == namespace,
            Some(namespace) => candidate.effective_namespace == namespace,
        };
        let role = referrer
            .role
            .as_ref()
            .filter(|_| reference.spec.path.ends_with("roleRef/name"));
        let same_namespace = |candidate: &Candidate| {
            referrer.effective_namespace == NO_NAMESPACE
                || candidate.effective_namespace == NO_NAMESPACE
                || candidate.service_account
                || candidate.effective_namespace == referrer.effective_namespace
        };
        let mut found: Vec<&Candidate> = positions
            .iter()
            .filter_map(|position| self.all.get(*position))
            .filter(|candidate| {
                candidate.was_of_type(reference.target)
                    && role.is_none_or(|role| candidate.was_of_type(role))
                    && self.reachable(candidate, referrer)
                    && in_namespace(candidate)
                    && same_namespace(candidate)
            })
            .collect();
        narrow(&mut found, referrer);
        let identical = |a: &Candidate, b: &Candidate| {
            a.name == b.name && (!sought.whole || a.namespace == b.namespace)
        };
        match found[..] {
            [] => Found::Nothing,
            [only] => Found::One(only),
            [first, ref rest @ ..] if rest.iter().all(|other| identical(first, other)) => {
                Found::One(first)
            }
            _ => Found::Several(found),
        }
    }

    /// True if some reachable object was first in the namespace of a reference. The namespace then
    /// means the first namespaces of objects; otherwise it means where they are now.
    fn is_first_namespace(&self, sought: &Sought<'_>, referrer: &Referrer) -> bool {
        let Some(namespace) = sought
            .namespace
            .filter(|namespace| *namespace != NO_NAMESPACE)
        else {
            return false;
        };
        let positions = self.by_first_namespace.get(namespace);
        positions
            .into_iter()
            .flatten()
            .filter_map(|position| self.all.get(*position))
            .any(|candidate| self.reachable(candidate, referrer))
    }
}

/// Of several candidates, keeps those that share prefixes and suffixes with the referrer.
fn narrow(found: &mut Vec<&Candidate>, referrer: &Referrer) {
    if found.len() > 1 {
        found.retain(|candidate| {
            let may =
                |a: &[Arc<str>], b: &[Arc<str>]| a.is_empty() || b.is_empty() || same_end(a, b);
            may(&candidate.prefixes, &referrer.prefixes)
                && may(&candidate.suffixes, &referrer.suffixes)
        });
    }
    if found.len() > 1 {
        found.retain(|candidate| {
            same_end(&candidate.prefixes, &referrer.prefixes)
                && same_end(&candidate.suffixes, &referrer.suffixes)
        });
    }
}

fn same_end(one: &[Arc<str>], other: &[Arc<str>]) -> bool {
    let (shorter, longer) = if one.len() > other.len() {
        (other, one)
    } else {
        (one, other)
    };
    if shorter.is_empty() {
        longer.is_empty()
    } else {
        longer.ends_with(shorter)
    }
}

impl Referrer {
    pub(super) fn new(resource: &Resource) -> Referrer {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let mut subject_namespaces = BTreeSet::new();
        if resource.kind() == "RoleBinding" {
            let subjects = resource.node.get("subjects").map_or(&[][..], Node::items);
            let accounts = subjects
                .iter()
                .filter(|subject| text(subject, "kind").as_deref() == Some("ServiceAccount"));
            subject_namespaces.extend(accounts.filter_map(|subject| text(subject, "namespace")));
        }
        let role = resource.node.get("roleRef").and_then(|role| {
            Some(Gvk {
                group: text(role, "apiGroup")?.into(),
                kind: text(role, "kind")?.into(),
                version: "".into(),
            })
        });
        Referrer {
            effective_namespace: resource.effective_namespace().to_string(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            subject_namespaces,
            role,
        }
    }
}
