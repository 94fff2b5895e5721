//! Walks over the parts of expressions and statements.

use super::{Expr, ExprKind, Statement, StatementKind};

/// Receives each expression and statement that a walk meets.
pub(in crate::policy) trait Visitor {
    /// Called before the parts of an expression. False to leave them out.
    fn expr(&mut self, _expr: &Expr) -> bool {
        true
    }

    /// Called before the parts of a statement.
    fn statement(&mut self, _statement: &Statement) {}
}

/// Walks over an expression and everything in it.
pub(in crate::policy) fn each_child(expr: &Expr, visitor: &mut dyn Visitor) {
    if !visitor.expr(expr) {
        return;
    }
    match &expr.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::Var(_) => {}
        ExprKind::Ref(head, parts) | ExprKind::Call(head, parts) => {
            each_child(head, visitor);
            parts.iter().for_each(|part| each_child(part, visitor));
        }
        ExprKind::Array(items) | ExprKind::Set(items) | ExprKind::Template(items) => {
            items.iter().for_each(|item| each_child(item, visitor));
        }
        ExprKind::Object(entries) => {
            for (key, value) in entries {
                each_child(key, visitor);
                each_child(value, visitor);
            }
        }
        ExprKind::ArrayComprehension(head, body) | ExprKind::SetComprehension(head, body) => {
            body.iter()
                .for_each(|statement| each_statement(statement, visitor));
            each_child(head, visitor);
        }
        ExprKind::ObjectComprehension(key, value, body) => {
            body.iter()
                .for_each(|statement| each_statement(statement, visitor));
            each_child(key, visitor);
            each_child(value, visitor);
        }
        ExprKind::Infix(_, left, right) => {
            each_child(left, visitor);
            each_child(right, visitor);
        }
        ExprKind::In(key, value, collection) => {
            if let Some(key) = key {
                each_child(key, visitor);
            }
            each_child(value, visitor);
            each_child(collection, visitor);
        }
    }
}

/// Walks over a statement and everything in it.
pub(in crate::policy) fn each_statement(statement: &Statement, visitor: &mut dyn Visitor) {
    visitor.statement(statement);
    match &statement.kind {
        StatementKind::Some(_) => {}
        StatementKind::SomeIn {
            key,
            value,
            collection,
        } => {
            each_child(collection, visitor);
            key.iter().for_each(|key| each_child(key, visitor));
            each_child(value, visitor);
        }
        StatementKind::Every {
            key,
            value,
            domain,
            body,
        } => {
            each_child(domain, visitor);
            key.iter().for_each(|key| each_child(key, visitor));
            each_child(value, visitor);
            body.iter().for_each(|inner| each_statement(inner, visitor));
        }
        StatementKind::Assign(left, right) | StatementKind::Unify(left, right) => {
            each_child(left, visitor);
            each_child(right, visitor);
        }
        StatementKind::Expr(expr) => each_child(expr, visitor),
    }
    for with in &statement.with {
        each_child(&with.target, visitor);
        each_child(&with.value, visitor);
    }
}
