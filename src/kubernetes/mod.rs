//! Facts about Kubernetes objects: workloads and their containers, image references, what refers to and what provides Secrets
//! and ConfigMaps. Pure functions of one rendered object.
//!
//! Not here: apps and environments (`repo`), judgement (`rules`).

pub mod image;
pub mod image_use;
pub mod operators;
pub mod quantity;
pub mod references;
pub mod workload;
