//! Folders without a kustomization, as Argo CD reads them: every manifest, file by file.

use std::sync::Arc;

use super::{Renderer, finish};
use crate::kustomize::accumulate::Accumulated;
use crate::kustomize::context::{BuildContext, ParseError};
use crate::kustomize::loader::start_of_kustomization;
use crate::kustomize::manifests::manifests;
use crate::kustomize::{Problem, ProblemKind, Rendered, Resource};
use crate::yaml::Node;
use crate::yaml::read::Documents;

/// Argo CD skips files that contain this text.
const SKIPPED_BY_ARGO_CD: &str = "+argocd:skip-file-rendering";

impl Renderer {
    /// The manifests of a folder, file by file as Argo CD reads them. Kustomizations count for
    /// nothing. `reads` chooses among the YAML, JSON and Jsonnet files in and below the folder by
    /// their paths relative to it.
    pub fn render_plain(&self, folder: &str, reads: &dyn Fn(&str) -> bool) -> Arc<Rendered> {
        let folder = self.real(folder);
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut gathered = Accumulated::default();
        let mut paths: Vec<&Arc<str>> = self
            .shared
            .source
            .files()
            .iter()
            .filter(|path| path.starts_with(&*prefix))
            .collect();
        // folder by folder, as a walk meets them
        paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        for path in paths {
            let below = path.strip_prefix(&*prefix).unwrap_or(path);
            if !reads(below) {
                continue;
            }
            if below.ends_with(".jsonnet") {
                let message =
                    format!("{below:?} is Jsonnet, which is not run, so its objects are missing");
                let problem =
                    Problem::error(start_of_kustomization(&self.shared, &folder), message)
                        .with_kind(ProblemKind::NeedsPlugin);
                gathered
                    .problems
                    .push(problem.with_help("commit its output"));
            } else if [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| below.ends_with(end))
            {
                self.plain_file(path, &folder, &mut gathered);
            }
        }
        Arc::new(finish(gathered))
    }
    fn plain_file(&self, path: &Arc<str>, folder: &str, gathered: &mut Accumulated) {
        let text = self
            .shared
            .text(path)
            .map(|file| self.shared.files.get(file).text.clone())
            .unwrap_or_default();
        if text.contains(SKIPPED_BY_ARGO_CD) {
            return;
        }
        // a file that is not a manifest is there for another purpose
        let manifest = || {
            ["apiVersion:", "kind:", "metadata:"]
                .iter()
                .all(|word| text.contains(word))
                || path.ends_with(".json")
        };
        match self.shared.documents(path) {
            Ok(documents) => {
                let first = documents
                    .documents
                    .iter()
                    .find(|document| !document.is_null());
                if !manifest() && first.is_none_or(|first| first.get("kind").is_none()) {
                    return;
                }
                let mut context = BuildContext::new(&self.shared, folder);
                context.report_duplicates(&documents);
                gathered.problems.append(&mut context.problems);
                // the server completes the name
                let (generated, named): (Vec<Node>, Vec<Node>) =
                    documents.documents.iter().cloned().partition(|document| {
                        let there = |key: &str| document.at(&["metadata", key]).is_some();
                        there("generateName") && !there("name") && document.get("kind").is_some()
                    });
                let named = Documents {
                    documents: named,
                    ..Documents::default()
                };
                gathered
                    .resources
                    .append(&mut manifests(&named, None, &mut gathered.problems));
                gathered
                    .resources
                    .extend(generated.into_iter().map(Resource::new));
            }
            Err(_) if !manifest() => return,
            Err(ParseError::Yaml {
                message, origin, ..
            }) => gathered.problems.push(Problem::error(origin, message)),
            Err(ParseError::Source(error)) => {
                let message = format!("{path:?} cannot be read: {error}");
                gathered.problems.push(Problem::error(
                    start_of_kustomization(&self.shared, folder),
                    message,
                ));
            }
        }
        gathered.files.extend(self.shared.file_id(path));
    }
}
