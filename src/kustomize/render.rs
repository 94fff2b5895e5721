//! The renderer: folders to rendered resources, each folder once, for all threads.
//!
//! Here: the interface of the module, and what happens once at the top of a build: hashes,
//! references, variables, dropping of local configuration, order, build metadata. Not here: the
//! accumulation below (`accumulate`).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use super::accumulate::{Accumulated, Accumulator, Scope};
use super::context::{BuildContext, ParseError, RenderOptions, Shared, lock};
use super::identity::{check_unique, name_origin};
use super::kustomization::path_in;
use super::loader::{Loaded, Loader, start_of_kustomization};
use super::manifests::manifests;
use super::{Kustomization, Problem, ProblemKind, Rendered, Resource, hash, order, transform};
use crate::source::{Files, Source};
use crate::yaml::read::Documents;
use crate::yaml::reprint;
use crate::yaml::{By, Data, Entry, FileId, Kind, Node, Origin, Scalar};

/// Files with this text are left out of plain folders by Argo CD.
const SKIPPED_BY_ARGO_CD: &str = "+argocd:skip-file-rendering";
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.2");

/// Annotations that kustomize keeps for itself and takes away at the end.
const BUILD_ANNOTATIONS: [&str; 19] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    transform::HELM_GENERATED,
];

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
    /// A renderer of another revision, which shares what was read of files that both have alike.
    pub fn beside(&self, source: Arc<dyn Source>, remotes: super::remote::Remotes) -> Renderer {
        Renderer {
            shared: self.shared.beside(source, remotes),
            loader: Loader::default(),
            scope: Scope::default(),
            rendered: Mutex::default(),
        }
    }
    /// How it renders.
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
    /// What the kustomization of a folder renders to.
    pub fn render(&self, folder: &str) -> Arc<Rendered> {
        let folder = self.real(folder);
        let cell = lock(&self.rendered)
            .entry(Arc::from(folder.as_str()))
            .or_default()
            .clone();
        cell.get_or_init(|| Arc::new(self.build(&folder, None)))
            .clone()
    }
    /// What a folder renders to with another kustomization instead of its own, as agents do that
    /// edit or write the file before they build.
    pub fn render_as(&self, folder: &str, kustomization: &Kustomization) -> Arc<Rendered> {
        Arc::new(self.build(&self.real(folder), Some(kustomization)))
    }
    /// The manifests of a folder, file by file as Argo CD reads them, whatever kustomization there
    /// is. `reads` chooses among the YAML, JSON and Jsonnet files in and below the folder by their
    /// paths relative to it.
    pub fn render_plain(&self, folder: &str, reads: &dyn Fn(&str) -> bool) -> Arc<Rendered> {
        let folder = self.real(folder);
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut gathered = Accumulated::default();
        let mut paths: Vec<&Arc<str>> = self
            .shared
            .source
            .files()
            .iter()
            .filter(|path| path.starts_with(&*prefix))
            .collect();
        // folder by folder, as a walk meets them
        paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        for path in paths {
            let below = path.strip_prefix(&*prefix).unwrap_or(path);
            if !reads(below) {
                continue;
            }
            if below.ends_with(".jsonnet") {
                let message =
                    format!("{below:?} is Jsonnet, which is not run, so what it makes is missing");
                let problem =
                    Problem::error(start_of_kustomization(&self.shared, &folder), message)
                        .with_kind(ProblemKind::NeedsPlugin);
                gathered
                    .problems
                    .push(problem.with_help("commit what it produces"));
            } else if [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| below.ends_with(end))
            {
                self.plain_file(path, &folder, &mut gathered);
            }
        }
        Arc::new(finish(gathered))
    }
    fn plain_file(&self, path: &Arc<str>, folder: &str, gathered: &mut Accumulated) {
        let text = self
            .shared
            .text(path)
            .map(|file| self.shared.files.get(file).text.clone())
            .unwrap_or_default();
        if text.contains(SKIPPED_BY_ARGO_CD) {
            return;
        }
        // a file that is not a manifest at all lies there for another purpose
        let manifest = || {
            ["apiVersion:", "kind:", "metadata:"]
                .iter()
                .all(|word| text.contains(word))
                || path.ends_with(".json")
        };
        match self.shared.documents(path) {
            Ok(documents) => {
                let first = documents
                    .documents
                    .iter()
                    .find(|document| !document.is_null());
                if !manifest() && first.is_none_or(|first| first.get("kind").is_none()) {
                    return;
                }
                let mut context = BuildContext::new(&self.shared, folder);
                context.report_duplicates(&documents);
                gathered.problems.append(&mut context.problems);
                // the server completes such a name
                let (generated, named): (Vec<Node>, Vec<Node>) =
                    documents.documents.iter().cloned().partition(|document| {
                        let there = |key: &str| document.at(&["metadata", key]).is_some();
                        there("generateName") && !there("name") && document.get("kind").is_some()
                    });
                let named = Documents {
                    documents: named,
                    ..Documents::default()
                };
                gathered
                    .resources
                    .append(&mut manifests(&named, None, &mut gathered.problems));
                gathered
                    .resources
                    .extend(generated.into_iter().map(Resource::new));
            }
            Err(_) if !manifest() => return,
            Err(ParseError::Yaml {
                message, origin, ..
            }) => gathered.problems.push(Problem::error(origin, message)),
            Err(ParseError::Source(error)) => {
                let message = format!("{path:?} cannot be read: {error}");
                gathered.problems.push(Problem::error(
                    start_of_kustomization(&self.shared, folder),
                    message,
                ));
            }
        }
        gathered.files.extend(self.shared.file_id(path));
    }
    /// Whether the text of a file that is no larger than `largest` bytes passes a test. What is
    /// small enough to be a manifest is kept for those who parse it.
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
    /// Whether something that the kustomization of a folder refers to, directly or through bases,
    /// lies outside of the tree.
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
            let message = format!("the folder {folder:?} has no kustomization file");
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
        let metadata = |name: &str| {
            top.iter()
                .any(|top| top.build_metadata.iter().any(|entry| &**entry == name))
        };
        let trails = top.iter().any(|top| !top.build_metadata.is_empty());
        let own_scope = self.own_scope(folder, trails);
        let scope = own_scope.as_ref().unwrap_or(&self.scope);
        let accumulator = Accumulator {
            shared: &self.shared,
            loader: &self.loader,
            scope,
        };
        let mut gathered = match own {
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
        let sort_options = top.as_ref().and_then(|top| top.sort_options.as_ref());
        order::apply(
            resources,
            sort_options,
            self.shared.options.reorder,
            &mut context.problems,
        );
        let managed = self.shared.options.managed_by_label || metadata("managedByLabel");
        let here = top
            .as_ref()
            .map_or_else(
                || start_of_kustomization(&self.shared, folder),
                |top| top.origin,
            )
            .with(By::BuildMetadata);
        for resource in resources.iter_mut() {
            if managed {
                set_string(
                    &mut resource.node,
                    "labels",
                    MANAGED_BY.0,
                    MANAGED_BY.1,
                    here,
                );
            }
            let trail = resource.trail.clone();
            if let Some(origin) = trail
                .as_ref()
                .and_then(|trail| trail.origin.as_deref())
                .filter(|_| metadata("originAnnotations"))
            {
                set_string(&mut resource.node, "annotations", ORIGIN, origin, here);
            }
            let transformations = trail
                .map(|trail| trail.transformations.clone())
                .unwrap_or_default();
            if !transformations.is_empty() && metadata("transformerAnnotations") {
                let text: String = transformations.iter().map(|text| list_item(text)).collect();
                set_string(
                    &mut resource.node,
                    "annotations",
                    TRANSFORMATIONS,
                    &text,
                    here,
                );
            }
            let keep = [
                (ORIGIN, metadata("originAnnotations")),
                (TRANSFORMATIONS, metadata("transformerAnnotations")),
            ];
            tidy_annotations(&mut resource.node, &keep);
            if let Some((value, why)) = reprint::unwritable(&resource.node) {
                context.report(
                    Problem::error(value.origin, why)
                        .with_related("it is part of this object", name_origin(&resource.node)),
                );
            }
            for entry in resource
                .node
                .at(&["metadata", "annotations"])
                .map(Node::entries)
                .unwrap_or_default()
            {
                // kustomize writes every annotation anew
                transform::check_key(&entry.key, entry.key_origin, &mut context);
            }
        }
        for deleted in &mut gathered.deleted {
            tidy_annotations(&mut deleted.resource.node, &[]);
        }
        gathered.problems.append(&mut context.problems);
        gathered.files.append(&mut context.files_read);
        finish(gathered)
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
    // what a missing file, base or chart would have brought is not missed once more by everything
    // that names it
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

/// Refuses what is not an object any more: a replacement can take kind and name away.
fn check_identity(resource: &Resource, context: &mut BuildContext<'_>) {
    let node = &resource.node;
    let metadata = node.get("metadata");
    let missing = if resource.kind().is_empty() {
        "no kind"
    } else if metadata.is_some_and(|metadata| metadata.as_map().is_none() && !metadata.is_null()) {
        "metadata that are no map"
    } else if !resource.kind().ends_with("List") && resource.name().is_empty() {
        "no metadata.name"
    } else {
        return;
    };
    let was = match resource.original.kind.is_empty() {
        true => String::new(),
        false => format!("what was {} ", resource.original),
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

fn set_string(node: &mut Node, map: &str, key: &str, text: &str, origin: Origin) {
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if metadata
        .get(map)
        .is_none_or(|present| present.as_map().is_none())
    {
        metadata.set(map, Node::map(Vec::new(), origin), origin);
    }
    if let Some(map) = metadata.get_mut(map) {
        map.set(key, Node::string(text, origin), origin);
    }
}

/// The text of an entry of the transformations annotation.
fn list_item(text: &str) -> String {
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        out.push_str(if index == 0 { "- " } else { "  " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Takes away the annotations of the build itself. Values become strings, and an empty map goes, as
/// kustomize writes it anew.
fn tidy_annotations(node: &mut Node, keep: &[(&str, bool)]) {
    let Some(annotations) = node.at(&["metadata", "annotations"]) else {
        return;
    };
    let dropped = |key: &str| {
        BUILD_ANNOTATIONS.contains(&key) || keep.iter().any(|(name, keep)| *name == key && !keep)
    };
    let untouched = annotations.as_map().is_some()
        && !annotations.entries().is_empty()
        && annotations.entries().iter().all(|entry| {
            !dropped(&entry.key)
                && entry
                    .value
                    .as_scalar()
                    .is_some_and(|scalar| scalar.kind == Kind::String)
        });
    if untouched {
        return;
    }
    let entries: Vec<Entry> = annotations
        .entries()
        .iter()
        .filter(|entry| !dropped(&entry.key))
        .map(|entry| {
            let mut entry = entry.clone();
            let text = entry
                .value
                .as_scalar()
                .map(|scalar| scalar.text.clone())
                .unwrap_or_default();
            if entry
                .value
                .as_scalar()
                .is_none_or(|scalar| scalar.kind != Kind::String)
            {
                entry.value.data = Data::Scalar(Scalar::string(text));
            }
            entry
        })
        .collect();
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if entries.is_empty() {
        if let Some(map) = metadata.map_mut() {
            map.entries.retain(|entry| &*entry.key != "annotations");
        }
    } else if let Some(map) = metadata.get_mut("annotations") {
        match map.map_mut() {
            Some(map) => map.entries = entries,
            None => map.data = Data::Map(Arc::default()),
        }
    }
}
