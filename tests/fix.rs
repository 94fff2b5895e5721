//! `check --fix` on small repos: each kind of fix, what stays as it is, and what has no fix.

#![allow(clippy::unwrap_used)]

mod program;

use program::Repo;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const PRODUCTION: &str = "apps/api/overlays/production/kustomization.yaml";
const STAGING: &str = "apps/api/overlays/staging/kustomization.yaml";

/// A Deployment in a base, a kustomization of production and one of staging.
fn repo(production: &str) -> Repo {
    let repo = Repo::new();
    let staging = format!(
        "resources: [../../base]\nimages: [{{name: ghcr.io/acme/api, newTag: v1, digest: '{DIGEST}'}}]\n"
    );
    repo.write("apps/api/base/kustomization.yaml", "resources: [deployment.yaml]\n")
        .write(
            "apps/api/base/deployment.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  selector: {matchLabels: {app: api}}\n  template:\n    metadata: {labels: {app: api}}\n    spec:\n      containers:\n      - name: api\n        image: ghcr.io/acme/api:v1\n",
        )
        .write(STAGING, &staging)
        .write(PRODUCTION, production);
    repo
}

/// The text of a file after the fixes of one rule.
fn fixed(repo: &Repo, rule: &str, path: &str) -> String {
    repo.run(&["check", "--fix", "--select", rule, "--fail-on", "never"])
        .expect(0);
    std::fs::read_to_string(repo.path(path)).unwrap()
}

#[test]
fn deprecated_fields_get_their_present_names() {
    let repo = repo(
        "# ours\nbases:\n  - ../../base # shared\ncommonLabels:\n  # who pays\n  team: shop\n  tier: web\npatchesStrategicMerge:\n  - patch.yaml\n",
    );
    repo.write(
        "apps/api/overlays/production/patch.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {replicas: 3}\n",
    );
    assert_eq!(
        fixed(&repo, "deprecated-field", PRODUCTION),
        "# ours\nresources:\n  - ../../base # shared\nlabels:\n- includeSelectors: true\n  pairs:\n    # who pays\n    team: shop\n    tier: web\npatches:\n  - path: patch.yaml\n"
    );
}

#[test]
fn a_field_whose_new_name_is_taken_is_left() {
    let text = "resources: [config.yaml]\nbases: [../../base]\n";
    let repo = repo(text);
    repo.write(
        "apps/api/overlays/production/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
    );
    assert_eq!(fixed(&repo, "deprecated-field", PRODUCTION), text);
}

#[test]
fn production_is_pinned_to_what_staging_runs() {
    let repo =
        repo("resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: v1 # stable\n");
    assert_eq!(
        fixed(&repo, "mutable-tag", PRODUCTION),
        format!(
            "resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: v1 # stable\n  digest: {DIGEST}\n"
        )
    );
}

#[test]
fn another_tag_is_not_pinned_by_guessing() {
    let text = "resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: v0\n";
    let repo = repo(text);
    assert_eq!(fixed(&repo, "mutable-tag", PRODUCTION), text);
}

#[test]
fn entries_of_images_are_corrected_or_removed() {
    let entry =
        |name: &str| format!("resources: [../../base]\nimages:\n- name: {name}\n  newTag: v2\n");
    let misspelt = repo(&entry("ghcr.io/acme/appi"));
    assert_eq!(
        fixed(&misspelt, "unused-image-override", PRODUCTION),
        entry("ghcr.io/acme/api")
    );
    let stale = repo(&format!(
        "{}- name: ghcr.io/acme/worker # gone\n  newTag: v7\n",
        entry("ghcr.io/acme/api")
    ));
    assert_eq!(
        fixed(&stale, "unused-image-override", PRODUCTION),
        entry("ghcr.io/acme/api")
    );
}

#[test]
fn values_that_must_be_strings_are_quoted() {
    let repo = repo("resources: [../../base, config.yaml]\n");
    let path = "apps/api/overlays/production/config.yaml";
    repo.write(
        path,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  port: 8080 # http\n",
    );
    assert_eq!(
        fixed(&repo, "schema-violation", path),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  port: \"8080\" # http\n"
    );
}

#[test]
fn suppressions_without_effect_are_removed() {
    let repo = repo(
        "resources: [../../base]\n# gitops-lint: ignore[missing-secret] made by hand\nnamespace: api # gitops-lint: ignore[ride-along] no\n",
    );
    assert_eq!(
        fixed(&repo, "unused-suppression", PRODUCTION),
        "resources: [../../base]\nnamespace: api\n"
    );
}

#[test]
fn a_patch_shows_the_edits_and_changes_nothing() {
    let text = "bases: [../../base]\n";
    let repo = repo(text);
    let run = repo
        .run(&["check", "--diff", "--select", "deprecated-field"])
        .expect(1);
    assert!(
        run.out
            .contains("-bases: [../../base]\n+resources: [../../base]\n"),
        "{}",
        run.out
    );
    assert_eq!(
        std::fs::read_to_string(repo.path(PRODUCTION)).unwrap(),
        text
    );
    let json = repo
        .run(&["check", "--format", "json", "--fail-on", "never"])
        .expect(0)
        .json();
    let findings = json["findings"].as_array().unwrap();
    let found = findings
        .iter()
        .find(|one| one["rule"] == "deprecated-field")
        .unwrap();
    assert_eq!(found["fix"]["edits"][0]["text"], "resources");
    let sarif = repo
        .run(&["check", "--format", "sarif", "--fail-on", "never"])
        .expect(0)
        .json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let found = results
        .iter()
        .find(|one| one["ruleId"] == "deprecated-field")
        .unwrap();
    let region = &found["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"];
    assert_eq!(
        (&region["startColumn"], &region["endColumn"]),
        (&1.into(), &6.into())
    );
}
