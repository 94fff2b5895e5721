//! The result of the suppressions of a revision, for the rules about suppressions. Not here: finding and
//! matching them (`check`).

use jiff::civil::Date;

use crate::config::{Suppression, is_over};
use crate::yaml::Origin;

/// The suppressions of a revision, after they were matched with its findings.
pub struct Suppressed<'a> {
    /// The comments in files that were read.
    pub comments: Vec<SuppressingComment<'a>>,
    /// The entries of the configuration.
    pub entries: Vec<SuppressingEntry<'a>>,
    /// The day that decides which of them have expired.
    pub today: Date,
}

/// A comment that suppresses findings.
pub struct SuppressingComment<'a> {
    /// The comment.
    pub origin: Origin,
    /// The rules in its brackets.
    pub rules: Vec<SuppressedRule<'a>>,
    /// The last day on which it counts.
    pub until: Option<Date>,
    /// The reason why it never counts.
    pub flaw: Option<Flaw>,
    /// True if every overlay that reads its file was judged. If not, it may be needed.
    pub judged: bool,
    /// True if the change adds it.
    pub is_new: bool,
}

/// A rule in the brackets of a comment.
pub struct SuppressedRule<'a> {
    /// Its id, as written.
    pub id: &'a str,
    /// True if the comment covers a finding of the rule.
    pub is_used: bool,
    /// True if one of these findings is an error that counts.
    pub hides_error: bool,
    /// True if the change causes one of these errors in a protected environment, or in no single one.
    pub in_protected: bool,
}

/// An entry of `suppress` in the configuration.
pub struct SuppressingEntry<'a> {
    /// The entry.
    pub entry: &'a Suppression,
    /// True if it covers a finding.
    pub is_used: bool,
    /// True if the whole repo was judged. If not, it may be needed.
    pub judged: bool,
    /// True if its path names a folder. No finding is in a file of that name.
    pub names_folder: bool,
}

/// The missing or wrong part because of which a comment is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The brackets are missing or empty.
    NoRule,
    /// Nothing is said behind the brackets.
    NoReason,
    /// The word after `until` is not a date.
    InvalidDate,
    /// It only looks like a suppression, such as `disable[rule-id]`.
    Misspelt,
    /// It is part of a text, such as an inline patch.
    InText,
}

impl Flaw {
    /// Its name in the identity of findings.
    pub fn as_str(self) -> &'static str {
        match self {
            Flaw::NoRule => "no-rule",
            Flaw::NoReason => "no-reason",
            Flaw::InvalidDate => "invalid-date",
            Flaw::Misspelt => "misspelt",
            Flaw::InText => "in-text",
        }
    }

    /// The reason why it is ignored, or what to do about it.
    pub fn explanation(self) -> &'static str {
        match self {
            Flaw::NoRule => "name a rule in the brackets",
            Flaw::NoReason => "add a reason after the brackets",
            Flaw::InvalidDate => "write the date after `until` as YYYY-MM-DD",
            Flaw::Misspelt => "it is not spelt `# gitops-lint: ignore[rule-id] reason`",
            Flaw::InText => {
                "a comment within a block is part of its text; write it above the key of the block"
            }
        }
    }
}

impl Suppressed<'_> {
    /// The day on which a suppression expired, if it did.
    pub fn expired(&self, until: Option<Date>) -> Option<Date> {
        until.filter(|_| is_over(until, self.today))
    }
}
