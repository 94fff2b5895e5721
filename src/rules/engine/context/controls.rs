//! The objects that control agents, image updaters and promotion gates. Each is listed once: as an
//! overlay renders it, or as written in its file if no overlay does. Not here: what they mean (each
//! rule).

use std::collections::BTreeSet;

use super::applying::applied_by;
use crate::kustomize::ResourceId;
use crate::repo::Overlay;
use crate::repo::controls::{group_of, is_control};
use crate::rules::Context;
use crate::yaml::Node;

/// An object that controls an agent, updater or gate.
#[derive(Clone, Copy)]
pub(in crate::rules) struct Control<'a> {
    /// The whole object.
    pub node: &'a Node,
    /// The overlay that renders it.
    pub overlay: Option<&'a Overlay>,
    /// The environment that it belongs to, by its overlay or its folder.
    pub environment: Option<usize>,
}

impl<'a> Control<'a> {
    /// The text at a path in the object.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.node.at(path).and_then(Node::text)
    }
    /// `metadata.name`.
    pub(crate) fn name(&self) -> &'a str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }
    /// Its identity.
    pub(crate) fn id(&self) -> ResourceId {
        let text = |path: &[&str]| self.text(path).unwrap_or_default().to_string();
        let namespace = self.namespace().map(str::to_string);
        ResourceId {
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            namespace,
            name: text(&["metadata", "name"]),
        }
    }
    /// `metadata.namespace`, when it is written.
    pub(crate) fn namespace(&self) -> Option<&'a str> {
        self.text(&["metadata", "namespace"])
            .filter(|namespace| !namespace.is_empty())
    }
    /// True if it is of a kind of a group.
    pub(crate) fn is(&self, kind: &str, group: &str) -> bool {
        self.text(&["kind"]) == Some(kind) && group_of(self.node) == group
    }
    /// True if the object belongs to the environment or to none, so that others there can refer to
    /// it.
    pub(crate) fn reaches(&self, environment: Option<usize>) -> bool {
        self.environment.is_none() || environment.is_none() || self.environment == environment
    }
}

/// All of them: rendered ones in the order of the overlays, then the others in the order of the
/// files.
pub(in crate::rules) fn collect<'a>(context: &Context<'a>) -> Vec<Control<'a>> {
    let repo: &'a crate::repo::Repo = context.repo;
    let mut found = Vec::new();
    let mut rendered = BTreeSet::new();
    // overlays that are not judged are not rendered; their objects are read from the files instead
    for overlay in context.judged() {
        for resource in overlay
            .rendered
            .resources
            .iter()
            .filter(|resource| is_control(resource.group()))
        {
            let origin = resource.node.origin;
            rendered.insert((origin.file, origin.start));
            found.push(Control {
                node: &resource.node,
                overlay: Some(overlay),
                environment: overlay.environment,
            });
        }
    }
    let alone = repo.controls().iter().filter(|control| {
        !rendered.contains(&(control.node.origin.file, control.node.origin.start))
    });
    found.extend(alone.map(|control| Control {
        node: &control.node,
        overlay: None,
        environment: control.environment,
    }));
    found
}

/// The overlay that a finding about an object belongs to: the one that renders it, else the one
/// that it applies.
pub(in crate::rules) fn overlay_of<'a>(
    context: &Context<'a>,
    control: &Control<'a>,
) -> Option<&'a Overlay> {
    control
        .overlay
        .filter(|overlay| overlay.environment.is_some())
        .or_else(|| applied_by(context, control.node.origin))
}
