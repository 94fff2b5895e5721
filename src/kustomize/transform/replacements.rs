//! `replacements`: values copied from a field of one resource, or given, into fields of others.
//!
//! Here: which resource is the source, which are targets, and what is written. Not here: field
//! paths (`path`) and values inside JSON or YAML that a string holds (`embedded`).

use super::path::{self, Create, Found, PathError, Shape};
use super::{MAX_TEXT, embedded};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Rules, Text};
use crate::kustomize::kustomization::{
    self, FieldOptions, ReplacementEntry, ReplacementSource, ReplacementTarget,
};
use crate::kustomize::patch::selector::Selector;
use crate::kustomize::{Problem, Resource};
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{By, Data, Kind, Node, Origin, Scalar, scalar};

/// The field that is meant when no path is given.
const DEFAULT_PATH: &str = "metadata.name";

/// The `replacements` field; entries with a `path` are read from their files.
pub fn replacements(
    resources: &mut [Resource],
    entries: &[ReplacementEntry],
    context: &mut BuildContext<'_>,
) {
    let mut loaded = Vec::new();
    for entry in entries {
        match &entry.path {
            None => loaded.push(entry.clone()),
            Some(_) if entry.source.is_some() || !entry.targets.is_empty() => {
                context.report(
                    Problem::error(
                        entry.origin,
                        "a replacement has both a path and a source or targets",
                    )
                    .with_help("move the replacement into the file, or remove the path"),
                );
            }
            Some(file) => match from_file(file, context) {
                Ok(entries) => loaded.extend(entries),
                Err(problem) => context.report(problem),
            },
        }
    }
    for entry in &loaded {
        apply(resources, entry, context);
    }
}

/// The replacements of a file: one, or a list of them.
fn from_file(
    file: &Text,
    context: &mut BuildContext<'_>,
) -> Result<Vec<ReplacementEntry>, Problem> {
    let documents = context.read_documents(file)?;
    let wrong = |found: &str| {
        Problem::error(
            file.origin(),
            format!(
                "{:?} must hold a replacement or a list of replacements, but it holds {found}",
                &**file
            ),
        )
        .with_help("write source and targets, as under replacements")
    };
    let document = documents
        .documents
        .first()
        .ok_or_else(|| wrong("nothing"))?;
    let nodes = match &document.data {
        Data::Map(_) => std::slice::from_ref(document),
        Data::List(list) => &list.items,
        Data::Scalar(_) => return Err(wrong("a single value")),
    };
    let mut decoder = Decoder::new(&mut context.problems, Rules::Plugin);
    Ok(nodes
        .iter()
        .map(|node| ReplacementEntry {
            path: None,
            ..ReplacementEntry::decode(node, &mut decoder)
        })
        .collect())
}

/// What is written, and where it was found when it is a whole value of a resource: targets can
/// change it on the way.
struct Value {
    node: Node,
    live: Option<(usize, Vec<String>)>,
}

fn apply(resources: &mut [Resource], entry: &ReplacementEntry, context: &mut BuildContext<'_>) {
    match value(resources, entry) {
        Ok(mut value) => {
            for target in &entry.targets {
                if let Err(problem) = write_target(resources, &mut value, target, entry) {
                    context.report(problem);
                }
                resources.iter_mut().for_each(Resource::settle_shared);
            }
        }
        Err(problem) => context.report(problem),
    }
}

fn value(resources: &[Resource], entry: &ReplacementEntry) -> Result<Value, Problem> {
    if entry.targets.is_empty() {
        return Err(
            Problem::error(entry.origin, "the replacement has no targets")
                .with_help("list at least one entry under targets"),
        );
    }
    match (&entry.source, &entry.source_value) {
        (None, None) => Err(Problem::error(
            entry.origin,
            "the replacement has neither a source nor a sourceValue",
        )
        .with_help("say where the value comes from")),
        (Some(source), Some(_)) => Err(Problem::error(
            source.origin,
            "the replacement has both a source and a sourceValue",
        )
        .with_help("remove one of the two")),
        (None, Some(text)) => Ok(Value {
            node: Node::scalar(
                Scalar::plain(text.value.clone()),
                text.origin().with(By::Replacement),
            ),
            live: None,
        }),
        (Some(source), None) => source_value(resources, source, entry),
    }
}

fn source_value(
    resources: &[Resource],
    source: &ReplacementSource,
    entry: &ReplacementEntry,
) -> Result<Value, Problem> {
    let described = describe(&source.selector);
    let mut matches = resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| is_source(resource, &source.selector));
    let Some((index, resource)) = matches.next() else {
        return Err(Problem::absent(source.origin, format!("the source of the replacement, {described}, selects no resource"))
            .with_help("compare the selector with the resources of this kustomization; parts are compared literally"));
    };
    if let Some((_, other)) = matches.next() {
        return Err(Problem::error(
            source.origin,
            format!("the source of the replacement, {described}, selects several resources"),
        )
        .with_help("narrow it by kind, name or namespace until it selects one")
        .with_related(
            format!("it selects {}", resource.id()),
            resource.node.origin,
        )
        .with_related(format!("it selects {}", other.id()), other.node.origin));
    }
    let written = source.field_path.as_deref().unwrap_or(DEFAULT_PATH);
    let place = source
        .field_path
        .as_ref()
        .map_or(source.origin, Text::origin);
    let fields = path::split(written);
    let found = path::lookup(&resource.node, &fields).map_err(|error| {
        Problem::absent(
            place,
            format!(
                "the path {written:?} cannot be followed in {}: {error}",
                resource.id()
            ),
        )
    })?;
    let Some(found) = found.filter(|found| !is_empty(found)) else {
        return Err(Problem::absent(
            place,
            format!("the source {} has no value at {written:?}", resource.id()),
        )
        .with_help(
            "name a field that is set when replacements run, before name references are followed",
        )
        .with_related("the source is this resource", resource.node.origin));
    };
    let Some((delimiter, options)) = delimiter(&source.options) else {
        return Ok(Value {
            node: attributed(found),
            live: Some((index, fields)),
        });
    };
    let Some(whole) = found.as_scalar() else {
        return Err(not_scalar(options, "the source"));
    };
    let pieces: Vec<&str> = split_at(&whole.text, delimiter);
    let piece = usize::try_from(options.index)
        .ok()
        .and_then(|index| pieces.get(index))
        .ok_or_else(|| {
            Problem::error(
                options.origin,
                format!(
                    "there is no piece {} of {:?}, which has {} pieces",
                    options.index,
                    &*whole.text,
                    pieces.len()
                ),
            )
            .with_help("the index counts from 0")
        })?;
    let scalar = Scalar {
        text: (*piece).into(),
        ..whole.clone()
    };
    Ok(Value {
        node: Node::scalar(scalar, entry.origin.with(By::Replacement)),
        live: None,
    })
}

fn attributed(node: &Node) -> Node {
    Node {
        data: node.data.clone(),
        origin: node.origin.with(By::Replacement),
        replaced: None,
    }
}

fn is_empty(node: &Node) -> bool {
    node.is_null()
        || node.as_map().is_some_and(|map| map.entries.is_empty())
        || node.as_list().is_some_and(|list| list.items.is_empty())
}

/// Whether a resource is meant by a source: some identity that it has or had is equal in every part
/// that is given.
fn is_source(resource: &Resource, selector: &kustomization::Selector) -> bool {
    let same =
        |part: &Option<Text>, actual: &str| part.as_deref().is_none_or(|wanted| wanted == actual);
    // Most resources are told apart without building their identities.
    let kinds =
        std::iter::once(resource.kind()).chain(resource.previous.iter().map(|id| &*id.kind));
    let names =
        std::iter::once(resource.name()).chain(resource.previous.iter().map(|id| &*id.name));
    if !kinds.clone().any(|kind| same(&selector.kind, kind))
        || !names.clone().any(|name| same(&selector.name, name))
    {
        return false;
    }
    // A selector's kind is not known to have no namespace, so an empty namespace and "default" are
    // one.
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

fn describe(selector: &kustomization::Selector) -> String {
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

fn delimiter(options: &Option<FieldOptions>) -> Option<(&str, &FieldOptions)> {
    let options = options.as_ref()?;
    Some((options.delimiter.as_deref()?, options))
}

fn split_at<'t>(text: &'t str, delimiter: &str) -> Vec<&'t str> {
    text.split(delimiter).collect()
}

fn not_scalar(options: &FieldOptions, what: &str) -> Problem {
    Problem::error(
        options.origin,
        format!("{what} is a map or a list, which a delimiter cannot split"),
    )
    .with_help("name a field that holds a single value, or remove the delimiter")
}

/// The expressions of a target's `select` and `reject`.
struct Matcher {
    select: Selector,
    /// With whether it says anything about the identity, and about labels or annotations: each part
    /// rejects on its own.
    reject: Vec<(Selector, bool, bool)>,
}

impl Matcher {
    fn new(target: &ReplacementTarget) -> Result<Matcher, Problem> {
        let Some(select) = &target.select else {
            return Err(Problem::error(
                target.origin,
                "the target does not say which resources it means",
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
            Ok((Selector::compile(reject)?, identity, metadata))
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
            && !self.reject.iter().any(|(reject, identity, metadata)| {
                (*metadata && reject.matches_metadata(&resource.node))
                    || (*identity && by_identity(reject))
            })
            && by_identity(&self.select)
    }
}

fn write_target(
    resources: &mut [Resource],
    value: &mut Value,
    target: &ReplacementTarget,
    entry: &ReplacementEntry,
) -> Result<(), Problem> {
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
        for (fields, (text, place)) in paths.iter().zip(written) {
            let writer = Writer {
                value: &value.node,
                options: target.options.as_ref(),
                origin: entry.origin.with(By::Replacement),
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
            if let Err(failure) = written {
                return Err(failure.problem(text, *place, resource, target));
            }
            if let Some((source, fields)) = &value.live
                && *source == index
                && let Ok(Some(now)) = path::lookup(&resource.node, fields)
            {
                value.node = attributed(now);
            }
        }
    }
    Ok(())
}

/// Values that one object may hold; a Kubernetes object is far smaller.
const MAX_VALUES: usize = 200_000;

/// Whether a tree nests too deep or holds too much. Maps that are copied into themselves double
/// every time.
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

/// Why a value could not be written.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Path(#[from] PathError),
    #[error("there is no such field")]
    Missing,
    #[error("the field is a map or a list, which a delimiter cannot split")]
    NotScalar,
    #[error("the result would be too large")]
    TooLarge,
    #[error("the field holds {kind}, and {text:?} is none")]
    Mistyped { kind: &'static str, text: String },
}

impl Failure {
    fn problem(
        &self,
        path: &str,
        place: Origin,
        resource: &Resource,
        target: &ReplacementTarget,
    ) -> Problem {
        let id = resource.id();
        let creates = target
            .options
            .as_ref()
            .is_some_and(|options| options.create);
        let problem = match self {
            Failure::Missing => Problem::absent(
                place,
                format!("the replacement's target {id} has no field {path:?}"),
            ),
            other => Problem::error(
                place,
                format!("the replacement cannot be written to {path:?} of {id}: {other}"),
            ),
        };
        let problem = problem.with_related("the target is this resource", resource.node.origin);
        match self {
            Failure::Missing | Failure::Path(PathError::NoItem(..)) if creates => {
                problem.with_help("correct the path; options.create adds keys and items named by [key=value], but no item for *")
            }
            Failure::Missing => problem.with_help("correct the path, narrow select, or set options.create to add the field"),
            Failure::Path(_) => problem.with_help("correct the path, or narrow select to the resources that have the field"),
            Failure::TooLarge => problem.with_help("do not copy a field into itself"),
            Failure::NotScalar => problem.with_help("name a field that holds a single value, or remove the delimiter"),
            Failure::Mistyped { .. } => {
                problem.with_help("put the present value of the field in quotes, or replace it by a value of its type")
            }
        }
    }
}

/// Writes one value at one path.
struct Writer<'a> {
    value: &'a Node,
    options: Option<&'a FieldOptions>,
    origin: Origin,
}

impl Writer<'_> {
    fn create(&self) -> Option<Create> {
        let wanted = self.options.is_some_and(|options| options.create);
        wanted.then(|| Create {
            leaf: Shape::of(self.value),
            origin: self.origin,
        })
    }

    fn write(&self, root: &mut Node, fields: &[String]) -> Result<(), Failure> {
        if embedded::edit(root, fields, self.origin, |document, inner| {
            self.visit(document, inner, true).is_ok()
        }) {
            return Ok(());
        }
        self.visit(root, fields, false)
    }

    /// `loose`: the value need not have the type of the field, as in the texts of strings.
    fn visit(&self, root: &mut Node, fields: &[String], loose: bool) -> Result<(), Failure> {
        let mut failure = None;
        let mut action = |node: &mut Node, found: Found| {
            if failure.is_none() {
                failure = self
                    .set(node, found == Found::Created, loose || found == Found::Copy)
                    .err();
            }
        };
        let count = path::visit(root, fields, self.create(), &mut action)?;
        match failure {
            Some(failure) => Err(failure),
            None if count == 0 => Err(Failure::Missing),
            None => Ok(()),
        }
    }

    /// Writes to a field. One that is a single value keeps its type, and takes the text only.
    fn set(&self, field: &mut Node, fresh: bool, loose: bool) -> Result<(), Failure> {
        let mut value = self.value.clone();
        let options = self.options.filter(|options| options.delimiter.is_some());
        if let Some((options, delimiter)) =
            options.and_then(|options| Some((options, options.delimiter.as_deref()?)))
        {
            let Some(present) = field.as_scalar() else {
                return Err(Failure::NotScalar);
            };
            let piece = value.text().unwrap_or_default();
            let mut pieces = split_at(&present.text, delimiter);
            match usize::try_from(options.index) {
                Err(_) => pieces.insert(0, piece),
                Ok(index) => match pieces.get_mut(index) {
                    Some(slot) => *slot = piece,
                    None => pieces.push(piece),
                },
            }
            let text = pieces.join(delimiter);
            if text.len() > MAX_TEXT {
                return Err(Failure::TooLarge);
            }
            value = Node::scalar(
                Scalar {
                    text: text.into(),
                    ..present.clone()
                },
                self.origin,
            );
        }
        let Some(present) = field.as_scalar() else {
            put(field, value.data, value.origin, fresh);
            return Ok(());
        };
        let text = value
            .as_scalar()
            .map_or_else(|| "".into(), |scalar| scalar.text.clone());
        let scalar = if fresh {
            Scalar::plain(text)
        } else {
            let fitting = fitting(present.kind, &text).or(loose.then_some(present.kind));
            let kind = fitting.ok_or_else(|| Failure::Mistyped {
                kind: name(present.kind),
                text: text.to_string(),
            })?;
            Scalar {
                text,
                style: present.style,
                kind,
            }
        };
        put(field, Data::Scalar(scalar), value.origin, fresh);
        Ok(())
    }
}

fn put(field: &mut Node, data: Data, origin: Origin, fresh: bool) {
    if fresh {
        *field = Node {
            data,
            origin,
            replaced: None,
        };
    } else {
        field.replace(data, origin);
    }
}

/// The type of a text in a field of a type; `None` when kustomize cannot print the result.
fn fitting(field: Kind, text: &str) -> Option<Kind> {
    let own = scalar::resolve(text);
    match (field, own) {
        (Kind::String | Kind::Binary, _) => Some(field),
        (Kind::Float, Kind::Int) => Some(Kind::Float),
        _ => (field == own).then_some(field),
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "a boolean",
        Kind::Int => "a whole number",
        Kind::Float => "a number",
        Kind::String => "text",
        Kind::Timestamp => "a time",
        Kind::Binary => "binary data",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::kustomize::{LoadRestrictor, RenderOptions, Rendered, Renderer};
    use crate::source::{Files, memory::Memory};
    use crate::yaml::{By, Node, Origin};

    const OBJECTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data:
  word: green
  number: \"5\"
  image: registry/web:1.2
  json: '{\"port\": 1, \"host\": \"a\"}'
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - {name: web, image: \"registry/web:0.1\", args: [first]}
      - {name: web-proxy, image: \"proxy:1\"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec: {replicas: 2}
";

    fn build(files: &[(&str, &str)]) -> (Rendered, Arc<Files>) {
        let sources = Arc::new(Files::default());
        let renderer = Renderer::new(
            Arc::new(Memory::new(files.iter().copied())),
            sources.clone(),
            RenderOptions {
                load_restrictor: LoadRestrictor::Root,
                ..RenderOptions::default()
            },
        );
        ((*renderer.render("")).clone(), sources)
    }
    fn run(entries: &str) -> (Rendered, Arc<Files>) {
        let kustomization = format!("resources: [objects.yaml]\nreplacements:\n{entries}");
        build(&[
            ("kustomization.yaml", &kustomization),
            ("objects.yaml", OBJECTS),
        ])
    }
    fn entry(source: &str, select: &str, path: &str, options: &str) -> String {
        format!(
            "- source: {{kind: ConfigMap, {source}}}\n  targets: [{{select: {select}, fieldPaths: ['{path}'], options: {{{options}}}}}]\n"
        )
    }
    fn value(rendered: &Rendered, kind: &str, name: &str, pointer: &str) -> Node {
        let found = rendered
            .resources
            .iter()
            .find(|resource| resource.kind() == kind && resource.name() == name);
        found
            .and_then(|resource| resource.node.pointer(pointer))
            .cloned()
            .unwrap_or_else(|| panic!("{pointer}: {:?}", rendered.problems))
    }
    fn text(rendered: &Rendered, pointer: &str) -> String {
        assert_eq!(rendered.problems, []);
        value(rendered, "Deployment", "web", pointer)
            .as_scalar()
            .unwrap()
            .text
            .to_string()
    }
    fn refused(entries: &str) -> String {
        let (rendered, _) = run(entries);
        assert!(
            !rendered.complete,
            "{:?}",
            rendered
                .resources
                .iter()
                .map(|resource| resource.id())
                .collect::<Vec<_>>()
        );
        rendered.problems.first().unwrap().message.clone()
    }
    fn span(files: &Files, origin: Origin) -> String {
        files.get(origin.file).text[origin.start as usize..origin.end as usize].to_string()
    }

    #[test]
    fn a_value_keeps_its_source_and_what_it_replaced() {
        let (rendered, files) = run(&entry(
            "fieldPath: data.word",
            "{name: web}",
            "spec.template.spec.containers.0.image",
            "",
        ));
        let image = value(
            &rendered,
            "Deployment",
            "web",
            "/spec/template/spec/containers/0/image",
        );
        assert_eq!(
            (image.as_str(), image.origin.by),
            (Some("green"), By::Replacement)
        );
        assert_eq!(span(&files, image.origin), "green");
        assert_eq!(
            image.replaced.as_ref().and_then(|old| old.as_str()),
            Some("registry/web:0.1")
        );
    }

    #[test]
    fn a_part_of_a_value_points_at_the_entry() {
        let source = "fieldPath: data.image, options: {delimiter: ':', index: 1}";
        let (rendered, files) = run(&entry(
            source,
            "{name: web}",
            "spec.template.spec.containers.0.image",
            "delimiter: ':', index: 1",
        ));
        assert_eq!(
            text(&rendered, "/spec/template/spec/containers/0/image"),
            "registry/web:1.2"
        );
        let image = value(
            &rendered,
            "Deployment",
            "web",
            "/spec/template/spec/containers/0/image",
        );
        assert!(
            span(&files, image.origin).starts_with("source:"),
            "{}",
            span(&files, image.origin)
        );
    }

    #[test]
    fn delimiters_prefix_replace_and_append() {
        let image = "/spec/template/spec/containers/0/image";
        let at = |index: &str| {
            let options = format!("delimiter: ':', index: {index}");
            text(
                &run(&entry(
                    "fieldPath: data.word",
                    "{name: web}",
                    "spec.template.spec.containers.0.image",
                    &options,
                ))
                .0,
                image,
            )
        };
        assert_eq!(at("-1"), "green:registry/web:0.1");
        assert_eq!(at("0"), "green:0.1");
        assert_eq!(at("7"), "registry/web:0.1:green");
    }

    #[test]
    fn a_field_keeps_its_type_and_a_new_one_takes_it_from_the_text() {
        let (rendered, _) = run(&entry(
            "fieldPath: data.number",
            "{name: web}",
            "spec.replicas",
            "",
        ));
        assert_eq!(
            value(&rendered, "Deployment", "web", "/spec/replicas").as_int(),
            Some(5)
        );
        let (rendered, _) = run(&entry(
            "fieldPath: data.number",
            "{name: web}",
            "spec.new.deep",
            "create: true",
        ));
        let made = value(&rendered, "Deployment", "web", "/spec/new/deep");
        assert_eq!(made.as_int(), Some(5));
        assert!(made.replaced.is_none());
        assert!(
            refused(&entry(
                "fieldPath: data.word",
                "{name: web}",
                "spec.replicas",
                ""
            ))
            .contains("holds a whole number")
        );
    }

    #[test]
    fn items_are_visited_by_expression() {
        let (rendered, _) = run(&entry(
            "fieldPath: data.word",
            "{name: web}",
            "spec.template.spec.containers.[name=web].image",
            "",
        ));
        assert_eq!(
            text(&rendered, "/spec/template/spec/containers/1/image"),
            "green",
            "web-proxy matches as well"
        );
        let (rendered, _) = run(&entry(
            "fieldPath: data.word",
            "{name: web}",
            "spec.template.spec.containers.[name=^web$].image",
            "",
        ));
        assert_eq!(
            text(&rendered, "/spec/template/spec/containers/1/image"),
            "proxy:1"
        );
    }

    #[test]
    fn sources_are_literal_and_targets_are_expressions() {
        assert!(
            refused(&entry("name: setting", "{name: web}", "metadata.name", ""))
                .contains("selects no resource")
        );
        let several = "- source: {kind: Deployment}\n  targets: [{select: {name: web}}]\n";
        assert!(refused(several).contains("selects several"));
        let by_default_namespace = "- source: {kind: Deployment, namespace: default}\n  targets: [{select: {name: web}, fieldPaths: [spec.template.spec.containers.0.image]}]\n";
        assert_eq!(
            text(
                &run(by_default_namespace).0,
                "/spec/template/spec/containers/0/image"
            ),
            "worker"
        );
        let (rendered, _) = run(&entry(
            "fieldPath: data.number",
            "{name: 'w.*', kind: Deployment}",
            "spec.replicas",
            "",
        ));
        assert_eq!(
            value(&rendered, "Deployment", "worker", "/spec/replicas").as_int(),
            Some(5)
        );
        // A target's namespace is compared as written: nothing is not "default".
        let (rendered, _) = run(&entry(
            "fieldPath: data.number",
            "{namespace: default}",
            "spec.replicas",
            "",
        ));
        assert_eq!(
            value(&rendered, "Deployment", "worker", "/spec/replicas").as_int(),
            Some(2)
        );
    }

    #[test]
    fn rejection_by_identity_or_by_labels() {
        let at = |reject: &str| {
            let (rendered, _) = run(&format!(
                "- source: {{kind: ConfigMap, fieldPath: data.word}}\n  targets: [{{select: {{}}, reject: [{reject}], fieldPaths: [metadata.labels.x], options: {{create: true}}}}]\n"
            ));
            let marked = rendered
                .resources
                .iter()
                .filter(|resource| resource.node.at(&["metadata", "labels", "x"]).is_some());
            marked
                .map(|resource| resource.name().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(at("{}"), "settings web worker");
        assert_eq!(at("{name: web}"), "settings worker");
        assert_eq!(at("{name: web|worker}"), "settings");
        assert_eq!(at("{labelSelector: app=web}"), "web worker");
        assert_eq!(
            at("{labelSelector: app=web, name: worker}"),
            "web",
            "each part rejects on its own"
        );
    }

    #[test]
    fn renamed_resources_are_found_by_every_name() {
        let objects = ("base/objects.yaml", OBJECTS);
        let base = (
            "base/kustomization.yaml",
            "resources: [objects.yaml]\nnamePrefix: a-\n",
        );
        for name in ["settings", "a-settings"] {
            let top = format!(
                "resources: [base]\nreplacements:\n- source: {{kind: ConfigMap, name: {name}}}\n  targets: [{{select: {{name: worker}}, fieldPaths: [spec.from], options: {{create: true}}}}]\n"
            );
            let (rendered, _) = build(&[("kustomization.yaml", &top), base, objects]);
            assert_eq!(
                value(&rendered, "Deployment", "a-worker", "/spec/from").as_str(),
                Some("a-settings")
            );
        }
    }

    #[test]
    fn values_inside_strings() {
        let (rendered, _) = run(&entry(
            "fieldPath: data.number",
            "{kind: ConfigMap}",
            "data.json.port",
            "",
        ));
        assert_eq!(
            value(&rendered, "ConfigMap", "settings", "/data/json").as_str(),
            Some(r#"{"host":"a","port":5}"#)
        );
        // Where a text does not fit, kustomize writes nothing and says nothing.
        let (rendered, _) = run(&entry(
            "fieldPath: data.word",
            "{kind: ConfigMap}",
            "data.json.port",
            "",
        ));
        assert_eq!(
            value(&rendered, "ConfigMap", "settings", "/data/json").as_str(),
            Some(r#"{"port": 1, "host": "a"}"#)
        );
    }

    #[test]
    fn given_values_and_files() {
        let (rendered, _) = run(
            "- sourceValue: blue\n  targets: [{select: {name: web}, fieldPaths: [spec.template.spec.containers.0.args.0]}]\n",
        );
        assert_eq!(
            text(&rendered, "/spec/template/spec/containers/0/args/0"),
            "blue"
        );
        let file = "source: {kind: ConfigMap, fieldPath: data.number}\ntargets: [{select: {name: web}, fieldPaths: [spec.replicas]}]\n";
        let list = file
            .lines()
            .enumerate()
            .map(|(at, line)| format!("{}{line}\n", if at == 0 { "- " } else { "  " }))
            .collect::<String>();
        for content in [file, &list] {
            let kustomization = "resources: [objects.yaml]\nreplacements:\n- path: r.yaml\n";
            let (rendered, _) = build(&[
                ("kustomization.yaml", kustomization),
                ("objects.yaml", OBJECTS),
                ("r.yaml", content),
            ]);
            assert_eq!(text(&rendered, "/spec/replicas"), "5");
        }
    }

    #[test]
    fn growth_has_an_end() {
        let deployment = "- source: {kind: Deployment, name: web, fieldPath: spec}\n  targets: [{select: {name: web}, fieldPaths: [";
        let doubling: String = (0..60)
            .map(|at| format!("{deployment}spec.x{at}], options: {{create: true}}}}]\n"))
            .collect();
        assert!(refused(&doubling).contains("too large"));
        let nesting: String = (0..300)
            .map(|_| format!("{deployment}spec.template]}}]\n"))
            .collect();
        assert!(refused(&nesting).contains("too large"));
        let texts = vec!["data.word"; 60].join(", ");
        let texts = format!(
            "- source: {{kind: ConfigMap, fieldPath: data.word}}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [{texts}], options: {{delimiter: '/', index: -1}}}}]\n"
        );
        assert!(refused(&texts).contains("too large"));
    }

    #[test]
    fn what_is_refused() {
        let web = "{name: web}";
        let message =
            |source: &str, path: &str, options: &str| refused(&entry(source, web, path, options));
        assert!(message("fieldPath: data.none", "spec.replicas", "").contains("has no value"));
        assert!(message("fieldPath: data.word", "spec.none", "").contains("has no field"));
        assert!(
            message(
                "fieldPath: data.word",
                "spec.template.spec.containers.4.image",
                ""
            )
            .contains("there is no item 4")
        );
        assert!(
            message("fieldPath: data.word", "spec.template", "delimiter: ':'")
                .contains("delimiter cannot split")
        );
        assert!(
            message(
                "fieldPath: data, options: {delimiter: ':'}",
                "spec.replicas",
                ""
            )
            .contains("delimiter cannot split")
        );
        assert!(
            message(
                "fieldPath: data.image, options: {delimiter: ':', index: 2}",
                "spec.replicas",
                ""
            )
            .contains("no piece 2")
        );
        assert!(
            refused("- targets: [{select: {name: web}}]\n")
                .contains("neither a source nor a sourceValue")
        );
        assert!(refused("- source: {kind: ConfigMap}\n").contains("has no targets"));
        assert!(
            refused("- source: {kind: ConfigMap}\n  targets: [{fieldPaths: [a]}]\n")
                .contains("which resources it means")
        );
        assert!(
            refused("- source: {kind: ConfigMap}\n  sourceValue: x\n  targets: [{select: {}}]\n")
                .contains("both a source")
        );
        assert!(refused("- path: missing.yaml\n").contains("missing.yaml"));
        assert!(
            refused("- path: objects.yaml\n  source: {kind: ConfigMap}\n").contains("both a path")
        );
    }
}
