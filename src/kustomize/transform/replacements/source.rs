//! The source of a replacement: which resource and field it means, and the value there.

use super::{DEFAULT_PATH, Value, attributed, by_of, not_scalar};
use crate::kustomize::decode::Text;
use crate::kustomize::kustomization::{
    FieldOptions, ReplacementEntry, ReplacementSource, Selector,
};
use crate::kustomize::manifests::is_empty;
use crate::kustomize::transform::path;
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Node, Scalar};

/// The value that a source selects.
pub(super) fn source_value(
    resources: &[Resource],
    source: &ReplacementSource,
    entry: &ReplacementEntry,
) -> Result<Value, Problem> {
    let (position, resource) = resource_of(resources, source)?;
    let (fields, found) = field_of(resource, source)?;
    let by = match found.is_from_secret() {
        true => By::SecretReplacement,
        false => by_of(resource, &fields),
    };
    let options = source.options.as_ref();
    let Some((options, delimiter)) =
        options.and_then(|options| Some((options, options.delimiter.as_deref()?)))
    else {
        return Ok(Value {
            node: attributed(found, by),
            live: Some((position, fields)),
            by,
        });
    };
    let Some(whole) = found.as_scalar() else {
        return Err(not_scalar(options, "the source"));
    };
    let scalar = Scalar {
        text: piece_of(whole, by, delimiter, options)?.into(),
        ..whole.clone()
    };
    Ok(Value {
        node: Node::scalar(scalar, entry.origin.with(by)),
        live: None,
        by,
    })
}

/// The one resource that a source selects, and its position.
fn resource_of<'r>(
    resources: &'r [Resource],
    source: &ReplacementSource,
) -> Result<(usize, &'r Resource), Problem> {
    let described = describe(&source.selector);
    let mut matches = resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| is_source(resource, &source.selector));
    let Some((position, resource)) = matches.next() else {
        let message = format!("the source of the replacement, {described}, selects no resource");
        return Err(Problem::absent(source.origin, message).with_help(
            "compare the selector with the resources of this kustomization; parts are compared literally",
        ));
    };
    let Some((_, other)) = matches.next() else {
        return Ok((position, resource));
    };
    let message = format!("the source of the replacement, {described}, selects several resources");
    Err(Problem::error(source.origin, message)
        .with_help("narrow it by kind, name or namespace until it selects one")
        .with_related(
            format!("it selects {}", resource.id()),
            resource.node.origin,
        )
        .with_related(format!("it selects {}", other.id()), other.node.origin))
}

/// The path and the value of the field that a source means.
fn field_of<'r>(
    resource: &'r Resource,
    source: &ReplacementSource,
) -> Result<(Vec<String>, &'r Node), Problem> {
    let written = source.field_path.as_deref().unwrap_or(DEFAULT_PATH);
    let origin = source
        .field_path
        .as_ref()
        .map_or(source.origin, Text::origin);
    let fields = path::split(written);
    let found = path::lookup(&resource.node, &fields).map_err(|error| {
        let id = resource.id();
        let message = format!("the path {written:?} cannot be followed in {id}: {error}");
        Problem::absent(origin, message)
    })?;
    let Some(found) = found.filter(|found| !is_empty(found)) else {
        let message = format!("the source {} has no value at {written:?}", resource.id());
        let help =
            "name a field that is set when replacements run, before name references are followed";
        return Err(Problem::absent(origin, message)
            .with_help(help)
            .with_related("the source is this resource", resource.node.origin));
    };
    Ok((fields, found))
}

fn piece_of<'t>(
    whole: &'t Scalar,
    by: By,
    delimiter: &str,
    options: &FieldOptions,
) -> Result<&'t str, Problem> {
    let pieces: Vec<&str> = whole.text.split(delimiter).collect();
    let index = usize::try_from(options.index).ok();
    index
        .and_then(|index| pieces.get(index).copied())
        .ok_or_else(|| {
            let whole = match by {
                By::SecretReplacement => "the value of the Secret".to_string(),
                _ => format!("{:?}", whole.text),
            };
            let message = format!(
                "there is no piece {} of {whole}, which has {} pieces",
                options.index,
                pieces.len()
            );
            Problem::error(options.origin, message).with_help("the index counts from 0")
        })
}

/// True if some identity that a resource has or had equals a source in every part that is given.
fn is_source(resource: &Resource, selector: &Selector) -> bool {
    let same =
        |part: &Option<Text>, actual: &str| part.as_deref().is_none_or(|wanted| wanted == actual);
    // most resources can be ruled out without building their identities
    let kinds =
        std::iter::once(resource.kind()).chain(resource.previous.iter().map(|id| &*id.kind));
    let names =
        std::iter::once(resource.name()).chain(resource.previous.iter().map(|id| &*id.name));
    if !kinds.clone().any(|kind| same(&selector.kind, kind))
        || !names.clone().any(|name| same(&selector.name, name))
    {
        return false;
    }
    // kustomize does not know here which kinds have a namespace, so an empty one means "default"
    let or_default = |namespace: &str| {
        if namespace.is_empty() {
            "default".to_string()
        } else {
            namespace.to_string()
        }
    };
    resource.all_ids().any(|id| {
        same(&selector.group, id.group())
            && same(&selector.version, id.version())
            && same(&selector.kind, &id.kind)
            && same(&selector.name, &id.name)
            && selector.namespace.as_deref().is_none_or(|wanted| {
                or_default(wanted) == or_default(id.namespace.as_deref().unwrap_or_default())
            })
    })
}

fn describe(selector: &Selector) -> String {
    let parts = [
        ("group", &selector.group),
        ("version", &selector.version),
        ("kind", &selector.kind),
        ("name", &selector.name),
        ("namespace", &selector.namespace),
    ];
    let given: Vec<String> = parts
        .iter()
        .filter_map(|(part, text)| Some(format!("{part} {:?}", &**text.as_ref()?)))
        .collect();
    if given.is_empty() {
        "without any condition".to_string()
    } else {
        given.join(", ")
    }
}
