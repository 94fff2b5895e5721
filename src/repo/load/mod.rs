//! Loads a tree of files: finds the overlays and pairs them. An overlay is only rendered when it is
//! needed.
//!
//! Here: the order of the steps. `roots` finds kustomizations, `overlays` makes overlays of them,
//! `values` finds the objects that Flux substitutes from, `reuse` shares renderings between
//! revisions. Not here: reading paths (`discover`), what agents point at (`agents`), pairing
//! (`pairs`).

mod branches;
mod built;
mod crossings;
mod foreign_values;
mod overlays;
mod renumber;
mod reuse;
mod roots;
mod scripts;
mod unlisted;
mod values;

use super::agents::{self, Agents};
use super::codeowners::CodeOwners;
use super::discover::{Layout, Root, learned, told_apart};
use super::refs::Chosen;
use super::{Repo, coverage, pairs, records, renovate, submodules};
use crate::config::{Config, Environment, default_environments};
use crate::kustomize::{Kustomization, RenderOptions, Renderer};
use crate::source::beside::Beside;
use crate::source::refs::split;
use crate::source::{Files, Source, folder_of};
use crossings::crossings;
use foreign_values::foreign_values;
use overlays::overlays;
use rayon::prelude::*;
use reuse::HeadRenderings;
use roots::{kustomization_folders, root_of};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use unlisted::unreferenced;

/// A tree of files after its layout, kustomizations and agents' objects were read.
#[derive(Clone, Copy)]
struct Tree<'t> {
    roots: &'t [Root],
    layout: &'t Layout<'t>,
    agents: &'t Arc<Agents>,
    renderer: &'t Arc<Renderer>,
}

impl<'t> Tree<'t> {
    /// The kustomizations that can be read.
    fn kustomizations(self) -> impl Iterator<Item = (&'t Root, Arc<Kustomization>)> {
        self.roots.iter().filter_map(move |root| {
            let loaded = self.renderer.kustomization(&root.folder)?;
            Some((root, loaded.kustomization.clone()?))
        })
    }
}

impl Repo {
    /// Loads a tree. `root` is its folder on disk, for absolute paths in kustomizations.
    pub fn load(source: Arc<dyn Source>, root: Option<PathBuf>, config: &Config) -> Repo {
        Repo::load_with(source, root, config, Arc::new(Files::default()))
    }

    /// Loads a tree into an existing table of files.
    pub fn load_with(
        source: Arc<dyn Source>,
        root: Option<PathBuf>,
        config: &Config,
        files: Arc<Files>,
    ) -> Repo {
        let options = RenderOptions {
            remotes: config.remotes.clone(),
            charts: Some(crate::helm::charts_of),
            root,
            ..RenderOptions::default()
        };
        Repo::assemble(
            Arc::new(Renderer::new(source, files, options)),
            config,
            None,
        )
    }

    /// Loads a base of this repo. Both share the renderings that the change between them cannot
    /// affect. `alike` is true if both have the same configuration.
    pub fn beside(&self, source: Arc<Beside>, config: &Config, alike: bool) -> Repo {
        let renderer = Arc::new(self.renderer.beside(source.clone(), config.remotes.clone()));
        if alike && self.keeps_shape(&renderer, source.changed()) {
            return self.reshared(renderer, source.changed());
        }
        let shared =
            (config.remotes == self.renderer.options().remotes).then_some((self, source.changed()));
        Repo::assemble(renderer, config, shared)
    }

    /// The same files under another configuration. Both share the renderings if they read remote bases
    /// the same way.
    pub fn under(&self, config: &Config) -> Repo {
        let nothing = BTreeSet::new();
        if config.remotes == self.renderer.options().remotes {
            return Repo::assemble(self.renderer.clone(), config, Some((self, &nothing)));
        }
        let source = self.renderer.source().clone();
        let renderer = self.renderer.beside(source, config.remotes.clone());
        Repo::assemble(Arc::new(renderer), config, None)
    }

    /// Reads a tree with the refs that are environments, and once more with those that agents turn
    /// out to read. Most repositories have neither.
    fn assemble(
        renderer: Arc<Renderer>,
        config: &Config,
        beside: Option<(&Repo, &BTreeSet<Arc<str>>)>,
    ) -> Repo {
        /// Agents in one ref may read another one.
        const ROUNDS: usize = 4;
        let main = renderer.source().clone();
        let mut environments = config.environments.clone();
        let mut chosen = Chosen::of(&environments, &*main);
        let with_refs = |chosen: &Chosen| match chosen.tree(&main) {
            Some(tree) => Arc::new(renderer.beside(tree, config.remotes.clone())),
            None => renderer.clone(),
        };
        for _ in 0..ROUNDS {
            let repo = Repo::read(with_refs(&chosen), config, (&environments, &chosen), beside);
            let more = || chosen.with(&repo.agents.refs, main.refs()?);
            if let Some(more) = more() {
                chosen = more;
            } else if let Some(found) = branches::discovered(&repo, config, &*main)
                && found != environments
            {
                environments = found;
                chosen = Chosen::of(&environments, &*main);
            } else {
                return repo;
            }
        }
        Repo::read(with_refs(&chosen), config, (&environments, &chosen), beside)
    }

    fn read(
        renderer: Arc<Renderer>,
        config: &Config,
        (ordered, chosen): (&[Environment], &Chosen),
        beside: Option<(&Repo, &BTreeSet<Arc<str>>)>,
    ) -> Repo {
        let (source, files) = (renderer.source().clone(), renderer.files().clone());
        // reading the layout uses one thread, so the search for agents runs beside it
        let shape = Shape {
            config,
            source: &*source,
            chosen,
        };
        let (layout, candidates) =
            rayon::join(|| shape.layout(ordered), || agents::candidates(&renderer));
        let kustomizations = kustomization_folders(&*source, &layout);
        let environments = shape.environments(ordered, &layout, &kustomizations, &renderer);
        let mut layout = match environments == ordered {
            true => layout,
            false => shape.layout(&environments),
        };
        // the files of agents are parsed beside the kustomizations, and read when those are known
        let parse = || {
            candidates
                .par_iter()
                .for_each(|path| _ = renderer.parsed(path))
        };
        let read_roots = || {
            kustomizations
                .par_iter()
                .map(|folder| root_of(folder, &renderer))
                .collect()
        };
        let (roots, ()): (Vec<Root>, ()) = rayon::join(read_roots, parse);
        let agents = agents::collect(&renderer, (&layout, chosen), &candidates, &roots);
        let agents = Arc::new(agents);
        layout.note_names(&roots);
        let tree = Tree {
            roots: &roots,
            layout: &layout,
            agents: &agents,
            renderer: &renderer,
        };
        let head = || {
            beside.map(|(head, changed)| {
                HeadRenderings::new(head, changed, Some(&roots), &renderer, &agents)
            })
        };
        let (overlays, (unreferenced, crossings)) = rayon::join(
            || overlays(tree, head().as_ref()),
            || {
                let crossings = crossings(tree).into_iter();
                let crossings = crossings.chain(foreign_values(tree)).collect();
                (unreferenced(tree), crossings)
            },
        );
        Repo {
            uncovered: coverage::uncovered(&roots, &layout, &overlays),
            ignored: coverage::ignored(&roots, &layout),
            pairs: pairs::pairs(&overlays, &environments, config),
            unreferenced,
            crossings,
            renovate: renovate::find(&*source, &files),
            submodules: submodules::find(&*source, &files),
            owners: CodeOwners::find(&*source, &files),
            records: records::read(&renderer, &config.records, &overlays, &environments),
            environments,
            image_fields: config.image_fields.clone(),
            record_paths: config.records.clone(),
            overlays,
            source,
            files,
            roots,
            agents,
            renderer,
        }
    }

    /// Renders all overlays that were not rendered yet, on all threads.
    pub fn render_all(&self) {
        self.overlays
            .par_iter()
            .for_each(|overlay| _ = overlay.rendered.complete);
    }
}

/// What the layout of a repo is read from.
#[derive(Clone, Copy)]
struct Shape<'a> {
    config: &'a Config,
    source: &'a dyn Source,
    chosen: &'a Chosen,
}

impl Shape<'_> {
    fn layout<'e>(&'e self, environments: &'e [Environment]) -> Layout<'e> {
        let paths = self.source.files().iter();
        let folders = paths.map(|path| folder_of(split(path).1));
        Layout::new(environments, &self.config.layout, folders)
            .with_clusters(&self.config.clusters)
            .with_branches(self.chosen.environments())
    }

    /// The environments in order. If none are configured, the defaults with those that the repo tells
    /// apart, and those that its shape shows. `layout` is that of `ordered`.
    fn environments(
        &self,
        ordered: &[Environment],
        layout: &Layout,
        kustomizations: &BTreeSet<String>,
        renderer: &Renderer,
    ) -> Vec<Environment> {
        let mut environments = ordered.to_vec();
        if self.config.environments != default_environments() || layout.branches().next().is_some()
        {
            return environments;
        }
        told_apart(&mut environments, kustomizations);
        let references = |folder: &str| root_of(folder, renderer).references;
        let learned = match environments == ordered {
            true => learned(layout, kustomizations, &references),
            false => learned(&self.layout(&environments), kustomizations, &references),
        };
        environments.extend(learned);
        environments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;
    use crate::yaml::Node;

    const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n";

    #[test]
    fn overlays_are_rendered_and_paired() {
        let source = Memory::new([
            (
                "apps/api/base/kustomization.yaml",
                "resources: [deployment.yaml]",
            ),
            ("apps/api/base/deployment.yaml", DEPLOYMENT),
            ("apps/api/base/forgotten.yaml", DEPLOYMENT),
            ("apps/api/base/values.yaml", "replicas: 1"),
            (
                "apps/api/overlays/staging/kustomization.yaml",
                "resources: [../../base]\nnamespace: staging",
            ),
            (
                "apps/api/overlays/production/kustomization.yaml",
                "resources: [../../base]\nnamespace: production",
            ),
            ("tools/kustomization.yaml", "resources: [job.yaml]"),
            (
                "tools/job.yaml",
                "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n",
            ),
        ]);
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let shown: Vec<(&str, &str, usize)> = repo
            .overlays
            .iter()
            .map(|overlay| {
                (
                    &*overlay.path,
                    &*overlay.app,
                    overlay.rendered.resources.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("apps/api/overlays/production", "api", 1),
                ("apps/api/overlays/staging", "api", 1),
                ("tools", "tools", 1)
            ]
        );
        assert_eq!(
            repo.pairs
                .iter()
                .map(|pair| (pair.from, pair.to))
                .collect::<Vec<_>>(),
            [(1, 0)]
        );
        let unreferenced: Vec<String> = repo
            .unreferenced
            .iter()
            .map(|found| repo.files.get(found.file).path.to_string())
            .collect();
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
            (
                "apps/api/config.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\ndata: {level: \"${LEVEL}\"}\n",
            ),
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
                (
                    repo.environment(overlay)
                        .map_or("", |environment| &*environment.name),
                    object.namespace(),
                    level,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("staging", Some("stage"), Some("stage")),
                ("production", Some("live"), Some("live"))
            ]
        );
        assert_eq!(repo.pairs.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn an_overlay_may_be_a_link_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        };
        write("shared/live/kustomization.yaml", "resources: [../base]");
        write("shared/base/kustomization.yaml", "resources: [map.yaml]");
        write(
            "shared/base/map.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
        );
        write(
            "apps/api/overlays/staging/kustomization.yaml",
            "resources: [../../base]",
        );
        std::os::unix::fs::symlink(
            "../../../shared/live",
            root.join("apps/api/overlays/production"),
        )
        .unwrap();
        std::os::unix::fs::symlink("../../shared/base", root.join("apps/api/base")).unwrap();
        let source = crate::source::worktree::Worktree::open(root).unwrap();
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let paths: Vec<(&str, usize)> = repo
            .overlays
            .iter()
            .map(|overlay| (overlay.path.as_str(), overlay.rendered.resources.len()))
            .collect();
        assert!(
            paths.contains(&("apps/api/overlays/production", 1))
                && paths.contains(&("apps/api/overlays/staging", 1)),
            "{paths:?}"
        );
        assert!(
            !paths.iter().any(|(path, _)| path.ends_with("base")),
            "{paths:?}"
        );
    }

    #[test]
    fn application_sets_and_what_applications_add_are_applied() {
        let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: apps}\nspec:\n  goTemplate: true\n  generators:\n  - matrix:\n      generators:\n      - git: {repoURL: x, directories: [{path: apps/*}, {path: apps/old, exclude: true}]}\n      - list: {elements: [{env: staging, count: 1}, {env: production, count: 3}]}\n  template:\n    metadata: {name: '{{.path.basename}}-{{.env}}'}\n    spec:\n      source:\n        repoURL: x\n        path: '{{.path.path}}/overlays/{{.env}}'\n        kustomize:\n          images: ['acme/api=mirror/api:v2']\n          replicas: [{name: api, count: 3}]\n          components: [../../../../tracing]\n";
        let source = Memory::new([
            ("clusters/set.yaml", set),
            (
                "apps/api/base/kustomization.yaml",
                "resources: [deployment.yaml]",
            ),
            (
                "apps/api/base/deployment.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: api, image: acme/api}]}}}\n",
            ),
            (
                "apps/api/overlays/staging/kustomization.yaml",
                "resources: [../../base]\nimages: [{name: acme/api, newTag: v1}]",
            ),
            (
                "apps/api/overlays/production/kustomization.yaml",
                "resources: [../../base]\nimages: [{name: acme/api, newTag: v1}]",
            ),
            (
                "apps/api/overlays/production/.argocd-source-api-production.yaml",
                "kustomize: {images: ['acme/api:v3']}\n",
            ),
            (
                "apps/old/overlays/staging/kustomization.yaml",
                "resources: []",
            ),
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
                let text = |path: &[&str]| {
                    object
                        .at(path)
                        .and_then(Node::text)
                        .unwrap_or_default()
                        .to_string()
                };
                let image = object
                    .pointer("/spec/template/spec/containers/0/image")
                    .and_then(Node::text)
                    .unwrap_or_default();
                let agent = overlay.agent.as_ref().map_or("", |agent| &agent.name);
                format!(
                    "{agent} {image} {} {}",
                    text(&["spec", "replicas"]),
                    text(&["metadata", "annotations", "traced"])
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Application api-production acme/api:v3 3 yes",
                "Application api-staging mirror/api:v2 3 yes"
            ]
        );
    }

    const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\n";

    fn child(path: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: api, namespace: flux-system}}\nspec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
        )
    }

    /// Folder, environment and agent of each overlay.
    fn applied(files: &[(&str, &str)]) -> (Vec<String>, Repo) {
        let source = Memory::new(files.iter().copied());
        let repo = Repo::load(Arc::new(source), None, &Config::default());
        let shown = |overlay: &crate::repo::Overlay| {
            let environment = repo.environment(overlay).map_or("-", |one| &one.name);
            let agent = overlay.agent.as_ref().map_or("-", |agent| &agent.name);
            format!("{} {environment} {agent}", overlay.path)
        };
        (repo.overlays.iter().map(shown).collect(), repo)
    }

    #[test]
    fn agents_are_followed_as_their_parents_apply_them() {
        let parent = |site: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: list}}\nspec:\n  path: ./list\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n  postBuild: {{substituteFrom: [{{kind: ConfigMap, name: {site}}}]}}\n"
            )
        };
        let (found, _) = applied(&[
            ("clusters/production/list.yaml", &parent("west")),
            ("clusters/staging/list.yaml", &parent("east")),
            (
                "vars/west.yaml",
                "kind: ConfigMap\nmetadata: {name: west}\ndata: {SITE: west}\n",
            ),
            (
                "vars/east.yaml",
                "kind: ConfigMap\nmetadata: {name: east}\ndata: {SITE: east}\n",
            ),
            ("list/kustomization.yaml", "resources: [api.yaml]"),
            ("list/api.yaml", &child("./deploy/${SITE}")),
            ("deploy/west/kustomization.yaml", "resources: [config.yaml]"),
            ("deploy/west/config.yaml", CONFIG),
            ("deploy/east/kustomization.yaml", "resources: [config.yaml]"),
            ("deploy/east/config.yaml", CONFIG),
        ]);
        let wanted = [
            "deploy/east staging Kustomization flux-system/api",
            "deploy/west production Kustomization flux-system/api",
            "list staging Kustomization list",
            "list production Kustomization list",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_object_that_applies_itself_is_followed_as_it_is_patched() {
        let patch = "resources: [sync.yaml]\npatches:\n- target: {kind: Kustomization}\n  patch: |\n    - {op: replace, path: /spec/path, value: ./clusters/production}\n    - {op: add, path: /spec/commonMetadata, value: {labels: {cluster: live}}}\n";
        let (found, repo) = applied(&[
            ("clusters/production/kustomization.yaml", patch),
            (
                "clusters/production/sync.yaml",
                &child("./clusters/${CLUSTER}"),
            ),
        ]);
        assert_eq!(
            found,
            ["clusters/production production Kustomization flux-system/api"]
        );
        let own = &repo.overlays[0].rendered.resources[0].node;
        let label = own
            .at(&["metadata", "labels", "cluster"])
            .and_then(Node::text);
        assert_eq!((repo.pointers().len(), label), (1, Some("live")));
        assert!(repo.notes().is_empty(), "{:?}", repo.notes());
    }

    #[test]
    fn agents_that_apply_each_other_are_noted_once() {
        let (one, other) = (child("./b"), child("./a").replace("name: api", "name: web"));
        let (found, repo) = applied(&[
            ("a/kustomization.yaml", "resources: [one.yaml]"),
            ("a/one.yaml", &one),
            ("b/kustomization.yaml", "resources: [other.yaml]"),
            ("b/other.yaml", &other),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(repo.notes().len(), 1);
    }

    #[test]
    fn variables_that_grow_with_each_level_end_somewhere() {
        let list = format!(
            "{}  postBuild: {{substitute: {{X: 'a${{X}}'}}}}\n",
            child("./list").replace("name: api", "name: 'list${X}'")
        );
        let (_, repo) = applied(&[
            ("clusters/production/list.yaml", &list),
            ("list/kustomization.yaml", "resources: [list.yaml]"),
            ("list/list.yaml", &list),
        ]);
        assert!(repo.pointers().len() < 40, "{}", repo.pointers().len());
    }
}
