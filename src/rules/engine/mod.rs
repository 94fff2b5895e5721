//! The machinery around the rules: the trait `Rule`, the registry, the input of rules, and the step
//! from drafts to findings.

mod accounted;
mod apply;
pub mod context;
mod draft;
pub mod left_behind;
mod proofs_wanted;
mod registry;
mod rule;
mod run;
pub mod scope;
mod sink;

pub use apply::of_pair;
pub use context::{
    Context, Facts, Inputs, MovedVersion, PolicyChange, PolicyFileChange, Providers, RepoFacts,
    Stage, Submodule,
};
pub use draft::Draft;
pub use proofs_wanted::proofs_wanted;
pub use registry::{all, find, known, named, needs_dates, table_markdown};
pub use rule::{Behavior, Category, Claim, Metadata, Revision, Rule};
pub use run::run;
pub use sink::{Sink, overlay_ref};
