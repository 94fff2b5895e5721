//! An Application that a change removes or renames while its folder stays. Argo CD then deletes the
//! Application and, if it has the finalizer, everything that it applied.
//!
//! Not here: changes of an Application that stays (`redirected-agent`).

use crate::finding::{Cause, Severity};
use crate::repo::agents::{OWN_CLUSTER, Pointer, destination};
use crate::repo::controls::Control;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::rules::shared::deletion::{HOLDS_DATA, has_finalizer};
use crate::rules::{Context, Draft};
use crate::wording;
use crate::yaml::{Node, Origin};

/// An Application of the base revision that the head does not have.
pub(super) struct GoneApplication<'a> {
    /// The Application at the base revision.
    pub pointer: &'a Pointer,
    /// The overlay that it applied.
    pub overlay: &'a Overlay,
    /// The ApplicationSet at the base revision that made it.
    pub set: Option<&'a Control>,
    /// Its name in messages.
    pub name: &'a str,
}

/// The ApplicationSet that made an Application: the object around its template.
pub(super) fn set_of<'r>(repo: &'r Repo, pointer: &Pointer) -> Option<&'r Control> {
    let Origin { start, end, .. } = pointer.object.origin;
    repo.controls().iter().find(|control| {
        let around = control.node.origin;
        control.file == pointer.object.origin.file
            && control.node.get("kind").and_then(Node::text) == Some("ApplicationSet")
            && around.start <= start
            && end <= around.end
    })
}

/// The Application of a repo with the same name: in the same file if there is one, else for the same
/// cluster. Each cluster may have an Application of that name.
pub(super) fn same_application<'r>(repo: &'r Repo, before: &Pointer) -> Option<&'r Pointer> {
    let text = |pointer: &'_ Pointer, key: &str| {
        let text = pointer.object.at(&["metadata", key]).and_then(Node::text);
        text.map(str::to_string)
    };
    // templates leave out the namespace, which is then that of the ApplicationSet
    let (name, namespace) = (text(before, "name"), text(before, "namespace"));
    let same = |pointer: &&Pointer| {
        let other = text(pointer, "namespace");
        pointer.agent.kind == AgentKind::ArgoCd
            && text(pointer, "name") == name
            && (other == namespace || other.is_none() || namespace.is_none())
    };
    let place = |pointer: &Pointer| {
        let place = pointer.any_placement();
        place.map(|place| (place.environment, place.variant.clone()))
    };
    let own = place(before);
    // every Argo CD calls its own cluster the same
    let target = destination(&before.object).filter(|target| *target != OWN_CLUSTER.1);
    let is_here = |pointer: &&Pointer| match (place(pointer), &own) {
        (Some(other), Some(own)) => {
            other == *own || target.is_some() && destination(&pointer.object) == target
        }
        _ => true,
    };
    let mut same = repo.pointers().iter().filter(same);
    let mut elsewhere = same.clone().filter(is_here);
    same.find(|pointer| pointer.file == before.file)
        .or_else(|| elsewhere.next())
}

impl GoneApplication<'_> {
    /// The finding, if Argo CD deletes something that the repository still has.
    pub(super) fn draft(&self, context: &Context) -> Option<Draft> {
        // the folder may have been renamed with the Application
        let same = context.repo.overlays_at(&self.overlay.path).next();
        let here = same.or_else(|| context.at_head(self.overlay))?;
        let successor = context.pointers_at(&here.path).iter().find(|now| {
            let base = context.base;
            base.is_none_or(|base| same_application(base, now).is_none())
        });
        if !self.deletes() {
            return successor.and_then(|now| self.moved(now));
        }
        // another Application applies the folder as before: it keeps the objects
        if successor.is_none() && !context.pointers_at(&here.path).is_empty() {
            return None;
        }
        let lost = self.lost();
        let severity = if self.set.is_some() && lost.is_some() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let kept = lost.map(|lost| format!(", {lost} included"));
        let message = format!(
            "this change {}; {} with everything that it applied{}",
            match successor {
                Some(now) => format!("renames {} to {}", self.name, now.agent.name),
                None => format!("removes {}", self.name),
            },
            match self.set {
                Some(_) => "Argo CD deletes the old Application",
                None => "an app of apps that prunes deletes the old Application",
            },
            kept.unwrap_or_default()
        );
        let origin = match successor {
            Some(now) => name_origin(now),
            None => self.generators(context.repo).unwrap_or(here.origin),
        };
        let kind = if successor.is_some() {
            "application-renamed"
        } else {
            "application-removed"
        };
        let cause = Cause::new(kind).with(self.name);
        let draft = Draft::new(severity, origin, cause, message)
            .related(name_origin(self.pointer), "it was here")
            .help(match self.set {
                Some(_) => "restore it, or set `syncPolicy.preserveResourcesOnDeletion: true` in the ApplicationSet before this change",
                None => "keep the name, or remove the finalizer from the Application before this change",
            });
        Some(draft)
    }

    /// A warning if the Application has moved to another namespace, where Argo CD looks only if it is
    /// told to (`application.namespaces`).
    fn moved(&self, now: &Pointer) -> Option<Draft> {
        let text = |node: &'_ Node, key: &str| {
            let text = node.at(&["metadata", key]).and_then(Node::text);
            text.map(str::to_string)
        };
        let (before, after) = (&self.pointer.object, &now.object);
        let (old, new) = (text(before, "namespace")?, text(after, "namespace")?);
        if old == new || text(before, "name") != text(after, "name") {
            return None;
        }
        let message = format!(
            "{} moves to the namespace `{new}`; Argo CD applies it only if it looks there",
            self.name
        );
        let origin = after.at(&["metadata", "namespace"])?.origin;
        let cause = Cause::new("application-moved").with(self.name).with(&new);
        let draft = Draft::new(Severity::Warning, origin, cause, message)
            .related(name_origin(self.pointer), "it was here")
            .help(
                "keep the namespace, or make sure that `application.namespaces` names the new one",
            );
        Some(draft)
    }

    /// True if Argo CD deletes what the Application applied once it is gone.
    fn deletes(&self) -> bool {
        let has_finalizer = has_finalizer(&self.pointer.object);
        let Some(set) = self.set else {
            return has_finalizer;
        };
        let policy = |key: &str| set.node.at(&["spec", "syncPolicy", key]);
        let preserves = policy("preserveResourcesOnDeletion").and_then(Node::as_bool);
        let sync = policy("applicationsSync").and_then(Node::text);
        // without finalizers in the template, the controller adds one itself
        let finalizers = self.pointer.object.at(&["metadata", "finalizers"]);
        let finalizers = finalizers.map_or(&[][..], Node::items);
        let keeps = preserves == Some(true)
            || matches!(sync, Some("create-only" | "create-update"))
            || !finalizers.is_empty() && !has_finalizer;
        !keeps
    }

    /// The deleted objects of [`HOLDS_DATA`] kinds, for messages; `None` if there are none.
    fn lost(&self) -> Option<String> {
        let resources = &self.overlay.rendered.resources;
        HOLDS_DATA.iter().find_map(|kind| {
            let of_kind = resources.iter().filter(|one| one.kind() == *kind);
            let names: Vec<&str> = of_kind.map(|one| one.name()).collect();
            (!names.is_empty()).then(|| format!("{kind} {}", wording::listed(&names, 3)))
        })
    }

    /// The generators of the same ApplicationSet in the head.
    fn generators(&self, head: &Repo) -> Option<Origin> {
        let before = self.set?;
        let name = |control: &Control| {
            let name = control.node.at(&["metadata", "name"]);
            name.and_then(Node::text).map(str::to_string)
        };
        let same = head.controls().iter().find(|control| {
            control.node.get("kind").and_then(Node::text) == Some("ApplicationSet")
                && name(control) == name(before)
        })?;
        Some(same.node.at(&["spec"])?.entry("generators")?.key_origin)
    }
}

fn name_origin(pointer: &Pointer) -> Origin {
    let name = pointer.object.at(&["metadata", "name"]);
    name.map_or(pointer.agent.origin, |name| name.origin)
}
