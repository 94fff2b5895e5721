//! The folders that builds share. The schema of `openapi` and the keeping of trails change how a
//! folder is built, so a build that uses them has a scope of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use super::Accumulated;
use crate::kustomize::Problem;
use crate::kustomize::context::{BuildContext, lock};
use crate::kustomize::kustomization::OpenApi;
use crate::kustomize::schema::{self, Schema};

/// The only Kubernetes schema that is built in.
const BUILT_IN_VERSION: &str = "v1.21.2";

/// The folders that were built under the same conditions.
#[derive(Default)]
pub(in crate::kustomize) struct Scope {
    /// True if `buildMetadata` is used. The root of the build decides.
    pub(super) trails: bool,
    /// Present if some kustomization of the build has `openapi`. Such a scope serves one build,
    /// which goes through the folders in order.
    schema: Option<Mutex<SchemaState>>,
    cells: Mutex<HashMap<Key, Cell>>,
}

/// Folder, trail, and true if a schema was chosen before.
type Key = (Arc<str>, String, bool);
type Cell = Arc<OnceLock<Arc<Accumulated>>>;

/// The schema of a build so far. The first `openapi` that the build meets decides for the rest of
/// the build.
#[derive(Default)]
struct SchemaState {
    chosen: bool,
    custom: Option<Arc<Schema>>,
    /// The built-in types were used before the schema was chosen. kustomize then keeps them beside
    /// the types of the file.
    built_in: bool,
}

impl Scope {
    /// A scope in which nothing was built yet.
    pub(in crate::kustomize) fn new(trails: bool, openapi: bool) -> Scope {
        Scope {
            trails,
            schema: openapi.then(Mutex::default),
            cells: Mutex::default(),
        }
    }

    /// The cell for the result of a folder.
    pub(super) fn cell(&self, folder: &str, trail: &str) -> Cell {
        let chosen = self.schema.as_ref().is_some_and(|state| lock(state).chosen);
        let key = (Arc::from(folder), trail.to_string(), chosen);
        lock(&self.cells).entry(key).or_default().clone()
    }

    /// The schema of a file of `openapi`, if one was chosen.
    pub(super) fn schema(&self) -> Option<Arc<Schema>> {
        lock(self.schema.as_ref()?).custom.clone()
    }

    /// Notes that the built-in types are in use: for a patch, or because the kind of an object was
    /// not found among them.
    pub(super) fn uses_built_in(&self) {
        if let Some(mut state) = self.schema.as_ref().map(lock) {
            state.built_in |= !state.chosen;
        }
    }

    /// Chooses the schema of `openapi`, unless one was chosen before.
    pub(super) fn choose_schema(&self, openapi: &OpenApi, context: &mut BuildContext<'_>) {
        let Some(state) = &self.schema else { return };
        let documents = openapi
            .path
            .as_ref()
            .map(|path| context.read_documents(path));
        let mut state = lock(state);
        match documents {
            Some(Err(problem)) => context.report(problem),
            _ if state.chosen => {}
            Some(Ok(documents)) => {
                if let Some(version) = &openapi.version {
                    let problem =
                        Problem::error(version.origin(), "openapi has both a path and a version");
                    context.report(problem.with_help("keep one of them"));
                }
                let known = state.built_in.then(schema::built_in);
                state.custom = documents
                    .documents
                    .first()
                    .map(|document| Arc::new(Schema::from_openapi(document, known)));
                state.chosen = true;
            }
            None => {
                let version = openapi.version.as_ref();
                let Some(version) = version.filter(|version| !version.is_empty()) else {
                    return;
                };
                state.chosen = true;
                if &**version != BUILT_IN_VERSION {
                    let message = format!("the Kubernetes schema {:?} is not built in", &**version);
                    let help = format!("the one that is built in is {BUILT_IN_VERSION}");
                    context.report(Problem::error(version.origin(), message).with_help(help));
                }
            }
        }
    }
}
