//! `not f(input.a)` becomes `__1 := input.a; not f(__1)`: an undefined operand makes the statement
//! undefined, as in OPA.

use super::Lowerer;
use crate::policy::opa::syntax::{Expr, ExprKind, Statement, StatementKind, With};

/// `left := right` with the given modifiers.
pub(super) fn assignment(left: Expr, right: Expr, with: &[With]) -> Statement {
    Statement {
        with: with.to_vec(),
        ..Statement::new(right.at, StatementKind::Assign(left, right))
    }
}

impl Lowerer<'_> {
    /// Moves the operands of a negated expression before it.
    pub(super) fn negated(
        &mut self,
        expr: Expr,
        with: &[With],
        before: &mut Vec<Statement>,
    ) -> Expr {
        let mut moved = Moved {
            lowerer: self,
            with,
            before,
        };
        let kind = match expr.kind {
            ExprKind::Call(function, arguments) => {
                let arguments = arguments.into_iter().map(|one| moved.operand(one));
                ExprKind::Call(function, arguments.collect())
            }
            ExprKind::Infix("==", left, right) => {
                ExprKind::Infix("==", moved.side(*left).into(), moved.side(*right).into())
            }
            ExprKind::Infix(operator, left, right) => ExprKind::Infix(
                operator,
                moved.operand(*left).into(),
                moved.operand(*right).into(),
            ),
            ExprKind::In(key, value, collection) => ExprKind::In(
                key.map(|key| moved.operand(*key).into()),
                moved.operand(*value).into(),
                moved.operand(*collection).into(),
            ),
            ExprKind::Ref(head, parts) => {
                let parts = parts.into_iter().map(|part| moved.operand(part));
                ExprKind::Ref(head, parts.collect())
            }
            ExprKind::Array(_) | ExprKind::Set(_) | ExprKind::Object(_) => {
                return moved.operand(expr);
            }
            other => other,
        };
        Expr::new(expr.at, kind)
    }

    /// Both sides of a negated `=`.
    pub(super) fn negated_side(
        &mut self,
        expr: Expr,
        with: &[With],
        before: &mut Vec<Statement>,
    ) -> Expr {
        let mut moved = Moved {
            lowerer: self,
            with,
            before,
        };
        moved.side(expr)
    }
}

struct Moved<'a, 'l, 'm> {
    lowerer: &'a mut Lowerer<'l>,
    with: &'m [With],
    before: &'m mut Vec<Statement>,
}

impl Moved<'_, '_, '_> {
    /// An operand: whatever can be undefined is moved.
    fn operand(&mut self, expr: Expr) -> Expr {
        let kind = match expr.kind {
            ExprKind::Ref(..)
            | ExprKind::Call(..)
            | ExprKind::Infix(..)
            | ExprKind::In(..)
            | ExprKind::Template(_) => {
                let fresh = self.lowerer.scopes.fresh(expr.at);
                let is_operand = matches!(expr.kind, ExprKind::Ref(..));
                let assignment = assignment(fresh.clone(), expr, self.with);
                self.before.push(Statement {
                    is_operand,
                    ..assignment
                });
                return fresh;
            }
            ExprKind::Array(items) => {
                ExprKind::Array(items.into_iter().map(|item| self.operand(item)).collect())
            }
            ExprKind::Set(items) => {
                ExprKind::Set(items.into_iter().map(|item| self.operand(item)).collect())
            }
            ExprKind::Object(entries) => {
                let entries = entries.into_iter();
                let moved = entries.map(|(key, value)| (self.operand(key), self.operand(value)));
                ExprKind::Object(moved.collect())
            }
            other => other,
        };
        Expr::new(expr.at, kind)
    }

    /// A side of `==`, where an undefined reference makes the comparison undefined and its negation
    /// true. Only calls and the indices of references are moved.
    fn side(&mut self, expr: Expr) -> Expr {
        match expr.kind {
            ExprKind::Ref(head, parts) => {
                let parts = parts.into_iter().map(|part| self.operand(part)).collect();
                Expr::new(expr.at, ExprKind::Ref(head, parts))
            }
            _ => self.operand(expr),
        }
    }
}
