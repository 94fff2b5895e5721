//! The overlays of one folder: usually one, but one for each environment and each set of settings
//! if several agents apply the folder.

use std::collections::{BTreeMap, BTreeSet};

use super::agents::Pointer;
use super::discover::{Layout, Placement};
use crate::source::folder_of;
use crate::source::refs::split;

/// An overlay: its folder, its environment and variant, and the object that applies it.
type Instance<'p> = (String, Option<Placement>, Option<&'p Pointer>);

/// The overlays of a folder. `placement` comes from its path; if there is one, the folder belongs
/// to that environment, whichever agent applies it. `here` are the agents' objects that apply it.
pub(super) fn instances<'p>(
    path: &str,
    placement: Option<Placement>,
    here: &[&'p Pointer],
    layout: &Layout,
) -> Vec<Instance<'p>> {
    let Some(first) = here.first() else {
        return vec![(path.to_string(), placement, None)];
    };
    let environments = environments(here, layout);
    if let Some(placement) = placement {
        // the agents of the folder's own environment, if there are any
        let own: Vec<&Pointer> = here
            .iter()
            .zip(&environments)
            .filter(|(_, environment)| {
                environment.is_none_or(|other| other == placement.environment)
            })
            .map(|(pointer, _)| *pointer)
            .collect();
        let own = if own.is_empty() { vec![*first] } else { own };
        return apart(&own)
            .into_iter()
            .map(|(pointer, label)| {
                let variant = [placement.variant.clone(), label]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>();
                let variant = (!variant.is_empty()).then(|| variant.join("/"));
                (
                    path.to_string(),
                    Some(Placement {
                        variant,
                        ..placement.clone()
                    }),
                    Some(pointer),
                )
            })
            .collect();
    }
    let mut groups: BTreeMap<Option<usize>, Vec<&Pointer>> = BTreeMap::new();
    let by_ref = layout.named_by_ref(path);
    for (pointer, environment) in here.iter().zip(environments) {
        let group = groups.entry(environment.or(by_ref));
        group.or_default().push(pointer);
    }
    // the same folder is the same app in every ref
    let app = split(path).1;
    if let Some(found) = apps_of_one_chart(path, &groups) {
        return found;
    }
    let mut found = Vec::new();
    for (environment, group) in groups {
        for (pointer, label) in apart(&group) {
            let variant = label.or_else(|| {
                let own = pointer.file_placement.as_ref();
                own.or(pointer.inherited.as_ref())
                    .and_then(|placement| placement.variant.clone())
            });
            let placement = environment.map(|environment| Placement {
                app: app.to_string(),
                qualified: app.to_string(),
                environment,
                variant,
                prefix: path.to_string(),
            });
            found.push((path.to_string(), placement, Some(pointer)));
        }
    }
    found
}

/// The overlays of a chart that several Applications of one environment apply, as where all apps of
/// a team share one. Each Application is an app of its own, by its name without the environment.
/// `None` if no environment has several, or if their names do not tell them apart.
fn apps_of_one_chart<'p>(
    path: &str,
    groups: &BTreeMap<Option<usize>, Vec<&'p Pointer>>,
) -> Option<Vec<Instance<'p>>> {
    let mut every = groups.values().flatten();
    let several = groups.values().any(|group| group.len() > 1);
    if !several || !every.all(|pointer| pointer.chart_is_here() && !pointer.assumed) {
        return None;
    }
    let mut seen: BTreeSet<(Option<usize>, String, Option<String>)> = BTreeSet::new();
    let mut found = Vec::new();
    for (environment, pointer) in groups
        .iter()
        .flat_map(|(environment, group)| group.iter().map(|pointer| (*environment, *pointer)))
    {
        let named = pointer.named.as_ref().map(|(_, rest)| rest.clone());
        let named = named.filter(|rest| !rest.is_empty());
        let name = named.or_else(|| pointer.hints.first().cloned())?;
        let own = pointer.any_placement();
        let variant = own.and_then(|placement| placement.variant.clone());
        if !seen.insert((environment, name.clone(), variant.clone())) {
            return None;
        }
        let app = format!("{}/{name}", split(path).1);
        let placement = environment.map(|environment| Placement {
            qualified: app.clone(),
            app,
            environment,
            variant,
            prefix: path.to_string(),
        });
        found.push((path.to_string(), placement, Some(pointer)));
    }
    Some(found)
}

/// The overlays of Applications whose charts are elsewhere: one for each Application. The app is
/// named after the folder of its file and after its name, as far as these do not name the
/// environment: `argocd/production/web.yaml` is the app `argocd/web`.
pub(super) fn elsewhere<'p>(pointers: &[&'p Pointer], layout: &Layout) -> Vec<Instance<'p>> {
    let mut by_chart: BTreeMap<Vec<&str>, Vec<&Pointer>> = BTreeMap::new();
    for pointer in pointers {
        by_chart
            .entry(pointer.chart_names())
            .or_default()
            .push(pointer);
    }
    let mut placed: BTreeMap<(String, usize, Option<String>), Vec<&Pointer>> = BTreeMap::new();
    let mut found = Vec::new();
    for group in by_chart.values() {
        for (pointer, environment) in group.iter().zip(environments(group, layout)) {
            let Some(environment) = environment else {
                found.push((pointer.folder.clone(), None, Some(*pointer)));
                continue;
            };
            let variant = pointer
                .any_placement()
                .and_then(|place| place.variant.clone());
            let key = (
                app_elsewhere(pointer, environment, layout),
                environment,
                variant,
            );
            placed.entry(key).or_default().push(pointer);
        }
    }
    for ((app, environment, variant), group) in placed {
        let several = group.len() > 1;
        for pointer in group {
            let name = pointer.hints.first().cloned();
            let own = name.filter(|_| several);
            let parts: Vec<String> = variant.clone().into_iter().chain(own).collect();
            let placement = Placement {
                app: app.clone(),
                environment,
                variant: (!parts.is_empty()).then(|| parts.join("/")),
                prefix: pointer.folder.clone(),
                qualified: app.clone(),
            };
            found.push((pointer.folder.clone(), Some(placement), Some(pointer)));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// The app of an Application whose charts are elsewhere.
fn app_elsewhere(pointer: &Pointer, environment: usize, layout: &Layout) -> String {
    let name = pointer.hints.first().map_or("", String::as_str);
    let rest = match layout.parted(name) {
        Some((named, rest)) if named == environment => rest,
        _ => name.to_string(),
    };
    let rest = match rest.is_empty() {
        true => pointer.chart_names().join("-"),
        false => rest,
    };
    let folder = folder_of(&pointer.file);
    let above = match pointer.any_placement() {
        Some(place) => place.app.as_str(),
        None => folder,
    };
    // `apps/web/production/application.yaml` with the name `web` is the app `web`
    if above.is_empty() || above.rsplit('/').next() == Some(rest.as_str()) {
        return if above.is_empty() {
            rest
        } else {
            above.to_string()
        };
    }
    format!("{above}/{rest}")
}

/// The environment of each object. It comes from the folder of its file, or else from the name of
/// the file, the object, its namespace or its cluster, if these names differ between the objects,
/// or else from the agent that applies the object.
fn environments(pointers: &[&Pointer], layout: &Layout) -> Vec<Option<usize>> {
    let mut environments: Vec<Option<usize>> = pointers
        .iter()
        .map(|pointer| pointer.environment())
        .collect();
    let hint = |pointer: &Pointer, at: usize| {
        let file = || {
            pointer
                .file
                .rsplit('/')
                .next()?
                .rsplit_once('.')
                .map(|(stem, _)| stem.to_string())
        };
        let name = if at == 0 {
            file()
        } else {
            pointer.hints.get(at - 1).cloned()
        };
        name.and_then(|name| layout.named(&name))
    };
    for at in 0..=pointers
        .iter()
        .map(|pointer| pointer.hints.len())
        .max()
        .unwrap_or_default()
    {
        if environments.iter().all(Option::is_some) {
            break;
        }
        let hinted: Vec<Option<usize>> = pointers
            .iter()
            .zip(&environments)
            .map(|(pointer, known)| known.or_else(|| hint(pointer, at)))
            .collect();
        // a word counts only if another object with the same folder names another environment
        if hinted.iter().flatten().collect::<BTreeSet<_>>().len() > 1 {
            environments = hinted;
        }
    }
    let paired = pointers.iter().zip(environments);
    paired
        .map(|(pointer, known)| known.or_else(|| pointer.inherited_environment()))
        .collect()
}

/// The objects of one environment, each with a label that distinguishes it from the others. Objects
/// that add no settings are equivalent, so only the first of them is kept.
fn apart<'p>(pointers: &[&'p Pointer]) -> Vec<(&'p Pointer, Option<String>)> {
    let mut kept: Vec<&Pointer> = Vec::new();
    for pointer in pointers {
        if !(pointer.adds_nothing() && kept.iter().any(|other| other.adds_nothing())) {
            kept.push(pointer);
        }
    }
    if let [only] = kept[..] {
        return vec![(only, None)];
    }
    let differing = differing_segment(&kept);
    let labels: [&dyn Fn(&Pointer) -> Option<String>; 5] = [
        &|pointer| {
            let own = pointer.file_placement.as_ref();
            own.or(pointer.inherited.as_ref())
                .and_then(|placement| placement.variant.clone())
        },
        &|pointer| {
            pointer
                .file_placement
                .as_ref()
                .map(|placement| placement.app.clone())
        },
        &|pointer| pointer.hints.first().cloned(),
        &|pointer| segment(pointer, differing),
        &|pointer| Some(format!("{} in {}", pointer.agent.name, pointer.file)),
    ];
    let distinct = |label: &&&dyn Fn(&Pointer) -> Option<String>| {
        let found: BTreeSet<String> = kept
            .iter()
            .filter_map(|pointer| label(pointer))
            .filter(|label| !label.is_empty())
            .collect();
        found.len() == kept.len()
    };
    match labels.iter().find(distinct) {
        Some(label) => kept
            .iter()
            .map(|pointer| (*pointer, label(pointer)))
            .collect(),
        None => kept
            .iter()
            .enumerate()
            .map(|(at, pointer)| (*pointer, Some(format!("{} {}", pointer.agent.name, at + 1))))
            .collect(),
    }
}

/// The place in the paths of the objects' files where they begin to differ: 1 for
/// `clusters/production/web.yaml` and `clusters/c2-production/web.yaml`. It names their clusters.
fn differing_segment(pointers: &[&Pointer]) -> usize {
    let same = |at: usize| {
        let mut segments = pointers.iter().map(|pointer| segment(pointer, at));
        let first = segments.next().flatten();
        first.is_some() && segments.all(|other| other == first)
    };
    (0..).take_while(|at| same(*at)).count()
}

fn segment(pointer: &Pointer, at: usize) -> Option<String> {
    folder_of(&pointer.file)
        .split('/')
        .nth(at)
        .map(str::to_string)
}
