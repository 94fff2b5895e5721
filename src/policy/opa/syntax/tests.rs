use super::*;

fn read(text: &str, version: Version) -> Result<Module, String> {
    parse(text, version).map_err(|error| error.to_string())
}

/// The names of the rules, with the kind of each.
fn rules(text: &str, version: Version) -> Vec<String> {
    let module = read(text, version).unwrap();
    let shown = |rule: &Rule| {
        let kind = match rule.kind {
            RuleKind::Complete => "complete",
            RuleKind::Set(_) => "set",
            RuleKind::Function(_) => "function",
        };
        format!("{} {kind} {}", rule.path().join("."), rule.at.line)
    };
    module.rules.iter().map(shown).collect()
}

#[test]
fn heads_of_both_versions_are_read() {
    let v1 = "package a.b\nimport data.lib as l\np := 1\nq contains x if x := 1\nr(x) := y if { y := x } else := 2\ns.t[x] := 1 if some x in [1]\ndefault p := 2\nu if true\n";
    assert_eq!(
        rules(v1, Version::V1),
        [
            "p complete 3",
            "q set 4",
            "r function 5",
            "s.t complete 6",
            "p complete 7",
            "u complete 8"
        ]
    );
    let v0 = "package a\np[x] { x := 1 } { x := 2 }\nq[x] = y { y := x }\nr.s { true }\nt[\"a\"]\nu = 1\n";
    assert_eq!(
        rules(v0, Version::V0),
        [
            "p set 2",
            "p set 2",
            "q complete 3",
            "r.s complete 4",
            "t set 5",
            "u complete 6"
        ]
    );
}

#[test]
fn statements_are_read_as_opa_reads_them() {
    for body in [
        "x := 1\n\t+ 2",
        "a\n(b - c) >= d",
        "a\n[b] == c",
        "some i, x in xs; every k, v in x { k != v }",
        "[x + 1 | some x in {1, 2} | {3}]",
        "{a | b; c} == {a: b | c}",
        "not x with input as {\"a\": 1} with data.b as 2",
        "\"k\", v in {\"k\": 1}",
        "x = -1; `raw\n\"text` == \"\\u00e9\\n\"",
        "$\"a {x + 1} {f(`k`)} \\{b}\"",
        "f(x)[0].y[_].z == g.h(1, 2)",
        "x in [1] == y in [2]",
        "contains(input.a, \"b\")",
    ] {
        let text = format!("package a\np if {{\n\t{body}\n}}\n");
        assert!(
            read(&text, Version::V1).is_ok(),
            "{body}: {:?}",
            read(&text, Version::V1).err()
        );
    }
}

#[test]
fn errors_have_a_line() {
    for (text, expected) in [
        ("packag a", "line 1: expected `package`"),
        (
            "package a\np { true }",
            "line 2: `if` is required before the body of a rule",
        ),
        (
            "package a\np if {\n\n",
            "line 4: unexpected end of the file",
        ),
        (
            "package a\np := \"x\n",
            "line 2: the string has no closing quote",
        ),
        (
            "package a\np if { a b }",
            "line 2: expected a newline, `;` or `}`, found `b`",
        ),
        (
            "package a\np",
            "line 2: expected a body or a value of the rule, found the end of the file",
        ),
        (
            "package a\np := 007",
            "line 2: a number cannot begin with 0",
        ),
    ] {
        assert_eq!(
            read(text, Version::V1).err().as_deref(),
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn comments_are_kept() {
    let module = read("# METADATA\n# title: x\npackage a # b\n", Version::V1).unwrap();
    let texts: Vec<&str> = module
        .comments
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(texts, [" METADATA", " title: x", " b"]);
}
