use super::*;
use crate::source::memory::Memory;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn read_one(text: &str) -> Evidence {
    let source = Memory::new([("scan.json", text)]);
    let globs = [Glob::new("*.json".to_string()).unwrap()];
    read(&source, &Files::default(), &globs)
}

fn severities(text: &str) -> Vec<Severity> {
    let evidence = read_one(text);
    let scans = evidence.scans.get(DIGEST).into_iter().flatten();
    scans
        .flat_map(|scan| scan.found.iter().map(|one| one.severity))
        .collect()
}

#[test]
fn secrets_and_mistakes_in_an_image_count() {
    let text = r#"{"SchemaVersion": 2, "ArtifactName": "a@DIGEST", "Results": [
        {"Secrets": [{"RuleID": "aws", "Severity": "CRITICAL"}]},
        {"Misconfigurations": [
            {"ID": "a", "Severity": "HIGH", "Status": "PASS"},
            {"ID": "b", "Severity": "LOW", "Status": "FAIL"}]}]}"#;
    let found = severities(&text.replace("DIGEST", DIGEST));
    assert_eq!(found, [Severity::Critical, Severity::Low]);
}

#[test]
fn a_result_of_sarif_has_the_best_severity_that_is_given() {
    let run = |rule: &str, result: &str| {
        let text = format!(
            r#"{{"runs": [{{"tool": {{"driver": {{"rules": [{{"id": "c", {rule}}}]}}}}, "results": [
                {{"ruleId": "c", {result} "locations": [{{"logicalLocations": [
                    {{"fullyQualifiedName": "acme/api@{DIGEST}:/lib/x"}}]}}]}}]}}]}}"#
        );
        severities(&text)
    };
    let scored = r#""properties": {"security-severity": "9.1", "tags": ["LOW"]}"#;
    let tagged = r#""properties": {"tags": ["vulnerability", "HIGH"]}"#;
    let level = r#""defaultConfiguration": {"level": "note"}"#;
    assert_eq!(run(scored, ""), [Severity::Critical]);
    assert_eq!(run(tagged, r#""level": "note","#), [Severity::High]);
    assert_eq!(run(level, ""), [Severity::Low]);
    assert_eq!(run(level, r#""level": "error","#), [Severity::High]);
    let accepted = r#""suppressions": [{"kind": "external", "status": "accepted"}],"#;
    assert_eq!(run(scored, accepted), []);
    let rejected = r#""suppressions": [{"kind": "external", "status": "rejected"}],"#;
    assert_eq!(run(scored, rejected), [Severity::Critical]);
    assert_eq!(run(scored, r#""kind": "pass","#), []);
}

#[test]
fn a_statement_says_what_was_scanned() {
    let report =
        r#"{\"matches\": [{\"vulnerability\": {\"severity\": \"High\"}}], \"descriptor\": {}}"#;
    let statement = format!(
        r#"{{"predicateType": "t", "subject": [{{"digest": {{"sha256": "{}"}}}}],
            "predicate": {{"Data": "{report}", "Timestamp": "2026-05-01T00:00:00Z"}}}}"#,
        &DIGEST["sha256:".len()..]
    );
    assert_eq!(severities(&statement), [Severity::High]);
    let scan = &read_one(&statement).scans[DIGEST][0];
    assert_eq!(scan.time.unwrap().to_string(), "2026-05-01T00:00:00Z");
}

#[test]
fn envelopes_in_envelopes_end() {
    let mut text = r#"{"runs": []}"#.to_string();
    for _ in 0..40 {
        let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &text);
        if payload.len() > 1 << 20 {
            break;
        }
        text = format!(r#"{{"payload": "{payload}"}}"#);
    }
    assert_eq!(read_one(&text).unused[0].reason, Reason::UnknownFormat);
}

#[test]
fn fuzz_evidence() {
    let trivy = format!(
        r#"{{"SchemaVersion": 2, "ArtifactName": "a", "CreatedAt": "2026-05-01T00:00:00Z",
            "Metadata": {{"RepoDigests": ["a@{DIGEST}"]}},
            "Results": [{{"Vulnerabilities": [{{"VulnerabilityID": "c", "Severity": "HIGH"}}]}}]}}"#
    );
    let grype = format!(
        r#"{{"matches": [], "source": {{"target": {{"manifestDigest": "{DIGEST}"}}}}, "descriptor": {{"timestamp": ""}}}}"#
    );
    let sarif = r#"{"runs": [{"tool": {"driver": {"name": "T", "rules": []}}, "results": []}]}"#;
    let words = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"matches\"",
        "\"runs\"",
        "\"descriptor\"",
        "{}",
        "[]",
        "\"predicate\"",
        "\"predicateType\"",
        "\"payload\"",
        "\"subject\"",
        "\"scanner\"",
        "\"result\"",
        "\"severity\"",
        "\"score\"",
        "sha256:",
        DIGEST,
        "1e999",
        "-1",
        "\"9.8\"",
        "null",
    ];
    crate::fuzz::run("evidence", &[&trivy, &grype, sarif], words, |text| {
        let evidence = read_one(text);
        let known = "sha256:".len() + 64;
        assert!(evidence.scans.keys().all(|digest| digest.len() == known));
        // a file is used, or said not to be
        assert!(!evidence.scans.is_empty() || evidence.unused.len() == 1);
    });
}
