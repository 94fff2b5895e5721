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
mod suppressed;

pub use apply::of_pair;
pub use context::{
    Context, Facts, Inputs, MovedVersion, PolicyChange, PolicyFileChange, Providers, RepoFacts,
    Stage, Submodule,
};
pub use draft::Draft;
pub use proofs_wanted::proofs_wanted;
pub use registry::Registry;
pub use rule::{Behavior, Category, Claim, Metadata, Revision, Rule};
pub use run::{check_suppressions, run};
pub use sink::{Sink, overlay_ref};
pub use suppressed::{Flaw, Suppressed, SuppressedRule, SuppressingComment, SuppressingEntry};
