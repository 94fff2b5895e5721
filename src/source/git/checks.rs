//! Repositories that cannot be read correctly here are refused when they are opened.

use std::path::Path;

use super::GitError;
use crate::source::open::read_small;

/// Refuses a `.git` file that points at nothing.
pub(super) fn points_somewhere(folder: &Path) -> Result<(), GitError> {
    let file = folder.join(".git");
    let target = read_small(&file).ok();
    let Some(target) = target
        .as_deref()
        .and_then(|text| text.trim_end().strip_prefix("gitdir:"))
        .map(str::trim)
    else {
        return Ok(());
    };
    match folder.join(target).exists() {
        true => Ok(()),
        false => Err(GitError::Other(format!(
            "{} points at {target}, which does not exist: the repository of this linked work tree or submodule is elsewhere (in a container, mount it as well)",
            file.display()
        ))),
    }
}

/// Extensions that do not change how a repository is read here, in lower case.
const EXTENSIONS: &[&str] = &[
    "noop",
    "noop-v1",
    "preciousobjects",
    "partialclone",
    "worktreeconfig",
    "objectformat",
    "compatobjectformat",
    "relativeworktrees",
    "refstorage",
];

/// Refuses storage formats and extensions that are unknown here.
pub(super) fn is_supported(repo: &gix::Repository) -> Result<(), GitError> {
    let config = repo.config_snapshot();
    if config
        .string("extensions.refStorage")
        .is_some_and(|format| !format.eq_ignore_ascii_case(b"files"))
    {
        let advice = "git refs migrate --ref-format=files makes a repository that can be read";
        return Err(GitError::Other(format!(
            "branches and tags stored as reftable are not supported; {advice}"
        )));
    }
    let version = config
        .integer("core.repositoryFormatVersion")
        .unwrap_or_default();
    let sections = config
        .plumbing()
        .sections_by_name("extensions")
        .into_iter()
        .flatten()
        .filter(|_| version > 0);
    let mut names = sections.flat_map(|section| {
        section
            .value_names()
            .map(|name| name.to_string().to_lowercase())
            .collect::<Vec<_>>()
    });
    match names.find(|name| !EXTENSIONS.contains(&&**name)) {
        Some(name) => Err(GitError::Other(format!(
            "the repository uses the extension {name:?} of Git, which is not supported"
        ))),
        None => Ok(()),
    }
}
