//! The Secrets and ConfigMaps that an object names for a program: in an argument of a controller, in
//! the script of a Job, in a rule of a Role, or in a field of a custom resource. The program may
//! create them when it runs: `--configmap-generated-name=hashring`.
//!
//! Not here: fields that are known to name what is created (`references`), names that follow from
//! the name of another object (`operators`).

use super::operators::may_make_anything;
use super::references::Target::{self, ConfigMap, Secret};
use super::workload::{self, Container};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The longest script that is read.
const LONGEST: usize = 1 << 16;

/// A name that an object gives to a program.
pub(crate) type Named<'a> = (Target, &'a str);

/// Adds the names that an object gives to programs.
pub(crate) fn named_by<'a>(resource: &'a Resource, found: &mut Vec<Named<'a>>) {
    for workload in workload::of(resource) {
        for container in &workload.containers {
            named_in_container(container, found);
        }
    }
    match (resource.kind(), resource.group()) {
        ("ConfigMap", "") => {
            let data = resource.node.get("data").map_or(&[][..], Node::entries);
            let texts = data.iter().filter_map(|entry| entry.value.text());
            for text in texts.filter(|text| text.starts_with("#!")) {
                named_in_script(text, found);
            }
        }
        ("Role" | "ClusterRole", "rbac.authorization.k8s.io") => {
            let rules = resource.node.get("rules").map_or(&[][..], Node::items);
            for rule in rules {
                named_in_rule(rule, found);
            }
        }
        _ if may_make_anything(resource) => named_in_field(&resource.node, &[], found),
        _ => {}
    }
}

fn named_in_container<'a>(container: &Container<'a>, found: &mut Vec<Named<'a>>) {
    let items = |key: &str| container.node.get(key).map_or(&[][..], Node::items);
    for variable in items("env") {
        let text = |key: &str| variable.get(key).and_then(Node::text);
        if let (Some(name), Some(value)) = (text("name"), text("value")) {
            add(&mentioned(name), value, found);
        }
    }
    for list in ["command", "args"] {
        let mut before = "";
        for argument in items(list).iter().filter_map(Node::text) {
            match argument.split_once('=') {
                _ if argument.contains(char::is_whitespace) => named_in_script(argument, found),
                Some((flag, value)) => add(&mentioned(flag), value, found),
                None => add(&mentioned(before), argument, found),
            }
            before = argument;
        }
    }
}

/// Adds the words of a script that works with Secrets or ConfigMaps. Only names with a hyphen tell
/// themselves from other words.
fn named_in_script<'a>(text: &'a str, found: &mut Vec<Named<'a>>) {
    if text.len() > LONGEST {
        return;
    }
    let targets = mentioned(text);
    if targets.is_empty() {
        return;
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    let words = text.split(|letter| !is_part(letter));
    for word in words.filter(|word| word.contains('-')) {
        add(&targets, word, found);
    }
}

/// Adds the names that a rule of a role allows to write.
fn named_in_rule<'a>(rule: &'a Node, found: &mut Vec<Named<'a>>) {
    let texts = |key: &str| {
        let items = rule.get(key).map_or(&[][..], Node::items);
        items.iter().filter_map(Node::text)
    };
    if !texts("verbs").any(|verb| matches!(verb, "create" | "update" | "patch" | "*")) {
        return;
    }
    for resource in texts("resources") {
        let target = match resource {
            "secrets" => Secret,
            "configmaps" => ConfigMap,
            _ => continue,
        };
        found.extend(texts("resourceNames").map(|name| (target, name)));
    }
}

/// Adds the names in fields such as `secretName` and `secretTemplate.name`.
fn named_in_field<'a>(node: &'a Node, targets: &[Target], found: &mut Vec<Named<'a>>) {
    if let Some(text) = node.text() {
        add(targets, text, found);
    }
    for item in node.items() {
        named_in_field(item, targets, found);
    }
    for entry in node.entries() {
        let own = mentioned(&entry.key);
        let below = if own.is_empty() { targets } else { &own };
        named_in_field(&entry.value, below, found);
    }
}

/// The kinds of objects that a text is about.
fn mentioned(text: &str) -> Vec<Target> {
    let lower = text.to_ascii_lowercase();
    let is_about = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let mut targets = Vec::new();
    if is_about(&["secret"]) {
        targets.push(Secret);
    }
    if is_about(&["configmap", "config-map", "config_map"]) {
        targets.push(ConfigMap);
    }
    targets
}

/// Adds a text, possibly with a namespace before it, if it can be the name of an object.
fn add<'a>(targets: &[Target], text: &'a str, found: &mut Vec<Named<'a>>) {
    let name = text.rsplit('/').next().unwrap_or(text);
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if !name.is_empty() && name.len() <= 253 && name.bytes().all(fits) {
        found.extend(targets.iter().map(|target| (*target, name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn names(text: &str) -> Vec<(Target, String)> {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let resource = Resource::new(node);
        let mut found = Vec::new();
        named_by(&resource, &mut found);
        let owned = found.into_iter();
        owned
            .map(|(target, name)| (target, name.to_string()))
            .collect()
    }

    fn pod(container: &str) -> Vec<(Target, String)> {
        names(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, image: b, {container}}}]}}}}"
        ))
    }

    #[test]
    fn programs_are_told_names() {
        let secret = |name: &str| vec![(Secret, name.to_string())];
        assert_eq!(
            pod("env: [{name: TLS_SECRET_NAME, value: memberlist}]"),
            secret("memberlist")
        );
        assert!(pod("env: [{name: REDIS_HOST, value: redis}]").is_empty());
        assert_eq!(pod("args: ['--tls-secret=kube-system/ca']"), secret("ca"));
        assert_eq!(
            pod("args: [--secret-name, ca, --host, redis]"),
            secret("ca")
        );
        assert_eq!(
            pod("args: [--configmap-generated-name=hashring]"),
            [(ConfigMap, "hashring".to_string())]
        );
        let script =
            pod("command: [sh, -c, 'kubectl create secret generic oauth-proxy --dry-run']");
        assert!(script.contains(&(Secret, "oauth-proxy".to_string())));
        assert!(pod("command: [sh, -c, 'curl oauth-proxy']").is_empty());
    }

    #[test]
    fn roles_and_custom_resources_name_objects() {
        let role = |verb: &str| {
            names(&format!(
                "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: a}}, rules: [{{apiGroups: [''], resources: [secrets], resourceNames: [ca], verbs: [{verb}]}}]}}"
            ))
        };
        assert_eq!(role("update"), [(Secret, "ca".to_string())]);
        assert!(role("get").is_empty());
        let key = "{apiVersion: garage.acme.example/v1, kind: GarageKey, metadata: {name: a}, spec: {bucket: logs, secretTemplate: {name: logs-auth}}}";
        assert_eq!(names(key), [(Secret, "logs-auth".to_string())]);
        let release = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: a}, spec: {values: {secretName: ca}}}";
        assert!(names(release).is_empty());
    }
}
