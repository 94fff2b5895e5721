//! The methods of Helm's type of values: `.Values.AsMap`, `.Values.Table "web.image"`.

use super::budget::Budget;
use super::json::NoJson;
use super::value::{Data, Map, MapKind, Signature, Type, Value};
use super::yaml::{Layout, to_yaml};

/// The type in Go.
const VALUES: &str = "common.Values";

/// The parameters of a method; `None` if the map has none of this name.
pub(super) fn signature(map: &Map, name: &str) -> Option<Signature> {
    let parameters: &'static [Type] = match name {
        _ if map.kind != MapKind::Named(VALUES) => return None,
        "AsMap" | "YAML" => &[],
        "Table" | "PathValue" => &[Type::String],
        _ => return None,
    };
    Some(Signature {
        parameters,
        is_variadic: false,
    })
}

/// The result of a method. The error is a sentence.
pub(super) fn call(
    value: &Value,
    map: &Map,
    (name, arguments): (&str, &[Value]),
    budget: &mut Budget,
) -> Result<Value, String> {
    let path = arguments.first().and_then(Value::as_str);
    let path = path.unwrap_or_default();
    match name {
        "AsMap" => Ok(as_kind(value, map, MapKind::Any)),
        "YAML" => match to_yaml(value, Layout::Compact, budget) {
            Ok(text) => {
                Ok(Value::string(format!("{}\n", text.as_str())).with_inputs(text.inputs()))
            }
            Err(NoJson::Unsupported(message)) => Err(message),
            Err(NoJson::Problem(problem)) => Err(problem.to_string()),
        },
        "Table" => {
            let table = table(map, path)?;
            Ok(as_kind(value, &table, MapKind::Named(VALUES)))
        }
        _ => {
            let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
            let missing = || format!("{key:?} is not a value");
            let table = match above {
                "" => map.clone(),
                above => table(map, above).map_err(|_| missing())?,
            };
            let found = table.get(key).filter(|found| found.as_map().is_none());
            found.ok_or_else(missing)
        }
    }
}

fn as_kind(value: &Value, map: &Map, kind: MapKind) -> Value {
    Value {
        data: Data::Map(map.as_kind(kind)),
        inputs: value.inputs.clone(),
    }
}

/// The map below the keys of a path.
fn table(map: &Map, path: &str) -> Result<Map, String> {
    path.split('.').try_fold(map.clone(), |table, key| {
        let below = table.get(key);
        let below = below.as_ref().and_then(Value::as_map);
        below
            .cloned()
            .ok_or_else(|| format!("{key:?} is not a table"))
    })
}
