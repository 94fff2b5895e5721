//! CustomResourceDefinitions and schemas in files, whether an overlay renders them or not.
//!
//! Not here: what they mean (`kubernetes`), which object they describe (`rules`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Repo;
use super::discover::is_set_aside;
use crate::source::is_below;
use crate::yaml::{Node, Origin, Scalar};

/// The largest file of definitions that is read, in bytes. Operators ship all of theirs in one.
pub(super) const LARGEST: usize = 16 << 20;

impl Repo {
    /// The objects in files that define kinds of some API groups, in the order of the files.
    pub fn definitions(&self, groups: &BTreeSet<&str>) -> Vec<Node> {
        if groups.is_empty() {
            return Vec::new();
        }
        let defines = |text: &str| {
            text.contains("kind: CustomResourceDefinition")
                && groups.iter().any(|group| text.contains(group))
        };
        let paths = self.source.files();
        let found: Vec<Vec<Node>> = paths
            .par_iter()
            .filter(|path| is_yaml(path) && !is_set_aside(path))
            .filter(|path| self.renderer.skim(path, LARGEST, defines))
            .map(|path| {
                let documents = self.renderer.parsed(path);
                documents.map_or_else(|_| Vec::new(), |read| read.documents.clone())
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    /// The YAML files of the tree, without folders of fixtures and vendored code.
    pub fn yaml_paths(&self) -> Vec<Arc<str>> {
        let paths = self.source.files().iter();
        paths
            .filter(|path| is_yaml(path) && !is_set_aside(path))
            .cloned()
            .collect()
    }

    /// The documents of a YAML file; none if it is no plain YAML, such as a template.
    pub fn yaml_documents(&self, path: &str) -> Vec<Node> {
        let documents = self.renderer.parsed(path);
        documents.map_or_else(|_| Vec::new(), |read| read.documents.clone())
    }

    /// The paths of schema files below folders, by their names in lower case.
    pub fn schema_paths(&self, folders: &[String]) -> BTreeMap<String, Vec<Arc<str>>> {
        let mut found: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
        if folders.is_empty() {
            return found;
        }
        let within = |path: &str| folders.iter().any(|folder| is_below(path, folder));
        for path in self.source.files().iter().filter(|path| within(path)) {
            let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
            if name.ends_with(".json") {
                found.entry(name).or_default().push(path.clone());
            }
        }
        found
    }

    /// The content of a schema file; null if it cannot be read.
    pub fn schema_file(&self, path: &str) -> Option<Node> {
        let parsed = self.renderer.parsed(path);
        let schema = parsed.ok().and_then(|read| read.documents.first().cloned());
        let origin = || self.renderer.file_id(path).map(Origin::start_of);
        schema.or_else(|| Some(Node::scalar(Scalar::null(), origin()?)))
    }
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}
