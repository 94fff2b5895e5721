//! Decides which kustomizations are overlays, by their paths and by the folders that they build on.
//!
//! Here: choosing among roots ([`overlays`]). `layout` reads environment, app and variant out of a
//! path, `app_names` shortens the names of apps. Not here: what agents point at (`agents`),
//! rendering.

mod apart;
mod app_names;
mod glued;
mod layout;
mod learned;

pub use app_names::short_names;
use foldhash::HashMap;
use layout::is_base_folder;
pub use layout::{Layout, Placement, Reading};
pub(super) use layout::{in_chart, is_example, is_set_aside};
pub use learned::{learned, told_apart};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A kustomization root as discovery sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Folder.
    pub folder: String,
    /// `kind: Component`.
    pub component: bool,
    /// Folders that its `resources`, `bases` and `components` name, resolved.
    pub references: Vec<String>,
    /// True if it does nothing but list those folders.
    pub only_gathers: bool,
    /// True if it changes what it lists.
    pub changes: bool,
}

/// Chooses the overlays among the roots. Both the roots and the result are sorted by folder.
/// `pointed_at` are folders that an agent applies; they are always overlays, even if another
/// kustomization refers to them.
pub fn overlays(
    roots: &[Root],
    layout: &Layout,
    pointed_at: &BTreeSet<String>,
) -> Vec<(String, Option<Placement>)> {
    let places: HashMap<&str, Placement> = roots
        .par_iter()
        .filter(|root| !root.component)
        .filter_map(|root| Some((root.folder.as_str(), layout.placement(&root.folder)?)))
        .collect();
    let referenced: BTreeSet<&str> = roots
        .iter()
        .flat_map(|root| &root.references)
        .map(String::as_str)
        .collect();
    let mut narrowed = narrowed(roots, &places);
    for folder in vanished(roots, &places, &narrowed) {
        narrowed.remove(folder);
    }
    let mut chosen: BTreeMap<String, Option<Placement>> = BTreeMap::new();
    for root in roots.iter().filter(|root| !root.component) {
        let Some(place) = places.get(root.folder.as_str()) else {
            continue;
        };
        let name = root.folder.rsplit('/').next().unwrap_or_default();
        // `apps/shop/prod/base` is an overlay of production if nothing builds on it
        let is_base = is_base_folder(name) && root.folder != place.prefix;
        let base = is_base && referenced.contains(root.folder.as_str());
        if !narrowed.contains_key(root.folder.as_str()) && !base {
            chosen.insert(root.folder.clone(), Some(place.clone()));
        }
    }
    // a kustomization that only lists overlays of its environment is not an overlay itself
    for root in roots
        .iter()
        .filter(|root| root.only_gathers && !root.references.is_empty())
    {
        let own = places.get(root.folder.as_str());
        let is_of_another = |reference: &String| {
            own.zip(places.get(reference.as_str()))
                .is_some_and(|(own, other)| own.environment != other.environment)
        };
        if !pointed_at.contains(&root.folder)
            && root.references.iter().all(|reference| {
                covered(reference, &root.folder, &chosen)
                    && !is_of_another(reference)
                    && !leads_to(reference, &root.folder, roots)
            })
        {
            chosen.remove(&root.folder);
        }
    }
    for folder in pointed_at {
        match layout.read(folder) {
            Reading::Ignored => {}
            reading => {
                chosen.insert(folder.clone(), reading.placement());
            }
        }
    }
    apart::tell_apart(&mut chosen, roots);
    chosen.into_iter().collect()
}

/// The roots that other roots of the same environment build on, each with these other roots. For
/// example, if `api/overlays/production-eu` lists `api/overlays/production`, only the first is
/// applied.
fn narrowed<'r>(
    roots: &'r [Root],
    places: &HashMap<&str, Placement>,
) -> BTreeMap<&'r str, Vec<&'r Root>> {
    let mut narrowed: BTreeMap<&str, Vec<&Root>> = BTreeMap::new();
    for root in roots {
        let Some(place) = places.get(root.folder.as_str()) else {
            continue;
        };
        let below = |reference: &String| {
            root.folder.is_empty() || reference.starts_with(&format!("{}/", root.folder))
        };
        // if `apps/production` only lists `api` and `web` below it, these stay overlays; if it also
        // lists `../base` or changes them, it is the overlay and consumes them
        let gathers = root.only_gathers && root.references.iter().all(below)
            || root.folder == place.prefix && place.app.is_empty() && !root.changes;
        for reference in &root.references {
            let above = gathers && below(reference) && !is_part_of_base(reference, &place.prefix);
            let same_environment = places
                .get(reference.as_str())
                .is_some_and(|other| other.environment == place.environment);
            // all roots of a cycle stay overlays, so that the cycle is reported
            if !above && same_environment && !leads_to(reference, &root.folder, roots) {
                narrowed.entry(reference).or_default().push(root);
            }
        }
    }
    narrowed
}

/// Roots that stay overlays although another root builds on them, because another environment has
/// the same app as a separate overlay.
///
/// For example, `clusters/production` lists `../../apps/api/overlays/production`, but staging only
/// has `apps/api/overlays/staging` and no such list. If `api` were only a part of
/// `clusters/production`, production would have no app `api` to compare with staging.
fn vanished<'r>(
    roots: &'r [Root],
    places: &HashMap<&str, Placement>,
    narrowed: &BTreeMap<&'r str, Vec<&'r Root>>,
) -> Vec<&'r str> {
    let stands = |root: &&Root| !narrowed.contains_key(root.folder.as_str());
    let mut by_itself: HashMap<&str, BTreeSet<usize>> = HashMap::default();
    for place in roots
        .iter()
        .filter(stands)
        .filter_map(|root| places.get(root.folder.as_str()))
    {
        by_itself
            .entry(&place.app)
            .or_default()
            .insert(place.environment);
    }
    let elsewhere = |place: &Placement| {
        by_itself
            .get(place.app.as_str())
            .is_some_and(|environments| environments.iter().any(|own| *own != place.environment))
    };
    narrowed
        .iter()
        .filter(|(folder, gatherers)| {
            places.get(**folder).is_some_and(|place| {
                let only_listed = gatherers.iter().all(|gatherer| {
                    let app = places.get(gatherer.folder.as_str()).map(|own| &own.app);
                    gatherer.only_gathers && app.is_some_and(|app| *app != place.app)
                });
                only_listed && elsewhere(place)
            })
        })
        .map(|(folder, _)| *folder)
        .collect()
}

/// True if a folder is in a base of its environment: `prod/base/rbac`.
fn is_part_of_base(folder: &str, environment: &str) -> bool {
    let below = folder.strip_prefix(environment).unwrap_or(folder);
    below.split('/').any(is_base_folder)
}

/// True if one kustomization refers to another, directly or through others.
fn leads_to(from: &str, to: &str, roots: &[Root]) -> bool {
    let mut visited: BTreeSet<&str> = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(folder) = waiting.pop() {
        if folder == to {
            return true;
        }
        if visited.insert(folder) {
            let found = roots.binary_search_by(|root| root.folder.as_str().cmp(folder));
            waiting.extend(
                found
                    .ok()
                    .and_then(|index| roots.get(index))
                    .into_iter()
                    .flat_map(|root| &root.references)
                    .map(String::as_str),
            );
        }
    }
    false
}

/// True if a folder is an overlay, or contains one other than `by`, the folder that refers to it.
fn covered(reference: &str, by: &str, chosen: &BTreeMap<String, Option<Placement>>) -> bool {
    let below = format!("{reference}/");
    let mut there = chosen
        .range(below.clone()..)
        .map(|(folder, _)| folder)
        .take_while(|folder| folder.starts_with(&below));
    chosen.contains_key(reference) || there.any(|folder| folder != by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn place(paths: &[&str], path: &str) -> Option<(String, String, Option<String>)> {
        let config = Config::default();
        let layout = Layout::new(&config.environments, &[], paths.iter().copied());
        let place = layout.placement(path)?;
        Some((
            place.app,
            config.environments[place.environment].name.clone(),
            place.variant,
        ))
    }

    #[test]
    fn layouts_of_the_design() {
        for (paths, path, app, environment, variant) in [
            (
                &["apps/api/overlays/production"][..],
                "apps/api/overlays/production",
                "api",
                "production",
                None,
            ),
            (
                &["api/overlays/prod"],
                "api/overlays/prod",
                "api",
                "production",
                None,
            ),
            (
                &["web/overlays/eu-prod"],
                "web/overlays/eu-prod",
                "web",
                "production",
                Some("eu"),
            ),
            (
                &["web/overlays/prod-us-east-1"],
                "web/overlays/prod-us-east-1",
                "web",
                "production",
                Some("us-east-1"),
            ),
            (
                &["overlays/web-prod", "overlays/web-dev"],
                "overlays/web-prod",
                "web",
                "production",
                None,
            ),
            (
                &["components/x/production/c1", "components/x/staging/c1"],
                "components/x/production/c1",
                "x",
                "production",
                Some("c1"),
            ),
            (
                &["apps/api/prod/00", "apps/api/stage/00"],
                "apps/api/prod/00",
                "api",
                "production",
                Some("00"),
            ),
            (
                &["apps/production/api", "apps/staging/api"],
                "apps/production/api",
                "api",
                "production",
                None,
            ),
            (
                &["env/production"],
                "env/production",
                "",
                "production",
                None,
            ),
            (
                &["envs/prod-eu"],
                "envs/prod-eu",
                "",
                "production",
                Some("eu"),
            ),
            (
                &["clusters/production/api"],
                "clusters/production/api",
                "api",
                "production",
                None,
            ),
            (
                &["prod/eu/c1", "dev/eu/c1"],
                "prod/eu/c1",
                "",
                "production",
                Some("eu/c1"),
            ),
            (
                &["web/overlays/stage0", "web/overlays/tokyo0"],
                "web/overlays/stage0",
                "web",
                "staging",
                None,
            ),
            (
                &["web/overlays/pre-prod"],
                "web/overlays/pre-prod",
                "web",
                "staging",
                None,
            ),
        ] {
            assert_eq!(
                place(paths, path),
                Some((
                    app.to_string(),
                    environment.to_string(),
                    variant.map(str::to_string)
                )),
                "{path}"
            );
        }
    }

    #[test]
    fn words_alone_are_no_environments() {
        for path in [
            "tekton/ci/test",
            "tests/integration",
            "docs/release",
            "charts/live",
        ] {
            assert_eq!(place(&[path], path), None, "{path}");
        }
        // an app may be called like an environment
        assert_eq!(
            place(
                &["sandbox/overlays/gcp", "test/overlays/gcp"],
                "sandbox/overlays/gcp"
            ),
            None
        );
    }

    #[test]
    fn names_of_apps_are_no_environments() {
        let paths = [
            "apps/pre/staging",
            "apps/pre/test",
            "apps/pre/cleanup-live-events",
            "apps/pre/web-test",
            "apps/pre/harness-test-x",
        ];
        for path in &paths[2..] {
            assert_eq!(place(&paths, path), None, "{path}");
        }
        assert!(
            place(&["a/eu-prod", "a/staging"], "a/eu-prod").is_some(),
            "a region beside an environment"
        );
        assert!(place(&["a/prod", "a/prod-eu", "a/staging"], "a/prod-eu").is_some());
        assert!(
            place(&["a/x-prod-y", "a/x-staging-y"], "a/x-prod-y").is_some(),
            "the same but for the environment"
        );
        assert_eq!(
            place(&["a/payments-test", "a/live-chat"], "a/live-chat"),
            None
        );
        // folders in a base belong to no environment, even if their names contain one
        assert_eq!(
            place(&["base/ns/web-dev", "base/ns/web-prod"], "base/ns/web-dev"),
            None
        );
        assert!(place(&["base/overlays/prod"], "base/overlays/prod").is_some());
        assert_eq!(
            place(&[".archive/overlays/prod"], ".archive/overlays/prod"),
            None
        );
        assert!(place(&[".deploy/overlays/prod"], ".deploy/overlays/prod").is_some());
    }

    fn root(folder: &str, references: &[&str], only_gathers: bool) -> Root {
        let references = references
            .iter()
            .map(|reference| reference.to_string())
            .collect();
        Root {
            folder: folder.into(),
            component: false,
            references,
            only_gathers,
            changes: false,
        }
    }

    #[test]
    fn bases_components_and_gatherers_are_no_overlays() {
        let config = Config::default();
        let roots = [
            root(
                "apps/production",
                &["apps/production/api", "apps/production/web"],
                true,
            ),
            root("apps/production/api", &["base/api"], false),
            root("apps/production/web", &["base/web"], false),
            root("apps/staging/api", &["base/api"], false),
            root("base/api", &[], false),
            root("x/prod/00", &["x/prod/base"], false),
            root("x/prod/base", &[], false),
            root("x/stage/00", &["x/prod/base"], false),
        ];
        let layout = Layout::new(
            &config.environments,
            &[],
            roots.iter().map(|root| root.folder.as_str()),
        );
        let found: Vec<String> = overlays(&roots, &layout, &BTreeSet::new())
            .into_iter()
            .map(|(folder, _)| folder)
            .collect();
        assert_eq!(
            found,
            [
                "apps/production/api",
                "apps/production/web",
                "apps/staging/api",
                "x/prod/00",
                "x/stage/00"
            ]
        );
    }

    #[test]
    fn an_app_that_one_environment_lists_stays_an_overlay() {
        let config = Config::default();
        let (staging, production) = ("apps/api/overlays/staging", "apps/api/overlays/production");
        let found = |roots: &[Root]| -> Vec<String> {
            let folders = roots.iter().map(|root| root.folder.as_str());
            let layout = Layout::new(&config.environments, &[], folders);
            overlays(roots, &layout, &BTreeSet::new())
                .into_iter()
                .map(|(folder, _)| folder)
                .collect()
        };
        let api = |folder: &str| root(folder, &["apps/api/base"], false);
        for (list, listed) in [
            ("clusters/production", production),
            ("clusters/staging", staging),
            ("apps/shop/overlays/production", production),
        ] {
            let mut roots = vec![api(production), api(staging), root(list, &[listed], true)];
            roots.sort_by(|one, other| one.folder.cmp(&other.folder));
            assert_eq!(found(&roots), [production, staging], "{list}");
        }
        // where every environment has such a list, the lists are compared
        let lists = ["clusters/production", "clusters/staging"];
        let roots = [
            api(production),
            api(staging),
            root(lists[0], &[production], true),
            root(lists[1], &[staging], true),
        ];
        assert_eq!(found(&roots), lists);
        // one of them lists an app that the other leaves out
        let web = "apps/web/overlays/production";
        let roots = [
            api(production),
            api(staging),
            api(web),
            api("apps/web/overlays/staging"),
            root(lists[0], &[production, web], true),
            root(lists[1], &[staging], true),
        ];
        let expected = [web, "apps/web/overlays/staging", lists[0], lists[1]];
        assert_eq!(found(&roots), expected);
        // a list that changes what it lists is the overlay
        let roots = [
            api(production),
            api(staging),
            root(lists[0], &[production], false),
        ];
        assert_eq!(found(&roots), [staging, lists[0]]);
    }

    #[test]
    fn parts_of_overlays_are_no_overlays() {
        let config = Config::default();
        let roots = [
            root("c/x/production/base", &["c/x/production/base/rbac"], true),
            root("c/x/production/base/rbac", &[], false),
            root(
                "c/x/production/one",
                &["c/x/production/base", "c/x/production/one/jobs"],
                true,
            ),
            root("c/x/production/one/jobs", &[], false),
            root("c/x/staging", &["c/x/staging/jobs", "c/x/common"], false),
            root("c/x/staging/jobs", &[], false),
            root(
                "deploy/production",
                &["deploy/production/web", "shared/namespace"],
                false,
            ),
            root("deploy/production/web", &[], false),
            root("deploy/staging/web", &[], false),
        ];
        let layout = Layout::new(
            &config.environments,
            &[],
            roots.iter().map(|root| root.folder.as_str()),
        );
        let found: Vec<String> = overlays(&roots, &layout, &BTreeSet::new())
            .into_iter()
            .map(|(folder, _)| folder)
            .collect();
        // apps below an environment stay, whatever else their gatherer adds
        let expected = [
            "c/x/production/one",
            "c/x/staging",
            "deploy/production",
            "deploy/production/web",
            "deploy/staging/web",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn cycles_do_not_make_overlays_vanish() {
        let config = Config::default();
        let root = |folder: &str, reference: &str| Root {
            folder: folder.into(),
            component: false,
            references: vec![reference.to_string()],
            only_gathers: true,
            changes: false,
        };
        let roots = [
            root("apps/api/overlays/prod", "apps/api/overlays/prod"),
            root("apps/web/overlays/prod-a", "apps/web/overlays/prod-b"),
            root("apps/web/overlays/prod-b", "apps/web/overlays/prod-a"),
        ];
        let layout = Layout::new(
            &config.environments,
            &[],
            roots.iter().map(|root| root.folder.as_str()),
        );
        assert_eq!(overlays(&roots, &layout, &BTreeSet::new()).len(), 3);
    }

    #[test]
    fn what_stands_below_what_it_builds_upon_is_an_overlay() {
        let config = Config::default();
        let folders = ["api/overlays/production", "api/overlays/production/x"];
        let roots = [
            root(folders[0], &["api/base"], false),
            root(folders[1], &[folders[0]], true),
        ];
        let layout = Layout::new(&config.environments, &[], folders.iter().copied());
        let found: Vec<String> = overlays(&roots, &layout, &BTreeSet::new())
            .into_iter()
            .map(|(folder, _)| folder)
            .collect();
        assert_eq!(found, [folders[1]]);
    }

    #[test]
    fn apps_of_one_name_are_told_apart() {
        let apps = ["team-a/api", "team-b/api", "shop/cart", ""]
            .map(str::to_string)
            .into();
        let names = short_names(&apps);
        assert_eq!(names["team-a/api"], "team-a/api");
        assert_eq!(names["shop/cart"], "cart");
        assert_eq!(names[""], "repo");
    }
}
