//! The values of a generator: literals, env files and files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;
use crate::kustomize::Problem;
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::Text;
use crate::kustomize::kustomization::GeneratorEntry;
use crate::yaml::{By, Origin};

/// The values of a generator by key.
pub(super) fn read_values(
    entry: &GeneratorEntry,
    name: &str,
    context: &mut BuildContext<'_>,
) -> BTreeMap<Arc<str>, Value> {
    let mut values = Values {
        name,
        found: BTreeMap::new(),
    };
    for file in &entry.envs {
        read_env_file(file, context, &mut values);
    }
    for literal in &entry.literals {
        read_literal(literal, context, &mut values);
    }
    for file in &entry.files {
        read_file(file, context, &mut values);
    }
    values.found
}

/// The values of a generator so far.
struct Values<'n> {
    /// The name of the generator.
    name: &'n str,
    found: BTreeMap<Arc<str>, Value>,
}

impl Values<'_> {
    fn add(&mut self, key: &str, value: Value, context: &mut BuildContext<'_>) {
        let Some(first) = self.found.get(key) else {
            self.found.insert(key.into(), value);
            return;
        };
        let message = format!("the generator of {:?} has the key {key:?} twice", self.name);
        context.report(
            Problem::error(value.key_origin, message)
                .with_related("the first one is here", first.key_origin)
                .with_help("remove one of the two"),
        );
    }
}

fn read_literal(literal: &Text, context: &mut BuildContext<'_>, values: &mut Values<'_>) {
    let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        // the literal may be the value of a Secret
        let message = "this literal is not of the form key=value";
        context.report(
            Problem::error(literal.origin(), message)
                .with_help("write KEY=VALUE; the value may be empty"),
        );
        return;
    };
    let text = unquoted(value);
    let skipped = literal.len() - value.len() + usize::from(text.len() < value.len());
    let value = Value {
        bytes: Arc::from(text.as_bytes()),
        key_origin: part(literal, 0, key.len(), context),
        origin: part(literal, skipped, text.len(), context),
    };
    values.add(key, value, context);
}

fn read_file(file: &Text, context: &mut BuildContext<'_>, values: &mut Values<'_>) {
    let Some((key, path)) = file_source(file, context) else {
        return;
    };
    let (path, bytes) = match context.read_bytes(&Text::new(path, file.node.clone())) {
        Ok(read) => read,
        Err(problem) => return context.report(problem),
    };
    let key_origin = file.origin().with(By::Generator);
    let origin = context.shared.text(&path).map_or(key_origin, |id| Origin {
        file: id,
        start: 0,
        end: context.shared.files.get(id).text.len() as u32,
        by: By::Generator,
    });
    let value = Value {
        bytes,
        key_origin,
        origin,
    };
    values.add(&key, value, context);
}

/// The value without a pair of quotes around it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
            return &value[1..value.len() - 1];
        }
    }
    value
}

/// Points at a part of a text if the file contains the text literally, otherwise at the whole
/// scalar.
fn part(text: &Text, start: usize, length: usize, context: &BuildContext<'_>) -> Origin {
    let whole = text.origin().with(By::Generator);
    let file = context.shared.files.get(whole.file);
    let Some(raw) = file.text.get(whole.start as usize..whole.end as usize) else {
        return whole;
    };
    let Some(offset) = [0, 1]
        .into_iter()
        .find(|offset| raw.get(*offset..*offset + text.len()) == Some(&**text))
    else {
        return whole;
    };
    let start = whole.start + (offset + start) as u32;
    Origin {
        start,
        end: start + length as u32,
        ..whole
    }
}

fn read_env_file(file: &Text, context: &mut BuildContext<'_>, values: &mut Values<'_>) {
    let id = match context.read_text(file) {
        Ok(id) => id,
        Err(problem) => return context.report(problem),
    };
    let text = context.shared.files.get(id).text.clone();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let offset = start;
        start += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = if number == 0 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        let content = content.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let begin = offset + (line.len() - content.len());
        let (key, value) = content.split_once('=').unwrap_or((content, ""));
        if key.is_empty() {
            continue;
        }
        let span = |from: usize, to: usize| Origin {
            file: id,
            start: from as u32,
            end: to as u32,
            by: By::Generator,
        };
        let end = begin + content.len();
        let origin = span(end - value.len(), end);
        let value = Value {
            bytes: Arc::from(value.as_bytes()),
            key_origin: span(begin, begin + key.len()),
            origin,
        };
        values.add(key, value, context);
    }
}

/// The key and path of an entry of `files`.
fn file_source(source: &Text, context: &mut BuildContext<'_>) -> Option<(String, String)> {
    let refuse = |context: &mut BuildContext<'_>, why: &str| {
        context.report(
            Problem::error(
                source.origin(),
                format!("the file entry {:?} {why}", &**source),
            )
            .with_help("write PATH or KEY=PATH"),
        );
        None
    };
    match source.split_once('=') {
        None => Some((
            source
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_string(),
            source.to_string(),
        )),
        Some(("", _)) => refuse(context, "has no key before the ="),
        Some((_, "")) => refuse(context, "has no path after the ="),
        Some((_, path)) if path.contains('=') => refuse(context, "has more than one ="),
        Some((key, path)) => Some((key.to_string(), path.to_string())),
    }
}
