//! Loading: from a tree of files to overlays that are paired, and rendered when they are looked at.
//!
//! Here: finding kustomizations, what two revisions share, files that no kustomization names. Not
//! here: reading paths (`discover`), what agents point at (`agents`), pairing (`pairs`).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::HashSet;
use rayon::prelude::*;

use super::agents::{self, Agents, Pointer, Reference};
use super::codeowners::CodeOwners;
use super::discover::{self, Layout, Place, Root, is_set_aside};
use super::instances::instances;
use super::reach::Change;
use super::{Crossing, Overlay, Repo, Unreferenced, pairs, records, renovate, submodules, values};
use crate::config::Config;
use crate::config::Environment;
use crate::kustomize::context::is_below;
use crate::kustomize::kustomization::path_in;
use crate::kustomize::loader::{FILE_NAMES, is_kustomization};
use crate::kustomize::{Kustomization, LazyRendered, RenderOptions, Renderer};
use crate::source::beside::Beside;
use crate::source::{EntryKind, Files, Source, folder_of, join};
use crate::yaml::{By, Node, Origin};

/// Folder names whose kustomizations are made to be copied, not to be applied.
const BUILT_UPON: &[&str] = &[
    "template",
    "templates",
    "example",
    "examples",
    "sample",
    "samples",
];
/// Folder names of what is made to be built upon, perhaps by another repo: such a root counts only
/// when it builds by itself.
const BASES: &[&str] = &["base", "bases", "common", "shared", "components"];

impl Repo {
    /// Loads a tree. `root` is where the tree lies on disk, for absolute paths in kustomizations.
    pub fn load(source: Arc<dyn Source>, root: Option<PathBuf>, config: &Config) -> Repo {
        Repo::load_with(source, root, config, Arc::new(Files::default()))
    }

    /// The same into a table of files that exists.
    pub fn load_with(
        source: Arc<dyn Source>,
        root: Option<PathBuf>,
        config: &Config,
        files: Arc<Files>,
    ) -> Repo {
        let options = RenderOptions {
            remotes: config.remotes.clone(),
            root,
            ..RenderOptions::default()
        };
        Repo::assemble(
            Arc::new(Renderer::new(source, files, options)),
            config,
            None,
        )
    }

    /// Loads a base of this repo. What the change between the two does not reach is not rendered
    /// again: both share it. `alike`: both have the same configuration.
    pub fn beside(&self, source: Arc<Beside>, config: &Config, alike: bool) -> Repo {
        let renderer = Arc::new(self.renderer.beside(source.clone(), config.remotes.clone()));
        if alike && self.keeps_shape(&renderer, source.changed()) {
            return self.reshared(renderer, source.changed());
        }
        let shared =
            (config.remotes == self.renderer.options().remotes).then_some((self, source.changed()));
        Repo::assemble(renderer, config, shared)
    }

    /// Whether a change leaves alone which folders are overlays of what: it edits files, in
    /// kustomizations nothing that names a path, and no agent's object.
    fn keeps_shape(&self, renderer: &Renderer, changed: &BTreeSet<Arc<str>>) -> bool {
        let file = |renderer: &Renderer, path: &str| {
            renderer.source().kind(path) == Some(EntryKind::File)
                && renderer.source().link(path).is_none()
        };
        let from_values = self.pointers.iter().any(|pointer| {
            pointer
                .post_build
                .as_ref()
                .is_some_and(|build| !build.from.is_empty())
        });
        let roots: HashSet<&str> = self.roots.iter().map(|root| root.folder.as_str()).collect();
        let in_root = |path: &str| {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..at))
                .chain([""])
                .any(|folder| roots.contains(folder))
        };
        !from_values
            && changed.iter().all(|path| {
                let name = path.rsplit('/').next().unwrap_or(path);
                let both =
                    |holds: &dyn Fn(&Renderer) -> bool| holds(&self.renderer) && holds(renderer);
                // a file that a generator of an ApplicationSet may read is not told from others
                let named = || self.pointers.is_empty() || in_root(path);
                both(&|renderer| file(renderer, path))
                    && if is_kustomization(path) {
                        shape(folder_of(path), &self.renderer)
                            .is_some_and(|own| shape(folder_of(path), renderer) == Some(own))
                    } else {
                        !name.starts_with('.')
                            && both(&|renderer| !agents::mentions(renderer, path))
                            && named()
                    }
            })
    }

    /// The repo with another revision's renderings, where the change between the two keeps its
    /// shape.
    fn reshared(&self, renderer: Arc<Renderer>, changed: &BTreeSet<Arc<str>>) -> Repo {
        let (source, files) = (renderer.source().clone(), self.files.clone());
        let known = Known::new(self, changed, None, &renderer, &self.agents);
        let overlays = self.overlays.iter().map(|overlay| {
            let pointer = overlay.applied.and_then(|index| self.pointers.get(index));
            let mut overlay = overlay.clone();
            match known.rendering(&overlay, pointer) {
                Some(shared) => overlay.rendered = shared,
                None => {
                    overlay.origin = place_of(&overlay.path, pointer, &renderer);
                    let rendered =
                        to_be_built(&renderer, &overlay.path, overlay.applied, &self.agents);
                    overlay.rendered = match pointer {
                        Some(pointer) => {
                            finished(pointer, overlay.applied, rendered, Vec::new(), &self.agents)
                        }
                        None => rendered,
                    };
                }
            }
            overlay
        });
        let overlays: Vec<Overlay> = overlays.collect();
        Repo {
            owners: CodeOwners::find(&*source, &files),
            renovate: renovate::find(&*source, &files),
            submodules: submodules::find(&*source, &files),
            controls: self.controls.clone(),
            records: records::read(&renderer, &self.record_paths, &overlays, &self.environments),
            source,
            files,
            environments: self.environments.clone(),
            overlays,
            pairs: self.pairs.clone(),
            unreferenced: self.unreferenced.clone(),
            crossings: self.crossings.clone(),
            pointers: self.pointers.clone(),
            notes: self.notes.clone(),
            roots: self.roots.clone(),
            agents: self.agents.clone(),
            record_paths: self.record_paths.clone(),
            renderer,
        }
    }

    /// The repo in the numbering of another revision's environments, so that overlays of the two
    /// can be compared: one of the same name is the same, else one that has a word in common. What
    /// the other revision does not know comes after its own.
    pub fn numbered_as(&self, others: &[Environment]) -> Repo {
        let has_word = |environment: &Environment, word: &str| {
            environment.name.eq_ignore_ascii_case(word)
                || environment
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(word))
        };
        let mut environments = others.to_vec();
        let mut numbers: Vec<Option<usize>> = self
            .environments
            .iter()
            .map(|own| others.iter().position(|other| other.name == own.name))
            .collect();
        for (at, own) in self.environments.iter().enumerate() {
            let words = || std::iter::once(&own.name).chain(&own.aliases);
            let alike = |(index, other): (usize, &Environment)| {
                !numbers.contains(&Some(index)) && words().any(|word| has_word(other, word))
            };
            if numbers.get(at).is_some_and(Option::is_none) {
                let number = others
                    .iter()
                    .enumerate()
                    .position(alike)
                    .unwrap_or(environments.len());
                numbers[at] = Some(number);
            }
            match numbers[at].and_then(|number| environments.get_mut(number)) {
                Some(there) => *there = own.clone(),
                None => environments.push(own.clone()),
            }
        }
        let renumbered = |overlay: &Overlay| {
            let environment = overlay
                .environment
                .map(|index| numbers.get(index).copied().flatten().unwrap_or(index));
            Overlay {
                environment,
                ..overlay.clone()
            }
        };
        Repo {
            environments,
            overlays: self.overlays.iter().map(renumbered).collect(),
            ..self.clone()
        }
    }

    fn assemble(
        renderer: Arc<Renderer>,
        config: &Config,
        beside: Option<(&Repo, &BTreeSet<Arc<str>>)>,
    ) -> Repo {
        let (source, files) = (renderer.source().clone(), renderer.files().clone());
        // what one thread does alone goes along with what all do
        let folders = source.files().iter().map(|path| folder_of(path));
        let new_layout = || Layout::new(&config.environments, &config.layout, folders);
        let (layout, candidates) = rayon::join(new_layout, || agents::candidates(&renderer));
        let kustomizations = kustomization_folders(&*source, &layout);
        let read_agents = || Arc::new(agents::collect(&renderer, &layout, &candidates));
        let read_roots = || -> Vec<Root> {
            kustomizations
                .par_iter()
                .map(|folder| root_of(folder, &renderer))
                .collect()
        };
        let (agents, roots) = rayon::join(read_agents, read_roots);
        let known = || {
            beside
                .map(|(head, changed)| Known::new(head, changed, Some(&roots), &renderer, &agents))
        };
        let (overlays, (unreferenced, crossings)) = rayon::join(
            || overlays(&roots, &layout, &agents, &renderer, known().as_ref()),
            || {
                (
                    unreferenced(&roots, &renderer, &layout),
                    crossings(&roots, &renderer, &layout),
                )
            },
        );
        Repo {
            environments: config.environments.clone(),
            pairs: pairs::pairs(&overlays, config),
            unreferenced,
            crossings,
            pointers: agents.pointers.clone(),
            notes: agents.notes.clone(),
            controls: agents.controls.clone(),
            renovate: renovate::find(&*source, &files),
            submodules: submodules::find(&*source, &files),
            owners: CodeOwners::find(&*source, &files),
            records: records::read(&renderer, &config.records, &overlays, &config.environments),
            record_paths: config.records.clone(),
            overlays,
            source,
            files,
            roots,
            agents,
            renderer,
        }
    }

    /// Renders every overlay that was not rendered yet, on all threads.
    pub fn render_all(&self) {
        self.overlays
            .par_iter()
            .for_each(|overlay| _ = overlay.rendered.complete);
    }
}

/// The overlays among the kustomizations, each with the rendering that it will have.
fn overlays(
    roots: &[Root],
    layout: &Layout,
    agents: &Arc<Agents>,
    renderer: &Arc<Renderer>,
    known: Option<&Known<'_>>,
) -> Vec<Overlay> {
    let pointed_at: BTreeSet<String> = agents
        .pointers
        .iter()
        .map(|pointer| pointer.folder.clone())
        .collect();
    let mut chosen = discover::overlays(roots, layout, &pointed_at);
    let alone = standing_alone(roots, layout, &chosen);
    chosen.extend(alone);
    chosen.sort_by(|one, other| one.0.cmp(&other.0));
    let apps: BTreeSet<String> = chosen
        .iter()
        .map(|(folder, place)| app_path(folder, place.as_ref()))
        .collect();
    let names = discover::short_names(&apps);
    let mut pointers: HashMap<&str, Vec<&Pointer>> = HashMap::new();
    agents
        .pointers
        .iter()
        .for_each(|pointer| pointers.entry(&pointer.folder).or_default().push(pointer));
    let built: Vec<Built> = chosen
        .into_par_iter()
        .flat_map_iter(|(path, place)| {
            instances(
                &path,
                place,
                pointers.get(path.as_str()).map_or(&[], Vec::as_slice),
                layout,
            )
        })
        .map(|(path, place, pointer)| {
            let rendered = to_be_built(
                renderer,
                &path,
                pointer.and_then(|pointer| index_of(pointer, agents)),
                agents,
            );
            Built {
                path,
                place,
                pointer,
                rendered,
            }
        })
        .collect();
    let values = values::Values::new(&built, roots, renderer, layout);
    let overlays: Vec<Overlay> = built
        .par_iter()
        .map(|built| {
            let (path, place) = (&built.path, built.place.as_ref());
            let app = app_path(path, place);
            let rendered = match built.pointer {
                Some(pointer) => {
                    let wanted = pointer.post_build.iter().flat_map(|build| &build.from);
                    let found = wanted.filter_map(|reference| {
                        Some((reference.clone(), values.find(reference, built)?.clone()))
                    });
                    finished(
                        pointer,
                        index_of(pointer, agents),
                        built.rendered.clone(),
                        found.collect(),
                        agents,
                    )
                }
                None => built.rendered.clone(),
            };
            let mut overlay = Overlay {
                app: names.get(&app).cloned().unwrap_or(app),
                environment: place.map(|place| place.environment),
                variant: place.and_then(|place| place.variant.clone()),
                agent: built.pointer.map(|pointer| pointer.agent.clone()),
                origin: place_of(path, built.pointer, renderer),
                rendered,
                applied: built.pointer.and_then(|pointer| index_of(pointer, agents)),
                path: path.clone(),
            };
            if let Some(shared) = known.and_then(|known| known.rendering(&overlay, built.pointer)) {
                overlay.rendered = shared;
            }
            overlay
        })
        .collect();
    let is_base = |overlay: &Overlay| {
        overlay
            .path
            .split('/')
            .any(|part| BASES.contains(&part.to_ascii_lowercase().as_str()))
    };
    let several = overlays.len() > 1;
    let stays = |overlay: &Overlay| {
        !(several
            && overlay.environment.is_none()
            && is_base(overlay)
            && !overlay.rendered.complete)
    };
    overlays.into_iter().filter(stays).collect()
}

/// An overlay that is built, before its agent put variables in.
pub(super) struct Built<'p> {
    pub(super) path: String,
    pub(super) place: Option<Place>,
    pub(super) pointer: Option<&'p Pointer>,
    pub(super) rendered: LazyRendered,
}

fn index_of(pointer: &Pointer, agents: &Agents) -> Option<usize> {
    // the items of a list lie in the order of their addresses
    let at = agents
        .pointers
        .partition_point(|other| std::ptr::from_ref(other) < std::ptr::from_ref(pointer));
    agents
        .pointers
        .get(at)
        .filter(|other| std::ptr::eq(*other, pointer))
        .map(|_| at)
}

fn to_be_built(
    renderer: &Arc<Renderer>,
    path: &str,
    pointer: Option<usize>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    let (renderer, path, agents) = (renderer.clone(), path.to_string(), agents.clone());
    LazyRendered::new(
        move || match pointer.and_then(|pointer| agents.pointers.get(pointer)) {
            Some(pointer) => pointer.build(&renderer, &agents),
            None => renderer.render(&path),
        },
    )
}

/// What an agent makes of what is built, given the objects that `substituteFrom` names.
fn finished(
    pointer: &Pointer,
    index: Option<usize>,
    built: LazyRendered,
    found: Vec<(Reference, Node)>,
    agents: &Arc<Agents>,
) -> LazyRendered {
    if pointer.post_build.is_none() && pointer.common_metadata.is_empty() {
        return built;
    }
    let agents = agents.clone();
    LazyRendered::new(move || {
        let find = |reference: &Reference| {
            found
                .iter()
                .find(|(other, _)| other == reference)
                .map(|(_, node)| node)
        };
        match index.and_then(|index| agents.pointers.get(index)) {
            Some(pointer) => pointer.finish(built.shared(), &find),
            None => built.shared(),
        }
    })
}

/// What of a kustomization decides which folders are overlays of what: all that names a path.
#[derive(PartialEq)]
struct Shape {
    root: Root,
    paths: Vec<String>,
    unsure: [bool; 3],
}

fn shape(folder: &str, renderer: &Renderer) -> Option<Shape> {
    let kustomization = renderer.kustomization(folder)?.kustomization.clone()?;
    let unsure = [
        kustomization.helm_charts.is_empty(),
        kustomization.generators.is_empty(),
        kustomization.transformers.is_empty(),
    ];
    let paths = kustomization.paths().map(|path| path.to_string()).collect();
    Some(Shape {
        root: root_of(folder, renderer),
        paths,
        unsure,
    })
}

/// The renderings of the head that hold for the base as well.
struct Known<'a> {
    head: &'a Repo,
    change: Change<'a>,
    reached: HashSet<String>,
    renderer: &'a Renderer,
    /// Agents' objects take values from elsewhere, or made what they are out of other files: any
    /// change may concern them.
    agents_differ: bool,
}

impl<'a> Known<'a> {
    /// `roots`: those of the base, where they are not the head's.
    fn new(
        head: &'a Repo,
        changed: &'a BTreeSet<Arc<str>>,
        roots: Option<&[Root]>,
        renderer: &'a Renderer,
        agents: &Agents,
    ) -> Known<'a> {
        let change = Change::new(changed, &[&head.renderer, renderer]);
        let mut reached = change.reached(&head.roots, &head.renderer);
        reached.extend(
            roots
                .iter()
                .flat_map(|roots| change.reached(roots, renderer)),
        );
        Known {
            head,
            change,
            reached,
            renderer,
            agents_differ: head.pointers != agents.pointers,
        }
    }

    fn rendering(&self, overlay: &Overlay, pointer: Option<&Pointer>) -> Option<LazyRendered> {
        if self.reached.contains(&overlay.path) {
            return None;
        }
        let known = self.head.same(overlay)?;
        let applied = known
            .applied
            .and_then(|index| self.head.pointers.get(index));
        if applied != pointer {
            return None;
        }
        let touched = pointer.is_some_and(|pointer| {
            // what agents read besides the kustomization lies in the folder, or is named by what
            // they add
            let reached =
                |folder: &str| self.reached.contains(folder) || self.change.touches(folder);
            let from = pointer
                .post_build
                .as_ref()
                .is_some_and(|build| !build.from.is_empty());
            let layer = pointer.layer.as_ref().map(|layer| &layer.kustomization);
            from || (self.agents_differ && pointer.layer.is_some())
                || self.change.touches(&overlay.path)
                || layer.is_some_and(|layer| {
                    self.change
                        .names(layer, &overlay.path, self.renderer, |_| false)
                        || layer.components.iter().any(|entry| {
                            join(&overlay.path, entry).is_some_and(|folder| reached(&folder))
                        })
                })
        });
        (!touched).then(|| known.rendered.clone())
    }
}

/// The folders with a kustomization. A symbolic link to a folder brings those in and below it again
/// where its own path says of which environment they are; what merely builds upon a link finds the
/// folder itself.
fn kustomization_folders(source: &dyn Source, layout: &Layout) -> BTreeSet<String> {
    let kustomizations = source.files().iter().filter(|path| is_kustomization(path));
    let mut folders: BTreeSet<String> = kustomizations
        .map(|path| folder_of(path).to_string())
        .collect();
    if source.has_links() {
        let links = source.files().iter().filter(|path| {
            source.link(path).is_some() && source.kind(path) == Some(EntryKind::Directory)
        });
        let mut brought = Vec::new();
        for (link, target) in links
            .filter_map(|link| Some((link, source.resolve(link).ok()?)))
            .filter(|(link, to)| !is_below(link, to))
        {
            let below = folders
                .iter()
                .filter(|folder| is_below(folder, &target))
                .filter_map(|folder| folder.get(target.len()..));
            brought.extend(
                below
                    .map(|rest| format!("{link}{rest}"))
                    .filter(|folder| matches!(layout.place(folder), Some(Ok(_)))),
            );
        }
        folders.extend(brought);
    }
    folders
}

fn root_of(folder: &str, renderer: &Renderer) -> Root {
    let kustomization = renderer
        .kustomization(folder)
        .and_then(|loaded| loaded.kustomization.clone());
    Root {
        folder: folder.to_string(),
        component: kustomization
            .as_ref()
            .is_some_and(|kustomization| kustomization.component),
        references: renderer
            .children(folder)
            .iter()
            .map(|folder| folder.to_string())
            .collect(),
        only_gathers: kustomization.is_some_and(|kustomization| kustomization.only_gathers()),
    }
}

/// Kustomizations that carry no environment and that nothing builds upon: applied as they are, if
/// at all.
fn standing_alone(
    roots: &[Root],
    layout: &Layout,
    chosen: &[(String, Option<Place>)],
) -> Vec<(String, Option<Place>)> {
    let used: BTreeSet<&str> = roots
        .iter()
        .flat_map(|root| &root.references)
        .map(String::as_str)
        .collect();
    let taken: BTreeSet<&str> = chosen.iter().map(|(folder, _)| folder.as_str()).collect();
    let named_so = |folder: &str| {
        folder
            .split('/')
            .any(|part| BUILT_UPON.contains(&part.to_ascii_lowercase().as_str()))
    };
    let alone = |built_upon: bool| -> Vec<(String, Option<Place>)> {
        roots
            .iter()
            .filter(|root| !root.component && !root.only_gathers)
            .map(|root| root.folder.as_str())
            .filter(|folder| {
                !used.contains(folder) && !taken.contains(folder) && layout.place(folder).is_none()
            })
            .filter(|folder| built_upon || !named_so(folder) && !is_set_aside(folder))
            .map(|folder| (folder.to_string(), None))
            .collect()
    };
    let found = alone(false);
    // a repo of nothing but bases and examples is checked by them
    if found.is_empty() && chosen.is_empty() {
        alone(true)
    } else {
        found
    }
}

/// What names the app: what is left of the path without the environment, or the folder.
fn app_path(folder: &str, place: Option<&Place>) -> String {
    place.map_or_else(|| folder.to_string(), |place| place.app.clone())
}

/// The start of an overlay's kustomization; of a folder without one, the line that points at it.
fn place_of(folder: &str, pointer: Option<&Pointer>, renderer: &Renderer) -> Origin {
    let file = renderer
        .kustomization(folder)
        .and_then(|loaded| loaded.file);
    if let (None, Some(pointer)) = (file, pointer) {
        return pointer.agent.origin;
    }
    let file = file.unwrap_or_else(|| {
        let path = join(folder, FILE_NAMES[0]).unwrap_or_default();
        renderer.files().add(
            &path,
            renderer.source().revision_of(&path).as_deref(),
            Arc::from(""),
        )
    });
    Origin {
        file,
        start: 0,
        end: 0,
        by: By::Manifest,
    }
}

/// Manifests in the folders of kustomizations that no kustomization names.
fn unreferenced(roots: &[Root], renderer: &Renderer, layout: &Layout) -> Vec<Unreferenced> {
    let source = renderer.source();
    let read: Vec<(&Root, Arc<Kustomization>)> = roots
        .par_iter()
        .filter_map(|root| {
            Some((
                root,
                renderer
                    .kustomization(&root.folder)?
                    .kustomization
                    .clone()?,
            ))
        })
        .collect();
    let real = |path: String| {
        if source.has_links() {
            source.resolve(&path).unwrap_or(path)
        } else {
            path
        }
    };
    let named: HashSet<String> = read
        .par_iter()
        .flat_map_iter(|(root, kustomization)| {
            kustomization
                .paths()
                .filter_map(|entry| join(&root.folder, path_in(entry)))
                .map(real)
        })
        .collect();
    // a folder whose kustomization lists no file of its own holds its files for another purpose
    let lists = |kustomization: &Kustomization| {
        kustomization
            .resources
            .iter()
            .any(|entry| !entry.contains('/') && entry.contains('.'))
            && kustomization.helm_charts.is_empty()
            && kustomization.generators.is_empty()
            && kustomization.transformers.is_empty()
    };
    let listing: HashSet<&str> = read
        .iter()
        .filter(|(_, kustomization)| lists(kustomization))
        .map(|(root, _)| root.folder.as_str())
        .collect();
    let candidates: Vec<&Arc<str>> = source
        .files()
        .par_iter()
        .filter(|path| {
            let folder = folder_of(path);
            let name = path.rsplit('/').next().unwrap_or(path);
            (path.ends_with(".yaml") || path.ends_with(".yml"))
                && !name.starts_with('.')
                && !is_kustomization(path)
                && listing.contains(folder)
                && !named.contains(&***path)
                && !is_set_aside(folder)
                && !matches!(layout.place(folder), Some(Err(())))
        })
        .collect();
    candidates
        .par_iter()
        .filter_map(|path| {
            let documents = renderer.parsed(path).ok()?;
            let object = |node: &Node| {
                let filled = |path: &[&str]| {
                    node.at(path)
                        .and_then(Node::text)
                        .is_some_and(|text| !text.is_empty())
                };
                filled(&["apiVersion"]) && filled(&["kind"]) && filled(&["metadata", "name"])
            };
            let documents: Vec<Node> = documents
                .documents
                .iter()
                .filter(|node| !node.is_null())
                .cloned()
                .collect();
            let kustomization = renderer.kustomization(folder_of(path))?.file?;
            let file = renderer.file_id(path)?;
            (!documents.is_empty() && documents.iter().all(object)).then_some(Unreferenced {
                file,
                kustomization,
                documents,
            })
        })
        .collect()
}

/// Entries that lead from one environment into another.
fn crossings(roots: &[Root], renderer: &Renderer, layout: &Layout) -> Vec<Crossing> {
    let source = renderer.source();
    let of_root = |root: &Root| {
        let mut found = Vec::new();
        let Some(Ok(own)) = layout.place(&root.folder) else {
            return found;
        };
        let Some(kustomization) = renderer
            .kustomization(&root.folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            return found;
        };
        for entry in kustomization.paths() {
            let path = path_in(entry);
            // what is written below the own environment stays there, whatever words its folders
            // carry
            let Some(target) =
                join(&root.folder, path).filter(|target| !is_below(target, &own.prefix))
            else {
                continue;
            };
            let folder = match source.kind(&target) {
                Some(EntryKind::Directory) => target.as_str(),
                Some(EntryKind::File) => folder_of(&target),
                None => continue,
            };
            if let Some(Ok(other)) = layout.place(folder)
                && other.environment != own.environment
            {
                let (from, to) = (own.environment, other.environment);
                found.push(Crossing {
                    folder: root.folder.clone(),
                    origin: entry.origin(),
                    target,
                    from,
                    to,
                });
            }
        }
        found
    };
    roots.par_iter().flat_map_iter(of_root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

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
}
