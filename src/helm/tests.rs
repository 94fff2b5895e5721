//! Releases of small charts, from files to documents.

use super::*;
use crate::source::memory::Memory;
use crate::yaml::{Origin, write};
use serde_json::{Value, json};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
/// Prints the values of the chart as JSON.
const SHOW: &str =
    "kind: Show\nmetadata: {name: {{ .Chart.Name }}}\nvalues: {{ .Values | toJson }}\n";

struct Tree {
    charts: Charts,
    files: Arc<Files>,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Tree {
        let source = Memory::new(files.iter().copied());
        let files = Arc::new(Files::default());
        Tree {
            charts: Charts::new(Arc::new(source), files.clone()),
            files,
        }
    }

    fn release(&self, values: &str) -> Release {
        let text: Arc<str> = Arc::from(values);
        let file = self.files.add("prod.yaml", None, text.clone());
        let mut release = Release::new("rel", "ns", Origin::start_of(file));
        release.values = values::read::of_text(&text, file).unwrap();
        release.builds_dependencies = false;
        release
    }

    fn made(&self, values: &str) -> Made {
        self.charts.documents("web", &self.release(values))
    }

    /// The `values` of each document, by the name of its chart.
    fn shown(&self, values: &str) -> Vec<(String, Value)> {
        let made = self.made(values);
        assert_eq!(made.problems, [], "{values}");
        let trees = made.documents.iter().flat_map(|read| &read.trees);
        let shown = trees.map(|tree| {
            let name = tree.at(&["metadata", "name"]).unwrap().raw().to_string();
            (name, write::to_json(tree.get("values").unwrap()))
        });
        shown.collect()
    }

    fn refusal(&self, values: &str) -> (String, String) {
        let made = self.made(values);
        assert!(made.documents.is_empty());
        let problem = made.problems.first().unwrap();
        let file = self.files.get(problem.origin.file);
        let line = file.position(problem.origin.start).line;
        (format!("{}:{line}", file.path), problem.message.clone())
    }
}

fn with_subchart(parent: &str, dependencies: &str, values: &str) -> Tree {
    let chart = format!("{CHART}dependencies:\n{dependencies}");
    let sub = "apiVersion: v2\nname: db\nversion: 2.1.0\n";
    Tree::new(&[
        ("web/Chart.yaml", &chart),
        ("web/values.yaml", parent),
        ("web/templates/show.yaml", SHOW),
        ("web/charts/db/Chart.yaml", sub),
        ("web/charts/db/values.yaml", values),
        ("web/charts/db/templates/show.yaml", SHOW),
    ])
}

#[test]
fn built_in_objects_print_as_structures_of_go() {
    let template = "kind: Show\nmetadata: {name: a}\nvalues:\n\
         - {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.String }}\n\
         - {{ print .Capabilities.KubeVersion | toJson }}\n\
         - {{ .Capabilities.HelmVersion | toJson }}\n\
         - {{ .Capabilities.Copy.KubeVersion | toJson }}\n\
         - {{ list .Files.none (index .Files \"none\") .Values.none | toString | toJson }}\n\
         - {{ print .Capabilities | trunc 25 | toJson }}\n\
         - {{ dict \"files\" .Files | toPrettyJson | toJson }}\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/a.txt", "a"),
        ("web/templates/show.yaml", template),
    ]);
    let mut release = tree.release("");
    release.kubernetes = Some("1.34".into());
    let made = tree.charts.documents("web", &release);
    assert_eq!(made.problems, []);
    let values = made.documents[0].trees[0].get("values").unwrap();
    let helm = json!({"version": "v4.3", "go_version": "go1.26.8", "kube_client_version": "v1.37"});
    assert_eq!(
        write::to_json(values),
        json!([
            "v1.34 v1.34",
            "{v1.34 v1.34 1 34}",
            helm,
            {"Version": "v1.34", "Major": "1", "Minor": "34"},
            "[[] [] <nil>]",
            "&{{v1.34 v1.34 1 34} [v1 ",
            "{\n  \"files\": {\n    \"a.txt\": \"YQ==\"\n  }\n}",
        ])
    );
}

#[test]
fn output_that_is_not_utf_8_is_refused_at_its_line() {
    let template = "kind: Show\nmetadata:\n  name: {{ trunc 1 \"é\" }}\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/show.yaml", template),
    ]);
    let (place, message) = tree.refusal("");
    assert_eq!(place, "web/templates/show.yaml:3");
    assert_eq!(message, "the output of the template is not UTF-8");
}

#[test]
fn values_are_merged_as_helm_merges_them() {
    let tree = || {
        with_subchart(
            "a: {b: 1, c: 2}\nlist: [1, 2]\nnone:\ndb: {size: 5, gone: null}\nglobal: {zone: eu}\n",
            "- {name: db, version: 2.x}\n",
            "size: 1\ngone: 1\nname: own\nglobal: {zone: us, tier: low}\n",
        )
    };
    let shown = tree().shown("a: {c: null, d: 3}\nlist: [3]\nextra: null\n");
    let db = json!({"size": 5, "gone": 1, "name": "own", "global": {"zone": "eu", "tier": "low"}});
    let web = json!({"a": {"b": 1, "d": 3}, "list": [3], "extra": null, "global": {"zone": "eu"}, "db": db});
    assert_eq!(
        shown,
        [("db".to_string(), db.clone()), ("web".to_string(), web)]
    );
    let (place, message) = tree().refusal("a: 1\ndb: text\n");
    assert_eq!(place, "prod.yaml:2");
    assert!(
        message.contains("holds the values of a subchart"),
        "{message}"
    );
}

#[test]
fn conditions_tags_and_aliases_choose_the_subcharts() {
    let names = |dependencies: &str, values: &str| -> Vec<String> {
        let tree = with_subchart("more: false\n", dependencies, "x: 1\n");
        tree.shown(values)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    let one = |condition: &str| format!("- {{name: db, version: '*', {condition}}}\n");
    assert_eq!(names(&one("condition: 'db.enabled,more'"), ""), ["web"]);
    assert_eq!(
        names(&one("condition: 'db.enabled,more'"), "db: {enabled: true}"),
        ["db", "web"]
    );
    assert_eq!(
        names(&one("condition: db.enabled"), "db: {enabled: 'no'}"),
        ["db", "web"]
    );
    assert_eq!(names(&one("tags: [a, b]"), "tags: {a: false}"), ["web"]);
    assert_eq!(
        names(&one("tags: [a, b]"), "tags: {a: false, b: true}"),
        ["db", "web"]
    );
    let two =
        "- {name: db, version: 2.1.0, alias: one}\n- {name: db, version: 2.1.0, alias: two}\n";
    assert_eq!(names(two, "two: {y: 1}"), ["one", "two", "web"]);
    // a chart that no dependency means is always on
    assert_eq!(
        names("- {name: db, version: 3.x, condition: more}\n", ""),
        ["web"]
    );
}

#[test]
fn imported_values_yield_to_those_of_the_parent() {
    let tree = with_subchart(
        "port: 80\n",
        "- {name: db, version: 2.x, import-values: [data, {child: net, parent: network}]}\n",
        "exports: {data: {port: 1, host: x}}\nnet: {mtu: 9000}\n",
    );
    let (_, web) = tree.shown("").pop().unwrap();
    assert_eq!((&web["port"], &web["host"]), (&json!(80), &json!("x")));
    assert_eq!(web["network"], json!({"mtu": 9000}));
}

#[test]
fn documents_are_sorted_and_hooks_come_last() {
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        (
            "web/crds/b.yaml",
            "kind: CustomResourceDefinition\nmetadata: {name: b}\n",
        ),
        (
            "web/templates/a.yaml",
            "kind: Zebra\n---\nkind: Service\n---\nkind: Apple\n---x: 1\nkind: Service\n",
        ),
        (
            "web/templates/hooks.yaml",
            "kind: ConfigMap\nmetadata: {annotations: {helm.sh/hook: 'pre-install, test'}}\n---\nkind: Job\nmetadata: {annotations: {helm.sh/hook: crd-install}}\n",
        ),
        ("web/templates/_help.tpl", "{{ define \"x\" }}{{ end }}"),
        ("web/templates/NOTES.txt", "read me"),
        ("web/templates/z.txt", "kind: Namespace\n"),
    ]);
    let mut release = tree.release("");
    release.includes_crds = true;
    let kinds = |release: &Release| -> Vec<String> {
        let made = tree.charts.documents("web", release);
        assert_eq!(made.problems, []);
        let trees = made.documents.iter().flat_map(|read| &read.trees);
        trees
            .map(|tree| tree.get("kind").unwrap().raw().to_string())
            .collect()
    };
    let all = [
        "CustomResourceDefinition",
        "Namespace",
        "Service",
        "Service",
        "Apple",
        "Zebra",
        "ConfigMap",
    ];
    assert_eq!(kinds(&release), all);
    release.skips_tests = true;
    assert_eq!(kinds(&release), all[..6]);
}

#[test]
fn a_value_leads_to_the_line_of_the_environment() {
    let template = "kind: Pod\nspec:\n  image: \"{{ .Values.image.name }}:{{ .Values.image.tag }}\"\n  extra:\n    {{- toYaml .Values.extra | nindent 4 }}\n  fixed: text\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        (
            "web/values.yaml",
            "image: {name: acme/web, tag: v1}\nextra: {cpu: 1}\n",
        ),
        ("web/templates/pod.yaml", template),
    ]);
    let made = tree.made("image: {tag: v2}\n");
    let spec = made.documents[0].trees[0].get("spec").unwrap();
    let history = |node: &Node| -> Vec<(String, String)> {
        let nodes = std::iter::successors(Some(node), |node| node.replaced.as_deref());
        let place = |node: &Node| {
            let file = tree.files.get(node.origin.file);
            let bytes = node.origin.start as usize..node.origin.end as usize;
            format!("{}: {}", file.path, &file.text[bytes])
        };
        nodes
            .map(|node| (place(node), node.raw().to_string()))
            .collect()
    };
    let shown = history(spec.get("image").unwrap());
    let shown: Vec<(&str, &str)> = shown
        .iter()
        .map(|(place, text)| (&**place, &**text))
        .collect();
    let expression = "{{ .Values.image.name }}:{{ .Values.image.tag }}";
    let printed = format!("web/templates/pod.yaml: {expression}");
    let expected = [
        ("prod.yaml: v2", "acme/web:v2"),
        ("web/values.yaml: v1", "acme/web:v1"),
        ("web/values.yaml: acme/web", "acme/web"),
        (&*printed, expression),
    ];
    assert_eq!(shown, expected);
    let cpu = history(spec.at(&["extra", "cpu"]).unwrap());
    assert_eq!(cpu[0], ("web/values.yaml: 1".to_string(), "1".to_string()));
    let fixed = history(spec.get("fixed").unwrap());
    assert_eq!(
        fixed,
        [(
            "web/templates/pod.yaml: text".to_string(),
            "text".to_string()
        )]
    );
}

#[test]
fn copies_of_charts_are_found_by_name_and_version() {
    let source = Memory::new([
        ("vendor/web-1.2.0.tgz", ""),
        ("vendor/web-ui-2.0.0-rc.1.tgz", ""),
        ("vendor/web/Chart.yaml", "name: web\nversion: 1.10.0\n"),
        (
            "vendor/web/charts/db/Chart.yaml",
            "name: db\nversion: 1.0.0\n",
        ),
        (
            "vendor/web-0.9.0/web/Chart.yaml",
            "name: web\nversion: 0.9.0\n",
        ),
        ("elsewhere/web-3.0.0.tgz", ""),
    ]);
    let remotes = Remotes {
        chart_folders: vec!["vendor".to_string()],
        ..Remotes::default()
    };
    let charts = Charts::with_copies(Arc::new(source), Arc::default(), &remotes);
    for (name, range, path) in [
        ("web", "", Some("vendor/web")),
        ("web", "1.2.0", Some("vendor/web-1.2.0.tgz")),
        ("web", "~1.2", Some("vendor/web-1.2.0.tgz")),
        ("web", "<1", Some("vendor/web-0.9.0/web")),
        ("web", "3.0.0", None),
        ("web-ui", "2.0.0-rc.1", Some("vendor/web-ui-2.0.0-rc.1.tgz")),
        ("web-ui", "*", None),
        ("db", "", None),
    ] {
        let found = charts.copy_of(name, range);
        assert_eq!(found.as_deref(), path, "{name} {range}");
    }
}

#[test]
fn schemas_refer_to_the_web_and_have_patterns_in_go_syntax() {
    let refused = |draft: &str, port: &str, values: &str| {
        let schema = format!(
            "{{\"$schema\": \"https://json-schema.org/{draft}/schema#\", \"properties\": {{\"port\": {port}}}}}"
        );
        let tree = Tree::new(&[
            ("web/Chart.yaml", CHART),
            ("web/values.schema.json", &schema),
            ("web/templates/a.yaml", "kind: A\n"),
        ]);
        !tree.made(values).problems.is_empty()
    };
    let below =
        "{\"$ref\": \"https://example.com/x.json#/definitions/Port\", \"type\": \"integer\"}";
    assert!(!refused("draft-07", below, "port: x\n"));
    assert!(refused("draft/2019-09", below, "port: x\n"));
    assert!(!refused("draft/2019-09", below, "port: 1\n"));
    let pattern = r#"{"pattern": "^[\\w-\\.]+$"}"#;
    assert!(!refused("draft-07", pattern, "port: a-b.c\n"));
    assert!(refused("draft-07", pattern, "port: a b\n"));
    let patterns = r#"{"patternProperties": {"^[\\w-\\.]+$": {"type": "integer"}}}"#;
    assert!(refused("draft-07", patterns, "port: {a-b: x}\n"));
    assert!(!refused("draft-07", patterns, "port: {a b: x}\n"));
    // Go has no look-around
    assert!(refused("draft-07", r#"{"pattern": "(?!a)"}"#, "port: b\n"));
    let missing = r##"{"$ref": "#/definitions/None"}"##;
    assert!(refused("draft-07", missing, "port: 1\n"));
}

#[test]
fn what_helm_refuses_is_refused_at_its_line() {
    let schema = "{\"type\": \"object\", \"properties\": {\"port\": {\"type\": \"integer\", \"$ref\": \"https://example.com/x.json\"}}}";
    let tree = || {
        Tree::new(&[
            ("web/Chart.yaml", CHART),
            ("web/values.schema.json", schema),
            (
                "web/templates/a.yaml",
                "kind: A\nport: {{ .Values.port }}\n",
            ),
        ])
    };
    assert_eq!(tree().made("port: 80\n").problems, []);
    let (place, message) = tree().refusal("other: 1\nport: text\n");
    assert_eq!(place, "prod.yaml:2");
    assert!(message.contains("`port`"), "{message}");
    let refused = |chart: &str, template: &str| {
        Tree::new(&[
            ("web/Chart.yaml", chart),
            ("web/templates/a.yaml", template),
        ])
        .refusal("")
    };
    for (chart, template, place) in [
        (
            "apiVersion: v2\nname: web\nversion: x\n",
            "",
            "web/Chart.yaml:3",
        ),
        (
            "apiVersion: v2\nname: web\nversion: 1.0.0\ntype: library\n",
            "",
            "web/Chart.yaml:4",
        ),
        (
            "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: <1.2\n",
            "",
            "web/Chart.yaml:4",
        ),
        (
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: db}]\n",
            "",
            "web/Chart.yaml:4",
        ),
        (
            CHART,
            "kind: A\nb: {{ .Values.a.b }}\n",
            "web/templates/a.yaml:2",
        ),
        (CHART, "kind: A\n{{ if }}\n", "web/templates/a.yaml:2"),
        (CHART, "kind: A\n  b: 1\n", "web/templates/a.yaml:2"),
        (CHART, "- a\n", "web/templates/a.yaml:1"),
        (
            CHART,
            "kind: A\nmetadata: {annotations: {a: [1]}}\n",
            "web/templates/a.yaml:2",
        ),
    ] {
        assert_eq!(refused(chart, template).0, place, "{chart}{template}");
    }
}

#[test]
fn files_of_a_chart_can_be_read() {
    let template = "kind: A\nvalues:\n  text: {{ .Files.Get \"conf/a.txt\" | quote }}\n  names: {{ range $name, $_ := .Files.Glob \"conf/**\" }}{{ $name }},{{ end }}\n  lines: {{ .Files.Lines \"conf/a.txt\" | len }}\n  none: {{ .Files.Get \"values.yaml\" | quote }}\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/.helmignore", "*.bak\n"),
        ("web/conf/a.txt", "one\ntwo\n"),
        ("web/conf/b/c.txt", "x"),
        ("web/conf/d.bak", "x"),
        ("web/templates/a.yaml", template),
    ]);
    let made = tree.made("");
    let values = write::to_json(made.documents[0].trees[0].get("values").unwrap());
    let expected =
        json!({"text": "one\ntwo\n", "names": "conf/a.txt,conf/b/c.txt,", "lines": 2, "none": ""});
    assert_eq!(values, expected);
}
