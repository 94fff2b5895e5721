//! Recognises environments with unknown names by the shape of the repo: `at23` beside `staging`, if
//! both contain the same apps. Their place in the promotion order is unknown.
//!
//! Not here: environments that the configuration lists.

use super::layout::{
    CONTAINERS, Layout, Part, is_base_folder, is_environment_parent, is_example, is_set_aside,
};
use crate::config::Environment;
use std::collections::{BTreeMap, BTreeSet};

/// More unknown folders than this beside one environment are clusters or tenants, not environments.
const MOST: usize = 12;

/// Folders beside environments that never are environments.
const NEVER: &[&str] = &[
    "all", "archive", "charts", "crds", "docs", "files", "global", "lib", "patches", "scripts",
    "tests", "values",
];

/// The environments that are recognised by the shape of a repo, sorted by name. `kustomizations`
/// are the folders with a kustomization; `references` returns the folders that one of them builds
/// on.
pub fn learned(
    layout: &Layout,
    kustomizations: &BTreeSet<String>,
    references: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Environment> {
    // only siblings of a known environment can be environments
    let holds_words = |parent: &str| layout.children.contains_key(parent);
    let children = children(kustomizations, &holds_words);
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (parent, beside) in &children {
        names.extend(found_beside(layout, parent, beside, references));
    }
    let environments = names.into_iter().map(|name| Environment {
        name,
        aliases: Vec::new(),
        protected: false,
        kubernetes: None,
        api_versions: Vec::new(),
        reference: None,
        ordered: false,
    });
    environments.collect()
}

/// Words that the promotion order keeps in one environment, and that are a later environment of
/// their own where both stand side by side: the environment, the word of the later one, and what
/// else it is called.
const LATER: [(&str, &str, &[&str]); 2] = [
    ("test", "uat", &[]),
    ("staging", "preprod", &["preproduction"]),
];

/// Words of an environment that mean another one, whose place in the order is not known, where both
/// stand side by side.
const OTHERS: [(&str, &[&str]); 1] = [("test", &["integration", "int"])];

/// The environments with those told apart that the repo has side by side: `uat` comes after `qa`
/// where an app has both.
pub fn told_apart(environments: &mut Vec<Environment>, kustomizations: &BTreeSet<String>) {
    for (name, words) in OTHERS {
        let Some(environment) = environments.iter_mut().find(|one| one.name == name) else {
            continue;
        };
        let is_other = |token: &str| words.contains(&token);
        let is_own = |token: &str| !is_other(token) && environment.is_called(token);
        if stand_side_by_side(kustomizations, &is_own, &is_other) {
            environment.aliases.retain(|alias| !is_other(alias));
        }
    }
    for (name, word, aliases) in LATER {
        let Some(at) = environments.iter().position(|other| other.name == name) else {
            continue;
        };
        let environment = &environments[at];
        let is_later = |token: &str| token == word || aliases.contains(&token);
        let is_earlier = |token: &str| !is_later(token) && environment.is_called(token);
        if !stand_side_by_side(kustomizations, &is_earlier, &is_later) {
            continue;
        }
        if let Some(environment) = environments.get_mut(at) {
            environment.aliases.retain(|alias| !is_later(alias));
        }
        let later = Environment {
            name: word.to_string(),
            aliases: aliases.iter().map(|alias| alias.to_string()).collect(),
            protected: false,
            kubernetes: None,
            api_versions: Vec::new(),
            reference: None,
            ordered: true,
        };
        environments.insert(at + 1, later);
    }
}

/// True if two folders of one parent differ in a word of the first kind and one of the second:
/// `envs/qa` and `envs/uat`, `shop-qa` and `shop-uat`.
fn stand_side_by_side(
    folders: &BTreeSet<String>,
    first: &dyn Fn(&str) -> bool,
    second: &dyn Fn(&str) -> bool,
) -> bool {
    let mut found: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for folder in folders {
        let mut start = 0;
        for segment in folder.split('/') {
            let parent = folder.get(..start).unwrap_or_default();
            start += segment.len() + 1;
            let lower = segment.to_ascii_lowercase();
            let tokens: Vec<&str> = lower.split(['-', '_', '.']).collect();
            for (at, token) in tokens.iter().enumerate() {
                let (is_first, is_second) = (first(token), second(token));
                if is_first || is_second {
                    let mut others = tokens.clone();
                    others[at] = "*";
                    let key = format!("{parent}{}", others.join("-"));
                    let sides = found.entry(key).or_default();
                    sides.0 |= is_first;
                    sides.1 |= is_second;
                }
            }
        }
    }
    found.values().any(|(first, second)| *first && *second)
}

/// For each folder its children, each with the paths below it that hold a kustomization.
type Children<'k> = BTreeMap<&'k str, BTreeMap<&'k str, BTreeSet<&'k str>>>;

fn children<'k>(
    kustomizations: &'k BTreeSet<String>,
    wanted: &dyn Fn(&str) -> bool,
) -> Children<'k> {
    let mut children = Children::new();
    for folder in kustomizations {
        let mut start = 0;
        while start <= folder.len() {
            let Some(rest) = folder.get(start..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let parent = folder.get(..start.saturating_sub(1)).unwrap_or_default();
            let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
            if wanted(parent) {
                let beside = children.entry(parent).or_default();
                beside.entry(name).or_default().insert(below);
            }
            start += name.len() + 1;
        }
    }
    children
}

/// The names of the environments among the children of one folder.
fn found_beside(
    layout: &Layout,
    parent: &str,
    beside: &BTreeMap<&str, BTreeSet<&str>>,
    references: &dyn Fn(&str) -> Vec<String>,
) -> Vec<String> {
    let is_whole = |name: &str| {
        layout
            .word(name)
            .is_some_and(|word| word.part == Part::Whole)
    };
    let known: Vec<&str> = beside
        .keys()
        .copied()
        .filter(|name| is_whole(name))
        .collect();
    if is_set_aside(parent) || is_example(parent) {
        return Vec::new();
    }
    let tokens = called_alike(layout, beside);
    if known.is_empty() {
        return tokens;
    }
    let unknown: Vec<&str> = beside
        .keys()
        .copied()
        .filter(|name| layout.word(name).is_none() && may_be_called(name))
        .collect();
    if unknown.is_empty() || unknown.len() > MOST {
        return tokens;
    }
    let path = |name: &str| match parent {
        "" => name.to_string(),
        _ => format!("{parent}/{name}"),
    };
    let nothing = BTreeSet::new();
    let below = |name: &str| beside.get(name).unwrap_or(&nothing);
    let built_upon = |name: &str| -> BTreeSet<String> {
        let folder = path(name);
        let upon = references(&folder).into_iter();
        upon.filter(|upon| !upon.starts_with(&format!("{folder}/")))
            .collect()
    };
    let bases: BTreeSet<String> = known.iter().flat_map(|name| built_upon(name)).collect();
    unknown
        .into_iter()
        .filter(|name| {
            let own = below(name);
            let holds_environments = own
                .iter()
                .any(|path| path.split('/').next().is_some_and(is_whole));
            !holds_environments
                && (known.iter().any(|known| same_apps(own, below(known)))
                    || own.contains("") && built_upon(name).iter().any(|upon| bases.contains(upon)))
        })
        .map(str::to_ascii_lowercase)
        .chain(tokens)
        .collect()
}

/// `integration` of `integration-eu`, beside `staging-eu`.
fn called_alike(layout: &Layout, beside: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let words = beside.keys().filter_map(|name| layout.word(name));
    let regions: BTreeSet<String> = words
        .filter(|word| word.part == Part::First)
        .map(|word| word.rest)
        .collect();
    let unknown = beside.keys().filter(|name| layout.word(name).is_none());
    let found: BTreeSet<String> = unknown
        .filter_map(|name| {
            let mut regions = regions.iter();
            let called = |region: &String| name.strip_suffix(region.as_str())?.strip_suffix('-');
            regions.find_map(called)
        })
        .filter(|name| may_be_called(name) && !name.contains('-'))
        .map(str::to_ascii_lowercase)
        .collect();
    match found.len() {
        count if count > MOST => Vec::new(),
        _ => found.into_iter().collect(),
    }
}

fn may_be_called(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !name.starts_with(['.', '_'])
        && !is_example(name)
        && !NEVER.contains(&&*lower)
        && !is_base_folder(name)
        && !CONTAINERS.contains(&&*lower)
        && !is_environment_parent(name)
}

/// True if most of the paths below one folder also exist below another one.
fn same_apps(one: &BTreeSet<&str>, other: &BTreeSet<&str>) -> bool {
    let apps = one.iter().filter(|below| !below.is_empty());
    let (mut all, mut common) = (0, 0);
    for below in apps {
        all += 1;
        common += usize::from(other.contains(below));
    }
    common > 0 && common * 2 >= all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn found(folders: &[&str]) -> Vec<String> {
        let config = Config::default();
        let layout = Layout::new(&config.environments, &[], folders.iter().copied());
        let kustomizations = folders.iter().map(|folder| folder.to_string()).collect();
        // everything builds upon the folder `base` beside it
        let references = |folder: &str| {
            let parent = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
            vec![format!("{parent}/base")]
        };
        let learned = learned(&layout, &kustomizations, &references);
        learned
            .into_iter()
            .map(|environment| environment.name)
            .collect()
    }

    #[test]
    fn what_is_built_or_filled_as_an_environment_is_one() {
        for (folders, names) in [
            (&["a/base", "a/staging", "a/at23"][..], &["at23"][..]),
            (
                &[
                    "clusters/staging/web",
                    "clusters/demo/web",
                    "clusters/demo/api",
                ],
                &["demo"],
            ),
            (&["a/overlays/prod", "a/overlays/ithc"], &["ithc"]),
            // another folder of apps, and an app beside an environment
            (&["apps/staging/web", "infrastructure/staging/web"], &[]),
            (&["x/staging/web", "x/tools/db"], &[]),
            (&["x/staging", "x/web/staging", "x/web/base"], &[]),
            (
                &["envs/load-eu", "envs/staging-eu", "envs/load-us"],
                &["load"],
            ),
            (&["a/staging", "a/common", "a/.old", "a/prod-eu"], &[]),
        ] {
            assert_eq!(found(folders), names, "{folders:?}");
        }
    }

    #[test]
    fn clusters_in_their_dozens_are_no_environments() {
        let clusters: Vec<String> = (0..20).map(|at| format!("clusters/c{at}/web")).collect();
        let mut folders: Vec<&str> = clusters.iter().map(String::as_str).collect();
        folders.push("clusters/staging/web");
        assert_eq!(found(&folders), [""; 0]);
    }
}
