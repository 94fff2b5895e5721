//! Files that a kustomization names but that never reach Flux, as a picture in a
//! `configMapGenerator` does not: the build fails in the cluster, though it works everywhere else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::sourceignore::Ignored;
use crate::kustomize::kustomization::path_in;
use crate::kustomize::{Kustomization, Problem, Renderer};
use crate::source::{EntryKind, join};

/// The entries of a kustomization, and of those that it builds upon, that name such files.
pub(super) fn problems(
    folder: &str,
    own: &Arc<Kustomization>,
    renderer: &Renderer,
    ignored: &Ignored,
) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::from([folder.to_string()]);
    let mut waiting = vec![(folder.to_string(), own.clone())];
    while let Some((folder, kustomization)) = waiting.pop() {
        for entry in kustomization.paths().filter(|entry| !entry.contains('\n')) {
            let Some(path) = join(&folder, path_in(entry)) else {
                continue;
            };
            let file = match renderer.source().kind(&path) {
                Some(EntryKind::File) => Some(path.clone()),
                Some(EntryKind::Directory) if seen.insert(path.clone()) => {
                    let Some(loaded) = renderer.kustomization(&path) else {
                        continue;
                    };
                    let inner = loaded.kustomization.clone();
                    waiting.extend(inner.map(|inner| (path, inner)));
                    let file = loaded.file.map(|file| renderer.files().get(file));
                    file.map(|file| file.path.to_string())
                }
                _ => None,
            };
            if let Some(file) = file.filter(|file| ignored.leaves_out(file)) {
                let message = format!(
                    "Flux leaves `{file}` out of what it fetches, so it cannot build this kustomization"
                );
                let help = format!(
                    "add `!/{file}` to `.sourceignore` at the root of the repository, or do without the file"
                );
                found.push(Problem::error(entry.origin(), message).with_help(help));
            }
        }
    }
    found
}
