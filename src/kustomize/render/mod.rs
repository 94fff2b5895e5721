//! The renderer: folders to rendered resources, each folder once, for all threads.
//!
//! Here: the interface of the module, and the steps at the top of a build: hashes,
//! references, variables, dropping of local configuration, order, build metadata. Not here: the
//! accumulation below (`accumulate`).

mod annotations;
mod plain;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use super::ChartRenderer;
use super::accumulate::{Accumulated, Accumulator, Scope};
use super::context::{BuildContext, ParseError, RenderOptions, Shared, lock};
use super::identity::check_unique;
use super::kustomization::path_in;
use super::loader::{Loaded, Loader, start_of_kustomization};
use super::{Kustomization, Problem, ProblemKind, Rendered, Resource, hash, order, transform};
use crate::source::{Files, Source};
use crate::yaml::read::Documents;
use crate::yaml::reprint;
use crate::yaml::{By, FileId, Node, Origin};
use annotations::BuildMetadata;

const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";
/// Renders the folders of one tree. Cheap to share: every method takes `&self`, and each file and
/// base is read and built once.
pub struct Renderer {
    shared: Shared,
    loader: Loader,
    scope: Scope,
    rendered: Mutex<HashMap<Arc<str>, Arc<OnceLock<Arc<Rendered>>>>>,
}

impl Renderer {
    /// A renderer of a tree. Files that are read are added to `files`.
    pub fn new(source: Arc<dyn Source>, files: Arc<Files>, options: RenderOptions) -> Renderer {
        Renderer {
            shared: Shared::new(source, files, options),
            loader: Loader::default(),
            scope: Scope::default(),
            rendered: Mutex::default(),
        }
    }
    /// A renderer of another revision. Files that are the same in both are read once.
    pub fn beside(&self, source: Arc<dyn Source>, remotes: super::remote::Remotes) -> Renderer {
        Renderer {
            shared: self.shared.beside(source, remotes),
            loader: Loader::default(),
            scope: Scope::default(),
            rendered: Mutex::default(),
        }
    }
    /// The options with which it renders.
    pub fn options(&self) -> &RenderOptions {
        &self.shared.options
    }
    /// The tree.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.shared.source
    }
    /// The files that were read.
    pub fn files(&self) -> &Arc<Files> {
        &self.shared.files
    }
    /// The renderer of the tree's charts.
    pub fn charts(&self) -> Option<&dyn ChartRenderer> {
        self.shared.charts.as_deref()
    }
    /// Renders the kustomization of a folder.
    pub fn render(&self, folder: &str) -> Arc<Rendered> {
        let folder = self.real(folder);
        let cell = lock(&self.rendered)
            .entry(Arc::from(folder.as_str()))
            .or_default()
            .clone();
        cell.get_or_init(|| Arc::new(self.build(&folder, None)))
            .clone()
    }
    /// Renders a folder with another kustomization instead of its own. Agents edit or write the
    /// file before they build.
    pub fn render_as(&self, folder: &str, kustomization: &Kustomization) -> Arc<Rendered> {
        Arc::new(self.build(&self.real(folder), Some(kustomization)))
    }
    /// Changes objects as a kustomization changes its resources, in their order.
    pub fn render_over(
        &self,
        folder: &str,
        kustomization: &Kustomization,
        resources: Vec<Resource>,
    ) -> Rendered {
        let own_scope = Scope::new(false, false);
        let accumulator = Accumulator {
            shared: &self.shared,
            loader: &self.loader,
            scope: &own_scope,
        };
        let mut gathered = Accumulated {
            resources,
            ..Accumulated::default()
        };
        accumulator.root_as(&self.real(folder), kustomization, &mut gathered);
        finish(gathered)
    }
    /// True if a file has at most `largest` bytes and its text passes a test. Texts that are small
    /// enough to be a manifest are kept for later parsing.
    pub fn skim(&self, path: &str, largest: usize, test: impl Fn(&str) -> bool) -> bool {
        self.shared.skim(path, largest, test)
    }
    /// The documents of a YAML file, parsed once for everybody.
    pub fn parsed(&self, path: &str) -> Result<Arc<Documents>, ParseError> {
        self.shared.documents(path)
    }
    /// The number of a YAML file, when it could be read.
    pub fn file_id(&self, path: &str) -> Option<FileId> {
        self.shared.file_id(path)
    }
    /// The kustomization of a folder; `None` when there is no kustomization file.
    pub fn kustomization(&self, folder: &str) -> Option<Arc<Loaded>> {
        self.loader.load(&self.shared, &self.real(folder))
    }

    /// The folders that the kustomization of a folder names under resources, components and the
    /// like.
    pub fn children(&self, folder: &str) -> Vec<Arc<str>> {
        self.loader.children(&self.shared, &self.real(folder))
    }
    /// True if the kustomization of a folder, or one of its bases, refers to something outside the
    /// tree.
    pub fn leads_out(&self, folder: &str) -> bool {
        let folder = self.real(folder);
        let reach = self.loader.reach(&self.shared, &folder);
        std::iter::once(&*folder)
            .chain(reach.iter().map(|folder| &**folder))
            .any(|folder| {
                let Some(kustomization) = self
                    .loader
                    .load(&self.shared, folder)
                    .and_then(|loaded| loaded.kustomization.clone())
                else {
                    return false;
                };
                kustomization.paths().any(|entry| {
                    let located = self
                        .shared
                        .locate(folder, path_in(entry))
                        .and_then(|path| self.shared.source.resolve(&path));
                    matches!(located, Err(crate::source::SourceError::OutsideRoot))
                })
            })
    }

    fn real(&self, folder: &str) -> String {
        let folder = folder.trim_matches('/');
        self.shared
            .source
            .resolve(folder)
            .unwrap_or_else(|_| folder.to_string())
    }

    fn build(&self, folder: &str, own: Option<&Kustomization>) -> Rendered {
        let loaded = self.loader.load(&self.shared, folder);
        if loaded.is_none() && own.is_none() {
            let origin = start_of_kustomization(&self.shared, folder);
            let folder = match folder {
                "" => "the root of the repository".to_string(),
                folder => format!("the folder {folder:?}"),
            };
            let message = format!("{folder} has no kustomization file");
            let problem = Problem::error(origin, message)
                .with_help("add a kustomization.yaml, or name a folder that has one");
            return finish(Accumulated {
                problems: vec![problem],
                ..Accumulated::default()
            });
        }
        let top = match own {
            Some(own) => Some(Arc::new(own.clone())),
            None => loaded
                .as_ref()
                .and_then(|loaded| loaded.kustomization.clone()),
        };
        let metadata = BuildMetadata::of(top.as_deref());
        let trails = top.iter().any(|top| !top.build_metadata.is_empty());
        let own_scope = self.own_scope(folder, trails);
        let accumulator = Accumulator {
            shared: &self.shared,
            loader: &self.loader,
            scope: own_scope.as_ref().unwrap_or(&self.scope),
        };
        let gathered = match own {
            None => Arc::unwrap_or_clone(accumulator.root(folder)),
            Some(own) => {
                let mut gathered = Accumulated::default();
                if let Some(loaded) = &loaded {
                    gathered.files.extend(loaded.file);
                    gathered.problems.extend(loaded.problems.iter().cloned());
                }
                accumulator.root_as(folder, own, &mut gathered);
                gathered
            }
        };
        finish(self.complete(folder, top.as_deref(), metadata, gathered))
    }

    /// The steps that kustomize runs once, after everything is gathered.
    fn complete(
        &self,
        folder: &str,
        top: Option<&Kustomization>,
        mut metadata: BuildMetadata,
        mut gathered: Accumulated,
    ) -> Accumulated {
        let mut context = BuildContext::new(&self.shared, folder);
        let resources = &mut gathered.resources;
        hash::add_hashes(resources);
        transform::fix_references(resources, &gathered.configuration, &mut context);
        gathered
            .vars
            .sort_by(|a, b| a.name.value.cmp(&b.name.value));
        transform::resolve_vars(
            resources,
            &gathered.vars,
            &gathered.configuration,
            &mut context,
        );
        for resource in resources.iter() {
            check_identity(resource, &mut context);
        }
        resources.retain(|resource| !is_local(&resource.node));
        check_unique(resources, &mut context.problems);
        let sort_options = top.and_then(|top| top.sort_options.as_ref());
        let reorder = self.shared.options.reorder;
        order::apply(resources, sort_options, reorder, &mut context.problems);
        metadata.managed_by |= self.shared.options.managed_by_label;
        let here = top
            .map_or_else(
                || start_of_kustomization(&self.shared, folder),
                |top| top.origin,
            )
            .with(By::BuildMetadata);
        for resource in resources.iter_mut() {
            metadata.write(resource, here, &mut context);
        }
        for deleted in &mut gathered.deleted {
            BuildMetadata::KEEP.tidy(&mut deleted.resource.node);
        }
        gathered.problems.append(&mut context.problems);
        gathered.files.append(&mut context.files_read);
        gathered
    }

    /// A scope for this build alone, when something in it changes how bases are built.
    fn own_scope(&self, folder: &str, trails: bool) -> Option<Scope> {
        let reach = self.loader.reach(&self.shared, folder);
        let openapi = std::iter::once(folder)
            .chain(reach.iter().map(|folder| &**folder))
            .any(|folder| {
                let loaded = self.loader.load(&self.shared, folder);
                loaded
                    .and_then(|loaded| loaded.kustomization.clone())
                    .is_some_and(|kustomization| kustomization.openapi.is_some())
            });
        (trails || openapi).then(|| Scope::new(trails, openapi))
    }
}

fn finish(mut gathered: Accumulated) -> Rendered {
    gathered
        .resources
        .iter_mut()
        .for_each(|resource| reprint::settle_object(&mut resource.node));
    let mut problems = distinct(gathered.problems);
    // everything that names an object of a missing file, base or chart would report it again
    if problems
        .iter()
        .any(|problem| problem.kind.refused() && problem.kind != ProblemKind::Absent)
    {
        problems.retain(|problem| problem.kind != ProblemKind::Absent);
    }
    let complete = !problems.iter().any(|problem| problem.kind.refused());
    Rendered {
        resources: gathered.resources,
        problems,
        complete,
        files: gathered.files,
        deleted: gathered.deleted,
        unknown: BTreeSet::new(),
        releases: gathered.releases,
        copies: gathered.copies,
    }
}

/// Every problem once, in the order of appearance.
fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    problems
        .into_iter()
        .filter(|problem| seen.insert((problem.kind, problem.message.clone(), problem.origin)))
        .collect()
}

/// Refuses a resource that is no longer an object: a replacement can remove kind and name.
fn check_identity(resource: &Resource, context: &mut BuildContext<'_>) {
    let node = &resource.node;
    let metadata = node.get("metadata");
    let missing = if resource.kind().is_empty() {
        "no kind"
    } else if metadata.is_some_and(|metadata| metadata.as_map().is_none() && !metadata.is_null()) {
        "metadata that is not a map"
    } else if !resource.kind().ends_with("List") && resource.name().is_empty() {
        "no metadata.name"
    } else {
        return;
    };
    let was = match resource.original.kind.is_empty() {
        true => String::new(),
        false => format!("the former {} ", resource.original),
    };
    let origin = metadata.map_or(
        Origin {
            end: node.origin.start,
            ..node.origin
        },
        |metadata| metadata.origin,
    );
    context.report(
        Problem::error(origin, format!("{was}has {missing} after all changes"))
            .with_help("change single fields of metadata only"),
    );
}

fn is_local(node: &Node) -> bool {
    let value = node.at(&["metadata", "annotations", LOCAL_CONFIG]);
    value.is_some_and(|value| {
        value
            .as_scalar()
            .is_none_or(|scalar| &*scalar.text != "false")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;
    use crate::yaml::read::read;
    use crate::yaml::{FileId, write};

    const BASE: &str = "\
resources: [objects.yaml]
configMapGenerator:
- name: settings
  literals: [a=b]
";
    const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'web:1', envFrom: [{configMapRef: {name: settings}}], ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

    /// Kustomizations that anyone may write: rendering one never panics, gives the same twice, and
    /// what it writes can be read.
    #[test]
    fn fuzz_renderer() {
        let words = &[
            "resources:\n",
            "- ../base\n",
            "- objects.yaml\n",
            "- .\n",
            "components:\n",
            "namespace: ",
            "namePrefix: ",
            "nameSuffix: ",
            "images:\n",
            "- name: web\n",
            "  newTag: ",
            "  digest: sha256:",
            "replicas:\n- {name: web, count: ",
            "labels:\n- pairs: {a: b}\n  includeSelectors: true\n",
            "commonLabels: {a: b}\n",
            "commonAnnotations: {a: b}\n",
            "patches:\n",
            "- path: p.yaml\n",
            "  target: {kind: Deployment}\n",
            "- patch: |-\n",
            "    kind: Deployment\n",
            "    metadata: {name: web}\n",
            "    spec: null\n",
            "    $patch: delete\n",
            "    - op: replace\n      path: /spec/replicas\n      value: 2\n",
            "replacements:\n",
            "- source: {kind: Service, fieldPath: metadata.name}\n",
            "  targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.spec.containers.0.name]}]\n",
            "configMapGenerator:\n",
            "- {name: c, literals: [a=b]}\n",
            "secretGenerator:\n",
            "generatorOptions: {disableNameSuffixHash: true}\n",
            "vars:\n",
            "- {name: V, objref: {kind: Service, name: web, apiVersion: v1}}\n",
            "kind: Component\n",
            "buildMetadata: [originAnnotations]\n",
            "sortOptions: {order: legacy}\n",
            "\n",
            "  ",
            "- ",
            "{}\n",
            "[]\n",
            "a",
            "1",
            "null",
            "'",
            "*",
            "options: {create: true}\n",
            "behavior: merge\n",
        ];
        let examples = [
            "resources: [../base]\nnamespace: p\nnamePrefix: a-\nimages: [{name: web, newTag: '2'}]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: add\n      path: /spec/replicas\n      value: 2\n",
            "resources: [../base]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}\n    spec: {template: {spec: {containers: [{name: web, env: [{name: A, value: b}]}]}}}\nreplicas: [{name: web, count: 3}]\n",
            "resources: [../base]\nreplacements:\n- source: {kind: Service, name: web, fieldPath: spec.ports.0.port}\n  targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.spec.containers.0.ports.0.containerPort]}]\nconfigMapGenerator: [{name: settings, behavior: merge, literals: [c=d]}]\n",
            "resources: [../base]\ncommonLabels: {team: a}\nvars: [{name: V, objref: {kind: Service, name: web, apiVersion: v1}}]\ncomponents: [../base]\n",
        ];
        crate::fuzz::run("renderer", &examples, words, |text| {
            let render = || {
                let tree = Memory::new([
                    ("base/kustomization.yaml", BASE),
                    ("base/objects.yaml", OBJECTS),
                    ("top/kustomization.yaml", text),
                    ("top/p.yaml", OBJECTS),
                ]);
                let options = RenderOptions::default();
                Renderer::new(Arc::new(tree), Arc::default(), options).render("top")
            };
            let (rendered, again) = (render(), render());
            let written = |rendered: &Rendered| -> Vec<String> {
                let objects = rendered.resources.iter();
                objects.map(|object| write::write(&object.node)).collect()
            };
            let texts = written(&rendered);
            assert_eq!(texts, written(&again));
            for text in &texts {
                assert!(read(text, FileId(0)).is_ok(), "{text}");
            }
        });
    }
}
