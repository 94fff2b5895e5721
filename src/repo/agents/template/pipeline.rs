//! Pipelines of Go templates: `.path.basename | trimSuffix "-x" | upper`.

use super::functions::call;
use super::{NESTED, Parameters};
use serde_json::Value;

impl Parameters {
    /// `a | b c | d`: each result is the last argument of the next call.
    pub(super) fn pipeline(&self, text: &str) -> Option<Value> {
        if text.matches('(').count() > NESTED {
            return None;
        }
        let mut words = words(text)?.into_iter().peekable();
        let mut result: Option<Value> = None;
        while words.peek().is_some() {
            let call: Vec<Word> = words
                .by_ref()
                .take_while(|word| *word != Word::Pipe)
                .collect();
            result = Some(self.call(&call, result)?);
        }
        result
    }

    pub(super) fn call(&self, words: &[Word], last: Option<Value>) -> Option<Value> {
        let (first, rest) = words.split_first()?;
        let Word::Name(function) = first else {
            return if rest.is_empty() && last.is_none() {
                self.operand(first)
            } else {
                None
            };
        };
        if rest.is_empty() && last.is_none() {
            return match function.as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "nil" => Some(Value::Null),
                number => number.parse::<i64>().ok().map(Value::from),
            };
        }
        let mut arguments = rest
            .iter()
            .map(|word| self.operand(word))
            .collect::<Option<Vec<Value>>>()?;
        arguments.extend(last);
        call(function, &arguments)
    }

    pub(super) fn operand(&self, word: &Word) -> Option<Value> {
        match word {
            Word::Text(text) => Some(Value::String(text.clone())),
            Word::Field(path) => self.field(path),
            Word::Inner(text) => self.pipeline(text),
            Word::Name(_) => self.call(std::slice::from_ref(word), None),
            Word::Pipe => None,
        }
    }

    /// The value of `.a.b`; null if there is none, `None` if only a cluster knows it.
    pub(super) fn field(&self, path: &str) -> Option<Value> {
        let mut at: Option<&Value> = None;
        for (index, key) in path.split('.').filter(|key| !key.is_empty()).enumerate() {
            let next = match at {
                None if index == 0 => self.values.get(key),
                Some(value) => value.get(key),
                None => None,
            };
            match next {
                Some(value) => at = Some(value),
                None if self.open => return None,
                None => return Some(Value::Null),
            }
        }
        match at {
            Some(value) => Some(value.clone()),
            None => (!self.open).then(|| Value::Object(self.values.clone())),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Word {
    Text(String),
    Field(String),
    Name(String),
    /// The text in parentheses.
    Inner(String),
    Pipe,
}

pub(super) fn words(text: &str) -> Option<Vec<Word>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '|' => (Word::Pipe, 1),
            '"' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, character)| {
                    let end = *character == '"' && !escaped;
                    escaped = *character == '\\' && !escaped;
                    end
                })?;
                (
                    Word::Text(serde_json::from_str(rest.get(..=end.0)?).ok()?),
                    end.0 + 1,
                )
            }
            '`' => {
                let end = rest.get(1..)?.find('`')?;
                (Word::Text(rest.get(1..=end)?.to_string()), end + 2)
            }
            '(' => {
                let mut depth = 0;
                let end = rest.char_indices().find(|(_, character)| {
                    depth += i32::from(*character == '(') - i32::from(*character == ')');
                    depth == 0
                })?;
                (Word::Inner(rest.get(1..end.0)?.to_string()), end.0 + 1)
            }
            _ => {
                let end = rest
                    .find(|character: char| {
                        character.is_whitespace() || matches!(character, '|' | '(' | ')')
                    })
                    .unwrap_or(rest.len());
                let word = rest.get(..end)?;
                (
                    if first == '.' {
                        Word::Field(word.to_string())
                    } else {
                        Word::Name(word.to_string())
                    },
                    end,
                )
            }
        };
        if length == 0 {
            return None;
        }
        found.push(word);
        rest = rest.get(length..)?.trim_start();
    }
    Some(found)
}
