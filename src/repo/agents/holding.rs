//! Which folders hold agents' objects once they are rendered. Most do not, and are not rendered to
//! find agents.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::discover::Root;
use super::{Object, Plain, Pointer, is_agent};
use crate::kustomize::Renderer;
use crate::kustomize::kustomization::path_in;
use crate::source::join;

/// The folders and files with agents' objects.
pub(super) struct Holding<'a> {
    renderer: &'a Renderer,
    /// Files with such objects.
    files: BTreeSet<&'a str>,
    /// Files that mention agents. Templates of charts can only be read once they are rendered.
    mentioning: &'a [Arc<str>],
    /// The files of this kind that each kustomization lists itself.
    listed: HashMap<&'a str, Vec<String>>,
    references: HashMap<&'a str, &'a [String]>,
    /// Kustomizations that list such files, or build upon one that does.
    roots: BTreeSet<&'a str>,
}

impl<'a> Holding<'a> {
    pub(super) fn new(
        renderer: &'a Renderer,
        roots: &'a [Root],
        (raw, mentioning): (&'a [Object], &'a [Arc<str>]),
    ) -> Holding<'a> {
        let objects = raw.iter().filter(|object| is_agent(&object.node));
        let files: BTreeSet<&str> = objects.map(|object| &*object.path).collect();
        let mut holding = Holding {
            renderer,
            files,
            mentioning,
            listed: HashMap::new(),
            references: HashMap::new(),
            roots: BTreeSet::new(),
        };
        if holding.files.is_empty() {
            return holding;
        }
        let listed: Vec<Vec<String>> = roots.par_iter().map(|root| holding.listed(root)).collect();
        let mut users: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut waiting: Vec<&str> = Vec::new();
        for (root, listed) in roots.iter().zip(listed) {
            for folder in &root.references {
                users.entry(folder).or_default().push(&root.folder);
            }
            let folder = root.folder.as_str();
            holding.references.insert(folder, &root.references);
            if !listed.is_empty() {
                waiting.push(folder);
                holding.listed.insert(folder, listed);
            }
        }
        while let Some(folder) = waiting.pop() {
            if holding.roots.insert(folder) {
                waiting.extend(users.get(folder).into_iter().flatten());
            }
        }
        holding
    }

    fn listed(&self, root: &Root) -> Vec<String> {
        let loaded = self.renderer.kustomization(&root.folder);
        let Some(own) = loaded.and_then(|loaded| loaded.kustomization.clone()) else {
            return Vec::new();
        };
        let paths = own.resources.iter();
        paths
            .filter_map(|entry| join(&root.folder, path_in(entry)))
            .filter(|path| self.files.contains(path.as_str()))
            .collect()
    }

    /// True if a template of a chart makes agents' objects.
    fn is_template_of_agents(&self, path: &str) -> bool {
        const LARGEST: usize = 1 << 20;
        let makes =
            |text: &str| text.contains("kind: Application") || text.contains(super::flux::GROUP);
        path.contains("templates/") && self.renderer.skim(path, LARGEST, makes)
    }

    /// True if a file has an agent's object.
    pub(super) fn is_candidate(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// True if agents' objects are among what a folder renders to. A folder without a kustomization
    /// is read with everything below it.
    pub(super) fn holds(&self, folder: &str) -> bool {
        if self.files.is_empty() {
            return false;
        }
        if self.references.contains_key(folder) {
            return self.roots.contains(folder);
        }
        let prefix = prefix(folder);
        starts(&self.files, &prefix) || starts(&self.roots, &prefix)
    }

    /// The same for what an agent applies: a chart, or a folder to which it may add components.
    pub(super) fn holds_agents(&self, pointer: &Pointer) -> bool {
        if matches!(pointer.plain, Plain::Chart(_)) {
            let prefix = prefix(&pointer.folder);
            let first = self.mentioning.partition_point(|path| **path < *prefix);
            let inside = self.mentioning.get(first..).unwrap_or_default().iter();
            let mut inside = inside.take_while(|path| path.starts_with(&prefix));
            return inside.any(|path| self.is_template_of_agents(path));
        }
        let layer = pointer.layer.as_ref();
        let mut components = layer
            .iter()
            .flat_map(|layer| &layer.kustomization.components);
        self.holds(&pointer.folder)
            || components
                .any(|entry| join(&pointer.folder, entry).is_some_and(|folder| self.holds(&folder)))
    }

    /// The files with agents' objects that some folders render.
    pub(super) fn files_of<'f>(&self, folders: impl Iterator<Item = &'f str>) -> HashSet<String> {
        let mut found = HashSet::new();
        let mut seen: HashSet<String> = HashSet::new();
        let mut waiting: Vec<String> = folders
            .filter(|folder| self.holds(folder))
            .map(str::to_string)
            .collect();
        while let Some(folder) = waiting.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            if let Some(references) = self.references.get(folder.as_str()) {
                found.extend(
                    self.listed
                        .get(folder.as_str())
                        .into_iter()
                        .flatten()
                        .cloned(),
                );
                waiting.extend(references.iter().filter(|one| self.holds(one)).cloned());
                continue;
            }
            let prefix = prefix(&folder);
            let files = below(&self.files, &prefix);
            found.extend(files.map(str::to_string));
            waiting.extend(below(&self.roots, &prefix).map(str::to_string));
        }
        found
    }
}

fn prefix(folder: &str) -> String {
    match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}

fn below<'s>(paths: &'s BTreeSet<&str>, prefix: &'s str) -> impl Iterator<Item = &'s str> {
    use std::ops::Bound::{Included, Unbounded};
    let from = paths
        .range::<str, _>((Included(prefix), Unbounded))
        .copied();
    from.take_while(move |path| path.starts_with(prefix))
}

fn starts(paths: &BTreeSet<&str>, prefix: &str) -> bool {
    below(paths, prefix).next().is_some()
}
