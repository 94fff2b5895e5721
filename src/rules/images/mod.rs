//! Rules about images, their tags and digests.

mod digest_mismatch;
mod image_drift;
mod insufficient_soak;
mod invalid_image;
mod lost_digest;
mod mixed_promotion;
mod mutable_tag;
mod promotion_record;
mod rollback;
mod skipped_environment;
mod unproved_version;
mod unscanned_image;
mod unused_image_override;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &mutable_tag::MutableTag,
    &invalid_image::InvalidImage,
    &lost_digest::LostDigest,
    &digest_mismatch::DigestMismatch,
    &unproved_version::UnprovedVersion,
    &unscanned_image::UnscannedImage,
    &skipped_environment::SkippedEnvironment,
    &rollback::Rollback,
    &mixed_promotion::MixedPromotion,
    &insufficient_soak::InsufficientSoak,
    &image_drift::ImageDrift,
    &promotion_record::PromotionRecord,
    &unused_image_override::UnusedImageOverride,
];
