//! Which refs of the repository are read besides the tree under check: environments that are
//! branches, and branches and tags that agents name in `targetRevision` or in a GitRepository.
//!
//! Here: choosing the refs. Not here: their files (`source::refs`), what agents apply in them
//! (`agents`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Environment;
use crate::source::Source;
use crate::source::refs::{Refs, WithRefs, root_of};

/// The most refs that are read besides the tree under check. Each is a whole tree.
const MOST: usize = 32;
/// The most files of one ref.
const MOST_FILES: usize = 100_000;

/// The end of a branch with the change that is proposed for another one. GitOps Promoter proposes
/// `environment/production-next` for `environment/production`.
const PROPOSED: &str = "-next";

/// The usual names of default branches.
pub(super) const DEFAULTS: &[&str] = &["main", "master"];

/// The refs that are read besides the tree under check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chosen {
    /// The environment of each ref that is one.
    environments: BTreeMap<String, usize>,
    /// The environment that the tree under check is.
    here: Option<usize>,
    /// Refs that agents read.
    revisions: BTreeSet<String>,
    /// Refs that the clone lacks, or that are too large.
    refused: BTreeSet<String>,
}

impl Chosen {
    /// The refs of environments.
    pub(super) fn of(environments: &[Environment], source: &dyn Source) -> Chosen {
        let mut chosen = Chosen::default();
        let mut configured = environments.iter().enumerate();
        let Some(refs) = source.refs().filter(|_| {
            let mut any = environments.iter();
            any.any(|environment| environment.reference.is_some())
        }) else {
            return chosen;
        };
        let here = here(environments, refs);
        for (index, reference) in configured
            .by_ref()
            .filter_map(|(index, environment)| Some((index, environment.reference.as_ref()?)))
        {
            if here == Some(index) {
                chosen.here = here;
            } else if fits(refs, reference) {
                chosen.environments.insert(reference.clone(), index);
            } else {
                chosen.refused.insert(reference.clone());
            }
        }
        chosen
    }

    /// The same with refs that agents read; `None` if nothing new can be read.
    pub(super) fn with(&self, wanted: &BTreeSet<String>, refs: &Refs) -> Option<Chosen> {
        let mut more = self.clone();
        for name in wanted {
            if more.is_known(name) {
                continue;
            }
            let has_room = more.environments.len() + more.revisions.len() < MOST;
            let group = match has_room && fits(refs, name) {
                true => &mut more.revisions,
                false => &mut more.refused,
            };
            group.insert(name.clone());
        }
        (more.revisions != self.revisions).then_some(more)
    }

    fn is_known(&self, name: &str) -> bool {
        self.is_read(name) || self.refused.contains(name)
    }

    /// True if the files of a ref are read.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.environments.contains_key(name) || self.revisions.contains(name)
    }

    /// The environment of each folder of a ref that is one. The tree under check is the empty one.
    pub(super) fn environments(&self) -> BTreeMap<String, usize> {
        let others = self.environments.iter();
        let others = others.map(|(name, index)| (root_of(name), *index));
        let here = self.here.map(|index| (String::new(), index));
        others.chain(here).collect()
    }

    /// A tree with the files of the refs; `None` if there are none.
    pub(super) fn tree(&self, main: &Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        let refs = main.refs()?.clone();
        let names = self.environments.keys().chain(&self.revisions);
        let trees = names.filter_map(|name| {
            let tree: Arc<dyn Source> = refs.tree(name)?;
            Some((name.clone(), tree))
        });
        let trees: Vec<_> = trees.collect();
        let any = !trees.is_empty();
        any.then(|| Arc::new(WithRefs::new(main.clone(), refs, trees)) as Arc<dyn Source>)
    }
}

fn fits(refs: &Refs, name: &str) -> bool {
    refs.tree(name)
        .is_some_and(|tree| tree.files().len() <= MOST_FILES)
}

/// The environment that the tree under check is: the one of the branch that the change goes to, or
/// else of the branch that is checked out. If neither tells one, it is the one that the checked out
/// branch left last.
fn here(environments: &[Environment], refs: &Refs) -> Option<usize> {
    let named = |name: &str| {
        let name = name.strip_suffix(PROPOSED).unwrap_or(name);
        let mut all = environments.iter();
        all.position(|environment| environment.reference.as_deref() == Some(name))
    };
    match refs.here() {
        Some(name) if named(&name).is_some() => return named(&name),
        Some(name) if refs.target().is_some() || DEFAULTS.contains(&&*name) => return None,
        _ => {}
    }
    let repository = refs.repository()?;
    let head = repository.resolve("HEAD").ok()?;
    let left = environments.iter().enumerate().filter_map(|(index, one)| {
        let commit = refs.commit(one.reference.as_deref()?)?;
        let bases = repository.merge_bases(&commit.id, &head).ok()?;
        let times = bases.iter().filter_map(|id| repository.commit(id).ok());
        Some((times.map(|base| base.time).max()?, index))
    });
    let left: BTreeMap<i64, Vec<usize>> =
        left.fold(BTreeMap::new(), |mut by_time, (time, index)| {
            by_time.entry(time).or_default().push(index);
            by_time
        });
    match left.into_values().next_back()?.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Environments that are branches, although no configuration says so: no path tells an environment,
/// and a controller names the branches, or the branch under check is called after an environment as
/// other branches are. `named`: the branches in PromotionStrategies.
pub(super) fn discovered(
    environments: &[Environment],
    source: &dyn Source,
    named: &[String],
) -> Option<Vec<Environment>> {
    let refs = source.refs()?;
    let branches: Vec<(String, usize)> = match named {
        [] => alike(environments, refs)?,
        named => named
            .iter()
            .filter_map(|name| Some((name.clone(), called(environments, name)?.1)))
            .collect(),
    };
    let mut found = environments.to_vec();
    for (name, index) in &branches {
        if let Some(environment) = found.get_mut(*index) {
            environment.reference.get_or_insert(name.clone());
        }
    }
    let several = found.iter().filter(|one| one.reference.is_some()).count() > 1;
    several.then_some(found)
}

/// The branches that are called like the one under check, but for the environment.
fn alike(environments: &[Environment], refs: &Refs) -> Option<Vec<(String, usize)>> {
    let here = refs.here()?;
    let (prefix, _) = called(environments, &here)?;
    let branches = refs.branches().into_iter().chain([here.clone()]);
    let branches = branches.filter(|name| !name.ends_with(PROPOSED));
    let alike = branches.filter_map(|name| {
        let (own, index) = called(environments, &name)?;
        (own == prefix).then_some((name.clone(), index))
    });
    Some(alike.collect())
}

/// The environment that a branch is named after, and what stands before it: `environment/staging`.
fn called<'n>(environments: &[Environment], name: &'n str) -> Option<(&'n str, usize)> {
    let (prefix, word) = name.rsplit_once('/').unwrap_or(("", name));
    let word = word.strip_suffix(PROPOSED).unwrap_or(word);
    let mut all = environments.iter();
    Some((prefix, all.position(|one| one.is_called(word))?))
}
