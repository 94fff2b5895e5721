//! Reads the environment, app and variant from a path such as `apps/api/overlays/prod-eu`.

use super::Root;
use crate::config::{Cluster, Environment};
use crate::config::{LayoutPath, LayoutPattern};
use crate::kustomize::Capabilities;
use crate::source::refs::{split, within};
use crate::source::{EntryKind, Source, join};
use foldhash::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet};

/// Folders that contain apps. Their names are not part of the name of an app.
pub(super) const CONTAINERS: &[&str] = &[
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
    "accounts",
    "subscriptions",
    "infrastructure",
    "infra",
    "projects",
    "src",
];

/// Folders that are bases whatever lies below them.
const PLAIN_BASES: [&str; 3] = ["base", "bases", "_base"];

/// Folders that hold what several environments share, unless an environment's folder is called so.
const SHARED_FOLDERS: [&str; 4] = ["common", "shared", "_common", "default"];

/// Folders that hold the environments of one app, or of everything.
const OVERLAY_FOLDERS: [&str; 6] = [
    "overlays",
    "overlay",
    "env",
    "envs",
    "environment",
    "environments",
];

/// Folders that hold environments as clusters, stages or copies of the same.
const CLUSTER_FOLDERS: [&str; 6] = [
    "clusters",
    "cluster",
    "stages",
    "variants",
    "instances",
    "rings",
];

/// True for a folder with bases for other kustomizations.
pub(super) fn is_base_folder(name: &str) -> bool {
    is_one_of(name, &PLAIN_BASES) || is_one_of(name, &SHARED_FOLDERS)
}

/// True for a folder whose children are environments.
pub(super) fn is_environment_parent(name: &str) -> bool {
    is_overlays(name) || is_one_of(name, &CLUSTER_FOLDERS)
}

/// True for a folder that holds the environments of one app or of everything, and not clusters.
fn is_overlays(name: &str) -> bool {
    is_one_of(name, &OVERLAY_FOLDERS)
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The app, environment and variant of an overlay according to its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placement {
    /// All segments that name the app, joined by `/`; empty for the whole repo.
    pub app: String,
    /// Index into the environments.
    pub environment: usize,
    /// Region, cluster, tenant.
    pub variant: Option<String>,
    /// The path up to and including the segment of the environment.
    pub prefix: String,
    /// The app with the folders that contain it, such as `infrastructure/vault`. It distinguishes
    /// apps with the same name.
    pub qualified: String,
}

/// The result of reading a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The configuration ignores this path: it is not an overlay.
    Ignored,
    /// It carries no environment.
    Unplaced,
    /// It carries an environment.
    In(Placement),
}

impl Reading {
    /// The placement, if there is one.
    pub fn placement(self) -> Option<Placement> {
        match self {
            Reading::In(placement) => Some(placement),
            Reading::Ignored | Reading::Unplaced => None,
        }
    }
}

/// Reads environments out of paths.
pub struct Layout<'a> {
    pub(super) environments: &'a [Environment],
    pub(super) patterns: &'a [LayoutPattern],
    /// The clusters of the configuration.
    pub(in crate::repo) clusters: &'a [Cluster],
    /// For each folder, the words for environments in the names of its children.
    pub(super) children: BTreeMap<String, BTreeSet<Word>>,
    /// The word for an environment in each folder name. Cached, because most names occur in many
    /// paths.
    pub(super) words: HashMap<String, Option<Word>>,
    /// Folders of apps: `apps/live-chat`, which holds `overlays`.
    pub(super) apps: HashSet<String>,
    /// Folders whose names contain a word for an environment without meaning it; see
    /// [`Layout::note_names`].
    pub(super) names: HashSet<String>,
    /// The environment of each folder of a ref that is one, and of the whole tree if that is one.
    pub(super) branches: BTreeMap<String, usize>,
}

impl<'a> Layout<'a> {
    /// The layout with environments that are refs, by the folders of these.
    pub fn with_branches(self, branches: BTreeMap<String, usize>) -> Layout<'a> {
        Layout { branches, ..self }
    }

    /// The layout with the clusters that the configuration names.
    pub fn with_clusters(self, clusters: &'a [Cluster]) -> Layout<'a> {
        Layout { clusters, ..self }
    }

    /// `folders`: every folder that holds a file, at any depth.
    pub fn new<'f>(
        environments: &'a [Environment],
        patterns: &'a [LayoutPattern],
        folders: impl Iterator<Item = &'f str>,
    ) -> Layout<'a> {
        let mut layout = Layout {
            environments,
            patterns,
            clusters: &[],
            children: BTreeMap::new(),
            words: HashMap::default(),
            apps: HashSet::default(),
            names: HashSet::default(),
            branches: BTreeMap::new(),
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
                let word = layout.word(name);
                let is_whole = word.as_ref().is_some_and(|word| word.part == Part::Whole);
                if is_whole || is_overlays(name) {
                    layout.apps.insert(parent.to_string());
                }
                if let Some(word) = word {
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

    /// Finds folders whose names do not mean an environment: one kustomization lists several of
    /// them that differ only in that word. For example, an environment can list both
    /// `issuers/letsencrypt-staging` and `issuers/letsencrypt-production`.
    pub fn note_names(&mut self, roots: &[Root]) {
        for root in roots {
            let mut beside: BTreeMap<(&str, String), Vec<(usize, &str)>> = BTreeMap::new();
            for folder in &root.references {
                let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
                if let Some(word) = self.word(name).filter(|word| word.part != Part::Whole) {
                    let alike = beside.entry((parent, word.rest)).or_default();
                    alike.push((word.environment, folder));
                }
            }
            for alike in beside.into_values() {
                let first = alike.first().map(|(environment, _)| *environment);
                if alike
                    .iter()
                    .any(|(environment, _)| Some(*environment) != first)
                {
                    let folders = alike.into_iter().map(|(_, folder)| folder.to_string());
                    self.names.extend(folders);
                }
            }
        }
    }

    /// Reads a path. In a ref that is an environment, everything belongs to that, but for folders
    /// of other environments. In another ref, a path says what it says elsewhere.
    pub fn read(&self, path: &str) -> Reading {
        let (root, path) = split(path);
        let here = self.branches.get(root).copied();
        let reading = self.read_within(path);
        if root.is_empty() && here.is_none() {
            return reading;
        }
        match (reading, here) {
            (Reading::Ignored, _) => Reading::Ignored,
            (Reading::In(found), Some(here)) if found.environment != here => Reading::Ignored,
            (Reading::In(found), _) => Reading::In(Placement {
                prefix: within(root, &found.prefix),
                ..found
            }),
            (Reading::Unplaced, _) if is_set_aside(path) => Reading::Unplaced,
            (Reading::Unplaced, here) => match here {
                Some(environment) => Reading::In(in_branch(root, path, environment)),
                None => Reading::Unplaced,
            },
        }
    }

    /// The environment that the ref of a path is called after: `release/production:/apps/web`.
    pub fn named_by_ref(&self, path: &str) -> Option<usize> {
        let (root, _) = split(path);
        let name = root.strip_suffix(':')?;
        self.alias(&name.rsplit('/').next().unwrap_or(name).to_lowercase())
    }

    /// True if a path is in a ref that is read only because an agent names it.
    pub fn is_only_pointed_at(&self, path: &str) -> bool {
        let (root, _) = split(path);
        !root.is_empty() && !self.branches.contains_key(root)
    }

    /// The folder of the ref that a path is in, if that ref is an environment of its own.
    pub fn branch_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (root, _) = split(path);
        self.branches.contains_key(root).then_some(root)
    }

    /// The folders of refs that are environments, and the empty one if the tree itself is.
    pub(in crate::repo) fn branches(&self) -> impl Iterator<Item = (&str, usize)> {
        let branches = self.branches.iter();
        branches.map(|(root, environment)| (root.as_str(), *environment))
    }

    /// Reads a path of one tree: by the first entry of the configuration that matches it, or else by
    /// the built-in discovery.
    fn read_within(&self, path: &str) -> Reading {
        self.read_as_configured(path).unwrap_or_else(|| {
            let found = self.discovered(path);
            found.map_or(Reading::Unplaced, Reading::In)
        })
    }

    /// The placement of a path; `None` if it names no environment or is ignored.
    pub fn placement(&self, path: &str) -> Option<Placement> {
        self.read(path).placement()
    }

    /// True if the configuration ignores a path.
    pub fn is_ignored(&self, path: &str) -> bool {
        self.read(path) == Reading::Ignored
    }

    /// Reads a path by the first entry of the configuration that matches it.
    fn read_as_configured(&self, path: &str) -> Option<Reading> {
        self.patterns.iter().find_map(|pattern| {
            let placement = match &pattern.path {
                LayoutPath::Placeholders(wanted) => Some(self.configured(wanted, path)?),
                LayoutPath::Glob(glob) if glob.is_match(path) || path.is_empty() => None,
                LayoutPath::Glob(_) => return None,
            };
            match (pattern.ignore, placement) {
                (true, _) => Some(Reading::Ignored),
                (false, placement) => placement.map(Reading::In),
            }
        })
    }

    /// The entries of `layout` in the configuration that match none of these folders.
    pub fn unmatched(&self, folders: &[&str]) -> Vec<&'a LayoutPattern> {
        let patterns = self.patterns.iter();
        let unmatched = patterns.filter(|pattern| {
            let is_match = |folder: &&str| match &pattern.path {
                LayoutPath::Glob(glob) => glob.is_match(folder),
                LayoutPath::Placeholders(path) => self.configured(path, folder).is_some(),
            };
            !folders.iter().any(is_match)
        });
        unmatched.collect()
    }

    /// Matches a path with a pattern such as `deploy/{environment}/{variant}/{app}`. At the end,
    /// `*` matches one more segment and `**` matches the rest.
    pub(super) fn configured(&self, pattern: &str, path: &str) -> Option<Placement> {
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
        Some(Placement {
            qualified: app.join("/"),
            app: app.join("/"),
            environment: environment?,
            variant,
            prefix,
        })
    }

    pub(super) fn discovered(&self, path: &str) -> Option<Placement> {
        let segments: Vec<&str> = path.split('/').collect();
        if is_set_aside(path) {
            return None;
        }
        let (at, word) = (0..segments.len())
            .filter_map(|at| {
                let (word, evidence) = self.evidence(path, &segments, at)?;
                Some(((evidence, at), word))
            })
            .max_by_key(|(strength, _)| *strength)
            .map(|((_, at), word)| (at, word))?;
        let before: Vec<&str> = segments.iter().take(at).copied().collect();
        let after: Vec<&str> = segments.iter().skip(at + 1).copied().collect();
        let names = |parts: &[&str]| -> Vec<String> {
            parts
                .iter()
                .filter(|part| !is_container(part))
                .map(|part| part.to_string())
                .collect()
        };
        // an account or cluster that is named after the environment is no app:
        // `accounts/acme-prod/clusters/eu-prod/apps/api`
        let is_app = |at: &usize| {
            let other = self.evidence(path, &segments, *at);
            other.is_none_or(|(other, _)| other.environment != word.environment)
        };
        let of_apps: Vec<&str> = (0..at)
            .filter(is_app)
            .filter_map(|at| segments.get(at).copied())
            .collect();
        let mut app = names(&of_apps);
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
        // `apps/production` and `clusters/production` contain apps; `prod` at the root or
        // `APP/prod` contains regions and clusters
        let contained = before
            .last()
            .is_some_and(|parent| is_container(parent) && !is_overlays(parent));
        let holders = of_apps.iter().filter(|name| !is_overlays(name));
        let mut qualified: Vec<String> = holders.map(|name| name.to_string()).collect();
        let (regions, apps) = below_environment(&after, !app.is_empty(), contained);
        app.extend(names(apps));
        qualified.extend(names(apps));
        let says_nothing = |part: &&&str| is_environment_parent(part) || is_base_folder(part);
        let regions = regions.iter().filter(|part| !says_nothing(part));
        variant.extend(regions.map(|part| part.to_string()));
        let variant = (!variant.is_empty()).then(|| variant.join("/"));
        Some(Placement {
            app: app.join("/"),
            qualified: qualified.join("/"),
            environment: word.environment,
            variant,
            prefix: found_prefix(path, at),
        })
    }

    /// The word for an environment in one segment of a path, and the evidence that it means an
    /// environment.
    fn evidence(&self, path: &str, segments: &[&str], at: usize) -> Option<(Word, Evidence)> {
        let word = self.word(segments.get(at)?)?;
        let folder = found_prefix(path, at);
        if self.names.contains(&folder) {
            return None;
        }
        let is_whole = word.part == Part::Whole;
        if at > 0 && is_environment_parent(segments.get(at - 1)?) {
            return Some((word, Evidence::Parent { is_whole }));
        }
        // a folder in a base belongs to no environment, whatever its name:
        // `base/namespaces/web-dev`
        let in_base = segments
            .iter()
            .take(at)
            .any(|segment| is_one_of(segment, &PLAIN_BASES));
        // a folder directly above `overlays` is an app, whatever its name (`sandbox/overlays/gcp`);
        // so is a folder such as `live-chat` that contains environments
        let is_app = segments
            .get(at + 1)
            .is_some_and(|next| next.eq_ignore_ascii_case("overlays"))
            || !is_whole && self.apps.contains(&folder);
        if in_base || is_app {
            return None;
        }
        let parent = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        let siblings = self.children.get(parent);
        let is_ordered = self.is_ordered(word.environment);
        // a learned name only means an environment beside a known one with a similar name
        let counts = |siblings: &BTreeSet<Word>| {
            let like = |other: &Word| {
                self.is_ordered(other.environment)
                    && (is_whole || (other.part, &other.rest) == (word.part, &word.rest))
            };
            is_ordered || siblings.iter().any(like)
        };
        if siblings.is_some_and(|siblings| word.is_one_of(siblings) && counts(siblings)) {
            return Some((word, Evidence::Siblings { is_whole }));
        }
        let alone = is_whole && is_ordered && is_unambiguous(segments.get(at)?);
        (alone && !is_example(path)).then_some((word, Evidence::Word))
    }

    /// True if the place of an environment in the promotion order is known.
    pub fn is_ordered(&self, environment: usize) -> bool {
        let environment = self.environments.get(environment);
        environment.is_some_and(|environment| environment.ordered)
    }

    /// True if an environment is protected.
    pub fn is_protected(&self, environment: usize) -> bool {
        let environment = self.environments.get(environment);
        environment.is_some_and(|environment| environment.protected)
    }

    /// The known facts of the clusters of an environment.
    pub fn cluster(&self, environment: Option<usize>) -> Capabilities {
        let environment = environment.and_then(|index| self.environments.get(index));
        environment.map(Environment::cluster).unwrap_or_default()
    }

    /// The environment in the name of a file, object or namespace.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.word(name).map(|word| word.environment)
    }

    /// Like [`Self::named`], with the rest of the name.
    pub fn parted(&self, name: &str) -> Option<(usize, String)> {
        self.word(name).map(|word| (word.environment, word.rest))
    }

    /// The environment in a name, as the whole name or a token of it, with the rest of the name.
    pub(super) fn word(&self, name: &str) -> Option<Word> {
        self.words
            .get(name)
            .map_or_else(|| self.read_word(name), Clone::clone)
    }

    pub(super) fn read_word(&self, name: &str) -> Option<Word> {
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
            // `prod-to-stage` copies from one to the other
            let others = lowered
                .iter()
                .skip(at + width)
                .filter_map(|token| self.alias(token));
            if others.into_iter().any(|other| other != environment) {
                return None;
            }
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
    pub(super) fn alias(&self, word: &str) -> Option<usize> {
        let find = |word: &str| {
            self.environments
                .iter()
                .position(|environment| environment.is_called(word))
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

/// The placement of a path without a word for an environment, in a ref that is one.
fn in_branch(root: &str, path: &str, environment: usize) -> Placement {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let qualified: Vec<&str> = parts.filter(|part| !is_environment_parent(part)).collect();
    let app = qualified.iter().filter(|part| !is_container(part));
    Placement {
        app: app.copied().collect::<Vec<_>>().join("/"),
        qualified: qualified.join("/"),
        environment,
        variant: None,
        prefix: root.to_string(),
    }
}

/// Splits the folders below an environment into those for the variant (regions, clusters) and those
/// for the app.
fn below_environment<'a, 's>(
    below: &'a [&'s str],
    has_app: bool,
    holds_apps: bool,
) -> (&'a [&'s str], &'a [&'s str]) {
    if has_app {
        return (below, &[]);
    }
    if holds_apps {
        return (&[], below);
    }
    // `environments/production/eu/apps/api`
    let holder = below.iter().position(|name| is_container(name));
    below.split_at(holder.unwrap_or(below.len()))
}

/// The evidence that a word in a path means an environment, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// The word is the whole segment and hardly means anything else: `apps/api/production`.
    Word,
    /// The folders beside it are other environments.
    Siblings { is_whole: bool },
    /// Its parent holds environments: `overlays/web-prod`.
    Parent { is_whole: bool },
}

/// Words of environments that often mean something else when no other environment is beside them:
/// `charts/live`, `ci/test`.
const AMBIGUOUS: &[&str] = &[
    "develop",
    "int",
    "integration",
    "live",
    "sandbox",
    "stage",
    "test",
    "testing",
];

fn is_unambiguous(word: &str) -> bool {
    !AMBIGUOUS.contains(&&*word.to_ascii_lowercase())
}

/// A word for an environment in a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) environment: usize,
    pub(super) part: Part,
    /// The name without the environment.
    pub(super) rest: String,
}

/// Which part of a name the environment's word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Whole,
    First,
    Middle,
    Last,
}

impl Word {
    /// True if the names of its siblings show that the word means an environment: a sibling of
    /// another environment has the same rest, or its word at the same position. For example,
    /// `cleanup-live-events` beside `staging` is an app, and so is `web-test` beside `test`.
    pub(super) fn is_one_of(&self, siblings: &BTreeSet<Word>) -> bool {
        let own = siblings
            .iter()
            .any(|other| other.environment == self.environment && other.part == Part::Whole);
        let mut others = siblings
            .iter()
            .filter(|other| other.environment != self.environment);
        // `prod-eu` and `staging-eu` show that `prod-us` is one as well
        let pattern = siblings.iter().any(|one| {
            one.part == self.part
                && siblings.iter().any(|other| {
                    other.part == one.part
                        && other.rest == one.rest
                        && other.environment != one.environment
                })
        });
        others.any(|other| match self.part {
            Part::Whole => true,
            _ if other.rest == self.rest => true,
            Part::First => other.part == Part::Whole || pattern,
            Part::Last => (other.part == Part::Whole || pattern) && !own,
            Part::Middle => false,
        })
    }
}

/// True if a path leads through a folder of examples.
pub(in crate::repo) fn is_example(path: &str) -> bool {
    path.split('/').any(|segment| {
        [
            "example",
            "examples",
            "sample",
            "samples",
            "template",
            "templates",
        ]
        .contains(&&*segment.to_ascii_lowercase())
    })
}

/// Hidden folders for manifests that are kept but no longer applied.
pub(super) const SET_ASIDE: &[&str] = &[
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

/// True for a path such as `.archive/overlays/prod`, which is applied only if an agent points at
/// it.
pub(in crate::repo) fn is_set_aside(path: &str) -> bool {
    path.split('/').any(|segment| SET_ASIDE.contains(&segment))
}

/// True if a file belongs to a chart.
pub(in crate::repo) fn in_chart(path: &str, source: &dyn Source) -> bool {
    let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    let mut folders = folders.chain([""]);
    folders.any(|folder| {
        let chart = join(folder, "Chart.yaml");
        chart.is_some_and(|chart| source.kind(&chart) == Some(EntryKind::File))
    })
}

pub(super) fn found_prefix(path: &str, at: usize) -> String {
    path.split('/').take(at + 1).collect::<Vec<_>>().join("/")
}

pub(super) fn is_container(segment: &str) -> bool {
    is_one_of(segment, CONTAINERS) || is_environment_parent(segment)
}
