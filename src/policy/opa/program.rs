//! Loads policy files: parses, checks and rewrites them, and prepares an interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::engine::Interpreter;
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
}

/// Why a file cannot be used.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Problem {
    /// Index of the file; none for the policies together.
    pub(in crate::policy) file: Option<usize>,
    pub(in crate::policy) message: String,
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
    /// Loads files with their data.
    ///
    /// # Errors
    /// Everything that OPA would refuse, in every file.
    pub(in crate::policy) fn load(
        sources: &[Source],
        data: Value,
        settings: &Settings,
    ) -> Result<Program, Vec<Problem>> {
        let of_file = |file: usize, errors: Vec<SyntaxError>| {
            let problem = move |error: SyntaxError| Problem {
                file: Some(file),
                message: error.to_string(),
            };
            errors.into_iter().map(problem).collect::<Vec<Problem>>()
        };
        let mut problems = Vec::new();
        let mut modules = Vec::new();
        for (file, source) in sources.iter().enumerate() {
            match read(&source.text, settings.version) {
                Ok((module, annotations)) => modules.push((file, module, annotations)),
                Err(error) => problems.extend(of_file(file, vec![error])),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let rules = Rules::of(modules.iter().map(|(_, module, _)| module));
        let mut interpreter = Interpreter::new(settings.now, settings.for_tests);
        let mut graph = Graph::default();
        let mut tests = BTreeMap::new();
        let mut definitions = Vec::new();
        for (file, module, annotations) in &modules {
            graph.enter(*file);
            match lower(module, annotations, &rules, &mut tests, &mut graph) {
                Ok(lowered) => {
                    let named = lowered.names.iter().enumerate();
                    let defined = named
                        .map(|(rule, query)| definition(*file, module, rule, query, annotations));
                    definitions.extend(defined);
                    let path = &sources[*file].path;
                    if let Err(message) = interpreter.add_policy(path, lowered.text) {
                        let file = Some(*file);
                        problems.push(Problem { file, message });
                    }
                }
                Err(errors) => problems.extend(of_file(*file, errors)),
            }
        }
        for (file, error) in graph.problems() {
            problems.extend(of_file(file, vec![error]));
        }
        if problems.is_empty() {
            problems.extend(prepare(
                &mut interpreter,
                data,
                rules.prelude(),
                &definitions,
            ));
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

fn definition(
    file: usize,
    module: &Module,
    rule: usize,
    query: &str,
    annotations: &Annotations,
) -> Definition {
    let package = module.package.join(".");
    let declared = &module.rules[rule];
    Definition {
        file,
        at: declared.at,
        name: declared.path().join("."),
        query: query_of(&module.package, query),
        package,
        is_function: matches!(declared.kind, RuleKind::Function(_)),
        is_default: declared.is_default,
        annotations: annotations.about(rule).cloned().collect(),
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
    definitions: &[Definition],
) -> Option<Problem> {
    let failed = |file, message| Some(Problem { file, message });
    if let Err(message) = interpreter.add_data(data) {
        return failed(None, message);
    }
    let own = [
        ("prepare", "package __prepare\nx := 1\n".to_string()),
        ("builtin", prelude),
    ];
    for (path, text) in own {
        if let Err(message) = interpreter.add_policy(path, text) {
            return failed(None, message);
        }
    }
    match interpreter.value("data.__prepare.x") {
        Ok(_) => None,
        Err(failure) => failed(
            definitions.first().map(|first| first.file),
            failure.to_string(),
        ),
    }
}
