//! Orders the statements of bodies so that every variable is bound before it is needed, as OPA
//! does, and reports variables that nothing binds: `not input.x == y`.

use std::collections::BTreeSet;

use super::exact;
use crate::policy::opa::syntax::{
    Branch, Expr, ExprKind, Rule, RuleKind, Span, Statement, StatementKind,
};

/// Most rounds over the statements of one body. Each round binds at least one variable.
const MOST_ROUNDS: usize = 500;

type Names = BTreeSet<String>;

/// A variable that nothing binds, and a place where it is needed.
pub(super) type Unsafe = (Span, String);

/// Orders the bodies of a rule.
pub(super) fn order_rule(rule: &mut Rule) -> Vec<Unsafe> {
    if rule.is_default {
        return Vec::new();
    }
    let mut arguments = Names::new();
    if let RuleKind::Function(patterns) = &rule.kind {
        for pattern in patterns {
            bind_pattern(pattern, &mut arguments);
        }
    }
    let mut unsafes = Vec::new();
    let checks = exact::arguments(rule);
    let Rule {
        branches,
        name,
        kind,
        ..
    } = rule;
    for (number, branch) in branches.iter_mut().enumerate() {
        let mut bound = arguments.clone();
        let Branch { value, body, .. } = branch;
        unsafes.extend(order(body, &mut bound));
        body.splice(..0, checks.iter().cloned());
        let mut heads: Vec<&mut Expr> = value.iter_mut().collect();
        if number == 0 {
            heads.extend(name.iter_mut().skip(1));
            if let RuleKind::Set(key) = kind {
                heads.push(key);
            }
        }
        for head in heads {
            let mut need = Need::new(&bound);
            need.expr(head);
            unsafes.extend(need.missing);
            order_within(head, &bound);
        }
    }
    unsafes
}

/// Orders statements; `bound` gets the variables that they bind.
fn order(body: &mut Vec<Statement>, bound: &mut Names) -> Vec<Unsafe> {
    let mut waiting: Vec<Statement> = std::mem::take(body);
    for _ in 0..MOST_ROUNDS {
        let before = waiting.len();
        let mut left = Vec::new();
        for mut statement in waiting {
            match bindings(&statement, bound) {
                Ok(more) => {
                    order_nested(&mut statement, bound);
                    copied(&mut statement, &more);
                    let exact = exact::statements(statement, &more);
                    bound.extend(more);
                    body.extend(exact);
                }
                Err(_) => left.push(statement),
            }
        }
        waiting = left;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    let mut unsafes = Vec::new();
    for statement in waiting {
        if let Err(missing) = bindings(&statement, bound) {
            unsafes.extend(missing);
        }
        body.push(statement);
    }
    unsafes
}

/// Writes `y := x` as `y := [x][0]`. regorus uses `y` as an index before it copies a variable, and
/// within `every` it does not compare two variables.
fn copied(statement: &mut Statement, bound_here: &Names) {
    let (left, right) = match &mut statement.kind {
        StatementKind::Assign(left, right) | StatementKind::Unify(left, right) => (left, right),
        _ => return,
    };
    let (ExprKind::Var(_), ExprKind::Var(name)) = (&left.kind, &right.kind) else {
        return;
    };
    if bound_here.contains(name) {
        std::mem::swap(left, right);
    }
    let at = right.at;
    let first = Expr::new(at, ExprKind::Number("0".to_string()));
    let items = Expr::new(at, ExprKind::Array(vec![right.clone()]));
    right.kind = ExprKind::Ref(items.into(), vec![first]);
}

/// The variables that a statement binds, or those that it still needs.
fn bindings(statement: &Statement, bound: &Names) -> Result<Names, Vec<Unsafe>> {
    let mut need = Need::new(bound);
    for with in &statement.with {
        need.expr(&with.value);
    }
    need.closed = statement.negated || statement.is_operand;
    match &statement.kind {
        StatementKind::Some(_) | StatementKind::SomeIn { .. } => {}
        StatementKind::Expr(expr) => need.outer(expr),
        StatementKind::Assign(left, right) => {
            need.expr(right);
            need.closed = false;
            need.pattern(left);
        }
        StatementKind::Unify(left, right) => need.unify(left, right),
        StatementKind::Every {
            key,
            value,
            domain,
            body,
        } => {
            need.expr(domain);
            let mut inner = need.all_bound();
            for pattern in key.iter().chain([value]) {
                bind_pattern(pattern, &mut inner);
            }
            let mut body = body.clone();
            need.missing.extend(order(&mut body, &mut inner));
        }
    }
    if statement.negated {
        need.outputs.clear();
    }
    if need.missing.is_empty() {
        Ok(need.outputs)
    } else {
        Err(need.missing)
    }
}

/// The variables that an expression needs, and those that it binds.
struct Need<'b> {
    bound: &'b Names,
    outputs: Names,
    missing: Vec<Unsafe>,
    /// True where no index is bound, so that each needs a value: in a negation.
    closed: bool,
}

impl Need<'_> {
    fn new(bound: &Names) -> Need<'_> {
        Need {
            bound,
            outputs: Names::new(),
            missing: Vec::new(),
            closed: false,
        }
    }

    fn all_bound(&self) -> Names {
        self.bound.union(&self.outputs).cloned().collect()
    }

    fn is_bound(&self, name: &str) -> bool {
        matches!(name, "input" | "data") || self.bound.contains(name) || self.outputs.contains(name)
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(name) if !self.is_bound(name) => {
                self.missing.push((expr.at, name.clone()));
            }
            ExprKind::Var(_)
            | ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_) => {}
            ExprKind::Ref(head, parts) => {
                self.expr(head);
                // an index that is not bound takes every index
                parts.iter().for_each(|part| self.pattern(part));
            }
            // OPA calls functions in operands before the statement, and so binds their indices
            ExprKind::Call(..) | ExprKind::Infix(..) | ExprKind::In(..) => {
                let closed = std::mem::take(&mut self.closed);
                self.outer(expr);
                self.closed = closed;
            }
            ExprKind::Array(items) | ExprKind::Set(items) | ExprKind::Template(items) => {
                items.iter().for_each(|item| self.expr(item));
            }
            ExprKind::Object(entries) => {
                for (key, value) in entries {
                    self.expr(key);
                    self.expr(value);
                }
            }
            ExprKind::ArrayComprehension(head, body) | ExprKind::SetComprehension(head, body) => {
                self.closure(&[head], body);
            }
            ExprKind::ObjectComprehension(key, value, body) => self.closure(&[key, value], body),
        }
    }

    /// The expression of a statement.
    fn outer(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Call(_, arguments) => arguments.iter().for_each(|one| self.expr(one)),
            ExprKind::Infix(_, left, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::In(key, value, collection) => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
            _ => self.expr(expr),
        }
    }

    /// A comprehension needs whatever it does not bind itself.
    fn closure(&mut self, heads: &[&Expr], body: &[Statement]) {
        let mut inner = self.bound.clone();
        let mut body = body.to_vec();
        self.missing.extend(order(&mut body, &mut inner));
        let mut need = Need::new(&inner);
        heads.iter().for_each(|head| need.expr(head));
        self.missing.extend(need.missing);
    }

    /// An expression whose variables get values: the left side of `:=`, or an index.
    fn pattern(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(name) if self.is_bound(name) => {}
            ExprKind::Var(name) if self.closed => self.missing.push((expr.at, name.clone())),
            ExprKind::Var(name) => {
                if name != "_" {
                    self.outputs.insert(name.clone());
                }
            }
            ExprKind::Array(items) => items.iter().for_each(|item| self.pattern(item)),
            ExprKind::Object(entries) => {
                for (key, value) in entries {
                    self.expr(key);
                    self.pattern(value);
                }
            }
            _ => self.expr(expr),
        }
    }

    fn unify(&mut self, left: &Expr, right: &Expr) {
        match (&left.kind, &right.kind) {
            (ExprKind::Array(left), ExprKind::Array(right)) if left.len() == right.len() => {
                let pairs = || left.iter().zip(right);
                // `[x, y] = [y, 1]`: what the second pair binds, the first one needs
                for _ in 0..=left.len().min(MOST_ROUNDS) {
                    self.missing.clear();
                    pairs().for_each(|(left, right)| self.unify(left, right));
                    if self.missing.is_empty() {
                        return;
                    }
                }
            }
            _ => {
                let saved = (self.outputs.clone(), self.missing.len());
                self.expr(right);
                if self.missing.len() == saved.1 {
                    self.pattern(left);
                    return;
                }
                let first = (
                    std::mem::replace(&mut self.outputs, saved.0),
                    self.missing.split_off(saved.1),
                );
                self.expr(left);
                if self.missing.len() == saved.1 {
                    self.pattern(right);
                } else {
                    self.outputs = first.0;
                    self.missing.truncate(saved.1);
                    self.missing.extend(first.1);
                }
            }
        }
    }
}

fn bind_pattern(pattern: &Expr, names: &mut Names) {
    let bound = names.clone();
    let mut need = Need::new(&bound);
    need.pattern(pattern);
    names.extend(need.outputs);
}

/// Orders the bodies within a statement whose needs are met.
fn order_nested(statement: &mut Statement, bound: &Names) {
    match &mut statement.kind {
        StatementKind::Some(_) | StatementKind::SomeIn { .. } => {}
        StatementKind::Every {
            key,
            value,
            domain,
            body,
        } => {
            order_within(domain, bound);
            let mut inner = bound.clone();
            for pattern in key.iter().chain([&*value]) {
                bind_pattern(pattern, &mut inner);
            }
            order(body, &mut inner);
        }
        StatementKind::Assign(left, right) | StatementKind::Unify(left, right) => {
            order_within(left, bound);
            order_within(right, bound);
        }
        StatementKind::Expr(expr) => order_within(expr, bound),
    }
    for with in &mut statement.with {
        order_within(&mut with.value, bound);
    }
}

/// Orders the bodies within an expression.
fn order_within(expr: &mut Expr, bound: &Names) {
    match &mut expr.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::Var(_) => {}
        ExprKind::Ref(head, parts) | ExprKind::Call(head, parts) => {
            order_within(head, bound);
            parts.iter_mut().for_each(|part| order_within(part, bound));
        }
        ExprKind::Array(items) | ExprKind::Set(items) | ExprKind::Template(items) => {
            items.iter_mut().for_each(|item| order_within(item, bound));
        }
        ExprKind::Object(entries) => {
            for (key, value) in entries {
                order_within(key, bound);
                order_within(value, bound);
            }
        }
        ExprKind::ArrayComprehension(_, body)
        | ExprKind::SetComprehension(_, body)
        | ExprKind::ObjectComprehension(_, _, body) => {
            order(body, &mut bound.clone());
        }
        ExprKind::Infix(_, left, right) => {
            order_within(left, bound);
            order_within(right, bound);
        }
        ExprKind::In(key, value, collection) => {
            key.iter_mut().for_each(|key| order_within(key, bound));
            order_within(value, bound);
            order_within(collection, bound);
        }
    }
}
