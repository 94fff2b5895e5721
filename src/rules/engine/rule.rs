//! The trait of rules and their metadata. Not here: the list of rules (`registry`), how they are
//! run (`run`).

use jiff::SignedDuration;

use super::{Context, Sink, Suppressed};
use crate::config::{Config, DurationOption, RuleOption, TextsOption};
use crate::finding::Severity;
use crate::repo::Overlay;

/// The category of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Image tags, digests and promotions.
    Images,
    /// Secrets, ConfigMaps, variables.
    Configuration,
    /// Limits, probes and objects that production must not lose.
    Guardrails,
    /// Differences between environments.
    Drift,
    /// Rendering and layout of the repo.
    Structure,
    /// The order in which objects are applied.
    Ordering,
    /// Permissions: who may change production, and when.
    Governance,
}

impl Category {
    /// Every category, in the order of docs/rules.md.
    pub const ALL: [Category; 7] = [
        Category::Images,
        Category::Structure,
        Category::Configuration,
        Category::Drift,
        Category::Guardrails,
        Category::Ordering,
        Category::Governance,
    ];

    /// The word in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Images => "images",
            Category::Structure => "structure",
            Category::Configuration => "configuration",
            Category::Drift => "drift",
            Category::Guardrails => "guardrails",
            Category::Ordering => "ordering",
            Category::Governance => "governance",
        }
    }
}

/// The facts about a rule that `rules`, its page in docs/rules, SARIF and the configuration use.
#[derive(Debug)]
pub struct Metadata {
    /// Kebab-case id; the file is the same in snake_case.
    pub id: &'static str,
    /// Its family.
    pub category: Category,
    /// Default level in words: `error in protected environments`.
    pub level: &'static str,
    /// The severity for reports that describe a rule apart from any finding (SARIF).
    pub severity: Severity,
    /// One line: what it finds.
    pub summary: &'static str,
    /// Its options besides `level`.
    pub options: &'static [RuleOption],
    /// Its treatment by the machinery.
    pub behavior: Behavior,
    /// The rule file's own text; the `//!` header is the documentation.
    pub source: &'static str,
}

/// The treatment of a rule by the machinery. Most are [`Metadata::USUAL`]; another one says how it
/// differs: `Behavior { suppressible: false, ..Metadata::USUAL }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behavior {
    /// True if comments and the configuration can suppress its findings.
    pub suppressible: bool,
    /// Whose configuration sets its level: a rule that judges the configuration of the head keeps
    /// the level that the base gives it.
    pub level_from: Revision,
    /// True if its findings describe the checkout and not the revision, such as a folder that a
    /// sparse checkout leaves out. Such findings are always reported as new.
    pub fact_of_checkout: bool,
    /// True if `check_pair` also compares a protected overlay with its own base revision: losing
    /// what the base had counts as losing what the earlier environment has.
    pub also_against_base: bool,
    /// True if the settings that it compares belong to a version: nothing is reported if the earlier
    /// environment did not have them either when it ran the version of the later one.
    pub bound_to_version: bool,
    /// True if policies that fail while they are evaluated are findings of this rule.
    pub for_failing_policies: bool,
    /// True if files that cannot be read, and that no other rule reports, are findings of this rule.
    pub for_unreadable_files: bool,
    /// The losses that only this rule reports while it is on, so that no loss is reported twice.
    pub claims: Option<Claim>,
}

/// A loss that several rules can detect but only one of them should report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A lost PodDisruptionBudget, NetworkPolicy or the like. If no rule claims it, it is reported
    /// like any other deleted object.
    LostGuards,
    /// A digest that an image lost. If no rule claims it, the image is reported as unpinned.
    LostDigests,
}

/// One of the two revisions of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The tree under check.
    Head,
    /// The tree that it is compared with.
    Base,
}

impl Metadata {
    /// The behavior of most rules.
    pub const USUAL: Behavior = Behavior {
        suppressible: true,
        level_from: Revision::Head,
        fact_of_checkout: false,
        also_against_base: false,
        bound_to_version: false,
        for_failing_policies: false,
        for_unreadable_files: false,
        claims: None,
    };

    /// The value that the configuration gives one of its options, a list of texts.
    pub fn texts<'c>(&self, config: &'c Config, option: &'static TextsOption) -> Vec<&'c str> {
        debug_assert!(self.has(option.name), "{} lacks {}", self.id, option.name);
        config.texts(self.id, option)
    }

    /// The value that the configuration gives one of its options, a length of time.
    pub fn duration(
        &self,
        config: &Config,
        option: &'static DurationOption,
    ) -> Option<SignedDuration> {
        debug_assert!(self.has(option.name), "{} lacks {}", self.id, option.name);
        config.duration(self.id, option)
    }

    /// True if it lists an option. One that is not listed could not be set.
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|listed| listed.name() == option)
    }

    /// The documentation as Markdown: the `//!` header of the rule's file, and its options as they
    /// are declared.
    pub fn documentation(&self) -> String {
        let lines = self
            .source
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| {
                line.trim_start_matches("//!")
                    .strip_prefix(' ')
                    .unwrap_or_default()
            });
        let mut text = lines.collect::<Vec<_>>().join("\n").trim_end().to_string();
        text.push_str("\n\n## Options\n\n");
        if self.options.is_empty() {
            text.push_str("None.\n");
        }
        for option in self.options {
            text.push_str(&option.documentation());
            text.push('\n');
        }
        text
    }
}

/// A rule. Implement the narrowest hook that suffices; each is called in a stable order.
///
/// With a base revision, `check_overlay` and `check_pair` are called only for the overlays that the
/// change can affect: those that render differently, other overlays of the same apps, and all
/// overlays if an object that others may need is gone (see [`scope`](super::scope)). A rule that
/// compares *values* of other apps' overlays must use `check_repo` and iterate over
/// [`Context::judged`] there.
pub trait Rule: Sync {
    /// Its description.
    fn metadata(&self) -> &'static Metadata;
    /// Once for every overlay.
    fn check_overlay(&self, _context: &Context, _overlay: &Overlay, _sink: &mut Sink) {}
    /// Once for every pair along the promotion order (`from` = staging, `to` = production).
    fn check_pair(&self, _context: &Context, _from: &Overlay, _to: &Overlay, _sink: &mut Sink) {}
    /// Once for the repo.
    fn check_repo(&self, _context: &Context, _sink: &mut Sink) {}
    /// Once for the suppressions, after they were matched with the findings of the other hooks.
    fn check_suppressions(
        &self,
        _context: &Context,
        _suppressed: &Suppressed<'_>,
        _sink: &mut Sink,
    ) {
    }
    /// True if the rule, with this configuration, needs the dates since which environments run
    /// their images. Finding them means walking through more commits.
    fn needs_dates(&self, _config: &Config) -> bool {
        false
    }
}
