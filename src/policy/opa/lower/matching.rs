//! Refuses what OPA's compiler refuses besides types of arguments: both sides of `=` that can never
//! be equal, variables that are declared and not used, and what cannot be assigned.

use super::Lowerer;
use crate::policy::opa::builtins::Types;
use crate::policy::opa::syntax::{Expr, ExprKind, Span, Statement, StatementKind};

impl Lowerer<'_> {
    /// Refuses `x = y` or `x == y` with sides, in their new form, of different types.
    pub(super) fn check_match(&mut self, at: Span, left: &Expr, right: &Expr) {
        if !self.can_match(left, right) {
            let (left, right) = (self.types(left), self.types(right));
            let message = if left == right {
                "both sides have parts of different types and are never equal".to_string()
            } else {
                format!("this compares {left} with {right}, which are never equal")
            };
            self.refuse(at, message);
        }
    }

    /// Refuses `value in collection` for a collection of values of other types.
    pub(super) fn check_item(&mut self, at: Span, value: &Expr, collection: &Expr) {
        let items = match &collection.kind {
            ExprKind::Array(items) | ExprKind::Set(items) => items,
            _ => return,
        };
        if !items.is_empty() && !items.iter().any(|item| self.can_match(value, item)) {
            self.refuse(at, "no item of the collection has the type of this value");
        }
    }

    /// Refuses `p.name` if `p` is a rule whose values have no parts.
    pub(super) fn check_selection(&mut self, at: Span, path: &[String]) {
        for end in 2..path.len() {
            let rule: Vec<&str> = path[1..end].iter().map(String::as_str).collect();
            if !self.rules.types(&rule).overlaps(Types::COLLECTION) {
                let (name, part) = (path[..end].join("."), &path[end]);
                self.refuse(at, format!("`{name}` has no part `{part}`"));
                return;
            }
        }
    }

    fn can_match(&self, left: &Expr, right: &Expr) -> bool {
        match (&left.kind, &right.kind) {
            (ExprKind::Array(left), ExprKind::Array(right)) => {
                let mut pairs = left.iter().zip(right);
                left.len() == right.len() && pairs.all(|(left, right)| self.can_match(left, right))
            }
            (ExprKind::Object(left), ExprKind::Object(right)) => self.can_match_keys(left, right),
            _ => self.types(left).overlaps(self.types(right)),
        }
    }

    /// Objects have the same keys, as far as these are constant.
    fn can_match_keys(&self, left: &[(Expr, Expr)], right: &[(Expr, Expr)]) -> bool {
        let is_text = |(key, _): &(Expr, Expr)| matches!(key.kind, ExprKind::String(_));
        if !left.iter().chain(right).all(is_text) {
            return true;
        }
        let value_of = |entries: &'_ [(Expr, Expr)], wanted: &Expr| {
            let mut same = entries.iter().filter(|(key, _)| {
                matches!((&key.kind, &wanted.kind), (ExprKind::String(key), ExprKind::String(wanted)) if key == wanted)
            });
            same.next().map(|(_, value)| value.clone())
        };
        let has_all = right.iter().all(|(key, _)| value_of(left, key).is_some());
        has_all
            && left.iter().all(|(key, value)| {
                value_of(right, key).is_some_and(|other| self.can_match(value, &other))
            })
    }

    /// Refuses variables of `some x` that nothing uses, at the end of their scope.
    pub(super) fn refuse_unused(&mut self, body: &[Statement]) {
        for statement in body {
            if let StatementKind::Some(names) = &statement.kind {
                for (name, at) in names {
                    self.check_used(name, *at);
                }
            }
        }
    }

    pub(super) fn check_used(&mut self, name: &str, at: Span) {
        if name != "_" && !self.scopes.is_used(name) {
            self.refuse(at, format!("variable `{name}` is declared and not used"));
        }
    }

    /// `:=` assigns to variables, and to arrays and objects of them.
    pub(super) fn check_assigned(&mut self, left: &Expr) {
        match &left.kind {
            ExprKind::Var(_) => {}
            ExprKind::Array(items) => items.iter().for_each(|item| self.check_assigned(item)),
            ExprKind::Object(entries) => {
                for (_, value) in entries {
                    self.check_assigned(value);
                }
            }
            _ => self.refuse(left.at, "`:=` cannot assign to this"),
        }
    }

    /// A variable cannot have the name of the input.
    pub(super) fn refuse_shadow(&mut self, name: &str, at: Span) {
        if name == "input" || name == "data" {
            self.refuse(at, format!("a variable cannot have the name `{name}`"));
        }
    }
}
