//! The past of environments, from Git alone.
//!
//! `versions` lists the images that an overlay runs, `walk` finds the commits that changed them,
//! `sought` passes over those that cannot bring a version, `proofs` answers the questions of rules
//! about the history, and `authorship` says who made a
//! change. Not here: which images must have run where (`rules`), tables (`cli`).

mod authorship;
mod branch;
mod precedents;
mod proofs;
mod sought;
mod tracked;
mod versions;
mod walk;

pub use authorship::{Actor, Authorship, Contribution, contributions};
pub use branch::Branch;
pub use precedents::{ENOUGH as PRECEDENTS, Precedents, precedents};
pub use proofs::{Gap, GitProofs, NoProofs, Proofs, Wanted};
pub use versions::{Images, Version, VersionKey, images, share_version};
pub use walk::{Change, End, Walk};

use crate::repo::{Overlay, Repo};

/// The indices of the overlays of an app, or of all apps, that belong to an environment.
pub fn overlays_of(repo: &Repo, app: Option<&str>) -> Vec<usize> {
    let wanted = |overlay: &Overlay| app.is_none_or(|app| overlay.app == app);
    repo.overlays
        .iter()
        .enumerate()
        .filter(|(_, overlay)| overlay.environment.is_some() && wanted(overlay))
        .map(|(index, _)| index)
        .collect()
}
