//! The built-in policies pass their own tests.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use gitops_lint::policy::{Namespaces, Options, Policies, PolicyFile, TestOutcome};

#[test]
fn the_policies_pass_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "rego")
    });
    paths.sort();
    let files: Vec<PolicyFile> = paths
        .iter()
        .map(|path| PolicyFile {
            path: path.display().to_string(),
            text: std::fs::read_to_string(path).unwrap().into(),
        })
        .collect();
    for file in files
        .iter()
        .filter(|file| !file.path.ends_with("_test.rego"))
    {
        let test = file.path.replace(".rego", "_test.rego");
        assert!(
            files.iter().any(|other| other.path == test),
            "{} has no tests",
            file.path
        );
        assert!(
            file.text.starts_with("# METADATA"),
            "{} does not say what it is for",
            file.path
        );
    }
    let options = Options {
        namespaces: Namespaces::All,
        ..Options::default()
    };
    let policies = Policies::compile(files, Vec::new(), &options)
        .map_err(|problems| problems[0].to_string())
        .unwrap();
    assert!(policies.len() >= 8);
    let (results, _) = policies.test(&|_| true, false);
    assert!(results.len() >= 16, "{}", results.len());
    for result in results {
        assert_eq!(
            result.outcome,
            TestOutcome::Passed,
            "{}:{} {}",
            result.path,
            result.line,
            result.name
        );
    }
}
