//! Which kustomization roots are overlays, and of which app, environment and variant: from paths
//! alone.
//!
//! Here: reading paths ([`Layout`]) and choosing among roots ([`overlays`]). Not here: what agents
//! point at (`agents`), rendering.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet};
use globset::GlobBuilder;
use rayon::prelude::*;

use crate::config::Environment;
use crate::config::LayoutPattern;

/// Folders that hold apps and say nothing about them.
const CONTAINERS: &[&str] = &[
    "apps",
    "app",
    "applications",
    "services",
    "service",
    "components",
    "workloads",
    "deploy",
    "deployment",
    "deployments",
    "k8s",
    "kubernetes",
    "kustomize",
    "manifests",
    "manifest",
    "config",
    "configs",
    "gitops",
    "clusters",
    "cluster",
    "tenants",
    "infrastructure",
    "infra",
    "projects",
    "src",
];
/// Folders whose children are environments.
const ENVIRONMENT_PARENTS: &[&str] = &[
    "overlays",
    "overlay",
    "env",
    "envs",
    "environment",
    "environments",
    "clusters",
    "cluster",
    "stages",
    "variants",
    "instances",
];
/// Folders that are meant to be built upon.
const BASES: &[&str] = &[
    "base", "bases", "_base", "common", "shared", "_common", "default",
];

/// What a path says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Everything that names the app, joined by `/`; empty for the whole repo.
    pub app: String,
    /// Index into the environments.
    pub environment: usize,
    /// Region, cluster, tenant.
    pub variant: Option<String>,
    /// The folder up to and with the environment's segment.
    pub prefix: String,
}

/// A kustomization root as discovery sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Folder.
    pub folder: String,
    /// `kind: Component`.
    pub component: bool,
    /// Folders that its `resources`, `bases` and `components` name, resolved.
    pub references: Vec<String>,
    /// Whether it does nothing but list those folders.
    pub only_gathers: bool,
}

/// Reads environments out of paths.
pub struct Layout<'a> {
    environments: &'a [Environment],
    patterns: Vec<(&'a LayoutPattern, Option<globset::GlobMatcher>)>,
    /// For each folder, what its children's names say of environments.
    children: BTreeMap<String, BTreeSet<Word>>,
    /// What the names of folders carry; most names stand in many paths.
    words: HashMap<String, Option<Word>>,
}

impl<'a> Layout<'a> {
    /// `folders`: every folder that holds a file, at any depth.
    pub fn new<'f>(
        environments: &'a [Environment],
        patterns: &'a [LayoutPattern],
        folders: impl Iterator<Item = &'f str>,
    ) -> Layout<'a> {
        let patterns = patterns
            .iter()
            .map(|pattern| {
                let glob = (!pattern.path.contains('{')).then(|| {
                    GlobBuilder::new(&pattern.path)
                        .literal_separator(true)
                        .build()
                        .ok()
                });
                (pattern, glob.flatten().map(|glob| glob.compile_matcher()))
            })
            .collect();
        let mut layout = Layout {
            environments,
            patterns,
            children: BTreeMap::new(),
            words: HashMap::default(),
        };
        let mut seen: HashSet<&str> = HashSet::default();
        for folder in folders {
            let mut path = folder;
            while seen.insert(path) {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                if !layout.words.contains_key(name) {
                    layout
                        .words
                        .insert(name.to_string(), layout.read_word(name));
                }
                if let Some(word) = layout.word(name) {
                    layout
                        .children
                        .entry(parent.to_string())
                        .or_default()
                        .insert(word);
                }
                if parent.is_empty() {
                    break;
                }
                path = parent;
            }
        }
        layout
    }

    /// What a path says: `None` when it carries no environment; `Some(Err(()))` when the
    /// configuration ignores it.
    pub fn place(&self, path: &str) -> Option<Result<Place, ()>> {
        for (pattern, glob) in &self.patterns {
            if let Some(glob) = glob {
                if pattern.ignore && (glob.is_match(path) || path.is_empty()) {
                    return Some(Err(()));
                }
            } else if let Some(place) = self.configured(&pattern.path, path) {
                return if pattern.ignore {
                    Some(Err(()))
                } else {
                    Some(Ok(place))
                };
            }
        }
        self.discovered(path).map(Ok)
    }

    /// Matches `deploy/{environment}/{variant}/{app}`; a last `**` or `*` may stand for the rest or
    /// one segment.
    fn configured(&self, pattern: &str, path: &str) -> Option<Place> {
        let (wanted, found): (Vec<&str>, Vec<&str>) = (
            pattern.trim_matches('/').split('/').collect(),
            path.split('/').collect(),
        );
        if wanted.len() != found.len() {
            return None;
        }
        let (mut app, mut environment, mut variant, mut prefix) =
            (Vec::new(), None, Vec::new(), String::new());
        for (at, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
            match *wanted {
                "{app}" => app.push(*found),
                "{environment}" => {
                    let word = self.word(found)?;
                    environment = Some(word.environment);
                    prefix = found_prefix(path, at);
                }
                "{variant}" => variant.push(*found),
                "*" => {}
                literal if literal == *found => {}
                _ => return None,
            }
        }
        let variant = (!variant.is_empty()).then(|| variant.join("/"));
        Some(Place {
            app: app.join("/"),
            environment: environment?,
            variant,
            prefix,
        })
    }

    fn discovered(&self, path: &str) -> Option<Place> {
        let segments: Vec<&str> = path.split('/').collect();
        if is_set_aside(path) {
            return None;
        }
        let (at, word) = segments
            .iter()
            .enumerate()
            .filter_map(|(at, segment)| {
                let word = self.word(segment)?;
                let parent = found_prefix(path, at)
                    .rsplit_once('/')
                    .map_or(String::new(), |(parent, _)| parent.to_string());
                let shaped = at > 0
                    && segments.get(at - 1).is_some_and(|parent| {
                        ENVIRONMENT_PARENTS.contains(&parent.to_ascii_lowercase().as_str())
                    });
                let siblings = self
                    .children
                    .get(&parent)
                    .is_some_and(|siblings| word.is_one_of(siblings));
                // what is to be built upon belongs to no environment, whatever it names:
                // `base/namespaces/web-dev`
                let base = segments.iter().take(at).any(|segment| {
                    ["base", "bases", "_base"].contains(&&*segment.to_ascii_lowercase())
                });
                // what stands right above `overlays` is the app, whatever it is called:
                // `sandbox/overlays/gcp`
                let app = segments
                    .get(at + 1)
                    .is_some_and(|next| next.eq_ignore_ascii_case("overlays"));
                (shaped || siblings && !app && !base).then_some((
                    at,
                    (shaped, word.part == Part::Whole),
                    word,
                ))
            })
            .max_by_key(|(at, strength, _)| (*strength, *at))
            .map(|(at, _, word)| (at, word))?;
        let before: Vec<&str> = segments.iter().take(at).copied().collect();
        let after: Vec<&str> = segments.iter().skip(at + 1).copied().collect();
        let names = |parts: &[&str]| -> Vec<String> {
            parts
                .iter()
                .filter(|part| !is_container(part))
                .map(|part| part.to_string())
                .collect()
        };
        let mut app = names(&before);
        let mut variant: Vec<String> = Vec::new();
        if !word.rest.is_empty() {
            if app.is_empty()
                && segments
                    .get(at.wrapping_sub(1))
                    .is_some_and(|parent| parent.starts_with("overlay"))
            {
                app.push(word.rest.clone());
            } else {
                variant.push(word.rest.clone());
            }
        }
        // below `apps/production` and `clusters/production` stand apps; below `prod` alone or
        // `APP/prod` stand regions and clusters
        let contained = before.last().is_some_and(|parent| {
            is_container(parent) && !ENVIRONMENT_PARENTS[..6].contains(parent)
        });
        if app.is_empty() && contained {
            app = names(&after);
        } else {
            variant.extend(
                after
                    .iter()
                    .filter(|part| !ENVIRONMENT_PARENTS.contains(part))
                    .map(|part| part.to_string()),
            );
        }
        let variant = (!variant.is_empty()).then(|| variant.join("/"));
        Some(Place {
            app: app.join("/"),
            environment: word.environment,
            variant,
            prefix: found_prefix(path, at),
        })
    }

    /// The environment that a name of something else than a folder carries: of a file, an object, a
    /// namespace.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.word(name).map(|word| word.environment)
    }

    /// The same with what is left of the name.
    pub fn parted(&self, name: &str) -> Option<(usize, String)> {
        self.word(name).map(|word| (word.environment, word.rest))
    }

    /// The environment that a name carries, whole or as a token, with what is left of the name.
    fn word(&self, name: &str) -> Option<Word> {
        self.words
            .get(name)
            .map_or_else(|| self.read_word(name), Clone::clone)
    }

    fn read_word(&self, name: &str) -> Option<Word> {
        let lower = name.to_ascii_lowercase();
        if let Some(environment) = self.alias(&lower) {
            return Some(Word {
                environment,
                part: Part::Whole,
                rest: String::new(),
            });
        }
        let tokens: Vec<&str> = name.split(['-', '_', '.']).collect();
        if tokens.len() < 2 {
            return None;
        }
        let lowered: Vec<String> = tokens
            .iter()
            .map(|token| token.to_ascii_lowercase())
            .collect();
        let mut found = None;
        for at in 0..tokens.len() {
            // `pre-prod` and `non-prod` are one word
            let pair = lowered
                .get(at + 1)
                .map(|next| format!("{}{next}", lowered[at]));
            let (environment, width) = match pair.and_then(|pair| self.alias(&pair)) {
                Some(environment) => (environment, 2),
                None => match self.alias(&lowered[at]) {
                    Some(environment) => (environment, 1),
                    None => continue,
                },
            };
            let rest: Vec<&str> = tokens[..at]
                .iter()
                .chain(&tokens[at + width..])
                .copied()
                .collect();
            let part = match (at == 0, at + width == tokens.len()) {
                (true, true) => Part::Whole,
                (true, false) => Part::First,
                (false, true) => Part::Last,
                (false, false) => Part::Middle,
            };
            found = Some(Word {
                environment,
                part,
                rest: rest.join("-"),
            });
            break;
        }
        found
    }

    /// The environment of a word; digits at its end (`stage0`, `prod2`) do not count.
    fn alias(&self, word: &str) -> Option<usize> {
        let find = |word: &str| {
            self.environments.iter().position(|environment| {
                environment.name.eq_ignore_ascii_case(word)
                    || environment
                        .aliases
                        .iter()
                        .any(|alias| alias.eq_ignore_ascii_case(word))
            })
        };
        find(word).or_else(|| {
            let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
            if stem.len() == word.len() || stem.is_empty() {
                None
            } else {
                find(stem)
            }
        })
    }
}

/// What a name says of an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    environment: usize,
    part: Part,
    /// The name without the environment.
    rest: String,
}

/// Which part of a name the environment's word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    First,
    Middle,
    Last,
}

impl Word {
    /// Whether the names beside this one show that its word means an environment: another
    /// environment's name says the same otherwise, or has its word in the same place.
    /// `cleanup-live-events` beside `staging` is an app, and so is `web-test` beside `test`.
    fn is_one_of(&self, siblings: &BTreeSet<Word>) -> bool {
        let own = siblings
            .iter()
            .any(|other| other.environment == self.environment && other.part == Part::Whole);
        let mut others = siblings
            .iter()
            .filter(|other| other.environment != self.environment);
        others.any(|other| match self.part {
            Part::Whole => true,
            _ if other.rest == self.rest => true,
            Part::First => matches!(other.part, Part::Whole | Part::First),
            Part::Last => matches!(other.part, Part::Whole | Part::Last) && !own,
            Part::Middle => false,
        })
    }
}

/// Hidden folders of what is kept and no longer applied.
const SET_ASIDE: &[&str] = &[
    ".archive",
    ".archived",
    ".archives",
    ".attic",
    ".deprecated",
    ".disabled",
    ".old",
    ".trash",
    ".unused",
];

/// Whether a path leads through a folder of what was set aside. It is applied only when an agent
/// points at it.
pub(super) fn is_set_aside(path: &str) -> bool {
    path.split('/').any(|segment| SET_ASIDE.contains(&segment))
}

fn found_prefix(path: &str, at: usize) -> String {
    path.split('/').take(at + 1).collect::<Vec<_>>().join("/")
}

fn is_container(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    CONTAINERS.contains(&lower.as_str()) || ENVIRONMENT_PARENTS.contains(&lower.as_str())
}

/// Chooses the overlays among the roots, which are sorted by folder, as the result is. `pointed_at`
/// are folders that an agent applies: they are overlays whatever refers to them.
pub fn overlays(
    roots: &[Root],
    layout: &Layout,
    pointed_at: &BTreeSet<String>,
) -> Vec<(String, Option<Place>)> {
    let places: HashMap<&str, Place> = roots
        .par_iter()
        .filter(|root| !root.component)
        .filter_map(|root| Some((root.folder.as_str(), layout.place(&root.folder)?.ok()?)))
        .collect();
    let mut narrowed = narrowed(roots, &places);
    for folder in vanished(roots, &places, &narrowed) {
        narrowed.remove(folder);
    }
    let mut chosen: BTreeMap<String, Option<Place>> = BTreeMap::new();
    for root in roots.iter().filter(|root| !root.component) {
        let Some(place) = places.get(root.folder.as_str()) else {
            continue;
        };
        let name = root
            .folder
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let base = BASES.contains(&name.as_str()) && root.folder != place.prefix;
        if !narrowed.contains_key(root.folder.as_str()) && !base {
            chosen.insert(root.folder.clone(), Some(place.clone()));
        }
    }
    // a gathering kustomization adds nothing to the overlays that it lists
    for root in roots
        .iter()
        .filter(|root| root.only_gathers && !root.references.is_empty())
    {
        if !pointed_at.contains(&root.folder)
            && root.references.iter().all(|reference| {
                covered(reference, &root.folder, &chosen)
                    && !leads_to(reference, &root.folder, roots)
            })
        {
            chosen.remove(&root.folder);
        }
    }
    for folder in pointed_at {
        match layout.place(folder) {
            Some(Err(())) => {}
            Some(Ok(place)) => {
                chosen.insert(folder.clone(), Some(place));
            }
            None => {
                chosen.insert(folder.clone(), None);
            }
        }
    }
    chosen.into_iter().collect()
}

/// The roots that another root of the same environment builds upon, each with the roots that do:
/// of `api/overlays/production` and `api/overlays/production-eu`, which lists it, only the second
/// is applied.
fn narrowed<'r>(
    roots: &'r [Root],
    places: &HashMap<&str, Place>,
) -> BTreeMap<&'r str, Vec<&'r Root>> {
    let mut narrowed: BTreeMap<&str, Vec<&Root>> = BTreeMap::new();
    for root in roots {
        let Some(place) = places.get(root.folder.as_str()) else {
            continue;
        };
        let below = |reference: &String| {
            root.folder.is_empty() || reference.starts_with(&format!("{}/", root.folder))
        };
        // `apps/production`, which lists `api` and `web` below it, leaves them as overlays; a
        // kustomization that also lists `../base` is made of all that it lists
        let gathers = root.only_gathers && root.references.iter().all(below)
            || root.folder == place.prefix && place.app.is_empty();
        for reference in &root.references {
            let above = gathers && below(reference) && !is_part_of_base(reference, &place.prefix);
            let same_environment = places
                .get(reference.as_str())
                .is_some_and(|other| other.environment == place.environment);
            // in a cycle nothing is narrowed: all of it stays, to be reported
            if !above && same_environment && !leads_to(reference, &root.folder, roots) {
                narrowed.entry(reference).or_default().push(root);
            }
        }
    }
    narrowed
}

/// Narrowed roots that stay overlays, because another environment has the same app by itself.
///
/// Production has `clusters/production`, which lists `../../apps/api/overlays/production`; staging
/// has `apps/api/overlays/staging` and no such list. Judged as a part of `clusters/production`, the
/// app `api` would be missing from production, and nothing would be compared with staging's.
fn vanished<'r>(
    roots: &'r [Root],
    places: &HashMap<&str, Place>,
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
    let elsewhere = |place: &Place| {
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

/// Whether a folder stands below one that is meant to be built upon, in its environment:
/// `prod/base/rbac`.
fn is_part_of_base(folder: &str, environment: &str) -> bool {
    let below = folder.strip_prefix(environment).unwrap_or(folder);
    below
        .split('/')
        .any(|segment| BASES.contains(&segment.to_ascii_lowercase().as_str()))
}

/// Whether one kustomization refers to another, directly or through others.
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

/// Whether a folder, or something below it that is not the one who refers to it, is an overlay.
fn covered(reference: &str, by: &str, chosen: &BTreeMap<String, Option<Place>>) -> bool {
    let below = format!("{reference}/");
    let mut there = chosen
        .range(below.clone()..)
        .map(|(folder, _)| folder)
        .take_while(|folder| folder.starts_with(&below));
    chosen.contains_key(reference) || there.any(|folder| folder != by)
}

/// The shortest ends of app paths that tell them apart: `team-a/api` and `team-b/api` stay,
/// `shop/cart` becomes `cart`. The empty path is the repo itself.
pub fn short_names(apps: &BTreeSet<String>) -> BTreeMap<String, String> {
    let suffix = |app: &str, length: usize| {
        let parts: Vec<&str> = app.split('/').collect();
        parts[parts.len().saturating_sub(length)..].join("/")
    };
    // how many apps have an end in common; a path that is shorter counts as its own end
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn place(paths: &[&str], path: &str) -> Option<(String, String, Option<String>)> {
        let config = Config::default();
        let layout = Layout::new(&config.environments, &[], paths.iter().copied());
        let place = layout.place(path)?.ok()?;
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
        // what a base is made of names environments and belongs to none
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
