//! # orphan-manifest
//!
//! ## What
//!
//! A file with Kubernetes objects lies beside a kustomization that does not list it: one that lists
//! other files of the folder, or an overlay that lists only its base.
//!
//! Beside an overlay that lists only its base, the objects of agents (Applications, Flux
//! Kustomizations) are left out, because they often lie next to what they apply.
//!
//! Not reported are files that any kustomization of the repository refers to, configuration files
//! of kustomize itself, files whose names mark them as examples or templates, and files that a
//! comment in the kustomization mentions. Files that a script, Makefile or workflow of the repository
//! names are not reported either, nor is an Application that applies its own folder: somebody
//! applies these by hand.
//!
//! ## Why
//!
//! The object is reviewed and merged, but never applied.
//!
//! ## Example
//!
//! ```yaml
//! # kustomization.yaml; networkpolicy.yaml is in the same folder
//! resources:
//!   - deployment.yaml
//!   - service.yaml
//! ```
//!
//! ## Fix
//!
//! Add the file to `resources`, or delete it. If you keep it on purpose, mention its name in a
//! comment of the kustomization.

use crate::finding::{Cause, Severity};
use crate::repo::Unreferenced;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};

/// The rule.
pub(super) struct OrphanManifest;

static METADATA: Metadata = Metadata {
    id: "orphan-manifest",
    category: Category::Structure,
    level: "warning",
    severity: Severity::Warning,
    summary: "a manifest beside a kustomization that does not list it",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("orphan_manifest.rs"),
};

impl Rule for OrphanManifest {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for found in &context.repo.unreferenced {
            let file = context.repo.files.get(found.file);
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            let kustomization = context.repo.files.get(found.kustomization);
            let foreign = file
                .path
                .split('/')
                .any(|part| FOREIGN.contains(&part.to_ascii_lowercase().as_str()));
            let known = foreign
                || kustomization.text.contains(name)
                || set_aside(name)
                || found.documents.iter().any(is_configuration);
            let Some(document) = found.documents.first().filter(|_| !known) else {
                continue;
            };
            let message =
                format!("`{name}` is never applied: the kustomization beside it does not list it");
            let here = Origin::start_of(found.kustomization);
            let place = document
                .get("kind")
                .map_or(document.origin, |kind| kind.origin);
            let draft = Draft::new(Severity::Warning, place, Cause::new("not-listed"), message);
            let list = if is_rendered(context, found, document) {
                "patches"
            } else {
                "resources"
            };
            let draft = draft
                .help(format!("add `{name}` to `{list}`, or delete the file"))
                .related(here, "the kustomization");
            sink.report(context, None, draft);
        }
    }
}

/// True if the kustomization beside a file renders the same object from another file, so that this
/// one is a patch of it.
fn is_rendered(context: &Context, found: &Unreferenced, document: &Node) -> bool {
    let kustomization = context.repo.files.get(found.kustomization);
    let (folder, _) = kustomization.path.rsplit_once('/').unwrap_or_default();
    let text = |path: &[&str]| document.at(path).and_then(Node::text);
    let mut rendered = context
        .repo
        .overlays
        .iter()
        .filter(|overlay| overlay.path == folder)
        .flat_map(|overlay| &overlay.rendered.resources);
    rendered.any(|resource| {
        Some(resource.kind()) == text(&["kind"])
            && Some(resource.original.name.as_str()) == text(&["metadata", "name"])
    })
}

/// Folders with copied manifests of other projects; a repo often uses only some of them.
const FOREIGN: &[&str] = &[
    "upstream",
    "vendor",
    "vendored",
    "third-party",
    "third_party",
    "external",
];

/// True if a file's name says that it is not meant to be applied.
fn set_aside(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // optional manifests that kubebuilder generates
    if lower.starts_with("auth_proxy_")
        || lower.ends_with("_editor_role.yaml")
        || lower.ends_with("_viewer_role.yaml")
    {
        return true;
    }
    let words = [
        "example", "sample", "template", "tmpl", "disabled", "unused", "backup", "bak", "old",
        "values", "patch", "test", "draft",
    ];
    lower
        .split(['.', '-', '_'])
        .any(|part| words.contains(&part))
}

/// Objects that tools read and clusters never see.
fn is_configuration(node: &Node) -> bool {
    let api_version = node
        .get("apiVersion")
        .and_then(Node::text)
        .unwrap_or_default();
    let local = node
        .at(&[
            "metadata",
            "annotations",
            "config.kubernetes.io/local-config",
        ])
        .is_some();
    api_version == "builtin" || api_version.starts_with("kustomize.config.k8s.io/") || local
}
