//! The scans of images at the head and at the base.

use std::sync::Arc;

use super::Context;
use crate::evidence::{Evidence, Scan};

impl Context<'_> {
    /// The scans in the files that the configuration names. Those of the base count as well, so that a
    /// change cannot take away what a scan found.
    pub(crate) fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| {
            let Some(setting) = &self.config.evidence else {
                return Evidence::default();
            };
            let mut found = self.repo.evidence(&setting.paths);
            let before = self.base.map(|base| base.evidence(&setting.paths));
            for (digest, scans) in before.unwrap_or_default().scans {
                found.scans.entry(digest).or_default().extend(scans);
            }
            found
        })
    }

    /// The scan of a digest that counts: the newest, of equally old ones that with the most serious
    /// result.
    pub(crate) fn scan(&self, digest: &str) -> Option<&Arc<Scan>> {
        let scans = self.evidence().scans.get(digest)?;
        scans
            .iter()
            .max_by(|one, other| (one.time, &one.found).cmp(&(other.time, &other.found)))
    }
}
