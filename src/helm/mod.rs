//! Helm charts rendered in-process, equal to what `helm template` (release 4) prints.
//!
//! ```text
//! chart ──► dependencies ──► values ──► render ──► documents ──► objects
//! files     which subcharts  merged,    templates  split and
//!           are on           checked               sorted
//! ```
//!
//! Here: charts, values and releases. Not here: the template language (`template`), and which
//! releases a repository has (`repo`). Nothing is run and nothing is fetched.

mod capabilities;
pub(crate) mod chart;
mod coalesce;
mod copies;
mod dependencies;
mod instance;
pub(crate) mod render;
mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use std::sync::{Arc, Mutex, OnceLock};

use foldhash::HashMap;

pub(crate) use crate::kustomize::Release;
use crate::kustomize::remote::{Remotes, ValueNames};
use crate::kustomize::{ChartRenderer, Problem, Rendered};
use crate::source::{EntryKind, Files, Source, SourceError, join, lock};
use crate::template::{Dialect, MissingKey, Templates};
use crate::yaml::{FileId, Node};
pub(crate) use capabilities::KubeVersion;
pub(crate) use chart::leads_to_web;
use chart::{Chart, Loader, Unpacker};
use copies::Copies;
use render::Made;

type Loaded = Result<Arc<Chart>, Box<Problem>>;
type Values = Result<Node, Box<Problem>>;
type Parsed = Result<Arc<Templates>, Box<Problem>>;

/// The charts of a tree. Each is loaded once, and its templates are parsed once.
pub(crate) struct Charts {
    source: Arc<dyn Source>,
    files: Arc<Files>,
    unpacker: Unpacker,
    copies: Copies,
    /// The names that charts use for usual values.
    names: Arc<ValueNames>,
    loaded: Mutex<HashMap<Arc<str>, Arc<OnceLock<Loaded>>>>,
    /// By the names of the templates, which differ with the subcharts that are on.
    parsed: Mutex<HashMap<Arc<str>, Arc<OnceLock<Parsed>>>>,
    values: Mutex<HashMap<Arc<str>, Arc<OnceLock<Values>>>>,
}

impl Charts {
    /// The charts of a tree. Files that are read are added to `files`.
    pub(crate) fn new(source: Arc<dyn Source>, files: Arc<Files>) -> Charts {
        Charts::with_copies(source, files, &Remotes::default())
    }

    /// The charts of a tree, some folders of which have copies of charts from registries.
    fn with_copies(source: Arc<dyn Source>, files: Arc<Files>, remotes: &Remotes) -> Charts {
        Charts {
            source,
            files,
            unpacker: Unpacker::default(),
            copies: Copies::new(&remotes.chart_folders),
            names: remotes.value_names.clone(),
            loaded: Mutex::default(),
            parsed: Mutex::default(),
            values: Mutex::default(),
        }
    }

    /// True if a path is a folder with a `Chart.yaml`, or a packed chart.
    pub(crate) fn is_chart(&self, path: &str) -> bool {
        match self.source.kind(path) {
            Some(EntryKind::File) => path.ends_with(".tgz"),
            Some(EntryKind::Directory) => join(path, "Chart.yaml")
                .is_some_and(|file| self.source.kind(&file) == Some(EntryKind::File)),
            None => false,
        }
    }

    /// The chart in a folder, or the packed one at a path.
    pub(crate) fn load(&self, path: &str) -> Loaded {
        let path = self
            .source
            .resolve(path)
            .unwrap_or_else(|_| path.to_string());
        let cell = lock(&self.loaded)
            .entry(path.as_str().into())
            .or_default()
            .clone();
        let loader = Loader {
            source: &*self.source,
            files: &self.files,
            unpacker: &self.unpacker,
        };
        cell.get_or_init(|| loader.load(&path).map(Arc::new))
            .clone()
    }

    /// The number of a text file.
    fn file(&self, path: &str) -> Result<FileId, SourceError> {
        let revision = self.source.revision_of(path);
        if let Some(known) = self.files.find(path, &revision) {
            return Ok(known);
        }
        let bytes = self.source.read(path)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| SourceError::NotUtf8(error.valid_up_to()))?;
        Ok(self.files.add(path, revision.as_deref(), Arc::from(text)))
    }

    /// The documents that Helm prints for a release of a chart.
    pub(crate) fn documents(&self, path: &str, release: &Release) -> Made {
        match self.load(path) {
            Ok(chart) => render::render(self, &chart, release),
            Err(problem) => Made::refused(*problem),
        }
    }

    /// The objects in the documents of a release.
    pub(crate) fn objects(&self, path: &str, release: &Release, made: Made) -> Rendered {
        let chart = self.load(path).ok();
        let read = chart.iter().flat_map(|chart| &chart.read);
        let files = read.map(|file| file.id(&self.files)).collect();
        let name = chart.as_ref().map_or("", |chart| chart.metadata.name());
        render::rendered(made, (name, release), files)
    }

    /// The parsed templates of a release.
    fn templates(&self, chart: &Chart, units: &[render::Unit]) -> Parsed {
        let names: String = units
            .iter()
            .map(|unit| format!("{}\n", unit.name))
            .collect();
        let key = format!("{}\n{names}", chart.path);
        let cell = lock(&self.parsed)
            .entry(key.as_str().into())
            .or_default()
            .clone();
        let parse = || {
            let mut templates = Templates::new(Dialect::Helm, MissingKey::Zero);
            for unit in units {
                templates
                    .parse(&unit.name, unit.text.clone(), unit.file)
                    .map_err(|error| Box::new(render::failed(&error, chart)))?;
            }
            Ok(Arc::new(templates))
        };
        cell.get_or_init(parse).clone()
    }
}

impl ChartRenderer for Charts {
    fn is_chart(&self, path: &str) -> bool {
        Charts::is_chart(self, path)
    }

    fn values(&self, path: &str) -> Result<Values, SourceError> {
        let cell = lock(&self.values).entry(path.into()).or_default().clone();
        if let Some(known) = cell.get() {
            return Ok(known.clone());
        }
        let file = self.file(path)?;
        let read = || values::read::of_text(&self.files.get(file).text, file);
        Ok(cell.get_or_init(read).clone())
    }

    fn merge(&self, values: &mut Node, over: &Node) {
        values::merge::merge_maps(values, over);
    }

    fn text(&self, path: &str) -> Result<String, SourceError> {
        let file = self.file(path)?;
        Ok(self.files.get(file).text.to_string())
    }

    fn beside(&self, path: &str) -> Vec<String> {
        let Ok(chart) = self.load(path) else {
            return Vec::new();
        };
        let dependencies = chart.metadata.dependencies.iter();
        let paths = dependencies.filter_map(|one| one.repository.text.strip_prefix("file://"));
        paths.filter_map(|below| join(path, below)).collect()
    }

    fn copy_of(&self, name: &str, range: &str) -> Option<String> {
        let path = self.copies.find(self, name, range)?;
        Some(path.to_string())
    }

    fn render(&self, path: &str, release: &Release) -> Rendered {
        self.objects(path, release, self.documents(path, release))
    }
}

/// Makes the renderer of the charts of a tree.
pub(crate) fn charts_of(
    source: Arc<dyn Source>,
    files: Arc<Files>,
    remotes: &Remotes,
) -> Arc<dyn ChartRenderer> {
    Arc::new(Charts::with_copies(source, files, remotes))
}
