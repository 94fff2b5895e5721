//! The limit on the work that one build may cause.
//!
//! A few small files can ask for an endless build: bases and components that list each other twice
//! per layer, or thousands of patches for thousands of objects. The steps of a build are counted,
//! including those of its bases, so that the same build always ends at the same place.

use super::BuildContext;
use crate::kustomize::{Problem, Resource};
use crate::yaml::Origin;

/// The steps of one build, a few seconds of work.
const STEP_LIMIT: u64 = 10_000_000;

/// The objects of one build.
pub(crate) const OBJECT_LIMIT: usize = 20_000;

/// The bytes of an object that count as one step of a transformer.
const BYTES_A_STEP: u32 = 2048;

/// The steps that a build took so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    steps: u64,
}

impl Work {
    /// Adds the steps of a base.
    pub(crate) fn add(&mut self, other: Work) {
        self.steps = self.steps.saturating_add(other.steps);
    }

    /// True if no more work is done.
    pub(crate) fn is_used_up(self) -> bool {
        self.steps > STEP_LIMIT
    }
}

/// The steps that a transformer takes for some objects.
pub(crate) fn weight(resources: &[Resource]) -> u64 {
    let steps = resources.iter().map(|resource| {
        let origin = resource.node.origin;
        1 + u64::from(origin.end.saturating_sub(origin.start) / BYTES_A_STEP)
    });
    steps.sum()
}

impl BuildContext<'_> {
    /// Counts steps. False if the build has taken too many; the first time, that is reported at
    /// `origin`.
    #[must_use]
    pub(crate) fn spend(&mut self, steps: u64, origin: Origin) -> bool {
        let before = self.work.is_used_up();
        self.work.add(Work { steps });
        if self.work.is_used_up() && !before {
            self.report(
                Problem::error(
                    origin,
                    format!("the build takes more than {STEP_LIMIT} steps, so it is not finished"),
                )
                .with_help(
                    "use fewer layers, components, patches or objects; a step is one object that \
                     one field looks at",
                ),
            );
        }
        !self.work.is_used_up()
    }
}
