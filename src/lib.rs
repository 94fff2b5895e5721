//! gitops-lint checks GitOps config repositories before a change is merged.
//!
//! Data flows in one direction, one module per step:
//!
//! ```text
//! source ─► yaml ─► kustomize ─► repo ─► compare, history ─► rules, policy ─► check ─► report
//! ```
//!
//! Other modules serve these steps: `config` reads the configuration, `kubernetes` knows what
//! objects mean, `cel` evaluates expressions, `template` executes Go templates and `helm` renders charts with them, `calendar`
//! knows when windows are open, and `finding` is the type that rules and policies report. `names`
//! finds the valid name that is nearest to a misspelt one, and `wording` writes numbers and lists.
//! `edit` changes values of YAML files in place, and `promote` gives production the versions of
//! staging. Only `cli` prints and decides the exit status.
//!
//! The program is `main.rs`, which calls `cli`. All other public modules are public only so that the
//! tests and benchmarks of this repository can call them; they are not an API.

mod calendar;
mod cel;
pub mod check;
pub mod cli;
mod compare;
pub mod config;
pub mod edit;
mod evidence;
mod explain;
pub mod finding;
pub mod fix;
#[cfg(test)]
mod fuzz;
mod glob;
mod helm;
pub mod history;
mod kubernetes;
pub mod kustomize;
mod names;
pub mod policy;
pub mod promote;
pub mod repo;
pub mod report;
pub mod rules;
mod secrets;
mod server;
pub mod source;
mod template;
mod wording;
pub mod yaml;
