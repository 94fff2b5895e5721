//! Tables for the terminal, and how their cells show versions, days and environments.

use crate::history::Version;
use crate::repo::{Overlay, Repo};
use crate::source::git::Commit;

/// A table with aligned columns.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// `2026-11-24`, in UTC.
pub(super) fn day(commit: &Commit) -> String {
    time(commit).chars().take(10).collect()
}

/// `2026-11-24T08:00:00Z`
pub(super) fn time(commit: &Commit) -> String {
    jiff::Timestamp::from_second(commit.time)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// `v1.2.3@0123456789ab`: the digest is shortened.
pub(super) fn version(version: &Version) -> String {
    let cut = |digest: &String| {
        digest
            .split_once(':')
            .map_or(digest.as_str(), |(_, hex)| hex)
            .chars()
            .take(12)
            .collect::<String>()
    };
    match (&version.tag, &version.digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{}", cut(digest)),
        (Some(tag), None) => tag.clone(),
        (None, Some(digest)) => format!("@{}", cut(digest)),
        (None, None) => "(no tag)".to_string(),
    }
}

/// The name of the environment; empty if the overlay belongs to none.
pub(super) fn environment_name(repo: &Repo, overlay: &Overlay) -> String {
    repo.environment(overlay)
        .map(|environment| environment.name.clone())
        .unwrap_or_default()
}

/// `production`, or `production/eu` for a variant.
pub(super) fn environment(repo: &Repo, overlay: &Overlay) -> String {
    let name = environment_name(repo, overlay);
    match &overlay.variant {
        Some(variant) => format!("{name}/{variant}"),
        None => name,
    }
}
