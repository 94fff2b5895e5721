//! Resolves calls, and refuses those that OPA refuses: unknown functions, a wrong number of
//! arguments, and arguments whose type can never fit.

use super::{Lowerer, reference_to, replaced};
use crate::policy::opa::builtins::{Signature, Types, signature};
use crate::policy::opa::syntax::{Expr, ExprKind, Span, Statement, StatementKind, Version, With};

/// Functions that are operators under another name.
const OPERATORS: [(&str, &str); 15] = [
    ("plus", "+"),
    ("minus", "-"),
    ("mul", "*"),
    ("div", "/"),
    ("rem", "%"),
    ("and", "&"),
    ("or", "|"),
    ("set_diff", "-"),
    ("eq", "=="),
    ("equal", "=="),
    ("neq", "!="),
    ("lt", "<"),
    ("lte", "<="),
    ("gt", ">"),
    ("gte", ">="),
];

/// Functions of v0 that v1 does not have.
const DEPRECATED: [&str; 11] = [
    "all",
    "any",
    "cast_array",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "cast_set",
    "cast_string",
    "net.cidr_overlap",
    "re_match",
    "set_diff",
];

/// The functions that compute operators.
const FUNCTIONS: [(&str, &str); 7] = [
    ("+", "__plus"),
    ("-", "__minus"),
    ("*", "__times"),
    ("/", "__divide"),
    ("%", "__remainder"),
    ("|", "__union"),
    ("&", "__intersection"),
];

/// The types of the result of an operator.
fn result_of(operator: &str) -> Types {
    match operator {
        "+" | "*" | "/" | "%" => Types::NUMBER,
        "|" | "&" => Types::SET,
        // OPA does not tell from the operands which of both it is
        "-" => Types::NUMBER.or(Types::SET),
        _ => Types::BOOLEAN,
    }
}

/// Where a call goes.
enum Callee {
    /// A rule: its path below `data`.
    Rule(Vec<String>),
    BuiltIn(&'static Signature),
    Unknown,
}

impl Lowerer<'_> {
    fn callee(&mut self, names: &[&str]) -> Callee {
        let (Some(first), rest) = (names.first(), names.get(1..).unwrap_or_default()) else {
            return Callee::Unknown;
        };
        if self.scopes.get(first).is_none()
            && let Some(mut path) = self.global(first)
        {
            path.extend(rest.iter().map(|name| (*name).to_string()));
            return Callee::Rule(path);
        }
        match signature(&names.join(".")) {
            Some(signature) => Callee::BuiltIn(signature),
            None => Callee::Unknown,
        }
    }

    pub(super) fn call(&mut self, at: Span, function: &Expr, arguments: &[Expr]) -> Expr {
        let lowered: Vec<Expr> = arguments.iter().map(|one| self.expr(one)).collect();
        let names = function.names().unwrap_or_default();
        match self.callee(&names) {
            Callee::Rule(path) => {
                self.check_rule(at, &path, lowered.len());
                self.references.insert(path[1..].to_vec());
                let function = reference_to(function.at, &path, Vec::new());
                Expr::new(at, ExprKind::Call(function.into(), lowered))
            }
            Callee::BuiltIn(signature) => self.built_in(at, function, signature, lowered),
            Callee::Unknown => {
                self.refuse(at, format!("undefined function `{}`", names.join(".")));
                Expr::new(at, ExprKind::Null)
            }
        }
    }

    fn check_rule(&mut self, at: Span, path: &[String], count: usize) {
        let arity = self.rules.arity(path.get(1..).unwrap_or_default());
        let name = path.last().cloned().unwrap_or_default();
        match arity {
            None => {
                let path = path.join(".");
                self.refuse(at, format!("undefined function `{path}`"));
            }
            Some(arity) if arity != count => {
                let wanted = crate::wording::count(arity, "argument");
                self.refuse(at, format!("`{name}` takes {wanted}, not {count}"));
            }
            Some(_) => {}
        }
    }

    fn built_in(
        &mut self,
        at: Span,
        function: &Expr,
        signature: &'static Signature,
        arguments: Vec<Expr>,
    ) -> Expr {
        let name = signature.name;
        if let Some(wanted) = signature.arity()
            && wanted != arguments.len()
        {
            let wanted = crate::wording::count(wanted, "argument");
            let count = arguments.len();
            self.refuse(at, format!("`{name}` takes {wanted}, not {count}"));
            return Expr::new(at, ExprKind::Null);
        }
        self.check_types(signature, &arguments);
        if self.module.version == Version::V1 && DEPRECATED.contains(&name) {
            self.refuse(at, format!("`{name}` is deprecated, and Rego v1 lacks it"));
        }
        match name {
            // a relation: `walk` has a result for each value
            "walk" => {
                let function = Expr::new(function.at, ExprKind::Var("__walk".to_string()));
                let pairs = Expr::new(at, ExprKind::Call(function.into(), arguments));
                let any = Expr::new(at, ExprKind::Var("_".to_string()));
                return Expr::new(at, ExprKind::Ref(pairs.into(), vec![any]));
            }
            "rego.metadata.rule" => return self.annotations.rule(at, self.rule),
            "rego.metadata.chain" => return self.annotations.chain(at, self.rule),
            _ => {}
        }
        let operator = OPERATORS.iter().find(|(known, _)| *known == name);
        if let (Some((_, operator)), [left, right]) = (operator, arguments.as_slice()) {
            return Self::infix(at, operator, left.clone(), right.clone());
        }
        if self.rules.replaced.contains(name) {
            let function = replaced::function(function.at, name);
            return Expr::new(at, ExprKind::Call(function.into(), arguments));
        }
        let name = match name {
            "re_match" => "regex.match",
            "net.cidr_overlap" => "net.cidr_contains",
            other => other,
        };
        let function = Expr::new(function.at, ExprKind::Var(name.to_string()));
        Expr::new(at, ExprKind::Call(function.into(), arguments))
    }

    fn check_types(&mut self, signature: &'static Signature, arguments: &[Expr]) {
        let wanted = signature.arguments.iter().zip(&signature.items);
        for (argument, (wanted, items)) in arguments.iter().zip(wanted) {
            self.check_type(signature.name, argument, *wanted);
            match &argument.kind {
                ExprKind::Array(found) | ExprKind::Set(found) => {
                    for item in found {
                        self.check_type(signature.name, item, *items);
                    }
                }
                ExprKind::Object(found) => {
                    for (_, value) in found {
                        self.check_type(signature.name, value, *items);
                    }
                }
                _ => {}
            }
        }
    }

    fn check_type(&mut self, name: &str, argument: &Expr, wanted: Types) {
        let found = self.types(argument);
        if !found.overlaps(wanted) {
            let message = format!("`{name}` needs {wanted} here, and this is {found}");
            self.refuse(argument.at, message);
        }
    }

    /// An operator with its operands in their new form. A function computes it, which is undefined
    /// for operands of the wrong type.
    pub(super) fn infix(at: Span, operator: &'static str, left: Expr, right: Expr) -> Expr {
        let function = FUNCTIONS.iter().find(|(known, _)| *known == operator);
        match function {
            Some((_, function)) => {
                let function = Expr::new(at, ExprKind::Var((*function).to_string()));
                Expr::new(at, ExprKind::Call(function.into(), vec![left, right]))
            }
            None => Expr::new(at, ExprKind::Infix(operator, left.into(), right.into())),
        }
    }

    /// `value in collection`, or `key, value in collection`: a function, as an undefined part makes
    /// it undefined.
    pub(super) fn member(at: Span, parts: Vec<Expr>) -> Expr {
        let name = match parts.len() {
            3 => "internal.member_3",
            _ => "internal.member_2",
        };
        let function = Expr::new(at, ExprKind::Var(name.to_string()));
        Expr::new(at, ExprKind::Call(function.into(), parts))
    }

    /// Operators take numbers, and `-`, `|` and `&` sets.
    pub(super) fn check_operands(&mut self, operator: &str, left: &Expr, right: &Expr) {
        let wanted = match operator {
            "+" | "*" | "/" | "%" => Types::NUMBER,
            "-" => Types::NUMBER.or(Types::SET),
            "|" | "&" => Types::SET,
            _ => return,
        };
        for side in [left, right] {
            let found = self.types(side);
            if !found.overlaps(wanted) {
                self.refuse(
                    side.at,
                    format!("`{operator}` needs {wanted} here, and this is {found}"),
                );
            }
        }
    }

    /// The types that an expression in its new form can have.
    pub(super) fn types(&self, expr: &Expr) -> Types {
        match &expr.kind {
            ExprKind::Var(name) => self.scopes.types(name),
            ExprKind::Ref(head, _) => match (&head.kind, expr.names()) {
                (ExprKind::Var(name), Some(names)) if name == "data" => {
                    self.rules.types(&names[1..])
                }
                _ => Types::ANY,
            },
            ExprKind::Call(function, _) => {
                let names = function.names().unwrap_or_default();
                if names.len() > 2 && names[0] == "data" {
                    return self.rules.types(&names[1..]);
                }
                let names = names.join(".");
                let operator = FUNCTIONS.iter().find(|(_, function)| *function == names);
                match operator {
                    Some((operator, _)) => result_of(operator),
                    // a rule has a path, so that its name cannot be that of a built-in function
                    None => signature(&names).map_or(Types::ANY, |signature| signature.result),
                }
            }
            ExprKind::Infix(operator, ..) => result_of(operator),
            literal => Types::of_literal(literal),
        }
    }

    /// The call of a reference such as `f(x)[_]`, moved before the statement.
    fn called_before(&mut self, expr: Expr, with: &[With], out: &mut Vec<Statement>) -> Expr {
        match expr.kind {
            ExprKind::Ref(head, parts) if matches!(head.kind, ExprKind::Call(..)) => {
                let head = self.local(*head, with, out);
                Expr::new(expr.at, ExprKind::Ref(head.into(), parts))
            }
            _ => expr,
        }
    }

    /// A statement that is an expression. A call with one argument more than the function has
    /// unifies that argument with the result: `count(xs, n)`.
    pub(super) fn statement_expr(
        &mut self,
        expr: &Expr,
        negated: bool,
        with: &[With],
        out: &mut Vec<Statement>,
    ) -> StatementKind {
        if let ExprKind::In(_, value, collection) = &expr.kind {
            let (value, collection) = (self.expr(value), self.expr(collection));
            self.check_item(expr.at, &value, &collection);
        }
        if let ExprKind::Infix("==", left, right) = &expr.kind {
            let (left, right) = (self.expr(left), self.expr(right));
            self.check_match(expr.at, &left, &right);
            return StatementKind::Expr(Self::infix(expr.at, "==", left, right));
        }
        let ExprKind::Call(function, arguments) = &expr.kind else {
            return StatementKind::Expr(self.expr(expr));
        };
        let names = function.names().unwrap_or_default();
        let arity = match self.callee(&names) {
            Callee::Rule(path) => self.rules.arity(&path[1..]),
            Callee::BuiltIn(signature) => signature.arity(),
            Callee::Unknown => None,
        };
        match (arity, arguments.split_last()) {
            (Some(arity), Some((output, inputs))) if inputs.len() == arity => {
                let output = self.expr(output);
                let call = self.call(expr.at, function, inputs);
                let mut result = self.called_before(call, with, out);
                match &mut result.kind {
                    // a result of `walk`; a negation binds no index
                    ExprKind::Ref(pairs, _) if negated => {
                        let pairs = std::mem::replace(&mut **pairs, output.clone());
                        StatementKind::Expr(Self::member(expr.at, vec![output, pairs]))
                    }
                    _ => StatementKind::Unify(output, result),
                }
            }
            _ => StatementKind::Expr(self.expr(expr)),
        }
    }
}
