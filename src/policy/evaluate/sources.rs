//! Package `source`: policies about the files themselves, such as `kustomization.yaml` and workflows.

use rayon::prelude::*;

use super::facts::{about_file, conftest};
use super::{Documents, Numbered, Run, Subject};
use crate::compare::secrets;
use crate::finding::Finding;
use crate::policy::opa::from_node;
use crate::yaml::Node;

impl Run<'_, '_> {
    /// Evaluates rules once for every document of every YAML file.
    pub(super) fn sources(&self, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let repo = self.context.repo;
        let paths = repo.yaml_paths();
        // files come after all overlays
        let first = repo.overlays.len();
        let each = paths.par_iter().enumerate().map(|(number, path)| {
            let documents = repo.yaml_documents(path);
            let documents = documents.iter().enumerate();
            let found = documents.filter(|(_, node)| !node.is_null());
            found
                .flat_map(|(at, node)| self.source(path, node, (first + number, at), rules))
                .collect::<Vec<Finding>>()
        });
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn source(
        &self,
        path: &str,
        node: &Node,
        place: (usize, usize),
        rules: &[Numbered<'_>],
    ) -> Vec<Finding> {
        let subject = Subject {
            overlay: None,
            resource: None,
            document: Some(node),
            place,
        };
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let documents = Documents {
            input: from_node(&secrets::digested_document(node, kind)),
            gitops: about_file(self.context, path),
            conftest: conftest(path),
        };
        self.subject(subject, documents, rules)
    }
}
