//! Reading expressions: `${NAME:-default}` into a [`Call`].

use super::{Argument, Call};

/// Functions within each other.
pub(super) const DEPTH: usize = 64;

pub(super) struct Scanner<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) depth: usize,
}

pub(super) const CLOSING: &str = "a closing brace is missing";

pub(super) const NAME: &str = "a variable has no name";

pub(super) const FUNCTION: &str = "a function has no argument";

pub(super) const BAD: &str = "invalid substitution syntax";

impl Scanner<'_> {
    pub(super) fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        self.at += if there { text.len() } else { 0 };
        there
    }
    /// The next characters that `accept` allows, at most `limit`.
    pub(super) fn take(&mut self, limit: usize, accept: impl Fn(char) -> bool) -> String {
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
    pub(super) fn plain(&mut self) -> String {
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
    pub(super) fn argument(
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

    /// The rest of an expression after `${`, up to the closing brace.
    pub(super) fn call(&mut self) -> Result<Call, &'static str> {
        self.depth += 1;
        let call = if self.depth > DEPTH {
            Err("functions are nested too deeply")
        } else {
            self.inner_call()
        };
        self.depth -= 1;
        call
    }

    pub(super) fn inner_call(&mut self) -> Result<Call, &'static str> {
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

    pub(super) fn close(
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
