//! Which differences between two environments count as drift, and which the configuration allows:
//! shared by `overlay-drift` and `stale-allowance`. Not here: comparing (`compare`).

use globset::Glob;

use crate::compare::{self, Change, Step, ValueChange, secrets};
use crate::config::Allowance;
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::Context;
use crate::yaml::{Data, Node, write};

/// Characters of a value that a message shows.
const SHOWN: usize = 60;
/// Characters before the first difference that a message keeps.
const LEAD: usize = 20;

/// A difference that counts.
pub(in crate::rules) struct Difference {
    /// The later overlay's object, or the earlier one's when only that has it.
    pub resource: Resource,
    /// The value.
    pub change: ValueChange,
}

impl Difference {
    /// One sentence.
    pub fn describe(&self, from: &str, to: &str) -> String {
        let (before, after) = secrets::masked_change(&self.resource, &self.change);
        let what = format!(
            "{} of {}/{}",
            self.change.named_path(),
            self.resource.kind(),
            self.resource.name()
        );
        match (&before, &after) {
            (None, Some(after)) => format!(
                "{what} is {} in {to} and not there in {from}",
                cut(&json(after), 0)
            ),
            (Some(before), None) => format!(
                "{what} is {} in {from} and not there in {to}",
                cut(&json(before), 0)
            ),
            (Some(before), Some(after)) => match (items(before), items(after)) {
                (Some(earlier), Some(later)) => {
                    format!("{what} {}", describe_lists(&earlier, &later, from, to))
                }
                _ => {
                    let (earlier, later) = side_by_side(&json(before), &json(after));
                    format!("{what} is {later} in {to} and {earlier} in {from}")
                }
            },
            (None, None) => what,
        }
    }
}

fn json(node: &Node) -> String {
    write::to_json(node).to_string()
}

/// The items of a list that holds some.
fn items(node: &Node) -> Option<Vec<String>> {
    Some(node.items().iter().map(json).collect()).filter(|items: &Vec<String>| !items.is_empty())
}

/// What only one of two lists has, so that the difference is not lost among what both have.
fn describe_lists(earlier: &[String], later: &[String], from: &str, to: &str) -> String {
    let only = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter()
            .filter(|one| !others.contains(one))
            .cloned()
            .collect()
    };
    let (gone, come) = (only(earlier, later), only(later, earlier));
    match (&gone[..], &come[..]) {
        ([], []) => format!("has the same items in {to} and {from}, in another order or number"),
        ([], _) => format!("has {} in {to} and not in {from}", cut(&come.join(", "), 0)),
        (_, []) => format!("has {} in {from} and not in {to}", cut(&gone.join(", "), 0)),
        _ => {
            let (gone, come) = side_by_side(&gone.join(", "), &come.join(", "));
            format!("has {come} in {to} and {gone} in {from}")
        }
    }
}

/// Two texts cut so that the first difference shows in both.
fn side_by_side(one: &str, other: &str) -> (String, String) {
    let alike = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let start = if alike + LEAD > SHOWN {
        alike.saturating_sub(LEAD)
    } else {
        0
    };
    (cut(one, start), cut(other, start))
}

/// The part of a text that a message shows, with what is left out marked.
fn cut(text: &str, start: usize) -> String {
    let shown: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if text.chars().count() > start + SHOWN {
        "…"
    } else {
        ""
    };
    format!("{before}{shown}{after}")
}

/// The differences between two overlays that a promotion must not have: none when the later one is
/// not protected or something of either could not be rendered.
pub(in crate::rules) fn differences(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Vec<Difference> {
    found(context, from, to, false)
}

/// The same with the values of variables, which are each environment's own as a rule.
pub(in crate::rules) fn differences_and_values(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Vec<Difference> {
    found(context, from, to, true)
}

fn found(context: &Context, from: &Overlay, to: &Overlay, values: bool) -> Vec<Difference> {
    let repo = context.repo;
    if !repo.protected(to) || !from.rendered.complete || !to.rendered.complete {
        return Vec::new();
    }
    let mut found = Vec::new();
    for resource in compare::resources(from, to, &repo.environments) {
        if resource.change != Change::Changed {
            continue;
        }
        let object = resource.resource().clone();
        let whole = context
            .config
            .drift_kinds
            .iter()
            .any(|kind| kind == object.kind());
        let pods: Vec<Vec<String>> = workload::of(&object)
            .iter()
            .map(|workload| segments(&workload.pointer))
            .collect();
        for change in resource
            .changes
            .into_iter()
            .filter(|change| change.expected.is_none() && !is_nothing(change))
        {
            if whole || counts(&object, &pods, &change) || (values && is_variable(&pods, &change)) {
                found.push(Difference {
                    resource: object.clone(),
                    change,
                });
            }
        }
    }
    found
}

/// Whether one side has nothing and the other an empty list, which Kubernetes takes for the same.
fn is_nothing(change: &ValueChange) -> bool {
    let empty = |node: &Node| {
        node.is_null() || matches!(&node.data, Data::List(list) if list.items.is_empty())
    };
    matches!((&change.from, &change.to), (Some(node), None) | (None, Some(node)) if empty(node))
}

fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(crate::yaml::unescape_pointer)
        .collect()
}

/// Whether a value is that of a variable of a pod.
pub(in crate::rules) fn is_value_of_variable(difference: &Difference) -> bool {
    let pods: Vec<Vec<String>> = workload::of(&difference.resource)
        .iter()
        .map(|workload| segments(&workload.pointer))
        .collect();
    is_variable(&pods, &difference.change)
}

fn is_variable(pods: &[Vec<String>], change: &ValueChange) -> bool {
    let key = |step: &Step| {
        if let Step::Key(key) = step {
            key.clone()
        } else {
            "[]".to_string()
        }
    };
    let keys: Vec<String> = change.steps.iter().map(key).collect();
    let below = |pod: &Vec<String>| keys.starts_with(pod);
    let end: Vec<&str> = keys.iter().rev().take(3).map(String::as_str).collect();
    change.change() == Change::Changed && end == ["value", "[]", "env"] && pods.iter().any(below)
}

/// Whether a value is one that a promotion must carry unchanged.
fn counts(object: &Resource, pods: &[Vec<String>], change: &ValueChange) -> bool {
    let keys: Vec<&str> = change
        .steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Item { .. } => "[]",
        })
        .collect();
    match (object.kind(), object.group()) {
        ("Service", "") => keys.starts_with(&["spec", "ports"]) && !keys.contains(&"nodePort"),
        ("NetworkPolicy", "networking.k8s.io") => keys.first() == Some(&"spec"),
        ("ConfigMap", "") => {
            matches!(keys[..], ["data" | "binaryData", _]) && change.change() != Change::Changed
        }
        _ => pods.iter().any(|pod| {
            let below =
                keys.len() > pod.len() && keys.iter().zip(pod).all(|(key, part)| key == part);
            below && in_pod(keys.get(pod.len()..).unwrap_or_default(), change)
        }),
    }
}

fn in_pod(keys: &[&str], change: &ValueChange) -> bool {
    let lost = change.to.is_none();
    match keys {
        ["containers" | "initContainers", "[]"] => true,
        ["containers" | "initContainers", "[]", field, rest @ ..] => match *field {
            "command" | "args" | "ports" | "volumeMounts" | "workingDir" | "envFrom" => true,
            // names of variables, and not the ones that production lacks: those have a rule of
            // their own
            "env" => !lost && (rest.is_empty() || rest == ["[]"]),
            "livenessProbe" | "readinessProbe" | "startupProbe" => {
                !(is_timing(rest) || lost && rest.is_empty())
            }
            "securityContext" => !lost && change.from.is_some() && !loosens(change),
            _ => false,
        },
        [
            "volumes" | "serviceAccountName" | "hostNetwork" | "hostPID" | "hostIPC",
            ..,
        ] => true,
        ["securityContext", ..] => !lost && change.from.is_some() && !loosens(change),
        _ => false,
    }
}

/// Whether a changed setting of a security context is one that `removed-security-context` tells.
fn loosens(change: &ValueChange) -> bool {
    let value = |node: &Option<Node>| node.as_ref().and_then(Node::as_bool);
    match change.steps.last() {
        Some(Step::Key(key)) => match key.as_str() {
            "runAsNonRoot" | "readOnlyRootFilesystem" => value(&change.from) == Some(true),
            "allowPrivilegeEscalation" | "privileged" => value(&change.to) == Some(true),
            _ => false,
        },
        _ => false,
    }
}

/// How long a probe waits is tuned to the size of an environment.
fn is_timing(rest: &[&str]) -> bool {
    let timings = [
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "failureThreshold",
        "successThreshold",
    ];
    matches!(rest, [field] if timings.contains(field))
}

/// The entry of the configuration that allows a difference.
pub(in crate::rules) fn allowance<'a>(
    context: &Context<'a>,
    difference: &Difference,
    to: &Overlay,
) -> Option<&'a Allowance> {
    let config: &'a crate::config::Config = context.config;
    config
        .drift_allow
        .iter()
        .find(|allowance| allows(allowance, difference, to))
}

/// Whether an entry allows a difference.
pub(in crate::rules) fn allows(
    allowance: &Allowance,
    difference: &Difference,
    to: &Overlay,
) -> bool {
    let matches = |pattern: &Option<String>, texts: &[&str]| {
        let Some(pattern) = pattern else { return true };
        if !pattern.contains(['*', '?', '[', '{']) {
            return texts.contains(&pattern.as_str());
        }
        Glob::new(pattern).is_ok_and(|glob| {
            texts
                .iter()
                .any(|text| glob.compile_matcher().is_match(text))
        })
    };
    let resource = &difference.resource;
    let below = |path: &str, pattern: &str| {
        path == pattern
            || path
                .strip_prefix(pattern)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let paths = [difference.change.path(), difference.change.named_path()];
    let path = allowance.path.as_ref().is_none_or(|pattern| {
        let pattern = pattern.trim_end_matches('/');
        paths.iter().any(|path| below(path, pattern))
            || [pattern.to_string(), format!("{pattern}/**")]
                .into_iter()
                .any(|glob| matches(&Some(glob), &[&paths[0], &paths[1]]))
    });
    path && matches(&allowance.kind, &[resource.kind()])
        && matches(&allowance.name, &[resource.name(), &resource.original.name])
        && matches(&allowance.app, &[&to.app])
}
