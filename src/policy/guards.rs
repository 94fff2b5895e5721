//! Functions of Rego that can make a large value out of small ones: `sprintf` with a width,
//! `numbers.range`, and whatever doubles a text from line to line. Each is called through a check
//! of its arguments.
//!
//! The interpreter itself stops loops, but looks at nothing while one function runs.

use regorus::{Engine, Value};

/// The most bytes of text and items of lists that one call may take.
const SIZE_LIMIT: usize = 4 << 20;

/// The most items that a range may have.
const RANGE_LIMIT: u64 = 1_000_000;

/// The largest width of a verb of `sprintf`, and the most bits that a shift may move.
const WIDTH_LIMIT: u64 = 10_000;

/// A function: its name, the number of arguments, and what they must satisfy besides their size.
type Guarded = (&'static str, u8, fn(&[Value]) -> bool);

const FUNCTIONS: &[Guarded] = &[
    ("sprintf", 2, |arguments| {
        arguments.first().is_none_or(has_small_widths)
    }),
    ("numbers.range", 2, |arguments| has_few_steps(arguments)),
    ("numbers.range_step", 3, |arguments| {
        has_few_steps(arguments)
    }),
    ("replace", 3, |arguments| grows_little(arguments)),
    ("bits.lsh", 2, |arguments| {
        let bits = arguments.get(1).and_then(|value| value.as_i64().ok());
        bits.is_none_or(|bits| bits.unsigned_abs() <= WIDTH_LIMIT)
    }),
    ("concat", 2, |_| true),
    ("array.concat", 2, |_| true),
    ("json.marshal", 1, |_| true),
    ("yaml.marshal", 1, |_| true),
    ("hex.encode", 1, |_| true),
    ("base64.encode", 1, |_| true),
    ("base64url.encode", 1, |_| true),
    ("urlquery.encode", 1, |_| true),
];

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0} would make a value that is too large")]
struct TooLarge(&'static str);

/// Puts a check before each of the functions.
pub(super) fn install(engine: &mut Engine) {
    let Some(inner) = interpreter() else { return };
    for (number, (name, arity, check)) in FUNCTIONS.iter().enumerate() {
        let mut inner = inner.clone();
        let rule = format!("data.guarded.f{number}");
        let call = move |arguments: Vec<Value>| {
            let mut left = SIZE_LIMIT;
            if !arguments.iter().all(|value| fits(value, &mut left)) || !check(&arguments) {
                return Err(TooLarge(name).into());
            }
            inner.set_input(Value::from(arguments));
            inner.eval_rule(rule.clone())
        };
        // a function that this build of the interpreter lacks cannot be called either
        let _ = engine.add_extension((*name).to_string(), *arity, Box::new(call));
    }
}

/// An interpreter with one rule for each function, which calls the function itself.
fn interpreter() -> Option<Engine> {
    let mut text = "package guarded\n".to_string();
    for (number, (name, arity, _)) in FUNCTIONS.iter().enumerate() {
        let arguments: Vec<String> = (0..*arity).map(|at| format!("input[{at}]")).collect();
        text.push_str(&format!("f{number} := {name}({})\n", arguments.join(", ")));
    }
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    engine.add_policy("guarded.rego".to_string(), text).ok()?;
    Some(engine)
}

/// Takes the size of a value off what is left. False if it does not fit.
fn fits(value: &Value, left: &mut usize) -> bool {
    let size = match value {
        Value::String(text) => text.len(),
        _ => 1,
    };
    let Some(rest) = left.checked_sub(size) else {
        return false;
    };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, left)),
        Value::Set(items) => items.iter().all(|item| fits(item, left)),
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| fits(key, left) && fits(value, left)),
        _ => true,
    }
}

/// True if no verb of a format has a large width: `%1000000000d`.
fn has_small_widths(format: &Value) -> bool {
    let Ok(format) = format.as_string() else {
        return true;
    };
    format.split('%').skip(1).all(|verb| {
        let digits: String = verb
            .trim_start_matches('.')
            .chars()
            .take_while(|letter| letter.is_numeric())
            .collect();
        digits.is_empty() || digits.parse().is_ok_and(|width: u64| width <= WIDTH_LIMIT)
    })
}

fn has_few_steps(arguments: &[Value]) -> bool {
    let number = |at: usize| arguments.get(at).and_then(|value| value.as_i64().ok());
    match (number(0), number(1)) {
        (Some(from), Some(to)) => from.abs_diff(to) <= RANGE_LIMIT,
        // what is not a whole number of 64 bits makes no range either
        _ => false,
    }
}

/// True if `replace` does not make a text much longer.
fn grows_little(arguments: &[Value]) -> bool {
    let text = |at: usize| arguments.get(at).and_then(|value| value.as_string().ok());
    match (text(0), text(1), text(2)) {
        (Some(text), Some(old), Some(new)) => {
            text.matches(&**old).count().saturating_mul(new.len()) <= SIZE_LIMIT
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::{new_engine, value_of};

    fn value(body: &str) -> Result<serde_json::Value, String> {
        let mut engine = new_engine(0);
        let text = format!("package a\n\nx := v if {{\n\t{body}\n}}\n");
        engine.add_policy("a.rego".to_string(), text).unwrap();
        value_of(&mut engine, "data.a.x")
    }

    #[test]
    fn values_that_would_be_too_large_are_refused() {
        let doubling = |call: &str| {
            let lines = (0..40).map(|at| {
                call.replace("NEXT", &format!("x{}", at + 1))
                    .replace("LAST", &format!("x{at}"))
            });
            lines.collect::<Vec<String>>().join("\n\t")
        };
        for body in [
            "v := numbers.range(0, 100000000000)".to_string(),
            "v := numbers.range_step(0, 100000000000, 1)".to_string(),
            "v := sprintf(concat(\"\", [\"%\", \"4000000000d\"]), [1])".to_string(),
            "v := bits.lsh(1, 100000000000)".to_string(),
            format!(
                "x0 := \"aaaa\"\n\t{}\n\tv := x40",
                doubling("NEXT := concat(\"\", [LAST, LAST])")
            ),
            format!(
                "x0 := [1, 2]\n\t{}\n\tv := x40",
                doubling("NEXT := array.concat(LAST, LAST)")
            ),
            format!(
                "x0 := \"aaaa\"\n\t{}\n\tv := x40",
                doubling("NEXT := replace(LAST, \"a\", \"aa\")")
            ),
        ] {
            let message = value(&body).unwrap_err();
            assert!(message.contains("too large"), "{body}: {message}");
        }
    }

    #[test]
    fn other_calls_return_what_the_interpreter_returns() {
        for (body, expected) in [
            (
                "v := sprintf(\"%5d|%s|%v\", [1, \"a\", [1]])",
                serde_json::json!("    1|a|[1]"),
            ),
            ("v := numbers.range(3, 1)", serde_json::json!([3, 2, 1])),
            (
                "v := concat(\"-\", [\"a\", \"b\"])",
                serde_json::json!("a-b"),
            ),
            ("v := array.concat([1], [2])", serde_json::json!([1, 2])),
            (
                "v := replace(\"aXb\", \"X\", \"--\")",
                serde_json::json!("a--b"),
            ),
            (
                "v := json.marshal({\"a\": 1})",
                serde_json::json!("{\"a\":1}"),
            ),
            ("v := hex.encode(\"a\")", serde_json::json!("61")),
            ("v := bits.lsh(1, 3)", serde_json::json!(8)),
            ("v := sprintf(\"%s\", 1)", serde_json::Value::Null),
        ] {
            assert_eq!(value(body), Ok(expected), "{body}");
        }
    }
}
