//! The functions of Go's `text/template` itself.

use super::{Action, Call, Function, fixed, variadic};
use crate::template::bytes::{self, byte_of};
use crate::template::error::Problem;
use crate::template::format;
use crate::template::value::{Data, IntKind, Signature, Type, Value};

const ANY: &[Type] = &[Type::Any];
const REFLECT: &[Type] = &[Type::Reflect];
const TWO: &[Type] = &[Type::Reflect, Type::Reflect];

pub(super) static FUNCTIONS: &[Function] = &[
    special("and", TWO, true, Action::Choose(false)),
    special("or", TWO, true, Action::Choose(true)),
    special("call", TWO, true, Action::CallValue),
    fixed("not", REFLECT, |call| {
        call.computed(Value::bool(!call.value(0).is_true()))
    }),
    variadic("print", ANY, |call| {
        let text = format::sprint(call.arguments, call.budget)?;
        call.pieced(text)
    }),
    variadic("println", ANY, |call| {
        let text = format::sprintln(call.arguments, call.budget)?;
        call.pieced(text)
    }),
    variadic("printf", &[Type::String, Type::Any], |call| {
        let text = format::sprintf(&call.text(0), call.from(1), call.budget)?;
        call.pieced(text)
    }),
    fixed("len", REFLECT, |call| {
        let length = length(call.value(0))?;
        call.computed(Value::int(length as i64))
    }),
    variadic("index", TWO, index),
    variadic("slice", TWO, slice),
    variadic("eq", TWO, |call| {
        let equal = equal(call.arguments, call)?;
        call.computed(Value::bool(equal))
    }),
    fixed("ne", TWO, |call| {
        let equal = equal(call.arguments, call)?;
        call.computed(Value::bool(!equal))
    }),
    fixed("lt", TWO, |call| {
        let less = less(call.value(0), call.value(1))?;
        call.computed(Value::bool(less))
    }),
    fixed("le", TWO, |call| {
        let result = less_or_equal(call)?;
        call.computed(Value::bool(result))
    }),
    fixed("gt", TWO, |call| {
        let result = less_or_equal(call)?;
        call.computed(Value::bool(!result))
    }),
    fixed("ge", TWO, |call| {
        let less = less(call.value(0), call.value(1))?;
        call.computed(Value::bool(!less))
    }),
    variadic("html", ANY, |call| escaped(call, html)),
    variadic("js", ANY, |call| escaped(call, javascript)),
    variadic("urlquery", ANY, |call| escaped(call, query_escape)),
];

const fn special(
    name: &'static str,
    parameters: &'static [Type],
    is_variadic: bool,
    action: Action,
) -> Function {
    Function {
        name,
        signature: Signature {
            parameters,
            is_variadic,
        },
        action,
    }
}

fn length(value: &Value) -> Result<usize, Problem> {
    match &value.underlying().data {
        Data::String(text) => Ok(text.bytes().len()),
        Data::Bytes(bytes) => Ok(bytes.len()),
        Data::List(list) => Ok(list.items.len()),
        Data::Map(map) => Ok(map.len()),
        Data::Nil | Data::Missing => Err("len of nil pointer".into()),
        _ => Err(format!("len of type {}", value.type_name()).into()),
    }
}

/// A position in a list of a length.
fn position(index: &Value, length: usize) -> Result<usize, Problem> {
    match index.data {
        Data::Int(_, value) => match usize::try_from(value) {
            Ok(position) if position <= length => Ok(position),
            _ => Err(format!("index out of range: {value}").into()),
        },
        Data::Nil | Data::Missing => Err("cannot index slice/array with nil".into()),
        _ => Err(format!("cannot index slice/array with type {}", index.type_name()).into()),
    }
}

fn index(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut item = call.value(0).clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for index in call.from(1) {
        let inputs = item.inputs();
        item = match &item.underlying().data {
            Data::Nil | Data::Missing => return Err("index of nil pointer".into()),
            Data::String(text) => {
                let bytes = text.bytes();
                let at = position(index, bytes.len())?;
                let byte = bytes.get(at).ok_or_else(out_of_range)?;
                let byte: Value = Data::Int(IntKind::Uint8, i64::from(*byte)).into();
                byte.with_inputs(inputs)
            }
            Data::List(_) | Data::Bytes(_) => {
                let items = item.items().unwrap_or_default();
                let at = position(index, items.len())?;
                items.get(at).cloned().ok_or_else(out_of_range)?
            }
            Data::Map(map) => {
                let key = match &index.data {
                    Data::String(text) => text.as_str(),
                    Data::Nil | Data::Missing => {
                        return Err("value is nil; should be of type string".into());
                    }
                    _ => {
                        let name = index.type_name();
                        return Err(format!("value has type {name}; should be string").into());
                    }
                };
                map.get(key).unwrap_or_else(|| map.zero())
            }
            _ => return Err(format!("can't index item of type {}", item.type_name()).into()),
        };
    }
    Ok(item)
}

fn out_of_range() -> Problem {
    "error calling index: reflect: slice index out of range".into()
}

/// Go's `slice`, which only Argo CD's and Helm's own `slice` hides.
fn slice(call: &mut Call<'_>) -> Result<Value, Problem> {
    let item = call.value(0);
    let indexes = call.from(1);
    let total = match &item.underlying().data {
        Data::Nil | Data::Missing => return Err("slice of untyped nil".into()),
        Data::String(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".into());
        }
        Data::String(_) | Data::List(_) | Data::Bytes(_) => length(item)?,
        _ => return Err(format!("can't slice item of type {}", item.type_name()).into()),
    };
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let mut bounds = [0, total, total];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, total)?;
    }
    let [start, end, most] = bounds;
    if start > end || end > most {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    match &item.data {
        Data::String(_) => Ok(Value::string(call.text(0).cut(start..end))),
        _ => {
            let items = item.items().unwrap_or_default();
            let part = items.get(start..end).unwrap_or_default();
            Ok(Value::list(part.to_vec()).with_inputs(item.inputs.clone()))
        }
    }
}

/// The kinds as which two values can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    String,
    Other,
}

fn basic(value: &Value) -> Basic {
    match &value.data {
        Data::Bool(_) => Basic::Bool,
        Data::Int(kind, _) if kind.is_unsigned() => Basic::Uint,
        Data::Int(..) | Data::Duration(_) => Basic::Int,
        Data::Float(_) => Basic::Float,
        Data::Complex(..) => Basic::Complex,
        Data::String(_) => Basic::String,
        _ => Basic::Other,
    }
}

/// `eq`: true if the first value equals any of the others.
fn equal(values: &[Value], call: &mut Call<'_>) -> Result<bool, Problem> {
    let Some((first, others)) = values.split_first() else {
        return Ok(false);
    };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        call.budget.step()?;
        if equals(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equals(one: &Value, other: &Value) -> Result<bool, Problem> {
    match (basic(one), basic(other)) {
        (Basic::Int, Basic::Uint) | (Basic::Uint, Basic::Int) => {
            let (one, other) = (whole(one), whole(other));
            Ok(one >= 0 && one == other)
        }
        (a, b) if a != b => match one.is_nil() || other.is_nil() {
            true => Ok(false),
            false => Err(incompatible(one, other)),
        },
        (Basic::Other, _) => {
            if one.is_nil() || other.is_nil() {
                return Ok(one.is_nil() && other.is_nil());
            }
            if one.kind_name() != other.kind_name() {
                return Err(not_comparable(one, other));
            }
            match (&one.data, &other.data) {
                (Data::Time(a), Data::Time(b)) => Ok(a == b),
                (Data::Object(a), Data::Object(b)) if a.is_struct => {
                    Ok(std::sync::Arc::ptr_eq(&a.content, &b.content))
                }
                _ => Err(not_comparable(one, other)),
            }
        }
        _ => Ok(match (&one.data, &other.data) {
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Float(a), Data::Float(b)) => a == b,
            (Data::Complex(a, b), Data::Complex(c, d)) => a == c && b == d,
            (Data::String(a), Data::String(b)) => a.as_str() == b.as_str(),
            _ => whole(one) == whole(other),
        }),
    }
}

fn whole(value: &Value) -> i64 {
    match value.data {
        Data::Int(_, value) | Data::Duration(value) => value,
        _ => 0,
    }
}

fn incompatible(one: &Value, other: &Value) -> Problem {
    let (one, other) = (one.type_name(), other.type_name());
    format!("incompatible types for comparison: {one} and {other}").into()
}

fn not_comparable(one: &Value, other: &Value) -> Problem {
    let (one, other) = (one.type_name(), other.type_name());
    match one == other {
        true => format!("non-comparable type {other}").into(),
        false => format!("non-comparable types {one}, {other}").into(),
    }
}

fn less(one: &Value, other: &Value) -> Result<bool, Problem> {
    const INVALID: &str = "invalid type for comparison";
    let (a, b) = (basic(one), basic(other));
    if a == Basic::Other || b == Basic::Other {
        return Err(INVALID.into());
    }
    match (a, b) {
        (Basic::Int, Basic::Uint) | (Basic::Uint, Basic::Int) => Ok(whole(one) < whole(other)),
        _ if a != b => Err(incompatible(one, other)),
        (Basic::Bool | Basic::Complex, _) => Err(INVALID.into()),
        _ => Ok(match (&one.data, &other.data) {
            (Data::Float(a), Data::Float(b)) => a < b,
            (Data::String(a), Data::String(b)) => a.as_str() < b.as_str(),
            _ => whole(one) < whole(other),
        }),
    }
}

fn less_or_equal(call: &Call<'_>) -> Result<bool, Problem> {
    let (one, other) = (call.value(0), call.value(1));
    Ok(less(one, other)? || equals(one, other)?)
}

/// The arguments as `print` joins them, escaped.
fn escaped(call: &mut Call<'_>, escape: fn(&str) -> String) -> Result<Value, Problem> {
    let shown = call.arguments.iter().map(|value| match value.is_nil() {
        true => Value::string("<no value>"),
        false => value.clone(),
    });
    let shown: Vec<Value> = shown.collect();
    let text = format::sprint(&shown, call.budget)?;
    let escaped = escape(text.as_str());
    match escaped == text.as_str() {
        true => call.pieced(text),
        false => call.computed_text(escaped),
    }
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn javascript(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            c if byte_of(c).is_some() => out.push(c),
            c if c < ' ' || !c.is_ascii() && !format::is_printable(c) => {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// A text as a part of a URL's query.
pub(crate) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in bytes::of_string(text).iter().copied() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
