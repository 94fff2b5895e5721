//! Merges findings with one cause: a problem in a base is reported once, for the most protected
//! overlay, and the finding lists the other overlays. Also computes fingerprints that do not change
//! when lines move.
//!
//! Not here: the order of findings (`finding`), suppressions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::finding::{Finding, Located, OverlayRef};
use crate::repo::Repo;
use crate::source::{Files, SourceFile};

/// Joins findings with one cause: those of one place with the same identity there.
pub(super) fn merge(findings: Vec<Finding>, repo: &Repo) -> Vec<Finding> {
    let mut causes: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let place = finding.origin;
        let key = (
            (place.file, place.start, place.end),
            finding.identity().of_place(),
        );
        causes.entry(key).or_default().push(index);
    }
    let groups: Vec<Vec<usize>> = causes.into_values().collect();
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    let mut take = |index: usize| findings.get_mut(index).and_then(Option::take);
    let order = PromotionOrder::of(repo);
    groups
        .into_iter()
        .filter_map(|group| join(group.into_iter().filter_map(&mut take).collect(), &order))
        .collect()
}

/// The environments by name, each with whether it is protected and its place in the order.
struct PromotionOrder<'r>(BTreeMap<&'r str, (bool, usize)>);

impl<'r> PromotionOrder<'r> {
    fn of(repo: &'r Repo) -> PromotionOrder<'r> {
        let environments = repo.environments.iter().enumerate();
        PromotionOrder(
            environments
                .map(|(at, known)| (known.name.as_str(), (known.protected, at)))
                .collect(),
        )
    }

    /// The importance of a finding among others of one cause: the most protected environment wins,
    /// then the higher severity, then the later environment.
    fn importance(&self, finding: &Finding) -> impl Ord + use<> {
        let found = finding.environment().and_then(|name| self.0.get(name));
        let (protected, at) =
            found.map_or((false, None), |(protected, at)| (*protected, Some(*at)));
        (protected, finding.severity, at)
    }
}

/// The most important of several findings with one cause, which lists the overlays of the others.
fn join(mut group: Vec<Finding>, order: &PromotionOrder) -> Option<Finding> {
    fn tie(finding: &Finding) -> impl Ord + '_ {
        (
            &finding.overlay,
            &finding.resource,
            &finding.path,
            &finding.message,
        )
    }
    group.sort_by(|a, b| {
        let importance = order.importance(b).cmp(&order.importance(a));
        importance.then_with(|| tie(a).cmp(&tie(b)))
    });
    let mut group = group.into_iter();
    let mut kept = group.next()?;
    for other in group {
        let path = other.overlay_path().map(str::to_string);
        kept.also_in
            .extend(path.filter(|path| Some(path.as_str()) != kept.overlay_path()));
        kept.also_in.extend(other.also_in);
    }
    kept.also_in.sort();
    kept.also_in.dedup();
    Some(kept)
}

/// Gives each finding its fingerprint: a hash of rule, object, value, cause and overlay. It does not
/// change if lines move, if files and folders are renamed, or if messages are reworded. Findings that
/// are equal in all of these are numbered, so they must be in their final order.
pub(super) fn fingerprint(findings: &mut [Located], files: &Files) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for located in findings {
        let mut print = digest(&identifying_parts(located, files));
        while let Some(count) = seen.get_mut(&print) {
            *count += 1;
            print = digest(&[&print, &count.to_string()]);
        }
        seen.insert(print.clone(), 0);
        located.finding.fingerprint = print;
    }
}

/// The parts of a fingerprint. An overlay is named by its environment and variant, which stay when its
/// folder moves. A finding about an object needs no more. Any other finding is identified by its app
/// and line as well, and by the file's name or, outside of overlays, its path.
fn identifying_parts<'l>(located: &'l Located, files: &Files) -> Vec<Cow<'l, str>> {
    let finding = &located.finding;
    let resource = finding.resource.as_ref();
    let overlay = finding.overlay.as_deref();
    let path = &*located.location.file;
    let place = match (resource, overlay) {
        (Some(_), _) => "",
        (None, Some(_)) => path.rsplit('/').next().unwrap_or(path),
        (None, None) => path,
    };
    let text = match (finding.cause.standing, resource) {
        (true, _) => String::new(),
        (false, Some(_)) => value_at(located, files),
        (false, None) => told_line(located, &files.get(finding.origin.file)),
    };
    let (kind, namespace, name) = resource.map_or(("", "", ""), |resource| {
        let namespace = resource.namespace.as_deref().unwrap_or_default();
        (&*resource.kind, namespace, resource.lasting_name())
    });
    let of_overlay =
        |part: fn(&OverlayRef) -> Option<&str>| overlay.and_then(part).unwrap_or_default();
    // the name of an app is often that of its folder, and objects are told apart by their own names
    let app = match resource {
        Some(_) => "",
        None => of_overlay(|overlay| Some(&overlay.app)),
    };
    let mut parts: Vec<Cow<str>> = vec![
        finding.rule.as_str().into(),
        place.into(),
        text.into(),
        kind.into(),
        namespace.into(),
        name.into(),
        finding.path.as_deref().unwrap_or_default().into(),
        app.into(),
        of_overlay(|overlay| overlay.environment.as_deref()).into(),
        of_overlay(|overlay| overlay.variant.as_deref()).into(),
        (&*finding.cause.kind).into(),
    ];
    parts.extend(finding.cause.facts.iter().map(|fact| fact.as_str().into()));
    parts
}

/// The value at the place of a finding, so that another value is another finding. Empty for a list or
/// a map: in `{memory: null}`, another key may come and go without a change of what was found.
fn value_at(located: &Located, files: &Files) -> String {
    let file = files.get(located.finding.origin.file);
    let span = located.location.byte_start..located.location.byte_end;
    let text = file.text.get(span).unwrap_or_default();
    if text.contains(['\n', '{', '[']) || text.contains(": ") {
        return String::new();
    }
    text.trim().to_string()
}

/// Lines up to this length identify a finding as a whole, in bytes.
const LONGEST_LINE: usize = 4096;

/// The text of a finding's line. Of a file in one long line only the start of the finding's own text
/// counts: thousands of findings would hash all of the line as often.
fn told_line(located: &Located, file: &SourceFile) -> String {
    let line = file.line(located.location.line).trim();
    if line.len() <= LONGEST_LINE {
        return line.to_string();
    }
    let own = file.text.get(located.location.byte_start..);
    own.unwrap_or_default().chars().take(256).collect()
}

fn digest<T: AsRef<str>>(parts: &[T]) -> String {
    let mut hash = Sha256::new();
    for part in parts.iter().map(AsRef::as_ref) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
