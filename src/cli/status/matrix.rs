//! Which version each app runs in each environment, and which promotions are open.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, Relation};
use crate::cli::table::{day, environment, environment_name, version};
use crate::history::Version;
use crate::repo::Repo;
use crate::report::{Matrix, MatrixCell, MatrixRow, OpenPromotion};
use crate::source::git::short;

/// The matrix of some images.
pub(super) fn of(repo: &Repo, lines: &[Line]) -> Matrix {
    let used: BTreeSet<usize> = lines
        .iter()
        .filter_map(|line| line.overlay.environment)
        .collect();
    let named = used
        .iter()
        .filter_map(|index| repo.environments.get(*index));
    let tags = Tags::of(lines);
    let row = |lines: &[Line]| {
        let mut cells = vec![Vec::new(); used.len()];
        for line in lines {
            let place = used
                .iter()
                .position(|one| Some(*one) == line.overlay.environment);
            if let Some(cell) = place.and_then(|at| cells.get_mut(at)) {
                cell.push(self::cell(line, &tags));
            }
        }
        let cells = cells.into_iter().map(merged).collect();
        MatrixRow {
            app: lines
                .first()
                .map(|line| line.overlay.app.clone())
                .unwrap_or_default(),
            cells,
        }
    };
    let mut open: Vec<OpenPromotion> = Vec::new();
    for line in lines {
        let found = promotion(repo, line, &tags);
        open.extend(found.filter(|one| !open.iter().any(|known| is_same(known, one))));
    }
    Matrix {
        environments: named.map(|environment| environment.name.clone()).collect(),
        rows: lines
            .chunk_by(|one, other| one.overlay.app == other.overlay.app)
            .map(row)
            .collect(),
        open,
    }
}

/// The versions of a cell. Variants with one version share an entry, without their names if they are
/// all the variants.
fn merged(cells: Vec<MatrixCell>) -> Vec<MatrixCell> {
    let all: BTreeSet<Option<String>> = cells.iter().map(|one| one.variant.clone()).collect();
    let mut merged: Vec<(MatrixCell, BTreeSet<Option<String>>)> = Vec::new();
    for cell in cells {
        let is_same = |other: &MatrixCell| {
            (&other.name, &other.version, other.differs)
                == (&cell.name, &cell.version, cell.differs)
        };
        match merged.iter_mut().find(|(other, _)| is_same(other)) {
            Some((other, variants)) => {
                variants.insert(cell.variant);
                other.since = other
                    .since
                    .take()
                    .filter(|since| Some(since) == cell.since.as_ref());
            }
            None => {
                let variants = BTreeSet::from([cell.variant.clone()]);
                merged.push((cell, variants));
            }
        }
    }
    let named = |(cell, variants): (MatrixCell, BTreeSet<Option<String>>)| MatrixCell {
        variant: (variants != all || (all.len() == 1 && cell.variant.is_some())).then(|| {
            let names: Vec<&str> = variants.iter().flatten().map(String::as_str).collect();
            names.join(", ")
        }),
        ..cell
    };
    merged.into_iter().map(named).collect()
}

fn is_same(one: &OpenPromotion, other: &OpenPromotion) -> bool {
    one.app == other.app
        && one.to == other.to
        && one.name == other.name
        && one.current == other.current
}

fn cell(line: &Line, tags: &Tags) -> MatrixCell {
    let since = match (&line.since, line.committed) {
        (Some(commit), _) => Some(format!("{}, {}", day(commit), short(&commit.id))),
        (None, false) => Some("now, not committed".to_string()),
        (None, true) => None,
    };
    MatrixCell {
        name: line.name.clone(),
        variant: line.overlay.variant.clone(),
        version: tags.shown(&line.name, &line.version),
        since,
        differs: line
            .relation
            .as_ref()
            .is_some_and(|one| *one != Relation::Same),
    }
}

fn promotion(repo: &Repo, line: &Line, tags: &Tags) -> Option<OpenPromotion> {
    let relation = line
        .relation
        .as_ref()
        .filter(|one| **one != Relation::Same)?;
    let (before, next) = line.earlier.as_ref()?;
    Some(OpenPromotion {
        app: line.overlay.app.clone(),
        name: line.name.clone(),
        from: repo
            .overlays
            .get(*before)
            .map(|one| environment_name(repo, one))?,
        to: environment(repo, line.overlay),
        current: tags.shown(&line.name, &line.version),
        next: tags.shown(&line.name, next),
        behind: match relation {
            Relation::Behind(steps) => Some(*steps),
            _ => None,
        },
        is_ahead: *relation == Relation::Ahead,
    })
}

/// The digests that each tag of an image has. A tag with one of them is enough to tell a version.
struct Tags<'l>(BTreeMap<(&'l str, &'l str), BTreeSet<Option<&'l str>>>);

impl<'l> Tags<'l> {
    fn of(lines: &'l [Line]) -> Tags<'l> {
        let mut tags: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let versions = lines.iter().flat_map(|line| {
            let earlier = line.earlier.as_ref().map(|(_, version)| version);
            let versions = [Some(&line.version), earlier].into_iter().flatten();
            versions.map(move |one| (line, one))
        });
        for (line, version) in versions {
            if let Some(tag) = &version.tag {
                let digests = tags.entry((last(&line.name), tag.as_str())).or_default();
                digests.insert(version.digest.as_deref());
            }
        }
        Tags(tags)
    }

    fn shown(&self, name: &str, one: &Version) -> String {
        let Some(tag) = &one.tag else {
            return version(one);
        };
        let digests = self.0.get(&(last(name), tag.as_str()));
        if digests.is_none_or(|digests| digests.len() < 2) {
            tag.clone()
        } else {
            version(one)
        }
    }
}

/// The last part of the name of an image, which its mirrors share, or the name of a chart.
pub(super) fn last(name: &str) -> &str {
    let name = name.trim_end_matches('`');
    name.rsplit(['/', '`']).next().unwrap_or(name)
}
