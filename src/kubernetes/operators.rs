//! Secrets and ConfigMaps that no manifest names: Kubernetes puts some into every namespace, and
//! operators and Helm releases create some whose names they derive from their own.
//!
//! Not here: objects that name in a field what they create (`references`).

use std::collections::BTreeSet;

use super::copies;
use super::references::Target;
use crate::kustomize::{Resource, Unrendered};
use crate::yaml::Node;

/// True if Kubernetes or the platform creates the object in every namespace.
pub(crate) fn made_by_kubernetes(target: Target, name: &str) -> bool {
    // Rook uses the same names in every cluster
    if name.starts_with("rook-ceph-") || name.starts_with("rook-csi-") {
        return true;
    }
    match target {
        Target::ConfigMap => matches!(
            name,
            "kube-root-ca.crt"
                | "openshift-service-ca.crt"
                | "istio-ca-root-cert"
                | "extension-apiserver-authentication"
                | "cluster-info"
        ),
        // the token of a service account ends in five random characters; Argo CD creates two
        // Secrets when it is installed
        Target::Secret => {
            name.starts_with("sh.helm.release.v1.")
                || matches!(name, "argocd-redis" | "argocd-initial-admin-secret")
                || name.rsplit_once("-token-").is_some_and(|(_, random)| {
                    random.len() == 5
                        && random
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                })
        }
    }
}

/// API groups, with the suffixes that their operators add to the name of a custom resource to name
/// the Secrets and ConfigMaps they create for it. `-es-*` is any suffix that starts with `-es-`.
const MADE: &[(&str, &[&str])] = &[
    (
        "postgresql.cnpg.io",
        &["-app", "-superuser", "-ca", "-server", "-replication"],
    ),
    (
        "postgres-operator.crunchydata.com",
        &[
            "-pguser-*",
            "-cluster-cert",
            "-replication-cert",
            "-monitoring",
        ],
    ),
    (
        "k8s.elastic.co",
        &[
            "-es-*", "-kb-*", "-apm-*", "-ent-*", "-beat-*", "-agent-*", "-ls-*", "-ems-*",
        ],
    ),
    (
        "kafka.strimzi.io",
        &[
            "",
            "-cluster-ca-cert",
            "-clients-ca-cert",
            "-cluster-ca",
            "-kafka-*",
        ],
    ),
    (
        "rabbitmq.com",
        &["-default-user", "-user-credentials", "-erlang-cookie"],
    ),
    ("mysql.oracle.com", &["-privsecrets", "-backup", "-ca"]),
    (
        "percona.com",
        &["-secrets", "-ssl", "-users", "-internal-*"],
    ),
    ("mongodb.com", &["-*"]),
    ("mysql.presslabs.org", &["-operated*", "-secret"]),
    ("databases.spotahome.com", &["-auth"]),
    ("minio.min.io", &["-*"]),
    ("keycloak.org", &["-initial-admin", "-client-secret-*"]),
    ("integreatly.org", &["-admin-credentials"]),
    ("jaegertracing.io", &["-*"]),
    ("crossplane.io", &[""]),
    ("moco.cybozu.com", &["-*"]),
];

/// Groups of custom resources whose controllers make no Secret or ConfigMap of the same name, or say
/// in a field which one they make.
const MAKES_NOTHING: &[&str] = &[
    "argoproj.io",
    "autoscaling.k8s.io",
    "bitnami.com",
    "cert-manager.io",
    "cilium.io",
    "crd.projectcalico.org",
    "external-secrets.io",
    "fluxcd.io",
    "gateway.networking.k8s.io",
    "istio.io",
    "karpenter.sh",
    "keda.sh",
    "kustomize.config.k8s.io",
    "kyverno.io",
    "monitoring.coreos.com",
    "snapshot.storage.k8s.io",
    "tekton.dev",
    "traefik.containo.us",
    "traefik.io",
];

/// True if a group is none of Kubernetes itself, which have no dot or end in `.k8s.io`.
fn is_custom(group: &str) -> bool {
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// True if nothing is known of what the controller of a custom resource makes.
pub(crate) fn may_make_anything(resource: &Resource) -> bool {
    let group = resource.group();
    let mut known = MAKES_NOTHING.iter();
    is_custom(group) && !known.any(|ending| is_of_family(group, ending))
}

/// The ways of making other objects: see [`makes`] and `copies::copies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// It makes nothing.
    No,
    /// The names of what it makes begin with its own.
    ByName,
    /// The things that it makes may have any name.
    Wide,
}

/// The way in which an object may make others.
pub(crate) fn maker(resource: &Resource) -> Maker {
    let group = resource.group();
    let is_wide = release_name(resource).is_some()
        || matches!(group, "acid.zalan.do" | "moco.cybozu.com" | "kyverno.io")
        || group == "policies.kyverno.io"
        || copies::has_serving_certificate(resource);
    let may = is_custom(group)
        || matches!((resource.kind(), group), ("Secret" | "ConfigMap", ""))
        || MADE.iter().any(|(ending, _)| is_of_family(group, ending));
    match (is_wide, may) {
        (true, _) => Maker::Wide,
        (_, true) => Maker::ByName,
        _ => Maker::No,
    }
}

/// True if a group is `cert-manager.io` or one below it.
fn is_of_family(group: &str, ending: &str) -> bool {
    group == ending
        || group
            .strip_suffix(ending)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// True if an operator creates a Secret or ConfigMap of this name for an object that does not name
/// it.
pub(crate) fn makes(resource: &Resource, target: Target, name: &str) -> bool {
    let own = resource.name();
    let group = resource.group();
    if let Some(release) = release_name(resource) {
        // charts name their objects after the release, or as the values say
        return follows(name, release) || mentions(resource, name);
    }
    if group == "acid.zalan.do" && target == Target::Secret {
        return name.split('.').any(|part| part == own) && name.contains("credentials");
    }
    if resource.kind() == "PostgresCluster" && target == Target::Secret && follows(name, own) {
        return true;
    }
    let family = |ending: &str| is_of_family(group, ending);
    if group == "moco.cybozu.com"
        && name
            .strip_prefix("moco-")
            .is_some_and(|rest| rest.ends_with(own))
    {
        return true;
    }
    let Some(rest) = name.strip_prefix(own).filter(|_| !own.is_empty()) else {
        return false;
    };
    // operators that are not listed here mostly name what they make after their object
    if rest.is_empty() && may_make_anything(resource) {
        return true;
    }
    MADE.iter()
        .filter(|(ending, _)| family(ending))
        .flat_map(|(_, endings)| endings.iter())
        .any(|ending| match ending.strip_suffix('*') {
            Some(start) => rest.starts_with(start),
            None => rest == *ending,
        })
}

/// The name that the names of a release's objects begin with, as charts name them.
pub(crate) fn name_of_release(release: &Unrendered) -> &str {
    release_name(&release.resource).unwrap_or(release.resource.name())
}

/// The starts of a name with which a release or an object may be named that makes one of this name:
/// `web` and `web-db` for `web-db`.
pub(crate) fn starts_of(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices(['-', '.']).map(|(at, _)| at);
    let starts = ends.chain([name.len()]).filter_map(|end| name.get(..end));
    starts.filter(|start| !start.is_empty())
}

/// The texts of values that may be names of objects which the chart makes: `fullnameOverride`,
/// `secretName`, the name of a certificate. `existingSecret: name` uses an object and does not make it.
pub(crate) fn names_in_values<'v>(values: &'v Node, found: &mut BTreeSet<&'v str>) {
    any_name(values, "", &mut |name| {
        found.insert(name);
        false
    });
}

/// True if one of these texts is wanted; the rest is not looked at then.
fn any_name<'v>(node: &'v Node, key: &str, is_wanted: &mut dyn FnMut(&'v str) -> bool) -> bool {
    let is_used = key.to_ascii_lowercase().starts_with("existing");
    let text = node.text().filter(|text| !text.is_empty() && !is_used);
    text.is_some_and(&mut *is_wanted)
        || node
            .entries()
            .iter()
            .any(|entry| any_name(&entry.value, &entry.key, is_wanted))
        || node
            .items()
            .iter()
            .any(|item| any_name(item, "", is_wanted))
}

/// True if this object installs a chart, possibly into another namespace.
pub(crate) fn installs_elsewhere(resource: &Resource) -> bool {
    release_name(resource).is_some()
}

/// The release that Flux, Argo CD or k3s installs for this object.
fn release_name(resource: &Resource) -> Option<&str> {
    let spec = resource.node.get("spec");
    let text = |path: &[&str]| {
        spec.and_then(|spec| spec.at(path))
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    match (resource.kind(), resource.group()) {
        ("HelmRelease", _) => Some(text(&["releaseName"]).unwrap_or(resource.name())),
        ("HelmChart", "helm.cattle.io") => Some(resource.name()),
        ("Application", "argoproj.io") => {
            let chart = text(&["source", "chart"]).is_some()
                || text(&["source", "helm", "releaseName"]).is_some();
            let sources = spec
                .and_then(|spec| spec.get("sources"))
                .map_or(&[][..], Node::items);
            let any = chart || sources.iter().any(|source| source.get("chart").is_some());
            any.then(|| text(&["source", "helm", "releaseName"]).unwrap_or(resource.name()))
        }
        _ => None,
    }
}

/// True if a name begins with another one, as a whole word.
fn follows(name: &str, own: &str) -> bool {
    starts_of(name).any(|start| start == own)
}

/// True if a value of the release is the name.
fn mentions(resource: &Resource, name: &str) -> bool {
    let values = resource.node.at(&["spec", "values"]);
    values.is_some_and(|values| any_name(values, "", &mut |text| text == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn made(text: &str, name: &str) -> bool {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let resource = Resource::new(node);
        makes(&resource, Target::Secret, name)
    }

    #[test]
    fn what_operators_make() {
        let access =
            "{apiVersion: access.strimzi.io/v1alpha1, kind: KafkaAccess, metadata: {name: api}}";
        assert!(made(access, "api") && !made(access, "api-kafka"));
        let rollout = "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: api}}";
        assert!(!made(rollout, "api"));
        assert!(made(
            "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: orders}}",
            "orders-app"
        ));
        assert!(!made(
            "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: orders}}",
            "orders-api"
        ));
        assert!(made(
            "{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch, metadata: {name: logs}}",
            "logs-es-elastic-user"
        ));
        assert!(made(
            "{apiVersion: acid.zalan.do/v1, kind: postgresql, metadata: {name: db}}",
            "app.db.credentials.postgresql.acid.zalan.do"
        ));
        assert!(made(
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: redis}}",
            "redis"
        ));
        assert!(!made(
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: redis}}",
            "rediscache"
        ));
        assert!(!made(
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}}",
            "api"
        ));
    }

    #[test]
    fn what_kubernetes_makes() {
        assert!(made_by_kubernetes(Target::Secret, "default-token-x7k2p"));
        assert!(!made_by_kubernetes(Target::Secret, "api-token-live1x"));
        assert!(made_by_kubernetes(Target::Secret, "argocd-redis"));
        assert!(made_by_kubernetes(Target::ConfigMap, "kube-root-ca.crt"));
    }
}
