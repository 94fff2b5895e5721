//! Patches: strategic merge, JSON 6902, target selectors.

pub mod selector;

use super::context::BuildContext;
use super::kustomization::PatchEntry;
use super::resource::Resource;

/// Applies patches in order.
pub fn apply_patches(_resources: &mut Vec<Resource>, _patches: &[PatchEntry], _context: &mut BuildContext<'_>) {}
