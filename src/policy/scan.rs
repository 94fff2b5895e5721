//! Finds facts in the text of a policy that regorus does not offer: its package, the names and
//! lines of its rules, its nesting depth, and functions that call themselves. Not here: parsing
//! Rego.

use std::collections::{BTreeMap, BTreeSet};

/// The text without comments and with the content of strings blanked; every character keeps its
/// place.
fn code(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut quote: Option<char> = None;
    let mut comment = false;
    let mut escaped = false;
    for letter in text.chars() {
        let shown = match (letter, quote) {
            ('\n', _) => {
                comment = false;
                if quote == Some('"') {
                    quote = None;
                }
                '\n'
            }
            _ if comment => ' ',
            (letter, Some(open)) => {
                if open == '"' && !escaped && letter == '\\' {
                    escaped = true;
                } else {
                    if letter == open && !escaped {
                        quote = None;
                    }
                    escaped = false;
                }
                if letter == open && quote.is_none() {
                    letter
                } else {
                    ' '
                }
            }
            ('#', None) => {
                comment = true;
                ' '
            }
            ('"' | '`', None) => {
                quote = Some(letter);
                letter
            }
            _ => letter,
        };
        result.push(shown);
    }
    result
}

fn word(text: &str) -> &str {
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The beginning of a rule.
struct Head {
    name: String,
    /// 1-based.
    line: usize,
    /// The code up to the next head.
    body: String,
}

/// The heads of a policy.
fn heads(code: &str) -> Vec<Head> {
    let mut found: Vec<Head> = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let line_head = line.strip_prefix("default ").unwrap_or(line);
        let name = word(line_head);
        let starts = !name.is_empty()
            && !name.starts_with(|letter: char| letter.is_ascii_digit())
            && !matches!(
                name,
                "package" | "import" | "else" | "not" | "some" | "with" | "every"
            );
        if starts {
            found.push(Head {
                name: name.to_string(),
                line: index + 1,
                body: String::new(),
            });
        }
        if let Some(head) = found.last_mut() {
            head.body.push_str(line);
            head.body.push('\n');
        }
    }
    found
}

/// What a policy defines.
pub(super) struct Module {
    /// `main` of `package main`; empty if there is none.
    pub(super) package: String,
    /// The rules, each once, in the order of the file.
    pub(super) rules: Vec<Defined>,
}

/// A rule that a policy defines.
pub(super) struct Defined {
    pub(super) name: String,
    /// The 1-based line of its first head.
    pub(super) line: usize,
}

impl Module {
    /// Reads the text of a policy.
    pub(super) fn read(text: &str) -> Module {
        let code = code(text);
        let mut lines = code.lines();
        let package = lines.find_map(|line| line.trim_start().strip_prefix("package "));
        let package = package.and_then(|rest| rest.split_whitespace().next());
        let mut seen = BTreeSet::new();
        let heads = heads(&code).into_iter();
        let rules = heads.filter(|head| seen.insert(head.name.clone()));
        let rules = rules.map(|head| Defined {
            name: head.name,
            line: head.line,
        });
        Module {
            package: package.unwrap_or_default().to_string(),
            rules: rules.collect(),
        }
    }
}

/// Refuses policies that the interpreter cannot handle: nesting so deep that parsing takes hours,
/// and functions that call themselves, which end the process.
pub(super) fn check(text: &str, deepest: usize) -> Result<(), String> {
    let code = code(text);
    check_depth(&code, deepest)?;
    check_chains(&code)?;
    check_recursion(&heads(&code))
}

fn check_depth(code: &str, deepest: usize) -> Result<(), String> {
    let (mut depth, mut line) = (0usize, 1);
    for letter in code.chars() {
        match letter {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth = depth.saturating_sub(1),
            '\n' => line += 1,
            _ => {}
        }
        if depth > deepest {
            return Err(format!(
                "line {line}: brackets nest deeper than {deepest} levels"
            ));
        }
    }
    Ok(())
}

/// The most operators and dots in one expression. The interpreter nests an expression as deep as it
/// has operators, and cannot be stopped when its stack ends.
const LONGEST_CHAIN: usize = 500;

/// The most minus signs or `not` in a row; the parser's time doubles with each.
const LONGEST_UNARY: usize = 8;

/// Refuses expressions that go on and on: `1+1+1+…`, `a.b.c.…`, `a[0][0]…`, `- - - -1`.
fn check_chains(code: &str) -> Result<(), String> {
    let is_operator = |letter: char| "+-*/%&|.<>=[(".contains(letter);
    let (mut chain, mut unary, mut open) = (0, 0, false);
    for (number, line) in code.lines().enumerate() {
        let content = line.trim();
        // an expression goes on in the next line behind or before an operator
        if !open && !content.starts_with(is_operator) && !content.is_empty() {
            chain = 0;
        }
        for letter in content.chars() {
            match letter {
                ',' | ';' | '{' | '}' => chain = 0,
                letter if is_operator(letter) => chain += 1,
                _ => {}
            }
            match letter {
                '-' => unary += 1,
                letter if letter.is_whitespace() || letter == '(' => {}
                _ => unary = 0,
            }
            if chain > LONGEST_CHAIN || unary > LONGEST_UNARY {
                return Err(format!(
                    "line {}: an expression has too many operators in a row",
                    number + 1
                ));
            }
        }
        open = content.ends_with(is_operator) || (open && content.is_empty());
    }
    let words: Vec<&str> = code.split_whitespace().collect();
    let negated = |window: &[&str]| window.iter().all(|word| *word == "not");
    if words.windows(LONGEST_UNARY).any(negated) {
        return Err("`not` stands too often in a row".to_string());
    }
    Ok(())
}

fn check_recursion(heads: &[Head]) -> Result<(), String> {
    let is_function = |name: &str, body: &str| {
        let rest = body.trim_start_matches("default ").get(name.len()..);
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    let functions: BTreeMap<&str, usize> = heads
        .iter()
        .filter(|head| is_function(&head.name, &head.body))
        .map(|head| (head.name.as_str(), head.line))
        .collect();
    let mut calls: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Head { name, body, .. } in heads {
        if !functions.contains_key(name.as_str()) {
            continue;
        }
        let body = body.get(name.len()..).unwrap_or_default();
        let called = functions.keys().filter(|function| calls_it(body, function));
        calls.entry(name).or_default().extend(called);
    }
    for (function, line) in &functions {
        let mut waiting: Vec<&str> = calls.get(function).into_iter().flatten().copied().collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            if next == *function {
                return Err(format!(
                    "line {line}: the function {function} calls itself, which Rego forbids"
                ));
            }
            if seen.insert(next) {
                waiting.extend(calls.get(next).into_iter().flatten().copied());
            }
        }
    }
    Ok(())
}

/// True if a body calls a function of its own package: `f(`, but not `lib.f(` or `half(`.
fn calls_it(body: &str, function: &str) -> bool {
    body.match_indices(function).any(|(at, _)| {
        let before = body.get(..at).and_then(|text| text.chars().next_back());
        let after = body.get(at + function.len()..);
        let part_of_a_name =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
        after.is_some_and(|text| text.starts_with('(')) && !before.is_some_and(part_of_a_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# package wrong\npackage a.b\n\nimport rego.v1\n\ndeny contains msg if {\n\tmsg := \"[[[[ # f(\"\n}\n\ndefault ok := false\n\nf(x) := g(x)\n\ng(x) := x\n\ndeny contains f(1)\n";

    #[test]
    fn heads_are_found() {
        let module = Module::read(TEXT);
        let rules: Vec<(&str, usize)> = module
            .rules
            .iter()
            .map(|rule| (rule.name.as_str(), rule.line))
            .collect();
        assert_eq!(module.package, "a.b");
        assert_eq!(rules, [("deny", 6), ("ok", 10), ("f", 12), ("g", 14)]);
        assert!(check(TEXT, 4).is_ok());
    }

    #[test]
    fn recursion_and_depth_are_refused() {
        assert!(
            check("package a\nf(x) := g(x)\ng(x) := f(x)\n", 9)
                .unwrap_err()
                .contains("calls itself")
        );
        assert!(
            check("package a\nx := [[[1]]]\n", 2)
                .unwrap_err()
                .contains("line 2")
        );
        assert!(check("package a\nf(x) := data.lib.f(x)\n", 9).is_ok());
    }

    #[test]
    fn endless_expressions_are_refused() {
        for part in ["+1", "[0]", ".a", " == 1", "+\n1"] {
            let text = format!("package a\nx := y{}\n", part.repeat(1000));
            assert!(check(&text, 16).is_err(), "{part}");
        }
        for start in ["- ".repeat(20), "not ".repeat(20)] {
            assert!(check(&format!("package a\nx if {{ {start}y }}\n"), 16).is_err());
        }
        let long = "x := input.a.b + 1\n".repeat(1000);
        assert!(check(&format!("package a\n{long}"), 16).is_ok());
        let wide = "input.a.b, ".repeat(1000);
        assert!(check(&format!("package a\nx := [{wide}1]\n"), 16).is_ok());
    }
}
