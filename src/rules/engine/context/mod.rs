//! What rules are given: the tree under check, the configuration, and the facts that several rules
//! need, computed once and on demand. Not here: any judgement.

mod facts;
mod pinning;

pub use facts::{Facts, RepoFacts};

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::ZonedDateTime;

use crate::compare::{self, Change, ResourceChange, Words};
use crate::config::{Config, Level};
use crate::history::{self, Authorship, Proofs, Version};
use crate::kubernetes::image_use::ImageUse;
use crate::kubernetes::references::{Provider, Target};
use crate::kustomize::context::is_below;
use crate::kustomize::resource::effective_namespace;
use crate::kustomize::{ProblemKind, Rendered, Resource, ResourceId};
use crate::repo::agents::Pointer;
use crate::repo::{Overlay, Pair, Repo, renamed};
use crate::rules::engine::registry::claiming;
use crate::rules::engine::{Claim, Revision, Rule, find};
use crate::rules::shared::controls::{self, Control};
use crate::rules::shared::depends_on::{self, Edge};
use crate::rules::shared::unlisted::{self, Unlisted};
use crate::yaml::{FileId, Node, Origin};

use pinning::Pinning;

/// How far along the promotion order an overlay stands, as default levels tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Belongs to no environment.
    None,
    /// Developers' own: named or aliased dev, development, sandbox or local.
    Development,
    /// Between development and the protected environments: test, staging, …
    Proving,
    /// Protected.
    Protected,
}

/// Every provider of the repo by name: the overlay's index and the provider's index in that
/// overlay's facts.
#[derive(Default)]
pub struct Providers {
    by_name: HashMap<(Target, String), Vec<(usize, usize)>>,
    targets: HashSet<Target>,
}

impl Providers {
    /// Whether any overlay provides an object of this kind.
    pub fn any(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }
}

/// A submodule that a change adds or moves to another commit.
#[derive(Clone, Debug)]
pub struct Submodule {
    /// Where it lies.
    pub path: String,
    /// The commit before, as people read it.
    pub before: Option<String>,
    /// The commit after.
    pub after: Option<String>,
    /// The line that names its path.
    pub origin: Option<Origin>,
}

/// A policy file, or a file of data for policies, that the base has and the change touches.
#[derive(Clone, Debug)]
pub struct PolicyFileChange {
    /// Its path.
    pub path: String,
    /// What the change does to it.
    pub change: PolicyChange,
    /// Where that is reported: the file, or the configuration that names it.
    pub origin: Origin,
}

/// What a change does to a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// The file is gone.
    Removed,
    /// Nothing but blank lines and comments is left.
    Emptied,
    /// Something else changed.
    Edited,
}

/// Group, kind, name and effective namespace: what makes an object the same one for the cluster.
pub(in crate::rules) type ObjectKey<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The key of an object as rendered.
pub(in crate::rules) fn object_key(resource: &Resource) -> ObjectKey<'_> {
    let text = |path: &[&str]| {
        resource
            .node
            .at(path)
            .and_then(Node::text)
            .unwrap_or_default()
    };
    let (version, kind) = (text(&["apiVersion"]), text(&["kind"]));
    let namespace = effective_namespace(
        version,
        kind,
        resource
            .node
            .at(&["metadata", "namespace"])
            .and_then(Node::text),
    );
    (
        version.split_once('/').map_or("", |(group, _)| group),
        kind,
        text(&["metadata", "name"]),
        namespace,
    )
}

/// An object of an environment.
#[derive(Default)]
struct Living {
    /// The indices of the overlays that make it.
    makers: Vec<usize>,
    /// Whether it comes to one of them with the change.
    came: bool,
}

/// Why a rendering lacks objects.
fn lacks(rendered: &Rendered) -> BTreeSet<(ProblemKind, &str)> {
    let refused = rendered
        .problems
        .iter()
        .filter(|problem| problem.kind.refused());
    refused
        .map(|problem| (problem.kind, problem.message.as_str()))
        .collect()
}

/// What a [`Context`] is built from.
pub struct Inputs<'a> {
    /// The facts of the repo under check.
    pub facts: RepoFacts<'a>,
    /// The configuration.
    pub config: &'a Config,
    /// The base revision, if there is one.
    pub base: Option<&'a Repo>,
    /// The configuration as written at the base, and the file in which a setting that it lost is
    /// reported.
    pub base_config: Option<(Config, FileId)>,
    /// The past of the base, or of the repo when there is no base.
    pub proofs: Option<&'a dyn Proofs>,
    /// The current time.
    pub now: Option<ZonedDateTime>,
    /// Who made the change.
    pub authorship: Authorship,
    /// The submodules that the change adds or moves.
    pub submodules: Vec<Submodule>,
    /// The policy files of the base that the change touches.
    pub policy_changes: Vec<PolicyFileChange>,
    /// Indices of the overlays that are judged; `None` for all.
    pub judged: Option<BTreeSet<usize>>,
}

impl<'a> Inputs<'a> {
    /// A repo and its configuration, and nothing else.
    pub fn new(facts: RepoFacts<'a>, config: &'a Config) -> Inputs<'a> {
        Inputs {
            facts,
            config,
            base: None,
            base_config: None,
            proofs: None,
            now: None,
            authorship: Authorship::default(),
            submodules: Vec::new(),
            policy_changes: Vec::new(),
            judged: None,
        }
    }
}

/// What rules are given.
pub struct Context<'a> {
    /// The tree under check.
    pub repo: &'a Repo,
    /// The configuration.
    pub config: &'a Config,
    /// The base revision, when one was given.
    pub base: Option<&'a Repo>,
    /// The configuration of the base revision, and the file in which what it no longer says is
    /// reported.
    pub base_config: Option<(Config, FileId)>,
    /// What the past of the base revision proves, when there is one.
    pub proofs: Option<&'a dyn Proofs>,
    /// The time that counts as now; without it no rule knows of one.
    pub now: Option<ZonedDateTime>,
    /// Who made the change.
    pub authorship: Authorship,
    /// The submodules that the change adds or moves.
    pub submodules: Vec<Submodule>,
    /// The policy files of the base that the change touches.
    pub policy_changes: Vec<PolicyFileChange>,
    /// Indices of the overlays that are judged; `None` for all.
    judged: Option<BTreeSet<usize>>,
    by_app: OnceLock<HashMap<&'a str, Vec<usize>>>,
    facts: RepoFacts<'a>,
    before: OnceLock<Vec<Option<usize>>>,
    digests_at_base: Vec<OnceLock<HashMap<String, Vec<(&'a Overlay, String)>>>>,
    living: OnceLock<HashMap<(Option<usize>, ObjectKey<'a>), Living>>,
    changes: Vec<OnceLock<Vec<ResourceChange>>>,
    unlisted: Vec<OnceLock<Vec<Unlisted>>>,
    controls: OnceLock<Vec<Control<'a>>>,
    waits: OnceLock<Vec<Edge<'a>>>,
    pointers: OnceLock<HashMap<&'a str, Vec<&'a Pointer>>>,
    providers: OnceLock<Providers>,
    unused: OnceLock<HashMap<(ProblemKind, Origin), usize>>,
    readers: OnceLock<HashMap<FileId, usize>>,
    pinning: OnceLock<Pinning>,
}

impl<'a> Context<'a> {
    /// The context of a check.
    pub fn new(inputs: Inputs<'a>) -> Context<'a> {
        let (repo, base) = (inputs.facts.repo, inputs.base);
        Context {
            repo,
            config: inputs.config,
            base,
            base_config: inputs.base_config,
            proofs: inputs.proofs,
            now: inputs.now,
            authorship: inputs.authorship,
            submodules: inputs.submodules,
            policy_changes: inputs.policy_changes,
            judged: inputs.judged,
            facts: inputs.facts,
            by_app: OnceLock::new(),
            changes: repo.overlays.iter().map(|_| OnceLock::new()).collect(),
            unlisted: repo.overlays.iter().map(|_| OnceLock::new()).collect(),
            before: OnceLock::new(),
            digests_at_base: base
                .iter()
                .flat_map(|base| &base.environments)
                .map(|_| OnceLock::new())
                .collect(),
            living: OnceLock::new(),
            controls: OnceLock::new(),
            waits: OnceLock::new(),
            pointers: OnceLock::new(),
            providers: OnceLock::new(),
            unused: OnceLock::new(),
            readers: OnceLock::new(),
            pinning: OnceLock::new(),
        }
    }

    /// Whether an environment ran a digest before: the earlier one of a pair, or, against a base,
    /// the later one itself, which then returns to it. What comes in the same change has proved
    /// nothing. Without a past: no.
    pub fn ran_before(&self, from: &Overlay, to: &Overlay, image: &str, digest: &str) -> bool {
        // of an app that is new in both environments nothing else can be asked
        let new = self.at_base(to).is_none();
        let ran = |overlay: &Overlay| {
            let same = self.same_image(overlay, to, image);
            let past = self
                .at_base(overlay)
                .or((self.base.is_none() || new).then_some(overlay));
            self.proofs.zip(past).is_some_and(|(proofs, past)| {
                proofs.ran(past, digest).iter().any(|name| same(name))
            })
        };
        // an overlay that is new ran nothing
        ran(from) || self.siblings(from).any(ran) || (self.base.is_some() && !new && ran(to))
    }

    /// The other variants of an overlay: what one of them ran, the environment ran.
    pub fn siblings(&self, overlay: &Overlay) -> impl Iterator<Item = &'a Overlay> + use<'a> {
        let repo: &'a Repo = self.repo;
        let by_app = self.by_app.get_or_init(|| {
            let mut found: HashMap<&str, Vec<usize>> = HashMap::new();
            for (index, overlay) in repo.overlays.iter().enumerate() {
                found.entry(&overlay.app).or_default().push(index);
            }
            found
        });
        let of_app = by_app
            .get(overlay.app.as_str())
            .map_or(&[][..], |found| found)
            .iter()
            .filter_map(|index| repo.overlays.get(*index));
        let same = |other: &&Overlay| {
            other.environment == overlay.environment && other.key() != overlay.key()
        };
        of_app.filter(same).collect::<Vec<_>>().into_iter()
    }

    /// When an overlay ran what another one gets, for the first time by commit times, at the base
    /// revision or before it. Mirrors that the configuration maps are one image, and so are names
    /// that differ by the environment's word only.
    pub fn first_ran(
        &self,
        overlay: &Overlay,
        to: &Overlay,
        image: &str,
        digest: &str,
    ) -> Option<i64> {
        let same = self.same_image(overlay, to, image);
        let ran = self
            .proofs?
            .since(self.at_base(overlay).unwrap_or(overlay), digest);
        ran.into_iter()
            .filter(|(name, _)| same(name))
            .map(|(_, time)| time)
            .min()
    }

    /// Whether a name of an image in one overlay means the same as an image of another one.
    pub(in crate::rules) fn same_image(
        &self,
        overlay: &Overlay,
        to: &Overlay,
        image: &str,
    ) -> impl Fn(&str) -> bool + use<'a> {
        let words = (
            Words::of(overlay, &self.repo.environments),
            Words::of(to, &self.repo.environments),
        );
        let config: &'a Config = self.config;
        let wanted = config.upstream(image).into_owned();
        move |name: &str| {
            let name = config.upstream(name);
            *name == wanted || words.0.strip(&name) == words.1.strip(&wanted)
        }
    }

    /// The same for what is judged against a base as a whole: whether any overlay of two
    /// environments rendered a digest of an image there. An app, an overlay or a container may have
    /// had another name.
    pub fn known_at_base(&self, from: &Overlay, to: &Overlay, image: &str, digest: &str) -> bool {
        let mut environments = [from.environment, to.environment].into_iter().flatten();
        environments.any(|environment| {
            let Some(known) = self.digests_at_base.get(environment) else {
                return false;
            };
            let known = known.get_or_init(|| self.digests_at_base(environment));
            known.get(digest).is_some_and(|run| {
                run.iter()
                    .any(|(overlay, name)| self.same_image(overlay, to, image)(name))
            })
        })
    }

    /// What the overlays of an environment ran at the base revision, by digest: each overlay with
    /// the names of its images.
    fn digests_at_base(&self, environment: usize) -> HashMap<String, Vec<(&'a Overlay, String)>> {
        let mut found: HashMap<String, Vec<(&'a Overlay, String)>> = HashMap::new();
        let Some(base) = self.base else { return found };
        for overlay in base
            .overlays
            .iter()
            .filter(|overlay| overlay.environment == Some(environment))
        {
            for (name, versions) in history::images(&overlay.rendered, &base.files) {
                for digest in versions.into_iter().filter_map(|version| version.digest) {
                    found
                        .entry(digest)
                        .or_default()
                        .push((overlay, name.clone()));
                }
            }
        }
        found
    }

    /// Why the past of an overlay is not known as a whole, where it is not.
    pub fn gap(&self, overlay: &Overlay) -> Option<String> {
        self.proofs?.gap(self.at_base(overlay).unwrap_or(overlay))
    }

    /// Whether an overlay is judged: where only what a change causes is asked for, the others are
    /// known to be as they were.
    pub fn judges(&self, overlay: &Overlay) -> bool {
        self.judged.as_ref().is_none_or(|judged| {
            self.index(overlay)
                .is_some_and(|index| judged.contains(&index))
        })
    }

    /// The overlays that are judged, in the order of the repo.
    pub fn judged(&self) -> impl Iterator<Item = &'a Overlay> {
        let repo: &'a Repo = self.repo;
        let judged = |index: &usize| {
            self.judged
                .as_ref()
                .is_none_or(|judged| judged.contains(index))
        };
        repo.overlays
            .iter()
            .enumerate()
            .filter(move |(index, _)| judged(index))
            .map(|(_, overlay)| overlay)
    }

    /// The pairs whose later overlay is judged, in the order of the repo.
    pub fn judged_pairs(&self) -> impl Iterator<Item = (&'a Overlay, &'a Overlay)> {
        let repo: &'a Repo = self.repo;
        let judged = |index: usize| {
            self.judged
                .as_ref()
                .is_none_or(|judged| judged.contains(&index))
        };
        let pairs = repo.pairs.iter().filter(move |pair| judged(pair.to));
        pairs.filter_map(move |pair| {
            Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?))
        })
    }

    /// What an overlay was compared with at the base revision, where the change takes that away, or
    /// takes the overlay to where it is compared with nothing.
    pub fn proved_by_gone(&self, to: &Overlay) -> Option<&'a Overlay> {
        let (base, before): (&'a Repo, &Overlay) = (self.base?, self.at_base(to)?);
        let later = |pair: &&Pair| {
            base.overlays
                .get(pair.to)
                .is_some_and(|other| std::ptr::eq(other, before))
        };
        let from = base.overlays.get(base.pairs.iter().find(later)?.from)?;
        let alone = || {
            !self
                .repo
                .pairs
                .iter()
                .any(|pair| Some(pair.to) == self.index(to))
        };
        (self.at_head(from).is_none() || alone()).then_some(from)
    }

    /// The overlay as it is at the base revision: the same folder, environment and variant, or the
    /// folder that was renamed.
    pub fn at_base(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let base: &'a Repo = self.base?;
        match self.index(overlay) {
            Some(index) => base.overlays.get((*self.before().get(index)?)?),
            None => base.overlays.get(base.index(overlay)?),
        }
    }

    /// The overlays of the base revision that the head has no more, under any name.
    pub fn gone(&self) -> Vec<&'a Overlay> {
        let Some(base) = self.base else {
            return Vec::new();
        };
        let kept: BTreeSet<usize> = self.before().iter().copied().flatten().collect();
        base.overlays
            .iter()
            .enumerate()
            .filter(|(index, _)| !kept.contains(index))
            .map(|(_, overlay)| overlay)
            .collect()
    }

    /// What an overlay of the base revision is at the head.
    pub fn at_head(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let base = self.base?;
        let index = base.index(overlay)?;
        let repo: &'a Repo = self.repo;
        repo.overlays.get(
            self.before()
                .iter()
                .position(|before| *before == Some(index))?,
        )
    }

    /// For each overlay the index of what it was at the base revision.
    fn before(&self) -> &[Option<usize>] {
        self.before.get_or_init(|| {
            self.base.map_or_else(
                || vec![None; self.repo.overlays.len()],
                |base| renamed::before(self.repo, base),
            )
        })
    }

    /// Whether an overlay is one of the base revision.
    pub fn is_of_base(&self, overlay: &Overlay) -> bool {
        self.base.is_some_and(|base| base.index(overlay).is_some())
    }

    /// What messages call an overlay: its environment, or its path where it belongs to none.
    pub fn name_of<'n>(&'n self, overlay: &'n Overlay) -> &'n str {
        let repo = self
            .base
            .filter(|_| self.is_of_base(overlay))
            .unwrap_or(self.repo);
        repo.environment(overlay)
            .map_or(overlay.path.as_str(), |environment| {
                environment.name.as_str()
            })
    }

    /// What messages call one side of a comparison: `the base revision`, or as [`Self::name_of`].
    pub fn side<'n>(&'n self, overlay: &'n Overlay) -> &'n str {
        if self.is_of_base(overlay) {
            "the base revision"
        } else {
            self.name_of(overlay)
        }
    }

    /// Where messages say that one side of a comparison has something: `in staging`, `at the base
    /// revision`.
    pub fn in_side(&self, overlay: &Overlay) -> String {
        let preposition = if self.is_of_base(overlay) { "at" } else { "in" };
        format!("{preposition} {}", self.side(overlay))
    }

    /// What an overlay renders to otherwise than at the base revision; nothing without a base. Of
    /// what can be rendered in part only, that part. Comments and the order of keys are no change;
    /// all of an overlay that is new is one.
    pub fn changes(&self, overlay: &Overlay) -> &[ResourceChange] {
        let cell = self
            .index(overlay)
            .and_then(|index| self.changes.get(index));
        cell.map_or(&[], |cell| cell.get_or_init(|| self.changes_of(overlay)))
    }

    fn changes_of(&self, overlay: &Overlay) -> Vec<ResourceChange> {
        let Some(before) = self.at_base(overlay) else {
            let added = |resource: &Resource| ResourceChange {
                change: Change::Added,
                from: None,
                to: Some(resource.clone()),
                changes: Vec::new(),
            };
            let new = self.base.is_some() && overlay.rendered.complete;
            return overlay
                .rendered
                .resources
                .iter()
                .filter(|_| new)
                .map(added)
                .collect();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let mut changes = compare::resources(before, overlay, &self.repo.environments);
        // what is missing on one side only neither came nor went; what is there on both sides is
        // known
        if lacks(&before.rendered) != lacks(&overlay.rendered) {
            changes.retain(|change| change.from.is_some() && change.to.is_some());
        }
        changes
    }

    /// Whether an overlay renders to what it renders to at the base revision, for all that can be
    /// rendered.
    pub(in crate::rules) fn is_unchanged(&self, overlay: &Overlay) -> bool {
        self.at_base(overlay).is_some_and(|before| {
            let whole = before.rendered.complete && overlay.rendered.complete;
            before.rendered.is(&overlay.rendered) || (whole && self.changes(overlay).is_empty())
        })
    }

    /// The files that an overlay reads, or read at the base revision, and that the change touches.
    pub fn touched(&self, overlay: &Overlay) -> BTreeSet<String> {
        let texts = |overlay: &Overlay| -> BTreeMap<Arc<str>, Arc<str>> {
            let files = overlay
                .rendered
                .files
                .iter()
                .map(|file| self.repo.files.get(*file));
            files
                .map(|file| (file.path.clone(), file.text.clone()))
                .collect()
        };
        let (now, before) = (
            texts(overlay),
            self.at_base(overlay).map(texts).unwrap_or_default(),
        );
        let differs = |path: &&Arc<str>| now.get(*path) != before.get(*path);
        now.keys()
            .chain(before.keys())
            .filter(differs)
            .map(|path| path.to_string())
            .collect()
    }

    /// The agents' objects that point at a folder.
    pub(in crate::rules) fn pointers_at(&self, folder: &str) -> &[&'a Pointer] {
        let repo: &'a Repo = self.repo;
        let pointers = self.pointers.get_or_init(|| {
            let mut found: HashMap<&str, Vec<&Pointer>> = HashMap::new();
            repo.pointers
                .iter()
                .for_each(|pointer| found.entry(&pointer.folder).or_default().push(pointer));
            found
        });
        pointers.get(folder).map_or(&[], Vec::as_slice)
    }

    /// The lists from which the change took what an overlay reads.
    pub(in crate::rules) fn unlisted(&self, overlay: &Overlay) -> &[Unlisted] {
        let cell = self
            .index(overlay)
            .and_then(|index| self.unlisted.get(index))
            .zip(self.at_base(overlay));
        cell.map_or(&[], |(cell, before)| {
            cell.get_or_init(|| unlisted::collect(self, before, overlay))
        })
    }

    /// The objects that steer agents, updaters and gates.
    pub(in crate::rules) fn controls(&self) -> &[Control<'a>] {
        self.controls.get_or_init(|| controls::collect(self))
    }

    /// Who of them waits for whom.
    pub(in crate::rules) fn waits(&self) -> &[Edge<'a>] {
        self.waits.get_or_init(|| depends_on::collect(self))
    }

    /// The images of an overlay that the base revision runs there in another version; none where
    /// the overlay is new.
    pub fn moved_images(&self, overlay: &Overlay) -> Vec<&ImageUse<'a>> {
        let Some(before) = self.at_base(overlay) else {
            return Vec::new();
        };
        if before.rendered.is(&overlay.rendered) {
            return Vec::new();
        }
        let known = history::images(&before.rendered, &self.repo.files);
        let moved = |used: &&ImageUse<'a>| {
            let image = used.image();
            let same = |version: &Version| {
                version.tag.as_deref() == image.tag && version.digest.as_deref() == image.digest
            };
            known
                .get(&used.name)
                .is_some_and(|versions| !versions.iter().any(same))
                || self.is_other_image(before, used)
        };
        self.facts(overlay).images.iter().filter(moved).collect()
    }

    /// Whether a container ran an image of another name before.
    fn is_other_image(&self, before: &Overlay, used: &ImageUse) -> bool {
        let id = &used.resource.original;
        let same = |other: &&Resource| {
            other.original.kind == id.kind
                && other.original.name == id.name
                && other.original.group() == id.group()
        };
        let Some(earlier) = before.rendered.resources.iter().find(same) else {
            return false;
        };
        let container = |resource: &Resource, path: &str| {
            let name = resource
                .node
                .pointer(path.rsplit_once('/')?.0)?
                .get("name")?
                .text()?;
            Some(name.to_string())
        };
        let there = earlier.node.pointer(&used.pointer).and_then(Node::text);
        let here = used
            .resource
            .node
            .pointer(&used.pointer)
            .and_then(Node::text);
        let name = |image: &str| {
            crate::kubernetes::image::Image::split(image)
                .name
                .to_string()
        };
        container(earlier, &used.pointer) == container(used.resource, &used.pointer)
            && there.map(name) != here.map(name)
            && there.is_some()
    }

    /// The line of the head that brings the first change of an overlay, with the object and the
    /// value; of one that is [gone](Self::gone) where it was. Nothing where nothing changes.
    pub fn first_change(&self, overlay: &Overlay) -> Option<(Origin, ResourceId, String)> {
        if self.index(overlay).is_none() {
            return overlay
                .rendered
                .resources
                .first()
                .map(|lost| (overlay.origin, lost.id(), String::new()));
        }
        let changes = self.changes(overlay);
        let own = |origin: &Origin| overlay.rendered.files.contains(&origin.file);
        let value = changes.iter().find_map(|change| {
            let resource = change.to.as_ref()?;
            match change.change {
                Change::Added => Some((resource.node.origin, resource.id(), String::new())),
                _ => change
                    .changes
                    .iter()
                    .find(|value| own(&value.origin))
                    .map(|value| (value.origin, resource.id(), value.path())),
            }
        });
        // what was only taken away stands in no line of the head
        value.or_else(|| {
            changes
                .first()
                .map(|change| (overlay.origin, change.id(), String::new()))
        })
    }

    /// Whether an object that an overlay has no more, or that is gone with it, still lives where
    /// that overlay is applied: another one of the same variant makes it, one that gathers the
    /// overlay or is gathered by it, or one to which it comes with the change. What another variant
    /// had all along is an object of another cluster or tenant.
    pub(in crate::rules) fn lives_on(&self, overlay: &Overlay, object: ObjectKey<'_>) -> bool {
        let Some(living) = self
            .living
            .get_or_init(|| self.living())
            .get(&(overlay.environment, object))
        else {
            return false;
        };
        let gathers = |one: &Overlay, other: &Overlay| {
            one.path != other.path && is_below(&other.path, &one.path)
        };
        let mut makers = living
            .makers
            .iter()
            .filter_map(|index| self.repo.overlays.get(*index));
        living.came
            || makers.any(|maker| {
                maker.variant == overlay.variant
                    || gathers(maker, overlay)
                    || gathers(overlay, maker)
            })
    }

    /// The objects that live in each environment, whatever their versions.
    fn living(&self) -> HashMap<(Option<usize>, ObjectKey<'a>), Living> {
        let repo: &'a Repo = self.repo;
        let mut found: HashMap<(Option<usize>, ObjectKey<'a>), Living> = HashMap::new();
        for (index, overlay) in repo.overlays.iter().enumerate() {
            let before = self.at_base(overlay);
            let same = before.is_some_and(|before| before.rendered.is(&overlay.rendered));
            let then: HashSet<ObjectKey> = match before.filter(|_| !same) {
                Some(before) => before.rendered.resources.iter().map(object_key).collect(),
                None => HashSet::new(),
            };
            for object in overlay.rendered.resources.iter().map(object_key) {
                let came = !same && !then.contains(&object);
                let living = found.entry((overlay.environment, object)).or_default();
                living.makers.push(index);
                living.came |= came;
            }
        }
        found
    }

    /// The level that the configuration gives a rule: that of the head, or of the base for a rule
    /// that judges the configuration itself.
    pub fn level(&self, rule: &str) -> Option<Level> {
        let before = self.base_config.as_ref().filter(|_| {
            let metadata = find(rule).map(|rule| rule.metadata());
            metadata.is_some_and(|metadata| metadata.behavior.level_from == Revision::Base)
        });
        before.map_or(self.config, |(before, _)| before).level(rule)
    }

    /// Whether a rule is not switched off.
    pub fn is_on(&self, rule: &dyn Rule) -> bool {
        self.level(rule.metadata().id) != Some(Level::Off)
    }

    /// Whether a rule that is on claims a kind of loss, so that no other rule reports it.
    pub fn is_claimed(&self, claim: Claim) -> bool {
        claiming(claim).is_some_and(|rule| self.is_on(rule))
    }

    /// Where an overlay stands in [`Repo::overlays`].
    pub fn index(&self, overlay: &Overlay) -> Option<usize> {
        self.repo.index(overlay)
    }

    /// The facts of an overlay of the repo under check.
    pub fn facts(&self, overlay: &Overlay) -> &Facts<'a> {
        self.facts.of(overlay)
    }

    /// Whether production pins an image by digest: most of its images, or this one.
    pub fn expects_digest(&self, image: &str) -> bool {
        let pinning = self.pinning.get_or_init(|| Pinning::of(self));
        pinning.expects(image)
    }

    /// The facts of the overlay at an index.
    pub fn facts_at(&self, index: usize) -> &Facts<'a> {
        self.facts.at(index)
    }

    /// How far along the promotion order an overlay stands.
    pub fn stage(&self, overlay: &Overlay) -> Stage {
        let Some(environment) = self.repo.environment(overlay) else {
            return Stage::None;
        };
        let development = |word: &str| {
            matches!(
                word.to_ascii_lowercase().as_str(),
                "dev" | "development" | "sandbox" | "local"
            )
        };
        if environment.protected {
            Stage::Protected
        } else if development(&environment.name)
            || environment.aliases.iter().any(|alias| development(alias))
        {
            Stage::Development
        } else {
            Stage::Proving
        }
    }

    /// Every provider of the repo.
    pub fn providers(&self) -> &Providers {
        self.providers.get_or_init(|| {
            let mut providers = Providers::default();
            for index in 0..self.repo.overlays.len() {
                for (at, provider) in self.facts_at(index).providers.iter().enumerate() {
                    providers
                        .by_name
                        .entry((provider.target, provider.name.to_string()))
                        .or_default()
                        .push((index, at));
                    providers.targets.insert(provider.target);
                }
            }
            providers
        })
    }

    /// The providers of a name in the whole repo, each with its overlay, in the order of the
    /// overlays.
    pub fn providers_of(
        &self,
        target: Target,
        name: &str,
    ) -> impl Iterator<Item = (&'a Overlay, &Provider<'a>)> {
        let repo: &'a Repo = self.repo;
        let found = self
            .providers()
            .by_name
            .get(&(target, name.to_string()))
            .map_or(&[][..], |found| found);
        found.iter().filter_map(move |(overlay, at)| {
            Some((
                repo.overlays.get(*overlay)?,
                self.facts_at(*overlay).providers.get(*at)?,
            ))
        })
    }

    /// Whether what does nothing in one overlay does something in another overlay that reads the
    /// same file.
    pub(in crate::rules) fn used_elsewhere(&self, kind: ProblemKind, origin: Origin) -> bool {
        let unused = self.unused.get_or_init(|| {
            let mut counts = HashMap::new();
            for overlay in &self.repo.overlays {
                let mut once = HashSet::new();
                for problem in overlay
                    .rendered
                    .problems
                    .iter()
                    .map(|problem| (problem.kind, problem.origin))
                {
                    if !once.insert(problem) {
                        continue;
                    }
                    *counts.entry(problem).or_insert(0) += 1;
                }
            }
            counts
        });
        let readers = self.readers.get_or_init(|| {
            let mut counts = HashMap::new();
            for file in self
                .repo
                .overlays
                .iter()
                .flat_map(|overlay| &overlay.rendered.files)
            {
                *counts.entry(*file).or_insert(0) += 1;
            }
            counts
        });
        unused.get(&(kind, origin)).copied().unwrap_or(0)
            < readers.get(&origin.file).copied().unwrap_or(0)
    }
}
