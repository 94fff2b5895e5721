//! Argo CD Image Updater: its annotations on Applications, and the newer ImageUpdater objects.

use std::collections::BTreeSet;

use super::selector::selects;
use crate::finding::{Cause, Severity};
use crate::glob::{self, Stars};
use crate::kustomize::loader::FILE_NAMES;
use crate::repo::{AgentKind, Overlay};
use crate::rules::engine::context::applying::agents_of;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Context, Draft, Sink};
use crate::source::join;
use crate::yaml::{Node, Origin, escape_pointer};

const PREFIX: &str = "argocd-image-updater.argoproj.io/";
const GROUP: &str = "argocd-image-updater.argoproj.io";

/// An Application, and the overlay that it applies, if that is known.
struct Application<'a> {
    object: &'a Node,
    /// Its name in messages.
    app: &'a str,
    /// The overlay that it applies. For a chart, any overlay of its environment.
    overlay: &'a Overlay,
    /// The folder that it applies.
    folder: &'a str,
}

impl<'a> Application<'a> {
    fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.object
            .at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    }
    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.text(&["metadata", "annotations", &format!("{PREFIX}{key}")])
    }
}

/// The way in which new versions are written.
#[derive(Clone, Copy, Default)]
struct WriteBack<'a> {
    method: Option<&'a str>,
    branch: Option<&'a str>,
    repository: Option<&'a str>,
    target: Option<&'a str>,
    pull_request: bool,
}

/// Who writes, and the line that asks for it.
struct Writer<'a> {
    name: String,
    origin: Origin,
    /// Its strategy, if it chooses the newest build.
    strategy: Option<&'a str>,
    write_back: WriteBack<'a>,
    /// The object with the setting, and the JSON pointer to it.
    object: &'a Node,
    path: String,
}

/// Reports Applications of protected environments that an updater updates, and updaters of other
/// environments that write into files which protected environments render from.
pub(super) fn check(context: &Context, sink: &mut Sink) {
    let updaters: Vec<&Control> = context
        .controls()
        .iter()
        .filter(|control| control.is("ImageUpdater", GROUP))
        .collect();
    let mut seen: BTreeSet<(Origins, String)> = BTreeSet::new();
    for application in applications(context) {
        let mut writers = Vec::new();
        let matching: Vec<(&Control, &Node)> = updaters
            .iter()
            .flat_map(|updater| references(updater, &application))
            .collect();
        for (updater, reference) in &matching {
            writers.extend(by_object(updater, reference));
        }
        // since 1.0, annotations count only if an ImageUpdater asks for them
        let read = matching
            .iter()
            .any(|(_, reference)| uses_annotations(reference));
        if read || updaters.is_empty() {
            writers.extend(by_annotations(&application));
        }
        if let [(first, _), .., (second, reference)] = &matching[..]
            && first.node.origin != second.node.origin
            && context.repo.protected(application.overlay)
        {
            let name = application.text(&["metadata", "name"]).unwrap_or_default();
            let message = format!(
                "ImageUpdater `{}` and `{}` both update the images of `{name}`",
                first.name(),
                second.name()
            );
            let place = reference
                .get("namePattern")
                .map_or(reference.origin, |pattern| pattern.origin);
            let cause = Cause::new("two-updaters")
                .with(first.name())
                .with(second.name());
            let draft = Draft::new(Severity::Warning, place, cause, message)
                .help("let only one ImageUpdater select the Application");
            sink.report(
                context,
                Some(application.overlay),
                draft.related(
                    first.node.origin,
                    format!("`{}` selects it as well", first.name()),
                ),
            );
        }
        for writer in writers {
            let key = (place(writer.origin), application.overlay.path.clone());
            if seen.insert(key) {
                report(context, &application, &writer, sink);
            }
        }
    }
}

type Origins = (u32, u32);

/// The Applications that apply overlays of environments, and the Applications of charts that are
/// written in the folder of a protected environment.
fn applications<'a>(context: &Context<'a>) -> Vec<Application<'a>> {
    let repo: &'a crate::repo::Repo = context.repo;
    let of = |overlay: &'a Overlay| {
        let agents = agents_of(context, overlay)
            .iter()
            .filter(|pointer| pointer.agent.kind == AgentKind::ArgoCd);
        agents.map(move |pointer| Application {
            object: &pointer.object,
            app: &overlay.app,
            overlay,
            folder: &pointer.folder,
        })
    };
    let mut found: Vec<Application> = repo
        .overlays
        .iter()
        .filter(|overlay| overlay.environment.is_some())
        .flat_map(of)
        .collect();
    let known: BTreeSet<Origins> = found
        .iter()
        .map(|application| place(application.object.origin))
        .collect();
    for control in context
        .controls()
        .iter()
        .filter(|control| control.is("Application", "argoproj.io") && control.environment.is_some())
    {
        let beside = || {
            repo.overlays
                .iter()
                .find(|overlay| overlay.environment == control.environment)
        };
        let overlay = control
            .overlay
            .or_else(beside)
            .filter(|overlay| repo.protected(overlay));
        if let Some(overlay) = overlay.filter(|_| !known.contains(&place(control.node.origin))) {
            found.push(Application {
                object: control.node,
                app: control.name(),
                overlay,
                folder: "",
            });
        }
    }
    found
}

fn place(origin: Origin) -> Origins {
    (origin.file.0, origin.start)
}

fn by_annotations<'a>(application: &Application<'a>) -> Option<Writer<'a>> {
    let key = format!("{PREFIX}image-list");
    let list = application
        .object
        .at(&["metadata", "annotations"])?
        .entry(&key)?;
    let annotations = application
        .object
        .at(&["metadata", "annotations"])
        .map_or(&[][..], Node::entries);
    let strategies = annotations
        .iter()
        .filter(|entry| entry.key.starts_with(PREFIX) && entry.key.ends_with("update-strategy"));
    Some(Writer {
        name: "Argo CD Image Updater".to_string(),
        origin: list.key_origin,
        strategy: strategies
            .filter_map(|entry| entry.value.text())
            .find(|strategy| takes_newest(strategy)),
        write_back: WriteBack {
            method: application.annotation("write-back-method"),
            branch: application.annotation("git-branch"),
            repository: application.annotation("git-repository"),
            target: application.annotation("write-back-target"),
            pull_request: false,
        },
        object: application.object,
        path: format!("/metadata/annotations/{}", escape_pointer(&key)),
    })
}

/// The entries of an ImageUpdater that select an Application of its namespace.
fn references<'c, 'a>(
    updater: &'c Control<'a>,
    application: &Application,
) -> Vec<(&'c Control<'a>, &'a Node)> {
    let name = application.text(&["metadata", "name"]).unwrap_or_default();
    let (one, other) = (
        updater.namespace(),
        application.text(&["metadata", "namespace"]),
    );
    if one.is_some() && other.is_some() && one != other {
        return Vec::new();
    }
    let fits = |reference: &&Node| {
        let pattern = reference
            .get("namePattern")
            .and_then(Node::text)
            .unwrap_or_default();
        let named = glob::matches(pattern, Stars::AcrossFolders, name);
        let labels = reference
            .get("labelSelectors")
            .is_none_or(|selector| selects(selector, application.object));
        named
            && labels
            && (uses_annotations(reference)
                || reference
                    .get("images")
                    .is_some_and(|images| !images.items().is_empty()))
    };
    let entries = updater
        .node
        .at(&["spec", "applicationRefs"])
        .map_or(&[][..], Node::items);
    entries
        .iter()
        .filter(fits)
        .map(|reference| (updater, reference))
        .collect()
}

fn uses_annotations(reference: &Node) -> bool {
    reference.get("useAnnotations").and_then(Node::as_bool) == Some(true)
}

fn by_object<'a>(updater: &Control<'a>, reference: &'a Node) -> Option<Writer<'a>> {
    if uses_annotations(reference) {
        return None;
    }
    let place = reference.get("namePattern").unwrap_or(reference);
    let written = reference
        .get("writeBackConfig")
        .or_else(|| updater.node.at(&["spec", "writeBackConfig"]));
    let text = |path: &[&str]| {
        written
            .and_then(|written| written.at(path))
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let images = reference.get("images").map_or(&[][..], Node::items);
    let scopes = images
        .iter()
        .chain([reference])
        .chain(updater.node.get("spec"));
    let mut strategies = scopes.filter_map(|scope| {
        scope
            .at(&["commonUpdateSettings", "updateStrategy"])
            .and_then(Node::text)
    });
    Some(Writer {
        name: format!("ImageUpdater `{}`", updater.name()),
        origin: place.origin,
        strategy: strategies.next().filter(|strategy| takes_newest(strategy)),
        write_back: WriteBack {
            method: text(&["method"]),
            branch: text(&["gitConfig", "branch"]),
            repository: text(&["gitConfig", "repository"]),
            target: text(&["gitConfig", "writeBackTarget"]),
            pull_request: written
                .and_then(|written| written.at(&["gitConfig", "pullRequest"]))
                .is_some_and(|node| !node.is_null()),
        },
        object: updater.node,
        path: String::new(),
    })
}

/// Strategies that choose the newest build instead of the highest version.
fn takes_newest(strategy: &str) -> bool {
    matches!(
        strategy,
        "newest-build" | "latest" | "alphabetical" | "name" | "digest"
    )
}

/// The way in which a new version reaches the cluster without a review; `None` if it does not.
fn unreviewed(write_back: &WriteBack, application: &Application) -> Option<String> {
    match write_back.method.unwrap_or("argocd") {
        "argocd" => Some("directly in the cluster, without a commit".to_string()),
        // nothing is known about the review in another repository
        _ if write_back.pull_request || write_back.repository.is_some() => None,
        _ => {
            let applied = application
                .text(&["spec", "source", "targetRevision"])
                .filter(|revision| *revision != "HEAD");
            match write_back.branch.map(|branch| {
                branch
                    .split_once(':')
                    .map_or((branch, None), |(base, target)| (base, Some(target)))
            }) {
                None => Some("with commits to the branch it is applied from".to_string()),
                Some((base, Some(target))) => (target == base)
                    .then(|| format!("with commits to `{target}`, the branch it is applied from")),
                Some((branch, None)) => applied
                    .is_none_or(|applied| applied == branch)
                    .then(|| format!("with commits to `{branch}`, the branch it is applied from")),
            }
        }
    }
}

/// The folder of `write-back-target: kustomization:PATH`, if it is not the Application's own.
fn shared_target(write_back: &WriteBack, application: &Application) -> Option<String> {
    let path = write_back.target?.strip_prefix("kustomization:")?;
    let folder = match path.strip_prefix('/') {
        Some(path) => join("", path),
        None => join(application.folder, path),
    };
    folder.filter(|folder| folder != application.folder && !application.folder.is_empty())
}

fn report(context: &Context, application: &Application, writer: &Writer, sink: &mut Sink) {
    let repo = context.repo;
    let how = unreviewed(&writer.write_back, application);
    let by_git = writer
        .write_back
        .method
        .is_some_and(|method| method.starts_with("git"));
    let shared = shared_target(&writer.write_back, application)
        .filter(|_| by_git && writer.write_back.repository.is_none());
    let reads = |overlay: &&Overlay, folder: &str| {
        let is_kustomization = |path: &str| {
            path.rsplit_once('/')
                .is_some_and(|(of, name)| of == folder && FILE_NAMES.contains(&name))
        };
        repo.protected(overlay)
            && overlay
                .rendered
                .files
                .iter()
                .any(|file| is_kustomization(&repo.files.get(*file).path))
    };
    let mut draft = None;
    if let Some(how) = how.as_ref().filter(|_| repo.protected(application.overlay)) {
        let environment = context.side(application.overlay);
        let newest = writer
            .strategy
            .map(|strategy| format!(", always to the newest by `{strategy}`"))
            .unwrap_or_default();
        let message = format!(
            "{} updates the images of `{}` in {environment} {how}{newest}",
            writer.name, application.app
        );
        let help = "exclude this environment, or write to a separate branch and open a pull request (`git-branch: main:updates`)";
        draft = Some((
            application.overlay,
            Draft::new(
                Severity::Error,
                writer.origin,
                Cause::new("updates"),
                message,
            )
            .help(help),
        ));
    }
    if let Some(folder) = shared.filter(|_| draft.is_none())
        && let Some(overlay) = repo.overlays.iter().find(|overlay| reads(overlay, &folder))
    {
        let (environment, from) = (context.side(overlay), context.side(application.overlay));
        let message = format!(
            "{} writes versions for {from} into {folder}, which {environment} renders from as well",
            writer.name
        );
        let severity = if how.is_some() {
            Severity::Error
        } else {
            Severity::Warning
        };
        draft = Some((
            overlay,
            Draft::new(
                severity,
                writer.origin,
                Cause::new("writes-into-shared").with(&folder),
                message,
            )
            .help("write into the overlay's own folder"),
        ));
    }
    if let Some((overlay, draft)) = draft {
        let mut draft = draft.related(
            overlay.origin,
            format!("the overlay of {}", context.name_of(overlay)),
        );
        draft.resource = Some(identity(writer.object));
        draft.path = (!writer.path.is_empty()).then(|| writer.path.clone());
        sink.report(context, Some(overlay), draft);
    }
}

fn identity(object: &Node) -> crate::kustomize::ResourceId {
    Control {
        node: object,
        overlay: None,
        environment: None,
    }
    .id()
}
