//! The script of `action.yml` in a simulated runner, with a release that lies on the local disk. A
//! download that is not what it should be must never run.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{Repo, Run};
use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A runner of GitHub Actions with a config repo and a release.
struct Runner {
    repo: Repo,
    folder: Repo,
    inputs: Vec<(String, String)>,
    /// The number of the pull request; empty if there is none.
    pull_request: String,
}

fn archive() -> String {
    format!("gitops-lint-{VERSION}-x86_64-unknown-linux-musl")
}

fn bash(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("bash");
    command.current_dir(folder).args(["-c", script]);
    command
}

impl Runner {
    fn new() -> Runner {
        let runner = Runner {
            repo: Repo::new(),
            folder: Repo::new(),
            inputs: Vec::new(),
            pull_request: String::new(),
        };
        for environment in ["staging", "production"] {
            let path = format!("apps/api/overlays/{environment}/kustomization.yaml");
            runner.repo.write(&path, "resources: [map.yaml]\n");
            let map = format!("apps/api/overlays/{environment}/map.yaml");
            runner.repo.write(
                &map,
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: api}}\n",
            );
        }
        // stands for the program, and leaves a trace when it runs
        let started = runner.folder.path("started");
        let script = format!(
            "#!/bin/sh\ntouch '{}'\nexec '{}' \"$@\"\n",
            started.display(),
            env!("CARGO_BIN_EXE_gitops-lint")
        );
        let program = format!("release/v{VERSION}/{}/gitops-lint", archive());
        runner.folder.write(&program, &script);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(runner.folder.path(&program), executable).unwrap();
        let pack = format!(
            "tar -czf {0}.tar.gz {0} && sha256sum {0}.tar.gz > SHA256SUMS",
            archive()
        );
        let done = bash(&runner.release(), &pack).status().unwrap();
        assert!(done.success());
        runner
    }

    fn release(&self) -> PathBuf {
        self.folder.path(&format!("release/v{VERSION}"))
    }

    fn with(mut self, name: &str, value: &str) -> Runner {
        self.inputs.push((name.to_string(), value.to_string()));
        self
    }

    /// Runs the step as GitHub does: inputs become variables by the `env` of the step.
    fn run(&self) -> Run {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join("action.yml")).unwrap();
        let action: Value = serde_yaml::from_str(&text).unwrap();
        let steps = action["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["id"] == "check").unwrap();
        let mut command = bash(self.repo.root(), step["run"].as_str().unwrap());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        let release = format!("file://{}", self.folder.path("release").display());
        for (variable, expression) in step["env"].as_object().unwrap() {
            let expression = expression.as_str().unwrap();
            let expression = expression
                .trim_start_matches("${{ ")
                .trim_end_matches(" }}");
            let value = match expression {
                "github.action_path" => root.display().to_string(),
                "github.action_repository" => "acme/gitops-lint".to_string(),
                "github.action_ref" => "v1".to_string(),
                "github.server_url" => "https://github.invalid".to_string(),
                "github.event.pull_request.number" => self.pull_request.clone(),
                input => {
                    let name = input.strip_prefix("inputs.").unwrap();
                    let given = self.inputs.iter().find(|(given, _)| given == name);
                    let default = action["inputs"][name]["default"].as_str().unwrap();
                    let default = if name == "release-url" {
                        &release
                    } else {
                        default
                    };
                    given.map_or(default.to_string(), |(_, value)| value.clone())
                }
            };
            command.env(variable, value);
        }
        let path = |name: &str| self.folder.path(name);
        std::fs::create_dir_all(path("temp")).unwrap();
        command
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TEMP", path("temp"))
            .env("GITHUB_OUTPUT", path("output"))
            .env("GITHUB_STEP_SUMMARY", path("summary.md"));
        if !self.pull_request.is_empty() {
            let path = std::env::var("PATH").unwrap();
            command
                .env(
                    "PATH",
                    format!("{}:{path}", self.folder.path("bin").display()),
                )
                .env("GITHUB_API_URL", "https://api.invalid")
                .env("GITHUB_REPOSITORY", "acme/config");
        }
        for (name, value) in &self.inputs {
            if name.starts_with("RUNNER_") {
                command.env(name, value);
            }
        }
        Run::new(command.output().unwrap())
    }

    fn has_run(&self) -> bool {
        self.folder.path("started").exists()
    }

    /// Asserts that nothing ran, and why.
    #[track_caller]
    fn refuses(self, part: &str) {
        let run = self.run().expect(2);
        assert!(run.out.contains(part), "{}\n{}", run.out, run.err);
        assert!(
            run.out.contains("::error title=gitops-lint::"),
            "{}",
            run.out
        );
        assert!(!self.has_run());
    }
}

#[test]
fn a_release_is_downloaded_verified_and_run() {
    let runner = Runner::new();
    runner.run().expect(0);
    assert!(runner.has_run());
    let output = std::fs::read_to_string(runner.folder.path("output")).unwrap();
    assert!(output.contains("gitops-lint.sarif"), "{output}");
    let sarif = std::fs::read_to_string(runner.repo.path("gitops-lint.sarif")).unwrap();
    assert!(sarif.contains("\"version\": \"2.1.0\""));
    let summary = std::fs::read_to_string(runner.folder.path("summary.md")).unwrap();
    assert!(summary.starts_with("<!-- gitops-lint -->"), "{summary}");
}

#[test]
fn findings_fail_the_step() {
    let runner = Runner::new();
    let path = "apps/api/overlays/production/kustomization.yaml";
    runner.repo.write(path, "resources: [nowhere.yaml]\n");
    let run = runner.run().expect(1);
    assert!(run.out.contains("::error file="), "{}", run.out);
    let runner = runner.with("fail-on", "never");
    runner.run().expect(0);
}

#[test]
fn a_wrong_checksum_is_refused() {
    // the archive is not the one that was released
    let runner = Runner::new();
    let file = runner.release().join(format!("{}.tar.gz", archive()));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend(b"x");
    std::fs::write(&file, bytes).unwrap();
    runner.refuses("instead of");
    // the one that the workflow wants is another one
    Runner::new()
        .with("sha256", &"0".repeat(64))
        .refuses("instead of 0000");
    // nothing says what is right
    let runner = Runner::new();
    std::fs::write(runner.release().join("SHA256SUMS"), "").unwrap();
    runner.refuses("one that SHA256SUMS lists");
    let runner = Runner::new();
    std::fs::remove_file(runner.release().join("SHA256SUMS")).unwrap();
    runner.refuses("cannot be verified");
}

#[test]
fn a_checksum_of_the_workflow_needs_no_list() {
    let runner = Runner::new();
    let sums = std::fs::read_to_string(runner.release().join("SHA256SUMS")).unwrap();
    std::fs::remove_file(runner.release().join("SHA256SUMS")).unwrap();
    let sum = sums.split(' ').next().unwrap();
    let runner = runner.with("sha256", sum);
    runner.run().expect(0);
    assert!(runner.has_run());
}

#[test]
fn what_is_not_released_is_explained() {
    Runner::new()
        .with("version", "99.0.0")
        .refuses("cannot be downloaded");
    Runner::new()
        .with("version", "../../x")
        .refuses("is not a version");
    Runner::new()
        .with("RUNNER_ARCH", "RISCV")
        .refuses("`build: true`");
    Runner::new()
        .with("release-url", "http://localhost:1")
        .refuses("cannot be downloaded");
    Runner::new()
        .with("release-url", "file:///nowhere")
        .refuses("cannot be downloaded");
}

#[test]
fn an_installed_program_needs_no_download() {
    let runner = Runner::new()
        .with("binary", env!("CARGO_BIN_EXE_gitops-lint"))
        .with("release-url", "file:///nowhere");
    runner.run().expect(0);
    assert!(!runner.has_run());
}

/// A server of comments: `curl` answers with files and writes down what it is asked for.
fn with_comments(pages: &[&str]) -> Runner {
    let mut runner = Runner::new()
        .with("binary", env!("CARGO_BIN_EXE_gitops-lint"))
        .with("comment-token", "t");
    runner.pull_request = "7".to_string();
    let folder = runner.folder.root().display().to_string();
    let script = format!(
        "#!/bin/bash\nlast=\"${{@: -1}}\"\nprintf '%s\\n' \"$*\" >> '{folder}/asked'\n\
         case \"$last\" in *page=100\\&page=*) cat '{folder}/page'\"${{last##*=}}\" ;; esac\n"
    );
    runner.folder.write("bin/curl", &script);
    for (number, page) in pages.iter().enumerate() {
        runner.folder.write(&format!("page{}", number + 1), page);
    }
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(runner.folder.path("bin/curl"), executable).unwrap();
    runner
}

#[test]
fn the_comment_is_found_on_every_page() {
    let others: Vec<Value> = (0..100)
        .map(|id| serde_json::json!({"id": id, "body": "x"}))
        .collect();
    let others = Value::from(others).to_string();
    let own = r#"[{"id": 1234, "body": "<!-- gitops-lint -->\nold"}]"#;
    let runner = with_comments(&[&others, &others, own]);
    runner.run().expect(0);
    let asked = std::fs::read_to_string(runner.folder.path("asked")).unwrap();
    assert!(
        asked.contains("-X PATCH") && asked.contains("comments/1234"),
        "{asked}"
    );
    assert!(!asked.contains("-X POST"), "{asked}");
    let runner = with_comments(&[&others, "[]"]);
    runner.run().expect(0);
    let asked = std::fs::read_to_string(runner.folder.path("asked")).unwrap();
    assert!(
        asked.contains("-X POST") && !asked.contains("-X PATCH"),
        "{asked}"
    );
    // a server that answers with something else fails nothing
    let runner = with_comments(&["not json"]);
    let run = runner.run().expect(0);
    assert!(run.out.contains("::warning"), "{}", run.out);
}

#[test]
fn the_summary_draws_the_fleet() {
    let runner = Runner::new().with("binary", env!("CARGO_BIN_EXE_gitops-lint"));
    runner.repo.write(
        "clusters/production/api.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: api}\nspec:\n  destination: {server: https://kubernetes.default.svc, namespace: api}\n  project: default\n  source: {repoURL: https://github.com/acme/config, path: apps/api/overlays/production}\n",
    );
    runner.run();
    let summary = std::fs::read_to_string(runner.folder.path("summary.md")).unwrap();
    assert!(
        summary.contains("```mermaid\nflowchart LR\n") && summary.contains("n0["),
        "{summary}"
    );
}
