//! The value that a user means by a path such as `image` or `/spec/replicas`.

use std::collections::BTreeSet;

use super::listed;
use crate::cli::error::Error;
use crate::explain::Found;
use crate::explain::path::{Step, dotted, general, words};
use crate::explain::value::{Value, candidates, lost};
use crate::names::nearest;
use crate::report::printable;

/// The values that a path means, in the order of the overlays. If it fits several containers, the one
/// of the given name is meant.
pub(super) fn at<'r>(
    found: &[Found<'r>],
    path: &str,
    container: &str,
) -> Result<Vec<Value<'r>>, Error> {
    let words = words(path);
    let (mut values, others) = candidates(found, &words);
    let is_variable = |value: &Value| {
        let is_item = matches!(value.steps.last(), Some(Step::Item(_, Some(_))));
        is_item && value.node.get("value").is_some()
    };
    if !values.is_empty() && values.iter().all(is_variable) {
        // the value of a variable, and not the item with its name
        let words: Vec<String> = words.iter().cloned().chain(["value".to_string()]).collect();
        values = candidates(found, &words).0;
    }
    if paths(&values).len() > 1 && values.iter().all(|value| value.container().is_some()) {
        let own = |value: &&Value| value.container() == Some(container);
        let own: Vec<Value> = values.iter().filter(own).cloned().collect();
        if paths(&own).len() == 1 {
            values = own;
        }
    }
    let paths = paths(&values);
    if let (1, Some(path)) = (paths.len(), paths.first()) {
        // where something replaced the map around the value, it is removed
        for one in found {
            let is_here = |value: &Value| std::ptr::eq(value.resource, one.resource);
            if !values.iter().any(is_here) {
                values.extend(lost(*one, path));
            }
        }
    }
    match paths.len() {
        1 => Ok(values),
        0 => Err(missing(found, path, &words, &others)),
        _ => Err(Error::Ambiguous {
            name: printable(path).into_owned(),
            advice: "write more of its path",
            list: listed(paths.iter().map(|path| dotted(path))),
        }),
    }
}

/// The different paths of the values.
fn paths(values: &[Value]) -> BTreeSet<Vec<Step>> {
    values.iter().map(|value| general(&value.steps)).collect()
}

/// The error for a path that no value has. It suggests a name for the last unknown word.
fn missing(found: &[Found], path: &str, words: &[String], others: &BTreeSet<String>) -> Error {
    let known: Vec<&str> = others.iter().map(String::as_str).collect();
    let is_odd = |word: &&String| !others.contains(*word) && word.parse::<usize>().is_err();
    let odd = words.iter().rev().find(is_odd);
    let object = found.first().map(|one| one.resource);
    let object = object.map(|resource| format!("{}/{}", resource.kind(), resource.name()));
    Error::NoValue {
        object: object.unwrap_or_default(),
        path: path.to_string(),
        nearest: odd
            .and_then(|word| nearest(word, &known))
            .map(str::to_string),
    }
}
