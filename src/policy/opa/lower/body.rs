//! Rewrites bodies and expressions.

use std::collections::BTreeSet;

use super::negation::assignment;
use super::{Lowerer, reference_to, replaced};
use crate::policy::opa::engine::Document;
use crate::policy::opa::syntax::{
    Expr, ExprKind, Span, Statement, StatementKind, Visitor, With, each_child,
};

impl Lowerer<'_> {
    /// The statements of a body, in the innermost scope.
    pub(super) fn body(&mut self, statements: &[Statement]) -> Vec<Statement> {
        for statement in statements {
            self.declare_in(statement);
        }
        let mut result = Vec::new();
        for statement in statements {
            self.statement(statement, &mut result);
        }
        if result.is_empty() && !statements.is_empty() {
            let at = statements[0].at;
            let truth = Expr::new(at, ExprKind::Bool(true));
            result.push(Statement::new(at, StatementKind::Expr(truth)));
        }
        result
    }

    /// Declares what a statement declares for its body.
    fn declare_in(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Some(names) => {
                for (name, at) in names {
                    self.refuse_shadow(name, *at);
                    self.scopes.declare(name);
                }
            }
            StatementKind::SomeIn { key, value, .. } => {
                key.iter().for_each(|key| self.declare_all(key));
                self.declare_all(value);
            }
            StatementKind::Assign(left, _) => {
                if let ExprKind::Var(name) = &left.kind
                    && self.scopes.declares(name)
                    && name != "_"
                {
                    self.refuse(left.at, format!("variable `{name}` is assigned twice"));
                }
                self.check_assigned(left);
                self.declare_all(left);
            }
            _ => {}
        }
    }

    /// Declares every variable of a pattern: `[x, {"a": y}]`.
    pub(super) fn declare_all(&mut self, pattern: &Expr) {
        struct Variables(Vec<(String, Span)>);
        impl Visitor for Variables {
            fn expr(&mut self, expr: &Expr) -> bool {
                match &expr.kind {
                    ExprKind::Var(name) => self.0.push((name.clone(), expr.at)),
                    ExprKind::Ref(..) | ExprKind::Call(..) => return false,
                    _ => {}
                }
                true
            }
        }
        let mut variables = Variables(Vec::new());
        each_child(pattern, &mut variables);
        for (name, at) in variables.0 {
            self.refuse_shadow(&name, at);
            if !self.scopes.declares(&name) {
                self.scopes.declare(&name);
            }
        }
    }

    fn statement(&mut self, statement: &Statement, out: &mut Vec<Statement>) {
        let with: Vec<With> = statement.with.iter().map(|one| self.with(one)).collect();
        let at = statement.at;
        let kind = match &statement.kind {
            StatementKind::Some(_) => return,
            StatementKind::SomeIn {
                key,
                value,
                collection,
            } => {
                let items = self.expr(collection);
                let collection = self.local(items.clone(), &with, out);
                let key = match key {
                    Some(key) => self.expr(key),
                    None => Expr::new(at, ExprKind::Var("_".to_string())),
                };
                let mut value = self.expr(value);
                self.check_item(at, &value, &items);
                let mut item = Expr::new(at, ExprKind::Ref(collection.into(), vec![key]));
                self.separate(&mut value, &mut item, out);
                StatementKind::Unify(value, item)
            }
            StatementKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                let domain = self.expr(domain);
                let domain = self.local(domain, &with, out);
                let (key, value, body) = self.every(at, key.as_ref(), value, body);
                StatementKind::Every {
                    key,
                    value,
                    domain,
                    body,
                }
            }
            StatementKind::Assign(left, right) => {
                let right = self.expr(right);
                let left = self.expr(left);
                self.check_match(at, &left, &right);
                if let ExprKind::Var(name) = &left.kind {
                    let types = self.types(&right);
                    self.scopes.set_types(name, types);
                }
                StatementKind::Assign(left, right)
            }
            StatementKind::Unify(left, right) => {
                let (mut left, mut right) = (self.expr(left), self.expr(right));
                self.check_match(at, &left, &right);
                if statement.negated && self.module.negates_bodies {
                    // the statement is a body of its own
                } else if statement.negated {
                    left = self.negated_side(left, &with, out);
                    right = self.negated_side(right, &with, out);
                } else {
                    self.separate(&mut left, &mut right, out);
                    self.separate(&mut right, &mut left, out);
                }
                StatementKind::Unify(left, right)
            }
            StatementKind::Expr(expr) => self.statement_expr(expr, statement.negated, &with, out),
        };
        let kind = match kind {
            StatementKind::Expr(expr) if statement.negated && !self.module.negates_bodies => {
                StatementKind::Expr(self.negated(expr, &with, out))
            }
            other => other,
        };
        out.push(Statement {
            negated: statement.negated,
            with,
            ..Statement::new(at, kind)
        });
    }

    /// The variables and the body of `every`, in a scope of their own.
    fn every(
        &mut self,
        at: Span,
        key: Option<&Expr>,
        value: &Expr,
        body: &[Statement],
    ) -> (Option<Expr>, Expr, Vec<Statement>) {
        self.scopes.open();
        key.iter().for_each(|key| self.declare_all(key));
        self.declare_all(value);
        let key = key.map(|key| self.expr(key));
        let value = self.expr(value);
        let names = self.scopes.names();
        names.iter().for_each(|name| self.scopes.forget_uses(name));
        let lowered = self.body(body);
        for name in names {
            self.check_used(&name, at);
        }
        self.refuse_unused(body);
        self.scopes.close();
        (key, value, lowered)
    }

    /// `x = xs[x]` finds the items that are their own index, and `[x, x] = y` pairs of the same
    /// value. regorus takes `x` for unsafe, so each gets a name of its own and both are compared.
    fn separate(&mut self, side: &mut Expr, other: &mut Expr, out: &mut Vec<Statement>) {
        let mut names = BTreeSet::new();
        self.apart(side, &mut names, out);
        if let ExprKind::Ref(_, parts) = &mut other.kind {
            self.apart_in_indices(parts, &names, out);
        }
    }

    /// Gives each variable of a pattern that `seen` has already a name of its own.
    pub(super) fn apart(
        &mut self,
        pattern: &mut Expr,
        seen: &mut BTreeSet<String>,
        out: &mut Vec<Statement>,
    ) {
        match &mut pattern.kind {
            ExprKind::Var(name) => {
                let is_repeated = name != "_" && !seen.insert(name.clone());
                if is_repeated {
                    self.rename(pattern, out);
                }
            }
            ExprKind::Array(items) => {
                for item in items {
                    self.apart(item, seen, out);
                }
            }
            ExprKind::Object(entries) => {
                for (_, value) in entries {
                    self.apart(value, seen, out);
                }
            }
            _ => {}
        }
    }

    fn apart_in_indices(
        &mut self,
        parts: &mut [Expr],
        names: &BTreeSet<String>,
        out: &mut Vec<Statement>,
    ) {
        for part in parts {
            match &mut part.kind {
                ExprKind::Var(name) if names.contains(name) => self.rename(part, out),
                ExprKind::Ref(_, inner) => self.apart_in_indices(inner, names, out),
                _ => {}
            }
        }
    }

    /// Puts another variable in the place of one, and compares both.
    fn rename(&mut self, variable: &mut Expr, out: &mut Vec<Statement>) {
        let fresh = self.scopes.fresh(variable.at);
        let first = std::mem::replace(variable, fresh.clone());
        out.push(Statement::new(first.at, StatementKind::Unify(first, fresh)));
    }

    /// A variable that holds an expression, so that it is evaluated once and is defined.
    pub(super) fn local(&mut self, expr: Expr, with: &[With], out: &mut Vec<Statement>) -> Expr {
        if matches!(expr.kind, ExprKind::Var(_)) {
            return expr;
        }
        let fresh = self.scopes.fresh(expr.at);
        out.push(assignment(fresh.clone(), expr, with));
        fresh
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Expr {
        let at = expr.at;
        let kind = match &expr.kind {
            ExprKind::Var(name) => return self.variable(at, name),
            ExprKind::Ref(head, parts) => return self.reference(at, head, parts),
            ExprKind::Call(function, arguments) => return self.call(at, function, arguments),
            ExprKind::Array(items) => ExprKind::Array(self.exprs(items)),
            ExprKind::Set(items) => ExprKind::Set(self.exprs(items)),
            ExprKind::Object(entries) => {
                let entries = entries.iter();
                let lowered = entries.map(|(key, value)| (self.expr(key), self.expr(value)));
                ExprKind::Object(lowered.collect())
            }
            ExprKind::ArrayComprehension(head, body) => {
                let (mut heads, body) = self.comprehension(&[head], body);
                ExprKind::ArrayComprehension(heads.remove(0).into(), body)
            }
            ExprKind::SetComprehension(head, body) => {
                let (mut heads, body) = self.comprehension(&[head], body);
                ExprKind::SetComprehension(heads.remove(0).into(), body)
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                let (mut heads, body) = self.comprehension(&[key, value], body);
                let value = heads.remove(1);
                ExprKind::ObjectComprehension(heads.remove(0).into(), value.into(), body)
            }
            ExprKind::Infix(operator, left, right) => {
                let (left, right) = (self.expr(left), self.expr(right));
                self.check_operands(operator, &left, &right);
                return Self::infix(at, operator, left, right);
            }
            ExprKind::In(key, value, collection) => {
                let parts = key.iter().chain([value, collection]);
                let parts = parts.map(|part| self.expr(part)).collect();
                return Self::member(at, parts);
            }
            ExprKind::Template(parts) => return self.template(at, parts),
            scalar => scalar.clone(),
        };
        Expr::new(at, kind)
    }

    fn exprs(&mut self, items: &[Expr]) -> Vec<Expr> {
        items.iter().map(|item| self.expr(item)).collect()
    }

    fn comprehension(
        &mut self,
        heads: &[&Expr],
        body: &[Statement],
    ) -> (Vec<Expr>, Vec<Statement>) {
        self.scopes.open();
        let statements = body;
        let mut body = self.body(statements);
        let heads = heads.iter().map(|head| self.expr(head)).collect::<Vec<_>>();
        self.refuse_unused(statements);
        let heads = heads.into_iter().map(|head| {
            if super::is_plain(&head) {
                head
            } else {
                self.moved_to_body(head, &mut body)
            }
        });
        let heads = heads.collect();
        self.scopes.close();
        (heads, body)
    }

    fn variable(&mut self, at: Span, name: &str) -> Expr {
        if let Some(unique) = self.scopes.get(name).map(str::to_string) {
            self.scopes.set_used(&unique);
            return Expr::new(at, ExprKind::Var(unique));
        }
        match self.global(name) {
            Some(path) => self.absolute(at, path, Vec::new()),
            None => Expr::new(at, ExprKind::Var(name.to_string())),
        }
    }

    /// The path that a name stands for: an import, or a rule of the package.
    pub(super) fn global(&self, name: &str) -> Option<Vec<String>> {
        if name == "input" || name == "data" {
            return Some(vec![name.to_string()]);
        }
        let imports = self.module.imports.iter();
        if let Some(import) = imports.rev().find(|import| import.name == name) {
            return Some(import.path.clone());
        }
        if !self.rules.has(&self.module.package, name) {
            return None;
        }
        let mut path = vec!["data".to_string()];
        path.extend(self.module.package.iter().cloned());
        path.push(name.to_string());
        Some(path)
    }

    /// Remembers a path below `data` that the rule reads.
    fn refer(&mut self, path: &[String]) {
        if let [first, rest @ ..] = path
            && first == "data"
        {
            self.references.insert(rest.to_vec());
        }
    }

    /// A reference to `input` or `data`.
    fn absolute(&mut self, at: Span, path: Vec<String>, rest: Vec<Expr>) -> Expr {
        self.refer(&path);
        self.check_selection(at, &path);
        let is_tree = rest.is_empty() && self.rules.is_tree(path.get(1..).unwrap_or_default());
        let reference = reference_to(at, &self.in_documents(path), rest);
        if is_tree {
            self.whole(reference)
        } else {
            reference
        }
    }

    /// `{k: v | v := limits[k]}` for `limits`, which rules such as `limits.cpu` make: it is empty, not
    /// undefined, if none of them has a value.
    fn whole(&mut self, reference: Expr) -> Expr {
        let at = reference.at;
        let (key, value) = (self.scopes.fresh(at), self.scopes.fresh(at));
        let item = Expr::new(at, ExprKind::Ref(reference.into(), vec![key.clone()]));
        let body = vec![assignment(value.clone(), item, &[])];
        Expr::new(
            at,
            ExprKind::ObjectComprehension(key.into(), value.into(), body),
        )
    }

    /// `input.kind` is read from `input.input.kind`, and `data.gitops` from `input.gitops`, unless
    /// it is a package.
    fn in_documents(&self, mut path: Vec<String>) -> Vec<String> {
        match path.first().map(String::as_str) {
            Some("input") => path.insert(1, Document::Input.key().to_string()),
            Some("data") => {
                let second = path.get(1);
                let document = self
                    .rules
                    .documents
                    .iter()
                    .find(|document| second.is_some_and(|name| name == document.key()));
                if document.is_some() && self.rules.reached(&path[1..]).next().is_none() {
                    path[0] = "input".to_string();
                }
            }
            _ => {}
        }
        path
    }

    fn reference(&mut self, at: Span, head: &Expr, parts: &[Expr]) -> Expr {
        let head = match &head.kind {
            ExprKind::Var(name) if self.scopes.get(name).is_none() => {
                let Some(mut path) = self.global(name) else {
                    let head = self.expr(head);
                    let parts = self.exprs(parts);
                    return Expr::new(at, ExprKind::Ref(head.into(), parts));
                };
                let texts = parts.iter().map_while(|part| match &part.kind {
                    ExprKind::String(text) => Some(text.clone()),
                    _ => None,
                });
                let before = path.len();
                path.extend(texts);
                let rest = self.exprs(&parts[path.len() - before..]);
                return self.absolute(at, path, rest);
            }
            _ => self.expr(head),
        };
        let parts = self.exprs(parts);
        match head.kind {
            ExprKind::Ref(inner, mut first) => {
                first.extend(parts);
                Expr::new(at, ExprKind::Ref(inner, first))
            }
            _ => Expr::new(at, ExprKind::Ref(head.into(), parts)),
        }
    }

    fn with(&mut self, with: &With) -> With {
        let target = self.target(&with.target);
        // only in the place of another function
        let is_function = self.is_function(&target);
        let value = self.built_in_value(&with.value).filter(|_| is_function);
        let value = value.unwrap_or_else(|| self.expr(&with.value));
        With { target, value }
    }

    /// The document or function that a `with` replaces.
    fn target(&mut self, target: &Expr) -> Expr {
        if let Some(function) = self.built_in_value(target) {
            return function;
        }
        let names = target.names().unwrap_or_default();
        let Some((first, rest)) = names.split_first() else {
            return self.expr(target);
        };
        match self.global(first) {
            Some(mut path) if self.scopes.get(first).is_none() => {
                path.extend(rest.iter().map(|name| (*name).to_string()));
                reference_to(target.at, &self.in_documents(path), Vec::new())
            }
            _ => {
                let name = names.join(".");
                self.refuse(target.at, format!("`with` cannot replace `{name}`"));
                target.clone()
            }
        }
    }

    /// True for the path of a rule with arguments, or of the rule for a built-in function.
    fn is_function(&self, target: &Expr) -> bool {
        let names = target.names().unwrap_or_default();
        let path: Vec<String> = names
            .iter()
            .skip(1)
            .map(|name| (*name).to_string())
            .collect();
        self.rules.arity(&path).is_some() || replaced::is_function(&names)
    }

    /// A built-in function that is named without being called.
    fn built_in_value(&self, expr: &Expr) -> Option<Expr> {
        let names = expr.names()?;
        let first = names.first()?;
        if self.scopes.get(first).is_some() || self.global(first).is_some() {
            return None;
        }
        let signature = crate::policy::opa::builtins::signature(&names.join("."))?;
        Some(replaced::function(expr.at, signature.name))
    }

    /// `$"a {b}"` becomes a call of a function that prints undefined values as `<undefined>`.
    fn template(&mut self, at: Span, parts: &[Expr]) -> Expr {
        let lowered = parts.iter().map(|part| match &part.kind {
            ExprKind::Template(inner) => {
                // a set of at most one item: an undefined value leaves it empty
                let fresh = self.scopes.fresh(part.at);
                let value = inner.first().map(|inner| self.expr(inner));
                let body = value.map(|value| Statement {
                    is_operand: true,
                    ..assignment(fresh.clone(), value, &[])
                });
                let body = body.into_iter().collect();
                Expr::new(part.at, ExprKind::SetComprehension(fresh.into(), body))
            }
            _ => part.clone(),
        });
        let items = Expr::new(at, ExprKind::Array(lowered.collect()));
        let function = Expr::new(at, ExprKind::Var("__template".to_string()));
        Expr::new(at, ExprKind::Call(function.into(), vec![items]))
    }
}
