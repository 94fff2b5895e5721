//! The number of loops that an expression nests, which bounds the steps that it takes.

use kube_cel::cel::IdedExpr;
use kube_cel::cel::common::ast::{EntryExpr, Expr};

/// The deepest nesting of loops.
pub(super) fn loops(expression: &IdedExpr) -> usize {
    let deepest = |parts: &mut dyn Iterator<Item = &IdedExpr>| parts.map(loops).max().unwrap_or(0);
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
        Expr::Call(call) => {
            let target = call.target.iter().map(|target| &**target);
            deepest(&mut target.chain(&call.args))
        }
        Expr::Comprehension(one) => {
            let inside = [&one.loop_cond, &one.loop_step, &one.result, &one.accu_init];
            let body = deepest(&mut inside.into_iter());
            loops(&one.iter_range).max(body + 1)
        }
        Expr::List(list) => deepest(&mut list.elements.iter()),
        Expr::Select(select) => loops(&select.operand),
        Expr::Map(map) => {
            let entries = map.entries.iter().map(|entry| of_entry(&entry.expr));
            entries.max().unwrap_or(0)
        }
        Expr::Struct(object) => {
            let entries = object.entries.iter().map(|entry| of_entry(&entry.expr));
            entries.max().unwrap_or(0)
        }
    }
}

fn of_entry(entry: &EntryExpr) -> usize {
    match entry {
        EntryExpr::StructField(field) => loops(&field.value),
        EntryExpr::MapEntry(entry) => loops(&entry.key).max(loops(&entry.value)),
    }
}
