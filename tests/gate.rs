//! The check as the gate of pull requests that nobody trusts: its reports, what it cannot read, and
//! the ways in which it is called.

#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Repo, command, run};

/// A repo with one overlay of production that has nothing to report.
fn healthy() -> Repo {
    let repo = Repo::new();
    let folder = "apps/api/overlays/production";
    repo.git(&["init", "-q"])
        .write(
            &format!("{folder}/kustomization.yaml"),
            "resources: [map.yaml]\n",
        )
        .write(
            &format!("{folder}/map.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\ndata: {a: b}\n",
        );
    repo
}

const REPORTS: [&str; 8] = [
    "pretty", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown",
];

#[test]
fn a_check_that_cannot_work_replaces_every_report() {
    let repo = healthy();
    repo.write(".gitops-lint.yaml", "version: 1\nnonsense: 1\n");
    let mut arguments = vec!["check".to_string()];
    for format in REPORTS {
        let file = format!("out.{format}");
        repo.write(&file, "of an earlier run");
        arguments.extend(["--format".to_string(), format!("{format}={file}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    repo.run(&arguments).expect(2);
    for format in REPORTS {
        let text = fs::read_to_string(repo.path(&format!("out.{format}"))).unwrap();
        assert!(
            text.contains("the configuration has 1 mistake") && !text.contains("earlier run"),
            "{format}: {text}"
        );
    }
    let on_output = repo.run(&["check", "--format", "github"]).expect(2);
    assert!(
        on_output.out.starts_with("::error file=.gitops-lint.yaml"),
        "{}",
        on_output.out
    );
    let on_output = repo.run(&["check", "--format", "json"]).expect(2);
    assert_eq!(on_output.findings(), ["check-failed .gitops-lint.yaml:1"]);
}

#[cfg(unix)]
#[test]
fn reports_are_not_written_through_links() {
    use std::os::unix::fs::symlink;
    let repo = healthy();
    let outside = Repo::new();
    outside.write("key", "secret");
    symlink(outside.path("key"), repo.path("out.json")).unwrap();
    repo.run(&["check", "--format", "json=out.json"]).expect(0);
    assert_eq!(fs::read_to_string(outside.path("key")).unwrap(), "secret");
    assert!(
        fs::read_to_string(repo.path("out.json"))
            .unwrap()
            .starts_with('{')
    );
    symlink(outside.root(), repo.path("reports")).unwrap();
    let refused = repo
        .run(&["check", "--format", "json=reports/out.json"])
        .expect(2);
    assert!(refused.err.contains("symbolic link"), "{}", refused.err);
    assert!(!outside.path("out.json").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_status_2() {
    let repo = healthy();
    repo.commit("first");
    for arguments in [
        &["check"][..],
        &["render", "apps/api/overlays/production"],
        &["why", "ConfigMap/api"],
        &["status"],
        &["rules"],
        &["init", "--stdout"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let done = command(repo.root(), arguments)
            .stdout(full)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.contains("cannot be written"),
            "{arguments:?}: {message}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_an_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    let repo = healthy();
    let name = OsStr::from_bytes(b"apps/\xff.yaml");
    fs::write(repo.root().join(name), "a: b\n").unwrap();
    let fifo = repo.path("apps/api/base/kustomization.yaml");
    fs::create_dir_all(fifo.parent().unwrap()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    let made = made.is_ok_and(|status| status.success());
    repo.write(
        "apps/hidden.yaml",
        "kind: Application\napiVersion: argoproj.io/v1alpha1\n",
    );
    let hidden = repo.path("apps/hidden.yaml");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o000)).unwrap();
    let found = repo
        .run(&["check", "--format", "json"])
        .expect(1)
        .findings();
    assert!(
        found.contains(&"unreadable-file apps/\u{fffd}.yaml:1".to_string()),
        "{found:?}"
    );
    assert!(
        !made || found.contains(&"unreadable-file apps/api/base/kustomization.yaml:1".to_string()),
        "{found:?}"
    );
    // whoever may read everything can read this as well
    if fs::read(&hidden).is_err() {
        assert!(
            found.contains(&"unreadable-file apps/hidden.yaml:1".to_string()),
            "{found:?}"
        );
    }
    repo.write_bytes("CODEOWNERS", b"* @a\xff\n");
    let found = repo
        .run(&["check", "--format", "json"])
        .expect(1)
        .findings();
    assert!(
        found.contains(&"codeowners-invalid CODEOWNERS:1".to_string()),
        "{found:?}"
    );
}

#[test]
fn a_base_with_two_meanings_is_refused() {
    let repo = healthy();
    repo.commit("first").git(&["tag", "main"]);
    repo.run(&["check", "--base", "main"]).expect(0);
    repo.write(
        "apps/api/overlays/production/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\ndata: {a: c}\n",
    )
    .commit("second");
    let refused = repo.run(&["check", "--base", "main"]).expect(2);
    assert!(
        refused.err.contains("a branch and a tag have this name"),
        "{}",
        refused.err
    );
    repo.run(&["check", "--base", "refs/heads/main"]).expect(0);
    repo.git(&["tag", "-d", "main"]);
    fs::write(repo.path(".git/release"), format!("{}\n", "0".repeat(40))).unwrap();
    let refused = repo.run(&["check", "--base", "release"]).expect(2);
    assert!(refused.err.contains("ambiguous"), "{}", refused.err);
    let in_ci = run(repo.root(), &["check"], &[("GITHUB_BASE_REF", "release")]).expect(2);
    assert!(in_ci.err.contains("ambiguous"), "{}", in_ci.err);
}

#[test]
fn the_hook_checks_what_pre_commit_asks_for() {
    let repo = healthy();
    let overlay = "apps/api/overlays/production/kustomization.yaml";
    repo.commit("first");
    repo.write(overlay, "resources: [map.yaml, gone.yaml]\n")
        .commit("second");
    // everything, because nothing is staged
    repo.run(&["check", "--hook"]).expect(1);
    // a commit that stages nothing new
    let in_commit = [("GIT_INDEX_FILE", ".git/index")];
    run(repo.root(), &["check", "--hook"], &in_commit).expect(0);
    // two revisions
    let revisions = [
        ("PRE_COMMIT_FROM_REF", "HEAD~1"),
        ("PRE_COMMIT_TO_REF", "HEAD"),
    ];
    run(repo.root(), &["check", "--hook"], &revisions).expect(1);
    // a deletion
    repo.write(overlay, "resources: [map.yaml]\n")
        .commit("third");
    repo.git(&["rm", "-q", "apps/api/overlays/production/map.yaml"]);
    run(repo.root(), &["check", "--hook"], &in_commit).expect(1);
}

#[test]
fn a_command_ends_at_its_budget() {
    let repo = healthy();
    let objects: String = (0..4000)
        .map(|at| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{at}}}\ndata: {{a: b}}\n"
            )
        })
        .collect();
    repo.write("apps/api/overlays/production/map.yaml", &objects);
    let small = ["check", "--memory-limit", "1", "--format", "json=out.json"];
    let run = repo.run(&small).expect(2);
    assert!(run.err.contains("--memory-limit"), "{}", run.err);
    let report = fs::read_to_string(repo.path("out.json")).unwrap();
    assert!(report.contains("check-failed"), "{report}");
}

#[test]
fn policies_see_digests_of_secrets() {
    let repo = healthy();
    repo.write(".gitops-lint.yaml", "version: 1\npolicies: [policies]\n")
        .write(
            "policies/tell.rego",
            "package main\n\nimport rego.v1\n\ndeny contains msg if {\n\tsome value in object.get(input, \"stringData\", {})\n\tmsg := sprintf(\"value %s\", [value])\n}\n\ndeny contains msg if {\n\tsome container in input.spec.containers\n\tsome entry in container.env\n\tmsg := sprintf(\"variable %s\", [entry.value])\n}\n",
        )
        .write(
            "apps/api/overlays/production/kustomization.yaml",
            "resources: [secret.yaml, pod.yaml]\nreplacements:\n- source: {kind: Secret, name: db, fieldPath: stringData.password}\n  targets:\n  - select: {kind: Pod}\n    fieldPaths: ['spec.containers.0.env.0.value']\n",
        )
        .write(
            "apps/api/overlays/production/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2-eu}\n",
        )
        .write(
            "apps/api/overlays/production/pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\nspec:\n  containers:\n  - name: api\n    image: registry.example.com/api:1.0.0\n    env: [{name: DB, value: x}]\n",
        );
    let run = repo.run(&["check", "--format", "json"]).expect(1);
    assert!(!run.out.contains("hunter2"), "{}", run.out);
    assert!(
        run.out.contains("value sha256:") && run.out.contains("variable sha256:"),
        "{}",
        run.out
    );
    for arguments in [
        &["why", "Pod/api"][..],
        &["why", "Pod/api", "spec/containers/0/env/0/value"],
    ] {
        let run = repo.run(arguments);
        assert!(
            !run.out.contains("hunter2") && !run.err.contains("hunter2"),
            "{}{}",
            run.out,
            run.err
        );
    }
}
