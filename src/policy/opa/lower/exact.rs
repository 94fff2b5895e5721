//! `{"a": x} = y` holds for objects with the key `a` and no other one. regorus takes an object with
//! more keys too, so their number is compared.

use std::collections::BTreeSet;

use crate::policy::opa::syntax::{
    Expr, ExprKind, Rule, RuleKind, Statement, StatementKind, Visitor, each_child,
};

/// A statement whose needs are met, with the checks of its patterns. It binds `bound_here`.
pub(super) fn statements(
    mut statement: Statement,
    bound_here: &BTreeSet<String>,
) -> Vec<Statement> {
    let is_assignment = matches!(statement.kind, StatementKind::Assign(..));
    let mut checks = Vec::new();
    match &mut statement.kind {
        StatementKind::Assign(left, right) | StatementKind::Unify(left, right) => {
            let binds = |side: &Expr| binds(side, bound_here);
            match (binds(left), binds(right)) {
                (false, false) if !is_assignment => {
                    let (left, right) = (left.clone(), right.clone());
                    let kind = ExprKind::Infix("==", left.into(), right.into());
                    statement.kind = StatementKind::Expr(Expr::new(statement.at, kind));
                }
                (true, _) => detach(left, &mut checks),
                (false, _) => detach(right, &mut checks),
            }
        }
        _ => {}
    }
    let mut all = vec![statement];
    all.extend(checks);
    all
}

/// The checks of the patterns among the arguments of a function.
pub(super) fn arguments(rule: &mut Rule) -> Vec<Statement> {
    let mut checks = Vec::new();
    if let RuleKind::Function(arguments) = &mut rule.kind {
        for argument in arguments {
            detach(argument, &mut checks);
        }
    }
    checks
}

/// True for a side that gives a variable a value, or that has a wildcard.
fn binds(side: &Expr, bound_here: &BTreeSet<String>) -> bool {
    struct Binds<'n>(&'n BTreeSet<String>, bool);
    impl Visitor for Binds<'_> {
        fn expr(&mut self, expr: &Expr) -> bool {
            if let ExprKind::Var(name) = &expr.kind {
                self.1 |= name == "_" || self.0.contains(name);
            }
            true
        }
    }
    let mut visitor = Binds(bound_here, false);
    each_child(side, &mut visitor);
    visitor.1
}

/// Puts a variable in the place of each object of a pattern, and compares it with the object.
fn detach(pattern: &mut Expr, checks: &mut Vec<Statement>) {
    match &mut pattern.kind {
        ExprKind::Array(items) => items.iter_mut().for_each(|item| detach(item, checks)),
        ExprKind::Object(entries) => {
            let keys: BTreeSet<&str> = entries
                .iter()
                .filter_map(|(key, _)| match &key.kind {
                    ExprKind::String(key) => Some(key.as_str()),
                    _ => None,
                })
                .collect();
            if keys.len() != entries.len() {
                return;
            }
            let at = pattern.at;
            let count = Expr::new(at, ExprKind::Number(keys.len().to_string()));
            let variable = format!("__object_{}_{}", at.start, checks.len());
            let variable = Expr::new(at, ExprKind::Var(variable));
            let mut object = std::mem::replace(pattern, variable.clone());
            let function = Expr::new(at, ExprKind::Var("count".to_string()));
            let counted = ExprKind::Call(function.into(), vec![variable.clone()]);
            let same = ExprKind::Infix("==", Expr::new(at, counted).into(), count.into());
            let mut within = Vec::new();
            if let ExprKind::Object(entries) = &mut object.kind {
                for (_, value) in entries {
                    detach(value, &mut within);
                }
            }
            checks.push(Statement::new(at, StatementKind::Expr(Expr::new(at, same))));
            checks.push(Statement::new(at, StatementKind::Unify(object, variable)));
            checks.extend(within);
        }
        _ => {}
    }
}
