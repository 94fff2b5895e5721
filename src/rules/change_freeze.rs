//! # change-freeze
//!
//! ## What
//!
//! With `--base`: what an environment renders to changes inside a window of `freeze` (or outside of every window of kind `allow`). Comments and the order of keys are no change. A freeze that begins within a day is announced (info). `breakGlass: {trailer: Emergency-Change}` lets a change pass whose commit carries that trailer; it is reported as a warning, always. A check does not run again by itself: one that was green before the freeze stays green, so run it in a merge queue or on a schedule.
//!
//! ## Why
//!
//! During a freeze nobody is there to see what breaks.
//!
//! ## Example
//!
//! ```yaml
//! # .gitops-lint.yaml
//! freeze:
//!   - {name: year end, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin, environments: [production]}
//!   - {name: weekends, schedule: "0 16 * * 5", duration: 64h, timeZone: Europe/Berlin}
//! ```
//!
//! ## Fix
//!
//! Wait until the freeze is over, or break the glass.
//!
//! ## Options
//!
//! None: `freeze` and `breakGlass` are keys of the configuration.

use std::collections::BTreeSet;

use globset::{Glob, GlobSetBuilder};
use jiff::Timestamp;

use super::availability::matches;
use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::calendar;
use crate::config::Freeze;
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::source::git::Person;
use crate::yaml::Origin;

/// See the documentation above.
pub struct ChangeFreeze;

const METADATA: Metadata = Metadata {
    id: "change-freeze",
    category: Category::Governance,
    level: "error; needs a base revision and `freeze`",
    severity: Severity::Error,
    summary: "a change of what production renders to while a freeze is on",
    options: &[],
    source: include_str!("change_freeze.rs"),
};

/// How long before it begins a freeze is announced, in seconds.
const AHEAD: i64 = 24 * 60 * 60;

impl Rule for ChangeFreeze {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let (Some(now), Some(_)) = (&context.now, context.base) else { return };
        let windows: Vec<&Freeze> = context.config.freeze.iter().filter(|freeze| holds_for(context, freeze, overlay)).collect();
        if windows.is_empty() {
            return;
        }
        let changes = context.changes(overlay);
        let Some((origin, resource, path)) = context.first_change(overlay, &changes) else { return };
        let windows: Vec<&Freeze> = windows.into_iter().filter(|freeze| !is_exempt(context, freeze, overlay, origin)).collect();
        let environment = context.side(overlay);
        let draft = |severity, message: String, freeze: &Freeze| {
            let draft = Draft::new(severity, origin, message).related(freeze.origin, format!("the freeze `{}`", freeze.name));
            Draft { resource: Some(resource.clone()), path: Some(path.clone()), ..draft }
        };
        let denied = windows.iter().filter(|freeze| !freeze.allow).find_map(|freeze| Some((*freeze, freeze.window.open_until(now)?)));
        let mut allowed = windows.iter().filter(|freeze| freeze.allow).peekable();
        let closed = allowed.peek().copied().copied().filter(|_| !allowed.any(|freeze| freeze.window.open_until(now).is_some()));
        let message = match (denied, closed) {
            (Some((freeze, until)), _) => {
                let until = Timestamp::from_second(until).map(|until| until.to_string()).unwrap_or_default();
                Some((
                    format!("the change alters what {environment} renders to, and the freeze `{}` is on until {until}", freeze.name),
                    freeze,
                ))
            }
            (None, Some(freeze)) => {
                Some((format!("the change alters what {environment} renders to, outside of the window `{}`", freeze.name), freeze))
            }
            (None, None) => None,
        };
        match (message, glass(context)) {
            (Some((message, freeze)), Some(reason)) => {
                let draft = draft(Severity::Warning, format!("{message}: let through for {reason}"), freeze);
                sink.report(context, Some(overlay), draft);
            }
            (Some((message, freeze)), None) => {
                let help = match &context.config.break_glass {
                    Some(trailer) => format!("wait until it is over, or add the trailer `{trailer}: REASON` to a commit"),
                    None => "wait until it is over".to_string(),
                };
                sink.report(context, Some(overlay), draft(Severity::Error, message, freeze).help(help));
            }
            (None, _) => {
                let soon = windows.iter().filter(|freeze| !freeze.allow);
                let soon =
                    soon.filter_map(|freeze| Some((*freeze, freeze.window.opens_within(now, AHEAD)?))).min_by_key(|(_, ahead)| *ahead);
                if let Some((freeze, ahead)) = soon {
                    let message = format!("the freeze `{}` of {environment} starts in {}", freeze.name, calendar::spoken(ahead));
                    sink.report(context, Some(overlay), draft(Severity::Info, message, freeze));
                }
            }
        }
    }
}

fn holds_for(context: &Context, freeze: &Freeze, overlay: &Overlay) -> bool {
    let environment = match &freeze.environments[..] {
        [] => context.repo.protected(overlay),
        names => context.repo.environment(overlay).is_some_and(|environment| names.contains(&environment.name)),
    };
    environment && (freeze.apps.is_empty() || freeze.apps.iter().any(|app| matches(app, &overlay.app)))
}

/// Whether the authors of all that touches the overlay, or all the files of it that were touched, are exempt.
fn is_exempt(context: &Context, freeze: &Freeze, overlay: &Overlay, origin: Origin) -> bool {
    let files = |id: crate::yaml::FileId| context.repo.files.get(id).path.to_string();
    let read: BTreeSet<String> = overlay.rendered.files.iter().map(|file| files(*file)).collect();
    let touching: Vec<_> = context.authorship.commits.iter().filter(|one| one.paths.iter().any(|path| read.contains(path))).collect();
    let by = |person: &Person| freeze.except_authors.iter().any(|author| matches(author, &person.name) || matches(author, &person.email));
    if !touching.is_empty() && touching.iter().all(|one| by(&one.commit.author)) {
        return true;
    }
    let mut globs = GlobSetBuilder::new();
    for path in freeze.except_paths.iter().filter_map(|path| Glob::new(path).ok()) {
        globs.add(path);
    }
    let Ok(globs) = globs.build() else { return false };
    let touched: BTreeSet<&String> = touching.iter().flat_map(|one| &one.paths).filter(|path| read.contains(*path)).collect();
    if touched.is_empty() { globs.is_match(files(origin.file)) } else { touched.iter().all(|path| globs.is_match(path)) }
}

/// The reason that the trailer of a commit gives.
fn glass(context: &Context) -> Option<String> {
    let trailer = context.config.break_glass.as_ref()?;
    let reason = |line: &str| {
        let (key, reason) = line.split_once(':')?;
        (key.trim().eq_ignore_ascii_case(trailer) && !reason.trim().is_empty()).then(|| reason.trim().to_string())
    };
    context.authorship.commits.iter().find_map(|one| one.commit.message.lines().find_map(reason))
}
