//! `ValueAddTransformer`: one value put into a field of many resources, whole or as a part of a
//! file path.

use super::field_spec::{self, FieldError};
use super::metadata::{self, NamespaceOptions};
use super::path::{self, Create, Found, Shape};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Rules, Text};
use crate::kustomize::kustomization;
use crate::kustomize::patch::selector::Selector;
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Node, Origin};

/// Its configuration.
pub(crate) struct ValueAdd {
    value: Option<Text>,
    targets: Vec<Target>,
    file: Option<Text>,
    origin: Origin,
}

struct Target {
    selector: Option<kustomization::Selector>,
    field_path: Option<Text>,
    position: i64,
    origin: Origin,
}

impl ValueAdd {
    /// Reads the configuration out of the object.
    pub(crate) fn decode(object: &Node, decoder: &mut Decoder<'_>) -> ValueAdd {
        let origin = object.get("kind").map_or(object.origin, |kind| kind.origin);
        let mut result = ValueAdd {
            value: None,
            targets: Vec::new(),
            file: None,
            origin,
        };
        for (name, entry) in decoder.fields(
            object,
            "the transformer",
            &["value", "targets", "targetFilePath"],
        ) {
            match name {
                "value" => {
                    result.value = decoder
                        .text(&entry.value, name)
                        .filter(|text| !text.trim().is_empty())
                }
                "targetFilePath" => result.file = decoder.filled_text(&entry.value, name),
                _ => {
                    result.targets = decoder
                        .list(&entry.value, name)
                        .iter()
                        .map(|node| Target::decode(node, decoder))
                        .collect()
                }
            }
        }
        result
    }

    /// Writes the value, or the name of the kustomization's folder, to the targets.
    pub(crate) fn run(mut self, resources: &mut [Resource], context: &mut BuildContext<'_>) {
        if let Some(file) = &self.file {
            match targets_of(file, context) {
                Ok(targets) => self.targets.extend(targets),
                Err(problem) => return context.report(problem),
            }
        }
        if self.targets.is_empty() {
            context.report(
                Problem::error(self.origin, "the ValueAddTransformer has no targets")
                    .with_help("list at least one target"),
            );
        }
        let value = match &self.value {
            Some(text) => Text::new(
                text.trim(),
                Node {
                    origin: text.origin().with(By::Transformer),
                    ..text.node.clone()
                },
            ),
            None => {
                let origin = self.origin.with(By::Transformer);
                Text::new(folder_name(context), Node::string("", origin))
            }
        };
        for target in &self.targets {
            if let Err(problem) = target.apply(&value, resources, context) {
                context.report(problem);
            }
        }
    }
}

fn folder_name(context: &BuildContext<'_>) -> String {
    let name = context
        .folder
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty());
    let root = context
        .shared
        .options
        .root
        .as_ref()
        .and_then(|root| root.file_name())
        .and_then(|name| name.to_str());
    name.or(root).unwrap_or(".").to_string()
}

fn targets_of(file: &Text, context: &mut BuildContext<'_>) -> Result<Vec<Target>, Problem> {
    let documents = context.read_documents(file)?;
    let mut decoder = Decoder::new(&mut context.problems, Rules::Plugin);
    let Some(document) = documents.documents.first() else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for (name, entry) in decoder.fields(document, "the file", &["targets"]) {
        targets.extend(
            decoder
                .list(&entry.value, name)
                .iter()
                .map(|node| Target::decode(node, &mut decoder)),
        );
    }
    Ok(targets)
}

impl Target {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Target {
        let mut result = Target {
            selector: None,
            field_path: None,
            position: 0,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "a target",
            &["selector", "fieldPath", "filePathPosition"],
        ) {
            match name {
                "selector" => {
                    result.selector = Some(kustomization::Selector::decode(&entry.value, decoder))
                }
                "fieldPath" => result.field_path = decoder.filled_text(&entry.value, name),
                _ => result.position = decoder.integer(&entry.value, name).unwrap_or_default(),
            }
        }
        result
    }

    fn apply(
        &self,
        value: &Text,
        resources: &mut [Resource],
        context: &mut BuildContext<'_>,
    ) -> Result<(), Problem> {
        let Some(written) = &self.field_path else {
            return Err(Problem::error(self.origin, "the target has no fieldPath")
                .with_help("name the field, such as spec/projectID"));
        };
        if self.position < 0 {
            return Err(Problem::error(
                self.origin,
                format!(
                    "filePathPosition cannot be negative, but it is {}",
                    self.position
                ),
            )
            .with_help("0 replaces the whole value, 1 puts it in front"));
        }
        let selector = self.selector.as_ref().map(Selector::compile).transpose()?;
        let fields: Vec<String> = field_spec::split_path(written, '/')
            .into_iter()
            .map(|field| field.trim().to_string())
            .filter(|field| !field.is_empty())
            .collect();
        let origin = value.origin();
        for resource in resources.iter_mut().filter(|resource| {
            selector
                .as_ref()
                .is_none_or(|selector| selects(selector, resource))
        }) {
            if &**written == "metadata/namespace" {
                let options = NamespaceOptions {
                    unrecorded: true,
                    ..NamespaceOptions::default()
                };
                metadata::namespace(std::slice::from_mut(resource), value, &[], options, context);
                continue;
            }
            let mut failed = None;
            let create = Create {
                leaf: Shape::Scalar,
                origin,
            };
            let visited = path::visit(
                &mut resource.node,
                &fields,
                Some(create),
                &mut |node, found| {
                    failed = failed
                        .take()
                        .or(self.set(node, found == Found::Created, value).err());
                },
            );
            let error = visited
                .err()
                .map(|error| error.to_string())
                .or(failed.map(|error| error.message));
            if let Some(error) = error {
                let message = format!(
                    "the value cannot be put into {:?} of {}: {error}",
                    &**written,
                    resource.id()
                );
                let problem = Problem::error(written.origin(), message)
                    .with_related("this is the object", resource.node.origin);
                return Err(problem.with_help("correct fieldPath, or select fewer objects"));
            }
        }
        Ok(())
    }

    fn set(&self, node: &mut Node, fresh: bool, value: &Text) -> Result<(), FieldError> {
        let present = node.as_scalar().map_or("", |scalar| &scalar.text);
        let new = match usize::try_from(self.position) {
            Ok(position) if position > 0 => insert_part(present, position - 1, value),
            _ => value.to_string(),
        };
        field_spec::set_text(node, new, value.origin())?;
        if fresh {
            node.replaced = None;
        }
        Ok(())
    }
}

/// True if a resource is selected by its first or present name and namespace, as patch targets
/// select.
fn selects(selector: &Selector, resource: &Resource) -> bool {
    let (first, present) = (resource.first_id(), resource.id());
    selector.matches_gvk(resource.group(), resource.version(), resource.kind())
        && (selector.matches_name(&first.name) || selector.matches_name(&present.name))
        && (selector.matches_namespace(first.effective_namespace())
            || selector.matches_namespace(present.effective_namespace()))
        && selector.matches_metadata(&resource.node)
}

/// Inserts a part at a position of a path. The slash at the front of an absolute path is not a
/// position.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.collect();
    parts.insert(position.min(parts.len()), part);
    let joined = parts.join("/");
    if path.starts_with('/') {
        format!("/{joined}")
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_inserted_into_paths() {
        assert_eq!(insert_part("", 3, "x"), "x");
        assert_eq!(insert_part("/", 0, "x"), "/x");
        assert_eq!(insert_part("a", 0, "x"), "x/a");
        assert_eq!(insert_part("/a", 0, "x"), "/x/a");
        assert_eq!(insert_part("/a/b/c", 2, "x"), "/a/b/x/c");
        assert_eq!(insert_part("a/b", 9, "x"), "a/b/x");
    }
}
