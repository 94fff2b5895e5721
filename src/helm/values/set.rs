//! `--set`, `--set-string`, `--set-file` and `--set-json`: values in one argument, such as
//! `a.b=1,list[0].name=x,c={1,2}` (`strvals` in Helm).
//!
//! Agents' objects use the same language: `parameters` of Argo CD and `targetPath` of Flux.

use std::ops::Range;

use crate::yaml::read::{Dialect, read_as};
use crate::yaml::{By, Data, Kind, Node, Origin, Scalar};

/// The largest index of a list.
const LARGEST_INDEX: usize = 65_536;

/// The most levels that a name may have.
const DEEPEST: usize = 30;

/// The most items by which one argument may make lists longer.
const MOST_ITEMS: usize = 1 << 20;

/// The kind of text behind `=`.
pub(crate) enum Mode<'m> {
    /// A number, boolean, null or text.
    Typed,
    /// A text.
    Text,
    /// The path of a file whose content is the value.
    File(&'m dyn Fn(&str) -> Result<String, String>),
    /// JSON.
    Json,
}

/// Sets the values that an argument names. `place` gives the place of a part of the argument. The
/// error is a sentence about the argument.
pub(crate) fn set(
    values: &mut Node,
    argument: &str,
    mode: &Mode<'_>,
    place: &dyn Fn(Range<usize>) -> Origin,
) -> Result<(), String> {
    let mut parser = Parser {
        text: argument,
        at: 0,
        mode,
        place,
        items: 0,
    };
    while parser.at < argument.len() {
        parser.key(values, 0)?;
    }
    Ok(())
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    mode: &'p Mode<'p>,
    place: &'p dyn Fn(Range<usize>) -> Origin,
    items: usize,
}

/// A part of the argument up to a delimiter.
struct Part {
    text: String,
    bytes: Range<usize>,
    /// `None` at the end of the argument.
    end: Option<char>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Reads up to one of the delimiters. A backslash takes the next character as it is.
    fn until(&mut self, delimiters: &[char]) -> Part {
        let (start, mut text) = (self.at, String::new());
        loop {
            let before = self.at;
            let next = self.next();
            match next {
                Some('\\') if !delimiters.contains(&'\\') => text.extend(self.next()),
                Some(found) if !delimiters.contains(&found) => text.push(found),
                end => {
                    let bytes = start..before;
                    return Part { text, bytes, end };
                }
            }
        }
    }

    fn origin(&self, bytes: Range<usize>) -> Origin {
        (self.place)(bytes).with(By::Values)
    }

    fn key(&mut self, target: &mut Node, depth: usize) -> Result<(), String> {
        let key = self.until(&['=', '[', ',', '.']);
        let at = self.origin(key.bytes.clone());
        let name = key.text.as_str();
        match key.end {
            None if name.is_empty() => Ok(()),
            None => Err(format!("key {name:?} has no value")),
            Some(',') => Err(format!("key {name:?} has no value (cannot end with ,)")),
            Some('[') => {
                let index = self.index()?;
                let mut list = match target.get(name) {
                    None => Vec::new(),
                    Some(Node {
                        data: Data::List(list),
                        ..
                    }) => list.items.clone(),
                    Some(_) => return Err(format!("key {name:?} is not a list")),
                };
                self.item(&mut list, index, depth)?;
                put(target, name, Node::list(list, at), at);
                Ok(())
            }
            Some('.') => {
                let depth = depth + 1;
                if depth > DEEPEST {
                    return Err(format!("a name may have at most {DEEPEST} levels"));
                }
                let mut inner = match target.get(name) {
                    None => Node::map(Vec::new(), at),
                    Some(inner) if inner.as_map().is_some() => inner.clone(),
                    Some(_) => return Err(format!("key {name:?} is not a map")),
                };
                self.key(&mut inner, depth)?;
                if inner.entries().is_empty() {
                    return Err(format!("key map {name:?} has no value"));
                }
                match target.get_mut(name) {
                    Some(present) => *present = inner,
                    None => put(target, name, inner, at),
                }
                Ok(())
            }
            Some(_) => {
                let value = self.value(name)?;
                put(target, name, value, at);
                Ok(())
            }
        }
    }

    fn index(&mut self) -> Result<usize, String> {
        let part = self.until(&[']']);
        if part.end.is_none() {
            return Err("error parsing index: EOF".to_string());
        }
        let index: i64 = part
            .text
            .parse()
            .map_err(|_| format!("{:?} is not the index of a list", part.text))?;
        match usize::try_from(index) {
            Err(_) => Err(format!("negative {index} index not allowed")),
            Ok(index) if index > LARGEST_INDEX => Err(format!(
                "index of {index} is greater than maximum supported index of {LARGEST_INDEX}"
            )),
            Ok(index) => Ok(index),
        }
    }

    fn item(&mut self, list: &mut Vec<Node>, index: usize, depth: usize) -> Result<(), String> {
        let part = self.until(&['[', '.', '=']);
        let at = self.origin(part.bytes.clone());
        if !part.text.is_empty() {
            return Err(format!(
                "unexpected data at end of array index: {:?}",
                part.text
            ));
        }
        let value = match part.end {
            None => return Err("EOF".to_string()),
            Some('=') => self.value("")?,
            Some('[') if depth < DEEPEST => {
                let next = self.index()?;
                let mut inner = match list.get(index) {
                    Some(Node {
                        data: Data::List(inner),
                        ..
                    }) => inner.items.clone(),
                    Some(other) if !other.is_null() => {
                        return Err(format!("item {index} is not a list"));
                    }
                    _ => Vec::new(),
                };
                self.item(&mut inner, next, depth + 1)?;
                Node::list(inner, at)
            }
            Some('[') => return Err(format!("a name may have at most {DEEPEST} levels")),
            Some(_) => {
                let known = list.get(index).filter(|item| item.as_map().is_some());
                let mut inner = known.cloned().unwrap_or_else(|| Node::map(Vec::new(), at));
                self.key(&mut inner, depth)?;
                inner
            }
        };
        self.put_item(list, index, value, at)
    }

    fn put_item(
        &mut self,
        list: &mut Vec<Node>,
        index: usize,
        value: Node,
        at: Origin,
    ) -> Result<(), String> {
        if list.len() <= index {
            self.items += index + 1 - list.len();
            if self.items > MOST_ITEMS {
                return Err("the lists in it are too long".to_string());
            }
            list.resize(index + 1, Node::scalar(Scalar::null(), at));
        }
        if let Some(item) = list.get_mut(index) {
            let replaced = std::mem::replace(item, value);
            if !replaced.is_null() && item.as_scalar().is_some() {
                super::merge::underlay(item, &replaced);
            }
        }
        Ok(())
    }

    /// The value behind `=`, up to the next comma.
    fn value(&mut self, key: &str) -> Result<Node, String> {
        if let Mode::Json = self.mode {
            return self.json();
        }
        if self.peek() == Some('{') {
            return self.list();
        }
        let part = self.until(&[',']);
        _ = key;
        self.scalar(&part)
    }

    fn list(&mut self) -> Result<Node, String> {
        let start = self.at;
        self.next();
        let mut items = Vec::new();
        loop {
            let part = self.until(&[',', '}']);
            match part.end {
                None => return Err("list must terminate with '}'".to_string()),
                Some('}') => {
                    items.push(self.scalar(&part)?);
                    let end = self.at;
                    if self.peek() == Some(',') {
                        self.next();
                    }
                    return Ok(Node::list(items, self.origin(start..end)));
                }
                Some(_) => items.push(self.scalar(&part)?),
            }
        }
    }

    fn scalar(&self, part: &Part) -> Result<Node, String> {
        let scalar = match self.mode {
            Mode::Typed => typed(&part.text),
            Mode::File(read) => Scalar::string(read(&part.text)?),
            Mode::Text | Mode::Json => Scalar::string(part.text.as_str()),
        };
        Ok(Node::scalar(scalar, self.origin(part.bytes.clone())))
    }

    /// The JSON behind `=`. Several assignments can follow each other with a comma.
    fn json(&mut self) -> Result<Node, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let skipped = rest.len() - rest.trim_start().len();
        let start = self.at + skipped;
        let rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with(',') {
            self.at = start + rest.starts_with(',') as usize;
            return Ok(Node::scalar(Scalar::null(), self.origin(start..start)));
        }
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        stream
            .next()
            .ok_or_else(|| "it is not JSON".to_string())?
            .map_err(|error| format!("it is not JSON: {error}"))?;
        let end = start + stream.byte_offset();
        let written = self.text.get(start..end).unwrap_or_default();
        let at = self.origin(start..end);
        let read = read_as(written, at.file, Dialect::Json)
            .map_err(|error| format!("it is not JSON: {}", error.message))?;
        let mut node = read
            .documents
            .into_iter()
            .next()
            .unwrap_or_else(|| Node::scalar(Scalar::null(), at));
        place_all(&mut node, at);
        self.at = end;
        let behind = self.text.get(end..).unwrap_or_default();
        let blank = behind.len() - behind.trim_start().len();
        if behind.trim_start().starts_with(',') || behind.trim_start().is_empty() {
            self.at = (end + blank + 1).min(self.text.len());
        }
        Ok(node)
    }
}

/// Sets a key. Keys without a name are passed over, as in Helm.
fn put(target: &mut Node, key: &str, value: Node, at: Origin) {
    if key.is_empty() {
        return;
    }
    match target.get_mut(key) {
        Some(present) => {
            let replaced = std::mem::replace(present, value);
            if present.as_scalar().is_some() {
                super::merge::underlay(present, &replaced);
            }
        }
        None => target.set(key, value, at),
    }
}

/// A boolean, null or integer where the text is one; otherwise the text. `0755` is a text.
fn typed(text: &str) -> Scalar {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return Scalar::bool(is("true"));
    }
    if is("null") {
        return Scalar::null();
    }
    let number = (text == "0" || !text.starts_with('0')).then(|| text.parse::<i64>().ok());
    match number.flatten() {
        // an integer that is not written plain is an `int64` for templates, unlike one of a file
        Some(number) => Scalar {
            kind: Kind::Int,
            ..Scalar::string(number.to_string())
        },
        None => Scalar::string(text),
    }
}

/// Gives every key and value of a tree one place.
fn place_all(node: &mut Node, at: Origin) {
    node.origin = at;
    if let Some(map) = node.map_mut() {
        for entry in &mut map.entries {
            entry.key_origin = at;
            place_all(&mut entry.value, at);
        }
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(|item| place_all(item, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, write};
    use serde_json::json;

    fn made(arguments: &[&str], mode: &Mode<'_>) -> Result<serde_json::Value, String> {
        let origin = Origin::start_of(FileId(0));
        let mut values = Node::map(Vec::new(), origin);
        for argument in arguments {
            set(&mut values, argument, mode, &|_| origin)?;
        }
        Ok(write::to_json(&values))
    }

    #[test]
    fn arguments_are_read_as_helm_reads_them() {
        for (argument, expected) in [
            ("a=1,b=true,c=x", json!({"a": 1, "b": true, "c": "x"})),
            ("a.b.c=0755", json!({"a": {"b": {"c": "0755"}}})),
            ("a=", json!({"a": ""})),
            ("a=null,b=NULL", json!({"a": null, "b": null})),
            ("a=1.5,b=0,c=-3", json!({"a": "1.5", "b": 0, "c": -3})),
            ("l[1]=x", json!({"l": [null, "x"]})),
            (
                "l[0].name=a,l[0].value=b",
                json!({"l": [{"name": "a", "value": "b"}]}),
            ),
            ("l={a,1,true}", json!({"l": ["a", 1, true]})),
            ("l[0][1]=x", json!({"l": [[null, "x"]]})),
            ("a\\.b=x\\,y", json!({"a.b": "x,y"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("l={},m=1", json!({"l": [""], "m": 1})),
        ] {
            assert_eq!(made(&[argument], &Mode::Typed), Ok(expected), "{argument}");
        }
        let later = made(&["a.b=1,a.c=2", "a.b=3,l[0]=x", "l[1]=y"], &Mode::Typed);
        assert_eq!(later, Ok(json!({"a": {"b": 3, "c": 2}, "l": ["x", "y"]})));
        assert_eq!(made(&["a=1"], &Mode::Text), Ok(json!({"a": "1"})));
    }

    #[test]
    fn mistakes_are_refused() {
        for argument in [
            "a",
            "a,b=1",
            "a.b",
            "a=1,b",
            "l[x]=1",
            "l[-1]=1",
            "l[65537]=1",
            "l[0",
            "l={a",
            "a=1,a.b=2",
            "a=1,a[0]=2",
            "l[0]x=1",
        ] {
            assert!(made(&[argument], &Mode::Typed).is_err(), "{argument}");
        }
        let deep = format!("{}=1", vec!["a"; 40].join("."));
        assert!(made(&[&deep], &Mode::Typed).is_err());
        let wide: Vec<String> = (0..100).map(|at| format!("l[{at}][65536]=1")).collect();
        assert!(made(&[&wide.join(",")], &Mode::Typed).is_err());
    }

    #[test]
    fn json_and_files() {
        let argument = "a={\"b\": [1, {\"c\": null}]},d=\"x,y\",e=";
        let expected = json!({"a": {"b": [1, {"c": null}]}, "d": "x,y", "e": null});
        assert_eq!(made(&[argument], &Mode::Json), Ok(expected));
        assert!(made(&["a={b}"], &Mode::Json).is_err());
        let read = |path: &str| Ok(format!("content of {path}\n"));
        let read = Mode::File(&read);
        assert_eq!(
            made(&["a=x.txt"], &read),
            Ok(json!({"a": "content of x.txt\n"}))
        );
    }
}
