//! `configurations` and `crds`: files that tell the transformers which fields to change.

use super::{Accumulated, CONTRADICTION};
use crate::kustomize::Problem;
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Rules, Text};
use crate::kustomize::kustomization::Kustomization;
use crate::kustomize::transform::Configuration;
use crate::yaml::Node;

/// Merges the configuration of a kustomization, built-in table included, into what was gathered.
pub(super) fn add(
    kustomization: &Kustomization,
    context: &mut BuildContext<'_>,
    gathered: &mut Accumulated,
) {
    let mut configurations = Vec::new();
    for entry in &kustomization.configurations {
        if let Some(document) = first_document(entry, context) {
            let mut problems = Vec::new();
            let mut decoder = Decoder::new(&mut problems, Rules::Configuration);
            configurations.push(Configuration::from_file(&document, &mut decoder));
            for problem in problems {
                context.report(problem.with_related("it is named here", entry.origin()));
            }
        }
    }
    let mut crds = Vec::new();
    for entry in &kustomization.crds {
        crds.extend(
            first_document(entry, context)
                .as_ref()
                .map(Configuration::from_crds),
        );
    }
    let own = match (&*configurations, &*crds) {
        ([], []) => Ok(Configuration::builtin()),
        _ => Configuration::with_files(&configurations, &crds),
    };
    let merged = own.and_then(|own| Configuration::merge(&mut gathered.configuration, &own));
    if let Err(message) = merged {
        let mut entries = kustomization
            .configurations
            .iter()
            .chain(&kustomization.crds);
        let origin = entries.next().map_or(kustomization.origin, Text::origin);
        context.report(Problem::error(origin, message).with_help(CONTRADICTION));
    }
}

fn first_document(entry: &Text, context: &mut BuildContext<'_>) -> Option<Node> {
    match context.read_documents(entry) {
        Ok(documents) => documents.documents.first().cloned(),
        Err(problem) => {
            context.report(problem);
            None
        }
    }
}
