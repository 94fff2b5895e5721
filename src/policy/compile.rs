//! Compiles policy files to [`Policies`]. All files that do not compile are reported, not only the
//! first one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::conventions::{Namespaces, PolicyRule, severity};
use super::load::is_data_file;
use super::opa::{Definition, Problem, Program, Settings, Source, Version, from_json};
use super::{LoadProblem, Policies, PolicyFile, PolicyProblem};
use crate::yaml::{FileId, read};

/// The options with which policies are compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The packages that are evaluated.
    pub namespaces: Namespaces,
    /// The time that policies see, in nanoseconds since 1970.
    pub now: i128,
    /// The version of Rego; if absent, each file is read as v1 and, if that fails, as v0.
    pub version: Option<RegoVersion>,
    /// True if each overlay is one input, as `conftest --combine` passes it.
    pub combined: bool,
}

/// A version of Rego.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegoVersion {
    /// `deny[msg] { … }`
    V0,
    /// `deny contains msg if { … }`
    V1,
}

impl Policies {
    /// Compiles policies. `data` are documents merged into `data`. A file that does not compile is
    /// left out and becomes a finding when the others are evaluated.
    ///
    /// # Errors
    /// Data that does not fit together, and policies of which nothing would be evaluated.
    pub fn compile(
        files: Vec<PolicyFile>,
        data: Vec<Json>,
        options: &Options,
    ) -> Result<Policies, Vec<PolicyProblem>> {
        let policies = Policies::prepare(files, data, options, false)?;
        let is_idle = policies.is_empty() && policies.problems.is_empty();
        if is_idle && !policies.files.is_empty() {
            return Err(vec![nothing_to_evaluate(&policies, &options.namespaces)]);
        }
        Ok(policies)
    }

    /// Compiles policies of which only the tests may be run.
    ///
    /// # Errors
    /// Every file that does not compile, with the reason.
    pub fn compile_tests(
        files: Vec<PolicyFile>,
        data: Vec<Json>,
        options: &Options,
    ) -> Result<Policies, Vec<PolicyProblem>> {
        let policies = Policies::prepare(files, data, options, true)?;
        if policies.problems.is_empty() {
            return Ok(policies);
        }
        let problems = policies.problems.iter();
        let named = problems.filter_map(|problem| {
            let file = policies.files.get(problem.file)?;
            Some(PolicyProblem::new(&*file.path, problem.with_line()))
        });
        Err(named.collect())
    }

    fn prepare(
        files: Vec<PolicyFile>,
        data: Vec<Json>,
        options: &Options,
        for_tests: bool,
    ) -> Result<Policies, Vec<PolicyProblem>> {
        let (admission, files): (Vec<PolicyFile>, Vec<PolicyFile>) =
            files.into_iter().partition(|file| is_data_file(&file.path));
        let mut problems = unreadable(&admission);
        let data = merged(data, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let settings = Settings {
            now: options.now,
            version: options.version.map(|version| match version {
                RegoVersion::V0 => Version::V0,
                RegoVersion::V1 => Version::V1,
            }),
            for_tests,
            inventory: false,
        };
        let sources: Vec<Source> = files
            .iter()
            .map(|file| Source {
                path: file.path.clone(),
                text: file.text.clone(),
            })
            .collect();
        let (program, found) = Program::load(&sources, &from_json(&data), &settings);
        let (of_files, others): (Vec<Problem>, Vec<Problem>) = found
            .into_iter()
            .partition(|problem| problem.file.is_some());
        if !others.is_empty() {
            let problem = |other: Problem| PolicyProblem::new("data", other.message);
            return Err(others.into_iter().map(problem).collect());
        }
        let problem = |problem: Problem| {
            Some(LoadProblem {
                file: problem.file?,
                at: problem.at.map(|at| (at.start, at.end)),
                line: problem.at.map(|at| at.line),
                message: problem.message,
            })
        };
        let rules = rules(&program, &files, &options.namespaces);
        Ok(Policies {
            program,
            files,
            rules,
            problems: of_files.into_iter().filter_map(problem).collect(),
            combined: options.combined,
            admission,
            now: options.now,
        })
    }
}

/// The YAML files that cannot be read.
fn unreadable(files: &[PolicyFile]) -> Vec<PolicyProblem> {
    let problem = |file: &PolicyFile| {
        let error = read::read(&file.text, FileId(0)).err()?;
        Some(PolicyProblem::new(&*file.path, error.message))
    };
    files.iter().filter_map(problem).collect()
}

/// The rules that are evaluated, by package and name.
fn rules(program: &Program, files: &[PolicyFile], namespaces: &Namespaces) -> Vec<PolicyRule> {
    let all = program.definitions();
    let is_wanted = |definition: &&Definition| {
        let file = files.get(definition.file);
        namespaces.matches(&definition.package)
            || file.is_some_and(|file| file.path.starts_with("builtin/"))
    };
    let mut rules = BTreeMap::new();
    for definition in all.iter().filter(is_wanted) {
        if let Some(rule) = PolicyRule::of(definition, all) {
            let key = (rule.package.clone(), rule.name.clone());
            rules.entry(key).or_insert(rule);
        }
    }
    rules.into_values().collect()
}

/// The problem that no rule would be evaluated, so that a check would pass whatever it reads.
fn nothing_to_evaluate(policies: &Policies, namespaces: &Namespaces) -> PolicyProblem {
    let all = policies.program.definitions();
    let elsewhere: BTreeSet<&str> = all
        .iter()
        .filter(|one| severity(&one.name).is_some() && !one.is_function)
        .map(|one| one.package.as_str())
        .collect();
    let path = policies.files.first().map_or("", |file| file.path.as_str());
    let message = if elsewhere.is_empty() {
        "no policy has a rule named `deny`, `violation` or `warn`, so nothing would be checked"
            .to_string()
    } else {
        let packages: Vec<String> = elsewhere.iter().map(|one| format!("`{one}`")).collect();
        format!(
            "no rule is in {}, so nothing would be checked; rules were found in {}: name it with \
             --namespace, or use --all-namespaces",
            namespaces.describe(),
            packages.join(", ")
        )
    };
    PolicyProblem::new(path, message)
}

/// All documents of data in one.
fn merged(documents: Vec<Json>, problems: &mut Vec<PolicyProblem>) -> Json {
    let mut all = Map::new();
    for document in documents {
        if let Err(conflict) = merge(&mut all, document) {
            problems.push(PolicyProblem::new("data", conflict.to_string()));
        }
    }
    Json::Object(all)
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
        Policies::compile(vec![file], Vec::new(), &Options::default())
    }

    /// The first reason why a policy is not loaded.
    fn refusal(text: &str) -> Option<String> {
        let policies = compile(text).map_err(|problems| problems[0].clone());
        let problems = policies.unwrap().problems;
        problems.first().map(LoadProblem::with_line)
    }

    #[test]
    fn a_policy_that_cannot_be_loaded_takes_only_those_with_it_that_need_it() {
        let file = |path: &str, text: &str| PolicyFile {
            path: path.into(),
            text: text.into(),
        };
        let files = vec![
            file("lib.rego", "package lib\nf(x) := nope(x)\n"),
            file(
                "user.rego",
                "package main\ndeny_user contains data.lib.f(1)\n",
            ),
            file(
                "other.rego",
                "package main\ndeny_other contains \"a\" if true\n",
            ),
            file("broken.rego", "package main\ndeny {{{\n"),
        ];
        let policies = Policies::compile(files, Vec::new(), &Options::default())
            .ok()
            .unwrap();
        assert_eq!(policies.ids(), ["policy/main/deny_other"]);
        let mut refused: Vec<usize> = policies.problems.iter().map(|one| one.file).collect();
        refused.sort_unstable();
        assert_eq!(refused, [0, 1, 3]);
    }

    fn rules_of(text: &str) -> Vec<String> {
        compile(text)
            .map_err(|problems| problems[0].clone())
            .unwrap()
            .ids()
    }

    #[test]
    fn rules_are_found_however_they_are_written() {
        for (text, expected) in [
            (
                "package main\n\ndeny contains msg if { input.kind == \"A\"; msg := \"a\" }\n",
                1,
            ),
            (
                "package main\nviolation_x[{\"msg\": msg}] { msg := \"a\" }\nwarn[msg] { msg := \"w\" }\n",
                2,
            ),
            ("package\n  main\n\n\tdeny contains \"a\" if true\n", 1),
            ("\u{feff}package main; deny contains \"a\" if true", 1),
            (
                "package main\ndeny contains x if {\n x := f(1)\n}\ndefault f(_) := 2\nf(1) := 3\n",
                1,
            ),
            ("package main\ndeny contains \"a\"\nimport data.x\n", 1),
            (
                "package main\nallow if true\ndeny contains \"a\" if not allow\n",
                1,
            ),
        ] {
            assert_eq!(rules_of(text).len(), expected, "{text}");
        }
    }

    #[test]
    fn policies_that_would_check_nothing_are_refused() {
        for text in [
            "package main\nallow if true\n",
            "package kubernetes\ndeny contains \"a\" if true\n",
            "package main\n",
            "package main\ndeny(x) := x\n",
        ] {
            let problems = compile(text).err().unwrap();
            assert!(
                problems[0].message.contains("nothing would be checked"),
                "{text}"
            );
        }
    }

    #[test]
    fn policies_that_opa_refuses_are_refused_at_their_line() {
        for (body, expected) in [
            ("deny contains {", "line 3: unexpected end of the file"),
            (
                "f(x) := f(x)\ndeny contains f(1) if true",
                "line 2: `f` refers to itself, which Rego forbids",
            ),
            (
                "deny contains x if { x := nope(1) }",
                "line 2: undefined function `nope`",
            ),
            (
                "deny contains x if { false; x := data.lib.f(1) }",
                "line 2: undefined function `data.lib.f`",
            ),
            (
                "f(x) := x\ndeny contains x if { false; x := f(1, 2, 3) }",
                "line 3: `f` takes 1 argument, not 3",
            ),
            (
                "deny contains x if { false; x := count() }",
                "line 2: `count` takes 1 argument, not 0",
            ),
            (
                "deny contains x if { false; x := startswith(1, \"a\") }",
                "line 2: `startswith` needs a string here, and this is a number",
            ),
            (
                "deny contains x if { false; n := 1; x := upper(n) }",
                "line 2: `upper` needs a string here, and this is a number",
            ),
            (
                "deny contains x if { x := 1; x := 2 }",
                "line 2: variable `x` is assigned twice",
            ),
            (
                "deny contains x if { x := \"a\" + 1 }",
                "line 2: `+` needs a number here, and this is a string",
            ),
            (
                "deny contains msg if { msg == input.a }",
                "line 2: variable `msg` is never given a value",
            ),
        ] {
            let text = format!("package main\n{body}\n");
            assert_eq!(refusal(&text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_opa_accepts_is_accepted() {
        for body in [
            "x := rem(1 - {2}, 2)",
            "x := count({1} - {2})",
            "n := input.n; x := upper(n)",
            "x := abs(to_number(\"1\"))",
        ] {
            let text = format!("package main\ndeny contains x if {{ {body} }}\n");
            assert_eq!(refusal(&text), None, "{body}");
        }
    }

    #[test]
    fn deep_policies_are_refused_quickly() {
        let deep = |count: usize| {
            format!(
                "package main\ndeny contains x if {{ x := {}1{} }}\n",
                "[".repeat(count),
                "]".repeat(count)
            )
        };
        assert!(refusal(&deep(5000)).is_some());
        assert_eq!(refusal(&deep(10)), None);
        let chain: String = (0..5000)
            .map(|at| format!("f{at}(x) := f{}(x)\n", at + 1))
            .collect();
        let text = format!("package main\n{chain}f5000(x) := x\ndeny contains f0(1)\n");
        assert!(refusal(&text).is_some());
    }
}
