//! Rewrites parts of expressions that the interpreter lacks: `a.?b`, on which it fails if `b` is
//! missing, into `a[?"b"]`, and `cel.bind(name, value, result)` into a loop without steps. Loops and
//! sums become such that count.

use super::limit;
use kube_cel::cel::IdedExpr;
use kube_cel::cel::common::ast::operators::{OPT_INDEX, OPT_SELECT};
use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, ListExpr, LiteralValue,
};

/// Rewrites an expression and everything in it.
pub(super) fn rewrite(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                rewrite(target);
            }
            call.args.iter_mut().for_each(rewrite);
            limit::count_sum(call);
            if call.func_name == OPT_SELECT {
                call.func_name = OPT_INDEX.to_string();
            }
            if let Some(bound) = bound(call) {
                expression.expr = bound;
            } else if call.func_name == "dyn"
                && call.target.is_none()
                && let [value] = call.args.as_mut_slice()
            {
                // there are no types here that a value could hide
                *expression = std::mem::take(value);
            }
        }
        Expr::Comprehension(one) => {
            for part in [
                &mut one.iter_range,
                &mut one.accu_init,
                &mut one.loop_cond,
                &mut one.loop_step,
                &mut one.result,
            ] {
                rewrite(part);
            }
            limit::count_rounds(one);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(rewrite),
        Expr::Select(select) => {
            rewrite(&mut select.operand);
            // a field of an optional value is optional
            if !select.test && is_optional(&select.operand) {
                let id = select.operand.id;
                let field = LiteralValue::String(select.field.as_str().into());
                let field = IdedExpr {
                    id,
                    expr: Expr::Literal(field),
                };
                let operand = std::mem::take(&mut *select.operand);
                expression.expr = Expr::Call(CallExpr {
                    func_name: OPT_INDEX.to_string(),
                    target: None,
                    args: vec![operand, field],
                });
            }
        }
        Expr::Map(map) => map
            .entries
            .iter_mut()
            .for_each(|one| of_entry(&mut one.expr)),
        Expr::Struct(object) => object
            .entries
            .iter_mut()
            .for_each(|one| of_entry(&mut one.expr)),
    }
}

/// The loop for `cel.bind`.
fn bound(call: &mut CallExpr) -> Option<Expr> {
    let is_of_cel = matches!(&call.target.as_ref()?.expr, Expr::Ident(name) if name == "cel");
    let [name, value, result] = call.args.as_mut_slice() else {
        return None;
    };
    let Expr::Ident(variable) = &name.expr else {
        return None;
    };
    if !is_of_cel || call.func_name != "bind" {
        return None;
    }
    let variable = variable.clone();
    let part = |expr| IdedExpr { id: name.id, expr };
    Some(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: part(Expr::List(ListExpr::default())),
        iter_var: "#unused".to_string(),
        iter_var2: None,
        accu_init: std::mem::take(value),
        loop_cond: part(Expr::Literal(LiteralValue::Boolean(false.into()))),
        loop_step: part(Expr::Ident(variable.clone())),
        accu_var: variable,
        result: std::mem::take(result),
    })))
}

fn is_optional(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Call(call) if call.func_name == OPT_INDEX)
}

fn of_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => rewrite(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            rewrite(&mut entry.key);
            rewrite(&mut entry.value);
        }
    }
}
