//! Compares a repo before and after the edits of a promotion.

use super::replace::explains;
use super::{Move, Promotion, Refusal, go_together, running};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo};
use crate::yaml::{Data, Node};

/// The reasons why edits do more or less than a promotion, each with its app.
pub fn verify(before: &Repo, after: &Repo, promotions: &[Promotion<'_>]) -> Vec<(String, Refusal)> {
    let mut wrong = Vec::new();
    for overlay in &before.overlays {
        let own: Vec<&Promotion> = promotions
            .iter()
            .filter(|promotion| std::ptr::eq(promotion.to, overlay))
            .collect();
        let makers = promotions
            .iter()
            .filter(|promotion| go_together(overlay, promotion.to));
        let made: Vec<&Move> = makers.flat_map(|promotion| &promotion.moves).collect();
        let moves: Vec<&Move> = own.iter().flat_map(|promotion| &promotion.moves).collect();
        let Some(edited) = after.same(overlay) else {
            wrong.push((overlay.app.clone(), gone(overlay)));
            continue;
        };
        if let Some(change) = unexpected(overlay, edited, &[moves.as_slice(), &made].concat()) {
            let message = format!("the edit would also change {}: {change}", overlay.path);
            let of = |promotion: &Promotion| promotion.to.app.clone();
            let blamed = match own.first() {
                Some(promotion) => vec![of(promotion)],
                None => promotions.iter().map(of).collect(),
            };
            wrong.extend(
                blamed
                    .into_iter()
                    .map(|app| (app, Refusal::Wrong(message.clone()))),
            );
        }
        for found in moves {
            if let Some(refusal) = unmoved(edited, after, found) {
                wrong.push((overlay.app.clone(), refusal));
            }
        }
    }
    wrong
}

fn gone(overlay: &Overlay) -> Refusal {
    Refusal::Wrong(format!("after the edit, {} would be gone", overlay.path))
}

/// A version that the edits did not bring.
fn unmoved(edited: &Overlay, repo: &Repo, found: &Move) -> Option<Refusal> {
    let now = running(edited, repo);
    let has = now.iter().any(|used| {
        used.name == found.name
            && used.version.same(&found.after)
            && (found.after.digest.is_none() || used.version.digest.is_some())
    });
    let message = format!(
        "`{}`: no edit was found that brings {} to {}",
        found.name, found.after, edited.path
    );
    (!has).then_some(Refusal::Wrong(message))
}

/// The first value that differs although no move explains it.
pub(super) fn unexpected(before: &Overlay, after: &Overlay, moves: &[&Move]) -> Option<String> {
    if before.rendered.is(&after.rendered) {
        return None;
    }
    // another version of a chart may render anything
    let any_chart = moves.iter().any(|found| found.name.ends_with('`'));
    let (old, new) = (&before.rendered.resources, &after.rendered.resources);
    if any_chart {
        return None;
    }
    if old.len() != new.len() {
        return Some("its objects".to_string());
    }
    let pairs = old.iter().zip(new);
    let mut changes = pairs.filter_map(|(old, new)| {
        let path = difference(&old.node, &new.node, moves, String::new())?;
        Some(title(old, &path))
    });
    changes.next()
}

fn title(resource: &Resource, path: &str) -> String {
    format!("{}/{} {path}", resource.kind(), resource.name())
}

/// The path of the first difference that no move explains.
fn difference(old: &Node, new: &Node, moves: &[&Move], path: String) -> Option<String> {
    match (&old.data, &new.data) {
        (Data::Scalar(one), Data::Scalar(other)) => {
            let is_explained = old.same_value(new)
                || one.text == other.text
                || moves
                    .iter()
                    .any(|found| explains(&one.text, &other.text, &found.before, &found.after))
                || is_rehashed(&one.text, &other.text);
            (!is_explained).then_some(path)
        }
        (Data::Map(one), Data::Map(_)) => {
            let below = |key: &str| format!("{path}/{key}");
            for entry in &one.entries {
                match new.get(&entry.key) {
                    Some(value) => {
                        let found = difference(&entry.value, value, moves, below(&entry.key));
                        if found.is_some() {
                            return found;
                        }
                    }
                    None => return Some(below(&entry.key)),
                }
            }
            let is_version = |value: &Node| {
                let text = value.text().unwrap_or_default();
                moves
                    .iter()
                    .any(|found| found.after.digest.as_deref() == Some(text))
            };
            let mut added = new
                .entries()
                .iter()
                .filter(|entry| old.get(&entry.key).is_none());
            added
                .find(|entry| !is_version(&entry.value))
                .map(|entry| below(&entry.key))
        }
        (Data::List(one), Data::List(other)) if one.items.len() == other.items.len() => {
            let pairs = one.items.iter().zip(&other.items).enumerate();
            pairs.into_iter().find_map(|(at, (one, other))| {
                difference(one, other, moves, format!("{path}/{at}"))
            })
        }
        _ => Some(path),
    }
}

/// True if only the content hash of a generated object's name differs.
fn is_rehashed(one: &str, other: &str) -> bool {
    const HASH: usize = 10;
    let split = |text: &str| {
        let (name, hash) = text.rsplit_once('-')?;
        let is_hash = hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_hash.then(|| name.to_string())
    };
    split(one).is_some() && split(one) == split(other)
}
