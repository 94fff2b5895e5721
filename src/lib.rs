//! gitops-lint: the required check of a GitOps config repo.
//!
//! One direction of flow, one module a step:
//!
//! ```text
//! source ─► yaml ─► kustomize ─► repo ─► compare, history ─► rules, policy ─► check ─► report
//! ```
//!
//! `kubernetes` says what objects mean, `calendar` when windows of time are open, `config` what the
//! team says, `names` which name somebody meant; `finding` is what rules and policies report;
//! `wording` writes numbers and lists. `cli` is the only module that prints or decides an exit
//! status.

pub mod calendar;
pub mod check;
pub mod cli;
pub mod compare;
pub mod config;
pub mod finding;
pub mod history;
pub mod kubernetes;
pub mod kustomize;
mod names;
pub mod policy;
pub mod repo;
pub mod report;
pub mod rules;
pub mod source;
pub mod wording;
pub mod yaml;
