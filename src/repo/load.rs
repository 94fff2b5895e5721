//! Loading: from a tree of files to overlays that are rendered and paired.
//!
//! Here: finding kustomizations, rendering every overlay once, files that no kustomization names. Not here: reading paths
//! (`discover`), what agents point at (`agents`), pairing (`pairs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::agents::{self, Pointer};
use super::codeowners::CodeOwners;
use super::discover::{self, Layout, Place, Root, is_hidden};
use super::instances::instances;
use super::{Crossing, Overlay, Repo, Unreferenced, pairs, renovate, values};
use crate::config::Config;
use crate::kustomize::context::is_below;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{Kustomization, RenderOptions, Rendered, Renderer};
use crate::source::{EntryKind, Files, Source, join};
use crate::yaml::{By, Node, Origin};

/// Folder names whose kustomizations are made to be copied, not to be applied.
const BUILT_UPON: &[&str] = &["template", "templates", "example", "examples", "sample", "samples"];
/// Folder names of what is made to be built upon, perhaps by another repo: such a root counts only when it builds by itself.
const BASES: &[&str] = &["base", "bases", "common", "shared", "components"];

impl Repo {
    /// Loads a tree: everything in it is rendered. `root` is where the tree lies on disk, for absolute paths in kustomizations.
    pub fn load(source: Arc<dyn Source>, root: Option<PathBuf>, config: &Config) -> Repo {
        let files = Arc::new(Files::default());
        Repo::load_with(source, root, config, files, &|_, _| None)
    }

    /// The same into a table of files that exists. `known` may give the rendering of an overlay, so that what did not change
    /// between two revisions is rendered once.
    pub fn load_with(
        source: Arc<dyn Source>,
        root: Option<PathBuf>,
        config: &Config,
        files: Arc<Files>,
        known: &(dyn Fn(&str, &Renderer) -> Option<Arc<Rendered>> + Sync),
    ) -> Repo {
        let options = RenderOptions { remotes: config.remotes.clone(), root, ..RenderOptions::default() };
        let renderer = Renderer::new(source.clone(), files.clone(), options);
        let folders: BTreeSet<&str> = source.files().iter().map(|path| folder_of(path)).collect();
        let roots: Vec<Root> = kustomization_folders(&*source).par_iter().map(|folder| root_of(folder, &renderer)).collect();
        let layout = Layout::new(&config.environments, &config.layout, folders.iter().copied());
        let agents = agents::collect(&renderer, &layout);
        let pointed_at: BTreeSet<String> = agents.pointers.iter().map(|pointer| pointer.folder.clone()).collect();
        let mut chosen = discover::overlays(&roots, &layout, &pointed_at);
        let alone = standing_alone(&roots, &layout, &chosen);
        chosen.extend(alone);
        chosen.sort_by(|one, other| one.0.cmp(&other.0));
        let apps: BTreeSet<String> = chosen.iter().map(|(folder, place)| app_path(folder, place.as_ref())).collect();
        let names = discover::short_names(&apps);
        let built: Vec<Built> = chosen
            .into_par_iter()
            .flat_map_iter(|(path, place)| instances(&path, place, &agents.pointers, &layout))
            .map(|(path, place, pointer)| {
                let known = known(&path, &renderer).filter(|_| pointer.is_none());
                let rendered = known.unwrap_or_else(|| match pointer {
                    Some(pointer) => pointer.build(&renderer, &agents),
                    None => renderer.render(&path),
                });
                Built { path, place, pointer, rendered }
            })
            .collect();
        let values = values::Values::new(&built, &roots, &renderer, &layout);
        let overlays: Vec<Overlay> = built
            .par_iter()
            .map(|built| {
                let (path, place) = (&built.path, built.place.as_ref());
                let app = app_path(path, place);
                let rendered = built.rendered.clone();
                let rendered = match built.pointer {
                    Some(pointer) => pointer.finish(rendered, &|reference| values.find(reference, built)),
                    None => rendered,
                };
                Overlay {
                    app: names.get(&app).cloned().unwrap_or(app),
                    environment: place.map(|place| place.environment),
                    variant: place.and_then(|place| place.variant.clone()),
                    agent: built.pointer.map(|pointer| pointer.agent.clone()),
                    origin: place_of(path, built.pointer, &renderer, &files, &*source),
                    rendered,
                    path: path.clone(),
                }
            })
            .collect();
        let is_base = |overlay: &Overlay| overlay.path.split('/').any(|part| BASES.contains(&part.to_ascii_lowercase().as_str()));
        let several = overlays.len() > 1;
        let overlays: Vec<Overlay> = overlays
            .into_iter()
            .filter(|overlay| !(several && overlay.environment.is_none() && !overlay.rendered.complete && is_base(overlay)))
            .collect();
        let pairs = pairs::pairs(&overlays, config);
        let unreferenced = unreferenced(&roots, &renderer, &layout);
        let crossings = crossings(&roots, &renderer, &layout);
        Repo {
            environments: config.environments.clone(),
            overlays,
            pairs,
            unreferenced,
            crossings,
            pointers: agents.pointers,
            notes: agents.notes,
            controls: agents.controls,
            renovate: renovate::find(&*source, &files),
            owners: CodeOwners::find(&*source, &files),
            source,
            files,
        }
    }
}

/// An overlay that is built, before its agent put variables in.
pub(super) struct Built<'p> {
    pub(super) path: String,
    pub(super) place: Option<Place>,
    pub(super) pointer: Option<&'p Pointer>,
    pub(super) rendered: Arc<Rendered>,
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn kustomization_folders(source: &dyn Source) -> BTreeSet<String> {
    let kustomizations = source.files().iter().filter(|path| FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path)));
    kustomizations.map(|path| folder_of(path).to_string()).collect()
}

fn root_of(folder: &str, renderer: &Renderer) -> Root {
    let kustomization = renderer.kustomization(folder).and_then(|loaded| loaded.kustomization.clone());
    Root {
        folder: folder.to_string(),
        component: kustomization.as_ref().is_some_and(|kustomization| kustomization.component),
        references: renderer.children(folder).iter().map(|folder| folder.to_string()).collect(),
        only_gathers: kustomization.is_some_and(|kustomization| kustomization.only_gathers()),
    }
}

/// Kustomizations that carry no environment and that nothing builds upon: applied as they are, if at all.
fn standing_alone(roots: &[Root], layout: &Layout, chosen: &[(String, Option<Place>)]) -> Vec<(String, Option<Place>)> {
    let used: BTreeSet<&str> = roots.iter().flat_map(|root| &root.references).map(String::as_str).collect();
    let taken: BTreeSet<&str> = chosen.iter().map(|(folder, _)| folder.as_str()).collect();
    let named_so = |folder: &str| folder.split('/').any(|part| BUILT_UPON.contains(&part.to_ascii_lowercase().as_str()));
    let alone = |built_upon: bool| -> Vec<(String, Option<Place>)> {
        roots
            .iter()
            .filter(|root| !root.component && !root.only_gathers)
            .map(|root| root.folder.as_str())
            .filter(|folder| !used.contains(folder) && !taken.contains(folder) && layout.place(folder).is_none())
            .filter(|folder| built_upon || !named_so(folder) && !is_hidden(folder))
            .map(|folder| (folder.to_string(), None))
            .collect()
    };
    let found = alone(false);
    // a repo of nothing but bases and examples is checked by them
    if found.is_empty() && chosen.is_empty() { alone(true) } else { found }
}

/// What names the app: what is left of the path without the environment, or the folder.
fn app_path(folder: &str, place: Option<&Place>) -> String {
    place.map_or_else(|| folder.to_string(), |place| place.app.clone())
}

/// The start of an overlay's kustomization; of a folder without one, the line that points at it.
fn place_of(folder: &str, pointer: Option<&Pointer>, renderer: &Renderer, files: &Files, source: &dyn Source) -> Origin {
    let file = renderer.kustomization(folder).and_then(|loaded| loaded.file);
    if let (None, Some(pointer)) = (file, pointer) {
        return pointer.agent.origin;
    }
    let file = file.unwrap_or_else(|| files.add(&join(folder, FILE_NAMES[0]).unwrap_or_default(), source.revision(), Arc::from("")));
    Origin { file, start: 0, end: 0, by: By::Manifest }
}

/// Manifests in the folders of kustomizations that no kustomization names.
fn unreferenced(roots: &[Root], renderer: &Renderer, layout: &Layout) -> Vec<Unreferenced> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut unsure: BTreeSet<&str> = BTreeSet::new();
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for root in roots {
        let folder = root.folder.as_str();
        let Some(kustomization) = renderer.kustomization(folder).and_then(|loaded| loaded.kustomization.clone()) else {
            unsure.insert(folder);
            continue;
        };
        for path in kustomization.paths().chain(kustomization.openapi.iter().filter_map(|openapi| openapi.path.as_ref())) {
            let path = path.rsplit('=').next().unwrap_or(path);
            named.extend(join(folder, path).map(|path| renderer.source().resolve(&path).unwrap_or(path)));
        }
        let own = kustomization.resources.iter().filter(|entry| !entry.contains('/') && entry.contains('.'));
        listed.insert(folder, own.count());
        if !kustomization.helm_charts.is_empty() || !kustomization.generators.is_empty() || !kustomization.transformers.is_empty() {
            unsure.insert(folder);
        }
    }
    let source = renderer.source();
    let candidates: Vec<&Arc<str>> = source
        .files()
        .iter()
        .filter(|path| {
            let folder = folder_of(path);
            let name = path.rsplit('/').next().unwrap_or(path);
            (path.ends_with(".yaml") || path.ends_with(".yml"))
                && !name.starts_with('.')
                && !FILE_NAMES.contains(&name)
                // a folder whose kustomization lists no file of its own holds its files for another purpose
                && listed.get(folder).is_some_and(|count| *count > 0)
                && !unsure.contains(folder)
                && !named.contains(&***path)
                && !is_hidden(folder)
                && !matches!(layout.place(folder), Some(Err(())))
        })
        .collect();
    candidates
        .par_iter()
        .filter_map(|path| {
            let documents = renderer.parsed(path).ok()?;
            let object = |node: &Node| {
                let filled = |path: &[&str]| node.at(path).and_then(Node::text).is_some_and(|text| !text.is_empty());
                filled(&["apiVersion"]) && filled(&["kind"]) && filled(&["metadata", "name"])
            };
            let documents: Vec<Node> = documents.documents.iter().filter(|node| !node.is_null()).cloned().collect();
            let kustomization = renderer.kustomization(folder_of(path))?.file?;
            let file = renderer.file_id(path)?;
            (!documents.is_empty() && documents.iter().all(object)).then_some(Unreferenced { file, kustomization, documents })
        })
        .collect()
}

/// Entries that lead from one environment into another.
fn crossings(roots: &[Root], renderer: &Renderer, layout: &Layout) -> Vec<Crossing> {
    let source = renderer.source();
    let mut found = Vec::new();
    for root in roots {
        let Some(Ok(own)) = layout.place(&root.folder) else { continue };
        let Some(kustomization) = renderer.kustomization(&root.folder).and_then(|loaded| loaded.kustomization.clone()) else { continue };
        for entry in kustomization.paths() {
            let path = entry.rsplit('=').next().unwrap_or(entry);
            // what is written below the own environment stays there, whatever words its folders carry
            let Some(target) = join(&root.folder, path).filter(|target| !is_below(target, &own.prefix)) else { continue };
            let folder = match source.kind(&target) {
                Some(EntryKind::Directory) => target.as_str(),
                Some(EntryKind::File) => folder_of(&target),
                None => continue,
            };
            if let Some(Ok(other)) = layout.place(folder)
                && other.environment != own.environment
            {
                let (from, to) = (own.environment, other.environment);
                found.push(Crossing { folder: root.folder.clone(), origin: entry.origin(), target, from, to });
            }
        }
    }
    found
}

impl Kustomization {
    /// Whether it does nothing but list folders.
    fn only_gathers(&self) -> bool {
        let lists = [&self.components, &self.generators, &self.transformers, &self.validators, &self.patches_strategic_merge];
        !self.component
            && !self.resources.is_empty()
            && self.resources.iter().all(|entry| !entry.ends_with(".yaml") && !entry.ends_with(".yml") && !entry.ends_with(".json"))
            && lists.iter().all(|list| list.is_empty())
            && [&self.name_prefix, &self.name_suffix, &self.namespace].iter().all(|text| text.is_none())
            && self.common_labels.is_empty()
            && self.labels.is_empty()
            && self.common_annotations.is_empty()
            && self.patches.is_empty()
            && self.patches_json6902.is_empty()
            && self.images.is_empty()
            && self.replicas.is_empty()
            && self.replacements.is_empty()
            && self.config_map_generator.is_empty()
            && self.secret_generator.is_empty()
            && self.helm_charts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n";

    #[test]
    fn overlays_are_rendered_and_paired() {
        let source = Memory::new([
            ("apps/api/base/kustomization.yaml", "resources: [deployment.yaml]"),
            ("apps/api/base/deployment.yaml", DEPLOYMENT),
            ("apps/api/base/forgotten.yaml", DEPLOYMENT),
            ("apps/api/base/values.yaml", "replicas: 1"),
            ("apps/api/overlays/staging/kustomization.yaml", "resources: [../../base]\nnamespace: staging"),
            ("apps/api/overlays/production/kustomization.yaml", "resources: [../../base]\nnamespace: production"),
            ("tools/kustomization.yaml", "resources: [job.yaml]"),
            ("tools/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n"),
        ]);
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let shown: Vec<(&str, &str, usize)> =
            repo.overlays.iter().map(|overlay| (&*overlay.path, &*overlay.app, overlay.rendered.resources.len())).collect();
        assert_eq!(shown, [("apps/api/overlays/production", "api", 1), ("apps/api/overlays/staging", "api", 1), ("tools", "tools", 1)]);
        assert_eq!(repo.pairs.iter().map(|pair| (pair.from, pair.to)).collect::<Vec<_>>(), [(1, 0)]);
        let unreferenced: Vec<String> = repo.unreferenced.iter().map(|found| repo.files.get(found.file).path.to_string()).collect();
        assert_eq!(unreferenced, ["apps/api/base/forgotten.yaml"]);
    }

    #[test]
    fn agents_make_overlays_of_what_they_point_at() {
        let flux = |variable: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: api}}\nspec:\n  path: ./apps/api\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n  targetNamespace: {variable}\n  postBuild: {{substitute: {{LEVEL: {variable}}}}}\n"
            )
        };
        let (staging, production) = (flux("stage"), flux("live"));
        let source = Memory::new([
            ("apps/api/kustomization.yaml", "resources: [config.yaml]"),
            ("apps/api/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\ndata: {level: \"${LEVEL}\"}\n"),
            ("clusters/staging/apps.yaml", &staging),
            ("clusters/production/apps.yaml", &production),
        ]);
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let shown: Vec<(&str, Option<&str>, Option<&str>)> = repo
            .overlays
            .iter()
            .map(|overlay| {
                let object = overlay.rendered.resources.first().unwrap();
                let level = object.node.at(&["data", "level"]).and_then(Node::text);
                (repo.environment(overlay).map_or("", |environment| &*environment.name), object.namespace(), level)
            })
            .collect();
        assert_eq!(shown, [("staging", Some("stage"), Some("stage")), ("production", Some("live"), Some("live"))]);
        assert_eq!(repo.pairs.len(), 1);
    }

    #[test]
    fn application_sets_and_what_applications_add_are_applied() {
        let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: apps}\nspec:\n  goTemplate: true\n  generators:\n  - matrix:\n      generators:\n      - git: {repoURL: x, directories: [{path: apps/*}, {path: apps/old, exclude: true}]}\n      - list: {elements: [{env: staging, count: 1}, {env: production, count: 3}]}\n  template:\n    metadata: {name: '{{.path.basename}}-{{.env}}'}\n    spec:\n      source:\n        repoURL: x\n        path: '{{.path.path}}/overlays/{{.env}}'\n        kustomize:\n          images: ['acme/api=mirror/api:v2']\n          replicas: [{name: api, count: 3}]\n          components: [../../../../tracing]\n";
        let source = Memory::new([
            ("clusters/set.yaml", set),
            ("apps/api/base/kustomization.yaml", "resources: [deployment.yaml]"),
            (
                "apps/api/base/deployment.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: api, image: acme/api}]}}}\n",
            ),
            ("apps/api/overlays/staging/kustomization.yaml", "resources: [../../base]\nimages: [{name: acme/api, newTag: v1}]"),
            ("apps/api/overlays/production/kustomization.yaml", "resources: [../../base]\nimages: [{name: acme/api, newTag: v1}]"),
            ("apps/api/overlays/production/.argocd-source-api-production.yaml", "kustomize: {images: ['acme/api:v3']}\n"),
            ("apps/old/overlays/staging/kustomization.yaml", "resources: []"),
            (
                "tracing/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {traced: 'yes'}",
            ),
        ]);
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let shown: Vec<String> = repo
            .overlays
            .iter()
            .filter(|overlay| overlay.app == "api")
            .map(|overlay| {
                let object = &overlay.rendered.resources[0].node;
                let text = |path: &[&str]| object.at(path).and_then(Node::text).unwrap_or_default().to_string();
                let image = object.pointer("/spec/template/spec/containers/0/image").and_then(Node::text).unwrap_or_default();
                let agent = overlay.agent.as_ref().map_or("", |agent| &agent.name);
                format!("{agent} {image} {} {}", text(&["spec", "replicas"]), text(&["metadata", "annotations", "traced"]))
            })
            .collect();
        assert_eq!(shown, ["Application api-production acme/api:v3 3 yes", "Application api-staging mirror/api:v2 3 yes"]);
    }
}
