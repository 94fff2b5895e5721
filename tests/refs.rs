//! Runs the binary on repositories in which an environment is a branch, or in which agents read other
//! branches and tags.

#![allow(clippy::unwrap_used)]

mod program;

use program::{Repo, run, run_git};

const CHECK: &[&str] = &["check", "--format", "json"];

/// A Deployment with an image and a number of replicas.
fn manifest(digest: char, replicas: u8) -> String {
    let digest = digest.to_string().repeat(64);
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: web}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - name: web\n        image: acme/web@sha256:{digest}\n        resources: {{limits: {{memory: 64Mi}}, requests: {{cpu: 10m, memory: 64Mi}}}}\n"
    )
}

/// An empty repository with a remote.
fn cloned(url: &str) -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"])
        .git(&["remote", "add", "origin", url]);
    repo
}

/// A repository with rendered manifests in `environment/staging` and `environment/production`, as a
/// hydrator writes them, and an empty default branch.
fn hydrated() -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"]);
    repo.write("README.md", "apps\n").commit("start");
    for (environment, day) in [("staging", 1), ("production", 2)] {
        let branch = format!("environment/{environment}");
        repo.git(&["checkout", "-q", "--orphan", &branch])
            .write("apps/web/manifest.yaml", &manifest('1', 2))
            .write("hydrator.metadata", "{}\n")
            .commit_on(day, environment);
    }
    repo.git(&["checkout", "-q", "environment/staging"])
        .write("apps/web/manifest.yaml", &manifest('2', 2))
        .commit_on(3, "staging gets 2");
    repo.git(&["checkout", "-q", "environment/production"]);
    repo
}

/// Proposes a digest for production, on a branch of its own.
fn propose(repo: &Repo, digest: char) {
    repo.git(&["checkout", "-q", "-B", "proposed", "environment/production"])
        .write("apps/web/manifest.yaml", &manifest(digest, 2))
        .commit_on(4, "production gets another one");
}

fn against_production(repo: &Repo) -> Vec<String> {
    let base = ["--base", "environment/production"];
    repo.run(&[CHECK, &base].concat()).findings()
}

#[test]
fn a_pull_request_into_a_branch_is_compared_with_the_branch_before() {
    let repo = hydrated();
    propose(&repo, '2');
    assert_eq!(against_production(&repo), [""; 0]);
    propose(&repo, '3');
    assert_eq!(
        against_production(&repo),
        ["digest-mismatch apps/web/manifest.yaml:12"]
    );
    let in_ci = run(
        repo.root(),
        CHECK,
        &[("GITHUB_BASE_REF", "environment/production")],
    );
    assert_eq!(in_ci.findings().len(), 1, "{}", in_ci.out);
    // staging ran this digest before, as its branch shows
    repo.git(&["checkout", "-q", "environment/production"])
        .write("apps/web/manifest.yaml", &manifest('2', 2))
        .commit_on(5, "production gets 2");
    propose(&repo, '1');
    let found = against_production(&repo);
    assert!(
        !found.iter().any(|one| one.starts_with("digest-mismatch")),
        "{found:?}"
    );
}

#[test]
fn other_commands_work_across_branches() {
    let repo = hydrated();
    let status = repo.run(&["status"]);
    assert!(
        status.out.contains("web  @222222222222  @111111111111 *"),
        "{}{}",
        status.out,
        status.err
    );
    let history = repo.run(&["history", "web"]).out;
    let rows: Vec<Vec<&str>> = history
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .map(|row: Vec<&str>| vec![row[0], row[3], row[6]])
        .collect();
    assert_eq!(
        rows,
        [
            ["2026-01-03", "staging", "@222222222222"],
            ["2026-01-02", "production", "@111111111111"],
            ["2026-01-01", "staging", "@111111111111"]
        ]
    );
    let diff = repo.run(&["diff", "staging", "production"]);
    assert!(
        diff.out
            .contains("web: environment/staging:/apps/web -> apps/web"),
        "{}",
        diff.out
    );
    let staging = repo.run(&["render", "web", "staging"]);
    assert!(staging.out.contains("sha256:2222"), "{}", staging.err);
}

#[test]
fn configured_refs_are_read_from_any_branch_and_must_be_there() {
    let repo = hydrated();
    let configuration = |staging: &str| {
        format!(
            "environments:\n- {{name: staging, ref: {staging}}}\n- {{name: production, ref: environment/production}}\n"
        )
    };
    repo.git(&["checkout", "-q", "main"])
        .write(".gitops-lint.yaml", &configuration("environment/staging"))
        .commit("configure");
    let run = repo.run(&["check"]).expect(0);
    assert!(
        run.out.contains("checked 2 overlays (1 app, 2 resources)")
            || run.err.contains("checked 2"),
        "{}{}",
        run.out,
        run.err
    );
    repo.write(".gitops-lint.yaml", &configuration("environment/gone"));
    let run = repo.run(&["check"]).expect(2);
    assert!(
        run.err
            .contains("git fetch origin environment/gone:refs/remotes/origin/environment/gone"),
        "{}",
        run.err
    );
    repo.write(".gitops-lint.yaml", &configuration("'a b'"));
    let run = repo.run(&["check"]).expect(2);
    assert!(run.err.contains("not the name of a branch"), "{}", run.err);
}

/// An Application of the overlay of an environment, at a revision.
fn application(environment: &str, revision: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web-{environment}, namespace: argocd}}\nspec:\n  project: default\n  destination: {{server: https://kubernetes.default.svc, namespace: web}}\n  source:\n    repoURL: https://git.example.org/acme/config.git\n    targetRevision: {revision}\n    path: apps/web/overlays/{environment}\n"
    )
}

/// A repository with one app in folders, and an Application of production that reads a revision.
fn pinned(revision: &str) -> Repo {
    let repo = cloned("https://git.example.org/acme/config");
    for (environment, replicas) in [("staging", 2), ("production", 2)] {
        let folder = format!("apps/web/overlays/{environment}");
        repo.write(
            &format!("{folder}/kustomization.yaml"),
            "resources: [deployment.yaml]\n",
        )
        .write(
            &format!("{folder}/deployment.yaml"),
            &manifest('1', replicas),
        );
    }
    repo.write("argocd/staging.yaml", &application("staging", "main"))
        .write(
            "argocd/production.yaml",
            &application("production", revision),
        )
        .commit("start");
    repo
}

#[test]
fn agents_that_read_one_absent_tag_are_one_finding_and_an_added_one_is_another() {
    let repo = pinned("v1.0.0");
    for name in ["a", "b", "c"] {
        let text = application("production", "v1.0.0").replace("web-production", name);
        repo.write(&format!("argocd/{name}.yaml"), &text);
    }
    repo.commit("three more");
    let told = |arguments: &[&str]| {
        let run = repo.run(arguments);
        let lines = run
            .out
            .lines()
            .filter(|line| line.contains("unfollowed-agent"));
        lines.map(str::to_string).collect::<Vec<String>>()
    };
    let whole = told(&["check", "--format", "concise"]);
    assert_eq!(whole.len(), 1, "{whole:#?}");
    assert!(
        whole[0].contains("3 other agents read `v1.0.0`"),
        "{whole:#?}"
    );
    let text = application("production", "v1.0.0").replace("web-production", "d");
    repo.write("argocd/d.yaml", &text).commit("one more");
    let added = told(&["check", "--format", "concise", "--base", "HEAD^"]);
    assert_eq!(added.len(), 1, "{added:#?}");
    assert!(added[0].contains("warning"), "{added:#?}");
    assert!(
        added[0].contains("Application argocd/d reads `v1.0.0`"),
        "{added:#?}"
    );
}

#[test]
fn what_an_agent_reads_at_another_ref_is_judged_there() {
    let repo = pinned("release-1");
    // the branch that production reads has an image without a digest
    repo.git(&["checkout", "-q", "-b", "release-1"]);
    let bad = manifest('1', 2).replace(&format!("@sha256:{}", "1".repeat(64)), ":latest");
    repo.write("apps/web/overlays/production/deployment.yaml", &bad)
        .commit("latest");
    repo.git(&["checkout", "-q", "main"]);
    let run = repo.run(CHECK);
    let found = run.findings();
    assert!(
        found.contains(&"mutable-tag apps/web/overlays/production/deployment.yaml:12".to_string()),
        "{found:?}"
    );
    let fleet = repo.run(&["fleet"]).out;
    assert!(
        fleet.contains("web-production → release-1:/apps/web/overlays/production at release-1"),
        "{fleet}"
    );
    // a change of the default branch alone is no change of what production applies
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let revisions: Vec<&str> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["rule"] == "mutable-tag")
        .filter_map(|one| one["location"]["revision"].as_str())
        .collect();
    assert_eq!(revisions, ["release-1"]);
}

#[test]
fn a_tag_that_the_clone_lacks_is_reported() {
    let repo = pinned("v1.0.0");
    let run = repo.run(&["check", "--format", "concise"]);
    let out = format!("{}{}", run.out, run.err);
    assert!(
        out.contains("git fetch origin v1.0.0:refs/remotes/origin/v1.0.0"),
        "{out}"
    );
    run_git(repo.root(), &["tag", "v1.0.0"]);
    let out = repo.run(&["check", "--format", "concise"]);
    assert!(
        !format!("{}{}", out.out, out.err).contains("git fetch"),
        "{}",
        out.out
    );
    let fleet = repo.run(&["fleet"]).out;
    assert!(
        fleet.contains("v1.0.0:/apps/web/overlays/production"),
        "{fleet}"
    );
}

#[test]
fn the_branch_that_is_checked_out_is_the_tree_under_check() {
    let repo = pinned("release-1");
    repo.git(&["checkout", "-q", "-b", "release-1"]);
    let fleet = repo.run(&["fleet"]).out;
    assert!(
        fleet.contains("web-production → apps/web/overlays/production at release-1"),
        "{fleet}"
    );
}

/// A copy of everything in each branch, with one Flux source of the same name in each cluster.
#[test]
fn each_cluster_of_flux_may_read_its_own_branch() {
    let repo = cloned("ssh://git@git.example.org/acme/fleet");
    repo.write("apps/web/kustomization.yaml", "resources: [web.yaml]\n");
    repo.write("apps/web/web.yaml", &manifest('1', 2));
    for (environment, branch) in [("staging", "main"), ("production", "live")] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system, namespace: flux-system}}\nspec:\n  interval: 1m\n  url: ssh://git@git.example.org/acme/fleet\n  ref: {{branch: {branch}}}\n"
        );
        let apps = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  interval: 5m\n  prune: true\n  path: ./apps/web\n  sourceRef: {kind: GitRepository, name: flux-system}\n";
        repo.write(&format!("clusters/{environment}/source.yaml"), &source)
            .write(&format!("clusters/{environment}/apps.yaml"), apps);
    }
    repo.commit("start").git(&["branch", "live"]);
    repo.write("apps/web/web.yaml", &manifest('2', 2))
        .commit("staging gets 2");
    let status = repo.run(&["status"]);
    assert!(
        status.out.contains("@222222222222  @111111111111 *"),
        "{}{}",
        status.out,
        status.err
    );
    // in the other branch, that is the tree under check
    repo.git(&["checkout", "-q", "live"]);
    let fleet = repo.run(&["fleet"]).out;
    assert!(
        fleet.contains("production\n  Kustomization flux-system/apps → apps/web at live")
            && fleet.contains("staging\n  Kustomization flux-system/apps → main:/apps/web at main"),
        "{fleet}"
    );
}

#[test]
fn an_environment_that_moves_to_another_branch_is_reported() {
    let repo = hydrated();
    let configuration = |production: &str| {
        format!(
            "environments:\n- {{name: staging, ref: environment/staging}}\n- {{name: production, ref: {production}}}\n"
        )
    };
    repo.git(&["branch", "elsewhere", "environment/production"])
        .git(&["checkout", "-q", "main"])
        .write(
            ".gitops-lint.yaml",
            &configuration("environment/production"),
        )
        .commit("configure")
        .git(&["checkout", "-q", "-b", "change"])
        .write(".gitops-lint.yaml", &configuration("elsewhere"))
        .commit("move");
    let found = repo.run(&[CHECK, &["--base", "main"]].concat()).findings();
    assert!(
        found.iter().any(|one| one.starts_with("loosened-check")),
        "{found:?}"
    );
}

#[test]
fn a_values_file_is_read_at_the_revision_of_its_source() {
    let repo = cloned("https://git.example.org/acme/config");
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec:\n  project: default\n  destination: {server: https://kubernetes.default.svc, namespace: web}\n  sources:\n  - repoURL: https://git.example.org/acme/config\n    targetRevision: main\n    path: charts/web\n    helm: {valueFiles: [$values/values/web.yaml]}\n  - {repoURL: https://git.example.org/acme/config, targetRevision: v1, ref: values}\n";
    repo.write("argocd/production/web.yaml", application)
        .write("charts/web/Chart.yaml", "{apiVersion: v2, name: web, version: 1.0.0}\n")
        .write(
            "charts/web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {mode: {{ .Values.mode }}}\n",
        )
        .write("values/web.yaml", "mode: tagged\n")
        .commit("start")
        .git(&["tag", "v1"])
        .write("values/web.yaml", "mode: newer\n")
        .commit("newer");
    let why = repo.run(&["why", "ConfigMap/web", "/data/mode"]);
    assert!(
        why.out.contains("tagged") && !why.out.contains("newer"),
        "{}{}",
        why.out,
        why.err
    );
}
