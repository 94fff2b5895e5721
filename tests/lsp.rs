//! The language server, as an editor talks to it: findings on unsaved text, hover, definition, code
//! actions, and every kind of wrong message.

#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeSet;
use std::path::Path;

use program::Repo;
use program::talk::Server;
use serde_json::{Value, json};

/// An editor with the demo repo.
struct Editor {
    repo: Repo,
    server: Server,
    version: i64,
}

const PRODUCTION: &str = "apps/checkout/overlays/production/kustomization.yaml";
const BASE: &str = "apps/checkout/base/deployment.yaml";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Editor {
    fn new() -> Editor {
        let repo = Repo::new();
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/repos/shop");
        copy(&shop, repo.root());
        Editor::of(repo)
    }

    fn of(repo: Repo) -> Editor {
        let mut server = Server::start(repo.root(), &["lsp", "--stdio"], true);
        let folder = format!("file://{}", repo.root().display());
        let parameters = json!({
            "processId": null, "rootUri": folder,
            "capabilities": {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}},
        });
        let result = server.ask("initialize", parameters);
        assert_eq!(result["capabilities"]["textDocumentSync"]["change"], 1);
        server.tell("initialized", json!({}));
        Editor {
            repo,
            server,
            version: 0,
        }
    }

    fn uri(&self, path: &str) -> String {
        format!("file://{}", self.repo.path(path).display())
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.repo.path(path)).unwrap()
    }

    fn open(&mut self, path: &str) -> Vec<Value> {
        let text = self.text(path);
        self.open_with(path, &text)
    }

    fn open_with(&mut self, path: &str, text: &str) -> Vec<Value> {
        self.version += 1;
        let document = json!({"uri": self.uri(path), "languageId": "yaml", "version": self.version, "text": text});
        self.server
            .tell("textDocument/didOpen", json!({"textDocument": document}));
        self.published(path)
    }

    fn change(&mut self, path: &str, text: &str) {
        self.version += 1;
        let parameters = json!({
            "textDocument": {"uri": self.uri(path), "version": self.version},
            "contentChanges": [{"text": text}],
        });
        self.server.tell("textDocument/didChange", parameters);
    }

    /// Replaces the text and waits for its findings.
    fn edit(&mut self, path: &str, text: &str) -> Vec<Value> {
        self.change(path, text);
        self.published(path)
    }

    /// The findings of the newest version of an open document.
    fn published(&mut self, path: &str) -> Vec<Value> {
        let (uri, version) = (self.uri(path), self.version);
        let message = self.server.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"] == version
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Asks about the place of a text in a document, `by` characters behind its start.
    fn at(&mut self, method: &str, path: &str, text: &str, by: usize) -> Value {
        let whole = self.text(path);
        let before = &whole[..whole.find(text).unwrap() + by];
        let line = before.matches('\n').count();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let character = before[start..].encode_utf16().count();
        let parameters = json!({
            "textDocument": {"uri": self.uri(path)},
            "position": {"line": line, "character": character},
        });
        self.server.ask(method, parameters)
    }

    fn close(mut self) {
        self.server.ask("shutdown", Value::Null);
        self.server.tell("exit", Value::Null);
        self.server.ended().expect(0);
    }
}

fn rules(diagnostics: &[Value]) -> BTreeSet<String> {
    let codes = diagnostics.iter().map(|one| one["code"].as_str().unwrap());
    codes.map(str::to_string).collect()
}

#[test]
fn findings_follow_the_unsaved_text() {
    let mut editor = Editor::new();
    assert_eq!(rules(&editor.open(PRODUCTION)), BTreeSet::new());
    let text = editor.text(PRODUCTION);
    let digest = text.find("    digest: ").unwrap();
    let end = digest + text[digest..].find('\n').unwrap() + 1;
    let unpinned = format!("{}{}", &text[..digest], &text[end..]);
    let found = editor.edit(PRODUCTION, &unpinned);
    assert!(
        rules(&found).contains("lost-digest") || rules(&found).contains("mutable-tag"),
        "{found:?}"
    );
    assert_eq!(found[0]["source"], "gitops-lint");
    assert_eq!(rules(&editor.edit(PRODUCTION, &text)), BTreeSet::new());
    editor.close();
}

/// The quick check of an edit ends with what a check of the saved files finds.
#[test]
fn an_edit_is_judged_as_a_whole_check_judges_it() {
    let edits: [(&str, &str, &str); 6] = [
        (BASE, "limits:", "xLimits:"),
        (BASE, "readinessProbe:", "xReadinessProbe:"),
        (PRODUCTION, "newTag: \"1.30.4\"", "newTag: \"1.30.5\""),
        (PRODUCTION, "  - external-secret.yaml\n", ""),
        (
            PRODUCTION,
            "registry.acme.example/shop/checkout",
            "registry.acme.example/shop/chekout",
        ),
        (PRODUCTION, "kind: Kustomization", "kind: [Kustomization"),
    ];
    for (path, from, to) in edits {
        let mut editor = Editor::new();
        editor.open(path);
        let text = editor.text(path);
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, to, 1);
        let quick = editor.edit(path, &edited);
        // the check of everything follows
        let mut found = places(&editor.published(path));
        assert_eq!(
            rules(&quick),
            found
                .iter()
                .map(|place| place.split(' ').next().unwrap().to_string())
                .collect()
        );
        editor.repo.write(path, &edited);
        let run = editor
            .repo
            .run(&["check", "--format", "json", "--fail-on", "never"]);
        let mut wanted: Vec<String> = run
            .findings()
            .into_iter()
            .filter(|place| place.contains(&format!(" {path}:")))
            .map(|place| place.replace(&format!(" {path}:"), " "))
            .collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{path}: {from} -> {to}");
        editor.close();
    }
}

/// `rule line` of each diagnostic.
fn places(diagnostics: &[Value]) -> Vec<String> {
    let line = |one: &Value| one["range"]["start"]["line"].as_u64().unwrap() + 1;
    let place = |one: &Value| format!("{} {}", one["code"].as_str().unwrap(), line(one));
    diagnostics.iter().map(place).collect()
}

#[test]
fn an_edit_may_cause_findings_in_other_files() {
    let mut editor = Editor::new();
    editor.open(BASE);
    let text = editor.text(BASE);
    let config = editor.uri(PRODUCTION);
    // the overlays give an image to a container that has another one now
    let edited = text.replace(
        "registry.acme.example/shop/checkout",
        "registry.acme.example/shop/basket",
    );
    assert_ne!(edited, text);
    editor.change(BASE, &edited);
    let is_other = |message: &Value| {
        message["params"]["uri"] == config
            && !message["params"]["diagnostics"]
                .as_array()
                .unwrap()
                .is_empty()
    };
    editor.server.wait(|message| {
        message["method"] == "textDocument/publishDiagnostics" && is_other(message)
    });
    // and they go with the edit
    editor.change(BASE, &text);
    let is_gone = |message: &Value| {
        message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["uri"] == config
            && message["params"]["diagnostics"] == json!([])
    };
    editor.server.wait(is_gone);
    editor.close();
}

#[test]
fn hover_tells_the_value_in_each_environment() {
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    editor.open(BASE);
    let hover = editor.at("textDocument/hover", PRODUCTION, "newTag: \"1.30.4\"", 10);
    let text = hover["contents"]["value"].as_str().unwrap();
    for part in [
        "Deployment/checkout",
        "image",
        "| production |",
        "| staging |",
        BASE,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // on the key too
    let hover = editor.at("textDocument/hover", BASE, "memory: ", 1);
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(
        text.contains("resources") && text.contains("| dev |"),
        "{text}"
    );
    // nothing is rendered from a comment
    let nothing = editor.at("textDocument/hover", PRODUCTION, "# Never fewer", 3);
    assert_eq!(nothing, Value::Null);
    editor.close();
}

#[test]
fn values_of_secrets_are_not_shown() {
    let repo = Repo::new();
    for environment in ["staging", "production"] {
        let folder = format!("apps/a/overlays/{environment}");
        repo.write(
            &format!("{folder}/kustomization.yaml"),
            "resources: [secret.yaml]\n",
        );
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  password: hunter-{environment}\n"
        );
        repo.write(&format!("{folder}/secret.yaml"), &secret);
    }
    let mut editor = Editor::of(repo);
    let path = "apps/a/overlays/production/secret.yaml";
    let found = editor.open(path);
    assert!(rules(&found).contains("plaintext-secret"), "{found:?}");
    let hover = editor.at("textDocument/hover", path, "hunter", 2);
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("| staging |"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    assert!(!json!(found).to_string().contains("hunter"), "{found:?}");
    editor.close();
}

#[test]
fn definitions_lead_to_files_bases_and_patched_objects() {
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    let places = |answer: Value| -> Vec<String> {
        let uris = answer.as_array().unwrap().clone();
        let uris = uris
            .iter()
            .map(|place| place["uri"].as_str().unwrap().to_string());
        uris.collect()
    };
    let method = "textDocument/definition";
    let base = editor.at(method, PRODUCTION, "- ../../base", 5);
    assert_eq!(
        places(base),
        [editor.uri("apps/checkout/base/kustomization.yaml")]
    );
    let file = editor.at(method, PRODUCTION, "- external-secret.yaml", 5);
    let secret = "apps/checkout/overlays/production/external-secret.yaml";
    assert_eq!(places(file), [editor.uri(secret)]);
    let image = editor.at(method, PRODUCTION, "newTag: ", 10);
    assert_eq!(places(image), [editor.uri(BASE)]);
    let replicas = editor.at(method, PRODUCTION, "value: 16", 8);
    assert_eq!(
        places(replicas),
        [editor.uri("apps/checkout/base/hpa.yaml")]
    );
    let role = "apps/checkout/overlays/production/role.yaml";
    editor.open(role);
    let account = "apps/checkout/base/serviceaccount.yaml";
    let annotation = editor.at(method, role, "arn:aws", 3);
    assert_eq!(places(annotation), [editor.uri(account)]);
    let name = editor.at(method, role, "name: checkout", 8);
    assert_eq!(places(name), [editor.uri(account)]);
    editor.close();
}

#[test]
fn code_actions_fix_and_suppress() {
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    let text = editor.text(PRODUCTION);
    let edited = text.replacen(
        "images:\n",
        "images:\n  - name: registry.acme.example/shop/basket\n    newTag: \"1\"\n",
        1,
    );
    let found = editor.edit(PRODUCTION, &edited);
    let finding = found
        .iter()
        .find(|one| one["code"] == "unused-image-override")
        .unwrap();
    let parameters = json!({
        "textDocument": {"uri": editor.uri(PRODUCTION)}, "range": finding["range"],
        "context": {"diagnostics": [finding]},
    });
    let actions = editor.server.ask("textDocument/codeAction", parameters);
    let titles: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].as_str().unwrap())
        .collect();
    assert!(titles.contains(&"Remove the entry"), "{titles:?}");
    let suppress = actions
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["title"].as_str().unwrap().starts_with("Suppress"))
        .unwrap();
    let edit = &suppress["edit"]["changes"][editor.uri(PRODUCTION)][0];
    assert!(
        edit["newText"]
            .as_str()
            .unwrap()
            .contains("# gitops-lint: ignore[unused-image-override] ")
    );
    // with a reason, the finding is gone
    let line = edit["range"]["start"]["line"].as_u64().unwrap() as usize;
    let comment = edit["newText"].as_str().unwrap().trim_end();
    let mut lines: Vec<String> = edited.lines().map(str::to_string).collect();
    lines.insert(line, format!("{comment} for a demonstration"));
    let found = editor.edit(PRODUCTION, &(lines.join("\n") + "\n"));
    assert!(
        !rules(&found).contains("unused-image-override"),
        "{found:?}"
    );
    editor.close();
}

#[test]
fn mistakes_in_the_configuration_are_shown_in_it() {
    let mut editor = Editor::new();
    let found = editor.open_with(".gitops-lint.yaml", "version: 1\nruels: {}\n");
    assert_eq!(rules(&found), BTreeSet::from(["configuration".to_string()]));
    // the configuration counts as soon as it is right
    editor.open(PRODUCTION);
    let text =
        editor
            .text(PRODUCTION)
            .replacen("images:\n", "images:\n  - name: x/y\n    newTag: a\n", 1);
    assert!(rules(&editor.edit(PRODUCTION, &text)).contains("unused-image-override"));
    editor.version += 1;
    let version = editor.version;
    let off = "version: 1\nrules: {unused-image-override: off}\n";
    let parameters = json!({"textDocument": {"uri": editor.uri(".gitops-lint.yaml"), "version": version}, "contentChanges": [{"text": off}]});
    editor.server.tell("textDocument/didChange", parameters);
    assert_eq!(editor.published(".gitops-lint.yaml"), Vec::<Value>::new());
    assert!(!rules(&editor.edit(PRODUCTION, &(text + "\n"))).contains("unused-image-override"));
    editor.close();
}

#[test]
fn positions_count_utf16() {
    let repo = Repo::new();
    repo.write(
        "apps/a/overlays/production/kustomization.yaml",
        "# 🦀\nresources: [map.yaml]\nimages:\n- {name: \"🦀🦀\", newTag: x}\n",
    );
    repo.write(
        "apps/a/overlays/production/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {\"🦀\": \"1\", b: \"🦀\"}\n",
    );
    repo.write(
        "apps/a/overlays/staging/kustomization.yaml",
        "resources: [../production/map.yaml]\n",
    );
    let mut editor = Editor::of(repo);
    let path = "apps/a/overlays/production/kustomization.yaml";
    let found = editor.open(path);
    let image = found
        .iter()
        .find(|one| one["code"] == "unused-image-override")
        .unwrap();
    assert_eq!(image["range"]["end"]["line"], 3);
    let end = image["range"]["end"]["character"].as_u64().unwrap();
    assert!(end == 14 || end == 15 || end == 26 || end == 27, "{image}");
    let map = "apps/a/overlays/production/map.yaml";
    editor.open(map);
    let hover = editor.at("textDocument/hover", map, "b: \"🦀\"", 0);
    assert!(
        hover["contents"]["value"]
            .as_str()
            .unwrap()
            .contains("data.b"),
        "{hover}"
    );
    editor.close();
}

#[test]
fn superseded_checks_are_dropped_and_cancelled_requests_answered() {
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    let text = editor.text(PRODUCTION);
    for number in 0..50 {
        editor.change(PRODUCTION, &format!("{text}# {number}\n"));
    }
    assert_eq!(editor.published(PRODUCTION), Vec::<Value>::new());
    // both arrive while the server is busy
    editor.change(PRODUCTION, &text);
    let hover = json!({"textDocument": {"uri": editor.uri(PRODUCTION)}, "position": {"line": 0, "character": 0}});
    let id = editor.server.request("textDocument/hover", hover);
    editor.server.tell("$/cancelRequest", json!({"id": id}));
    let answer = editor.server.wait(|message| message["id"] == id);
    let code = &answer["error"]["code"];
    assert!(code.is_null() || *code == -32800, "{answer}");
    editor.close();
}

#[test]
fn files_that_change_on_disk_are_read_again() {
    let mut editor = Editor::new();
    editor.open(BASE);
    let text =
        editor
            .text(PRODUCTION)
            .replacen("images:\n", "images:\n  - name: x/y\n    newTag: a\n", 1);
    editor.repo.write(PRODUCTION, &text);
    let uri = editor.uri(PRODUCTION);
    editor.server.tell(
        "workspace/didChangeWatchedFiles",
        json!({"changes": [{"uri": uri, "type": 2}]}),
    );
    let is_there = |message: &Value| {
        message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["uri"] == uri
            && message["params"]["diagnostics"]
                .to_string()
                .contains("unused-image-override")
    };
    editor.server.wait(is_there);
    std::fs::remove_file(
        editor
            .repo
            .path("apps/checkout/overlays/production/role.yaml"),
    )
    .unwrap();
    let role = editor.uri("apps/checkout/overlays/production/role.yaml");
    editor.server.tell(
        "workspace/didChangeWatchedFiles",
        json!({"changes": [{"uri": role, "type": 3}]}),
    );
    let is_missing = |message: &Value| {
        message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["diagnostics"]
                .to_string()
                .contains("role.yaml")
    };
    editor.server.wait(is_missing);
    editor.close();
}

#[test]
fn wrong_messages_are_answered_and_the_server_goes_on() {
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    for text in ["{", "[]", "{\"jsonrpc\": \"2.0\", \"id\": 1}", "\u{0}\u{1}"] {
        editor.server.send_text(text);
        let answer = editor.server.wait(|message| message.get("error").is_some());
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let uri = editor.uri(PRODUCTION);
    let cases = [
        ("textDocument/hover", json!({})),
        ("textDocument/hover", json!({"textDocument": {"uri": uri}})),
        (
            "textDocument/hover",
            json!({"textDocument": {"uri": uri}, "position": {"line": -1, "character": 0}}),
        ),
        (
            "textDocument/hover",
            json!({"textDocument": {"uri": "file:///etc/passwd"}, "position": {"line": 0, "character": 0}}),
        ),
        (
            "textDocument/definition",
            json!({"textDocument": {"uri": "untitled:1"}, "position": {"line": 0, "character": 0}}),
        ),
        (
            "textDocument/codeAction",
            json!({"textDocument": {"uri": uri}, "range": 1}),
        ),
        ("initialize", json!({})),
        ("no/such/method", json!([])),
    ];
    for (method, parameters) in cases {
        let answer = editor.server.ask_raw(method, parameters.clone());
        assert!(
            answer["error"]["code"].is_i64(),
            "{method} {parameters}: {answer}"
        );
    }
    // beyond the end of the document
    let far =
        json!({"textDocument": {"uri": uri}, "position": {"line": 99999, "character": 99999}});
    editor.server.ask("textDocument/hover", far.clone());
    editor.server.ask("textDocument/definition", far);
    for (method, parameters) in [
        ("textDocument/didChange", json!({})),
        (
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": 9}, "contentChanges": [{"range": {}, "text": "x"}]}),
        ),
        ("textDocument/didOpen", json!({"textDocument": 1})),
        (
            "textDocument/didOpen",
            json!({"textDocument": {"uri": "file:///etc/passwd", "text": "x"}}),
        ),
        ("textDocument/didClose", json!(null)),
        ("$/whatever", json!(null)),
        (
            "workspace/didChangeWatchedFiles",
            json!({"changes": [{"uri": "file:///etc/passwd", "type": 2}, 1, null]}),
        ),
    ] {
        editor.server.tell(method, parameters);
    }
    let found = editor.edit(PRODUCTION, "\u{fffd}: [no YAML\n\t- {");
    assert!(rules(&found).contains("render-error"), "{found:?}");
    editor.close();
}

#[test]
fn a_client_that_dies_ends_the_server() {
    // in the middle of a message
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    editor.server.raw("Content-Length: 400\r\n\r\n{\"jsonrpc\"");
    let run = editor.server.end().expect(2);
    assert!(
        run.err.contains("in the middle of a message"),
        "{}",
        run.err
    );
    // between two messages
    let mut editor = Editor::new();
    editor.open(PRODUCTION);
    editor.server.end().expect(0);
    // without a farewell
    let mut editor = Editor::new();
    editor.server.tell("exit", Value::Null);
    editor.server.ended().expect(1);
    // something else speaks
    for text in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "Content-Length: 99999999999999999\r\n\r\n{}",
        "Content-Length: 18446744073709551616\r\n\r\n",
        "\u{0}\u{1}\u{2}",
    ] {
        let mut server = Server::start(Path::new("/"), &["lsp"], true);
        server.raw(text);
        let run = server.end().expect(2);
        assert!(run.err.starts_with("error: "), "{}", run.err);
    }
}

#[test]
fn a_folder_without_anything_is_no_reason_to_fail() {
    let mut editor = Editor::of(Repo::new());
    assert_eq!(editor.open_with("a.yaml", "x: 1\n"), Vec::<Value>::new());
    editor.close();
    let repo = Repo::new();
    repo.write(".gitops-lint.yaml", "version: 2\n");
    let mut editor = Editor::of(repo);
    let shown = editor
        .server
        .wait(|message| message["method"] == "textDocument/publishDiagnostics");
    assert!(shown.to_string().contains("unsupported version"), "{shown}");
    let message = editor
        .server
        .wait(|message| message["method"] == "window/showMessage");
    assert!(
        message["params"]["message"]
            .as_str()
            .unwrap()
            .contains("1 mistake"),
        "{message}"
    );
    // once it is right, the repo is checked
    let uri = editor.uri(".gitops-lint.yaml");
    editor.repo.write(".gitops-lint.yaml", "version: 1\n");
    let saved = json!({"textDocument": {"uri": uri}});
    editor.server.tell("textDocument/didSave", saved);
    let shown = editor
        .server
        .wait(|message| message["method"] == "textDocument/publishDiagnostics");
    assert_eq!(shown["params"]["diagnostics"], json!([]), "{shown}");
    editor.close();
}
