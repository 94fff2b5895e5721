//! Resolves calls, and refuses those that OPA refuses: unknown functions, a wrong number of
//! arguments, and arguments whose type can never fit.

use super::{Lowerer, reference_to, replaced};
use crate::policy::opa::builtins::{Signature, Types, signature};
use crate::policy::opa::syntax::{Expr, ExprKind, Span, Statement, StatementKind, With};

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
            return self.infix(at, operator, left.clone(), right.clone());
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
        for (argument, wanted) in arguments.iter().zip(&signature.arguments) {
            let found = self.types(argument);
            if !found.overlaps(*wanted) {
                let name = signature.name;
                self.refuse(
                    argument.at,
                    format!("`{name}` needs {wanted} here, and this is {found}"),
                );
            }
        }
    }

    /// An operator with its operands in their new form. Unless both are known to be numbers, a
    /// function computes it, which is undefined for operands of the wrong type.
    pub(super) fn infix(&self, at: Span, operator: &'static str, left: Expr, right: Expr) -> Expr {
        let are_numbers = self.types(&left) == Types::NUMBER && self.types(&right) == Types::NUMBER;
        let is_total = matches!(operator, "+" | "-" | "*");
        let function = FUNCTIONS.iter().find(|(known, _)| *known == operator);
        match function {
            Some((_, function)) if !(are_numbers && is_total) => {
                let function = Expr::new(at, ExprKind::Var((*function).to_string()));
                Expr::new(at, ExprKind::Call(function.into(), vec![left, right]))
            }
            _ => Expr::new(at, ExprKind::Infix(operator, left.into(), right.into())),
        }
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
            ExprKind::Null => Types::NULL,
            ExprKind::Bool(_) | ExprKind::In(..) => Types::BOOLEAN,
            ExprKind::Number(_) => Types::NUMBER,
            ExprKind::String(_) | ExprKind::Template(_) => Types::STRING,
            ExprKind::Array(_) | ExprKind::ArrayComprehension(..) => Types::ARRAY,
            ExprKind::Set(_) | ExprKind::SetComprehension(..) => Types::SET,
            ExprKind::Object(_) | ExprKind::ObjectComprehension(..) => Types::OBJECT,
            ExprKind::Var(name) => self.scopes.types(name),
            ExprKind::Ref(..) => Types::ANY,
            ExprKind::Call(function, _) => {
                let names = function.names().unwrap_or_default().join(".");
                let operator = FUNCTIONS.iter().find(|(_, function)| *function == names);
                match operator {
                    Some((operator, _)) => result_of(operator),
                    // a rule has a path, so that its name cannot be that of a built-in function
                    None => signature(&names).map_or(Types::ANY, |signature| signature.result),
                }
            }
            ExprKind::Infix(operator, ..) => result_of(operator),
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
        with: &[With],
        out: &mut Vec<Statement>,
    ) -> StatementKind {
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
                StatementKind::Unify(output, self.called_before(call, with, out))
            }
            _ => StatementKind::Expr(self.expr(expr)),
        }
    }
}
