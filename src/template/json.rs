//! Values as JSON text with origins, and back, as Go's `encoding/json` writes and reads it.

use super::budget::Budget;
use super::bytes;
use super::error::Problem;
use super::format::shortest_exponent;
use super::inputs::Inputs;
use super::text::{Text, TextBuilder};
use super::value::{Data, Field, IntKind, Map, Time, Value};
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
            Data::Complex(..) => {
                let message = "json: unsupported type: complex128";
                return Err(NoJson::Unsupported(message.into()));
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
                _ if object.is_struct => self.structure(&object.fields, depth)?,
                _ => self.value(&object.content, depth)?,
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
            self.entry(index == 0, (key, &entry.key), &entry.value, depth)?;
        }
        if !entries.is_empty() {
            self.line(depth)?;
        }
        self.out.push_str("}");
        Ok(())
    }

    fn structure(&mut self, fields: &[Field], depth: usize) -> Result<(), NoJson> {
        self.out.push_str("{");
        let mut is_first = true;
        for field in fields.iter().filter(|field| field.is_in_json()) {
            let name = (field.json_name, &Inputs::NONE);
            self.entry(is_first, name, &field.value, depth)?;
            is_first = false;
        }
        if !is_first {
            self.line(depth)?;
        }
        self.out.push_str("}");
        Ok(())
    }

    fn entry(
        &mut self,
        is_first: bool,
        (key, inputs): (&str, &Inputs),
        value: &Value,
        depth: usize,
    ) -> Result<(), NoJson> {
        if !is_first {
            self.out.push_str(",");
        }
        self.line(depth + 1)?;
        self.string(key, inputs)?;
        let colon = if self.style.is_pretty { ": " } else { ":" };
        self.out.push_str(colon);
        self.value(value, depth + 1)
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
        self.out.push_from(&bytes::with(&out, "\\ufffd"), inputs);
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
    super::layout::format("2006-01-02T15:04:05.999999999Z07:00", &time.zoned())
}

/// The value of a JSON text. Every part of it came from the whole text.
pub(super) fn read(text: &Text, budget: &mut Budget) -> Result<Value, NoJson> {
    budget.steps(text.as_str().len() / 8)?;
    let written = without_halves(&bytes::replaced(text.as_str()));
    let parsed: serde_json::Value = serde_json::from_str(&written)
        .map_err(|error| NoJson::Unsupported(error_of(&written, &error)))?;
    Ok(from_json(parsed, &text.inputs()))
}

/// The text with `\ufffd` in place of each escape that is half of a pair, such as `\ud800`. Go
/// reads them so.
fn without_halves(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let next = match (escape_of(escape), escape.get(6..).and_then(escape_of)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            _ => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&escape[..next]);
        rest = &escape[next..];
    }
    out + rest
}

/// The code of the escape `\u1234` at the start of a text.
fn escape_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
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
    let place = match error.to_string().starts_with("trailing characters") {
        true => "after top-level value",
        false => "looking for beginning of value",
    };
    format!("invalid character {found:?} {place}")
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
