//! Gatekeeper's test suites, as `gator verify` runs them.

use regex::Regex;
use serde_json::Value as Json;

use super::cluster::Cluster;
use super::document::Document;
use super::request::{Object, Request};
use crate::finding::Location;
use crate::kustomize::ResourceId;
use crate::policy::testing::{TestOutcome, TestResult};
use crate::source::Files;
use crate::yaml::read::read;
use crate::yaml::{FileId, Node, Origin, write};

/// Reads a file beside the suite.
pub type ReadBeside<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Runs a file if it is a suite. None if it is not.
pub fn run_suite(
    path: &str,
    text: &str,
    read_beside: ReadBeside<'_>,
    now: i128,
) -> Option<Vec<TestResult>> {
    if !text.contains("test.gatekeeper.sh") {
        return None;
    }
    let suite = documents(text).ok()?.into_iter().next()?;
    let of = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_string);
    if of(&suite, "kind")? != "Suite" {
        return None;
    }
    let files = Files::default();
    let file = files.add(path, None, text.into());
    let line = |node: &Node| {
        let origin = Origin {
            file,
            ..node.origin
        };
        Location::resolve(&files, origin).line
    };
    let mut results = Vec::new();
    for test in items(&suite, "tests") {
        let policies = load(test, read_beside);
        for case in items(test, "cases") {
            let name = [of(test, "name"), of(case, "name")];
            let name = name
                .into_iter()
                .flatten()
                .collect::<Vec<String>>()
                .join("/");
            let is_skipped = [&suite, test, case]
                .iter()
                .any(|node| node.get("skip").and_then(Node::as_bool) == Some(true));
            let outcome = match &policies {
                _ if is_skipped => TestOutcome::Skipped,
                Err(reason) => TestOutcome::Broken(reason.clone()),
                Ok(policies) => {
                    let run = run_case(policies, case, read_beside, now);
                    run.unwrap_or_else(TestOutcome::Broken)
                }
            };
            results.push(TestResult {
                path: path.to_string(),
                line: line(case),
                name,
                outcome,
                prints: Vec::new(),
            });
        }
    }
    Some(results)
}

fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).map_or(&[], Node::items)
}

pub(super) fn documents(text: &str) -> Result<Vec<Node>, String> {
    let read = read(text, FileId(0)).map_err(|error| error.message)?;
    let filled = read.documents.into_iter();
    Ok(filled.filter(|node| !node.is_null()).collect())
}

/// The template and the constraint of a test.
fn load(test: &Node, read_beside: ReadBeside<'_>) -> Result<Vec<Document>, String> {
    let mut found = Vec::new();
    for key in ["template", "constraint"] {
        let file = test.get(key).and_then(Node::text);
        let file = file.ok_or_else(|| format!("the test names no {key}"))?;
        let nodes = documents(&read_beside(file)?)?;
        found.extend(nodes.iter().filter_map(Document::of));
    }
    Ok(found)
}

fn run_case(
    policies: &[Document],
    case: &Node,
    read_beside: ReadBeside<'_>,
    now: i128,
) -> Result<TestOutcome, String> {
    let mut objects = Vec::new();
    for file in items(case, "inventory").iter().filter_map(Node::text) {
        objects.extend(documents(&read_beside(file)?)?.iter().map(object));
    }
    let policies: Vec<&Document> = policies.iter().collect();
    let cluster = Cluster::new(&policies, now, objects);
    if let Some(gap) = cluster.gaps.first() {
        return Err(gap.message.clone());
    }
    let file = case.get("object").and_then(Node::text);
    let file = file.ok_or_else(|| "the case names no object".to_string())?;
    let node = documents(&read_beside(file)?)?.into_iter().next();
    let json = node.map_or(Json::Null, |node| write::to_json(&node));
    let review = json
        .get("request")
        .filter(|_| json["kind"] == "AdmissionReview");
    let part = |key: &str| {
        review
            .and_then(|review| review.get(key))
            .unwrap_or(&Json::Null)
    };
    let subject = if review.is_some() {
        part("object")
    } else {
        &json
    };
    let old = Some(part("oldObject")).filter(|old| !old.is_null());
    let whole = if subject.is_null() {
        old.unwrap_or(subject)
    } else {
        subject
    };
    let namespace = namespace(whole);
    let (refusals, gaps) = cluster.judge(Request {
        object: subject,
        old,
        operation: part("operation").as_str().unwrap_or_default(),
        namespace: namespace.as_deref(),
        namespace_object: namespace
            .as_deref()
            .and_then(|name| cluster.namespace(name)),
        is_cluster_scoped: namespace.is_none(),
        stated: review,
        values: None,
    });
    if let Some(gap) = gaps.first() {
        return Err(gap.message.clone());
    }
    let messages: Vec<&str> = refusals.iter().map(|refusal| &*refusal.message).collect();
    Ok(judged(case, &messages))
}

/// Compares the violations with the assertions of a case.
fn judged(case: &Node, messages: &[&str]) -> TestOutcome {
    let mut wrong = Vec::new();
    for assertion in items(case, "assertions") {
        let pattern = assertion.get("message").and_then(Node::text);
        let pattern = pattern.and_then(|pattern| Regex::new(pattern).ok());
        let matching = messages.iter().filter(|message| {
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(message))
        });
        let count = matching.count();
        let violations = assertion.get("violations");
        let wanted = violations.and_then(Node::text).unwrap_or("yes");
        let holds = match wanted {
            "yes" | "true" => count > 0,
            "no" | "false" => count == 0,
            number => number.parse() == Ok(count),
        };
        if !holds {
            wrong.push(format!("expected violations: {wanted}, found {count}"));
        }
    }
    if wrong.is_empty() {
        TestOutcome::Passed
    } else {
        TestOutcome::Failed(wrong)
    }
}

fn object(node: &Node) -> Object {
    let json = write::to_json(node);
    Object {
        namespace: namespace(&json),
        json,
    }
}

/// True if the kind of an object is known to be cluster-scoped.
pub(super) fn is_cluster_scoped(json: &Json) -> bool {
    let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str);
    let id = ResourceId {
        api_version: text("/apiVersion").unwrap_or_default().to_string(),
        kind: text("/kind").unwrap_or_default().to_string(),
        namespace: None,
        name: String::new(),
    };
    id.is_cluster_scoped()
}

/// The namespace that an object states.
fn namespace(json: &Json) -> Option<String> {
    let stated = json.pointer("/metadata/namespace").and_then(Json::as_str);
    let stated = stated.filter(|name| !name.is_empty() && !is_cluster_scoped(json));
    stated.map(str::to_string)
}
