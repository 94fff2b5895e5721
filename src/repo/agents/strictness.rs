//! Decides if Flux refuses variables that nothing sets. It does since 2.9, unless the feature gate
//! `StrictPostBuildSubstitutions` is off. Before that, such a variable became empty.
//!
//! The version is the one in `gotk-components.yaml`, or in a FluxInstance of the Flux Operator.

use std::cell::Cell;
use std::sync::Arc;

use super::Object;
use crate::kustomize::Renderer;
use crate::yaml::Node;

/// The gate, with the value that turns it off.
const OFF: &str = "StrictPostBuildSubstitutions=false";
const ON: &str = "StrictPostBuildSubstitutions=true";
/// The beginning of the file that `flux install --export` writes, before the version.
const HEADER: &str = "# Flux Version: v";
/// The first strict release.
const STRICT: (u64, u64) = (2, 9);
/// `gotk-components.yaml` is large because of its CustomResourceDefinitions.
const LARGEST: usize = 4 << 20;

/// True if variables without a value become empty in the clusters of a tree. If clusters differ, the
/// strict ones count.
pub(super) fn is_lenient(renderer: &Renderer, files: &[Arc<str>], objects: &[Object]) -> bool {
    let source = renderer.source();
    let components: Vec<&Arc<str>> = source
        .files()
        .iter()
        .filter(|path| path.ends_with("gotk-components.yaml"))
        .collect();
    let any = |wanted: &'static str| {
        let holds = |path: &Arc<str>| renderer.skim(path, LARGEST, |text| text.contains(wanted));
        let mut places = files.iter().chain(components.iter().copied());
        places.any(holds)
    };
    if any(ON) {
        return false;
    }
    if any(OFF) {
        return true;
    }
    let mut versions: Vec<(u64, u64)> = objects
        .iter()
        .filter(|object| object.node.get("kind").and_then(Node::text) == Some("FluxInstance"))
        .filter_map(|object| {
            let version = object.node.at(&["spec", "distribution", "version"])?;
            minor(version.text()?)
        })
        .collect();
    for path in &components {
        let found = Cell::new(None);
        renderer.skim(path, LARGEST, |text| {
            let at = text.find(HEADER).map(|at| at + HEADER.len());
            found.set(at.and_then(|at| minor(text.get(at..)?)));
            false
        });
        versions.extend(found.get());
    }
    versions.iter().max().is_some_and(|newest| *newest < STRICT)
}

/// The major and minor number of `2.6.4`, `v2.6`, `2.x` or `>=2.8.0`; a range without a minor number
/// takes the newest release.
fn minor(text: &str) -> Option<(u64, u64)> {
    let plain = text.trim_start_matches(['v', '=', '~', '^', '>', ' ']);
    let mut parts =
        plain.split(|character: char| !character.is_ascii_alphanumeric() && character != '*');
    let major = parts.next()?.parse().ok()?;
    let open = text.starts_with(['^', '>']);
    let minor = parts
        .next()
        .and_then(|minor| minor.parse().ok())
        .filter(|_| !open);
    Some((major, minor.unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_ranges() {
        for (text, expected) in [
            ("2.6.4\n# Components", Some((2, 6))),
            ("v2.9", Some((2, 9))),
            ("2.x", Some((2, u64::MAX))),
            ("2.7.x", Some((2, 7))),
            (">=2.8.0", Some((2, u64::MAX))),
            ("0.41.2", Some((0, 41))),
            ("main", None),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
    }
}
