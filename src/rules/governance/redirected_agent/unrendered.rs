//! Agents' objects and sources of production that no overlay renders: somebody applies their files
//! by hand, or something outside of the repository does. Whatever a change alters in them is told.

use std::collections::HashSet;

use super::Turn;
use crate::finding::{Cause, Severity};
use crate::repo::Repo;
use crate::repo::controls::{Control, group_of};
use crate::rules::{Context, Draft};
use crate::yaml::{FileId, Node, Origin, escape_pointer};

/// What a change alters in each object. `is_told` returns true if a finding is about a place.
pub(super) fn drafts(
    context: &Context,
    base: &Repo,
    is_told: &dyn Fn(Origin) -> bool,
) -> Vec<Draft> {
    let rendered = context.judged().flat_map(|one| &one.rendered.files);
    let rendered: HashSet<FileId> = rendered.copied().collect();
    let mut found = Vec::new();
    for before in base.controls() {
        let environment = before.environment.and_then(|at| base.environments.get(at));
        let Some(environment) = environment.filter(|one| one.protected) else {
            continue;
        };
        let Some(now) = same(context.repo, base, before) else {
            continue;
        };
        if rendered.contains(&now.file) || context.repo.is_patch(now) {
            continue;
        }
        let place = now.node.origin;
        let name = name_of(&now.node, &environment.name);
        let turns = super::turns(&before.node, &now.node).into_iter();
        let turns: Vec<Turn> = turns.filter(|turn| !is_told(turn.origin)).collect();
        if turns.is_empty() && !is_told(place) {
            found.extend(
                first_difference(&before.node, &now.node, "").map(|(path, origin)| {
                    let path = path.trim_start_matches('/');
                    let message = format!("this change alters `{path}` of {name}");
                    let cause = Cause::new("altered").with(path);
                    Draft::new(Severity::Info, origin, cause, message)
                        .help("make sure that production should get this")
                }),
            );
        }
        found.extend(turns.into_iter().map(|turn| turn.draft(&name)));
    }
    found
}

/// The object of the head with the same identity in the same file, if it differs.
fn same<'r>(repo: &'r Repo, base: &Repo, before: &Control) -> Option<&'r Control> {
    let path = &base.files.get(before.file).path;
    let identity = |control: &Control| {
        let text = |path: &[&str]| {
            control
                .node
                .at(path)
                .and_then(Node::text)
                .map(str::to_string)
        };
        let kind = text(&["kind"]);
        let group = group_of(&control.node).to_string();
        (
            group,
            kind,
            text(&["metadata", "namespace"]),
            text(&["metadata", "name"]),
        )
    };
    let wanted = identity(before);
    let mut controls = repo.controls().iter();
    let now =
        controls.find(|one| repo.files.get(one.file).path == *path && identity(one) == wanted)?;
    (!before.node.same_value(&now.node)).then_some(now)
}

fn name_of(node: &Node, environment: &str) -> String {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default();
    let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
    format!("{kind} `{name}` in {environment}")
}

/// The path of the first value that differs, and its place at the head.
fn first_difference(before: &Node, now: &Node, path: &str) -> Option<(String, Origin)> {
    if before.same_value(now) {
        return None;
    }
    if before.as_map().is_some() && now.as_map().is_some() {
        for entry in now.entries() {
            let path = format!("{path}/{}", escape_pointer(&entry.key));
            match before.get(&entry.key) {
                None => return Some((path, entry.key_origin)),
                Some(old) => {
                    if let Some(found) = first_difference(old, &entry.value, &path) {
                        return Some(found);
                    }
                }
            }
        }
        let mut old = before.entries().iter();
        let gone = old.find(|entry| now.get(&entry.key).is_none())?;
        return Some((format!("{path}/{}", escape_pointer(&gone.key)), now.origin));
    }
    let (old, new) = (before.items(), now.items());
    if old.len() == new.len() {
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            if let Some(found) = first_difference(old, new, &format!("{path}/{at}")) {
                return Some(found);
            }
        }
    }
    Some((path.to_string(), now.origin))
}
