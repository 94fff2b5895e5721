//! Tests the identity of findings: which are merged, which are new compared to the base, and which
//! a baseline accepts.

use std::sync::Arc;

use super::{Baseline, Known, merge};
use crate::config::Config;
use crate::finding::{Cause, Finding, Located, OverlayRef, Severity};
use crate::kustomize::ResourceId;
use crate::repo::Repo;
use crate::source::memory::Memory;
use crate::yaml::{By, Origin};

const BASE: &str = "apps/api/base/deployment.yaml";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n";

fn repo(deployment: &str) -> Repo {
    let source = Memory::new([
        (BASE, deployment),
        (
            "apps/api/base/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        (
            "apps/api/overlays/staging/kustomization.yaml",
            "resources: [../../base]",
        ),
        (
            "apps/api/overlays/production/kustomization.yaml",
            "resources: [../../base]",
        ),
    ]);
    let repo = Repo::load(Arc::new(source), None, &Config::default());
    // renders everything, so that the base's file is in the table
    for overlay in &repo.overlays {
        assert_eq!(overlay.rendered.resources.len(), 1);
    }
    repo
}

/// A finding at the `name: api` of the base.
fn finding(repo: &Repo, environment: &str, cause: Cause, message: &str) -> Finding {
    let files = repo.files.all();
    let (id, file) = files
        .iter()
        .find(|(_, file)| &*file.path == BASE)
        .expect("the base was read");
    let start = file.text.find("name: api").expect("the text is there") as u32;
    let origin = Origin {
        file: *id,
        start,
        end: start + 9,
        by: By::Manifest,
    };
    Finding {
        overlay: Some(Arc::new(OverlayRef {
            path: format!("apps/api/overlays/{environment}"),
            app: "api".into(),
            environment: Some(environment.into()),
            variant: None,
        })),
        ..Finding::new("some-rule", Severity::Error, origin, cause, message)
    }
}

fn located(repo: &Repo, findings: Vec<Finding>) -> Vec<Located> {
    let mut located: Vec<Located> = findings
        .into_iter()
        .map(|finding| Located::new(finding, &repo.files))
        .collect();
    located.sort_by(Located::order);
    merge::fingerprint(&mut located, &repo.files);
    located
}

fn prints(repo: &Repo, findings: Vec<Finding>) -> Vec<String> {
    located(repo, findings)
        .into_iter()
        .map(|located| located.finding.fingerprint)
        .collect()
}

fn limits(resource: &str) -> Cause {
    Cause::new("limit").with(resource)
}

#[test]
fn a_reworded_message_is_the_same_finding_wherever_its_line_moves() {
    let (base, head) = (
        repo(DEPLOYMENT),
        repo(&format!("# a new comment\n{DEPLOYMENT}")),
    );
    let before = finding(&base, "production", limits("cpu"), "has no limit of cpu");
    let now = finding(&head, "production", limits("cpu"), "lacks a CPU limit");
    assert_eq!(
        prints(&base, vec![before.clone()]),
        prints(&head, vec![now.clone()])
    );
    let known = Known::new(located(&base, vec![before]), &base);
    let another = finding(&head, "production", limits("memory"), "lacks a CPU limit");
    let new = known.split(located(&head, vec![now, another]), &head).0;
    let causes: Vec<&Cause> = new.iter().map(|located| &located.finding.cause).collect();
    assert_eq!(causes, [&limits("memory")]);
}

#[test]
fn an_unchanged_line_that_gets_one_more_app_is_no_new_finding() {
    let (base, head) = (repo(DEPLOYMENT), repo(DEPLOYMENT));
    let of = |repo: &Repo, app: &str, environment: &str, cause: Cause| {
        let mut found = finding(repo, environment, cause, "has no limit");
        let overlay = found.overlay.as_deref().cloned();
        found.overlay = overlay.map(|overlay| {
            let app = app.to_string();
            Arc::new(OverlayRef { app, ..overlay })
        });
        found.resource = Some(ResourceId {
            api_version: "apps/v1".to_string(),
            kind: "Deployment".to_string(),
            namespace: None,
            name: app.to_string(),
        });
        found
    };
    let before = of(&base, "api", "production", limits("cpu"));
    let known = Known::new(located(&base, vec![before]), &base);
    let is_new = |app: &str, environment: &str, cause: Cause| {
        let findings = located(&head, vec![of(&head, app, environment, cause)]);
        !known.split(findings, &head).0.is_empty()
    };
    assert!(!is_new("web", "production", limits("cpu")));
    // another cause, and an app that was there before
    assert!(is_new("web", "production", limits("memory")));
    assert!(is_new("api", "staging", limits("cpu")));
}

#[test]
fn a_baseline_accepts_one_of_two_findings_on_a_line() {
    let repo = repo(DEPLOYMENT);
    let of = |resource: &str| finding(&repo, "production", limits(resource), "lacks a limit");
    let accepted = prints(&repo, vec![of("cpu")]).concat();
    let report = format!(r#"{{"version": 1, "findings": [{{"fingerprint": "{accepted}"}}]}}"#);
    let baseline = Baseline::parse(&report).expect("a report");
    // alone or beside the other one
    for findings in [vec![of("memory")], vec![of("cpu"), of("memory")]] {
        let left: Vec<Cause> = located(&repo, findings)
            .into_iter()
            .map(|located| located.finding)
            .filter(|finding| !baseline.accepts(&finding.fingerprint))
            .map(|finding| finding.cause)
            .collect();
        assert_eq!(left, [limits("memory")]);
    }
}

#[test]
fn one_cause_in_two_overlays_is_one_finding_and_another_cause_stays_apart() {
    let repo = repo(DEPLOYMENT);
    let of = |environment: &str, resource: &str| {
        let message = format!("{environment} lacks a limit");
        finding(&repo, environment, limits(resource), &message)
    };
    let findings = vec![
        of("staging", "cpu"),
        of("production", "cpu"),
        of("production", "memory"),
    ];
    let merged = merge::merge(findings, &repo);
    let shown: Vec<(&Cause, &str, &[String])> = merged
        .iter()
        .map(|finding| (&finding.cause, &*finding.message, &*finding.also_in))
        .collect();
    let staging = ["apps/api/overlays/staging".to_string()];
    assert_eq!(
        shown,
        [
            (&limits("cpu"), "production lacks a limit", &staging[..]),
            (&limits("memory"), "production lacks a limit", &[]),
        ]
    );
}
