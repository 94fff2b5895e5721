//! YAML, JSON and TOML.

use super::{Call, Function, fixed};
use crate::template::error::Problem;
use crate::template::json::{self, NoJson, Style};
use crate::template::text::Text;
use crate::template::toml;
use crate::template::value::{Data, Items, List, Map, Nested, Type, Value};
use crate::template::yaml::{self, Layout};

const ANY: &[Type] = &[Type::Any];
const TEXT: &[Type] = &[Type::String];

/// The text that Helm puts in front of an error about the type of a YAML text.
const YAML_ERROR: &str = "error unmarshaling JSON: while decoding JSON: ";

const COMPACT: Style = Style {
    escapes_html: true,
    is_pretty: false,
};
const PRETTY: Style = Style {
    escapes_html: true,
    is_pretty: true,
};
const RAW: Style = Style {
    escapes_html: false,
    is_pretty: false,
};

/// The functions of sprig itself.
pub(super) static SPRIG: &[Function] = &[
    fixed("toJson", ANY, |call| {
        lenient(call, |call| to_json(call, COMPACT))
    }),
    fixed("mustToJson", ANY, |call| {
        strict(call, |call| to_json(call, COMPACT))
    }),
    fixed("toPrettyJson", ANY, |call| {
        lenient(call, |call| to_json(call, PRETTY))
    }),
    fixed("mustToPrettyJson", ANY, |call| {
        strict(call, |call| to_json(call, PRETTY))
    }),
    fixed("toRawJson", ANY, |call| {
        strict(call, |call| to_json(call, RAW))
    }),
    fixed("mustToRawJson", ANY, |call| {
        strict(call, |call| to_json(call, RAW))
    }),
    fixed("fromJson", TEXT, |call| {
        match json::read(&call.text(0), call.budget) {
            Ok(value) => Ok(value),
            Err(NoJson::Unsupported(_)) => Ok(Value::nil()),
            Err(NoJson::Problem(problem)) => Err(problem),
        }
    }),
    fixed("mustFromJson", TEXT, |call| {
        json::read(&call.text(0), call.budget).map_err(NoJson::into_problem)
    }),
];

/// The functions that Helm adds or replaces.
pub(super) static HELM: &[Function] = &[
    fixed("toYaml", ANY, |call| lenient(call, to_yaml)),
    fixed("mustToYaml", ANY, |call| strict(call, to_yaml)),
    fixed("toYamlPretty", ANY, |call| lenient(call, to_yaml_pretty)),
    fixed("fromYaml", TEXT, |call| {
        let read = yaml::from_yaml(&call.text(0), call.budget);
        let read = read.map(|value| or(value, || Value::map(Map::new())));
        as_map(call, read, YAML_ERROR)
    }),
    fixed("fromYamlArray", TEXT, |call| {
        let read = yaml::from_yaml(&call.text(0), call.budget);
        let read = read.map(|value| or(value, || Value::list(Vec::new())));
        as_list(call, read, YAML_ERROR)
    }),
    fixed("fromJson", TEXT, |call| {
        let read = json::read(&call.text(0), call.budget);
        as_map(call, read, "")
    }),
    fixed("fromJsonArray", TEXT, |call| {
        let read = json::read(&call.text(0), call.budget);
        as_list(call, read, "")
    }),
    fixed("toToml", ANY, |call| {
        match toml::write(call.value(0), call.budget) {
            Ok(text) => call.pieced(text),
            Err(NoJson::Unsupported(message)) => call.computed_text(message),
            Err(NoJson::Problem(problem)) => Err(problem),
        }
    }),
    fixed("mustToToml", ANY, |call| {
        strict(call, |call| toml::write(call.value(0), call.budget))
    }),
    fixed("fromToml", TEXT, |call| {
        let read = toml::read(&call.text(0), call.budget);
        as_map(call, read, "")
    }),
];

/// The functions that Argo CD adds.
pub(super) static ARGO_CD: &[Function] = &[
    fixed("toYaml", ANY, |call| strict(call, to_yaml)),
    fixed("fromYaml", TEXT, |call| {
        let value = yaml::from_yaml(&call.text(0), call.budget);
        typed(
            value.map_err(NoJson::into_problem)?,
            "map[string]interface {}",
        )
    }),
    fixed("fromYamlArray", TEXT, |call| {
        let value = yaml::from_yaml(&call.text(0), call.budget);
        typed(value.map_err(NoJson::into_problem)?, "[]interface {}")
    }),
];

fn to_json(call: &mut Call<'_>, style: Style) -> Result<Text, NoJson> {
    json::write(call.value(0), style, call.budget)
}

fn to_yaml(call: &mut Call<'_>) -> Result<Text, NoJson> {
    yaml::to_yaml(call.value(0), Layout::Compact, call.budget)
}

/// The same as `toYaml`, but lists are indented below their key.
fn to_yaml_pretty(call: &mut Call<'_>) -> Result<Text, NoJson> {
    yaml::to_yaml(call.value(0), Layout::Indented, call.budget)
}

/// A value, or another one in place of null.
fn or(value: Value, other: fn() -> Value) -> Value {
    match value.is_nil() {
        true => other().with_inputs(value.inputs),
        false => value,
    }
}

/// A value that cannot be written gives an empty string.
fn lenient(
    call: &mut Call<'_>,
    write: impl Fn(&mut Call<'_>) -> Result<Text, NoJson>,
) -> Result<Value, Problem> {
    match write(call) {
        Ok(text) => call.pieced(text),
        Err(NoJson::Unsupported(_)) => call.computed_text(""),
        Err(NoJson::Problem(problem)) => Err(problem),
    }
}

fn strict(
    call: &mut Call<'_>,
    write: impl Fn(&mut Call<'_>) -> Result<Text, NoJson>,
) -> Result<Value, Problem> {
    let text = write(call).map_err(NoJson::into_problem)?;
    call.pieced(text)
}

fn kind_in_json(value: &Value) -> &'static str {
    match &value.data {
        Data::Bool(_) => "bool",
        Data::Float(_) | Data::Int(..) => "number",
        Data::String(_) => "string",
        Data::List(_) => "array",
        _ => "object",
    }
}

/// A map, or Go's error as a message.
fn typed(value: Value, wanted: &str) -> Result<Value, Problem> {
    match (&value.data, wanted.starts_with("map")) {
        (Data::Map(_), true) | (Data::List(_), false) => Ok(value),
        (Data::Nil, true) => Ok(Value::map(Map::nil())),
        (Data::Nil, false) => Ok(Value::nil_list()),
        _ => Err(format!(
            "json: cannot unmarshal {} into Go value of type {wanted}",
            kind_in_json(&value)
        )
        .into()),
    }
}

/// A map; anything else becomes one with the error under the key `Error`.
fn as_map(call: &Call<'_>, read: Result<Value, NoJson>, context: &str) -> Result<Value, Problem> {
    let message = match read {
        Ok(value) => match typed(value, "map[string]interface {}") {
            Ok(value) => return Ok(value),
            Err(problem) => format!("{context}{problem}"),
        },
        Err(NoJson::Unsupported(message)) => message,
        Err(NoJson::Problem(problem)) => return Err(problem),
    };
    let map = Map::new();
    map.set("Error", Value::string(message).with_inputs(call.inputs()));
    Ok(Value::map(map).with_inputs(call.inputs()))
}

/// A list; anything else becomes one with the error as its only item.
fn as_list(call: &Call<'_>, read: Result<Value, NoJson>, context: &str) -> Result<Value, Problem> {
    let message = match read {
        Ok(value) => match typed(value, "[]interface {}") {
            Ok(value) => return Ok(value),
            Err(problem) => format!("{context}{problem}"),
        },
        Err(NoJson::Unsupported(message)) => message,
        Err(NoJson::Problem(problem)) => return Err(problem),
    };
    let item = Value::string(message).with_inputs(call.inputs());
    Ok(Data::List(List {
        items: std::sync::Arc::new(Nested(vec![item])),
        of: Items::Any,
        is_nil: false,
    })
    .into())
}
