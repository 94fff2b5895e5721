//! Secrets that must not be told: every command and every report runs on a repository in which
//! hundreds of places hold a secret, and none of its output may contain one.
//!
//! A file of `testdata/canaries` holds apps: the files of `base`, and of the overlays `staging` and
//! `production` (or of `both`). Each `CANARY` in them becomes a word of its own, each `ENCODED` such
//! a word in base64. The words consist of letters only, so that nothing about them looks secret; the
//! commit before has other words in every place.
//!
//! `CANARY=patch-file cargo test --test canaries -- --nocapture` runs one app and prints the leaks.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use program::Repo;
use serde::Deserialize;

type Texts = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    #[serde(default)]
    base: Texts,
    /// Files beside the base and the overlays.
    #[serde(default)]
    root: Texts,
    #[serde(default)]
    staging: Texts,
    #[serde(default)]
    production: Texts,
    /// The files of both overlays.
    #[serde(default)]
    both: Texts,
}

/// The apps by name.
fn apps() -> BTreeMap<String, App> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/canaries");
    let mut apps = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let group: BTreeMap<String, App> = serde_yaml::from_str(&text).unwrap();
        apps.extend(group);
    }
    if let Ok(one) = std::env::var("CANARY") {
        apps.retain(|name, _| *name == one);
    }
    assert!(!apps.is_empty());
    apps
}

/// The words that must not be told, with the app of each.
#[derive(Default)]
struct Planted {
    words: BTreeMap<String, String>,
    count: usize,
}

impl Planted {
    /// A text with a word of its own in each place that wants one.
    fn plant(&mut self, text: &str, app: &str, start: &str) -> String {
        let mut planted = String::new();
        let mut rest = text;
        while let Some((at, mark)) = ["CANARY", "ENCODED"]
            .iter()
            .filter_map(|mark| Some((rest.find(mark)?, *mark)))
            .min()
        {
            let letter = |place: usize| {
                char::from(b'a' + (self.count / 26usize.pow(place as u32) % 26) as u8)
            };
            let word = format!("{start}{}{}{}quiet", letter(2), letter(1), letter(0));
            self.count += 1;
            let encoded = STANDARD.encode(&word);
            planted.push_str(&rest[..at]);
            planted.push_str(if mark == "CANARY" { &word } else { &encoded });
            // the last letters depend on what stands behind
            let stable = encoded.trim_end_matches('=');
            self.words
                .insert(stable[..stable.len() - 2].to_string(), app.to_string());
            self.words.insert(word, app.to_string());
            rest = &rest[at + mark.len()..];
        }
        planted + rest
    }
}

/// Writes every app with words that begin with `start`.
fn write(repo: &Repo, apps: &BTreeMap<String, App>, start: &str, planted: &mut Planted) {
    planted.count = 0;
    for (name, app) in apps {
        let folders = [
            ("", &app.root),
            ("base/", &app.base),
            ("overlays/staging/", &app.both),
            ("overlays/staging/", &app.staging),
            ("overlays/production/", &app.both),
            ("overlays/production/", &app.production),
        ];
        for (folder, files) in folders {
            for (path, text) in files {
                let text = planted.plant(text, name, start);
                repo.write(&format!("apps/{name}/{folder}{path}"), &text);
            }
        }
    }
}

/// How every planted word begins, as it is and in base64.
const STARTS: [&str; 4] = ["canary", "kanary", "Y2FuYXJ5", "a2FuYXJ5"];

/// A policy that tells the values of Secrets as loudly as it can.
const POLICY: &str = "package main\n\nimport rego.v1\n\ndeny contains msg if {\n\tinput.kind == \"Secret\"\n\tsome key, value in input.stringData\n\tprint(value)\n\tmsg := sprintf(\"%v=%v\", [key, value])\n}\n";

/// The commands that are asked about every app.
fn questions(name: &str, app: &App) -> Vec<Vec<String>> {
    let texts = [
        &app.base,
        &app.root,
        &app.both,
        &app.staging,
        &app.production,
    ];
    let holds = |kind: &str| {
        let kind = format!("kind: {kind}\n");
        texts
            .iter()
            .any(|files| files.values().any(|text| text.contains(&kind)))
    };
    let mut questions = vec![vec!["history".to_string(), name.to_string()]];
    for kind in ["HelmRelease", "Application"] {
        if holds(kind) {
            questions.push(vec!["why".into(), format!("{kind}/{name}")]);
        }
    }
    let paths = [
        ("Secret", "stringData"),
        ("Deployment", "spec/template/spec/containers/0/env/0/value"),
        ("ConfigMap", "data"),
    ];
    for (kind, path) in paths
        .into_iter()
        .filter(|(kind, _)| *kind == "Secret" || holds(kind))
    {
        questions.push(vec!["why".into(), format!("{kind}/{name}")]);
        questions.push(vec!["why".into(), format!("{kind}/{name}"), path.into()]);
    }
    questions
}

#[test]
fn no_output_tells_a_secret() {
    let apps = apps();
    let repo = Repo::new();
    let mut planted = Planted::default();
    repo.git(&["init", "-q"]);
    repo.write("policies/tell.rego", POLICY)
        .write(".gitops-lint.yaml", "version: 1\npolicies: [policies]\n");
    write(&repo, &apps, "kanary", &mut planted);
    repo.commit("one").git(&["tag", "one"]);
    write(&repo, &apps, "canary", &mut planted);
    repo.commit("two");
    let least = if std::env::var_os("CANARY").is_some() {
        1
    } else {
        300
    };
    assert!(planted.count >= least, "{} canaries", planted.count);

    let mut commands: Vec<Vec<String>> = Vec::new();
    let mut command =
        |words: &[&str]| commands.push(words.iter().map(|word| word.to_string()).collect());
    for format in gitops_lint::report::Format::ALL {
        command(&["check", "--format", format.as_str()]);
        command(&["check", "--base", "one", "--format", format.as_str()]);
    }
    for words in [
        "check --min-severity info",
        "check --base one --diff",
        "diff staging production",
        "diff staging production --all",
        "diff staging production --format json",
        "diff one..HEAD",
        "diff one..HEAD --all",
        "status",
        "status --format json",
        "fleet",
        "fleet --base one",
        "fleet --format json",
        "promote --all --dry-run --from staging --to production",
        "init",
        "config",
    ] {
        command(&words.split(' ').collect::<Vec<_>>());
    }
    for (name, app) in &apps {
        commands.extend(questions(name, app));
    }
    let mut leaks = BTreeSet::new();
    for words in &commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = repo.run(&words);
        let output = [run.out.as_str(), run.err.as_str()].concat();
        assert!(
            !output.contains("unexpected argument"),
            "{words:?}: {output}"
        );
        let suspects = |line: &&str| STARTS.iter().any(|start| line.contains(start));
        for line in output.lines().filter(suspects) {
            for (word, app) in planted
                .words
                .iter()
                .filter(|(word, _)| line.contains(*word))
            {
                leaks.insert(format!(
                    "{app}: {} tells {word}: {}",
                    words.join(" "),
                    line.trim()
                ));
            }
        }
    }
    let leaks: Vec<String> = leaks.into_iter().collect();
    assert!(
        leaks.is_empty(),
        "{} leaks\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}
