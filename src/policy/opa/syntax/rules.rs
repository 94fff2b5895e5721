//! Reads modules: the package, imports and rules.

use super::lex::Token;
use super::parse::{FUTURE_KEYWORDS, Parser};
use super::{
    Branch, Expr, ExprKind, Import, Module, Rule, RuleKind, Span, SyntaxError, Version, Visitor,
    each_child,
};

pub(super) fn module(parser: &mut Parser<'_>) -> Result<Module, SyntaxError> {
    let package_at = parser.here().at;
    if !parser.take_word("package") {
        return parser.error("expected `package`");
    }
    let path = parser.term()?;
    let Some(package) = path.names() else {
        return parser.error("the package must be a path of names");
    };
    let package: Vec<String> = package.into_iter().map(str::to_string).collect();
    let mut module = Module {
        package,
        package_at: parser.since(package_at),
        imports: Vec::new(),
        rules: Vec::new(),
        version: parser.version,
        negates_bodies: false,
        comments: Vec::new(),
    };
    loop {
        while parser.take_symbol(";") {}
        if *parser.next() == Token::End {
            module.version = parser.version;
            module.negates_bodies = parser.negates_bodies;
            return Ok(module);
        }
        if parser.is_word("import") {
            if let Some(import) = import(parser)? {
                module.imports.push(import);
            }
        } else {
            rule(parser, &mut module.rules)?;
        }
        let after = parser.here();
        let ends = after.after_newline || after.token == Token::End || parser.is_symbol(";");
        if !ends {
            let found = parser.shown();
            return parser.error(format!("expected a newline, found {found}"));
        }
    }
}

/// An import of data or input. Nothing for `rego.v1` and `future.keywords`, which turn keywords on.
fn import(parser: &mut Parser<'_>) -> Result<Option<Import>, SyntaxError> {
    parser.advance();
    // `if` and `in` may be keywords already where `future.keywords.if` imports them
    let keywords = std::mem::take(&mut parser.keywords);
    let path = parser.term();
    parser.keywords = keywords;
    let path = path?;
    let Some(names) = path.names() else {
        return parser.error("an import must be a path of names");
    };
    let names: Vec<String> = names.into_iter().map(str::to_string).collect();
    match names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["rego", "v1"] => {
            parser.version = Version::V1;
            parser.keywords.extend(FUTURE_KEYWORDS);
            return Ok(None);
        }
        ["future", "keywords"] => {
            parser.keywords.extend(FUTURE_KEYWORDS);
            parser.negates_bodies = true;
            return Ok(None);
        }
        ["future", "keywords", "not"] => {
            parser.negates_bodies = true;
            return Ok(None);
        }
        ["future", "keywords", keyword] => {
            let Some(known) = FUTURE_KEYWORDS.iter().find(|known| *known == keyword) else {
                return parser.error(format!("`{keyword}` is not a future keyword"));
            };
            parser.keywords.insert(known);
            if *known == "every" {
                parser.keywords.insert("in");
            }
            return Ok(None);
        }
        ["data" | "input", ..] => {}
        _ => return parser.error("an import must begin with `data` or `input`"),
    }
    let name = if parser.take_word("as") {
        parser.name()?.0
    } else {
        names.last().cloned().unwrap_or_default()
    };
    Ok(Some(Import { path: names, name }))
}

/// A rule with all of its bodies.
fn rule(parser: &mut Parser<'_>, rules: &mut Vec<Rule>) -> Result<(), SyntaxError> {
    let start = parser.here().at;
    let is_default = parser.take_word("default");
    let (name, arguments) = head(parser)?;
    let mut kind = match arguments {
        Some(arguments) => RuleKind::Function(arguments),
        None => RuleKind::Complete,
    };
    if parser.is_word("contains") {
        parser.advance();
        kind = RuleKind::Set(parser.membership(false)?);
    }
    let mut value = None;
    if parser.take_symbol(":=") || parser.take_symbol("=") {
        value = Some(parser.membership(false)?);
    }
    let has_if = parser.is_word("if");
    let mut rule = Rule {
        at: parser.since(start),
        is_default,
        name,
        kind,
        branches: Vec::new(),
        end: 0,
    };
    if value.is_none() && !has_if && parser.version == Version::V0 {
        as_partial_set(&mut rule);
    }
    if is_default {
        check_default(parser, value.as_ref())?;
    }
    let bare = value.is_none() && matches!(rule.kind, RuleKind::Complete);
    let from = rules.len();
    branches(parser, &mut rule, value)?;
    let has_body = rule.branches.iter().any(|branch| !branch.body.is_empty());
    if bare && !has_body && rule.name.len() == 1 {
        return parser.error(format!(
            "expected a body or a value of the rule, found {}",
            parser.shown()
        ));
    }
    rule.end = parser.since(start).end;
    rules.push(rule);
    chained(parser, rules, from)
}

/// The value of a default rule is a constant or a comprehension.
fn check_default(parser: &Parser<'_>, value: Option<&Expr>) -> Result<(), SyntaxError> {
    /// The first part that is evaluated.
    struct Evaluated(Option<Span>);
    impl Visitor for Evaluated {
        fn expr(&mut self, expr: &Expr) -> bool {
            let is_evaluated = matches!(
                expr.kind,
                ExprKind::Var(_)
                    | ExprKind::Ref(..)
                    | ExprKind::Call(..)
                    | ExprKind::Infix(..)
                    | ExprKind::In(..)
                    | ExprKind::Template(_)
            );
            if is_evaluated {
                self.0.get_or_insert(expr.at);
            }
            matches!(
                expr.kind,
                ExprKind::Array(_) | ExprKind::Set(_) | ExprKind::Object(_)
            )
        }
    }
    let Some(value) = value else {
        return parser.error("a default rule needs a value");
    };
    let mut evaluated = Evaluated(None);
    each_child(value, &mut evaluated);
    match evaluated.0 {
        None => Ok(()),
        Some(at) => Err(SyntaxError {
            at,
            message: "the value of a default rule must be a constant".to_string(),
        }),
    }
}

/// In v0 `deny[msg] { … }` adds to a set.
fn as_partial_set(rule: &mut Rule) {
    let is_pair = rule.name.len() == 2 && matches!(rule.kind, RuleKind::Complete);
    // `p.q { … }` has no brackets: its part begins right after a dot
    if is_pair
        && !is_dotted(rule)
        && let Some(key) = rule.name.pop()
    {
        rule.kind = RuleKind::Set(key);
    }
}

/// True if the second part of a name is written with a dot.
fn is_dotted(rule: &Rule) -> bool {
    let end = rule.name[1].at.end;
    matches!(rule.name[1].kind, ExprKind::String(_)) && rule.at.end == end
}

/// The name of a rule, and its arguments if it is a function.
fn head(parser: &mut Parser<'_>) -> Result<(Vec<Expr>, Option<Vec<Expr>>), SyntaxError> {
    let at = parser.here().at;
    if !matches!(parser.next(), Token::Name(_)) {
        let found = parser.shown();
        return parser.error(format!("expected a rule, found {found}"));
    }
    let term = parser.term()?;
    let (term, arguments) = match term.kind {
        ExprKind::Call(function, arguments) => (*function, Some(arguments)),
        _ => (term, None),
    };
    let name = match term.kind {
        ExprKind::Var(_) => vec![term],
        ExprKind::Ref(head, parts) if matches!(head.kind, ExprKind::Var(_)) => {
            let mut name = vec![*head];
            name.extend(parts);
            name
        }
        _ => {
            return Err(SyntaxError {
                at,
                message: "expected the name of a rule".to_string(),
            });
        }
    };
    Ok((name, arguments))
}

/// The body of a rule and its `else` branches.
fn branches(
    parser: &mut Parser<'_>,
    rule: &mut Rule,
    value: Option<Expr>,
) -> Result<(), SyntaxError> {
    let at = rule.at;
    let body = rule_body(parser)?;
    rule.branches.push(Branch { value, body, at });
    while parser.is_word("else") {
        let start = parser.advance().at;
        let mut value = None;
        if parser.take_symbol(":=") || parser.take_symbol("=") {
            value = Some(parser.membership(false)?);
        }
        let at = parser.since(start);
        let body = rule_body(parser)?;
        if value.is_none() && body.is_empty() {
            return parser.error("`else` needs a value or a body");
        }
        rule.branches.push(Branch { value, body, at });
    }
    Ok(())
}

/// `if { … }`, `if statement`, or in v0 `{ … }`. Empty if there is none.
fn rule_body(parser: &mut Parser<'_>) -> Result<Vec<super::Statement>, SyntaxError> {
    if parser.take_word("if") {
        if parser.is_symbol("{") {
            let saved = parser.save();
            parser.advance();
            match parser.body("}") {
                // `if {…} == {…}` is one statement
                Ok(body) if !continues(parser) => return Ok(body),
                Err(error) => {
                    parser.restore(saved);
                    return parser.statement().map(|one| vec![one]).map_err(|_| error);
                }
                Ok(_) => parser.restore(saved),
            }
        }
        return Ok(vec![parser.statement()?]);
    }
    if parser.is_symbol("{") {
        if parser.version == Version::V1 {
            return parser.error("`if` is required before the body of a rule");
        }
        parser.advance();
        return parser.body("}");
    }
    Ok(Vec::new())
}

fn continues(parser: &Parser<'_>) -> bool {
    let next = parser.here();
    !next.after_newline
        && matches!(
            next.token,
            Token::Symbol(
                "==" | "!=" | "<" | ">" | "<=" | ">=" | "=" | "&" | "|" | "-" | "[" | "."
            )
        )
}

/// Further bodies, `p { a } { b }`: each is a definition with the same head.
fn chained(
    parser: &mut Parser<'_>,
    rules: &mut Vec<Rule>,
    first: usize,
) -> Result<(), SyntaxError> {
    while parser.is_symbol("{") && parser.version == Version::V0 {
        let start: Span = parser.advance().at;
        let body = parser.body("}")?;
        let mut next = rules[first].clone();
        let value = next.branches[0].value.clone();
        next.branches = vec![Branch {
            value,
            body,
            at: start,
        }];
        next.at = start;
        next.end = parser.since(start).end;
        rules.push(next);
    }
    Ok(())
}
