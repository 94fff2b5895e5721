//! # insufficient-soak
//!
//! ## What
//!
//! A change gives a protected environment a digest that the previous environment has run for less
//! than the required time. The time is counted from the commit on the base branch that brought the
//! digest to the previous environment.
//!
//! The rule is off until you set `atLeast`, and it needs a base revision (`--base`).
//!
//! ## Why
//!
//! Some failures, such as memory leaks, only show after a night.
//!
//! ## Example
//!
//! ```yaml
//! # .gitops-lint.yaml
//! rules:
//!   insufficient-soak: {level: error, atLeast: 24h}
//! ```
//!
//! ## Fix
//!
//! Wait for the remaining time, then run the check again.

use crate::calendar;
use crate::config::{Config, DurationOption, More, RuleOption};
use crate::finding::{Cause, Severity};
use crate::history::VersionKey;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct InsufficientSoak;

static METADATA: Metadata = Metadata {
    id: "insufficient-soak",
    category: Category::Images,
    level: "off until `atLeast` is configured; needs a base revision",
    severity: Severity::Error,
    summary: "a digest that staging has run for too short a time",
    options: &[RuleOption::Duration(&AT_LEAST)],
    behavior: Metadata::USUAL,
    source: include_str!("insufficient_soak.rs"),
};

static AT_LEAST: DurationOption = DurationOption {
    name: "atLeast",
    summary: "how long the earlier environment has to run a digest before it is promoted",
    more: More::Tightens,
};

impl Rule for InsufficientSoak {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn needs_dates(&self, config: &Config) -> bool {
        METADATA.duration(config, &AT_LEAST).is_some()
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let Some(least) = METADATA.duration(context.config, &AT_LEAST) else {
            return;
        };
        let Some(now) = context.now.as_ref().filter(|_| context.repo.protected(to)) else {
            return;
        };
        let least = least.as_secs();
        for used in context.moved_images(to) {
            let Some(digest) = used.image().digest else {
                continue;
            };
            // a digest that production ran before needs no proof, and one that never ran in the
            // environment before is a mismatch
            let (name, digest) = (&used.name, VersionKey::of_digest(digest));
            if context.first_ran(to, to, name, &digest).is_some() {
                continue;
            }
            let Some(since) = context.first_ran(from, to, name, &digest) else {
                continue;
            };
            let soaked = now.timestamp().as_second().saturating_sub(since);
            if soaked >= least {
                continue;
            }
            let earlier = context.side(from);
            let message = format!(
                ": {earlier} has run this digest of `{name}` for {}, but `atLeast` requires {}",
                calendar::spoken(soaked.max(0)),
                calendar::spoken(least)
            );
            let missing = calendar::spoken(least.saturating_sub(soaked.max(0)));
            let cause = Cause::new("too-short");
            let draft = Draft::new(Severity::Error, used.digest_origin, cause, message)
                .help(format!("wait for {missing}, then run the check again"));
            sink.report(context, Some(to), draft.of(used));
        }
    }
}
