//! `.Files`: the files of a chart that templates can read.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;

use crate::glob::{Stars, compile};
use crate::helm::chart::ChartFile;
use crate::source::Files;
use crate::template::{Inputs, Map, Methods, Signature, Text, Type, Value, to_yaml};
use crate::yaml::Origin;

/// The files by their path in the chart.
#[derive(Clone)]
struct ChartFiles {
    files: BTreeMap<Arc<str>, ChartFile>,
    table: Arc<Files>,
}

impl std::fmt::Debug for ChartFiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.files.keys()).finish()
    }
}

/// The value of `.Files`.
pub(super) fn value(files: &[ChartFile], table: &Arc<Files>) -> Value {
    let named = files.iter().map(|file| (file.name.clone(), file.clone()));
    ChartFiles {
        files: named.collect(),
        table: table.clone(),
    }
    .into_value()
}

impl ChartFiles {
    fn into_value(self) -> Value {
        let content = Map::bytes();
        for (name, file) in &self.files {
            content.set(name.clone(), Value::bytes(file.bytes.clone()));
        }
        Value::named("engine.files", Value::map(content), Arc::new(self))
    }

    /// The text of a file; every byte knows its place.
    fn text(&self, file: &ChartFile) -> Text {
        let origin = file.origin(&self.table);
        let text = self.table.get(origin.file).text.clone();
        let end = text.len() as u32;
        match text.as_bytes() == &*file.bytes {
            true => Text::written(text, Origin { end, ..origin }),
            false => Text::of_bytes(&file.bytes, &Inputs::one(origin)),
        }
    }

    /// The files that a pattern matches; all of them if it is not a pattern.
    fn chosen(&self, pattern: &str) -> ChartFiles {
        let glob = compile(pattern, Stars::WithinFolder).ok();
        let fits = |name: &str| glob.as_ref().is_none_or(|glob| glob.is_match(name));
        let files = self.files.iter().filter(|(name, _)| fits(name));
        ChartFiles {
            files: files
                .map(|(name, file)| (name.clone(), file.clone()))
                .collect(),
            table: self.table.clone(),
        }
    }

    /// The files under the last part of their paths, as YAML.
    fn as_yaml(&self, content: impl Fn(&ChartFile) -> Value) -> Value {
        let map = Map::new();
        for (name, file) in &self.files {
            let base = name.rsplit('/').next().unwrap_or(name);
            map.set(base, content(file));
        }
        Value::string(to_yaml(&Value::map(map)))
    }

    fn lines(&self, name: &str) -> Value {
        let Some(file) = self.files.get(name).filter(|file| !file.bytes.is_empty()) else {
            return Value::strings([]);
        };
        let text = self.text(file);
        let length = text.as_str().len();
        let end = length - usize::from(text.as_str().ends_with('\n'));
        let mut start = 0;
        let lines = text.as_str().get(..end).unwrap_or_default().split('\n');
        let ranges: Vec<_> = lines
            .map(|line| {
                let range = start..start + line.len();
                start = range.end + 1;
                range
            })
            .collect();
        Value::strings(
            ranges
                .into_iter()
                .map(|range| Value::string(text.slice(range))),
        )
    }
}

impl Methods for ChartFiles {
    fn signature(&self, method: &str) -> Option<Signature> {
        let parameters: &'static [Type] = match method {
            "Get" | "GetBytes" | "Glob" | "Lines" => &[Type::String],
            "AsConfig" | "AsSecrets" => &[],
            _ => return None,
        };
        Some(Signature {
            parameters,
            is_variadic: false,
        })
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let name = arguments
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(match method {
            "Get" => match self.files.get(name) {
                Some(file) => Value::string(self.text(file)),
                None => Value::string(""),
            },
            "GetBytes" => {
                let file = self.files.get(name);
                Value::bytes(file.map_or_else(|| Arc::from([]), |file| file.bytes.clone()))
            }
            "Glob" => self.chosen(name).into_value(),
            "Lines" => self.lines(name),
            "AsConfig" => self.as_yaml(|file| Value::string(self.text(file))),
            _ => self.as_yaml(|file| {
                let encoded = base64::engine::general_purpose::STANDARD.encode(&file.bytes);
                Value::string(encoded)
            }),
        })
    }
}
