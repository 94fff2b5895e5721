//! Templates of ApplicationSets: `{{key}}` (fasttemplate), or Go templates with the functions of
//! Sprig that name things.
//!
//! Here: one text and its parameters. What is not understood leaves the text as written, so that
//! nothing is guessed; whoever uses the text must look for `{{`.

use serde_json::{Map, Value};

/// Parentheses and conditions within each other.
const NESTED: usize = 16;
/// Bytes by which parameters may lengthen a text. Names and paths are shorter by far; a text that
/// says one parameter ten thousand times stays as written.
const GROWTH: usize = 64 << 10;

/// The parameters of one Application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// The values; nested for Go templates, by dotted keys otherwise.
    pub values: Map<String, Value>,
    /// Whether there are more, which only a cluster or server knows.
    pub open: bool,
    /// Whether texts are Go templates.
    pub go: bool,
}

impl Parameters {
    /// A text with its parameters filled in.
    pub fn fill(&self, text: &str) -> String {
        if !text.contains("{{") {
            return text.to_string();
        }
        let filled = if self.go {
            // Go prints a missing value as <no value>; with unknown parameters it need not be
            // missing
            let limit = text.len() + GROWTH;
            tokens(text).and_then(|tokens| {
                Evaluation {
                    parameters: self,
                    tokens: &tokens,
                    at: 0,
                    limit,
                }
                .all()
            })
        } else {
            self.fill_tags(text)
        };
        filled.unwrap_or_else(|| text.to_string())
    }

    /// `None` when the text becomes too long.
    fn fill_tags(&self, text: &str) -> Option<String> {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, tail)) = rest.split_once("{{") {
            let Some((tag, after)) = tail.split_once("}}") else {
                break;
            };
            out.push_str(before);
            match self.values.get(tag.trim()).and_then(printed) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("{{{{{tag}}}}}")),
            }
            if out.len() > text.len() + GROWTH {
                return None;
            }
            rest = after;
        }
        Some(out + rest)
    }
}

/// A value as text; `None` for maps, lists and null.
pub fn printed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// What a name may hold in Kubernetes: lower case, `-` for everything else, none of it at the ends.
pub fn normalized(name: &str) -> String {
    let allowed = |character: char| {
        character.is_ascii_lowercase()
            || character.is_ascii_digit()
            || matches!(character, '-' | '.')
    };
    let name: String = name
        .to_lowercase()
        .chars()
        .map(|character| if allowed(character) { character } else { '-' })
        .take(253)
        .collect();
    name.trim_matches(['-', '.']).to_string()
}

#[derive(Debug, PartialEq)]
enum Token {
    Text(String),
    If(String),
    ElseIf(String),
    Else,
    End,
    Pipeline(String),
}

/// Text and actions; `{{-` and `-}}` trim. `None` for actions that are not understood.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let (mut found, mut rest, mut trim) = (Vec::new(), text, false);
    loop {
        let Some((before, tail)) = rest.split_once("{{") else {
            found.push(Token::Text(
                if trim { rest.trim_start() } else { rest }.to_string(),
            ));
            return Some(found);
        };
        let (mut before, mut tail) = (if trim { before.trim_start() } else { before }, tail);
        if let Some(behind) = tail
            .strip_prefix('-')
            .filter(|behind| behind.starts_with(char::is_whitespace))
        {
            (before, tail) = (before.trim_end(), behind);
        }
        found.push(Token::Text(before.to_string()));
        let (action, after) = tail.split_once("}}")?;
        let trimmed = action
            .strip_suffix('-')
            .filter(|action| action.ends_with(char::is_whitespace));
        trim = trimmed.is_some();
        let action = trimmed.unwrap_or(action).trim();
        let (word, operand) = action
            .split_once(char::is_whitespace)
            .map_or((action, ""), |(word, operand)| (word, operand.trim()));
        found.push(match word {
            "if" => Token::If(operand.to_string()),
            "else" if operand.is_empty() => Token::Else,
            "else" => Token::ElseIf(operand.strip_prefix("if")?.trim().to_string()),
            "end" => Token::End,
            "range" | "with" | "define" | "template" | "block" | "break" | "continue" | "" => {
                return None;
            }
            _ if word.starts_with('$') => return None,
            _ if word.starts_with("/*") => Token::Text(String::new()),
            _ => Token::Pipeline(action.to_string()),
        });
        rest = after;
    }
}

struct Evaluation<'t> {
    parameters: &'t Parameters,
    tokens: &'t [Token],
    at: usize,
    /// How long the text may become.
    limit: usize,
}

impl Evaluation<'_> {
    fn all(mut self) -> Option<String> {
        let text = self.block(true, 0)?;
        (self.at == self.tokens.len()).then_some(text)
    }

    /// Everything up to the `else` or `end` of this block; nothing of it counts unless `live`.
    fn block(&mut self, live: bool, depth: usize) -> Option<String> {
        let mut out = String::new();
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Text(text) => {
                    if live {
                        out.push_str(text);
                    }
                    self.at += 1;
                }
                Token::Pipeline(text) => {
                    if live {
                        let value = self.parameters.pipeline(text)?;
                        out.push_str(&if value.is_null() {
                            "<no value>".to_string()
                        } else {
                            printed(&value)?
                        });
                    }
                    self.at += 1;
                }
                Token::If(condition) => {
                    if depth > NESTED {
                        return None;
                    }
                    out.push_str(&self.branches(condition, live, depth)?);
                }
                Token::Else | Token::ElseIf(_) | Token::End => break,
            }
            if out.len() > self.limit {
                return None;
            }
        }
        Some(out)
    }

    fn branches(&mut self, condition: &str, live: bool, depth: usize) -> Option<String> {
        let mut taken = live && is_true(&self.parameters.pipeline(condition)?);
        let mut done = taken;
        let mut out = String::new();
        loop {
            self.at += 1;
            let text = self.block(taken, depth + 1)?;
            if taken {
                out = text;
            }
            match self.tokens.get(self.at)? {
                Token::ElseIf(condition) => {
                    taken = live && !done && is_true(&self.parameters.pipeline(condition)?)
                }
                Token::Else => taken = live && !done,
                _ => {
                    self.at += 1;
                    return Some(out);
                }
            }
            done |= taken;
        }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

impl Parameters {
    /// `a | b c | d`: each result is the last argument of the next call.
    fn pipeline(&self, text: &str) -> Option<Value> {
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

    fn call(&self, words: &[Word], last: Option<Value>) -> Option<Value> {
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

    fn operand(&self, word: &Word) -> Option<Value> {
        match word {
            Word::Text(text) => Some(Value::String(text.clone())),
            Word::Field(path) => self.field(path),
            Word::Inner(text) => self.pipeline(text),
            Word::Name(_) => self.call(std::slice::from_ref(word), None),
            Word::Pipe => None,
        }
    }

    /// `.a.b`; null where there is none, nothing where that is not known.
    fn field(&self, path: &str) -> Option<Value> {
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
enum Word {
    Text(String),
    Field(String),
    Name(String),
    /// What stands in parentheses.
    Inner(String),
    Pipe,
}

fn words(text: &str) -> Option<Vec<Word>> {
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

/// The functions of Go templates and Sprig that occur in names and paths. `None` for all others.
fn call(function: &str, arguments: &[Value]) -> Option<Value> {
    let text = |at: usize| arguments.get(at).and_then(printed);
    let last = || arguments.last().and_then(printed);
    let list = |value: &Value| value.as_array().cloned();
    let count = arguments.len();
    Some(match (function, count) {
        ("index" | "get", 2..) => {
            let mut at = arguments.first()?;
            for key in arguments.get(1..)? {
                at = match key {
                    Value::Number(index) => at.get(usize::try_from(index.as_u64()?).ok()?)?,
                    key => at.get(key.as_str()?).unwrap_or(&Value::Null),
                };
            }
            at.clone()
        }
        ("eq", 2..) => arguments
            .get(1..)?
            .iter()
            .any(|other| Some(other) == arguments.first())
            .into(),
        ("ne", 2) => (arguments.first() != arguments.get(1)).into(),
        ("not", 1) => (!is_true(arguments.first()?)).into(),
        ("and", 1..) => arguments
            .iter()
            .find(|value| !is_true(value))
            .or(arguments.last())?
            .clone(),
        ("or" | "coalesce", 1..) => arguments
            .iter()
            .find(|value| is_true(value))
            .or(arguments.last())?
            .clone(),
        ("default", 2) => arguments
            .iter()
            .rev()
            .find(|value| is_true(value))
            .or(arguments.first())?
            .clone(),
        ("empty", 1) => (!is_true(arguments.first()?)).into(),
        ("ternary", 3) => arguments
            .get(usize::from(!is_true(arguments.get(2)?)))?
            .clone(),
        ("hasKey", 2) => arguments.first()?.get(text(1)?).is_some().into(),
        ("len", 1) => match arguments.first()? {
            Value::Array(items) => items.len().into(),
            Value::Object(entries) => entries.len().into(),
            other => printed(other)?.len().into(),
        },
        ("toString", 1) => last()?.into(),
        ("int", 1) => last()?.parse::<i64>().unwrap_or_default().into(),
        ("quote", 1) => Value::String(last()?).to_string().into(),
        ("squote", 1) => format!("'{}'", last()?).into(),
        ("lower", 1) => last()?.to_lowercase().into(),
        ("upper", 1) => last()?.to_uppercase().into(),
        ("trim", 1) => last()?.trim().into(),
        ("normalize", 1) => normalized(&last()?).into(),
        ("trimPrefix", 2) => last()?
            .strip_prefix(&text(0)?)
            .map_or_else(last, |rest| Some(rest.to_string()))?
            .into(),
        ("trimSuffix", 2) => last()?
            .strip_suffix(&text(0)?)
            .map_or_else(last, |rest| Some(rest.to_string()))?
            .into(),
        ("hasPrefix", 2) => last()?.starts_with(&text(0)?).into(),
        ("hasSuffix", 2) => last()?.ends_with(&text(0)?).into(),
        ("contains", 2) => last()?.contains(&text(0)?).into(),
        ("replace", 3) => last()?.replace(&text(0)?, &text(1)?).into(),
        ("trunc", 2) => {
            let (text, width) = (last()?, arguments.first()?.as_i64()?);
            let size = text.chars().count();
            let width = usize::try_from(width.unsigned_abs()).ok()?.min(size);
            let skipped = if arguments.first()?.as_i64()? < 0 {
                size - width
            } else {
                0
            };
            text.chars()
                .skip(skipped)
                .take(width)
                .collect::<String>()
                .into()
        }
        ("base", 1) => last()?.rsplit('/').next()?.into(),
        ("dir", 1) => last()?
            .rsplit_once('/')
            .map_or(".".to_string(), |(folder, _)| folder.to_string())
            .into(),
        ("first", 1) => list(arguments.first()?)?.first()?.clone(),
        ("last", 1) => list(arguments.first()?)?.last()?.clone(),
        ("splitList", 2) => last()?
            .split(&text(0)?)
            .map(Value::from)
            .collect::<Vec<_>>()
            .into(),
        ("join", 2) => list(arguments.get(1)?)?
            .iter()
            .map(printed)
            .collect::<Option<Vec<_>>>()?
            .join(&text(0)?)
            .into(),
        ("printf", 1..) => {
            let (format, mut values) = (text(0)?, arguments.iter().skip(1));
            let (mut out, mut characters) = (String::new(), format.chars());
            while let Some(character) = characters.next() {
                match character {
                    '%' => match characters.next()? {
                        '%' => out.push('%'),
                        's' | 'd' | 'v' => out.push_str(&printed(values.next()?)?),
                        _ => return None,
                    },
                    other => out.push(other),
                }
            }
            out.into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parameters(go: bool, open: bool, values: Value) -> Parameters {
        Parameters {
            values: values.as_object().cloned().unwrap(),
            open,
            go,
        }
    }

    #[test]
    fn tags_are_replaced_by_name() {
        let parameters = parameters(
            false,
            false,
            json!({"env": "staging", "path.basename": "api", "path[1]": "web"}),
        );
        assert_eq!(
            parameters.fill("{{path.basename}}-{{ env }}/{{path[1]}}"),
            "api-staging/web"
        );
        assert_eq!(
            parameters.fill("{{cluster}}-{{env}} {{"),
            "{{cluster}}-staging {{"
        );
    }

    #[test]
    fn texts_do_not_grow_without_bound() {
        let values = json!({"a": "x".repeat(1 << 10)});
        for (go, tag) in [(false, "{{a}}"), (true, "{{ .a }}")] {
            let parameters = parameters(go, false, values.clone());
            assert_eq!(parameters.fill(&tag.repeat(8)).len(), 8 << 10);
            let long = tag.repeat(1 << 10);
            assert_eq!(parameters.fill(&long), long);
        }
    }

    #[test]
    fn go_templates() {
        let parameters = parameters(
            true,
            false,
            json!({"env": "Prod_EU", "count": 3, "path": {"path": "apps/api", "basename": "api", "segments": ["apps", "api"]}, "on": true}),
        );
        for (text, expected) in [
            ("{{.path.basename}}-{{ .env | lower }}", "api-prod_eu"),
            ("{{index .path.segments 1}}/{{ .count }}", "api/3"),
            ("{{ .env | normalize | trunc 4 }}", "prod"),
            ("{{ printf \"%s-%d\" .path.basename .count }}", "api-3"),
            (
                "{{ .none | default \"x\" }}{{ default \"y\" .env }}",
                "xProd_EU",
            ),
            (
                "{{if eq .env \"Prod_EU\"}}p{{else if .on}}o{{else}}s{{end}}",
                "p",
            ),
            ("{{ if and .on (not .none) -}}  yes {{- end }}", "yes"),
            (
                "{{ (splitList \"/\" .path.path) | last }}{{ trimPrefix \"apps/\" .path.path }}",
                "apiapi",
            ),
            ("{{ replace \"_\" \"-\" .env }}", "Prod-EU"),
            ("{{.none}}", "<no value>"),
        ] {
            assert_eq!(parameters.fill(text), expected, "{text}");
        }
        // what is not understood is left alone as a whole
        for text in [
            "{{ range .path.segments }}{{ . }}{{ end }}",
            "{{ $x := 1 }}",
            "{{ sha256sum .env }}",
            "{{ .env",
            "{{ .env | }}{{ .path }}",
        ] {
            assert_eq!(parameters.fill(text), text, "{text}");
        }
    }

    #[test]
    fn unknown_parameters_are_not_missing() {
        let parameters = parameters(true, true, json!({"app": "api"}));
        assert_eq!(parameters.fill("{{ .app }}"), "api");
        assert_eq!(
            parameters.fill("{{ .app }}-{{ .name }}"),
            "{{ .app }}-{{ .name }}"
        );
        assert_eq!(
            parameters.fill("{{ default \"x\" .name }}"),
            "{{ default \"x\" .name }}"
        );
    }

    #[test]
    fn names_are_normalized() {
        assert_eq!(normalized("_My App.v1-"), "my-app.v1");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "(\\{\\{|\\}\\}|[|().\"`-]| |if|else|end|index|printf|trunc|[.]path|[.]env|%s|-?[0-9]|é){0,40}") {
            for (go, open) in [(true, true), (true, false), (false, false)] {
                let _ = parameters(go, open, json!({"env": "x", "path": {"segments": ["a", "é"]}})).fill(&text);
            }
        }
    }
}
