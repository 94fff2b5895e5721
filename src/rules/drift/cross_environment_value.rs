//! # cross-environment-value
//!
//! ## What
//!
//! A value in a protected environment names an earlier environment, and the earlier environment
//! has the very same value: `DB_HOST=db.staging.internal` in production. Values of ConfigMaps,
//! variables and arguments of containers, hosts of Ingresses and routes, external names of Services,
//! and values of Helm releases whose chart is not in the repository are compared.
//!
//! It is reported where the value should follow the environment:
//!
//! - the change brings it (`--base`), or
//! - another value of the same object names each environment in its own overlay
//!   (`cache.staging.internal` and `cache.production.internal`).
//!
//! A key or variable that has the word in its own name (`STAGING_URL`), a value that names the
//! protected environment too, and words that mean something else (`/dev/null`) are not reported.
//!
//! ## Why
//!
//! Production writes into the database of staging, or staging's address is published as
//! production's. Nothing fails, so nobody notices.
//!
//! ## Example
//!
//! ```yaml
//! # production
//! configMapGenerator:
//!   - name: api
//!     literals:
//!       - DB_HOST=db.staging.internal
//!       - CACHE=cache.production.internal
//! ```
//!
//! ## Fix
//!
//! Write production's own value.

use std::collections::HashMap;

use crate::compare;
use crate::config::Environment;
use crate::finding::{Cause, Severity};
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, escape_pointer};

/// See the documentation above.
pub(super) struct CrossEnvironmentValue;

static METADATA: Metadata = Metadata {
    id: "cross-environment-value",
    category: Category::Drift,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a value of production that names staging",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("cross_environment_value.rs"),
};

impl Rule for CrossEnvironmentValue {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        let (Some(earlier), Some(later)) = (repo.environment(from), repo.environment(to)) else {
            return;
        };
        if !later.protected || earlier.protected {
            return;
        }
        for (before, after) in compare::partners_and_releases(from, to, &repo.environments) {
            let before = by_path(before);
            let (mut same, mut follows) = (Vec::new(), false);
            for value in texts(after) {
                let Some(other) = before.get(&value.path) else {
                    continue;
                };
                follows |= names(other.text(), earlier) && names(value.text(), later);
                if other.text() == value.text()
                    && names(value.text(), earlier)
                    && !names(value.text(), later)
                    && !names(&value.key, earlier)
                {
                    same.push((value, other.node));
                }
            }
            if !follows {
                let old = context.at_base(to).map(|old| old.same_resource(after));
                let old = old.map(|old| old.map(by_path).unwrap_or_default());
                same.retain(|(value, _)| is_new(old.as_ref(), value));
            }
            for (value, there) in same {
                let message = format!(
                    "{} `{}`: `{}` is {:?} in {}, which names {}",
                    after.kind(),
                    after.name(),
                    value.key,
                    value.text(),
                    later.name,
                    earlier.name
                );
                let cause = Cause::new("names-other-environment")
                    .with(&value.key)
                    .with(value.text());
                let mut draft = Draft::new(Severity::Warning, value.node.origin, cause, message)
                    .help(format!("write the value of {}", later.name))
                    .on(after, value.path);
                if there.origin != value.node.origin {
                    draft =
                        draft.related(there.origin, format!("the same value in {}", earlier.name));
                }
                sink.report(context, Some(to), draft);
            }
        }
    }
}

/// A value with its place.
struct Value<'a> {
    /// JSON pointer.
    path: String,
    /// The key, or the name of the variable.
    key: String,
    node: &'a Node,
}

impl Value<'_> {
    fn text(&self) -> &str {
        self.node.as_str().unwrap_or_default()
    }
}

/// True if the value was another one at the base revision, or was not there. `old` has the values
/// of the base; `None` without a base.
fn is_new(old: Option<&HashMap<String, Value>>, value: &Value) -> bool {
    old.is_some_and(|old| {
        old.get(&value.path)
            .is_none_or(|old| old.text() != value.text())
    })
}

/// The texts of an object by their paths.
fn by_path(resource: &Resource) -> HashMap<String, Value<'_>> {
    let values = texts(resource).into_iter();
    values.map(|value| (value.path.clone(), value)).collect()
}

/// The texts of an object that configure what it talks to and where it is reached.
fn texts(resource: &Resource) -> Vec<Value<'_>> {
    let mut found = Vec::new();
    match (resource.kind(), resource.group()) {
        ("ConfigMap", "") => collect(resource.node.get("data"), "/data", "", &mut found),
        (
            "Ingress" | "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "Gateway" | "Route"
            | "VirtualService",
            _,
        ) => {
            for key in ["rules", "tls", "hosts", "host", "hostnames", "listeners"] {
                let value = resource.node.at(&["spec", key]);
                collect(value, &format!("/spec/{key}"), key, &mut found);
            }
            found
                .retain(|value| matches!(&*value.key, "host" | "hosts" | "hostname" | "hostnames"));
        }
        ("Service", "") => {
            let value = resource.node.at(&["spec", "externalName"]);
            collect(value, "/spec/externalName", "externalName", &mut found);
        }
        ("HelmRelease", _) => collect_at(resource, &["spec", "values"], &mut found),
        ("Application", "argoproj.io") => {
            let path = ["spec", "source", "helm", "valuesObject"];
            collect_at(resource, &path, &mut found);
        }
        ("HelmChart", "") => collect_at(resource, &["valuesInline"], &mut found),
        _ => {
            for container in workload::of(resource)
                .iter()
                .flat_map(|one| &one.containers)
            {
                of_container(container.node, &container.pointer, &mut found);
            }
        }
    }
    found
}

/// The texts of the values at a path.
fn collect_at<'a>(resource: &'a Resource, path: &[&str], found: &mut Vec<Value<'a>>) {
    let pointer: String = path.iter().flat_map(|key| ["/", key]).collect();
    collect(resource.node.at(path), &pointer, "", found);
}

fn of_container<'a>(container: &'a Node, pointer: &str, found: &mut Vec<Value<'a>>) {
    for (index, item) in container
        .get("env")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate()
    {
        let name = item.get("name").and_then(Node::text).unwrap_or_default();
        let value = item.get("value").filter(|value| value.as_str().is_some());
        found.extend(value.map(|node| Value {
            path: format!("{pointer}/env/{index}/value"),
            key: name.to_string(),
            node,
        }));
    }
    for key in ["args", "command"] {
        collect(container.get(key), &format!("{pointer}/{key}"), key, found);
    }
}

/// The texts at and below a value, each with the nearest key above it.
fn collect<'a>(node: Option<&'a Node>, path: &str, key: &str, found: &mut Vec<Value<'a>>) {
    let Some(node) = node else { return };
    if node.as_str().is_some_and(|text| !text.contains('\n')) {
        found.push(Value {
            path: path.to_string(),
            key: key.to_string(),
            node,
        });
    }
    for entry in node.entries() {
        let below = format!("{path}/{}", escape_pointer(&entry.key));
        collect(Some(&entry.value), &below, &entry.key, found);
    }
    for (index, item) in node.items().iter().enumerate() {
        collect(Some(item), &format!("{path}/{index}"), key, found);
    }
}

/// True if a text names an environment: by its name or an alias as a word of its own. A path of
/// the system, such as `/dev/null`, names none.
fn names(text: &str, environment: &Environment) -> bool {
    if text.starts_with("/dev/") {
        return false;
    }
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| environment.is_called(word))
}
