//! Windows for changes that objects in the repo declare: AppProjects of Argo CD and
//! ScheduledCommitStatuses of GitOps Promoter. Not here: the windows of the configuration
//! (`config`), the findings for a closed window (`change_freeze`).
//!
//! Source: `AppProject.spec.syncWindows` of Argo CD and `ScheduledCommitStatus` of GitOps Promoter.

use jiff::tz::TimeZone;

use crate::calendar::{self, CalendarError, Dialect, Schedule, Window};
use crate::finding::{Cause, Severity};
use crate::glob::{self, Stars};
use crate::repo::agents::Pointer;
use crate::repo::{AgentKind, Overlay};
use crate::rules::engine::context::applying::agents_of;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Context, Draft};
use crate::yaml::{Node, Origin};

/// A window of an object of the repo.
pub(super) struct Declared<'a> {
    /// The object.
    pub control: Control<'a>,
    /// Its name in messages: ``sync window `0 22 * * *` of AppProject shop``.
    pub name: String,
    /// True if changes are only applied within the window; false if they are only applied outside.
    pub allow: bool,
    /// The times at which it is open.
    pub window: Window,
    /// True if a manual sync is always possible.
    pub by_hand: bool,
    /// The entry.
    pub origin: Origin,
    scope: Scope<'a>,
}

/// The overlays that a window applies to.
enum Scope<'a> {
    /// The Applications of the project that the window selects.
    Project(&'a Node),
    /// An environment by the name of its branch.
    Branch(&'a str),
}

/// Findings about windows that cannot be read, each with the object of the window.
type Wrong<'a> = Vec<(Control<'a>, Draft)>;

/// Every window that can be read, and findings about the others.
pub(super) fn declared<'a>(context: &Context<'a>) -> (Vec<Declared<'a>>, Wrong<'a>) {
    let (mut windows, mut wrong) = (Vec::new(), Vec::new());
    for control in context.controls() {
        if control.is("AppProject", "argoproj.io") {
            project(*control, &mut windows, &mut wrong);
        } else if control.is("ScheduledCommitStatus", "promoter.argoproj.io") {
            promoter(*control, &mut windows, &mut wrong);
        } else if ["ProjectConfig", "ClusterConfig"]
            .iter()
            .any(|kind| control.is(kind, "kargo.akuity.io"))
        {
            kargo(*control, &mut wrong);
        }
    }
    (windows, wrong)
}

/// Reads `spec.syncWindows` of an AppProject. If Argo CD does not know the time zone, it only logs
/// that and uses UTC.
fn project<'a>(control: Control<'a>, windows: &mut Vec<Declared<'a>>, wrong: &mut Wrong<'a>) {
    let nodes = control.node.at(&["spec", "syncWindows"]);
    for node in nodes.map_or(&[][..], Node::items) {
        match sync_window(control, node) {
            Ok(declared) => windows.push(declared),
            Err(drafts) => wrong.extend(drafts.into_iter().map(|draft| (control, draft))),
        }
    }
}

/// An entry of `spec.syncWindows`, or everything that is wrong with it.
fn sync_window<'a>(control: Control<'a>, node: &'a Node) -> Result<Declared<'a>, Vec<Draft>> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let refuse = |key: &str, message: String, help: &str| {
        let place = node.get(key).map_or(node.origin, |value| value.origin);
        invalid(key, text(key), place, message).help(help)
    };
    let allow = match text("kind") {
        Some("allow") => true,
        Some("deny") => false,
        other => {
            let message = format!(
                "AppProject `{}` has a sync window of kind `{}`, which is neither `allow` nor `deny`",
                control.name(),
                other.unwrap_or_default()
            );
            let help = "set `kind: deny` or `kind: allow`";
            return Err(vec![refuse("kind", message, help)]);
        }
    };
    let zone = text("timeZone").filter(|name| !name.is_empty());
    let zone = zone.map_or(Ok(TimeZone::UTC), calendar::zone);
    let zone = zone.map_err(|error| {
        let message = format!(
            "{}: Argo CD uses UTC instead and only logs it",
            error.message
        );
        vec![refuse("timeZone", message, &error.help)]
    })?;
    let ignored = |key: &str, error: CalendarError| {
        let message = format!("{}, so Argo CD ignores this window", error.message);
        refuse(key, message, &error.help)
    };
    let schedule = Schedule::read(text("schedule").unwrap_or_default(), Dialect::Robfig);
    let duration = calendar::go_duration(text("duration").unwrap_or_default());
    let (schedule, duration) = match (schedule, duration) {
        (Ok(schedule), Ok(duration)) => (schedule, duration),
        (schedule, duration) => {
            let schedule = schedule.err().map(|error| ignored("schedule", error));
            let duration = duration.err().map(|error| ignored("duration", error));
            return Err(schedule.into_iter().chain(duration).collect());
        }
    };
    let by_hand = node.get("manualSync").and_then(Node::as_bool);
    Ok(Declared {
        control,
        name: format!(
            "sync window `{}` of AppProject `{}`",
            text("schedule").unwrap_or_default(),
            control.name()
        ),
        allow,
        window: Window::Recurring {
            schedule,
            duration,
            zone,
        },
        by_hand: by_hand.unwrap_or(false),
        origin: node.origin,
        scope: Scope::Project(node),
    })
}

/// Reads `spec.allow` and `spec.exclude` of a ScheduledCommitStatus, and the same fields of each
/// listed environment. Environments that are not listed have no window.
fn promoter<'a>(control: Control<'a>, windows: &mut Vec<Declared<'a>>, wrong: &mut Wrong<'a>) {
    let Some(spec) = control.node.get("spec") else {
        return;
    };
    for environment in spec.get("environments").map_or(&[][..], Node::items) {
        let Some(branch) = environment.get("branch").and_then(Node::text) else {
            continue;
        };
        for (key, allow) in [("allow", true), ("exclude", false)] {
            let lists = [environment, spec]
                .into_iter()
                .filter_map(|node| node.get(key));
            for node in lists.flat_map(Node::items) {
                let zone = [node, environment, spec]
                    .iter()
                    .find_map(|node| node.get("timezone"));
                let entry = CommitWindow {
                    control,
                    branch,
                    allow,
                    node,
                    zone,
                };
                match entry.declared() {
                    Ok(declared) => windows.push(declared),
                    Err(drafts) => wrong.extend(drafts.into_iter().map(|draft| (control, draft))),
                }
            }
        }
    }
}

/// An entry of `allow` or `exclude` of a ScheduledCommitStatus.
struct CommitWindow<'a> {
    control: Control<'a>,
    branch: &'a str,
    allow: bool,
    node: &'a Node,
    /// Its time zone: its own, or that of what it belongs to.
    zone: Option<&'a Node>,
}

impl<'a> CommitWindow<'a> {
    /// The window, or everything that is wrong with it.
    fn declared(&self) -> Result<Declared<'a>, Vec<Draft>> {
        let text = |key: &str| self.node.get(key).and_then(Node::text).unwrap_or_default();
        let zone_name = self.zone.and_then(Node::text).unwrap_or_default();
        let zone = match self.zone {
            Some(_) => calendar::zone(zone_name),
            None => Ok(TimeZone::UTC),
        };
        let schedule = Schedule::read(text("cron"), Dialect::Robfig);
        let duration = calendar::go_duration(text("duration"));
        match (zone, schedule, duration) {
            (Ok(zone), Ok(schedule), Ok(duration)) => Ok(Declared {
                control: self.control,
                name: format!(
                    "window `{}` of ScheduledCommitStatus `{}`",
                    text("cron"),
                    self.control.name()
                ),
                allow: self.allow,
                window: Window::Recurring {
                    schedule,
                    duration,
                    zone,
                },
                by_hand: false,
                origin: self.node.origin,
                scope: Scope::Branch(self.branch),
            }),
            (zone, schedule, duration) => {
                let zone = zone
                    .err()
                    .map(|error| self.ignored("timezone", zone_name, error));
                let schedule = schedule.err();
                let schedule = schedule.map(|error| self.ignored("cron", text("cron"), error));
                let duration = duration.err();
                let duration =
                    duration.map(|error| self.ignored("duration", text("duration"), error));
                Err([zone, schedule, duration].into_iter().flatten().collect())
            }
        }
    }

    /// A field because of which GitOps Promoter ignores the window.
    fn ignored(&self, field: &str, value: &str, error: CalendarError) -> Draft {
        let place = match field {
            "timezone" => self.zone,
            _ => self.node.get(field),
        };
        let origin = place.map_or(self.node.origin, |place| place.origin);
        let message = format!(
            "{}, so ScheduledCommitStatus `{}` ignores this window",
            error.message,
            self.control.name()
        );
        invalid(field, Some(value), origin, message).help(error.help)
    }
}

/// A field of a window that its controller cannot read.
fn invalid(field: &str, value: Option<&str>, origin: Origin, message: String) -> Draft {
    let cause = Cause::new("invalid-window").with(field);
    let cause = cause.with(value.unwrap_or_default());
    Draft::new(Severity::Error, origin, cause, message)
}

/// `spec.promotionWindows` of Kargo, which its open-source release ignores.
fn kargo<'a>(control: Control<'a>, wrong: &mut Wrong<'a>) {
    if let Some(windows) = control
        .node
        .at(&["spec", "promotionWindows"])
        .filter(|windows| !windows.items().is_empty())
    {
        let message = format!(
            "the open-source release of Kargo ignores the promotion windows of `{}`",
            control.name()
        );
        let help = "add the window under `freeze` in .gitops-lint.yaml as well";
        wrong.push((
            control,
            Draft::new(
                Severity::Info,
                windows.origin,
                Cause::new("ignored-windows"),
                message,
            )
            .help(help)
            .notice(),
        ));
    }
}

impl Declared<'_> {
    /// The controller that delays merged changes.
    pub(super) fn holder(&self) -> &'static str {
        match self.scope {
            Scope::Project(_) => "Argo CD",
            Scope::Branch(_) => "GitOps Promoter",
        }
    }

    /// True if the window applies to an overlay.
    pub(super) fn holds_for(&self, context: &Context, overlay: &Overlay) -> bool {
        match self.scope {
            Scope::Project(window) => {
                let agents = agents_of(context, overlay);
                let mut agents = agents
                    .iter()
                    .filter(|pointer| pointer.agent.kind == AgentKind::ArgoCd);
                agents
                    .any(|pointer| self.is_of_project(pointer) && selects(window, &pointer.object))
            }
            Scope::Branch(branch) => {
                let strategy = self
                    .control
                    .text(&["spec", "promotionStrategyRef", "name"])
                    .unwrap_or_default();
                // a strategy with the name of an app belongs to that app
                let of_app = context
                    .repo
                    .overlays
                    .iter()
                    .any(|other| other.app == strategy);
                let mut words = branch.split(['/', '-', '_', '.']);
                let environment = context.repo.environment(overlay);
                (!of_app || overlay.app == strategy)
                    && environment
                        .is_some_and(|environment| words.any(|word| environment.is_called(word)))
            }
        }
    }

    fn is_of_project(&self, pointer: &Pointer) -> bool {
        let project = pointer
            .object
            .at(&["spec", "project"])
            .and_then(Node::text)
            .filter(|name| !name.is_empty());
        project.unwrap_or("default") == self.control.name()
            && self.control.reaches(pointer.environment())
    }
}

/// True if a sync window selects an Application: any of its lists, or with `andOperator` all that
/// are given.
fn selects(window: &Node, application: &Node) -> bool {
    let text = |path: &[&str]| {
        application
            .at(path)
            .and_then(Node::text)
            .unwrap_or_default()
    };
    let lists: [(&str, &[&str]); 3] = [
        ("applications", &[text(&["metadata", "name"])]),
        ("namespaces", &[text(&["spec", "destination", "namespace"])]),
        (
            "clusters",
            &[
                text(&["spec", "destination", "name"]),
                text(&["spec", "destination", "server"]),
            ],
        ),
    ];
    let given = lists.into_iter().filter_map(|(key, values)| {
        Some((
            window
                .get(key)
                .map(Node::items)
                .filter(|items| !items.is_empty())?,
            values,
        ))
    });
    let mut fits = given.map(|(patterns, values)| {
        let fits = |pattern: &str| {
            let glob = glob::compile(pattern, Stars::AcrossFolders);
            values.iter().any(|value| {
                !value.is_empty()
                    && (pattern == *value || glob.as_ref().is_ok_and(|glob| glob.is_match(value)))
            })
        };
        patterns.iter().filter_map(Node::text).any(fits)
    });
    match window.get("andOperator").and_then(Node::as_bool) {
        Some(true) => {
            let all: Vec<bool> = fits.collect();
            !all.is_empty() && all.into_iter().all(|fits| fits)
        }
        _ => fits.any(|fits| fits),
    }
}
