//! Names that a change removes from the lists of bots, policies, data, compared kinds, records,
//! schemas, clusters, image fields and dependencies, and a baseline that it names.

use super::loosening::Loosening;
use crate::config::Config;
use crate::finding::Cause;
use crate::kubernetes::DeclaredField;
use crate::names::NamePattern;
use crate::wording;

pub(super) fn loosened(before: &Config, now: &Config) -> Vec<Loosening> {
    let mut found: Vec<Loosening> = bots(before, now).into_iter().collect();
    let kinds = |config: &Config| -> Vec<String> {
        let kinds = config.drift_kinds.iter();
        kinds.map(|(kind, _)| kind.clone()).collect()
    };
    let (kinds_before, kinds_now) = (kinds(before), kinds(now));
    for (kind, old, new, said) in [
        (
            "removed-data",
            &before.data,
            &now.data,
            ("no longer gives ", " to the policies"),
        ),
        (
            "removed-policies",
            &before.policies,
            &now.policies,
            ("no longer runs the policies ", ""),
        ),
        (
            "removed-kind",
            &kinds_before,
            &kinds_now,
            ("no longer compares ", " between environments"),
        ),
        (
            "removed-record",
            &before.records,
            &now.records,
            ("no longer checks the record ", ""),
        ),
        (
            "removed-schemas",
            &before.schemas,
            &now.schemas,
            ("no longer checks custom resources by ", ""),
        ),
    ] {
        let gone = old.iter().filter(|one| !new.contains(one));
        found.extend(gone.map(|one| {
            let message = format!("this change {}{one}{}", said.0, said.1);
            Loosening::removed(Cause::new(kind).with(one), message)
        }));
    }
    found.extend(dependencies(before, now));
    found.extend(value_names(before, now));
    found.extend(clusters(before, now));
    found.extend(image_fields(before, now));
    found.extend(baseline(before, now));
    found
}

/// Values of charts are not judged once nothing says what they mean.
fn value_names(before: &Config, now: &Config) -> Vec<Loosening> {
    let (old, new) = (&before.remotes.value_names, &now.remotes.value_names);
    let gone = old.iter().flat_map(|(usual, names)| {
        let kept = |name: &&String| new.get(usual).is_some_and(|names| names.contains(name));
        let gone = names.iter().filter(move |name| !kept(name));
        gone.map(move |name| (usual, name))
    });
    let loosening = gone.map(|(usual, name)| {
        Loosening::removed(
            Cause::new("removed-value").with(usual).with(name),
            format!("this change no longer reads `{name}` in the values of charts as `{usual}`"),
        )
    });
    loosening.collect()
}

fn bots(before: &Config, now: &Config) -> Option<Loosening> {
    let covered = |old: &&NamePattern| now.bots.iter().any(|new| new.matches(old.as_str()));
    let lost: Vec<&NamePattern> = before.bots.iter().filter(|old| !covered(old)).collect();
    (!lost.is_empty()).then(|| {
        let lost: Vec<&str> = lost.into_iter().map(NamePattern::as_str).collect();
        let names = wording::listed(&lost, 3);
        let cause = lost.iter().fold(Cause::new("removed-bots"), Cause::with);
        Loosening::removed(
            cause,
            format!("this change no longer counts {names} as bots"),
        )
    })
}

/// A baseline that the change names. What stands in it counts from the next change on.
fn baseline(before: &Config, now: &Config) -> Option<Loosening> {
    let (path, origin) = now.baseline.as_ref()?;
    let was = before.baseline.as_ref().map(|(path, _)| path);
    (was != Some(path)).then(|| {
        Loosening::at(
            *origin,
            Cause::new("added-baseline").with(path),
            format!("this change accepts the findings in the baseline `{path}`"),
        )
    })
}

/// Nothing that a generator makes for a cluster is checked once the cluster is not known.
fn clusters(before: &Config, now: &Config) -> Vec<Loosening> {
    let kept = |name: &str| now.clusters.iter().any(|cluster| cluster.name == name);
    let gone = before.clusters.iter().filter(|old| !kept(&old.name));
    let loosening = gone.map(|old| {
        Loosening::removed(
            Cause::new("removed-cluster").with(&old.name),
            format!(
                "this change hides the Applications of the cluster {}",
                old.name
            ),
        )
    });
    loosening.collect()
}

/// No version in a field is proved once nothing says that it holds images.
fn image_fields(before: &Config, now: &Config) -> Vec<Loosening> {
    let kept = |old: &DeclaredField| {
        let mut fields = now.image_fields.iter();
        fields.any(|new| {
            new.path == old.path
                && (new.group.is_none() || new.group == old.group)
                && new.kind.matches(old.kind.as_str())
        })
    };
    let gone = before.image_fields.iter().filter(|old| !kept(old));
    let loosening = gone.map(|old| {
        let (kind, path) = (&old.kind, old.path.join("/"));
        Loosening::removed(
            Cause::new("removed-image-field").with(kind).with(&path),
            format!("this change no longer reads images in `{path}` of {kind} objects"),
        )
    });
    loosening.collect()
}

fn dependencies(before: &Config, now: &Config) -> Vec<Loosening> {
    let mut found = Vec::new();
    for old in &before.dependencies {
        let kept = |need: &&NamePattern| {
            let mut same = now.dependencies.iter().filter(|new| new.app == old.app);
            same.any(|new| new.needs.contains(need))
        };
        for need in old.needs.iter().filter(|need| !kept(need)) {
            found.push(Loosening::removed(
                Cause::new("removed-dependency").with(&old.app).with(need),
                format!("this change lets {} be promoted before {need}", old.app),
            ));
        }
    }
    found
}
