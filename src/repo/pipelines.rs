//! Files that tell a CI system, or pre-commit, what to run.
//!
//! Not here: a pipeline that runs less than before (`rules`).

/// Files with a fixed place.
const FILES: &[&str] = &[
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".pre-commit-config.yaml",
    ".pre-commit-config.yml",
    "azure-pipelines.yml",
    "azure-pipelines.yaml",
    "bitbucket-pipelines.yml",
    ".circleci/config.yml",
    ".drone.yml",
];

/// Folders whose YAML files are pipelines.
const FOLDERS: &[&str] = &[
    ".github/workflows",
    ".github/actions",
    ".gitea/workflows",
    ".forgejo/workflows",
    ".gitlab",
    ".tekton",
    ".woodpecker",
    ".buildkite",
];

/// True if a path is that of a pipeline.
pub fn is_pipeline(path: &str) -> bool {
    let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    let below = |folder: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    FILES.contains(&path) || is_yaml && FOLDERS.iter().any(|folder| below(folder))
}
