//! The tools: their names, when to use them, and the JSON Schemas of arguments and results.

use serde_json::{Value, json};

use crate::server::mcp::Tool;

/// All tools.
pub(super) fn all() -> Vec<Tool> {
    vec![check(), why(), diff(), status(), promote()]
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn texts(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

/// The schema of arguments. All tools can limit their lists.
fn input(required: &[&str], mut properties: Value) -> Value {
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(
            "limit".to_string(),
            json!({
                "type": "integer", "minimum": 1, "maximum": 1000, "default": 50,
                "description": "The most entries of each list in the result; `omitted` counts the others",
            }),
        );
    }
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

/// The schema of a result. Later versions may add fields.
fn output(mut properties: Value) -> Value {
    let mut required: Vec<String> = Vec::new();
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("version".to_string(), json!({"const": 1}));
        properties.insert(
            "omitted".to_string(),
            json!({
                "type": "object", "additionalProperties": {"type": "integer"},
                "description": "How many entries of a list are left out",
            }),
        );
        required.extend(properties.keys().cloned());
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn location() -> Value {
    json!({
        "type": "object",
        "properties": {
            "file": {"type": "string"}, "line": {"type": "integer"}, "column": {"type": "integer"},
            "end_line": {"type": "integer"}, "end_column": {"type": "integer"},
            "byte_start": {"type": "integer"}, "byte_end": {"type": "integer"},
            "revision": {"type": "string"},
        },
        "required": ["file", "line", "column"],
    })
}

fn optional_text() -> Value {
    json!({"type": ["string", "null"]})
}

const APPS: &str = "Only these apps";
const ENVIRONMENTS: &str = "Only these environments, such as production";

fn check() -> Tool {
    let finding = json!({
        "type": "object",
        "properties": {
            "rule": {"type": "string"}, "severity": {"enum": ["error", "warning", "info"]},
            "message": {"type": "string"}, "help": optional_text(), "app": optional_text(),
            "environment": optional_text(), "overlay": optional_text(),
            "location": location(), "fingerprint": {"type": "string"}, "url": {"type": "string"},
            "fix": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "edits": {"type": "array"}},
                "required": ["title", "edits"],
            },
        },
        "required": ["rule", "severity", "message", "location", "fingerprint"],
    });
    let counts = [
        "overlays",
        "apps",
        "files",
        "errors",
        "warnings",
        "infos",
        "suppressed",
    ];
    let count = |name: &&str| ((*name).to_string(), json!({"type": "integer"}));
    let summary: serde_json::Map<String, Value> = counts.iter().map(count).collect();
    Tool {
        name: "check",
        title: "Check the repository",
        description: "Render every environment and report what is wrong, each finding at the line to edit. With `base`, report only what the working tree changes against that revision: use it after your edits and before you open a pull request.",
        input: input(
            &[],
            json!({
                "paths": texts("Folders or files of the repository to check; all of it by default"),
                "base": text("Report only what changed since this revision, such as origin/main"),
                "all": flag("With `base`: also report findings that exist there already"),
                "apps": texts(APPS), "environments": texts(ENVIRONMENTS),
                "rules": texts("Only these rules or categories, such as mutable-tag or images"),
                "min_severity": {
                    "enum": ["info", "warning", "error"], "default": "warning",
                    "description": "Lowest severity that is reported",
                },
            }),
        ),
        output: output(json!({
            "tool": {"type": "object"},
            "summary": {"type": "object", "properties": summary, "required": counts},
            "unseen": {"type": "array", "description": "Parts that were not checked"},
            "findings": {"type": "array", "items": finding},
        })),
    }
}

fn why() -> Tool {
    let overlay = json!({
        "type": "object",
        "properties": {
            "app": {"type": "string"}, "environment": optional_text(),
            "overlay": {"type": "string"}, "resource": {"type": "object"}, "location": location(),
            "values": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "path": {"type": "string"}, "present": {"type": "boolean"},
                        "states": {"type": "array", "description": "Oldest first, each with the line that wrote it"},
                    },
                    "required": ["path", "present", "states"],
                },
            },
        },
        "required": ["app", "overlay", "resource", "values"],
    });
    Tool {
        name: "why",
        title: "Explain a value",
        description: "Show which line writes a rendered value, what it replaced, and its value in each environment. Use it to find the file to edit.",
        input: input(
            &["resource"],
            json!({
                "resource": text("Object to explain: Deployment/api, or its name alone"),
                "value": text("Value in the object: spec.replicas, containers[api].image; the last part of a path is enough"),
                "apps": texts(APPS), "environments": texts(ENVIRONMENTS),
                "overlays": texts("Only the overlays in these folders"),
            }),
        ),
        output: output(json!({"overlays": {"type": "array", "items": overlay}})),
    }
}

fn diff() -> Tool {
    let overlay = json!({
        "type": "object",
        "properties": {
            "app": {"type": "string"}, "from": optional_text(), "to": optional_text(),
            "resources": {"type": "array"},
        },
        "required": ["app", "from", "to", "resources"],
    });
    Tool {
        name: "diff",
        title: "Compare what is rendered",
        description: "Compare the rendered objects of two environments (from: staging, to: production), of two revisions (from: v1..v2), or of a revision and the working tree (from: origin/main).",
        input: input(
            &["from"],
            json!({
                "from": text("Environment, overlay or revision; two revisions are written REV1..REV2"),
                "to": text("Environment or overlay; without it, the working tree is compared with the revision"),
                "apps": texts(APPS), "environments": texts("Only these environments; for revisions"),
                "all": flag("Also show differences that are expected, such as replicas and hosts"),
            }),
        ),
        output: output(json!({
            "from": {"type": "string"}, "to": {"type": "string"},
            "overlays": {"type": "array", "items": overlay},
        })),
    }
}

fn status() -> Tool {
    let app = json!({
        "type": "object",
        "properties": {
            "app": {"type": "string"},
            "environments": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "environment": optional_text(), "variant": optional_text(),
                        "overlay": {"type": "string"}, "images": {"type": "array"},
                    },
                    "required": ["environment", "overlay", "images"],
                },
            },
        },
        "required": ["app", "environments"],
    });
    Tool {
        name: "status",
        title: "Show what runs where",
        description: "Show which image each environment runs, since when and by which commit, and whether it differs from the environment before.",
        input: input(
            &[],
            json!({
                "apps": texts(APPS),
                "at": text("Revision or date to look at instead of the working tree, such as v1.2 or 2027-01-31"),
            }),
        ),
        output: output(json!({
            "revision": optional_text(),
            "apps": {"type": "array", "items": app},
        })),
    }
}

fn promote() -> Tool {
    let list = json!({"type": "array"});
    Tool {
        name: "promote",
        title: "Draft a promotion",
        description: "Show the edits that give an environment the versions which the one before it runs, the proof, and the title and text of the pull request. Nothing is written; `refused` says why an app cannot be promoted.",
        input: input(
            &["to"],
            json!({
                "apps": texts("Apps to promote; every app whose versions differ by default"),
                "to": text("Environment that gets the versions, such as production"),
                "from": text("Environment that proved the versions; the one before `to` by default"),
                "base": text("Revision at which the earlier environment must run the versions"),
                "rollback": flag("Also promote a version that the environment ran before its present one"),
            }),
        ),
        output: output(json!({
            "title": {"type": "string"}, "body": {"type": "string"}, "branch": optional_text(),
            "written": {"const": false}, "files": list, "promotions": list, "left_behind": list,
            "warnings": list, "refused": list, "unchanged": list,
        })),
    }
}
