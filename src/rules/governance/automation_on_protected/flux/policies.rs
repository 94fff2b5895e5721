//! ImagePolicies: the one that a marker follows, and which tags it may choose.

use super::IMAGE;
use crate::rules::Context;
use crate::rules::engine::context::controls::Control;
use crate::rules::shared::flux_markers::Marker;

/// The ImagePolicies of the repo.
pub(super) fn policies<'c, 'a>(context: &'c Context<'a>) -> impl Iterator<Item = &'c Control<'a>> {
    let controls = context.controls().iter();
    controls.filter(|control| control.is("ImagePolicy", IMAGE))
}

/// The ImagePolicy that a marker follows.
pub(super) fn policy<'c, 'a>(context: &'c Context<'a>, marker: &Marker) -> Option<&'c Control<'a>> {
    policies(context).find(|policy| {
        policy.name() == marker.policy
            && policy
                .namespace()
                .is_none_or(|namespace| namespace == marker.namespace)
    })
}

/// Why a policy may choose a build that is not a release: it orders all tags, or its range includes
/// prereleases.
pub(super) fn takes_anything(policy: &Control) -> Option<String> {
    if let Some(range) = policy.text(&["spec", "policy", "semver", "range"]) {
        let mut parts = range.split('-').skip(1);
        let prerelease =
            parts.any(|part| part.starts_with(|letter: char| letter.is_ascii_alphanumeric()));
        return prerelease.then(|| format!("its range `{range}` includes prereleases"));
    }
    let ordered = ["alphabetical", "numerical"]
        .into_iter()
        .find(|order| policy.node.at(&["spec", "policy", order]).is_some())?;
    policy
        .node
        .at(&["spec", "filterTags"])
        .is_none()
        .then(|| format!("it accepts any tag, in {ordered} order"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;

    #[test]
    fn a_range_of_releases_takes_no_prerelease() {
        use crate::yaml::read::read;
        let why = |text: &str| {
            let node = read(&format!("spec: {text}\n"), FileId(0))
                .unwrap()
                .documents
                .remove(0);
            takes_anything(&Control {
                node: &node,
                overlay: None,
                environment: None,
            })
            .is_some()
        };
        assert!(
            !why("{policy: {semver: {range: '>=1.0.0 <2.0.0'}}}")
                && !why("{policy: {semver: {range: 1.0.0 - 2.0.0}}}")
        );
        assert!(
            why("{policy: {semver: {range: '>=1.0.0-0'}}}")
                && why("{policy: {semver: {range: '^1.0.0-rc.1'}}}")
        );
        assert!(
            why("{policy: {alphabetical: {order: asc}}}")
                && !why("{filterTags: {pattern: '^v'}, policy: {numerical: {order: asc}}}")
        );
    }
}
