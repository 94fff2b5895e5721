//! Subcharts that `dependencies` names and that are not in the tree. Their objects are missing, but
//! the values that the release gives them are known.

use std::sync::Arc;

use super::super::chart::{Chart, Dependency};
use super::super::coalesce::coalesce;
use super::super::dependencies;
use super::super::{Charts, Release};
use crate::kustomize::{ChartRenderer, Problem, ProblemKind, Unrendered};
use crate::source::join;
use crate::yaml::{By, Node};

/// What a chart lacks.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// A problem for each subchart.
    pub(super) problems: Vec<Problem>,
    /// What is known of each.
    pub(super) releases: Vec<Unrendered>,
}

/// The subcharts that `charts/` lacks: those found elsewhere in the tree, and the others.
pub(super) fn find<'c>(
    charts: &Charts,
    chart: &'c Chart,
    release: &Release,
) -> Result<(Vec<Arc<Chart>>, Vec<&'c Dependency>), Box<Problem>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for dependency in dependencies::missing(chart, &[]) {
        if !release.builds_dependencies {
            let name = &dependency.name.text;
            let message = format!("the dependency `{name}` is not in charts/");
            let problem = Problem::error(dependency.origin, message);
            let help = "run `helm dependency build`, and commit charts/";
            return Err(Box::new(problem.with_help(help)));
        }
        let beside = dependency.repository.text.strip_prefix("file://");
        let beside = beside.and_then(|path| join(&chart.path, path));
        let copy = || charts.copy_of(&dependency.name.text, &dependency.version.text);
        match beside.filter(|path| charts.is_chart(path)).or_else(copy) {
            Some(path) => found.push(charts.load(&path)?),
            None => missing.push(dependency),
        }
    }
    Ok((found, missing))
}

/// What is known of missing subcharts. Those that the values switch off are not needed.
pub(super) fn of(
    charts: &Charts,
    chart: &Arc<Chart>,
    more: &[Arc<Chart>],
    mut missing: Vec<&Dependency>,
    release: &Release,
) -> Lacking {
    if missing.is_empty() {
        return Lacking::default();
    }
    let mut values = release.values.clone();
    let root = dependencies::resolve(chart, more, release).and_then(|root| {
        coalesce(&root, &mut values, false)?;
        Ok(root)
    });
    if let Ok(root) = &root {
        missing.retain(|one| root.dependencies.iter().any(|on| on.key() == one.key()));
    }
    let releases = missing.iter().filter(|_| root.is_ok());
    Lacking {
        releases: releases
            .map(|one| known(charts, one, &values, release))
            .collect(),
        problems: missing.into_iter().map(problem).collect(),
    }
}

fn known(charts: &Charts, dependency: &Dependency, values: &Node, release: &Release) -> Unrendered {
    let at = dependency.origin;
    let node = |text: &str, origin| Node::string(text, origin);
    let own = values
        .get(dependency.key())
        .filter(|own| own.as_map().is_some());
    let own = own.cloned();
    let own = own.unwrap_or_else(|| Node::map(Vec::new(), at.with(By::Values)));
    let called = node(&format!("{} {}", release.name, dependency.key()), at);
    let namespace = node(&release.namespace, at);
    let chart = node(&dependency.name.text, dependency.name.origin);
    let version = dependency.locked.as_ref().unwrap_or(&dependency.version);
    let version = node(&version.text, version.origin);
    let is_remote = dependency.repository.text.contains("://")
        && !dependency.repository.text.starts_with("file://");
    Unrendered {
        complete: !release.is_partial,
        names: charts.names.clone(),
        ..Unrendered::of_entry(
            (&called, Some(&namespace)),
            (&chart, is_remote.then_some(&version)),
            own,
            at,
        )
    }
}

fn problem(dependency: &Dependency) -> Problem {
    let name = &dependency.name.text;
    let message = format!(
        "the dependency `{name}` is not in this repository, so of it only its values are checked"
    );
    Problem::error(dependency.origin, message)
        .with_kind(ProblemKind::NeedsPlugin)
        .with_help("run `helm dependency build`, and commit charts/")
}
