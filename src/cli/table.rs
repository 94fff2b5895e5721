//! Tables for the terminal, and how their cells show versions, days and environments.

use std::borrow::Cow;

use crate::history::Version;
use crate::repo::{Overlay, Repo};
use crate::source::git::Commit;
use crate::wording::shortened;

/// Between two columns.
const GAP: usize = 2;
/// The narrowest column that cells are shortened to.
const NARROWEST: usize = 8;
/// Columns that are left out where the table would be too wide.
const OPTIONAL: [&str; 1] = ["AUTHOR"];
/// Columns whose cells are worth nothing if they are shortened.
const WHOLE: [&str; 4] = ["SINCE", "DATE", "COMMIT", "VS PREVIOUS"];

/// A table with aligned columns; the first row has their names. For a terminal of so many columns,
/// empty columns are left out and long cells are shortened, so that every row fits.
pub(super) fn table<R: AsRef<[String]>>(rows: &[R], columns: Option<usize>) -> String {
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.as_ref().get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let number = rows.first().map_or(0, |row| row.as_ref().len());
    let mut shown: Vec<(usize, usize)> =
        (0..number).map(|column| (column, widest(column))).collect();
    if let Some(columns) = columns {
        fit(rows, &mut shown, columns);
    }
    let line = |row: &R| {
        let cells = shown.iter().filter_map(|(column, width)| {
            let cell = cut(row.as_ref().get(*column)?, *width);
            Some(format!("{cell:<width$}"))
        });
        let cells: Vec<String> = cells.collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Narrows the columns, each with its width, until a row fits.
fn fit<R: AsRef<[String]>>(rows: &[R], shown: &mut Vec<(usize, usize)>, columns: usize) {
    let total = |shown: &[(usize, usize)]| {
        let widths = shown.iter().map(|(_, width)| width + GAP);
        widths.sum::<usize>().saturating_sub(GAP)
    };
    let name = |column: usize| {
        rows.first()
            .and_then(|row| row.as_ref().get(column))
            .map(String::as_str)
    };
    let is_named =
        |column: usize, names: &[&str]| name(column).is_some_and(|name| names.contains(&name));
    let is_filled = |column: usize| {
        let mut cells = rows
            .iter()
            .skip(1)
            .filter_map(|row| row.as_ref().get(column));
        cells.any(|cell| !cell.is_empty())
    };
    shown.retain(|(column, _)| is_filled(*column));
    if total(shown) > columns {
        shown.retain(|(column, _)| !is_named(*column, &OPTIONAL));
    }
    let widest = |shown: &[(usize, usize)]| {
        let all = (0..shown.len()).filter(|at| {
            let (column, width) = shown[*at];
            width > NARROWEST && !is_named(column, &WHOLE)
        });
        all.max_by_key(|at| shown[*at].1)
    };
    for (_, width) in shown.iter_mut() {
        *width = (*width).min(columns);
    }
    while total(shown) > columns
        && let Some(at) = widest(shown)
    {
        shown[at].1 -= 1;
    }
}

/// A cell of at most so many characters. The end of an image or path tells the most: `…/acme/api`.
fn cut(cell: &str, width: usize) -> Cow<'_, str> {
    let count = cell.chars().count();
    if count <= width || !cell.contains('/') {
        return shortened(cell, width);
    }
    let end: String = cell.chars().skip(count + 1 - width).collect();
    let end = match end.split_once('/') {
        Some((_, rest)) if !rest.is_empty() => format!("/{rest}"),
        _ => end,
    };
    Cow::Owned(format!("…{end}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let row = |cells: [&str; 5]| cells.map(str::to_string);
        let rows = [
            row(["APP", "IMAGE", "DATE", "AUTHOR", "NOTE"]),
            row([
                "api",
                "ghcr.io/acme/storefront/api",
                "2026-11-24",
                "Ann",
                "",
            ]),
        ];
        let whole = "APP  IMAGE                        DATE        AUTHOR  NOTE\napi  ghcr.io/acme/storefront/api  2026-11-24  Ann\n";
        assert_eq!(table(&rows, None), whole);
        let narrow = "APP  IMAGE              DATE\napi  …/storefront/api   2026-11-24\n";
        assert_eq!(table(&rows, Some(34)), narrow);
        let lines = table(&rows, Some(20));
        assert!(lines.contains("2026-11-24"), "{lines}");
    }
}
