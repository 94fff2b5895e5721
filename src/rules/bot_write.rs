//! # bot-write
//!
//! ## What
//!
//! With `--base`: a bot changes what a protected environment renders to. Whom the CI system names is looked at first (`GITHUB_ACTOR`, the event's pull request, `GITLAB_USER_LOGIN`), then the authors of the commits that touch a file of the overlay; the message says which of the two spoke, as anybody can write any author into a commit. Merge commits and edits that leave the rendering alone do not count.
//!
//! ## Why
//!
//! Automation that may write to dev must not be able to write to production: nobody decided that the build goes there.
//!
//! ## Example
//!
//! ```text
//! Author: shop-ci[bot] <shop-ci[bot]@users.noreply.github.com>
//!     apps/api/overlays/production/kustomization.yaml
//! ```
//!
//! ## Fix
//!
//! Let a person promote, or narrow what the bot may write. `bots` in the configuration names the bots; without it these are `*[bot]`, `*-bot` and the usual names of Flux, Argo CD Image Updater, Renovate and Dependabot.
//!
//! ## Options
//!
//! None.

use super::availability::matches;
use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::source::git::{Person, short};

/// See the documentation above.
pub struct BotWrite;

const METADATA: Metadata = Metadata {
    id: "bot-write",
    category: Category::Governance,
    level: "error in protected environments; needs a base revision",
    severity: Severity::Error,
    summary: "a bot that changes what production renders to",
    options: &[],
    source: include_str!("bot_write.rs"),
};

/// Names and addresses of bots, when the configuration names none.
const BOTS: &[&str] = &[
    "*[bot]",
    "*[bot]@*",
    "*-bot",
    "*-bot@*",
    "fluxcdbot*",
    "argocd-image-updater*",
    "renovate",
    "renovate@*",
    "dependabot*",
    "github-actions*",
];

impl Rule for BotWrite {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let authorship = &context.authorship;
        let nobody = authorship.actors.is_empty() && authorship.commits.is_empty();
        if nobody || !context.repo.protected(overlay) {
            return;
        }
        let changes = context.changes(overlay);
        let Some((origin, resource, path)) = context.first_change(overlay, &changes) else { return };
        let Some(who) = actor(context).or_else(|| author(context, overlay)) else { return };
        let message = format!("{who} changes what {} renders to", context.side(overlay));
        let draft = Draft::new(Severity::Error, origin, message).help("let a person make this change, or keep the bot out of this folder");
        sink.report(context, Some(overlay), Draft { resource: Some(resource), path: Some(path), ..draft });
    }
}

fn is_bot(context: &Context, name: &str) -> bool {
    let name = name.to_lowercase();
    let bot = |pattern: &str| matches(&pattern.to_lowercase(), &name);
    if context.config.bots.is_empty() {
        BOTS.iter().any(|pattern| bot(pattern))
    } else {
        context.config.bots.iter().any(|pattern| bot(pattern))
    }
}

/// The bot that the CI system names.
fn actor(context: &Context) -> Option<String> {
    let (name, told_by) = context.authorship.actors.iter().find(|(name, _)| is_bot(context, name))?;
    Some(format!("the bot {name} (as {told_by} says)"))
}

/// The bot that wrote a commit which touches the overlay.
fn author(context: &Context, overlay: &Overlay) -> Option<String> {
    let bot = |person: &Person| is_bot(context, &person.name) || is_bot(context, &person.email);
    let before = context.at_base(overlay);
    let read = |path: &str| {
        let known = |overlay: &Overlay| overlay.rendered.files.iter().any(|file| *context.repo.files.get(*file).path == *path);
        known(overlay) || before.is_some_and(known)
    };
    let touches = |paths: &std::collections::BTreeSet<String>| paths.iter().any(|path| read(path));
    let found = context.authorship.commits.iter().find(|one| bot(&one.commit.author) && touches(&one.paths))?;
    let (author, commit) = (&found.commit.author, short(&found.commit.id));
    Some(format!("the bot {} <{}> (by the author of commit {commit}, which is not proved)", author.name, author.email))
}
