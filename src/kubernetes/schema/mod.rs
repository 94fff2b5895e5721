//! The shapes of Kubernetes objects: which fields a kind has, of which types, and which of them the
//! API server requires.
//!
//! Here: which schema describes an object, and what contradicts it ([`Described::violations`]).
//! Not here: rules about values that no schema states (`values`), how bad a violation is (`rules`).

pub(crate) mod custom;
pub(crate) mod defaults;
mod pack;
mod refusal;
mod rules;
mod scalars;
mod shape;
mod syntax;
pub(crate) mod values;
mod walk;

use crate::names::edits;
use crate::yaml::{Entry, Node, Origin};
use pack::{Pack, Types};
use shape::Shape;
use walk::{In, Walk};

pub(crate) use custom::{BrokenSchema, Definition, Definitions};
pub(crate) use pack::Life;
pub(crate) use refusal::Refusal;

/// A minor version of Kubernetes: 33 of `1.33`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release(pub u8);

impl Release {
    /// The newest one that is known.
    pub(crate) fn newest() -> Release {
        Release(Pack::built_in().releases.1)
    }

    /// The oldest one that is known.
    #[cfg(test)]
    pub(crate) fn oldest() -> Release {
        Release(Pack::built_in().releases.0)
    }

    /// Reads `1.33`.
    pub(crate) fn parse(text: &str) -> Option<Release> {
        text.strip_prefix("1.")?.parse().ok().map(Release)
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "1.{}", self.0)
    }
}

/// Who describes a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Kubernetes.
    BuiltIn,
    /// A well-known project, whose version in the cluster may be another one.
    Embedded,
    /// A CustomResourceDefinition or schema of the repository.
    Repository,
}

/// The schema of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Described<'s> {
    schema: In<'s>,
    /// Who describes it.
    pub source: Source,
}

/// Something that contradicts the schema of an object.
#[derive(Clone, Debug)]
pub(crate) struct Violation<'a> {
    /// The JSON pointer to the value.
    pub pointer: String,
    /// The place to edit: the value, the unknown key, or what lacks a field.
    pub origin: Origin,
    /// The problem.
    pub fault: Fault<'a>,
}

/// A problem of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// A value has another type than the field.
    WrongType {
        /// The type that the field takes: `text`.
        wanted: &'static str,
        /// The type that is there: `a number`.
        present: &'static str,
        /// The value, if it is a single one.
        text: Option<&'a str>,
    },
    /// A map lacks a field.
    Missing {
        /// The field.
        field: String,
    },
    /// A map has a field that its type does not have.
    Unknown {
        /// The field.
        field: &'a str,
        /// The known field that is nearly spelt like it.
        near: Option<String>,
    },
    /// A map has a field that its type has in other versions of Kubernetes.
    Unserved {
        /// The field.
        field: &'a str,
        /// The first minor version that has it, if the cluster is older.
        since: Option<u8>,
        /// The last minor version that has it, if the cluster is newer.
        until: Option<u8>,
    },
    /// A value exceeds a limit.
    Refused {
        /// The name of the kind of limit.
        kind: &'static str,
        /// The problem, as the end of a sentence.
        reason: String,
    },
    /// A rule of the schema in CEL does not hold.
    Rule {
        /// Its message.
        message: String,
    },
    /// Two items of a list have the same key.
    Duplicate {
        /// The key.
        key: String,
        /// The first item.
        first: Origin,
    },
}

impl Fault<'_> {
    /// True if the rest of the object may mend it: something is missing, or a rule in CEL, which may
    /// look for anything, does not hold.
    pub(crate) fn is_lack(&self) -> bool {
        match self {
            Fault::Missing { .. } | Fault::Rule { .. } => true,
            Fault::Refused { kind, .. } => *kind == walk::ALTERNATIVES,
            _ => false,
        }
    }

    /// True if a newer version of a kind may allow the value: it is none of the listed ones, and
    /// resembles none of them either.
    pub(crate) fn may_be_newer(&self) -> bool {
        match self {
            Fault::Refused { kind, .. } => *kind == scalars::OTHER_CHOICE,
            Fault::Unknown { near, .. } => near.is_none(),
            _ => false,
        }
    }
}

impl<'s> Described<'s> {
    fn new(shape: &'s Shape, types: &'s Types, source: Source) -> Described<'s> {
        let schema = In { shape, types };
        Described { schema, source }
    }

    /// The schema of a kind of Kubernetes or of a well-known project.
    pub(crate) fn embedded(api_version: &str, kind: &str) -> Option<Described<'static>> {
        let (pack, source) = match api_version.rsplit_once('/') {
            Some((group, _)) if group.contains('.') && !group.ends_with(".k8s.io") => {
                (Pack::custom(), Source::Embedded)
            }
            // the group of the Gateway API ends like those of Kubernetes
            Some((group, _)) if group.starts_with("gateway.networking.") => {
                (Pack::custom(), Source::Embedded)
            }
            _ => (Pack::built_in(), Source::BuiltIn),
        };
        let known = pack.kind(api_version, kind)?;
        let shape = pack.types.get(known.number)?;
        Some(Described::new(shape, &pack.types, source))
    }

    /// The parts of an object that contradict the schema. Values that an agent or a template fills
    /// in later are not judged, and neither are encrypted objects.
    pub(crate) fn violations(self, release: Release, node: &Node) -> Vec<Violation<'_>> {
        // SOPS adds the key `sops` to a file that it encrypts; the agent removes it
        if node.get("sops").is_some() {
            return Vec::new();
        }
        let mut walk = Walk::new(release.0);
        if self.source == Source::BuiltIn {
            walk.value(self.schema, node);
        } else {
            walk.custom(self.schema, node);
        }
        walk.found
    }
}

/// The problem of an object without `apiVersion`, at the key that is probably meant.
pub(crate) fn without_version(node: &Node) -> Violation<'_> {
    const FIELD: &str = "apiVersion";
    let near = |entry: &&Entry| edits(&entry.key.to_lowercase(), &FIELD.to_lowercase()) <= 2;
    match node.entries().iter().find(near) {
        Some(entry) => Violation {
            pointer: String::new(),
            origin: entry.key_origin,
            fault: Fault::Unknown {
                field: &entry.key,
                near: Some(FIELD.to_string()),
            },
        },
        None => Violation {
            pointer: String::new(),
            origin: node.origin,
            fault: Fault::Missing {
                field: FIELD.to_string(),
            },
        },
    }
}

/// An API as a version of Kubernetes serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// It is served, or it is not Kubernetes' own.
    Served,
    /// It is served, and a later version will remove it.
    Deprecated(Life),
    /// It is no longer served.
    Removed(Life),
    /// A later version serves it first.
    Later(Release),
    /// No version serves it, but its kind has another API version.
    Unknown(&'static str),
}

/// The state of an API in a version of Kubernetes.
pub(crate) fn api(api_version: &str, kind: &str, release: Release) -> Api {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    if group.contains('.') && !group.ends_with(".k8s.io") {
        return Api::Served;
    }
    let pack = Pack::built_in();
    if let Some(life) = pack.life(api_version, kind) {
        if life.removed.is_some_and(|removed| removed <= release.0) {
            return Api::Removed(life);
        }
        if life.deprecated <= release.0 {
            return Api::Deprecated(life);
        }
    }
    match pack.kind(api_version, kind) {
        Some(known) if known.since > release.0 => Api::Later(Release(known.since)),
        Some(_) => Api::Served,
        None => match pack.versions_of(kind) {
            [.., newest] if pack.has_group(group) => {
                Api::Unknown(served(pack, kind, group).unwrap_or(newest))
            }
            _ => Api::Served,
        },
    }
}

/// The API version of a kind to use: one of its group, and a stable one, if there is one.
fn served(pack: &Pack, kind: &str, group: &str) -> Option<&'static str> {
    let versions = pack.versions_of(kind);
    let of_group =
        |version: &&&'static str| version.rsplit_once('/').map_or("", |(own, _)| own) == group;
    let stable = |version: &&&'static str| !version.contains("alpha") && !version.contains("beta");
    let mut own = versions.iter().filter(of_group).filter(stable);
    own.next().or_else(|| versions.iter().find(stable)).copied()
}

/// True if a group is one of Kubernetes' own.
pub(crate) fn is_kubernetes(group: &str) -> bool {
    !group.contains('.') || Pack::built_in().has_group(group)
}

/// True if an agent or a template fills in a text later: `${REPLICAS}`, `{{ .name }}`. `$patch` is
/// for kustomize.
pub(super) fn is_open(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || matches!(text, "<<" | "$patch")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn faults(text: &str) -> Vec<(String, String)> {
        faults_in(Release::newest(), text)
    }

    fn faults_in(release: Release, text: &str) -> Vec<(String, String)> {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap();
        let described = Described::embedded(text("apiVersion"), text("kind")).unwrap();
        let shown = |violation: Violation| {
            let fault = match violation.fault {
                Fault::WrongType { wanted, .. } => wanted.to_string(),
                Fault::Missing { field } => format!("-{field}"),
                Fault::Unknown { field, near } => format!("{field}?{}", near.unwrap_or_default()),
                Fault::Unserved { since, until, .. } => format!("{since:?} {until:?}"),
                Fault::Refused { reason, .. } => reason,
                Fault::Duplicate { key, .. } => format!("twice {key}"),
                Fault::Rule { message } => message.clone(),
            };
            (violation.pointer, fault)
        };
        let found = described.violations(release, &node);
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn types_fields_and_missing_fields_are_found_where_they_stand() {
        let pod = |container: &str| {
            faults(&format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{container}]}}}}"
            ))
        };
        let at = |pointer: &str, fault: &str| {
            vec![(format!("/spec/containers/0{pointer}"), fault.to_string())]
        };
        assert!(pod("{name: a, image: b, env: [{name: A, value: '1'}]}").is_empty());
        assert!(pod("{name: a, image: b, ports: [{containerPort: 80.0}], env: null}").is_empty());
        assert!(pod("{name: a, image: b, ports: [{containerPort: '${PORT}'}]}").is_empty());
        assert_eq!(pod("{name: a}"), at("", "-image"));
        assert_eq!(
            pod("{name: a, image: b, env: [{name: A, value: 1}]}"),
            at("/env/0/value", "text")
        );
        assert_eq!(
            pod("{name: a, image: b, args: [--on, true]}"),
            at("/args/1", "text")
        );
        assert_eq!(
            pod("{name: a, image: b, envs: []}"),
            at("/envs", "envs?env")
        );
        assert_eq!(
            pod("{name: a, image: b, resources: {limits: {memory: 1GB}}}"),
            at(
                "/resources/limits/memory",
                "a quantity such as `500m` or `1Gi`"
            )
        );
    }

    #[test]
    fn fields_belong_to_releases() {
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b}], resources: {limits: {cpu: 1}}}}";
        assert!(faults(pod).is_empty());
        assert_eq!(
            faults_in(Release(30), pod),
            [("/spec/resources".to_string(), "Some(32) None".to_string())]
        );
    }

    #[test]
    fn values_are_held_against_limits() {
        let service = |spec: &str| {
            faults(&format!(
                "{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {spec}}}"
            ))
        };
        let found = service("{type: ClusterIp, ports: [{port: 80, targetPort: http}]}");
        assert_eq!(
            found,
            [(
                "/spec/type".to_string(),
                "has to be one of `ClusterIP`, `ExternalName`, `LoadBalancer`, `NodePort`, but it is `ClusterIp`"
                    .to_string()
            )]
        );
        assert!(service("{type: '', ports: [{port: 3000000000}]}").len() == 1);
        let secret = |value: &str| {
            faults(&format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, data: {{a: {value}}}}}"
            ))
        };
        assert_eq!(secret("'not base64'").len(), 1);
        assert!(secret("c2VjcmV0").is_empty() && secret("<path:kv/data/a#b>").is_empty());
    }

    #[test]
    fn custom_resources_are_described() {
        let kustomization = |field: &str| {
            faults(&format!(
                "{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: a}}, spec: {{interval: 1m, prune: true, sourceRef: {{kind: GitRepository, name: a}}, {field}}}}}"
            ))
        };
        assert!(kustomization("wait: true").is_empty());
        assert_eq!(
            kustomization("dependson: []"),
            [(
                "/spec/dependson".to_string(),
                "dependson?dependsOn".to_string()
            )]
        );
    }

    #[test]
    fn apis_have_a_time() {
        let state = |version: &str, kind: &str, minor: u8| api(version, kind, Release(minor));
        assert_eq!(state("apps/v1", "Deployment", 37), Api::Served);
        assert!(matches!(
            state("batch/v1beta1", "CronJob", 30),
            Api::Removed(_)
        ));
        let flow = "flowcontrol.apiserver.k8s.io/v1beta3";
        assert!(matches!(state(flow, "FlowSchema", 30), Api::Deprecated(_)));
        assert!(matches!(state(flow, "FlowSchema", 32), Api::Removed(_)));
        assert_eq!(state("apps/v2", "Deployment", 37), Api::Unknown("apps/v1"));
        assert_eq!(state("v1", "Deployment", 37), Api::Unknown("apps/v1"));
        assert_eq!(state("v1", "DeploymentConfig", 37), Api::Served);
        assert_eq!(state("argoproj.io/v1", "Application", 37), Api::Served);
        let gated = "admissionregistration.k8s.io/v1";
        assert_eq!(
            state(gated, "ValidatingAdmissionPolicy", 29),
            Api::Later(Release(30))
        );
    }
}
