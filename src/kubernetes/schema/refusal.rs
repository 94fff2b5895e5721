//! A value that the API server refuses although its type is right. Not here: when it does (`values`,
//! `syntax`).

use crate::kubernetes::part::Part;
use crate::yaml::Node;

/// A value that the API server refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusal<'a> {
    /// The value.
    pub node: &'a Node,
    /// The JSON pointer to it.
    pub pointer: String,
    /// The name of the kind of mistake.
    pub kind: &'static str,
    /// The problem, as the end of a sentence: ``is not a valid port``.
    pub reason: String,
    /// The advice.
    pub help: &'static str,
    /// The first one, of two that have to differ.
    pub first: Option<&'a Node>,
}

impl<'a> Refusal<'a> {
    /// The refusal of a value by itself.
    pub(super) fn new(
        part: &Part<'a>,
        kind: &'static str,
        reason: impl Into<String>,
        help: &'static str,
    ) -> Refusal<'a> {
        Refusal {
            node: part.node,
            pointer: part.pointer.clone(),
            kind,
            reason: reason.into(),
            help,
            first: None,
        }
    }
}
