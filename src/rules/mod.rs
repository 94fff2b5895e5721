//! The built-in rules: one file each, in the folder of its category.
//!
//! A rule file holds its documentation (the `//!` header under fixed headings), its [`Metadata`]
//! and its logic, and is registered in the `mod.rs` of its category. `engine` is the machinery
//! around the rules, `shared` holds the logic that several rules need.
//!
//! Rules read rendered resources and facts. They never touch the file system, never count lines,
//! and never set a final severity: [`Sink`] applies the configuration.

pub mod engine;
mod shared;

mod configuration;
mod drift;
pub(crate) mod governance;
mod guardrails;
mod images;
mod ordering;
pub(crate) mod structure;

pub use engine::{
    Behavior, Category, Claim, Context, Draft, Facts, Inputs, Metadata, MovedVersion, PolicyChange,
    PolicyFileChange, Providers, RepoFacts, Revision, Rule, Sink, Stage, Submodule, all, find,
    known, left_behind, named, needs_dates, of_pair, overlay_ref, proofs_wanted, run, scope,
    table_markdown,
};
