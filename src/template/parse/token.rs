//! Tokens of the template language.

use std::ops::Range;

/// A token and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// The text cannot be split any further; what is wrong with it.
    Error(String),
    Eof,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Bool,
    /// A character of no other meaning, such as a comma.
    Character,
    CharacterConstant,
    Number,
    Complex,
    String,
    RawString,
    Identifier,
    Field,
    Variable,
    Dot,
    Nil,
    Assign,
    Declare,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// The keyword that a word is.
pub(super) fn keyword(word: &str) -> Option<Kind> {
    Some(match word {
        "block" => Kind::Block,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "define" => Kind::Define,
        "else" => Kind::Else,
        "end" => Kind::End,
        "if" => Kind::If,
        "nil" => Kind::Nil,
        "range" => Kind::Range,
        "template" => Kind::Template,
        "with" => Kind::With,
        "true" | "false" => Kind::Bool,
        _ => return None,
    })
}

impl Token {
    /// The token as Go names it in messages.
    pub(super) fn describe(&self, text: &str) -> String {
        let written = text.get(self.span.clone()).unwrap_or_default();
        match &self.kind {
            Kind::Error(message) => message.clone(),
            Kind::Eof => "EOF".to_string(),
            Kind::Dot
            | Kind::Nil
            | Kind::Block
            | Kind::Break
            | Kind::Continue
            | Kind::Define
            | Kind::Else
            | Kind::End
            | Kind::If
            | Kind::Range
            | Kind::Template
            | Kind::With => format!("<{written}>"),
            _ if written.chars().count() > 10 => {
                let head: String = written.chars().take(10).collect();
                format!("{head:?}...")
            }
            _ => format!("{written:?}"),
        }
    }
}
