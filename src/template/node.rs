//! From YAML trees to values, typed as Helm types them.
//!
//! Helm reads YAML 1.1 and passes it through JSON: `yes` is true, `0755` is 493, and every number
//! is a `float64`.

use super::inputs::Inputs;
use super::value::{Entry, Map, Value};
use crate::yaml::{self, Kind, Node, Origin, Scalar, Style};

/// The deepest nesting of trees. The YAML reader allows less.
const DEEPEST: usize = 500;

impl Value {
    /// The value of a tree from a values file, which was read with [`Dialect::Json`]; each value
    /// and key remembers its place.
    ///
    /// An integer that is not written plain ([`Style::Plain`]) is an `int64`: that is how a
    /// `--set` is told from a file.
    ///
    /// [`Dialect::Json`]: yaml::read::Dialect::Json
    pub(crate) fn from_node(node: &Node) -> Value {
        from_node(node, &|origin| Inputs::one(origin), 0)
    }
}

/// The value of a tree whose places are looked up.
pub(super) fn from_node(node: &Node, place: &dyn Fn(Origin) -> Inputs, depth: usize) -> Value {
    let value = match &node.data {
        _ if depth > DEEPEST => Value::nil(),
        yaml::Data::Scalar(scalar) => from_scalar(scalar),
        yaml::Data::List(list) => {
            let items = list.items.iter();
            Value::list(
                items
                    .map(|item| from_node(item, place, depth + 1))
                    .collect(),
            )
        }
        yaml::Data::Map(map) => {
            let entries = map.entries.iter().map(|entry| {
                let value = from_node(&entry.value, place, depth + 1);
                let key = place(entry.key_origin);
                (entry.key.clone(), Entry { value, key })
            });
            Value::map(entries.collect::<Map>())
        }
    };
    value.with_inputs(place(node.origin))
}

fn from_scalar(scalar: &Scalar) -> Value {
    match (scalar.kind, yaml::scalar::value(scalar)) {
        (Kind::Int, yaml::scalar::Value::Int(value)) if scalar.style != Style::Plain => {
            Value::int64(i64::try_from(value).unwrap_or(i64::MAX))
        }
        (_, yaml::scalar::Value::Null) => Value::nil(),
        (_, yaml::scalar::Value::Bool(value)) => Value::bool(value),
        (Kind::Float, yaml::scalar::Value::Int(0)) if scalar.text.starts_with('-') => {
            Value::float(-0.0)
        }
        (_, yaml::scalar::Value::Int(value)) => Value::float(value as f64),
        (_, yaml::scalar::Value::Float(value)) => Value::float(value),
        (_, yaml::scalar::Value::String(text)) if *text == *scalar.text => {
            Value::string(scalar.text.clone())
        }
        (_, yaml::scalar::Value::String(text)) => Value::string(text.into_owned()),
    }
}
