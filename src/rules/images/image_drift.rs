//! # image-drift
//!
//! ## What
//!
//! A container uses a different image name in a protected environment than in the previous one.
//! Two names count as the same if `images.mirrors` in the configuration maps one to the other, or
//! if they differ only in the name of the environment (`acme/api-staging` and
//! `acme/api-production`).
//!
//! It is a warning. It is an error
//!
//! - if the change causes it (`--base`), and the previous environment never ran that image: until
//!   now, both environments used the same name;
//! - if the previous environment runs that image in another container, and both images come from one
//!   team's repository (`ghcr.io/acme`): then the two were mixed up.
//!
//! ## Why
//!
//! Equal tags or digests prove nothing if the two environments pull from unrelated repositories.
//!
//! ## Example
//!
//! ```yaml
//! # staging
//! images: [{name: api, newName: ghcr.io/acme/api}]
//! # production
//! images: [{name: api, newName: docker.io/acme-archive/api}]
//! ```
//!
//! ## Fix
//!
//! Use the same name in both environments. If one registry mirrors the other, declare it in
//! `.gitops-lint.yaml`:
//!
//! ```yaml
//! images:
//!   mirrors: [{from: ghcr.io/acme, to: registry.internal/acme}]
//! ```

use std::collections::HashMap;

use crate::compare::{self, Words};
use crate::finding::{Cause, Severity};
use crate::history::{self, Version, VersionKey};
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::engine::context::proofs::unproved;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct ImageDrift;

static METADATA: Metadata = Metadata {
    id: "image-drift",
    category: Category::Images,
    level: "warning; error if the change causes it, or if the image belongs to another container",
    severity: Severity::Warning,
    summary: "a container that runs from another registry or repository in production than in staging",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("image_drift.rs"),
};

impl Rule for ImageDrift {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        if !repo.protected(to) || !from.rendered.complete || !to.rendered.complete {
            return;
        }
        let (earlier, later) = (context.side(from), context.side(to));
        let words = (
            Words::of(from, &repo.environments),
            Words::of(to, &repo.environments),
        );
        let partners = compare::partners_and_releases(from, to, &repo.environments);
        let earlier_of: HashMap<*const Resource, *const Resource> = partners
            .iter()
            .map(|(before, after)| (std::ptr::from_ref(*after), std::ptr::from_ref(*before)))
            .collect();
        let mut images: HashMap<(*const Resource, &str), &ImageUse> = HashMap::new();
        for image in &context.facts(from).images {
            let key = (std::ptr::from_ref(image.resource), image.place.as_str());
            images.entry(key).or_insert(image);
        }
        for used in &context.facts(to).images {
            let before = earlier_of
                .get(&std::ptr::from_ref(used.resource))
                .and_then(|before| images.get(&(*before, used.place.as_str())));
            let Some(&before) = before else { continue };
            let (ours, theirs) = (used.image(), before.image());
            let (ours, theirs) = (
                context.config.upstream(ours.name),
                context.config.upstream(theirs.name),
            );
            // one registry host for each environment is common (`staging.registry/api`,
            // `production.registry/api`), so environment words do not count
            let alike = ours == theirs || words.1.strip(&ours) == words.0.strip(&theirs);
            if alike || ours.is_empty() || theirs.is_empty() {
                continue;
            }
            let message = format!(" uses `{ours}` in {later} but `{theirs}` in {earlier}");
            let cause = Cause::new("another-name").with(&ours).with(&theirs);
            let owner = context.facts(from).images.iter().find(|other| {
                context.config.upstream(other.image().name) == ours
                    && !std::ptr::eq(*other, before)
                    && are_of_one_team(&ours, &theirs)
            });
            let draft = match owner {
                Some(owner) => Draft::new(Severity::Error, used.name_origin, cause, message)
                    .help(format!(
                        "restore `{theirs}`: in {earlier}, `{ours}` is the image of {} of {} `{}`",
                        owner.place,
                        owner.resource.kind(),
                        owner.resource.name()
                    ))
                    .related(
                        owner.name_origin,
                        format!("the container of {earlier} that runs it"),
                    ),
                None => Draft::new(
                    unowned_severity(context, (from, to), used, &theirs),
                    used.name_origin,
                    cause,
                    message,
                )
                .help("use the same name in both, or map the mirror under `images.mirrors`"),
            };
            let draft = draft.related(before.name_origin, format!("the image in {earlier}"));
            sink.report(context, Some(to), draft.of(used));
        }
    }
}

/// An error if the change gives production an image that the previous environment never ran, in
/// place of the one that both used.
fn unowned_severity(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    used: &ImageUse,
    theirs: &str,
) -> Severity {
    let Some(before) = context.at_base(to).filter(|_| !context.is_of_base(from)) else {
        return Severity::Warning;
    };
    let known = history::images(&before.rendered, context.repo);
    let had = |wanted: &str| {
        let mut names = known.keys();
        names.any(|name| context.config.upstream(name) == wanted)
    };
    let ours = context.config.upstream(&used.name);
    let ran = || {
        let key = VersionKey::of(&used.name, &Version::of(&used.image()));
        context.ran_before(from, to, &used.name, &key)
    };
    if had(&ours) || !had(theirs) || ran() {
        return Severity::Warning;
    }
    unproved(context.gap(from).as_ref(), Severity::Error)
}

/// True if two image names lie in one folder of a registry, as the images of one team do; those
/// that everybody uses, such as `busybox` and `alpine`, may replace each other.
fn are_of_one_team(one: &str, other: &str) -> bool {
    let team = |name: &str| name.rsplit_once('/').map(|(team, _)| team.to_string());
    let shared = team(one).filter(|shared| Some(shared) == team(other).as_ref());
    shared.is_some_and(|shared| !shared.ends_with("library"))
}
