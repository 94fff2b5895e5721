//! Compiles policy files to [`Policies`]. All files that do not compile are reported, not only the
//! first one.

use std::collections::{BTreeMap, BTreeSet};

use regorus::{Engine, Value};
use serde_json::{Map, Value as Json};

use super::engine::{guarded, new_engine};
use super::scan::{self, Module};
use super::{Namespaces, Policies, PolicyFile, PolicyProblem, PolicyRule, Verdict};

/// Deepest nesting of brackets: the parser's time doubles with each level.
const DEEPEST: usize = 16;

/// Errors of a rule without input that would also occur with every input.
const FINAL_ERRORS: [&str; 4] = [
    "could not find function",
    "undefined rule",
    "unsafe",
    "not a valid rule path",
];

impl Policies {
    /// Compiles policies. `data` are documents merged into `data`, `now` is the time that policies
    /// see, in nanoseconds since 1970. Files that end in `_test.rego` are left out unless `tests`.
    ///
    /// # Errors
    /// Every file that does not compile, with the reason.
    pub fn compile(
        files: Vec<PolicyFile>,
        data: Vec<Json>,
        namespaces: Namespaces,
        now: i128,
        tests: bool,
    ) -> Result<Policies, Vec<PolicyProblem>> {
        let mut engine = new_engine(now);
        let mut problems = Vec::new();
        let mut rules: BTreeMap<(String, String), PolicyRule> = BTreeMap::new();
        let mut exceptions = BTreeSet::new();
        let wanted = |file: &PolicyFile| tests || !file.path.ends_with("_test.rego");
        let files: Vec<PolicyFile> = files.into_iter().filter(wanted).collect();
        for (index, file) in files.iter().enumerate() {
            match add(&mut engine, file, now) {
                Ok(()) => {
                    let module = Module::read(&file.text);
                    if module.rules.iter().any(|rule| rule.name == "exception") {
                        exceptions.insert(module.package.clone());
                    }
                    let is_evaluated = is_evaluated(&file.path, &module.package, namespaces);
                    for rule in rules_of(module, index).filter(|_| is_evaluated) {
                        let key = (rule.package.clone(), rule.name.clone());
                        rules.entry(key).or_insert(rule);
                    }
                }
                Err(message) => problems.push(PolicyProblem::new(&file.path, message)),
            }
        }
        for rule in rules.values_mut() {
            rule.may_be_excepted = exceptions.contains(&rule.package);
        }
        let data = merged(data, &mut problems);
        let mut policies = Policies {
            engine,
            files,
            rules: rules.into_values().collect(),
            data,
        };
        if problems.is_empty() {
            problems.extend(policies.prepare());
        }
        if problems.is_empty() {
            Ok(policies)
        } else {
            Err(problems)
        }
    }

    /// Evaluates every rule once without input, so that a call of an unknown function is reported
    /// before anything is judged, and clones of the engine start analysed.
    fn prepare(&mut self) -> Option<PolicyProblem> {
        self.engine.set_input(Value::new_object());
        let data = self.data.clone();
        if let Err(message) = guarded(|| self.engine.add_data(data)) {
            return Some(PolicyProblem::new("data", message));
        }
        for rule in &self.rules {
            let result = guarded(|| self.engine.eval_rule(rule.path()));
            // most rules fail without an input; that is fine
            if let Err(message) = result
                && FINAL_ERRORS.iter().any(|words| message.contains(words))
            {
                let file = self.files.get(rule.file);
                let path = file.map_or("", |file| file.path.as_str());
                return Some(PolicyProblem::new(path, message));
            }
        }
        None
    }
}

/// Adds a file to the engine as Rego v1, or as v0 if it is not valid v1. Files of both versions may
/// be in one folder.
fn add(engine: &mut Engine, file: &PolicyFile, now: i128) -> Result<(), String> {
    scan::check(&file.text, DEEPEST)?;
    let parse = |engine: &mut Engine| {
        guarded(|| engine.add_policy(file.path.clone(), file.text.to_string())).map(drop)
    };
    let as_v1 = parse(&mut new_engine(now));
    if let Err(message) = as_v1 {
        let mut probe = new_engine(now);
        probe.set_rego_v0(true);
        if parse(&mut probe).is_err() {
            return Err(message);
        }
        engine.set_rego_v0(true);
    } else {
        engine.set_rego_v0(false);
    }
    parse(engine)
}

/// Whether the rules of a package in a file are evaluated.
fn is_evaluated(path: &str, package: &str, namespaces: Namespaces) -> bool {
    namespaces == Namespaces::All
        || matches!(package, "main" | "promotion")
        || path.starts_with("builtin/")
}

/// The rules of a file whose results are findings.
fn rules_of(module: Module, file: usize) -> impl Iterator<Item = PolicyRule> {
    let Module { package, rules } = module;
    rules.into_iter().filter_map(move |rule| {
        Some(PolicyRule {
            package: package.clone(),
            verdict: Verdict::of(&rule.name)?,
            name: rule.name,
            file,
            line: rule.line,
            may_be_excepted: false,
        })
    })
}

/// All documents of data in one.
fn merged(documents: Vec<Json>, problems: &mut Vec<PolicyProblem>) -> Value {
    let mut all = Map::new();
    for document in documents {
        if let Err(conflict) = merge(&mut all, document) {
            problems.push(PolicyProblem::new("data", conflict.to_string()));
        }
    }
    Value::from_json_str(&Json::Object(all).to_string()).unwrap_or_else(|_| Value::new_object())
}

/// Why two documents of data cannot be merged.
#[derive(Debug, thiserror::Error)]
enum Conflict {
    #[error("a document of policy data must be a map")]
    NotAMap,
    #[error("two data files set the key `{0}` to different values")]
    TwoValues(String),
}

/// Merges a document into those before it.
fn merge(into: &mut Map<String, Json>, document: Json) -> Result<(), Conflict> {
    let Json::Object(map) = document else {
        return Err(Conflict::NotAMap);
    };
    for (key, value) in map {
        match (into.get_mut(&key), value) {
            (Some(Json::Object(present)), value @ Json::Object(_)) => merge(present, value)?,
            (Some(present), value) if *present == value => {}
            (Some(_), _) => return Err(Conflict::TwoValues(key)),
            (None, value) => drop(into.insert(key, value)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<Policies, Vec<PolicyProblem>> {
        let file = PolicyFile {
            path: "p.rego".into(),
            text: text.into(),
        };
        Policies::compile(vec![file], Vec::new(), Namespaces::Default, 0, false)
    }

    #[test]
    fn both_versions_of_the_language_are_read() {
        let new =
            compile("package main\n\ndeny contains msg if { input.kind == \"A\"; msg := \"a\" }\n")
                .map_err(|p| p[0].clone())
                .unwrap();
        let old = compile(
            "package main\n\nviolation_x[{\"msg\": msg}] { input.kind == \"A\"; msg := \"a\" }\nwarn[msg] { msg := \"w\" }\n",
        );
        assert_eq!(new.len(), 1);
        assert_eq!(old.map_err(|p| p[0].clone()).unwrap().len(), 2);
    }

    #[test]
    fn what_does_not_compile_is_refused() {
        for text in [
            "package main\ndeny contains {",
            "package main\nf(x) := f(x)\ndeny contains f(1) if true\n",
            "package main\ndeny contains x if { x := http.send({}) }\n",
        ] {
            let problems = compile(text).err().unwrap();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        }
        let deep = format!("package main\nx := {}1{}\n", "[".repeat(40), "]".repeat(40));
        assert!(compile(&deep).is_err());
    }

    #[test]
    fn names_tell_what_a_rule_is_for() {
        assert_eq!(Verdict::of("deny"), Some(Verdict::Deny));
        assert_eq!(Verdict::of("violation_x"), Some(Verdict::Deny));
        assert_eq!(Verdict::of("warn_1"), Some(Verdict::Warn));
        assert_eq!(
            (
                Verdict::of("denied"),
                Verdict::of("deny_"),
                Verdict::of("allow")
            ),
            (None, None, None)
        );
    }
}
