//! The parameters that generators give: `list`, `git`, `clusters`, `matrix` and `merge`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Note;
use super::super::revisions::absent;
use super::super::template::Parameters;
use super::values::{overlay, shaped};
use super::{LIMIT, Surroundings, clusters, fill, git};
use crate::kubernetes::LabelSelector;
use crate::yaml::{Entry, Node, Origin, read, write};

/// Generators within generators.
const DEPTH: usize = 2;
/// Generators that ask a cluster or a server.
const ELSEWHERE: [&str; 5] = [
    "clusters",
    "scmProvider",
    "clusterDecisionResource",
    "pullRequest",
    "plugin",
];

/// The values that the matrix generators of one ApplicationSet may fill in. A selector may drop
/// every combination, so the number of Applications says nothing about the work.
const WORK: usize = 1_000_000;

/// The generators of one ApplicationSet.
pub(super) struct Generators<'a, 'n> {
    pub(super) surroundings: Surroundings<'a>,
    /// True if templates are Go templates.
    pub(super) go: bool,
    pub(super) notes: &'n mut Vec<Note>,
    /// The values that matrix generators filled in so far.
    pub(super) work: usize,
    /// Why Argo CD refuses a generator: what is wrong, and where.
    pub(super) refused: Vec<(Origin, String)>,
}

impl Generators<'_, '_> {
    pub(super) fn note(&mut self, origin: Origin, message: String) {
        self.notes.push(Note::new(origin, message));
    }

    /// The parameters of each Application that a generator asks for.
    pub(super) fn parameters(&mut self, generator: &Node, depth: usize) -> Vec<Parameters> {
        let nested = |key: &str| generator.get(key).filter(|_| depth < DEPTH);
        let mut sets = if let Some(list) = generator.get("list") {
            self.list(list)
        } else if let Some(git) = generator.entry("git") {
            self.git(git)
        } else if let Some(clusters) = generator.get("clusters").filter(|_| self.knows_clusters()) {
            self.clusters(clusters)
        } else if let Some(matrix) = nested("matrix") {
            self.product(matrix, depth)
        } else if let Some(merge) = nested("merge") {
            self.merged(merge, depth)
        } else {
            self.unknown(generator)
        };
        if let Some(selector) = generator.get("selector") {
            sets.retain(|set| set.open || selects(selector, set));
        }
        sets.truncate(LIMIT + 1);
        sets
    }

    fn refuse(&mut self, origin: Origin, message: impl Into<String>) {
        let refused = (origin, message.into());
        if !self.refused.contains(&refused) {
            self.refused.push(refused);
        }
    }

    /// Without Go templates, every value of an element has to be text.
    fn review_elements(&mut self, items: &[Node]) {
        let entries = items.iter().flat_map(Node::entries);
        let entries = entries.flat_map(|entry| match &*entry.key {
            "values" => entry.value.entries(),
            _ => std::slice::from_ref(entry),
        });
        let wrong = entries.filter(|entry| entry.value.as_str().is_none());
        let wrong: Vec<(Origin, Arc<str>)> = wrong
            .map(|entry| (entry.value.origin, entry.key.clone()))
            .collect();
        for (origin, key) in wrong {
            self.refuse(
                origin,
                format!(
                    "has an element whose `{key}` is not text, which only Go templates can use"
                ),
            );
        }
    }

    fn list(&mut self, list: &Node) -> Vec<Parameters> {
        let items = list.get("elements").map_or(&[][..], Node::items);
        if !self.go {
            self.review_elements(items);
        }
        let mut elements: Vec<Value> = items.iter().map(write::to_json).collect();
        if let Some(text) = list.get("elementsYaml").and_then(Node::as_str) {
            let documents = read::read(text, list.origin.file)
                .map(|read| read.documents)
                .unwrap_or_default();
            elements.extend(documents.iter().flat_map(Node::items).map(write::to_json));
        }
        elements
            .iter()
            .filter_map(Value::as_object)
            .map(|values| self.known(shaped(values, self.go)))
            .collect()
    }

    fn git(&mut self, entry: &Entry) -> Vec<Parameters> {
        let git = &entry.value;
        let url = git.get("repoURL").and_then(Node::text).unwrap_or_default();
        if !self.surroundings.identity.is_own(url) {
            self.note(
                entry.key_origin,
                "this generator reads another repository; the Applications it creates are not checked"
                    .to_string(),
            );
            return vec![self.open()];
        }
        let revision = git.get("revision");
        let text = revision.and_then(Node::text).unwrap_or_default();
        let root = self.surroundings.revisions.root(text);
        if root.is_none() {
            let origin = revision.map_or(entry.key_origin, |node| node.origin);
            self.notes.push(absent("this generator", text, origin));
        }
        let root = root.unwrap_or_default();
        let sets = git::values(git, self.go, &root, self.surroundings);
        let sets = sets.into_iter().map(|set| self.with_values(set, git));
        let sets: Vec<Parameters> = sets.collect();
        let filled = sets.into_iter().filter(|set| !set.values.is_empty());
        filled.collect()
    }

    fn knows_clusters(&self) -> bool {
        !self.surroundings.clusters.is_empty()
    }

    fn clusters(&mut self, generator: &Node) -> Vec<Parameters> {
        let chosen = |selector: &Node, labels: &BTreeMap<String, String>| {
            let labels = labels.iter();
            let labels = labels.map(|(key, value)| (key.clone(), value.as_str().into()));
            selects(selector, &self.known(labels.collect()))
        };
        let sets = clusters::parameters(generator, self.surroundings.clusters, &chosen);
        let go = self.go;
        let sets = sets.into_iter().map(|set| shaped(&set, go));
        sets.map(|set| self.with_values(set, generator)).collect()
    }

    /// Parameters with the `values` of their generator, which may use them.
    fn with_values(&mut self, set: Map<String, Value>, generator: &Node) -> Parameters {
        let values = generator.get("values").map_or(&[][..], Node::entries);
        let mut parameters = self.known(set);
        let templates = if self.go { values } else { &[] };
        for entry in templates {
            if let Some(reason) = entry.value.text().and_then(|text| parameters.failure(text)) {
                let message = format!("has a Go template under `values` that fails: {reason}");
                self.refuse(entry.value.origin, message);
            }
        }
        let filled: Map<String, Value> = values
            .iter()
            .filter_map(|entry| {
                let value = parameters.fill(entry.value.text()?);
                Some((entry.key.to_string(), value.into()))
            })
            .collect();
        let below = Map::from_iter([("values".to_string(), Value::Object(filled))]);
        parameters.values.extend(shaped(&below, self.go));
        parameters
    }

    /// Combines every set of the first generator with every set of the second, which may use the
    /// values of the first. Argo CD accepts exactly two generators.
    fn product(&mut self, matrix: &Node, depth: usize) -> Vec<Parameters> {
        let generators = matrix.get("generators").map_or(&[][..], Node::items);
        if generators.len() != 2 {
            let message = "a matrix generator needs exactly two generators; Argo CD creates no Application from this one";
            self.note(matrix.origin, message.to_string());
            return Vec::new();
        }
        let mut sets = vec![self.known(Map::new())];
        for child in generators {
            let mut product = Vec::new();
            for before in &sets {
                let mut child = child.clone();
                fill(&mut child, before, self.surroundings.renderer.files());
                self.work += nodes(&child);
                if self.work > WORK {
                    let message = "this matrix generator makes too many combinations; the Applications it creates are not checked";
                    self.notes.push(Note::limit(matrix.origin, message));
                    return vec![self.open()];
                }
                for mut parameters in self.parameters(&child, depth + 1) {
                    self.review_combination(matrix, before, &parameters);
                    overlay(&mut parameters.values, &before.values);
                    parameters.open |= before.open;
                    product.push(parameters);
                    if product.len() > LIMIT {
                        return product;
                    }
                }
            }
            sets = product;
        }
        sets
    }

    /// Without Go templates, two generators of a matrix cannot set one parameter differently.
    fn review_combination(&mut self, matrix: &Node, one: &Parameters, other: &Parameters) {
        if self.go || one.open || other.open {
            return;
        }
        let mut values = one.values.iter();
        let differs = |(key, value): &(&String, &Value)| {
            let other = other.values.get(*key);
            other.is_some_and(|other| other != *value)
        };
        if let Some((key, _)) = values.find(differs) {
            let key = key.clone();
            self.refuse(
                matrix.origin,
                format!("has a matrix whose generators set `{key}` to different values"),
            );
        }
    }

    /// Argo CD merges by keys that tell the sets of each generator apart.
    fn review_merge(&mut self, merge: &Node, keys: &[&str], sets: &[Parameters]) {
        if sets.iter().any(|set| set.open) {
            return;
        }
        let mut seen = BTreeSet::new();
        let value = |set: &Parameters, key: &&str| set.values.get(*key).map(Value::to_string);
        let unique = sets.iter().all(|set| {
            let values: Vec<Option<String>> = keys.iter().map(|key| value(set, key)).collect();
            seen.insert(values)
        });
        if !unique {
            self.refuse(
                merge.origin,
                "has a merge generator that gives two sets with the same values of its merge keys",
            );
        }
    }

    /// Merges the sets of the other generators into those of the first that have the same values of
    /// the merge keys.
    fn merged(&mut self, merge: &Node, depth: usize) -> Vec<Parameters> {
        let keys = merge.get("mergeKeys").map_or(&[][..], Node::items);
        let keys: Vec<&str> = keys.iter().filter_map(Node::text).collect();
        let mut generators = merge.get("generators").map_or(&[][..], Node::items).iter();
        let Some(first) = generators.next() else {
            return Vec::new();
        };
        let mut sets = self.parameters(first, depth + 1);
        if keys.is_empty() || generators.len() == 0 {
            let message =
                "has a merge generator without merge keys, or with fewer than two generators";
            self.refuse(merge.origin, message);
        }
        self.review_merge(merge, &keys, &sets);
        for generator in generators {
            let others = self.parameters(generator, depth + 1);
            self.review_merge(merge, &keys, &others);
            for other in others {
                for set in &mut sets {
                    let mut keys = keys.iter();
                    if other.open {
                        set.open = true;
                    } else if keys.all(|key| set.values.get(*key) == other.values.get(*key)) {
                        overlay(&mut set.values, &other.values);
                    }
                }
            }
        }
        sets
    }

    /// A generator whose parameters only a cluster or a server knows.
    fn unknown(&mut self, generator: &Node) -> Vec<Parameters> {
        let mut entries = generator.entries().iter();
        let entry = entries.find(|entry| ELSEWHERE.contains(&&*entry.key));
        let what = entry.map_or("this generator".to_string(), |entry| {
            format!("generator `{}`", entry.key)
        });
        let message = format!(
            "{what} needs a live cluster or server; the Applications it creates are not checked"
        );
        let origin = entry.map_or(generator.origin, |entry| entry.key_origin);
        self.note(origin, message);
        vec![self.open()]
    }

    fn known(&self, values: Map<String, Value>) -> Parameters {
        Parameters {
            values,
            open: false,
            go: self.go,
        }
    }

    fn open(&self) -> Parameters {
        Parameters {
            open: true,
            ..self.known(Map::new())
        }
    }
}

/// The nodes of a tree.
fn nodes(node: &Node) -> usize {
    let items: usize = node.items().iter().map(nodes).sum();
    let entries = node.entries().iter().map(|entry| nodes(&entry.value));
    1 + items + entries.sum::<usize>()
}

/// True if `matchLabels` and `matchExpressions` select parameters, which they name by dotted keys.
fn selects(selector: &Node, set: &Parameters) -> bool {
    let flat = shaped(&set.values, false);
    LabelSelector::of_node(selector).selects(&|key: &str| flat.get(key).and_then(Value::as_str))
}
