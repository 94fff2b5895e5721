//! The interpreter with its limits: the only place that sets regorus up.
//!
//! A policy is input: it gets limited time, no clock but `--now`, and a panic of the interpreter
//! becomes an error.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use regorus::Engine;

use super::builtins;
use super::values::Value;

/// Time limit of one query.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Steps of the interpreter between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Longest line of a rewritten policy, in characters.
const MAX_COLUMNS: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
/// Largest rewritten policy file, in bytes.
const MAX_BYTES: NonZeroUsize = NonZeroUsize::new(16 << 20).unwrap();
/// Most lines of a policy file.
const MAX_LINES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// A document that a policy sees. regorus analyses all policies again when its data changes, so
/// whatever differs between evaluations is passed in one input, and `lower` rewrites the references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum Document {
    /// `input`
    Input,
    /// `data.gitops`
    Gitops,
    /// `data.conftest`
    Conftest,
    /// `data.inventory` of Gatekeeper.
    Inventory,
}

impl Document {
    /// Those that policies see below `data`. For the policies of Gatekeeper, these have the
    /// inventory; others may get one as data.
    pub(super) fn of_data(with_inventory: bool) -> &'static [Document] {
        if with_inventory {
            &[Document::Inventory]
        } else {
            &[Document::Gitops, Document::Conftest]
        }
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Document::Input => "input",
            Document::Gitops => "gitops",
            Document::Conftest => "conftest",
            Document::Inventory => "inventory",
        }
    }
}

/// An interpreter of prepared policies. A clone shares what is prepared.
#[derive(Clone)]
pub(in crate::policy) struct Interpreter {
    engine: Engine,
    documents: BTreeMap<Value, Value>,
    /// About calls of functions that are not available, if those are undefined.
    notes: Option<builtins::Notes>,
}

impl Interpreter {
    /// An interpreter without policies whose clock shows `now`, in nanoseconds since 1970. For tests,
    /// functions that are not available are undefined and noted among the prints.
    pub(super) fn new(now: i128, for_tests: bool) -> Interpreter {
        let notes = for_tests.then(builtins::Notes::default);
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.set_policy_length_config(regorus::PolicyLengthConfig {
            max_col: MAX_COLUMNS,
            max_file_bytes: MAX_BYTES,
            max_lines: MAX_LINES,
        });
        engine.set_execution_timer_config(regorus::utils::limits::ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: CHECK_INTERVAL,
        });
        engine.set_gather_prints(true);
        builtins::install(&mut engine, now, notes.as_ref());
        Interpreter {
            engine,
            documents: BTreeMap::new(),
            notes,
        }
    }

    pub(super) fn add_policy(&mut self, path: &str, text: String) -> Result<(), String> {
        guarded(|| self.engine.add_policy(path.to_string(), text)).map(drop)
    }

    pub(super) fn add_data(&mut self, data: Value) -> Result<(), String> {
        guarded(|| self.engine.add_data(data))
    }

    /// Sets what a policy sees as a document.
    pub(in crate::policy) fn set(&mut self, document: Document, value: Value) {
        self.documents.insert(document.key().into(), value);
    }

    /// The value of a rule by its path, `data.main.deny`. It may be undefined.
    pub(in crate::policy) fn value(&mut self, rule: &str) -> Result<Value, Failure> {
        let input = Value::from(self.documents.clone());
        self.engine.set_input(input);
        let start = Instant::now();
        let value = guarded(|| self.engine.eval_rule(rule.to_string()));
        value.map_err(|message| {
            if start.elapsed() >= TIME_LIMIT {
                Failure::Limit(format!("it took more than {} s", TIME_LIMIT.as_secs()))
            } else if message == CRASHED {
                Failure::Limit(message)
            } else {
                Failure::Error(message)
            }
        })
    }

    /// Why a rule cannot be evaluated, with the path of the policy file that the error names.
    pub(super) fn refusal(&mut self, rule: &str) -> Option<(Option<String>, String)> {
        let input = Value::from(self.documents.clone());
        self.engine.set_input(input);
        let engine = &mut self.engine;
        let run = std::panic::AssertUnwindSafe(|| engine.eval_rule(rule.to_string()));
        match std::panic::catch_unwind(run) {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => {
                let whole = error.to_string();
                Some((named_file(&whole), reason(&whole)))
            }
            Err(_) => Some((None, CRASHED.to_string())),
        }
    }

    /// An interpreter of the same policies, documents included, in place of one that failed and may
    /// have kept some of its state.
    pub(in crate::policy) fn replace_by(&mut self, fresh: Interpreter) {
        let documents = std::mem::take(&mut self.documents);
        *self = Interpreter { documents, ..fresh };
    }

    /// The lines that `print` wrote since the last call, each with its file and line.
    pub(in crate::policy) fn take_prints(&mut self) -> Vec<String> {
        let mut prints = self.engine.take_prints().unwrap_or_default();
        if let Some(notes) = &self.notes {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            prints.extend(std::mem::take(&mut *notes));
        }
        prints
    }

    pub(in crate::policy) fn record_coverage(&mut self) {
        self.engine.set_enable_coverage(true);
    }

    /// For each file the lines that were evaluated, and those that were not.
    pub(in crate::policy) fn coverage(&self) -> Vec<(String, usize, Vec<u32>)> {
        let report = self.engine.get_coverage_report();
        let files = report.map(|report| report.files).unwrap_or_default();
        let lines = |file: regorus::coverage::File| {
            let missed = file.not_covered.into_iter().collect();
            (file.path, file.covered.len(), missed)
        };
        files.into_iter().map(lines).collect()
    }
}

const CRASHED: &str = "the Rego interpreter crashed on this policy";

/// Why an evaluation has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::policy) enum Failure {
    /// The policy is wrong for this input.
    #[error("{0}")]
    Error(String),
    /// The object lacks something that the cluster may fill in.
    #[error("{0}")]
    Undecided(String),
    /// It took too long, or crashed the interpreter. It is not evaluated again.
    #[error("{0}")]
    Limit(String),
}

/// Runs the interpreter and turns its errors and panics into a message.
fn guarded<T, E: std::fmt::Display>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| reason(&error.to_string())),
        Err(_) => Err(CRASHED.to_string()),
    }
}

/// The file in an error of regorus: `--> policies/main.rego:3:1`.
fn named_file(message: &str) -> Option<String> {
    let mut lines = message.lines();
    let place = lines.find_map(|line| line.trim().strip_prefix("--> "))?;
    let (rest, _column) = place.rsplit_once(':')?;
    let (path, _line) = rest.rsplit_once(':')?;
    Some(path.to_string())
}

/// The last line of an error of regorus, without the word before it: `error: var x is unsafe`.
fn reason(message: &str) -> String {
    let last = message.trim().lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_string()
}
