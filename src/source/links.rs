//! Symbolic links inside a tree of files.

use std::borrow::Cow;

use super::SourceError;

/// Links followed on the way to one file before it counts as a loop, as Linux does.
const LINK_LIMIT: usize = 40;

/// Resolves the links in every segment of a path. `link` returns the target of a link as written.
pub(super) fn resolve<'a>(
    path: &str,
    link: impl Fn(&str) -> Option<Cow<'a, str>>,
) -> Result<String, SourceError> {
    let mut pending: Vec<String> = path
        .split('/')
        .rev()
        .filter(|part| !part.is_empty())
        .map(str::to_string)
        .collect();
    let mut resolved = String::new();
    let mut followed = 0;
    while let Some(part) = pending.pop() {
        if part == "." || part.is_empty() {
            continue;
        }
        if part == ".." {
            if resolved.is_empty() {
                return Err(SourceError::OutsideRoot);
            }
            resolved.truncate(resolved.rfind('/').unwrap_or(0));
            continue;
        }
        let next = if resolved.is_empty() {
            part
        } else {
            format!("{resolved}/{part}")
        };
        match link(&next) {
            None => resolved = next,
            Some(target) => {
                followed += 1;
                if followed > LINK_LIMIT {
                    return Err(SourceError::Unreadable("a loop of symbolic links".into()));
                }
                if target.starts_with('/') {
                    return Err(SourceError::OutsideRoot);
                }
                pending.extend(target.split('/').rev().map(str::to_string));
            }
        }
    }
    Ok(resolved)
}
