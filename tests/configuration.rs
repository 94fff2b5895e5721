//! The JSON Schema of the configuration against the loader: what one accepts, the other accepts as
//! well, as far as it is about the form. Editors would otherwise mark what is right, or miss what is
//! wrong.

#![allow(clippy::unwrap_used)]

mod program;

use gitops_lint::config::{self, Config, Field, KEYS, Shape};
use gitops_lint::rules;
use gitops_lint::yaml::FileId;
use gitops_lint::yaml::read::read;
use program::Repo;
use serde_json::{Map, Value, json};

fn loads(value: &Value) -> bool {
    let text = serde_yaml::to_string(value).unwrap();
    let documents = read(&text, FileId(0)).unwrap();
    Config::load(&documents, &rules::known()).is_ok()
}

fn fits(value: &Value) -> bool {
    let schema = config::schema(&rules::known());
    jsonschema::validator_for(&schema).unwrap().is_valid(value)
}

/// A value that the loader accepts for a field. The path leads to it.
fn example(path: &str, shape: Shape) -> Value {
    match path {
        "environments.kubernetes" => return json!("1.33"),
        "layout.path" => return json!("deploy/{environment}/{app}"),
        "drift.allow.path" => return json!("/spec/replicas"),
        "external.environments" | "freeze.environments" => return json!(["production"]),
        "dependencies.needs" => return json!(["payments"]),
        "suppress.rule" => return json!("mutable-tag"),
        "freeze.from" => return json!("2027-01-01T08:00"),
        "freeze.to" => return json!("2027-01-02T08:00"),
        "freeze.timeZone" => return json!("Europe/Berlin"),
        "breakGlass.trailer" => return json!("Emergency-Change"),
        "pairs.to" => return json!("apps/api/overlays/production"),
        "images.mirrors.to" => return json!("registry.internal/acme"),
        "remotes" => return json!({"https://github.com/acme/bases//web?ref=v3": "vendor/web"}),
        "rules" => {
            return json!({"mutable-tag": {"level": "error", "floating": ["edge"]}, "policy/main/deny": "off"});
        }
        "policies" => return json!(["builtin/digest-required"]),
        _ => {}
    }
    match shape {
        Shape::Version => json!(1),
        Shape::Text | Shape::Path => json!("text"),
        Shape::Pattern => json!("Text*"),
        Shape::Boolean => json!(true),
        Shape::Date => json!("2027-01-31"),
        Shape::Duration => json!("8h"),
        Shape::Words(words) => json!(words[0]),
        Shape::List(item) => json!([example(path, *item)]),
        Shape::Record(fields) => record(path, fields),
        Shape::Texts | Shape::Lists | Shape::Rules => json!({}),
        Shape::Either(_, other) => example(path, *other),
    }
}

fn record(path: &str, fields: &[Field]) -> Value {
    // a window is given in one way
    let excluded = ["schedule", "rrule", "duration"];
    let fields = fields
        .iter()
        .filter(|field| path != "freeze" || !excluded.contains(&field.name));
    let entry = |field: &Field| {
        let path = format!("{path}.{}", field.name);
        (field.name.to_string(), example(&path, field.shape))
    };
    Value::Object(fields.map(entry).collect())
}

#[test]
fn every_key_is_accepted_and_unknown_ones_are_not() {
    for key in KEYS {
        let value = example(key.name, key.shape);
        let whole = json!({key.name: value});
        assert!(fits(&whole), "schema: {whole}");
        assert!(loads(&whole), "loader: {whole}");
        // something else in its place
        for wrong in [
            json!(12),
            json!([[]]),
            json!({"unknown": 1}),
            json!([{"unknown": 1}]),
        ] {
            let whole = json!({key.name: wrong});
            assert!(!loads(&whole), "loader: {whole}");
            assert!(!fits(&whole), "schema: {whole}");
        }
    }
    for whole in [
        json!({"unknown": 1}),
        json!([]),
        json!("text"),
        json!({"version": 2}),
    ] {
        assert!(!loads(&whole) && !fits(&whole), "{whole}");
    }
    assert!(fits(&Value::Null) && fits(&json!({})));
}

#[test]
fn required_fields_are_required_and_others_are_not() {
    for key in KEYS {
        check_fields(key.name, key.shape, &|value| json!({key.name: value}));
    }
}

fn check_fields(path: &str, shape: Shape, around: &dyn Fn(Value) -> Value) {
    match shape {
        Shape::List(item) => check_fields(path, *item, &|value| around(json!([value]))),
        Shape::Either(_, other) => check_fields(path, *other, around),
        Shape::Record(fields) => {
            let whole = record(path, fields);
            for field in fields {
                let mut entries: Map<String, Value> = whole.as_object().unwrap().clone();
                if entries.remove(field.name).is_none() {
                    continue;
                }
                let left = around(Value::Object(entries.clone()));
                assert_eq!(fits(&left), !field.required, "schema: {left}");
                // the loader also knows which fields need each other
                if field.required {
                    assert!(!loads(&left), "loader: {left}");
                }
                let path = format!("{path}.{}", field.name);
                check_fields(&path, field.shape, &|value| {
                    let mut entries = entries.clone();
                    entries.insert(field.name.to_string(), value);
                    around(Value::Object(entries))
                });
            }
        }
        _ => {}
    }
}

#[test]
fn levels_and_options_of_rules_are_known() {
    for (setting, is_right) in [
        (json!({"mutable-tag": "off"}), true),
        (json!({"mutable-tag": false}), true),
        (
            json!({"mutable-tag": {"level": "info", "floating": "edge"}}),
            true,
        ),
        (json!({"insufficient-soak": {"atLeast": "24h"}}), true),
        (json!({"mutable-tag": "eror"}), false),
        (json!({"mutable-tag": {"floatin": []}}), false),
        (json!({"no-such-rule": "error"}), false),
    ] {
        let whole = json!({"rules": setting});
        assert_eq!(
            (fits(&whole), loads(&whole)),
            (is_right, is_right),
            "{whole}"
        );
    }
}

#[test]
fn the_effective_configuration_is_one_again() {
    let repo = Repo::new();
    let text = "# why\nversion: 1\nenvironments: [dev, {name: prod, aliases: [blue]}]\nrules:\n  mutable-tag: {level: error, floating: [edge]}\nbreakGlass: {trailer: Emergency}\nexternal:\n  - {kind: Secret, name: a}\n";
    repo.write(".gitops-lint.yaml", text);
    for environment in ["dev", "prod"] {
        repo.write(
            &format!("apps/a/overlays/{environment}/kustomization.yaml"),
            "resources: []\n",
        );
    }
    let shown = repo.run(&["config"]).expect(0).out;
    for line in [
        "  \"mutable-tag\": {\"floating\":[\"edge\"],\"level\":\"error\"}  # .gitops-lint.yaml:5",
        "  - {\"kind\":\"Secret\",\"name\":\"a\"}  # .gitops-lint.yaml:8",
        "drift: {}  # built in",
    ] {
        assert!(shown.lines().any(|one| one == line), "{line}\n{shown}");
    }
    // what is printed is a configuration that means the same
    repo.write(".gitops-lint.yaml", &shown);
    repo.run(&["check", "-q", "--fail-on", "never"]).expect(0);
    let again = repo.run(&["config", "--format", "json"]).expect(0).json();
    repo.write(".gitops-lint.yaml", text);
    let before = repo.run(&["config", "--format", "json"]).expect(0).json();
    let values = |report: &Value| -> Vec<Value> {
        let all = report["values"].as_array().unwrap().iter();
        // the built-in list is written item by item the second time
        let all = all.filter(|one| one["key"] != "bots");
        all.map(|one| json!([one["key"], one["entry"], one["value"]]))
            .collect()
    };
    assert_eq!(values(&again), values(&before));
    let schema = repo.run(&["config", "--schema"]).expect(0).json();
    assert_eq!(schema, config::schema(&rules::known()));
}
