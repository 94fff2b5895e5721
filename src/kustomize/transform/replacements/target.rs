//! The targets of a replacement: which resources they mean, and writing to them.

use std::cell::Cell;

use super::writer::{Failure, Writer};
use super::{DEFAULT_PATH, Value, attributed};
use crate::kustomize::context::BuildContext;
use crate::kustomize::kustomization::{ReplacementEntry, ReplacementTarget};
use crate::kustomize::patch::selector::Selector;
use crate::kustomize::transform::path;
use crate::kustomize::{Problem, Resource};
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{Data, Node, Origin};

/// The expressions of a target's `select` and `reject`.
struct Matcher {
    select: Selector,
    reject: Vec<Reject>,
}

/// An entry of `reject`. Identity and metadata reject independently of each other.
struct Reject {
    selector: Selector,
    /// It has conditions on the identity.
    identity: bool,
    /// It has conditions on labels or annotations.
    metadata: bool,
}

impl Matcher {
    fn new(target: &ReplacementTarget) -> Result<Matcher, Problem> {
        let Some(select) = &target.select else {
            return Err(Problem::error(
                target.origin,
                "the target does not say which resources it selects",
            )
            .with_help("add select with a kind, a name or other conditions"));
        };
        let reject = target.reject.iter().map(|reject| {
            let identity = [
                &reject.group,
                &reject.version,
                &reject.kind,
                &reject.name,
                &reject.namespace,
            ]
            .iter()
            .any(|part| part.is_some());
            let metadata = reject.label_selector.is_some() || reject.annotation_selector.is_some();
            Ok(Reject {
                selector: Selector::compile(reject)?,
                identity,
                metadata,
            })
        });
        Ok(Matcher {
            select: Selector::compile(select)?,
            reject: reject.collect::<Result<_, Problem>>()?,
        })
    }
    fn matches(&self, resource: &Resource) -> bool {
        let by_identity = |selector: &Selector| {
            resource.all_ids().any(|id| {
                selector.matches_gvk(id.group(), id.version(), &id.kind)
                    && selector.matches_name(&id.name)
                    && selector.matches_namespace(id.namespace.as_deref().unwrap_or_default())
            })
        };
        let kinds =
            || std::iter::once(resource.kind()).chain(resource.previous.iter().map(|id| &*id.kind));
        self.select
            .literal_kind()
            .is_none_or(|wanted| kinds().any(|kind| kind == wanted))
            && self.select.matches_metadata(&resource.node)
            && !self.reject.iter().any(|reject| {
                (reject.metadata && reject.selector.matches_metadata(&resource.node))
                    || (reject.identity && by_identity(&reject.selector))
            })
            && by_identity(&self.select)
    }
}

/// The bytes of text that count as one step of the build. With a delimiter, texts grow with each
/// replacement, and each object gets one of its own.
const BYTES_A_STEP: u64 = 32;

/// Whether the build goes on.
pub(super) enum Going {
    /// It does.
    On,
    /// It took too many steps.
    Stop,
}

pub(super) fn write_target(
    resources: &mut [Resource],
    value: &mut Value,
    target: &ReplacementTarget,
    entry: &ReplacementEntry,
    context: &mut BuildContext<'_>,
) -> Result<Going, Problem> {
    let matcher = Matcher::new(target)?;
    let default = [(DEFAULT_PATH.to_string(), target.origin)];
    let written: Vec<(String, Origin)> = target
        .field_paths
        .iter()
        .map(|text| (text.to_string(), text.origin()))
        .collect();
    let written = if written.is_empty() {
        &default[..]
    } else {
        &written[..]
    };
    let paths: Vec<Vec<String>> = written.iter().map(|(text, _)| path::split(text)).collect();
    for index in 0..resources.len() {
        let Some(resource) = resources
            .get_mut(index)
            .filter(|resource| matcher.matches(resource))
        else {
            continue;
        };
        for (fields, (text, origin)) in paths.iter().zip(written) {
            let writer = Writer {
                value: &value.node,
                options: target.options.as_ref(),
                origin: entry.origin.with(value.by),
                written: Cell::new(0),
            };
            let before = value
                .node
                .as_scalar()
                .is_none()
                .then(|| resource.node.clone());
            let mut written = writer.write(&mut resource.node, fields);
            if let Some(before) =
                before.filter(|_| is_too_large(&resource.node, 0, &mut MAX_VALUES.clone()))
            {
                resource.node = before;
                written = Err(Failure::TooLarge);
            }
            if !context.spend(writer.written.get() / BYTES_A_STEP, entry.origin) {
                return Ok(Going::Stop);
            }
            if let Err(failure) = written {
                return Err(failure.problem(text, *origin, resource, target));
            }
            if let Some((source, fields)) = &value.live
                && *source == index
                && let Ok(Some(now)) = path::lookup(&resource.node, fields)
            {
                value.node = attributed(now, value.by);
            }
        }
    }
    Ok(Going::On)
}

/// The most values that one object may hold. Kubernetes objects are far smaller.
const MAX_VALUES: usize = 200_000;

/// True if a tree nests too deep or holds too much: a map that is copied into itself doubles every
/// time.
fn is_too_large(node: &Node, depth: usize, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1).filter(|_| depth <= MAX_DEPTH) else {
        return true;
    };
    *left = rest;
    match &node.data {
        Data::Scalar(_) => false,
        Data::Map(map) => map
            .entries
            .iter()
            .any(|entry| is_too_large(&entry.value, depth + 1, left)),
        Data::List(list) => list
            .items
            .iter()
            .any(|item| is_too_large(item, depth + 1, left)),
    }
}
