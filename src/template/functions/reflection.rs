//! Functions of types.

use super::{Function, fixed};
use crate::template::value::{Data, Type, Value};

const ANY: &[Type] = &[Type::Any];
const NAME: &[Type] = &[Type::String, Type::Any];

/// The depth to which values are compared; a map can hold itself.
const DEEPEST: usize = 200;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("typeOf", ANY, |call| {
        call.computed(Value::string(call.value(0).type_name()))
    }),
    fixed("typeIs", NAME, |call| {
        call.computed(Value::bool(call.str(0) == call.value(1).type_name()))
    }),
    fixed("typeIsLike", NAME, |call| {
        let (wanted, found) = (call.str(0), call.value(1).type_name());
        let is_like = wanted == found || found.strip_prefix('*') == Some(wanted);
        call.computed(Value::bool(is_like))
    }),
    fixed("kindOf", ANY, |call| {
        call.computed(Value::string(call.value(0).kind_name()))
    }),
    fixed("kindIs", NAME, |call| {
        call.computed(Value::bool(call.str(0) == call.value(1).kind_name()))
    }),
    fixed("deepEqual", &[Type::Any, Type::Any], |call| {
        call.computed(Value::bool(deep_equal(call.value(0), call.value(1))))
    }),
];

/// Go's `reflect.DeepEqual`: values of the same type that are equal through all levels.
pub(super) fn deep_equal(one: &Value, other: &Value) -> bool {
    equal(one, other, 0)
}

fn equal(one: &Value, other: &Value, depth: usize) -> bool {
    if depth > DEEPEST || one.type_name() != other.type_name() {
        return false;
    }
    match (&one.data, &other.data) {
        (Data::Nil | Data::Missing, Data::Nil | Data::Missing) => true,
        (Data::Bool(a), Data::Bool(b)) => a == b,
        (Data::Int(_, a), Data::Int(_, b)) | (Data::Duration(a), Data::Duration(b)) => a == b,
        (Data::Float(a), Data::Float(b)) => a == b,
        (Data::Complex(a, b), Data::Complex(c, d)) => a == c && b == d,
        (Data::String(a), Data::String(b)) => a.as_str() == b.as_str(),
        (Data::Bytes(a), Data::Bytes(b)) => a == b,
        (Data::Time(a), Data::Time(b)) => a == b,
        (Data::List(a), Data::List(b)) => {
            a.is_nil == b.is_nil
                && a.items.len() == b.items.len()
                && (a.items.iter().zip(b.items.iter())).all(|(a, b)| equal(a, b, depth + 1))
        }
        (Data::Map(a), Data::Map(b)) => {
            let (a, b) = (a.entries(), b.entries());
            a.len() == b.len()
                && a.iter().zip(&b).all(|((key, one), (other_key, other))| {
                    key == other_key && equal(&one.value, &other.value, depth + 1)
                })
        }
        (Data::Object(a), Data::Object(b)) => equal(&a.content, &b.content, depth + 1),
        _ => false,
    }
}
