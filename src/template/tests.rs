//! Whole templates. Each table has what Helm 4.3 prints.

use super::*;
use crate::yaml::read::{Dialect as Reading, read_as};
use crate::yaml::{FileId, Origin};

const TEMPLATE: FileId = FileId(0);
const VALUES: FileId = FileId(1);

const SOME: &str = "s: hello\ne: ''\nnum: 5\nbig: 1000000\nt: true\nnul: null\nl: [a, b, c]\n\
                    le: []\nm: {a: 1, b: two, c: {d: deep}}\nme: {}\nuni: héllo\n\
                    tmpl: '{{ .Values.s }}!'\n";

fn render_with(text: &str, values: &str, budget: Budget) -> Result<Text, Error> {
    let mut templates = Templates::new(Dialect::Helm, MissingKey::Zero);
    templates.parse("main", text.into(), TEMPLATE)?;
    let values = read_as(values, VALUES, Reading::Json).unwrap();
    let root = Map::new();
    root.set("Values", Value::from_node(&values.documents[0]));
    let mut run = Run::new(&templates, budget);
    Ok(run.execute("main", &Value::map(root))?.without_no_value())
}

fn render(text: &str) -> Result<Text, Error> {
    render_with(text, SOME, Budget::default())
}

fn printed(text: &str) -> String {
    match render(text) {
        Ok(text) => text.as_str().to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn all_print(table: &[(&str, &str)]) {
    for (template, expected) in table {
        assert_eq!(printed(template), *expected, "{template}");
    }
}

#[track_caller]
fn all_fail(table: &[(&str, &str)]) {
    for (template, message) in table {
        let error = render(template).map(|text| text.as_str().to_string());
        let error = error.expect_err(template).to_string();
        assert!(error.contains(message), "{template}: {error}");
    }
}

#[test]
fn actions_control_and_scopes() {
    all_print(&[
        ("a {{- 1 -}} b", "a1b"),
        ("a{{/* c */}}b{{- /* c */ -}} c", "abc"),
        (
            "{{ if .Values.e }}x{{ else if .Values.num }}y{{ else }}z{{ end }}",
            "y",
        ),
        (
            "{{ with .Values.m }}{{ .b }}{{ end }}{{ with .Values.e }}x{{ else with .Values.s }}{{ . }}{{ end }}",
            "twohello",
        ),
        (
            "{{ range $i, $v := .Values.l }}{{ $i }}{{ $v }}{{ end }}",
            "0a1b2c",
        ),
        (
            "{{ range $k, $v := .Values.m }}{{ $k }}={{ $v }};{{ end }}",
            "a=1;b=two;c=map[d:deep];",
        ),
        (
            "{{ range .Values.le }}x{{ else }}none{{ end }}{{ range 3 }}{{ . }}{{ end }}",
            "none012",
        ),
        (
            "{{ range .Values.l }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}",
            "ac",
        ),
        ("{{ range .Values.l }}{{ . }}{{ break }}{{ end }}", "a"),
        (
            "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}",
            "2",
        ),
        (
            "{{ define \"a\" }}[{{ . }}]{{ end }}{{ template \"a\" .Values.s }}{{ template \"a\" }}",
            "[hello][]",
        ),
        ("{{ block \"b\" .Values.num }}{{ . }}{{ end }}", "5"),
        (
            "{{ (index .Values.l 1) | upper | printf \"%s-%s\" \"x\" }}",
            "x-B",
        ),
        (
            "{{ and .Values.nope .Values.nope.x }}{{ or \"\" 0 \"z\" }}",
            "z",
        ),
        (
            "{{ 'a' }} {{ 0x1F }} {{ 1_000 }} {{ 1e3 }} {{ `r\"` }}",
            "97 31 1000 1000 r\"",
        ),
        (
            "{{ .Values.nope }}{{ (.Values.nope).deeper }}{{ quote .Values.nope }}|{{ toYaml .Values.nope }}|{{ printf \"%v\" .Values.nope }}",
            "|null|<nil>",
        ),
        (
            "{{ .Values.big }} {{ toYaml .Values.big }} {{ int .Values.big }} {{ printf \"%d\" .Values.num }}",
            "1e+06 1000000 1000000 %!d(float64=5)",
        ),
        (
            "{{ eq nil .Values.nul }} {{ eq .Values.nope \"x\" }} {{ eq \"a\" \"b\" \"a\" }} {{ lt \"a\" \"b\" }}",
            "true false true true",
        ),
        (
            "{{ len .Values.uni }} {{ index .Values.s 0 }} {{ js .Values.nope }} {{ html \"<&>\" }}",
            "6 104 \\u003Cno value\\u003E &lt;&amp;&gt;",
        ),
    ]);
}

#[test]
fn what_go_refuses_is_refused() {
    all_fail(&[
        (
            "{{ .Values.nope.deeper }}",
            "nil pointer evaluating interface {}.deeper",
        ),
        (
            "{{ .Values.s.c }}",
            "can't evaluate field c in type interface {}",
        ),
        (
            "{{ eq .Values.num 5 }}",
            "incompatible types for comparison: float64 and int",
        ),
        ("{{ ge .Values.nope 1 }}", "invalid type for comparison"),
        ("{{ eq .Values.l .Values.l }}", "non-comparable type"),
        (
            "{{ range .Values.s }}{{ end }}",
            "range can't iterate over hello",
        ),
        (
            "{{ trunc \"5\" .Values.s }}",
            "expected integer; found \"5\"",
        ),
        (
            "{{ upper .Values.num }}",
            "wrong type for value; expected string; got float64",
        ),
        (
            "{{ hasKey .Values.nope \"a\" }}",
            "wrong type for value; expected map[string]interface {}",
        ),
        (
            "{{ upper }}",
            "wrong number of args for upper: want 1 got 0",
        ),
        ("{{ template \"none\" }}", "template \"none\" not defined"),
        (
            "{{ include \"none\" . }}",
            "no template \"none\" associated",
        ),
        ("{{ $x := 1 }}{{ $y }}", "undefined variable \"$y\""),
        ("{{ nope 1 }}", "function \"nope\" not defined"),
        ("{{ if true }}", "unexpected EOF"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ nil | quote }}", "nil is not a command"),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ \"a }}", "unterminated quoted string"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ required \"set it\" .Values.nope }}", "set it"),
        ("{{ fail \"no\" }}", "no"),
        ("{{ deepCopy .Values.nope }}", "zero Value"),
        (
            "{{ dig \"s\" \"x\" 1 .Values.l }}",
            "not map[string]interface {}",
        ),
        ("{{ div 1 0 }}", "integer divide by zero"),
    ]);
}

#[test]
fn functions_of_strings_and_lists() {
    all_print(&[
        ("{{ nindent 2 \"a\\n\\nb\" }}", "\n  a\n  \n  b"),
        (
            "{{ trunc -3 .Values.s }} {{ trunc 2 .Values.s }} {{ substr 1 3 .Values.s }}",
            "llo he el",
        ),
        (
            "{{ camelcase \"foo_bar-baz\" }} {{ snakecase \"HTTPServer2xx\" }} {{ kebabcase \"FirstName\" }}",
            "FooBarBaz http_server_2xx first-name",
        ),
        ("{{ camelcase \"\\n\" | quote }}", "\"\\n\\n\""),
        (
            "{{ replace \"\" \"-\" \"ab\" }} {{ wrapWith 5 \"|\" \"hello world foo\" }}",
            "-a-b- hello|world|foo",
        ),
        (
            "{{ splitList \",\" \"a,b\" | last }} {{ (split \".\" \"x.y\")._1 }} {{ join \"-\" .Values.l }}",
            "b y a-b-c",
        ),
        (
            "{{ b64dec \"héllo\" }} {{ b64enc \"a\" }} {{ b32enc \"a\" }}",
            "illegal base64 data at input byte 1 YQ== ME======",
        ),
        (
            "{{ sha1sum \"a\" | trunc 8 }} {{ sha256sum \"a\" | trunc 8 }} {{ adler32sum \"abc\" }}",
            "86f7e437 ca978112 38600999",
        ),
        (
            "{{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\" }} {{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"$1W\" }}",
            "-W-xxW- ---",
        ),
        (
            "{{ regexFind \"[\\\\w.-]+@\" \"é x.y@\" }} {{ regexMatch \"(\" \"a\" }} {{ regexSplit \"l+\" .Values.s -1 }}",
            "x.y@ false [he o]",
        ),
        (
            "{{ without .Values.l \"b\" }} {{ has \"a\" .Values.l }} {{ uniq (list 1 1 2) }} {{ chunk 2 .Values.l }}",
            "[a c] true [1 2] [[a b] [c]]",
        ),
        (
            "{{ until 3 }} {{ untilStep 5 0 -2 }} {{ seq 1 2 5 }} {{ concat .Values.le .Values.le | toJson }}",
            "[0 1 2] [5 3 1] 1 3 5 null",
        ),
        (
            "{{ add 1 2.9 \"3\" }} {{ mul 2.5 2 }} {{ addf 0.1 0.2 }} {{ divf 1 3 }} {{ round 2.555 2 }} {{ int \"010\" }}",
            "6 4 0.3 0.3333333333333333 2.56 8",
        ),
        (
            "{{ semverCompare \">1.0\" \"2.0.0-beta\" }} {{ (semver \"v1.2\").Minor }}",
            "false 2",
        ),
        (
            "{{ dir \"/a/b/../c/d\" }} {{ ext \"a.tar.gz\" }} {{ clean \"a//b/./c/..\" }}",
            "/a/c .gz a/b",
        ),
        (
            "{{ (urlParse \"https://u:p@h:1/a%20b?x#f\").path }} {{ urlJoin (dict \"scheme\" \"http\" \"host\" \"h\" \"path\" \"/a\") }}",
            "/a b http://h/a",
        ),
        (
            "{{ date \"2006-01-02 Mon 3:04PM MST\" 0 }} {{ dateInZone \"15:04 Z07:00\" 0 \"Europe/Berlin\" }} {{ duration \"95\" }}",
            "1970-01-01 Thu 12:00AM UTC 01:00 +01:00 1m35s",
        ),
        (
            "{{ toDate \"2006-01-02\" \"2020-02-03\" | unixEpoch }} {{ durationRound \"100h\" }}",
            "1580688000 4d",
        ),
        (
            "{{ typeOf .Values.num }} {{ kindOf .Values.nul }} {{ kindIs \"map\" .Values.m }} {{ typeOf (list) }}",
            "float64 invalid true []interface {}",
        ),
    ]);
}

#[test]
fn maps_are_shared_and_merged_as_in_go() {
    all_print(&[
        ("{{ $_ := set .Values.m \"x\" 1 }}{{ .Values.m.x }}", "1"),
        (
            "{{ $d := dict \"a\" 1 \"b\" (dict \"c\" 2) }}{{ $e := deepCopy $d }}{{ $_ := set $e.b \"c\" 3 }}{{ $d.b.c }}{{ $e.b.c }}",
            "23",
        ),
        (
            "{{ merge (dict \"a\" \"\" \"b\" 1) (dict \"a\" \"x\" \"b\" 2 \"c\" nil) }}",
            "map[a:x b:1]",
        ),
        (
            "{{ mergeOverwrite (dict \"a\" 1 \"l\" (list 1)) (dict \"a\" 0 \"l\" (list) \"n\" nil) }}",
            "map[a:0 l:[] n:<nil>]",
        ),
        (
            "{{ pick .Values.m \"a\" }}{{ omit .Values.m \"c\" \"b\" }}{{ keys .Values.m | sortAlpha }}",
            "map[a:1]map[a:1][a b c]",
        ),
        (
            "{{ dig \"c\" \"d\" \"none\" .Values.m }} {{ dig \"c\" \"x\" \"none\" .Values.m }} {{ get .Values.m \"zz\" }}|",
            "deep none |",
        ),
        (
            "{{ coalesce .Values.e .Values.num }} {{ default \"d\" .Values.me }} {{ ternary \"y\" \"n\" .Values.t }}",
            "5 d y",
        ),
    ]);
}

#[test]
fn yaml_and_json_are_written_and_read_as_in_helm() {
    all_print(&[
        ("{{ toYaml .Values.m }}", "a: 1\nb: two\nc:\n  d: deep"),
        (
            "{{ toYaml (dict \"l\" .Values.l \"y\" \"yes\" \"e\" (list) \"o\" \"0755\") }}",
            "e: []\nl:\n- a\n- b\n- c\no: \"0755\"\n\"y\": \"yes\"",
        ),
        (
            "{{ toYaml \"a\\nb\\n\" }}|{{ toYaml (dict \"t\" \"a\\nb\") }}",
            "|\n  a\n  b|t: |-\n  a\n  b",
        ),
        (
            "{{ toYamlPretty (dict \"l\" .Values.l) }}",
            "l:\n  - a\n  - b\n  - c",
        ),
        (
            "{{ toJson (dict \"h\" \"<&>\" \"f\" 1e21 \"s\" 0.0000001 \"n\" nil) }}",
            "{\"f\":1e+21,\"h\":\"\\u003c\\u0026\\u003e\",\"n\":null,\"s\":1e-7}",
        ),
        (
            "{{ toPrettyJson (dict \"a\" (list 1)) }}{{ toRawJson \"<\" }}",
            "{\n  \"a\": [\n    1\n  ]\n}\"<\"",
        ),
        (
            "{{ (fromYaml \"a: 1\\non: 2\").true }} {{ hasKey (fromYaml \"- a\") \"Error\" }} {{ fromYamlArray \"- a\" }} {{ fromYaml \"\" | toJson }}",
            "2 true [a] {}",
        ),
        (
            "{{ (fromJson \"{\\\"a\\\": [1, null]}\").a }} {{ hasKey (fromJson \"{\") \"Error\" }}",
            "[1 <nil>] true",
        ),
    ]);
}

#[test]
fn templates_include_each_other_and_texts_of_values() {
    all_print(&[
        (
            "{{ define \"a\" }}{{ .x }}{{ end }}{{ include \"a\" (dict \"x\" 1) | quote }}",
            "\"1\"",
        ),
        (
            "{{ tpl .Values.tmpl . }}{{ tpl \"{{ .Nope }}\" . }}",
            "hello!",
        ),
        (
            "{{ tpl \"{{ define \\\"in\\\" }}x{{ end }}{{ include \\\"in\\\" . }}\" . }}",
            "x",
        ),
        (
            "{{ define \"a\" }}{{ .nope }}{{ end }}{{ include \"a\" .Values | quote }}",
            "\"\"",
        ),
        (
            "{{ define \"d\" }}{{ if gt . 0 }}{{ include \"d\" (sub . 1 | int) }}{{ end }}x{{ end }}{{ include \"d\" 990 | len }}",
            "991",
        ),
    ]);
    all_fail(&[
        (
            "{{ tpl \"{{ define \\\"in\\\" }}x{{ end }}\" . }}{{ include \"in\" . }}",
            "no template \"in\"",
        ),
        (
            "{{ define \"d\" }}{{ include \"d\" . }}{{ end }}{{ include \"d\" . }}",
            "nested reference name: d",
        ),
        (
            "{{ define \"d\" }}{{ template \"d\" . }}{{ end }}{{ template \"d\" . }}",
            "levels of templates",
        ),
        ("{{ tpl \"{{ .x\" . }}", "cannot parse template"),
    ]);
}

#[test]
fn complex_numbers_print_and_compare() {
    all_print(&[
        ("{{ 1i }} {{ print 1.5-2i 0i }}", "(0+1i) (1.5-2i) (0+0i)"),
        (
            "{{ printf \"%6.1f|%v|%T|%d\" 1+2i 1+2i 1+2i 1+2i }}",
            "(   1.0  +2.0i)|(1+2i)|complex128|%!d(complex128=(1+2i))",
        ),
        (
            "{{ kindOf 1i }} {{ eq 1i 1i }} {{ not 0i }} {{ empty 0i }} {{ int 1i }}",
            "complex128 true true true 0",
        ),
        (
            "{{ toJson 1i }}|{{ toYaml (list 1i) }}|{{ until 3+0i }}",
            "||[0 1 2]",
        ),
    ]);
    all_fail(&[
        (
            "{{ eq 1i 1 }}",
            "incompatible types for comparison: complex128 and int",
        ),
        ("{{ lt 1i 2i }}", "invalid type for comparison"),
        (
            "{{ index .Values.l 1i }}",
            "cannot index slice/array with type complex128",
        ),
        ("{{ 0x1i }}", "illegal number syntax"),
        ("{{ mustToJson 1i }}", "unsupported type: complex128"),
    ]);
}

#[test]
fn strings_hold_bytes_that_are_not_utf_8() {
    all_print(&[
        (
            "{{ len \"a\\xff\" }} {{ index \"a\\xff\" 1 }} {{ printf \"%x\" \"\\xff\" }}",
            "2 255 ff",
        ),
        (
            "{{ quote \"\\xff\" }} {{ printf \"%q %#q\" \"é\\xff\" \"\\xff\" }}",
            "\"\\xff\" \"é\\xff\" \"\\xff\"",
        ),
        (
            "{{ b64dec \"//4=\" | b64enc }} {{ trunc 1 \"é\" | b64enc }} {{ substr 1 2 \"é\" | b64enc }}",
            "//4= ww== qQ==",
        ),
        (
            "{{ trunc 1 \"é\" }}{{ substr 1 2 \"é\" }} {{ printf \"%.1s\" \"\\xff\\xff\" | len }}",
            "é 1",
        ),
        (
            "{{ toJson \"a\\xff\" }} {{ toYaml \"a\\xff\" }} {{ urlquery \"\\xff\" }}",
            "\"a\\ufffd\" a\u{fffd} %FF",
        ),
        (
            "{{ upper \"a\\xff\" }} {{ eq \"\\xff\" (b64dec \"/w==\") }} {{ wrapWith 1 \"-\" \"é\" | quote }}",
            "A\u{fffd} true \"\\xc3-\\xa9\"",
        ),
        ("{{ regexMatch \"\\xff\" \"\" }} {{ '\\xff' }}", "false 255"),
    ]);
    all_fail(&[("{{ regexFind \"\\xff\" \"\" }}", "error parsing regexp")]);
}

#[test]
fn results_that_a_comparison_with_go_found() {
    all_print(&[
        // JSON leaves DEL as it is, and YAML does not allow it
        (
            "{{ toYaml \"a\\x7f\" }}|{{ toYaml (dict \"\\u0080\" 1) }}|{{ toYaml \"\\x01\" }}",
            "||\"\\x01\"",
        ),
        ("{{ toYaml \"'\\u2028'\" }}", "'''\u{2028}  '''"),
        (
            "{{ toDate \"2006-01-02\" \"2020-02-03\" }} {{ toDate \"2006\" \"x\" }}",
            "2020-02-03 00:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC",
        ),
        (
            "{{ mustDateModify \"1us\" (toDate \"2006-01-02\" \"2020-02-03\") }}",
            "2020-02-03 00:00:00.000001 +0000 UTC",
        ),
        (
            "{{ durationWeeks 1 }} {{ durationDays 59 }}",
            "1.6534391534391533e-06 0.0006828703703703705",
        ),
        (
            "{{ b32dec \"aaa\" }}, {{ b32dec \"ME\" }}, {{ b32dec \"ME======\" }}",
            "illegal base32 data at input byte 0, illegal base32 data at input byte 0, a",
        ),
        ("{{ chunk -5 (list 1 2) }}", "[]"),
        (
            "{{ regexReplaceAll \"(?P<n>a)(?P<n>b)\" \"xab\" \"${n}\" }}",
            "xa",
        ),
        (
            "{{ fromJson `{\"a\": \"\\ud800x\\ud83d\\ude00\"}` }} {{ (fromJson `{}x`).Error }}",
            "map[a:\u{fffd}x😀] invalid character 'x' after top-level value",
        ),
        (
            "{{ toYamlPretty (list 0.5 (mustToDuration 60)) }}",
            "- 0.5\n- 1m0s",
        ),
        (
            "{{ fromYaml \"null\" | toJson }} {{ fromYamlArray \"\" | toJson }}",
            "{} []",
        ),
        (
            "{{ printf \"%e\" (semver \"1.2.3\") }}",
            "&{%!e(uint64=1) %!e(uint64=2) %!e(uint64=3) %!e(string=) %!e(string=) %!e(string=1.2.3)}",
        ),
    ]);
    let printed = |values: &str| {
        let template = "{{ .Values.a }} {{ toYaml .Values.a }}";
        let text = render_with(template, values, Budget::default());
        text.unwrap().as_str().to_string()
    };
    assert_eq!(printed("a: -0.0\n"), "-0 0");
    assert_eq!(printed("a: -0\n"), "0 0");
    // an address is not the same in every run
    let address = render("{{ printf \"%p\" .Values.m }}").unwrap();
    assert!(address.inputs().is_volatile());
}

/// The text of each piece with the bytes of the template and of the values behind it.
fn pieces<'t>(
    text: &'t Text,
    template: &'t str,
    values: &'t str,
) -> Vec<(&'t str, &'t str, Vec<&'t str>)> {
    let source = |origin: &Origin| {
        let file = if origin.file == TEMPLATE {
            template
        } else {
            values
        };
        &file[origin.start as usize..origin.end as usize]
    };
    let all = text.pieces_in(0..text.as_str().len());
    all.map(|(bytes, piece)| {
        let printed_by = piece.printed_by.as_ref().map_or("", source);
        let inputs = piece.inputs.origins().iter().map(source);
        (&text.as_str()[bytes], printed_by, inputs.collect())
    })
    .collect()
}

#[test]
fn every_byte_knows_what_printed_it_and_which_values_went_into_it() {
    let values = "repo: nginx\ntag: v1\nport: 80\nenv: {A: one}\ntext: 'x {{ .Values.tag }}'\n";
    let show = |template: &str| {
        let text = render_with(template, values, Budget::default()).unwrap();
        let pieces = pieces(&text, template, values).into_iter();
        let pieces = pieces.map(|(text, by, inputs)| format!("{text}|{by}|{}", inputs.join(",")));
        pieces.collect::<Vec<_>>()
    };
    assert_eq!(
        show("i: {{ printf \"%s:%s\" .Values.repo (upper .Values.tag) }}\n"),
        [
            "i: |i: |",
            "nginx|{{ printf \"%s:%s\" .Values.repo (upper .Values.tag) }}|nginx",
            ":|{{ printf \"%s:%s\" .Values.repo (upper .Values.tag) }}|",
            "V1|{{ printf \"%s:%s\" .Values.repo (upper .Values.tag) }}|v1",
            "\n|\n|",
        ]
    );
    assert_eq!(
        show(
            "{{ define \"a\" }}x: {{ .Values.port }}\ny: 1{{ end }}{{ include \"a\" . | nindent 2 }}"
        ),
        [
            "\n  |{{ include \"a\" . | nindent 2 }}|",
            "x: |x: |",
            "80|{{ .Values.port }}|80",
            "\n|\n|",
            "  |{{ include \"a\" . | nindent 2 }}|",
            "y: 1|y: 1|",
        ]
    );
    assert_eq!(
        show("{{ toYaml .Values.env }}"),
        [
            "A|{{ toYaml .Values.env }}|A",
            ": |{{ toYaml .Values.env }}|",
            "one|{{ toYaml .Values.env }}|one"
        ]
    );
    assert_eq!(
        show("{{ tpl .Values.text . }}"),
        [
            "x |{{ tpl .Values.text . }}|'x {{ .Values.tag }}'",
            "v1|'x {{ .Values.tag }}'|v1"
        ]
    );
    assert_eq!(
        show("{{ default 1 .Values.port | quote }}{{ add .Values.port 1 }}"),
        [
            "\"|{{ default 1 .Values.port | quote }}|",
            "80|{{ default 1 .Values.port | quote }}|80",
            "\"|{{ default 1 .Values.port | quote }}|",
            "81|{{ add .Values.port 1 }}|80",
        ]
    );
}

#[test]
fn results_that_differ_in_every_run_are_marked() {
    for template in [
        "{{ randAlphaNum 5 | b64enc }}",
        "{{ now | date \"2006\" }}",
        "{{ (genCA \"a\" 1).Cert }}",
        "{{ uuidv4 | sha256sum }}",
    ] {
        let text = render(template).unwrap();
        assert!(text.inputs().is_volatile(), "{template}");
    }
    assert!(
        !render("{{ date \"2006\" 0 }}")
            .unwrap()
            .inputs()
            .is_volatile()
    );
}

#[test]
fn an_error_names_its_place_and_the_calls_that_led_there() {
    let template = "{{ define \"a\" }}\n{{ .x.y }}{{ end }}\n{{ include \"a\" (dict) }}";
    let error = render(template).unwrap_err();
    let at = |origin: &Origin| &template[origin.start as usize..origin.end as usize];
    assert_eq!(error.origin.as_ref().map(at), Some(".x.y"));
    assert_eq!(error.expression, ".x.y");
    let calls: Vec<&str> = error.calls.iter().map(at).collect();
    assert_eq!(calls, ["include \"a\" (dict)"]);
    let error = render("a {{ if }}").unwrap_err();
    assert!(matches!(error.problem, Problem::Syntax(_)));
    assert!(error.origin.is_some());
}

#[test]
fn hostile_templates_end_soon() {
    let start = std::time::Instant::now();
    for template in [
        "{{ range until 1000000000 }}x{{ end }}",
        "{{ range 1000000000 }}x{{ end }}",
        "{{ repeat 1000000000 \"x\" }}",
        "{{ $x := \"xxxxxxxxxx\" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}",
        "{{ $x := list 1 2 3 4 5 6 7 8 }}{{ range until 40 }}{{ $x = concat $x $x }}{{ end }}",
        "{{ indent 100000000 \"a\\nb\" }}",
        "{{ $x := repeat 100000 \"a\" }}{{ replace \"a\" $x $x }}",
        "{{ printf \"%1000000d\" 1 | repeat 1000 }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}{{ $d }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $e := deepCopy $d }}",
        "{{ $t := \"{{ tpl .t . }}{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}",
        "{{ define \"a\" }}{{ include \"b\" . }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ $l := until 3000 }}{{ range $l }}{{ range $l }}{{ uniq $l }}{{ end }}{{ end }}",
    ] {
        let result = render_with(template, SOME, Budget::new(300_000, 8 << 20));
        assert!(result.is_err(), "{template}");
    }
    let nested = "{{ $l := list }}{{ range until 20000 }}{{ $l = list $l }}{{ end }}\
                  {{ $d := dict }}{{ $e := $d }}{{ range until 20000 }}{{ $n := dict }}\
                  {{ $_ := set $e \"n\" $n }}{{ $e = $n }}{{ end }}";
    assert!(render(nested).is_ok());
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(render(&format!("{{{{ {deep} }}}}")).is_err());
    assert!(render(&"{{ if true }}".repeat(100_000)).is_err());
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn fuzz_template() {
    let words = &[
        "{{ ",
        " }}",
        "{{- ",
        " -}}",
        ".Values.s",
        ".Values.m",
        ".Values.l",
        ".",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        "range ",
        "if ",
        "with ",
        "else",
        "end",
        "define \"a\"",
        "template \"a\" .",
        "include \"a\" .",
        "tpl ",
        "break",
        "continue",
        "block \"a\" .",
        " 1",
        " \"x\"",
        " `r`",
        " 'c'",
        "toYaml",
        "nindent 2",
        "indent",
        "printf \"%v %5.2f %q\"",
        "repeat 99999999",
        "until 5",
        "untilStep 0 9 2",
        "dict \"a\" 1",
        "list 1 2",
        "index",
        "slice",
        "len",
        "eq",
        "lt",
        "and",
        "or",
        "not",
        "default",
        "required",
        "trunc -3",
        "substr 1 2",
        "regexReplaceAll \"(a)\" . \"$1\"",
        "splitList",
        "join",
        "sort",
        "merge",
        "fromYaml",
        "toJson",
        "date",
        "semverCompare",
        "b64enc",
        "sha256sum",
        "genCA",
        "/* c */",
        "get",
        "set",
        "pluck",
        "first",
        "quote",
        "int",
        "add",
        "mul",
        "div",
        "mod",
        "seq",
        "lookup",
        "fail",
    ];
    let examples = [
        "{{- range $k, $v := .Values.m }}{{ $k }}: {{ $v | quote }}\n{{- else }}none{{ end }}",
        "{{ define \"a\" }}{{ . | toYaml | nindent 2 }}{{ end }}{{ include \"a\" .Values.l }}",
        "{{ if and .Values.t (eq .Values.num 5) }}{{ printf \"%s-%d\" .Values.s .Values.num }}{{ end }}",
        "{{ tpl .Values.tmpl . }}{{ with .Values.m.c }}{{ .d | upper }}{{ end }}",
    ];
    crate::fuzz::run("template", &examples, words, |text| {
        match render_with(text, SOME, Budget::new(20_000, 50_000)) {
            Ok(text) => assert!(text.as_str().len() <= 200_000),
            Err(error) => drop(error.to_string()),
        }
    });
}

#[test]
fn values_have_methods() {
    let print = |text: &str| {
        let mut templates = Templates::new(Dialect::Helm, MissingKey::Zero);
        templates.parse("main", text.into(), TEMPLATE).unwrap();
        let values = read_as(SOME, VALUES, Reading::Json).unwrap();
        let values = Value::from_node(&values.documents[0]);
        let root = Map::new();
        let values = values.as_map().unwrap().as_named("common.Values");
        root.set("Values", Value::map(values));
        let mut run = Run::new(&templates, Budget::default());
        let text = run.execute("main", &Value::map(root));
        text.map_or_else(|error| error.to_string(), |text| text.as_str().to_string())
    };
    for (text, expected) in [
        (
            "{{ typeOf .Values.AsMap }} {{ .Values.AsMap.s }}",
            "map[string]interface {} hello",
        ),
        ("{{ dig \"m\" \"c\" \"d\" \"x\" .Values.AsMap }}", "deep"),
        (
            "{{ (.Values.Table \"m.c\").d }} {{ .Values.PathValue \"m.b\" }}",
            "deep two",
        ),
        ("{{ (.Values.Table \"m.c\").YAML }}", "d: deep\n"),
        (
            "{{ .Values.Table \"s\" }}",
            "error calling Table: \"s\" is not a table",
        ),
        (
            "{{ .Values.PathValue \"m\" }}",
            "error calling PathValue: \"m\" is not a value",
        ),
    ] {
        assert_eq!(print(text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_can_be_encoded() {
    all_print(&[
        ("{{ b64dec \"/wD+\" | b64enc }}", "/wD+"),
        ("{{ b64dec \"/w==\" | sha256sum | trunc 8 }}", "a8100ae6"),
    ]);
}

#[test]
fn toml_is_written_and_read() {
    all_print(&[
        (
            "{{ toToml (dict \"b\" (dict \"x y\" 1 \"e\" (dict)) \"a\" (list 1 \"q\\\"\" .Values.num) \"n\" nil) }}",
            "a = [1, \"q\\\"\", 5.0]\n\n[b]\n  \"x y\" = 1\n  [b.e]\n",
        ),
        (
            "{{ toToml (dict \"a\" (list (dict \"k\" 1) (dict \"k\" (list (dict \"v\" true) 2)))) }}",
            "[[a]]\n  k = 1\n\n[[a]]\n  k = [{v = true}, 2]\n",
        ),
        (
            "{{ toToml (dict \"a\" (list nil)) }}",
            "toml: cannot encode array with nil element",
        ),
        (
            "{{ $t := fromToml \"a = 1\\n[b]\\nc = [1.5, 'x']\\nd = 2020-01-02T03:04:05Z\" }}{{ $t.a }} {{ index $t.b.c 0 }} {{ date \"2006-01-02\" $t.b.d }}",
            "1 1.5 2020-01-02",
        ),
        ("{{ hasKey (fromToml \"a = \") \"Error\" }}", "true"),
        (
            "{{ regexReplaceAll \"(a)(?P<n>b)\" \"abc\" \"$2${1}$n${n}$$$x$é${\" }}",
            "babb$${c",
        ),
    ]);
    all_fail(&[
        ("{{ toToml .Values.nul }}", "no TOML"),
        ("{{ mustToToml (dict \"a\" (list nil)) }}", "nil element"),
    ]);
}
