//! Rewrites modules into the form that regorus evaluates as OPA does.
//!
//! OPA's compiler gives every local variable a name of its own, replaces imports by what they
//! import, and evaluates the operands of `not f(input.a)` before the negation, so that an undefined
//! operand makes the statement undefined and not true. regorus does none of this. All rewritten
//! modules are Rego v1, and every part keeps its line.

mod body;
mod calls;
mod exact;
mod matching;
mod negation;
mod print;
mod replaced;
mod safety;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use super::builtins::Types;
use super::engine::Document;
use super::graph::Graph;
use super::metadata::Annotations;
use super::syntax::{Branch, Expr, ExprKind, Module, Rule, RuleKind, Span, SyntaxError};
use scope::Scopes;

/// All rules by package, and the number of arguments of functions.
#[derive(Debug, Default)]
pub(in crate::policy) struct Rules {
    /// `data.lib.f` is `["lib", "f"]`; the value is the number of arguments of a function.
    by_path: BTreeMap<Vec<String>, Option<usize>>,
    /// The first names of the rules of each package.
    by_package: BTreeMap<Vec<String>, BTreeSet<String>>,
    /// The documents below `data` that are passed with the input.
    documents: &'static [Document],
    /// Built-in functions that some `with` replaces.
    replaced: BTreeSet<&'static str>,
    /// The types of the values of rules, as far as their heads tell.
    types: BTreeMap<Vec<String>, Types>,
}

impl Rules {
    pub(in crate::policy) fn of<'m>(
        modules: impl IntoIterator<Item = &'m Module>,
        documents: &'static [Document],
    ) -> Rules {
        let mut rules = Rules {
            documents,
            ..Rules::default()
        };
        for module in modules {
            rules.replaced.extend(replaced::replaced_in(module));
            let package = rules.by_package.entry(module.package.clone()).or_default();
            for rule in &module.rules {
                let path = rule.path();
                package.extend(path.first().map(|name| (*name).to_string()));
                let mut whole = module.package.clone();
                whole.extend(path.into_iter().map(str::to_string));
                let arity = match &rule.kind {
                    RuleKind::Function(arguments) => Some(arguments.len()),
                    _ => None,
                };
                let types = rules.types.entry(whole.clone()).or_insert(Types::NONE);
                *types = types.or(types_of(rule));
                rules.by_path.entry(whole).or_insert(arity);
            }
        }
        rules
    }

    /// A module that the rewritten modules call.
    pub(in crate::policy) fn prelude(&self) -> String {
        replaced::module(&self.replaced)
    }

    fn has(&self, package: &[String], name: &str) -> bool {
        self.by_package
            .get(package)
            .is_some_and(|names| names.contains(name))
    }

    /// The number of arguments of a function; nothing for other rules and unknown paths.
    fn arity(&self, path: &[String]) -> Option<usize> {
        self.by_path.get(path).copied().flatten()
    }

    /// The types of a rule's value, or of a function's result.
    fn types(&self, path: &[&str]) -> Types {
        let path: Vec<String> = path.iter().map(|name| (*name).to_string()).collect();
        self.types.get(&path).copied().unwrap_or(Types::ANY)
    }

    /// True for the start of a name: `limits` if there is a rule `limits.cpu`.
    fn is_tree(&self, path: &[String]) -> bool {
        let is_within = |package: &Vec<String>| {
            path.len() > package.len() && path.starts_with(package.as_slice())
        };
        let is_longer = |rule: &Vec<String>| rule.len() > path.len() && rule.starts_with(path);
        let is_package = |package: &Vec<String>| package.starts_with(path);
        self.by_package.keys().any(is_within)
            && !self.by_package.keys().any(is_package)
            && !self.by_path.contains_key(path)
            && self.by_path.keys().any(is_longer)
    }

    /// Each rule that a reference reaches: the one that it names, those below it, and the one that
    /// it selects from.
    fn reached<'r>(&'r self, path: &'r [String]) -> impl Iterator<Item = &'r Vec<String>> + 'r {
        self.by_path
            .keys()
            .filter(move |rule| rule.starts_with(path) || path.starts_with(rule))
    }
}

/// A module in the form for regorus.
pub(in crate::policy) struct Lowered {
    pub(in crate::policy) text: String,
    /// For each rule of the module the name under which it is evaluated.
    pub(in crate::policy) names: Vec<String>,
}

/// Rewrites one module. What OPA would refuse goes to `problems`, and what each rule refers to to
/// `graph`.
pub(in crate::policy) fn lower(
    module: &Module,
    annotations: &Annotations,
    rules: &Rules,
    tests: &mut BTreeMap<(Vec<String>, String), usize>,
    graph: &mut Graph,
) -> Result<Lowered, Vec<SyntaxError>> {
    let mut lowerer = Lowerer {
        module,
        annotations,
        rules,
        scopes: Scopes::default(),
        problems: Vec::new(),
        references: BTreeSet::new(),
        rule: 0,
    };
    let mut lowered = Vec::new();
    let mut names = Vec::new();
    for (number, rule) in module.rules.iter().enumerate() {
        lowerer.rule = number;
        let mut rewritten = lowerer.whole_rule(rule);
        for (at, name) in safety::order_rule(&mut rewritten) {
            lowerer.refuse_unsafe(at, &name);
        }
        if let Some(name) = repeated_test(module, rule, tests) {
            rewritten.name[0].kind = ExprKind::Var(name);
        }
        names.push(rewritten.path().join("."));
        let mut path = module.package.clone();
        path.extend(rule.path().into_iter().map(str::to_string));
        let references = std::mem::take(&mut lowerer.references);
        let reached = references.iter().flat_map(|to| rules.reached(to));
        graph.add(path, rule.at, reached.cloned());
        lowered.push(rewritten);
    }
    if !lowerer.problems.is_empty() {
        lowerer.problems.sort_by_key(|problem| problem.at);
        lowerer.problems.dedup();
        return Err(lowerer.problems);
    }
    match print::module(&module.package, &lowered) {
        Ok(text) => Ok(Lowered { text, names }),
        Err(error) => Err(vec![error]),
    }
}

/// Each definition of a test is a test of its own. The second gets the name `test_a__2`.
fn repeated_test(
    module: &Module,
    rule: &Rule,
    tests: &mut BTreeMap<(Vec<String>, String), usize>,
) -> Option<String> {
    let path = rule.path();
    let [name] = path.as_slice() else { return None };
    let is_test = name.starts_with("test_") || name.starts_with("todo_test_");
    if !is_test || rule.name.len() > 1 || !matches!(rule.kind, RuleKind::Complete) {
        return None;
    }
    let seen = tests
        .entry((module.package.clone(), (*name).to_string()))
        .or_insert(0);
    *seen += 1;
    (*seen > 1).then(|| format!("{name}__{seen}"))
}

struct Lowerer<'m> {
    module: &'m Module,
    annotations: &'m Annotations,
    rules: &'m Rules,
    scopes: Scopes,
    problems: Vec<SyntaxError>,
    /// The paths below `data` that the rule mentions.
    references: BTreeSet<Vec<String>>,
    /// The number of the rule.
    rule: usize,
}

impl Lowerer<'_> {
    fn refuse(&mut self, at: Span, message: impl Into<String>) {
        self.problems.push(SyntaxError {
            at,
            message: message.into(),
        });
    }

    fn refuse_unsafe(&mut self, at: Span, name: &str) {
        let written = name.split("__").next().unwrap_or_default();
        // a variable of our own stands for an expression with a variable that is reported too
        if !written.is_empty() {
            self.refuse(at, format!("variable `{written}` is never given a value"));
        }
    }

    fn whole_rule(&mut self, rule: &Rule) -> Rule {
        self.scopes = Scopes::new(self.globals());
        let mut result = rule.clone();
        // of arguments with the same name
        let mut same = Vec::new();
        if let RuleKind::Function(arguments) = &rule.kind {
            for argument in arguments {
                self.declare_all(argument);
            }
            let mut lowered: Vec<Expr> = arguments.iter().map(|one| self.expr(one)).collect();
            let mut seen = BTreeSet::new();
            for argument in &mut lowered {
                self.apart(argument, &mut seen, &mut same);
            }
            result.kind = RuleKind::Function(lowered);
        }
        if rule.is_default {
            for branch in &mut result.branches {
                branch.value = branch.value.as_ref().map(|value| self.expr(value));
            }
            return result;
        }
        let last = rule.branches.len();
        let mut branches = Vec::new();
        for (number, branch) in rule.branches.iter().enumerate() {
            self.scopes.open();
            let mut body = same.clone();
            body.extend(self.body(&branch.body));
            let mut value = branch.value.as_ref().map(|value| self.expr(value));
            if number == 0 {
                self.rest_of_head(rule, &mut result, &mut body);
            }
            let is_alone = last == 1 && !matches!(rule.kind, RuleKind::Function(_));
            if let Some(head) = &mut value
                && !(is_alone && is_plain(head))
                && !head.is_constant()
            {
                *head = self.moved_to_body(head.clone(), &mut body);
            }
            self.refuse_unused(&branch.body);
            self.scopes.close();
            branches.push(Branch {
                value,
                body,
                at: branch.at,
            });
        }
        result.branches = branches;
        result
    }

    /// The key of a set and the variable parts of a name, which see the variables of the body.
    fn rest_of_head(
        &mut self,
        rule: &Rule,
        result: &mut Rule,
        body: &mut Vec<super::syntax::Statement>,
    ) {
        let parts = rule.name.iter().skip(1);
        let parts: Vec<Expr> = parts.map(|part| self.expr(part)).collect();
        for (at, part) in parts.into_iter().enumerate() {
            let part = if is_plain(&part) {
                part
            } else {
                self.moved_to_body(part, body)
            };
            result.name[at + 1] = part;
        }
        if let RuleKind::Set(key) = &rule.kind {
            let key = self.expr(key);
            let key = if is_plain(&key) {
                key
            } else {
                self.moved_to_body(key, body)
            };
            result.kind = RuleKind::Set(key);
        }
    }

    /// Adds `fresh := expr` to a body, and returns `fresh`.
    fn moved_to_body(&mut self, expr: Expr, body: &mut Vec<super::syntax::Statement>) -> Expr {
        let fresh = self.scopes.fresh(expr.at);
        body.push(negation::assignment(fresh.clone(), expr, &[]));
        fresh
    }

    fn globals(&self) -> BTreeSet<String> {
        let rules = self.rules.by_package.get(&self.module.package);
        let imports = self.module.imports.iter().map(|import| import.name.clone());
        rules
            .into_iter()
            .flatten()
            .cloned()
            .chain(imports)
            .collect()
    }
}

/// The types of the value that a definition of a rule gives, as far as its head tells.
fn types_of(rule: &Rule) -> Types {
    if matches!(rule.kind, RuleKind::Set(_)) && rule.path().len() == rule.name.len() {
        return Types::SET;
    }
    if rule.path().len() < rule.name.len() {
        return Types::OBJECT;
    }
    let values = rule.branches.iter().map(|branch| match &branch.value {
        None => Types::BOOLEAN,
        Some(value) => Types::of_literal(&value.kind),
    });
    values.fold(Types::NONE, Types::or)
}

/// True for what regorus evaluates in a head as OPA does: variables, constants, and collections of
/// them.
fn is_plain(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Var(_) => true,
        ExprKind::Array(items) | ExprKind::Set(items) => items.iter().all(is_plain),
        ExprKind::Object(entries) => entries
            .iter()
            .all(|(key, value)| is_plain(key) && is_plain(value)),
        _ => expr.is_constant(),
    }
}

/// `data.lib.f` and what follows it.
fn reference_to(at: Span, path: &[String], parts: Vec<Expr>) -> Expr {
    let head = path.first().cloned().unwrap_or_default();
    let head = Expr::new(at, ExprKind::Var(head));
    let names = path.iter().skip(1);
    let mut all: Vec<Expr> = names
        .map(|name| Expr::new(at, ExprKind::String(name.clone())))
        .collect();
    all.extend(parts);
    if all.is_empty() {
        head
    } else {
        Expr::new(at, ExprKind::Ref(head.into(), all))
    }
}

#[cfg(test)]
mod tests;
