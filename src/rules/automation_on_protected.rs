//! # automation-on-protected
//!
//! ## What
//!
//! A Flux ImageUpdateAutomation whose `update.path` holds a file with an `$imagepolicy` marker that a protected environment renders from, and that pushes to the branch it reads (another push branch means a pull request); or an Argo CD Application of a protected environment with the annotations of Argo CD Image Updater, unless they write to a branch of their own.
//!
//! ## Why
//!
//! Production then gets each new build by itself, whatever staging says of it.
//!
//! ## Example
//!
//! ```yaml
//! kind: ImageUpdateAutomation
//! spec:
//!   git: {checkout: {ref: {branch: main}}, push: {branch: main}}
//!   update: {path: ./apps} # holds apps/api/overlays/production, which carries a marker
//! ```
//!
//! ## Fix
//!
//! Narrow the path to what may move by itself, take the marker away, or push to a branch that becomes a pull request.
//!
//! ## Options
//!
//! None.

use std::collections::BTreeSet;

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::yaml::{By, Node, Origin, escape_pointer};

/// See the documentation above.
pub struct AutomationOnProtected;

const METADATA: Metadata = Metadata {
    id: "automation-on-protected",
    category: Category::Governance,
    level: "error",
    severity: Severity::Error,
    summary: "automation that writes image versions into production",
    options: &[],
    source: include_str!("automation_on_protected.rs"),
};

impl Rule for AutomationOnProtected {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        let protected: Vec<&Overlay> = repo.overlays.iter().filter(|overlay| repo.protected(overlay)).collect();
        let mut seen = BTreeSet::new();
        for resource in repo.overlays.iter().flat_map(|overlay| &overlay.rendered.resources) {
            let origin = resource.node.origin;
            if !seen.insert((origin.file, origin.start, resource.namespace().map(str::to_string))) {
                continue;
            }
            match (resource.kind(), resource.group()) {
                ("ImageUpdateAutomation", "image.toolkit.fluxcd.io") => flux(context, resource, &protected, sink),
                ("Application", "argoproj.io") => argo(context, resource, &protected, sink),
                _ => {}
            }
        }
    }
}

fn flux(context: &Context, automation: &Resource, protected: &[&Overlay], sink: &mut Sink) {
    let node = &automation.node;
    let branch = |path: &[&str]| node.at(path).and_then(Node::text);
    let (pull, push) = (branch(&["spec", "git", "checkout", "ref", "branch"]), branch(&["spec", "git", "push", "branch"]));
    let elsewhere = push.is_some_and(|push| pull.is_some_and(|pull| pull != push));
    // another repository is none of ours to judge
    let own = node.at(&["spec", "sourceRef", "kind"]).and_then(Node::text).is_none_or(|kind| kind == "GitRepository");
    if elsewhere || !own || node.at(&["spec", "git", "push", "refspec"]).is_some() {
        return;
    }
    let written = node.at(&["spec", "update", "path"]);
    let folder = written.and_then(Node::text).unwrap_or(".").trim_start_matches("./").trim_matches('/').to_string();
    let inside = |path: &str| folder.is_empty() || folder == "." || path.strip_prefix(&*folder).is_some_and(|rest| rest.starts_with('/'));
    for overlay in protected {
        let marked = overlay.rendered.files.iter().find_map(|id| {
            let file = context.repo.files.get(*id);
            let at = file.text.find("\"$imagepolicy\"").filter(|_| inside(&file.path))?;
            let end = file.text.get(at..)?.find(['}', '\n']).map_or(at, |length| at + length);
            Some(Origin { file: *id, start: u32::try_from(at).ok()?, end: u32::try_from(end).ok()?, by: By::Manifest })
        });
        let Some(marker) = marked else { continue };
        let origin = written.map_or(node.origin, |path| path.origin);
        let message =
            format!("{} writes new versions into {} and pushes them to the branch that it reads", automation.name(), context.side(overlay));
        let draft = Draft::new(Severity::Error, origin, message);
        let draft = draft.help("narrow the path, take the marker away, or push to a branch that becomes a pull request");
        let draft = draft.related(marker, "this marker is what it follows".to_string());
        sink.report(context, Some(overlay), draft.on(automation, "/spec/update/path"));
    }
}

fn argo(context: &Context, application: &Resource, protected: &[&Overlay], sink: &mut Sink) {
    const PREFIX: &str = "argocd-image-updater.argoproj.io/";
    let Some(annotations) = application.node.at(&["metadata", "annotations"]) else { return };
    let Some(list) = annotations.entry(&format!("{PREFIX}image-list")) else { return };
    // `base:target` writes to a branch of its own
    if annotations.get(&format!("{PREFIX}git-branch")).and_then(Node::text).is_some_and(|branch| branch.contains(':')) {
        return;
    }
    let path = application.node.at(&["spec", "source", "path"]).and_then(Node::text).unwrap_or_default();
    let path = path.trim_start_matches("./").trim_matches('/');
    for overlay in protected.iter().filter(|overlay| overlay.path == path) {
        let message = format!("Argo CD Image Updater moves the images of {} in {} by itself", overlay.app, context.side(overlay));
        let draft = Draft::new(Severity::Error, list.key_origin, message);
        let draft = draft.help("take the annotations away, or let it write to a branch of its own (git-branch: main:updates)");
        sink.report(context, Some(overlay), draft.on(application, format!("/metadata/annotations/{}", escape_pointer(&list.key))));
    }
}
