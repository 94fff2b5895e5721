//! Hostile pull requests, one of each kind. `testdata/attacks/<name>.yaml` says what it tries, the
//! files before and after it, and what the check must report.
//!
//! - `tree` is the repository to start from, a file of `testdata/attacks/trees`.
//! - `before` adds files to it, `after` is the change; null removes a file. `link` is a symbolic link.
//! - `told` are the findings that must be there: rule, severity, file, and a part of the line. Without
//!   an error among them, the check passes, and a reviewer has to see the warning.
//!
//! `ATTACK=flux-kubeconfig cargo test --test attacks` runs one and prints its findings.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use program::Repo;
use serde::Deserialize;

type Tree = BTreeMap<String, Option<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    /// The attempt, in one sentence.
    what: String,
    tree: String,
    #[serde(default)]
    before: Tree,
    #[serde(default)]
    after: Tree,
    /// Symbolic links that the change adds: path and target.
    #[serde(default)]
    links: BTreeMap<String, String>,
    told: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    rule: String,
    severity: String,
    file: String,
    /// A part of the line; empty if the file has none.
    #[serde(default)]
    line: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/attacks")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(repo: &Repo, tree: &Tree) {
    for (path, text) in tree {
        match text {
            Some(text) => drop(repo.write(path, text)),
            None => std::fs::remove_file(repo.path(path)).unwrap(),
        }
    }
}

/// The repository with the pull request as its second commit.
fn repo_of(attack: &Attack) -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"]).git(&[
        "remote",
        "add",
        "origin",
        "https://git.example.com/acme/config.git",
    ]);
    write(
        &repo,
        &read(&folder().join(format!("trees/{}.yaml", attack.tree))),
    );
    write(&repo, &attack.before);
    repo.commit("before").git(&["tag", "before"]);
    write(&repo, &attack.after);
    for (path, target) in &attack.links {
        let link = repo.path(path);
        let _ = std::fs::remove_dir_all(&link);
        #[cfg(unix)]
        std::os::unix::fs::symlink(target, link).unwrap();
    }
    repo.commit("after");
    repo
}

/// The parts of an attack that are not reported as they should be.
fn missed(attack: &Attack, name: &str) -> Vec<String> {
    let repo = repo_of(attack);
    let run = repo.run(&["check", "--base", "before", "--format", "json"]);
    let report = run.json();
    let findings = report["findings"].as_array().unwrap();
    if std::env::var_os("ATTACK").is_some() {
        println!("{}: {}\n{}", name, attack.what, run.out);
    }
    let line_of = |finding: &serde_json::Value| {
        let location = &finding["location"];
        let file = location["file"].as_str().unwrap_or_default();
        let text = std::fs::read_to_string(repo.path(file)).unwrap_or_default();
        let number = location["line"].as_u64().unwrap_or_default() as usize;
        text.lines()
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
            .to_string()
    };
    let mut missed: Vec<String> = attack
        .told
        .iter()
        .filter(|told| {
            !findings.iter().any(|finding| {
                finding["rule"] == told.rule.as_str()
                    && finding["severity"] == told.severity.as_str()
                    && finding["location"]["file"] == told.file.as_str()
                    && line_of(finding).contains(&told.line)
            })
        })
        .map(|told| {
            format!(
                "{name}: {} is not told at {}: {}",
                told.rule, told.file, told.line
            )
        })
        .collect();
    let fails = attack.told.iter().any(|told| told.severity == "error");
    if run.status != i32::from(fails) {
        missed.push(format!("{name}: the status is {}", run.status));
    }
    missed
}

#[test]
fn no_attack_goes_unseen() {
    let only = std::env::var("ATTACK").ok();
    let mut missed_by_all = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 50);
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_deref().is_none_or(|only| only == name) {
            missed_by_all.extend(missed(&read(&path), &name));
        }
    }
    assert!(missed_by_all.is_empty(), "\n{}", missed_by_all.join("\n"));
}

#[test]
fn the_trees_themselves_have_no_errors() {
    for tree in ["argo", "flux"] {
        let attack = Attack {
            what: String::new(),
            tree: tree.to_string(),
            before: Tree::new(),
            after: Tree::from([("README.md".to_string(), Some("text\n".to_string()))]),
            links: BTreeMap::new(),
            told: Vec::new(),
        };
        let run = repo_of(&attack).run(&["check", "--no-base"]);
        assert_eq!(run.status, 0, "{}", run.out);
    }
}
