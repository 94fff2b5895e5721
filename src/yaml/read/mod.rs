//! Text to tree: documents in order, each key and value with its span, and the comments.
//!
//! Here: one pass over the parser's events (`tree`), the span and type of a scalar (`scalar`), keys
//! and duplicates (`keys`), `<<` (`merge`), limits against hostile input (`limits`), lines that
//! other readers split elsewhere (`lines`), and texts that are inside a scalar (`embedded`). Not here: opening files (`source`), the meaning of any key.

mod dialect;
mod embedded;
mod error;
mod keys;
mod limits;
mod lines;
mod merge;
mod scalar;
mod strict;
mod tree;

use super::{FileId, Node, Origin};
use crate::source::SourceFile;

pub use dialect::Dialect;
pub use embedded::{lines, read_embedded, read_embedded_as};
pub use error::ReadError;
pub use keys::DuplicateKey;
pub use limits::MAX_DEPTH;

/// A YAML text: its documents in order and its comments.
#[derive(Debug, Default)]
pub struct Documents {
    /// Every document with content. Empty documents, and those with only comments, are left out.
    pub documents: Vec<Node>,
    /// Every comment of the text, from `#` to the end of its line. [`read_file`] leaves them with
    /// the file instead.
    pub comments: Vec<Origin>,
    /// Keys that one mapping defines twice.
    pub duplicate_keys: Vec<DuplicateKey>,
    /// The directive that the text starts with (`%YAML 1.2`).
    pub directive: Option<Origin>,
}

/// Reads a file, YAML or JSON, and leaves its comments with it for `comments::of`.
pub fn read_file(file: &SourceFile) -> Result<Documents, ReadError> {
    let mut documents = read(&file.text, file.id)?;
    let comments = std::mem::take(&mut documents.comments);
    // reading a file again finds the same comments
    _ = file.comments.set(comments.into_boxed_slice());
    Ok(documents)
}

/// Reads the text of a file, YAML or JSON. `file` is the file of every origin.
///
/// The span of a block scalar runs from its first to its last printing character, without header
/// and indentation.
pub fn read(text: &str, file: FileId) -> Result<Documents, ReadError> {
    read_as(text, file, Dialect::Kustomize)
}

/// Reads a text as another program does.
pub fn read_as(text: &str, file: FileId, dialect: Dialect) -> Result<Documents, ReadError> {
    tree::build(text, file, dialect)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use crate::yaml::{By, Data, Part, Scalar, Traced};

    const FILE: FileId = FileId(7);

    fn one(text: &str) -> Node {
        let mut documents = read(text, FILE).unwrap().documents;
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn written<'a>(text: &'a str, node: &Node) -> &'a str {
        &text[node.origin.start as usize..node.origin.end as usize]
    }

    #[test]
    fn spans_are_bytes_of_the_original_text() {
        let text = "\u{feff}# ü\r\nä: \"q\"\r\nlist:\r\n- 'x'\r\n-   {a: 1, b: }\r\nempty:   # none\r\nblock: |\r\n\r\n  one\r\n  two\r\n\r\nlast: yes\r\n";
        let documents = read(text, FILE).unwrap();
        let root = &documents.documents[0];
        assert_eq!(written(text, root.get("ä").unwrap()), "\"q\"");
        let key = root.entry("ä").unwrap().key_origin;
        assert_eq!(&text[key.start as usize..key.end as usize], "ä");
        assert_eq!(written(text, root.pointer("/list/0").unwrap()), "'x'");
        assert_eq!(
            written(text, root.pointer("/list/1").unwrap()),
            "{a: 1, b: }"
        );
        assert_eq!(
            written(text, root.get("list").unwrap()),
            "'x'\r\n-   {a: 1, b: }"
        );
        let empty = root.get("empty").unwrap();
        assert!(empty.is_null());
        assert_eq!(empty.origin.start, empty.origin.end);
        assert!(text[..empty.origin.start as usize].ends_with("empty:"));
        assert!(text[..root.pointer("/list/1/b").unwrap().origin.start as usize].ends_with("b:"));
        let block = root.get("block").unwrap();
        assert_eq!(block.as_str(), Some("\none\ntwo\n"));
        assert_eq!(written(text, block), "one\r\n  two");
        assert_eq!(root.get("last").and_then(Node::as_str), Some("yes"));
        assert_eq!(root.origin.end as usize, text.len() - 2);
        let comments: Vec<&str> = documents
            .comments
            .iter()
            .map(|comment| &text[comment.start as usize..comment.end as usize])
            .collect();
        assert_eq!(comments, ["# ü", "# none"]);
    }

    #[test]
    fn empty_values_stand_behind_their_colon_or_dash() {
        for (text, pointer, before) in [
            ("a:\n", "/a", "a:"),
            ("a :\nb: 1\n", "/a", "a :"),
            ("a:\n  b:\n  # c\n  d: 1\n", "/a/b", "a:\n  b:"),
            ("- \n- x\n", "/0", "-"),
            ("? a\n? b\n", "/a", "? a"),
            ("{a, b: 1}", "/a", "{a"),
            ("a: !!null\n", "/a", "a: !!null"),
        ] {
            let node = one(text);
            let value = node.pointer(pointer).unwrap();
            assert!(value.is_null(), "{text}");
            assert_eq!(&text[..value.origin.start as usize], before, "{text:?}");
            assert_eq!(value.origin.start, value.origin.end);
        }
    }

    #[test]
    fn documents_that_hold_nothing_are_left_out() {
        let text = "# only\n---\n---\n# comment\n---\na: 1\n---\n~\n...\n---\n[]\n";
        let documents = read(text, FILE).unwrap();
        assert_eq!(documents.documents.len(), 2);
        assert_eq!(documents.comments.len(), 2);
        assert!(read("", FILE).unwrap().documents.is_empty());
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_and_both_are_reported() {
        let text = "a: 1\nb: 2\na: 3\n";
        let documents = read(text, FILE).unwrap();
        assert_eq!(
            documents.documents[0].get("a").and_then(Node::as_int),
            Some(3)
        );
        assert_eq!(documents.documents[0].entries().len(), 2);
        let duplicate = &documents.duplicate_keys[0];
        assert_eq!(
            (
                duplicate.key.as_str(),
                duplicate.first.start,
                duplicate.second.start
            ),
            ("a", 0, 10)
        );
    }

    #[test]
    fn merge_keys_bring_what_is_missing() {
        let text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nthree:\n  <<: [*one, *two]\n  a: 3\nfour:\n  b: 4\n  <<: *one\nfive: {\"<<\": text}\n";
        let node = one(text);
        let values = |name: &str| -> Vec<(String, i64)> {
            let entries = node.get(name).unwrap().entries().iter();
            let mut values: Vec<_> = entries
                .map(|e| (e.key.to_string(), e.value.as_int().unwrap()))
                .collect();
            values.sort();
            values
        };
        let pairs = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
            pairs.iter().map(|(k, v)| (k.to_string(), *v)).collect()
        };
        assert_eq!(values("three"), pairs(&[("a", 3), ("b", 1), ("c", 2)]));
        assert_eq!(values("four"), pairs(&[("a", 1), ("b", 4)]));
        assert_eq!(written(text, node.pointer("/three/c").unwrap()), "2");
        assert!(node.pointer("/three/c").unwrap().origin.start < 46);
        assert_eq!(
            node.pointer("/five/<<").and_then(Node::as_str),
            Some("text")
        );
        for tagged in [
            "!!merge <<",
            "!!merge \"<<\"",
            "!<tag:yaml.org,2002:merge> <<",
        ] {
            let tagged = one(&format!("a: &a {{b: 1}}\nc:\n  {tagged}: *a\n"));
            assert_eq!(tagged.at(&["c", "b"]).and_then(Node::text), Some("1"));
        }
        let text = one("a: &a {b: 1}\nc:\n  !!str <<: *a\n");
        assert!(text.at(&["c", "<<"]).is_some());
        let unspecific = one("a: &a {b: 1}\nc:\n  ! <<: *a\n");
        assert_eq!(unspecific.pointer("/c/b").and_then(Node::as_int), Some(1));
        for bad in [
            "<<: 1\n",
            "a: &a [1]\nb:\n  <<: *a\n",
            "a: &a {}\nb:\n  <<: *a\n  <<: *a\n",
        ] {
            assert!(read(bad, FILE).is_err(), "{bad}");
        }
    }

    #[test]
    fn aliases_are_expanded_and_keep_the_anchors_place() {
        let text = "a: &x\n  k: v\nb: *x\nc: [*x]\n";
        let node = one(text);
        assert_eq!(node.pointer("/c/0/k").and_then(Node::as_str), Some("v"));
        assert_eq!(
            node.pointer("/b/k").unwrap().origin,
            node.pointer("/a/k").unwrap().origin
        );
        assert!(read("a: &x [*x]\n", FILE).is_err());
        assert!(read("a: *x\n", FILE).is_err());
        assert!(read("a: &x 1\n---\nb: *x\n", FILE).is_err());
    }

    #[test]
    fn keys_must_be_strings() {
        for (text, start) in [
            ("8080: x\n", 0),
            ("a:\n  true: x\n", 5),
            ("~: x\n", 0),
            ("1.5: x\n", 0),
            ("2024-01-01: x\n", 0),
            ("? [a]\n: x\n", 2),
            ("? {a: b}\n: x\n", 2),
        ] {
            let error = read(text, FILE).unwrap_err();
            assert_eq!(error.origin.start, start, "{text}");
            assert!(error.message.contains("string"), "{}", error.message);
            assert!(!error.template);
        }
        for text in [
            "yes: x\n",
            "\"8080\": x\n",
            "!!str 8080: x\n",
            "on: x\n",
            "a: &k key\n*k : x\n",
        ] {
            assert!(read(text, FILE).is_ok(), "{text}");
        }
    }

    #[test]
    fn templates_are_told_from_mistakes() {
        for text in [
            "a: {{ .Values.x }}\n",
            "{{- if x }}\na: b\n{{- end }}\n",
            "{% if x %}\na: b\n",
        ] {
            assert!(read(text, FILE).unwrap_err().template, "{text}");
        }
        assert!(!read("a: [\n", FILE).unwrap_err().template);
        assert_eq!(
            one("a: \"{{ x }}\"\n").get("a").and_then(Node::as_str),
            Some("{{ x }}")
        );
    }

    #[test]
    fn tags_decide_types() {
        let node = one(
            "a: !!str 1\nb: !!float 1\nc: !custom 1\nd: !!binary aGk=\ne: ! 1\nf: !!str\ng: !!int \"3\"\nh: !x {i: 1}\n",
        );
        let kind = |name: &str| {
            node.get(name)
                .and_then(Node::as_scalar)
                .map(|scalar| scalar.kind)
        };
        assert_eq!(kind("a"), Some(Kind::String));
        assert_eq!(kind("b"), Some(Kind::Float));
        assert_eq!(kind("c"), Some(Kind::String));
        assert_eq!(kind("d"), Some(Kind::Binary));
        assert_eq!(kind("e"), Some(Kind::Int));
        assert_eq!(kind("f"), Some(Kind::String));
        assert_eq!(kind("g"), Some(Kind::Int));
        assert_eq!(node.pointer("/h/i").and_then(Node::as_int), Some(1));
        assert!(read("a: !!int x\n", FILE).is_err());
        assert!(read("a: !!binary '*'\n", FILE).is_err());
        assert!(read("a: \"\\ud83d\\ude00\"\n", FILE).is_err());
        assert!(read("a: \"\\\\ud83d\"\n", FILE).is_ok());
        assert!(read("a: \"b\\/c\"\n", FILE).is_err());
        assert!(read("a: \"b\\\\/c\"\n", FILE).is_ok());
    }

    #[test]
    fn json_with_tabs_is_read() {
        let text = "{\n\t\"a\": [1,\n\t\t2.5],\n\t\"b/c\": \"\\u00e9\",\n\t\"d\": null\n}\n";
        let node = one(text);
        assert_eq!(node.pointer("/a/0").and_then(Node::as_int), Some(1));
        assert_eq!(node.get("b/c").and_then(Node::as_str), Some("é"));
        assert!(node.get("d").unwrap().is_null());
        assert_eq!(written(text, &node), text.trim_end());
    }

    #[test]
    fn parts_of_printed_texts_point_at_what_printed_them() {
        let host = one("values: |\n  image: acme/web:1.4\n  region: eu\n");
        let mut host = host.get("values").unwrap().clone();
        let place = |start: u32, end: u32, by: By| Origin {
            file: FileId(7),
            start,
            end,
            by,
        };
        let Data::Scalar(scalar) = &mut host.data else {
            panic!("a scalar");
        };
        // `image: ` and `region: eu` stand in the template, and two values in between
        let parts = [
            (7, place(100, 107, By::Template), true),
            (16, place(10, 18, By::Values), false),
            (19, place(30, 33, By::Values), false),
            (31, place(140, 152, By::Template), true),
        ];
        let parts = parts.map(|(end, origin, exact)| Part { end, origin, exact });
        scalar.traced = Traced::new(&scalar.text, parts.to_vec());
        let inner = read_embedded(&host, "").unwrap();
        let of = |key: &str| inner.documents[0].get(key).unwrap().origin;
        // the last value that a scalar is made of, and the very bytes of the template
        assert_eq!(of("image"), place(30, 33, By::Values));
        assert_eq!(of("region"), place(149, 151, By::Template));
        // another text has no parts
        let mut other = host.clone();
        let text = "region: us";
        other.data = Data::Scalar(Scalar {
            text: text.into(),
            ..host.as_scalar().unwrap().clone()
        });
        let inner = read_embedded(&other, "").unwrap();
        assert_eq!(
            inner.documents[0].get("region").unwrap().origin,
            host.origin
        );
    }

    #[test]
    fn embedded_texts_point_into_the_host() {
        let literal =
            "patch: |-\r\n\r\n  - op: add\r\n    path: /a\r\n\r\n    value: \"ä\"\r\nrest: 1\r\n";
        let quoted = "patch: '[{\"op\": \"add\", \"value\": 12}]'\n";
        let plain = "patch: {a: 1}\nx:\n- {y: op add}\n";
        let indented = "patch: |2\n    a:\n      b: 1\n  c: 2\n";
        let host = one(literal);
        let inner = read_embedded(host.get("patch").unwrap(), literal).unwrap();
        assert_eq!(
            written(literal, inner.documents[0].pointer("/0/path").unwrap()),
            "/a"
        );
        assert_eq!(
            written(literal, inner.documents[0].pointer("/0/value").unwrap()),
            "\"ä\""
        );
        assert!(written(literal, &inner.documents[0]).starts_with("- op: add"));
        assert!(written(literal, &inner.documents[0]).ends_with("value: \"ä\""));
        let host = one(quoted);
        let inner = read_embedded(host.get("patch").unwrap(), quoted).unwrap();
        assert_eq!(
            written(quoted, inner.documents[0].pointer("/0/value").unwrap()),
            "12"
        );
        let host = one(plain);
        let inner = read_embedded(host.pointer("/x/0/y").unwrap(), plain).unwrap();
        assert_eq!(written(plain, &inner.documents[0]), "op add");
        let host = one(indented);
        let error = read_embedded(host.get("patch").unwrap(), indented).unwrap_err();
        assert!(error.origin.start >= host.get("patch").unwrap().origin.start);
        for opaque in [
            "patch: \"a: \\\"1\\\"\"\n",
            "patch: >\n  a: 1\n\n  b: 2\n",
            "patch: 'a: ''1'''\n",
        ] {
            let host = one(opaque);
            let value = host.get("patch").unwrap();
            let inner = read_embedded(value, opaque).unwrap();
            assert_eq!(
                inner.documents[0].get("a").unwrap().origin,
                value.origin,
                "{opaque}"
            );
        }
    }

    fn refused(text: &str) -> String {
        match read(text, FILE) {
            Ok(documents) => panic!("{text:?} is read as {:?}", documents.documents),
            Err(error) => error.message,
        }
    }

    #[test]
    fn breaks_that_only_go_knows_are_refused() {
        for text in [
            "a: 1 # one\u{2028}b: 2\n",
            "# one\u{85}b: 2\n",
            "a: |\n  x\u{2029}b: 2\n",
            "a: x\u{85}b: 2\n",
            "a: 'x\u{2028}y'\n",
            "a: \"x\u{85}y\"\n",
            "a: \"x \u{2028}y\"\n",
            "a: \"x\u{2028}---\"\n",
            "\"a\u{2028}b\": 1\n",
            "{\u{2029}a: 1}\n",
            "a: 1\n\u{2028}",
        ] {
            let message = refused(text);
            assert!(message.contains("ends a line"), "{text:?}: {message}");
        }
        let text = "a: \"x\u{2028}y\"\nb: \"\\u2028\\N\"\n";
        let node = one(text);
        assert_eq!(node.get("a").and_then(Node::as_str), Some("x\u{2028}y"));
        assert_eq!(node.get("b").and_then(Node::as_str), Some("\u{2028}\u{85}"));
    }

    #[test]
    fn documents_are_separated_as_kubernetes_separates_them() {
        for text in [
            "a: 1\n--- {b: 2}\n",
            "a: 1\n---b: 2\n",
            "a: 1\n---#c\nb: 2\n",
            "a: 1\n--- # c\rb: 2\n",
            "a: 1\r---\rb: 2\r",
            "a: 1\n--- \u{a0}\n",
            "a: 1\n...\nb: 2\n",
            "a: |\n  b\r\r\n  c\n",
            "a: 1\n\u{feff}b: 2\n",
            "a: 1\n---\n\u{feff}b: 2\n",
            "|-\na\n",
        ] {
            assert!(!refused(text).is_empty());
        }
        for text in [
            "--- {a: 1}\n--- # two\nb: 2\n---\n",
            "a: 1\r\n---\r\nb: 2\r\n---\t# c\r\n",
            "a: 1\n...\n---\nb: |\n  ---x\n  --- y\n",
        ] {
            assert_eq!(read(text, FILE).unwrap().documents.len(), 2, "{text:?}");
        }
        let marked = read("\u{feff}%YAML 1.1\n---\na: 1\n", FILE).unwrap();
        assert_eq!(marked.directive.map(|found| found.start), Some(3));
    }

    #[test]
    fn braces_that_go_reads_differently_are_refused() {
        for text in [
            "{b:, c}\n",
            "[a, f:]\n",
            "{k:- v:}\n",
            "[!x, y]\n",
            "[?1, 2]\n",
            "{a: b,?d: e}\n",
            "{a\n b: c}\n",
            "{\"a\n b\": c}\n",
        ] {
            assert!(!refused(text).is_empty());
        }
        assert!(read("{b: , c, \"?\": 1, ? d : e}\n", FILE).is_ok());
    }

    #[test]
    fn hostile_input_ends_in_an_error_soon() {
        let start = std::time::Instant::now();
        for text in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "{a: ".repeat(100_000),
            "? ".repeat(100_000),
        ] {
            assert!(read(&text, FILE).is_err());
        }
        let mixed = format!("{}{}{}", "- ".repeat(200), "[".repeat(100), "]".repeat(100));
        assert!(read(&mixed, FILE).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        let mut merges = "a0: &a0 {k0: 1}\n".to_string();
        let mut deep = "a0: &a0 [x]\n".to_string();
        for level in 1..60 {
            let before = level - 1;
            let ten = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
            merges.push_str(&format!(
                "a{level}: &a{level}\n  <<: [{ten}]\n  k{level}: *a{before}\n"
            ));
            deep.push_str(&format!(
                "a{level}: &a{level} {}*a{before}{}\n",
                "[".repeat(10),
                "]".repeat(10)
            ));
        }
        for text in [bomb, merges, deep] {
            assert!(read(&text, FILE).is_err());
        }
        let keys: String = (0..100_000).map(|n| format!("k{n}: {n}\n")).collect();
        let documents = read(&format!("{keys}{keys}"), FILE).unwrap();
        assert_eq!(documents.documents[0].entries().len(), 100_000);
        assert_eq!(documents.duplicate_keys.len(), 100_000);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let refused = |text: &str| {
            let read = read(text, FILE);
            assert!(read.is_err(), "{text:?}: {read:?}");
        };
        for text in [
            // tabs
            "\ta: b\n",
            "a: b\n\t\n",
            "a: 'b'\n \t\nc: d\n",
            "a:\n\t- b\n",
            "-\tb\n",
            "- a\n- \tb\n",
            "? a\n: \tb\n",
            "a: b\n\t# c\n",
            "a: |\n  \ttext\n",
            "a: >-\n\n \ttext\n",
            // anchors, aliases, tags, directives
            "a: &x@ b\n",
            "a: &x# b\n",
            "&x: a\n",
            "!t# a\n",
            "%FOO\n---\na: b\n",
            "...\na: b\n",
            "# c\n...\n",
            "a: b\n---\n...\n",
            // flow collections
            "a: [:b]\n",
            "a: {b: http://x/?y}\n",
            "{a\n: b}\n",
            "{a: b, c # d\n : e}\n",
        ] {
            refused(text);
        }
        for text in [
            "a:\tb\n",
            "a: b\t# c\n",
            "a: b\n \t\nc: d\n",
            "[\n\tb,\n\t'c?' ]\n",
            "a: |2\n  \ttext\n",
            "a: |\n  text\n  \tmore\n",
            "a: &x\tb\nc: *x\n",
            "a: b\n...\n",
            "a: \"b\n\tc\"\n",
            "a: !t b\n",
            "- ? b\n  : c\n",
            "a: http://x/?y=z&a=b!\n",
            "a: b & c * d ! e % f\n",
        ] {
            let read = read(text, FILE);
            assert!(read.is_ok(), "{text:?}: {read:?}");
        }
    }

    #[test]
    fn fuzz_reader() {
        let examples = [
            "a: &x {b: [1, 2]}\nc: *x\n",
            "- a: |\n    text\n  b: >-\n    more\n- 'x': \"y\"\n",
            "# c\na: 1 # d\n---\n<<: {a: 1}\nb: !!str 2\n...\n",
        ];
        crate::fuzz::run("reader", &examples, crate::fuzz::YAML, |text| {
            fn check(text: &str, node: &Node) {
                assert!(node.origin.start <= node.origin.end);
                assert!(
                    text.get(node.origin.start as usize..node.origin.end as usize)
                        .is_some()
                );
                node.items().iter().for_each(|item| check(text, item));
                for entry in node.entries() {
                    let key = entry.key_origin;
                    assert!(text.get(key.start as usize..key.end as usize).is_some());
                    check(text, &entry.value);
                }
            }
            for dialect in [Dialect::Kustomize, Dialect::Json] {
                match read_as(text, FILE, dialect) {
                    Ok(documents) => documents
                        .documents
                        .iter()
                        .for_each(|node| check(text, node)),
                    Err(error) => assert!(error.origin.end as usize <= text.len()),
                }
            }
        });
    }
}
