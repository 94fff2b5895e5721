//! What a promotion should have brought along. The base has these differences as well, since the
//! environment before went ahead; they are news all the same when its image follows without them.
//!
//! A difference that was there when the earlier environment ran what the later one runs at the base
//! is a standing one, and no news. Not here: the differences (the rules), the past of an
//! environment (`history`).

use crate::finding::Finding;
use crate::history::{Images, images, share_version};
use crate::repo::Overlay;
use crate::rules::{Category, Context, find, of_pair};

/// Takes out of the findings of the base what the promotions of the change leave behind.
pub fn forget(known: &mut Vec<Finding>, head: &Context, base: &Context) {
    let found = left_behind(head, base);
    known.retain(|finding| !found.iter().any(|other| is_same(finding, other)));
}

/// A pair of the base revision whose later overlay gets other images by the change.
struct Promotion<'a> {
    from: &'a Overlay,
    to: &'a Overlay,
    /// What those images were.
    replaced: Images,
    /// What the two differ in.
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

/// A pair with a promotion, where the earlier environment went ahead and something differs.
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
        images(&before.rendered, &head.repo.files)
    };
    replaced.retain(|name, _| moved.iter().any(|used| used.name == *name));
    if replaced.is_empty() || share_version(&images(&from.rendered, &head.repo.files), &replaced) {
        return None;
    }
    let mut findings = of_pair(base, from, before);
    // the images themselves are what the promotion is about
    findings.retain(|finding| {
        find(&finding.rule).is_none_or(|rule| rule.metadata().category != Category::Images)
    });
    (!findings.is_empty()).then_some(Promotion {
        from,
        to: before,
        replaced,
        findings,
    })
}

/// Whether two findings of a revision are the same.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.identity() == other.identity() && one.overlay == other.overlay
}
