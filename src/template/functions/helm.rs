//! The functions that Helm adds to sprig, apart from formats.

use super::{Action, Function, fixed};
use crate::template::error::Problem;
use crate::template::value::{Map, Signature, Type, Value};

const TEXT_ANY: &[Type] = &[Type::String, Type::Any];

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "include",
        signature: Signature {
            parameters: TEXT_ANY,
            is_variadic: false,
        },
        action: Action::Include,
    },
    Function {
        name: "tpl",
        signature: Signature {
            parameters: TEXT_ANY,
            is_variadic: false,
        },
        action: Action::Tpl,
    },
    fixed("required", TEXT_ANY, |call| {
        let value = call.value(1);
        match value.is_nil() || value.as_str() == Some("") {
            true => Err(Problem::Refused(call.str(0).to_string())),
            false => Ok(value.clone()),
        }
    }),
    // there is no cluster to look into
    fixed(
        "lookup",
        &[Type::String, Type::String, Type::String, Type::String],
        |_| Ok(Value::map(Map::new())),
    ),
    fixed("getHostByName", &[Type::String], |call| {
        call.computed_text("")
    }),
];
