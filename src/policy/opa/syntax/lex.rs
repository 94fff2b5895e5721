//! Tokens of Rego.

use super::{Comment, Span, SyntaxError};

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    String(String),
    /// The parts of a template string: texts, and the source of expressions with their spans.
    Template(Vec<TemplatePart>),
    Symbol(&'static str),
    End,
}

/// A part of a template string.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TemplatePart {
    Text(String),
    Expr(Span),
}

/// A token, its place, and whether a space or newline is before it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: Span,
    pub(super) after_space: bool,
    pub(super) after_newline: bool,
}

/// Longest first, so that `:=` is not read as `:`.
const SYMBOLS: [&str; 24] = [
    ":=", "==", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "(", ")", "[",
    "]", "{", "}", ",", ":", ";",
];

/// Splits a range of a text into tokens and comments.
pub(super) fn tokens(text: &str, within: Span) -> Result<(Vec<Placed>, Vec<Comment>), SyntaxError> {
    let mut lexer = Lexer {
        text,
        at: within.start as usize,
        end: within.end as usize,
        line: within.line,
        comments: Vec::new(),
    };
    let mut result = Vec::new();
    loop {
        let (after_space, after_newline) = lexer.skip_blanks();
        let start = lexer.at;
        let line = lexer.line;
        let token = lexer.token()?;
        let is_end = token == Token::End;
        result.push(Placed {
            token,
            at: Span {
                start: start as u32,
                end: lexer.at as u32,
                line,
            },
            after_space,
            after_newline,
        });
        if is_end {
            return Ok((result, lexer.comments));
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    end: usize,
    line: u32,
    comments: Vec<Comment>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn span_from(&self, start: usize, line: u32) -> Span {
        Span {
            start: start as u32,
            end: self.at as u32,
            line,
        }
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            at: self.span_from(self.at, self.line),
            message: message.into(),
        })
    }

    /// Skips spaces and comments. Tells whether there were any, and whether a newline was among
    /// them.
    fn skip_blanks(&mut self) -> (bool, bool) {
        let (start, line) = (self.at, self.line);
        loop {
            let rest = self.rest();
            match rest.bytes().next() {
                Some(b'\n') => {
                    self.line += 1;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'#') => {
                    let length = rest.find('\n').unwrap_or(rest.len());
                    let text = rest[1..length].trim_end_matches('\r').to_string();
                    let start = self.at;
                    self.at += length;
                    let at = self.span_from(start, self.line);
                    self.comments.push(Comment { at, text });
                }
                _ => return (self.at > start, self.line > line),
            }
        }
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        match first {
            '"' => self.quoted().map(Token::String),
            '`' => self.raw().map(Token::String),
            '$' => self.template(),
            '.' => {
                self.at += 1;
                Ok(Token::Symbol("."))
            }
            _ if first.is_ascii_digit() => self.number(),
            _ if first.is_alphabetic() || first == '_' => {
                let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
                let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
                let name = rest[..length].to_string();
                self.at += length;
                Ok(Token::Name(name))
            }
            _ => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                match symbol {
                    Some(symbol) => {
                        self.at += symbol.len();
                        Ok(Token::Symbol(symbol))
                    }
                    None => self.error(format!("unexpected character {first:?}")),
                }
            }
        }
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let rest = self.rest().as_bytes();
        let digits = |from: usize| {
            let more = rest.get(from..).unwrap_or_default();
            more.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut length = digits(0);
        if length > 1 && rest[0] == b'0' {
            return self.error("a number cannot begin with 0");
        }
        if rest.get(length) == Some(&b'.') && digits(length + 1) > 0 {
            length += 1 + digits(length + 1);
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent == 0 {
                return self.error("a number needs digits after its exponent sign");
            }
            length += 1 + sign + exponent;
        }
        let text = self.rest()[..length].to_string();
        self.at += length;
        Ok(Token::Number(text))
    }

    /// A string in double quotes.
    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                b'\n' => break,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let Some(text) = unescaped(&rest[..=at]) else {
                        return self.error("the string has an escape sequence that JSON lacks");
                    };
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => {}
            }
        }
        self.error("the string has no closing quote")
    }

    /// A string in backquotes.
    fn raw(&mut self) -> Result<String, SyntaxError> {
        let rest = &self.rest()[1..];
        let Some(length) = rest.find('`') else {
            return self.error("the string has no closing backquote");
        };
        let text = rest[..length].to_string();
        self.line += text.matches('\n').count() as u32;
        self.at += length + 2;
        Ok(text)
    }

    /// `$"…"` or `` $`…` `` with expressions in braces.
    fn template(&mut self) -> Result<Token, SyntaxError> {
        let quote = self.rest().chars().nth(1);
        let Some(quote @ ('"' | '`')) = quote else {
            return self.error("unexpected character '$'");
        };
        self.at += 2;
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(letter) = rest.chars().next() else {
                return self.error("the template string has no closing quote");
            };
            if letter == quote {
                self.at += 1;
                parts.push(TemplatePart::Text(self.literal(&text, quote)?));
                return Ok(Token::Template(parts));
            }
            match letter {
                '\n' if quote == '"' => {
                    return self.error("the template string has no closing quote");
                }
                '\\' if rest[1..].starts_with('{') => {
                    text.push('{');
                    self.at += 2;
                }
                '\\' if quote == '"' => {
                    let pair: String = rest.chars().take(2).collect();
                    text.push_str(&pair);
                    self.at += pair.len();
                }
                '{' => {
                    parts.push(TemplatePart::Text(self.literal(&text, quote)?));
                    text.clear();
                    let inner = self.braces()?;
                    parts.push(TemplatePart::Expr(inner));
                }
                _ => {
                    self.line += u32::from(letter == '\n');
                    text.push(letter);
                    self.at += letter.len_utf8();
                }
            }
        }
    }

    fn literal(&self, text: &str, quote: char) -> Result<String, SyntaxError> {
        if quote == '`' {
            return Ok(text.to_string());
        }
        match unescaped(&format!("\"{text}\"")) {
            Some(text) => Ok(text),
            None => self.error("the string has an escape sequence that JSON lacks"),
        }
    }

    /// The span between `{` and its `}`.
    fn braces(&mut self) -> Result<Span, SyntaxError> {
        self.at += 1;
        let (start, line) = (self.at, self.line);
        let mut depth = 1usize;
        loop {
            self.skip_blanks();
            let before = self.at;
            match self.token()? {
                Token::Symbol("{") => depth += 1,
                Token::Symbol("}") => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Span {
                            start: start as u32,
                            end: before as u32,
                            line,
                        });
                    }
                }
                Token::End => return self.error("the template string has no closing brace"),
                _ => {}
            }
        }
    }
}

/// The content of a string as Go reads JSON: half of a surrogate pair is a replacement character.
fn unescaped(quoted: &str) -> Option<String> {
    let plain = quoted.replace('\t', "\\t");
    let whole = serde_json::from_str(&plain);
    whole
        .or_else(|_| serde_json::from_str(&without_halves(&plain)))
        .ok()
}

/// Replaces halves of surrogate pairs: `\ud800`.
fn without_halves(quoted: &str) -> String {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut result = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(letter) = rest.chars().next() {
        let is_pair = || matches!(unit(&rest[6..]), Some(0xdc00..=0xdfff));
        let length = match unit(rest) {
            Some(0xd800..=0xdbff) if is_pair() => 12,
            Some(0xd800..=0xdfff) => {
                result.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            Some(_) => 6,
            // the letter behind a backslash begins no other escape sequence
            None if letter == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            None => letter.len_utf8(),
        };
        result.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    result
}
