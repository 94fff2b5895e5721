//! `remotes` and `charts`: copies in the repository of bases, files and charts from elsewhere.

use std::sync::Arc;

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use crate::kubernetes::outline;
use crate::kustomize::remote::{self, Chart, ValueNames};
use crate::yaml::Node;

pub(super) static REMOTES: Key = Key {
    name: "remotes",
    value: "map of URLs to paths",
    summary: "copies of remote bases and files",
    shape: Shape::Texts,
    read: |reader, node, config| {
        if node.as_map().is_none() {
            reader.mistyped(node, "`remotes`", "a map of URLs to paths");
        }
        for entry in node.entries() {
            if remote::parse(&entry.key).is_none() && !remote::is_http(&entry.key) {
                reader.refuse(
                    entry.key_origin,
                    format!("`{}` is not the URL of a remote base or file", entry.key),
                    "write it as https://github.com/acme/bases//web?ref=v3",
                );
            }
            if let Some(path) = reader.inside(&entry.value, "a copy") {
                config.remotes.urls.insert(entry.key.to_string(), path);
            }
        }
    },
};

static FIELDS: [Field; 5] = [
    Field::new("name", Shape::Text, "name of the chart").required(),
    Field::new("release", Shape::Text, "only for the release of this name").or("every release"),
    Field::new(
        "path",
        Shape::Text,
        "only for the kustomizations that this glob matches",
    )
    .or("all"),
    Field::new("version", Shape::Text, "only for this version of the chart").or("every version"),
    Field::new(
        "output",
        Shape::Text,
        "file with the output of `helm template`",
    )
    .required(),
];

static FOLDER: [Field; 1] = [Field::new(
    "folder",
    Shape::Path,
    "folder with charts, unpacked or packed",
)
.required()];

pub(super) static CHARTS: Key = Key {
    name: "charts",
    value: "list of {name, release, path, version, output} or {folder}",
    summary: "copies of charts, and output of `helm template` for charts that kustomizations use",
    shape: Shape::List(&Shape::Either(
        &Shape::Record(&FOLDER),
        &Shape::Record(&FIELDS),
    )),
    read: |reader, node, config| {
        for entry in reader.each(node, "`charts`", entry) {
            match entry {
                Entry::Output(chart) => config.remotes.charts.push(chart),
                Entry::Folder(folder) => config.remotes.chart_folders.push(folder),
            }
        }
    },
};

pub(super) static VALUES: Key = Key {
    name: "values",
    value: "map of usual keys to lists of keys",
    summary: "names that charts use for usual values, such as `resources: [appResources]`",
    shape: Shape::Lists,
    read: |reader, node, config| {
        if node.as_map().is_none() {
            reader.mistyped(node, "`values`", "a map of usual keys to lists of keys");
        }
        let mut names = ValueNames::new();
        for entry in node.entries() {
            if !outline::usual_keys().any(|usual| usual == &*entry.key) {
                reader.refuse(
                    entry.key_origin,
                    format!("`{}` is not a usual key of values", entry.key),
                    "use one of the keys in docs/helm.md, such as `resources` or `autoscaling`",
                );
                continue;
            }
            let keys = match entry.value.as_scalar() {
                Some(_) => reader
                    .text(&entry.value, "a key of values")
                    .into_iter()
                    .collect(),
                None => reader
                    .texts(&entry.value, "a list of keys")
                    .unwrap_or_default(),
            };
            names.insert(entry.key.to_string(), keys);
        }
        config.remotes.value_names = Arc::new(names);
    },
};

/// An entry of `charts`.
enum Entry {
    Output(Chart),
    Folder(String),
}

fn entry(reader: &mut Reader, node: &Node) -> Option<Entry> {
    if node.get("folder").is_none() {
        return chart(reader, node).map(Entry::Output);
    }
    let fields = reader.record(node, "an entry of `charts` with a folder", &FOLDER)?;
    let folder = reader.required(&fields, "folder", Reader::inside)?;
    Some(Entry::Folder(folder))
}

fn chart(reader: &mut Reader, node: &Node) -> Option<Chart> {
    let fields = reader.record(node, "an entry of `charts`", &FIELDS)?;
    let (name, output) = (
        reader.required(&fields, "name", Reader::text),
        reader.required(&fields, "output", Reader::inside),
    );
    Some(Chart {
        release: reader.optional(&fields, "release", Reader::text),
        path: reader.optional(&fields, "path", Reader::glob),
        version: reader.optional(&fields, "version", Reader::text),
        name: name?,
        output: output?,
    })
}
