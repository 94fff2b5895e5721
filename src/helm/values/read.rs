//! Values files, and values inside of an agent's object.

use std::sync::Arc;

use super::merge::merge_maps;
use crate::kustomize::Problem;
use crate::source::Files;
use crate::yaml::read::{Dialect, Documents, ReadError, read_as, read_embedded_as};
use crate::yaml::{By, FileId, Node, Origin};

/// The values in the text of a file. The documents of a file are merged in their order.
pub(crate) fn of_text(text: &Arc<str>, file: FileId) -> Result<Node, Box<Problem>> {
    merged(read_as(text, file, Dialect::Json), Origin::start_of(file))
}

/// The values in a text that an object holds, such as `spec.source.helm.values` or the data of a
/// ConfigMap.
pub(crate) fn of_embedded(host: &Node, files: &Files) -> Result<Node, Box<Problem>> {
    let file = files.get(host.origin.file);
    let (start, end) = (host.origin.start as usize, host.origin.end as usize);
    let read = match file.text.get(start..end) {
        // the content of a file, as a generator takes it over
        Some(written) if start == 0 && host.text() == Some(written) => {
            read_as(written, host.origin.file, Dialect::Json)
        }
        _ => read_embedded_as(host, &file.text, Dialect::Json),
    };
    merged(read, host.origin)
}

fn merged(read: Result<Documents, ReadError>, start: Origin) -> Result<Node, Box<Problem>> {
    let documents = read.map_err(|error| {
        let problem = Problem::error(error.origin, error.message);
        Box::new(problem.with_help("correct the values; they must be YAML"))
    })?;
    let mut values = Node::map(Vec::new(), start);
    for document in documents.documents {
        if document.as_map().is_none() {
            let problem = Problem::error(document.origin, "the values are not a map");
            return Err(Box::new(problem.with_help("write `key: value` at the top")));
        }
        merge_maps(&mut values, &document.attributed_to(By::Values));
    }
    Ok(values)
}
