//! # bot-write
//!
//! ## What
//!
//! A bot changes the rendered objects of a protected environment. Comments and the order of keys do
//! not count. Each bot is reported once, at the first line that it changes. The rule needs a base
//! revision (`--base`).
//!
//! The rule first asks the CI system who opened the pull request or started the run. Only then
//! does it look at the author and committer of each commit, which anybody can forge. The message
//! says which of the two it relies on.
//!
//! It is an error. It is only a warning for a *known* bot: people have merged at least three of its
//! changes of production in the last 2,000 commits of the base, so its pull requests are evidently
//! reviewed. Commits that the bot pushed to the base itself do not count. If `bots` or `promoters`
//! is configured, no bot is known in this way, and it is always an error.
//!
//! Bots are recognised by login or e-mail address: `*[bot]`, and the bots of Flux, Argo CD Image
//! Updater, Kargo, Renovate, Dependabot, GitHub Actions and GitLab access tokens. `bots` in the
//! configuration replaces this list.
//!
//! ## Why
//!
//! A person must be accountable for each change of production.
//!
//! ## Example
//!
//! ```text
//! Author: renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>
//!     apps/api/overlays/production/kustomization.yaml | newTag: 1.6.0
//! ```
//!
//! ## Fix
//!
//! Let a person make the change, or exclude this folder from the bot's configuration.

use std::collections::BTreeSet;

use crate::config::{More, RuleOption, TextsOption};
use crate::finding::{Cause, Severity};
use crate::history;
use crate::names::matches;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::git::{Person, short};

/// See the documentation above.
pub(super) struct BotWrite;

static METADATA: Metadata = Metadata {
    id: "bot-write",
    category: Category::Governance,
    level: "error in protected environments; warning for a bot that people have merged before; needs a base revision",
    severity: Severity::Error,
    summary: "a bot changes production",
    options: &[RuleOption::Texts(&PROMOTERS)],
    behavior: Metadata::USUAL,
    source: include_str!("bot_write.rs"),
};

static PROMOTERS: TextsOption = TextsOption {
    name: "promoters",
    summary: "bots that may change protected environments, such as the one that opens promotions; `*` allowed",
    default: &[],
    more: More::Loosens,
};

impl Rule for BotWrite {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let authorship = &context.authorship;
        if authorship.actors.is_empty() && authorship.commits.is_empty() {
            return;
        }
        let overlays = context.repo.overlays.iter().chain(context.gone());
        let changed = overlays.filter(|overlay| {
            context.repo.protected(overlay) && context.first_change(overlay).is_some()
        });
        let changed: Vec<&Overlay> = changed.collect();
        let Some(first) = changed.first() else { return };
        if let Some(actor) = authorship.actors.iter().find(|actor| {
            (actor.is_bot || context.config.is_bot(&actor.name))
                && !promotes(context, &[&actor.name])
        }) {
            report(
                context,
                first,
                &[&actor.name],
                &format!("the bot `{}` (according to {})", actor.name, actor.told_by),
                sink,
            );
            return;
        }
        let mut told = BTreeSet::new();
        for one in &authorship.commits {
            let commit = &one.commit;
            let people = [(&commit.author, "author"), (&commit.committer, "committer")];
            let named = |person: &Person| {
                context.config.is_bot(&person.name) || context.config.is_bot(&person.email)
            };
            let Some((person, role)) = people.into_iter().find(|(person, _)| named(person)) else {
                continue;
            };
            if promotes(context, &[&person.name, &person.email])
                || told.contains(&(&person.name, &person.email))
            {
                continue;
            }
            let touches = |overlay: &&&Overlay| {
                context
                    .touched(overlay)
                    .iter()
                    .any(|path| one.paths.contains(path))
            };
            let alters = |overlay: &&&Overlay| {
                context
                    .proofs
                    .is_none_or(|proofs| proofs.alters(&commit.id, &overlay.path))
            };
            let Some(overlay) = changed.iter().filter(touches).find(alters) else {
                continue;
            };
            told.insert((&person.name, &person.email));
            let who = format!(
                "the bot `{} <{}>` ({role} of commit {}, unverified)",
                person.name,
                person.email,
                short(&commit.id)
            );
            report(context, overlay, &[&person.email, &person.name], &who, sink);
        }
    }
}

/// Reports the change of a bot; `names` are its login, or its address and name.
fn report(context: &Context, overlay: &Overlay, names: &[&str], who: &str, sink: &mut Sink) {
    let (origin, resource, path) = match context.first_change(overlay) {
        Some((origin, resource, path)) => (origin, Some(resource), Some(path)),
        None => (overlay.origin, None, None),
    };
    let environment = context.name_of(overlay);
    let (severity, end) = if is_known(context, names) {
        (Severity::Warning, "; people have merged its changes before")
    } else {
        (Severity::Error, "")
    };
    let identity = names.first().copied().unwrap_or_default();
    let cause = Cause::new("bot").with(identity);
    let message = format!("{who} changes the rendered objects of {environment}{end}");
    let draft = Draft::new(severity, origin, cause, message)
        .help("let a person make this change; if the bot should deploy, list it in `promoters` of this rule");
    sink.report(
        context,
        Some(overlay),
        Draft {
            resource,
            path,
            ..draft
        },
    );
}

/// True if people have merged enough changes of this bot to production before. False if the
/// configuration lists bots or promoters itself.
fn is_known(context: &Context, names: &[&str]) -> bool {
    let says =
        context.config.names_bots() || !METADATA.texts(context.config, &PROMOTERS).is_empty();
    let merged = |name: &&str| {
        let precedents = &context.authorship.precedents;
        precedents.get(&name.to_lowercase()).copied().unwrap_or(0)
    };
    !says && names.iter().map(merged).max() >= Some(history::PRECEDENTS)
}

/// True if the configuration lets a bot promote.
fn promotes(context: &Context, names: &[&str]) -> bool {
    let promoters = METADATA.texts(context.config, &PROMOTERS);
    names.iter().any(|name| {
        promoters
            .iter()
            .any(|pattern| matches(&pattern.to_lowercase(), &name.to_lowercase()))
    })
}
