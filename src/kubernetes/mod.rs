//! Facts about Kubernetes objects: workloads and their containers, image references, who needs and
//! who provides Secrets and ConfigMaps, which other objects an object names or selects, how many
//! pods run, which fields they have, and what the values of a release outline. All are pure functions
//! of one rendered object or release.
//!
//! Not here: apps and environments (`repo`), judgement (`rules`).

pub(crate) mod admission;
pub(crate) mod artifact;
pub(crate) mod copies;
pub(crate) mod image;
pub(crate) mod image_fields;
pub(crate) mod image_use;
pub(crate) mod naming;
pub(crate) mod operators;
pub(crate) mod outline;
mod part;
pub(crate) mod quantity;
pub(crate) mod references;
pub(crate) mod scaling;
pub(crate) mod schema;
mod selector;
pub(crate) mod targets;
pub(crate) mod workload;

pub(crate) use image_fields::DeclaredField;
pub(crate) use selector::LabelSelector;
