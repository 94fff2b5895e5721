use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::policy::opa::{Program, Settings, Source, Value, to_json};

fn value(body: &str) -> Result<Json, String> {
    let source = Source {
        path: "a.rego".to_string(),
        text: Arc::from(format!("package a\n\nx := v if {{\n\t{body}\n}}\n")),
    };
    let (program, problems) = Program::load(&[source], &Value::new_object(), &Settings::default());
    if let Some(problem) = problems.first() {
        return Err(problem.message.clone());
    }
    let value = program.interpreter().value("data.a.x");
    let value = value.map_err(|failure| failure.to_string())?;
    Ok(to_json(&value).unwrap_or_else(|| json!("<undefined>")))
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
        "v := net.cidr_expand(\"10.0.0.0/8\")".to_string(),
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
        let message = value(&body).expect_err(&body);
        // a busy machine may reach the time limit first
        let is_limit = message.contains("too large") || message.contains("took more than");
        assert!(is_limit, "{body}: {message}");
    }
}

#[test]
fn functions_answer_as_opa_does() {
    for (expression, expected) in [
        (
            "sprintf(\"%5d|%s|%v|%t\", [1, \"a\", [1, {\"b\"}], true])",
            json!("    1|a|[1, {\"b\"}]|%!t(string=true)"),
        ),
        (
            "sprintf(\"%d %s\", [1.5])",
            json!("%!d(float64=1.5) %!s(MISSING)"),
        ),
        (
            "sprintf(\"%v %v\", [set(), {\"a\": null}])",
            json!("set() {\"a\": null}"),
        ),
        ("numbers.range(3, 1)", json!([3, 2, 1])),
        ("numbers.range_step(0, 5, 2)", json!([0, 2, 4])),
        ("object.subset([1, 2, 3], [])", json!(true)),
        (
            "object.subset({\"a\": {\"b\": 1, \"c\": 2}}, {\"a\": {\"b\": 1}})",
            json!(true),
        ),
        ("regex.match(`^\\d+$`, \"12\")", json!(true)),
        ("regex.match(\"a{1001}\", \"a\")", json!("<undefined>")),
        ("regex.split(\",\", \"a,b\")", json!(["a", "b"])),
        (
            "regex.find_all_string_submatch_n(\"a(b)?\", \"ab a\", -1)",
            json!([["ab", "b"], ["a", ""]]),
        ),
        ("regex.globs_match(\"a.*\", \".b\")", json!(true)),
        ("regex.globs_match(\"a[a-c]\", \"a[d-f]\")", json!(false)),
        (
            "glob.match(\"*.example.com\", [], \"api.example.com\")",
            json!(true),
        ),
        (
            "glob.match(\"*.com\", [], \"api.example.com\")",
            json!(false),
        ),
        (
            "glob.match(\"**.com\", [], \"api.example.com\")",
            json!(true),
        ),
        ("glob.match(\"{cat,[fo]at}\", null, \"fat\")", json!(true)),
        ("units.parse(\"100m\")", json!(0.1)),
        ("units.parse(\"1.5Gi\")", json!(1_610_612_736)),
        ("units.parse_bytes(\"1.5GB\")", json!(1_500_000_000)),
        ("units.parse(\"1 G\")", json!("<undefined>")),
        ("semver.compare(\"1.2.3-rc.1\", \"1.2.3\")", json!(-1)),
        ("semver.is_valid(\"1.2\")", json!(false)),
        (
            "yaml.unmarshal(\"a: yes\\nb: 010\")",
            json!({"a": true, "b": 8}),
        ),
        (
            "crypto.md5(\"a\")",
            json!("0cc175b9c0f1b6a831c399e269772661"),
        ),
        (
            "crypto.hmac.sha1(\"a\", \"k\")",
            json!("40e7d441cadb17b07f050341aa23a6820ed81c8b"),
        ),
        (
            "net.cidr_contains(\"10.0.0.0/8\", \"10.1.0.0/16\")",
            json!(true),
        ),
        (
            "net.cidr_merge([\"10.0.0.0/25\", \"10.0.0.128/25\"])",
            json!(["10.0.0.0/24"]),
        ),
        (
            "urlquery.decode_object(\"a=1&a=2&b=%20\")",
            json!({"a": ["1", "2"], "b": [" "]}),
        ),
        ("uri.parse(\"https://a.b:80/c?d#e\").port", json!("80")),
        ("strings.split_n(\"a.b.c\", \".\", -2)", json!(["b", "c"])),
        (
            "strings.render_template(\"a{{.b}}\", {\"b\": 1})",
            json!("a1"),
        ),
        ("base64.decode(\"aGVs\\nbG8=\")", json!("hello")),
        ("base64.is_valid(\"YR==\")", json!(true)),
        (
            "json.marshal({\"b\": \"<&>\", \"a\": 0.000001})",
            json!("{\"a\":0.000001,\"b\":\"\\u003c\\u0026\\u003e\"}"),
        ),
        (
            "json.filter({\"a\": [1, {\"b\": 2}]}, [\"/a/1/b\"])",
            json!({"a": [{"b": 2}]}),
        ),
        (
            "json.remove({\"a\": [1, 2], \"b\": {3}}, [\"a/0\", [\"b\", 3], \"\"])",
            json!({"a": [2], "b": []}),
        ),
        ("yaml.marshal({\"a\": [1]})", json!("a:\n  - 1\n")),
        ("upper(\"ßa\")", json!("ßA")),
        ("lower(\"ΑΣ\")", json!("ασ")),
        ("substring(\"éab\", 1, -1)", json!("ab")),
        ("substring(\"a\", 1.5, 1)", json!("<undefined>")),
        ("indexof(\"éa\", \"a\")", json!(1)),
        ("indexof(\"a\", \"\")", json!("<undefined>")),
        ("indexof_n(\"aaa\", \"aa\")", json!([0, 1])),
        ("semver.is_valid(\"01.2.3\")", json!(false)),
        ("semver.is_valid(\"1.2.3-01\")", json!(false)),
        ("glob.match(\"a\", [\"ab\"], \"a\")", json!("<undefined>")),
        ("to_number(\"+.5\")", json!(0.5)),
        ("to_number(\"007\")", json!(7)),
        ("to_number(\" 1\")", json!("<undefined>")),
        ("io.jwt.decode(\"e30.W10.AA\")", json!("<undefined>")),
        (
            "net.cidr_intersects(\"10.0.0.0/8\", \"::ffff:10.0.0.0/104\")",
            json!(true),
        ),
        (
            "json.match_schema({\"a\": 1}, {\"required\": [\"b\"]})[0]",
            json!(false),
        ),
        ("$\"a {1 + 1} {input.missing}\"", json!("a 2 <undefined>")),
        (
            "io.jwt.decode(\"e30.eyJhIjoxfQ.AA\")",
            json!([{}, {"a": 1}, "00"]),
        ),
    ] {
        assert_eq!(
            value(&format!("v := {expression}")),
            Ok(expected),
            "{expression}"
        );
    }
}

#[test]
fn what_is_not_available_fails_clearly_and_can_be_replaced() {
    let message = value("v := http.send({})").unwrap_err();
    assert_eq!(
        message,
        "`http.send` is not available: policies cannot use the network"
    );
    assert_eq!(
        value("v := http.send({}) with http.send as 1"),
        Ok(json!(1))
    );
}

#[test]
fn operands_of_the_wrong_type_are_undefined() {
    for (body, expected) in [
        ("a := [\"a\", 1]; v := a[0] + a[1]", json!("<undefined>")),
        ("a := [\"a\", 1]; v := a[1] - a[0]", json!("<undefined>")),
        ("a := [1, {1}]; v := a[1] - a[0]", json!("<undefined>")),
        ("a := [1, {1}]; v := a[1] | a[0]", json!("<undefined>")),
        ("a := [null]; v := a[0] * 2", json!("<undefined>")),
        ("v := 1 / 0", json!("<undefined>")),
        ("v := 5 % 0", json!("<undefined>")),
        ("v := 5.5 % 2", json!("<undefined>")),
        (
            "a := [{1, 2}, {2, 3}]; v := [a[0] - a[1], a[0] & a[1], a[0] | a[1]]",
            json!([[1], [2], [1, 2, 3]]),
        ),
        (
            "a := [7, 2]; v := [a[0] + a[1] * 2, a[0] / a[1], a[0] % a[1]]",
            json!([11, 3.5, 1]),
        ),
        ("a := [\"x\", 0]; not a[0] + 1; v := 1", json!(1)),
        (
            "a := [1, 0]; not a[0] / a[1] > 1; v := 1",
            json!("<undefined>"),
        ),
        ("v := count([1 | x := [1, \"a\"][_]; x + 1 > 0])", json!(1)),
    ] {
        assert_eq!(value(body), Ok(expected), "{body}");
    }
}

#[test]
fn configurations_are_parsed_as_conftest_parses_them() {
    for (body, expected) in [
        (
            "v := parse_config(\"yaml\", \"a: [1, yes]\")",
            json!({"a": [1, true]}),
        ),
        ("v := parse_config(\"json\", `{\"a\": 1}`)", json!({"a": 1})),
        (
            "v := parse_config(\"yaml\", \"a: {\")",
            json!("<undefined>"),
        ),
    ] {
        assert_eq!(value(body), Ok(expected), "{body}");
    }
    let message = value("v := parse_config(\"hcl2\", \"\")").unwrap_err();
    assert!(message.contains("`hcl2`"), "{message}");
    let message = value("v := parse_config_file(\"a.yaml\")").unwrap_err();
    assert!(message.contains("cannot read files"), "{message}");
}
