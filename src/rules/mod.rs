//! The built-in rules: one file each, in the folder of its category.
//!
//! A rule file holds its documentation (the `//!` header under fixed headings), its [`Metadata`]
//! and its logic, and is registered in the `mod.rs` of its category; `registry` puts the categories
//! together. `engine` is the machinery around the rules, `shared` holds the logic that several rules
//! need.
//!
//! Rules read rendered resources and facts. They never touch the file system, never count lines,
//! and never set a final severity: [`Sink`] applies the configuration.

pub mod engine;
mod registry;
mod shared;

mod configuration;
mod drift;
mod governance;
mod guardrails;
mod images;
mod ordering;
mod structure;

pub use engine::{
    Behavior, Category, Claim, Context, Draft, Facts, Flaw, Inputs, Metadata, MovedVersion,
    PolicyChange, PolicyFileChange, Providers, Registry, RepoFacts, Revision, Rule, Sink, Stage,
    Submodule, Suppressed, SuppressedRule, SuppressingComment, SuppressingEntry,
    check_suppressions, left_behind, of_pair, overlay_ref, proofs_wanted, run, scope,
};
pub use registry::{all, find, known, named, registry, table_markdown};
