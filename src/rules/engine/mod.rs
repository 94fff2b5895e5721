//! The machinery around the rules: what a rule is, the registry, what rules are given and how their
//! drafts become findings.

pub mod context;
mod draft;
pub mod left_behind;
mod registry;
mod rule;
mod run;
pub mod scope;
mod sink;

pub use context::{Actor, Authorship, Context, Facts, Proofs, Providers, Stage, Submodule};
pub use draft::Draft;
pub use registry::{all, find, table_markdown};
pub use rule::{Category, Metadata, Rule};
pub use run::{of_pair, run};
pub use sink::{Sink, overlay_ref};
