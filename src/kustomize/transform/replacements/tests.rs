//! Replacements as whole kustomizations apply them.

use std::sync::Arc;

use crate::kustomize::{LoadRestrictor, RenderOptions, Rendered, Renderer};
use crate::source::{Files, memory::Memory};
use crate::yaml::{By, Node, Origin};

const OBJECTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data:
  word: green
  number: \"5\"
  image: registry/web:1.2
  json: '{\"port\": 1, \"host\": \"a\"}'
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - {name: web, image: \"registry/web:0.1\", args: [first]}
      - {name: web-proxy, image: \"proxy:1\"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec: {replicas: 2}
";

fn build(files: &[(&str, &str)]) -> (Rendered, Arc<Files>) {
    let sources = Arc::new(Files::default());
    let renderer = Renderer::new(
        Arc::new(Memory::new(files.iter().copied())),
        sources.clone(),
        RenderOptions {
            load_restrictor: LoadRestrictor::Root,
            ..RenderOptions::default()
        },
    );
    ((*renderer.render("")).clone(), sources)
}
fn run(entries: &str) -> (Rendered, Arc<Files>) {
    let kustomization = format!("resources: [objects.yaml]\nreplacements:\n{entries}");
    build(&[
        ("kustomization.yaml", &kustomization),
        ("objects.yaml", OBJECTS),
    ])
}
fn entry(source: &str, select: &str, path: &str, options: &str) -> String {
    format!(
        "- source: {{kind: ConfigMap, {source}}}\n  targets: [{{select: {select}, fieldPaths: ['{path}'], options: {{{options}}}}}]\n"
    )
}
fn value(rendered: &Rendered, kind: &str, name: &str, pointer: &str) -> Node {
    let found = rendered
        .resources
        .iter()
        .find(|resource| resource.kind() == kind && resource.name() == name);
    found
        .and_then(|resource| resource.node.pointer(pointer))
        .cloned()
        .unwrap_or_else(|| panic!("{pointer}: {:?}", rendered.problems))
}
fn text(rendered: &Rendered, pointer: &str) -> String {
    assert_eq!(rendered.problems, []);
    value(rendered, "Deployment", "web", pointer)
        .as_scalar()
        .unwrap()
        .text
        .to_string()
}
fn refused(entries: &str) -> String {
    let (rendered, _) = run(entries);
    assert!(
        !rendered.complete,
        "{:?}",
        rendered
            .resources
            .iter()
            .map(|resource| resource.id())
            .collect::<Vec<_>>()
    );
    rendered.problems.first().unwrap().message.clone()
}
fn span(files: &Files, origin: Origin) -> String {
    files.get(origin.file).text[origin.start as usize..origin.end as usize].to_string()
}

#[test]
fn a_value_keeps_its_source_and_what_it_replaced() {
    let (rendered, files) = run(&entry(
        "fieldPath: data.word",
        "{name: web}",
        "spec.template.spec.containers.0.image",
        "",
    ));
    let image = value(
        &rendered,
        "Deployment",
        "web",
        "/spec/template/spec/containers/0/image",
    );
    assert_eq!(
        (image.as_str(), image.origin.by),
        (Some("green"), By::Replacement)
    );
    assert_eq!(span(&files, image.origin), "green");
    assert_eq!(
        image.replaced.as_ref().and_then(|old| old.as_str()),
        Some("registry/web:0.1")
    );
}

#[test]
fn a_part_of_a_value_points_at_the_entry() {
    let source = "fieldPath: data.image, options: {delimiter: ':', index: 1}";
    let (rendered, files) = run(&entry(
        source,
        "{name: web}",
        "spec.template.spec.containers.0.image",
        "delimiter: ':', index: 1",
    ));
    assert_eq!(
        text(&rendered, "/spec/template/spec/containers/0/image"),
        "registry/web:1.2"
    );
    let image = value(
        &rendered,
        "Deployment",
        "web",
        "/spec/template/spec/containers/0/image",
    );
    assert!(
        span(&files, image.origin).starts_with("source:"),
        "{}",
        span(&files, image.origin)
    );
}

#[test]
fn delimiters_prefix_replace_and_append() {
    let image = "/spec/template/spec/containers/0/image";
    let at = |index: &str| {
        let options = format!("delimiter: ':', index: {index}");
        text(
            &run(&entry(
                "fieldPath: data.word",
                "{name: web}",
                "spec.template.spec.containers.0.image",
                &options,
            ))
            .0,
            image,
        )
    };
    assert_eq!(at("-1"), "green:registry/web:0.1");
    assert_eq!(at("0"), "green:0.1");
    assert_eq!(at("7"), "registry/web:0.1:green");
}

#[test]
fn a_field_keeps_its_type_and_a_new_one_takes_it_from_the_text() {
    let (rendered, _) = run(&entry(
        "fieldPath: data.number",
        "{name: web}",
        "spec.replicas",
        "",
    ));
    assert_eq!(
        value(&rendered, "Deployment", "web", "/spec/replicas").as_int(),
        Some(5)
    );
    let (rendered, _) = run(&entry(
        "fieldPath: data.number",
        "{name: web}",
        "spec.new.deep",
        "create: true",
    ));
    let made = value(&rendered, "Deployment", "web", "/spec/new/deep");
    assert_eq!(made.as_int(), Some(5));
    assert!(made.replaced.is_none());
    assert!(
        refused(&entry(
            "fieldPath: data.word",
            "{name: web}",
            "spec.replicas",
            ""
        ))
        .contains("holds a whole number")
    );
}

#[test]
fn items_are_visited_by_expression() {
    let (rendered, _) = run(&entry(
        "fieldPath: data.word",
        "{name: web}",
        "spec.template.spec.containers.[name=web].image",
        "",
    ));
    assert_eq!(
        text(&rendered, "/spec/template/spec/containers/1/image"),
        "green",
        "web-proxy matches as well"
    );
    let (rendered, _) = run(&entry(
        "fieldPath: data.word",
        "{name: web}",
        "spec.template.spec.containers.[name=^web$].image",
        "",
    ));
    assert_eq!(
        text(&rendered, "/spec/template/spec/containers/1/image"),
        "proxy:1"
    );
}

#[test]
fn sources_are_literal_and_targets_are_expressions() {
    assert!(
        refused(&entry("name: setting", "{name: web}", "metadata.name", ""))
            .contains("selects no resource")
    );
    let several = "- source: {kind: Deployment}\n  targets: [{select: {name: web}}]\n";
    assert!(refused(several).contains("selects several"));
    let by_default_namespace = "- source: {kind: Deployment, namespace: default}\n  targets: [{select: {name: web}, fieldPaths: [spec.template.spec.containers.0.image]}]\n";
    assert_eq!(
        text(
            &run(by_default_namespace).0,
            "/spec/template/spec/containers/0/image"
        ),
        "worker"
    );
    let (rendered, _) = run(&entry(
        "fieldPath: data.number",
        "{name: 'w.*', kind: Deployment}",
        "spec.replicas",
        "",
    ));
    assert_eq!(
        value(&rendered, "Deployment", "worker", "/spec/replicas").as_int(),
        Some(5)
    );
    // A target's namespace is compared as written: nothing is not "default".
    let (rendered, _) = run(&entry(
        "fieldPath: data.number",
        "{namespace: default}",
        "spec.replicas",
        "",
    ));
    assert_eq!(
        value(&rendered, "Deployment", "worker", "/spec/replicas").as_int(),
        Some(2)
    );
}

#[test]
fn rejection_by_identity_or_by_labels() {
    let at = |reject: &str| {
        let (rendered, _) = run(&format!(
            "- source: {{kind: ConfigMap, fieldPath: data.word}}\n  targets: [{{select: {{}}, reject: [{reject}], fieldPaths: [metadata.labels.x], options: {{create: true}}}}]\n"
        ));
        let marked = rendered
            .resources
            .iter()
            .filter(|resource| resource.node.at(&["metadata", "labels", "x"]).is_some());
        marked
            .map(|resource| resource.name().to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(at("{}"), "settings web worker");
    assert_eq!(at("{name: web}"), "settings worker");
    assert_eq!(at("{name: web|worker}"), "settings");
    assert_eq!(at("{labelSelector: app=web}"), "web worker");
    assert_eq!(
        at("{labelSelector: app=web, name: worker}"),
        "web",
        "each part rejects on its own"
    );
}

#[test]
fn renamed_resources_are_found_by_every_name() {
    let objects = ("base/objects.yaml", OBJECTS);
    let base = (
        "base/kustomization.yaml",
        "resources: [objects.yaml]\nnamePrefix: a-\n",
    );
    for name in ["settings", "a-settings"] {
        let top = format!(
            "resources: [base]\nreplacements:\n- source: {{kind: ConfigMap, name: {name}}}\n  targets: [{{select: {{name: worker}}, fieldPaths: [spec.from], options: {{create: true}}}}]\n"
        );
        let (rendered, _) = build(&[("kustomization.yaml", &top), base, objects]);
        assert_eq!(
            value(&rendered, "Deployment", "a-worker", "/spec/from").as_str(),
            Some("a-settings")
        );
    }
}

#[test]
fn values_inside_strings() {
    let (rendered, _) = run(&entry(
        "fieldPath: data.number",
        "{kind: ConfigMap}",
        "data.json.port",
        "",
    ));
    assert_eq!(
        value(&rendered, "ConfigMap", "settings", "/data/json").as_str(),
        Some(r#"{"host":"a","port":5}"#)
    );
    // Where a text does not fit, kustomize writes nothing and says nothing.
    let (rendered, _) = run(&entry(
        "fieldPath: data.word",
        "{kind: ConfigMap}",
        "data.json.port",
        "",
    ));
    assert_eq!(
        value(&rendered, "ConfigMap", "settings", "/data/json").as_str(),
        Some(r#"{"port": 1, "host": "a"}"#)
    );
}

#[test]
fn given_values_and_files() {
    let (rendered, _) = run(
        "- sourceValue: blue\n  targets: [{select: {name: web}, fieldPaths: [spec.template.spec.containers.0.args.0]}]\n",
    );
    assert_eq!(
        text(&rendered, "/spec/template/spec/containers/0/args/0"),
        "blue"
    );
    let file = "source: {kind: ConfigMap, fieldPath: data.number}\ntargets: [{select: {name: web}, fieldPaths: [spec.replicas]}]\n";
    let list = file
        .lines()
        .enumerate()
        .map(|(at, line)| format!("{}{line}\n", if at == 0 { "- " } else { "  " }))
        .collect::<String>();
    for content in [file, &list] {
        let kustomization = "resources: [objects.yaml]\nreplacements:\n- path: r.yaml\n";
        let (rendered, _) = build(&[
            ("kustomization.yaml", kustomization),
            ("objects.yaml", OBJECTS),
            ("r.yaml", content),
        ]);
        assert_eq!(text(&rendered, "/spec/replicas"), "5");
    }
}

#[test]
fn growth_has_an_end() {
    let deployment = "- source: {kind: Deployment, name: web, fieldPath: spec}\n  targets: [{select: {name: web}, fieldPaths: [";
    let doubling: String = (0..60)
        .map(|at| format!("{deployment}spec.x{at}], options: {{create: true}}}}]\n"))
        .collect();
    assert!(refused(&doubling).contains("too large"));
    let nesting: String = (0..300)
        .map(|_| format!("{deployment}spec.template]}}]\n"))
        .collect();
    assert!(refused(&nesting).contains("too large"));
    let texts = vec!["data.word"; 60].join(", ");
    let texts = format!(
        "- source: {{kind: ConfigMap, fieldPath: data.word}}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [{texts}], options: {{delimiter: '/', index: -1}}}}]\n"
    );
    assert!(refused(&texts).contains("too large"));
}

#[test]
fn what_is_refused() {
    let web = "{name: web}";
    let message =
        |source: &str, path: &str, options: &str| refused(&entry(source, web, path, options));
    assert!(message("fieldPath: data.none", "spec.replicas", "").contains("has no value"));
    assert!(message("fieldPath: data.word", "spec.none", "").contains("has no field"));
    assert!(
        message(
            "fieldPath: data.word",
            "spec.template.spec.containers.4.image",
            ""
        )
        .contains("there is no item 4")
    );
    assert!(
        message("fieldPath: data.word", "spec.template", "delimiter: ':'")
            .contains("delimiter cannot split")
    );
    assert!(
        message(
            "fieldPath: data, options: {delimiter: ':'}",
            "spec.replicas",
            ""
        )
        .contains("delimiter cannot split")
    );
    assert!(
        message(
            "fieldPath: data.image, options: {delimiter: ':', index: 2}",
            "spec.replicas",
            ""
        )
        .contains("no piece 2")
    );
    assert!(
        refused("- targets: [{select: {name: web}}]\n")
            .contains("neither a source nor a sourceValue")
    );
    assert!(refused("- source: {kind: ConfigMap}\n").contains("has no targets"));
    assert!(
        refused("- source: {kind: ConfigMap}\n  targets: [{fieldPaths: [a]}]\n")
            .contains("which resources it selects")
    );
    assert!(
        refused("- source: {kind: ConfigMap}\n  sourceValue: x\n  targets: [{select: {}}]\n")
            .contains("both a source")
    );
    assert!(refused("- path: missing.yaml\n").contains("missing.yaml"));
    assert!(refused("- path: objects.yaml\n  source: {kind: ConfigMap}\n").contains("both a path"));
}
