//! Writes a rewritten module as Rego v1, every part on the line that it had.

use crate::policy::opa::syntax::{
    Branch, Expr, ExprKind, Rule, RuleKind, Span, Statement, StatementKind, SyntaxError,
};

/// Words that cannot follow a dot or name a package.
const KEYWORDS: [&str; 15] = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null",
    "package", "some", "true", "with",
];

/// The deepest nesting of brackets: the time of regorus' parser doubles with each level.
const DEEPEST: usize = 15;

/// The text of a module.
///
/// # Errors
/// The place of the first expression that nests too deeply.
pub(super) fn module(package: &[String], rules: &[Rule]) -> Result<String, SyntaxError> {
    let mut printer = Printer {
        out: String::new(),
        line: 1,
        depth: 0,
        too_deep: None,
    };
    printer.push("package ");
    for (at, name) in package.iter().enumerate() {
        if at == 0 {
            printer.push(name);
        } else {
            printer.selection(name);
        }
    }
    for rule in rules {
        printer.push(" ");
        printer.go_to(rule.at.line);
        printer.rule(rule);
    }
    printer.push("\n");
    match printer.too_deep {
        None => Ok(printer.out),
        Some(at) => Err(SyntaxError {
            at,
            message: format!("this is nested more than {DEEPEST} levels deep"),
        }),
    }
}

struct Printer {
    out: String,
    line: u32,
    /// The number of open brackets.
    depth: usize,
    too_deep: Option<Span>,
}

/// The strength with which an operator binds.
fn level(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::Infix("|", ..) => 1,
        ExprKind::Infix("&", ..) => 2,
        ExprKind::Infix("+" | "-", ..) => 3,
        ExprKind::Infix("*" | "/" | "%", ..) => 4,
        _ => 0,
    }
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Moves to a line, if it is below.
    fn go_to(&mut self, line: u32) {
        while self.line < line {
            self.out.push('\n');
            self.line += 1;
        }
    }

    fn selection(&mut self, name: &str) {
        let mut letters = name.bytes();
        let starts = letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
        let is_name =
            starts && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        if is_name && !KEYWORDS.contains(&name) {
            self.push(".");
            self.push(name);
        } else {
            self.push("[");
            self.string(name);
            self.push("]");
        }
    }

    fn string(&mut self, text: &str) {
        let quoted = serde_json::Value::from(text).to_string();
        self.push(&quoted);
    }

    fn rule(&mut self, rule: &Rule) {
        if rule.is_default {
            self.push("default ");
        }
        for (at, part) in rule.name.iter().enumerate() {
            match &part.kind {
                ExprKind::Var(name) if at == 0 => self.push(name),
                ExprKind::String(name) => self.selection(name),
                _ => {
                    self.push("[");
                    self.expr(part);
                    self.push("]");
                }
            }
        }
        match &rule.kind {
            RuleKind::Complete => {}
            RuleKind::Set(key) => {
                self.push(" contains ");
                self.expr(key);
            }
            RuleKind::Function(arguments) => {
                self.push("(");
                self.list(arguments);
                self.push(")");
            }
        }
        for (at, branch) in rule.branches.iter().enumerate() {
            if at > 0 {
                self.push(" else");
            }
            self.branch(branch, matches!(rule.kind, RuleKind::Set(_)));
        }
    }

    fn branch(&mut self, branch: &Branch, is_set: bool) {
        match &branch.value {
            Some(value) => {
                self.push(" := ");
                self.expr(value);
            }
            None if !is_set => self.push(" := true"),
            None => {}
        }
        if !branch.body.is_empty() {
            self.push(" if {");
            self.body(&branch.body);
            self.push("}");
        }
    }

    fn body(&mut self, statements: &[Statement]) {
        for (at, statement) in statements.iter().enumerate() {
            if at > 0 {
                self.push("; ");
            }
            self.go_to(statement.at.line);
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        if statement.negated {
            self.push("not ");
        }
        match &statement.kind {
            // the variables have names of their own
            StatementKind::Some(_) | StatementKind::SomeIn { .. } => self.push("true"),
            StatementKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                self.push("every ");
                if let Some(key) = key {
                    self.expr(key);
                    self.push(", ");
                }
                self.expr(value);
                self.push(" in ");
                self.expr(domain);
                self.push(" {");
                self.body(body);
                self.push("}");
            }
            StatementKind::Assign(left, right) => {
                self.expr(left);
                self.push(" := ");
                self.expr(right);
            }
            StatementKind::Unify(left, right) => {
                self.expr(left);
                self.push(" = ");
                self.expr(right);
            }
            StatementKind::Expr(expr) => self.outer(expr),
        }
        for with in &statement.with {
            self.push(" with ");
            self.expr(&with.target);
            self.push(" as ");
            self.expr(&with.value);
        }
    }

    fn list(&mut self, items: &[Expr]) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.expr(item);
        }
    }

    /// An expression without parentheses of its own.
    fn outer(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Infix(operator, left, right) => {
                // `a + b + c` is a chain; anything else gets parentheses
                if level(expr) > 0 && level(left) == level(expr) {
                    self.outer(left);
                } else {
                    self.expr(left);
                }
                self.push(" ");
                self.push(operator);
                self.push(" ");
                self.expr(right);
            }
            ExprKind::In(key, value, collection) => {
                if let Some(key) = key {
                    self.expr(key);
                    self.push(", ");
                }
                self.expr(value);
                self.push(" in ");
                self.expr(collection);
            }
            _ => self.expr(expr),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.too_deep.get_or_insert(expr.at);
        } else {
            self.nested(expr);
        }
        self.depth -= 1;
    }

    fn nested(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Null => self.push("null"),
            ExprKind::Bool(value) => self.push(if *value { "true" } else { "false" }),
            ExprKind::Number(number) => self.push(number),
            ExprKind::String(text) => self.string(text),
            ExprKind::Var(name) => self.push(name),
            ExprKind::Ref(head, parts) => self.reference(head, parts),
            ExprKind::Call(function, arguments) => {
                self.expr(function);
                self.push("(");
                self.list(arguments);
                self.push(")");
            }
            ExprKind::Array(items) => self.enclosed("[", items, "]"),
            ExprKind::Set(items) if items.is_empty() => self.push("set()"),
            ExprKind::Set(items) => self.enclosed("{", items, "}"),
            ExprKind::Object(entries) => {
                self.push("{");
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        self.push(", ");
                    }
                    self.go_to(key.at.line);
                    self.expr(key);
                    self.push(": ");
                    self.expr(value);
                }
                self.push("}");
            }
            ExprKind::ArrayComprehension(head, body) => self.comprehension("[", &[head], body, "]"),
            ExprKind::SetComprehension(head, body) => self.comprehension("{", &[head], body, "}"),
            ExprKind::ObjectComprehension(key, value, body) => {
                self.comprehension("{", &[key, value], body, "}");
            }
            ExprKind::Infix(..) | ExprKind::In(..) => {
                self.push("(");
                self.outer(expr);
                self.push(")");
            }
            ExprKind::Template(parts) => self.enclosed("[", parts, "]"),
        }
    }

    fn reference(&mut self, head: &Expr, parts: &[Expr]) {
        self.expr(head);
        for part in parts {
            if let ExprKind::String(name) = &part.kind {
                self.selection(name);
            } else {
                self.push("[");
                self.expr(part);
                self.push("]");
            }
        }
    }

    fn enclosed(&mut self, open: &str, items: &[Expr], close: &str) {
        self.push(open);
        self.list(items);
        self.push(close);
    }

    fn comprehension(&mut self, open: &str, heads: &[&Expr], body: &[Statement], close: &str) {
        self.push(open);
        for (at, head) in heads.iter().enumerate() {
            if at > 0 {
                self.push(": ");
            }
            self.expr(head);
        }
        self.push(" | ");
        self.body(body);
        self.push(close);
    }
}
