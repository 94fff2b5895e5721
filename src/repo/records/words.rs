//! The apps, environments and variants of the repo, recognised in the texts of a record.

use std::collections::{BTreeSet, HashMap};

use crate::config::Environment;
use crate::repo::Overlay;

/// The words by which a record is read.
pub(super) struct Words<'a> {
    /// Apps by their full name and by its last part, in lower case.
    apps: HashMap<String, &'a str>,
    pub(super) variants: BTreeSet<&'a str>,
    environments: &'a [Environment],
}

impl<'a> Words<'a> {
    pub(super) fn new(overlays: &'a [Overlay], environments: &'a [Environment]) -> Words<'a> {
        let apps: BTreeSet<&str> = overlays
            .iter()
            .filter(|overlay| overlay.environment.is_some())
            .map(|overlay| overlay.app.as_str())
            .collect();
        let variants = overlays
            .iter()
            .filter_map(|overlay| overlay.variant.as_deref());
        Words {
            apps: by_name(&apps),
            variants: variants.collect(),
            environments,
        }
    }

    /// The app that a text names, by its full name or by the last part of it.
    pub(super) fn app(&self, text: &str) -> Option<String> {
        self.apps
            .get(&plain(text).to_ascii_lowercase())
            .map(|app| app.to_string())
    }

    /// The environment that a text names, and the variant after a `/`: `production/eu`.
    pub(super) fn environment(&self, text: &str) -> Option<(usize, Option<String>)> {
        let text = plain(text);
        let (name, variant) = text
            .split_once('/')
            .map_or((text, None), |(name, variant)| {
                (name, Some(variant.to_string()))
            });
        let is = |environment: &Environment| environment.is_called(name);
        Some((self.environments.iter().position(is)?, variant))
    }
}

/// Apps by their full name, and by its last part where no full name is the same. The first in
/// alphabetical order wins.
fn by_name<'a>(apps: &BTreeSet<&'a str>) -> HashMap<String, &'a str> {
    let last = apps
        .iter()
        .map(|app| (app.rsplit('/').next().unwrap_or(app), *app));
    let mut found = HashMap::new();
    for (name, app) in apps.iter().map(|app| (*app, *app)).chain(last) {
        found.entry(name.to_ascii_lowercase()).or_insert(app);
    }
    found
}

/// A text without the Markdown around it: `api` of ``[`api`](docs/api.md)`` or `**api**`.
pub(super) fn plain(text: &str) -> &str {
    let text = text.trim().trim_matches(['*', '`', '_']).trim();
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]("))
    {
        Some((label, _)) => label.trim_matches(['*', '`']),
        None => text,
    }
}
