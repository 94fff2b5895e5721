//! Modules as OPA evaluates or refuses them. Each kind of difference that a comparison with OPA
//! found has a line.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::policy::opa::engine::Document;
use crate::policy::opa::{Program, Settings, Source, Value, Version, from_json, to_json};

/// The value of `data.a.r`, or why the module is refused or fails.
fn value_in(rules: &str, version: Version) -> Result<Json, String> {
    let source = Source {
        path: "a.rego".to_string(),
        text: Arc::from(format!("package a\n{rules}\n")),
    };
    let settings = Settings {
        version: Some(version),
        ..Settings::default()
    };
    let (program, problems) = Program::load(&[source], &Value::new_object(), &settings);
    if let Some(problem) = problems.first() {
        return Err(problem.message.clone());
    }
    let mut interpreter = program.interpreter();
    let input = json!({
        "xs": ["p", "q", "p"],
        "own": ["a", 1, 0, 3],
        "a": {"b": 1, "c": [1, 2, 3]},
        "zero": 0,
        "pairs": [[1, 1], [1, 2]],
    });
    interpreter.set(Document::Input, from_json(&input));
    let value = interpreter.value("data.a.r");
    let value = value.map_err(|failure| failure.to_string())?;
    Ok(to_json(&value).unwrap_or_else(|| json!("<undefined>")))
}

fn value(rules: &str) -> Result<Json, String> {
    value_in(rules, Version::V1)
}

#[track_caller]
fn assert_refused(rules: &str, reason: &str) {
    let message = value(rules).expect_err(rules);
    assert!(message.contains(reason), "{rules}: {message}");
}

#[test]
fn variables_are_bound_as_in_opa() {
    for (rules, expected) in [
        // an index that is part of its own item
        ("r contains x if { x = input.own[x] }", json!([1, 3])),
        ("r if { [x] = input.a.c[x] }", json!("<undefined>")),
        ("r contains x if { x = input.own[input.a.c[x]] }", json!([])),
        // a variable twice in a pattern or among arguments
        ("r contains x if { [x, x] = input.pairs[_] }", json!([1])),
        (
            "f(x, x) := 1\nr := [f(1, 1), v] if { v := {1 | f(1, 2)} }",
            json!([1, []]),
        ),
        (
            "f([x, x]) := x\nr := {y | some p in input.pairs; y := f(p)}",
            json!([1]),
        ),
        // copies of variables that are indices
        ("r := y if { x := 0; y := x; input.own[y] }", json!(0)),
        (
            "r if { every x in input.xs { y = x; x = x; y != \"z\" } }",
            json!(true),
        ),
        ("r := y if { [x] := [1]; x = y }", json!(1)),
        // undefined parts of negated collections
        ("r if { not [input.none] }", json!("<undefined>")),
        ("r if { not {\"a\": input.none} }", json!("<undefined>")),
        // calls in operands of a negation bind indices, other operands do not
        (
            "r if { not startswith(lower(input.xs[_]), \"z\") }",
            json!(true),
        ),
        ("r if { not walk(input.a, [[\"b\"], 2]) }", json!(true)),
        (
            "r if { not walk(input.a, [[\"b\"], 1]) }",
            json!("<undefined>"),
        ),
    ] {
        assert_eq!(value(rules), Ok(expected), "{rules}");
    }
    for rules in [
        "r if { not input.xs[_] == \"z\" }",
        "r if { not input.xs[_] }",
        "r if { not input.xs[i] != \"z\" }",
        "r if { not startswith(input.xs[_], \"z\") }",
        "r := x if { x = _ }",
        "r := $\"{input.xs[_]}\"",
    ] {
        assert_refused(rules, "never given a value");
    }
}

#[test]
fn objects_of_patterns_have_no_other_keys() {
    for (rules, expected) in [
        ("r := x if { {\"b\": x} := input.a }", json!("<undefined>")),
        ("r := x if { {\"b\": x, \"c\": _} = input.a }", json!(1)),
        ("r if { {\"b\": 1} = input.a }", json!("<undefined>")),
        ("r := x if { x = {\"b\": 1} }", json!({"b": 1})),
        (
            "r := x if { [{\"a\": {\"b\": x}}] := [{\"a\": input.a}] }",
            json!("<undefined>"),
        ),
        (
            "f({\"b\": x}) := x\nr := [f({\"b\": 1}), {1 | f(input.a)}]",
            json!([1, []]),
        ),
        (
            "r contains x if { some {\"b\": x} in [{\"b\": 1}, input.a] }",
            json!([1]),
        ),
        (
            "r if { every x in input.xs { {x} = input.none } }",
            json!("<undefined>"),
        ),
    ] {
        assert_eq!(value(rules), Ok(expected), "{rules}");
    }
}

#[test]
fn the_start_of_a_name_is_never_undefined() {
    for (rules, expected) in [
        ("l.cpu := 1 if input.none\nr := l", json!({})),
        (
            "l.cpu := 1\nl.memory := 2\nr := l",
            json!({"cpu": 1, "memory": 2}),
        ),
        (
            "l.cpu := 1\nr := [l.cpu, data.a.l, {k | l[k]}]",
            json!([1, {"cpu": 1}, ["cpu"]]),
        ),
        (
            "l.cpu := 1\nr := x if { x := l with data.a.l as {\"b\": 2} }",
            json!({"b": 2}),
        ),
    ] {
        assert_eq!(value(rules), Ok(expected), "{rules}");
    }
}

#[test]
fn membership_of_undefined_values_is_undefined() {
    for (rules, expected) in [
        ("r := x if { x := input.none in [1] }", json!("<undefined>")),
        ("r := x if { x := 1 in input.none }", json!("<undefined>")),
        ("r if { input.none, 1 in {} }", json!("<undefined>")),
        (
            "r := [x, y, z] if { x := 1 in 5; y := 0, \"p\" in input.xs; z := 1, 1 in {1} }",
            json!([false, true, true]),
        ),
        (
            "r := [\"b\", 1 in input.a, 1 in {\"b\": 1}]",
            json!(["b", true, true]),
        ),
    ] {
        assert_eq!(value(rules), Ok(expected), "{rules}");
    }
}

#[test]
fn negations_of_bodies_are_true_for_undefined_operands() {
    let rule = "r if { not count(input.none) == 3 }";
    assert_eq!(value(rule), Ok(json!("<undefined>")));
    for import in ["future.keywords", "future.keywords.not"] {
        assert_eq!(value(&format!("import {import}\n{rule}")), Ok(json!(true)));
    }
    assert_refused(
        "import future.keywords.not\nr if { not { input.a; input.b } }",
        "is not evaluated",
    );
}

#[test]
fn what_the_compiler_of_opa_refuses_is_refused() {
    for (rules, reason) in [
        (
            "r if { some i, j; input.xs[i] }",
            "`j` is declared and not used",
        ),
        (
            "r if { every x in input.xs { input.a } }",
            "`x` is declared and not used",
        ),
        ("r if { [x, 1] := input.own; x }", "cannot assign"),
        ("r if { input := 1 }", "cannot have the name `input`"),
        ("r if { any([true]) }", "`any` is deprecated"),
        (
            "r if { input.a with data.b as count }",
            "`count` is never given a value",
        ),
        ("r if { 1 == \"a\" }", "a number with a string"),
        ("r if { x := [1]; x == {1} }", "an array with a set"),
        ("r if { [1, x] = [\"a\", 2]; x }", "never equal"),
        ("r if { {\"a\": 1} == {\"b\": 1} }", "never equal"),
        ("p := 1\nr if { p == \"a\" }", "a number with a string"),
        ("p := 1\nr if { p.a }", "`data.a.p` has no part `a`"),
        ("r if { null in [1, \"a\"] }", "no item of the collection"),
        ("r := sum([1, \"a\"])", "`sum` needs a number"),
        ("r := union({{1}, 2})", "`union` needs a set"),
        ("r := urlquery.encode_object({\"a\": 1})", "needs a string"),
        ("default r := input.a", "must be a constant"),
        ("r := -(1)", "`-` needs a number"),
        ("r := input. a", "right after `.`"),
    ] {
        assert_refused(rules, reason);
    }
    let message = value_in("r = $\"{1}\" { true }", Version::V0).unwrap_err();
    assert!(message.contains("need Rego v1"), "{message}");
    assert_eq!(value_in("r { any([true]) }", Version::V0), Ok(json!(true)));
}

#[test]
fn functions_are_replaced_by_functions_of_the_same_kind() {
    for (rules, expected) in [
        ("r := upper(\"aB\") with upper as lower", json!("ab")),
        ("r := count([1]) with count as 3", json!(3)),
    ] {
        let body = rules.replacen("r := ", "r := x if { x := ", 1) + " }";
        assert_eq!(value(&body), Ok(expected), "{rules}");
    }
}

#[test]
fn decimals_are_exact() {
    for (expression, expected) in [
        ("input.zero + 0.1 + 0.2", json!(0.3)),
        ("3.7 * (7 + input.zero)", json!(25.9)),
        ("(1 + input.zero) / 3 * 3", json!(1)),
        ("sum([0.1, 0.2, 0.3])", json!(0.6)),
        ("product([0.1, 3])", json!(0.3)),
        ("1.5 * 2 + input.zero", json!(3)),
        (
            "9007199254740993 / (1 + input.zero)",
            json!(9_007_199_254_740_993_i64),
        ),
        ("1 / input.zero", json!("<undefined>")),
        ("5.5 % (2 + input.zero)", json!("<undefined>")),
    ] {
        assert_eq!(
            value(&format!("r := {expression}")),
            Ok(expected),
            "{expression}"
        );
    }
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    assert_eq!(
        value(r#"r := "a\ud800\ud83d\ude00""#),
        Ok(json!("a\u{fffd}😀"))
    );
}
