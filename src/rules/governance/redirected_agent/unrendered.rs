//! Agents' objects and sources of production that no overlay renders: somebody applies their files
//! by hand, or something outside of the repository does. Whatever a change alters in them is told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Turn;
use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::controls::{Control, group_of};
use crate::rules::{Context, Draft};
use crate::yaml::{FileId, Node, Origin, escape_pointer};

/// Fields of an agent that is followed: what comes of them is rendered and judged.
const JUDGED: [&str; 6] = [
    "/spec/generators",
    "/spec/path",
    "/spec/source",
    "/spec/sources",
    "/spec/template",
    "/spec/templatePatch",
];

/// What a change alters in each object. `is_told` returns true if a finding is about a place.
pub(super) fn drafts(
    context: &Context,
    base: &Repo,
    is_told: &dyn Fn(Origin) -> bool,
) -> Vec<Draft> {
    let mut found = Vec::new();
    let altered = altered(context, base);
    if altered.is_empty() {
        return found;
    }
    let rendered = context.judged().flat_map(|one| &one.rendered.files);
    let rendered: HashSet<FileId> = rendered.copied().collect();
    let followed = context.repo.pointers().iter().map(|one| one.object.origin);
    let followed: HashSet<Origin> = followed.collect();
    for (before, now, environment) in altered {
        let place = now.node.origin;
        if rendered.contains(&now.file) || context.repo.is_patch(now) {
            continue;
        }
        let name = name_of(&now.node, environment);
        let turns = super::turns(&before.node, &now.node).into_iter();
        let mut turns: Vec<Turn> = turns.filter(|turn| !is_told(turn.origin)).collect();
        // what it applies was not checked before either, so only another source is an error
        for turn in turns
            .iter_mut()
            .filter(|turn| turn.cause.kind == "settings")
        {
            turn.severity = turn.severity.min(Severity::Warning);
        }
        if turns.is_empty() && !is_told(place) {
            let kind = now.node.get("kind").and_then(Node::text);
            let is_followed = followed.contains(&place) || kind == Some("ApplicationSet");
            let is_judged = |path: &str| is_followed && JUDGED.contains(&path);
            let difference = first_difference(&before.node, &now.node, "", &is_judged);
            found.extend(difference.map(|(path, origin)| {
                let path = path.trim_start_matches('/');
                let message = format!("this change alters `{path}` of {name}");
                let cause = Cause::new("altered").with(path);
                Draft::new(Severity::Info, origin, cause, message)
                    .help("make sure that production should get this")
            }));
        }
        found.extend(turns.into_iter().map(|turn| turn.draft(&name)));
    }
    found
}

/// The objects of protected environments that the change alters, as they were and are, and the
/// names of their environments.
fn altered<'r>(context: &'r Context, base: &'r Repo) -> Vec<(&'r Control, &'r Control, &'r str)> {
    let repo: &'r Repo = context.repo;
    let is_changed = |path: &str| context.changed.is_none_or(|changed| changed.contains(path));
    let mut now: HashMap<Identity, &Control> = HashMap::new();
    for control in repo.controls() {
        let identity = identity(repo, control);
        if is_changed(&identity.0) {
            now.entry(identity).or_insert(control);
        }
    }
    let pairs = base.controls().iter().filter_map(|before| {
        let environment = base.environments.get(before.environment?)?;
        let now = now.get(&identity(base, before))?;
        let differs = environment.protected && !before.node.same_value(&now.node);
        differs.then_some((before, *now, environment.name.as_str()))
    });
    pairs.collect()
}

/// The file, the group and kind, and the namespace and name of an object.
type Identity = (Arc<str>, [String; 4]);

fn identity(repo: &Repo, control: &Control) -> Identity {
    let text = |path: &[&str]| {
        let text = control.node.at(path).and_then(Node::text);
        text.unwrap_or_default().to_string()
    };
    let name = [
        group_of(&control.node).to_string(),
        text(&["kind"]),
        text(&["metadata", "namespace"]),
        text(&["metadata", "name"]),
    ];
    (repo.files.get(control.file).path.clone(), name)
}

fn name_of(node: &Node, environment: &str) -> String {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default();
    let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
    format!("{kind} `{name}` in {environment}")
}

/// The path of the first value that differs, and its place at the head. Paths for which `is_judged`
/// returns true are left out.
fn first_difference(
    before: &Node,
    now: &Node,
    path: &str,
    is_judged: &dyn Fn(&str) -> bool,
) -> Option<(String, Origin)> {
    if before.same_value(now) || is_judged(path) {
        return None;
    }
    if before.as_map().is_some() && now.as_map().is_some() {
        let below = |key: &str| format!("{path}/{}", escape_pointer(key));
        let altered = now.entries().iter().find_map(|entry| {
            let path = below(&entry.key);
            match before.get(&entry.key) {
                None => (!is_judged(&path)).then_some((path, entry.key_origin)),
                Some(old) => first_difference(old, &entry.value, &path, is_judged),
            }
        });
        let gone = || {
            let old = before.entries().iter();
            let mut gone = old.filter(|entry| now.get(&entry.key).is_none());
            let gone = gone.find(|entry| !is_judged(&below(&entry.key)))?;
            Some((below(&gone.key), now.origin))
        };
        return altered.or_else(gone);
    }
    let (old, new) = (before.items(), now.items());
    let same_length = old.len() == new.len();
    let mut items = old.iter().zip(new).enumerate().filter(|_| same_length);
    let item = items.find_map(|(at, (old, new))| {
        first_difference(old, new, &format!("{path}/{at}"), is_judged)
    });
    item.or_else(|| Some((path.to_string(), now.origin)))
}
