//! Runs the binary as people do: exit status, formats, paths, and wrong input of every kind.

#![allow(clippy::unwrap_used)]

#[path = "cli/cases.rs"]
mod cases;
mod program;

use std::path::Path;

use gitops_lint::config::{Field, Shape};
use program::{Repo, Run, command};
use serde_json::Value;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

impl Repo {
    /// Two healthy apps in two environments.
    fn shop() -> Repo {
        let repo = Repo::new();
        for app in ["api", "web"] {
            repo.write(
                &format!("apps/{app}/base/kustomization.yaml"),
                "resources: [deployment.yaml]\n",
            );
            repo.write(
                &format!("apps/{app}/base/deployment.yaml"),
                &deployment(app),
            );
            for environment in ["staging", "production"] {
                repo.overlay(app, environment, &format!("digest: {DIGEST}"));
            }
        }
        repo
    }

    fn overlay(&self, app: &str, environment: &str, image: &str) -> &Repo {
        let text = format!(
            "resources:\n  - ../../base\nimages:\n  - name: registry.example.com/{app}\n    {image}\n"
        );
        self.write(
            &format!("apps/{app}/overlays/{environment}/kustomization.yaml"),
            &text,
        )
    }

    /// Gives an overlay one error: an `images` entry in line 6 that no container uses.
    fn spoil(&self, app: &str, environment: &str) -> &Repo {
        self.overlay(
            app,
            environment,
            &format!("digest: {DIGEST}\n  - name: registry.example.com/old-{app}\n    newTag: v1"),
        )
    }

    fn run_in(&self, folder: &str, arguments: &[&str]) -> Run {
        program::run(&self.path(folder), arguments, &[])
    }
}

fn deployment(app: &str) -> String {
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
spec:
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata: {{labels: {{app: {app}}}}}
    spec:
      containers:
        - name: {app}
          image: registry.example.com/{app}
          resources:
            requests: {{cpu: 100m, memory: 64Mi}}
            limits: {{memory: 64Mi}}
"#
    )
}

#[test]
fn a_healthy_repo_is_clean() {
    let repo = Repo::shop();
    let run = repo.run(&[]).expect(0);
    assert!(
        run.out
            .starts_with("no findings; checked 4 overlays (2 apps, 4 resources) with "),
        "{}",
        run.out
    );
    assert_eq!(run.err, "");
    assert_eq!(repo.run(&["check", "."]).expect(0).out, run.out);
    assert_eq!(repo.run(&["--quiet"]).expect(0).out, "");
}

#[test]
fn findings_fail_from_the_level_on_that_was_asked_for() {
    let repo = Repo::shop();
    repo.spoil("api", "production");
    let run = repo.run(&["--format", "json"]).expect(1);
    assert_eq!(
        run.findings(),
        ["unused-image-override apps/api/overlays/production/kustomization.yaml:6"]
    );
    let run = repo
        .run(&[
            "--format",
            "json",
            "--rule",
            "unused-image-override=warning",
        ])
        .expect(0);
    assert_eq!(
        (
            &run.json()["summary"]["errors"],
            &run.json()["summary"]["warnings"]
        ),
        (&Value::from(0), &Value::from(1))
    );
    repo.run(&[
        "--fail-on",
        "warning",
        "--rule",
        "unused-image-override=warning",
    ])
    .expect(1);
    repo.run(&["--fail-on", "info", "--rule", "unused-image-override=off"])
        .expect(0);
    repo.run(&["--fail-on", "never"]).expect(0);
}

#[test]
fn checking_nothing_is_not_clean() {
    let repo = Repo::new();
    repo.write("README.md", "nothing here\n");
    let run = repo.run(&[]).expect(2);
    assert!(run.err.contains("nothing was checked"), "{}", run.err);
    let run = repo.run(&["--format", "json"]).expect(2);
    assert_eq!(run.json()["summary"]["overlays"], 0);
    // what is there instead is named
    repo.write(
        "argocd/web.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec:\n  source: {repoURL: https://charts.acme.example, chart: web, targetRevision: 1.2.3}\n",
    );
    let run = repo.run(&[]).expect(2);
    assert!(run.err.contains("Application argocd/web"), "{}", run.err);
    assert_eq!(
        repo.run(&["--format", "json"]).expect(2).json()["unseen"][0]["kind"],
        "release"
    );
    Repo::shop()
        .write("docs/notes.md", "x\n")
        .run(&["check", "docs"])
        .expect(2);
}

/// One Flux Kustomization that applies two others.
fn home(remote: &str) -> Repo {
    let repo = Repo::new();
    let object = |name: &str, path: &str, more: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  interval: 10m\n  path: ./{path}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
        )
    };
    repo.write("flux/cluster.yaml", &object("cluster", "apps", ""));
    repo.write(
        "apps/kustomization.yaml",
        "resources: [web.yaml, dns.yaml]\n",
    );
    for (name, more) in [("web", ""), ("dns", remote)] {
        let path = format!("home/{name}");
        repo.write(&format!("apps/{name}.yaml"), &object(name, &path, more));
        repo.write(
            &format!("{path}/kustomization.yaml"),
            "resources: [deployment.yaml]\n",
        );
        repo.write(&format!("{path}/deployment.yaml"), &deployment(name));
    }
    repo
}

#[test]
fn the_only_cluster_has_nothing_to_be_compared_with() {
    let run = home("").run(&["--fail-on", "never"]).expect(0);
    assert!(
        run.out.contains("none is compared with another"),
        "{}",
        run.out
    );
    let is_told = |run: &Run| {
        run.out
            .contains("environment, so none is compared with another:")
    };
    assert!(!is_told(&home("").run(INFO).expect(0)));
    // another cluster may be another environment, which nobody has named
    let remote = "  kubeConfig: {secretRef: {name: other}}\n";
    assert!(is_told(&home(remote).run(INFO).expect(0)));
    home(remote).run(&["--rule", "coverage=error"]).expect(1);
}

/// Shows everything, and fails for nothing.
const INFO: &[&str] = &["--fail-on", "never", "--min-severity", "info"];

#[test]
fn all_environments_are_not_lost_without_a_word() {
    let repo = Repo::shop();
    repo.git(&["init", "-q"]).commit("start");
    for app in ["api", "web"] {
        for (from, to) in [("staging", "one"), ("production", "two")] {
            let overlays = repo.path(&format!("apps/{app}/overlays"));
            std::fs::rename(overlays.join(from), overlays.join(to)).unwrap();
        }
    }
    let run = repo
        .run(&["--base", "HEAD", "--fail-on", "never"])
        .expect(2);
    assert!(run.err.contains("nothing was compared"), "{}", run.err);
}

#[test]
fn agents_in_one_file_apply_one_cluster() {
    let flat = |files: [&str; 2]| {
        let repo = Repo::new();
        for (name, file) in ["web", "dns"].into_iter().zip(files) {
            let path = repo.path(file);
            let before = std::fs::read_to_string(path).unwrap_or_default();
            let object = format!(
                "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  interval: 10m\n  path: ./home/{name}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
            );
            repo.write(file, &(before + &object));
            repo.write(
                &format!("home/{name}/kustomization.yaml"),
                "resources: [deployment.yaml]\n",
            );
            repo.write(&format!("home/{name}/deployment.yaml"), &deployment(name));
        }
        repo
    };
    let is_told = |files: [&str; 2]| {
        let run = flat(files).run(INFO).expect(0);
        run.out
            .contains("environment, so none is compared with another:")
    };
    assert!(!is_told(["flux/cluster.yaml", "flux/cluster.yaml"]));
    // each file may be for a cluster of its own
    assert!(is_told(["flux/one.yaml", "flux/two.yaml"]));
}

#[test]
fn a_path_narrows_and_the_repo_stays_the_boundary() {
    let repo = Repo::shop();
    repo.spoil("api", "production").spoil("web", "production");
    std::fs::create_dir(repo.path(".git")).unwrap();
    let findings = repo
        .run(&["check", "apps/api/overlays/production", "--format", "json"])
        .expect(1);
    assert!(
        findings
            .findings()
            .iter()
            .all(|finding| finding.contains("apps/api/")),
        "{:?}",
        findings.findings()
    );
    assert_eq!(findings.json()["overlays"].as_array().unwrap().len(), 1);
    // checking the path of a base checks the overlays that use it
    assert_eq!(
        repo.run(&["apps/api/base", "--format", "json"])
            .expect(1)
            .json()["overlays"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        repo.run_in("apps/api", &["--format", "json"])
            .expect(1)
            .json()["overlays"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let file = "apps/web/overlays/staging/kustomization.yaml";
    assert_eq!(
        repo.run(&[file, "--format", "json"]).json()["overlays"][0]["path"],
        "apps/web/overlays/staging"
    );
}

#[test]
fn environments_and_apps_narrow() {
    let repo = Repo::shop();
    let run = repo
        .run(&["--environment", "prod", "--app", "web", "--format", "json"])
        .expect(0);
    assert_eq!(run.json()["overlays"].as_array().unwrap().len(), 1);
}

#[test]
fn several_reports_come_from_one_run() {
    let repo = Repo::shop();
    repo.spoil("api", "production");
    let formats = [
        "sarif", "gitlab", "junit", "markdown", "github", "concise", "json",
    ];
    let arguments: Vec<String> = formats
        .iter()
        .flat_map(|format| ["--format".to_string(), format!("{format}=out.{format}")])
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = repo.run(&arguments).expect(1);
    assert_eq!(run.out, "");
    assert!(run.err.contains("checked 4 overlays"), "{}", run.err);
    for format in formats {
        let text = std::fs::read_to_string(repo.path(&format!("out.{format}"))).unwrap();
        assert!(text.contains("unused-image-override"), "{format}: {text}");
        assert!(!text.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn a_json_report_is_a_baseline() {
    let repo = Repo::shop();
    repo.spoil("api", "production");
    repo.run(&["--format", "json=known.json", "--quiet"])
        .expect(1);
    let run = repo.run(&["--baseline", "known.json"]).expect(0);
    assert!(run.out.contains("suppressed"), "{}", run.out);
    // the finding is still accepted if its line moves
    let file = "apps/api/overlays/production/kustomization.yaml";
    let text = std::fs::read_to_string(repo.path(file)).unwrap();
    repo.write(file, &format!("# moved\n\n{text}"))
        .run(&["--baseline", "known.json"])
        .expect(0);
    // a new finding is not accepted
    repo.spoil("web", "production")
        .run(&["--baseline", "known.json"])
        .expect(1);
}

#[test]
fn the_configuration_names_a_baseline() {
    let repo = Repo::shop();
    repo.spoil("api", "production");
    repo.run(&["check", "--write-baseline", "known.json"])
        .expect(0);
    repo.write(".gitops-lint.yaml", "version: 1\nbaseline: known.json\n");
    repo.git(&["init", "-q"]).commit("one");
    repo.run(&[]).expect(0);
    repo.run(&["--no-baseline"]).expect(1);
    repo.git(&["tag", "one"]);
    // a change cannot accept its own findings
    repo.spoil("web", "production");
    repo.run(&["check", "--write-baseline", "known.json"])
        .expect(0);
    repo.commit("two");
    repo.run(&[]).expect(0);
    repo.run(&["--base", "one"]).expect(1);
    // entries whose finding is gone
    repo.overlay("web", "production", &format!("digest: {DIGEST}"));
    let run = repo.run(&[]).expect(0);
    assert!(
        run.out.contains("stale baseline: 1 accepted finding"),
        "{}",
        run.out
    );
    std::fs::remove_file(repo.path("known.json")).unwrap();
    let run = repo.run(&[]).expect(2);
    assert!(run.err.contains("--write-baseline"), "{}", run.err);
}

#[test]
fn colours_come_when_asked_for_only() {
    let repo = Repo::shop();
    repo.spoil("api", "production");
    assert!(!repo.run(&[]).out.contains('\u{1b}'));
    assert!(repo.run(&["--color", "always"]).out.contains('\u{1b}'));
}

#[test]
fn runs_are_equal_whatever_the_threads_do() {
    let repo = Repo::shop();
    for number in 0..40 {
        let app = format!("app-{number}");
        repo.write(
            &format!("apps/{app}/base/kustomization.yaml"),
            "resources: [deployment.yaml]\n",
        );
        repo.write(
            &format!("apps/{app}/base/deployment.yaml"),
            &deployment(&app),
        );
        repo.spoil(&app, "staging").spoil(&app, "production");
    }
    let first = repo.run(&["--format", "json", "--jobs", "1"]).expect(1).out;
    for jobs in ["2", "8"] {
        assert_eq!(
            repo.run(&["--format", "json", "--jobs", jobs])
                .expect(1)
                .out,
            first
        );
    }
}

#[test]
fn broken_input_gives_located_findings_and_the_rest_is_checked() {
    for (name, bytes) in [
        ("broken", &b"resources: [\n"[..]),
        ("not UTF-8", b"resources:\n  - \xff\xfe.yaml\n"),
        ("a template", b"{{- if .Values.x }}\nresources: []\n{{- end }}\n"),
        ("missing file", b"resources: [missing.yaml]\n"),
        ("cycle", b"resources: [../production]\n"),
        ("outside", b"resources: [../../../../../../../../etc]\n"),
        ("wrong type", b"resources: 7\n"),
        ("unknown field", b"resource: [x.yaml]\n"),
        ("no text", b""),
        ("nul", b"\0\0\0\0"),
        ("bomb", b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"),
    ] {
        let repo = Repo::shop();
        let file = "apps/api/overlays/production/kustomization.yaml";
        repo.write_bytes(file, bytes);
        let run = repo.run(&["--format", "json"]).expect(1);
        let report = run.json();
        let findings: Vec<String> = run.findings().into_iter().filter(|finding| finding.starts_with("render-error ")).collect();
        assert_eq!(findings.len(), 1, "{name}: {findings:?}");
        assert!(findings[0].contains(file), "{name}: {findings:?}");
        let overlays = report["overlays"].as_array().unwrap();
        let incomplete: Vec<&Value> = overlays.iter().filter(|overlay| overlay["complete"] == false).collect();
        assert_eq!(incomplete.len(), 1, "{name}: {overlays:?}");
        assert_eq!(overlays.len(), 4, "{name}");
    }
}

#[test]
fn a_broken_configuration_is_status_2_with_every_mistake() {
    let repo = Repo::shop();
    repo.write(
        ".gitops-lint.yaml",
        "version: 1\nenviroments: []\nrules:\n  unmatched-patches: error\n",
    );
    let run = repo.run(&[]).expect(2);
    for said in [
        "enviroments",
        "unmatched-patches",
        ".gitops-lint.yaml:2",
        ".gitops-lint.yaml:4",
    ] {
        assert!(run.err.contains(said), "{said}: {}", run.err);
    }
}

#[cfg(unix)]
#[test]
fn outside_of_git_the_repo_reaches_as_far_as_its_links() {
    let repo = Repo::new();
    repo.write("shared/deployment.yaml", &deployment("api"));
    repo.write("app/kustomization.yaml", "resources: [deployment.yaml]\n");
    std::os::unix::fs::symlink(
        "../shared/deployment.yaml",
        repo.path("app/deployment.yaml"),
    )
    .unwrap();
    let app = repo.path("app");
    let app = app.to_str().unwrap();
    let done = repo
        .run(&["render", app, "--load-restrictor", "none"])
        .expect(0);
    assert!(done.out.contains("name: api"), "{}", done.out);
    // like kustomize, `render` does not read files outside of the kustomization's folder by default
    repo.run(&["render", app]).expect(2);
}

#[test]
fn copies_of_remote_bases_and_charts_are_rendered() {
    let repo = Repo::shop();
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n";
    repo.write(
        "vendor/bases/web/kustomization.yaml",
        "resources: [base.yaml]\n",
    )
    .write("vendor/bases/web/base.yaml", base);
    repo.write("vendor/redis.yaml", &base.replace("base", "redis"));
    let kustomization = "resources: ['https://github.com/acme/bases//web?ref=v1']\nhelmCharts: [{name: redis, version: 1.0.0}]\n";
    repo.write(
        "apps/cache/overlays/production/kustomization.yaml",
        kustomization,
    );
    let folder = repo.path("apps/cache/overlays/production");
    let folder = folder.to_str().unwrap();
    let run = repo.run(&["render", folder]).expect(2);
    assert!(
        run.err.contains("is remote") && run.err.contains("a Helm chart is not rendered"),
        "{}",
        run.err
    );
    let configuration = "remotes: {'https://github.com/acme/bases': vendor/bases}\ncharts: [{name: redis, output: vendor/redis.yaml}]\n";
    repo.write("copies.yaml", configuration);
    let named = repo.path("copies.yaml");
    let out = repo
        .run(&["render", folder, "--config", named.to_str().unwrap()])
        .expect(0)
        .out;
    assert!(
        out.contains("name: base\n")
            && out.contains("name: redis\n")
            && !out.contains("helm-generated"),
        "{out}"
    );
    repo.write(".gitops-lint.yaml", configuration);
    assert_eq!(repo.run(&["render", folder]).expect(0).out, out);
    let why = repo.run(&["why", "ConfigMap/base", "name"]).expect(0).out;
    assert!(why.contains("vendor/bases/web/base.yaml:3:18"), "{why}");
}

#[test]
fn the_life_of_a_value_is_told_and_secrets_are_not() {
    let repo = Repo::shop();
    let run = repo
        .run(&[
            "why",
            "deploy/api",
            "containers[api].image",
            "--format",
            "json",
        ])
        .expect(0);
    let overlays = run.json()["overlays"].as_array().unwrap().clone();
    let environments: Vec<&str> = overlays
        .iter()
        .map(|overlay| overlay["environment"].as_str().unwrap())
        .collect();
    assert_eq!(environments, ["staging", "production"]);
    let states = overlays[1]["values"][0]["states"]
        .as_array()
        .unwrap()
        .clone();
    let told = |state: &Value| {
        let place = &state["origin"]["location"];
        format!(
            "{} {} {}:{}",
            state["value"].as_str().unwrap(),
            state["origin"]["by"],
            place["file"].as_str().unwrap(),
            place["line"]
        )
    };
    let expected = [
        "registry.example.com/api \"manifest\" apps/api/base/deployment.yaml:12".to_string(),
        format!(
            "registry.example.com/api@{DIGEST} \"images\" apps/api/overlays/production/kustomization.yaml:5"
        ),
    ];
    assert_eq!(states.iter().map(told).collect::<Vec<_>>(), expected);
    let text = repo
        .run(&["why", "api", "image", "--environment", "production"])
        .expect(0)
        .out;
    assert!(
        text.contains("1. registry.example.com/api (manifest)") && text.contains("(images)"),
        "{text}"
    );
    // for a value that a patch removed, `why` shows the line that removed it
    let removal = "resources: [../../base]\nimages: [{name: registry.example.com/api, newTag: v1}]\npatches:\n  - patch: |\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: {name: api}\n      spec:\n        template:\n          spec:\n            containers:\n              - name: api\n                resources:\n                  limits: null\n";
    repo.write("apps/api/overlays/production/kustomization.yaml", removal);
    let text = repo.run(&["why", "Deployment/api", "limits"]).expect(0).out;
    assert!(
        text.contains("production  (removed)") && text.contains("kustomization.yaml:14:"),
        "{text}"
    );
    // a name selects one of several containers, and the container's name alone is enough
    let base = std::fs::read_to_string(repo.path("apps/api/base/deployment.yaml")).unwrap();
    let sidecar = base.replace(
        "      containers:\n",
        "      containers:\n        - {name: proxy, image: 'registry.example.com/proxy:v2'}\n",
    );
    repo.write("apps/api/base/deployment.yaml", &sidecar);
    for (name, image) in [
        ("api", "registry.example.com/api:v1"),
        ("proxy", "registry.example.com/proxy:v2"),
    ] {
        let text = repo
            .run(&["why", name, "image", "--environment", "production"])
            .expect(0)
            .out;
        assert!(text.contains(&format!("production  {image}\n")), "{text}");
    }
    repo.write("apps/api/base/deployment.yaml", &base);
    insta::assert_snapshot!(
        "why_value",
        repo.run(&["why", "deploy/api", "limits"]).expect(0).out
    );
    insta::assert_snapshot!("why_object", repo.run(&["why", "deploy/api"]).expect(0).out);
    // `why` also finds an object that a patch deleted
    let deleted = "resources: [../../base]\nimages: [{name: registry.example.com/api, newTag: v1}]\npatches:\n  - {target: {kind: Deployment}, patch: \"{apiVersion: v1, kind: x, metadata: {name: x}, $patch: delete}\"}\n";
    repo.write("apps/api/overlays/production/kustomization.yaml", deleted);
    for arguments in [
        &["why", "Deployment/api", "image"][..],
        &["why", "Deployment/api"],
    ] {
        let text = repo.run(arguments).expect(0).out;
        assert!(
            text.contains("removed") && text.contains("kustomization.yaml:4:"),
            "{text}"
        );
    }
    let json = repo
        .run(&["why", "deploy/api", "image", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(json["overlays"][1]["deleted"]["line"], 4);
    let one = repo
        .run(&[
            "why",
            "api",
            "image",
            "--overlay",
            "./apps/api/overlays/staging/",
        ])
        .expect(0)
        .out;
    assert!(
        one.contains("staging") && !one.contains("production"),
        "{one}"
    );
    for (name, value, said) in [
        ("nothing", None, "unknown object `nothing`"),
        ("api", Some("imag"), "did you mean `image`?"),
        (
            "api",
            Some("contaners[api].image"),
            "did you mean `containers`?",
        ),
        ("Deployment/ap1", None, "did you mean `Deployment/api`?"),
        ("Deployment/api", Some("name"), "is ambiguous"),
    ] {
        let mut arguments = vec!["why", name];
        arguments.extend(value);
        let run = repo.run(&arguments).expect(2);
        assert!(run.err.contains(said), "{}", run.err);
    }
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: smtp}\nstringData:\n  password: hunter2\n  url: smtp://user:hunter2@mail\n";
    repo.write("apps/web/base/secret.yaml", secret);
    repo.write(
        "apps/web/base/kustomization.yaml",
        "resources: [deployment.yaml, secret.yaml]\nnamePrefix: x-\n",
    );
    for arguments in [
        &["why", "Secret/smtp"][..],
        &["why", "smtp", "password"],
        &["why", "smtp", "url", "--format", "json"],
    ] {
        let run = repo.run(arguments).expect(0);
        assert!(!run.out.contains("hunter2"), "{}", run.out);
    }
}

#[test]
fn revisions_are_compared_by_what_they_render() {
    let repo = Repo::shop();
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: smtp}\nstringData: {password: hunter2}\n";
    repo.write("apps/web/base/secret.yaml", secret);
    repo.write(
        "apps/web/base/kustomization.yaml",
        "resources: [deployment.yaml, secret.yaml]\n",
    );
    repo.git(&["init", "-q"])
        .commit("start")
        .git(&["checkout", "-q", "-b", "change"]);
    repo.write(
        "apps/web/base/secret.yaml",
        &secret.replace("hunter2", "hunter3"),
    );
    repo.overlay(
        "api",
        "production",
        &format!("newName: mirror.example.com/api\n    digest: {DIGEST}"),
    );
    repo.write("README.md", "nothing that is rendered");
    repo.commit("change");
    let paths = |run: Run| -> Vec<String> {
        let overlays = run.json()["overlays"].as_array().unwrap().clone();
        overlays
            .iter()
            .map(|overlay| {
                format!(
                    "{} {}",
                    overlay["path"].as_str().unwrap(),
                    overlay["change"].as_str().unwrap()
                )
            })
            .collect()
    };
    let changed = [
        "apps/api/overlays/production changed",
        "apps/web/overlays/production changed",
        "apps/web/overlays/staging changed",
    ];
    assert_eq!(
        paths(
            repo.run(&["diff", "main..change", "--summary", "--format", "json"])
                .expect(0)
        ),
        changed
    );
    let production = [
        "diff",
        "main",
        "--environment",
        "prod",
        "--summary",
        "--format",
        "json",
    ];
    assert_eq!(paths(repo.run(&production).expect(0)), changed[..2]);
    let removed = |run: Run| {
        run.out
            .lines()
            .filter(|line| line.contains("removed"))
            .count()
    };
    repo.git(&["rm", "-r", "-q", "apps/web"]).commit("remove");
    assert_eq!(
        removed(repo.run(&["diff", "main..HEAD", "--summary"]).expect(0)),
        2
    );
    for format in ["text", "json", "markdown"] {
        for range in ["main..change~1", "main..change"] {
            let run = repo.run(&["diff", range, "--format", format]).expect(0);
            assert!(
                run.out.contains("mirror.example.com/api") && !run.out.contains("hunter"),
                "{}",
                run.out
            );
        }
    }
    for arguments in [
        &["diff", "nothing..main"][..],
        &["diff", "main..nothing"],
        &["diff", "staging"],
        &["diff", "staging", "production", "--summary"],
    ] {
        repo.run(arguments).expect(2);
    }
}

#[test]
fn who_changes_production_is_told_by_the_event_and_by_what_commits_render_to() {
    let repo = Repo::shop();
    repo.git(&["init", "-q"])
        .commit("start")
        .git(&["checkout", "-q", "-b", "change"]);
    let bot = [
        "-c",
        "user.name=renovate[bot]",
        "-c",
        "user.email=29139614+renovate[bot]@users.noreply.github.com",
    ];
    let by_bot =
        |message: &str| _ = repo.git(&[&bot[..], &["commit", "-q", "-a", "-m", message]].concat());
    let pinned = |digit: &str, comment: &str| {
        repo.overlay(
            "api",
            "production",
            &format!("digest: sha256:{}{comment}", digit.repeat(64)),
        );
    };
    let check = [
        "check",
        "--base",
        "main",
        "--format",
        "concise",
        "--rule",
        "digest-mismatch=off",
        "--rule",
        "skipped-environment=off",
    ];
    let mine = || {
        repo.run(&check)
            .out
            .lines()
            .filter(|line| line.contains("[bot-write]"))
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    // the bot's commit only adds a comment; a person made the other commit
    repo.overlay("api", "production", &format!("digest: {DIGEST} # a note"));
    by_bot("note");
    pinned("b", "");
    repo.commit("promote");
    assert_eq!(mine(), Vec::<String>::new());
    pinned("c", "");
    by_bot("bump");
    pinned("d", "");
    by_bot("bump again");
    let told = mine();
    assert!(
        told.len() == 1 && told[0].contains("(author of commit") && told[0].contains("unverified"),
        "{told:?}"
    );
    // the author according to the forge counts more than the author of the commits
    repo.write(
        ".git/event.json",
        r#"{"pull_request":{"user":{"login":"acme-promoter","type":"Bot"}}}"#,
    );
    let mut command = command(repo.root(), &check);
    let run = Run::new(
        command
            .env("GITHUB_EVENT_PATH", repo.path(".git/event.json"))
            .env("GITHUB_ACTOR", "ada")
            .output()
            .unwrap(),
    );
    assert!(
        run.out.contains(
            "the bot `acme-promoter` (according to the pull request) changes the rendered objects of production"
        ),
        "{}",
        run.out
    );
}

#[test]
fn a_bot_that_people_have_merged_before_is_known() {
    let repo = Repo::shop();
    repo.git(&["init", "-q"]).commit("start");
    let bot = [
        "-c",
        "user.name=renovate[bot]",
        "-c",
        "user.email=renovate@acme.example",
    ];
    let bump = |digit: u32| {
        let digest = format!("digest: sha256:{}", digit.to_string().repeat(64));
        repo.overlay("api", "production", &digest);
        repo.git(&[&bot[..], &["commit", "-q", "-a", "-m", "bump"]].concat());
    };
    let level = || {
        let run = repo.run(&["check", "--base", "main", "--format", "concise"]);
        let told = run.out.lines().find(|line| line.contains("[bot-write]"));
        told.and_then(|line| line.split('[').next())
            .and_then(|start| start.rsplit(' ').next())
            .unwrap_or_default()
            .to_string()
    };
    // what the bot pushes by itself makes nobody trust it
    bump(2);
    bump(3);
    bump(4);
    let pull_request = |digit: u32| {
        repo.git(&["checkout", "-q", "-B", "change"]);
        bump(digit);
    };
    pull_request(5);
    assert_eq!(level(), "error");
    for digit in 6..9 {
        pull_request(digit);
        repo.git(&["checkout", "-q", "main"])
            .git(&["merge", "-q", "--no-ff", "-m", "merge", "change"]);
    }
    pull_request(9);
    assert_eq!(level(), "warning");
    repo.write(".gitops-lint.yaml", "bots: ['renovate*']\n")
        .commit("bots");
    assert_eq!(level(), "error");
}

#[test]
fn a_freeze_is_judged_at_the_time_that_is_named_and_cannot_be_removed_unseen() {
    let repo = Repo::shop();
    let freeze = "version: 1\nfreeze:\n  - {name: weekends, schedule: \"0 16 * * 5\", duration: 64h, timeZone: Europe/Berlin}\n";
    repo.write(".gitops-lint.yaml", freeze)
        .git(&["init", "-q"])
        .commit("start")
        .git(&["checkout", "-q", "-b", "change"]);
    repo.overlay(
        "api",
        "production",
        &format!("digest: sha256:{}", "b".repeat(64)),
    )
    .commit("promote");
    let check = |now: &str| {
        let check = [
            "check",
            "--base",
            "main",
            "--format",
            "concise",
            "--rule",
            "digest-mismatch=off",
            "--rule",
            "skipped-environment=off",
        ];
        repo.run(&[&check[..], &["--now", now]].concat())
    };
    // in Berlin, daylight saving time ends on that Sunday
    for (now, status, told) in [
        ("2026-10-22T12:00:00Z", 0, ""),
        (
            "2026-10-23T12:00:00Z",
            0,
            "info[change-freeze] this change alters production, and the freeze `weekends` starts in 2 hours",
        ),
        ("2026-10-23T14:00:00Z", 1, "error[change-freeze]"),
        ("2026-10-26T05:59:00Z", 1, "error[change-freeze]"),
        ("2026-10-26T06:00:00Z", 0, ""),
    ] {
        let run = check(now);
        assert_eq!(
            (run.status, run.out.contains("change-freeze")),
            (status, !told.is_empty()),
            "{now}: {}{}",
            run.out,
            run.err
        );
        assert!(run.out.contains(told), "{now}: {}", run.out);
    }
    repo.write(".gitops-lint.yaml", "version: 1\n")
        .commit("no more weekends");
    let run = check("2026-10-23T14:00:00Z").expect(1);
    assert!(
        run.out.contains("error[change-freeze]")
            && run
                .out
                .contains("warning[loosened-check] this change removes the freeze `weekends`"),
        "{}",
        run.out
    );
}

#[test]
fn rules_are_listed_and_explained() {
    let repo = Repo::new();
    let list = repo.run(&["rules"]).expect(0).out;
    for rule in gitops_lint::rules::all() {
        assert!(list.contains(rule.metadata().id));
    }
    let run = repo
        .run(&["rules", "unmatched-patch", "--format", "json"])
        .expect(0);
    assert_eq!(run.json()["rules"][0]["id"], "unmatched-patch");
}

#[test]
fn completions_and_help_are_printed() {
    let repo = Repo::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            repo.run(&["completions", shell])
                .expect(0)
                .out
                .contains("gitops-lint"),
            "{shell}"
        );
    }
    assert!(
        repo.run(&["--help"])
            .expect(0)
            .out
            .contains("Usage: gitops-lint")
    );
    assert!(
        repo.run(&["--version"])
            .expect(0)
            .out
            .starts_with("gitops-lint ")
    );
}

#[test]
fn init_writes_a_configuration_that_check_accepts() {
    let repo = Repo::shop();
    repo.run(&["init"]).expect(0);
    assert!(repo.path(".gitops-lint.yaml").is_file());
    repo.run(&[]).expect(0);
    assert!(repo.run(&["init"]).expect(2).err.contains("already"));
}

/// Compares the part of a page between its marks with what the program says. `UPDATE_README=1 cargo
/// test --test cli readme` rewrites the part instead.
#[test]
fn init_drafts_entries_that_fit_the_findings() {
    let repo = Repo::shop();
    let base = repo.path("apps/api/base/deployment.yaml");
    let text = std::fs::read_to_string(&base).unwrap();
    let image = "          image:";
    let with_secret = format!("          envFrom: [{{secretRef: {{name: api-keys}}}}]\n{image}");
    std::fs::write(&base, text.replacen(image, &with_secret, 1)).unwrap();
    // staging has the Secret, so production needs it as well
    let staging = "apps/api/overlays/staging/kustomization.yaml";
    let text = std::fs::read_to_string(repo.path(staging)).unwrap();
    let generator = "secretGenerator: [{name: api-keys, literals: [a=b]}]\n";
    repo.write(staging, &format!("{text}{generator}"));
    let found = |repo: &Repo| {
        let run = repo.run(&["--format", "json", "--fail-on", "never"]);
        let report = run.expect(0).json();
        let findings = report["findings"].as_array().unwrap().clone();
        findings
            .iter()
            .filter(|one| one["rule"] == "missing-secret")
            .count()
    };
    assert_eq!(found(&repo), 1);
    let drafted = repo.run(&["init", "--stdout"]).expect(0).out;
    let at = drafted.find("# external:").unwrap();
    let (before, entries) = drafted.split_at(at);
    let (entries, rest) = entries.split_once("\n\n").unwrap();
    assert!(entries.contains("name: api-keys"), "{entries}");
    let entries: String = entries
        .lines()
        .map(|line| format!("{}\n", &line[2..]))
        .collect();
    repo.write(".gitops-lint.yaml", &format!("{before}{entries}\n{rest}"));
    assert_eq!(found(&repo), 0);
}

fn generated_part(page: &str, name: &str, part: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(&format!("<!-- {name}: ")).unwrap();
    let (mark, rest) = rest.split_once("-->\n").unwrap();
    let (_, tail) = rest.split_once(&format!("<!-- /{name} -->")).unwrap();
    let expected = format!("{head}<!-- {name}: {mark}-->\n{part}<!-- /{name} -->{tail}");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, &expected).unwrap();
    } else {
        assert!(
            text == expected,
            "the part `{name}` of {page} is out of date; run UPDATE_README=1 cargo test --test cli readme"
        );
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    generated_part(
        "docs/rules.md",
        "table",
        &gitops_lint::rules::table_markdown(),
    );
    rule_pages();
    generated_part("docs/configuration.md", "keys", &keys_table());
    for (name, fields) in records() {
        generated_part("docs/configuration.md", &name, &fields_table(fields));
    }

    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let repo = Repo::new();
    copy(&testdata.join("repos/shop"), repo.root());
    let case =
        std::fs::read_to_string(testdata.join("promotions/removed-limits/case.yaml")).unwrap();
    let case: Value = serde_yaml::from_str(&case).unwrap();
    for edit in case["edits"].as_array().unwrap() {
        let text = |name: &str| edit[name].as_str().unwrap();
        let old = std::fs::read_to_string(repo.path(text("file"))).unwrap();
        repo.write(text("file"), &old.replace(text("find"), text("replace")));
    }
    let run = repo.run(&["check"]).expect(1);
    generated_part(
        "README.md",
        "picture",
        &format!(
            "```console\n$ gitops-lint check\n{}$ echo $?\n1\n```\n",
            run.out
        ),
    );
}

/// The table of `docs/configuration.md`.
fn keys_table() -> String {
    let row = |key: &&gitops_lint::config::Key| {
        format!("| `{}` | {} | {} |\n", key.name, key.value, key.summary)
    };
    let rows: String = gitops_lint::config::KEYS.iter().map(row).collect();
    format!("| key | value | meaning |\n|---|---|---|\n{rows}")
}

/// The maps of the configuration that the page has tables of, by the path to them. Maps of one key
/// or in one line are described in words.
fn records() -> Vec<(String, &'static [Field])> {
    let mut found = Vec::new();
    for key in gitops_lint::config::KEYS {
        add_records(key.name, key.shape, &mut found);
    }
    found.retain(|(_, fields)| fields.len() > 1);
    found.retain(|(name, _)| name != "freeze.except");
    found
}

fn add_records(name: &str, shape: Shape, found: &mut Vec<(String, &'static [Field])>) {
    match shape {
        Shape::Record(fields) => {
            found.push((name.to_string(), fields));
            for field in fields {
                add_records(&format!("{name}.{}", field.name), field.shape, found);
            }
        }
        Shape::List(item) => add_records(name, *item, found),
        Shape::Either(one, other) => {
            add_records(name, *one, found);
            add_records(name, *other, found);
        }
        _ => {}
    }
}

fn fields_table(fields: &[Field]) -> String {
    let row = |field: &Field| {
        let (name, kind) = (field.name, field.kind());
        format!(
            "| `{name}` | {kind} | {} | {} |\n",
            field.default, field.meaning
        )
    };
    let rows: String = fields.iter().map(row).collect();
    format!("| key | type | default | meaning |\n|---|---|---|---|\n{rows}")
}

/// A page for each rule, and its line in the book's table of contents.
fn rule_pages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    let mut contents = String::new();
    let mut wanted = Vec::new();
    for rule in gitops_lint::rules::all() {
        let metadata = rule.metadata();
        let (id, level) = (metadata.id, metadata.level);
        contents.push_str(&format!("  - [{id}](rules/{id}.md)\n"));
        let text = metadata.documentation();
        let page = format!("{}\n\nDefault level: {level}\n", text.trim_end());
        wanted.push((format!("{id}.md"), page));
    }
    generated_part("docs/SUMMARY.md", "rules", &contents);
    if std::env::var_os("UPDATE_README").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, page) in &wanted {
            std::fs::write(folder.join(name), page).unwrap();
        }
    }
    for (name, page) in &wanted {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            text == *page,
            "docs/rules/{name} is out of date; run UPDATE_README=1 cargo test --test cli readme"
        );
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), wanted.len());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
