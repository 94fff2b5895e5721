//! Reads terms and statements.

use std::collections::BTreeSet;

use super::lex::{Placed, TemplatePart, Token, tokens};
use super::{Comment, Expr, ExprKind, Span, Statement, StatementKind, SyntaxError, Version, With};

/// The depth to which expressions and bodies may nest.
const DEEPEST: usize = 100;

/// Keywords of v1 that v0 imports from `future.keywords`.
pub(super) const FUTURE_KEYWORDS: [&str; 4] = ["contains", "every", "if", "in"];

const KEYWORDS: [&str; 11] = [
    "as", "default", "else", "false", "import", "not", "null", "package", "some", "true", "with",
];

/// Operators from the weakest to the strongest.
const LEVELS: [&[&str]; 5] = [
    &["==", "!=", "<", ">", "<=", ">="],
    &["|"],
    &["&"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The level above `|`, which separates the head of a comprehension from its body.
const ABOVE_UNION: usize = 2;

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    pub(super) version: Version,
    pub(super) keywords: BTreeSet<&'static str>,
    /// True after an import that makes `not` negate a body of its own.
    pub(super) negates_bodies: bool,
}

impl<'t> Parser<'t> {
    /// A parser of a whole file, and the comments of the file. A byte order mark is skipped.
    pub(super) fn new(
        text: &'t str,
        version: Version,
    ) -> Result<(Parser<'t>, Vec<Comment>), SyntaxError> {
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let whole = Span {
            start,
            end: text.len() as u32,
            line: 1,
        };
        let (tokens, comments) = tokens(text, whole)?;
        let mut keywords = BTreeSet::new();
        if version == Version::V1 {
            keywords.extend(FUTURE_KEYWORDS);
        }
        let parser = Parser {
            text,
            tokens,
            at: 0,
            depth: 0,
            version,
            keywords,
            negates_bodies: false,
        };
        Ok((parser, comments))
    }

    pub(super) fn here(&self) -> &Placed {
        let last = self.tokens.len() - 1;
        &self.tokens[self.at.min(last)]
    }

    pub(super) fn next(&self) -> &Token {
        &self.here().token
    }

    pub(super) fn advance(&mut self) -> Placed {
        let placed = self.here().clone();
        self.at += 1;
        placed
    }

    pub(super) fn save(&self) -> usize {
        self.at
    }

    pub(super) fn restore(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            at: self.here().at,
            message: message.into(),
        })
    }

    /// The span from the start of a token to the end of the last one that was read.
    pub(super) fn since(&self, start: Span) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        Span {
            end: last.map_or(start.end, |placed| placed.at.end),
            ..start
        }
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.next(), Token::Symbol(found) if *found == symbol)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.next(), Token::Name(name) if name == word)
            && (KEYWORDS.contains(&word) || self.keywords.contains(word))
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        let found = self.shown();
        self.error(format!("expected `{symbol}`, found {found}"))
    }

    pub(super) fn shown(&self) -> String {
        let at = self.here().at;
        match self.text.get(at.start as usize..at.end as usize) {
            Some("") | None => "the end of the file".to_string(),
            Some(text) => format!("`{}`", text.lines().next().unwrap_or_default()),
        }
    }

    /// A name that is no keyword.
    pub(super) fn name(&mut self) -> Result<(String, Span), SyntaxError> {
        match self.next() {
            Token::Name(name) if !self.is_word(name) => {
                let name = name.clone();
                let at = self.advance().at;
                Ok((name, at))
            }
            _ => {
                let found = self.shown();
                self.error(format!("expected a name, found {found}"))
            }
        }
    }

    /// Runs a reader one level deeper.
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= DEEPEST {
            return self.error("the policy is nested too deeply");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    // ---- statements ----

    /// The statements up to a closing symbol, which is read too.
    pub(super) fn body(&mut self, close: &str) -> Result<Vec<Statement>, SyntaxError> {
        self.deeper(|parser| {
            let mut statements = Vec::new();
            loop {
                statements.push(parser.statement()?);
                let separated = parser.take_symbol(";") || parser.here().after_newline;
                if parser.take_symbol(close) {
                    return Ok(statements);
                }
                if !separated {
                    let found = parser.shown();
                    return parser.error(format!(
                        "expected a newline, `;` or `{close}`, found {found}"
                    ));
                }
            }
        })
    }

    pub(super) fn statement(&mut self) -> Result<Statement, SyntaxError> {
        let start = self.here().at;
        let negated = self.take_word("not");
        if negated && self.negates_bodies && self.is_symbol("{") {
            return self.error("a body in braces after `not` is not evaluated");
        }
        let kind = if self.is_word("some") {
            self.some()?
        } else if self.is_word("every") {
            self.every()?
        } else {
            let left = self.membership(true)?;
            if self.take_symbol(":=") {
                StatementKind::Assign(left, self.membership(true)?)
            } else if self.take_symbol("=") {
                StatementKind::Unify(left, self.membership(true)?)
            } else {
                StatementKind::Expr(left)
            }
        };
        let mut with = Vec::new();
        while self.take_word("with") {
            let target = self.term()?;
            if !self.take_word("as") {
                return self.error("expected `as` after the target of `with`");
            }
            let value = self.membership(false)?;
            with.push(With { target, value });
        }
        Ok(Statement {
            negated,
            with,
            ..Statement::new(self.since(start), kind)
        })
    }

    fn some(&mut self) -> Result<StatementKind, SyntaxError> {
        self.advance();
        let start = self.save();
        let first = self.relation()?;
        let second = if self.is_symbol(",") {
            self.advance();
            Some(self.relation()?)
        } else {
            None
        };
        if self.take_word("in") {
            let collection = self.relation()?;
            let (key, value) = match second {
                Some(second) => (Some(first), second),
                None => (None, first),
            };
            return Ok(StatementKind::SomeIn {
                key,
                value,
                collection,
            });
        }
        self.restore(start);
        let mut names = vec![self.name()?];
        while self.take_symbol(",") {
            names.push(self.name()?);
        }
        Ok(StatementKind::Some(names))
    }

    fn every(&mut self) -> Result<StatementKind, SyntaxError> {
        self.advance();
        let first = self.term()?;
        let second = if self.take_symbol(",") {
            Some(self.term()?)
        } else {
            None
        };
        if !self.take_word("in") {
            return self.error("expected `in` after the variables of `every`");
        }
        let domain = self.relation()?;
        self.expect("{")?;
        let body = self.body("}")?;
        let (key, value) = match second {
            Some(second) => (Some(first), second),
            None => (None, first),
        };
        Ok(StatementKind::Every {
            key,
            value,
            domain,
            body,
        })
    }

    // ---- operators, from the weakest to the strongest ----

    /// An expression with `in`. `pairs` allows `key, value in collection`, which a list does not.
    pub(super) fn membership(&mut self, pairs: bool) -> Result<Expr, SyntaxError> {
        let start = self.here().at;
        let left = self.relation()?;
        if pairs && self.is_symbol(",") {
            let saved = self.save();
            self.advance();
            if let Ok(value) = self.relation()
                && self.take_word("in")
            {
                let collection = self.relation()?;
                let kind = ExprKind::In(Some(left.into()), value.into(), collection.into());
                return self.memberships(start, Expr::new(self.since(start), kind));
            }
            self.restore(saved);
        }
        self.memberships(start, left)
    }

    fn memberships(&mut self, start: Span, mut left: Expr) -> Result<Expr, SyntaxError> {
        while self.take_word("in") {
            let collection = self.relation()?;
            let kind = ExprKind::In(None, left.into(), collection.into());
            left = Expr::new(self.since(start), kind);
        }
        Ok(left)
    }

    /// The rest of an expression whose start binds stronger than `|`. Reading the start again
    /// would take time that doubles with each level.
    fn after_start(&mut self, start: Span, left: Expr) -> Result<Expr, SyntaxError> {
        let left = self.infix_after(0, start, left)?;
        self.memberships(start, left)
    }

    fn relation(&mut self) -> Result<Expr, SyntaxError> {
        self.infix(0)
    }

    fn infix(&mut self, level: usize) -> Result<Expr, SyntaxError> {
        if level == LEVELS.len() {
            return self.term();
        }
        let start = self.here().at;
        let left = self.infix(level + 1)?;
        self.infix_after(level, start, left)
    }

    /// The operators of a level after their first operand.
    fn infix_after(
        &mut self,
        level: usize,
        start: Span,
        mut left: Expr,
    ) -> Result<Expr, SyntaxError> {
        let operators = LEVELS.get(level).copied().unwrap_or_default();
        let mut length = 0usize;
        while let Token::Symbol(symbol) = *self.next()
            && operators.contains(&symbol)
        {
            length += 1;
            if length > DEEPEST {
                return self.error("the expression has too many operators");
            }
            self.advance();
            let right = self.infix(level + 1)?;
            let kind = ExprKind::Infix(symbol, left.into(), right.into());
            left = Expr::new(self.since(start), kind);
        }
        Ok(left)
    }

    // ---- terms ----

    pub(super) fn term(&mut self) -> Result<Expr, SyntaxError> {
        self.deeper(|parser| {
            let head = parser.head()?;
            parser.selections(head)
        })
    }

    /// The parts that follow a term without a space: `.name`, `[index]`, `(arguments)`.
    fn selections(&mut self, head: Expr) -> Result<Expr, SyntaxError> {
        let start = head.at;
        let mut term = head;
        let can_select = |term: &Expr| {
            !matches!(
                term.kind,
                ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_)
            )
        };
        while !self.here().after_space && can_select(&term) {
            if self.take_symbol(".") {
                if self.here().after_space {
                    return self.error("expected a name right after `.`");
                }
                let placed = self.advance();
                let Token::Name(name) = placed.token else {
                    self.at -= 1;
                    return self.error("expected a name after `.`");
                };
                let part = Expr::new(placed.at, ExprKind::String(name));
                term = self.selected(start, term, part);
            } else if self.take_symbol("[") {
                let part = self.membership(false)?;
                self.expect("]")?;
                term = self.selected(start, term, part);
            } else if self.is_symbol("(") && term.names().is_some() {
                self.advance();
                let arguments = self.list(")")?;
                let is_set = matches!(&term.kind, ExprKind::Var(name) if name == "set");
                let kind = if is_set && arguments.is_empty() {
                    ExprKind::Set(Vec::new())
                } else {
                    ExprKind::Call(term.into(), arguments)
                };
                term = Expr::new(self.since(start), kind);
            } else {
                break;
            }
        }
        Ok(term)
    }

    fn selected(&self, start: Span, term: Expr, part: Expr) -> Expr {
        let at = self.since(start);
        match term.kind {
            ExprKind::Ref(head, mut parts) => {
                parts.push(part);
                Expr::new(at, ExprKind::Ref(head, parts))
            }
            _ => Expr::new(at, ExprKind::Ref(term.into(), vec![part])),
        }
    }

    /// Expressions separated by commas, up to a closing symbol, which is read too.
    pub(super) fn list(&mut self, close: &str) -> Result<Vec<Expr>, SyntaxError> {
        let mut items = Vec::new();
        while !self.take_symbol(close) {
            items.push(self.membership(false)?);
            if !self.take_symbol(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn head(&mut self) -> Result<Expr, SyntaxError> {
        let placed = self.here().clone();
        let at = placed.at;
        let simple = match placed.token {
            Token::Number(number) => ExprKind::Number(number),
            Token::String(text) => ExprKind::String(text),
            Token::Template(parts) => {
                self.advance();
                return self.template(at, parts);
            }
            Token::Name(name) if name == "true" || name == "false" => {
                ExprKind::Bool(name == "true")
            }
            Token::Name(name) if name == "null" => ExprKind::Null,
            // `contains(text, part)` is also a function
            Token::Name(name) if !self.is_word(&name) || self.is_call_of_contains() => {
                ExprKind::Var(name)
            }
            Token::Symbol("-") => return self.negative(),
            Token::Symbol("(") => {
                self.advance();
                let inner = self.membership(true)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Symbol("[") => return self.array(),
            Token::Symbol("{") => return self.braces(),
            _ => {
                let found = self.shown();
                return self.error(format!("unexpected {}", found.trim_start_matches("the ")));
            }
        };
        self.advance();
        Ok(Expr::new(at, simple))
    }

    pub(super) fn is_call_of_contains(&self) -> bool {
        let next = self.tokens.get(self.at + 1);
        self.is_word("contains")
            && next.is_some_and(|next| next.token == Token::Symbol("(") && !next.after_space)
    }

    fn negative(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.advance().at;
        if !matches!(self.next(), Token::Number(_)) {
            return self.error("`-` needs a number");
        }
        let inner = self.term()?;
        let kind = match inner.kind {
            ExprKind::Number(number) if !number.starts_with('-') => {
                ExprKind::Number(format!("-{number}"))
            }
            _ => return self.error("`-` needs a number"),
        };
        Ok(Expr::new(self.since(start), kind))
    }

    fn template(&mut self, at: Span, parts: Vec<TemplatePart>) -> Result<Expr, SyntaxError> {
        if self.version == Version::V0 {
            return Err(SyntaxError {
                at,
                message: "template strings need Rego v1".to_string(),
            });
        }
        let mut items = Vec::new();
        for part in parts {
            match part {
                TemplatePart::Text(text) if text.is_empty() => {}
                TemplatePart::Text(text) => items.push(Expr::new(at, ExprKind::String(text))),
                TemplatePart::Expr(span) => {
                    let (tokens, _) = tokens(self.text, span)?;
                    let outer = (std::mem::replace(&mut self.tokens, tokens), self.at);
                    self.at = 0;
                    let inner = self.membership(false);
                    let inner = match (inner, self.next()) {
                        (Ok(_), token) if *token != Token::End => {
                            self.error("expected `}` after the expression")
                        }
                        (inner, _) => inner,
                    };
                    (self.tokens, self.at) = outer;
                    // a string within braces is not a text of the template
                    let inner = inner?;
                    items.push(Expr::new(inner.at, ExprKind::Template(vec![inner])));
                }
            }
        }
        Ok(Expr::new(at, ExprKind::Template(items)))
    }

    fn array(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.advance().at;
        if self.take_symbol("]") {
            return Ok(Expr::new(self.since(start), ExprKind::Array(Vec::new())));
        }
        let first = match self.head_or_item()? {
            Ok(head) => {
                let body = self.body("]")?;
                let kind = ExprKind::ArrayComprehension(head.into(), body);
                return Ok(Expr::new(self.since(start), kind));
            }
            Err(item) => item,
        };
        let items = self.list_after(first, "]")?;
        Ok(Expr::new(self.since(start), ExprKind::Array(items)))
    }

    fn list_after(&mut self, first: Expr, close: &str) -> Result<Vec<Expr>, SyntaxError> {
        let mut items = vec![first];
        if self.take_symbol(",") {
            items.extend(self.list(close)?);
        } else {
            self.expect(close)?;
        }
        Ok(items)
    }

    /// The head of a comprehension (`Ok`), with the `|` behind it, or another expression (`Err`).
    fn head_or_item(&mut self) -> Result<Result<Expr, Expr>, SyntaxError> {
        let start = self.here().at;
        let head = self.infix(ABOVE_UNION)?;
        if self.take_symbol("|") {
            return Ok(Ok(head));
        }
        self.after_start(start, head).map(Err)
    }

    fn braces(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.advance().at;
        if self.take_symbol("}") {
            return Ok(Expr::new(self.since(start), ExprKind::Object(Vec::new())));
        }
        let first = match self.head_or_item()? {
            Ok(head) => {
                let body = self.body("}")?;
                let kind = ExprKind::SetComprehension(head.into(), body);
                return Ok(Expr::new(self.since(start), kind));
            }
            Err(item) => item,
        };
        if self.take_symbol(":") {
            return self.object(start, first);
        }
        let items = self.list_after(first, "}")?;
        Ok(Expr::new(self.since(start), ExprKind::Set(items)))
    }

    /// An object or its comprehension, after the first key and colon.
    fn object(&mut self, start: Span, key: Expr) -> Result<Expr, SyntaxError> {
        let first = match self.head_or_item()? {
            Ok(value) => {
                let body = self.body("}")?;
                let kind = ExprKind::ObjectComprehension(key.into(), value.into(), body);
                return Ok(Expr::new(self.since(start), kind));
            }
            Err(value) => value,
        };
        let mut entries = vec![(key, first)];
        while !self.take_symbol("}") {
            self.expect(",")?;
            if self.take_symbol("}") {
                break;
            }
            let key = self.membership(false)?;
            self.expect(":")?;
            entries.push((key, self.membership(false)?));
        }
        Ok(Expr::new(self.since(start), ExprKind::Object(entries)))
    }
}
