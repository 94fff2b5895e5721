//! Short names of apps, as people type them: `cart` for `shop/cart`.

use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// The shortest ends of app paths that tell them apart: `team-a/api` and `team-b/api` stay,
/// `shop/cart` becomes `cart`. The empty path is the repo itself.
pub fn short_names(apps: &BTreeSet<String>) -> BTreeMap<String, String> {
    let suffix = |app: &str, length: usize| {
        let parts: Vec<&str> = app.split('/').collect();
        parts[parts.len().saturating_sub(length)..].join("/")
    };
    // how many apps share each ending; a path with fewer segments counts as a whole
    let mut taken: HashMap<(usize, String), usize> = HashMap::default();
    let deepest = apps
        .iter()
        .map(|app| app.split('/').count())
        .max()
        .unwrap_or_default();
    for (app, length) in apps
        .iter()
        .flat_map(|app| (1..deepest).map(move |length| (app, length)))
    {
        *taken.entry((length, suffix(app, length))).or_default() += 1;
    }
    apps.iter()
        .map(|app| {
            let depth = app.split('/').count();
            let length =
                (1..depth).find(|length| taken.get(&(*length, suffix(app, *length))) == Some(&1));
            (
                app.clone(),
                if app.is_empty() {
                    "repo".to_string()
                } else {
                    suffix(app, length.unwrap_or(depth))
                },
            )
        })
        .collect()
}
