//! Paths that lead into JSON or YAML in a string.

use super::{embedded, lookup, lookup_mut};
use crate::yaml::{Data, Node, Origin, Scalar, Traced};

/// Finds the string that a path leads into, lets `change` edit its document at the rest of the
/// path, and writes the document back. Returns false, and changes nothing, if there is no such
/// document or `change` fails.
pub(in crate::kustomize::transform) fn edit(
    root: &mut Node,
    fields: &[String],
    origin: Origin,
    change: impl FnOnce(&mut Node, &[String]) -> bool,
) -> bool {
    for end in 1..fields.len() {
        let (outer, inner) = fields.split_at(end);
        let Ok(Some(host)) = lookup(root, outer) else {
            continue;
        };
        let Some(Scalar {
            text, style, kind, ..
        }) = host.as_scalar().cloned()
        else {
            continue;
        };
        let Some((mut document, comments)) = embedded::parse_with_comments(host) else {
            continue;
        };
        if !change(&mut document, inner) {
            return false;
        }
        let Some(written) = embedded::serialize(&document, &comments, &text) else {
            return false;
        };
        if let Some(host) = lookup_mut(root, outer) {
            host.replace(
                Data::Scalar(Scalar {
                    text: written.into(),
                    style,
                    kind,
                    traced: Traced::default(),
                }),
                origin,
            );
        }
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{split, visit};
    use super::*;
    use crate::yaml::{By, FileId};

    fn edited(text: &str, path: &str, to: &str) -> Option<String> {
        let origin = Origin {
            file: FileId(0),
            start: 0,
            end: 0,
            by: By::Replacement,
        };
        let mut root = Node::map(Vec::new(), origin);
        root.set("data", Node::string(text, origin), origin);
        let done = edit(&mut root, &split(path), origin, |document, inner| {
            visit(document, inner, None, &mut |node, _| {
                let style = node.as_scalar().unwrap().style;
                node.replace(
                    Data::Scalar(Scalar {
                        style,
                        ..Scalar::plain(to)
                    }),
                    origin,
                );
            })
            .is_ok_and(|count| count > 0)
        });
        done.then(|| root.get("data").unwrap().as_str().unwrap().to_string())
    }

    #[test]
    fn json_keeps_its_format_but_sorts_its_keys() {
        assert_eq!(
            edited(r#"{"b":"<x>","a":{"c":1}}"#, "data.a.c", "2").unwrap(),
            r#"{"a":{"c":2},"b":"\u003cx\u003e"}"#
        );
        assert_eq!(
            edited("{\n  \"b\": [1, {}],\n  \"a\": 1\n}", "data.a", "2").unwrap(),
            "{\n  \"a\": 2,\n  \"b\": [\n    1,\n    {}\n  ]\n}"
        );
    }

    #[test]
    fn yaml_keeps_order_and_quotes() {
        assert_eq!(
            edited(
                "b: 'x'\na:\n  - n: \"1\"\n    l: {p: q}\n  - 5\nz:\nt: \"#\"\n",
                "data.b",
                "it's"
            )
            .unwrap(),
            "b: 'it''s'\na:\n- n: \"1\"\n  l: {p: q}\n- 5\nz:\nt: \"#\""
        );
    }

    #[test]
    fn yaml_keeps_its_comments() {
        let text = "# one\n\n# top\na: # of a\n  b: old   # line\n\n  # about c\n  c: 80\n  # last\nl:\n  - x\n  #about d\n  - d: 1\n# end\n";
        let expected = "# one\n\n# top\na: # of a\n  b: new # line\n  # about c\n  c: 80\n  # last\nl:\n- x\n#about d\n- d: 1\n# end";
        assert_eq!(edited(text, "data.a.b", "new").unwrap(), expected);
    }

    #[test]
    fn other_text_is_left_alone() {
        assert_eq!(edited("hello", "data.b", "x"), None);
        assert_eq!(edited("a: 1", "data.b", "x"), None);
        assert_eq!(edited("", "data.b", "x"), None);
        assert_eq!(edited("a: [", "data.b", "x"), None);
    }
}
