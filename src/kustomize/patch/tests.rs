//! Patches as whole kustomizations apply them.

use crate::kustomize::{ProblemKind, RenderOptions, Rendered, Renderer, Resource};
use crate::source::{Files, memory::Memory};
use crate::yaml::write::to_json;
use crate::yaml::{By, Node};
use std::sync::Arc;

const WEB: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {tier: front}}, spec: {replicas: 1}}";
const API: &str =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {replicas: 1}}";

fn build(files: &[(&str, &str)], folder: &str) -> (Rendered, Arc<Files>) {
    let sources = Arc::new(Files::default());
    let renderer = Renderer::new(
        Arc::new(Memory::new(files.iter().copied())),
        sources.clone(),
        RenderOptions::default(),
    );
    ((*renderer.render(folder)).clone(), sources)
}
/// Both deployments under a kustomization, and further files.
fn run(kustomization: &str, patch: &str) -> Rendered {
    let kustomization = format!("resources: [web.yaml, api.yaml]\n{kustomization}");
    build(
        &[
            ("kustomization.yaml", &kustomization),
            ("web.yaml", WEB),
            ("api.yaml", API),
            ("patch.yaml", patch),
        ],
        "",
    )
    .0
}
fn replicas(rendered: &Rendered) -> Vec<(String, Option<i64>)> {
    let count = |resource: &Resource| {
        resource
            .node
            .at(&["spec", "replicas"])
            .and_then(Node::as_int)
    };
    rendered
        .resources
        .iter()
        .map(|resource| (resource.name().to_string(), count(resource)))
        .collect()
}
fn messages(rendered: &Rendered) -> Vec<&str> {
    rendered
        .problems
        .iter()
        .filter(|problem| problem.kind != ProblemKind::DeprecatedField)
        .map(|problem| &*problem.message)
        .collect()
}
fn strategic(name: &str, rest: &str) -> String {
    format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, {rest}}}")
}

#[test]
fn a_patch_without_target_means_one_object() {
    let patch = format!(
        "{}\n---\n{}\n",
        strategic("web", "spec: {replicas: 3}"),
        strategic("api", "$patch: delete")
    );
    let rendered = run("patches: [{path: patch.yaml}]", &patch);
    assert_eq!(messages(&rendered), [""; 0]);
    assert_eq!(replicas(&rendered), [("web".to_string(), Some(3))]);
}

#[test]
fn a_target_means_every_object_that_matches() {
    let rendered = run(
        "patches: [{path: patch.yaml, target: {name: .*}}]",
        &strategic("any", "spec: {replicas: 3}"),
    );
    assert_eq!(
        replicas(&rendered),
        [("api".to_string(), Some(3)), ("web".to_string(), Some(3))]
    );
    let rendered = run(
        "patches:\n- target: {labelSelector: tier=front}\n  patch: |\n    - op: replace\n      path: /spec/replicas\n      value: 4\n",
        "",
    );
    assert_eq!(
        replicas(&rendered),
        [("api".to_string(), Some(1)), ("web".to_string(), Some(4))]
    );
    let value = rendered.resources[1]
        .node
        .at(&["spec", "replicas"])
        .unwrap();
    assert_eq!(value.origin.by, By::Patch);
}

#[test]
fn a_target_that_matches_nothing_is_told_but_not_refused() {
    let rendered = run(
        "patches: [{path: patch.yaml, target: {kind: Job}}]",
        &strategic("any", "spec: {replicas: 3}"),
    );
    assert_eq!(
        messages(&rendered),
        ["no object matches this target (kind `Job`), so the patch does nothing"]
    );
    assert_eq!(rendered.problems[0].kind, ProblemKind::UnmatchedPatch);
    assert!(rendered.complete);
}

#[test]
fn what_kustomize_refuses() {
    let object = strategic("gone", "spec: {}");
    let rendered = run("patches: [{path: patch.yaml}]", &object);
    assert_eq!(
        messages(&rendered),
        ["there is no Deployment/gone of \"apps/v1\" to patch"]
    );
    let rendered = run(
        "patches: [{path: patch.yaml}]",
        "{apiVersion: v1, kind: Deployment, metadata: {name: web}}",
    );
    assert_eq!(
        rendered.problems[0].related[0].0,
        "this one is of \"apps/v1\""
    );
    let rendered = run(
        "patches: [{path: patch.yaml, target: {name: web}}]",
        &format!("{object}\n---\n{object}\n"),
    );
    assert_eq!(
        messages(&rendered),
        ["2 strategic merge patches cannot share one target"]
    );
    let operations = "[{\"op\": \"remove\", \"path\": \"/spec/x\"}]";
    let rendered = run("patches: [{path: patch.yaml}]", operations);
    assert_eq!(messages(&rendered), ["a JSON 6902 patch needs a target"]);
    let rendered = run(
        "patches: [{path: patch.yaml, target: {name: web}}]",
        operations,
    );
    let cause = "the remove operation at \"/spec/x\" does not apply: there is no field \"x\"";
    assert_eq!(
        messages(&rendered),
        [format!("Deployment/web cannot be patched: {cause}")]
    );
    let rendered = run(
        "patches: [{path: patch.yaml, target: {name: web}}]",
        "[{op: add, path: /a, value: 1}]",
    );
    assert!(
        messages(&rendered)[0].starts_with("this patch starts with [, but is not JSON"),
        "{:?}",
        messages(&rendered)
    );
    let rendered = run("patches: [{target: {name: web}}]", "");
    assert_eq!(
        messages(&rendered),
        ["this patch names neither a file nor a change"]
    );
    let rendered = run("patches: [{path: patch.yaml, patch: x}]", &object);
    assert_eq!(messages(&rendered), ["this patch has both path and patch"]);
    let rendered = run("patches: [{path: patch.yaml}]", "just text");
    assert_eq!(
        messages(&rendered),
        ["this patch is neither an object (strategic merge) nor a list of operations (JSON 6902)"]
    );
    let rendered = run(
        "patches: [{path: patch.yaml}]",
        "{kind: Deployment, spec: {}}",
    );
    assert_eq!(messages(&rendered), ["this patch has no metadata.name"]);
    let rendered = run("patchesStrategicMerge: [patch.yaml]", "# nothing\n");
    assert_eq!(messages(&rendered), ["this patch is empty"]);
    assert_eq!(
        messages(&run("patches: [{path: patch.yaml}]", "# nothing\n")),
        [""; 0],
        "patches may be empty"
    );
    let rendered = run(
        "patchesJson6902: [{path: patch.yaml, target: {kind: Deployment}}]",
        operations,
    );
    assert_eq!(
        messages(&rendered),
        ["a JSON 6902 patch needs a target with a name"]
    );
}

#[test]
fn operations_find_the_annotations_that_kustomize_keeps_notes_in() {
    let operations = r#"[{"op": "add", "path": "/metadata/annotations/a", "value": "b"}]"#;
    let annotations = |rendered: &Rendered| {
        let web = rendered
            .resources
            .iter()
            .find(|resource| resource.name().ends_with("web"))
            .unwrap();
        web.node
            .at(&["metadata", "annotations"])
            .map(|found| to_json(found).to_string())
    };
    let rendered = run(
        "patches: [{path: patch.yaml, target: {name: web}}]",
        operations,
    );
    assert_eq!(messages(&rendered), [""; 0]);
    assert_eq!(annotations(&rendered).as_deref(), Some(r#"{"a":"b"}"#));
    let remove = r#"[{"op": "remove", "path": "/metadata/annotations"}]"#;
    let rendered = run("patches: [{path: patch.yaml, target: {name: web}}]", remove);
    assert_eq!(
        (messages(&rendered), annotations(&rendered)),
        (vec![], None),
        "an empty map goes again"
    );
    // the old field does not mark the object; a prefix of a base does
    let old = "patchesJson6902: [{path: patch.yaml, target: {version: v1, group: apps, kind: Deployment, name: web}}]";
    assert!(messages(&run(old, operations))[0].contains(r#"there is no "/metadata/annotations""#));
    let overlay = format!(
        "resources: [../base]\n{}",
        old.replace("name: web", "name: old-web")
    );
    let files = [
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nnamePrefix: old-\n",
        ),
        ("base/web.yaml", WEB),
        ("top/kustomization.yaml", overlay.as_str()),
        ("top/patch.yaml", operations),
    ];
    let rendered = build(&files, "top").0;
    assert_eq!(
        (messages(&rendered), annotations(&rendered).as_deref()),
        (vec![], Some(r#"{"a":"b"}"#))
    );
}

#[test]
fn identity_is_kept_unless_it_may_change() {
    let patch = strategic("other", "spec: {replicas: 2}").replace(
        "Deployment, metadata: {",
        "StatefulSet, metadata: {namespace: x, ",
    );
    let entry =
        |options: &str| format!("patches: [{{path: patch.yaml, target: {{name: web}}{options}}}]");
    let rendered = run(&entry(""), &patch);
    let web = rendered
        .resources
        .iter()
        .find(|resource| resource.name() == "web")
        .unwrap();
    assert_eq!(
        (web.kind(), web.namespace(), web.previous.len()),
        ("Deployment", None, 0)
    );
    let name = web.node.at(&["metadata", "name"]).unwrap();
    assert!(
        name.origin.by == By::Manifest && name.replaced.is_none(),
        "the name is where it was"
    );
    let rendered = run(
        &entry(", options: {allowNameChange: true, allowKindChange: true}"),
        &patch,
    );
    let other = rendered
        .resources
        .iter()
        .find(|resource| resource.name() == "other")
        .unwrap();
    assert_eq!(
        (other.kind(), other.namespace(), &*other.original.name),
        ("StatefulSet", None, "web")
    );
    assert_eq!(other.renamed_by.map(|origin| origin.by), Some(By::Patch));
}

#[test]
fn earlier_names_are_found_and_may_be_ambiguous() {
    let patch = strategic("web", "spec: {replicas: 3}");
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    let base = "resources: [web.yaml]\nnamePrefix: old-\n";
    let files = [
        ("base/kustomization.yaml", base),
        ("base/web.yaml", WEB),
        ("top/kustomization.yaml", overlay),
        ("top/patch.yaml", &patch),
    ];
    assert_eq!(
        replicas(&build(&files, "top").0),
        [("old-web".to_string(), Some(3))]
    );
    let other = "resources: [web.yaml]\nnamePrefix: new-\n";
    let overlay = "resources: [../base, ../other]\npatches: [{path: patch.yaml}]\n";
    let mut files = files.to_vec();
    files[2].1 = overlay;
    files.extend([("other/kustomization.yaml", other), ("other/web.yaml", WEB)]);
    let (rendered, _) = build(&files, "top");
    assert_eq!(
        messages(&rendered),
        ["this patch is ambiguous: several objects are or were Deployment/web"]
    );
    assert_eq!(rendered.problems[0].related.len(), 2);
}

#[test]
fn nulls_in_the_labels_of_a_target_patch_are_text() {
    let patch = "{kind: Deployment, metadata: {name: any, labels: {tier: null}}}";
    let rendered = run("patches: [{path: patch.yaml, target: {name: web}}]", patch);
    let labels = rendered
        .resources
        .iter()
        .find_map(|resource| resource.node.at(&["metadata", "labels"]))
        .unwrap();
    assert_eq!(to_json(labels).to_string(), r#"{"tier":"null"}"#);
}
