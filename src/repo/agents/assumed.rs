//! Charts that no object in the repo applies: their Applications are kept elsewhere, or a pipeline
//! installs them. A values file for an environment, such as `values-production.yaml` in the chart's
//! folder, shows that the chart is installed there with it.
//!
//! Here: which releases there are. Not here: following them (`follow`).

use std::collections::{BTreeMap, BTreeSet};

use super::super::discover::{Placement, Root, is_example, is_set_aside};
use super::{Object, Reading, argocd, flux, is};
use crate::kustomize::Renderer;
use crate::source::{folder_of, join};
use crate::yaml::{FileId, Node, Origin};

/// Folders of a chart that hold one values file for each environment.
const FOLDERS: &[&str] = &["config", "configs", "env", "environments", "envs", "values"];

/// A chart that is assumed to be installed, with the values of one environment.
pub(super) struct Release {
    /// An Application with the chart and the values file, as a part of that file.
    pub(super) object: Object,
    /// Its name, for people: `chart charts/web with values-production.yaml`.
    pub(super) name: String,
    /// The environment that the values file or the folder of the chart names.
    pub(super) placement: Placement,
}

/// The charts that nothing applies.
#[derive(Default)]
pub(super) struct Assumed {
    pub(super) releases: Vec<Release>,
    /// The `Chart.yaml` of each chart without a release.
    pub(super) uninstalled: Vec<FileId>,
}

/// The releases of charts that nothing applies. `is_applied` returns true for a folder that an
/// agent applies.
pub(super) fn releases(
    reading: &Reading<'_>,
    roots: &[Root],
    raw: &[Object],
    is_applied: &dyn Fn(&str) -> bool,
) -> Assumed {
    let renderer = reading.renderer;
    let folders = charts(renderer);
    if folders.is_empty() {
        return Assumed::default();
    }
    let used = used(renderer, roots, raw);
    let values = values_files(renderer, &folders);
    let unapplied = folders.iter().filter(|folder| {
        let is_installed = !reading.layout.is_only_pointed_at(folder);
        let is_kustomization = renderer.kustomization(folder).is_some();
        is_installed
            && !is_applied(folder)
            && !used.contains(**folder)
            && !is_kustomization
            && !is_below_chart(folder, &folders)
            && !is_copy(folder, renderer)
            && !is_example(folder)
            && !is_set_aside(folder)
            && !reading.layout.is_ignored(folder)
            && !is_library(folder, renderer)
    });
    let names = values.iter().flat_map(|(folder, paths)| {
        let within = paths.iter().filter_map(|path| below(path, folder));
        within.filter_map(environment_of)
    });
    let glued = reading.layout.glued(names);
    let mut found = Assumed::default();
    for folder in unapplied {
        let own = values.get(folder).map_or(&[][..], Vec::as_slice);
        let mut releases = of_chart(reading, folder, own, &glued);
        if releases.is_empty() {
            let chart = join(folder, "Chart.yaml").and_then(|path| renderer.file_id(&path));
            found.uninstalled.extend(chart);
        }
        found.releases.append(&mut releases);
    }
    found
}

/// The folders with a `Chart.yaml`.
fn charts(renderer: &Renderer) -> BTreeSet<&str> {
    let files = renderer.source().files().iter();
    files
        .filter(|path| path.ends_with("Chart.yaml"))
        .map(|path| folder_of(path))
        .filter(|folder| {
            let chart = join(folder, "Chart.yaml");
            chart.is_some_and(|chart| renderer.source().kind(&chart).is_some())
        })
        .collect()
}

/// True if the configuration says that a folder holds copies of charts from registries.
fn is_copy(folder: &str, renderer: &Renderer) -> bool {
    let mut folders = renderer.options().remotes.chart_folders.iter();
    folders.any(|copies| {
        let rest = folder.strip_prefix(copies.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || copies.is_empty())
    })
}

/// True if a chart is a part of another one: a dependency, or a fixture of its tests.
fn is_below_chart(folder: &str, charts: &BTreeSet<&str>) -> bool {
    let mut above = folder.match_indices('/').map(|(at, _)| folder.get(..at));
    above.any(|parent| parent.is_some_and(|parent| charts.contains(parent)))
}

fn is_library(folder: &str, renderer: &Renderer) -> bool {
    let chart = join(folder, "Chart.yaml").and_then(|path| renderer.parsed(&path).ok());
    let kind = chart
        .as_ref()
        .and_then(|read| read.documents.first()?.get("type")?.text());
    kind == Some("library")
}

/// The charts that HelmReleases, kustomizations and other charts name.
fn used(renderer: &Renderer, roots: &[Root], raw: &[Object]) -> BTreeSet<String> {
    let releases = raw
        .iter()
        .filter(|object| is(&object.node, "HelmRelease", flux::RELEASES));
    let named = releases.filter_map(|object| {
        let chart = object.node.at(&["spec", "chart", "spec", "chart"])?;
        join("", chart.text()?.trim_start_matches('/'))
    });
    let inflated = roots.iter().flat_map(|root| {
        let loaded = renderer.kustomization(&root.folder);
        let own = loaded.and_then(|loaded| loaded.kustomization.clone());
        let charts = own.map_or(Vec::new(), |own| {
            let home = own.chart_home.as_deref().unwrap_or("charts");
            let home = join(&root.folder, home).unwrap_or_default();
            let names = own.helm_charts.iter().filter_map(|chart| {
                let name = chart.get("name").or_else(|| chart.get("chartName"));
                join(&home, name?.text()?)
            });
            names.collect()
        });
        charts.into_iter()
    });
    named.chain(inflated).collect()
}

/// The YAML files in the folder of each chart and in the folders of values in it.
fn values_files<'r>(
    renderer: &'r Renderer,
    charts: &BTreeSet<&'r str>,
) -> BTreeMap<&'r str, Vec<&'r str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let files = renderer.source().files().iter();
    let yaml = files.filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"));
    for path in yaml {
        let mut folder = folder_of(path);
        for _ in 0..=2 {
            if let Some(chart) = charts.get(folder) {
                found.entry(chart).or_default().push(path);
                break;
            }
            folder = folder_of(folder);
        }
    }
    found
}

/// The path of a file within a folder.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(folder)?;
    Some(rest.trim_start_matches('/'))
}

/// The releases that the values files of one chart show. `glued` has the environments of names such
/// as `usprod`.
fn of_chart(
    reading: &Reading<'_>,
    folder: &str,
    files: &[&str],
    glued: &BTreeMap<&str, (usize, &str)>,
) -> Vec<Release> {
    if let Some(placement) = reading.placement(folder) {
        // `production/web` is the chart of one environment, and its own values are the whole story
        let path = join(folder, "Chart.yaml").unwrap_or_default();
        return release(reading, folder, &path, None, placement)
            .into_iter()
            .collect();
    }
    let releases = files.iter().filter_map(|path| {
        let within = below(path, folder)?;
        let name = environment_of(within)?;
        let glued = || {
            let (environment, rest) = glued.get(name)?;
            Some((*environment, rest.to_string()))
        };
        let (environment, rest) = reading.layout.parted(name).or_else(glued)?;
        let placement = Placement {
            app: folder.to_string(),
            qualified: folder.to_string(),
            environment,
            variant: (!rest.is_empty()).then_some(rest),
            prefix: folder.to_string(),
        };
        release(reading, folder, path, Some(within), placement)
    });
    releases.collect()
}

/// The part of a values file's path that names an environment: `production` of
/// `values-production.yaml`, `production.yaml` in a folder of values, and `env/production/values.yaml`.
fn environment_of(within: &str) -> Option<&str> {
    let stem = within
        .strip_suffix(".yaml")
        .or(within.strip_suffix(".yml"))?;
    match stem.split('/').collect::<Vec<_>>()[..] {
        [name] => without_values(name),
        [folder, name] if FOLDERS.contains(&folder) => without_values(name).or(Some(name)),
        [folder, environment, "values"] if FOLDERS.contains(&folder) => Some(environment),
        _ => None,
    }
}

/// The rest of a name that has `values` at one end.
fn without_values(name: &str) -> Option<&str> {
    const SEPARATORS: [char; 3] = ['-', '_', '.'];
    let before = name.strip_prefix("values");
    let before = before.and_then(|rest| rest.strip_prefix(SEPARATORS));
    let after = name.strip_suffix("values");
    before.or(after.and_then(|rest| rest.strip_suffix(SEPARATORS)))
}

/// A release with the values in a file, or with the defaults of the chart.
fn release(
    reading: &Reading<'_>,
    folder: &str,
    path: &str,
    values: Option<&str>,
    placement: Placement,
) -> Option<Release> {
    let renderer = reading.renderer;
    renderer.parsed(path).ok()?;
    let file = renderer.file_id(path)?;
    let origin = Origin::start_of(file);
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let mut node = argocd::elsewhere(folder, name, origin);
    if let Some(source) = node.get_mut("spec").and_then(|spec| spec.get_mut("source")) {
        let files = values.map(|path| Node::string(path, origin));
        let mut helm = Node::map(Vec::new(), origin);
        helm.set(
            "valueFiles",
            Node::list(files.into_iter().collect(), origin),
            origin,
        );
        source.set("helm", helm, origin);
    }
    let path = renderer.files().get(file).path.clone();
    let object = Object { file, path, node };
    let with = values.map_or(String::new(), |path| format!(" with {path}"));
    Some(Release {
        object,
        name: format!("chart {folder}{with}"),
        placement,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_values_files() {
        for (path, environment) in [
            ("values-prod.yaml", Some("prod")),
            ("values.prod-eu.yml", Some("prod-eu")),
            ("prod_values.yaml", Some("prod")),
            ("values.yaml", None),
            ("prod.yaml", None),
            ("values/prod.yaml", Some("prod")),
            ("env/values-prod.yaml", Some("prod")),
            ("environments/prod/values.yaml", Some("prod")),
            ("ci/values-prod.yaml", None),
            ("templates/prod.yaml", None),
        ] {
            assert_eq!(environment_of(path), environment, "{path}");
        }
    }
}
