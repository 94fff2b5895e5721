//! From text to a tree, and the errors that Go reports before anything is executed.

mod lex;
mod literal;
mod token;
mod tree;

use std::ops::Range;
use std::sync::Arc;

use super::functions::{self, Dialect};
use lex::Lexer;
use token::{Kind, Token};
pub(super) use tree::{Block, Branch, Command, Node, Number, Operand, Pipeline, Term};

/// The deepest nesting of parentheses and control structures.
const DEEPEST: usize = 100;

/// A text that was parsed.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Everything outside of `define`.
    pub(super) body: Block,
    /// The templates that `define` and `block` name, in order.
    pub(super) definitions: Vec<(Arc<str>, Block)>,
}

/// A problem of the syntax, and its place.
#[derive(Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

/// Parses a whole text.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Parsed, SyntaxError> {
    let mut parser = Parser {
        text,
        dialect,
        lexer: Lexer::new(text),
        ahead: Vec::new(),
        variables: vec!["$".into()],
        ranges: 0,
        depth: 0,
        definitions: Vec::new(),
    };
    let body = parser.top()?;
    Ok(Parsed {
        body,
        definitions: parser.definitions,
    })
}

/// True if a template prints nothing but spaces. Such a definition does not replace another one.
pub(super) fn is_empty(text: &str, block: &Block) -> bool {
    block.iter().all(|node| match node {
        Node::Text(span) => text.get(span.clone()).unwrap_or_default().trim().is_empty(),
        _ => false,
    })
}

/// The keyword that ends a sequence of nodes.
#[derive(Debug, PartialEq)]
enum End {
    End,
    Else,
}

enum Item {
    Node(Node),
    End(End),
}

struct Parser<'t> {
    text: &'t str,
    dialect: Dialect,
    lexer: Lexer<'t>,
    /// Tokens that were read and put back; the next one is the last.
    ahead: Vec<Token>,
    variables: Vec<Arc<str>>,
    ranges: usize,
    depth: usize,
    definitions: Vec<(Arc<str>, Block)>,
}

type Parsing<T> = Result<T, SyntaxError>;

impl Parser<'_> {
    fn next(&mut self) -> Token {
        self.ahead.pop().unwrap_or_else(|| self.lexer.next())
    }

    fn back(&mut self, token: Token) {
        self.ahead.push(token);
    }

    fn next_word(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_word(&mut self) -> Kind {
        let token = self.next_word();
        let kind = token.kind.clone();
        self.back(token);
        kind
    }

    fn written(&self, token: &Token) -> &str {
        self.text.get(token.span.clone()).unwrap_or_default()
    }

    fn fail<T>(&self, message: impl Into<String>, span: Range<usize>) -> Parsing<T> {
        Err(SyntaxError {
            message: message.into(),
            span,
        })
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parsing<T> {
        let name = token.describe(self.text);
        match token.kind {
            Kind::Error(_) => self.fail(name, token.span.clone()),
            _ => self.fail(
                format!("unexpected {name} in {context}"),
                token.span.clone(),
            ),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsing<Token> {
        let token = self.next_word();
        if token.kind != kind {
            return self.unexpected(&token, context);
        }
        Ok(token)
    }

    /// Counts one level of nesting around a step.
    fn nested<T>(&mut self, at: usize, step: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        if self.depth >= DEEPEST {
            return self.fail("max expression depth exceeded", at..at);
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// The whole text. Only here `define` is allowed.
    fn top(&mut self) -> Parsing<Block> {
        let mut body = Block::new();
        loop {
            let token = self.next();
            match token.kind {
                Kind::Eof => return Ok(body),
                Kind::LeftDelimiter => {
                    let word = self.next_word();
                    if word.kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.back(word);
                    self.back(token);
                }
                _ => self.back(token),
            }
            let start = self.lexer_offset();
            match self.text_or_action()? {
                Item::Node(node) => body.push(node),
                Item::End(End::End) => return self.fail("unexpected {{end}}", start..start),
                Item::End(End::Else) => return self.fail("unexpected {{else}}", start..start),
            }
        }
    }

    /// Where the next token begins.
    fn lexer_offset(&mut self) -> usize {
        let token = self.next();
        let start = token.span.start;
        self.back(token);
        start
    }

    /// Parses a part with variables and loops of its own.
    fn apart<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let result = part(self);
        self.variables = variables;
        self.ranges = ranges;
        result
    }

    fn definition(&mut self) -> Parsing<()> {
        const CONTEXT: &str = "define clause";
        let name = self.next_word();
        let name = self.template_name(&name, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let (body, end) = self.apart(Self::items)?;
        if end != End::End {
            let at = self.lexer_offset();
            return self.fail("unexpected {{else}} in define clause", at..at);
        }
        self.define(name, body)
    }

    /// Adds a definition. Two in one text are an error, unless one of them is empty.
    fn define(&mut self, name: Arc<str>, body: Block) -> Parsing<()> {
        let known = self
            .definitions
            .iter_mut()
            .find(|(known, _)| *known == name);
        match known {
            None => self.definitions.push((name, body)),
            Some((_, old)) if is_empty(self.text, old) => *old = body,
            Some(_) if is_empty(self.text, &body) => {}
            Some(_) => {
                let at = self.lexer_offset();
                let message = format!("template: multiple definition of template {name:?}");
                return self.fail(message, at..at);
            }
        }
        Ok(())
    }

    /// Nodes up to `end` or `else`.
    fn items(&mut self) -> Parsing<(Block, End)> {
        let mut nodes = Block::new();
        while self.peek_word() != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((nodes, end)),
            }
        }
        let end = self.text.len();
        self.fail("unexpected EOF", end..end)
    }

    fn text_or_action(&mut self) -> Parsing<Item> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.span))),
            Kind::LeftDelimiter => {
                let start = token.span.start;
                self.nested(start, |parser| parser.action(start))
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self, start: usize) -> Parsing<Item> {
        let token = self.next_word();
        Ok(Item::Node(match token.kind {
            Kind::Block => self.block(start)?,
            Kind::Break => self.leave(&token, "{{break}}", Node::Break)?,
            Kind::Continue => self.leave(&token, "{{continue}}", Node::Continue)?,
            Kind::Else => {
                if !matches!(self.peek_word(), Kind::If | Kind::With) {
                    self.expect(Kind::RightDelimiter, "else")?;
                }
                return Ok(Item::End(End::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => Node::If(self.control("if", start)?),
            Kind::With => Node::With(self.control("with", start)?),
            Kind::Range => Node::Range(self.control("range", start)?),
            Kind::Template => self.template(start)?,
            _ => {
                self.back(token);
                Node::Action(self.pipeline("command", Kind::RightDelimiter, start)?)
            }
        }))
    }

    fn leave(&mut self, token: &Token, name: &str, node: Node) -> Parsing<Node> {
        let end = self.next_word();
        if end.kind != Kind::RightDelimiter {
            return self.unexpected(&end, name);
        }
        if self.ranges == 0 {
            return self.fail(format!("{name} outside {{{{range}}}}"), token.span.clone());
        }
        Ok(node)
    }

    fn control(&mut self, context: &'static str, start: usize) -> Parsing<Branch> {
        let outside = self.variables.len();
        let pipeline = self.pipeline(context, Kind::RightDelimiter, start)?;
        let is_range = usize::from(context == "range");
        self.ranges += is_range;
        let (body, end) = self.items()?;
        self.ranges -= is_range;
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(context)?),
        };
        self.variables.truncate(outside);
        Ok(Branch {
            pipeline,
            body,
            otherwise,
        })
    }

    /// The nodes after `else`; `else if` and `else with` are a control structure that shares its
    /// `end`.
    fn otherwise(&mut self, context: &'static str) -> Parsing<Block> {
        let start = self.lexer_offset();
        let next = self.peek_word();
        let chained = match (context, next) {
            ("if", Kind::If) => Node::If as fn(Branch) -> Node,
            ("with", Kind::With) => Node::With,
            _ => {
                let (nodes, end) = self.items()?;
                if end == End::Else {
                    let at = self.lexer_offset();
                    return self.fail("expected end; found {{else}}", at..at);
                }
                return Ok(nodes);
            }
        };
        self.next_word();
        let branch = self.nested(start, |parser| parser.control(context, start))?;
        Ok(vec![chained(branch)])
    }

    fn block(&mut self, start: usize) -> Parsing<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(&token, CONTEXT)?;
        let pipeline = self.pipeline(CONTEXT, Kind::RightDelimiter, start)?;
        let span = pipeline.span.clone();
        let (body, end) = self.apart(Self::items)?;
        if end != End::End {
            let at = self.lexer_offset();
            return self.fail("unexpected {{else}} in block clause", at..at);
        }
        self.define(name.clone(), body)?;
        Ok(Node::Template {
            span,
            name,
            pipeline: Some(pipeline),
        })
    }

    fn template(&mut self, start: usize) -> Parsing<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(&token, CONTEXT)?;
        let next = self.next_word();
        if next.kind == Kind::RightDelimiter {
            return Ok(Node::Template {
                span: start..next.span.end,
                name,
                pipeline: None,
            });
        }
        self.back(next);
        let pipeline = self.pipeline(CONTEXT, Kind::RightDelimiter, start)?;
        Ok(Node::Template {
            span: pipeline.span.clone(),
            name,
            pipeline: Some(pipeline),
        })
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parsing<Arc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        self.unquoted(token)
    }

    fn unquoted(&self, token: &Token) -> Parsing<Arc<str>> {
        match literal::unquote(self.written(token)) {
            Some(text) => Ok(text.into()),
            None => self.fail("invalid syntax", token.span.clone()),
        }
    }

    /// A pipeline up to its end. `start` is where the span begins that stands for it: the action or
    /// the parenthesis.
    fn pipeline(&mut self, context: &str, end: Kind, start: usize) -> Parsing<Pipeline> {
        let mut pipeline = Pipeline {
            span: start..start,
            variables: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.next_word();
            match token.kind {
                _ if token.kind == end => {
                    pipeline.span.end = token.span.end;
                    if pipeline.commands.is_empty() {
                        return self.fail(format!("missing value for {context}"), token.span);
                    }
                    self.check_stages(&pipeline)?;
                    return Ok(pipeline);
                }
                Kind::Bool
                | Kind::CharacterConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParenthesis => {
                    self.back(token);
                    let command = self.command()?;
                    pipeline.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    /// `$x :=`, `$x =` or `$i, $x :=` at the start of a pipeline.
    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Parsing<()> {
        while self.peek_word() == Kind::Variable {
            let variable = self.next_word();
            let name: Arc<str> = self.written(&variable).into();
            let mut between = self.next();
            let mut space = None;
            if between.kind == Kind::Space {
                let word = self.next_word();
                space = Some(std::mem::replace(&mut between, word));
            }
            let is_comma = between.kind == Kind::Character && self.written(&between) == ",";
            match between.kind {
                Kind::Assign | Kind::Declare => {
                    pipeline.assigns = between.kind == Kind::Assign;
                    pipeline.variables.push(name.clone());
                    self.variables.push(name);
                    return Ok(());
                }
                _ if is_comma => {
                    pipeline.variables.push(name.clone());
                    self.variables.push(name);
                    if context != "range" || pipeline.variables.len() > 1 {
                        let message = format!("too many declarations in {context}");
                        return self.fail(message, variable.span);
                    }
                    let next = self.peek_word();
                    let may = [Kind::Variable, Kind::RightDelimiter, Kind::RightParenthesis];
                    if !may.contains(&next) {
                        let message = "range can only initialize variables";
                        return self.fail(message, variable.span);
                    }
                }
                _ => {
                    self.back(between);
                    if let Some(space) = space {
                        self.back(space);
                    }
                    self.back(variable);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Only the first stage of a pipeline can be a constant.
    fn check_stages(&self, pipeline: &Pipeline) -> Parsing<()> {
        for (index, command) in pipeline.commands.iter().enumerate().skip(1) {
            let is_constant = matches!(
                command.first.term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String(_)
            );
            if is_constant {
                let message = format!("non executable command in pipeline stage {}", index + 1);
                return self.fail(message, command.span.clone());
            }
        }
        Ok(())
    }

    /// Operands up to a pipe or the end of the pipeline.
    fn command(&mut self) -> Parsing<Command> {
        let mut operands = Vec::new();
        loop {
            self.peek_word();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParenthesis => {
                    self.back(token);
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        let mut operands = operands.into_iter();
        let Some(first) = operands.next() else {
            let at = self.lexer_offset();
            return self.fail("empty command", at..at);
        };
        let arguments: Vec<Operand> = operands.collect();
        let end = arguments.last().unwrap_or(&first).span.end;
        Ok(Command {
            span: first.span.start..end,
            first,
            arguments,
        })
    }

    /// A term and its fields; `None` if the next token is not an operand.
    fn operand(&mut self) -> Parsing<Option<Operand>> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        loop {
            let token = self.next();
            if token.kind != Kind::Field {
                self.back(token);
                break;
            }
            fields.push(Arc::from(&self.written(&token)[1..]));
            operand.span.end = token.span.end;
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        let span = operand.span.clone();
        let term = match operand.term {
            Term::Field(mut first) => {
                first.extend(fields);
                Term::Field(first)
            }
            Term::Variable(name, mut first) => {
                first.extend(fields);
                Term::Variable(name, first)
            }
            Term::Function(_) | Term::Pipeline(_) | Term::Chain(..) => {
                Term::Chain(Box::new(operand), fields)
            }
            _ => {
                let written = self.text.get(span.clone()).unwrap_or_default();
                let message = format!("unexpected . after term {written:?}");
                return self.fail(message, span);
            }
        };
        Ok(Some(Operand { span, term }))
    }

    fn term(&mut self) -> Parsing<Option<Operand>> {
        let token = self.next_word();
        let term = match token.kind {
            Kind::Identifier => {
                let name = self.written(&token);
                match functions::find(name, self.dialect) {
                    Some(function) => Term::Function(function),
                    None => {
                        let message = format!("function {name:?} not defined");
                        return self.fail(message, token.span);
                    }
                }
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                let name: Arc<str> = self.written(&token).into();
                if !self.variables.contains(&name) {
                    let message = format!("undefined variable {name:?}");
                    return self.fail(message, token.span);
                }
                Term::Variable(name, Vec::new())
            }
            Kind::Field => Term::Field(vec![self.written(&token)[1..].into()]),
            Kind::Bool => Term::Bool(self.written(&token) == "true"),
            Kind::CharacterConstant => match literal::character(self.written(&token)) {
                Some(c) => Term::Number(literal::whole(c.into())),
                None => return self.fail("invalid syntax", token.span),
            },
            Kind::Number | Kind::Complex => match literal::number(self.written(&token)) {
                Ok(number) => Term::Number(number),
                Err(message) => return self.fail(message, token.span),
            },
            Kind::String | Kind::RawString => Term::String(self.unquoted(&token)?),
            Kind::LeftParenthesis => {
                let start = token.span.start;
                let pipeline = self.nested(start, |parser| {
                    parser.pipeline("parenthesized pipeline", Kind::RightParenthesis, start)
                })?;
                let span = pipeline.span.clone();
                let term = Term::Pipeline(Box::new(pipeline));
                return Ok(Some(Operand { span, term }));
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Operand {
            span: token.span,
            term,
        }))
    }
}
