//! Which differences between two environments count as drift, and which the configuration allows:
//! shared by `overlay-drift` and `stale-allowance`. Not here: comparing (`compare`).

mod chart_values;

use crate::compare::{self, Change, Step, ValueChange, secrets};
use crate::config::{Allowance, is_over};
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::names::NamePattern;
use crate::repo::Overlay;
use crate::rules::Context;
use crate::yaml::{Data, Node, write};

/// Characters of a value that a message shows.
const SHOWN: usize = 60;
/// Characters before the first difference that a message keeps.
const LEAD: usize = 20;

/// A difference that counts as drift.
pub(in crate::rules) struct Difference {
    /// The later overlay's object, or the earlier one's when only that has it.
    pub resource: Resource,
    /// The value.
    pub change: ValueChange,
}

/// Where the two sides of a comparison are, as messages say it: `in staging`, `at the base
/// revision`.
pub(in crate::rules) struct Sides {
    from: String,
    to: String,
}

impl Sides {
    /// The sides of two overlays.
    pub(crate) fn of(context: &Context, from: &Overlay, to: &Overlay) -> Sides {
        Sides {
            from: context.in_side(from),
            to: context.in_side(to),
        }
    }
}

impl Difference {
    /// True if the value is one of a chart that is not rendered, so that its effect is not known.
    pub(in crate::rules) fn is_of_chart(&self) -> bool {
        chart_values::counts(&self.resource, &self.change)
    }

    /// One sentence: ``Deployment `api`: `containers/api/args` has "--fast" in production but not
    /// in staging``.
    pub(crate) fn describe(&self, sides: &Sides) -> String {
        let Sides { from, to } = sides;
        let (before, after) = secrets::masked_change(&self.resource, &self.change);
        let what = format!(
            "{} `{}`: `{}`",
            self.resource.kind(),
            self.resource.name(),
            self.short_path()
        );
        match (&before, &after) {
            (None, Some(after)) => {
                let after = cut(&json(after), 0);
                format!("{what} is {after} {to} and missing {from}")
            }
            (Some(before), None) => {
                let before = cut(&json(before), 0);
                format!("{what} is {before} {from} and missing {to}")
            }
            (Some(before), Some(after)) => match (items(before), items(after)) {
                (Some(earlier), Some(later)) => {
                    format!("{what} {}", describe_lists(&earlier, &later, sides))
                }
                _ => {
                    let (earlier, later) = side_by_side(&json(before), &json(after));
                    format!("{what} is {later} {to} and {earlier} {from}")
                }
            },
            (None, None) => what,
        }
    }

    /// The facts that distinguish this difference from others on the same line: the path of the
    /// value, and the value on both sides. Values of Secrets are masked.
    pub(crate) fn facts(&self) -> [String; 3] {
        let (before, after) = secrets::masked_change(&self.resource, &self.change);
        let text = |node: &Option<Node>| node.as_ref().map(json).unwrap_or_default();
        [
            secrets::named_path(&self.resource, &self.change),
            text(&before),
            text(&after),
        ]
    }

    /// The path as people name the value: below the pod template (`containers/api/args`), or the
    /// key of a ConfigMap.
    fn short_path(&self) -> String {
        let path = secrets::named_path(&self.resource, &self.change);
        let pods = workload::of(&self.resource);
        let mut prefixes = pods
            .iter()
            .map(|workload| workload.pointer.as_str())
            .chain((self.resource.kind() == "ConfigMap").then_some("/data"));
        let below = prefixes.find_map(|prefix| path.strip_prefix(prefix)?.strip_prefix('/'));
        below.unwrap_or(&path).to_string()
    }
}

fn json(node: &Node) -> String {
    write::to_json(node).to_string()
}

/// The items of a list; `None` if it is empty or not a list.
fn items(node: &Node) -> Option<Vec<String>> {
    Some(node.items().iter().map(json).collect()).filter(|items: &Vec<String>| !items.is_empty())
}

/// Describes two lists by the items that only one of them has, because long lists would hide the
/// difference.
fn describe_lists(earlier: &[String], later: &[String], Sides { from, to }: &Sides) -> String {
    let only = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter()
            .filter(|one| !others.contains(one))
            .cloned()
            .collect()
    };
    let (gone, come) = (only(earlier, later), only(later, earlier));
    match (&gone[..], &come[..]) {
        ([], []) => format!("has the same items {to} and {from}, but in another order or number"),
        ([], _) => format!("has {} {to} but not {from}", cut(&come.join(", "), 0)),
        (_, []) => format!("has {} {from} but not {to}", cut(&gone.join(", "), 0)),
        _ => {
            let (gone, come) = side_by_side(&gone.join(", "), &come.join(", "));
            format!("has {come} {to} and {gone} {from}")
        }
    }
}

/// Two texts, each cut so that the first difference shows.
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

/// The differences between two overlays that count as drift. Empty if the later one is not
/// protected or if one of the two is not rendered completely.
pub(in crate::rules) fn differences(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Vec<Difference> {
    found(context, from, to, Besides::ChartValues)
}

/// The same without the values of charts that are not rendered.
pub(in crate::rules) fn differences_of_objects(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Vec<Difference> {
    found(context, from, to, Besides::Nothing)
}

/// The same with the values of environment variables, which usually belong to one environment.
pub(in crate::rules) fn differences_and_values(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Vec<Difference> {
    found(context, from, to, Besides::Variables)
}

/// The differences that count besides those of objects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Besides {
    Nothing,
    Variables,
    ChartValues,
}

fn found(context: &Context, from: &Overlay, to: &Overlay, besides: Besides) -> Vec<Difference> {
    let repo = context.repo;
    if !repo.protected(to) || !from.rendered.complete || !to.rendered.complete {
        return Vec::new();
    }
    let mut found = Vec::new();
    for resource in compare::resources(from, to, repo) {
        if resource.change != Change::Changed {
            continue;
        }
        let object = resource.resource().clone();
        let whole = context
            .config
            .drift_kinds
            .iter()
            .any(|(kind, _)| kind == object.kind());
        let pods: Vec<Vec<String>> = workload::of(&object)
            .iter()
            .map(|workload| segments(&workload.pointer))
            .collect();
        for change in resource
            .changes
            .into_iter()
            .filter(|change| change.expected.is_none() && !is_nothing(change))
        {
            let counts = whole
                || counts(&object, &pods, &change)
                || besides == Besides::Variables && is_variable(&pods, &change)
                || besides == Besides::ChartValues && chart_values::counts(&object, &change);
            if counts {
                found.push(Difference {
                    resource: object.clone(),
                    change,
                });
            }
        }
    }
    found
}

/// True if one side has nothing and the other an empty list. Kubernetes treats both alike.
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

/// True if a value is that of an environment variable: `containers/api/env/LEVEL/value`.
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

/// True if a promotion must carry a value unchanged.
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
            // the names of variables; those that production lacks have a rule of their own
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

/// True if a changed setting loosens a security context, which has a rule of its own.
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

/// True if a field of a probe says how long it waits: that depends on an environment's size.
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

/// True if the configuration allows a difference today.
pub(in crate::rules) fn is_allowed(
    context: &Context,
    difference: &Difference,
    to: &Overlay,
) -> bool {
    let mut allowances = context.config.drift_allow.iter();
    allowances.any(|allowance| !is_expired(context, allowance) && allows(allowance, difference, to))
}

/// True if the last day of an entry has passed.
pub(in crate::rules) fn is_expired(context: &Context, allowance: &Allowance) -> bool {
    let now = context.now.as_ref();
    now.is_some_and(|now| is_over(allowance.until, now.date()))
}

/// True if an entry is about a difference, expired or not.
pub(in crate::rules) fn allows(
    allowance: &Allowance,
    difference: &Difference,
    to: &Overlay,
) -> bool {
    let matches = |pattern: &Option<NamePattern>, texts: &[&str]| {
        let fits = |pattern: &NamePattern| texts.iter().any(|text| pattern.matches(text));
        pattern.as_ref().is_none_or(fits)
    };
    let resource = &difference.resource;
    let paths = [difference.change.path(), difference.change.named_path()];
    let path = allowance
        .path
        .as_ref()
        .is_none_or(|pattern| paths.iter().any(|path| pattern.matches(path)));
    path && matches(&allowance.kind, &[resource.kind()])
        && matches(&allowance.name, &[resource.name(), &resource.original.name])
        && matches(&allowance.app, &[&to.app])
}
