//! The files that pre-commit asks a hook to check.
//!
//! pre-commit names two revisions in variables when it runs for a push or with `--from-ref` and
//! `--to-ref`. It does not say that it runs with `--all-files`.

/// The variable with the revision that a change starts from.
pub(super) const FROM: &str = "PRE_COMMIT_FROM_REF";

/// The variable with the revision that a change leads to.
const TO: &str = "PRE_COMMIT_TO_REF";

/// The two revisions, if pre-commit names them.
pub(super) fn revisions() -> Option<(String, String)> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    value(FROM).zip(value(TO))
}

/// True if Git runs the hook for a commit. It then names the index of the commit.
pub(super) fn is_in_commit() -> bool {
    std::env::var_os("GIT_INDEX_FILE").is_some_and(|index| !index.is_empty())
}
