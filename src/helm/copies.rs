//! Copies of charts from registries, in folders that the configuration names:
//!
//! ```text
//! vendor/charts/redis-18.1.0.tgz
//! vendor/charts/postgresql/Chart.yaml
//! vendor/charts/postgresql-12.0.0/postgresql/Chart.yaml
//! ```

use std::sync::{Arc, OnceLock};

use super::Charts;
use crate::kustomize::ChartRenderer;
use crate::source::join;
use crate::template::semver::{self, Version};
use crate::yaml::Node;

/// The charts in the configured folders.
#[derive(Debug)]
pub(super) struct Copies {
    folders: Vec<String>,
    found: OnceLock<Vec<Found>>,
}

/// A chart in one of the folders.
#[derive(Debug)]
struct Found {
    name: String,
    version: Version,
    path: Arc<str>,
}

impl Copies {
    /// The charts in folders, which are searched when one is asked for.
    pub(super) fn new(folders: &[String]) -> Copies {
        Copies {
            folders: folders.to_vec(),
            found: OnceLock::new(),
        }
    }

    /// The path of the newest chart of a name whose version is in a range.
    pub(super) fn find(&self, charts: &Charts, name: &str, range: &str) -> Option<&Arc<str>> {
        if self.folders.is_empty() {
            return None;
        }
        let found = self.found.get_or_init(|| self.search(charts));
        let range = if range.is_empty() { "*" } else { range };
        let fits = |one: &&Found| {
            let version = one.version.original.as_str();
            one.name == name && (version == range || semver::matches(range, version))
        };
        let fitting = found.iter().filter(fits);
        let newest = fitting.max_by(|one, other| one.version.order(&other.version));
        newest.map(|one| &one.path)
    }

    fn search(&self, charts: &Charts) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let files = charts.source.files();
        for folder in &self.folders {
            let prefix = match folder.as_str() {
                "" => String::new(),
                folder => format!("{folder}/"),
            };
            // the folder of the chart that was found last: charts inside of it are its dependencies
            let mut inside: Option<String> = None;
            let first = files.partition_point(|path| **path < *prefix);
            let below = files.iter().skip(first);
            for path in below.take_while(|path| path.starts_with(&prefix)) {
                if inside
                    .as_ref()
                    .is_some_and(|inside| path.starts_with(inside))
                {
                    continue;
                }
                if let Some(packed) = packed(path) {
                    found.push(packed);
                } else if let Some(folder) = path.strip_suffix("/Chart.yaml") {
                    inside = Some(format!("{folder}/"));
                    found.extend(unpacked(charts, folder));
                }
            }
        }
        found
    }
}

/// The chart in an archive, by the name of the file: `redis-18.1.0.tgz`.
fn packed(path: &Arc<str>) -> Option<Found> {
    let stem = path.rsplit('/').next()?.strip_suffix(".tgz")?;
    let dashes = stem.match_indices('-');
    let mut splits = dashes.filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
    let (name, version) = splits.find_map(|(name, version)| {
        let is_complete = version.split(['-', '+']).next()?.matches('.').count() == 2;
        let version = Version::parse(version).ok().filter(|_| is_complete)?;
        Some((name, version))
    })?;
    Some(Found {
        name: name.to_string(),
        version,
        path: path.clone(),
    })
}

/// The chart in a folder, by its `Chart.yaml`.
fn unpacked(charts: &Charts, folder: &str) -> Option<Found> {
    let metadata = charts.values(&join(folder, "Chart.yaml")?).ok()?.ok()?;
    let text = |key: &str| metadata.get(key).and_then(Node::text);
    Some(Found {
        name: text("name")?.to_string(),
        version: Version::parse(text("version")?).ok()?,
        path: folder.into(),
    })
}
