//! gitops-lint checks GitOps config repositories before a change is merged.
//!
//! Data flows in one direction, one module per step:
//!
//! ```text
//! source ─► yaml ─► kustomize ─► repo ─► compare, history ─► rules, policy ─► check ─► report
//! ```
//!
//! Other modules serve these steps: `config` reads the configuration, `kubernetes` knows what
//! objects mean, `template` executes Go templates, `calendar` knows when windows are open, and `finding` is what rules and policies
//! report. `names` finds the valid name that is nearest to a misspelt one, and `wording` writes
//! numbers and lists, and `edit` changes values of YAML files in place,
//! and `promote` gives production the versions of staging. Only `cli` prints and decides the exit status.

mod calendar;
pub mod check;
pub mod cli;
mod compare;
pub mod config;
pub mod edit;
pub mod finding;
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
pub mod source;
pub mod template;
mod wording;
pub mod yaml;
