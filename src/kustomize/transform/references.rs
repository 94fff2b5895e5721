//! Name references: what names an object that was renamed follows it.
//!
//! Candidates are found by an index from earlier names to resources, never by comparing all pairs.
//! Not here: which fields hold references (`configuration`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::configuration::Configuration;
use super::field_spec::{self, Create, FieldError, FieldSpec, Gvk};
use crate::kustomize::context::BuildContext;
use crate::kustomize::resource::NO_NAMESPACE;
use crate::kustomize::{Problem, Resource, steps};
use crate::yaml::{By, Data, Entry, Kind, Node, Origin, Scalar};

/// What a reference may lead to: a resource with the identities that count.
struct Candidate {
    name: String,
    namespace: Option<String>,
    effective_namespace: String,
    first_namespace: String,
    service_account: bool,
    earlier: Vec<(String, Gvk)>,
    prefixes: Vec<Arc<str>>,
    suffixes: Vec<Arc<str>>,
    renamed_by: Option<Origin>,
    namespace_origin: Origin,
    place: Origin,
    description: String,
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
            place: resource
                .node
                .at(&["metadata", "name"])
                .map_or(resource.node.origin, |name| name.origin),
            description: resource.id().to_string(),
        }
    }
}

struct Candidates {
    all: Vec<Candidate>,
    by_earlier_name: HashMap<String, Vec<usize>>,
    by_first_namespace: HashMap<String, Vec<usize>>,
}

/// Who refers.
struct Referrer {
    effective_namespace: String,
    prefixes: Vec<Arc<str>>,
    suffixes: Vec<Arc<str>>,
    /// Namespaces of the service accounts that a RoleBinding binds.
    subject_namespaces: BTreeSet<String>,
    /// `roleRef` of a binding.
    role: Option<Gvk>,
}

/// A reference as it stands.
struct Sought<'n> {
    name: &'n str,
    namespace: Option<&'n str>,
    /// Whether name and namespace stand in one map, so that both follow.
    whole: bool,
}

impl<'n> Sought<'n> {
    fn of(node: &'n Node) -> Option<Sought<'n>> {
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

/// What a reference is to be set to.
enum Found<'c> {
    Nothing,
    One(&'c Candidate),
    Several(Vec<&'c Candidate>),
}

impl Candidates {
    fn new(resources: &[Resource]) -> Candidates {
        let mut candidates = Candidates {
            all: Vec::new(),
            by_earlier_name: HashMap::new(),
            by_first_namespace: HashMap::new(),
        };
        for resource in resources {
            let index = candidates.all.len();
            let candidate = Candidate::new(resource);
            for (name, _) in &candidate.earlier {
                let places = candidates.by_earlier_name.entry(name.clone()).or_default();
                if places.last() != Some(&index) {
                    places.push(index);
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

    /// Whether an object can be referred to from where the referrer is at all.
    fn reachable(&self, candidate: &Candidate, referrer: &Referrer) -> bool {
        referrer.effective_namespace == NO_NAMESPACE
            || candidate.effective_namespace == NO_NAMESPACE
            || candidate.effective_namespace == referrer.effective_namespace
            || candidate
                .namespace
                .as_ref()
                .is_some_and(|namespace| referrer.subject_namespaces.contains(namespace))
    }

    /// What a name means; `whole` when name and namespace stand in one map and both follow.
    fn find(
        &self,
        sought: &Sought<'_>,
        target: &Gvk,
        spec: &FieldSpec,
        referrer: &Referrer,
    ) -> Found<'_> {
        let Sought {
            name,
            namespace,
            whole,
        } = *sought;
        let Some(places) = self.by_earlier_name.get(name) else {
            return Found::Nothing;
        };
        // a namespace that was some object's first one means that; otherwise it means where objects
        // are now
        let by_first = namespace.is_some_and(|namespace| {
            let places = self
                .by_first_namespace
                .get(namespace)
                .map_or(&[][..], |places| places);
            namespace != NO_NAMESPACE
                && places
                    .iter()
                    .filter_map(|index| self.all.get(*index))
                    .any(|candidate| self.reachable(candidate, referrer))
        });
        let in_namespace = |candidate: &Candidate| match namespace {
            None => true,
            Some(namespace) if by_first => candidate.first_namespace == namespace,
            Some(namespace) => candidate.effective_namespace == namespace,
        };
        let role = referrer
            .role
            .as_ref()
            .filter(|_| spec.path.ends_with("roleRef/name"));
        let of_type = |candidate: &Candidate, wanted: &Gvk| {
            candidate
                .earlier
                .iter()
                .any(|(_, gvk)| wanted.selects(&gvk.group, &gvk.version, &gvk.kind))
        };
        let same_namespace = |candidate: &Candidate| {
            referrer.effective_namespace == NO_NAMESPACE
                || candidate.effective_namespace == NO_NAMESPACE
                || candidate.service_account
                || candidate.effective_namespace == referrer.effective_namespace
        };
        let mut found: Vec<&Candidate> = places
            .iter()
            .filter_map(|index| self.all.get(*index))
            .filter(|candidate| {
                of_type(candidate, target)
                    && role.is_none_or(|role| of_type(candidate, role))
                    && self.reachable(candidate, referrer)
                    && in_namespace(candidate)
                    && same_namespace(candidate)
            })
            .collect();
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
        let identical = |a: &Candidate, b: &Candidate| {
            a.name == b.name && (!whole || a.namespace == b.namespace)
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
    fn new(resource: &Resource) -> Referrer {
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

/// Makes every reference follow the objects that were renamed. Once, at the top.
pub fn fix_references(
    resources: &mut [Resource],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    let candidates = Candidates::new(resources);
    for resource in resources.iter_mut() {
        if let Some(namespace) = unclear_subject(resource) {
            let message = format!(
                "the namespace of a subject of {} must be a string",
                resource.id()
            );
            context.report(
                Problem::error(namespace, message)
                    .with_help("name the namespace of the ServiceAccount, or drop the field"),
            );
            continue;
        }
        let first_kind = resource.first_id().kind;
        let mut referrer = None;
        for (target, spec) in configuration.references_of(&first_kind) {
            if !spec.gvk.selects_first(resource) {
                continue;
            }
            // most fields are not there; looking is cheaper than preparing to write
            let mut changes = false;
            let mut broken = false;
            let referrer = referrer.get_or_insert_with(|| Referrer::new(resource));
            let free = steps::visit(&resource.node, &spec.steps, &mut |node| {
                let mut see = |node: &Node| match Sought::of(node) {
                    Some(sought) => {
                        changes |= !matches!(
                            candidates.find(&sought, target, spec, referrer),
                            Found::Nothing
                        )
                    }
                    None => broken |= !node.is_null(),
                };
                match &node.data {
                    Data::List(list) => list.items.iter().for_each(see),
                    _ => see(node),
                }
            });
            if !changes && !broken && free {
                continue;
            }
            // the type that decides is the one that the object had at first
            let anywhere = FieldSpec {
                gvk: Gvk::default(),
                ..spec.clone()
            };
            let mut problems = Vec::new();
            let origin = resource.node.origin;
            let mut set =
                |node: &mut Node| update(node, &candidates, target, spec, referrer, &mut problems);
            let result = field_spec::apply(
                &mut resource.node,
                &anywhere,
                Create::Nothing,
                origin,
                &mut set,
            );
            if let Err(error) = result {
                let problem = Problem::error(
                    error.origin,
                    format!("{} of {}: {}", spec.path, resource.id(), error.message),
                );
                problems.push(
                    problem.with_help("kustomize looks for a name to follow there: give the field the form that Kubernetes asks for"),
                );
            }
            problems
                .into_iter()
                .for_each(|problem| context.report(problem));
        }
    }
}

/// The namespace of a ServiceAccount that a RoleBinding names, where it is not a string.
fn unclear_subject(resource: &Resource) -> Option<Origin> {
    if resource.kind() != "RoleBinding" {
        return None;
    }
    let accounts = resource
        .node
        .get("subjects")?
        .items()
        .iter()
        .filter(|subject| subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount"));
    accounts
        .filter_map(|subject| subject.get("namespace"))
        .find(|namespace| namespace.as_str().is_none())
        .map(|namespace| namespace.origin)
}

fn update(
    node: &mut Node,
    candidates: &Candidates,
    target: &Gvk,
    spec: &FieldSpec,
    referrer: &Referrer,
    problems: &mut Vec<Problem>,
) -> Result<(), FieldError> {
    if node.as_list().is_some() {
        let Some(list) = node.list_mut() else {
            return Ok(());
        };
        return list.items.iter_mut().try_for_each(|item| match &item.data {
            Data::List(_) => Err(FieldError::new(
                item,
                "a name, or a map with a name, is needed here",
            )),
            _ => update(item, candidates, target, spec, referrer, problems),
        });
    }
    let Some(sought) = Sought::of(node) else {
        return if node.is_null() {
            Ok(())
        } else {
            Err(FieldError::new(node, "a map with a name is needed here"))
        };
    };
    match candidates.find(&sought, target, spec, referrer) {
        Found::Nothing => Ok(()),
        Found::Several(several) => {
            problems.push(ambiguous(node, sought.name, &several));
            Ok(())
        }
        Found::One(candidate) if !sought.whole => rename(node, candidate),
        Found::One(candidate) => {
            let moved = candidate
                .namespace
                .as_deref()
                .filter(|wanted| sought.namespace != Some(*wanted));
            if let Some(name) = node.get_mut("name") {
                rename(name, candidate)?;
            }
            let Some(namespace) = moved else {
                return Ok(());
            };
            let origin = candidate.namespace_origin.with(By::Reference);
            if let Some(present) = node.get_mut("namespace") {
                return field_spec::set_text(present, namespace.to_string(), origin);
            }
            if let Some(map) = node.map_mut() {
                let value = Node::scalar(Scalar::plain(namespace), origin);
                map.entries.push(Entry {
                    key: "namespace".into(),
                    key_origin: origin,
                    value,
                });
            }
            Ok(())
        }
    }
}

fn rename(node: &mut Node, candidate: &Candidate) -> Result<(), FieldError> {
    if node
        .as_scalar()
        .is_some_and(|scalar| *scalar.text == candidate.name)
    {
        return Ok(());
    }
    field_spec::set_text(
        node,
        candidate.name.clone(),
        candidate
            .renamed_by
            .unwrap_or(candidate.place)
            .with(By::Reference),
    )
}

fn ambiguous(node: &Node, name: &str, several: &[&Candidate]) -> Problem {
    let message = format!("the name {name:?} could mean {} objects", several.len());
    let problem =
        Problem::error(node.origin, message).with_help("give the objects different names");
    several.iter().fold(problem, |problem, candidate| {
        problem.with_related(candidate.description.clone(), candidate.place)
    })
}
