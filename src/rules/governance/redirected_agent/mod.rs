//! # redirected-agent
//!
//! ## What
//!
//! A change affects an Argo CD Application or Flux Kustomization that applies a folder of this
//! repository to a protected environment. The rule needs a base revision (`--base`).
//!
//! - If the object now uses another repository, source or branch, it is an error. This includes
//!   changes of the Flux source that it refers to.
//! - If the object now applies a folder that belongs to no known environment, it is an error. It is
//!   also an error if the new folder is compared with no earlier environment, but the old folder
//!   was.
//! - If the object is suspended, it is a warning.
//! - If the object is removed and its folder stays, it is a warning.
//! - If an Application is renamed, or an ApplicationSet no longer creates it, Argo CD deletes the
//!   old Application. With the resources finalizer, it also deletes everything that the Application
//!   applied. This is a warning. It is an error if an ApplicationSet created the Application and
//!   PersistentVolumeClaims, StatefulSets, Namespaces or CustomResourceDefinitions are deleted.
//! - If an object is added that applies the same folder as another one, it is an info.
//!
//! Replacing one tag or commit with another is not reported, because some teams promote that way.
//! Images in a new folder are checked like all others.
//!
//! The rule also reports settings that decide where and with which rights an agent applies things: the
//! cluster (`destination`, `kubeConfig`), the project, the service account, a plugin, a chart in place
//! of a folder, `sources` beside `source`, what a source includes or ignores, and whether it verifies
//! signatures.
//!
//! Settings that decide how an agent applies things are warnings: automatic synchronisation, pruning,
//! self-healing, `force`, waiting, the keys for sources and Secrets, and what a source fetches. All
//! other settings are an info. HelmReleases and sources that production's overlays render are
//! compared as well.
//!
//! ## Why
//!
//! Production would run something that this check has never seen. The folder in this branch may be
//! correct, but no agent applies it.
//!
//! ## Example
//!
//! ```yaml
//! kind: Application
//! spec:
//!   source:
//!     targetRevision: feature-x   # was: main
//!     path: apps/api/overlays/production
//! ```
//!
//! ## Fix
//!
//! Let production follow the branch that is checked. If the change is intended, suppress the
//! finding on that line with a reason: `# gitops-lint: ignore[redirected-agent] …`.

mod gone_application;
mod second_agent;
mod settings;
mod unrendered;

use std::collections::{BTreeSet, HashMap, HashSet};

use gone_application::{GoneApplication, same_application, set_of};

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::agents::Pointer;
use crate::repo::controls::Control;
use crate::repo::{Overlay, Repo};

use crate::rules::shared::left_alone;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct RedirectedAgent;

static METADATA: Metadata = Metadata {
    id: "redirected-agent",
    category: Category::Governance,
    level: "error; warning or info for how it applies, and if it is suspended or removed; needs a base revision",
    severity: Severity::Error,
    summary: "a change that makes an agent of production apply something that was not checked",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

impl Rule for RedirectedAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some(base) = context.base else { return };
        let mut told = BTreeSet::new();
        for (overlay, pointer) in protected_agents(base) {
            let Some(environment) = base.environment(overlay) else {
                continue;
            };
            let Some(before) = base
                .controls()
                .iter()
                .find(|control| control.node.origin == pointer.object.origin)
            else {
                let name = format!("{} in {}", pointer.agent.name, environment.name);
                for draft in made_by_a_set(context, base, (pointer, overlay), &name) {
                    if told.insert((draft.origin.file, draft.origin.start, draft.cause.clone())) {
                        sink.report(context, None, draft);
                    }
                }
                continue;
            };
            let name = format!("{} in {}", pointer.agent.name, environment.name);
            let Some(now) = counterpart(context.repo, base, before, overlay) else {
                let removed = RemovedAgent {
                    object: before,
                    folder: &overlay.path,
                    name: &name,
                };
                removed.report(context, base, sink);
                let gone = GoneApplication {
                    pointer,
                    overlay,
                    set: None,
                    name: &name,
                };
                let renamed = !context.pointers_at(&overlay.path).is_empty();
                if let Some(draft) = gone.draft(context).filter(|_| renamed) {
                    sink.report(context, None, draft);
                }
                continue;
            };
            strays(context, now, overlay, (&name, &environment.name), sink);
            let sources = source_of(base, before).into_iter();
            let sources = sources.filter_map(|source| {
                let now = counterpart(context.repo, base, source, overlay)?;
                Some((&source.node, &now.node))
            });
            // a parent may patch the object, so what it becomes counts
            let own = match as_applied(context.repo, pointer, now) {
                Some(applied) => (&pointer.object, &applied.object),
                None => (&before.node, &now.node),
            };
            for (before, now) in std::iter::once(own).chain(sources) {
                for turn in turns(before, now).into_iter().filter(|turn| {
                    told.insert((turn.origin.file, turn.origin.start, turn.cause.clone()))
                }) {
                    sink.report(context, None, turn.draft(&name));
                }
            }
        }
        let is_told = |place: Origin| {
            let within =
                |start: u32| place.start <= start && start < place.end.max(place.start + 1);
            told.iter()
                .any(|(file, start, _)| *file == place.file && within(*start))
        };
        for draft in unrendered::drafts(context, base, &is_told) {
            sink.report(context, None, draft);
        }
        for draft in second_agent::drafts(context, base) {
            sink.report(context, None, draft);
        }
        for overlay in context.judged() {
            for draft in rendered(context, base, overlay) {
                if told.insert((draft.origin.file, draft.origin.start, draft.cause.clone())) {
                    sink.report(context, Some(overlay), draft);
                }
            }
        }
    }
}

/// The agents of protected overlays. Several agents of one environment may apply a folder, each in
/// its own cluster. An overlay only lists the first of those with the same settings, so the others
/// are added here.
fn protected_agents(base: &Repo) -> Vec<(&Overlay, &Pointer)> {
    let mut by_folder: HashMap<&str, Vec<(usize, &Pointer)>> = HashMap::new();
    let real = base
        .pointers()
        .iter()
        .enumerate()
        .filter(|(_, one)| !one.assumed);
    for (index, pointer) in real {
        let here = by_folder.entry(&pointer.folder).or_default();
        here.push((index, pointer));
    }
    let applied: HashSet<usize> = base.overlays.iter().filter_map(|one| one.applied).collect();
    let mut taken: HashSet<usize> = HashSet::new();
    let mut found = Vec::new();
    for overlay in base.overlays.iter().filter(|one| base.protected(one)) {
        let here = by_folder.get(overlay.path.as_str());
        for (index, pointer) in here.map_or(&[][..], Vec::as_slice) {
            let environment = pointer.environment().or(pointer.folder_environment());
            let is_own = overlay.applied == Some(*index)
                || !applied.contains(index) && environment == overlay.environment;
            if is_own && taken.insert(*index) {
                found.push((overlay, *pointer));
            }
        }
    }
    found
}

/// Reports changes of an Application that an ApplicationSet creates.
fn made_by_a_set(
    context: &Context,
    base: &Repo,
    (before, overlay): (&Pointer, &Overlay),
    name: &str,
) -> Vec<Draft> {
    let Some(set) = set_of(base, before) else {
        return Vec::new();
    };
    let Some(now) = same_application(context.repo, before) else {
        let gone = GoneApplication {
            pointer: before,
            overlay,
            set: Some(set),
            name,
        };
        return gone.draft(context).into_iter().collect();
    };
    let mut comparison = Comparison {
        before: &before.object,
        now: &now.object,
        found: Vec::new(),
    };
    comparison.of_application();
    comparison.of_settings("Application");
    let generators = set_of(context.repo, now).and_then(|set| set.node.at(&["spec", "generators"]));
    let draft = |turn: Turn| {
        // the value is written in an element of a generator, or in the template itself
        let element = generators.and_then(|node| written(node, &turn.value));
        let message = format!("{name} {}", turn.message);
        let origin = element.unwrap_or(turn.origin);
        let draft = Draft::new(turn.severity, origin, turn.cause, message).help(HELP);
        let draft = match element {
            Some(_) => draft.related(turn.origin, "the template uses it here"),
            None => draft,
        };
        let was = turn.was.into_iter();
        was.fold(draft, |draft, was| draft.related(was, "before the change"))
    };
    comparison.found.into_iter().map(draft).collect()
}

/// The pointer of the head that an object makes, as its parents change it, if there is one only or
/// one for the environment and variant of a pointer of the base.
fn as_applied<'r>(repo: &'r Repo, before: &Pointer, now: &Control) -> Option<&'r Pointer> {
    let place = |one: &Pointer| {
        let place = one.any_placement();
        place.map(|place| (place.environment, place.variant.clone()))
    };
    let pointers = repo.pointers().iter();
    let own: Vec<&Pointer> = pointers
        .filter(|one| one.object.origin == now.node.origin && one.agent.kind == before.agent.kind)
        .collect();
    let mut alike = own.iter().filter(|one| place(one) == place(before));
    match own.as_slice() {
        [only] => Some(only),
        _ => alike.next().copied().filter(|_| alike.next().is_none()),
    }
}

/// Where a text is written in a tree.
fn written(node: &Node, text: &str) -> Option<Origin> {
    if !text.is_empty() && node.text() == Some(text) {
        return Some(node.origin);
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    let mut children = values.chain(node.items());
    children.find_map(|child| written(child, text))
}

/// Reports an agent of a protected environment that now applies a folder without an environment, or
/// a folder that is compared with nothing although the old folder was.
fn strays(
    context: &Context,
    now: &Control,
    before: &Overlay,
    (name, environment): (&str, &str),
    sink: &mut Sink,
) {
    let repo = context.repo;
    let own = |overlay: &&Overlay| {
        let pointer = repo.pointer(overlay);
        pointer.is_some_and(|pointer| pointer.object.origin == now.node.origin)
    };
    let mut applied: Vec<&Overlay> = repo.overlays.iter().filter(own).collect();
    // another agent may stand for it where both apply the folder
    let mut pointers = repo.pointers().iter();
    if pointers.any(|one| one.object.origin == now.node.origin && one.folder == before.path) {
        return;
    }
    // one object that several clusters patch applies a folder for each of them
    if applied.len() > 1 {
        applied.retain(|overlay| {
            overlay.environment == before.environment && overlay.variant == before.variant
        });
    }
    let Some((first, agent)) = applied
        .first()
        .and_then(|first| Some((*first, first.agent.as_ref()?)))
    else {
        return;
    };
    let is_paired = |repo: &Repo, overlay: &Overlay| repo.earlier(overlay).is_some();
    let path = &first.path;
    let placed = applied.iter().any(|overlay| repo.protected(overlay));
    // an object that keeps its path, and that production's kustomizations no longer list, leads nowhere
    let moved = *path != before.path;
    let (kind, message, help) = if moved && !placed && first.environment.is_none() {
        (
            "unplaced",
            format!("{name} applies {path}, which belongs to no known environment"),
            format!(
                "put `{environment}` into the path, or map the path to it under `layout` in {CONFIG_FILE}"
            ),
        )
    } else if placed
        && moved
        && context.base.is_some_and(|base| is_paired(base, before))
        && !is_paired(repo, first)
    {
        (
            "unproved",
            format!("{name} now applies {path}, which is compared with no earlier environment"),
            format!("add the folder of the earlier environment under `pairs` in {CONFIG_FILE}"),
        )
    } else {
        // a folder of another environment is reported as a redirection
        return;
    };
    let cause = Cause::new(kind).with(path);
    let draft = Draft::new(Severity::Error, agent.origin, cause, message);
    sink.report(context, None, draft.help(help));
}

const HELP: &str = "restore the old value, or accept the change with a comment on this line: `# gitops-lint: ignore[redirected-agent] REASON`";

/// A change that makes an agent follow something else.
struct Turn {
    severity: Severity,
    origin: Origin,
    was: Option<Origin>,
    cause: Cause,
    message: String,
    /// The new value.
    value: String,
}

impl Turn {
    /// The finding about an object.
    fn draft(self, name: &str) -> Draft {
        let message = format!("{name} {}", self.message);
        let draft = Draft::new(self.severity, self.origin, self.cause, message).help(HELP);
        let was = self.was.into_iter();
        was.fold(draft, |draft, was| draft.related(was, "before the change"))
    }
}

/// The same object of the head: in the same file, else of the same environment.
fn counterpart<'r>(
    repo: &'r Repo,
    base: &Repo,
    before: &Control,
    overlay: &Overlay,
) -> Option<&'r Control> {
    let text = |control: &Control, key: &[&str]| {
        control
            .node
            .at(key)
            .and_then(Node::text)
            .map(str::to_string)
    };
    let identity = |control: &Control| {
        [
            &["kind"][..],
            &["metadata", "namespace"],
            &["metadata", "name"],
        ]
        .map(|key| text(control, key))
    };
    let wanted = identity(before);
    let same: Vec<&Control> = repo
        .controls()
        .iter()
        .filter(|control| identity(control) == wanted)
        .collect();
    let path = base.files.get(before.file).path.clone();
    let here = same
        .iter()
        .find(|control| repo.files.get(control.file).path == path);
    here.or_else(|| {
        same.iter()
            .find(|control| control.environment == overlay.environment)
    })
    .copied()
}

/// The source that a Flux Kustomization names.
fn source_of<'r>(base: &'r Repo, object: &Control) -> Option<&'r Control> {
    let text = |node: &Node, path: &[&str]| node.at(path).and_then(Node::text).map(str::to_string);
    let (kind, name) = (
        text(&object.node, &["spec", "sourceRef", "kind"])?,
        text(&object.node, &["spec", "sourceRef", "name"])?,
    );
    let own = text(&object.node, &["metadata", "namespace"]);
    let namespace = text(&object.node, &["spec", "sourceRef", "namespace"]).or(own);
    let same = |control: &&Control| {
        text(&control.node, &["kind"]).as_ref() == Some(&kind)
            && text(&control.node, &["metadata", "name"]).as_ref() == Some(&name)
            && text(&control.node, &["metadata", "namespace"]) == namespace
    };
    let found: Vec<&Control> = base.controls().iter().filter(same).collect();
    found
        .iter()
        .find(|control| control.environment == object.environment)
        .or(found.first())
        .copied()
}

/// The fields of an agent's object, or of its source, that now refer to something else.
fn turns(before: &Node, now: &Node) -> Vec<Turn> {
    let mut comparison = Comparison {
        before,
        now,
        found: Vec::new(),
    };
    let kind = now.get("kind").and_then(Node::text).unwrap_or_default();
    match kind {
        "Application" | "ApplicationSet" => comparison.of_application(),
        "Kustomization" => comparison.of_flux_kustomization(),
        "GitRepository" => comparison.of_git_repository(),
        _ => {}
    }
    comparison.of_suspension();
    comparison.of_settings(kind);
    comparison.found
}

/// The settings of releases and sources that a protected overlay renders. Those that the
/// environment before had before the change are promoted, and not reported.
fn rendered(context: &Context, base: &Repo, overlay: &Overlay) -> Vec<Draft> {
    let Some(before) = context.altered_at_base(overlay) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let is_flux = |one: &&Resource| one.group().ends_with(".toolkit.fluxcd.io");
    for now in overlay.rendered.resources.iter().filter(is_flux) {
        let old = before.same_resource(now);
        // agents of folders are compared as objects of the repository
        let Some(old) = old.filter(|_| now.kind() != "Kustomization") else {
            continue;
        };
        let mut altered = settings::altered(now.kind(), &old.node, &now.node);
        if altered.is_empty() {
            continue;
        }
        for earlier in base.before(before).filter_map(|one| one.same_resource(now)) {
            let differing = settings::altered(now.kind(), &earlier.node, &now.node);
            altered.retain(|one| differing.iter().any(|other| other.what == one.what));
        }
        let environment = context.in_side(overlay);
        for one in altered {
            let message = format!(
                "{} `{}` {environment} {}",
                now.kind(),
                now.name(),
                one.message
            );
            let cause = Cause::new("settings").with(now.name()).with(one.what);
            let draft = Draft::new(one.severity, one.origin, cause, message)
                .help(HELP)
                .on(now, "/spec".to_string());
            let was = one.was.into_iter();
            found.push(was.fold(draft, |draft, was| draft.related(was, "before the change")));
        }
    }
    found
}

/// Returns true if two values refer to the same thing.
type Alike = fn(&str, &str) -> bool;

/// A comparison of one object at the base revision and at the head.
struct Comparison<'n> {
    before: &'n Node,
    now: &'n Node,
    found: Vec<Turn>,
}

impl Comparison<'_> {
    fn of_application(&mut self) {
        let (old, new) = (sources(self.before), sources(self.now));
        let of_git = |(_, source): &(usize, &&Node)| source.get("chart").is_none();
        for (at, old) in old.iter().enumerate().filter(of_git) {
            let sides = (*old, new.get(at).copied());
            self.compare(sides, &["repoURL"], "repository", same_repository);
            self.compare(sides, &["targetRevision"], "revision", alike_revisions);
        }
        self.of_operation();
    }

    /// `operation` is a sync that Argo CD carries out once, whatever the spec says.
    fn of_operation(&mut self) {
        let Some(now) = self.now.entry("operation") else {
            return;
        };
        let before = self.before.get("operation");
        if before.is_some_and(|before| before.same_value(&now.value)) {
            return;
        }
        let parts = ["revision", "revisions", "source", "sources", "manifests"];
        let sync = now.value.get("sync");
        let is_elsewhere = parts
            .iter()
            .any(|key| sync.is_some_and(|sync| sync.get(key).is_some()));
        self.found.push(Turn {
            severity: match is_elsewhere {
                true => Severity::Error,
                false => Severity::Warning,
            },
            origin: now.key_origin,
            was: before.map(|before| before.origin),
            cause: Cause::new("operation"),
            message:
                "asks Argo CD for a sync of its own (`operation`), which this check has not seen"
                    .to_string(),
            value: String::new(),
        });
    }

    fn of_flux_kustomization(&mut self) {
        let sides = (self.before, Some(self.now));
        for key in ["kind", "name", "namespace"] {
            let what = format!("source's {key}");
            let equal: Alike = |one, other| one == other;
            self.compare(sides, &["spec", "sourceRef", key], &what, equal);
        }
    }

    fn of_git_repository(&mut self) {
        let sides = (self.before, Some(self.now));
        self.compare(sides, &["spec", "url"], "repository", same_repository);
        for key in ["branch", "tag", "semver", "commit", "name"] {
            self.compare(sides, &["spec", "ref", key], key, alike_revisions);
        }
    }

    fn of_settings(&mut self, kind: &str) {
        let altered = settings::altered(kind, self.before, self.now).into_iter();
        self.found.extend(altered.map(|one| Turn {
            severity: one.severity,
            origin: one.origin,
            was: one.was,
            cause: Cause::new("settings").with(one.what),
            message: one.message,
            value: one.value,
        }));
    }

    fn of_suspension(&mut self) {
        let suspended = |node: &Node| {
            let value = node.at(&["spec", "suspend"]);
            let value = value.filter(|value| value.as_bool() == Some(true));
            let by_annotation = || left_alone::by_annotation(node).map(|(_, value)| value);
            let value = value.or_else(by_annotation);
            value.map(|value| value.origin)
        };
        if let Some(origin) = suspended(self.now).filter(|_| suspended(self.before).is_none()) {
            self.found.push(Turn {
                severity: Severity::Warning,
                origin,
                was: None,
                cause: Cause::new("suspended"),
                message: "is suspended by this change, so later changes are not applied"
                    .to_string(),
                value: String::new(),
            });
        }
    }

    /// Records a value that now refers to something else. A source that is gone refers to nothing.
    fn compare(
        &mut self,
        (old, new): (&Node, Option<&Node>),
        path: &[&str],
        what: &str,
        alike: Alike,
    ) {
        let value = |node: Option<&Node>| {
            let text = node.and_then(|node| node.at(path)).and_then(Node::text);
            text.unwrap_or_default().to_string()
        };
        let (was, is) = (value(Some(old)), value(new));
        if was == is || alike(&was, &is) {
            return;
        }
        let shown = |text: &str| {
            if text.is_empty() {
                "the default".to_string()
            } else {
                format!("`{text}`")
            }
        };
        let place = |node: &Node| node.at(path).unwrap_or(node).origin;
        self.found.push(Turn {
            severity: Severity::Error,
            origin: new.map_or(self.now.origin, place),
            was: Some(place(old)),
            cause: Cause::new("redirected").with(what).with(&is),
            message: format!(
                "follows the {what} {} instead of {}, which this check has not seen",
                shown(&is),
                shown(&was)
            ),
            value: is,
        });
    }
}

fn same_repository(one: &str, other: &str) -> bool {
    repository(one) == repository(other)
}

/// The sources of an Application, or of the Applications that a set makes.
fn sources(object: &Node) -> Vec<&Node> {
    let spec = object
        .at(&["spec", "template", "spec"])
        .or_else(|| object.at(&["spec"]));
    let one = spec.and_then(|spec| spec.get("source"));
    one.into_iter()
        .chain(
            spec.and_then(|spec| spec.get("sources"))
                .map_or(&[][..], Node::items),
        )
        .collect()
}

/// The URL of a repository without protocol and credentials.
fn repository(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.trim_end_matches('/')
        .trim_end_matches(".git")
        .replacen(':', "/", 1)
}

/// True if a change of the revision is harmless: both are the default branch, or the old one was a
/// version.
fn alike_revisions(was: &str, is: &str) -> bool {
    let default = |text: &str| {
        matches!(
            text,
            "" | "HEAD" | "main" | "master" | "refs/heads/main" | "refs/heads/master"
        )
    };
    default(was) && default(is) || was.contains(|letter: char| letter.is_ascii_digit())
}

/// An agent's object that the change removes.
struct RemovedAgent<'a> {
    /// The object at the base revision.
    object: &'a Control,
    /// The folder that it applied.
    folder: &'a str,
    /// Its name in messages: `Application argocd/api in production`.
    name: &'a str,
}

impl RemovedAgent<'_> {
    /// Reports it if the folder stays and nothing else applies it.
    fn report(&self, context: &Context, base: &Repo, sink: &mut Sink) {
        let Some(here) = context.repo.overlays_at(self.folder).next() else {
            return;
        };
        // an object that an overlay rendered (app of apps) is reported with the other objects that
        // this overlay lost
        let rendered = base
            .overlays
            .iter()
            .any(|other| other.rendered.files.contains(&self.object.file));
        if rendered || !context.pointers_at(self.folder).is_empty() {
            return;
        }
        let message = format!(
            "this change removes {}, and nothing else applies {}",
            self.name, self.folder
        );
        let cause = Cause::new("agent-removed").with(self.name);
        let draft = Draft::new(Severity::Warning, here.origin, cause, message)
            .related(self.object.node.origin, "it was here")
            .help("restore it, or remove the folder as well");
        sink.report(context, None, draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_the_same_however_they_are_reached() {
        for url in [
            "https://git.acme.example/ops/config.git",
            "git@git.acme.example:ops/config",
            "ssh://git@git.acme.example/ops/config/",
        ] {
            assert_eq!(repository(url), "git.acme.example/ops/config");
        }
    }

    #[test]
    fn a_version_may_follow_a_version() {
        for (was, is, alike) in [
            ("main", "feature-x", false),
            ("HEAD", "main", true),
            ("v1.2.0", "v1.3.0", true),
            ("", "evil", false),
        ] {
            assert_eq!(alike_revisions(was, is), alike, "{was} {is}");
        }
    }
}
