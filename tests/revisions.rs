//! Runs the binary on Git repositories: which findings a change causes, what the history proves,
//! `status` and `history`, and repositories of every kind.
//!
//! The tests use Git to create repositories. The program itself never runs Git.

#![allow(clippy::unwrap_used)]

#[path = "program/apps.rs"]
mod apps;
mod program;

use apps::{deployment, digest};
use program::{Repo, run, run_git};
use serde_json::Value;

const CHECK: &[&str] = &["check", "--format", "json"];

fn base(revision: &str) -> Vec<&str> {
    [CHECK, &["--base", revision]].concat()
}

const PRODUCTION: &str = "apps/api/overlays/production/kustomization.yaml";

#[test]
fn only_what_the_change_causes_is_reported() {
    let repo = Repo::started();
    repo.app("web");
    repo.spoil("api", "production", "old")
        .spoil("api", "production", "old")
        .commit("old");
    repo.git(&["checkout", "-q", "-b", "change"]);
    // a finding of the base stays old if its file is edited and its line moves
    let text = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
    repo.write(PRODUCTION, &format!("# moved\n{text}"))
        .spoil("web", "production", "new");
    assert_eq!(
        repo.run(&base("main")).findings(),
        ["unused-image-override apps/web/overlays/production/kustomization.yaml:5"]
    );
    let all = repo.run(&[CHECK, &["--base", "main", "--all"]].concat());
    assert_eq!(all.findings().len(), 3);
    // the base has two equal findings, so only a third one is new
    repo.git(&["checkout", "-q", "--", "apps/web"])
        .spoil("api", "production", "old");
    let run = repo.run(&base("main"));
    assert_eq!((run.findings().len(), run.status), (1, 1), "{}", run.out);
    // a change that does not alter the rendering is clean
    repo.git(&["checkout", "-q", "--", "."])
        .write("README.md", "words\n")
        .commit("words");
    let run = repo.run(&base("main"));
    assert_eq!((run.findings().len(), run.status), (0, 0), "{}", run.err);
}

#[test]
fn another_version_tag_is_no_new_problem_and_a_lost_digest_is() {
    let repo = Repo::new();
    repo.git(&["init", "-q"]);
    let tagged = |tag: &str| {
        format!("resources: [deployment.yaml]\nimages:\n- name: acme/api\n  newTag: {tag}\n")
    };
    let path = "apps/api/overlays/production/kustomization.yaml";
    repo.write(
        "apps/api/overlays/production/deployment.yaml",
        &deployment("api").replace("registry.example.com/api", "acme/api"),
    )
    .write(path, &tagged("1.4.0"))
    .commit("start");
    let check = |from: &str, to: &str| {
        repo.write(path, from)
            .write("README.md", &format!("{from}{to}"))
            .commit("before")
            .write(path, to);
        repo.run(&base("HEAD"))
    };
    // moving on, going back and leaving a floating tag make nothing worse
    for (from, to) in [("1.4.0", "1.5.0"), ("1.5.0", "1.4.0"), ("latest", "1.5.0")] {
        let run = check(&tagged(from), &tagged(to));
        assert_eq!(run.status, 0, "{from} → {to}: {}", run.out);
    }
    let pinned = format!("{}  digest: {}\n", tagged("1.4.0"), digest('a'));
    for (from, to) in [
        (tagged("1.4.0"), tagged("latest")),
        (pinned, tagged("1.5.0")),
    ] {
        let run = check(&from, &to);
        let found = run.findings();
        assert!(run.status == 1 && found.len() == 1, "{to}: {}", run.out);
        assert!(found[0].starts_with("mutable-tag"), "{found:?}");
    }
}

#[test]
fn causes_are_found_where_they_are() {
    let repo = Repo::started();
    let secret = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: keys}\nspec: {target: {name: keys}}\n";
    let user = deployment("api").replace(
        "          resources",
        "          envFrom: [{secretRef: {name: keys}}]\n          resources",
    );
    repo.write("apps/api/base/secret.yaml", secret)
        .write("apps/api/base/deployment.yaml", &user);
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml, secret.yaml]\n",
    )
    .commit("keys");
    // removing an object from the base breaks a line that the change does not touch
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml]\n",
    );
    let found = repo.run(&base("HEAD")).findings();
    assert!(
        found.contains(&"missing-secret apps/api/base/deployment.yaml:12".to_string()),
        "{found:?}"
    );
    repo.git(&["checkout", "-q", "--", "."]);
    // an edit of the base causes a finding in an overlay that nobody touched
    repo.write(
        "apps/api/base/deployment.yaml",
        &user.replace("limits: {memory: 64Mi}", "limits: {memory: 32Mi}"),
    );
    let found = repo.run(&base("HEAD")).findings();
    assert_eq!(
        found,
        [
            "limits-below-requests apps/api/base/deployment.yaml:13",
            "simultaneous-change apps/api/base/deployment.yaml:13"
        ]
    );
    repo.git(&["checkout", "-q", "--", "."]);
    // the change removes an object that another app needs
    let shared = "apps/shared/overlays";
    for environment in ["dev", "staging", "production"] {
        repo.write(
            &format!("{shared}/{environment}/kustomization.yaml"),
            "resources: [secret.yaml]\n",
        );
        repo.write(&format!("{shared}/{environment}/secret.yaml"), secret);
    }
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml]\n",
    )
    .commit("shared");
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    repo.write(
        &format!("{shared}/production/kustomization.yaml"),
        "resources: []\n",
    );
    let found = repo.run(&base("HEAD")).findings();
    assert!(
        found.contains(&"missing-secret apps/api/base/deployment.yaml:12".to_string()),
        "{found:?}"
    );
}

#[test]
fn what_moves_is_not_new() {
    let repo = Repo::started();
    repo.spoil("api", "production", "old").commit("old");
    repo.git(&[
        "mv",
        "apps/api/overlays/production",
        "apps/api/overlays/prod",
    ])
    .commit("rename");
    assert_eq!(repo.run(&base("HEAD~1")).findings(), Vec::<String>::new());
    repo.git(&["mv", "apps/api", "apps/interface"])
        .commit("rename the app");
    assert_eq!(repo.run(&base("HEAD~1")).findings(), Vec::<String>::new());
}

#[test]
fn one_more_variant_is_as_the_others_are() {
    let repo = Repo::started();
    let text = deployment("api").replace(", limits: {memory: 64Mi}", "");
    repo.write("apps/api/base/deployment.yaml", &text);
    let variant = |name: &str, image: &str| {
        let text = format!(
            "resources: [../../../base]\nimages:\n  - name: registry.example.com/api\n    {image}\n"
        );
        repo.write(
            &format!("apps/api/overlays/production/{name}/kustomization.yaml"),
            &text,
        );
    };
    let pinned = format!("digest: {}", digest('a'));
    std::fs::remove_file(repo.path(PRODUCTION)).unwrap();
    variant("eu", &pinned);
    repo.commit("no limit in one region");
    variant("us", &pinned);
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    // a new line of the new variant is a new finding
    variant("us", "newTag: v2");
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        ["mutable-tag apps/api/overlays/production/us/kustomization.yaml:4"]
    );
}

#[test]
fn values_of_a_chart_that_is_not_rendered_change_where_their_file_does() {
    let repo = Repo::started();
    let chart = "apps/cache/overlays/production";
    let text = "helmCharts: [{name: redis, version: 1.0.0, repo: 'https://charts.example.com', valuesFile: ../../values-redis.yaml}]\n";
    repo.write(&format!("{chart}/kustomization.yaml"), text)
        .write("apps/cache/values-redis.yaml", "a: 1\n")
        .commit("chart");
    let summary = || repo.run(&["diff", "HEAD", "--summary"]).out;
    repo.pin("api", "production", 'b').write(
        "apps/web/overlays/production/kustomization.yaml",
        "resources: []\n",
    );
    assert!(
        summary().contains("apps/api/overlays/production:") && !summary().contains(chart),
        "{}",
        summary()
    );
    repo.write("apps/cache/values-redis.yaml", "a: 2\n");
    assert!(
        summary().contains(&format!(
            "{chart}: cache, production: changed (1 resource, cannot be rendered completely)"
        )),
        "{}",
        summary()
    );
}

#[test]
fn what_staging_got_with_an_image_comes_along_with_it() {
    let repo = Repo::started();
    let path = |environment: &str| format!("apps/api/overlays/{environment}/kustomization.yaml");
    // sets a build, and variables with a patch
    let set = |environment: &str, letter: char, variables: &[&str]| {
        let variables: Vec<String> = variables
            .iter()
            .map(|name| format!("{{name: {name}, value: x}}"))
            .collect();
        let patch = format!(
            "patches:\n  - patch: |\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: {{name: api}}\n      spec: {{template: {{spec: {{containers: [{{name: api, env: [{}]}}]}}}}}}\n",
            variables.join(", ")
        );
        repo.pin("api", environment, letter);
        let text = std::fs::read_to_string(repo.path(&path(environment))).unwrap();
        repo.write(&path(environment), &format!("{text}{patch}"));
    };
    set("staging", 'a', &["PROFILER"]);
    repo.commit("staging alone profiles");
    set("staging", 'b', &["PROFILER", "QUEUE"]);
    repo.commit("stage b, which needs a queue");
    // only staging changed, so nothing fails
    let run = repo.run(&base("HEAD~1"));
    assert_eq!(
        (run.findings(), run.status),
        (
            vec![format!("environment-variable-drift {}:10", path("staging"))],
            0
        )
    );
    assert_eq!(run.json()["findings"][0]["severity"], "info");
    // production changes without a promotion, so nothing is reported
    repo.write(
        &path("production"),
        &format!(
            "{}\n# words\n",
            std::fs::read_to_string(repo.path(PRODUCTION)).unwrap()
        ),
    );
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    // the promotion lacks the variable for the queue; the one for the profiler is an old difference
    repo.pin("api", "production", 'b');
    let run = repo.run(&base("HEAD"));
    assert_eq!(
        (run.findings(), run.status),
        (
            vec![format!("environment-variable-drift {}:10", path("staging"))],
            1
        )
    );
    assert!(
        run.out.contains("QUEUE") && !run.out.contains("PROFILER"),
        "{}",
        run.out
    );
    set("production", 'b', &["QUEUE"]);
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
}

#[test]
fn a_generated_name_with_another_hash_is_the_same_object() {
    let repo = Repo::started();
    let settings = |environment: &str, literals: &str| {
        let text = format!(
            "resources: [../../base]\nconfigMapGenerator:\n- name: settings\n  literals: [{literals}]\n"
        );
        repo.write(
            &format!("apps/api/overlays/{environment}/kustomization.yaml"),
            &text,
        );
    };
    settings("staging", "CHAT=off, MODE=a");
    settings("production", "MODE=a");
    repo.commit("staging alone has a key");
    settings("production", "MODE=b");
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [format!("production-only-change {PRODUCTION}:4")]
    );
    settings("staging", "CHAT=off, MODE=a, SIZE=1");
    let run = repo.run(&base("HEAD"));
    assert_eq!(
        (run.findings(), run.status),
        (
            vec![
                format!("production-only-change {PRODUCTION}:4"),
                "overlay-drift apps/api/overlays/staging/kustomization.yaml:4".to_string()
            ],
            0
        )
    );
}

#[test]
fn a_promotion_is_proved_by_the_past_of_the_base() {
    let repo = Repo::started();
    repo.pin("api", "staging", 'b').commit("stage b");
    repo.pin("api", "staging", 'c').commit("stage c");
    // the present build of staging and an earlier one are proved
    for letter in ['c', 'b'] {
        repo.git(&["checkout", "-q", "-B", "change", "main"])
            .pin("api", "production", letter)
            .commit("promote");
        assert_eq!(
            repo.run(&base("main")).findings(),
            Vec::<String>::new(),
            "{letter}"
        );
    }
    // a build that reaches staging in the same change is not proved
    repo.git(&["checkout", "-q", "-B", "change", "main"])
        .pin("api", "production", 'd')
        .pin("api", "staging", 'd')
        .commit("both");
    assert!(
        repo.run(&base("main"))
            .findings()
            .contains(&format!("skipped-environment {PRODUCTION}:4"))
    );
    // a build that staging never ran is not proved
    repo.git(&["checkout", "-q", "-B", "change", "main"])
        .pin("api", "production", 'e')
        .commit("alone");
    assert_eq!(
        repo.run(&base("main")).findings(),
        [format!("digest-mismatch {PRODUCTION}:4")]
    );
    // production returns to a build that it ran itself
    repo.git(&["checkout", "-q", "main"])
        .pin("api", "production", 'c')
        .pin("api", "staging", 'f')
        .commit("go on");
    repo.git(&["checkout", "-q", "-b", "back"])
        .pin("api", "production", 'a')
        .commit("back");
    let run = repo.run(&base("main")).expect(0);
    assert_eq!(run.findings(), [format!("rollback {PRODUCTION}:4")]);
    // without a base: staging is ahead of production, which is normal
    repo.git(&["checkout", "-q", "main"]);
    assert_eq!(repo.run(CHECK).findings(), Vec::<String>::new());
}

#[test]
fn a_rollback_is_no_promotion() {
    let repo = Repo::started();
    let with = |environment: &str, letter: char, arguments: &str| {
        let path = format!("apps/api/overlays/{environment}/kustomization.yaml");
        let patch = "patches:\n  - target: {kind: Deployment}\n    patch: |\n      - {op: add, path: /spec/template/spec/containers/0/args, value: ";
        repo.pin("api", environment, letter);
        let text = std::fs::read_to_string(repo.path(&path)).unwrap();
        repo.write(
            &path,
            &if arguments.is_empty() {
                text
            } else {
                format!("{text}{patch}{arguments}}}\n")
            },
        );
    };
    with("staging", 'b', "[--fast]");
    repo.commit("stage b with an argument");
    with("production", 'b', "[--fast]");
    repo.commit("promote b");
    assert_eq!(repo.run(&base("HEAD~1")).findings(), Vec::<String>::new());
    // production alone rolls back, with the arguments that it ran then
    repo.git(&["checkout", "-q", "-b", "back"]);
    with("production", 'a', "");
    assert!(
        !repo
            .run(&base("HEAD"))
            .findings()
            .iter()
            .any(|found| found.starts_with("ride-along"))
    );
    // staging and production roll back together
    with("staging", 'a', "");
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    // a rollback that brings an argument that neither of them has run is reported
    with("production", 'a', "[--slow]");
    with("staging", 'a', "[--slow]");
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [format!("ride-along {PRODUCTION}:8")]
    );
    repo.git(&["reset", "-q", "--hard"])
        .git(&["checkout", "-q", "main"]);
    // staging has dropped the argument since, but it ran it with this image, so it may come along
    with("staging", 'c', "[--other]");
    repo.commit("stage c with another argument");
    with("staging", 'd', "");
    repo.commit("stage d without one");
    with("production", 'c', "[--other]");
    let found = repo.run(&base("HEAD")).findings();
    assert!(
        !found.iter().any(|found| found.starts_with("ride-along")),
        "{found:?}"
    );
    with("production", 'c', "[--another]");
    let found = repo.run(&base("HEAD")).findings();
    assert!(
        found.contains(&format!("ride-along {PRODUCTION}:8")),
        "{found:?}"
    );
}

/// A tag that a release gives to its chart, which names the image itself.
fn release(tag: &str) -> String {
    format!(
        "resources: [../../base]\npatches:\n- patch: |\n    apiVersion: helm.toolkit.fluxcd.io/v2\n    kind: HelmRelease\n    metadata: {{name: web}}\n    spec: {{values: {{image: {{tag: {tag}}}}}}}\n"
    )
}

#[test]
fn values_of_charts_have_a_past_as_containers_have() {
    let repo = Repo::new();
    repo.git(&["init", "-q"]);
    repo.write(
        "apps/web/base/kustomization.yaml",
        "resources: [release.yaml]\n",
    );
    let text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {values: {}}\n";
    repo.write("apps/web/base/release.yaml", text);
    for (environment, letter) in [
        ("staging", 'a'),
        ("production", 'a'),
        ("staging", 'b'),
        ("staging", 'c'),
        ("production", 'b'),
    ] {
        let pin = release(&format!("1.0.0@{}", digest(letter)));
        repo.write(
            &format!("apps/web/overlays/{environment}/kustomization.yaml"),
            &pin,
        )
        .commit("pin");
    }
    // staging ran this build and has moved on
    assert_eq!(repo.run(&base("HEAD~1")).findings(), Vec::<String>::new());
    repo.write(
        "apps/web/overlays/production/kustomization.yaml",
        &release(&format!("1.0.0@{}", digest('d'))),
    )
    .commit("alone");
    assert_eq!(
        repo.run(&base("HEAD~1")).findings(),
        ["digest-mismatch apps/web/overlays/production/kustomization.yaml:7"]
    );
    let status = repo
        .run(&["status", "--at", "HEAD~1", "--format", "json"])
        .json();
    let image = &status["apps"][0]["environments"][1]["images"][0];
    assert_eq!(
        (&image["name"], &image["relation"]),
        (
            &Value::from("HelmRelease/web image"),
            &Value::from("behind")
        ),
        "{status:#}"
    );
    let history = repo.run(&["history", "web", "--format", "json"]).json();
    assert_eq!(
        history["promotions"].as_array().unwrap().len(),
        6,
        "{history:#}"
    );
}

#[test]
fn what_an_updater_writes_beside_a_kustomization_is_proved() {
    let repo = Repo::started();
    let write = |environment: &str, letter: char| {
        let path = format!("apps/api/overlays/{environment}/.argocd-source-api-{environment}.yaml");
        repo.write(
            &path,
            &format!(
                "kustomize:\n  images:\n    - registry.example.com/api@{}\n",
                digest(letter)
            ),
        );
        path
    };
    write("staging", 'b');
    repo.commit("staging runs b");
    let production = write("production", 'b');
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    write("production", 'c');
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [format!("digest-mismatch {production}:3")]
    );
    // without `.argocd-source.yaml`, production returns to the build of its kustomization
    repo.git(&["clean", "-qfd"]).pin("api", "production", 'a');
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
}

#[test]
fn nothing_proves_itself() {
    let moved = Repo::started();
    moved.git(&["mv", "apps/api", "apps/backend"]);
    let production = "apps/backend/overlays/production/kustomization.yaml";
    let text = std::fs::read_to_string(moved.path(production)).unwrap();
    moved.write(production, &text.replace(&digest('a'), &digest('b')));
    assert_eq!(
        moved.run(&base("HEAD")).findings(),
        [format!("digest-mismatch {production}:4")],
        "in a folder with a new name"
    );

    let alone = Repo::started();
    alone.pin("api", "production", 'b');
    for environment in ["dev", "staging"] {
        std::fs::remove_dir_all(alone.path(&format!("apps/api/overlays/{environment}"))).unwrap();
    }
    assert_eq!(
        alone.run(&base("HEAD")).findings(),
        [format!("skipped-environment {PRODUCTION}:4")],
        "with staging taken away"
    );
    alone.pin("api", "dev", 'b');
    assert_eq!(
        alone.run(&base("HEAD")).findings(),
        [
            format!("mixed-promotion {PRODUCTION}:4"),
            format!("skipped-environment {PRODUCTION}:4")
        ],
        "with staging taken away and dev in its place"
    );
    alone
        .git(&["reset", "-q", "--hard"])
        .pin("api", "dev", 'b')
        .commit("dev runs b");
    alone.pin("api", "production", 'b');
    std::fs::remove_dir_all(alone.path("apps/api/overlays/staging")).unwrap();
    assert_eq!(
        alone.run(&base("HEAD")).findings(),
        [format!("skipped-environment {PRODUCTION}:4")],
        "dev alone ran it"
    );

    let beside = Repo::started();
    let job = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: tidy}}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - name: tidy\n          image: registry.example.com/tidy@{}\n          resources: {{limits: {{memory: 64Mi}}}}\n",
        digest('c')
    );
    let add = |environment: &str| {
        let path = format!("apps/api/overlays/{environment}/kustomization.yaml");
        let text = std::fs::read_to_string(beside.path(&path)).unwrap();
        beside.write(
            &path,
            &text.replace("[../../base]", "[../../base, job.yaml]"),
        );
        beside.write(&format!("apps/api/overlays/{environment}/job.yaml"), &job);
    };
    add("production");
    let found = beside.run(&base("HEAD"));
    assert_eq!(
        found.findings(),
        [
            "production-only-change apps/api/overlays/production/job.yaml:1",
            "skipped-environment apps/api/overlays/production/job.yaml:10"
        ],
        "an image of production alone"
    );
    assert_eq!(found.status, 0);
    beside.git(&["stash", "-q", "-u"]);
    add("staging");
    beside.commit("staging tidies up");
    add("production");
    assert!(
        beside.run(&base("HEAD")).findings().is_empty(),
        "staging ran it"
    );
    let other = Repo::started();
    other.app("web");
    assert_eq!(
        other.run(&base("HEAD")).findings(),
        ["production-only-change apps/web/base/deployment.yaml:1"],
        "an app that is new everywhere is told"
    );
}

#[test]
fn a_change_cannot_hide_what_it_loosens() {
    let repo = Repo::started();
    repo.pin("api", "production", 'b').write(
        ".gitops-lint.yaml",
        "rules:\n  digest-mismatch: off # gitops-lint: ignore[loosened-check] quiet\n  loosened-check: off\n",
    );
    let found = repo.run(&base("HEAD")).findings();
    for line in [2, 3] {
        assert!(
            found.contains(&format!("loosened-check .gitops-lint.yaml:{line}")),
            "{found:?}"
        );
    }
    // a suppression comment that the change adds to hide an error is reported
    let repo = Repo::started();
    repo.pin("api", "production", 'b');
    let text = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
    let digest = text.lines().last().unwrap();
    let comment = "# gitops-lint: ignore[digest-mismatch] agreed";
    repo.write(
        PRODUCTION,
        &text.replace(digest, &format!("{digest} {comment}")),
    );
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [format!("loosened-check {PRODUCTION}:4")]
    );
    // nor does the report about the comment go away with the rule that makes it
    repo.write(".gitops-lint.yaml", "rules: {loosened-check: off}\n");
    let found = repo.run(&base("HEAD")).findings();
    assert!(
        found.contains(&format!("loosened-check {PRODUCTION}:4")),
        "{found:?}"
    );
    std::fs::remove_file(repo.path(".gitops-lint.yaml")).unwrap();
    // a comment that the base already has was reviewed
    repo.commit("accepted").write(
        PRODUCTION,
        &text.replace(
            digest,
            &format!("    digest: {} {comment}", apps::digest('c')),
        ),
    );
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
    let order = "environments:\n  - {name: staging}\n  - {name: dev}\n  - {name: production, protected: true}\n";
    let repo = Repo::started();
    repo.write(".gitops-lint.yaml", order);
    let said = repo.run(&["check", "--base", "HEAD", "--format", "concise"]);
    assert!(
        said.out
            .contains("this change compares production with dev instead of staging"),
        "{}",
        said.out
    );
}

#[test]
fn a_configuration_may_know_other_environments_than_the_one_before() {
    let repo = Repo::started();
    repo.write(
        ".gitops-lint.yaml",
        "environments:\n  - {name: dev}\n  - {name: staging}\n  - {name: live, aliases: [production], protected: true}\n",
    );
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [""; 0],
        "nothing is moved or lost by it"
    );
    repo.pin("api", "production", 'c');
    assert_eq!(
        repo.run(&base("HEAD")).findings(),
        [format!("digest-mismatch {PRODUCTION}:4")],
        "and production is compared with itself"
    );
}

#[test]
fn a_change_that_concerns_nothing_is_told_so() {
    let repo = Repo::started();
    repo.write("README.md", "hello");
    let said = repo.run(&["check", "--base", "HEAD"]);
    assert!(
        said.out
            .contains("\nno findings; no overlay is affected (3 in the repository")
            && said.status == 0,
        "{}",
        said.out
    );
}

#[test]
fn mirrors_are_proved_when_they_are_mapped() {
    let repo = Repo::started();
    let mirror = format!(
        "resources: [../../base]\nimages:\n  - name: registry.example.com/api\n    newName: mirror.example.net/api\n    digest: {}\n",
        digest('b')
    );
    repo.pin("api", "staging", 'b').commit("stage");
    repo.write(PRODUCTION, &mirror);
    assert!(
        repo.run(&base("HEAD"))
            .findings()
            .contains(&format!("digest-mismatch {PRODUCTION}:5"))
    );
    repo.git(&["stash", "-q"]);
    repo.write(
        ".gitops-lint.yaml",
        "version: 1\nimages:\n  mirrors: [{from: registry.example.com, to: mirror.example.net}]\n",
    );
    repo.commit("mirror").git(&["stash", "pop", "-q"]);
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
}

#[test]
fn clones_that_lack_something_say_what_and_how_to_get_it() {
    let repo = Repo::started();
    repo.pin("api", "staging", 'b').commit("stage b");
    repo.pin("api", "staging", 'c').commit("stage c");
    repo.pin("api", "dev", 'd').commit("more");
    let clones = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repo.root().display());
    run_git(
        clones.path(),
        &["clone", "-q", "--depth=2", &url, "shallow"],
    );
    let shallow = clones.path().join("shallow");
    let text = std::fs::read_to_string(shallow.join(PRODUCTION)).unwrap();
    std::fs::write(
        shallow.join(PRODUCTION),
        text.replace(&digest('a'), &digest('b')),
    )
    .unwrap();
    let run_in = |arguments: &[&str]| run(&shallow, arguments, &[]);
    let report = run_in(&base("HEAD")).json();
    assert_eq!(report["findings"][0]["rule"], "digest-mismatch");
    assert!(
        report["findings"][0]["help"]
            .as_str()
            .unwrap()
            .contains("fetch-depth: 0"),
        "{report:#}"
    );
    let missing = run_in(&base("HEAD~5"));
    assert!(
        missing.status == 2 && missing.err.contains("fetch-depth: 0"),
        "{}",
        missing.err
    );
    assert!(run_in(&["status"]).err.contains("fetch-depth: 0"));
    // if the base that CI names is missing, the check fails
    let ci = run(&shallow, CHECK, &[("GITHUB_BASE_REF", "release")]);
    assert!(
        ci.status == 2
            && ci
                .err
                .contains("origin/release that GITHUB_BASE_REF names cannot be used"),
        "{}",
        ci.err
    );
}

#[test]
fn ci_systems_name_the_base() {
    let repo = Repo::started();
    repo.spoil("api", "production", "old").commit("old");
    let start = run_git(repo.root(), &["rev-parse", "HEAD"]);
    repo.git(&["checkout", "-q", "-b", "change"])
        .spoil("api", "staging", "new")
        .commit("new");
    let event = |name: &str, field: &str| {
        let path = repo.path(&format!(".git/{name}.json"));
        std::fs::write(
            &path,
            format!(
                "{{\"{field}\": {{\"base_sha\": \"{start}\", \"base\": {{\"sha\": \"{start}\"}}}}}}"
            ),
        )
        .unwrap();
        path.display().to_string()
    };
    let (pull, queue) = (event("pull", "pull_request"), event("queue", "merge_group"));
    let cases = [
        ("GITHUB_BASE_REF", "main"),
        ("GITHUB_EVENT_PATH", &pull),
        ("GITHUB_EVENT_PATH", &queue),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &start),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
        ("CHANGE_TARGET", "main"),
        ("PULL_BASE_SHA", &start),
        ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
    ];
    for (name, value) in cases {
        let run = run(repo.root(), CHECK, &[(name, value)]);
        assert_eq!(
            run.findings(),
            ["unused-image-override apps/api/overlays/staging/kustomization.yaml:5"],
            "{name}: {}",
            run.err
        );
    }
    assert_eq!(repo.run(CHECK).findings().len(), 2);
    assert_eq!(
        run(
            repo.root(),
            &[CHECK, &["--no-base"]].concat(),
            &[("GITHUB_BASE_REF", "main")]
        )
        .findings()
        .len(),
        2
    );
    // the target branch itself is checked out
    repo.git(&["checkout", "-q", "main"]);
    let target = run(repo.root(), CHECK, &[("GITHUB_BASE_REF", "main")]);
    assert_eq!(target.findings().len(), 1, "{}", target.out);
    assert!(
        target
            .err
            .contains("is the checked-out commit, so all findings are reported"),
        "{}",
        target.err
    );
}

#[test]
fn what_is_staged_is_checked_as_it_is_staged() {
    let repo = Repo::started();
    let staged = [CHECK, &["--staged"]].concat();
    assert_eq!(repo.run(&staged).findings(), Vec::<String>::new());
    // only the correct part of the edits is staged
    repo.pin("api", "dev", 'b')
        .git(&["add", "-A"])
        .spoil("api", "dev", "later")
        .spoil("api", "production", "later");
    assert_eq!(repo.run(&staged).findings(), Vec::<String>::new());
    repo.git(&["add", PRODUCTION]);
    assert_eq!(
        repo.run(&staged).findings(),
        [format!("unused-image-override {PRODUCTION}:5")]
    );
    let empty = Repo::new();
    empty.git(&["init", "-q"]);
    let empty = empty.app("api");
    empty.spoil("api", "dev", "x").git(&["add", "-A"]);
    assert_eq!(empty.run(&staged).findings().len(), 1);
    assert!(
        empty
            .run(&base("HEAD"))
            .err
            .contains("the branch has no commit yet")
    );
}

#[test]
fn repositories_of_every_kind_are_read() {
    let repo = Repo::started();
    repo.pin("api", "staging", 'b')
        .commit("stage b")
        .git(&["branch", "other"]);
    repo.pin("api", "production", 'b').commit("promote");
    let clones = tempfile::tempdir().unwrap();
    let (bare, linked) = (clones.path().join("bare.git"), clones.path().join("linked"));
    run_git(
        clones.path(),
        &[
            "clone",
            "-q",
            "--bare",
            &repo.root().display().to_string(),
            "bare.git",
        ],
    );
    repo.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        &linked.display().to_string(),
        "main",
    ]);
    repo.git(&["gc", "-q"]).git(&["pack-refs", "--all"]);
    let expected = repo.run(&["status", "--images"]).out;
    assert!(expected.contains("same"), "{expected}");
    for folder in [&bare, &linked] {
        assert_eq!(
            run(folder, &["status", "--images"], &[]).out,
            expected,
            "{}",
            folder.display()
        );
        assert_eq!(run(folder, &base("main~1"), &[]).status, 0);
        assert!(
            run(folder, &["diff", "main~1..main", "--summary"], &[])
                .out
                .contains("apps/api/overlays/production")
        );
    }
    // a subfolder with its own configuration is its own root
    repo.write("apps/.gitops-lint.yaml", "version: 1\n")
        .commit("own root");
    repo.pin("api", "production", 'c');
    let found = run(&repo.path("apps"), &base("HEAD"), &[]).findings();
    assert_eq!(
        found,
        ["digest-mismatch api/overlays/production/kustomization.yaml:4"]
    );
    assert!(
        run(&repo.path("apps"), &["history", "api"], &[])
            .out
            .contains("promote")
            || run(&repo.path("apps"), &["history", "api"], &[])
                .out
                .contains("Ada")
    );
    // a folder without a Git repository
    let plain = tempfile::tempdir().unwrap();
    let none = run(plain.path(), &base("main"), &[]);
    assert!(
        none.status == 2 && none.err.contains("there is no Git repository here"),
        "{}",
        none.err
    );
    assert!(
        repo.run(&base("nothing"))
            .err
            .contains("there is no revision \"nothing\"")
    );
}

#[test]
fn line_ends_modes_and_submodules_are_no_change() {
    let repo = Repo::started();
    let module = Repo::started();
    repo.git(&[
        "submodule",
        "add",
        "-q",
        &module.root().display().to_string(),
        "vendor",
    ])
    .commit("vendor");
    let deployment = "apps/api/base/deployment.yaml";
    let text = std::fs::read_to_string(repo.path(deployment)).unwrap();
    repo.write(deployment, &text.replace('\n', "\r\n"));
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    repo.git(&["checkout", "-q", "--", "."]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(
            repo.path(deployment),
            std::fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }
    let run = repo.run(&["diff", "HEAD", "--summary"]);
    assert!(run.out.is_empty(), "{}", run.out);
    assert_eq!(repo.run(&base("HEAD")).findings(), Vec::<String>::new());
}

#[test]
fn history_follows_renames_merges_and_what_agents_add() {
    let repo = Repo::started();
    repo.git(&["checkout", "-q", "-b", "feature"])
        .pin("api", "dev", 'b')
        .commit("dev b on a branch");
    repo.git(&["checkout", "-q", "main"])
        .write("README.md", "x")
        .commit("words");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge dev b", "feature"]);
    repo.git(&[
        "mv",
        "apps/api/overlays/production",
        "apps/api/overlays/prod",
    ])
    .commit("rename");
    repo.write(
        "apps/api/overlays/prod/kustomization.yaml",
        &std::fs::read_to_string(repo.path("apps/api/overlays/dev/kustomization.yaml")).unwrap(),
    );
    repo.commit("promote b");
    let promotions = repo.run(&["history", "api", "--format", "json"]).json()["promotions"]
        .as_array()
        .unwrap()
        .clone();
    let letter = |value: &Value| value.as_str().map(|text| text.chars().nth(7).unwrap());
    let told: Vec<(&str, Option<char>, Option<char>)> = promotions
        .iter()
        .map(|one| {
            (
                one["environment"].as_str().unwrap(),
                letter(&one["from"]),
                letter(&one["to"]),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("production", Some('a'), Some('b')),
            ("dev", Some('a'), Some('b')),
            ("dev", None, Some('a')),
            ("staging", None, Some('a')),
            ("production", None, Some('a')),
        ]
    );
    // an image that a Flux object sets counts as rendered
    let flux = |letter: char| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: web, namespace: flux-system}}\nspec:\n  path: ./apps/web\n  sourceRef: {{kind: GitRepository, name: repo}}\n  images: [{{name: registry.example.com/web, digest: {}}}]\n",
            digest(letter)
        )
    };
    repo.write(
        "apps/web/kustomization.yaml",
        "resources: [deployment.yaml]\n",
    )
    .write("apps/web/deployment.yaml", &deployment("web"));
    repo.write("clusters/production/web.yaml", &flux('c'))
        .commit("web c");
    repo.write("clusters/production/web.yaml", &flux('d'))
        .commit("web d");
    let run = repo.run(&["history", "apps/web", "--format", "json"]);
    let run = if run.status == 0 {
        run
    } else {
        repo.run(&["history", "web", "--format", "json"])
    };
    let letters: Vec<Option<char>> = run.json()["promotions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| letter(&one["to"]))
        .collect();
    assert_eq!(letters, [Some('d'), Some('c')], "{}", run.out);
}

#[test]
fn status_tells_how_environments_stand() {
    let repo = Repo::started();
    for letter in ['b', 'c'] {
        repo.pin("api", "staging", letter).commit("stage");
    }
    repo.pin("api", "dev", 'z');
    let apps = repo.run(&["status", "--format", "json"]).json()["apps"].clone();
    let images: Vec<Value> = apps[0]["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["images"][0].clone())
        .collect();
    let told: Vec<(&str, &Value)> = images
        .iter()
        .map(|image| (image["relation"].as_str().unwrap(), &image["behind_by"]))
        .collect();
    assert_eq!(told[2], ("behind", &Value::from(2)), "{images:#?}");
    assert!(images[0]["commit"].is_null() && images[1]["commit"].is_string());
    let before = repo
        .run(&["status", "--at", "HEAD~2", "--format", "json"])
        .json();
    assert_eq!(
        before["apps"][0]["environments"][2]["images"][0]["relation"],
        "same"
    );
    // the program accepts the records that it writes
    repo.git(&["checkout", "-q", "--", "."]);
    for name in ["versions.json", "VERSIONS.md"] {
        repo.run(&["status", "--write", name]);
    }
    assert_eq!(repo.run(CHECK).findings(), Vec::<String>::new());
    repo.pin("api", "production", 'b');
    let found = repo.run(CHECK).findings();
    assert_eq!(
        found
            .iter()
            .filter(|finding| finding.starts_with("promotion-record"))
            .count(),
        2,
        "{found:?}"
    );
}

#[test]
fn a_loss_is_told_once() {
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: api}\nspec: {minAvailable: 1, selector: {matchLabels: {app: api}}}\n";
    let repo = Repo::started();
    let bases = "apps/api/base/kustomization.yaml";
    repo.write("apps/api/base/budget.yaml", budget)
        .write(bases, "resources:\n  - deployment.yaml\n  - budget.yaml\n")
        .commit("budget");
    let lost = |run: program::Run| {
        let found = run.findings().into_iter().filter(|finding| {
            finding.starts_with("removed-resource") || finding.starts_with("resource-deletion")
        });
        found.collect::<Vec<String>>()
    };
    // production alone loses the object
    let drop = "patches:\n  - patch: |\n      apiVersion: policy/v1\n      kind: PodDisruptionBudget\n      metadata: {name: api}\n      $patch: delete\n";
    let text = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
    repo.write(PRODUCTION, &format!("{text}{drop}"));
    assert_eq!(
        lost(repo.run(&base("HEAD"))),
        [format!("removed-resource {PRODUCTION}:10")]
    );
    repo.git(&["checkout", "-q", "--", "."]);
    // every environment loses the object: only the base revision shows it
    repo.write(bases, "resources:\n  - deployment.yaml\n");
    assert_eq!(
        lost(repo.run(&base("HEAD"))),
        [format!("removed-resource {bases}:1")]
    );
    let off = [&base("HEAD")[..], &["--rule", "removed-resource=off"]].concat();
    assert_eq!(
        lost(repo.run(&off)),
        [format!("resource-deletion {bases}:1")]
    );
    let error = [&base("HEAD")[..], &["--rule", "removed-resource=error"]].concat();
    assert_eq!(repo.run(&error).status, 1);
}

#[test]
fn a_reference_of_a_remote_base_is_proved_as_a_digest_is() {
    let repo = Repo::started();
    let base_at = |environment: &str, reference: &str| {
        repo.write(
            &format!("apps/api/overlays/{environment}/kustomization.yaml"),
            &format!("resources: [\"https://github.com/acme/bases//api?ref={reference}\"]\n"),
        );
    };
    let told = || -> Vec<String> {
        let mut found = repo.run(&base("HEAD")).findings();
        found.retain(|finding| finding.starts_with("unproved-version "));
        found
    };
    for environment in ["staging", "production"] {
        base_at(environment, "v1.0.0");
    }
    repo.commit("first");
    base_at("staging", "v1.1.0");
    repo.commit("staging");
    // what staging runs, and what it ran
    base_at("production", "v1.1.0");
    assert_eq!(told(), [""; 0]);
    repo.commit("promote");
    base_at("staging", "v1.2.0");
    repo.commit("staging again");
    // what production ran itself
    base_at("production", "v1.0.0");
    assert_eq!(told(), [""; 0]);
    // what nobody ran
    base_at("production", "v2.0.0");
    let run = repo.run(&base("HEAD"));
    assert_eq!(run.status, 1, "{}", run.out);
    assert_eq!(
        told(),
        ["unproved-version apps/api/overlays/production/kustomization.yaml:1"]
    );
}

/// An overlay that pins a build and adds a limit to it.
fn limited(letter: char, limit: &str) -> String {
    let digest = digest(letter);
    let patch = match limit {
        "" => String::new(),
        limit => format!(
            "patches:\n- target: {{kind: Deployment}}\n  patch: |\n    - op: add\n      path: /spec/template/spec/containers/0/resources/limits/cpu\n      value: \"{limit}\"\n"
        ),
    };
    format!(
        "resources: [../../base]\nimages:\n- name: registry.example.com/api\n  digest: {digest}\n{patch}"
    )
}

/// A repo in which one app has these overlays in staging and production, one commit each.
fn with_past(past: &[(String, String)]) -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"])
        .write(
            "apps/api/base/kustomization.yaml",
            "resources: [deployment.yaml]\n",
        )
        .write("apps/api/base/deployment.yaml", &deployment("api"));
    for (staging, production) in past {
        repo.write("apps/api/overlays/staging/kustomization.yaml", staging)
            .write(PRODUCTION, production)
            .commit("change");
    }
    repo
}

#[test]
fn a_setting_that_the_promoted_version_never_had_is_not_lost() {
    let past = [
        (limited('a', ""), limited('a', "")),
        (limited('b', ""), limited('a', "")),
        (limited('c', "1"), limited('a', "")),
    ];
    let repo = with_past(&past);
    // staging already runs the next version, which brought a limit
    repo.write(PRODUCTION, &limited('b', ""));
    let run = repo.run(&base("HEAD"));
    assert_eq!((run.findings().len(), run.status), (0, 0), "{}", run.out);
    // the version that brought it must bring it to production as well
    repo.write(PRODUCTION, &limited('c', ""));
    let run = repo.run(&base("HEAD"));
    assert!(run.out.contains("removed-limits"), "{}", run.out);
    assert_eq!(run.status, 1);
}

#[test]
fn a_rollback_takes_the_settings_of_then() {
    let past = [
        (limited('a', ""), limited('a', "")),
        (limited('b', "1"), limited('a', "")),
        (limited('b', "1"), limited('b', "1")),
    ];
    let repo = with_past(&past);
    repo.write(PRODUCTION, &limited('a', ""));
    let run = repo.run(&base("HEAD"));
    assert_eq!(run.status, 0, "{}", run.out);
    assert!(run.out.contains("rollback"), "{}", run.out);
    // without the rollback the limit is lost
    repo.write(PRODUCTION, &limited('b', ""));
    let run = repo.run(&base("HEAD"));
    assert!(run.out.contains("removed-limits"), "{}", run.out);
    assert_eq!(run.status, 1);
}

#[test]
fn production_may_follow_staging_in_a_removal() {
    let past = [
        (limited('a', "1"), limited('a', "1")),
        (limited('a', ""), limited('a', "1")),
    ];
    let repo = with_past(&past);
    repo.write(PRODUCTION, &limited('a', ""));
    let run = repo.run(&base("HEAD"));
    assert_eq!((run.findings().len(), run.status), (1, 0), "{}", run.out);
    assert_eq!(run.json()["summary"]["infos"], 1, "{}", run.out);
    // both at once is a warning, production alone an error
    let repo = with_past(&past[..1]);
    repo.write(PRODUCTION, &limited('a', ""));
    assert_eq!(repo.run(&base("HEAD")).status, 1);
    repo.write(
        "apps/api/overlays/staging/kustomization.yaml",
        &limited('a', ""),
    );
    let run = repo.run(&base("HEAD"));
    assert!(run.out.contains("removed-limits"), "{}", run.out);
    assert_eq!(run.status, 0, "{}", run.out);
}

#[test]
fn what_a_chart_ran_earlier_is_proved() {
    let repo = Repo::new();
    repo.git(&["init", "-q"])
        .git(&[
            "remote",
            "add",
            "origin",
            "https://git.example.com/acme/config.git",
        ])
        .write(
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        )
        .write("charts/web/values.yaml", "image: {digest: none}\n")
        .write(
            "charts/web/templates/web.yaml",
            &deployment("web").replace(
                "registry.example.com/web",
                "\"registry.example.com/web@{{ .Values.image.digest }}\"",
            ),
        );
    let values = |environment: &str, letter: char| {
        repo.write(
            &format!("charts/web/values-{environment}.yaml"),
            &format!("image: {{digest: {}}}\n", digest(letter)),
        );
    };
    for environment in ["staging", "production"] {
        repo.write(
            &format!("argocd/{environment}/web.yaml"),
            &format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web-{environment}, namespace: argocd}}\nspec:\n  project: default\n  destination: {{server: https://kubernetes.default.svc, namespace: web}}\n  source:\n    repoURL: https://git.example.com/acme/config.git\n    path: charts/web\n    helm: {{valueFiles: [values-{environment}.yaml]}}\n"
            ),
        );
        values(environment, 'a');
    }
    repo.commit("start");
    for letter in ['b', 'c'] {
        values("staging", letter);
        repo.commit("stage");
    }
    // staging ran b before c, and never d
    values("production", 'b');
    let run = repo.run(&base("HEAD"));
    assert_eq!((run.findings().len(), run.status), (0, 0), "{}", run.out);
    values("production", 'd');
    let run = repo.run(&base("HEAD"));
    assert!(run.out.contains("digest-mismatch"), "{}", run.out);
    assert_eq!(run.status, 1);
}

#[test]
fn versions_in_the_variables_of_flux_are_proved_by_the_past() {
    let repo = Repo::new();
    repo.git(&["init", "-q"]);
    repo.write(
        "apps/api/base/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  selector: {matchLabels: {app: api}}\n  template:\n    metadata: {labels: {app: api}}\n    spec:\n      containers:\n      - name: api\n        image: registry.example.com/api@${digest}\n",
    );
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml]\n",
    );
    let variables = |environment: &str, letter: char| {
        repo.write(
            &format!("clusters/{environment}/variables.yaml"),
            &format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: variables, namespace: flux-system}}\ndata:\n  digest: {}\n",
                digest(letter)
            ),
        );
    };
    for environment in ["staging", "production"] {
        repo.write(
            &format!("apps/api/overlays/{environment}/kustomization.yaml"),
            "namespace: api\nresources: [../../base]\n",
        );
        repo.write(
            &format!("clusters/{environment}/api.yaml"),
            &format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: api, namespace: flux-system}}\nspec:\n  path: ./apps/api/overlays/{environment}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n  postBuild: {{substituteFrom: [{{kind: ConfigMap, name: variables}}]}}\n"
            ),
        );
        variables(environment, 'a');
    }
    repo.commit("a everywhere");
    for letter in ['b', 'c'] {
        variables("staging", letter);
        repo.commit("a new version in staging");
    }
    // staging ran it before its present version
    variables("production", 'b');
    assert_eq!(repo.run(&base("HEAD")).status, 0);
    repo.commit("promote");
    variables("production", 'a');
    let run = repo.run(&base("HEAD"));
    assert!(
        run.status == 0 && run.out.contains("rollback"),
        "{}",
        run.out
    );
    variables("production", 'd');
    let run = repo.run(&base("HEAD"));
    assert!(run.out.contains("digest-mismatch"), "{}", run.out);
    assert_eq!(run.status, 1);
}
