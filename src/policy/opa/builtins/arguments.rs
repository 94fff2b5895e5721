//! The arguments of a call.

use std::sync::Arc;

use super::{LARGEST, Value};

/// Why a call has no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// The arguments do not fit; the result is undefined.
    Undefined,
    /// The evaluation fails.
    Fail(String),
}

/// The result of a call.
pub(super) type Outcome = Result<Value, Stop>;

/// The arguments of a call.
pub(super) struct Arguments<'a> {
    name: &'static str,
    values: &'a [Value],
}

impl<'a> Arguments<'a> {
    /// Arguments that are not too large.
    pub(super) fn checked(name: &'static str, values: &'a [Value]) -> Result<Arguments<'a>, Stop> {
        let arguments = Arguments { name, values };
        let mut left = LARGEST;
        if values.iter().all(|value| fits(value, &mut left)) {
            Ok(arguments)
        } else {
            Err(arguments.too_large())
        }
    }

    pub(super) fn too_large(&self) -> Stop {
        Stop::Fail(format!(
            "{} would make a value that is too large",
            self.name
        ))
    }

    /// A result of some size, if that is not too large.
    pub(super) fn sized(&self, size: usize) -> Result<(), Stop> {
        if size > LARGEST {
            return Err(self.too_large());
        }
        Ok(())
    }

    pub(super) fn value(&self, at: usize) -> &'a Value {
        self.values.get(at).unwrap_or(&Value::Undefined)
    }

    pub(super) fn text(&self, at: usize) -> Result<&'a Arc<str>, Stop> {
        match self.value(at) {
            Value::String(text) => Ok(text),
            _ => Err(Stop::Undefined),
        }
    }

    /// A whole number.
    pub(super) fn int(&self, at: usize) -> Result<i64, Stop> {
        self.value(at).as_i64().map_err(|_| Stop::Undefined)
    }

    /// The items of an array or a set.
    pub(super) fn items(&self, at: usize) -> Result<Vec<&'a Value>, Stop> {
        match self.value(at) {
            Value::Array(items) => Ok(items.iter().collect()),
            Value::Set(items) => Ok(items.iter().collect()),
            _ => Err(Stop::Undefined),
        }
    }

    /// The texts of an array or a set.
    pub(super) fn texts(&self, at: usize) -> Result<Vec<&'a str>, Stop> {
        let items = self.items(at)?.into_iter();
        let texts = items.map(|item| match item {
            Value::String(text) => Ok(&**text),
            _ => Err(Stop::Undefined),
        });
        texts.collect()
    }
}

/// An array of texts.
pub(super) fn array_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    let items: Vec<Value> = texts.into_iter().map(Value::from).collect();
    Value::from(items)
}

/// Takes the size of a value off what is left. False if it does not fit.
fn fits(value: &Value, left: &mut usize) -> bool {
    let size = match value {
        Value::String(text) => text.len(),
        _ => 1,
    };
    let Some(rest) = left.checked_sub(size) else {
        return false;
    };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, left)),
        Value::Set(items) => items.iter().all(|item| fits(item, left)),
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| fits(key, left) && fits(value, left)),
        _ => true,
    }
}
