//! A promotion: production gets the versions that the environment before it runs.
//!
//! [`plan`] compares the versions of two overlays (`versions`) and finds where production writes
//! its own (`place`), `records` updates the records of what runs where, and [`verify`] compares
//! the repo before and after the edits: nothing but the promoted versions may differ.
//!
//! Not here: whether the earlier environment proved a version (`check`, `history`), writing files
//! (`edit`), printing (`cli`).
#![warn(unreachable_pub)]

mod place;
mod records;
mod replace;
mod verify;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, EditError};
use crate::history::Version;
use crate::repo::{Overlay, Pair, Repo};
use crate::yaml::Origin;

pub use verify::verify;
pub use versions::{Running, running};

/// The edits of files, by path.
pub type FileEdits = BTreeMap<String, Vec<Edit>>;

/// One version that production gets.
#[derive(Clone, Debug)]
pub struct Move {
    /// The image without tag and digest, or the chart or base as messages call it.
    pub name: String,
    /// The version that production runs.
    pub before: Version,
    /// The version that the earlier environment runs.
    pub after: Version,
    /// The name under which the earlier environment runs it, which may be in another registry.
    pub earlier_name: String,
    /// The place that is edited, for people.
    pub place: Option<Origin>,
}

/// Why something is not promoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The earlier environment runs several versions of the image.
    #[error("`{name}`: {environment} runs several versions: {versions}")]
    SeveralVersions {
        /// The image.
        name: String,
        /// The earlier environment.
        environment: String,
        /// The versions.
        versions: String,
    },
    /// Production would lose its digest.
    #[error(
        "`{name}`: {environment} uses the tag {tag} without a digest, and production must keep one; pin it in {environment} first"
    )]
    Unpinned {
        /// The image.
        name: String,
        /// The earlier environment.
        environment: String,
        /// Its tag.
        tag: String,
    },
    /// The place that decides the version decides it for others as well.
    #[error(
        "`{name}`: {file} sets the version for {others} as well; set it for {path} alone first"
    )]
    Shared {
        /// The image.
        name: String,
        /// The file.
        file: String,
        /// Overlays that read it too.
        others: String,
        /// The overlay that is promoted.
        path: String,
    },
    /// The text at the place does not show the version.
    #[error("`{name}`: {file} does not write version {version} in a form that can be edited")]
    Unknown {
        /// The image.
        name: String,
        /// The file.
        file: String,
        /// The present version.
        version: String,
    },
    /// A file cannot be edited.
    #[error("{file}: {error}")]
    Edit {
        /// The file.
        file: String,
        /// The reason.
        error: EditError,
    },
    /// The edits would do more or less than the promotion.
    #[error("{0}")]
    Wrong(String),
}

/// The promotion of one app from one overlay to another.
#[derive(Clone, Debug)]
pub struct Promotion<'r> {
    /// The overlay of the earlier environment.
    pub from: &'r Overlay,
    /// The overlay that gets its versions.
    pub to: &'r Overlay,
    /// The versions that differ.
    pub moves: Vec<Move>,
    /// The edits that bring them.
    pub edits: FileEdits,
    /// The records among the edited files.
    pub records: BTreeSet<String>,
    /// Why it cannot be made, if it cannot.
    pub refusals: Vec<Refusal>,
}

/// The promotion that a pair of overlays needs. `together`: the later overlays of all pairs that are
/// promoted in one go, which may share files.
pub fn plan<'r>(repo: &'r Repo, pair: Pair, together: &BTreeSet<usize>) -> Option<Promotion<'r>> {
    let (from, to) = (repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?);
    let earlier = running(from, repo);
    let later = running(to, repo);
    let environment = name_of(repo, from);
    let mut promotion = Promotion {
        from,
        to,
        moves: Vec::new(),
        edits: FileEdits::new(),
        records: BTreeSet::new(),
        refusals: Vec::new(),
    };
    for used in &later {
        let found = match versions::partner(used, &earlier, &later, &environment) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(refusal) => {
                promotion.refusals.push(refusal);
                continue;
            }
        };
        let place = place::Place {
            repo,
            pair,
            together,
            used,
            earlier: found,
        };
        let made = place.edits();
        promotion.note(used, found, made);
    }
    if promotion.refusals.is_empty() {
        records::update(repo, &mut promotion);
    }
    Some(promotion)
}

/// The edits that pin an image of production by the digest which the earlier environment runs under
/// the same tag. `name` is the image as production names it.
pub fn pin(repo: &Repo, pair: Pair, name: &str) -> Option<Vec<(String, Edit)>> {
    let together = BTreeSet::from([pair.to]);
    let (from, to) = (repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?);
    let (earlier, later) = (running(from, repo), running(to, repo));
    let used = later
        .iter()
        .find(|used| used.name == name && used.version.digest.is_none())?;
    let found = versions::partner(used, &earlier, &later, "").ok()??;
    let is_same = used.version.tag.is_some() && used.version.tag == found.version.tag;
    found.version.digest.as_ref().filter(|_| is_same)?;
    let place = place::Place {
        repo,
        pair,
        together: &together,
        used,
        earlier: found,
    };
    Some(place.edits().ok()?.edits)
}

/// The first overlay that does not render to the same objects in an edited repo.
pub fn first_changed<'r>(before: &'r Repo, after: &Repo) -> Option<&'r Overlay> {
    let mut overlays = before.overlays.iter();
    overlays.find(|overlay| match after.same(overlay) {
        Some(edited) => verify::unexpected(overlay, edited, &[]).is_some(),
        None => true,
    })
}

impl Promotion<'_> {
    fn note(&mut self, used: &Running, earlier: &Running, made: Result<place::Edits, Refusal>) {
        let (edits, origin) = match made {
            Ok(made) => (made.edits, Some(made.origin)),
            Err(refusal) => {
                self.refusals.push(refusal);
                (Vec::new(), None)
            }
        };
        for (path, edit) in edits {
            let known = self.edits.entry(path).or_default();
            if !known.contains(&edit) {
                known.push(edit);
            }
        }
        let found = Move {
            name: used.name.clone(),
            before: used.version.clone(),
            after: place::after(used, earlier),
            earlier_name: earlier.name.clone(),
            place: origin,
        };
        let is_same = |other: &Move| {
            (&other.name, &other.before, &other.after) == (&found.name, &found.before, &found.after)
        };
        if !self.moves.iter().any(is_same) {
            self.moves.push(found);
        }
    }
}

/// True if an object of one overlay deploys the other one: the chart of an Application. A promotion
/// of that object changes both.
pub fn go_together(one: &Overlay, other: &Overlay) -> bool {
    is_made_by(one, other) || is_made_by(other, one)
}

fn is_made_by(overlay: &Overlay, other: &Overlay) -> bool {
    let object = overlay.agent.as_ref().map(|agent| agent.origin.file);
    overlay.environment == other.environment
        && object.is_some_and(|file| other.rendered.files.contains(&file))
}

/// The name of the environment of an overlay.
fn name_of(repo: &Repo, overlay: &Overlay) -> String {
    repo.environment(overlay)
        .map_or_else(|| overlay.path.clone(), |known| known.name.clone())
}
