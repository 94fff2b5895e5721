//! Every rule against its fixtures.
//!
//! `testdata/rules/<rule>/<case>/` is a small config repo. The name of a case begins with `bad`
//! (the rule must report something), `good`, or `false-positive` (looks like the mistake, but is
//! not one). Each rule has at least one case of each kind.
//!
//! An expected finding is a comment in the YAML, with its severity and the id of the rule:
//!
//! ```yaml
//! image: acme/api:latest # error: mutable-tag
//! ```
//!
//! A comment after a value expects a finding at its own line. A comment on a line of its own
//! expects it at the next line that is not a comment, like a suppression. `# error: mutable-tag,
//! mutable-tag` expects two findings. Findings with the same cause are merged before they are
//! compared. Every finding must be expected, and every expected finding must be reported. If the
//! file cannot hold comments (JSON), write `FILE:LINE error: RULE` into `expected.txt` of the case.
//!
//! A case with the folders `base` and `head` compares two revisions. These files may be beside
//! them: `author.txt` (the author of the change), `past.txt` (since when the builds of the base
//! have run), `ran.txt` (`OVERLAY NAME VERSION`: what ran there earlier, by the key that proofs use),
//! and `submodules.txt` (`PATH BEFORE AFTER`; `-` stands for no commit).
//!
//! `testdata/rules/<rule>/findings.snap` holds the messages. `INSTA_UPDATE=always cargo test --test
//! rules` rewrites it, and `RULE=mutable-tag` runs the cases of one rule.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod common;

use common::{Replaced, Since, authorship};
use gitops_lint::check::{self, Base, BaseInputs, Outcome, PolicySet, Request};
use gitops_lint::config::{Config, Level};
use gitops_lint::history::{Authorship, Proofs};
use gitops_lint::policy::{self, Policies};
use gitops_lint::repo::Repo;
use gitops_lint::rules;

/// Rules about what cannot lie in a folder of fixtures, such as a file without permission. The tests
/// of the program cover them.
const WITHOUT_FIXTURES: [&str; 1] = ["unreadable-file"];

/// The number of times that each finding is expected, by file, line, and `severity: rule`.
type Expectations = BTreeMap<(String, usize, String), usize>;

fn fixtures() -> PathBuf {
    common::testdata("rules")
}

fn sub_folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A line of `submodules.txt`.
fn submodule(line: &str) -> rules::Submodule {
    let words: Vec<&str> = line.split_whitespace().collect();
    let commit = |at: usize| Some(words[at].to_string()).filter(|word| word != "-");
    rules::Submodule {
        path: words[0].to_string(),
        before: commit(1),
        after: commit(2),
        origin: None,
    }
}

/// The paths that differ between two repos.
fn changed(base: &Repo, head: &Repo) -> BTreeSet<Arc<str>> {
    let read = |repo: &Repo, path: &str| repo.source.read(path).ok();
    let paths = base.source.files().iter().chain(head.source.files());
    paths
        .filter(|path| read(base, path) != read(head, path))
        .cloned()
        .collect()
}

/// The check of a case with one rule.
fn outcome(case: &Path, rule: &str) -> Outcome {
    let (config, repo, base) = harness::load(case);
    let others = rules::all().iter().map(|other| other.metadata().id);
    let levels: Vec<(String, Level)> = others
        .filter(|other| *other != rule)
        .map(|other| (other.to_string(), Level::Off))
        .collect();
    let base = base.map(|base| {
        let changed = changed(&base, &repo);
        let moved = std::fs::read_to_string(case.join("submodules.txt")).unwrap_or_default();
        let inputs = BaseInputs {
            written: harness::base_config(case, &repo, &base),
            submodules: moved.lines().map(submodule).collect(),
            ..BaseInputs::new(base, config.clone(), changed)
        };
        Base::new(inputs, &repo)
    });
    let author = std::fs::read_to_string(case.join("author.txt")).ok();
    let files = repo.source.files().iter().map(|path| path.to_string());
    let since = std::fs::read_to_string(case.join("past.txt"))
        .ok()
        .map(|text| text.trim().parse::<jiff::Timestamp>().unwrap().as_second());
    let past = base
        .as_ref()
        .zip(since)
        .map(|(base, since)| Since(base.compared(), since, replaced(case)));
    let options = policy_options();
    let policies = policies(&repo, &config, &options);
    let mut outcome = check::run(Request {
        policies: Some(PolicySet {
            policies: &policies,
            log: None,
            options: &options,
            named_by_caller: false,
        }),
        levels: &levels,
        base: base.as_ref(),
        everything: true,
        proofs: past.as_ref().map(|past| past as &dyn Proofs),
        authorship: author.map_or_else(Authorship::default, |author| authorship(&author, files)),
        ..Request::new(&repo, &config, common::time("2026-06-01T12:00:00Z"))
    });
    outcome
        .findings
        .retain(|located| located.finding.rule == rule);
    outcome
}

/// The lines of `ran.txt`.
fn replaced(case: &Path) -> Vec<Replaced> {
    let text = std::fs::read_to_string(case.join("ran.txt")).unwrap_or_default();
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Replaced {
            overlay: words[0].to_string(),
            name: words[1].to_string(),
            version: words[2].to_string(),
        }
    });
    lines.collect()
}

fn policy_options() -> policy::Options {
    let now = common::time("2026-06-01T12:00:00Z");
    policy::Options {
        now: now.timestamp().as_nanosecond(),
        ..policy::Options::default()
    }
}

/// The policies of a case.
fn policies(repo: &Repo, config: &Config, options: &policy::Options) -> Policies {
    policy::load(&*repo.source, config, policy::Added::default(), options)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The folder to check: `head` if the case compares two revisions, otherwise the case itself.
fn root(case: &Path) -> PathBuf {
    let head = case.join("head");
    if head.is_dir() {
        head
    } else {
        case.to_path_buf()
    }
}

/// The expected findings in the files of a case.
fn expectations(case: &Path) -> Expectations {
    let mut expected = Expectations::new();
    let mut folders = vec![case.to_path_buf()];
    while let Some(folder) = folders.pop() {
        folders.extend(sub_folders(&folder));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            let file = path
                .strip_prefix(case)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if file == "expected.txt" {
                for line in text.lines() {
                    let (place, what) = line.split_once(' ').unwrap();
                    let (file, number) = place.rsplit_once(':').unwrap();
                    *expected
                        .entry((file.to_string(), number.parse().unwrap(), what.to_string()))
                        .or_default() += 1;
                }
                continue;
            }
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                for (at, what) in comments(line) {
                    let alone = line[..at].trim().is_empty();
                    let target = if alone {
                        (index + 1..lines.len())
                            .find(|next| !lines[*next].trim_start().starts_with('#'))
                            .unwrap_or(index)
                    } else {
                        index
                    };
                    *expected
                        .entry((file.clone(), target + 1, what))
                        .or_default() += 1;
                }
            }
        }
    }
    expected
}

/// The expected findings in a line, each with the column of its comment.
fn comments(line: &str) -> Vec<(usize, String)> {
    for severity in ["error", "warning", "info"] {
        let mark = format!("# {severity}: ");
        if let Some(at) = line.find(&mark) {
            let ids = line[at + mark.len()..].split(',');
            return ids
                .map(|id| (at, format!("{severity}: {}", id.trim())))
                .collect();
        }
    }
    Vec::new()
}

fn wording(outcome: &Outcome, text: &mut String) {
    for located in &outcome.findings {
        let (finding, place) = (&located.finding, &located.location);
        let _ = writeln!(
            text,
            "{}:{}:{}-{}:{}: {}: {}",
            place.file,
            place.line,
            place.column,
            place.end_line,
            place.end_column,
            finding.severity.as_str(),
            finding.message
        );
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "  help: {help}");
        }
        for (related, place) in finding.related.iter().zip(&located.related) {
            let _ = writeln!(
                text,
                "  {}:{}:{}: {}",
                place.file, place.line, place.column, related.message
            );
        }
        if let Some(resource) = &finding.resource {
            let _ = writeln!(
                text,
                "  on: {resource}{}",
                finding
                    .path
                    .as_ref()
                    .map_or(String::new(), |path| format!(" {path}"))
            );
        }
        if let Some(overlay) = finding.overlay_path() {
            let _ = writeln!(text, "  in: {overlay} {}", finding.also_in.join(" "));
        }
    }
}

#[test]
fn every_rule_finds_what_its_fixtures_expect() {
    let only = std::env::var("RULE").ok();
    let mut failures = Vec::new();
    let known: BTreeSet<&str> = rules::all().iter().map(|rule| rule.metadata().id).collect();
    for folder in sub_folders(&fixtures()) {
        if !known.contains(name(&folder).as_str()) {
            failures.push(format!(
                "testdata/rules/{} belongs to no rule",
                name(&folder)
            ));
        }
    }
    for rule in known
        .iter()
        .copied()
        .filter(|rule| only.as_deref().is_none_or(|only| only == *rule))
        .filter(|rule| !WITHOUT_FIXTURES.contains(rule))
    {
        let folder = fixtures().join(rule);
        let cases = sub_folders(&folder);
        for beginning in ["bad", "good", "false-positive"] {
            if !cases.iter().any(|case| name(case).starts_with(beginning)) {
                failures.push(format!("{rule} has no fixture {beginning}*"));
            }
        }
        let mut text = String::new();
        for case in &cases {
            let outcome = outcome(case, rule);
            assert!(
                outcome.checked_anything(),
                "{rule}/{}: no overlay was found",
                name(case)
            );
            let _ = writeln!(text, "## {}", name(case));
            wording(&outcome, &mut text);
            let (expected, mut found) = (expectations(&root(case)), Expectations::new());
            for located in &outcome.findings {
                let what = format!("{}: {rule}", located.finding.severity.as_str());
                *found
                    .entry((
                        located.location.file.to_string(),
                        located.location.line,
                        what,
                    ))
                    .or_default() += 1;
            }
            let bad = name(case).starts_with("bad");
            if bad == expected.is_empty() {
                failures.push(format!(
                    "{rule}/{}: a bad case expects findings, the others none",
                    name(case)
                ));
            }
            let places: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
            for place in places {
                let (want, got) = (
                    expected.get(place).copied().unwrap_or(0),
                    found.get(place).copied().unwrap_or(0),
                );
                if want != got {
                    let (file, line, what) = place;
                    failures.push(format!("{rule}/{}/{file}:{line}: `{what}` expected {want} times, found {got} times", name(case)));
                }
            }
        }
        if !cases.is_empty() {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(&folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
                settings.bind(|| insta::assert_snapshot!("findings", text))
            }));
            if outcome.is_err() {
                failures.push(format!(
                    "{rule}: the wording changed; see testdata/rules/{rule}/findings.snap.new"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_rule_is_documented() {
    let mut seen = BTreeSet::new();
    for rule in rules::all() {
        let metadata = rule.metadata();
        assert!(
            seen.insert(metadata.id),
            "{} is registered twice",
            metadata.id
        );
        let documentation = metadata.documentation();
        for heading in ["## What", "## Why", "## Example", "## Fix", "## Options"] {
            assert!(
                documentation.lines().any(|line| line == heading),
                "{} has no heading {heading:?}",
                metadata.id
            );
        }
        assert!(
            documentation.starts_with(&format!("# {}\n", metadata.id)),
            "{} does not begin with its id",
            metadata.id
        );
        assert!(
            !metadata.summary.ends_with('.') && !metadata.summary.contains('\n'),
            "{}",
            metadata.id
        );
        for option in metadata.options.iter().map(|option| option.name()) {
            assert!(
                documentation.contains(&format!("`{option}`")),
                "{}: the option {option} is not explained",
                metadata.id
            );
        }
    }
}

/// Loads the repo of a case.
mod harness {
    use super::*;
    use common::CONFIG_FILE;
    use gitops_lint::source::worktree::Worktree;
    use gitops_lint::source::{EntryKind, Files, Source, SourceError};
    use gitops_lint::yaml::FileId;
    use std::borrow::Cow;

    /// The files of a case, without the repository of the product around them: its remotes are not
    /// those of the case.
    struct Alone(Worktree);

    impl Source for Alone {
        fn files(&self) -> &[Arc<str>] {
            self.0.files()
        }
        fn kind(&self, path: &str) -> Option<EntryKind> {
            self.0.kind(path)
        }
        fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
            self.0.read(path)
        }
        fn resolve(&self, path: &str) -> Result<String, SourceError> {
            self.0.resolve(path)
        }
        fn link(&self, path: &str) -> Option<Cow<'_, str>> {
            self.0.link(path)
        }
        fn has_links(&self) -> bool {
            self.0.has_links()
        }
    }

    /// The configuration and the repo, and the base revision if the case compares two revisions.
    pub(crate) fn load(case: &Path) -> (Config, Repo, Option<Repo>) {
        let root = super::root(case);
        let files = Arc::new(Files::default());
        let config = common::configuration(
            std::fs::read_to_string(root.join(CONFIG_FILE))
                .ok()
                .as_deref(),
            &files,
        );
        let source = Arc::new(Alone(Worktree::open(&root).unwrap()));
        let repo = Repo::load_with(source, Some(root.clone()), &config, files.clone());
        let base = (root != case).then(|| {
            let source = common::memory(&common::tree(&case.join("base"))).at("base");
            Repo::load_with(Arc::new(source), None, &config, files)
        });
        (config, repo, base)
    }

    /// The configuration of the base revision, as the command loads it.
    pub(crate) fn base_config(case: &Path, repo: &Repo, base: &Repo) -> Option<(Config, FileId)> {
        let read = |folder: &str| std::fs::read_to_string(case.join(folder).join(CONFIG_FILE)).ok();
        let add = |text: &str, repo: &Repo| {
            repo.files
                .add(CONFIG_FILE, repo.source.revision(), Arc::from(text))
        };
        let (before, now) = (read("base"), read("head"));
        let file = now
            .as_ref()
            .map(|text| add(text, repo))
            .or_else(|| before.as_ref().map(|text| add(text, base)))?;
        Some((
            before.map_or_else(Config::default, |text| {
                common::load_configuration(&text, add(&text, base))
            }),
            file,
        ))
    }
}
