//! The limits of an AppProject, as Argo CD reads them (`pkg/apis/application/v1alpha1`, release 3.x).
//!
//! Here: whether one project allows something. Not here: which objects are asked about.

use crate::glob::{Stars, matches};
use crate::yaml::Node;

/// An AppProject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits<'n> {
    pub(super) node: &'n Node,
}

/// A cluster and a namespace. What only the cluster knows is `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination<'d> {
    pub(super) server: Option<&'d str>,
    pub(super) name: Option<&'d str>,
    pub(super) namespace: &'d str,
}

/// Whether the kind of an object belongs to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Namespace,
    Cluster,
    Unknown,
}

impl<'n> Limits<'n> {
    /// A list of the project; `None` if it is not written.
    pub(super) fn list(self, key: &str) -> Option<&'n Node> {
        let list = self.node.at(&["spec", key])?;
        list.as_list().is_some().then_some(list)
    }

    fn items(self, key: &str) -> &'n [Node] {
        self.list(key).map_or(&[], Node::items)
    }

    /// True if Applications may read a repository.
    pub(super) fn allows_source(self, url: &str) -> bool {
        let url = normal(url);
        let mut allowed = false;
        for pattern in self.items("sourceRepos").iter().filter_map(Node::text) {
            let pattern = match pattern.strip_prefix('!') {
                Some(rest) => format!("!{}", normal(rest)),
                None => normal(pattern),
            };
            match matched(&pattern, &url, Stars::WithinFolder) {
                true => allowed = true,
                false if pattern.starts_with('!') => return false,
                false => {}
            }
        }
        allowed
    }

    /// True if Applications may apply objects there, or if only the cluster knows.
    pub(super) fn allows_destination(self, wanted: Destination<'_>) -> bool {
        let mut allowed = false;
        for item in self.items("destinations") {
            let pattern = |key: &str| item.get(key).and_then(Node::text).unwrap_or_default();
            // a part that is not known may match
            let known = |pattern: &str, value: Option<&str>| match value {
                Some(value) => value_matches(pattern, value),
                None => !pattern.is_empty(),
            };
            let name = known(pattern("name"), wanted.name);
            let server = known(pattern("server"), wanted.server);
            let namespace = matched(pattern("namespace"), wanted.namespace, Stars::AcrossFolders);
            let denies = |key: &str| pattern(key).starts_with('!');
            if (name || server) && namespace {
                allowed = true;
            } else if (!name && denies("name"))
                || (!server && denies("server") && namespace)
                || (!namespace && denies("namespace") && server)
            {
                return false;
            }
        }
        allowed
    }

    /// True if Applications may apply objects of a kind.
    pub(super) fn allows_kind(self, kind: (&str, &str), name: &str, scope: Scope) -> bool {
        let in_namespace = || {
            let listed = self.list("namespaceResourceWhitelist").is_none()
                || self.lists("namespaceResourceWhitelist", kind, name);
            listed && !self.lists("namespaceResourceBlacklist", kind, name)
        };
        let in_cluster = || {
            self.lists("clusterResourceWhitelist", kind, name)
                && !self.lists("clusterResourceBlacklist", kind, name)
        };
        match scope {
            Scope::Namespace => in_namespace(),
            Scope::Cluster => in_cluster(),
            Scope::Unknown => in_namespace() || in_cluster(),
        }
    }

    /// The list that keeps Applications from applying a kind.
    pub(super) fn refusing(self, kind: (&str, &str), name: &str, scope: Scope) -> &'static str {
        let (allowed, forbidden) = match scope {
            Scope::Cluster => ("clusterResourceWhitelist", "clusterResourceBlacklist"),
            _ => ("namespaceResourceWhitelist", "namespaceResourceBlacklist"),
        };
        match self.lists(forbidden, kind, name) {
            true => forbidden,
            false => allowed,
        }
    }

    fn lists(self, key: &str, (group, kind): (&str, &str), name: &str) -> bool {
        let mut items = self.items(key).iter();
        items.any(|item| {
            let part = |key: &str| item.get(key).and_then(Node::text).unwrap_or_default();
            let names = part("name");
            matches(part("kind"), Stars::WithinFolder, kind)
                && matches(part("group"), Stars::WithinFolder, group)
                && (names.is_empty() || matches(names, Stars::WithinFolder, name))
        })
    }
}

fn value_matches(pattern: &str, value: &str) -> bool {
    !value.is_empty() && matched(pattern, value, Stars::AcrossFolders)
}

/// A glob in which `!` at the start negates.
fn matched(pattern: &str, value: &str, stars: Stars) -> bool {
    match pattern.strip_prefix('!') {
        Some(rest) => !matches(rest, stars, value),
        None => pattern == "*" || matches(pattern, stars, value),
    }
}

/// A URL in the form in which Argo CD compares it: `git@host:acme/app.git` is
/// `git@host/acme/app`.
fn normal(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    let is_ssh = lower.strip_prefix("ssh://").unwrap_or(&lower);
    let is_ssh = is_ssh.split_once('@').is_some_and(|(user, host)| {
        !user.contains(['/', ':']) && !host.is_empty() && !host.contains('@')
    });
    let lower = match is_ssh && !lower.starts_with("ssh://") {
        true => lower.replacen(':', "/", 1),
        false => lower,
    };
    let plain = lower.strip_suffix(".git").unwrap_or(&lower);
    plain.strip_prefix("ssh://").unwrap_or(plain).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;
    use crate::yaml::read::read;

    fn project(spec: &str) -> Node {
        let text = format!("spec:\n{spec}");
        read(&text, FileId(0)).unwrap().documents.remove(0)
    }

    #[test]
    fn sources() {
        for (patterns, url, allowed) in [
            ("['*']", "https://git.example.org/acme/app", true),
            (
                "[https://git.example.org/acme/*]",
                "https://git.example.org/Acme/app.git",
                true,
            ),
            (
                "[https://git.example.org/*]",
                "https://git.example.org/acme/app",
                false,
            ),
            (
                "[https://git.example.org/**]",
                "https://git.example.org/acme/app",
                true,
            ),
            (
                "[git@git.example.org:acme/app]",
                "ssh://git@git.example.org/acme/app.git",
                true,
            ),
            (
                "['*', '!https://git.example.org/acme/*']",
                "https://git.example.org/acme/app",
                false,
            ),
            (
                "['!https://git.example.org/acme/*']",
                "https://git.example.org/other/app",
                true,
            ),
            ("[]", "https://git.example.org/acme/app", false),
        ] {
            let node = project(&format!("  sourceRepos: {patterns}\n"));
            assert_eq!(
                Limits { node: &node }.allows_source(url),
                allowed,
                "{patterns} {url}"
            );
        }
    }

    #[test]
    fn destinations() {
        let here = ("https://kubernetes.default.svc", "in-cluster");
        for (destinations, (server, name), namespace, allowed) in [
            ("[{server: '*', namespace: '*'}]", here, "shop", true),
            (
                "[{server: https://kubernetes.default.svc, namespace: shop-*}]",
                here,
                "shop-eu",
                true,
            ),
            (
                "[{server: https://kubernetes.default.svc, namespace: shop-*}]",
                here,
                "other",
                false,
            ),
            ("[{name: in-cluster, namespace: shop}]", here, "shop", true),
            ("[{name: eu, namespace: shop}]", here, "shop", false),
            (
                "[{server: '*', namespace: '*'}, {server: '*', namespace: '!kube-system'}]",
                here,
                "kube-system",
                false,
            ),
            (
                "[{server: '!https://kubernetes.default.svc', namespace: '*'}, {server: '*', namespace: '*'}]",
                here,
                "shop",
                false,
            ),
            ("[]", here, "shop", false),
        ] {
            let node = project(&format!("  destinations: {destinations}\n"));
            let wanted = Destination {
                server: Some(server),
                name: Some(name),
                namespace,
            };
            let limits = Limits { node: &node };
            assert_eq!(
                limits.allows_destination(wanted),
                allowed,
                "{destinations} {namespace}"
            );
        }
        // the address of a cluster that only has a name is not known
        let node = project("  destinations: [{server: https://1.2.3.4, namespace: shop}]\n");
        let named = |namespace| Destination {
            server: None,
            name: Some("eu"),
            namespace,
        };
        let limits = Limits { node: &node };
        assert!(limits.allows_destination(named("shop")) && !limits.allows_destination(named("x")));
    }

    #[test]
    fn kinds() {
        use Scope::{Cluster, Namespace, Unknown};
        for (spec, kind, scope, allowed) in [
            ("{}", ("apps", "Deployment"), Namespace, true),
            ("{}", ("", "Namespace"), Cluster, false),
            (
                "{clusterResourceWhitelist: [{group: '*', kind: '*'}]}",
                ("", "Namespace"),
                Cluster,
                true,
            ),
            (
                "{clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'shop-*'}]}",
                ("", "Namespace"),
                Cluster,
                true,
            ),
            (
                "{clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'x-*'}]}",
                ("", "Namespace"),
                Cluster,
                false,
            ),
            (
                "{namespaceResourceWhitelist: []}",
                ("apps", "Deployment"),
                Namespace,
                false,
            ),
            (
                "{namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]}",
                ("", "ResourceQuota"),
                Namespace,
                false,
            ),
            (
                "{namespaceResourceBlacklist: [{group: '*', kind: '*'}]}",
                ("acme.io", "Widget"),
                Unknown,
                false,
            ),
            ("{}", ("acme.io", "Widget"), Unknown, true),
        ] {
            let text = format!("spec: {spec}");
            let node = read(&text, FileId(0)).unwrap().documents.remove(0);
            let limits = Limits { node: &node };
            assert_eq!(
                limits.allows_kind(kind, "shop-eu", scope),
                allowed,
                "{spec} {kind:?}"
            );
        }
    }
}
