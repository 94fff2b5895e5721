//! Trails: where a resource comes from and what changed it, as `buildMetadata` writes it down.

use std::sync::Arc;

use super::{Accumulator, Step};
use crate::kustomize::Resource;
use crate::kustomize::resource::Trail;

impl Accumulator<'_> {
    /// The trail of a resource from a file that a kustomization names.
    pub(super) fn trail_of_file(&self, step: &Step<'_>, path: &str) -> Option<Arc<Trail>> {
        let origin = || format!("path: {}\n", join(&step.trail, path));
        self.scope.trails.then(|| Trail::starting_at(origin()))
    }

    /// Names the built-in generator or transformer behind a field of a kustomization.
    pub(super) fn origin_of_field(&self, step: &Step<'_>, kind: &str) -> Option<String> {
        let path = || join(&step.trail, step.file_name());
        self.scope
            .trails
            .then(|| configured_in(&path(), "builtin", kind))
    }

    /// Names the generator or transformer that an object configures.
    pub(super) fn origin_of_object(&self, object: &Resource) -> Option<String> {
        let origin = object.trail.as_ref()?.origin.as_ref()?;
        let path = origin.strip_prefix("path: ")?.trim_end();
        let mut text = configured_in(path, object.api_version(), object.kind());
        let fields = [
            ("name", Some(object.name())),
            ("namespace", object.namespace()),
        ];
        for (field, value) in fields {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                text.push_str(&format!("  {field}: {value}\n"));
            }
        }
        Some(text)
    }
}

/// Adds a transformer to the trail of every resource.
pub(super) fn record(resources: &mut [Resource], origin: Option<String>) {
    let Some(origin) = origin else { return };
    for resource in resources {
        let trail = Arc::make_mut(resource.trail.get_or_insert_default());
        match trail.origin {
            None => trail.origin = Some(origin.clone()),
            Some(_) => trail.transformations.push(origin.clone()),
        }
    }
}

fn configured_in(path: &str, api_version: &str, kind: &str) -> String {
    format!("configuredIn: {path}\nconfiguredBy:\n  apiVersion: {api_version}\n  kind: {kind}\n")
}

/// Joins paths as Go's `filepath.Join` does: `..` at the front stays.
pub(super) fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
