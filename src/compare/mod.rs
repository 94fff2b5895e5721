//! The comparison of two overlays, object by object and value by value. A difference has the line
//! that causes it, and says whether environments are expected to differ there.
//!
//! Here: matching objects and list items by identity (`matching`, `items`), expected differences
//! (`expectation`, `words`), hiding secrets (`secrets`). Not here: which differences are worth a
//! finding (`rules`), how they are printed (`cli`).

pub(crate) mod expectation;
mod items;
mod matching;
pub(crate) mod secrets;
mod structure;
pub(crate) mod words;

use std::collections::BTreeSet;

use crate::config::Environment;
use crate::kubernetes::DeclaredField;
use crate::kustomize::{Resource, ResourceId, Unrendered};
use crate::repo::{Overlay, Repo};
use crate::yaml::{FileId, Node, Origin, escape_pointer};

pub(crate) use expectation::Expectation;
pub(crate) use words::Words;

/// The kind of difference of an object or value between two overlays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the later overlay has it.
    Added,
    /// Only the earlier overlay has it.
    Removed,
    /// Both have it, with different content.
    Changed,
}

impl Change {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        }
    }
}

/// One step of the path to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// An item of a list.
    Item {
        /// The key of the item: `api` of a container, `8080` of a port; `None` if only its
        /// position does.
        key: Option<String>,
        /// Its index in the earlier overlay.
        from: Option<usize>,
        /// Its index in the later overlay.
        to: Option<usize>,
    },
}

/// One value that differs.
#[derive(Clone, Debug)]
pub struct ValueChange {
    /// The path to it from the root of the object.
    pub steps: Vec<Step>,
    /// The value in the earlier overlay.
    pub from: Option<Node>,
    /// The value in the later overlay.
    pub to: Option<Node>,
    /// Why environments may differ here; `None` if a promotion should keep the value.
    pub expected: Option<Expectation>,
    /// The line that causes the difference. If possible, it is one that only one of the two
    /// overlays reads.
    pub origin: Origin,
}

impl ValueChange {
    /// Added, removed or changed.
    pub fn change(&self) -> Change {
        match (&self.from, &self.to) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
    /// The JSON pointer (RFC 6901) into the later object, or into the earlier one if only that has
    /// the value.
    pub fn path(&self) -> String {
        let later = self.to.is_some();
        self.pointer(|_, from, to| {
            if later { to.or(from) } else { from.or(to) }
                .unwrap_or_default()
                .to_string()
        })
    }
    /// The pointer with names of list items instead of indices:
    /// `/spec/template/spec/containers/api/args`.
    pub fn named_path(&self) -> String {
        self.pointer(|key, from, to| {
            key.map_or_else(
                || to.or(from).unwrap_or_default().to_string(),
                escape_pointer,
            )
        })
    }
    fn pointer(
        &self,
        item: impl Fn(Option<&str>, Option<usize>, Option<usize>) -> String,
    ) -> String {
        let mut pointer = String::new();
        for step in &self.steps {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&escape_pointer(key)),
                Step::Item { key, from, to } => pointer.push_str(&item(key.as_deref(), *from, *to)),
            }
        }
        pointer
    }
}

/// One object that differs.
#[derive(Clone, Debug)]
pub struct ResourceChange {
    /// Added, removed or changed.
    pub change: Change,
    /// The object in the earlier overlay.
    pub from: Option<Resource>,
    /// The object in the later overlay.
    pub to: Option<Resource>,
    /// The values that differ; empty when one side lacks the object.
    pub changes: Vec<ValueChange>,
}

impl ResourceChange {
    /// The object of the later overlay, or of the earlier one if only that has it.
    pub fn resource(&self) -> &Resource {
        self.to
            .as_ref()
            .or(self.from.as_ref())
            .expect("internal: a change has at least one side")
    }
    /// Its identity as rendered.
    pub fn id(&self) -> ResourceId {
        self.resource().id()
    }
}

/// All differences of two overlays, expected or not, in the order of the later overlay. Objects
/// that only the earlier one has come last.
pub(crate) fn resources(from: &Overlay, to: &Overlay, repo: &Repo) -> Vec<ResourceChange> {
    let environments = &repo.environments;
    let sides = Sides {
        image_fields: &repo.image_fields,
        words: (Words::of(from, environments), Words::of(to, environments)),
        own: (
            from.rendered
                .files
                .difference(&to.rendered.files)
                .copied()
                .collect(),
            to.rendered
                .files
                .difference(&from.rendered.files)
                .copied()
                .collect(),
        ),
    };
    let (earlier, later) = (&from.rendered.resources, &to.rendered.resources);
    let matched = matching::pairs(earlier, later, &sides.words);
    let mut found = Vec::new();
    for (resource, partner) in later.iter().zip(&matched) {
        let Some(partner) = partner.and_then(|index| earlier.get(index)) else {
            found.push(ResourceChange {
                change: Change::Added,
                from: None,
                to: Some(resource.clone()),
                changes: Vec::new(),
            });
            continue;
        };
        let changes = structure::changes(partner, resource, &sides);
        if !changes.is_empty() {
            let (from, to) = (Some(partner.clone()), Some(resource.clone()));
            found.push(ResourceChange {
                change: Change::Changed,
                from,
                to,
                changes,
            });
        }
    }
    let partners: BTreeSet<usize> = matched.iter().flatten().copied().collect();
    for (index, resource) in earlier.iter().enumerate() {
        if !partners.contains(&index) {
            found.push(ResourceChange {
                change: Change::Removed,
                from: Some(resource.clone()),
                to: None,
                changes: Vec::new(),
            });
        }
    }
    found.extend(releases_that_differ(from, to, environments, &sides));
    found
}

/// The differences of releases that no object of the overlay stands for, such as Applications. A
/// HelmRelease is among the objects.
fn releases_that_differ(
    from: &Overlay,
    to: &Overlay,
    environments: &[Environment],
    sides: &Sides,
) -> Vec<ResourceChange> {
    let pairs = releases(from, to, environments);
    let mut found = Vec::new();
    let alone = |one: &&Unrendered| {
        let is_one = |other: &Unrendered| std::ptr::eq(*one, other);
        let mut pairs = pairs.iter();
        !one.is_object && !pairs.any(|(before, after)| is_one(before) || is_one(after))
    };
    for (before, after) in pairs.iter().filter(|(_, after)| !after.is_object) {
        let changes = structure::changes(&before.resource, &after.resource, sides);
        if !changes.is_empty() {
            found.push(ResourceChange {
                change: Change::Changed,
                from: Some(before.resource.clone()),
                to: Some(after.resource.clone()),
                changes,
            });
        }
    }
    let added = to.rendered.releases.iter().filter(alone);
    found.extend(added.map(|one| ResourceChange {
        change: Change::Added,
        from: None,
        to: Some(one.resource.clone()),
        changes: Vec::new(),
    }));
    let removed = from.rendered.releases.iter().filter(alone);
    found.extend(removed.map(|one| ResourceChange {
        change: Change::Removed,
        from: Some(one.resource.clone()),
        to: None,
        changes: Vec::new(),
    }));
    found
}

/// The objects that both overlays have, in the order of the later overlay.
pub(crate) fn partners<'a>(
    from: &'a Overlay,
    to: &'a Overlay,
    environments: &[Environment],
) -> Vec<(&'a Resource, &'a Resource)> {
    let words = (Words::of(from, environments), Words::of(to, environments));
    let (earlier, later) = (&from.rendered.resources, &to.rendered.resources);
    let matched = matching::pairs(earlier, later, &words);
    later
        .iter()
        .zip(matched)
        .filter_map(|(resource, partner)| Some((earlier.get(partner?)?, resource)))
        .collect()
}

/// The releases of charts that both overlays have and that are not rendered, in the order of the
/// later overlay.
pub(crate) fn releases<'a>(
    from: &'a Overlay,
    to: &'a Overlay,
    environments: &[Environment],
) -> Vec<(&'a Unrendered, &'a Unrendered)> {
    let (earlier, later) = (&from.rendered.releases, &to.rendered.releases);
    if let ([before], [after]) = (&earlier[..], &later[..]) {
        return vec![(before, after)];
    }
    let words = (Words::of(from, environments), Words::of(to, environments));
    let key = |release: &Unrendered, words: &Words| {
        let id = &release.resource.original;
        (id.kind.clone(), words.strip(&id.name))
    };
    let partner = |after: &'a Unrendered| {
        let wanted = key(after, &words.1);
        let mut same = earlier.iter().filter(|one| key(one, &words.0) == wanted);
        Some((same.next()?, after))
    };
    later.iter().filter_map(partner).collect()
}

/// [`partners`], and the objects behind [`releases`].
pub(crate) fn partners_and_releases<'a>(
    from: &'a Overlay,
    to: &'a Overlay,
    environments: &[Environment],
) -> Vec<(&'a Resource, &'a Resource)> {
    let releases = releases(from, to, environments).into_iter();
    let mut found = partners(from, to, environments);
    found.extend(releases.map(|(before, after)| (&before.resource, &after.resource)));
    found
}

/// The two overlays: the words of their environments, and the files that only one of them reads.
struct Sides<'a> {
    image_fields: &'a [DeclaredField],
    words: (Words, Words),
    own: (BTreeSet<FileId>, BTreeSet<FileId>),
}
