//! Promotions that go wrong. `testdata/repos/shop` is a healthy config repo. Each
//! `testdata/promotions/<case>/case.yaml` is a small change to it, with the expected findings.
//!
//! - `edits` replace a text that occurs exactly once in a file; `add` and `remove` whole files.
//! - `row` is the kind of mistake, an entry of `ROWS`.
//! - `status: found`: the check must report exactly the findings in `expect` (rule, severity, file,
//!   environment, and a part of the line).
//! - `status: not-yet`: no rule finds this mistake yet. The case fails once such a rule exists, so
//!   that somebody sets it to `found`.
//! - `needs` of such a case lists what it needs besides the changed tree: `base` (the shop as the
//!   base revision), `history` (commits), `author`.
//!
//! `CASE=lost-digest` runs one case and prints its findings.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use common::{CONFIG_FILE, Since, Tree, authorship, memory, testdata};
use gitops_lint::check::{self, Base, BaseInputs, Outcome, PolicySet, Request};
use gitops_lint::config::Config;
use gitops_lint::history::Proofs;
use gitops_lint::policy;
use gitops_lint::repo::Repo;
use gitops_lint::rules;
use gitops_lint::source::Files;
use gitops_lint::source::beside::Beside;
use serde::Deserialize;

/// The kinds of mistakes.
const ROWS: &[&str] = &[
    "which digest is where, since when",
    "a mutable tag is promoted",
    "production gets a digest that never passed staging",
    "an edit made in staging to try something rides along, or was tested nowhere",
    "limits, probes, budgets are lost in a patch",
    "a variable was added in dev, its Secret or ExternalSecret is missing in production",
    "service A needs B's new API and is promoted first",
    "the image never passed its scan",
    "a bot, or automation meant for dev and staging, writes to production",
    "nobody owns the production path; the freeze is on",
    "two environments read one path",
    "the rendered manifest is not valid",
    "the team's own rules",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(skip)]
    name: String,
    description: String,
    row: String,
    status: Status,
    #[serde(default)]
    needs: Vec<Need>,
    /// `Name <email>` of the commit.
    author: Option<String>,
    /// The time of the check.
    now: Option<String>,
    /// Edits that are also in the base revision.
    #[serde(default)]
    before: Vec<Edit>,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    add: Vec<Added>,
    #[serde(default)]
    remove: Vec<String>,
    expect: Vec<Expectation>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Found,
    NotYet,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Need {
    Base,
    History,
    Author,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    find: String,
    replace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Added {
    file: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    rule: String,
    severity: String,
    file: String,
    line: String,
    environment: String,
}

/// The files of the healthy shop.
fn shop() -> Tree {
    common::tree(&testdata("repos/shop"))
}

fn cases() -> Vec<Case> {
    let only = std::env::var("CASE").ok();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(testdata("promotions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut cases = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let text = std::fs::read_to_string(folder.join("case.yaml")).unwrap();
        let case: Case =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.push(Case { name, ..case });
    }
    cases
}

fn edit(name: &str, edits: &[Edit], tree: &mut Tree) {
    for edit in edits {
        let text = tree
            .get_mut(&edit.file)
            .unwrap_or_else(|| panic!("{name}: the shop has no {}", edit.file));
        assert_eq!(
            text.matches(&edit.find).count(),
            1,
            "{name}: {} must hold once what is replaced:\n{}",
            edit.file,
            edit.find
        );
        *text = text.replacen(&edit.find, &edit.replace, 1);
    }
}

/// The base revision of a case.
fn before(case: &Case, shop: &Tree) -> Tree {
    let mut tree = shop.clone();
    // an outdated `versions.json` is a finding of its own, which has its own case
    if !case.edits.iter().any(|edit| edit.file == RECORD) {
        tree.remove(RECORD);
    }
    edit(&case.name, &case.before, &mut tree);
    tree
}

/// The shop's record of deployed versions.
const RECORD: &str = "versions.json";

/// The shop with the changes of a case.
fn changed(case: &Case, shop: &Tree) -> Tree {
    let (name, mut tree) = (&case.name, before(case, shop));
    edit(name, &case.edits, &mut tree);
    for added in &case.add {
        let before = tree.insert(added.file.clone(), added.text.clone());
        assert!(
            before.is_none(),
            "{name}: {} is there already: edit it",
            added.file
        );
    }
    for file in &case.remove {
        assert!(
            tree.remove(file).is_some(),
            "{name}: the shop has no {file}"
        );
    }
    tree
}

/// The whole check of a tree, as the command runs it.
fn outcome(tree: &Tree, base: Option<&Tree>, case: Option<&Case>) -> Outcome {
    let files = Arc::new(Files::default());
    let config = common::configuration(tree.get(CONFIG_FILE).map(String::as_str), &files);
    let repo = Repo::load_with(Arc::new(memory(tree)), None, &config, files.clone());
    let base =
        base.map(|base| Repo::load_with(Arc::new(memory(base).at("base")), None, &config, files));
    let base = base.map(|base| {
        Base::new(
            BaseInputs::new(base, config.clone(), BTreeSet::new()),
            &repo,
        )
    });
    let now = case.and_then(|case| case.now.as_deref());
    let now = common::time(now.unwrap_or("2026-11-24T12:00:00Z"));
    let history = case.is_some_and(|case| case.needs.contains(&Need::History));
    // the base has run its images for ten minutes
    let past = base.as_ref().filter(|_| history).map(|base| {
        Since(
            base.compared(),
            now.timestamp().as_second() - 600,
            Vec::new(),
        )
    });
    let author = case.and_then(|case| case.author.as_deref());
    let authorship = author.map(|author| authorship(author, tree.keys().cloned()));
    let options = policy::Options::default();
    let policies = policy::load(&*repo.source, &config, policy::Added::default(), &options)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    check::run(Request {
        base: base.as_ref(),
        everything: true,
        proofs: past.as_ref().map(|past| past as &dyn Proofs),
        authorship: authorship.unwrap_or_default(),
        policies: Some(PolicySet {
            policies: &policies,
            options: &options,
            log: None,
            named_by_caller: false,
        }),
        ..Request::new(&repo, &config, now)
    })
}

/// The findings that a case causes, as `check --base` reports them. `narrowed` checks only the
/// overlays that the change concerns, as the command does; otherwise all are checked.
fn caused(tree: &Tree, base: &Tree, narrowed: bool) -> Vec<String> {
    let (head, config) = (Arc::new(memory(tree)), Config::default());
    let changed = tree
        .keys()
        .chain(base.keys())
        .filter(|path| tree.get(*path) != base.get(*path))
        .map(|path| Arc::from(path.as_str()));
    let changed: BTreeSet<Arc<str>> = changed.collect();
    let repo = Repo::load(head.clone(), None, &config);
    let base_source = Arc::new(memory(base).at("base"));
    let base = repo.beside(
        Arc::new(Beside::new(head, base_source, changed.iter().cloned())),
        &config,
        true,
    );
    let base = Base::new(BaseInputs::new(base, config.clone(), changed), &repo);
    let outcome = check::run(Request {
        base: Some(&base),
        every_overlay: !narrowed,
        ..Request::new(&repo, &config, common::time("2026-11-24T12:00:00Z"))
    });
    described(&outcome)
}

#[test]
fn judging_only_what_a_change_concerns_finds_all_that_it_causes() {
    let shop = shop();
    for case in cases() {
        let (tree, base) = (changed(&case, &shop), before(&case, &shop));
        assert_eq!(
            caused(&tree, &base, true),
            caused(&tree, &base, false),
            "{}",
            case.name
        );
    }
    assert_eq!(caused(&shop, &shop, true), Vec::<String>::new());
}

/// One line for each finding: what it is compared by, and its location.
fn described(outcome: &Outcome) -> Vec<String> {
    let described = outcome.findings.iter().map(|located| {
        let (finding, place) = (&located.finding, &located.location);
        let environment = finding.environment().unwrap_or("no environment");
        format!(
            "{}:{}: {} [{}] {} ({environment})\n    {}",
            place.file,
            place.line,
            finding.severity.as_str(),
            finding.rule,
            finding.message,
            line(outcome, located.location.line, &place.file),
        )
    });
    described.collect()
}

/// The text of a line of the head.
fn line(outcome: &Outcome, number: usize, path: &str) -> String {
    let file = outcome
        .files
        .all()
        .into_iter()
        .map(|(_, file)| file)
        .find(|file| &*file.path == path && file.revision.is_none());
    file.and_then(|file| file.text.lines().nth(number - 1).map(str::to_string))
        .unwrap_or_default()
}

#[test]
fn the_shop_is_healthy() {
    let outcome = outcome(&shop(), None, None);
    assert_eq!(described(&outcome), Vec::<String>::new());
    assert!(
        outcome.overlays.len() >= 22,
        "{} overlays",
        outcome.overlays.len()
    );
    assert!(
        outcome
            .overlays
            .iter()
            .all(|checked| checked.complete && checked.overlay.environment.is_some())
    );
}

#[test]
fn the_shop_needs_no_configuration() {
    let mut shop = shop();
    let (overlays, configuration) = (
        outcome(&shop, None, None).overlays,
        shop.remove(CONFIG_FILE),
    );
    assert!(configuration.is_some());
    let outcome = outcome(&shop, None, None);
    assert_eq!(described(&outcome), Vec::<String>::new());
    assert_eq!(outcome.overlays, overlays);
}

#[test]
fn every_case_gives_its_findings_and_nothing_else() {
    let (shop, mut failures) = (shop(), Vec::new());
    for case in cases().iter().filter(|case| case.status == Status::Found) {
        let outcome = outcome(
            &changed(case, &shop),
            (!case.needs.is_empty()).then_some(&before(case, &shop)),
            Some(case),
        );
        if std::env::var("CASE").is_ok() {
            println!("{}\n{}", case.description, described(&outcome).join("\n"));
        }
        let mut missing: Vec<&Expectation> = case.expect.iter().collect();
        for (located, described) in outcome.findings.iter().zip(described(&outcome)) {
            let (finding, place) = (&located.finding, &located.location);
            let expected = missing.iter().position(|expected| {
                expected.rule == finding.rule
                    && expected.severity == finding.severity.as_str()
                    && expected.file == *place.file
                    && line(&outcome, place.line, &place.file).contains(&expected.line)
                    && finding.environment() == Some(expected.environment.as_str())
            });
            match expected {
                Some(index) => _ = missing.remove(index),
                None => failures.push(format!("{}: not expected: {described}", case.name)),
            }
        }
        for expected in missing {
            let Expectation {
                rule,
                severity,
                file,
                line,
                environment,
            } = expected;
            failures.push(format!(
                "{}: not found: {file}: {severity} [{rule}] at {line:?} ({environment})",
                case.name
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn cases_are_changes_to_the_shop_and_answer_every_row() {
    let (shop, cases) = (shop(), cases());
    for case in &cases {
        let (name, tree) = (&case.name, changed(case, &shop));
        assert!(tree != before(case, &shop), "{name}: changes nothing");
        assert!(
            !case.description.trim().is_empty() && !case.expect.is_empty(),
            "{name}: says nothing"
        );
        assert!(
            ROWS.contains(&case.row.as_str()),
            "{name}: no row {:?}",
            case.row
        );
        for expected in &case.expect {
            let text = tree
                .get(&expected.file)
                .unwrap_or_else(|| panic!("{name}: no {}", expected.file));
            let lines = text
                .lines()
                .filter(|line| line.contains(&expected.line))
                .count();
            assert_eq!(
                lines, 1,
                "{name}: {:?} must stand in one line of {}",
                expected.line, expected.file
            );
            assert!(
                ["error", "warning", "info"].contains(&expected.severity.as_str()),
                "{name}: {}",
                expected.severity
            );
        }
        assert_eq!(
            case.author.is_some(),
            case.needs.contains(&Need::Author),
            "{name}: an author is given when it is needed"
        );
        if let Some(now) = &case.now {
            now.parse::<jiff::Timestamp>()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    if std::env::var("CASE").is_err() {
        for row in ROWS {
            assert!(
                cases.iter().any(|case| case.row == *row),
                "no case answers {row:?}"
            );
        }
    }
}

/// A `not-yet` case must become `found` once its rule exists.
#[test]
fn cases_that_wait_do_so_for_a_rule() {
    for case in cases().iter().filter(|case| case.status == Status::NotYet) {
        for expected in &case.expect {
            assert!(
                rules::find(&expected.rule).is_none(),
                "{}: {} is there now: make it `status: found`",
                case.name,
                expected.rule
            );
        }
    }
}

/// Every rule that the table names has a case, so that a lost case is noticed.
#[test]
fn every_rule_of_the_table_has_a_case() {
    if std::env::var("CASE").is_ok() {
        return;
    }
    let cases = cases();
    let named: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| &case.expect)
        .map(|expected| expected.rule.as_str())
        .collect();
    for rule in [
        "promotion-record",
        "mutable-tag",
        "invalid-image",
        "lost-digest",
        "digest-mismatch",
        "skipped-environment",
        "insufficient-soak",
        "overlay-drift",
        "ride-along",
        "removed-limits",
        "missing-secret",
        "environment-variable-drift",
        "promotion-order",
        "sync-wave-order",
        "depends-on-missing",
        "unscanned-image",
        "bot-write",
        "automation-on-protected",
        "codeowners-gap",
        "change-freeze",
        "shared-environment-path",
        "cross-environment-reference",
        "schema-violation",
        "dangling-reference",
    ] {
        assert!(named.contains(rule), "no case expects {rule}");
    }
}
