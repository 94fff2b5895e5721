//! Rego as OPA evaluates it, on regorus. Nothing outside of this folder knows regorus.
//!
//! ```text
//! text ─► syntax ─► lower ─► text for regorus ─► engine ─► values
//!            │        │                            ▲
//!            ▼        ▼                            │
//!        metadata   graph                       builtins
//! ```
//!
//! A policy cannot be loaded if OPA would refuse it, as far as regorus would not: an unknown
//! function, a wrong number of arguments, an argument of a type that never fits, a rule that refers
//! to itself.

mod builtins;
mod engine;
mod graph;
mod lower;
mod metadata;
mod program;
mod syntax;
mod values;

pub(super) use engine::{Document, Failure, Interpreter};
pub(super) use program::{Definition, Problem, Program, Settings, Source, has_no_rule};
pub(super) use syntax::Version;
pub(super) use values::{Value, from_json, from_node, to_json};
