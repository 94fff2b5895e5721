//! Which agents' objects apply which overlays. Not here: what the objects mean (`controls`, each
//! rule).

use foldhash::HashMap;

use super::Context;
use crate::repo::agents::Pointer;
use crate::repo::{Agent, Overlay, Repo};
use crate::yaml::Origin;

/// The agents' objects of a repo and the overlays that they apply, both ways. Thousands of
/// Applications may share the folder of one chart, so they are looked up, not compared in pairs.
#[derive(Default)]
pub(super) struct Applying<'a> {
    /// The objects of each overlay, by its index.
    pointers: HashMap<usize, Vec<&'a Pointer>>,
    /// The first overlay of each object, by the place of the object.
    overlays: HashMap<Origin, usize>,
}

impl<'a> Applying<'a> {
    /// An object applies the overlays that were made from it. If none was, it applies those of its
    /// folder and environment, as a second Application for the same cluster does.
    pub(super) fn of(repo: &'a Repo) -> Applying<'a> {
        let mut of_agent: HashMap<(&str, &Agent), Vec<usize>> = HashMap::default();
        let mut of_environment: HashMap<(&str, usize), Vec<usize>> = HashMap::default();
        for (index, overlay) in repo.overlays.iter().enumerate() {
            let path = overlay.path.as_str();
            if let Some(agent) = &overlay.agent {
                of_agent.entry((path, agent)).or_default().push(index);
            }
            if let Some(environment) = overlay.environment {
                let same = of_environment.entry((path, environment));
                same.or_default().push(index);
            }
        }
        let mut found = Applying::default();
        for pointer in repo.pointers() {
            let folder = pointer.folder.as_str();
            let by_environment = || of_environment.get(&(folder, pointer.environment()?));
            let own = of_agent.get(&(folder, &*pointer.agent));
            for index in own.or_else(by_environment).into_iter().flatten() {
                found.pointers.entry(*index).or_default().push(pointer);
                let first = found.overlays.entry(pointer.object.origin);
                let first = first.or_insert(*index);
                *first = (*first).min(*index);
            }
        }
        found
    }
}

/// The agents' objects that apply an overlay.
pub(in crate::rules) fn agents_of<'c, 'a>(
    context: &'c Context<'a>,
    overlay: &Overlay,
) -> &'c [&'a Pointer] {
    let repo = context.repo;
    let index = repo.index(overlay);
    let index = index.or_else(|| repo.index_of_same(overlay));
    let found = index.and_then(|index| context.applying().pointers.get(&index));
    found.map_or(&[], Vec::as_slice)
}

/// The first overlay that an agent's object applies, by the place of the object.
pub(in crate::rules) fn applied_by<'a>(
    context: &Context<'a>,
    object: Origin,
) -> Option<&'a Overlay> {
    let repo: &'a Repo = context.repo;
    let index = context.applying().overlays.get(&object)?;
    repo.overlays.get(*index)
}
