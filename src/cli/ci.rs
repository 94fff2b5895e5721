//! The facts that CI systems tell about a run: the base, the branch, the event.

use serde_json::Value;

use super::options::RepoOptions;

/// Variables in which CI systems name the commit or branch that a pull request is compared with,
/// the most reliable first.
const VARIABLES: &[(&str, Named)] = &[
    ("GITOPS_LINT_BASE", Named::Revision),
    ("GITHUB_BASE_REF", Named::Branch),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", Named::Revision),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", Named::Revision),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", Named::Branch),
    (
        "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA",
        Named::Revision,
    ),
    ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", Named::Branch),
    ("BITBUCKET_PR_DESTINATION_BRANCH", Named::Branch),
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", Named::Branch),
    ("CHANGE_TARGET", Named::Branch),
    ("PULL_BASE_SHA", Named::Revision),
    ("PULL_BASE_REF", Named::Branch),
    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", Named::Branch),
    ("CI_COMMIT_TARGET_BRANCH", Named::Branch),
    ("DRONE_TARGET_BRANCH", Named::Branch),
    ("CIRRUS_BASE_SHA", Named::Revision),
    ("CIRRUS_BASE_BRANCH", Named::Branch),
    ("CODEBUILD_WEBHOOK_BASE_REF", Named::Branch),
];

/// Variables that also name the branch of a push. They only count if the second variable is set,
/// which marks a pull request.
const IN_PULL_REQUESTS: &[(&str, &str)] = &[
    ("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_PULL_REQUEST"),
    ("DRONE_TARGET_BRANCH", "DRONE_PULL_REQUEST"),
];

/// Fields with the base commit in the event file of GitHub Actions, Gitea and Forgejo.
const EVENT_FIELDS: &[&str] = &["/pull_request/base/sha", "/merge_group/base_sha"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Revision,
    Branch,
}

/// The revisions that the CI system names, the most reliable first, each with its variable.
pub(super) fn from_environment() -> Vec<(String, &'static str)> {
    let value = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let mut found = Vec::new();
    for (name, named) in VARIABLES {
        let guarded = IN_PULL_REQUESTS
            .iter()
            .find(|(variable, _)| variable == name);
        if guarded.is_some_and(|(_, guard)| value(guard).is_none()) {
            continue;
        }
        let Some(value) = value(name) else { continue };
        match named {
            Named::Revision => found.push((value, *name)),
            Named::Branch => {
                let branch = value.strip_prefix("refs/heads/").unwrap_or(&value);
                found.push((format!("origin/{branch}"), *name));
                found.push((branch.to_string(), *name));
            }
        }
    }
    let event = event();
    let shas = EVENT_FIELDS
        .iter()
        .filter_map(|field| event.as_ref()?.pointer(field)?.as_str());
    found.extend(shas.map(|sha| (sha.to_string(), "GITHUB_EVENT_PATH")));
    found
}

/// Variables in which CI systems name the branch of a push.
const PUSHED: &[&str] = &[
    "GITHUB_REF_NAME",
    "CI_COMMIT_BRANCH",
    "BITBUCKET_BRANCH",
    "BUILD_SOURCEBRANCHNAME",
    "BUILDKITE_BRANCH",
    "DRONE_BRANCH",
    "CIRCLE_BRANCH",
];

/// The branch that the change goes to: that of the base which is named, or of the pull request or
/// push that CI runs for. `None` if only the clone tells.
pub(super) fn target(options: &RepoOptions) -> Option<String> {
    let plain = |name: &str| {
        let name = name.strip_prefix("refs/remotes/").unwrap_or(name);
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        name.strip_prefix("origin/").unwrap_or(name).to_string()
    };
    let is_branch = |name: &String| {
        let is_id = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        !name.is_empty() && name != "HEAD" && !is_id && !name.contains(['~', '^', '@', ':'])
    };
    if let Some(base) = &options.target {
        return Some(plain(base)).filter(is_branch);
    }
    let variable = |name: &&str| std::env::var(name).ok();
    let names = VARIABLES.iter();
    let mut branches = names.filter(|(name, named)| {
        let mut guards = IN_PULL_REQUESTS.iter();
        let guard = guards.find(|(variable, _)| variable == name);
        *named == Named::Branch && guard.is_none_or(|(_, guard)| variable(guard).is_some())
    });
    let target = branches.find_map(|(name, _)| variable(name).filter(|value| !value.is_empty()));
    let pushed = || PUSHED.iter().find_map(&variable);
    Some(plain(&target.or_else(pushed)?)).filter(is_branch)
}

/// The event file of GitHub Actions.
pub(super) fn event() -> Option<Value> {
    let path = std::env::var_os("GITHUB_EVENT_PATH")?;
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
