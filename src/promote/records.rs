//! Updates records of what runs where (`versions.json`, `VERSIONS.md`) in their own form.

use super::{Move, Promotion};
use crate::edit::Edit;
use crate::repo::Repo;
use crate::repo::records::Statement;
use crate::yaml::Origin;

/// Adds the edits of records to those of a promotion.
pub(super) fn update(repo: &Repo, promotion: &mut Promotion) {
    for record in &repo.records {
        let file = repo.files.get(record.file);
        for claim in &record.statements {
            let Some(found) = moved(claim, promotion) else {
                continue;
            };
            let edits = edits(&file.path, &file.text, claim, found);
            if edits.is_empty() {
                continue;
            }
            promotion.records.insert(file.path.to_string());
            let known = promotion.edits.entry(file.path.to_string()).or_default();
            known.extend(edits);
        }
    }
}

/// The move that makes a claim stale.
fn moved<'m>(claim: &Statement, promotion: &'m Promotion) -> Option<&'m Move> {
    let to = promotion.to;
    let is_about = claim.app == to.app
        && to.environment == Some(claim.environment)
        && (claim.variant.is_none() || claim.variant == to.variant);
    let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
    let fits = |found: &&Move| match &claim.image {
        Some(image) => short(image) == short(&found.name),
        None => claims(claim, found),
    };
    promotion.moves.iter().find(fits).filter(|_| is_about)
}

/// True if a claim names the version that production ran so far.
fn claims(claim: &Statement, found: &Move) -> bool {
    let hex = |digest: &str| digest.rsplit(':').next().unwrap_or(digest).to_string();
    let tag = claim.tag.as_ref().map(|(tag, _)| tag);
    let digest = claim.digest.as_ref().map(|(digest, _)| hex(digest));
    match (digest, &found.before.digest) {
        (Some(claimed), Some(known)) => hex(known).starts_with(&claimed),
        _ => tag.is_some() && tag == found.before.tag.as_ref(),
    }
}

/// The edits of one claim: the old tag and digest are replaced where the record writes them.
fn edits(path: &str, text: &str, claim: &Statement, found: &Move) -> Vec<Edit> {
    let mut places: Vec<(Origin, Vec<(String, String)>)> = Vec::new();
    let mut note = |at: Origin, old: &str, new: String| {
        let pair = (old.to_string(), new);
        match places.iter_mut().find(|(other, _)| *other == at) {
            Some((_, pairs)) => pairs.push(pair),
            None => places.push((at, vec![pair])),
        }
    };
    if let (Some((old, at)), Some(new)) = (&claim.tag, &found.after.tag) {
        note(*at, old, new.clone());
    }
    if let (Some((old, at)), Some(new)) = (&claim.digest, &found.after.digest) {
        note(*at, old, shortened(new, old));
    }
    let is_yaml = !path.to_ascii_lowercase().ends_with(".md");
    let edit = |(at, pairs): (Origin, Vec<(String, String)>)| {
        let raw = text.get(at.start as usize..at.end as usize)?;
        let bare = raw.trim_matches(['"', '\'']);
        let mut new = if is_yaml { bare } else { raw }.to_string();
        for (old, wanted) in &pairs {
            let start = new.find(old.as_str())?;
            new.replace_range(start..start + old.len(), wanted);
        }
        Some(if is_yaml {
            Edit::Set {
                value: at.into(),
                text: new,
            }
        } else {
            Edit::Replace {
                bytes: at.into(),
                text: new,
            }
        })
    };
    places.into_iter().filter_map(edit).collect()
}

/// A digest as long as the record writes digests, with an algorithm only if the record has one.
fn shortened(digest: &str, like: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
    match like.split_once(':') {
        Some((_, old)) => {
            let cut: String = hex.chars().take(old.chars().count()).collect();
            format!("{algorithm}:{cut}")
        }
        None => hex.chars().take(like.chars().count()).collect(),
    }
}
