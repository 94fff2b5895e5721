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
//! `staged` has the first two of these commits.
//! `mistakes` is `files` with a configuration full of mistakes, and `misnamed` is `files` with one
//! under a name that is not read, and `second` has both names. `fleet` is a copy of
//! `testdata/cli/fleet`, where Flux and Argo CD apply folders. [`ROOT`] stands for the temporary
//! folder, and `[RULES]` for the number of all rules.
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
        // a new rule changes no case
        let rules = format!("with {} rules", gitops_lint::rules::all().len());
        let hidden = |text: &str| {
            text.replace(&rules, "with [RULES] rules")
                .replace(&real.display().to_string(), ROOT)
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
    let folder = if name == "fleet" { "fleet" } else { "repo" };
    let files = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/cli")
        .join(folder);
    crate::copy(&files, repo.root());
    match name {
        "mistakes" => _ = repo.write(".gitops-lint.yaml", MISTAKES),
        "misnamed" => _ = repo.write(".gitops-lint.yml", "version: 1\n"),
        "second" => {
            for name in [".gitops-lint.yaml", ".gitops-lint.yml"] {
                repo.write(name, "version: 1\n");
            }
        }
        _ => {}
    }
    if name == "git" || name == "staged" {
        repo.git(&["init", "-q"]).commit_on(1, "start");
        let promotions = [(5, "staging"), (9, "production")].into_iter();
        for (day, environment) in promotions.take(if name == "git" { 2 } else { 1 }) {
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

/// Every command of a case on a repo whose names, authors, messages and values are hostile. A new
/// format or command is covered by its case.
#[test]
fn nothing_printed_tells_a_secret_or_steers_its_reader() {
    let hostile = hostile();
    let mut more = vec![
        "diff staging production --all --format json".to_string(),
        "diff staging production --all --format text".to_string(),
        "diff staging production --all --format markdown".to_string(),
        "why Pod/api DB_PASSWORD".to_string(),
        "why Pod/api".to_string(),
    ];
    let formats = gitops_lint::report::Format::ALL;
    more.extend(formats.map(|format| format!("check --format {}", format.as_str())));
    let more = more
        .iter()
        .map(|line| line.split(' ').map(str::to_string).collect());
    let cases = cases().into_iter().map(|case| case.arguments);
    for arguments in cases.chain(more) {
        let repo = Repo::new();
        crate::copy(hostile.root(), repo.root());
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = program::run(repo.root(), &words, &FIXED);
        assert_harmless(&words, &run);
    }
}

/// Refuses what no output may contain: values of Secrets, and text that a terminal, the log of a
/// workflow or Markdown would act on.
fn assert_harmless(arguments: &[&str], run: &program::Run) {
    let all = format!("{}\n{}", run.out, run.err);
    let told = |what: &str| panic!("{arguments:?} prints {what}:\n{all}");
    let is_command = |line: &str| line.starts_with("::error::x") || line.starts_with("##[x");
    if all.contains('\u{1b}') || all.lines().any(is_command) {
        told("what steers the reader");
    }
    // `render` prints the objects as they would be applied, Secrets included
    if arguments.first() != Some(&"render") && all.contains("hunter") {
        told("a secret");
    }
    if arguments.iter().any(|word| word.contains("markdown")) {
        // inside of a fence, everything is text
        let mut fence = None;
        for line in run.out.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                Some(open) if ticks >= open => fence = None,
                None if ticks >= 3 => fence = Some(ticks),
                None if ["![x]", "[go](", "@acme", "<img", "www.evil", "http://evil"]
                    .iter()
                    .any(|active| line.contains(active)) =>
                {
                    told("active Markdown")
                }
                _ => {}
            }
        }
    }
}

/// Two environments, two commits, and an author who means no good.
fn hostile() -> Repo {
    let repo = Repo::new();
    crate::copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cli/repo"),
        repo.root(),
    );
    let evil = r#""\e[31mred\n::error::x\n##[x]![x](http://evil.example/p.png)""#;
    let author = "![x](http://evil.example/p.png) @acme/all [go](http://evil.example) <img> www.evil.example";
    let write = |environment: &str, password: &str| {
        let folder = format!("apps/evil/overlays/{environment}");
        repo.write(
            &format!("{folder}/kustomization.yaml"),
            &format!(
                "resources: [pod.yaml, secret.yaml]\nimages: [{{name: {evil}, newTag: v1}}]\n"
            ),
        );
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: api, labels: {{x: {evil}}}}}\nspec:\n  containers:\n    - name: api\n      image: 'registry.example.com/api:@acme'\n      env: [{{name: DB_PASSWORD, value: {password}}}]\n"
        );
        repo.write(&format!("{folder}/pod.yaml"), &pod);
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: api}}\nstringData: {{password: {password}}}\n"
        );
        repo.write(&format!("{folder}/secret.yaml"), &secret);
    };
    write("staging", "hunter1");
    write("production", "hunter2");
    repo.git(&["init", "-q"]).git(&["add", "-A"]);
    let commit = |message: &str| {
        let identity = [
            format!("user.name={author}"),
            "user.email=@acme".to_string(),
        ];
        let [name, email] = &identity;
        repo.git(&["-c", name, "-c", email, "commit", "-q", "-m", message]);
    };
    commit("\u{1b}[31m::error::x");
    let overlay = "apps/api/overlays/production/kustomization.yaml";
    let text = std::fs::read_to_string(repo.path(overlay)).unwrap();
    repo.write(overlay, &text.replace(&"1".repeat(64), &"2".repeat(64)));
    write("production", "hunter3");
    repo.git(&["add", "-A"]);
    commit("![x](http://evil.example/p.png)");
    repo
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
