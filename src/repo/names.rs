//! Apps, environments and overlays by the name that a person typed in an option.

use super::{Overlay, Repo};
use crate::names::UnknownName;
use crate::source::join;

impl Repo {
    /// The environment of a name or alias, in any case: its index in [`Repo::environments`].
    pub fn environment_named(&self, typed: &str) -> Result<usize, UnknownName> {
        let found = self
            .environments
            .iter()
            .position(|known| known.is_called(typed));
        found.ok_or_else(|| UnknownName::new("environment", typed, &self.environment_names()))
    }

    /// The names of the environments, in promotion order.
    pub fn environment_names(&self) -> Vec<&str> {
        self.environments
            .iter()
            .map(|environment| environment.name.as_str())
            .collect()
    }

    /// The overlay in a folder, as typed: `./apps/api/overlays/production/` is found too.
    pub fn overlay_named(&self, typed: &str) -> Result<&Overlay, UnknownName> {
        let path = join("", typed);
        let mut found = path.into_iter().flat_map(|path| self.overlays_at(&path));
        found.next().ok_or_else(|| {
            let known: Vec<&str> = self
                .overlays
                .iter()
                .map(|overlay| overlay.path.as_str())
                .collect();
            UnknownName::new("overlay", typed, &known)
        })
    }

    /// An error if no overlay belongs to the app.
    pub fn require_app(&self, typed: &str) -> Result<(), UnknownName> {
        require_app(typed, self.overlays.iter())
    }

    /// An error if the app has no overlay that belongs to an environment.
    pub fn require_promoted_app(&self, typed: &str) -> Result<(), UnknownName> {
        let promoted = |overlay: &&Overlay| overlay.environment.is_some();
        require_app(typed, self.overlays.iter().filter(promoted))
    }
}

/// An error if none of the overlays belongs to the app.
pub(crate) fn require_app<'r>(
    typed: &str,
    overlays: impl Iterator<Item = &'r Overlay>,
) -> Result<(), UnknownName> {
    let known: Vec<&str> = overlays.map(|overlay| overlay.app.as_str()).collect();
    if known.contains(&typed) {
        Ok(())
    } else {
        Err(UnknownName::new("app", typed, &known))
    }
}
