//! The MCP server, as an assistant talks to it: every tool with its schemas, and every kind of wrong
//! message and argument. Nothing is ever written.

#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeMap;
use std::path::Path;

use program::Repo;
use program::talk::Server;
use serde_json::{Value, json};

const DIGESTS: [&str; 2] = [
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
];

/// An app of which staging runs version 2, and production version 1.
fn repo() -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"]);
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml]\n",
    );
    repo.write(
        "apps/api/base/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: api}}\n  template:\n    metadata: {labels: {app: api}}\n    spec:\n      containers:\n        - name: api\n          image: acme.example/api\n          resources: {requests: {memory: 64Mi}, limits: {memory: 64Mi}}\n",
    );
    overlay(&repo, "staging", 1);
    overlay(&repo, "production", 1);
    repo.commit_on(1, "Version 1");
    overlay(&repo, "staging", 2);
    repo.commit_on(2, "Version 2 in staging");
    repo
}

fn overlay(repo: &Repo, environment: &str, version: usize) {
    let text = format!(
        "resources: [../../base]\nimages:\n  - name: acme.example/api\n    newTag: v{version}\n    digest: {}\n",
        DIGESTS[version - 1]
    );
    repo.write(
        &format!("apps/api/overlays/{environment}/kustomization.yaml"),
        &text,
    );
}

/// An assistant that has listed the tools.
struct Assistant {
    server: Server,
    /// The schemas of arguments and results, by tool.
    schemas: BTreeMap<String, (Value, Value)>,
}

impl Assistant {
    fn new(folder: &Path) -> Assistant {
        let mut server = Server::start(folder, &["mcp"], false);
        let hello = json!({
            "protocolVersion": "2025-03-26", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        let result = server.ask("initialize", hello);
        assert_eq!(result["protocolVersion"], "2025-03-26");
        assert_eq!(result["serverInfo"]["name"], "gitops-lint");
        server.tell("notifications/initialized", json!({}));
        let list = server.ask("tools/list", json!({}));
        let tools = list["tools"].as_array().unwrap().iter();
        let schemas = tools.map(|tool| {
            assert_eq!(tool["annotations"]["readOnlyHint"], true);
            let name = tool["name"].as_str().unwrap().to_string();
            let schemas = (tool["inputSchema"].clone(), tool["outputSchema"].clone());
            (name, schemas)
        });
        Assistant {
            schemas: schemas.collect(),
            server,
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let parameters = json!({"name": tool, "arguments": arguments});
        self.server.ask("tools/call", parameters)
    }

    /// Calls a tool and checks arguments and result against its schemas.
    #[track_caller]
    fn result(&mut self, tool: &str, arguments: Value) -> Value {
        let (input, output) = self.schemas[tool].clone();
        assert_valid(&input, &arguments);
        let answer = self.call(tool, arguments);
        assert_eq!(answer["isError"], false, "{answer}");
        let result = answer["structuredContent"].clone();
        assert_valid(&output, &result);
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result);
        result
    }

    /// Calls a tool with something wrong.
    #[track_caller]
    fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments.clone());
        assert_eq!(answer["isError"], true, "{tool} {arguments}: {answer}");
        answer["content"][0]["text"].as_str().unwrap().to_string()
    }
}

#[track_caller]
fn assert_valid(schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}");
}

/// Every file with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).unwrap();
                found.insert(path.display().to_string(), content);
            }
        }
    }
    found
}

#[test]
fn every_tool_answers_as_its_schema_says() {
    let repo = repo();
    overlay(&repo, "production", 1);
    let before = files(repo.root());
    let mut assistant = Assistant::new(repo.root());
    let names: Vec<&String> = assistant.schemas.keys().collect();
    assert_eq!(names, ["check", "diff", "promote", "status", "why"]);

    let check = assistant.result("check", json!({"base": "HEAD"}));
    assert_eq!(check["findings"], json!([]));
    let check = assistant.result("check", json!({"min_severity": "info", "limit": 1, "paths": ["apps/api"], "environments": ["production"]}));
    assert!(check["findings"].as_array().unwrap().len() <= 1);

    let why = assistant.result(
        "why",
        json!({"resource": "Deployment/api", "value": "image"}),
    );
    let overlays = why["overlays"].as_array().unwrap();
    assert_eq!(overlays.len(), 2);
    let states = overlays[0]["values"][0]["states"].as_array().unwrap();
    assert!(states.len() > 1 && states[0]["origin"]["location"]["file"].is_string());

    let diff = assistant.result(
        "diff",
        json!({"from": "staging", "to": "production", "all": true}),
    );
    assert!(diff.to_string().contains(DIGESTS[1]));
    assistant.result(
        "diff",
        json!({"from": "HEAD~1", "environments": ["staging"]}),
    );

    let status = assistant.result("status", json!({"apps": ["api"]}));
    assert_eq!(
        status["apps"][0]["environments"].as_array().unwrap().len(),
        2
    );
    let past = assistant.result("status", json!({"at": "2026-01-01"}));
    assert!(!past.to_string().contains(DIGESTS[1]));

    let promote = assistant.result("promote", json!({"apps": ["api"], "to": "production"}));
    assert_eq!(promote["written"], false);
    assert!(promote.to_string().contains(DIGESTS[1]), "{promote}");
    let all = assistant.result("promote", json!({"to": "production"}));
    assert_eq!(all["promotions"], promote["promotions"]);

    assistant.server.end().expect(0);
    assert_eq!(files(repo.root()), before);
}

#[test]
fn an_edit_is_seen_by_the_next_call() {
    let repo = repo();
    let mut assistant = Assistant::new(repo.root());
    let ask = json!({"base": "HEAD"});
    assert_eq!(
        assistant.result("check", ask.clone())["findings"],
        json!([])
    );
    // a digest that staging never ran
    let text = format!(
        "resources: [../../base]\nimages:\n  - name: acme.example/api\n    digest: sha256:{}\n",
        "c".repeat(64)
    );
    repo.write("apps/api/overlays/production/kustomization.yaml", &text);
    let check = assistant.result("check", ask.clone());
    assert_eq!(check["findings"][0]["rule"], "digest-mismatch", "{check}");
    overlay(&repo, "production", 2);
    assert_eq!(assistant.result("check", ask)["findings"], json!([]));
    assistant.server.end().expect(0);
}

#[test]
fn wrong_arguments_are_explained() {
    let repo = repo();
    let outside = Repo::new();
    outside.write("secret.yaml", "a: 1\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.root(), repo.path("link")).unwrap();
    let before = files(repo.root());
    let mut assistant = Assistant::new(repo.root());
    for path in ["../", "/etc", "apps/../../..", "link", "link/secret.yaml"] {
        let reason = assistant.refused("check", json!({"paths": [path]}));
        assert!(
            reason.contains("outside of the repository"),
            "{path}: {reason}"
        );
    }
    for (tool, arguments, part) in [
        ("check", json!({"paths": ["nowhere"]}), "does not exist"),
        ("check", json!({"paths": [1]}), "`paths` is a list"),
        ("check", json!({"path": "apps"}), "did you mean `paths`"),
        ("check", json!({"apps": ["apj"]}), "did you mean `api`"),
        (
            "check",
            json!({"environments": ["prodution"]}),
            "did you mean `production`",
        ),
        (
            "check",
            json!({"rules": ["mutable-tags"]}),
            "did you mean `mutable-tag`",
        ),
        (
            "check",
            json!({"base": "--output-file=x"}),
            "--output-file=x",
        ),
        ("check", json!({"base": "no-such-branch"}), "no-such-branch"),
        ("check", json!({"min_severity": "high"}), "high"),
        ("check", json!({"limit": 0}), "`limit`"),
        ("check", json!({"all": "yes"}), "`all` is true or false"),
        ("check", json!([]), "JSON object"),
        (
            "check",
            json!({"apps": ["x".repeat(5000)]}),
            "`apps` is a list",
        ),
        ("why", json!({}), "`resource` is missing"),
        ("why", json!({"resource": "Deployment/apj"}), "did you mean"),
        (
            "why",
            json!({"resource": "--config=/etc/passwd"}),
            "unknown object",
        ),
        (
            "why",
            json!({"resource": "Deployment/api", "value": "no.such"}),
            "no value",
        ),
        ("diff", json!({"from": "staging"}), "staging"),
        ("diff", json!({"from": 1}), "`from` is a text"),
        ("status", json!({"apps": ["nope"]}), "nope"),
        ("status", json!({"at": "\u{0}"}), "`at` is a text"),
        ("promote", json!({"apps": ["api"]}), "`to` is missing"),
        ("promote", json!({"apps": ["api"], "to": "moon"}), "moon"),
        (
            "promote",
            json!({"apps": ["api"], "to": "production", "commit": true}),
            "commit",
        ),
    ] {
        let reason = assistant.refused(tool, arguments.clone());
        assert!(reason.contains(part), "{tool} {arguments}: {reason}");
        assert!(
            !reason.contains("Usage:") && !reason.starts_with("error"),
            "{reason}"
        );
    }
    assistant.result("status", json!({}));
    assistant.server.end().expect(0);
    assert_eq!(files(repo.root()), before);
}

#[test]
fn wrong_messages_are_answered_and_the_server_goes_on() {
    let repo = repo();
    let mut assistant = Assistant::new(repo.root());
    for text in [
        "{",
        "[]",
        "null",
        "{\"jsonrpc\": \"2.0\", \"id\": null, \"method\": \"ping\"}",
        "\u{0}",
    ] {
        assistant.server.send_text(text);
        let answer = assistant
            .server
            .wait(|message| message.get("error").is_some());
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
    for (method, parameters) in [
        ("tools/call", json!({"name": "rm"})),
        ("tools/call", json!(1)),
        ("resources/list", json!({})),
    ] {
        let answer = assistant.server.ask_raw(method, parameters);
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
    assert_eq!(assistant.server.ask("ping", json!({})), json!({}));
    assistant
        .server
        .raw("{\"jsonrpc\": \"2.0\", \"id\": 9, \"meth");
    let run = assistant.server.end().expect(2);
    assert!(
        run.err.contains("in the middle of a message"),
        "{}",
        run.err
    );
}

#[test]
fn the_folder_has_to_exist_but_not_to_be_a_config_repo() {
    let folder = Repo::new();
    let run = Server::start(folder.root(), &["mcp", "nowhere"], false).end();
    assert_eq!(run.status, 2);
    let mut assistant = Assistant::new(folder.root());
    let reason = assistant.refused("check", json!({}));
    assert!(reason.starts_with("nothing was checked"), "{reason}");
    folder.write(".gitops-lint.yaml", "ruels: {}\n");
    let reason = assistant.refused("status", json!({}));
    assert!(reason.contains("1 mistake"), "{reason}");
    let place = ".gitops-lint.yaml:1:1: unknown key `ruels`";
    assert!(reason.contains(place), "{reason}");
    assistant.server.end().expect(0);
}
