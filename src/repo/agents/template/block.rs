//! Texts and `if` blocks of Go templates: `{{if eq .env "production"}}…{{else}}…{{end}}`.

use super::{NESTED, Parameters, is_true, printed};

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Text(String),
    If(String),
    ElseIf(String),
    Else,
    End,
    Pipeline(String),
}

/// Text and actions; `{{-` and `-}}` trim. `None` for unsupported actions.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
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

pub(super) struct Evaluation<'t> {
    pub(super) parameters: &'t Parameters,
    pub(super) tokens: &'t [Token],
    pub(super) at: usize,
    /// How long the text may become.
    pub(super) limit: usize,
}

impl Evaluation<'_> {
    pub(super) fn all(mut self) -> Option<String> {
        let text = self.block(true, 0)?;
        (self.at == self.tokens.len()).then_some(text)
    }

    /// Everything up to the `else` or `end` of this block; nothing of it counts unless `live`.
    pub(super) fn block(&mut self, live: bool, depth: usize) -> Option<String> {
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

    pub(super) fn branches(&mut self, condition: &str, live: bool, depth: usize) -> Option<String> {
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
