//! Flux: ImageUpdateAutomations, the `$imagepolicy` markers that they follow, and the ImagePolicies
//! behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::selects;
use crate::finding::{Cause, Severity};
use crate::repo::{AgentKind, Overlay};
use crate::rules::shared::controls::{Control, agents_of};
use crate::rules::{Context, Draft, Sink};
use crate::source::join;
use crate::yaml::{By, FileId, Node, Origin};

const IMAGE: &str = "image.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";

/// A comment that makes a value follow an ImagePolicy: `# {"$imagepolicy": "flux-system:api:tag"}`.
struct Marker<'a> {
    origin: Origin,
    namespace: &'a str,
    policy: &'a str,
    /// `name`, `tag`, `digest`, or nothing for the whole reference.
    field: &'a str,
    /// The line that it stands in.
    line: usize,
}

impl Marker<'_> {
    fn cause(&self, kind: &'static str) -> Cause {
        Cause::new(kind)
            .with(self.namespace)
            .with(self.policy)
            .with(self.field)
    }
}

/// A file with markers, and who renders from it: protected overlays first.
struct Marked<'a> {
    file: FileId,
    path: &'a str,
    text: &'a str,
    markers: Vec<Marker<'a>>,
    readers: Vec<&'a Overlay>,
}

/// Where an automation pushes to, as seen from an overlay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Push {
    /// The branch that the overlay is applied from.
    Live,
    /// Another one, which may become a pull request.
    Elsewhere,
    /// A branch of which the repo does not say what is applied from it.
    Unknown,
}

/// Reports what writes into protected environments by itself, and markers that do something else
/// than they say.
pub fn check(context: &Context, sink: &mut Sink) {
    let texts = marked_files(context);
    let files: Vec<Marked> = texts
        .iter()
        .map(|(file, path, text, readers)| Marked {
            file: *file,
            path,
            text,
            markers: markers(*file, text),
            readers: readers.clone(),
        })
        .collect();
    if files.is_empty() {
        return;
    }
    let is_active = |control: &&Control| {
        control.is("ImageUpdateAutomation", IMAGE)
            && control
                .node
                .at(&["spec", "suspend"])
                .and_then(Node::as_bool)
                != Some(true)
            && control
                .text(&["spec", "update", "strategy"])
                .is_none_or(|strategy| strategy == "Setters")
    };
    let automations: Vec<&Control> = context.controls().iter().filter(is_active).collect();
    let mut told: BTreeSet<(FileId, u32)> = BTreeSet::new();
    for automation in &automations {
        writes(context, automation, &files, &mut told, sink);
    }
    for file in &files {
        for marker in &file.markers {
            let covering: Vec<&Control> = automations
                .iter()
                .copied()
                .filter(|automation| covers(context, automation, file, marker))
                .collect();
            // one that nothing in the repo follows may be left over
            if !covering.is_empty() || automations.is_empty() {
                if !told.contains(&(file.file, marker.origin.start)) {
                    feeds_two(
                        context,
                        (file, marker),
                        &files,
                        (&automations, &covering),
                        sink,
                    );
                }
                stuck(context, file, marker, sink);
            }
        }
    }
}

type Text<'a> = (FileId, String, String, Vec<&'a Overlay>);

/// The files of overlays that hold markers.
fn marked_files<'a>(context: &Context<'a>) -> Vec<Text<'a>> {
    let repo: &'a crate::repo::Repo = context.repo;
    let mut readers: BTreeMap<FileId, Vec<&Overlay>> = BTreeMap::new();
    for overlay in context
        .judged()
        .filter(|overlay| overlay.environment.is_some())
    {
        for file in &overlay.rendered.files {
            readers.entry(*file).or_default().push(overlay);
        }
    }
    let marked = readers.into_iter().filter_map(|(file, mut readers)| {
        let source = repo.files.get(file);
        if !source.text.contains("$imagepolicy") {
            return None;
        }
        readers.sort_by_key(|overlay| !repo.protected(overlay));
        Some((
            file,
            source.path.to_string(),
            source.text.to_string(),
            readers,
        ))
    });
    let mut marked: Vec<Text> = marked.collect();
    marked.sort_by(|one, other| one.1.cmp(&other.1));
    marked
}

fn markers(file: FileId, text: &str) -> Vec<Marker<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if let Some(marker) = marker(file, start, line) {
            found.push(Marker {
                line: number,
                ..marker
            });
        }
        start += line.len();
    }
    found
}

fn marker(file: FileId, start: usize, line: &str) -> Option<Marker<'_>> {
    let at = line.find("\"$imagepolicy\"")?;
    let open = line
        .get(..at)?
        .rfind('{')
        .filter(|open| line.get(..*open).is_some_and(|before| before.contains('#')))?;
    let rest = line
        .get(at + "\"$imagepolicy\"".len()..)?
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    let (value, after) = rest.split_once('"')?;
    let end = line.len() - after.len() + after.find('}').map_or(0, |close| close + 1);
    let mut parts = value.split(':');
    let (namespace, policy) = (parts.next()?, parts.next()?);
    let origin = Origin {
        file,
        start: u32::try_from(start + open).ok()?,
        end: u32::try_from(start + end).ok()?,
        by: By::Manifest,
    };
    Some(Marker {
        origin,
        namespace,
        policy,
        field: parts.next().unwrap_or_default(),
        line: 0,
    })
}

/// Whether an automation changes the value of a marker, wherever it pushes to.
fn covers(context: &Context, automation: &Control, file: &Marked, marker: &Marker) -> bool {
    let folder = join(
        "",
        automation
            .text(&["spec", "update", "path"])
            .unwrap_or(".")
            .trim_start_matches('/'),
    )
    .unwrap_or_default();
    let inside = folder.is_empty()
        || file
            .path
            .strip_prefix(&*folder)
            .is_some_and(|rest| rest.starts_with('/'));
    // policies are looked up beside the automation
    let beside = automation
        .namespace()
        .is_none_or(|namespace| namespace == marker.namespace);
    let selector = automation.node.at(&["spec", "policySelector"]);
    let selected = policy(context, marker)
        .is_none_or(|policy| selector.is_none_or(|selector| selects(selector, policy.node)));
    inside && beside && selected
}

/// The ImagePolicy of a marker.
fn policy<'c, 'a>(context: &'c Context<'a>, marker: &Marker) -> Option<&'c Control<'a>> {
    let mut policies = context
        .controls()
        .iter()
        .filter(|control| control.is("ImagePolicy", IMAGE));
    policies.find(|policy| {
        policy.name() == marker.policy
            && policy
                .namespace()
                .is_none_or(|namespace| namespace == marker.namespace)
    })
}

/// The GitRepository that an object reads.
fn repository<'c, 'a>(
    context: &'c Context<'a>,
    object: &Node,
    environment: Option<usize>,
) -> Option<&'c Control<'a>> {
    let text = |path: &[&str]| {
        object
            .at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let name = text(&["spec", "sourceRef", "name"])?;
    let namespace = text(&["spec", "sourceRef", "namespace"]).or(text(&["metadata", "namespace"]));
    let same = |control: &&Control| {
        let there = control.namespace();
        control.is("GitRepository", SOURCE)
            && control.name() == name
            && (there.is_none() || namespace.is_none() || there == namespace)
            && control.reaches(environment)
    };
    context.controls().iter().find(same)
}

/// The branch of a GitRepository.
fn branch_of<'a>(repository: &Control<'a>) -> Option<&'a str> {
    repository.text(&["spec", "ref", "branch"])
}

/// Where an automation pushes to, and the name of the branch as far as it is known.
fn push<'c>(
    context: &'c Context,
    automation: &Control<'c>,
    overlay: &Overlay,
) -> (Push, Option<&'c str>) {
    let own = repository(context, automation.node, automation.environment);
    let flux = agents_of(context, overlay)
        .into_iter()
        .find(|pointer| pointer.agent.kind == AgentKind::Flux);
    let applied =
        flux.and_then(|pointer| repository(context, &pointer.object, overlay.environment));
    let url = |control: &Control<'c>| control.text(&["spec", "url"]);
    if let (Some(own), Some(applied)) = (own, applied)
        && url(own).is_some()
        && url(applied).is_some()
        && url(own) != url(applied)
    {
        // another repository is none of ours to judge
        return (Push::Elsewhere, None);
    }
    let read = automation
        .text(&["spec", "git", "checkout", "ref", "branch"])
        .or_else(|| own.and_then(branch_of));
    let live = applied.and_then(branch_of);
    let pushed = automation.text(&["spec", "git", "push", "branch"]);
    let refspec = automation.text(&["spec", "git", "push", "refspec"]);
    let target = refspec
        .map(|refspec| refspec.rsplit(':').next().unwrap_or(refspec))
        .map(|target| target.trim_start_matches("refs/heads/"));
    let followed = live.or(read.filter(|_| pushed.is_some() || refspec.is_some()));
    let is_live = |branch: &str| followed.map(|followed| branch == followed);
    if let Some(target) = target
        && is_live(target) == Some(true)
    {
        return (Push::Live, Some(target));
    }
    match (pushed, read) {
        (Some(branch), _) => (
            is_live(branch).map_or(Push::Unknown, |live| {
                if live { Push::Live } else { Push::Elsewhere }
            }),
            Some(branch),
        ),
        // without a branch of its own it pushes to the one that it reads, besides any refspec
        (None, Some(branch)) => (
            if live.is_none_or(|live| live == branch) {
                Push::Live
            } else {
                Push::Elsewhere
            },
            Some(branch),
        ),
        (None, None) => (Push::Live, None),
    }
}

/// Reports the protected environments into which an automation writes.
fn writes(
    context: &Context,
    automation: &Control,
    files: &[Marked],
    told: &mut BTreeSet<(FileId, u32)>,
    sink: &mut Sink,
) {
    let git = automation
        .text(&["spec", "sourceRef", "kind"])
        .is_none_or(|kind| kind == "GitRepository");
    let written = automation.node.at(&["spec", "update", "path"]);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for file in files.iter().filter(|_| git) {
        let mut covered = file
            .markers
            .iter()
            .filter(|marker| covers(context, automation, file, marker))
            .peekable();
        let Some(first) = covered.peek().map(|marker| marker.origin) else {
            continue;
        };
        let mut live = false;
        for overlay in file
            .readers
            .iter()
            .filter(|overlay| context.repo.protected(overlay))
        {
            let (push, branch) = push(context, automation, overlay);
            live |= push == Push::Live;
            if push == Push::Elsewhere || !seen.insert(&overlay.path) {
                continue;
            }
            let environment = context.side(overlay);
            let (name, branch) = (automation.name(), branch.unwrap_or_default());
            let (severity, how) = match push {
                Push::Unknown => (
                    Severity::Warning,
                    format!("pushes them to `{branch}`, which {environment} may be applied from"),
                ),
                _ if branch.is_empty() => (
                    Severity::Error,
                    "pushes them to the branch that it reads".to_string(),
                ),
                _ => (
                    Severity::Error,
                    format!("pushes them to `{branch}`, which {environment} is applied from"),
                ),
            };
            let origin = written.map_or(automation.node.origin, |path| path.origin);
            let message = format!(
                "ImageUpdateAutomation `{name}` writes new versions into {environment} and {how}"
            );
            let cause = Cause::new("writes").with(name).with(branch);
            let mut draft = Draft::new(severity, origin, cause, message)
                .help("narrow `spec.update.path`, remove the marker, or push to another branch and open a pull request")
                .related(first, "it updates this value");
            draft.path = written.map(|_| "/spec/update/path".to_string());
            draft.resource = Some(automation.id());
            sink.report(context, Some(overlay), draft);
        }
        if live {
            told.extend(covered.map(|marker| (file.file, marker.origin.start)));
        }
    }
}

/// Reports a policy that moves a protected environment and an earlier one at the same time.
/// Clusters may each have a policy of one name, so both markers must be followed in one of them.
fn feeds_two(
    context: &Context,
    (file, marker): (&Marked, &Marker),
    files: &[Marked],
    (automations, covering): (&[&Control], &[&Control]),
    sink: &mut Sink,
) {
    let Some(overlay) = file
        .readers
        .first()
        .filter(|overlay| context.repo.protected(overlay))
    else {
        return;
    };
    let same =
        |other: &&Marker| other.policy == marker.policy && other.namespace == marker.namespace;
    let policies = context
        .controls()
        .iter()
        .filter(|control| control.is("ImagePolicy", IMAGE) && control.name() == marker.policy)
        .count();
    let together = |other: &Marked, follower: &Marker| match covering {
        [] => policies == 1,
        _ => covering.iter().any(|one| {
            let beside = automations
                .iter()
                .filter(|automation| automation.environment == one.environment);
            beside
                .into_iter()
                .any(|automation| covers(context, automation, other, follower))
        }),
    };
    let earlier = files.iter().find_map(|other| {
        let reader = other
            .readers
            .iter()
            .find(|reader| !context.repo.protected(reader))?;
        Some((
            other
                .markers
                .iter()
                .filter(same)
                .find(|follower| together(other, follower))?,
            reader,
        ))
    });
    let Some((other, reader)) = earlier else {
        return;
    };
    let (environment, before) = (context.side(overlay), context.side(reader));
    let message = format!(
        "ImagePolicy `{}` updates {environment} and {before} at once, so nothing is promoted",
        marker.policy
    );
    let severity = if covering.is_empty() {
        Severity::Warning
    } else {
        Severity::Error
    };
    let draft = Draft::new(severity, marker.origin, marker.cause("feeds-two"), message);
    let draft = draft.help(format!(
        "remove the marker in {environment}, and promote what ran in {before}"
    ));
    let draft = if other.origin == marker.origin {
        draft
    } else {
        draft.related(other.origin, format!("the marker in {before}"))
    };
    sink.report(context, Some(overlay), draft);
}

/// Reports a marker that does not do what it says.
fn stuck(context: &Context, file: &Marked, marker: &Marker, sink: &mut Sink) {
    let Some(overlay) = file.readers.first() else {
        return;
    };
    let protected = context.repo.protected(overlay);
    let policies = context
        .controls()
        .iter()
        .any(|control| control.is("ImagePolicy", IMAGE));
    match policy(context, marker) {
        None if policies && protected => {
            let message = format!(
                "this marker follows ImagePolicy `{}:{}`, which does not exist in this repository",
                marker.namespace, marker.policy
            );
            let cause = marker.cause("missing-policy");
            let draft = Draft::new(Severity::Warning, marker.origin, cause, message);
            sink.report(
                context,
                Some(overlay),
                draft.help("correct the name, or remove the marker"),
            );
        }
        Some(policy) if protected && takes_anything(policy).is_some() => {
            let why = takes_anything(policy).unwrap_or_default();
            let message = format!(
                "ImagePolicy `{}` may give {} a build that is not a release: {why}",
                marker.policy,
                context.name_of(overlay)
            );
            let cause = marker.cause("any-build");
            let draft = Draft::new(Severity::Warning, marker.origin, cause, message)
                .help("narrow the policy with `filterTags` or a range of releases");
            sink.report(
                context,
                Some(overlay),
                draft.related(policy.node.origin, "the policy"),
            );
        }
        Some(policy) if marker.field == "digest" => {
            let reflected = policy
                .text(&["spec", "digestReflectionPolicy"])
                .unwrap_or("Never");
            if reflected == "Never" {
                let message = format!(
                    "ImagePolicy `{}` reports no digest, so this value never changes",
                    marker.policy
                );
                let cause = marker.cause("no-digest");
                let draft = Draft::new(Severity::Warning, marker.origin, cause, message)
                    .help("set `digestReflectionPolicy: IfNotPresent` in the policy");
                sink.report(
                    context,
                    Some(overlay),
                    draft.related(policy.node.origin, "the policy"),
                );
            }
        }
        _ => {}
    }
    report_stale_digest(context, file, (marker, overlay), sink);
}

/// Reports a marker of a tag beside a digest that nothing updates: the digest decides what runs.
fn report_stale_digest(
    context: &Context,
    file: &Marked,
    (marker, overlay): (&Marker, &Overlay),
    sink: &mut Sink,
) {
    if matches!(marker.field, "" | "tag")
        && let Some(digest) = sibling_digest(file, marker)
    {
        let message = format!(
            "ImagePolicy `{}` updates the tag but not the digest beside it, so the old image keeps running",
            marker.policy
        );
        let severity = if context.repo.protected(overlay) {
            Severity::Error
        } else {
            Severity::Warning
        };
        let help = "give the digest a marker with `:digest`, or remove the digest";
        sink.report(
            context,
            Some(overlay),
            Draft::new(
                severity,
                marker.origin,
                marker.cause("stale-digest"),
                message,
            )
            .help(help)
            .related(digest, "this digest is not updated"),
        );
    }
}

/// Why a policy may choose a build that is not a release: an order of any tags, or a range that
/// takes prereleases.
fn takes_anything(policy: &Control) -> Option<String> {
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

/// The `digest` without a marker in the entry of `images` whose `newTag` carries one.
fn sibling_digest(file: &Marked, marker: &Marker) -> Option<Origin> {
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    if !name.starts_with("kustomization.") && name != "Kustomization" {
        return None;
    }
    let lines: Vec<&str> = file.text.split_inclusive('\n').collect();
    let column = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let wanted = lines
        .get(marker.line)
        .filter(|line| line.trim_start_matches([' ', '-']).starts_with("newTag:"))
        .map(|line| column(line))?;
    let begins = |line: &str| line.trim_start().starts_with('-');
    let first = (0..=marker.line)
        .rev()
        .find(|at| lines.get(*at).is_some_and(|line| begins(line)))?;
    let rest = lines.iter().enumerate().skip(first + 1);
    let last = rest
        .take_while(|(_, line)| !begins(line) && (line.trim().is_empty() || column(line) >= wanted))
        .last()
        .map_or(first, |(at, _)| at);
    let (at, line) = (first..=last).find_map(|at| {
        let line = lines.get(at)?;
        let is_digest = column(line) == wanted
            && line.trim_start_matches([' ', '-']).starts_with("digest:")
            && !line.contains("$imagepolicy");
        is_digest.then_some((at, *line))
    })?;
    let start: usize = lines.iter().take(at).map(|line| line.len()).sum();
    let (start, end) = (start + column(line), start + line.trim_end().len());
    Some(Origin {
        file: file.file,
        start: u32::try_from(start).ok()?,
        end: u32::try_from(end).ok()?,
        by: By::Manifest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_flux_reads_them() {
        let text = "a: b:1 # {\"$imagepolicy\": \"flux-system:api\"}\nnewTag: 1 # {\"$imagepolicy\": \"ns:web:tag\"}\n\"$imagepolicy\": no\n";
        let found = markers(FileId(0), text);
        let shown: Vec<_> = found
            .iter()
            .map(|marker| (marker.line, marker.namespace, marker.policy, marker.field))
            .collect();
        assert_eq!(
            shown,
            [(0, "flux-system", "api", ""), (1, "ns", "web", "tag")]
        );
        let origin = found[0].origin;
        assert_eq!(
            &text[origin.start as usize..origin.end as usize],
            "{\"$imagepolicy\": \"flux-system:api\"}"
        );
    }

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

    #[test]
    fn a_digest_beside_a_tag_is_found_in_its_own_entry_only() {
        let digest = |text: &str| {
            let markers = markers(FileId(0), text);
            let file = Marked {
                file: FileId(0),
                path: "a/kustomization.yaml",
                text,
                markers: Vec::new(),
                readers: Vec::new(),
            };
            sibling_digest(&file, &markers[0])
                .map(|origin| text[origin.start as usize..origin.end as usize].to_string())
        };
        let marker = "# {\"$imagepolicy\": \"f:a:tag\"}";
        assert_eq!(
            digest(&format!(
                "images:\n- name: a\n  newTag: 1 {marker}\n  digest: sha256:1\n"
            ))
            .as_deref(),
            Some("digest: sha256:1")
        );
        assert_eq!(
            digest(&format!(
                "images:\n- digest: sha256:1\n  newTag: 1 {marker}\n"
            ))
            .as_deref(),
            Some("digest: sha256:1")
        );
        assert_eq!(
            digest(&format!(
                "images:\n- name: a\n  newTag: 1 {marker}\n- name: b\n  digest: sha256:1\n"
            )),
            None
        );
        assert_eq!(
            digest(&format!(
                "images:\n- name: a\n  newTag: 1 {marker}\nreplicas: []\n"
            )),
            None
        );
    }
}
