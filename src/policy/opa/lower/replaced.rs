//! Built-in functions that a policy replaces: `with http.send as mock`. regorus cannot replace a
//! function that it does not have itself, so all calls of a replaced function go through a rule.

use std::collections::BTreeSet;

use super::reference_to;
use crate::policy::opa::builtins::signature;
use crate::policy::opa::syntax::{
    Expr, Module, Span, Statement, Visitor, each_child, each_statement,
};

/// The package of the rules.
const PACKAGE: &str = "__builtin";

/// The name of the rule for a function: `call__http__send`. Without the prefix, the rule for `lower`
/// would call itself.
fn rule_name(function: &str) -> String {
    format!("call__{}", function.replace('.', "__"))
}

/// The rule that calls a built-in function.
pub(super) fn function(at: Span, name: &str) -> Expr {
    let path = ["data", PACKAGE, &rule_name(name)].map(str::to_string);
    reference_to(at, &path, Vec::new())
}

/// True for the path of such a rule.
pub(super) fn is_function(names: &[&str]) -> bool {
    names.starts_with(&["data", PACKAGE])
}

/// The built-in functions that a module replaces, or replaces others by.
pub(super) fn replaced_in(module: &Module) -> BTreeSet<&'static str> {
    struct Targets(BTreeSet<&'static str>);
    impl Visitor for Targets {
        fn statement(&mut self, statement: &Statement) {
            for with in &statement.with {
                for expr in [&with.target, &with.value] {
                    let name = expr.names().map(|names| names.join("."));
                    let known = name.and_then(|name| signature(&name));
                    self.0.extend(known.map(|signature| signature.name));
                }
            }
        }
    }
    let mut targets = Targets(BTreeSet::new());
    for rule in &module.rules {
        for branch in &rule.branches {
            for statement in &branch.body {
                each_statement(statement, &mut targets);
            }
            if let Some(value) = &branch.value {
                each_child(value, &mut targets);
            }
        }
    }
    targets.0
}

/// The module with the rules.
pub(super) fn module(functions: &BTreeSet<&'static str>) -> String {
    let mut text = format!("package {PACKAGE}\n");
    for name in functions {
        let count = signature(name).and_then(|signature| signature.arity());
        let Some(count) = count else { continue };
        let arguments: Vec<String> = (0..count).map(|at| format!("a{at}")).collect();
        let arguments = arguments.join(", ");
        let rule = rule_name(name);
        text.push_str(&format!(
            "{rule}({arguments}) := v if {{ v := {name}({arguments}) }}\n"
        ));
    }
    text
}
