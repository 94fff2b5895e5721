//! The syntax of names, labels, keys, hosts and schedules, which the API server checks although no
//! schema states it.
//!
//! Not here: relations between values (`values`).

use super::is_open;
use super::refusal::Refusal;
use crate::calendar::{Dialect, Schedule};
use crate::kubernetes::part::Part;
use crate::kubernetes::workload::Workload;
use crate::kustomize::Resource;
use crate::yaml::{Node, escape_pointer};

/// The longest DNS label, and the longest value of a label.
const LABEL: usize = 63;
/// The longest name of most objects.
const SUBDOMAIN: usize = 253;
/// The longest name of a CronJob: the names of its Jobs are 11 characters longer.
const CRON_JOB: usize = 52;
/// The longest name of a container's port.
const PORT: usize = 15;
/// Groups whose objects have names that are paths, such as `system:node`.
const PATHS: [&str; 2] = ["rbac.authorization.k8s.io", "apiregistration.k8s.io"];

/// The texts of an object whose syntax the API server refuses.
pub(super) fn refused<'a>(
    resource: &'a Resource,
    workloads: &[Workload<'a>],
    found: &mut Vec<Refusal<'a>>,
) {
    let object = Part::new(&resource.node, "");
    name(resource, &object, found);
    for path in [&["metadata"][..], &["spec", "template", "metadata"]] {
        if let Some(metadata) = object.at(path) {
            labels(&metadata, found);
        }
    }
    match (resource.kind(), resource.group()) {
        ("ConfigMap" | "Secret", "") => {
            for field in ["data", "binaryData", "stringData"] {
                keys(&object, field, found);
            }
        }
        ("CronJob", "batch") => schedule(&object, found),
        ("Ingress", "networking.k8s.io") => {
            for rule in object.items(&["spec", "rules"]) {
                host(&rule, found);
            }
        }
        _ => {}
    }
    if !is_custom(resource) {
        for workload in workloads {
            let pod = Part::new(workload.pod, &*workload.pointer);
            for list in ["initContainers", "containers"] {
                for port in pod.items(&[list]).flat_map(|one| one.items(&["ports"])) {
                    port_name(&port, found);
                }
            }
        }
    }
}

fn is_custom(resource: &Resource) -> bool {
    let group = resource.group();
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// `metadata.name` and `metadata.namespace`.
fn name<'a>(resource: &Resource, object: &Part<'a>, found: &mut Vec<Refusal<'a>>) {
    if let Some((namespace, text)) = known(object, &["metadata", "namespace"])
        && !is_label(text)
    {
        found.push(Refusal::new(
            &namespace,
            "invalid-namespace",
            not_a_label(text),
            LABEL_HELP,
        ));
    }
    let Some((part, text)) = known(object, &["metadata", "name"]) else {
        return;
    };
    let (kind, group) = (resource.kind(), resource.group());
    // servers of other APIs, such as OpenShift's, have rules of their own
    if group.ends_with(".openshift.io") {
        return;
    }
    let label_wanted = matches!((kind, group), ("Namespace" | "Service", ""));
    if PATHS.contains(&group) {
        if text.contains('/') || text.contains('%') {
            let reason = format!("has the name `{text}`, which contains `/` or `%`");
            found.push(Refusal::new(
                &part,
                "invalid-name",
                reason,
                "use another name",
            ));
        }
    } else if label_wanted && !is_label(text) {
        found.push(Refusal::new(
            &part,
            "invalid-name",
            not_a_label(text),
            LABEL_HELP,
        ));
    } else if !is_subdomain(text) {
        let reason = format!("is `{text}`, which is not a DNS name");
        found.push(Refusal::new(&part, "invalid-name", reason, SUBDOMAIN_HELP));
    } else if (kind, group) == ("CronJob", "batch") && text.len() > CRON_JOB {
        let reason = format!(
            "has {} characters, but at most {CRON_JOB} are allowed",
            text.len()
        );
        found.push(Refusal::new(
            &part,
            "long-name",
            reason,
            "use a shorter name",
        ));
    }
}

const LABEL_HELP: &str =
    "use at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends";
const SUBDOMAIN_HELP: &str =
    "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends";

fn not_a_label(text: &str) -> String {
    format!("is `{text}`, which is not a DNS label")
}

/// Keys and values of labels, and keys of annotations.
fn labels<'a>(metadata: &Part<'a>, found: &mut Vec<Refusal<'a>>) {
    for field in ["labels", "annotations"] {
        let map = metadata.node.get(field).map_or(&[][..], Node::entries);
        for entry in map.iter().filter(|entry| !is_open(&entry.key)) {
            // other types than text are violations of the schema
            let value = entry.value.as_str().filter(|text| !is_open(text));
            let value = value.filter(|text| field == "labels" && !is_label_value(text));
            let (kind, reason, help) = if !is_key(&entry.key) {
                let reason = format!("has the invalid key `{}`", entry.key);
                ("invalid-key", reason, KEY_HELP)
            } else if let Some(text) = value {
                let text = text.trim_end();
                let reason = format!("has the value `{text}`, which is not valid for a label");
                ("invalid-label", reason, VALUE_HELP)
            } else {
                continue;
            };
            let key = escape_pointer(&entry.key);
            let pointer = format!("{}/{field}/{key}", metadata.pointer);
            found.push(Refusal::new(
                &Part::new(&entry.value, pointer),
                kind,
                reason,
                help,
            ));
        }
    }
}

const KEY_HELP: &str =
    "use an optional DNS prefix with `/`, then at most 63 letters, digits, `-`, `_` and `.`";
const VALUE_HELP: &str = "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; write other texts into an annotation";

/// The keys of a ConfigMap or Secret, which become names of files.
fn keys<'a>(object: &Part<'a>, field: &str, found: &mut Vec<Refusal<'a>>) {
    let map = object.node.get(field).map_or(&[][..], Node::entries);
    for entry in map.iter().filter(|entry| !is_open(&entry.key)) {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let key = &*entry.key;
        let is_valid = !key.is_empty() && key.len() <= SUBDOMAIN && key.bytes().all(fits);
        if !is_valid || matches!(key, "." | "..") {
            let place = Part::new(&entry.value, format!("/{field}/{}", escape_pointer(key)));
            let reason = format!("has the invalid key `{key}`");
            let help = "use letters, digits, `-`, `_` and `.` only";
            found.push(Refusal::new(&place, "invalid-key", reason, help));
        }
    }
}

/// The schedule of a CronJob.
fn schedule<'a>(object: &Part<'a>, found: &mut Vec<Refusal<'a>>) {
    let Some((part, text)) = known(object, &["spec", "schedule"]) else {
        return;
    };
    let help = "write five fields: minute, hour, day of the month, month and day of the week";
    if text.contains("TZ=") {
        let help = "write the time zone into `timeZone`";
        let reason = "has a time zone in the schedule".to_string();
        found.push(Refusal::new(&part, "invalid-schedule", reason, help));
    } else if !text.starts_with('@') {
        if let Err(error) = Schedule::read(text, Dialect::Robfig) {
            let reason = format!("is not a valid schedule: {}", error.message);
            found.push(Refusal::new(&part, "invalid-schedule", reason, help));
        }
    } else if !text.starts_with("@every ") && !MACROS.contains(&text) {
        let reason = format!("has the unknown schedule `{text}`");
        found.push(Refusal::new(&part, "invalid-schedule", reason, help));
    }
}

const MACROS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

/// The host of an Ingress: a DNS name, or one that begins with `*.`.
fn host<'a>(rule: &Part<'a>, found: &mut Vec<Refusal<'a>>) {
    let Some((part, text)) = known(rule, &["host"]).filter(|(_, text)| !text.is_empty()) else {
        return;
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    if !is_subdomain(name) {
        let reason = format!("is `{text}`, which is not a host name");
        let help = "write the DNS name in lower case, without scheme, port and path";
        found.push(Refusal::new(&part, "invalid-host", reason, help));
    }
}

/// The name of a container's port.
fn port_name<'a>(port: &Part<'a>, found: &mut Vec<Refusal<'a>>) {
    let Some((part, text)) = known(port, &["name"]).filter(|(_, text)| !text.is_empty()) else {
        return;
    };
    let has_letter = text.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_label(text) && text.len() <= PORT && has_letter && !text.contains("--") {
        return;
    }
    let reason = format!("is `{text}`, which is not a valid port name");
    let help = "use at most 15 lower-case letters, digits and `-`, at least one of them a letter";
    found.push(Refusal::new(&part, "invalid-port-name", reason, help));
}

/// A text at a path, unless an agent or a template fills it in.
fn known<'a>(part: &Part<'a>, path: &[&str]) -> Option<(Part<'a>, &'a str)> {
    let at = part.at(path)?;
    let text = at.node.as_str().filter(|text| !is_open(text))?;
    Some((at, text))
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63 characters.
fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let has_ends = !text.starts_with('-') && !text.ends_with('-');
    !text.is_empty() && text.len() <= LABEL && has_ends && text.bytes().all(fits)
}

/// Words like those of [`is_label`] without their limit, joined by dots, at most 253 characters.
fn is_subdomain(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_word = |word: &str| {
        !word.is_empty() && !word.starts_with('-') && !word.ends_with('-') && word.bytes().all(fits)
    };
    text.len() <= SUBDOMAIN && text.split('.').all(is_word)
}

/// An empty text, or one of [`is_qualified`].
fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified(text)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, at most 63 characters.
fn is_qualified(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= LABEL
        && is_end(text.bytes().next())
        && is_end(text.bytes().next_back())
        && text.bytes().all(fits)
}

/// The key of a label or annotation: `app.kubernetes.io/name`.
fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        // the API server compares annotations in lower case
        Some((prefix, name)) => is_subdomain(&prefix.to_lowercase()) && is_qualified(name),
        None => is_qualified(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::workload;
    use crate::yaml::{FileId, read};

    fn found(text: &str) -> Vec<String> {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let resource = Resource::new(node);
        let mut found = Vec::new();
        refused(&resource, &workload::of(&resource), &mut found);
        found.iter().map(|one| one.pointer.clone()).collect()
    }

    #[test]
    fn names_and_labels_have_a_syntax() {
        let object = |metadata: &str| {
            found(&format!(
                "{{apiVersion: v1, kind: ConfigMap, metadata: {metadata}}}"
            ))
        };
        assert!(
            object(
                "{name: a.b-c, namespace: a, labels: {app.kubernetes.io/name: A_b.1, empty: ''}}"
            )
            .is_empty()
        );
        assert!(object("{name: '${NAME}', labels: {a: '${B} x', '${C}': d}}").is_empty());
        assert_eq!(object("{name: a_b}"), ["/metadata/name"]);
        assert_eq!(object("{name: a, namespace: Web}"), ["/metadata/namespace"]);
        assert_eq!(
            object("{name: a, labels: {owner: team web}}"),
            ["/metadata/labels/owner"]
        );
        assert_eq!(
            object("{name: a, annotations: {'a/b/c': x}}"),
            ["/metadata/annotations/a~1b~1c"]
        );
        let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:a'}}";
        assert!(found(role).is_empty());
    }

    #[test]
    fn schedules_are_read_as_the_cron_controller_reads_them() {
        let job = |schedule: &str| {
            found(&format!(
                "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: a}}, spec: {{schedule: '{schedule}'}}}}"
            ))
        };
        for valid in [
            "*/5 * * * *",
            "0 0 1,15 * MON-FRI",
            "@daily",
            "@every 1h30m",
            "${SCHEDULE}",
        ] {
            assert!(job(valid).is_empty(), "{valid}");
        }
        for refused in [
            "0 0 * * 7",
            "* * * *",
            "61 * * * *",
            "@nightly",
            "TZ=UTC 0 0 * * *",
        ] {
            assert_eq!(job(refused), ["/spec/schedule"], "{refused}");
        }
    }

    #[test]
    fn hosts_ports_and_keys_have_a_syntax() {
        let ingress = |host: &str| {
            found(&format!(
                "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: a}}, spec: {{rules: [{{host: '{host}'}}]}}}}"
            ))
        };
        assert!(ingress("*.example.com").is_empty() && ingress("").is_empty());
        assert_eq!(ingress("https://example.com"), ["/spec/rules/0/host"]);
        let pod = |name: &str| {
            found(&format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, ports: [{{containerPort: 1, name: {name}}}]}}]}}}}"
            ))
        };
        assert!(pod("http-metrics").is_empty());
        assert_eq!(pod("prometheus-metrics").len(), 1);
        let map =
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a b: x, c.d_e-f: y}}";
        assert_eq!(found(map), ["/data/a b"]);
    }
}
