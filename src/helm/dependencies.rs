//! The subcharts that a release has: those whose conditions and tags do not switch them off, under
//! their aliases (`ProcessDependencies` in Helm).

use std::sync::Arc;

use super::chart::{Chart, Dependency};
use super::coalesce::coalesce;
use super::instance::Instance;
use super::values::merge;
use crate::kustomize::{Problem, Release};
use crate::template::semver;
use crate::yaml::{By, Entry, Node};

/// The charts of a release. `more` are subcharts that lie elsewhere in the tree.
pub(super) fn resolve(
    chart: &Arc<Chart>,
    more: &[Arc<Chart>],
    release: &Release,
) -> Result<Instance, Box<Problem>> {
    let mut instance = Instance::whole(chart, more);
    if let Some(defaults) = &release.defaults {
        instance.values = defaults.clone();
    }
    switch(&mut instance, &release.values, "")?;
    import(&mut instance)?;
    Ok(instance)
}

/// The entries of `dependencies` without a chart.
pub(super) fn missing<'c>(chart: &'c Chart, more: &[Arc<Chart>]) -> Vec<&'c Dependency> {
    let is_there = |dependency: &&Dependency| {
        let mut charts = chart.charts.iter().chain(more);
        charts.any(|below| below.metadata.name() == &*dependency.name.text)
    };
    let dependencies = chart.metadata.dependencies.iter();
    dependencies.filter(|one| !is_there(one)).collect()
}

/// True if an entry of `dependencies` means a chart.
fn means(dependency: &Dependency, subchart: &Instance) -> bool {
    let version = subchart.chart.metadata.text("version");
    *subchart.name == *dependency.name.text && semver::matches(&dependency.version.text, version)
}

/// Takes out the subcharts that are switched off. `path` leads from the top of the values to those
/// of this chart.
fn switch(instance: &mut Instance, values: &Node, path: &str) -> Result<(), Box<Problem>> {
    if instance.dependencies.is_empty() {
        return Ok(());
    }
    let found = std::mem::take(&mut instance.subcharts);
    let unnamed = found.iter().filter(|subchart| {
        let mut dependencies = instance.dependencies.iter();
        !dependencies.any(|dependency| means(dependency, subchart))
    });
    let mut chosen: Vec<Instance> = unnamed.cloned().collect();
    for dependency in &instance.dependencies {
        let mut found = found.iter();
        if let Some(subchart) = found.find(|subchart| means(dependency, subchart)) {
            let mut subchart = subchart.clone();
            subchart.name = dependency.key().into();
            chosen.push(subchart);
        }
    }
    instance.subcharts = chosen;
    let mut complete = values.clone();
    coalesce(instance, &mut complete, false)?;
    let is_on = |dependency: &Dependency| {
        by_condition(dependency, &complete, path).unwrap_or_else(|| by_tags(dependency, &complete))
    };
    let (on, off): (Vec<Dependency>, Vec<Dependency>) =
        instance.dependencies.drain(..).partition(is_on);
    instance.dependencies = on;
    let is_off = |subchart: &Instance| off.iter().any(|other| *other.key() == *subchart.name);
    instance.subcharts.retain(|subchart| !is_off(subchart));
    for subchart in &mut instance.subcharts {
        let path = format!("{path}{}.", subchart.name);
        switch(subchart, &complete, &path)?;
    }
    Ok(())
}

/// The value of the first condition that is a boolean.
fn by_condition(dependency: &Dependency, values: &Node, path: &str) -> Option<bool> {
    let conditions = dependency.condition.text.trim().split(',');
    let mut conditions = conditions.filter(|condition| !condition.is_empty());
    conditions.find_map(|condition| {
        let path = format!("{path}{condition}");
        let mut keys = path.split('.');
        keys.try_fold(values, |node, key| node.get(key))?.as_bool()
    })
}

/// Off if one of the tags is false and none is true.
fn by_tags(dependency: &Dependency, values: &Node) -> bool {
    let tags = values.get("tags");
    let set = dependency.tags.iter();
    let set = set.filter_map(|tag| tags?.get(&tag.text)?.as_bool());
    let set: Vec<bool> = set.collect();
    set.is_empty() || set.contains(&true)
}

/// Takes the values over that `import-values` names, below the parent's own.
fn import(instance: &mut Instance) -> Result<(), Box<Problem>> {
    instance.subcharts.iter_mut().try_for_each(import)?;
    if instance.dependencies.is_empty() {
        return Ok(());
    }
    let empty = || Node::map(Vec::new(), instance.chart.origin().with(By::Values));
    let (mut complete, mut imported) = (empty(), empty());
    coalesce(instance, &mut complete, true)?;
    for dependency in &instance.dependencies {
        for import in &dependency.imports {
            let below = complete.get(dependency.key());
            let mut keys = import.child.split('.');
            let table = keys.try_fold(below, |node, key| Some(node?.get(key)));
            if let Some(Some(table)) =
                table.filter(|table| table.is_some_and(|table| table.as_map().is_some()))
            {
                merge::fill(&mut imported, &nested(&import.parent, table), true);
            }
        }
    }
    merge::fill(&mut complete, &imported, true);
    instance.values = complete;
    Ok(())
}

/// A table below the keys of a path; `.` is the top.
fn nested(path: &str, table: &Node) -> Node {
    if path == "." {
        return table.clone();
    }
    let keys = path.rsplit('.');
    keys.fold(table.clone(), |below, key| {
        let origin = below.origin;
        let entry = Entry {
            key: key.into(),
            key_origin: origin,
            value: below,
        };
        Node::map(vec![entry], origin)
    })
}
