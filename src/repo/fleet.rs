//! The contents of each cluster: the agents' objects as a tree, from the roots to the folders that
//! they apply.
//!
//! Here: the tree and the difference of two. Not here: how agents are followed (`agents`), printing
//! (`cli`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::agents::{Note, Pointer, destination};
use super::controls::group_of;
use super::coverage::{Unseen, UnseenKind};
use super::{AgentKind, Overlay, Repo};
use crate::yaml::{Node, Origin};

/// A folder that an agent applies.
#[derive(Debug)]
pub struct Applied<'r> {
    /// The agent's object that applies it.
    pub pointer: &'r Pointer,
    /// The overlay that it is.
    pub overlay: Option<&'r Overlay>,
    /// Index of the environment.
    pub environment: Option<usize>,
    /// Region, cluster, tenant.
    pub variant: Option<&'r str>,
    /// The branch or tag that the agent reads, as far as the repo says.
    pub revision: Option<&'r str>,
    /// The things to apply before: the names of `dependsOn`, or the sync wave.
    pub waits_for: Vec<String>,
    /// True if it applies nothing at present.
    pub suspended: bool,
    /// Indices of what is applied by objects in the folder.
    pub children: Vec<usize>,
}

/// Something that is not followed, and why.
#[derive(Debug)]
pub struct Unfollowed {
    /// One clause: what, and why.
    pub reason: String,
    /// Where it stands.
    pub origin: Origin,
}

/// All agents of a repo.
#[derive(Debug)]
pub struct Fleet<'r> {
    /// In the order of the files.
    pub applied: Vec<Applied<'r>>,
    /// Indices of those that no other one applies, by environment and variant.
    pub roots: Vec<usize>,
    /// The agents' objects that are not followed.
    pub unfollowed: Vec<Unfollowed>,
}

/// The identity of an agent in two revisions: its name, environment and variant.
pub type Identity = (String, Option<String>, Option<String>);

/// The source of an agent: folder and revision.
pub type Reads = (String, Option<String>);

/// An agent that two revisions do not have alike.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Which agent.
    pub agent: Identity,
    /// Its source before; `None` if it is new.
    pub from: Option<Reads>,
    /// Its source now; `None` if it is gone.
    pub to: Option<Reads>,
}

impl Fleet<'_> {
    /// True if all agents apply to one cluster: each names the same one, or one agent, or several in
    /// one file, apply all others.
    pub(super) fn has_one_cluster(&self) -> bool {
        let cluster = |one: &Applied<'_>| {
            let object = &one.pointer.object;
            let remote = object.at(&["spec", "kubeConfig", "secretRef", "name"]);
            let named = destination(object).or_else(|| remote.and_then(Node::text));
            named.map(str::to_string)
        };
        let clusters: BTreeSet<Option<String>> = self.applied.iter().map(cluster).collect();
        let roots = self
            .roots
            .iter()
            .filter_map(|index| self.applied.get(*index));
        let trees = roots.clone().filter(|one| !one.children.is_empty());
        // objects in one file are applied together
        let files: BTreeSet<&str> = roots.map(|one| &*one.pointer.file).collect();
        let is_one_tree = match trees.count() {
            0 => files.len() == 1,
            count => count == 1,
        };
        clusters.len() == 1 && (is_one_tree || !clusters.contains(&None))
    }

    /// Keeps some agents and those that apply them, themselves or through others.
    pub fn keep(&mut self, is_wanted: &dyn Fn(&Applied<'_>) -> bool) {
        let mut kept: Vec<bool> = self.applied.iter().map(is_wanted).collect();
        // agents may apply each other, so this is repeated until nothing changes
        loop {
            let applies_kept = |one: &Applied<'_>| {
                let mut children = one.children.iter();
                children.any(|child| kept.get(*child) == Some(&true))
            };
            let next: Vec<bool> = self
                .applied
                .iter()
                .zip(&kept)
                .map(|(one, is_kept)| *is_kept || applies_kept(one))
                .collect();
            if next == kept {
                break;
            }
            kept = next;
        }
        let mut places: Vec<Option<usize>> = Vec::with_capacity(kept.len());
        let mut number = 0;
        for is_kept in &kept {
            places.push(is_kept.then_some(number));
            number += usize::from(*is_kept);
        }
        let moved = |indices: &[usize]| -> Vec<usize> {
            let places = indices.iter().filter_map(|index| places.get(*index));
            places.copied().flatten().collect()
        };
        for one in &mut self.applied {
            one.children = moved(&one.children);
        }
        self.roots = moved(&self.roots);
        let mut index = 0;
        self.applied.retain(|_| {
            index += 1;
            kept.get(index - 1) == Some(&true)
        });
    }
}

impl Repo {
    /// The agents of the repo as a tree.
    pub fn fleet(&self) -> Fleet<'_> {
        let by_pointer: HashMap<usize, &Overlay> = self
            .overlays
            .iter()
            .filter_map(|overlay| Some((overlay.applied?, overlay)))
            .collect();
        let mut applied: Vec<Applied<'_>> = self
            .pointers()
            .iter()
            .enumerate()
            .map(|(index, pointer)| self.applied(pointer, by_pointer.get(&index).copied()))
            .collect();
        let mut roots = Vec::new();
        for index in 0..applied.len() {
            let parents = self.parents(index);
            if parents.is_empty() {
                roots.push(index);
            }
            for parent in parents {
                if let Some(parent) = applied.get_mut(*parent) {
                    parent.children.push(index);
                }
            }
        }
        roots.sort_by_key(|index| {
            let one = applied.get(*index);
            one.map(|one| (one.environment.is_none(), one.environment, one.variant))
        });
        Fleet {
            applied,
            roots,
            unfollowed: self.unfollowed(),
        }
    }

    /// The pointers that apply the object of a pointer.
    pub fn parents(&self, pointer: usize) -> &[usize] {
        let parents = self.agents.parents.get(pointer);
        parents.map_or(&[], Vec::as_slice)
    }

    /// The pointer above a pointer that nothing else applies: the root of its cluster.
    pub fn root_above(&self, pointer: usize) -> usize {
        let mut seen = BTreeSet::from([pointer]);
        let mut root = pointer;
        while let Some(parent) = self.parents(root).first().filter(|one| seen.insert(**one)) {
            root = *parent;
        }
        root
    }

    fn applied<'r>(&'r self, pointer: &'r Pointer, own: Option<&'r Overlay>) -> Applied<'r> {
        let placement = pointer.any_placement();
        // one overlay stands for all agents that apply its folder and add nothing
        let alike = || {
            let environment = pointer.any_environment();
            let mut here = self.overlays_at(&pointer.folder);
            let same = here.find(|one| one.environment == environment);
            same.or_else(|| self.overlays_at(&pointer.folder).next())
        };
        let overlay = own.or_else(alike);
        Applied {
            pointer,
            overlay,
            environment: placement
                .map(|placement| placement.environment)
                .or(overlay.and_then(|overlay| overlay.environment)),
            variant: placement.and_then(|placement| placement.variant.as_deref()),
            revision: self.revision(pointer),
            waits_for: waits_for(pointer),
            suspended: pointer
                .object
                .at(&["spec", "suspend"])
                .and_then(Node::as_bool)
                .unwrap_or_default(),
            children: Vec::new(),
        }
    }

    /// The branch or tag that an agent reads.
    fn revision<'r>(&'r self, pointer: &'r Pointer) -> Option<&'r str> {
        let object = &pointer.object;
        if pointer.agent.kind == AgentKind::ArgoCd {
            let spec = object.get("spec")?;
            let several = spec.get("sources").map_or(&[][..], Node::items);
            let mut sources = spec.get("source").into_iter().chain(several);
            let own = sources.find(|source| {
                let path = source.get("path").map(|path| path.origin);
                path == Some(pointer.agent.origin)
            });
            return own?.get("targetRevision").and_then(Node::text);
        }
        let name = object.at(&["spec", "sourceRef", "name"])?.text()?;
        let mut sources = self.controls().iter().filter(|control| {
            let text = |path: &[&str]| control.node.at(path).and_then(Node::text);
            text(&["kind"]) == Some("GitRepository") && text(&["metadata", "name"]) == Some(name)
        });
        let environment = pointer.any_environment();
        let own = sources.clone().find(|one| one.environment == environment);
        let reference = own.or_else(|| sources.next())?.node.at(&["spec", "ref"])?;
        let mut keys = ["commit", "name", "semver", "tag", "branch"].iter();
        keys.find_map(|key| reference.get(key).and_then(Node::text))
    }

    fn unfollowed(&self) -> Vec<Unfollowed> {
        let unseen = self.unseen_agents().into_iter();
        let agents = unseen.filter(|one| one.kind == UnseenKind::Agent);
        let agents = agents.map(|Unseen { name, origin, .. }| Unfollowed {
            reason: format!(
                "{name} applies a chart or another repository, or its path is not known here"
            ),
            origin,
        });
        let notes = self.notes().iter().map(
            |Note {
                 message, origin, ..
             }| Unfollowed {
                reason: message.clone(),
                origin: *origin,
            },
        );
        agents.chain(notes).collect()
    }
}

/// The things that an agent waits for.
fn waits_for(pointer: &Pointer) -> Vec<String> {
    let object = &pointer.object;
    if group_of(object) == "kustomize.toolkit.fluxcd.io" {
        let needed = object.at(&["spec", "dependsOn"]);
        let needed = needed.map_or(&[][..], Node::items).iter();
        return needed
            .filter_map(|one| {
                let name = one.get("name")?.text()?;
                let namespace = one.get("namespace").and_then(Node::text);
                Some(namespace.map_or(name.to_string(), |space| format!("{space}/{name}")))
            })
            .collect();
    }
    let wave = object.at(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]);
    let wave = wave.and_then(Node::text).filter(|wave| *wave != "0");
    wave.map(|wave| format!("sync wave {wave}"))
        .into_iter()
        .collect()
}

impl Fleet<'_> {
    /// The sources of each agent. Several of one name are several folders.
    fn reads(&self, repo: &Repo) -> BTreeMap<Identity, BTreeSet<Reads>> {
        let mut found: BTreeMap<Identity, BTreeSet<Reads>> = BTreeMap::new();
        for one in &self.applied {
            let environment = one
                .environment
                .and_then(|index| repo.environments.get(index));
            let identity = (
                one.pointer.agent.name.clone(),
                environment.map(|environment| environment.name.clone()),
                one.variant.map(str::to_string),
            );
            let reads = (one.pointer.folder.clone(), one.revision.map(str::to_string));
            found.entry(identity).or_default().insert(reads);
        }
        found
    }

    /// The changes since another fleet.
    pub fn changes(&self, repo: &Repo, (before, base): (&Fleet<'_>, &Repo)) -> Vec<Change> {
        let (was, is) = (before.reads(base), self.reads(repo));
        let agents: BTreeSet<&Identity> = was.keys().chain(is.keys()).collect();
        let mut changes = Vec::new();
        for agent in agents {
            let side = |reads: &BTreeMap<Identity, BTreeSet<Reads>>, other: &BTreeMap<_, _>| {
                let other: BTreeSet<Reads> = other.get(agent).cloned().unwrap_or_default();
                let own = reads.get(agent).into_iter().flatten();
                own.filter(|one| !other.contains(one))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let (mut gone, mut new) = (side(&was, &is).into_iter(), side(&is, &was).into_iter());
            loop {
                let (from, to) = (gone.next(), new.next());
                if from.is_none() && to.is_none() {
                    break;
                }
                changes.push(Change {
                    agent: agent.clone(),
                    from,
                    to,
                });
            }
        }
        changes
    }
}
