//! Values as TOML text with origins, and back, as Helm's `toToml` and `fromToml` do it (the Go
//! library `BurntSushi/toml`).

use super::budget::Budget;
use super::error::Problem;
use super::format::display;
use super::inputs::Inputs;
use super::json::{self, NoJson};
use super::text::{Text, TextBuilder};
use super::value::{Data, Map, Time, Value};

/// The deepest nesting of values.
const DEEPEST: usize = 200;

/// The TOML of a value.
pub(super) fn write(value: &Value, budget: &mut Budget) -> Result<Text, NoJson> {
    let mut writer = Writer {
        out: TextBuilder::new(),
        budget,
    };
    let inputs = &value.inputs;
    match &value.data {
        Data::Missing | Data::Nil => {
            return Err(NoJson::Problem(
                "the value is nil, which has no TOML".into(),
            ));
        }
        Data::Map(map) => writer.entries(map, &mut Vec::new())?,
        Data::Object(object) => match object.content.as_map() {
            Some(map) => writer.entries(map, &mut Vec::new())?,
            None => writer.element(&object.content, 0)?,
        },
        Data::List(_) if kind(value, 0)? == Kind::Tables => {
            return Err(unsupported(
                "toml: top-level values must be Go maps or structs",
            ));
        }
        Data::String(text) => writer.quoted(text.as_str(), inputs)?,
        _ => writer.element(value, 0)?,
    }
    Ok(writer.out.finish())
}

fn unsupported(message: &str) -> NoJson {
    NoJson::Unsupported(message.to_string())
}

/// The forms of values that TOML tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Table,
    /// A list that has tables alone.
    Tables,
    Other,
}

fn kind(value: &Value, depth: usize) -> Result<Kind, NoJson> {
    if depth > DEEPEST {
        return Err(unsupported("toml: the value is nested too deeply"));
    }
    Ok(match &value.data {
        Data::Missing | Data::Nil => Kind::Nothing,
        Data::Map(map) if map.is_nil => Kind::Nothing,
        Data::Map(_) => Kind::Table,
        Data::List(list) if list.is_nil => Kind::Nothing,
        Data::List(list) => {
            let mut has_tables_alone = !list.items.is_empty();
            for item in list.items.iter() {
                match kind(item, depth + 1)? {
                    Kind::Nothing => {
                        return Err(unsupported("toml: cannot encode array with nil element"));
                    }
                    Kind::Table => {}
                    Kind::Tables | Kind::Other => has_tables_alone = false,
                }
            }
            match has_tables_alone {
                true => Kind::Tables,
                false => Kind::Other,
            }
        }
        Data::Object(object) => kind(&object.content, depth + 1)?,
        _ => Kind::Other,
    })
}

struct Writer<'b> {
    out: TextBuilder,
    budget: &'b mut Budget,
}

impl Writer<'_> {
    fn push(&mut self, text: &str, inputs: &Inputs) -> Result<(), Problem> {
        self.budget.bytes(text.len())?;
        self.out.push_from(text, inputs);
        Ok(())
    }

    /// A line of its own for a table, indented by the tables around it.
    fn header(&mut self, path: &[String], marks: (&str, &str)) -> Result<(), Problem> {
        let indent = "  ".repeat(path.len().saturating_sub(1));
        let line = format!("{indent}{}{}{}\n", marks.0, path.join("."), marks.1);
        self.push(&line, &Inputs::default())
    }

    /// The entries of a table: values first, then the tables below it.
    fn entries(&mut self, map: &Map, path: &mut Vec<String>) -> Result<(), NoJson> {
        if path.len() > DEEPEST {
            return Err(unsupported("toml: the value is nested too deeply"));
        }
        let mut tables = Vec::new();
        for (key, entry) in map.entries() {
            self.budget.step()?;
            let kind = kind(&entry.value, 0)?;
            match kind {
                Kind::Nothing => {}
                Kind::Table | Kind::Tables => tables.push((key, entry)),
                Kind::Other => {
                    self.push(&"  ".repeat(path.len()), &Inputs::default())?;
                    self.push(&bare_or_quoted(&key), &entry.key)?;
                    self.push(" = ", &Inputs::default())?;
                    self.element(&entry.value, 0)?;
                    self.push("\n", &Inputs::default())?;
                }
            }
        }
        for (key, entry) in tables {
            path.push(bare_or_quoted(&key));
            self.table(&entry.value, path)?;
            path.pop();
        }
        Ok(())
    }

    /// A table, or a list of tables, below a heading.
    fn table(&mut self, value: &Value, path: &mut Vec<String>) -> Result<(), NoJson> {
        match &value.data {
            Data::Map(map) => {
                if path.len() == 1 && !self.out.is_empty() {
                    self.push("\n", &Inputs::default())?;
                }
                self.header(path, ("[", "]"))?;
                self.entries(map, path)
            }
            Data::List(list) => {
                for item in list.items.iter() {
                    if !self.out.is_empty() {
                        self.push("\n", &Inputs::default())?;
                    }
                    self.header(path, ("[[", "]]"))?;
                    if let Some(map) = item.as_map() {
                        self.entries(map, path)?;
                    }
                }
                Ok(())
            }
            Data::Object(object) => self.table(&object.content, path),
            _ => Ok(()),
        }
    }

    /// A value behind `=` or in a list.
    fn element(&mut self, value: &Value, depth: usize) -> Result<(), NoJson> {
        self.budget.step()?;
        if depth > DEEPEST {
            return Err(unsupported("toml: the value is nested too deeply"));
        }
        let inputs = &value.inputs;
        match &value.data {
            Data::Missing | Data::Nil => {
                return Err(NoJson::Problem(
                    "the value is nil, which has no TOML".into(),
                ));
            }
            Data::String(text) => self.quoted(text.as_str(), &value.inputs())?,
            Data::Complex(..) => return Err(unsupported("unsupported type: complex128")),
            Data::Float(number) => {
                let text = float(*number, value, self.budget)?;
                self.push(&text, inputs)?;
            }
            Data::Duration(_) => {
                let text = display(value, self.budget)?;
                self.quoted(text.as_str(), inputs)?;
            }
            Data::Time(time) => self.push(&json::rfc3339(time), inputs)?,
            Data::Bool(_) | Data::Int(..) => {
                let text = display(value, self.budget)?;
                self.push(text.as_str(), inputs)?;
            }
            Data::Bytes(bytes) => {
                let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
                self.push(&format!("[{}]", numbers.join(", ")), inputs)?;
            }
            Data::List(list) => {
                self.push("[", inputs)?;
                for (index, item) in list.items.iter().enumerate() {
                    if index > 0 {
                        self.push(", ", &Inputs::default())?;
                    }
                    self.element(item, depth + 1)?;
                }
                self.push("]", &Inputs::default())?;
            }
            Data::Map(map) => self.inline(map, inputs, depth)?,
            Data::Object(object) => self.element(&object.content, depth + 1)?,
        }
        Ok(())
    }

    /// A table in braces. As in the library, a null at the end leaves a comma.
    fn inline(&mut self, map: &Map, inputs: &Inputs, depth: usize) -> Result<(), NoJson> {
        let (mut values, mut tables) = (Vec::new(), Vec::new());
        for (key, entry) in map.entries() {
            let kind = kind(&entry.value, 0)?;
            let is_table = matches!(kind, Kind::Table | Kind::Tables);
            let group = if is_table { &mut tables } else { &mut values };
            group.push((key, entry, kind));
        }
        let goes_on = !tables.is_empty();
        self.push("{", inputs)?;
        for (group, goes_on) in [(values, goes_on), (tables, false)] {
            let last = group.len().saturating_sub(1);
            for (index, (key, entry, kind)) in group.into_iter().enumerate() {
                if kind == Kind::Nothing {
                    continue;
                }
                self.push(&bare_or_quoted(&key), &entry.key)?;
                self.push(" = ", &Inputs::default())?;
                self.element(&entry.value, depth + 1)?;
                if goes_on || index != last {
                    self.push(", ", &Inputs::default())?;
                }
            }
        }
        self.push("}", &Inputs::default())?;
        Ok(())
    }

    fn quoted(&mut self, text: &str, inputs: &Inputs) -> Result<(), Problem> {
        self.push(&quoted(text), inputs)
    }
}

/// A float, which has a point or an exponent.
fn float(number: f64, value: &Value, budget: &mut Budget) -> Result<String, Problem> {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_nan() {
        return Ok(format!("{sign}nan"));
    }
    if number.is_infinite() {
        return Ok(format!("{sign}inf"));
    }
    let text = display(value, budget)?.as_str().to_string();
    let is_float = text.contains(['.', 'e']);
    Ok(if is_float { text } else { format!("{text}.0") })
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !key.is_empty() && key.chars().all(is_bare) {
        true => key.to_string(),
        false => quoted(key),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The map of a TOML text. Every part of it came from the whole text.
pub(super) fn read(text: &Text, budget: &mut Budget) -> Result<Value, NoJson> {
    budget.steps(text.as_str().len())?;
    let table: toml::Table = toml::from_str(text.as_str())
        .map_err(|error| NoJson::Unsupported(format!("toml: {}", error.message())))?;
    Ok(from_toml(toml::Value::Table(table), &text.inputs()))
}

fn from_toml(toml: toml::Value, inputs: &Inputs) -> Value {
    let value = match toml {
        toml::Value::String(text) => Value::string(text),
        toml::Value::Integer(number) => Value::int64(number),
        toml::Value::Float(number) => Value::float(number),
        toml::Value::Boolean(flag) => Value::bool(flag),
        toml::Value::Datetime(moment) => time(&moment.to_string()),
        toml::Value::Array(items) => {
            let items = items.into_iter().map(|item| from_toml(item, inputs));
            Value::list(items.collect())
        }
        toml::Value::Table(entries) => {
            let map = Map::new();
            for (key, value) in entries {
                map.set(key, from_toml(value, inputs));
            }
            Value::map(map)
        }
    };
    value.with_inputs(inputs.clone())
}

/// A moment; dates and times without a zone count as those of UTC.
fn time(written: &str) -> Value {
    let moment = match written.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => {
            let local = written.parse::<jiff::civil::DateTime>();
            let moment = local.and_then(|local| jiff::tz::TimeZone::UTC.to_timestamp(local));
            moment.unwrap_or_default()
        }
    };
    Data::Time(Time {
        seconds: moment.as_second(),
        nanoseconds: moment.subsec_nanosecond().unsigned_abs(),
        zone: "UTC".into(),
        offset: 0,
    })
    .into()
}
