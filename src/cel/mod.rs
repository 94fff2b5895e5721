//! CEL with the functions of Kubernetes. Nothing outside of this folder knows the crates that
//! evaluate it.
//!
//! An expression is input: its length, its nesting and the number of steps that it takes are
//! limited (`limit`), and a panic of the interpreter becomes a failure. Expressions read their variables and
//! nothing else.

mod limit;
mod rewrite;

use std::panic::{AssertUnwindSafe, catch_unwind};

use kube_cel::KubeCelExt;
use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::OptionalValue;
use kube_cel::cel::parser::Parser;
use kube_cel::cel::{Context, ExecutionError, IdedExpr, Value};
use serde_json::Value as Json;

use limit::Spent;

/// The longest expression, in bytes.
const LONGEST: usize = 16 << 10;
/// The deepest nesting of brackets.
const DEEPEST: usize = 40;
/// The most operators, which nest to the left: `a + b + c`.
const MOST_OPERATORS: usize = 500;
/// The most elements and bytes of text in the value of a variable that is an expression.
const LARGEST: usize = 1 << 20;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// Something that is not there: a key, an index.
    #[error("{0}")]
    Missing(String),
    /// A limit was reached.
    #[error("{0}")]
    Limit(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// An expression that was parsed.
pub(crate) struct Expression {
    parsed: IdedExpr,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// It is not CEL, or too large.
    pub(crate) fn parse(text: &str) -> Result<Expression, String> {
        let operators = text
            .bytes()
            .filter(|byte| b"+-*/%?.".contains(byte))
            .count();
        if text.len() > LONGEST || nesting(text) > DEEPEST || operators > MOST_OPERATORS {
            return Err("the expression is too long or nested too deeply".to_string());
        }
        let parser = || Parser::new().enable_optional_syntax(true);
        let mut parsed = match catch_unwind(AssertUnwindSafe(|| parser().parse(text))) {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(errors)) => return Err(one_line(&errors.to_string())),
            Err(_) => return Err("the expression crashes the parser".to_string()),
        };
        rewrite::rewrite(&mut parsed);
        Ok(Expression { parsed })
    }

    /// True if the expression names a variable.
    pub(crate) fn mentions(&self, variable: &str) -> bool {
        self.parsed.references().has_variable(variable)
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// It has no value, or a limit was reached.
    pub(crate) fn evaluate(&self, variables: &Variables<'_>) -> Result<Outcome, Failure> {
        if variables.spent.is_used_up() {
            let reason = "the expressions take too many steps for all objects together";
            return Err(Failure::Limit(reason.to_string()));
        }
        let run = AssertUnwindSafe(|| Value::resolve(&self.parsed, &variables.context));
        match variables.spent.count(|| catch_unwind(run)) {
            Ok(Ok(value)) if size_of(&value, LARGEST) > LARGEST => Err(Failure::Limit(
                "the value of the expression is too large".to_string(),
            )),
            Ok(Ok(value)) => Ok(Outcome(value)),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::Other(
                "the expression crashes the interpreter".to_string(),
            )),
        }
    }
}

fn failure(error: &ExecutionError) -> Failure {
    if let Some(reason) = limit::reached(error) {
        return Failure::Limit(reason.to_string());
    }
    let text = one_line(&error.to_string());
    match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => {
            Failure::Missing(text)
        }
        _ => Failure::Other(text),
    }
}

fn one_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    line.chars().take(200).collect()
}

/// The deepest nesting of brackets in a text. Those in texts count too.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // `!!!!a` and `- - -a` nest as well
    let (mut signs, mut most) = (0usize, 0usize);
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        signs = if matches!(letter, '!' | '-') {
            signs + 1
        } else {
            0
        };
        most = most.max(signs);
    }
    deepest.max(most)
}

/// The value of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Outcome(Value);

impl Outcome {
    /// The truth, if it is one.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.0 {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The variables that expressions read.
pub(crate) struct Variables<'c> {
    context: Context<'c>,
    spent: &'c Spent,
}

/// The functions that expressions call. Making them takes longer than evaluating an expression.
pub(crate) struct Functions {
    context: Context<'static>,
    /// The work of the expressions that call them.
    spent: Spent,
}

impl Default for Functions {
    fn default() -> Functions {
        let mut context = Context::default().with_all();
        context.add_function("orValue", or_value);
        limit::add_to(&mut context);
        Functions {
            context,
            spent: Spent::default(),
        }
    }
}

/// `orValue` of Go's CEL: a value that is not optional is itself.
fn or_value(This(this): This<Value>, other: Value) -> Result<Value, ExecutionError> {
    let Value::Opaque(opaque) = &this else {
        return Ok(this);
    };
    Ok(match opaque.downcast_ref::<OptionalValue>() {
        Some(optional) => optional.value().cloned().unwrap_or(other),
        None => this,
    })
}

impl Functions {
    /// No variables yet.
    pub(crate) fn variables(&self) -> Variables<'_> {
        Variables {
            context: self.context.new_inner_scope(),
            spent: &self.spent,
        }
    }
}

impl Variables<'_> {
    /// Adds a variable.
    pub(crate) fn add(&mut self, name: &str, value: &Json) {
        self.context.add_variable_from_value(name, from_json(value));
    }

    /// Adds a map of values of expressions.
    pub(crate) fn add_outcomes(&mut self, name: &str, values: &[(String, Outcome)]) {
        let entries = values.iter();
        let entries: std::collections::HashMap<String, Value> = entries
            .map(|(name, outcome)| (name.clone(), outcome.0.clone()))
            .collect();
        self.context.add_variable_from_value(name, entries);
    }
}

/// The elements and bytes of text of a value; stops counting above `most`.
fn size_of(value: &Value, most: usize) -> usize {
    let mut size = 0usize;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        size += match value {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(items) => {
                open.extend(items.iter());
                items.len()
            }
            Value::Map(map) => {
                open.extend(map.map.values());
                map.map.len()
            }
            _ => 1,
        };
        if size > most {
            break;
        }
    }
    size
}

/// The value of JSON. Whole numbers are integers.
fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::UInt(value),
            (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(text.clone().into()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect::<Vec<_>>().into()),
        Json::Object(map) => {
            let entries = map.iter();
            let entries: std::collections::HashMap<String, Value> = entries
                .map(|(key, value)| (key.clone(), from_json(value)))
                .collect();
            Value::from(entries)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str, object: &Json) -> Result<Option<bool>, String> {
        let functions = Functions::default();
        let mut variables = functions.variables();
        variables.add("object", object);
        let outcome = Expression::parse(text)?.evaluate(&variables);
        outcome
            .map(|outcome| outcome.as_bool())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn expressions_are_bounded() {
        let long = format!("1{}", "+1".repeat(8_000));
        assert!(Expression::parse(&long).is_err());
        let blanks = format!("1 +{}1 == 2", " ".repeat(100));
        assert_eq!(value(&blanks, &json!({})), Ok(Some(true)));
        let functions = Functions::default();
        let mut variables = functions.variables();
        let text = "x".repeat(LARGEST / 2);
        variables.add("text", &json!(text));
        let doubled = Expression::parse("text + text + text").unwrap();
        assert!(doubled.evaluate(&variables).is_err());
    }

    #[test]
    fn expressions_have_the_functions_of_kubernetes() {
        let object = json!({
            "spec": {"replicas": 3, "image": "a.io/x:1", "cpu": "1500m", "items": [{"n": "a"}, {"n": "b"}]},
            "metadata": {"labels": {"app.kubernetes.io/name": "x"}},
        });
        for (text, expected) in [
            ("object.spec.replicas <= 5", true),
            ("has(object.spec.missing)", false),
            ("object.spec.?missing.orValue(7) == 7", true),
            ("object.?status.?phase.orValue('none') == 'none'", true),
            ("object.?status.conditions[?0].orValue('x') == 'x'", true),
            ("object.?spec.replicas.orValue(0) == 3", true),
            ("object.spec.items.orValue([]).size() == 2", true),
            ("object.spec.?replicas.hasValue()", true),
            ("cel.bind(n, object.spec.replicas, n * n == 9)", true),
            ("dyn(object.spec.replicas) == 3", true),
            ("object.spec.items.all(i, i.n.matches('^[a-z]$'))", true),
            ("object.spec.items.exists(i, i.n == 'b')", true),
            ("object.spec.items.map(i, i.n).join(',') == 'a,b'", true),
            ("quantity(object.spec.cpu).isLessThan(quantity('2'))", true),
            (
                "object.spec.image.startsWith('a.io/') && size(object.spec.items) == 2",
                true,
            ),
            ("'app.kubernetes.io/name' in object.metadata.labels", true),
            ("object.spec.image.split(':')[1] == '1'", true),
            ("[1, 2, 3].sum() == 6 && [1, 2].isSorted()", true),
            ("cidr('10.0.0.0/8').containsIP('10.1.1.1')", true),
            (
                "object.metadata.labels['app.kubernetes.io/name'] == 'x'",
                true,
            ),
        ] {
            assert_eq!(value(text, &object), Ok(Some(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let functions = Functions::default();
        let mut variables = functions.variables();
        variables.add("object", &json!({"a": 1}));
        let parsed = Expression::parse("object.b == 1").unwrap();
        let failure = parsed.evaluate(&variables).unwrap_err();
        assert!(matches!(failure, Failure::Missing(_)), "{failure}");
        let parsed = Expression::parse("object.a == 'x' || object.a > 'y'").unwrap();
        assert!(parsed.evaluate(&variables).is_err());
    }

    #[test]
    fn what_could_take_long_is_refused() {
        let list: Vec<u32> = (0..5000).collect();
        let object = json!({ "l": list });
        let ones = vec!["1"; 100].join(",");
        let nested = (0..6).fold("true".to_string(), |inner, at| {
            format!("[{ones}].all(v{at}, {inner})")
        });
        let grown = format!(
            "['a', 'b']{}.size() > 0",
            ".map(x, x + x + x + x)".repeat(20)
        );
        for text in [
            "object.l.all(a, object.l.all(b, object.l.all(c, a + b + c > -1)))",
            &nested,
            &grown,
        ] {
            let reason = value(text, &object).unwrap_err();
            assert!(reason.contains("too"), "{reason}");
        }
        assert!(value("object.l.all(a, a >= 0)", &object).is_ok());
        assert!(Expression::parse(&"(".repeat(5000)).is_err());
        assert!(Expression::parse(&"!".repeat(5000)).is_err());
        assert!(Expression::parse("a ==").is_err());
    }
}
