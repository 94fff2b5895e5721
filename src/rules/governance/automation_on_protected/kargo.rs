//! Kargo: a stage that is promoted automatically and that writes into an overlay of production.
//! Source: the reference of Kargo's Project, ProjectConfig and Stage.

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Context, Draft, Sink};
use crate::source::is_below;
use crate::yaml::Node;

const GROUP: &str = "kargo.akuity.io";

/// Reports promotion policies that promote to a protected environment without a person.
pub(super) fn check(context: &Context, sink: &mut Sink) {
    let is_config =
        |control: &&Control| control.is("Project", GROUP) || control.is("ProjectConfig", GROUP);
    for config in context.controls().iter().filter(is_config) {
        let policies = config.node.at(&["spec", "promotionPolicies"]);
        for policy in policies.map_or(&[][..], Node::items) {
            let automatic = policy.get("autoPromotionEnabled");
            let stage = policy
                .get("stage")
                .or(policy.at(&["stageSelector", "name"]));
            let Some((automatic, stage)) = automatic
                .filter(|automatic| automatic.as_bool() == Some(true))
                .zip(stage.and_then(Node::text))
            else {
                continue;
            };
            if let Some((overlay, path)) = written(context, config, stage) {
                let environment = context.name_of(overlay);
                let message = format!(
                    "Kargo promotes to stage `{stage}` automatically, and the stage writes into {}, an overlay of {environment}",
                    overlay.path
                );
                let cause = Cause::new("kargo").with(stage);
                let draft = Draft::new(Severity::Warning, automatic.origin, cause, message)
                    .help(format!(
                        "remove `autoPromotionEnabled` for `{stage}`, so that a person promotes to {environment}"
                    ))
                    .related(path.origin, "this step writes there");
                sink.report(context, Some(overlay), draft);
            }
        }
    }
}

/// The overlay of a protected environment that a step of a stage writes into, and the path in the
/// step.
fn written<'a>(
    context: &Context<'a>,
    config: &Control,
    stage: &str,
) -> Option<(&'a Overlay, &'a Node)> {
    // the namespace of a project has the project's name
    let project = config.namespace().unwrap_or(config.name());
    let stages = context.controls().iter().filter(|control| {
        control.is("Stage", GROUP)
            && control.name() == stage
            && control
                .namespace()
                .is_none_or(|namespace| namespace == project)
    });
    let steps = stages
        .filter_map(|stage| {
            let node: &'a Node = stage.node;
            node.at(&["spec", "promotionTemplate", "spec", "steps"])
        })
        .flat_map(Node::items);
    let paths: Vec<&'a Node> = steps
        .filter_map(|step| step.at(&["config", "path"]))
        .collect();
    let repo: &'a crate::repo::Repo = context.repo;
    paths.into_iter().find_map(|path| {
        let text = path.text()?.trim_start_matches("./");
        // the first folder is the one that the repository is checked out to
        let (_, inside) = text.split_once('/')?;
        let overlays = repo.overlays.iter();
        let mut protected = overlays.filter(|overlay| repo.protected(overlay));
        let overlay = protected.find(|overlay| is_below(inside, &overlay.path))?;
        Some((overlay, path))
    })
}
