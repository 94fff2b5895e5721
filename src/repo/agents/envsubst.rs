//! The language in which Flux writes variables into texts (`github.com/fluxcd/pkg/envsubst`,
//! release 1.x): `${NAME}`, defaults, substrings, replacements, trimming, upper and lower case,
//! `$$` for a dollar.
//!
//! Here: one text and its variables. Not here: where variables come from and which texts have them
//! (`substitute`).

use crate::yaml::Origin;

/// What is known of a variable.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Its value, and where it stands.
    Known(&'a str, Origin),
    /// It may have a value that only the cluster knows.
    Unknown,
    /// It has none.
    Unset,
}

/// A text with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// The text. Expressions that need a variable of unknown value stay as written.
    pub text: String,
    /// Where the value of the first variable stands.
    pub origin: Option<Origin>,
}

/// Functions within each other.
const DEPTH: usize = 64;

/// Fills in variables.
///
/// # Errors
///
/// Why Flux cannot read the text, or that it becomes longer than `limit` bytes: one clause, lower
/// case. Flux then applies nothing of the whole Kustomization.
pub fn evaluate<'v>(
    text: &str,
    limit: usize,
    lookup: &dyn Fn(&str) -> Value<'v>,
) -> Result<Evaluated, &'static str> {
    let mut scanner = Scanner {
        text,
        at: 0,
        depth: 0,
    };
    let mut result = Evaluated::default();
    loop {
        let plain = scanner.plain();
        result.text.push_str(&plain);
        if scanner.at == text.len() {
            return Ok(result);
        }
        let start = scanner.at;
        scanner.at += 2;
        let call = scanner.call()?;
        match call.value(lookup, &mut result.origin)? {
            Some(value) => result.text.push_str(&value),
            None => result
                .text
                .push_str(text.get(start..scanner.at).unwrap_or_default()),
        }
        if result.text.len() > limit {
            return Err(LONG);
        }
    }
}

/// A call: `${param name args}`.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    parameter: String,
    function: String,
    arguments: Vec<Argument>,
}

#[derive(Debug, PartialEq, Eq)]
enum Argument {
    Text(String),
    Call(Call),
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

const CLOSING: &str = "a closing brace is missing";
const NAME: &str = "a variable has no name";
const FUNCTION: &str = "a function has no argument";
const BAD: &str = "invalid substitution syntax";
const LONG: &str = "the result is too large for a cluster";

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    fn eat(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        self.at += if there { text.len() } else { 0 };
        there
    }
    /// What `accept` takes, at most `limit` characters.
    fn take(&mut self, limit: usize, accept: impl Fn(char) -> bool) -> String {
        let taken: String = self
            .rest()
            .chars()
            .take(limit)
            .take_while(|character| accept(*character))
            .collect();
        self.at += taken.len();
        taken
    }
    /// Text up to the next call; `$$` is one dollar.
    fn plain(&mut self) -> String {
        let mut out = String::new();
        while !self.rest().starts_with("${") {
            let Some(character) = self.peek() else { break };
            self.at += if self.rest().starts_with("$$") {
                2
            } else {
                character.len_utf8()
            };
            out.push(character);
        }
        out
    }
    /// An argument: a call, or text that `accept` takes up to the next call. `escapes` are those of
    /// patterns.
    fn argument(
        &mut self,
        escapes: bool,
        accept: impl Fn(char) -> bool,
    ) -> Result<Argument, &'static str> {
        if self.eat("${") {
            return self.call().map(Argument::Call);
        }
        let mut out = String::new();
        while let Some(character) = self.peek().filter(|_| !self.rest().starts_with("${")) {
            if let Some(escaped) = [r"\/", r"\\", "$$"]
                .iter()
                .find(|escaped| escapes && self.rest().starts_with(**escaped))
            {
                out.push_str(&escaped[1..]);
                self.at += escaped.len();
            } else if accept(character) {
                out.push(character);
                self.at += character.len_utf8();
            } else {
                break;
            }
        }
        if out.is_empty() {
            Err(FUNCTION)
        } else {
            Ok(Argument::Text(out))
        }
    }

    /// What stands behind `${`, with the closing brace.
    fn call(&mut self) -> Result<Call, &'static str> {
        self.depth += 1;
        let call = if self.depth > DEPTH {
            Err("functions are nested too deeply")
        } else {
            self.inner_call()
        };
        self.depth -= 1;
        call
    }

    fn inner_call(&mut self) -> Result<Call, &'static str> {
        let letter = |character: char| character.is_alphanumeric() || character == '_';
        let open = |character: char| character != '}';
        if self.eat("#") {
            let parameter = self.take(usize::MAX, letter);
            return if parameter.is_empty() {
                Err(BAD)
            } else {
                self.close(parameter, "#", Vec::new(), BAD)
            };
        }
        let parameter = self.take(usize::MAX, letter);
        if parameter.is_empty() {
            return Err(NAME);
        }
        let mut arguments = Vec::new();
        let second = self.rest().chars().nth(1);
        let function = match self.peek() {
            Some(':') if matches!(second, Some('=' | '-' | '?' | '+')) => self.take(2, |_| true),
            Some('=') => self.take(1, |_| true),
            Some(':') => {
                let function = self.take(1, |_| true);
                arguments.push(self.argument(false, |character| !matches!(character, ':' | '}'))?);
                if !self
                    .take(usize::MAX, |character| character == ':')
                    .is_empty()
                {
                    arguments.push(self.argument(false, open)?);
                }
                return self.close(parameter, &function, arguments, BAD);
            }
            Some(',' | '^') => {
                let function = self.take(2, |character| matches!(character, ',' | '^'));
                return self.close(parameter, &function, arguments, BAD);
            }
            Some(sign @ ('#' | '%')) => {
                let function = self.take(2, |character| character == sign);
                arguments.push(self.argument(false, open)?);
                return self.close(parameter, &function, arguments, BAD);
            }
            Some('/') => {
                let width = if matches!(second, Some('/' | '#' | '%')) {
                    2
                } else {
                    1
                };
                let function = self.take(width, |_| true);
                arguments.push(self.argument(true, |character| character != '/')?);
                if self
                    .take(usize::MAX, |character| character == '/')
                    .is_empty()
                {
                    return Err(BAD);
                }
                if self.peek() != Some('}') {
                    arguments.push(self.argument(true, open)?);
                }
                return self.close(parameter, &function, arguments, BAD);
            }
            _ => return self.close(parameter, "", arguments, CLOSING),
        };
        while self.peek() != Some('}') {
            arguments.push(self.argument(false, open)?);
        }
        self.close(parameter, &function, arguments, BAD)
    }

    fn close(
        &mut self,
        parameter: String,
        function: &str,
        arguments: Vec<Argument>,
        error: &'static str,
    ) -> Result<Call, &'static str> {
        let function = function.to_string();
        if self.eat("}") {
            Ok(Call {
                parameter,
                function,
                arguments,
            })
        } else {
            Err(error)
        }
    }
}

impl Call {
    /// The value; `None` when it depends on a variable of unknown value.
    fn value<'v>(
        &self,
        lookup: &dyn Fn(&str) -> Value<'v>,
        origin: &mut Option<Origin>,
    ) -> Result<Option<String>, &'static str> {
        let value = match lookup(&self.parameter) {
            Value::Known(value, place) => {
                *origin = origin.or(Some(place));
                value
            }
            Value::Unknown => return Ok(None),
            Value::Unset => "",
        };
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            match argument {
                Argument::Text(text) => arguments.push(text.clone()),
                Argument::Call(call) => match call.value(lookup, origin)? {
                    Some(value) => arguments.push(value),
                    // a default that is not needed need not be known
                    None if self.is_default() && !value.is_empty() => {}
                    None => return Ok(None),
                },
            }
        }
        let (first, second) = (
            arguments.first().map_or("", String::as_str),
            arguments.get(1).map(String::as_str),
        );
        Ok(Some(match self.function.as_str() {
            "," => change_first(value, |first| first.to_lowercase().collect()),
            ",," => value.to_lowercase(),
            "^" => change_first(value, |first| first.to_uppercase().collect()),
            "^^" => value.to_uppercase(),
            "#" if arguments.is_empty() => value.len().to_string(),
            "#" => trim(value, first, false, false),
            "##" => trim(value, first, true, false),
            "%" => trim(value, first, false, true),
            "%%" => trim(value, first, true, true),
            ":" => substring(value, first, second)?,
            "/" => value.replacen(first, second.unwrap_or_default(), 1),
            "//" => value.replace(first, second.unwrap_or_default()),
            "/#" => match (value.strip_prefix(first), second) {
                (Some(rest), Some(new)) => format!("{new}{rest}"),
                _ => value.to_string(),
            },
            "/%" => match (value.strip_suffix(first), second) {
                (Some(rest), Some(new)) => format!("{rest}{new}"),
                _ => value.to_string(),
            },
            // all that give a default do the same in Flux, `:?` and `:+` included
            _ if value.is_empty() => arguments.concat(),
            _ => value.to_string(),
        }))
    }

    fn is_default(&self) -> bool {
        self.function.is_empty() || self.function.ends_with(['=', '-', '?', '+'])
    }
}

fn change_first(value: &str, change: impl Fn(char) -> String) -> String {
    let mut characters = value.chars();
    characters
        .next()
        .map_or(String::new(), |first| change(first) + characters.as_str())
}

/// `${name:position:length}` in bytes; a negative position counts from the end.
fn substring(value: &str, position: &str, length: Option<&str>) -> Result<String, &'static str> {
    const CUT: &str = "the substring splits a character or has a negative length";
    let size = value.len() as i64;
    let Ok(position) = position.parse::<i64>() else {
        return Ok(value.to_string());
    };
    let start = if position < 0 {
        (size + position).max(0)
    } else {
        position.min(size)
    };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Ok(length)) => start.saturating_add(length).min(size),
        Some(Err(_)) => return Ok(value.to_string()),
    };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range
        .and_then(|(start, end)| value.get(start..end))
        .map(str::to_string)
        .ok_or(CUT)
}

/// Takes away the shortest or longest start (or end) that a pattern matches.
fn trim(value: &str, pattern: &str, longest: bool, from_end: bool) -> String {
    let turn = |text: &str| -> Vec<char> {
        if from_end {
            text.chars().rev().collect()
        } else {
            text.chars().collect()
        }
    };
    // patterns are turned around with the text, as Flux does
    let (text, pattern) = (turn(value), turn(pattern));
    let mut lengths: Box<dyn Iterator<Item = usize>> = if longest {
        Box::new((1..=text.len()).rev())
    } else {
        Box::new(1..=text.len())
    };
    let Some(length) = lengths.find(|length| {
        text.get(..*length)
            .is_some_and(|head| matches(&pattern, head))
    }) else {
        return value.to_string();
    };
    let rest = text.get(length..).unwrap_or_default().iter();
    if from_end {
        rest.rev().collect()
    } else {
        rest.collect()
    }
}

/// Shell patterns: `*`, `?`, `[a-z]`, `[^a-z]`, `\` before a character. A pattern that cannot be
/// read matches nothing.
fn matches(pattern: &[char], text: &[char]) -> bool {
    // the usual two pointers: after a mismatch, the last star takes one character more
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() || at < pattern.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, place));
            at += 1;
            continue;
        }
        if let Some(next) = text
            .get(place)
            .and_then(|character| one(pattern, at, *character))
        {
            (at, place) = (next, place + 1);
            continue;
        }
        match star {
            Some((from, taken)) if taken < text.len() => {
                star = Some((from, taken + 1));
                (at, place) = (from + 1, taken + 1);
            }
            _ => return false,
        }
    }
    true
}

/// Where the pattern goes on after it matched one character.
fn one(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&character)).then_some(at + 2),
        '[' => {
            let negated = pattern.get(at + 1) == Some(&'^');
            let mut place = at + 1 + usize::from(negated);
            let (first, mut found) = (place, false);
            let escaped = |place: &mut usize| -> Option<char> {
                *place += usize::from(pattern.get(*place) == Some(&'\\'));
                let character = pattern.get(*place).copied();
                *place += 1;
                character
            };
            while place == first || pattern.get(place) != Some(&']') {
                let low = escaped(&mut place)?;
                let high = if pattern.get(place) == Some(&'-') {
                    place += 1;
                    escaped(&mut place)?
                } else {
                    low
                };
                found |= (low..=high).contains(&character);
            }
            (found != negated).then_some(place + 1)
        }
        other => (*other == character).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{By, FileId};
    use proptest::prelude::*;

    fn filled(text: &str) -> Result<String, &'static str> {
        let place = Origin {
            file: FileId(0),
            start: 0,
            end: 0,
            by: By::Flux,
        };
        let lookup = |name: &str| match name {
            "ONE" => Value::Known("1", place),
            "HOST" => Value::Known("shop.example.org", place),
            "PATH" => Value::Known("/srv/shop/Index", place),
            "EMPTY" => Value::Known("", place),
            "CLUSTER" => Value::Unknown,
            _ => Value::Unset,
        };
        evaluate(text, usize::MAX, &lookup).map(|evaluated| evaluated.text)
    }

    #[test]
    fn variables_and_functions() {
        for (text, expected) in [
            ("https://${HOST}/${ONE}", "https://shop.example.org/1"),
            ("${NONE}", ""),
            ("${NONE:-x}${NONE:=y}${NONE=z}", "xyz"),
            ("${EMPTY:-x}", "x"),
            ("${ONE:-x}", "1"),
            ("${NONE:-a b: c}", "a b: c"),
            ("${NONE:=\"x\"}", "\"x\""),
            ("${NONE:-${HOST}-eu}", "shop.example.org-eu"),
            ("${NONE:=${EMPTY:=${ONE}}}", "1"),
            ("${ONE:+set}${NONE:?unset}", "1unset"),
            ("${#HOST}", "16"),
            ("${HOST^}${HOST^^}", "Shop.example.orgSHOP.EXAMPLE.ORG"),
            ("${PATH,,}", "/srv/shop/index"),
            (
                "${HOST:5}|${HOST:5:7}|${HOST:-1}|${HOST: -3}",
                "example.org|example|shop.example.org|shop.example.org",
            ),
            (
                "${HOST:99}|${HOST:0:99}|${HOST:x}",
                "|shop.example.org|shop.example.org",
            ),
            (
                "${HOST/./-}|${HOST//./-}|${HOST/#shop/web}|${HOST/%org/com}",
                "shop-example.org|shop-example-org|web.example.org|shop.example.com",
            ),
            (
                "${PATH//\\//-}|${HOST/example/}",
                "-srv-shop-Index|shop..org",
            ),
            (
                "${HOST#*.}|${HOST##*.}|${HOST%.*}|${HOST%%.*}",
                "example.org|org|shop.example|shop",
            ),
            (
                "${PATH#*/}|${PATH##*/}|${HOST#[a-s]?o}|${HOST#[^a]}",
                "srv/shop/Index|Index|p.example.org|hop.example.org",
            ),
        ] {
            assert_eq!(filled(text), Ok(expected.to_string()), "{text}");
        }
    }

    #[test]
    fn dollars() {
        for (text, expected) in [
            ("$ONE $(ONE) $", "$ONE $(ONE) $"),
            ("$${ONE}", "${ONE}"),
            ("a$$b", "a$b"),
            ("$$${ONE}", "$1"),
            ("$$$${ONE}", "$${ONE}"),
            ("é${ONE}é", "é1é"),
        ] {
            assert_eq!(filled(text), Ok(expected.to_string()), "{text}");
        }
    }

    #[test]
    fn what_only_the_cluster_knows_stays_as_written() {
        for text in [
            "${CLUSTER}",
            "${CLUSTER:-x}",
            "${CLUSTER//a/b}",
            "${NONE:-${CLUSTER}}",
        ] {
            assert_eq!(
                filled(&format!("{text}-${{ONE}}")),
                Ok(format!("{text}-1")),
                "{text}"
            );
        }
        assert_eq!(filled("${ONE:-${CLUSTER}}"), Ok("1".to_string()));
    }

    #[test]
    fn what_flux_cannot_read() {
        for (text, error) in [
            ("${ONE", CLOSING),
            ("${ONE-x}", CLOSING),
            ("${array[@]}", CLOSING),
            ("${}", NAME),
            ("${@}", NAME),
            ("${ONE:}", FUNCTION),
            ("${ONE:-", FUNCTION),
            ("${ONE/x}", BAD),
            ("${#}", BAD),
        ] {
            assert_eq!(filled(text), Err(error), "{text}");
        }
        assert_eq!(
            filled(&"${NONE:-".repeat(10_000)),
            Err("functions are nested too deeply")
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "([$]|[{}]|[:/#%^,=+?*-]|\\[|\\]|\\\\|ONE|HOST|EMPTY|CLUSTER|é|[0-9]|\"| ){0,40}") {
            let _ = filled(&text);
        }

        #[test]
        fn text_without_dollars_stays(text in "[^$]{0,40}") {
            prop_assert_eq!(filled(&text), Ok(text));
        }
    }
}
