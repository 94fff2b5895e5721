//! Values as JSON text with origins, and back, as Go's `encoding/json` writes and reads it.

use super::budget::Budget;
use super::error::Problem;
use super::format::shortest_exponent;
use super::inputs::Inputs;
use super::text::{Text, TextBuilder};
use super::value::{Data, IntKind, Map, Time, Value};
use crate::yaml::go_json::push_string;

/// The deepest nesting of values.
const DEEPEST: usize = 200;

/// The style in which JSON is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// True if `<`, `>` and `&` are escaped.
    pub(super) escapes_html: bool,
    /// True if each item has a line of its own, indented by two blanks.
    pub(super) is_pretty: bool,
}

/// Why a value has no JSON.
#[derive(Debug)]
pub(super) enum NoJson {
    /// The value holds what JSON cannot express; the message is worded as Go words it.
    Unsupported(String),
    /// It takes too much.
    Problem(Problem),
}

impl From<Problem> for NoJson {
    fn from(problem: Problem) -> NoJson {
        NoJson::Problem(problem)
    }
}

/// The JSON of a value.
pub(super) fn write(value: &Value, style: Style, budget: &mut Budget) -> Result<Text, NoJson> {
    let mut writer = Writer {
        out: TextBuilder::new(),
        style,
        budget,
    };
    writer.value(value, 0)?;
    Ok(writer.out.finish())
}

struct Writer<'b> {
    out: TextBuilder,
    style: Style,
    budget: &'b mut Budget,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), NoJson> {
        self.budget.step()?;
        if depth > DEEPEST {
            return Err(NoJson::Unsupported(
                "json: unsupported value: encountered a cycle".into(),
            ));
        }
        let inputs = &value.inputs;
        match &value.data {
            Data::Missing | Data::Nil => self.out.push_from("null", inputs),
            Data::Bool(flag) => self.out.push_from(&flag.to_string(), inputs),
            Data::Int(IntKind::Uint64, number) => {
                self.out.push_from(&(*number as u64).to_string(), inputs);
            }
            Data::Int(_, number) | Data::Duration(number) => {
                self.out.push_from(&number.to_string(), inputs);
            }
            Data::Float(number) => {
                let text = float(*number).ok_or_else(|| {
                    NoJson::Unsupported(format!("json: unsupported value: {number}"))
                })?;
                self.out.push_from(&text, inputs);
            }
            Data::String(text) => self.string(text.as_str(), &value.inputs())?,
            Data::Bytes(bytes) => {
                use base64::Engine as _;
                let text = base64::engine::general_purpose::STANDARD.encode(bytes);
                self.string(&text, inputs)?;
            }
            Data::Time(time) => self.string(&rfc3339(time), inputs)?,
            Data::List(list) if list.is_nil => self.out.push_from("null", inputs),
            Data::List(list) => self.list(&list.items, inputs, depth)?,
            Data::Map(map) if map.is_nil => self.out.push_from("null", inputs),
            Data::Map(map) => self.map(map, inputs, depth)?,
            Data::Object(object) => match object.methods.as_ref().and_then(|own| own.to_text()) {
                Some(text) if object.type_name.starts_with('*') => self.string(&text, inputs)?,
                _ => self.value(&object.content, depth + 1)?,
            },
        }
        Ok(())
    }

    fn list(&mut self, items: &[Value], inputs: &Inputs, depth: usize) -> Result<(), NoJson> {
        self.out.push_from("[", inputs);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(",");
            }
            self.line(depth + 1)?;
            self.value(item, depth + 1)?;
        }
        if !items.is_empty() {
            self.line(depth)?;
        }
        self.out.push_str("]");
        Ok(())
    }

    fn map(&mut self, map: &Map, inputs: &Inputs, depth: usize) -> Result<(), NoJson> {
        let entries = map.entries();
        self.out.push_from("{", inputs);
        for (index, (key, entry)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push_str(",");
            }
            self.line(depth + 1)?;
            self.string(key, &entry.key)?;
            self.out
                .push_str(if self.style.is_pretty { ": " } else { ":" });
            self.value(&entry.value, depth + 1)?;
        }
        if !entries.is_empty() {
            self.line(depth)?;
        }
        self.out.push_str("}");
        Ok(())
    }

    fn line(&mut self, depth: usize) -> Result<(), NoJson> {
        if self.style.is_pretty {
            self.budget.bytes(depth * 2 + 1)?;
            self.out.push_str("\n");
            self.out.push_str(&"  ".repeat(depth));
        }
        Ok(())
    }

    fn string(&mut self, text: &str, inputs: &Inputs) -> Result<(), NoJson> {
        self.budget.bytes(text.len())?;
        let mut out = String::with_capacity(text.len() + 2);
        push_string(&mut out, text, self.style.escapes_html);
        self.out.push_from(&out, inputs);
        Ok(())
    }
}

/// A float; `None` for infinity and what is no number.
pub(super) fn float(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return Some(format!("{value}"));
    }
    let (digits, exponent) = shortest_exponent(value);
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let sign = if value < 0.0 { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    let size = exponent.unsigned_abs();
    Some(format!("{sign}{first}{point}{rest}e{exponent_sign}{size:02}").replace("e-0", "e-"))
}

/// A time as JSON and YAML write it.
pub(super) fn rfc3339(time: &Time) -> String {
    let moment = jiff::Timestamp::new(time.seconds, time.nanoseconds as i32).unwrap_or_default();
    let offset = jiff::tz::Offset::from_seconds(time.offset).unwrap_or(jiff::tz::Offset::UTC);
    let zoned = moment.to_zoned_datetime(jiff::tz::TimeZone::fixed(offset));
    super::layout::format("2006-01-02T15:04:05.999999999Z07:00", &zoned)
}

/// The value of a JSON text. Every part of it came from the whole text.
pub(super) fn read(text: &Text, budget: &mut Budget) -> Result<Value, NoJson> {
    budget.steps(text.as_str().len() / 8)?;
    let parsed: serde_json::Value = serde_json::from_str(text.as_str())
        .map_err(|error| NoJson::Unsupported(error_of(text.as_str(), &error)))?;
    Ok(from_json(parsed, &text.inputs()))
}

fn error_of(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_string();
    }
    let line = text
        .split_inclusive('\n')
        .nth(error.line().saturating_sub(1));
    let at = line.and_then(|line| line.as_bytes().get(error.column().saturating_sub(1)));
    let found = char::from(at.copied().unwrap_or(b' '));
    format!("invalid character {found:?} looking for beginning of value")
}

fn from_json(json: serde_json::Value, inputs: &Inputs) -> Value {
    let value = match json {
        serde_json::Value::Null => Value::nil(),
        serde_json::Value::Bool(flag) => Value::bool(flag),
        serde_json::Value::Number(number) => Value::float(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::string(text),
        serde_json::Value::Array(items) => {
            let items = items.into_iter().map(|item| from_json(item, inputs));
            Value::list(items.collect())
        }
        serde_json::Value::Object(entries) => {
            let map = Map::new();
            for (key, value) in entries {
                map.set(key, from_json(value, inputs));
            }
            Value::map(map)
        }
    };
    value.with_inputs(inputs.clone())
}
