//! What a rule is: its hooks and what the rest of the program knows about it. Not here: the list of
//! rules (`registry`), how they are run (`run`).

use super::{Context, Sink};
use crate::finding::Severity;
use crate::repo::Overlay;

/// What a rule is about; the order of the README table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// What runs.
    Images,
    /// Secrets, ConfigMaps, variables.
    Configuration,
    /// What production must not lose.
    Guardrails,
    /// Differences between environments.
    Drift,
    /// Rendering and layout of the repo.
    Structure,
    /// What is applied when.
    Ordering,
    /// Who may change what, and when.
    Governance,
}

/// What `rules`, the README table, SARIF and the configuration know of a rule.
#[derive(Debug)]
pub struct Metadata {
    /// Kebab-case id; the file is the same in snake_case.
    pub id: &'static str,
    /// Its family.
    pub category: Category,
    /// Default level in words: `error in protected environments`.
    pub level: &'static str,
    /// The severity a report without environment shows (SARIF).
    pub severity: Severity,
    /// One line: what it finds.
    pub summary: &'static str,
    /// Names and one-line meanings of its options besides `level`.
    pub options: &'static [(&'static str, &'static str)],
    /// The rule file's own text; the `//!` header is the documentation.
    pub source: &'static str,
}

impl Metadata {
    /// The documentation as Markdown: the `//!` header of the rule's file.
    pub fn documentation(&self) -> String {
        let lines = self
            .source
            .lines()
            .take_while(|line| line.starts_with("//!"));
        lines
            .map(|line| {
                line.trim_start_matches("//!")
                    .strip_prefix(' ')
                    .unwrap_or_default()
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// A rule. Implement the narrowest hook that suffices; each is called in a stable order.
///
/// With a base revision, `check_overlay` and `check_pair` are called only for the overlays that the
/// change can concern: those that render to something else, those of the same apps, and all of them
/// when what overlays offer to each other changed (see [`scope`]). A rule that compares *values* of
/// other apps' overlays belongs into `check_repo`, and goes through [`Context::judged`] there.
pub trait Rule: Sync {
    /// Its description.
    fn metadata(&self) -> &'static Metadata;
    /// Once for every overlay.
    fn check_overlay(&self, _context: &Context, _overlay: &Overlay, _sink: &mut Sink) {}
    /// Once for every pair along the promotion order (`from` = staging, `to` = production).
    fn check_pair(&self, _context: &Context, _from: &Overlay, _to: &Overlay, _sink: &mut Sink) {}
    /// Whether what the base revision has and a protected overlay loses counts as what the
    /// environment before has: then `check_pair` is called with both as well.
    fn also_against_base(&self) -> bool {
        false
    }
    /// Once for the repo.
    fn check_repo(&self, _context: &Context, _sink: &mut Sink) {}
}
