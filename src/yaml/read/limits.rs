//! Limits on nesting and aliases, and how the parser is configured.

use granit_parser::{Options, options};

/// Maps and lists that nest deeper are refused, so that code that walks a tree may recurse.
pub const MAX_DEPTH: usize = 255;

/// Go's defence against alias bombs: the larger a text, the smaller the share of its nodes that may
/// come from aliases.
#[derive(Default)]
pub(super) struct AliasBudget {
    /// Nodes of the text so far, those from aliases included.
    nodes: u64,
    aliased: u64,
}

impl AliasBudget {
    /// Counts a node that the text spells out. False if the aliases exceed the budget.
    #[must_use]
    pub(super) fn add_node(&mut self) -> bool {
        self.nodes += 1;
        self.holds()
    }

    /// Counts the nodes that an alias repeats. False if the aliases exceed the budget.
    #[must_use]
    pub(super) fn add_alias(&mut self, size: u64) -> bool {
        self.nodes += size;
        self.aliased += size;
        self.holds()
    }

    fn holds(&self) -> bool {
        let allowed = match self.nodes {
            ..=400_000 => 0.99,
            4_000_000.. => 0.10,
            nodes => 0.99 - 0.89 * (nodes - 400_000) as f64 / 3_600_000.0,
        };
        self.aliased <= 100
            || self.nodes <= 1000
            || self.aliased as f64 / self.nodes as f64 <= allowed
    }
}

pub(super) fn parser_options() -> Options {
    options! {
        strict_indentation: false,
        block_scalar_eof_without_line_feed: true,
        max_buffered_comment_events: usize::MAX,
    }
}
