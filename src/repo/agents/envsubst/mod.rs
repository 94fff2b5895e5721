//! The language in which Flux writes variables into texts (`github.com/fluxcd/pkg/envsubst`,
//! release 1.x): `${NAME:-default}`, and `$$` for a dollar sign.
//!
//! Here: one text and its variables. `scan` reads expressions, `functions` computes their values.
//! Not here: where variables come from and which texts are substituted (`substitute`).

mod functions;
mod glob;
mod scan;

use std::ops::Range;
use std::sync::Arc;

use crate::yaml::Origin;
use scan::Scanner;

/// A variable, as far as the repo tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// Its value, and where it is written.
    Known(&'a str, Origin),
    /// It may have a value that only the cluster knows.
    Unknown,
    /// It has no value, which counts as an empty one.
    Unset,
    /// It has no value, and Flux refuses expressions that have no default for it.
    Missing,
}

/// A text with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evaluated {
    /// The text. Expressions that need a variable of unknown value stay as written.
    pub text: String,
    /// Where the value of the first variable is written.
    pub origin: Option<Origin>,
    /// Expressions that stay as written because only the cluster knows their value.
    pub unknown: Vec<Arc<str>>,
    /// Variables without a value or default, each with the bytes of the expression.
    pub missing: Vec<(String, Range<usize>)>,
}

/// Why Flux cannot read a text: one clause, lower case. Flux then applies nothing of the whole
/// Kustomization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub reason: &'static str,
    /// The bytes of the expression, as far as it was read.
    pub at: Range<usize>,
}

/// Fills in variables.
///
/// # Errors
///
/// Flux cannot read the text, or it becomes longer than `limit` bytes.
pub(super) fn evaluate<'v>(
    text: &str,
    limit: usize,
    lookup: &dyn Fn(&str) -> Value<'v>,
) -> Result<Evaluated, Failure> {
    let mut scanner = Scanner {
        text,
        at: 0,
        depth: 0,
    };
    let mut result = Evaluated::default();
    loop {
        let plain = scanner.plain();
        result.text.push_str(&plain);
        if scanner.at == text.len() {
            return Ok(result);
        }
        let start = scanner.at;
        scanner.at += 2;
        let call = scanner.call();
        let at = start..scanner.at;
        let failed = |reason| Failure {
            reason,
            at: at.clone(),
        };
        let mut seen = Seen {
            origin: result.origin,
            missing: Vec::new(),
        };
        match call
            .and_then(|call| call.value(lookup, &mut seen))
            .map_err(failed)?
        {
            Some(value) => result.text.push_str(&value),
            None => {
                let written = text.get(at.clone()).unwrap_or_default();
                result.text.push_str(written);
                result.unknown.push(Arc::from(written));
            }
        }
        result.origin = seen.origin;
        let missing = seen.missing.into_iter().map(|name| (name, at.clone()));
        result.missing.extend(missing);
        if result.text.len() > limit {
            return Err(failed(LONG));
        }
    }
}

/// The things that evaluating an expression meets.
struct Seen {
    origin: Option<Origin>,
    missing: Vec<String>,
}

/// A call: `${param name args}`.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    parameter: String,
    function: String,
    arguments: Vec<Argument>,
}

#[derive(Debug, PartialEq, Eq)]
enum Argument {
    Text(String),
    Call(Call),
}

const LONG: &str = "the result is too large for a cluster";

#[cfg(test)]
mod tests {
    use super::scan::{BAD, CLOSING, FUNCTION, NAME};
    use super::*;
    use crate::yaml::{By, FileId};
    use proptest::prelude::*;

    const PLACE: Origin = Origin {
        file: FileId(0),
        start: 0,
        end: 0,
        by: By::Flux,
    };

    fn lookup(name: &str) -> Value<'static> {
        match name {
            "ONE" => Value::Known("1", PLACE),
            "HOST" => Value::Known("shop.example.org", PLACE),
            "PATH" => Value::Known("/srv/shop/Index", PLACE),
            "EMPTY" => Value::Known("", PLACE),
            "CLUSTER" => Value::Unknown,
            "STRICT" => Value::Missing,
            _ => Value::Unset,
        }
    }

    fn filled(text: &str) -> Result<String, &'static str> {
        let found = evaluate(text, usize::MAX, &lookup).map_err(|failure| failure.reason)?;
        Ok(match &found.missing[..] {
            [] => found.text,
            [(name, at), ..] => format!("{name} is missing at {}", at.start),
        })
    }

    #[test]
    fn what_has_no_value_needs_a_default() {
        for (text, expected) in [
            ("a ${STRICT}", "STRICT is missing at 2"),
            ("${STRICT^^}", "STRICT is missing at 0"),
            ("${#STRICT}", "STRICT is missing at 0"),
            ("${ONE:-${STRICT}}", "STRICT is missing at 0"),
            ("${STRICT:-x}${STRICT:=y}${STRICT:+z}", "xyz"),
            ("$${STRICT}", "${STRICT}"),
        ] {
            assert_eq!(filled(text), Ok(expected.to_string()), "{text}");
        }
    }

    #[test]
    fn variables_and_functions() {
        for (text, expected) in [
            ("https://${HOST}/${ONE}", "https://shop.example.org/1"),
            ("${NONE}", ""),
            ("${NONE:-x}${NONE:=y}${NONE=z}", "xyz"),
            ("${EMPTY:-x}", "x"),
            ("${ONE:-x}", "1"),
            ("${NONE:-a b: c}", "a b: c"),
            ("${NONE:=\"x\"}", "\"x\""),
            ("${NONE:-${HOST}-eu}", "shop.example.org-eu"),
            ("${NONE:=${EMPTY:=${ONE}}}", "1"),
            ("${ONE:+set}${NONE:?unset}", "1unset"),
            ("${#HOST}", "16"),
            ("${HOST^}${HOST^^}", "Shop.example.orgSHOP.EXAMPLE.ORG"),
            ("${PATH,,}", "/srv/shop/index"),
            (
                "${HOST:5}|${HOST:5:7}|${HOST:-1}|${HOST: -3}",
                "example.org|example|shop.example.org|shop.example.org",
            ),
            (
                "${HOST:99}|${HOST:0:99}|${HOST:x}",
                "|shop.example.org|shop.example.org",
            ),
            (
                "${HOST/./-}|${HOST//./-}|${HOST/#shop/web}|${HOST/%org/com}",
                "shop-example.org|shop-example-org|web.example.org|shop.example.com",
            ),
            (
                "${PATH//\\//-}|${HOST/example/}",
                "-srv-shop-Index|shop..org",
            ),
            (
                "${HOST#*.}|${HOST##*.}|${HOST%.*}|${HOST%%.*}",
                "example.org|org|shop.example|shop",
            ),
            (
                "${PATH#*/}|${PATH##*/}|${HOST#[a-s]?o}|${HOST#[^a]}",
                "srv/shop/Index|Index|p.example.org|hop.example.org",
            ),
        ] {
            assert_eq!(filled(text), Ok(expected.to_string()), "{text}");
        }
    }

    #[test]
    fn dollars() {
        for (text, expected) in [
            ("$ONE $(ONE) $", "$ONE $(ONE) $"),
            ("$${ONE}", "${ONE}"),
            ("a$$b", "a$b"),
            ("$$${ONE}", "$1"),
            ("$$$${ONE}", "$${ONE}"),
            ("é${ONE}é", "é1é"),
        ] {
            assert_eq!(filled(text), Ok(expected.to_string()), "{text}");
        }
    }

    #[test]
    fn what_only_the_cluster_knows_stays_as_written() {
        for text in [
            "${CLUSTER}",
            "${CLUSTER:-x}",
            "${CLUSTER//a/b}",
            "${NONE:-${CLUSTER}}",
        ] {
            assert_eq!(
                filled(&format!("{text}-${{ONE}}")),
                Ok(format!("{text}-1")),
                "{text}"
            );
        }
        assert_eq!(filled("${ONE:-${CLUSTER}}"), Ok("1".to_string()));
    }

    #[test]
    fn what_flux_cannot_read() {
        for (text, error) in [
            ("${ONE", CLOSING),
            ("${ONE-x}", CLOSING),
            ("${array[@]}", CLOSING),
            ("${}", NAME),
            ("${@}", NAME),
            ("${ONE:}", FUNCTION),
            ("${ONE:-", FUNCTION),
            ("${ONE/x}", BAD),
            ("${#}", BAD),
        ] {
            assert_eq!(filled(text), Err(error), "{text}");
        }
        assert_eq!(
            filled(&"${NONE:-".repeat(10_000)),
            Err("functions are nested too deeply")
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "([$]|[{}]|[:/#%^,=+?*-]|\\[|\\]|\\\\|ONE|HOST|EMPTY|CLUSTER|é|[0-9]|\"| ){0,40}") {
            let _ = filled(&text);
        }

        #[test]
        fn text_without_dollars_stays(text in "[^$]{0,40}") {
            prop_assert_eq!(filled(&text), Ok(text));
        }
    }

    #[test]
    fn fuzz_envsubst() {
        let words = &[
            "${", "}", "$", "$$", "ONE", "HOST", "PATH", "EMPTY", "CLUSTER", "STRICT", "NONE",
            ":-", ":=", "=", ":", "/", "//", "#", "##", "%", "%%", "^", "^^", ",", ",,", "*", "?",
            "-1", "3", "\\", "[a", "]",
        ];
        let examples = [
            "a ${ONE:-${HOST}} b",
            "${PATH//s/${ONE}}",
            "${HOST:1:2}${HOST^^}",
            "$${ONE}",
            "${PATH##*/}",
        ];
        crate::fuzz::run("envsubst", &examples, words, |text| {
            const LIMIT: usize = 100_000;
            match evaluate(text, LIMIT, &lookup) {
                Ok(found) => assert!(found.text.len() <= LIMIT || found.text.len() <= text.len()),
                Err(failure) => assert!(text.get(failure.at).is_some()),
            }
        });
    }
}
