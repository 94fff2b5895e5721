//! # change-freeze
//!
//! ## What
//!
//! A change alters the rendered objects of an environment during a freeze. Comments and the order
//! of keys do not count. The rule needs a base revision (`--base`) and at least one window from
//! these sources:
//!
//! - `freeze` in the configuration. Within a `deny` window nothing may change. If there are
//!   `allow` windows, changes are only allowed within them. An open `deny` window wins over an
//!   `allow` window. Windows apply to all apps of the protected environments unless they name apps
//!   or environments.
//! - `syncWindows` of Argo CD AppProjects in the repository, for the Applications that they
//!   select.
//! - Schedules of GitOps Promoter (`ScheduledCommitStatus`).
//!
//! The windows of Argo CD and GitOps Promoter do not prevent the merge. Everything that is merged
//! during such a freeze is applied at once when the freeze ends.
//!
//! Schedules in cron format (`schedule`) and iCalendar recurrence rules (`rrule`, counted from
//! `from` if it is set) are evaluated in the time zone of the window, so daylight saving time is
//! correct.
//!
//! A change during a freeze of the configuration is an error. A change at a time that an AppProject
//! or ScheduledCommitStatus does not allow is an info, once for each window: such a window often
//! only limits the agent and not the merge. The rule also reports:
//!
//! - An unreadable time zone, schedule or duration of an AppProject or ScheduledCommitStatus is an
//!   error, because Argo CD would use UTC or ignore the window. In the configuration, it ends the
//!   check with status 2.
//! - A freeze that begins within 24 hours is an info.
//! - If one of the commits has the trailer of `breakGlass: {trailer: Emergency-Change}`, the change
//!   may pass the freeze, but it is always reported.
//!
//! `except` exempts changes that only touch certain paths or that only certain authors made.
//!
//! A check that passed before the freeze began stays green, because CI does not run it again. Use a
//! merge queue, or run the check on a schedule. `--now TIME` evaluates another time.
//!
//! A change also counts if it cannot be rendered: another revision of a remote base or chart, another
//! plugin, or other settings of the Argo CD or Flux object that applies the overlay. A freeze that the
//! change itself removes or shortens still counts as it is at the base.
//!
//! ## Why
//!
//! During a freeze nobody is there to notice what breaks.
//!
//! ## Example
//!
//! ```yaml
//! # .gitops-lint.yaml
//! freeze:
//!   - {name: year end, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin, environments: [production]}
//!   - {name: weekends, schedule: "0 16 * * 5", duration: 64h, timeZone: Europe/Berlin}
//!   - {name: end of month, rrule: "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=12", duration: 3d, timeZone: America/New_York}
//!   - {name: audit, rrule: "FREQ=WEEKLY;INTERVAL=2", from: 2027-01-15T18:00, duration: 12h, timeZone: Europe/Berlin}
//!   - {name: business hours only, kind: allow, schedule: "0 9 * * 1-4", duration: 8h, except: {authors: ["oncall@acme.example"]}}
//! ```
//!
//! ## Fix
//!
//! Wait until the freeze is over. In an emergency, add the break-glass trailer to a commit.

mod windows;

use std::collections::BTreeSet;

use jiff::ZonedDateTime;

use windows::Declared;

use crate::calendar::{self, Window};
use crate::config::Freeze;
use crate::finding::{Cause, Severity};
use crate::kustomize::{Problem, ProblemKind, ResourceId};
use crate::repo::Overlay;
use crate::rules::engine::context::applying::agents_of;
use crate::rules::shared::apps::{self, Named};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::git::Person;
use crate::yaml::{FileId, Origin};

/// See the documentation above.
pub(super) struct ChangeFreeze;

static METADATA: Metadata = Metadata {
    id: "change-freeze",
    category: Category::Governance,
    level: "error in a configured freeze, info in windows of Argo CD and GitOps Promoter; needs a base revision",
    severity: Severity::Error,
    summary: "a change to production during a freeze",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

/// The time before its beginning at which a freeze is announced, in seconds.
const AHEAD: i64 = 24 * 60 * 60;

impl Rule for ChangeFreeze {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let (declared, wrong) = windows::declared(context);
        for (control, draft) in wrong {
            sink.report(context, control.overlay, draft);
        }
        apps::report_unknown(context, named_apps(&context.config.freeze), sink);
        let (Some(now), Some(_)) = (&context.now, context.base) else {
            return;
        };
        let configured: Vec<Gate> = context
            .config
            .freeze
            .iter()
            .map(|freeze| Gate::of_configuration(freeze, now))
            .collect();
        let ended: Vec<Gate> = ended(context)
            .map(|freeze| Gate::of_configuration(freeze, now))
            .collect();
        let declared: Vec<Gate> = declared
            .iter()
            .map(|declared| Gate::of_repo(declared, now))
            .collect();
        if configured.is_empty() && ended.is_empty() && declared.is_empty() {
            return;
        }
        let groups = [configured, ended, declared];
        let glass = glass(context);
        let mut unfrozen = None;
        let mut informed: BTreeSet<(FileId, u32)> = BTreeSet::new();
        let gone = context.gone();
        for overlay in context.repo.overlays.iter().chain(gone.iter().copied()) {
            let gates = groups
                .iter()
                .map(|gates| {
                    gates
                        .iter()
                        .filter(|gate| gate.holds_for(context, overlay))
                        .collect()
                })
                .collect::<Vec<Vec<&Gate>>>();
            if gates.iter().all(Vec::is_empty) {
                continue;
            }
            let rendered = context.first_change(overlay);
            let unrendered = || Some((unrendered_change(context, overlay)?, None));
            let changed = rendered
                .map(|(origin, resource, path)| (origin, Some((resource, path))))
                .or_else(unrendered);
            let Some((origin, value)) = changed else {
                continue;
            };
            let altered = Altered {
                context,
                overlay,
                origin,
                value,
            };
            if !altered.report_closed(&gates, glass.as_deref(), &mut informed, sink) {
                unfrozen = unfrozen.or(Some((overlay, origin)));
                altered.report_soon(&gates, sink);
            }
        }
        let glass = glass.filter(|_| sink.findings.is_empty());
        if let Some((reason, (overlay, origin))) = glass.zip(unfrozen) {
            let message =
                format!("a commit has a break-glass trailer ({reason}), but no freeze is active");
            let cause = Cause::new("needless-trailer").with(reason);
            let draft = Draft::new(Severity::Info, origin, cause, message);
            let draft = draft.help("remove the trailer").notice();
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// The windows of the base, if the change alters them: it cannot end the freeze that it is merged in.
fn ended<'r>(context: &'r Context) -> impl Iterator<Item = &'r Freeze> {
    let own = &context.config.freeze;
    let before = context.base_config.as_ref();
    let before = before.map_or(&[][..], |(config, _)| &config.freeze);
    let alike = |one: &Freeze, other: &Freeze| {
        (&one.name, &one.window, one.allow) == (&other.name, &other.window, other.allow)
            && (&one.environments, &one.apps) == (&other.environments, &other.apps)
            && (&one.except_authors, &one.except_paths)
                == (&other.except_authors, &other.except_paths)
    };
    let same =
        before.len() == own.len() && before.iter().zip(own).all(|(one, other)| alike(one, other));
    before.iter().filter(move |_| !same)
}

/// An overlay that the change alters, with its first changed value.
struct Altered<'r, 'a> {
    context: &'r Context<'a>,
    overlay: &'r Overlay,
    origin: Origin,
    /// The object and the path of the value, if the change is one of what is rendered.
    value: Option<(ResourceId, String)>,
}

/// The line of a change that cannot be rendered: another revision of a remote base or chart, another
/// plugin, or settings of the agent that applies the overlay.
fn unrendered_change(context: &Context, overlay: &Overlay) -> Option<Origin> {
    let before = context.at_base(overlay)?;
    let told = |problem: &Problem| {
        matches!(
            problem.kind,
            ProblemKind::Error
                | ProblemKind::NeedsPlugin
                | ProblemKind::RemotePinned
                | ProblemKind::RemoteUnpinned
        )
    };
    let known: BTreeSet<&str> = before
        .rendered
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let mut problems = overlay.rendered.problems.iter().filter(|one| told(one));
    let new = problems
        .clone()
        .find(|problem| !known.contains(problem.message.as_str()));
    let touched = || {
        let first = problems.next()?;
        (!context.touched(overlay).is_empty()).then_some(first.origin)
    };
    new.map(|problem| problem.origin)
        .or_else(touched)
        .or_else(|| changed_agent(context, overlay))
}

/// The line of an agent's object that applies an overlay and that the change alters.
fn changed_agent(context: &Context, overlay: &Overlay) -> Option<Origin> {
    let base = context.base?;
    let before: Vec<_> = base
        .pointers()
        .iter()
        .filter(|pointer| pointer.folder == overlay.path)
        .collect();
    let agents = agents_of(context, overlay);
    let mut changed = agents.iter().filter(|pointer| {
        let mut same = before
            .iter()
            .filter(|old| old.agent.name == pointer.agent.name);
        !same.any(|old| old.object.same_value(&pointer.object))
    });
    changed.next().map(|pointer| pointer.agent.origin)
}

impl Altered<'_, '_> {
    /// Reports each source of windows that does not allow the change now. Returns true if there is
    /// one. `informed` holds the windows of AppProjects and the like that were already reported.
    fn report_closed(
        &self,
        groups: &[Vec<&Gate>],
        glass: Option<&str>,
        informed: &mut BTreeSet<(FileId, u32)>,
        sink: &mut Sink,
    ) -> bool {
        let mut is_closed = false;
        for gates in groups {
            let gates = gates.iter().copied();
            let gates: Vec<&Gate> = gates
                .filter(|gate| !gate.lets_pass(self.context, self.overlay))
                .collect();
            let Some((message, gate)) = shut(&gates, self.context.name_of(self.overlay)) else {
                continue;
            };
            is_closed = true;
            let of_repo = matches!(gate.declarer, Declarer::Repo(_));
            if of_repo && !informed.insert((gate.origin.file, gate.origin.start)) {
                continue;
            }
            let draft = match glass {
                _ if of_repo => {
                    let cause = Cause::new("outside-window").with(&gate.name);
                    self.draft(Severity::Info, (cause, message), gate)
                        .help(gate.advice(self.context))
                        .notice()
                }
                Some(reason) => {
                    let message = format!("{message}; allowed by a break-glass trailer: {reason}");
                    let cause = Cause::new("unlocked").with(&gate.name).with(reason);
                    self.draft(Severity::Warning, (cause, message), gate)
                        .notice()
                }
                None => {
                    let cause = Cause::new("frozen").with(&gate.name);
                    self.draft(Severity::Error, (cause, message), gate)
                        .help(gate.advice(self.context))
                }
            };
            sink.report(self.context, Some(self.overlay), draft);
        }
        is_closed
    }

    /// Announces the next freeze if it starts within 24 hours.
    fn report_soon(&self, groups: &[Vec<&Gate>], sink: &mut Sink) {
        let next = groups
            .iter()
            .flatten()
            .filter(|gate| !gate.allow && !gate.lets_pass(self.context, self.overlay))
            .filter_map(|gate| Some((gate, gate.opens_in?)))
            .min_by_key(|(_, ahead)| *ahead);
        let Some((gate, ahead)) = next else { return };
        let message = format!(
            "this change alters {}, and the {} starts in {}",
            self.context.name_of(self.overlay),
            gate.name,
            calendar::spoken(ahead)
        );
        let cause = Cause::new("freeze-ahead").with(&gate.name);
        let draft = self.draft(Severity::Info, (cause, message), gate).notice();
        sink.report(self.context, Some(self.overlay), draft);
    }

    fn draft(&self, severity: Severity, (cause, message): (Cause, String), gate: &Gate) -> Draft {
        let draft = Draft::new(severity, self.origin, cause, message)
            .related(gate.origin, format!("the {}", gate.name));
        let (resource, path) = self.value.clone().unzip();
        Draft {
            resource,
            path,
            ..draft
        }
    }
}

/// A window, and whether it is open now.
struct Gate<'w> {
    name: String,
    allow: bool,
    window: &'w Window,
    origin: Origin,
    /// The time at which it closes.
    until: Option<i64>,
    /// The seconds until it opens, if that is soon.
    opens_in: Option<i64>,
    declarer: Declarer<'w>,
}

#[derive(Clone, Copy)]
enum Declarer<'w> {
    Configuration(&'w Freeze),
    Repo(&'w Declared<'w>),
}

impl<'w> Gate<'w> {
    fn of_configuration(freeze: &'w Freeze, now: &ZonedDateTime) -> Gate<'w> {
        let name = if freeze.allow {
            format!("window `{}`", freeze.name)
        } else {
            format!("freeze `{}`", freeze.name)
        };
        Gate {
            name,
            allow: freeze.allow,
            window: &freeze.window,
            origin: freeze.origin,
            until: freeze.window.open_until(now),
            opens_in: freeze.window.opens_within(now, AHEAD),
            declarer: Declarer::Configuration(freeze),
        }
    }

    fn of_repo(declared: &'w Declared<'w>, now: &ZonedDateTime) -> Gate<'w> {
        Gate {
            name: declared.name.clone(),
            allow: declared.allow,
            window: &declared.window,
            origin: declared.origin,
            until: declared.window.open_until(now),
            opens_in: declared.window.opens_within(now, AHEAD),
            declarer: Declarer::Repo(declared),
        }
    }

    fn holds_for(&self, context: &Context, overlay: &Overlay) -> bool {
        match self.declarer {
            Declarer::Configuration(freeze) => {
                let environment = match &freeze.environments[..] {
                    [] => context.repo.protected(overlay),
                    names => context
                        .repo
                        .environment(overlay)
                        .is_some_and(|environment| names.contains(&environment.name)),
                };
                environment
                    && (freeze.apps.is_empty()
                        || freeze.apps.iter().any(|app| app.matches(&overlay.app)))
            }
            Declarer::Repo(declared) => {
                context.repo.protected(overlay) && declared.holds_for(context, overlay)
            }
        }
    }

    /// True if `except` exempts the change of an overlay: all changed files, or all of their
    /// authors.
    fn lets_pass(&self, context: &Context, overlay: &Overlay) -> bool {
        let Declarer::Configuration(freeze) = self.declarer else {
            return false;
        };
        if freeze.except_authors.is_empty() && freeze.except_paths.is_empty() {
            return false;
        }
        let touched = context.touched(overlay);
        let is_excepted =
            |path: &String| freeze.except_paths.iter().any(|glob| glob.is_match(path));
        if !touched.is_empty() && touched.iter().all(is_excepted) {
            return true;
        }
        let by = |name: &str| {
            freeze
                .except_authors
                .iter()
                .any(|author| author.matches(name))
        };
        let person = |person: &Person| by(&person.name) || by(&person.email);
        let commits = context
            .authorship
            .commits
            .iter()
            .filter(|one| one.paths.iter().any(|path| touched.contains(path)));
        let commits: Vec<_> = commits.collect();
        context
            .authorship
            .actors
            .iter()
            .any(|actor| by(&actor.name))
            || (!commits.is_empty() && commits.iter().all(|one| person(&one.commit.author)))
    }

    fn advice(&self, context: &Context) -> String {
        let glass = context.config.break_glass.as_ref();
        let glass = glass
            .map(|trailer| format!(", or add the trailer `{trailer}: REASON` to a commit"))
            .unwrap_or_default();
        match self.declarer {
            Declarer::Configuration(freeze) => format!(
                "wait until it {}{glass}",
                if freeze.allow { "opens" } else { "ends" }
            ),
            Declarer::Repo(declared) => {
                let hand = if declared.by_hand {
                    "; a manual sync still goes through"
                } else {
                    ""
                };
                let holder = declared.holder();
                let when = if declared.allow { "is open" } else { "is over" };
                format!(
                    "merge it when the window {when}: until then {holder} holds it back, and then applies everything that was merged at once{glass}{hand}"
                )
            }
        }
    }
}

/// The message why an environment must not change now, and the window that forbids it.
fn shut<'g, 'w>(gates: &[&'g Gate<'w>], environment: &str) -> Option<(String, &'g Gate<'w>)> {
    let what = format!("this change alters {environment}");
    if let Some((gate, until)) = gates
        .iter()
        .filter(|gate| !gate.allow)
        .find_map(|gate| Some((*gate, gate.until?)))
    {
        return Some((
            format!(
                "{what} during the {} (until {})",
                gate.name,
                gate.window.shown(until)
            ),
            gate,
        ));
    }
    let mut allowed = gates.iter().copied().filter(|gate| gate.allow).peekable();
    let first = allowed.peek().copied()?;
    let open = allowed.any(|gate| gate.until.is_some());
    (!open).then(|| (format!("{what} outside of the {}", first.name), first))
}

/// The apps that freezes name.
fn named_apps(freezes: &[Freeze]) -> impl Iterator<Item = Named<'_>> {
    freezes.iter().flat_map(|freeze| {
        let named = |app| Named {
            entry: format!("the freeze `{}`", freeze.name),
            origin: freeze.origin,
            app,
        };
        freeze.apps.iter().map(named)
    })
}

/// The reason that the trailer of a commit gives. Trailers are the last paragraph of a message.
fn glass(context: &Context) -> Option<String> {
    // a trailer that only the change itself introduces opens nothing
    let at_base = context.base_config.as_ref().map(|(config, _)| config);
    let config = at_base
        .filter(|config| !config.freeze.is_empty())
        .unwrap_or(context.config);
    let trailer = config.break_glass.as_ref()?;
    let reason = |line: &str| {
        let (key, reason) = line.split_once(':')?;
        (key.trim().eq_ignore_ascii_case(trailer) && !reason.trim().is_empty())
            .then(|| reason.trim().to_string())
    };
    context.authorship.commits.iter().find_map(|one| {
        let text = one.commit.message.replace("\r\n", "\n");
        let last = text.trim_end().rsplit("\n\n").next()?;
        last.lines().find_map(reason)
    })
}
