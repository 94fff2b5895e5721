//! The branches and tags that agents read, and where their files are: in the tree under check, in a
//! folder of a ref (`release-1.2:/apps/web`), or not in this clone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use super::super::refs::{Chosen, DEFAULTS};
use super::Note;
use crate::source::refs::{Refs, root_of, within};
use crate::source::{Source, lock};
use crate::yaml::Origin;

/// Where the files of a revision are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the tree under check.
    Here,
    /// In the folder of a ref.
    Apart,
    /// Not in this clone.
    Absent,
}

/// The revisions of this repository.
pub(super) struct Revisions<'a> {
    refs: Option<Arc<Refs>>,
    chosen: &'a Chosen,
    /// The names of the revision under check.
    here: BTreeSet<String>,
    known: Mutex<HashMap<String, Place>>,
    wanted: Mutex<BTreeSet<String>>,
}

impl<'a> Revisions<'a> {
    /// `named`: the revisions that agents read, each with the number of objects that do.
    pub(super) fn new(
        source: &dyn Source,
        chosen: &'a Chosen,
        named: &BTreeMap<String, usize>,
    ) -> Revisions<'a> {
        let refs = source.refs().cloned();
        let others = named
            .keys()
            .any(|name| !name.is_empty() && name != "HEAD" && !DEFAULTS.contains(&name.as_str()));
        let here = match &refs {
            Some(refs) if others => here(refs, named),
            _ => DEFAULTS.iter().map(|name| name.to_string()).collect(),
        };
        Revisions {
            refs,
            chosen,
            here,
            known: Mutex::default(),
            wanted: Mutex::default(),
        }
    }

    /// A folder of a revision. `None` if this clone lacks the revision.
    pub(super) fn folder(&self, revision: &str, folder: &str) -> Option<String> {
        Some(within(&self.root(revision)?, folder))
    }

    /// The folder of a revision's ref; empty for the tree under check.
    pub(super) fn root(&self, revision: &str) -> Option<String> {
        let name = plain(revision);
        match self.place(name) {
            Place::Here => Some(String::new()),
            Place::Apart => Some(root_of(name)),
            Place::Absent => None,
        }
    }

    fn place(&self, name: &str) -> Place {
        let Some(refs) = &self.refs else {
            return Place::Here;
        };
        if name.is_empty() || name == "HEAD" || name.contains("{{") || name.contains("${") {
            return Place::Here;
        }
        if self.chosen.is_read(name) {
            return Place::Apart;
        }
        if self.here.contains(name) {
            return Place::Here;
        }
        if let Some(known) = lock(&self.known).get(name) {
            return *known;
        }
        let place = match is_checked_out(refs, name) {
            true => Place::Here,
            false => {
                lock(&self.wanted).insert(name.to_string());
                Place::Absent
            }
        };
        lock(&self.known).insert(name.to_string(), place);
        place
    }

    /// The refs that agents read, and that are not read here.
    pub(super) fn wanted(self) -> BTreeSet<String> {
        self.wanted
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A branch, tag, commit or range of tags that an agent reads and that this clone lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbsentRevision {
    /// Its name, without the folder that Git keeps it in.
    pub name: String,
    /// The agent: "Application `shop`".
    agent: String,
}

impl AbsentRevision {
    /// The sentence about a number of agents that read it. It names this one.
    pub fn message(&self, agents: usize) -> String {
        let reads = match agents {
            1 => format!("{} reads", self.agent),
            2 => format!("{} and another agent read", self.agent),
            _ => format!("{} and {} other agents read", self.agent, agents - 1),
        };
        let name = &self.name;
        let is_range = name.contains(['*', '^', '~', '<', '>', '=', ' ']) || name.ends_with(".x");
        if is_range {
            return format!(
                "{reads} the newest tag that matches `{name}`, which is not known here; the files under check are judged instead"
            );
        }
        let is_id = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fetched = match is_id {
            true => name.to_string(),
            false => format!("{name}:refs/remotes/origin/{name}"),
        };
        format!(
            "{reads} `{name}`, which this clone does not have, so the files under check are judged instead; `git fetch origin {fetched}` brings it"
        )
    }

    /// The label of another place where it is read.
    pub fn label(&self) -> String {
        format!("{} reads it too", self.agent)
    }
}

/// The note that the files of a revision are not in this clone.
pub(super) fn absent(agent: &str, revision: &str, origin: Origin) -> Note {
    let absent = AbsentRevision {
        name: plain(revision).to_string(),
        agent: agent.to_string(),
    };
    Note {
        message: absent.message(1),
        origin,
        absent: Some(absent),
        limit: false,
    }
}

/// The name of a branch or tag without the folder that Git keeps it in.
pub(super) fn plain(revision: &str) -> &str {
    let name = revision.strip_prefix("refs/heads/");
    let name = name.or(revision.strip_prefix("refs/tags/"));
    name.or(revision.strip_prefix("origin/"))
        .unwrap_or(revision)
}

/// The names of the revision under check: that of the branch, those of default branches, and if no
/// agent reads one of these, the name that most agents read.
fn here(refs: &Refs, named: &BTreeMap<String, usize>) -> BTreeSet<String> {
    let branch = refs.here();
    let mut here: BTreeSet<String> = branch.iter().cloned().collect();
    // `main` is another branch only if the change is known to go elsewhere
    let is_other = |name: &&&str| {
        let target = refs.target();
        let environment = || branch.as_ref().filter(|branch| named.contains_key(*branch));
        let known = target.is_some() || environment().is_some();
        known && refs.commit(name).is_some()
    };
    let defaults = DEFAULTS.iter().filter(|name| !is_other(name));
    here.extend(defaults.map(|name| name.to_string()));
    let is_here = |name: &str| name.is_empty() || name == "HEAD" || here.contains(name);
    if !named.keys().any(|name| is_here(name)) {
        let most = named.iter().max_by_key(|(_, count)| **count);
        here.extend(most.map(|(name, _)| name.clone()));
    }
    here
}

/// True if a name is that of a branch whose newest commit is checked out.
fn is_checked_out(refs: &Refs, name: &str) -> bool {
    let head = || refs.repository()?.resolve("HEAD").ok();
    let commit = refs.commit(name).map(|commit| commit.id);
    commit.is_some() && commit == head() && refs.branches().contains(name)
}
