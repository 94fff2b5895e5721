//! The names of Go's types and kinds, as messages, `typeOf` and `kindOf` print them.

use super::value::{Data, IntKind, Items, List, Map, MapKind, Value};

impl Value {
    /// The name of the type: `map[string]interface {}`.
    pub(super) fn type_name(&self) -> &str {
        match &self.data {
            Data::Missing | Data::Nil => "<nil>",
            Data::Bool(_) => "bool",
            Data::Int(kind, _) => kind.name(),
            Data::Float(_) => "float64",
            Data::Complex(..) => "complex128",
            Data::String(_) => "string",
            Data::Bytes(_) => "[]uint8",
            Data::List(list) => list.type_name(),
            Data::Map(map) => map.type_name(),
            Data::Time(_) => "time.Time",
            Data::Duration(_) => "time.Duration",
            Data::Object(object) => &object.type_name,
        }
    }

    /// The name of the type in messages about arguments, where null has one.
    pub(super) fn argument_type_name(&self) -> &str {
        match &self.data {
            Data::Missing | Data::Nil => "interface {}",
            _ => self.type_name(),
        }
    }

    /// The name of the kind: `map`, `slice`, `float64`, `invalid` for null.
    pub(super) fn kind_name(&self) -> &str {
        match &self.data {
            Data::Missing | Data::Nil => "invalid",
            Data::Bytes(_) | Data::List(_) => "slice",
            Data::Map(_) => "map",
            Data::Time(_) => "struct",
            Data::Duration(_) => "int64",
            Data::Object(object) if object.type_name.starts_with('*') => "ptr",
            Data::Object(object) if object.is_struct => "struct",
            Data::Object(object) => object.content.kind_name(),
            Data::Bool(_)
            | Data::Int(..)
            | Data::Float(_)
            | Data::Complex(..)
            | Data::String(_) => self.type_name(),
        }
    }

    /// True if Go takes the value for true: it is not null, `false`, zero or empty.
    pub(super) fn is_true(&self) -> bool {
        match &self.data {
            Data::Missing | Data::Nil => false,
            Data::Bool(value) => *value,
            Data::Int(_, value) | Data::Duration(value) => *value != 0,
            Data::Float(value) => *value != 0.0,
            Data::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Data::String(text) => !text.as_str().is_empty(),
            Data::Bytes(bytes) => !bytes.is_empty(),
            Data::List(list) => !list.items.is_empty(),
            Data::Map(map) => !map.is_empty(),
            Data::Time(_) => true,
            Data::Object(object) => object.is_struct || object.content.is_true(),
        }
    }

    /// The map or list behind a named one; every other value is itself.
    pub(super) fn underlying(&self) -> &Value {
        match &self.data {
            Data::Object(object) if !object.is_struct => &object.content,
            _ => self,
        }
    }

    /// The items of any list, bytes included.
    pub(super) fn items(&self) -> Option<std::borrow::Cow<'_, [Value]>> {
        match &self.underlying().data {
            Data::List(list) => Some(list.items.as_slice().into()),
            Data::Bytes(bytes) => {
                let each = bytes.iter();
                let items: Vec<Value> = each
                    .map(|byte| Data::Int(IntKind::Uint8, i64::from(*byte)).into())
                    .collect();
                Some(items.into())
            }
            _ => None,
        }
    }
}

impl List {
    pub(super) fn type_name(&self) -> &'static str {
        match self.of {
            Items::Any => "[]interface {}",
            Items::Strings => "[]string",
            Items::Ints => "[]int",
            Items::Lists => "[][]interface {}",
        }
    }
}

impl Map {
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            MapKind::Any => "map[string]interface {}",
            MapKind::Strings => "map[string]string",
            MapKind::Bytes => "map[string][]uint8",
            MapKind::Named(name) => name,
        }
    }
}
