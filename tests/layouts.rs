//! The layouts of config repos, and what discovery makes of each.
//!
//! A file of `testdata/layouts` first lists what the repo holds, one thing a line:
//!
//! - `apps/base/web`: a kustomization with an object of its own;
//! - `apps/staging: ../base/web`: a kustomization with `resources`; `+ images` makes it change what
//!   it lists, and `+ PATH` adds a component by its path from the root;
//! - `variants/prod component`: a component;
//! - `clusters/staging/apps.yaml: flux apps/staging`: a Flux Kustomization with a path;
//! - `charts/web: chart values-staging.yaml`: a chart with values files;
//! - `charts/all: applications web cart shop`: a chart that makes two Applications for the chart `web`
//!   beside it, with the values file `values-ENVIRONMENT.yaml` of the environment in its values.
//!
//! After `---` come the expected overlays: the path, the app, the environment with its variant, and
//! the path of the overlay that it is promoted from. `UPDATE_LAYOUTS=1` rewrites that part.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use gitops_lint::config::Config;
use gitops_lint::repo::Repo;
use gitops_lint::source::memory::Memory;

/// The files that a line stands for.
fn files(line: &str) -> Vec<(String, String)> {
    if let Some(folder) = line.strip_suffix(" component") {
        let text =
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: x-\n";
        return vec![(format!("{folder}/kustomization.yaml"), text.to_string())];
    }
    let (path, content) = line.split_once(": ").unwrap_or((line, ""));
    if let Some(target) = content.strip_prefix("flux ") {
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".yaml");
        return vec![(path.to_string(), flux(name, target))];
    }
    if let Some(values) = content.strip_prefix("chart ") {
        return chart(path, MAP, values.split_whitespace(), "");
    }
    if let Some(below) = content.strip_prefix("applications ") {
        let mut words = below.split_whitespace();
        let beside = format!(
            "{}/{}",
            path.rsplit_once('/').unwrap().0,
            words.next().unwrap()
        );
        let application = |name| APPLICATION.replace("CHART", &beside).replace("NAME", name);
        let template = words.map(application).collect::<Vec<_>>().join("---\n");
        let mut files = Vec::new();
        for environment in ["staging", "production"] {
            let values = format!("values-{environment}.yaml");
            let text = format!("environment: {environment}\n");
            files.extend(chart(path, &template, [values.as_str()], &text));
        }
        return files;
    }
    let (resources, extra) = content.split_once(" + ").unwrap_or((content, ""));
    let mut listed: Vec<&str> = resources.split_whitespace().collect();
    let mut files = Vec::new();
    if listed.is_empty() {
        listed.push("map.yaml");
        let name = path.rsplit('/').next().unwrap();
        let map = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n");
        files.push((format!("{path}/map.yaml"), map));
    }
    let mut text = format!("resources: [{}]\n", listed.join(", "));
    match extra {
        "" => {}
        "images" => text.push_str("images: [{name: api, newTag: v1}]\n"),
        component => {
            let up = "../".repeat(path.split('/').count());
            writeln!(text, "components: [{up}{component}]").unwrap();
        }
    }
    files.push((format!("{path}/kustomization.yaml"), text));
    files
}

const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}'}}\n";

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME-{{ .Values.environment }}
spec:
  destination: {namespace: web}
  source:
    repoURL: https://git.example.com/acme/config.git
    path: CHART
    helm:
      valueFiles: [values-{{ .Values.environment }}.yaml]
";

/// A chart with one template and some values files of the same content.
fn chart<'v>(
    path: &str,
    template: &str,
    values: impl IntoIterator<Item = &'v str>,
    content: &str,
) -> Vec<(String, String)> {
    let name = path.rsplit('/').next().unwrap();
    let metadata = format!("{{apiVersion: v2, name: {name}, version: 0.1.0}}\n");
    let mut files = vec![
        (format!("{path}/Chart.yaml"), metadata),
        (format!("{path}/templates/all.yaml"), template.to_string()),
    ];
    let values = values.into_iter();
    files.extend(values.map(|file| (format!("{path}/{file}"), content.to_string())));
    files
}

fn flux(name: &str, path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  path: ./{path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

/// The overlays of a repo as the files list them.
fn shown(repo: &Repo) -> String {
    let mut lines = Vec::new();
    for (index, overlay) in repo.overlays.iter().enumerate() {
        let mut line = format!("{}: {}", overlay.path, overlay.app);
        if let Some(environment) = repo.environment(overlay) {
            write!(line, ", {}", environment.name).unwrap();
            if let Some(variant) = &overlay.variant {
                write!(line, "/{variant}").unwrap();
            }
            if repo.is_unordered(overlay) {
                line.push_str(" (unordered)");
            }
        }
        if let Some(pair) = repo.pairs.iter().find(|pair| pair.to == index) {
            write!(line, ", after {}", repo.overlays[pair.from].path).unwrap();
        }
        lines.push(line + "\n");
    }
    lines.sort();
    lines.concat()
}

#[test]
fn layouts_are_read_as_people_read_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/layouts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() > 10);
    let mut wrong = String::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let (written, expected) = text.split_once("---\n").unwrap();
        let files: Vec<(String, String)> = written
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(files)
            .collect();
        let source = Memory::new(
            files
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str())),
        );
        let shown = shown(&Repo::load(Arc::new(source), None, &Config::default()));
        if std::env::var_os("UPDATE_LAYOUTS").is_some() {
            std::fs::write(&path, format!("{written}---\n{shown}")).unwrap();
        } else if shown != expected {
            writeln!(wrong, "{}:\n{shown}\nexpected:\n{expected}", path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
