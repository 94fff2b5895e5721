//! Differences that a promotion leaves behind. Staging gets a new image and a new variable; later,
//! production gets the image without the variable. The missing variable already is a finding at the
//! base, because staging went ahead, but the promotion makes it a new finding.
//!
//! A difference is not new if it already existed when staging ran the image that production runs at
//! the base. Not here: the differences (the rules), the past of an environment (`history`).

use crate::finding::Finding;
use crate::history::{Images, images, share_version};
use crate::repo::Overlay;
use crate::rules::{Category, Context, of_pair};

/// Removes from the findings of the base those that a promotion in the change leaves behind, so
/// that they are reported as new.
pub fn forget(known: &mut Vec<Finding>, head: &Context, base: &Context) {
    let found = left_behind(head, base);
    known.retain(|finding| !found.iter().any(|other| is_same(finding, other)));
}

/// A pair of the base revision whose later overlay gets other images with the change.
struct Promotion<'a> {
    from: &'a Overlay,
    to: &'a Overlay,
    /// The images that they replace.
    replaced: Images,
    /// The findings about the differences between the two overlays.
    findings: Vec<Finding>,
}

fn left_behind(head: &Context, base: &Context) -> Vec<Finding> {
    let Some(proofs) = head.proofs else {
        return Vec::new();
    };
    let pairs = head
        .judged_pairs()
        .filter(|(_, to)| head.repo.protected(to));
    let promotions: Vec<Promotion> = pairs
        .filter_map(|(from, to)| promotion(head, base, from, to))
        .collect();
    let wanted: Vec<(&Overlay, &Images)> = promotions
        .iter()
        .map(|promotion| (promotion.from, &promotion.replaced))
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let then = proofs.when_it_ran(&wanted);
    let found = promotions
        .into_iter()
        .zip(then)
        .filter_map(|(promotion, then)| {
            let standing = of_pair(base, &then?, promotion.to);
            let new =
                move |finding: &Finding| !standing.iter().any(|other| is_same(finding, other));
            Some(promotion.findings.into_iter().filter(new))
        });
    found.flatten().collect()
}

/// The promotion of a pair. `None` if no image moved, if the earlier environment still runs the
/// version that the change replaces, or if the two overlays do not differ otherwise.
fn promotion<'a>(
    head: &Context<'a>,
    base: &Context,
    from: &Overlay,
    to: &Overlay,
) -> Option<Promotion<'a>> {
    let (from, before) = (head.at_base(from)?, head.at_base(to)?);
    let moved = head.moved_images(to);
    let mut replaced = if moved.is_empty() {
        Images::new()
    } else {
        images(&before.rendered, head.repo)
    };
    replaced.retain(|name, _| moved.iter().any(|used| used.name == *name));
    if replaced.is_empty() || share_version(&images(&from.rendered, head.repo), &replaced) {
        return None;
    }
    let mut findings = of_pair(base, from, before);
    // the images themselves are what the promotion is about
    findings.retain(|finding| {
        let rule = head.rules().find(&finding.rule);
        rule.is_none_or(|rule| rule.metadata().category != Category::Images)
    });
    (!findings.is_empty()).then_some(Promotion {
        from,
        to: before,
        replaced,
        findings,
    })
}

/// True if two findings of a revision are the same.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.identity() == other.identity() && one.overlay == other.overlay
}
