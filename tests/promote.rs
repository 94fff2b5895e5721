//! `promote` on small repos: where versions stand, what stays as it is, and when nothing is done.

#![allow(clippy::unwrap_used)]

mod program;

use program::{Repo, Run};

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  selector: {matchLabels: {app: api}}\n  template:\n    metadata: {labels: {app: api}}\n    spec:\n      containers:\n      - name: api\n        image: ghcr.io/acme/api:v1\n";

/// A repo with the files of both environments, committed.
fn repo(files: &[(&str, &str)]) -> Repo {
    let repo = Repo::new();
    for (path, text) in files {
        repo.write(path, text);
    }
    repo.git(&["init", "-q", "-b", "main"])
        .commit_on(5, "start");
    repo
}

/// A repo with a Deployment in a base and a kustomization for each environment.
fn with_base(staging: &str, production: &str) -> Repo {
    repo(&[
        (
            "apps/api/base/kustomization.yaml",
            "resources: [deployment.yaml]\n",
        ),
        ("apps/api/base/deployment.yaml", DEPLOYMENT),
        ("apps/api/overlays/staging/kustomization.yaml", staging),
        (PRODUCTION, production),
    ])
}

const PRODUCTION: &str = "apps/api/overlays/production/kustomization.yaml";

fn promote(repo: &Repo) -> Run {
    repo.run(&["promote", "api", "--to", "production"])
}

fn read(repo: &Repo, path: &str) -> String {
    std::fs::read_to_string(repo.path(path)).unwrap()
}

/// The files that differ from the last commit.
fn changed(repo: &Repo) -> Vec<String> {
    let out = program::run_git(repo.root(), &["diff", "--name-only"]);
    out.lines().map(str::to_string).collect()
}

#[test]
fn an_entry_of_images_keeps_its_form() {
    let staging = format!(
        "resources: [../../base]\nimages: [{{name: ghcr.io/acme/api, newTag: '1.10', digest: '{B}'}}]\n"
    );
    let production = format!(
        "# production\r\nresources:\r\n  - ../../base\r\n\r\nimages:\r\n  # the shop\r\n  - name: ghcr.io/acme/api # ours\r\n    newTag: \"1.9\"   # quoted\r\n    digest: {A}\r\n"
    );
    let repo = with_base(&staging, &production);
    promote(&repo).expect(0);
    let expected = production.replace("1.9", "1.10").replace(A, B);
    assert_eq!(read(&repo, PRODUCTION), expected);
    assert_eq!(changed(&repo), [PRODUCTION]);
}

#[test]
fn a_digest_is_added_where_only_staging_has_one() {
    let staging = format!(
        "resources: [../../base]\nimages: [{{name: ghcr.io/acme/api, newTag: v1, digest: '{B}'}}]\n"
    );
    let repo = with_base(
        &staging,
        "resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: v1 # why\n",
    );
    promote(&repo).expect(0);
    assert_eq!(
        read(&repo, PRODUCTION),
        format!(
            "resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: v1 # why\n  digest: {B}\n"
        )
    );
}

#[test]
fn production_gets_an_entry_of_its_own_where_it_had_none() {
    let staging = "resources: [../../base]\nimages: [{name: ghcr.io/acme/api, newTag: v2}]\n";
    let repo = with_base(staging, "resources:\n  - ../../base\nnamespace: api\n");
    promote(&repo).expect(0);
    assert_eq!(
        read(&repo, PRODUCTION),
        "resources:\n  - ../../base\nnamespace: api\nimages:\n  - name: ghcr.io/acme/api\n    newTag: v2\n"
    );
    assert_eq!(changed(&repo), [PRODUCTION]);
}

#[test]
fn a_patch_is_edited_in_place() {
    let patch = |tag: &str| {
        format!(
            "resources: [../../base]\npatches:\n- target: {{kind: Deployment}}\n  patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/image\n      value: ghcr.io/acme/api:{tag} # moved\n"
        )
    };
    let repo = with_base(&patch("v3"), &patch("v2"));
    promote(&repo).expect(0);
    assert_eq!(read(&repo, PRODUCTION), patch("v3"));
}

/// A HelmRelease of both environments, with values and a chart of its own.
fn release(chart: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: api, namespace: api}}\nspec:\n  interval: 5m\n  chart:\n    spec:\n      chart: api\n      version: {chart}\n      sourceRef: {{kind: HelmRepository, name: acme}}\n  values:\n    image:\n      repository: ghcr.io/acme/api\n      tag: {tag}\n"
    )
}

#[test]
fn charts_and_their_values_are_promoted() {
    let resources = "resources: [release.yaml]\n";
    let release_of = |environment: &str| format!("apps/api/overlays/{environment}/release.yaml");
    let repo = repo(&[
        ("apps/api/overlays/staging/kustomization.yaml", resources),
        (PRODUCTION, resources),
        (&release_of("staging"), &release("1.3.0", "v8")),
        (&release_of("production"), &release("1.2.0", "v7")),
    ]);
    promote(&repo).expect(0);
    assert_eq!(
        read(&repo, &release_of("production")),
        release("1.3.0", "v8")
    );
}

#[test]
fn revisions_of_argo_cd_and_of_bases_are_promoted() {
    let application = |chart: &str, tag: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: redis, namespace: argocd}}\nspec:\n  destination: {{name: in-cluster, namespace: redis}}\n  project: default\n  source:\n    repoURL: https://charts.example.com\n    chart: redis\n    targetRevision: {chart}\n    helm:\n      values: |\n        image:\n          repository: ghcr.io/acme/redis\n          tag: {tag} # by hand\n"
        )
    };
    let kustomization = |reference: &str| {
        format!(
            "resources:\n- application.yaml\n- https://github.com/acme/platform//redis?ref={reference} # pinned\n"
        )
    };
    let of = |environment: &str, file: &str| format!("apps/api/overlays/{environment}/{file}");
    let repo = repo(&[
        (
            &of("staging", "kustomization.yaml"),
            &kustomization("v1.5.0"),
        ),
        (
            &of("production", "kustomization.yaml"),
            &kustomization("v1.4.0"),
        ),
        (
            &of("staging", "application.yaml"),
            &application("18.2.0", "7.4.1"),
        ),
        (
            &of("production", "application.yaml"),
            &application("18.1.0", "7.4.0"),
        ),
    ]);
    promote(&repo).expect(0);
    assert_eq!(
        read(&repo, &of("production", "application.yaml")),
        application("18.2.0", "7.4.1")
    );
    assert_eq!(read(&repo, PRODUCTION), kustomization("v1.5.0"));
}

#[test]
fn records_keep_their_form() {
    let images = |tag: &str| {
        format!("resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: {tag}\n")
    };
    let repo = with_base(&images("v2"), &images("v1"));
    repo.write(
        "versions.json",
        "{\n  \"api\": {\"staging\": \"v2\", \"production\": \"v1\"}\n}",
    )
    .write(
        "VERSIONS.md",
        "# Versions\n\n| app | staging | production |\n|---|---|---|\n| api | v2 | v1 |\n",
    )
    .commit("records");
    promote(&repo).expect(0);
    assert_eq!(
        read(&repo, "versions.json"),
        "{\n  \"api\": {\"staging\": \"v2\", \"production\": \"v2\"}\n}"
    );
    assert!(read(&repo, "VERSIONS.md").ends_with("| api | v2 | v2 |\n"));
    assert_eq!(changed(&repo).len(), 3);
}

#[test]
fn what_staging_has_not_proved_is_refused() {
    let images = |tag: &str| {
        format!("resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: {tag}\n")
    };
    let repo = with_base(&images("v1"), &images("v1"));
    repo.write(
        "apps/api/overlays/staging/kustomization.yaml",
        &images("v2"),
    );
    let run = promote(&repo).expect(1);
    assert!(run.out.contains("staging did not run v2"), "{}", run.out);
    assert_eq!(
        changed(&repo),
        ["apps/api/overlays/staging/kustomization.yaml"]
    );
}

#[test]
fn a_rollback_has_to_be_asked_for() {
    let images = |tag: &str| {
        format!("resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: {tag}\n")
    };
    let repo = with_base(&images("v1"), &images("v1"));
    repo.write(PRODUCTION, &images("v2"))
        .commit_on(6, "a fix for production");
    let run = promote(&repo).expect(1);
    assert!(run.out.contains("rollback"), "{}", run.out);
    repo.run(&["promote", "api", "--to", "production", "--rollback"])
        .expect(0);
    assert_eq!(read(&repo, PRODUCTION), images("v1"));
}

#[test]
fn production_keeps_its_digest() {
    let staging = "resources: [../../base]\nimages: [{name: ghcr.io/acme/api, newTag: v2}]\n";
    let production = format!(
        "resources: [../../base]\nimages: [{{name: ghcr.io/acme/api, newTag: v1, digest: '{A}'}}]\n"
    );
    let repo = with_base(staging, &production);
    let run = promote(&repo).expect(1);
    assert!(run.out.contains("without a digest"), "{}", run.out);
    assert!(changed(&repo).is_empty());
}

#[test]
fn a_value_that_another_environment_reads_is_not_touched() {
    let resources = "resources: [../../base]\n";
    let repo = repo(&[
        (
            "apps/api/base/kustomization.yaml",
            "resources: [release.yaml]\n",
        ),
        ("apps/api/base/release.yaml", &release("1.2.0", "v7")),
        (
            "apps/api/overlays/staging/kustomization.yaml",
            "resources: [../../base]\npatches:\n- patch: |-\n    apiVersion: helm.toolkit.fluxcd.io/v2\n    kind: HelmRelease\n    metadata: {name: api, namespace: api}\n    spec: {values: {image: {tag: v8}}}\n",
        ),
        (PRODUCTION, resources),
    ]);
    let run = promote(&repo).expect(1);
    assert!(
        run.out
            .contains("apps/api/base/release.yaml sets the version for"),
        "{}",
        run.out
    );
    assert!(changed(&repo).is_empty());
}

#[test]
fn a_commit_holds_the_promotion_alone() {
    let images = |tag: &str| {
        format!("resources: [../../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: {tag}\n")
    };
    let repo = with_base(&images("v2"), &images("v1"));
    repo.write("notes.txt", "mine\n").git(&["add", "notes.txt"]);
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
        repo.git(&["config", key, value]);
    }
    repo.run(&["promote", "api", "--to", "production", "--commit"])
        .expect(0);
    let git = |arguments: &[&str]| program::run_git(repo.root(), arguments);
    assert_eq!(
        git(&["branch", "--show-current"]).trim(),
        "promote-api-to-production"
    );
    assert_eq!(
        git(&["show", "--name-only", "--format=%s"]).trim(),
        format!("Promote api v2 to production\n\n{PRODUCTION}")
    );
    assert_eq!(
        git(&["diff", "--cached", "--name-only"]).trim(),
        "notes.txt"
    );
    // the branch is there now
    repo.git(&["switch", "-q", "main"]);
    let run = repo
        .run(&["promote", "api", "--to", "production", "--commit"])
        .expect(2);
    assert!(run.err.contains("`git switch` failed"), "{}", run.err);
    assert!(changed(&repo).is_empty());
}
