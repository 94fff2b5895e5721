//! Rego policies with conftest's conventions, evaluated by regorus.
//!
//! Here: reading policy files and compiling them ([`Policies`]). `evaluate` runs them over a repo,
//! `scan` reads what regorus does not tell (rule names, recursion), `testing` runs `test_*` rules.
//! Policies reach neither network nor clock nor environment.

mod evaluate;
mod load;
mod scan;
mod testing;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use regorus::{Engine, Value};

pub use evaluate::run;
pub use load::{DataFile, load};
pub use testing::{TestOutcome, TestResult};

/// The policies that ship with the tool: `builtin/NAME` and its text.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "allowed-registries",
        include_str!("../../policies/allowed-registries.rego"),
    ),
    (
        "digest-required",
        include_str!("../../policies/digest-required.rego"),
    ),
    (
        "disruption-budget-required",
        include_str!("../../policies/disruption-budget-required.rego"),
    ),
    (
        "autoscaler-required",
        include_str!("../../policies/autoscaler-required.rego"),
    ),
    (
        "no-host-access",
        include_str!("../../policies/no-host-access.rego"),
    ),
    (
        "no-privileged-containers",
        include_str!("../../policies/no-privileged-containers.rego"),
    ),
    (
        "owner-label-required",
        include_str!("../../policies/owner-label-required.rego"),
    ),
    (
        "probes-required",
        include_str!("../../policies/probes-required.rego"),
    ),
    (
        "promotion-image-only",
        include_str!("../../policies/promotion-image-only.rego"),
    ),
    (
        "scan-required",
        include_str!("../../policies/scan-required.rego"),
    ),
];

/// How long one query may take.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Steps between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// How deep brackets may nest in a policy: the parser's time doubles with each level.
const DEEPEST: usize = 16;

/// The text of a built-in policy, or the names that there are.
pub fn built_in(name: &str) -> Result<&'static str, Vec<&'static str>> {
    let found = BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text);
    found.ok_or_else(|| BUILT_IN.iter().map(|(known, _)| *known).collect())
}

/// A Rego file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// How it is shown: its path, or `builtin/NAME`.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

/// Why policies cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct PolicyProblem {
    /// The file.
    pub path: String,
    /// What is wrong, with the line where regorus tells it.
    pub message: String,
}

/// What a rule's findings mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// `deny` and `violation`: an error.
    Deny,
    /// `warn`: a warning.
    Warn,
}

/// A rule that speaks about an input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyRule {
    /// `main`
    package: String,
    /// `deny_endless`
    name: String,
    verdict: Verdict,
    /// Index of the file where it stands first.
    file: usize,
}

/// Compiled policies.
pub struct Policies {
    engine: Engine,
    files: Vec<PolicyFile>,
    rules: Vec<PolicyRule>,
    data: Value,
}

/// Which packages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// `main`, `promotion` and those of the built-in policies.
    #[default]
    Default,
    /// Every package.
    All,
}

impl Policies {
    /// Compiles policies; `data` are documents merged into `data`. Files that end in `_test.rego`
    /// are left out unless `tests`.
    ///
    /// # Errors
    /// Every file that does not compile, with the reason.
    pub fn compile(
        files: Vec<PolicyFile>,
        data: Vec<serde_json::Value>,
        namespaces: Namespaces,
        now: i128,
        tests: bool,
    ) -> Result<Policies, Vec<PolicyProblem>> {
        let mut engine = new_engine(now);
        let mut problems = Vec::new();
        let files: Vec<PolicyFile> = files
            .into_iter()
            .filter(|file| tests || !file.path.ends_with("_test.rego"))
            .collect();
        let mut found: BTreeMap<(String, String), PolicyRule> = BTreeMap::new();
        for (index, file) in files.iter().enumerate() {
            let refuse = |message: String| PolicyProblem {
                path: file.path.clone(),
                message,
            };
            if let Err(message) = scan::check(&file.text, DEEPEST) {
                problems.push(refuse(message));
                continue;
            }
            // files of both versions of the language may stand side by side
            let mut probe = new_engine(now);
            let first = guarded(|| {
                probe
                    .add_policy(file.path.clone(), file.text.to_string())
                    .map_err(|error| error.to_string())
            });
            let old = first.is_err() && {
                let mut probe = new_engine(now);
                probe.set_rego_v0(true);
                guarded(|| {
                    probe
                        .add_policy(file.path.clone(), file.text.to_string())
                        .map_err(|error| error.to_string())
                })
                .is_ok()
            };
            if let (Err(message), false) = (&first, old) {
                problems.push(refuse(message.trim().to_string()));
                continue;
            }
            engine.set_rego_v0(old);
            if let Err(message) = guarded(|| {
                engine
                    .add_policy(file.path.clone(), file.text.to_string())
                    .map_err(|error| error.to_string())
            }) {
                problems.push(refuse(message.trim().to_string()));
                continue;
            }
            let package = scan::package(&file.text).unwrap_or_default();
            let speaks = namespaces == Namespaces::All
                || matches!(package.as_str(), "main" | "promotion")
                || file.path.starts_with("builtin/");
            for name in scan::rule_names(&file.text).into_iter().filter(|_| speaks) {
                let Some(verdict) = verdict(&name) else {
                    continue;
                };
                let rule = PolicyRule {
                    package: package.clone(),
                    name: name.clone(),
                    verdict,
                    file: index,
                };
                found.entry((package.clone(), name)).or_insert(rule);
            }
        }
        let mut merged = serde_json::Map::new();
        for document in data {
            if let Err(key) = merge(&mut merged, document) {
                let message =
                    format!("two files say different things of {key:?}, or one is no map");
                problems.push(PolicyProblem {
                    path: "data".to_string(),
                    message,
                });
            }
        }
        let merged = Value::from_json_str(&serde_json::Value::Object(merged).to_string())
            .unwrap_or_else(|_| Value::new_object());
        let mut policies = Policies {
            engine,
            files,
            rules: found.into_values().collect(),
            data: merged,
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

    /// How many rules speak.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether no rule speaks.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Evaluates every rule once without input: what is wrong with a policy as such shows now, and
    /// clones start analysed.
    fn prepare(&mut self) -> Option<PolicyProblem> {
        let data = self.data.clone();
        self.engine.set_input(Value::new_object());
        if let Err(error) = self.engine.add_data(data) {
            return Some(PolicyProblem {
                path: "data".to_string(),
                message: error.to_string(),
            });
        }
        for rule in &self.rules {
            let path = format!("data.{}.{}", rule.package, rule.name);
            let file = self
                .files
                .get(rule.file)
                .map(|file| file.path.clone())
                .unwrap_or_default();
            if let Err(message) = guarded(|| {
                self.engine
                    .eval_rule(path)
                    .map_err(|error| error.to_string())
            }) {
                // a rule may well fail without an input; what is unknown stays unknown
                let final_error = [
                    "could not find function",
                    "undefined rule",
                    "unsafe",
                    "not a valid rule path",
                ];
                if final_error.iter().any(|words| message.contains(words)) {
                    return Some(PolicyProblem {
                        path: file,
                        message: message.trim().to_string(),
                    });
                }
            }
        }
        None
    }
}

/// Merges a document of data into those before it; the error is the key at which they contradict
/// each other.
fn merge(
    into: &mut serde_json::Map<String, serde_json::Value>,
    document: serde_json::Value,
) -> Result<(), String> {
    let serde_json::Value::Object(map) = document else {
        return Err(String::new());
    };
    for (key, value) in map {
        match (into.get_mut(&key), value) {
            (Some(serde_json::Value::Object(present)), value @ serde_json::Value::Object(_)) => {
                merge(present, value)?
            }
            (Some(present), value) if *present == value => {}
            (Some(_), _) => return Err(key),
            (None, value) => drop(into.insert(key, value)),
        }
    }
    Ok(())
}

fn verdict(name: &str) -> Option<Verdict> {
    let is = |word: &str| {
        name.strip_prefix(word).is_some_and(|rest| {
            rest.is_empty()
                || (rest.starts_with('_')
                    && rest.len() > 1
                    && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        })
    };
    if is("deny") || is("violation") {
        Some(Verdict::Deny)
    } else if is("warn") {
        Some(Verdict::Warn)
    } else {
        None
    }
}

fn new_engine(now: i128) -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    engine.set_policy_length_config(regorus::PolicyLengthConfig {
        max_col: NonZeroU32::new(100_000).unwrap_or(NonZeroU32::MIN),
        max_file_bytes: NonZeroUsize::new(4 << 20).unwrap_or(NonZeroUsize::MIN),
        max_lines: NonZeroUsize::new(100_000).unwrap_or(NonZeroUsize::MIN),
    });
    engine.set_execution_timer_config(regorus::utils::limits::ExecutionTimerConfig {
        limit: TIME_LIMIT,
        check_interval: CHECK_INTERVAL,
    });
    // the clock is what --now says
    let time = Value::from_json_str(&now.to_string()).unwrap_or(Value::Undefined);
    let _ = engine.add_extension(
        "time.now_ns".to_string(),
        0,
        Box::new(move |_: Vec<Value>| Ok(time.clone())),
    );
    engine
}

/// Runs the interpreter; a panic in it becomes an error, as policies are input.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    result.unwrap_or_else(|_| Err("the interpreter failed on this policy".to_string()))
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
        assert_eq!(verdict("deny"), Some(Verdict::Deny));
        assert_eq!(verdict("violation_x"), Some(Verdict::Deny));
        assert_eq!(verdict("warn_1"), Some(Verdict::Warn));
        assert_eq!(
            (verdict("denied"), verdict("deny_"), verdict("allow")),
            (None, None, None)
        );
    }
}
