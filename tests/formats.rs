//! The reports that other programs read, held against the schemas of these programs. The schemas in
//! `schemas` are strict: they list what the standard knows of what a report may hold, so that a
//! misspelt field fails.

#![allow(clippy::unwrap_used)]

mod program;

use std::path::Path;

use jsonschema::Validator;
use program::Repo;
use serde_json::Value;

fn schema(name: &str) -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let text = std::fs::read_to_string(path.join(name)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Repo, below: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy(&path, to, &format!("{name}/"));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            to.write(&name, &text);
        }
    }
}

/// A repo with the bad cases of every rule, so that there are findings of all kinds: with and without
/// overlays, objects, related places and fixes.
fn repo() -> Repo {
    let repo = Repo::new();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rules");
    for rule in [
        "mutable-tag",
        "unused-image-override",
        "deprecated-field",
        "missing-secret",
        "plaintext-secret",
        "removed-limits",
        "render-error",
        "schema-violation",
        "unused-suppression",
    ] {
        let mut cases: Vec<_> = std::fs::read_dir(rules.join(rule))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() && path.to_string_lossy().contains("bad"))
            .collect();
        cases.sort();
        for (number, case) in cases.iter().enumerate().take(2) {
            copy(case, &repo, &format!("{rule}-{number}/"));
        }
    }
    // names that have to be encoded
    repo.write(
        "apps/a b#c/overlays/production/kustomization.yaml",
        "resources: [nöwhere.yaml]\n",
    );
    repo.write(
        "policies/own.rego",
        "package main\n\ndeny contains \"no \\\"quotes\\\"\" if input.kind == \"Deployment\"\n",
    );
    repo
}

fn mistakes(schema: &Validator, report: &Value) -> Vec<String> {
    let errors = schema.iter_errors(report);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect()
}

#[test]
fn sarif_reports_fit_the_standard() {
    let (schema, repo) = (schema("sarif.json"), repo());
    let run = repo
        .run(&["--policy", "policies", "--format", "sarif"])
        .expect(1);
    let report = run.json();
    let none: Vec<String> = Vec::new();
    assert_eq!(mistakes(&schema, &report), none);
    let run = &report["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(results.len() > 20, "{}", results.len());
    for part in ["fixes", "relatedLocations", "properties"] {
        assert!(results.iter().any(|one| one[part] != Value::Null), "{part}");
    }
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(!uri.as_str().unwrap().contains([' ', '#']), "{uri}");
    }
    // the schema does refuse things
    let mut wrong = report.clone();
    wrong["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] =
        Value::from(0);
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn gitlab_reports_are_code_quality_reports() {
    let (schema, repo) = (schema("gitlab.json"), repo());
    let run = repo
        .run(&["--policy", "policies", "--format", "gitlab"])
        .expect(1);
    let report = run.json();
    let none: Vec<String> = Vec::new();
    assert_eq!(mistakes(&schema, &report), none);
    let issues = report.as_array().unwrap();
    let mut fingerprints: Vec<&str> = issues
        .iter()
        .map(|issue| issue["fingerprint"].as_str().unwrap())
        .collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), issues.len(), "each issue has its own");
}

#[test]
fn a_check_that_cannot_run_writes_valid_reports_as_well() {
    let repo = Repo::new();
    repo.write(".gitops-lint.yaml", "version: 3\n");
    for name in ["sarif", "gitlab"] {
        let run = repo.run(&["--format", name]).expect(2);
        let none: Vec<String> = Vec::new();
        assert_eq!(
            mistakes(&schema(&format!("{name}.json")), &run.json()),
            none
        );
    }
}
