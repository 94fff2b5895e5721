//! The built-in rules: one file each, registered once in [`all`].
//!
//! A rule file holds its documentation (the `//!` header under fixed headings), its [`Metadata`] and its logic.
//! `context` holds what is computed once for all rules, `scope` tells which overlays a change concerns, `left_behind` what a promotion should have brought along, `sink` turns drafts into
//! findings, `problems` passes on what the renderer said. What several rules need stands in a file of its own: `automation`,
//! `availability`, `controls`, `depends_on`, `drift`, `losses`, `unlisted`, `windows`.
//!
//! Rules read rendered resources and facts. They never touch the file system, never count lines, and never set a final
//! severity: [`Sink`] applies the configuration.

mod automation;
mod automation_on_protected;
mod availability;
mod context;
mod controls;
mod depends_on;
mod drift;
pub mod left_behind;
mod losses;
mod problems;
pub mod scope;
mod sink;
mod unlisted;
mod windows;

mod autoscaler_conflict;
mod blocked_disruption;
mod bot_write;
mod change_freeze;
mod codeowners_gap;
mod codeowners_invalid;
mod cross_environment_reference;
mod dangling_reference;
mod depends_on_cycle;
mod depends_on_missing;
mod deprecated_field;
mod digest_mismatch;
mod duplicate_key;
mod empty_overlay;
mod environment_variable_drift;
mod image_drift;
pub mod incomplete_checkout;
mod insufficient_soak;
mod invalid_hook;
mod invalid_image;
mod invalid_sync_wave;
mod limits_below_requests;
pub(crate) mod loosened_check;
mod lost_digest;
mod missing_configmap;
mod missing_configmap_key;
mod missing_limits;
mod missing_secret;
mod missing_secret_key;
mod mixed_promotion;
mod mutable_tag;
mod needs_plugin;
mod orphan_manifest;
mod overlay_drift;
mod plaintext_secret;
mod promotion_order;
mod promotion_record;
mod redirected_agent;
mod remote_base;
mod removed_limits;
mod removed_probe;
mod removed_requests;
mod removed_resource;
mod removed_security_context;
mod render_error;
mod resource_deletion;
mod ride_along;
mod shared_environment_path;
mod skipped_environment;
mod stale_allowance;
mod submodule_change;
mod sync_wave_order;
mod unfollowed_agent;
mod unmatched_patch;
mod unused_image_override;

pub use context::{Actor, Authorship, Context, Facts, Proofs, Providers, Stage, Submodule};
pub use sink::{Sink, fingerprint, without_lines};

use std::collections::HashSet;

use rayon::prelude::*;

use crate::config::Level;
use crate::finding::{Finding, Related, Severity};
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::yaml::Origin;

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
    /// Suppressions, policies, the tool itself.
    Meta,
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
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }
}

/// A rule. Implement the narrowest hook that suffices; each is called in a stable order.
///
/// With a base revision, `check_overlay` and `check_pair` are called only for the overlays that the change can concern: those that
/// render to something else, those of the same apps, and all of them when what overlays offer to each other changed (see
/// [`scope`]). A rule that compares *values* of other apps' overlays belongs into `check_repo`, and goes through
/// [`Context::judged`] there.
pub trait Rule: Sync {
    /// Its description.
    fn metadata(&self) -> &'static Metadata;
    /// Once for every overlay.
    fn check_overlay(&self, _context: &Context, _overlay: &Overlay, _sink: &mut Sink) {}
    /// Once for every pair along the promotion order (`from` = staging, `to` = production).
    fn check_pair(&self, _context: &Context, _from: &Overlay, _to: &Overlay, _sink: &mut Sink) {}
    /// Whether what the base revision has and a protected overlay loses counts as what the environment before has: then
    /// `check_pair` is called with both as well.
    fn also_against_base(&self) -> bool {
        false
    }
    /// Once for the repo.
    fn check_repo(&self, _context: &Context, _sink: &mut Sink) {}
}

/// Every built-in rule, in the order of the README table.
pub fn all() -> &'static [&'static dyn Rule] {
    &[
        &mutable_tag::MutableTag,
        &invalid_image::InvalidImage,
        &lost_digest::LostDigest,
        &digest_mismatch::DigestMismatch,
        &skipped_environment::SkippedEnvironment,
        &mixed_promotion::MixedPromotion,
        &insufficient_soak::InsufficientSoak,
        &image_drift::ImageDrift,
        &promotion_record::PromotionRecord,
        &unused_image_override::UnusedImageOverride,
        &render_error::RenderError,
        &incomplete_checkout::IncompleteCheckout,
        &needs_plugin::NeedsPlugin,
        &remote_base::RemoteBase,
        &orphan_manifest::OrphanManifest,
        &unmatched_patch::UnmatchedPatch,
        &cross_environment_reference::CrossEnvironmentReference,
        &shared_environment_path::SharedEnvironmentPath,
        &unfollowed_agent::UnfollowedAgent,
        &duplicate_key::DuplicateKey,
        &deprecated_field::DeprecatedField,
        &empty_overlay::EmptyOverlay,
        &missing_secret::MissingSecret,
        &missing_secret_key::MissingSecretKey,
        &missing_configmap::MissingConfigMap,
        &missing_configmap_key::MissingConfigMapKey,
        &environment_variable_drift::EnvironmentVariableDrift,
        &plaintext_secret::PlaintextSecret,
        &overlay_drift::OverlayDrift,
        &ride_along::RideAlong,
        &stale_allowance::StaleAllowance,
        &removed_limits::RemovedLimits,
        &removed_requests::RemovedRequests,
        &removed_probe::RemovedProbe,
        &removed_security_context::RemovedSecurityContext,
        &removed_resource::RemovedResource,
        &resource_deletion::ResourceDeletion,
        &missing_limits::MissingLimits,
        &limits_below_requests::LimitsBelowRequests,
        &dangling_reference::DanglingReference,
        &blocked_disruption::BlockedDisruption,
        &autoscaler_conflict::AutoscalerConflict,
        &sync_wave_order::SyncWaveOrder,
        &invalid_sync_wave::InvalidSyncWave,
        &invalid_hook::InvalidHook,
        &depends_on_missing::DependsOnMissing,
        &depends_on_cycle::DependsOnCycle,
        &promotion_order::PromotionOrder,
        &codeowners_gap::CodeownersGap,
        &codeowners_invalid::CodeownersInvalid,
        &bot_write::BotWrite,
        &submodule_change::SubmoduleChange,
        &redirected_agent::RedirectedAgent,
        &automation_on_protected::AutomationOnProtected,
        &change_freeze::ChangeFreeze,
        &loosened_check::LoosenedCheck,
    ]
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static dyn Rule> {
    all().iter().copied().find(|rule| rule.metadata().id == id)
}

/// What every rule finds that the configuration does not switch off.
fn each(context: &Context, check: &dyn Fn(&dyn Rule, &mut Sink)) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in all().iter().filter(|rule| context.level(rule.metadata().id) != Some(Level::Off)) {
        let mut sink = Sink::new(rule.metadata().id);
        check(*rule, &mut sink);
        findings.append(&mut sink.findings);
    }
    findings
}

/// What is found of two environments of an app.
pub fn of_pair(context: &Context, from: &Overlay, to: &Overlay) -> Vec<Finding> {
    let mut findings = each(context, &|rule, sink| rule.check_pair(context, from, to, sink));
    if !findings.is_empty() && context.is_unchanged(to) {
        findings.iter_mut().for_each(|finding| finding.ahead = true);
    }
    findings
}

/// Runs every rule that the configuration does not switch off. The order of the findings does not depend on threads.
pub fn run(context: &Context) -> Vec<Finding> {
    let repo = context.repo;
    let overlays: Vec<&Overlay> = context.judged().collect();
    let mut findings: Vec<Finding> =
        overlays.par_iter().flat_map_iter(|overlay| each(context, &|rule, sink| rule.check_overlay(context, overlay, sink))).collect();
    let pairs: Vec<(&Overlay, &Overlay)> = context.judged_pairs().collect();
    findings.par_extend(pairs.into_par_iter().flat_map_iter(|(from, to)| of_pair(context, from, to)));
    // what the pair tells already is not told once more against the base
    let told: HashSet<Lost> = findings.iter().map(lost).collect();
    let against_base: Vec<Finding> = overlays
        .par_iter()
        .filter_map(|overlay| Some((context.at_base(overlay).filter(|_| repo.protected(overlay))?, *overlay)))
        .filter(|(before, now)| !before.rendered.is(&now.rendered))
        .flat_map_iter(|(before, now)| {
            each(context, &|rule, sink| {
                if rule.also_against_base() {
                    rule.check_pair(context, before, now, sink);
                }
            })
        })
        .filter(|finding| !told.contains(&lost(finding)))
        .collect();
    drop(told);
    findings.extend(against_base);
    findings.extend(each(context, &|rule, sink| rule.check_repo(context, sink)));
    findings
}

/// What tells the losses of two comparisons apart: rule, overlay, object, value.
type Lost = (String, Option<String>, Option<crate::kustomize::ResourceId>, Option<String>);

fn lost(finding: &Finding) -> Lost {
    (finding.rule.clone(), finding.overlay.clone(), finding.resource.clone(), finding.path.clone())
}

/// The README's table of rules, in Markdown.
pub fn table_markdown() -> String {
    let mut table = String::from("| rule | default level | what it finds |\n|---|---|---|\n");
    for rule in all() {
        let metadata = rule.metadata();
        table.push_str(&format!("| `{}` | {} | {} |\n", metadata.id, metadata.level, metadata.summary));
    }
    table
}

/// A finding in the making. `origin` is the place to edit.
pub struct Draft {
    /// The rule's own severity for this case; configuration may override it.
    pub severity: Severity,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What the sentence begins with, where one line may cause the same for several containers: they are one finding.
    pub subject: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// The place to edit.
    pub origin: Origin,
    /// Other places.
    pub related: Vec<Related>,
    /// The object as `Resource::id`.
    pub resource: Option<crate::kustomize::ResourceId>,
    /// RFC 6901 pointer into it.
    pub path: Option<String>,
    /// Whether the configuration may lower its severity and not raise it: it tells of something that is no mistake.
    pub notice: bool,
}

impl Draft {
    /// A draft at a place.
    pub fn new(severity: Severity, origin: Origin, message: impl Into<String>) -> Draft {
        let (message, related) = (message.into(), Vec::new());
        Draft { severity, message, subject: None, help: None, origin, related, resource: None, path: None, notice: false }
    }
    /// Keeps the configuration from raising its severity.
    pub fn notice(mut self) -> Draft {
        self.notice = true;
        self
    }
    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Draft {
        self.help = Some(help.into());
        self
    }
    /// Adds another place.
    pub fn related(mut self, origin: Origin, message: impl Into<String>) -> Draft {
        self.related.push(Related { message: message.into(), origin });
        self
    }
    /// Names the container, with which the sentence then begins: `container api of api`.
    pub fn of(mut self, used: &ImageUse) -> Draft {
        self.subject = Some(format!("{} of {}", used.place, used.resource.name()));
        self.on(used.resource, used.pointer.clone())
    }
    /// Names the object and the value in it.
    pub fn on(mut self, resource: &Resource, path: impl Into<String>) -> Draft {
        self.resource = Some(resource.id());
        self.path = Some(path.into());
        self
    }
}
