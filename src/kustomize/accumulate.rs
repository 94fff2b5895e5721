//! Accumulation: what a kustomization gathers from its resources, bases, generators and components,
//! and the order in which its transformers change it.
//!
//! Here: the order of the steps, identities, shared bases. Not here: the steps themselves (`patch`,
//! `transform`, `generators`), and what happens once at the top (`render`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use super::context::{BuildContext, Shared, absent, is_below, lock, start_of};
use super::decode::{Decoder, Rules, Text};
use super::generators::{self, Generated};
use super::kustomization::{GeneratorEntry, Kustomization, PatchEntry, VarEntry};
use super::loader::{Loader, Target, target};
use super::patch::Form;
use super::resource::{Behavior, Trail};
use super::schema::{self, Schema};
use super::transform::{self, Configuration};
use super::{Deleted, Problem, ProblemKind, Resource, ResourceId, charts, patch, remote};
use crate::source::join;
use crate::yaml::read::Documents;
use crate::yaml::{FileId, Node, Origin};

/// What to do about field specifications that contradict each other.
const CONTRADICTION: &str = "give both field specifications the same create";

/// Folders that may stand on top of each other.
const DEPTH_LIMIT: usize = 128;

/// What a folder gathered.
#[derive(Clone, Debug, Default)]
pub struct Accumulated {
    /// The resources so far.
    pub resources: Vec<Resource>,
    /// The transformer configuration so far.
    pub configuration: Arc<Configuration>,
    /// The variables so far.
    pub vars: Vec<VarEntry>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// The files that were read.
    pub files: BTreeSet<FileId>,
    /// The objects that patches deleted.
    pub deleted: Vec<Deleted>,
}

/// What makes the same folder build differently: schemas, and whether trails are kept, which is
/// decided at the root.
#[derive(Default)]
pub struct Scope {
    /// Whether `buildMetadata` is used.
    pub trails: bool,
    /// Present where some kustomization of the build has `openapi`. Such a scope serves one build,
    /// which goes through the folders in order.
    schema: Option<Mutex<SchemaState>>,
    cells: Mutex<HashMap<Key, Arc<OnceLock<Arc<Accumulated>>>>>,
}

/// Folder, trail, and whether a schema was chosen before.
type Key = (Arc<str>, String, bool);

/// The schema of a build so far. The first `openapi` that the build meets decides, from there on.
#[derive(Default)]
struct SchemaState {
    chosen: bool,
    custom: Option<Arc<Schema>>,
    /// Whether the built-in types came into use before, so that they count beside those of a file.
    built_in: bool,
}

impl Scope {
    /// A scope in which nothing was built yet.
    pub fn new(trails: bool, openapi: bool) -> Scope {
        Scope {
            trails,
            schema: openapi.then(Mutex::default),
            cells: Mutex::default(),
        }
    }
    fn chosen(&self) -> bool {
        self.schema.as_ref().is_some_and(|state| lock(state).chosen)
    }
    fn schema(&self) -> Option<Arc<Schema>> {
        lock(self.schema.as_ref()?).custom.clone()
    }
    /// Notes that the built-in types are in use: for a patch, or because an object's kind was
    /// looked for among them in vain.
    fn uses_built_in(&self) {
        if let Some(mut state) = self.schema.as_ref().map(lock) {
            state.built_in |= !state.chosen;
        }
    }
}

/// Builds folders within one scope.
#[derive(Clone, Copy)]
pub struct Accumulator<'a> {
    /// What all builds share.
    pub shared: &'a Shared,
    /// The kustomizations.
    pub loader: &'a Loader,
    /// The scope.
    pub scope: &'a Scope,
}

/// Where in a build we are.
struct Step<'k> {
    kustomization: &'k Kustomization,
    /// Path of the folder relative to the root of the build, for trails.
    trail: String,
    depth: usize,
}

fn key(id: &ResourceId) -> String {
    format!(
        "{}\0{}\0{}\0{}",
        id.api_version,
        id.kind,
        id.effective_namespace(),
        id.name
    )
}

/// Resources with an index of their identities.
struct Index {
    current: HashMap<String, usize>,
}

impl Index {
    fn new(resources: &[Resource]) -> Index {
        let mut current = HashMap::with_capacity(resources.len());
        for (index, resource) in resources.iter().enumerate() {
            current.entry(key(&resource.id())).or_insert(index);
        }
        Index { current }
    }
    /// Appends a resource, or reports that its identity is taken.
    fn append(
        &mut self,
        resources: &mut Vec<Resource>,
        resource: Resource,
        problems: &mut Vec<Problem>,
    ) {
        let id = resource.id();
        match self
            .current
            .get(&key(&id))
            .and_then(|index| resources.get(*index))
        {
            Some(present) => problems.push(conflict(&id, present, &resource)),
            None => {
                self.current.insert(key(&id), resources.len());
                resources.push(resource);
            }
        }
    }
}

/// Two resources of one identity.
pub fn conflict(id: &ResourceId, first: &Resource, second: &Resource) -> Problem {
    Problem::error(place(&second.node), format!("{id} is there twice"))
        .with_related("it is there first here", place(&first.node))
        .with_help("remove one of them, or give one another name or namespace")
}

/// Where a resource's name stands, or its first line.
pub fn place(node: &Node) -> Origin {
    node.at(&["metadata", "name"])
        .map_or(node.origin, |name| name.origin)
}

impl<'a> Accumulator<'a> {
    /// What a folder gathers, shared with everybody who builds it in the same scope.
    pub fn folder(&self, folder: &str, trail: &str, depth: usize) -> Arc<Accumulated> {
        let trail = if self.scope.trails {
            trail.to_string()
        } else {
            String::new()
        };
        let key = (Arc::from(folder), trail.clone(), self.scope.chosen());
        let cell = lock(&self.scope.cells).entry(key).or_default().clone();
        cell.get_or_init(|| Arc::new(self.build(folder, trail, depth)))
            .clone()
    }

    fn build(&self, folder: &str, trail: String, depth: usize) -> Accumulated {
        let mut gathered = Accumulated::default();
        let Some(loaded) = self.loader.load(self.shared, folder) else {
            return gathered;
        };
        gathered.files.extend(loaded.file);
        gathered.problems.extend(loaded.problems.iter().cloned());
        if let Some(kustomization) = &loaded.kustomization {
            self.kustomization(kustomization, folder, trail, depth, &mut gathered);
        }
        gathered
    }

    fn context(&self, folder: &str) -> BuildContext<'a> {
        BuildContext::new(self.shared, folder)
    }

    /// Takes the schema of `openapi`, unless one was taken before.
    fn openapi(&self, kustomization: &Kustomization, context: &mut BuildContext<'a>) {
        let (Some(openapi), Some(state)) = (&kustomization.openapi, &self.scope.schema) else {
            return;
        };
        let documents = openapi
            .path
            .as_ref()
            .map(|path| context.read_documents(path));
        let mut state = lock(state);
        match documents {
            Some(Err(problem)) => context.report(problem),
            _ if state.chosen => {}
            Some(Ok(documents)) => {
                if let Some(version) = &openapi.version {
                    let problem =
                        Problem::error(version.origin(), "openapi has both a path and a version");
                    context.report(problem.with_help("keep one of them"));
                }
                let known = state.built_in.then(schema::built_in);
                state.custom = documents
                    .documents
                    .first()
                    .map(|document| Arc::new(Schema::from_openapi(document, known)));
                state.chosen = true;
            }
            None => {
                if let Some(version) = openapi
                    .version
                    .as_ref()
                    .filter(|version| !version.is_empty())
                {
                    state.chosen = true;
                    if &**version != "v1.21.2" {
                        let message =
                            format!("the Kubernetes schema {:?} is not built in", &**version);
                        context.report(
                            Problem::error(version.origin(), message)
                                .with_help("the one that is built in is v1.21.2"),
                        );
                    }
                }
            }
        }
    }

    /// Adds what a kustomization says to what was gathered before (nothing, or for a component what
    /// its parent has).
    pub fn kustomization(
        &self,
        kustomization: &Kustomization,
        folder: &str,
        trail: String,
        depth: usize,
        gathered: &mut Accumulated,
    ) {
        let mut context = self.context(folder);
        self.openapi(kustomization, &mut context);
        let step = Step {
            kustomization,
            trail,
            depth,
        };
        self.resources(&step, &kustomization.resources, &mut context, gathered);
        self.configurations(kustomization, &mut context, gathered);
        self.generators(&step, &mut context, gathered);
        for entry in &kustomization.components {
            self.component(&step, entry, &mut context, gathered);
        }
        self.transformers(&step, &mut context, gathered);
        self.validators(&step, &mut context, gathered);
        merge_vars(&kustomization.vars, true, &mut context.problems, gathered);
        gathered.problems.append(&mut context.problems);
        gathered.files.append(&mut context.files_read);
        gathered.deleted.append(&mut context.deleted);
    }

    fn resources(
        &self,
        step: &Step<'_>,
        entries: &[Text],
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let mut index = Index::new(&gathered.resources);
        for entry in entries {
            match self.enter(step, entry, context) {
                None => {}
                Some(Target::File) => {
                    let documents = match context.read_documents(entry) {
                        Ok(documents) => documents,
                        Err(problem) => {
                            context.report(problem);
                            continue;
                        }
                    };
                    let trail = self.scope.trails.then(|| {
                        let origin = format!("path: {}\n", clean(&step.trail, entry));
                        Arc::new(Trail {
                            origin: Some(origin),
                            transformations: Vec::new(),
                        })
                    });
                    for mut resource in manifests(&documents, Some(entry), &mut context.problems) {
                        if !schema::is_built_in(resource.api_version(), resource.kind()) {
                            self.scope.uses_built_in();
                        }
                        if trail.is_some() {
                            resource.trail = trail.clone();
                            resource.mark();
                        }
                        index.append(&mut gathered.resources, resource, &mut context.problems);
                    }
                }
                Some(Target::Folder(folder)) => {
                    let component = self
                        .loader
                        .load(self.shared, &folder)
                        .and_then(|loaded| loaded.kustomization.clone());
                    if component.is_some_and(|kustomization| kustomization.component) {
                        let message = format!(
                            "{:?} is a Component, which cannot stand among resources",
                            &**entry
                        );
                        context.report(
                            Problem::error(entry.origin(), message)
                                .with_help("list it under components"),
                        );
                        continue;
                    }
                    let base = self.folder(&folder, &clean(&step.trail, entry), step.depth + 1);
                    for resource in &base.resources {
                        index.append(
                            &mut gathered.resources,
                            resource.clone(),
                            &mut context.problems,
                        );
                    }
                    if let Err(message) =
                        Configuration::merge(&mut gathered.configuration, &base.configuration)
                    {
                        context.report(
                            Problem::error(entry.origin(), message).with_help(CONTRADICTION),
                        );
                    }
                    merge_vars(&base.vars, false, &mut context.problems, gathered);
                    gathered.problems.extend(base.problems.iter().cloned());
                    gathered.files.extend(base.files.iter().copied());
                    gathered.deleted.extend(base.deleted.iter().cloned());
                }
                Some(_) => {}
            }
        }
    }

    /// Where an entry leads; what leads nowhere, out, back or too deep is reported.
    fn enter(
        &self,
        step: &Step<'_>,
        entry: &Text,
        context: &mut BuildContext<'a>,
    ) -> Option<Target> {
        let refuse = |context: &mut BuildContext<'_>, message: String, help: &str| {
            context.report(Problem::error(entry.origin(), message).with_help(help));
            None
        };
        if entry.is_empty() {
            return refuse(
                context,
                "an entry is empty".to_string(),
                "name a file or folder, or remove the entry",
            );
        }
        let found = target(self.shared, &context.folder, entry);
        match &found {
            Target::File => {}
            Target::Remote => {
                context.report(remote::problem(entry));
                return None;
            }
            Target::Outside => {
                return refuse(
                    context,
                    format!("{:?} leads out of the repository", &**entry),
                    "copy what is needed into the repository",
                );
            }
            Target::Missing => {
                let Some(copy) = self.shared.options.remotes.copy_of(entry) else {
                    let path = self.shared.locate(&context.folder, entry).ok();
                    if let Some(withheld) = path.and_then(|path| self.shared.source.withheld(&path))
                    {
                        context.report(absent(entry, &withheld));
                        return None;
                    }
                    let help = self.shared.near_miss(&context.folder, entry);
                    return refuse(
                        context,
                        format!("there is no file or folder {:?}", &**entry),
                        &help,
                    );
                };
                context.report(remote::missing_copy(entry, &copy));
                return None;
            }
            Target::Folder(folder) => {
                if entry.starts_with('/') {
                    return refuse(
                        context,
                        format!("the folder {:?} must be given as a relative path", &**entry),
                        "start the path with ./ or ../",
                    );
                }
                if entry
                    .split('/')
                    .any(|part| part != ".." && part.contains(".."))
                    && remote::parse(entry).is_none()
                {
                    let message = format!("the path {:?} is ambiguous", &**entry);
                    context
                        .report(Problem::error(entry.origin(), message).with_help(
                            "check the indentation: two list items may have become one",
                        ));
                    return None;
                }
                if is_below(&context.folder, folder) {
                    return refuse(
                        context,
                        format!("{:?} leads back to this folder or one above it", &**entry),
                        "remove the entry: nothing can be built on itself",
                    );
                }
                if let Some(back) = self
                    .loader
                    .reach(self.shared, folder)
                    .iter()
                    .find(|reached| is_below(&context.folder, reached))
                {
                    let place = if back.is_empty() {
                        "the root of the repository"
                    } else {
                        back
                    };
                    return refuse(
                        context,
                        format!(
                            "{:?} leads back to {place}, which contains this folder",
                            &**entry
                        ),
                        "remove the entry: nothing can be built on itself",
                    );
                }
                if self.loader.load(self.shared, folder).is_none() {
                    let message = format!("the folder {:?} has no kustomization file", &**entry);
                    let problem = Problem::error(entry.origin(), message);
                    context.report(
                        problem.with_help(
                            "list its files one by one, or add a kustomization.yaml to it",
                        ),
                    );
                    return None;
                }
                if step.depth >= DEPTH_LIMIT {
                    return refuse(
                        context,
                        format!(
                            "more than {DEPTH_LIMIT} kustomizations stand on top of each other"
                        ),
                        "use fewer layers",
                    );
                }
            }
        }
        Some(found)
    }

    fn component(
        &self,
        step: &Step<'_>,
        entry: &Text,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let folder = match self.enter(step, entry, context) {
            None => return,
            Some(Target::Folder(folder)) => folder,
            Some(_) => {
                let message = format!("{:?} is a file, but a component is a folder", &**entry);
                context
                    .report(Problem::error(entry.origin(), message).with_help(
                        "list the file under resources, or name the component's folder",
                    ));
                return;
            }
        };
        let Some(loaded) = self.loader.load(self.shared, &folder) else {
            return;
        };
        gathered.files.extend(loaded.file);
        gathered.problems.extend(loaded.problems.iter().cloned());
        let Some(kustomization) = &loaded.kustomization else {
            return;
        };
        if !kustomization.component {
            let message = format!(
                "{:?} is a Kustomization, which cannot stand among components",
                &**entry
            );
            let problem = Problem::error(entry.origin(), message)
                .with_related("its kind is set here", kustomization.origin);
            context
                .report(problem.with_help("list it under resources, or make it a Component (apiVersion kustomize.config.k8s.io/v1alpha1)"));
            return;
        }
        self.kustomization(
            kustomization,
            &folder,
            clean(&step.trail, entry),
            step.depth + 1,
            gathered,
        );
        // kustomize gathers everything anew after a component
        let whole = std::mem::take(&mut gathered.configuration);
        if let Err(message) = Configuration::merge(&mut gathered.configuration, &whole) {
            context.report(Problem::error(entry.origin(), message).with_help(CONTRADICTION));
        }
        check_unique(&gathered.resources, &mut context.problems);
    }

    fn configurations(
        &self,
        kustomization: &Kustomization,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let (mut configurations, mut crds) = (Vec::new(), Vec::new());
        for (tables, entries) in [
            (&mut configurations, &kustomization.configurations),
            (&mut crds, &kustomization.crds),
        ] {
            for entry in entries {
                match context.read_documents(entry) {
                    Err(problem) => context.report(problem),
                    Ok(documents) => {
                        let Some(document) = documents.documents.first() else {
                            continue;
                        };
                        if std::ptr::eq(entries, &kustomization.crds) {
                            tables.push(Configuration::from_crds(document));
                            continue;
                        }
                        let mut problems = Vec::new();
                        tables.push(Configuration::from_file(
                            document,
                            &mut Decoder::new(&mut problems, Rules::Configuration),
                        ));
                        problems.into_iter().for_each(|problem| {
                            context.report(problem.with_related("it is named here", entry.origin()))
                        });
                    }
                }
            }
        }
        let own = match (&*configurations, &*crds) {
            ([], []) => Ok(Configuration::builtin()),
            _ => Configuration::with_files(&configurations, &crds),
        };
        if let Err(message) =
            own.and_then(|own| Configuration::merge(&mut gathered.configuration, &own))
        {
            let place = kustomization
                .configurations
                .iter()
                .chain(&kustomization.crds)
                .next()
                .map_or(kustomization.origin, Text::origin);
            context.report(Problem::error(place, message).with_help(CONTRADICTION));
        }
    }

    fn generators(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let kustomization = step.kustomization;
        let mut made: Vec<Resource> = Vec::new();
        let global = kustomization.generator_options.as_ref();
        for (what, entries) in [
            (Generated::ConfigMap, &kustomization.config_map_generator),
            (Generated::Secret, &kustomization.secret_generator),
        ] {
            let name = if what == Generated::ConfigMap {
                "ConfigMapGenerator"
            } else {
                "SecretGenerator"
            };
            let trail = self.configured(step, "builtin", name, None);
            for entry in entries {
                if let Some(mut resource) = generators::generate(entry, what, global, context) {
                    resource.trail = trail.clone().map(|origin| {
                        Arc::new(Trail {
                            origin: Some(origin),
                            transformations: Vec::new(),
                        })
                    });
                    made.push(resource);
                }
            }
        }
        let trail = self.configured(step, "builtin", "HelmChartInflationGenerator", None);
        for chart in &kustomization.helm_charts {
            let mut resources = charts::inflate(chart, chart.origin, context);
            for resource in &mut resources {
                resource.trail = trail.clone().map(|origin| {
                    Arc::new(Trail {
                        origin: Some(origin),
                        transformations: Vec::new(),
                    })
                });
            }
            made.append(&mut resources);
        }
        for object in self.objects(step, &kustomization.generators, context, gathered) {
            let resource = match (object.api_version(), object.kind()) {
                ("builtin", kind @ ("ConfigMapGenerator" | "SecretGenerator")) => {
                    let what = if kind == "SecretGenerator" {
                        Generated::Secret
                    } else {
                        Generated::ConfigMap
                    };
                    let entry = generator_entry(&object, what, context);
                    generators::generate(&entry, what, None, context)
                }
                ("builtin", "IAMPolicyGenerator") => generators::iam_policy(&object.node, context),
                // found by its kind, whatever it calls itself
                (_, "HelmChartInflationGenerator") => {
                    made.append(&mut charts::inflate(
                        &object.node,
                        place(&object.node),
                        context,
                    ));
                    None
                }
                _ => {
                    context.report(needs_plugin(&object, "generator"));
                    None
                }
            };
            if let Some(mut resource) = resource {
                if let Some(origin) = self.configured_by(&object) {
                    resource.trail = Some(Arc::new(Trail {
                        origin: Some(origin),
                        transformations: Vec::new(),
                    }));
                }
                made.push(resource);
            }
        }
        absorb(made, context, gathered);
    }

    /// The objects of `generators`, `transformers` or `validators`: inline, from files or from
    /// folders.
    fn objects(
        &self,
        step: &Step<'_>,
        entries: &[Text],
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) -> Vec<Resource> {
        let mut found = Accumulated::default();
        let mut paths = Vec::new();
        for entry in entries {
            let inline = context.read_inline(&entry.node).ok().filter(|documents| {
                documents
                    .documents
                    .iter()
                    .all(|document| document.get("kind").is_some())
                    && !documents.documents.is_empty()
            });
            match inline {
                None => paths.push(entry.clone()),
                Some(documents) => {
                    let trail = self.scope.trails.then(|| {
                        let file = step
                            .kustomization
                            .path
                            .rsplit('/')
                            .next()
                            .unwrap_or_default();
                        let origin = format!("path: {}\n", clean(&step.trail, file));
                        Arc::new(Trail {
                            origin: Some(origin),
                            transformations: Vec::new(),
                        })
                    });
                    let mut index = Index::new(&found.resources);
                    for mut resource in manifests(&documents, None, &mut context.problems) {
                        resource.trail = trail.clone();
                        index.append(&mut found.resources, resource, &mut context.problems);
                    }
                }
            }
        }
        self.resources(step, &paths, context, &mut found);
        gathered.problems.append(&mut found.problems);
        gathered.files.append(&mut found.files);
        found.resources
    }

    fn transformers(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        let kustomization = step.kustomization;
        context.schema = self.scope.schema();
        if !kustomization.patches.is_empty()
            || !kustomization.patches_strategic_merge.is_empty()
            || !kustomization.transformers.is_empty()
        {
            self.scope.uses_built_in();
        }
        let configuration = gathered.configuration.clone();
        let configuration = &*configuration;
        let resources = &mut gathered.resources;
        let done = |resources: &mut Vec<Resource>, name: &str| {
            self.record(resources, self.configured(step, "builtin", name, None));
            drop_empty(resources);
        };
        if !kustomization.patches_strategic_merge.is_empty() {
            for entry in &kustomization.patches_strategic_merge {
                patch::apply_patches(
                    resources,
                    &[strategic(entry)],
                    Form::StrategicMerge,
                    context,
                );
            }
            done(resources, "PatchStrategicMergeTransformer");
        }
        for entry in &kustomization.patches {
            patch::apply_patches(
                resources,
                std::slice::from_ref(entry),
                Form::Patches,
                context,
            );
            done(resources, "PatchTransformer");
        }
        if let Some(namespace) = &kustomization.namespace {
            transform::namespace(resources, namespace, configuration, context);
            done(resources, "NamespaceTransformer");
        }
        if let Some(prefix) = &kustomization.name_prefix {
            transform::prefix(resources, prefix, configuration, context);
            done(resources, "PrefixTransformer");
        }
        if let Some(suffix) = &kustomization.name_suffix {
            transform::suffix(resources, suffix, configuration, context);
            done(resources, "SuffixTransformer");
        }
        for entry in &kustomization.labels {
            transform::labels(resources, entry, configuration, context);
            done(resources, "LabelTransformer");
        }
        if !kustomization.labels.is_empty() || !kustomization.common_labels.is_empty() {
            transform::common_labels(
                resources,
                &kustomization.common_labels,
                configuration,
                context,
            );
            done(resources, "LabelTransformer");
        }
        if !kustomization.common_annotations.is_empty() {
            transform::annotations(
                resources,
                &kustomization.common_annotations,
                configuration,
                context,
            );
            done(resources, "AnnotationsTransformer");
        }
        for entry in &kustomization.patches_json6902 {
            patch::apply_patches(
                resources,
                std::slice::from_ref(entry),
                Form::Json6902,
                context,
            );
            done(resources, "PatchJson6902Transformer");
        }
        for entry in &kustomization.replicas {
            transform::replicas(resources, entry, configuration, context);
            done(resources, "ReplicaCountTransformer");
        }
        for entry in &kustomization.images {
            transform::image(resources, entry, configuration, context);
            done(resources, "ImageTagTransformer");
        }
        if !kustomization.replacements.is_empty() {
            transform::replacements(resources, &kustomization.replacements, context);
            done(resources, "ReplacementTransformer");
        }
        for object in self.objects(step, &kustomization.transformers, context, gathered) {
            self.run(&object, "transformer", context, gathered);
        }
    }

    fn run(
        &self,
        object: &Resource,
        what: &str,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        if object.api_version() == "builtin"
            && transform::plugin(&mut gathered.resources, object, context)
        {
            self.record(&mut gathered.resources, self.configured_by(object));
            drop_empty(&mut gathered.resources);
        } else {
            context.report(needs_plugin(object, what));
        }
    }

    fn validators(
        &self,
        step: &Step<'_>,
        context: &mut BuildContext<'a>,
        gathered: &mut Accumulated,
    ) {
        for object in self.objects(step, &step.kustomization.validators, context, gathered) {
            let before = gathered.resources.clone();
            self.run(&object, "validator", context, gathered);
            let same = before.len() == gathered.resources.len()
                && before
                    .iter()
                    .zip(&gathered.resources)
                    .all(|(before, after)| before.node.same_value(&after.node));
            if !same {
                context.report(
                    Problem::error(
                        place(&object.node),
                        "a validator must not change the resources, but this one does",
                    )
                    .with_help("list it under transformers"),
                );
                gathered.resources = before;
            }
        }
    }

    /// The origin text of something configured in a kustomization.
    fn configured(
        &self,
        step: &Step<'_>,
        api_version: &str,
        kind: &str,
        name: Option<&str>,
    ) -> Option<String> {
        let file = step
            .kustomization
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default();
        self.scope
            .trails
            .then(|| origin_text(&clean(&step.trail, file), api_version, kind, name, None))
    }

    fn configured_by(&self, object: &Resource) -> Option<String> {
        let origin = object.trail.as_ref()?.origin.as_ref()?;
        let path = origin.strip_prefix("path: ")?.trim_end();
        Some(origin_text(
            path,
            object.api_version(),
            object.kind(),
            Some(object.name()),
            object.namespace(),
        ))
    }

    /// Notes a transformer at every resource.
    fn record(&self, resources: &mut [Resource], origin: Option<String>) {
        let Some(origin) = origin else { return };
        for resource in resources {
            let trail = Arc::make_mut(resource.trail.get_or_insert_default());
            match trail.origin {
                None => trail.origin = Some(origin.clone()),
                Some(_) => trail.transformations.push(origin.clone()),
            }
        }
    }
}

fn origin_text(
    path: &str,
    api_version: &str,
    kind: &str,
    name: Option<&str>,
    namespace: Option<&str>,
) -> String {
    let mut text = format!(
        "configuredIn: {path}\nconfiguredBy:\n  apiVersion: {api_version}\n  kind: {kind}\n"
    );
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        text.push_str(&format!("  name: {name}\n"));
    }
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        text.push_str(&format!("  namespace: {namespace}\n"));
    }
    text
}

/// Joins paths as Go's `filepath.Join` does: `..` at the front stays.
fn clean(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn drop_empty(resources: &mut Vec<Resource>) {
    resources.retain(|resource| !is_empty(&resource.node));
}

fn is_empty(node: &Node) -> bool {
    node.is_null()
        || node.as_map().is_some_and(|map| map.entries.is_empty())
        || node.as_list().is_some_and(|list| list.items.is_empty())
}

fn needs_plugin(object: &Resource, what: &str) -> Problem {
    if object.api_version() == "builtin" {
        let message = format!("there is no built-in {what} {}", object.kind());
        return Problem::error(place(&object.node), message);
    }
    let message = format!("the {what} {} is a plugin, which is not run", object.kind());
    Problem::error(place(&object.node), message)
        .with_kind(ProblemKind::NeedsPlugin)
        .with_help("commit what it produces, or use a built-in one")
}

/// An entry of `patchesStrategicMerge`: the path of a file, or a patch itself.
pub(super) fn strategic(entry: &Text) -> PatchEntry {
    let path = Some(entry.clone());
    PatchEntry {
        path,
        patch: None,
        target: None,
        allow_name_change: false,
        allow_kind_change: false,
        origin: entry.origin(),
    }
}

fn generator_entry(
    object: &Resource,
    what: Generated,
    context: &mut BuildContext<'_>,
) -> GeneratorEntry {
    let mut problems = Vec::new();
    let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
    let mut entry = match what {
        Generated::Secret => GeneratorEntry::secret(&object.node, &mut decoder),
        Generated::ConfigMap => GeneratorEntry::config_map(&object.node, &mut decoder),
    };
    for (key, slot) in [
        ("name", &mut entry.name),
        ("namespace", &mut entry.namespace),
    ] {
        if slot.is_none() {
            *slot = object
                .node
                .at(&["metadata", key])
                .and_then(|node| decoder.filled_text(node, key));
        }
    }
    entry.origin = place(&object.node);
    context.problems.append(&mut problems);
    entry
}

/// Adds generated resources: new, instead of the present ones or laid over them, as their
/// behaviour says.
fn absorb(made: Vec<Resource>, context: &mut BuildContext<'_>, gathered: &mut Accumulated) {
    if made.is_empty() {
        return;
    }
    let mut index: HashMap<String, Vec<usize>> = HashMap::new();
    let note = |index: &mut HashMap<String, Vec<usize>>, resource: &Resource, place: usize| {
        for id in resource.all_ids() {
            let places = index.entry(key(&id)).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    };
    for (place, resource) in gathered.resources.iter().enumerate() {
        note(&mut index, resource, place);
    }
    for resource in made {
        let id = resource.id();
        let places = index.get(&key(&id)).cloned().unwrap_or_default();
        let overlays = matches!(resource.behavior, Behavior::Merge | Behavior::Replace);
        match (&places[..], overlays) {
            ([], false) => {
                note(&mut index, &resource, gathered.resources.len());
                gathered.resources.push(resource);
            }
            ([], true) => {
                let problem = Problem::absent(
                    place(&resource.node),
                    format!("there is no {id} to merge with or replace"),
                );
                context.report(problem.with_help("remove behavior, or correct the name"));
            }
            ([only], true) => {
                if let Some(present) = gathered.resources.get_mut(*only) {
                    let trail = match resource.behavior {
                        Behavior::Merge => present.trail.clone().or_else(|| resource.trail.clone()),
                        // the origin is the new one's, but what was done to the present one stays
                        // written at it
                        _ => resource.trail.as_deref().cloned().map(|mut trail| {
                            trail.transformations = present
                                .trail
                                .as_ref()
                                .map(|trail| trail.transformations.clone())
                                .unwrap_or_default();
                            Arc::new(trail)
                        }),
                    };
                    let combined = generators::combine(present, resource);
                    *present = Resource { trail, ..combined };
                }
            }
            ([only, ..], false) => {
                if let Some(present) = gathered.resources.get(*only) {
                    let problem = conflict(&id, present, &resource);
                    context.report(problem.with_help(
                        "set behavior: merge or behavior: replace, or choose another name",
                    ));
                }
            }
            (_, true) => {
                let problem = Problem::error(
                    place(&resource.node),
                    format!("several objects are {id}, so it is not clear which is meant"),
                );
                context.report(
                    problem.with_help("give the generator the namespace of the one that is meant"),
                );
            }
        }
    }
}

/// Adds variables. Those of the kustomization itself are tied to the resource that they read.
fn merge_vars(
    vars: &[VarEntry],
    own: bool,
    problems: &mut Vec<Problem>,
    gathered: &mut Accumulated,
) {
    for variable in vars {
        if own {
            tie(variable, problems, &mut gathered.resources);
        }
        match gathered
            .vars
            .iter()
            .find(|present| present.name.value == variable.name.value)
        {
            None => gathered.vars.push(variable.clone()),
            Some(present) if present.name.origin() == variable.name.origin() => {
                let message = format!(
                    "the variable {} reaches one build by two ways",
                    &*variable.name
                );
                let problem = Problem::error(variable.name.origin(), message);
                problems.push(problem.with_help("move it to the kustomization that brings both ways together, or use replacements"));
            }
            Some(present) => {
                let problem = Problem::error(
                    variable.name.origin(),
                    format!("the variable {} is there twice", &*variable.name),
                );
                problems.push(
                    problem
                        .with_related("it is there first here", present.name.origin())
                        .with_help("give one of them another name"),
                );
            }
        }
    }
}

fn tie(variable: &VarEntry, problems: &mut Vec<Problem>, resources: &mut [Resource]) {
    let text = |text: &Option<Text>| {
        text.as_ref()
            .map(|text| text.to_string())
            .unwrap_or_default()
    };
    let object = &variable.object;
    let (group, version) = (text(&object.group), text(&object.version));
    let wanted = ResourceId {
        api_version: if group.is_empty() {
            version
        } else {
            format!("{group}/{version}")
        },
        kind: text(&object.kind),
        namespace: Some(text(&object.namespace)).filter(|namespace| !namespace.is_empty()),
        name: text(&object.name),
    };
    // a namespace that is written counts as it stands, so that it never means an object outside of
    // namespaces
    let matches = |id: &ResourceId| {
        id.name == wanted.name
            && id.kind == wanted.kind
            && id.api_version == wanted.api_version
            && wanted
                .namespace
                .as_deref()
                .is_none_or(|namespace| id.effective_namespace() == namespace)
    };
    let found: Vec<usize> = (0..resources.len())
        .filter(|index| {
            resources
                .get(*index)
                .is_some_and(|resource| resource.all_ids().any(|id| matches(&id)))
        })
        .collect();
    match found[..] {
        [] => {}
        [only] => {
            if let Some(resource) = resources.get_mut(only) {
                resource.variables.push(variable.name.value.clone());
            }
        }
        _ => {
            let message = format!(
                "the variable {} could mean {} objects",
                &*variable.name,
                found.len()
            );
            problems.push(
                Problem::error(variable.origin, message)
                    .with_help("give the namespace or the apiVersion of the object"),
            );
        }
    }
}

/// The resources of a file: lists taken apart, empty documents left out, what is not a Kubernetes
/// object reported.
pub fn manifests(
    documents: &Documents,
    reference: Option<&Text>,
    problems: &mut Vec<Problem>,
) -> Vec<Resource> {
    problems.extend(documents.directive.map(directive_problem));
    let mut waiting: std::collections::VecDeque<Node> =
        documents.documents.iter().cloned().collect();
    let mut found = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        if is_empty(&node) {
            continue;
        }
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let mut refuse = |message: &str, help: &str| {
            let mut problem = Problem::error(
                Origin {
                    end: node.origin.start,
                    ..node.origin
                },
                message,
            )
            .with_help(help);
            if let Some(reference) = reference {
                problem = problem.with_related("it is listed here", reference.origin());
            }
            problems.push(problem);
        };
        if kind.is_empty() {
            refuse(
                "this document has no kind, so it is no Kubernetes object",
                "list only manifests under resources",
            );
            continue;
        }
        if kind.ends_with("List") {
            match node.get("items") {
                Some(items) if items.as_list().is_some() => {
                    waiting.extend(items.items().iter().cloned());
                    continue;
                }
                Some(items) if items.is_null() => continue,
                Some(_) => {
                    refuse(
                        "the items of this list are no list",
                        "write one item below each \"- \"",
                    );
                    continue;
                }
                None => {}
            }
        } else if node
            .at(&["metadata", "name"])
            .and_then(Node::text)
            .is_none_or(str::is_empty)
        {
            refuse("this object has no metadata.name", "give it a name");
            continue;
        }
        found.push(Resource::new(node));
    }
    found
}

/// A directive in a file of objects, which kustomize takes apart at every `---` before it reads
/// them.
pub fn directive_problem(place: Origin) -> Problem {
    Problem::error(
        place,
        "kustomize does not read a directive such as %YAML before a document",
    )
    .with_help("remove the line")
}

/// Reports identities that two resources share.
pub fn check_unique(resources: &[Resource], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, &Resource> = HashMap::with_capacity(resources.len());
    for resource in resources {
        let id = resource.id();
        match seen.get(&key(&id)) {
            Some(first) => problems.push(conflict(&id, first, resource)),
            None => drop(seen.insert(key(&id), resource)),
        }
    }
}

/// Every problem once, in the order of appearance.
pub fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    problems
        .into_iter()
        .filter(|problem| seen.insert((problem.kind, problem.message.clone(), problem.origin)))
        .collect()
}

/// The place that stands for a folder without a kustomization: the start of some file of it.
pub fn folder_place(shared: &Shared, folder: &str) -> Origin {
    let path = join(folder, super::loader::FILE_NAMES[0]).unwrap_or_default();
    start_of(
        shared
            .files
            .add(&path, shared.source.revision(), Arc::from("")),
    )
}
