//! The command line as files: `testdata/cli/cases/*.txt`, one run of the program each.
//!
//! A case says what it shows, names its repo, and holds the command with its exit status, standard
//! output and standard error:
//!
//! ```text
//! # The nearest app is suggested.
//! repo: files
//! $ gitops-lint status --app ap
//! status: 2
//! --- stdout
//! --- stderr
//! error: unknown app `ap`; did you mean `api`?
//! ```
//!
//! A new case needs the first three lines only: `SNAPSHOTS=overwrite cargo test --test cli cases`
//! writes the rest, and rewrites every case whose output changed. Read the diff before you keep it.
//!
//! Repos: `none` is an empty folder, `files` is a copy of `testdata/cli/repo`, and `git` is the
//! same with three commits, which promote version 2 of the image to staging and to production.
//! `mistakes` is `files` with a configuration full of mistakes, and `misnamed` is `files` with one
//! under a name that is not read. [`ROOT`] stands for the temporary folder.
//!
//! A line `part: /runs/0/results` below the repo keeps only that part of a JSON output, so that the
//! case does not change with everything else in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use snapbox::{Assert, Data, IntoData};

use crate::program::{self, Repo};

/// Stands for the folder of the repo in what is printed.
const ROOT: &str = "<root>";

/// Environment variables that hold for every case, so that the terminal plays no part.
const FIXED: [(&str, &str); 2] = [("COLUMNS", "80"), ("LC_ALL", "C")];

/// A configuration with one mistake of each kind.
const MISTAKES: &str = "version: 2
enviroments: [staging]
rules:
  unmatched-patches: error
  mutable-tag: {level: eror, floating: {edge: true}}
external:
  - {kind: Secret, environments: [prodution]}
suppress:
  - {rule: plaintext-secret, reason: test key, until: soon}
";

struct Case {
    file: PathBuf,
    header: String,
    repo: String,
    /// The pointer to the part of a JSON output that is kept.
    part: Option<String>,
    arguments: Vec<String>,
}

impl Case {
    fn read(file: PathBuf) -> Case {
        let text = std::fs::read_to_string(&file).unwrap();
        let head: Vec<&str> = text
            .lines()
            .take_while(|line| !line.starts_with("status: "))
            .collect();
        let after = |start: &str| {
            let found = head.iter().find_map(|line| line.strip_prefix(start));
            found.unwrap_or_else(|| panic!("{}: no line `{start}`", file.display()))
        };
        Case {
            header: head.iter().map(|line| format!("{line}\n")).collect(),
            repo: after("repo: ").to_string(),
            part: head
                .iter()
                .find_map(|line| line.strip_prefix("part: "))
                .map(str::to_string),
            arguments: after("$ gitops-lint")
                .split_whitespace()
                .map(str::to_string)
                .collect(),
            file,
        }
    }

    /// The whole file as it should be.
    fn run(&self) -> String {
        let repo = repo(&self.repo);
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let run = program::run(repo.root(), &arguments, &FIXED);
        let out = match &self.part {
            Some(pointer) => format!("{:#}\n", run.json().pointer(pointer).unwrap()),
            None => run.out.clone(),
        };
        let real = repo.root().canonicalize().unwrap();
        let hidden = |text: &str| {
            text.replace(&real.display().to_string(), ROOT)
                .replace(&repo.root().display().to_string(), ROOT)
        };
        format!(
            "{}status: {}\n--- stdout\n{}--- stderr\n{}",
            self.header,
            run.status,
            hidden(&out),
            hidden(&run.err)
        )
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cli/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.into_iter().map(Case::read).collect()
}

fn repo(name: &str) -> Repo {
    let repo = Repo::new();
    if name == "none" {
        return repo;
    }
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cli/repo");
    crate::copy(&files, repo.root());
    match name {
        "mistakes" => _ = repo.write(".gitops-lint.yaml", MISTAKES),
        "misnamed" => _ = repo.write(".gitops-lint.yml", "version: 1\n"),
        _ => {}
    }
    if name == "git" {
        repo.git(&["init", "-q"]).commit_on(1, "start");
        for (day, environment) in [(5, "staging"), (9, "production")] {
            let file = format!("apps/api/overlays/{environment}/kustomization.yaml");
            let old = std::fs::read_to_string(repo.path(&file)).unwrap();
            repo.write(&file, &old.replace(&"1".repeat(64), &"2".repeat(64)))
                .commit_on(day, &format!("promote api to {environment}"));
        }
    }
    repo
}

#[test]
fn cases_print_what_their_files_say() {
    let assert = Assert::new()
        .action_env("SNAPSHOTS")
        .redact_with(snapbox::Redactions::new());
    let mut wrong = Vec::new();
    for case in cases() {
        let expected = Data::read_from(&case.file, None).raw();
        let name = case.file.display().to_string();
        if let Err(error) = assert.try_eq(Some(&name), case.run().into_data(), expected) {
            wrong.push(error.to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A subcommand without a case for its help could say anything.
#[test]
fn every_subcommand_has_a_case_for_its_help() {
    let help = Repo::new().run(&["--help"]).expect(0).out;
    let commands = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help");
    let shown: BTreeSet<String> = cases()
        .iter()
        .filter(|case| case.arguments.last().is_some_and(|last| last == "--help"))
        .filter_map(|case| case.arguments.first().cloned())
        .collect();
    let missing: Vec<&str> = commands.filter(|name| !shown.contains(*name)).collect();
    assert!(missing.is_empty(), "no case for --help of {missing:?}");
    assert!(shown.contains("--help"), "no case for --help");
}

/// A report format that the help does not name is not found.
#[test]
fn every_format_is_in_the_help() {
    let help = Repo::new().run(&["check", "--help"]).expect(0).out;
    for format in gitops_lint::report::Format::ALL {
        assert!(help.contains(format.as_str()), "{}", format.as_str());
    }
}

/// A rule file that no `mod.rs` registers checks nothing.
#[test]
fn every_rule_file_is_registered() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let known: BTreeSet<String> = gitops_lint::rules::all()
        .iter()
        .map(|rule| rule.metadata().id.to_string())
        .collect();
    let mut found = BTreeSet::new();
    for category in std::fs::read_dir(rules).unwrap() {
        let category = category.unwrap().path();
        let name = category.file_name().unwrap().to_str().unwrap().to_string();
        if !category.is_dir() || ["engine", "shared"].contains(&name.as_str()) {
            continue;
        }
        for file in std::fs::read_dir(&category).unwrap() {
            let file = file.unwrap().path();
            let stem = file.file_stem().unwrap().to_str().unwrap().to_string();
            if stem != "mod" {
                found.insert(stem.replace('_', "-"));
            }
        }
    }
    assert_eq!(found, known);
}
