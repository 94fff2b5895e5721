//! The versions that a change moves in protected environments, for the comment of a pull request.

use std::collections::BTreeSet;

use crate::cli::base::Loaded;
use crate::cli::table::{environment, version};
use crate::cli::workspace::Workspace;
use crate::promote::{Running, running};
use crate::repo::Overlay;
use crate::report::VersionMove;

/// The moves since the base, in the order of the overlays.
pub(super) fn since(workspace: &Workspace, base: &Loaded) -> Vec<VersionMove> {
    let (repo, before) = (&workspace.repo, base.base.compared());
    let mut moves = Vec::new();
    for (index, overlay) in repo.overlays.iter().enumerate() {
        let Some(old) = before.same(overlay).filter(|_| repo.protected(overlay)) else {
            continue;
        };
        if old.rendered.is(&overlay.rendered) {
            continue;
        }
        let pair = repo.pairs.iter().find(|pair| pair.to == index);
        let earlier = pair.and_then(|pair| repo.overlays.get(pair.from));
        let proved = earlier.and_then(|earlier| before.same(earlier));
        let proofs = proved
            .map(|proved| running(proved, &before.files))
            .unwrap_or_default();
        let past = running(old, &before.files);
        let mut seen = BTreeSet::new();
        for used in running(overlay, &repo.files) {
            let Some(was) = past.iter().find(|was| was.name == used.name) else {
                continue;
            };
            let is_same = past
                .iter()
                .any(|was| was.name == used.name && was.version == used.version);
            if is_same || !seen.insert((used.name.clone(), used.version.clone())) {
                continue;
            }
            let (proof, is_proved) = proof(&used, earlier, &proofs, |one| environment(repo, one));
            moves.push(VersionMove {
                app: overlay.app.clone(),
                environment: environment(repo, overlay),
                name: used.name.clone(),
                before: version(&was.version),
                after: version(&used.version),
                proof,
                is_proved,
            });
        }
    }
    moves
}

fn proof(
    used: &Running,
    earlier: Option<&Overlay>,
    proofs: &[Running],
    name: impl Fn(&Overlay) -> String,
) -> (String, bool) {
    let Some(earlier) = earlier else {
        return ("no earlier environment".to_string(), false);
    };
    let environment = name(earlier);
    let is_proved = proofs
        .iter()
        .any(|one| one.is_called_like(used) && one.version.same(&used.version));
    match is_proved {
        true => (format!("{environment} runs it at the base"), true),
        false => (format!("{environment} does not run it at the base"), false),
    }
}
