//! Objects that Git names and the clone lacks. They are collected while files are read, so that a
//! command can say at its end what its answer is missing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::lock;
use crate::source::Withheld;

/// The missing files, by revision and path.
#[derive(Default)]
pub struct Gaps(Mutex<BTreeMap<(Arc<str>, String), Withheld>>);

impl Gaps {
    pub(in crate::source) fn note(&self, revision: &Arc<str>, path: &str, withheld: &Withheld) {
        lock(&self.0)
            .entry((revision.clone(), path.to_string()))
            .or_insert_with(|| withheld.clone());
    }

    /// Names what is missing and how to get it; `None` if nothing is.
    pub fn message(&self) -> Option<String> {
        let gaps = lock(&self.0);
        let ((revision, path), withheld) = gaps.first_key_value()?;
        let more = match gaps.len() - 1 {
            0 => String::new(),
            1 => " (and one more file)".to_string(),
            more => format!(" (and {more} more files)"),
        };
        let path = if path.is_empty() {
            "the top folder"
        } else {
            path
        };
        let of = if revision.is_empty() {
            String::new()
        } else {
            format!(" of {revision}")
        };
        Some(format!("{path}{of} cannot be read{more}: {withheld}"))
    }
}
