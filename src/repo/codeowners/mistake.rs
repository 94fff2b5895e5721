//! Mistakes in a CODEOWNERS file: lines, owners and headings that the forge ignores.

use crate::yaml::Origin;

/// Something in a CODEOWNERS file that the forge ignores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The kind of mistake.
    pub kind: MistakeKind,
    /// The pattern or heading of the line; for a mistake of the whole file its path, if known.
    pub pattern: String,
    /// The owner at fault: `acme/platform`.
    pub owner: Option<String>,
    /// The pattern, the owner, or the start of the file.
    pub origin: Origin,
    /// One sentence for the finding.
    pub message: String,
    /// The text to write instead.
    pub help: String,
}

/// The kinds of mistakes. Their names identify findings, so the sentences can change freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MistakeKind {
    /// The forge reads another CODEOWNERS file.
    IgnoredFile,
    /// The file exceeds GitHub's size limit.
    FileTooLarge,
    /// `@acme/platform` without a pattern before it.
    MissingPattern,
    /// The file is there and cannot be read.
    Unreadable,
    /// More patterns without a folder than can be compared with every file.
    TooManyPatterns,
    /// `[Docs` without the closing bracket (GitLab).
    UnclosedHeading,
    /// `[Docs][none]` (GitLab).
    InvalidApprovals,
    /// A pattern that is not a regular expression (Forgejo).
    InvalidExpression,
    /// `!/docs/` (GitHub).
    Exclusion,
    /// `\#notes` (GitHub).
    EscapedHash,
    /// `/[ab]/` (GitHub).
    CharacterRange,
    /// `/apps/***` (GitHub).
    TripleAsterisk,
    /// `@renovate[bot]`.
    AppAsOwner,
    /// `acme/platform` without `@`.
    InvalidOwner,
    /// The same pattern follows with other owners.
    RepeatedPattern,
}

impl MistakeKind {
    /// The name in the identity of a finding.
    pub fn as_str(self) -> &'static str {
        match self {
            MistakeKind::IgnoredFile => "ignored-file",
            MistakeKind::FileTooLarge => "file-too-large",
            MistakeKind::MissingPattern => "missing-pattern",
            MistakeKind::Unreadable => "unreadable",
            MistakeKind::TooManyPatterns => "too-many-patterns",
            MistakeKind::UnclosedHeading => "unclosed-heading",
            MistakeKind::InvalidApprovals => "invalid-approvals",
            MistakeKind::InvalidExpression => "invalid-expression",
            MistakeKind::Exclusion => "exclusion",
            MistakeKind::EscapedHash => "escaped-hash",
            MistakeKind::CharacterRange => "character-range",
            MistakeKind::TripleAsterisk => "triple-asterisk",
            MistakeKind::AppAsOwner => "app-as-owner",
            MistakeKind::InvalidOwner => "invalid-owner",
            MistakeKind::RepeatedPattern => "repeated-pattern",
        }
    }

    /// True if no line of the file counts.
    pub(super) fn voids_file(self) -> bool {
        matches!(
            self,
            MistakeKind::FileTooLarge | MistakeKind::TooManyPatterns | MistakeKind::Unreadable
        )
    }

    /// True if the forge ignores owners that the line asks for; false if the line is only useless.
    pub fn loses_owners(self) -> bool {
        !matches!(
            self,
            MistakeKind::IgnoredFile | MistakeKind::InvalidApprovals | MistakeKind::RepeatedPattern
        )
    }
}

/// Why a forge does not accept a pattern or an owner, and what to write instead.
pub(super) struct Problem {
    pub(super) kind: MistakeKind,
    pub(super) message: String,
    pub(super) help: &'static str,
}
