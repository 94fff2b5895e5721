//! Facts about Kubernetes objects: workloads and their containers, image references, who needs and
//! who provides Secrets and ConfigMaps, which other objects an object names or selects, how many
//! pods run, which fields they have, and what the values of a release outline. All are pure functions
//! of one rendered object or release.
//!
//! Not here: apps and environments (`repo`), judgement (`rules`).

pub mod artifact;
pub mod copies;
pub mod image;
pub mod image_use;
pub mod operators;
pub mod outline;
mod part;
pub mod quantity;
pub mod references;
pub mod scaling;
pub mod schema;
pub mod targets;
pub mod workload;
