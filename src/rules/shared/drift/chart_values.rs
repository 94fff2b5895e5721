//! Values of charts that are not rendered: switches, commands and arguments, which should be the
//! same in all environments. Other values have a meaning that only the chart knows.
//!
//! ```yaml
//! values:
//!   cache: {enabled: false}      # staging has `true`
//! ```

use crate::compare::{Step, ValueChange};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The keys that switch a part of a chart on or off.
const SWITCHES: [&str; 2] = ["enabled", "create"];
/// The keys that say how a program is started.
const COMMANDS: [&str; 3] = ["command", "args", "extraArgs"];

/// True if a difference of values counts as drift.
pub(super) fn counts(object: &Resource, change: &ValueChange) -> bool {
    let is_key = |wanted: &[&str]| {
        let keys = change.steps.iter();
        keys.filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item { .. } => None,
        })
        .any(|key| wanted.contains(&key))
    };
    let above: &[&str] = match object.kind() {
        "HelmRelease" => &["values"],
        "Application" => &["valuesObject"],
        "HelmChart" => &["valuesInline"],
        _ => return false,
    };
    if !is_key(above) {
        return false;
    }
    let last = change.steps.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Item { .. } => None,
    });
    let is_switch = last.is_some_and(|key| SWITCHES.contains(&key));
    let flag = |node: &Option<Node>| node.as_ref().and_then(Node::as_bool);
    let differ = matches!((flag(&change.from), flag(&change.to)), (Some(a), Some(b)) if a != b);
    is_switch && differ || last.is_some_and(|key| COMMANDS.contains(&key))
}
