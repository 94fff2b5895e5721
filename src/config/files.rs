//! The files that the configuration names: each has to exist.
//!
//! Not here: copies of remote bases and charts, which are reported where an overlay needs them.

use super::read::ConfigProblem;
use crate::source::{Source, join};
use crate::yaml::Node;
use crate::yaml::read::Documents;

/// Keys with lists of paths.
const KEYS: [&str; 4] = ["policies", "data", "records", "schemas"];

/// The named files and folders that do not exist. A file that this clone lacks is not a mistake of
/// the configuration.
pub(crate) fn missing_files(documents: &Documents, source: &dyn Source) -> Vec<ConfigProblem> {
    let named = |key: &str| {
        let documents = documents.documents.iter();
        let lists = documents.filter_map(|document| document.get(key)?.as_list());
        lists.flat_map(|list| &list.items).collect::<Vec<&Node>>()
    };
    let missing = KEYS.into_iter().flat_map(named).filter_map(|node| {
        let text = node.text().filter(|text| !text.starts_with("builtin/"))?;
        let path = join("", text);
        let exists = path
            .is_some_and(|path| source.kind(&path).is_some() || source.withheld(&path).is_some());
        (!exists).then(|| ConfigProblem {
            message: format!("`{text}` does not exist in the repository"),
            help: Some("write the path of a file or folder relative to the root".to_string()),
            origin: node.origin,
        })
    });
    let mut missing: Vec<ConfigProblem> = missing.collect();
    missing.sort_by_key(|problem| problem.origin.start);
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;
    use crate::yaml::{FileId, read};

    #[test]
    fn named_files_have_to_exist() {
        let source = Memory::new([("rego/a.rego", ""), ("versions/prod.json", "{}")]);
        let text = "policies: [builtin/digest-required, rego, rego/b.rego]\nrecords: [versions/prod.json, ../x, nope.json]\ndata: 3\n";
        let documents = read::read(text, FileId(0)).unwrap();
        let missing = missing_files(&documents, &source);
        let names: Vec<&str> = missing
            .iter()
            .filter_map(|problem| problem.message.split('`').nth(1))
            .collect();
        assert_eq!(names, ["rego/b.rego", "../x", "nope.json"]);
    }
}
