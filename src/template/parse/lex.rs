//! From text to tokens.

use super::token::{Kind, Token, keyword};

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Splits a text into tokens, one at a time.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    start: usize,
    in_action: bool,
    parentheses: usize,
    /// Set after an error: there are no more tokens.
    ended: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer {
            text,
            at: 0,
            start: 0,
            in_action: false,
            parentheses: 0,
            ended: false,
        }
    }

    /// The next token; `Eof` again and again at the end.
    pub(super) fn next(&mut self) -> Token {
        if self.ended {
            return Token {
                kind: Kind::Eof,
                span: self.text.len()..self.text.len(),
            };
        }
        if self.in_action {
            self.action()
        } else {
            self.outside()
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_while(&mut self, accepted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !accepted(c)).unwrap_or(rest.len());
    }

    fn accept(&mut self, accepted: &str) -> bool {
        let found = self.peek().is_some_and(|next| accepted.contains(next));
        if found {
            self.at += 1;
        }
        found
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let span = self.start..self.at;
        self.start = self.at;
        Token { kind, span }
    }

    fn error(&mut self, message: impl Into<String>) -> Token {
        self.ended = true;
        Token {
            kind: Kind::Error(message.into()),
            span: self.start..self.at.max(self.start),
        }
    }

    /// Literal text up to an action, the start of an action, or the end.
    fn outside(&mut self) -> Token {
        loop {
            let Some(length) = self.rest().find(LEFT) else {
                self.at = self.text.len();
                let kind = if self.at > self.start {
                    Kind::Text
                } else {
                    Kind::Eof
                };
                return self.emit(kind);
            };
            let delimiter = self.at + length;
            let after = delimiter + LEFT.len();
            let trims = trims_left(&self.text[after..]);
            if length > 0 {
                let literal = &self.text[self.start..delimiter];
                let kept = if trims {
                    literal.trim_end_matches(SPACES)
                } else {
                    literal
                };
                self.at = self.start + kept.len();
                let token = self.emit(Kind::Text);
                (self.at, self.start) = (delimiter, delimiter);
                if !kept.is_empty() {
                    return token;
                }
            }
            let inside = after + if trims { 2 } else { 0 };
            if !self.text[inside..].starts_with("/*") {
                self.at = after;
                let token = self.emit(Kind::LeftDelimiter);
                (self.at, self.start) = (inside, inside);
                self.in_action = true;
                self.parentheses = 0;
                return token;
            }
            (self.at, self.start) = (inside, inside);
            if let Err(message) = self.comment() {
                return self.error(message);
            }
        }
    }

    /// Skips a comment and its closing delimiter.
    fn comment(&mut self) -> Result<(), &'static str> {
        let body = self.at + 2;
        let length = self.text[body..].find("*/").ok_or("unclosed comment")?;
        self.at = body + length + 2;
        let trims = trims_right(self.rest()) && self.rest()[2..].starts_with(RIGHT);
        if !trims && !self.rest().starts_with(RIGHT) {
            return Err("comment ends before closing delimiter");
        }
        self.at += RIGHT.len() + if trims { 2 } else { 0 };
        if trims {
            self.skip_while(|c| SPACES.contains(&c));
        }
        self.start = self.at;
        Ok(())
    }

    fn right_delimiter(&mut self, trims: bool) -> Token {
        if trims {
            self.at += 2;
            self.start = self.at;
        }
        self.at += RIGHT.len();
        let token = self.emit(Kind::RightDelimiter);
        if trims {
            self.skip_while(|c| SPACES.contains(&c));
            self.start = self.at;
        }
        self.in_action = false;
        token
    }

    /// One token within `{{ }}`.
    fn action(&mut self) -> Token {
        let rest = self.rest();
        let trims = trims_right(rest) && rest[2..].starts_with(RIGHT);
        if trims || rest.starts_with(RIGHT) {
            if self.parentheses == 0 {
                return self.right_delimiter(trims);
            }
            return self.error("unclosed left paren");
        }
        let Some(first) = self.advance() else {
            return self.error("unclosed action");
        };
        match first {
            c if SPACES.contains(&c) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => match self.advance() {
                Some('=') => self.emit(Kind::Declare),
                _ => self.error("expected :="),
            },
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted(
                '\'',
                Kind::CharacterConstant,
                "unterminated character constant",
            ),
            '`' => self.raw(),
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_none_or(|next| next.is_ascii_digit()) => {
                self.name(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.at -= 1;
                self.number()
            }
            c if is_word(c) => self.word(),
            '(' => {
                self.parentheses += 1;
                self.emit(Kind::LeftParenthesis)
            }
            ')' if self.parentheses == 0 => self.error("unexpected right paren"),
            ')' => {
                self.parentheses -= 1;
                self.emit(Kind::RightParenthesis)
            }
            c if c.is_ascii() && !c.is_ascii_control() => self.emit(Kind::Character),
            c => self.error(format!(
                "unrecognized character in action: U+{:04X} '{c}'",
                u32::from(c)
            )),
        }
    }

    /// Spaces; the last one may belong to a closing delimiter that trims.
    fn space(&mut self) -> Token {
        self.skip_while(|c| SPACES.contains(&c));
        let last = &self.text[self.at - 1..];
        if trims_right(last) && last[2..].starts_with(RIGHT) {
            self.at -= 1;
            if self.at == self.start {
                return self.right_delimiter(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.advance() {
                Some('\\') => {
                    if matches!(self.advance(), None | Some('\n')) {
                        return self.error(unterminated);
                    }
                }
                None | Some('\n') => return self.error(unterminated),
                Some(c) if c == quote => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self) -> Token {
        match self.rest().find('`') {
            Some(length) => {
                self.at += length + 1;
                self.emit(Kind::RawString)
            }
            None => {
                self.at = self.text.len();
                self.error("unterminated raw quoted string")
            }
        }
    }

    /// A field or variable whose first character was read; `alone` if no name follows.
    fn name(&mut self, kind: Kind, alone: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(alone);
        }
        self.skip_while(is_word);
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(kind)
    }

    fn word(&mut self) -> Token {
        self.skip_while(is_word);
        let word = &self.text[self.start..self.at];
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(keyword(word).unwrap_or(Kind::Identifier))
    }

    fn bad_character(&mut self) -> Token {
        let found = self.peek().unwrap_or_default();
        self.error(format!(
            "bad character U+{:04X} '{found}'",
            u32::from(found)
        ))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(next) => {
                SPACES.contains(&next) || ".,|:)(".contains(next) || self.rest().starts_with(RIGHT)
            }
        }
    }

    fn number(&mut self) -> Token {
        if !self.scan_number() {
            let message = format!("bad number syntax: {:?}", &self.text[self.start..self.at]);
            return self.error(message);
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            return self.emit(Kind::Number);
        }
        if !self.scan_number() || !self.text[..self.at].ends_with('i') {
            let message = format!("bad number syntax: {:?}", &self.text[self.start..self.at]);
            return self.error(message);
        }
        self.emit(Kind::Complex)
    }

    /// Takes what may be a number; the parser decides whether it is one.
    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.skip_while(|c| digits.contains(c));
        if self.accept(".") {
            self.skip_while(|c| digits.contains(c));
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.skip_while(|c| "0123456789_".contains(c));
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.advance();
            return false;
        }
        true
    }
}

/// True if an action that begins with this text trims the spaces in front of it.
fn trims_left(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

/// True if this text begins with a marker that trims the spaces behind the action.
fn trims_right(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}
