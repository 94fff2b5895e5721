//! Functions of paths with slashes.

use super::{Function, fixed};
use crate::template::value::{Type, Value};

const TEXT: &[Type] = &[Type::String];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("base", TEXT, base),
    fixed("osBase", TEXT, base),
    fixed("dir", TEXT, dir),
    fixed("osDir", TEXT, dir),
    fixed("clean", TEXT, cleaned),
    fixed("osClean", TEXT, cleaned),
    fixed("ext", TEXT, extension),
    fixed("osExt", TEXT, extension),
    fixed("isAbs", TEXT, is_absolute),
    fixed("osIsAbs", TEXT, is_absolute),
];

type Result = std::result::Result<Value, crate::template::error::Problem>;

fn base(call: &mut super::Call<'_>) -> Result {
    let text = call.text(0);
    let all = text.as_str();
    let trimmed = all.trim_end_matches('/');
    match (all.is_empty(), trimmed.is_empty()) {
        (true, _) => call.computed_text("."),
        (_, true) => call.computed_text("/"),
        _ => {
            let start = trimmed.rfind('/').map_or(0, |at| at + 1);
            call.pieced(text.slice(start..trimmed.len()))
        }
    }
}

fn dir(call: &mut super::Call<'_>) -> Result {
    let text = call.str(0);
    let folder = text.rfind('/').map_or("", |at| &text[..at + 1]);
    let folder = clean(folder);
    call.computed_text(folder)
}

fn cleaned(call: &mut super::Call<'_>) -> Result {
    let path = clean(call.str(0));
    match path == call.str(0) {
        true => call.pieced(call.text(0)),
        false => call.computed_text(path),
    }
}

fn extension(call: &mut super::Call<'_>) -> Result {
    let text = call.text(0);
    let all = text.as_str();
    let name = all.rfind('/').map_or(0, |at| at + 1);
    let start = all[name..].rfind('.').map_or(all.len(), |at| name + at);
    call.pieced(text.slice(start..all.len()))
}

fn is_absolute(call: &mut super::Call<'_>) -> Result {
    call.computed(Value::bool(call.str(0).starts_with('/')))
}

/// The shortest path that means the same: without `.`, `..` and repeated slashes.
fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if is_rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_string(),
        (false, false) => joined,
    }
}
