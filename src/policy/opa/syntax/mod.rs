//! Rego as OPA reads it: modules with the byte span of every part.
//!
//! regorus has a parser too, but it refuses constructs that OPA accepts (a late `import`, chained
//! bodies of sets, template strings), drops comments, and takes time that doubles with each level
//! of nesting. So policies are parsed here, checked (`check`), and handed to regorus in the form
//! that it evaluates as OPA does (`lower`).

mod lex;
mod parse;
mod rules;
mod visit;

pub(in crate::policy) use visit::{Visitor, each_child, each_statement};

/// The version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Version {
    /// `deny[msg] { … }`
    V0,
    /// `deny contains msg if { … }`
    V1,
}

/// Reads a policy file.
///
/// # Errors
/// The first thing that is not valid in this version of the language.
pub(in crate::policy) fn parse(text: &str, version: Version) -> Result<Module, SyntaxError> {
    let (mut parser, comments) = parse::Parser::new(text, version)?;
    let mut module = rules::module(&mut parser)?;
    module.comments = comments;
    Ok(module)
}

/// A range of bytes in a policy file, and the line on which it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Span {
    pub(in crate::policy) start: u32,
    pub(in crate::policy) end: u32,
    /// Starts at 1.
    pub(in crate::policy) line: u32,
}

/// Why a policy is not valid Rego, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {message}", at.line)]
pub(in crate::policy) struct SyntaxError {
    pub(in crate::policy) at: Span,
    pub(in crate::policy) message: String,
}

/// A policy file.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Module {
    /// `["kubernetes", "main"]`
    pub(in crate::policy) package: Vec<String>,
    pub(in crate::policy) package_at: Span,
    pub(in crate::policy) imports: Vec<Import>,
    pub(in crate::policy) rules: Vec<Rule>,
    /// The version of the language, which `import rego.v1` raises.
    pub(in crate::policy) version: Version,
    /// True if `import future.keywords` or `import future.keywords.not` makes `not` negate a body of
    /// its own: an undefined operand makes the statement true.
    pub(in crate::policy) negates_bodies: bool,
    pub(in crate::policy) comments: Vec<Comment>,
}

/// One comment, without its `#`.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Comment {
    pub(in crate::policy) at: Span,
    pub(in crate::policy) text: String,
}

/// `import data.lib.kubernetes as k`
#[derive(Clone, Debug)]
pub(in crate::policy) struct Import {
    /// `["data", "lib", "kubernetes"]`
    pub(in crate::policy) path: Vec<String>,
    /// The name in the file: `k`.
    pub(in crate::policy) name: String,
}

/// One definition of a rule. Chained bodies, `p { a } { b }`, are two definitions.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Rule {
    /// The head.
    pub(in crate::policy) at: Span,
    pub(in crate::policy) is_default: bool,
    /// The name and, for a rule such as `limits.cpu[name]`, the terms that follow it.
    pub(in crate::policy) name: Vec<Expr>,
    pub(in crate::policy) kind: RuleKind,
    /// The body and its `else` branches. Never empty.
    pub(in crate::policy) branches: Vec<Branch>,
    /// The end of the last branch.
    pub(in crate::policy) end: u32,
}

impl Rule {
    /// The constant start of the name: `["limits", "cpu"]`.
    pub(in crate::policy) fn path(&self) -> Vec<&str> {
        let texts = self.name.iter().map_while(|part| match &part.kind {
            ExprKind::Var(name) if std::ptr::eq(part, &raw const self.name[0]) => {
                Some(name.as_str())
            }
            ExprKind::String(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

/// The form of a rule's head.
#[derive(Clone, Debug)]
pub(in crate::policy) enum RuleKind {
    /// `p := value if …`; the value is that of each branch.
    Complete,
    /// `p contains key if …`
    Set(Expr),
    /// `p(argument, …) := value if …`
    Function(Vec<Expr>),
}

/// A body and the value that it gives.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Branch {
    /// `true` if there is none.
    pub(in crate::policy) value: Option<Expr>,
    /// Empty for a rule without a body.
    pub(in crate::policy) body: Vec<Statement>,
    pub(in crate::policy) at: Span,
}

/// One statement of a body.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Statement {
    pub(in crate::policy) at: Span,
    pub(in crate::policy) negated: bool,
    pub(in crate::policy) kind: StatementKind,
    pub(in crate::policy) with: Vec<With>,
    /// True for an operand that was moved before its negation: it binds no index.
    pub(in crate::policy) is_operand: bool,
}

/// The content of a statement.
#[derive(Clone, Debug)]
pub(in crate::policy) enum StatementKind {
    /// `some x, y`
    Some(Vec<(String, Span)>),
    /// `some key, value in collection`
    SomeIn {
        key: Option<Expr>,
        value: Expr,
        collection: Expr,
    },
    /// `every key, value in domain { … }`
    Every {
        key: Option<Expr>,
        value: Expr,
        domain: Expr,
        body: Vec<Statement>,
    },
    /// `left := right`
    Assign(Expr, Expr),
    /// `left = right`
    Unify(Expr, Expr),
    Expr(Expr),
}

/// `with input.kind as "Pod"`
#[derive(Clone, Debug)]
pub(in crate::policy) struct With {
    pub(in crate::policy) target: Expr,
    pub(in crate::policy) value: Expr,
}

/// An expression.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Expr {
    pub(in crate::policy) at: Span,
    pub(in crate::policy) kind: ExprKind,
}

/// The content of an expression.
#[derive(Clone, Debug)]
pub(in crate::policy) enum ExprKind {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    String(String),
    Var(String),
    /// A term and what is selected from it. `a.b` has the string `b`.
    Ref(Box<Expr>, Vec<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    Array(Vec<Expr>),
    Set(Vec<Expr>),
    Object(Vec<(Expr, Expr)>),
    ArrayComprehension(Box<Expr>, Vec<Statement>),
    SetComprehension(Box<Expr>, Vec<Statement>),
    ObjectComprehension(Box<Expr>, Box<Expr>, Vec<Statement>),
    Infix(&'static str, Box<Expr>, Box<Expr>),
    /// `value in collection` or `key, value in collection`
    In(Option<Box<Expr>>, Box<Expr>, Box<Expr>),
    /// `$"text {value}"`; the texts are strings.
    Template(Vec<Expr>),
}

impl Statement {
    /// One without `not` and `with`.
    pub(in crate::policy) fn new(at: Span, kind: StatementKind) -> Statement {
        Statement {
            at,
            negated: false,
            kind,
            with: Vec::new(),
            is_operand: false,
        }
    }
}

impl Expr {
    pub(in crate::policy) fn new(at: Span, kind: ExprKind) -> Expr {
        Expr { at, kind }
    }

    /// `data.lib.f` as the names `data`, `lib`, `f`, for a variable or a constant reference.
    pub(in crate::policy) fn names(&self) -> Option<Vec<&str>> {
        match &self.kind {
            ExprKind::Var(name) => Some(vec![name]),
            ExprKind::Ref(head, path) => {
                let ExprKind::Var(name) = &head.kind else {
                    return None;
                };
                let mut names = vec![name.as_str()];
                for part in path {
                    let ExprKind::String(text) = &part.kind else {
                        return None;
                    };
                    names.push(text);
                }
                Some(names)
            }
            _ => None,
        }
    }

    /// The value of a constant: a scalar, or a collection of constants.
    pub(in crate::policy) fn is_constant(&self) -> bool {
        match &self.kind {
            ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String(_) => true,
            ExprKind::Array(items) | ExprKind::Set(items) => items.iter().all(Expr::is_constant),
            ExprKind::Object(entries) => entries
                .iter()
                .all(|(key, value)| key.is_constant() && value.is_constant()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
