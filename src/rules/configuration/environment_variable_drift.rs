//! # environment-variable-drift
//!
//! ## What
//!
//! A container in the previous environment (such as staging) sets a variable under `env`, and the
//! same container in a protected environment gets it neither from `env` nor from a ConfigMap or
//! Secret under `envFrom`.
//!
//! Nothing is reported if the repository does not show which keys such a ConfigMap or Secret has,
//! or if the name of the variable contains the name of an environment.
//!
//! It is an error, or a warning if the name says that the variable is for debugging: one of its
//! words is `DEBUG`, `LOG`, `MOCK`, `PROFILE`, `TRACE`, `VERBOSE` or the like.
//!
//! ## Why
//!
//! The new build expects the variable. It was added where the build was tested, and the promotion
//! left it behind.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/overlays/staging/env.yaml; production has no such variable
//! env:
//!   - name: RETRY_LIMIT
//!     value: "5"
//! ```
//!
//! ## Fix
//!
//! Add the variable to production or to the base, or remove it from staging.

use crate::compare::Words;
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::{Target, compatible};
use crate::kubernetes::workload::Container;
use crate::repo::Overlay;
use crate::rules::shared::losses;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};

/// The rule.
pub(super) struct EnvironmentVariableDrift;

static METADATA: Metadata = Metadata {
    id: "environment-variable-drift",
    category: Category::Configuration,
    level: "error in protected environments; warning for a variable that is for debugging",
    severity: Severity::Error,
    summary: "a variable that staging's container has and production's lacks",
    options: &[],
    behavior: Behavior {
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("environment_variable_drift.rs"),
};

impl Rule for EnvironmentVariableDrift {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let environments = &context.repo.environments;
        let name = |overlay| context.side(overlay);
        for partners in losses::partners(context, from, to) {
            let variables = |container: &Container| -> Vec<String> {
                let items = container
                    .node
                    .get("env")
                    .map_or(&[][..], Node::items)
                    .iter();
                items
                    .filter_map(|item| item.get("name").and_then(Node::text).map(str::to_string))
                    .collect()
            };
            let known = variables(&partners.to);
            for item in partners.from.node.get("env").map_or(&[][..], Node::items) {
                let Some(variable) = item.get("name") else {
                    continue;
                };
                let Some(text) = variable
                    .text()
                    .filter(|text| !known.iter().any(|known| known == text))
                else {
                    continue;
                };
                let own_word = [from, to]
                    .iter()
                    .any(|overlay| Words::of(overlay, environments).strip(text) != text);
                if own_word
                    || perhaps_from_a_source(
                        context,
                        to,
                        &partners.to,
                        partners.resource.namespace(),
                        text,
                    )
                {
                    continue;
                }
                let removed = removed_item(partners.to.node, text);
                let origin = removed.unwrap_or(variable.origin);
                let message = format!(
                    "container `{}` has the variable `{text}` in {} but not in {}",
                    partners.to.name,
                    name(from),
                    name(to)
                );
                let cause = Cause::new("missing-variable")
                    .with(partners.to.name)
                    .with(text);
                let severity = if is_for_debugging(text) {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let draft = Draft::new(severity, origin, cause, message);
                let draft = draft.help(format!(
                    "add it to {} or to the base, or remove it from {}",
                    name(to),
                    name(from)
                ));
                let mut draft = draft.on(partners.resource, format!("{}/env", partners.to.pointer));
                if removed.is_some() {
                    draft = draft.related(variable.origin, format!("{} sets it here", name(from)));
                } else if let Some(container) = partners.to.node.get("name") {
                    draft =
                        draft.related(container.origin, format!("the container in {}", name(to)));
                }
                sink.report(context, Some(to), draft);
            }
        }
    }
}

/// Words in the names of variables that are only for debugging.
const DEBUGGING: &[&str] = &[
    "DEBUG",
    "DEBUGGER",
    "DEV",
    "DEVTOOLS",
    "FAKE",
    "LOG",
    "LOGGING",
    "LOGLEVEL",
    "MOCK",
    "PPROF",
    "PROFILE",
    "PROFILER",
    "PROFILING",
    "SWAGGER",
    "TRACE",
    "VERBOSE",
    "VERBOSITY",
];

fn is_for_debugging(variable: &str) -> bool {
    let words = variable.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .map(str::to_ascii_uppercase)
        .any(|word| DEBUGGING.contains(&word.as_str()))
}

/// True if a source under `envFrom` has the variable, or if the repo does not show all of its keys.
fn perhaps_from_a_source(
    context: &Context,
    overlay: &Overlay,
    container: &Container,
    namespace: Option<&str>,
    variable: &str,
) -> bool {
    container
        .node
        .get("envFrom")
        .map_or(&[][..], Node::items)
        .iter()
        .any(|source| {
            let prefix = source
                .get("prefix")
                .and_then(Node::text)
                .unwrap_or_default();
            let Some(key) = variable.strip_prefix(prefix) else {
                return false;
            };
            [
                ("configMapRef", Target::ConfigMap),
                ("secretRef", Target::Secret),
            ]
            .into_iter()
            .any(|(field, target)| {
                let Some(name) = source.at(&[field, "name"]).and_then(Node::text) else {
                    return false;
                };
                let facts = context.facts(overlay);
                let mut providers = facts
                    .providers_of(target, name)
                    .filter(|provider| compatible(provider.namespace, namespace))
                    .peekable();
                providers.peek().is_none()
                    || providers.any(|provider| {
                        provider.keys.as_ref().is_none_or(|keys| keys.contains(key))
                    })
            })
        })
}

/// The line that removed a variable from a container's list.
fn removed_item(container: &Node, variable: &str) -> Option<Origin> {
    let named = |node: &Node| node.get("name").and_then(Node::text) == Some(variable);
    let env = container.get("env")?;
    if let Some(removed) = env
        .as_list()?
        .removed
        .iter()
        .find(|removed| named(&removed.node))
    {
        return Some(removed.origin);
    }
    env.replaced
        .as_ref()
        .is_some_and(|old| old.items().iter().any(named))
        .then_some(env.origin)
}
