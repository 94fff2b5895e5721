//! `vars`: every `$(NAME)` in certain fields is replaced by the value of a field of one resource.
//!
//! Here: reading the values, and the expansion. Not here: which resource a variable reads
//! (`accumulate` ties them while names are still as the kustomization writes them) and which fields
//! are searched (`configuration`).

use std::collections::HashMap;

use super::configuration::{Configuration, Fields};
use super::field_spec::{self, Create, FieldError, FieldSpec};
use super::{MAX_TEXT, metadata, path};
use crate::kustomize::context::BuildContext;
use crate::kustomize::kustomization::VarEntry;
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Data, Kind, Node, Origin, Scalar, scalar};

/// Replaces every `$(NAME)` by its value. Runs once, at the top of a build. Unused variables are
/// fine.
pub(crate) fn resolve_vars(
    resources: &mut [Resource],
    vars: &[VarEntry],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    let mut values = HashMap::new();
    for variable in vars {
        match value(resources, variable) {
            Ok(value) => drop(values.insert(variable.name.to_string(), value)),
            Err(problem) => context.report(problem),
        }
    }
    let Some(any) = vars.first().filter(|_| !values.is_empty()) else {
        return;
    };
    // one wrong path fails in many objects, and is one problem
    let mut wrong: Vec<&FieldSpec> = Vec::new();
    for resource in resources {
        for spec in configuration.fields(Fields::VarReference) {
            if wrong.contains(&spec) {
                continue;
            }
            let set = &mut |node: &mut Node| expand_field(node, &values);
            if let Err(error) =
                field_spec::apply(&mut resource.node, spec, Create::Nothing, any.origin, set)
            {
                metadata::report(context, resource, &spec.path, error, any.origin);
                wrong.push(spec);
            }
        }
        resource.settle_shared();
    }
}

/// The value of a variable.
struct Value {
    /// `None` for maps and lists, which cannot be put into a text: the reference stays.
    scalar: Option<Scalar>,
    origin: Origin,
}

fn value(resources: &[Resource], variable: &VarEntry) -> Result<Value, Problem> {
    let name = &*variable.name;
    let tied = resources
        .iter()
        .find(|resource| resource.variables.iter().any(|tied| **tied == *name));
    let Some(resource) = tied else {
        let origin = variable.object.origin.unwrap_or(variable.origin);
        return Err(Problem::absent(origin, format!("the variable {name} means an object that does not exist"))
            .with_help("correct apiVersion, kind and name of objref; they are those of the manifest, before prefix and suffix"));
    };
    let fields = with_indices(path::split(&variable.field_path));
    let found = path::lookup(&resource.node, &fields)
        .ok()
        .flatten()
        .and_then(|node| Some((node, typed(node)?)));
    let Some((node, scalar)) = found else {
        let origin = variable.field_path_origin.unwrap_or(variable.origin);
        return Err(Problem::absent(
            origin,
            format!(
                "the variable {name} means {:?} of {}, which has no such value",
                &*variable.field_path,
                resource.id()
            ),
        )
        .with_help("correct the fieldPath of the variable")
        .with_related("this is the object", resource.node.origin));
    };
    Ok(Value {
        scalar,
        origin: node
            .origin
            .with(by_of(resource, &variable.field_path, node)),
    })
}

/// The attribution of an object's value where a variable puts it; a value of a Secret stays
/// secret.
fn by_of(resource: &Resource, path: &str, node: &Node) -> By {
    let data = path.starts_with("data") || path.starts_with("stringData");
    if node.is_from_secret() || (resource.kind() == "Secret" && data) {
        By::SecretVar
    } else {
        By::Var
    }
}

/// `ports[0]` is the key `ports` and the index `0`.
fn with_indices(fields: Vec<String>) -> Vec<String> {
    let mut result = Vec::with_capacity(fields.len());
    for field in fields {
        let parts = field
            .strip_suffix(']')
            .and_then(|inner| inner.rsplit_once('['));
        match parts.filter(|(_, index)| {
            !index.is_empty() && index.bytes().all(|digit| digit.is_ascii_digit())
        }) {
            Some(("", index)) => result.push(index.to_string()),
            Some((key, index)) => result.extend([key.to_string(), index.to_string()]),
            None => result.push(field),
        }
    }
    result
}

/// A value with its type; the outer `None` for a number that Go cannot read, the inner for a map or
/// list.
fn typed(node: &Node) -> Option<Option<Scalar>> {
    let Some(found) = node.as_scalar() else {
        return Some(None);
    };
    let text = &found.text;
    Some(Some(match found.kind {
        Kind::Int => Scalar::int(text.parse().ok()?),
        Kind::Float => Scalar {
            kind: Kind::Float,
            ..Scalar::plain(scalar::parse_float(text)?.to_string())
        },
        Kind::Bool => Scalar::bool(text.eq_ignore_ascii_case("true")),
        _ => Scalar::string(text.clone()),
    }))
}

/// Expands a text, the items of a list of texts, or the texts of a map.
fn expand_field(node: &mut Node, values: &HashMap<String, Value>) -> Result<(), FieldError> {
    match &mut node.data {
        Data::Scalar(_) => expand_node(node, values),
        Data::List(list) => {
            if let Some(item) = list.items.iter().find(|item| item.as_str().is_none()) {
                return Err(FieldError::new(
                    item,
                    "every item must be a string where variables are replaced",
                ));
            }
            if list.items.iter().any(mentions) {
                node.list_mut()
                    .into_iter()
                    .flat_map(|list| &mut list.items)
                    .try_for_each(|item| expand_node(item, values))?;
            }
            Ok(())
        }
        Data::Map(map) => {
            if map.entries.iter().any(|entry| mentions(&entry.value)) {
                let mut entries = node.map_mut().into_iter().flat_map(|map| &mut map.entries);
                entries.try_for_each(|entry| expand_node(&mut entry.value, values))?;
            }
            Ok(())
        }
    }
}

fn mentions(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains('$'))
}

fn expand_node(node: &mut Node, values: &HashMap<String, Value>) -> Result<(), FieldError> {
    let Some(text) = node.as_str().filter(|text| text.contains('$')) else {
        return Ok(());
    };
    let (scalar, origin) = expand(text, values);
    if scalar.text.len() > MAX_TEXT {
        return Err(FieldError::new(
            node,
            "the text with the values of its variables would be too large",
        ));
    }
    if &*scalar.text != text || scalar.kind != Kind::String {
        // if only `$$` became `$`, the text still comes from here
        let origin = origin.unwrap_or(node.origin.with(By::Var));
        node.replace(Data::Scalar(scalar), origin);
    }
    Ok(())
}

/// Replaces each `$(NAME)` whose name is known, and `$$` by `$`. A text that consists of one
/// reference takes the type of the value. The second part is the origin of the first value.
fn expand(text: &str, values: &HashMap<String, Value>) -> (Scalar, Option<Origin>) {
    let mut out = String::with_capacity(text.len());
    let mut origin = None;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let name = after
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'));
        let Some((name, after)) = name else {
            out.push('$');
            rest = after;
            continue;
        };
        let value = values
            .get(name)
            .and_then(|value| Some((value.scalar.as_ref()?, value.origin)));
        match value {
            // a text that is too long is refused anyway, so it need not grow
            Some(_) if out.len() > MAX_TEXT => {}
            Some((scalar, source)) => {
                // one secret value makes the whole text secret
                origin = origin
                    .filter(|_| source.by != By::SecretVar)
                    .or(Some(source));
                if text.len() == name.len() + 3 {
                    return (scalar.clone(), origin);
                }
                out.push_str(&scalar.text);
            }
            None => {
                out.push_str("$(");
                out.push_str(name);
                out.push(')');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    (Scalar::string(out), origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read::read, write};

    const HERE: Origin = Origin {
        file: FileId(7),
        start: 1,
        end: 2,
        by: By::Var,
    };

    fn values() -> HashMap<String, Value> {
        let value = |scalar| Value {
            scalar,
            origin: HERE,
        };
        HashMap::from([
            ("NAME".to_string(), value(Some(Scalar::string("web")))),
            ("PORT".to_string(), value(Some(Scalar::int(80)))),
            ("MAP".to_string(), value(None)),
        ])
    }
    fn expanded(text: &str) -> String {
        expand(text, &values()).0.text.to_string()
    }

    #[test]
    fn replaces_known_names_only() {
        assert_eq!(expanded("a-$(NAME)-$(PORT)"), "a-web-80");
        assert_eq!(expanded("$(OTHER) $(NAME)"), "$(OTHER) web");
        assert_eq!(expanded("$(MAP)"), "$(MAP)");
        assert_eq!(expanded("$$(NAME)"), "$(NAME)");
        assert_eq!(expanded("$$$(NAME)"), "$web");
        assert_eq!(expanded("$(NAME"), "$(NAME");
        assert_eq!(expanded("$NAME $"), "$NAME $");
        assert_eq!(expanded("$($(NAME)"), "$($(NAME)");
        assert_eq!(expanded("é$é$(NAME)é"), "é$éwebé");
    }

    #[test]
    fn a_lone_reference_keeps_the_type() {
        assert_eq!(expand("$(PORT)", &values()).0, Scalar::int(80));
        assert_eq!(expand("$(PORT)0", &values()).0, Scalar::string("800"));
        assert_eq!(expand("$(PORT)", &values()).1, Some(HERE));
        assert_eq!(expand("$(X)", &values()).1, None);
    }

    #[test]
    fn fields_of_every_shape() {
        let run = |text: &str| {
            let mut node = read(text, FileId(0)).unwrap().documents.remove(0);
            expand_field(&mut node, &values()).map(|()| write::to_json(&node).to_string())
        };
        assert_eq!(
            run("[--name, $(NAME), $(PORT)]").unwrap(),
            r#"["--name","web",80]"#
        );
        assert_eq!(
            run("{a: $(NAME), b: 1, c: [$(NAME)]}").unwrap(),
            r#"{"a":"web","b":1,"c":["$(NAME)"]}"#
        );
        assert_eq!(run("x$(NAME)").unwrap(), r#""xweb""#);
        assert_eq!(run("5").unwrap(), "5");
        assert!(run("[a, 1]").is_err());
    }

    #[test]
    fn growth_has_an_end() {
        let value = Value {
            scalar: Some(Scalar::string("x".repeat(MAX_TEXT / 2))),
            origin: HERE,
        };
        let values = HashMap::from([("BIG".to_string(), value)]);
        let run = |text: &str| {
            let mut node = Node::string(text, HERE);
            expand_field(&mut node, &values)
        };
        assert!(run("a$(BIG)").is_ok());
        assert!(run(&"$(BIG)".repeat(1000)).is_err());
    }

    #[test]
    fn indices_in_brackets_and_types() {
        let split = |text| with_indices(path::split(text));
        assert_eq!(split("spec.ports[0].port"), ["spec", "ports", "0", "port"]);
        assert_eq!(split("spec.ports.[1].port"), ["spec", "ports", "1", "port"]);
        assert_eq!(
            split("spec.ports.[name=x].port"),
            ["spec", "ports", "[name=x]", "port"]
        );
        let typed = |text: &str| {
            typed(&read(text, FileId(0)).unwrap().documents.remove(0))
                .map(|found| found.map(|s| s.text.to_string()))
        };
        assert_eq!(typed("0777"), Some(Some("777".into())));
        assert_eq!(typed("0x10"), None);
        assert_eq!(typed("1.50"), Some(Some("1.5".into())));
        assert_eq!(typed("True"), Some(Some("true".into())));
        assert_eq!(typed("[1]"), Some(None));
    }
}
