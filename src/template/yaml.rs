//! Values as YAML text with origins, and back, as Helm's `toYaml` and `fromYaml` do it: through
//! JSON.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::budget::Budget;
use super::bytes;
use super::error::Problem;
use super::format;
use super::inputs::Inputs;
use super::json::{self, NoJson};
use super::node::from_node;
use super::text::{Text, TextBuilder};
use super::value::{Data, Field, Map, Value};
pub(super) use crate::yaml::write::Layout;
use crate::yaml::{By, Entry, FileId, Kind, Node, Origin, Scalar, read, write};

/// The deepest nesting of values.
const DEEPEST: usize = 200;

/// The YAML of a value, without a newline at the end.
pub(super) fn to_yaml(value: &Value, layout: Layout, budget: &mut Budget) -> Result<Text, NoJson> {
    let mut builder = Builder {
        inputs: Vec::new(),
        through_json: layout == Layout::Compact,
        budget,
    };
    let node = builder.node(value, 0)?;
    let (text, traces) = write::write_traced(&node, layout);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    builder.budget.bytes(text.len())?;
    let mut out = TextBuilder::new();
    let mut start = 0;
    for (bytes, origin) in traces {
        let end = bytes.end.min(text.len());
        let Some(inputs) = builder.inputs.get(origin.start as usize) else {
            continue;
        };
        out.push_str(text.get(start..bytes.start).unwrap_or_default());
        out.push_from(text.get(bytes.start..end).unwrap_or_default(), inputs);
        start = end;
    }
    out.push_str(text.get(start..).unwrap_or_default());
    Ok(out.finish())
}

/// Makes a tree in which origins are numbers of inputs.
struct Builder<'b> {
    inputs: Vec<Inputs>,
    /// True if the YAML is made of JSON.
    through_json: bool,
    budget: &'b mut Budget,
}

impl Builder<'_> {
    fn origin(&mut self, inputs: Inputs) -> Origin {
        let number = self.inputs.len() as u32;
        self.inputs.push(inputs);
        Origin {
            file: FileId(0),
            start: number,
            end: number,
            by: By::Template,
        }
    }

    fn node(&mut self, value: &Value, depth: usize) -> Result<Node, NoJson> {
        self.budget.step()?;
        if depth > DEEPEST {
            return Err(NoJson::Unsupported("json: encountered a cycle".into()));
        }
        let origin = self.origin(value.inputs());
        let scalar = match &value.data {
            Data::Missing | Data::Nil => Scalar {
                text: "null".into(),
                ..Scalar::null()
            },
            Data::Bool(flag) => Scalar::bool(*flag),
            Data::Int(kind, number) if kind.is_unsigned() => Scalar {
                kind: Kind::Int,
                ..Scalar::plain((*number as u64).to_string())
            },
            Data::Int(_, number) => Scalar::int(*number),
            Data::Duration(number) if self.through_json => Scalar::int(*number),
            Data::Duration(number) => Scalar::string(format::duration(*number)),
            Data::Float(number) => {
                let text = json::float(*number)
                    .ok_or_else(|| NoJson::Unsupported("json: unsupported value".into()))?;
                Scalar {
                    kind: Kind::Float,
                    ..Scalar::plain(text)
                }
            }
            Data::Complex(..) => {
                let message = "json: unsupported type: complex128";
                return Err(NoJson::Unsupported(message.into()));
            }
            Data::String(text) if self.through_json => Scalar::string(in_json(text.shared())?),
            Data::String(text) => Scalar::string(text.shared().clone()),
            Data::Bytes(bytes) => {
                use base64::Engine as _;
                Scalar::string(base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            Data::Time(time) => Scalar::string(json::rfc3339(time)),
            Data::List(list) if list.is_nil => Scalar::plain("null"),
            Data::Map(map) if map.is_nil => Scalar::plain("null"),
            Data::List(list) => {
                let mut items = Vec::with_capacity(list.items.len());
                for item in list.items.iter() {
                    items.push(self.node(item, depth + 1)?);
                }
                return Ok(Node::list(items, origin));
            }
            Data::Map(map) => {
                let mut entries = Vec::new();
                for (key, entry) in map.entries() {
                    let key = match self.through_json {
                        true => in_json(&key)?,
                        false => key,
                    };
                    let key_origin = self.origin(entry.key);
                    let value = self.node(&entry.value, depth + 1)?;
                    entries.push(Entry {
                        key,
                        key_origin,
                        value,
                    });
                }
                return Ok(Node::map(entries, origin));
            }
            Data::Object(object) => {
                match object
                    .methods
                    .as_ref()
                    .and_then(|methods| methods.to_text())
                {
                    Some(text) if object.type_name.starts_with('*') => Scalar::string(text),
                    _ if object.is_struct && self.through_json => {
                        return self.structure(&object.fields, depth);
                    }
                    _ => return self.node(&object.content, depth + 1),
                }
            }
        };
        Ok(Node::scalar(scalar, origin))
    }

    /// A structure, whose keys YAML sorts as those of other maps.
    fn structure(&mut self, fields: &[Field], depth: usize) -> Result<Node, NoJson> {
        let map = Map::new();
        for field in fields.iter().filter(|field| field.is_in_json()) {
            map.set(field.json_name, field.value.clone());
        }
        self.node(&Value::map(map), depth)
    }
}

/// A string as it comes out of JSON. JSON leaves some characters as they are that YAML does not
/// allow, such as DEL.
fn in_json(text: &Arc<str>) -> Result<Arc<str>, NoJson> {
    let is_escaped = |c: char| c < ' ';
    let is_allowed = |c: char| match c {
        '\u{85}' => true,
        '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    };
    if !text.chars().all(|c| is_escaped(c) || is_allowed(c)) {
        let message = "yaml: control characters are not allowed";
        return Err(NoJson::Unsupported(message.into()));
    }
    Ok(match bytes::replaced(text) {
        Cow::Borrowed(_) => text.clone(),
        Cow::Owned(replaced) => replaced.into(),
    })
}

/// The value of the first document of a YAML text; null if there is none. The error is the
/// reader's message.
pub(super) fn from_yaml(text: &Text, budget: &mut Budget) -> Result<Value, NoJson> {
    budget.steps(text.as_str().len() / 8)?;
    let documents = read::read_as(text.as_str(), FileId(0), read::Dialect::Json);
    let documents = documents.map_err(|error| NoJson::Unsupported(error.message.clone()))?;
    let place = |origin: Origin| inputs_in(text, origin.start as usize..origin.end as usize);
    let first = documents.documents.first();
    Ok(first.map_or_else(Value::nil, |node| from_node(node, &place, 0)))
}

fn inputs_in(text: &Text, bytes: Range<usize>) -> Inputs {
    let mut inputs = Inputs::NONE;
    for (_, piece) in text.pieces_in(bytes) {
        match (&piece.inputs, piece.printed_by) {
            (own, Some(printed_by)) if own.is_empty() => inputs.extend(&Inputs::one(printed_by)),
            (own, _) => inputs.extend(own),
        }
    }
    inputs
}

impl NoJson {
    /// The error of a function that does not tolerate it.
    pub(super) fn into_problem(self) -> Problem {
        match self {
            NoJson::Unsupported(message) => message.into(),
            NoJson::Problem(problem) => problem,
        }
    }
}
