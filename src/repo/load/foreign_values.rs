//! Values files of another environment, where the name of the file tells the environment:
//!
//! ```yaml
//! # argocd/production/web.yaml
//! helm: {valueFiles: [values.yaml, values-staging.yaml]}
//! ```
//!
//! A name alone is weak, as `values-dev-tools.yaml` is not of dev. It counts if the environment that
//! it names reads the file too, or if the own environment has such a file beside it.

use std::collections::BTreeSet;

use super::super::Crossing;
use super::super::agents::Pointer;
use super::Tree;
use crate::source::{EntryKind, folder_of, join};
use crate::yaml::{Node, Origin};

/// A values file that something in an environment reads.
struct Read {
    folder: String,
    path: String,
    origin: Origin,
    environment: usize,
}

/// The values files that belong to another environment than that which reads them.
pub(super) fn foreign_values(tree: Tree<'_>) -> Vec<Crossing> {
    let mut read: Vec<Read> = of_agents(tree);
    read.extend(of_kustomizations(tree));
    let readers: BTreeSet<(usize, &str)> = read
        .iter()
        .map(|one| (one.environment, one.path.as_str()))
        .collect();
    let foreign = read.iter().filter_map(|one| {
        let other = named(&one.path, tree)?;
        let is_other = other != one.environment && tree.layout.is_ordered(other);
        let evident = || {
            readers.contains(&(other, one.path.as_str()))
                || has_own(&one.path, one.environment, tree)
        };
        (is_other && evident()).then(|| Crossing {
            folder: one.folder.clone(),
            origin: one.origin,
            target: one.path.clone(),
            from: one.environment,
            to: other,
        })
    });
    foreign.collect()
}

/// The values files of Argo CD Applications.
fn of_agents(tree: Tree<'_>) -> Vec<Read> {
    let pointers = tree.agents.pointers.iter();
    let placed = pointers.filter_map(|pointer: &Pointer| {
        let hints = || {
            let mut hints = pointer.hints.iter();
            hints.find_map(|hint| tree.layout.named(hint))
        };
        let environment = pointer.any_environment().or_else(hints)?;
        Some((pointer, environment))
    });
    let of_pointer = |(pointer, environment): (&Pointer, usize)| {
        let (folder, charts) = pointer.charts();
        let files = charts.iter().flat_map(|chart| chart.values_files(folder));
        let read = files.map(|(path, origin)| Read {
            folder: pointer.folder.clone(),
            path,
            origin,
            environment,
        });
        read.collect::<Vec<_>>()
    };
    placed.flat_map(of_pointer).collect()
}

/// The values files of `helmCharts` in kustomizations.
fn of_kustomizations(tree: Tree<'_>) -> Vec<Read> {
    let mut found = Vec::new();
    for (root, kustomization) in tree.kustomizations() {
        let Some(placement) = tree.layout.placement(&root.folder) else {
            continue;
        };
        for chart in &kustomization.helm_charts {
            let more = chart.get("additionalValuesFiles");
            let more = more.map_or(&[][..], Node::items).iter();
            for file in chart.get("valuesFile").into_iter().chain(more) {
                let path = file.text().and_then(|path| join(&root.folder, path));
                found.extend(path.map(|path| Read {
                    folder: root.folder.clone(),
                    path,
                    origin: file.origin,
                    environment: placement.environment,
                }));
            }
        }
    }
    found
}

/// The environment that the name of a file names, if it says nothing else: `values-staging.yaml`,
/// `staging.yaml`, `staging-values.yaml`.
fn named(path: &str, tree: Tree<'_>) -> Option<usize> {
    let name = path.rsplit('/').next()?;
    let (stem, _) = name.rsplit_once('.')?;
    let (environment, rest) = tree.layout.parted(stem)?;
    let mut rest = rest.split('-').filter(|word| !word.is_empty());
    let chart = folder_of(path).rsplit('/').next().unwrap_or_default();
    rest.all(|word| matches!(word, "values" | "value" | "helm") || word == chart)
        .then_some(environment)
}

/// True if the folder of a file has one whose name names an environment.
fn has_own(path: &str, environment: usize, tree: Tree<'_>) -> bool {
    let folder = folder_of(path);
    let source = tree.renderer.source();
    let files = source.files();
    let first = files.partition_point(|file| **file < *folder);
    let mut files = files.iter().skip(first);
    let is_below = |file: &&std::sync::Arc<str>| folder.is_empty() || file.starts_with(folder);
    files
        .by_ref()
        .take_while(is_below)
        .filter(|file| folder_of(file) == folder && ***file != *path)
        .filter(|file| source.kind(file) == Some(EntryKind::File))
        .any(|file| named(file, tree) == Some(environment))
}
