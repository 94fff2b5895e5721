//! Reports of scanners that a change no longer asks for, or limits that it raises.

use super::loosening::Loosening;
use crate::config::{Config, EvidenceSetting};
use crate::finding::Cause;

pub(super) fn loosened(before: &Config, now: &Config) -> Vec<Loosening> {
    let Some(before) = &before.evidence else {
        return Vec::new();
    };
    let Some(now) = &now.evidence else {
        let message = "this change no longer asks for scans of images".to_string();
        return vec![Loosening::removed(Cause::new("removed-evidence"), message)];
    };
    let mut found = Vec::new();
    let mut loosens = |cause: &'static str, message: &str| {
        let cause = Cause::new(cause);
        found.push(Loosening::at(now.origin, cause, message.to_string()));
    };
    if now.fail_on > before.fail_on {
        loosens(
            "raised-scan-limit",
            "this change lets images have more serious vulnerabilities",
        );
    }
    let age = |setting: &EvidenceSetting| setting.max_age.unwrap_or(i64::MAX);
    if age(now) > age(before) {
        loosens("older-scans", "this change accepts older scans of images");
    }
    let known = |path: &str| before.paths.iter().any(|old| old.as_str() == path);
    for path in now.paths.iter().filter(|path| !known(path.as_str())) {
        let cause = Cause::new("added-evidence").with(path.as_str());
        let message = format!("this change reads scans of images in `{}`", path.as_str());
        found.push(Loosening::at(now.origin, cause, message));
    }
    found
}
