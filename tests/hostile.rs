//! Hostile input: demo repositories with random damage, through the whole check and every report.
//! The check must not panic, every finding must point into a file, and two runs must agree.
//!
//! `PROPTEST_CASES=5000 cargo test --release --test hostile` tries more cases.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Tree, memory, testdata};
use gitops_lint::check::{self, Base, BaseInputs, PolicySet, Request};
use gitops_lint::config::Config;
use gitops_lint::policy;
use gitops_lint::repo::Repo;
use gitops_lint::report::{self, Format};
use gitops_lint::source::Files;
use proptest::prelude::*;

/// No input takes a debug build a tenth of this on a machine with nothing else to do. One that never
/// ends, or takes the square of its size, takes longer.
const LONGEST: Duration = Duration::from_secs(180);

/// Damage to a file. The numbers choose a line, modulo the number of lines.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    DropLine(usize),
    DoubleLine(usize),
    MoveLine(usize, usize),
    Indent(usize, usize),
    Insert(usize, String),
    ReplaceValue(usize, String),
    TakeFrom(usize),
    Remove,
}

/// Texts that have a meaning somewhere in YAML, kustomize or Kubernetes.
const TOKENS: &[&str] = &[
    "null",
    "{}",
    "[]",
    "-1",
    "~",
    "''",
    "\"",
    "'",
    "*a",
    "&a",
    "<<: *a",
    "<<: [1]",
    "---",
    "...",
    "- ",
    "? ",
    ": ",
    "!!binary x",
    "|",
    ">-",
    "$patch: delete",
    "$patch: replace",
    "$patch: nonsense",
    "../..",
    "../../../../..",
    ".",
    "/",
    "/etc/passwd",
    "https://x//y?ref=z",
    "kind: List",
    "kind: Component",
    "items: [1, {}]",
    "name: ''",
    "apiVersion: v1",
    "\u{feff}",
    "\r",
    "\t",
    "é",
    "\u{202e}",
    "0777",
    "1e999",
    "99999999999999999999",
    "[[[[[[[[[[[[[[[[[[[[",
    "{{ .x }}",
    "${X:-y}",
    "sha256:0",
    "@",
    ":",
    "a/b:c@d",
    "*",
    "(?",
    "[a-",
    "9223372036854775807",
    "target: {}",
    "op: test",
    "path: /a/~2",
    "- op: move",
    "options: {create: true}",
    "fieldPaths: [a.[b=].c]",
    "behavior: merge",
];

fn damage() -> impl Strategy<Value = Damage> {
    let line = 0usize..400;
    let token = || {
        prop_oneof![
            proptest::sample::select(TOKENS).prop_map(str::to_string),
            "(?s).{0,12}"
        ]
    };
    prop_oneof![
        line.clone().prop_map(Damage::Cut),
        line.clone().prop_map(Damage::DropLine),
        line.clone().prop_map(Damage::DoubleLine),
        (line.clone(), line.clone()).prop_map(|(from, to)| Damage::MoveLine(from, to)),
        (line.clone(), 0usize..9).prop_map(|(at, by)| Damage::Indent(at, by)),
        (line.clone(), token()).prop_map(|(at, text)| Damage::Insert(at, text)),
        (line.clone(), token()).prop_map(|(at, text)| Damage::ReplaceValue(at, text)),
        line.prop_map(Damage::TakeFrom),
        Just(Damage::Remove),
    ]
}

fn apply(tree: &mut Tree, file: usize, damage: &Damage) {
    let names: Vec<String> = tree.keys().cloned().collect();
    let Some(name) = names.get(file % names.len().max(1)) else {
        return;
    };
    let text = tree.get(name).cloned().unwrap_or_default();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_string).collect();
    let count = lines.len().max(1);
    lines.resize(count, String::new());
    match damage {
        Damage::Cut(at) => {
            let mut end = (at * 7) % (text.len() + 1);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            lines = vec![text[..end].to_string()];
        }
        Damage::DropLine(at) => drop(lines.remove(at % count)),
        Damage::DoubleLine(at) => lines.insert(at % count, lines[at % count].clone()),
        Damage::MoveLine(from, to) => {
            let line = lines.remove(from % count);
            lines.insert(to % count.min(lines.len() + 1), line);
        }
        Damage::Indent(at, by) => {
            let line = &mut lines[at % count];
            *line = format!("{}{}", " ".repeat(*by), line.trim_start());
        }
        Damage::Insert(at, token) => lines.insert(at % count, format!("{token}\n")),
        Damage::ReplaceValue(at, token) => {
            let line = &mut lines[at % count];
            let key = line
                .split_inclusive(": ")
                .next()
                .unwrap_or_default()
                .trim_end_matches('\n')
                .to_string();
            *line = format!("{key} {token}\n");
        }
        Damage::TakeFrom(other) => {
            lines = vec![
                tree.values()
                    .nth(other % names.len())
                    .cloned()
                    .unwrap_or_default(),
            ]
        }
        Damage::Remove => {
            tree.remove(name);
            return;
        }
    }
    tree.insert(name.clone(), lines.concat());
}

/// Runs the whole check and writes every report. Returns the JSON report.
fn check(tree: &Tree, base: &Tree) -> String {
    let (config, files) = (Config::default(), Arc::new(Files::default()));
    let repo = Repo::load_with(Arc::new(memory(tree)), None, &config, files.clone());
    let base = Repo::load_with(Arc::new(memory(base).at("base")), None, &config, files);
    let base = Base::new(
        BaseInputs::new(base, config.clone(), Default::default()),
        &repo,
    );
    let options = policy::Options::default();
    let policies = policy::load(&*repo.source, &config, policy::Added::default(), &options);
    let policies = policies.as_ref().ok();
    let outcome = check::run(Request {
        base: Some(&base),
        everything: true,
        policies: policies.map(|policies| PolicySet {
            policies,
            options: &options,
            log: None,
            named_by_caller: false,
        }),
        ..Request::new(&repo, &config, common::time("2026-06-01T12:00:00Z"))
    });
    for located in &outcome.findings {
        let file = repo.files.get(located.finding.origin.file);
        let lines = file.line_starts().len();
        let (start, end) = (
            located.finding.origin.start as usize,
            located.finding.origin.end as usize,
        );
        assert!(
            start <= end && file.text.get(start..end).is_some(),
            "{}: {start}..{end}",
            located.finding.message
        );
        assert!(
            located.location.line >= 1 && located.location.line <= lines,
            "{}",
            located.finding.message
        );
    }
    let mut json = Vec::new();
    let formats = [
        Format::Pretty,
        Format::Concise,
        Format::Sarif,
        Format::Github,
        Format::Gitlab,
        Format::Junit,
        Format::Markdown,
        Format::Json,
    ];
    for format in formats {
        json.clear();
        report::write(format, &outcome, &mut json, &report::Options::default()).unwrap();
    }
    String::from_utf8(json).unwrap()
}

/// A ConfigMap.
const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n";

/// Several of it.
fn objects(count: usize) -> String {
    let object = |number| {
        let name = format!("name: n{number}");
        format!("---\n{}", OBJECT.replace("name: one", &name))
    };
    (0..count).map(object).collect()
}

/// Small files that ask for an endless build end soon, in an error that names the limit.
#[test]
fn builds_that_multiply_fail_the_check_soon() {
    let mut components = Tree::new();
    let kind = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    for layer in 0..24 {
        let next = format!("{kind}components: [../c{0}, ../c{0}]\n", layer + 1);
        components.insert(format!("c{layer}/kustomization.yaml"), next);
    }
    let last = format!("{kind}commonAnnotations: {{a: b}}\n");
    components.insert("c24/kustomization.yaml".into(), last);
    let copies: String = (0..40)
        .map(|number| format!("    - {{op: copy, from: /data, path: /data/k{number}}}\n"))
        .collect();
    let patch = format!("patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{copies}");
    let mut bases = Tree::new();
    for layer in 0..24 {
        for name in ["a", "b"] {
            let next = layer + 1;
            let text =
                format!("namePrefix: {name}-\nresources: [../../l{next}/a, ../../l{next}/b]\n");
            bases.insert(format!("l{layer}/{name}/kustomization.yaml"), text);
        }
    }
    for name in ["a", "b"] {
        let folder = format!("l24/{name}");
        bases.insert(
            format!("{folder}/kustomization.yaml"),
            "resources: [one.yaml]\n".into(),
        );
        bases.insert(format!("{folder}/one.yaml"), OBJECT.into());
    }
    let inserts = "    - {op: add, path: /data/list/0, value: v}\n".repeat(40_000);
    let list = format!("    - {{op: add, path: /data/list, value: []}}\n{inserts}");
    let inserts = format!("patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{list}");
    let labels: String = (0..1000)
        .map(|at| format!("- {{pairs: {{l{at}: v}}}}\n"))
        .collect();
    let labels = format!("- many.yaml\nlabels:\n{labels}");
    let grown: String = (0..400)
        .map(|at| {
            let index = at % 5;
            format!("- source: {{kind: ConfigMap, name: n{at}, fieldPath: data.a}}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.a], options: {{delimiter: '-', index: {index}}}}}]\n")
        })
        .collect();
    let grown = format!("- many.yaml\nreplacements:\n{grown}");
    let many = Tree::from([("apps/x/production/many.yaml".to_string(), objects(400))]);
    for (mut tree, rest, limit) in [
        (many.clone(), &*labels, "steps"),
        (many, &grown, "steps"),
        (components, "components: [../../../c0]\n", "steps"),
        (Tree::new(), &patch, "copies more than"),
        (bases, "- ../../../l0/a\n", "steps"),
        (Tree::new(), &inserts, "looks at more than"),
    ] {
        let overlay = format!("resources:\n- one.yaml\n{rest}");
        tree.insert("apps/x/production/kustomization.yaml".into(), overlay);
        tree.insert("apps/x/production/one.yaml".into(), OBJECT.into());
        let start = Instant::now();
        assert!(check(&tree, &Tree::new()).contains(limit), "{limit}");
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    }
}

/// Sizes that are unusual but not forbidden: the check has to get through them.
#[test]
fn thousands_of_entries_are_judged_soon() {
    let images: String = (0..2000)
        .map(|at| format!("- {{name: i{at}, newTag: v1}}\n"))
        .collect();
    let owners: String = (0..20_000)
        .map(|at| format!("/apps/x{at}/**/*.yaml @a{at}\n"))
        .collect();
    let comments = "# gitops-lint: ignore[mutable-tag] because\n".repeat(20_000);
    let ids: Vec<String> = (0..5_000).map(|at| format!("r{at}")).collect();
    let list = format!("# gitops-lint: ignore[{}] because\n{OBJECT}", ids.join(","));
    let missing: String = (0..10_000).map(|at| format!("- m{at}.yaml\n")).collect();
    let adds: String = (0..20_000)
        .map(|at| format!("    - {{op: add, path: /data/k{at}, value: v}}\n"))
        .collect();
    let adds = format!("patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{adds}");
    let line: Vec<String> = (0..2000).map(|at| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s{at}}}, stringData: {{password: hunter2}}}}")).collect();
    let line = format!(
        "{{apiVersion: v1, kind: List, items: [{}]}}\n",
        line.join(", ")
    );
    for (name, objects, rest, owners) in [
        (
            "images",
            objects(2000),
            format!("images:\n{images}"),
            String::new(),
        ),
        ("owners", OBJECT.to_string(), String::new(), owners),
        (
            "comments",
            format!("{comments}{OBJECT}"),
            String::new(),
            String::new(),
        ),
        ("one comment", list, String::new(), String::new()),
        ("missing", OBJECT.to_string(), missing, String::new()),
        ("operations", OBJECT.to_string(), adds, String::new()),
        ("one line", line, String::new(), String::new()),
    ] {
        let mut tree = Tree::new();
        tree.insert(
            "apps/x/production/kustomization.yaml".into(),
            format!("resources:\n- one.yaml\n{rest}"),
        );
        tree.insert("apps/x/production/one.yaml".into(), objects);
        tree.insert("CODEOWNERS".into(), owners);
        let start = Instant::now();
        check(&tree, &Tree::new());
        assert!(start.elapsed() < LONGEST, "{name}: {:?}", start.elapsed());
    }
}

/// Limits of agents, charts and policies that leave something unchecked fail the check.
#[test]
fn limits_are_errors() {
    let numbers: Vec<String> = (0..80).map(|at| format!("{{a: '{at}'}}")).collect();
    let other = numbers.join(", ").replace("a: ", "b: ");
    let set = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n  goTemplate: true\n  generators:\n  - matrix: {{generators: [{{list: {{elements: [{}]}}}}, {{list: {{elements: [{other}]}}}}]}}\n  template:\n    metadata: {{name: 'x-{{{{.a}}}}-{{{{.b}}}}'}}\n    spec:\n      source: {{repoURL: 'https://git.example.com/acme/config.git', path: apps/x/production}}\n      destination: {{namespace: x}}\n",
        numbers.join(", ")
    );
    let nested = (0..5).fold("true".to_string(), |inner, at| {
        format!("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1].all(v{at}, {inner})")
    });
    let policy = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints: {{resourceRules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}}]}}\n  validations: [{{expression: \"{nested}\"}}]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: p}}\nspec: {{policyName: p, validationActions: [Deny]}}\n"
    );
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web-production}\nspec:\n  source: {repoURL: 'https://git.example.com/acme/config.git', path: charts/web}\n  destination: {namespace: web-production}\n";
    let chart = |file: &str, text: String| {
        Tree::from([
            (
                "charts/web/Chart.yaml".into(),
                "apiVersion: v2\nname: web\nversion: 1.0.0\n".into(),
            ),
            ("charts/web/values.yaml".into(), "a: b\n".into()),
            ("charts/web/templates/one.yaml".into(), OBJECT.into()),
            ("clusters/production/web.yaml".into(), application.into()),
            (format!("charts/web/{file}"), text),
        ])
    };
    let definitions: String = (0..40)
        .map(|at| {
            let next = format!("{{\"$ref\": \"#/definitions/d{}\"}}", at + 1);
            format!("\"d{at}\": {{\"anyOf\": [{next}, {next}]}}, ")
        })
        .collect();
    let schema = format!(
        "{{\"definitions\": {{{definitions}\"d40\": {{\"type\": \"string\"}}}}, \"$ref\": \"#/definitions/d0\"}}"
    );
    for (tree, rule, limit) in [
        (
            Tree::from([("clusters/production/set.yaml".into(), set)]),
            "unfollowed-agent",
            "more than 5000 Applications",
        ),
        (
            Tree::from([("apps/x/production/policy.yaml".into(), policy)]),
            "policy-error",
            "too many steps",
        ),
        (
            chart("values.schema.json", schema),
            "render-error",
            "too many steps",
        ),
    ] {
        let mut tree = tree;
        let overlay = match tree.contains_key("apps/x/production/policy.yaml") {
            true => "resources: [one.yaml, policy.yaml]\n",
            false => "resources: [one.yaml]\n",
        };
        tree.insert(
            "apps/x/production/kustomization.yaml".into(),
            overlay.into(),
        );
        tree.insert("apps/x/production/one.yaml".into(), OBJECT.into());
        let start = Instant::now();
        let report: serde_json::Value = serde_json::from_str(&check(&tree, &Tree::new())).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let is_told = findings.iter().any(|finding| {
            let message = finding["message"].as_str().unwrap();
            finding["rule"] == rule && finding["severity"] == "error" && message.contains(limit)
        });
        assert!(is_told, "{rule}: {findings:#?}");
        assert!(start.elapsed() < LONGEST, "{rule}: {:?}", start.elapsed());
    }
}

/// Fixes of thousands of findings in one file do not take the square of its size.
#[test]
fn thousands_of_findings_get_fixes_soon() {
    let images: String = (0..5_000)
        .map(|at| format!("- {{name: i{at}, newTag: v1}}\n"))
        .collect();
    let comments = "# gitops-lint: ignore[mutable-tag] because\n".repeat(20_000);
    for rest in [format!("images:\n{images}"), comments] {
        let mut tree = Tree::new();
        let overlay = format!("resources:\n- one.yaml\n{rest}");
        tree.insert("apps/x/production/kustomization.yaml".into(), overlay);
        tree.insert("apps/x/production/one.yaml".into(), OBJECT.into());
        let config = Config::default();
        let repo = Repo::load(Arc::new(memory(&tree)), None, &config);
        let now = common::time("2026-06-01T12:00:00Z");
        let mut outcome = check::run(Request::new(&repo, &config, now));
        assert!(outcome.findings.len() >= 5_000);
        let start = Instant::now();
        gitops_lint::fix::attach(&mut outcome.findings, &repo);
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
        let fixed = outcome.findings.iter().filter(|one| one.fix.is_some());
        assert!(fixed.count() >= 10);
    }
}

proptest! {
    // few cases by default, because each one checks a whole repository
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48), max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_the_check_fall_over(
        shop in any::<bool>(),
        damages in proptest::collection::vec((0usize..500, damage()), 1..6),
    ) {
        let healthy = common::tree(&testdata(if shop { "repos/shop" } else { "repos/transformers" }));
        let mut damaged = healthy.clone();
        for (file, damage) in &damages {
            apply(&mut damaged, *file, damage);
        }
        let said = check(&damaged, &healthy);
        prop_assert_eq!(said, check(&damaged, &healthy));
    }
}
