//! # unreadable-file
//!
//! ## What
//!
//! Something in the repository that cannot be read: a file or folder without permission, a name that
//! is not UTF-8, a FIFO or device in place of a file, a file above 64 MiB.
//!
//! ## Why
//!
//! The check looks for overlays and for the objects of Argo CD and Flux in all files. What it cannot
//! read could be one of them, and would be missing without a word.
//!
//! ## Example
//!
//! ```text
//! apps/shop/overlays/production/kustomization.yaml    # a FIFO
//! ```
//!
//! ## Fix
//!
//! Give the file a name in UTF-8 and permissions that allow reading it, or remove it.

use crate::finding::Severity;
use crate::rules::{Behavior, Category, Metadata, Rule};

/// The rule. It has no hooks: `check` knows what could not be read once all rules have run.
pub(super) struct UnreadableFile;

static METADATA: Metadata = Metadata {
    id: "unreadable-file",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "a file, folder or name that cannot be read",
    options: &[],
    behavior: Behavior {
        for_unreadable_files: true,
        ..Metadata::USUAL
    },
    source: include_str!("unreadable_file.rs"),
};

impl Rule for UnreadableFile {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
}
