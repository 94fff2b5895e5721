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

// the agents' objects that use the rest follow
#![allow(dead_code)]

mod capabilities;
pub(crate) mod chart;
mod coalesce;
mod dependencies;
mod instance;
pub(crate) mod render;
mod schema;
pub(crate) mod values;

use std::sync::{Arc, Mutex, OnceLock};

use foldhash::HashMap;

use crate::kustomize::{Problem, Rendered};
use crate::source::{EntryKind, Files, Source, SourceError, join, lock};
use crate::template::{Dialect, MissingKey, Templates};
use crate::yaml::{By, FileId, Node, Origin};
pub(crate) use capabilities::KubeVersion;
use chart::{Chart, Loader, Unpacker};
use render::Made;

/// A chart with values and a name: what Helm installs.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    /// Its name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The values of the release, without the chart's defaults.
    pub(crate) values: Node,
    /// The version of the cluster.
    pub(crate) kubernetes: KubeVersion,
    /// API versions that the cluster has besides those that Helm assumes.
    pub(crate) api_versions: Vec<String>,
    /// Whether templates see an upgrade instead of an installation.
    pub(crate) is_upgrade: bool,
    /// Whether the files in `crds/` are part of the output.
    pub(crate) includes_crds: bool,
    /// Whether hooks are left out.
    pub(crate) skips_hooks: bool,
    /// Whether tests are left out.
    pub(crate) skips_tests: bool,
    /// Whether values that break the chart's schema are accepted.
    pub(crate) skips_schema: bool,
    /// Whether dependencies that `charts/` lacks are taken from elsewhere, as agents do. Otherwise
    /// they are refused, as `helm template` does.
    pub(crate) builds_dependencies: bool,
}

impl Release {
    /// A release with a name and no values. `origin` asks for it.
    pub(crate) fn new(
        name: impl Into<String>,
        namespace: impl Into<String>,
        origin: Origin,
    ) -> Release {
        Release {
            name: name.into(),
            namespace: namespace.into(),
            values: Node::map(Vec::new(), origin.with(By::Values)),
            kubernetes: KubeVersion::default(),
            api_versions: Vec::new(),
            is_upgrade: false,
            includes_crds: false,
            skips_hooks: false,
            skips_tests: false,
            skips_schema: false,
            builds_dependencies: true,
        }
    }
}

type Loaded = Result<Arc<Chart>, Box<Problem>>;
type Values = Result<Node, Box<Problem>>;
type Parsed = Result<Arc<Templates>, Box<Problem>>;

/// The charts of a tree. Each is loaded once, and its templates are parsed once.
pub(crate) struct Charts {
    source: Arc<dyn Source>,
    files: Arc<Files>,
    unpacker: Unpacker,
    loaded: Mutex<HashMap<Arc<str>, Arc<OnceLock<Loaded>>>>,
    /// By the names of the templates, which differ with the subcharts that are on.
    parsed: Mutex<HashMap<Arc<str>, Arc<OnceLock<Parsed>>>>,
    values: Mutex<HashMap<Arc<str>, Arc<OnceLock<Values>>>>,
}

impl Charts {
    /// The charts of a tree. Files that are read are added to `files`.
    pub(crate) fn new(source: Arc<dyn Source>, files: Arc<Files>) -> Charts {
        Charts {
            source,
            files,
            unpacker: Unpacker::default(),
            loaded: Mutex::default(),
            parsed: Mutex::default(),
            values: Mutex::default(),
        }
    }

    /// Whether a path is a folder with a `Chart.yaml`, or a packed chart.
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

    /// The values in a file. The outer error says that the file cannot be read.
    pub(crate) fn values(&self, path: &str) -> Result<Values, SourceError> {
        let cell = lock(&self.values).entry(path.into()).or_default().clone();
        if let Some(known) = cell.get() {
            return Ok(known.clone());
        }
        let file = self.file(path)?;
        let read = || values::read::of_text(&self.files.get(file).text, file);
        Ok(cell.get_or_init(read).clone())
    }

    /// The number of a text file.
    pub(crate) fn file(&self, path: &str) -> Result<FileId, SourceError> {
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
            Err(problem) => Made {
                documents: Vec::new(),
                problems: vec![*problem],
            },
        }
    }

    /// The objects of a release of a chart.
    pub(crate) fn render(&self, path: &str, release: &Release) -> Rendered {
        self.objects(path, self.documents(path, release))
    }

    /// The objects in the documents of a release.
    pub(crate) fn objects(&self, path: &str, made: Made) -> Rendered {
        let chart = self.load(path);
        let read = chart.iter().flat_map(|chart| &chart.read);
        let files = read.map(|file| file.id(&self.files)).collect();
        render::rendered(made, files)
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
