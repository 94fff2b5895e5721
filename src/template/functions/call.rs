//! The arguments of a call, and what its result came from.

use std::borrow::Cow;

use crate::template::budget::Budget;
use crate::template::bytes;
use crate::template::error::Problem;
use crate::template::format;
use crate::template::inputs::Inputs;
use crate::template::text::Text;
use crate::template::value::{Data, Map, Value};

/// One call of a function. The arguments have the types of its signature.
pub(in crate::template) struct Call<'a> {
    pub(in crate::template) arguments: &'a [Value],
    pub(in crate::template) budget: &'a mut Budget,
}

static NIL: Value = Value {
    data: Data::Nil,
    inputs: Inputs::NONE,
};

impl<'a> Call<'a> {
    /// An argument; null if there are fewer.
    pub(super) fn value(&self, index: usize) -> &'a Value {
        self.arguments.get(index).unwrap_or(&NIL)
    }

    /// The arguments from an index on.
    pub(super) fn from(&self, index: usize) -> &'a [Value] {
        self.arguments.get(index..).unwrap_or_default()
    }

    /// A string argument.
    pub(super) fn str(&self, index: usize) -> &'a str {
        self.value(index).as_str().unwrap_or_default()
    }

    /// The bytes of a string argument, which may not be UTF-8.
    pub(super) fn bytes(&self, index: usize) -> Cow<'a, [u8]> {
        bytes::of_string(self.str(index))
    }

    /// A string argument with its pieces.
    pub(super) fn text(&self, index: usize) -> Text {
        self.value(index).as_text().unwrap_or_default()
    }

    /// An integer argument.
    pub(super) fn int(&self, index: usize) -> i64 {
        match self.value(index).data {
            Data::Int(_, value) => value,
            _ => 0,
        }
    }

    /// A float argument.
    pub(super) fn float(&self, index: usize) -> f64 {
        match self.value(index).data {
            Data::Float(value) => value,
            _ => 0.0,
        }
    }

    /// A map argument; `None` for null.
    pub(super) fn map(&self, index: usize) -> Option<&'a Map> {
        self.value(index).as_map()
    }

    /// The inputs of the arguments, those within lists and maps aside.
    pub(super) fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::NONE;
        for argument in self.arguments {
            inputs.extend(&argument.inputs());
        }
        inputs
    }

    /// A result that was computed from all arguments.
    pub(super) fn computed(&self, value: Value) -> Result<Value, Problem> {
        let inputs = self.inputs().and(&value.inputs);
        Ok(value.with_inputs(inputs))
    }

    /// A string that was computed from all arguments.
    pub(super) fn computed_text(&mut self, text: impl Into<String>) -> Result<Value, Problem> {
        let text = text.into();
        self.budget.bytes(text.len())?;
        self.computed(Value::string(text))
    }

    /// A string with pieces of its own.
    pub(super) fn pieced(&mut self, text: Text) -> Result<Value, Problem> {
        self.budget.bytes(text.as_str().len())?;
        Ok(Value::string(text))
    }

    /// Any value as a string: strings and bytes as they are, others as `%v` prints them.
    pub(super) fn printed(&mut self, value: &Value) -> Result<Text, Problem> {
        to_text(value, self.budget)
    }
}

/// Any value as a string: strings and bytes as they are, others as `%v` prints them.
pub(super) fn to_text(value: &Value, budget: &mut Budget) -> Result<Text, Problem> {
    if let Data::Bytes(bytes) = &value.data {
        return Ok(Text::of_bytes(bytes, &value.inputs));
    }
    format::display(value, budget)
}
