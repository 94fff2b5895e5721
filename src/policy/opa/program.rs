//! Loads policy files: parses, checks and rewrites them, and prepares an interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::engine::{Document, Interpreter};
use super::graph::Graph;
use super::lower::{Rules, lower};
use super::metadata::Annotations;
use super::syntax::{Module, RuleKind, Span, SyntaxError, Version, parse};
use super::values::Value;

/// A policy file.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Source {
    pub(in crate::policy) path: String,
    pub(in crate::policy) text: Arc<str>,
}

/// The circumstances of an evaluation.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Settings {
    /// The time, in nanoseconds since 1970.
    pub(in crate::policy) now: i128,
    /// The version of all files; without it each file is read as v1 and, if that fails, as v0.
    pub(in crate::policy) version: Option<Version>,
    /// True to run `test_*` rules.
    pub(in crate::policy) for_tests: bool,
    /// True if `data.inventory` is what the cluster has, as for Gatekeeper.
    pub(in crate::policy) inventory: bool,
}

/// Why a file cannot be used.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Problem {
    /// Index of the file; none for the policies together.
    pub(in crate::policy) file: Option<usize>,
    /// The first and last byte of the place in it.
    pub(in crate::policy) at: Option<Span>,
    pub(in crate::policy) message: String,
}

impl Problem {
    fn of(file: Option<usize>, message: String) -> Problem {
        let at = None;
        Problem { file, at, message }
    }

    fn at(file: usize, error: &SyntaxError) -> Problem {
        Problem {
            file: Some(file),
            at: Some(error.at),
            message: error.message.clone(),
        }
    }
}

/// A file that was parsed.
struct ReadFile<'s> {
    /// Index of the file.
    number: usize,
    path: &'s str,
    module: Module,
    annotations: Annotations,
}

/// One definition of a rule.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Definition {
    /// Index of its file.
    pub(in crate::policy) file: usize,
    pub(in crate::policy) at: Span,
    /// `kubernetes.main`
    pub(in crate::policy) package: String,
    /// `deny`, or `limits.cpu` for a rule with a longer name.
    pub(in crate::policy) name: String,
    /// The path of its value: `data.kubernetes.main.deny`.
    pub(in crate::policy) query: String,
    pub(in crate::policy) is_function: bool,
    pub(in crate::policy) is_default: bool,
    /// METADATA, the nearest first.
    pub(in crate::policy) annotations: Vec<Json>,
}

/// Policies that are ready to run.
pub(in crate::policy) struct Program {
    interpreter: Interpreter,
    definitions: Vec<Definition>,
}

impl Program {
    /// Loads files with their data. A file that OPA would refuse is left out, and so are those that
    /// need it; the others are loaded.
    pub(in crate::policy) fn load(
        sources: &[Source],
        data: &Value,
        settings: &Settings,
    ) -> (Program, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            match read(&source.text, settings.version) {
                Ok((module, annotations)) => files.push(ReadFile {
                    number,
                    path: &source.path,
                    module,
                    annotations,
                }),
                Err(error) => problems.push(Problem::at(number, &error)),
            }
        }
        loop {
            let found = match Program::of(&files, data, settings) {
                Ok(program) => return (program, problems),
                Err(found) => found,
            };
            let before = files.len();
            let is_refused = |file: &ReadFile<'_>| {
                found
                    .iter()
                    .any(|problem| problem.file == Some(file.number))
            };
            files.retain(|file| !is_refused(file));
            let blames_nobody = files.len() == before;
            problems.extend(found);
            if blames_nobody {
                files.clear();
            }
            if files.is_empty() {
                return (Program::empty(settings), problems);
            }
        }
    }

    /// A program without policies.
    fn empty(settings: &Settings) -> Program {
        Program {
            interpreter: Interpreter::new(settings.now, settings.for_tests),
            definitions: Vec::new(),
        }
    }

    /// Rewrites and prepares files.
    fn of(
        files: &[ReadFile<'_>],
        data: &Value,
        settings: &Settings,
    ) -> Result<Program, Vec<Problem>> {
        let documents = Document::of_data(settings.inventory);
        let rules = Rules::of(files.iter().map(|file| &file.module), documents);
        let mut interpreter = Interpreter::new(settings.now, settings.for_tests);
        let mut graph = Graph::default();
        let mut tests = BTreeMap::new();
        let mut definitions = Vec::new();
        let mut problems = Vec::new();
        for file in files {
            graph.enter(file.number);
            match lower(
                &file.module,
                &file.annotations,
                &rules,
                &mut tests,
                &mut graph,
            ) {
                Ok(lowered) => {
                    let named = lowered.names.iter().enumerate();
                    definitions.extend(named.map(|(rule, query)| definition(file, rule, query)));
                    if let Err(message) = interpreter.add_policy(file.path, lowered.text) {
                        problems.push(Problem::of(Some(file.number), message));
                    }
                }
                Err(errors) => {
                    let errors = errors.iter();
                    problems.extend(errors.map(|error| Problem::at(file.number, error)));
                }
            }
        }
        for (file, error) in graph.problems() {
            problems.push(Problem::at(file, &error));
        }
        if problems.is_empty() {
            let prelude = rules.prelude();
            problems.extend(prepare(&mut interpreter, data.clone(), prelude, files));
        }
        if problems.is_empty() {
            Ok(Program {
                interpreter,
                definitions,
            })
        } else {
            Err(problems)
        }
    }

    /// Every definition of a rule, in the order of files and lines.
    pub(in crate::policy) fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// An interpreter of its own.
    pub(in crate::policy) fn interpreter(&self) -> Interpreter {
        self.interpreter.clone()
    }
}

/// Parses a file and reads its annotations.
pub(super) fn read(
    text: &str,
    version: Option<Version>,
) -> Result<(Module, Annotations), SyntaxError> {
    let module = match version {
        Some(version) => parse(text, version)?,
        None => parse(text, Version::V1).or_else(|error| {
            // of two errors, the later one is of the version that was meant
            parse(text, Version::V0).map_err(|other| {
                if other.at.start > error.at.start {
                    other
                } else {
                    error
                }
            })
        })?,
    };
    let annotations = Annotations::of(&module, text)?;
    Ok((module, annotations))
}

/// True for a file of policies without a rule. One that cannot be parsed has some.
pub(in crate::policy) fn has_no_rule(text: &str) -> bool {
    text.trim().is_empty() || read(text, None).is_ok_and(|(module, _)| module.rules.is_empty())
}

fn definition(file: &ReadFile<'_>, rule: usize, query: &str) -> Definition {
    let module = &file.module;
    let package = module.package.join(".");
    let declared = &module.rules[rule];
    Definition {
        file: file.number,
        at: declared.at,
        name: declared.path().join("."),
        query: query_of(&module.package, query),
        package,
        is_function: matches!(declared.kind, RuleKind::Function(_)),
        is_default: declared.is_default,
        annotations: file.annotations.about(rule).cloned().collect(),
    }
}

/// The path of a rule's value. Names that are no identifiers are quoted.
fn query_of(package: &[String], name: &str) -> String {
    let mut query = "data".to_string();
    for part in package {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if part.chars().all(is_name) {
            query.push('.');
            query.push_str(part);
        } else {
            query.push_str(&format!("[{}]", Json::from(part.as_str())));
        }
    }
    format!("{query}.{name}")
}

/// Lets regorus analyse the policies, so that what it refuses is reported before anything is
/// evaluated, and clones start prepared.
fn prepare(
    interpreter: &mut Interpreter,
    data: Value,
    prelude: String,
    files: &[ReadFile<'_>],
) -> Option<Problem> {
    let nowhere = |message| Some(Problem::of(None, message));
    if let Err(message) = interpreter.add_data(data) {
        return nowhere(message);
    }
    let own = [
        ("prepare", "package __prepare\nx := 1\n".to_string()),
        ("builtin", prelude),
    ];
    for (path, text) in own {
        if let Err(message) = interpreter.add_policy(path, text) {
            return nowhere(message);
        }
    }
    let (path, message) = interpreter.refusal("data.__prepare.x")?;
    let blamed = files.iter().find(|file| Some(file.path) == path.as_deref());
    Some(Problem::of(blamed.map(|file| file.number), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Policies that anyone may write: reading, rewriting and evaluating them never panics.
    #[test]
    fn fuzz_policies() {
        let words = &[
            "package main\n",
            "import rego.v1\n",
            "import input.spec as s\n",
            "deny",
            "violation",
            " contains msg",
            " if ",
            " {\n",
            "\n}\n",
            "}",
            "[msg]",
            " := ",
            " == ",
            " = ",
            " with ",
            " as ",
            " not ",
            "some ",
            " in ",
            "every ",
            "else",
            "default ",
            "input",
            ".spec",
            "[_]",
            "[i]",
            "data.gitops",
            "data.main.f",
            "count(",
            "sprintf(\"%v\", [",
            "])",
            "concat(\",\", ",
            "regex.match(`a+`, ",
            "walk(",
            "object.get(",
            "numbers.range(1, ",
            "json.unmarshal(",
            "time.now_ns()",
            "msg",
            "x",
            "1",
            "-1e9",
            "\"a\"",
            "`r`",
            "$\"{x}\"",
            "{x | ",
            "[x | ",
            "{x: y | ",
            "| ",
            "& ",
            "# METADATA\n# title: a\n",
            "# scope: rule\n",
            "\n",
            ";",
            "set()",
            "null",
            "true",
            "print(",
            ")",
        ];
        let examples = [
            "package main\n\nimport rego.v1\n\ndeny contains msg if {\n  some i\n  c := input.spec.containers[i]\n  not c.limits\n  msg := sprintf(\"%s: %v\", [c.name, i])\n}\n",
            "package main\n\nviolation[{\"msg\": msg}] {\n  x := {y | y := input.spec[_]; y > 1}\n  count(x) > 0\n  msg = \"a\"\n} else = 1 { true }\n\ndefault f = false\nf(x) = y { y := x + 1 }\n",
            "# METADATA\n# title: T\npackage main\n\nimport rego.v1\n\nwarn contains $\"{k}\" if {\n  every k, v in input.metadata.labels { regex.match(`^a`, v) }\n  not data.gitops.protected with input as {\"a\": [1]}\n}\n",
        ];
        let input = serde_json::json!({
            "kind": "Deployment",
            "metadata": {"name": "a", "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "a", "limits": {}}], "replicas": 2},
        });
        let input = super::super::values::from_json(&input);
        crate::fuzz::run("policies", &examples, words, |text| {
            let source = Source {
                path: "a.rego".to_string(),
                text: text.into(),
            };
            let nothing = Value::new_object();
            let (program, _) = Program::load(&[source], &nothing, &Settings::default());
            let mut interpreter = program.interpreter();
            interpreter.set(Document::Input, input.clone());
            for definition in program.definitions() {
                if !definition.is_function {
                    _ = interpreter.value(&definition.query);
                }
            }
        });
    }
}
