//! `remotes` and `charts`: copies in the repository of bases, files and charts from elsewhere.

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use crate::kustomize::remote::{self, Chart};
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

pub(super) static CHARTS: Key = Key {
    name: "charts",
    value: "list of {name, release, path, version, output}",
    summary: "output of `helm template` for charts that kustomizations use",
    shape: Shape::List(&Shape::Record(&FIELDS)),
    read: |reader, node, config| config.remotes.charts = reader.each(node, "`charts`", chart),
};

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
