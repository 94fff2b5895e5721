//! The files of a chart, from a folder of the tree or from an archive.

use std::sync::Arc;

use super::archive::{LARGEST_FILE, Member};
use super::ignore::Rules;
use crate::kustomize::Problem;
use crate::source::{EntryKind, Files, Source, join};
use crate::yaml::{FileId, Origin};

/// The most files that a chart may have, those of its subcharts included.
const MOST_FILES: usize = 20_000;

/// The most symbolic links to folders that are followed, one inside of the other.
const DEEPEST_LINK: usize = 8;

/// A file of a chart.
#[derive(Clone, Debug)]
pub(crate) struct ChartFile {
    /// Its path in the chart: `templates/service.yaml`.
    pub(crate) name: Arc<str>,
    /// Its path in the tree. A file in an archive counts as one below it.
    pub(crate) path: Arc<str>,
    /// The revision that it is read from.
    pub(crate) revision: Option<Arc<str>>,
    /// Its content without a byte order mark.
    pub(crate) bytes: Arc<[u8]>,
}

impl ChartFile {
    /// Its text. Helm passes other bytes through; here they are replaced.
    pub(crate) fn text(&self) -> Arc<str> {
        String::from_utf8_lossy(&self.bytes).into()
    }

    /// Its number in the table of files.
    pub(crate) fn id(&self, files: &Files) -> FileId {
        match files.find(&self.path, &self.revision) {
            Some(id) => id,
            None => files.add(&self.path, self.revision.as_deref(), self.text()),
        }
    }

    /// The place that stands for the whole of it.
    pub(crate) fn origin(&self, files: &Files) -> Origin {
        Origin::start_of(self.id(files))
    }

    /// The same file of a subchart, whose folder is `below`.
    pub(super) fn renamed(&self, name: &str) -> ChartFile {
        ChartFile {
            name: Arc::from(name),
            ..self.clone()
        }
    }
}

/// The files in a folder that `.helmignore` leaves in, folder by folder as Helm walks.
pub(super) fn of_folder(
    source: &dyn Source,
    files: &Files,
    folder: &str,
) -> Result<Vec<ChartFile>, Box<Problem>> {
    let rules = rules(source, files, folder)?;
    let mut walk = Walk {
        source,
        rules: &rules,
        found: Vec::new(),
    };
    let result = walk.folder(folder, "", 0);
    let mut found = walk.found;
    result.map_err(|message| {
        let place = found.first().map_or_else(
            || Origin::start_of(files.add(folder, source.revision(), Arc::from(""))),
            |file: &ChartFile| file.origin(files),
        );
        Box::new(Problem::error(place, message))
    })?;
    found.sort_by(|one, other| one.name.split('/').cmp(other.name.split('/')));
    Ok(found)
}

/// The files in an archive, which is at `path`.
pub(super) fn of_archive(
    members: Vec<Member>,
    path: &str,
    revision: Option<Arc<str>>,
) -> Vec<ChartFile> {
    let members = members.into_iter();
    let file = |(name, bytes): Member| ChartFile {
        path: format!("{path}/{name}").into(),
        name: name.into(),
        revision: revision.clone(),
        bytes: without_mark(bytes),
    };
    members.map(file).collect()
}

/// The rules in the `.helmignore` of a folder.
fn rules(source: &dyn Source, files: &Files, folder: &str) -> Result<Rules, Box<Problem>> {
    let path = join(folder, ".helmignore").unwrap_or_default();
    let bytes = match source.kind(&path) {
        Some(EntryKind::File) => source.read(&path).unwrap_or_else(|_| Arc::from([])),
        _ => Arc::from([]),
    };
    let text = String::from_utf8_lossy(&bytes);
    Rules::parse(&text).map_err(|refused| {
        let revision = source.revision_of(&path);
        let file = files.add(&path, revision.as_deref(), Arc::from(&*text));
        let origin = Origin {
            start: refused.bytes.start as u32,
            end: refused.bytes.end as u32,
            ..Origin::start_of(file)
        };
        Box::new(Problem::error(origin, refused.reason).with_help("write a pattern for each level"))
    })
}

struct Walk<'a> {
    source: &'a dyn Source,
    rules: &'a Rules,
    found: Vec<ChartFile>,
}

impl Walk<'_> {
    /// Adds the files in a folder of the tree, whose path in the chart is `inside`.
    fn folder(&mut self, folder: &str, inside: &str, links: usize) -> Result<(), String> {
        let real = self
            .source
            .resolve(folder)
            .map_err(|error| error.to_string())?;
        let prefix = if real.is_empty() {
            String::new()
        } else {
            format!("{real}/")
        };
        let files = self.source.files();
        let first = files.partition_point(|path| **path < *prefix);
        let below = files.iter().skip(first);
        let below = below.map_while(|path| Some((path, path.strip_prefix(prefix.as_str())?)));
        for (path, rest) in below {
            let name = if inside.is_empty() {
                rest.to_string()
            } else {
                format!("{inside}/{rest}")
            };
            let mut above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
            if above.any(|folder| self.rules.leaves_out(folder, true)) {
                continue;
            }
            let is_link = self.source.has_links() && self.source.link(path).is_some();
            if is_link && self.source.kind(path) == Some(EntryKind::Directory) {
                if links >= DEEPEST_LINK {
                    return Err(format!("the link `{path}` leads through too many others"));
                }
                if !self.rules.leaves_out(&name, true) {
                    self.folder(path, &name, links + 1)?;
                }
                continue;
            }
            if !self.rules.leaves_out(&name, false) {
                self.file(path, name)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Arc<str>, name: String) -> Result<(), String> {
        if self.found.len() >= MOST_FILES {
            return Err(format!("the chart has more than {MOST_FILES} files"));
        }
        let bytes = self
            .source
            .read(path)
            .map_err(|error| format!("{path:?} of the chart cannot be read: {error}"))?;
        if bytes.len() as u64 > LARGEST_FILE {
            let most = LARGEST_FILE >> 20;
            return Err(format!("{path:?} of the chart is larger than {most} MiB"));
        }
        self.found.push(ChartFile {
            revision: self.source.revision_of(path),
            path: path.clone(),
            name: name.into(),
            bytes: without_mark(bytes),
        });
        Ok(())
    }
}

fn without_mark(bytes: Arc<[u8]>) -> Arc<[u8]> {
    match bytes.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => Arc::from(rest),
        None => bytes,
    }
}
