//! Charts as they lie in the tree: folders and archives, with the charts packed into them.
//!
//! Here: which files a chart has and what they are. Not here: which subcharts a release has
//! (`dependencies`), values (`values`), templates (`render`).

mod archive;
pub(super) mod files;
mod ignore;
pub(super) mod metadata;
mod schema;
mod schema_steps;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use archive::Unpacker;
pub(super) use files::ChartFile;
pub(super) use metadata::{Dependency, Metadata};
use schema::ValuesSchema;
pub(crate) use schema::leads_to_web;

use super::values;
use crate::kustomize::Problem;
use crate::source::{EntryKind, Files, Source, join};
use crate::yaml::read::{Dialect, read_as};
use crate::yaml::{Node, Origin};

/// The depth to which charts may lie in charts.
const DEEPEST: usize = 40;

/// A chart.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Its folder or archive in the tree.
    pub(crate) path: Arc<str>,
    /// `Chart.yaml`.
    pub(crate) metadata: Metadata,
    /// `values.yaml`; an empty map if there is none.
    pub(crate) values: Node,
    /// `values.schema.json`.
    pub(crate) schema: Option<ValuesSchema>,
    /// The files below `templates/`.
    pub(crate) templates: Vec<ChartFile>,
    /// The files that templates can read.
    pub(crate) files: Vec<ChartFile>,
    /// The charts below `charts/`.
    pub(crate) charts: Vec<Arc<Chart>>,
    /// All files that are read for it: `Chart.yaml`, values, templates, those of subcharts.
    pub(crate) read: Vec<ChartFile>,
}

impl Chart {
    /// The place that stands for the whole chart: the start of `Chart.yaml`.
    pub(crate) fn origin(&self) -> Origin {
        self.metadata.origin
    }

    /// The files in `crds/`, which Helm applies as they are.
    pub(crate) fn crds(&self) -> impl Iterator<Item = &ChartFile> {
        self.files.iter().filter(|file| {
            let name = file.name.to_ascii_lowercase();
            let ends = [".yaml", ".yml", ".json"];
            file.name.starts_with("crds/") && ends.iter().any(|end| name.ends_with(end))
        })
    }
}

/// The source of a chart.
#[derive(Clone, Copy)]
pub(super) struct Loader<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) files: &'a Files,
    pub(super) unpacker: &'a Unpacker,
}

impl Loader<'_> {
    /// Loads the chart in a folder, or the archive at a path.
    pub(super) fn load(self, path: &str) -> Result<Chart, Box<Problem>> {
        if self.source.kind(path) == Some(EntryKind::Directory) {
            let files = files::of_folder(self.source, self.files, path)?;
            return self.assemble(files, path, 0);
        }
        let revision = self.source.revision_of(path);
        let at = Origin::start_of(self.files.add(path, revision.as_deref(), Arc::from("")));
        let read = self.source.read(path);
        let bytes = read.map_err(|error| {
            let message = format!("the chart {path:?} cannot be read: {error}");
            Box::new(Problem::error(at, message))
        })?;
        self.archive(&bytes, path, revision, 0)
    }

    fn archive(
        self,
        bytes: &[u8],
        path: &str,
        revision: Option<Arc<str>>,
        depth: usize,
    ) -> Result<Chart, Box<Problem>> {
        let members = self.unpacker.unpack(bytes).map_err(|message| {
            let file = self.files.add(path, revision.as_deref(), Arc::from(""));
            let message = format!("the packed chart {path:?} cannot be read: {message}");
            let problem = Problem::error(Origin::start_of(file), message);
            Box::new(problem.with_help("pack it again with `helm package`"))
        })?;
        self.assemble(files::of_archive(members, path, revision), path, depth)
    }

    /// Sorts the files of a chart by what they are.
    fn assemble(
        self,
        files: Vec<ChartFile>,
        path: &str,
        depth: usize,
    ) -> Result<Chart, Box<Problem>> {
        let metadata = self.metadata(&files, path)?;
        let mut chart = Chart {
            path: path.into(),
            values: Node::map(Vec::new(), metadata.origin),
            metadata,
            schema: None,
            templates: Vec::new(),
            files: Vec::new(),
            charts: Vec::new(),
            read: Vec::new(),
        };
        let mut packed: BTreeMap<Arc<str>, Vec<ChartFile>> = BTreeMap::new();
        let mut lock = None;
        for file in files {
            match &*file.name {
                "Chart.yaml" => chart.read.push(file),
                "Chart.lock" | "requirements.lock" => {
                    // a broken lock locks nothing; `helm dependency build` writes it anew
                    lock = self.document(&file).ok();
                    chart.read.push(file);
                }
                "values.yaml" => {
                    let text = file.text();
                    chart.values = values::read::of_text(&text, file.id(self.files))?;
                    chart.read.push(file);
                }
                "values.schema.json" => {
                    chart.schema = Some(ValuesSchema::new(file.clone()));
                    chart.read.push(file);
                }
                "requirements.yaml" => {
                    let node = self.document(&file)?;
                    chart.metadata.require(&node)?;
                    if chart.metadata.text("apiVersion") == "v1" {
                        chart.files.push(file.clone());
                    }
                    chart.read.push(file);
                }
                name if name.starts_with("templates/") => {
                    chart.templates.push(file.clone());
                    chart.read.push(file);
                }
                name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                    let below = name.strip_prefix("charts/").unwrap_or(name);
                    let folder = below.split('/').next().unwrap_or(below);
                    let below = file.renamed(below);
                    packed.entry(Arc::from(folder)).or_default().push(below);
                }
                _ => chart.files.push(file),
            }
        }
        if let Some(lock) = &lock {
            chart.metadata.lock(lock);
        }
        chart.metadata.validate()?;
        if depth >= DEEPEST && !packed.is_empty() {
            let message = format!("charts lie in charts more than {DEEPEST} levels deep");
            return Err(Box::new(Problem::error(chart.origin(), message)));
        }
        for (name, files) in packed {
            if let Some(below) = self.packed(&name, files, &chart, depth)? {
                chart.read.extend(below.read.iter().cloned());
                chart.charts.push(Arc::new(below));
            }
        }
        Ok(chart)
    }

    /// A chart below `charts/`; `None` for what Helm passes over.
    fn packed(
        self,
        name: &str,
        files: Vec<ChartFile>,
        parent: &Chart,
        depth: usize,
    ) -> Result<Option<Chart>, Box<Problem>> {
        if name.starts_with(['_', '.']) {
            return Ok(None);
        }
        let path = join(&parent.path, &format!("charts/{name}")).unwrap_or_default();
        if name.ends_with(".tgz") {
            let Some(file) = files.first().filter(|file| &*file.name == name) else {
                let message = format!("{path:?} is a folder with the name of a packed chart");
                return Err(Box::new(Problem::error(parent.origin(), message)));
            };
            let loaded = self.archive(&file.bytes, &path, file.revision.clone(), depth + 1);
            return loaded.map(Some);
        }
        let inside = files.iter().filter_map(|file| {
            let (_, rest) = file.name.split_once('/')?;
            Some(file.renamed(rest))
        });
        self.assemble(inside.collect(), &path, depth + 1).map(Some)
    }

    fn metadata(self, files: &[ChartFile], path: &str) -> Result<Metadata, Box<Problem>> {
        let mut named = files.iter().filter(|file| &*file.name == "Chart.yaml");
        let Some(file) = named.next() else {
            let place = join(path, "Chart.yaml").unwrap_or_default();
            let revision = self.source.revision_of(&place);
            let file = self.files.add(&place, revision.as_deref(), Arc::from(""));
            let message = format!("the folder {path:?} has no Chart.yaml, so it is not a chart");
            let problem = Problem::error(Origin::start_of(file), message);
            return Err(Box::new(problem.with_help(
                "add a Chart.yaml; a .helmignore may leave out the one that is there",
            )));
        };
        Metadata::read(&self.document(file)?, file.origin(self.files))
    }

    /// The first document of a file; an empty map if there is none.
    fn document(self, file: &ChartFile) -> Result<Node, Box<Problem>> {
        let id = file.id(self.files);
        let text = self.files.get(id).text.clone();
        let documents = read_as(&text, id, Dialect::Json)
            .map_err(|error| Box::new(Problem::error(error.origin, error.message)))?;
        let first = documents.documents.into_iter().next();
        Ok(first.unwrap_or_else(|| Node::map(Vec::new(), Origin::start_of(id))))
    }
}
