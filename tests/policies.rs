//! The built-in policies pass their own tests, and what policies see and report.

#![allow(clippy::unwrap_used)]

mod program;

use std::path::Path;

use gitops_lint::policy::{Namespaces, Options, Policies, PolicyFile, TestOutcome};
use program::Repo;
use serde_json::Value;

#[test]
fn the_policies_pass_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "rego")
    });
    paths.sort();
    let files: Vec<PolicyFile> = paths
        .iter()
        .map(|path| PolicyFile {
            path: path.display().to_string(),
            text: std::fs::read_to_string(path).unwrap().into(),
        })
        .collect();
    for file in files
        .iter()
        .filter(|file| !file.path.ends_with("_test.rego"))
    {
        let test = file.path.replace(".rego", "_test.rego");
        assert!(
            files.iter().any(|other| other.path == test),
            "{} has no tests",
            file.path
        );
        assert!(
            file.text.starts_with("# METADATA"),
            "{} does not say what it is for",
            file.path
        );
    }
    let options = Options {
        namespaces: Namespaces::All,
        ..Options::default()
    };
    let policies = Policies::compile(files, Vec::new(), &options)
        .map_err(|problems| problems[0].to_string())
        .unwrap();
    assert!(policies.len() >= 8);
    let (results, _) = policies.test(&|_| true, false);
    assert!(results.len() >= 16, "{}", results.len());
    for result in results {
        assert_eq!(
            result.outcome,
            TestOutcome::Passed,
            "{}:{} {}",
            result.path,
            result.line,
            result.name
        );
    }
}

/// A repo with one app in staging and production.
fn shop() -> Repo {
    let repo = Repo::new();
    repo.write(
        "apps/api/base/kustomization.yaml",
        "resources: [deployment.yaml, secret.yaml]\n",
    );
    repo.write("apps/api/base/secret.yaml", SECRET);
    repo.write("apps/api/base/deployment.yaml", DEPLOYMENT);
    for environment in ["staging", "production"] {
        let path = format!("apps/api/overlays/{environment}/kustomization.yaml");
        repo.write(&path, "resources: [../../base]\n");
    }
    repo
}

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: api}
stringData: {password: hunter2}
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  annotations: {example.com/owner: nobody}
spec:
  replicas: 1
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: server
          image: registry.example.com/api:v1
";

/// The findings of policies: rule, file with line and message, sorted.
fn findings(repo: &Repo, policy: &str, more: &[&str]) -> Vec<String> {
    repo.write("policies/main.rego", policy);
    let mut arguments = vec!["check", "--policy", "policies", "--format", "json"];
    arguments.extend(more);
    let report = repo.run(&arguments).json();
    told(&report, |finding, at| {
        let (rule, message) = (text(&finding["rule"]), text(&finding["message"]));
        format!("{rule} {at} {message}")
    })
}

/// The findings of policies in a report, each in one line with its place, sorted.
fn told(report: &Value, line: impl Fn(&Value, &str) -> String) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let is_policy = |finding: &&Value| text(&finding["rule"]).starts_with("policy");
    let line = |finding: &Value| {
        let at = &finding["location"];
        line(finding, &format!("{}:{}", text(&at["file"]), at["line"]))
    };
    let mut found: Vec<String> = findings.filter(is_policy).map(line).collect();
    found.sort();
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_objects_of_an_overlay_can_be_one_input() {
    let policy = "package main\ndeny contains msg if {\n\tkinds := sort([file.contents.kind | some file in input])\n\tmsg := concat(\",\", kinds)\n}\ndeny_path contains {\"msg\": file.path, \"kind\": \"Deployment\", \"name\": \"api\", \"path\": [\"spec\", \"replicas\"]} if {\n\tsome file in input\n\tfile.contents.kind == \"Deployment\"\n}\n";
    assert_eq!(
        findings(&shop(), policy, &["--combine"]),
        [
            "policy/main/deny apps/api/overlays/production/kustomization.yaml:1 Deployment,Secret",
            "policy/main/deny apps/api/overlays/staging/kustomization.yaml:1 Deployment,Secret",
            "policy/main/deny_path apps/api/base/deployment.yaml:7 apps/api/base/deployment.yaml",
        ]
    );
}

#[test]
fn policies_see_the_files_themselves() {
    let repo = shop();
    repo.write(
        ".github/workflows/ci.yaml",
        "on: push\njobs: {a: {runs-on: x}}\n",
    );
    let policy = "package source\ndeny contains {\"msg\": msg, \"path\": \"resources\"} if {\n\tdata.conftest.file.name == \"kustomization.yaml\"\n\tcount(input.resources) > 1\n\tmsg := sprintf(\"%s has %d\", [data.gitops.path, count(input.resources)])\n}\ndeny_job contains name if {\n\tdata.conftest.file.dir == \".github/workflows\"\n\tsome name, _ in input.jobs\n}\ndeny_secret contains msg if {\n\tinput.kind == \"Secret\"\n\tmsg := sprintf(\"password %s\", [input.stringData.password])\n}\n";
    let found = findings(&repo, policy, &[]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(
        found[..2],
        [
            "policy/source/deny apps/api/base/kustomization.yaml:1 apps/api/base/kustomization.yaml has 2",
            "policy/source/deny_job .github/workflows/ci.yaml:1 a",
        ]
    );
    assert!(!found[2].contains("hunter"), "{found:?}");
}

#[test]
fn findings_point_at_what_the_result_names() {
    let policy = "package main\ndeny contains {\"msg\": \"a\", \"path\": \"metadata.annotations[\\\"example.com/owner\\\"]\"} if input.kind == \"Deployment\"\ndeny contains {\"msg\": \"b\", \"_loc\": {\"file\": \"apps/api/base/deployment.yaml\", \"line\": 3}} if input.kind == \"Deployment\"\ndeny contains \"image registry.example.com/api:v1 is old\" if input.kind == \"Deployment\"\ndeny contains \"no probes\" if input.kind == \"Deployment\"\n";
    assert_eq!(
        findings(&shop(), policy, &[]),
        [
            "policy/main/deny apps/api/base/deployment.yaml:1 no probes",
            "policy/main/deny apps/api/base/deployment.yaml:14 image registry.example.com/api:v1 is old",
            "policy/main/deny apps/api/base/deployment.yaml:3 b",
            "policy/main/deny apps/api/base/deployment.yaml:5 a",
        ]
    );
}

#[test]
fn a_policy_that_cannot_be_loaded_is_found_and_the_others_run() {
    let repo = shop();
    repo.write(
        "policies/broken.rego",
        "package main\n\nwarn contains x if {\n",
    );
    let policy = "package main\ndeny contains \"a\" if input.kind == \"Deployment\"\n";
    let expected = [
        "policy-error policies/broken.rego:4 this policy cannot be loaded: unexpected end of the file",
        "policy/main/deny apps/api/base/deployment.yaml:1 a",
    ];
    assert_eq!(findings(&repo, policy, &[]), expected);
    // a part of the repo is judged by all policies
    let found = findings(&repo, policy, &["--environment", "staging"]);
    assert_eq!(found, expected);
    for format in ["sarif", "junit", "gitlab", "github", "markdown", "concise"] {
        let out = repo
            .run(&["check", "--policy", "policies", "--format", format])
            .out;
        assert!(out.contains("cannot be loaded"), "{format}: {out}");
    }
}

#[test]
fn prints_and_traces_go_to_standard_error() {
    let repo = shop();
    let policy = "package main\ndeny contains \"a\" if {\n\tinput.kind == \"Deployment\"\n\tprint(\"see \\u001b[31m\", input.metadata.name)\n}\n";
    repo.write("policies/main.rego", policy);
    let run = repo.run(&["check", "--policy", "policies", "--format", "concise"]);
    assert!(run.err.contains("policies/main.rego:4: see"), "{}", run.err);
    assert!(
        !run.err.contains('\u{1b}') && !run.err.contains("trace:"),
        "{}",
        run.err
    );
    let run = repo.run(&["check", "--policy", "policies", "--trace"]);
    let traced =
        "trace: data.main.deny with Deployment/api of apps/api/overlays/production: 1 result";
    assert!(run.err.contains(traced), "{}", run.err);
}

#[test]
fn metadata_describes_rules() {
    let repo = shop();
    let policy = "package main\n\n# METADATA\n# title: Owner is known\n# description: Somebody answers for it.\n# related_resources:\n# - https://example.com/owners\n# custom:\n#   id: OWN-1\n#   severity: low\n#   help: name an owner\ndeny contains \"a\" if input.kind == \"Deployment\"\n";
    assert_eq!(
        findings(&repo, policy, &[]),
        ["policy/OWN-1 apps/api/base/deployment.yaml:1 a"]
    );
    let report = repo
        .run(&["check", "--policy", "policies", "--format", "sarif"])
        .json();
    let rules = report["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "policy/OWN-1")
        .unwrap();
    assert_eq!(rule["shortDescription"]["text"], "Owner is known");
    assert_eq!(rule["fullDescription"]["text"], "Somebody answers for it.");
    assert_eq!(rule["helpUri"], "https://example.com/owners");
    assert_eq!(
        rule["help"]["text"],
        "name an owner; see https://example.com/owners"
    );
}

#[test]
fn a_promotion_tells_images_files_and_both_revisions() {
    let repo = shop();
    let policy = "package promotion\nwarn contains msg if {\n\tsome image in input.images\n\tmsg := sprintf(\"%s %v %s %v\", [image.name, image.from, image.to, input.changed_files])\n}\n";
    assert_eq!(
        findings(&repo, policy, &[]),
        [
            "policy/promotion/warn apps/api/overlays/production/kustomization.yaml:1 registry.example.com/api registry.example.com/api:v1 registry.example.com/api:v1 null"
        ]
    );
    repo.git(&["init", "-q"]).commit_on(1, "start");
    repo.write(
        "apps/api/base/deployment.yaml",
        &DEPLOYMENT.replace("replicas: 1", "replicas: 3"),
    );
    let policy = "package main\ndeny contains msg if {\n\tdata.gitops.protected\n\tdata.gitops.base.spec.replicas < input.spec.replicas\n\tmsg := sprintf(\"%d to %d, environment %d of %d\", [data.gitops.base.spec.replicas, input.spec.replicas, data.gitops.order + 1, count(data.gitops.environments)])\n}\n";
    assert_eq!(
        findings(&repo, policy, &["--base", "HEAD"]),
        ["policy/main/deny apps/api/base/deployment.yaml:1 1 to 3, environment 4 of 4"]
    );
}

#[test]
fn the_examples_of_the_documentation_can_be_loaded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples = text.split("```rego\n").skip(1);
    let mut count = 0;
    for example in examples {
        let file = PolicyFile {
            path: "example.rego".to_string(),
            text: example.split("```").next().unwrap().into(),
        };
        let policies = Policies::compile(vec![file], Vec::new(), &Options::default());
        let policies = policies
            .map_err(|problems| problems[0].to_string())
            .unwrap();
        assert!(!policies.is_empty(), "{example}");
        count += 1;
    }
    assert!(count >= 4, "{count} examples");
}

const TEMPLATE: &str = "apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8sowner}
spec:
  crd:
    spec:
      names: {kind: K8sOwner}
      validation:
        openAPIV3Schema:
          type: object
          properties: {key: {type: string, default: owner}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package k8sowner
        import data.lib.labels
        violation[{\"msg\": msg}] {
          not labels.has(input.review.object, input.parameters.key)
          msg := sprintf(\"%v has no label %v\", [input.review.object.metadata.name, input.parameters.key])
        }
      libs:
        - |
          package lib.labels
          has(object, key) { object.metadata.labels[key] }
";

fn constraint(spec: &str) -> String {
    format!(
        "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sOwner\nmetadata: {{name: owner}}\nspec: {spec}\n"
    )
}

/// The findings of a check: severity, rule, place and message, sorted.
fn refusals(repo: &Repo, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["check", "--format", "json", "--all"];
    arguments.extend(more);
    let report = repo.run(&arguments).json();
    told(&report, |finding, at| {
        let overlay = finding["environment"].as_str().unwrap_or("-");
        let (severity, rule) = (text(&finding["severity"]), text(&finding["rule"]));
        format!(
            "{severity} {rule} {at} {overlay}: {}",
            text(&finding["message"])
        )
    })
}

/// Lets an environment render policies.
fn enforce(repo: &Repo, environment: &str, policies: &[&str]) {
    let folder = format!("apps/guard/overlays/{environment}");
    let list = "resources: [policies.yaml]\n";
    repo.write(&format!("{folder}/kustomization.yaml"), list);
    repo.write(&format!("{folder}/policies.yaml"), &policies.join("---\n"));
}

#[test]
fn gatekeeper_refuses_objects_of_the_environment_that_has_its_constraints() {
    let of_deployments = |more: &str| {
        constraint(&format!(
            "{{{more}match: {{kinds: [{{apiGroups: [apps], kinds: [Deployment]}}]}}}}"
        ))
    };
    let repo = shop();
    enforce(&repo, "production", &[TEMPLATE, &of_deployments("")]);
    let refused = "policy/gatekeeper/K8sOwner apps/api/base/deployment.yaml:1 production: api has no label owner";
    assert_eq!(refusals(&repo, &[]), [format!("error {refused}")]);
    for (action, severity) in [("warn", "warning"), ("dryrun", "info")] {
        let spec = of_deployments(&format!("enforcementAction: {action}, "));
        enforce(&repo, "production", &[TEMPLATE, &spec]);
        assert_eq!(refusals(&repo, &[]), [format!("{severity} {refused}")]);
    }
    let scoped = "enforcementAction: scoped, scopedEnforcementActions: [{action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}], ";
    for spec in [
        of_deployments("parameters: {key: app}, ").replace("match:", "match_:"),
        of_deployments(scoped),
        constraint("{match: {kinds: [{apiGroups: [apps], kinds: [StatefulSet]}]}}"),
        constraint("{match: {namespaces: [elsewhere]}}"),
        constraint("{match: {labelSelector: {matchLabels: {app: other}}}}"),
        constraint("{match: {kinds: [{apiGroups: [''], kinds: [Deployment]}]}}"),
    ] {
        let labelled = DEPLOYMENT.replace("  name: api\n", "  name: api\n  labels: {app: api}\n");
        repo.write("apps/api/base/deployment.yaml", &labelled);
        let only_deployments = SECRET.replace("name: api", "name: api, labels: {app: api}");
        repo.write("apps/api/base/secret.yaml", &only_deployments);
        enforce(&repo, "production", &[TEMPLATE, &spec]);
        let found = refusals(&repo, &[]);
        let guards = |one: &&String| !one.contains("apps/guard");
        assert_eq!(found.iter().filter(guards).count(), 0, "{spec} {found:?}");
    }
}

#[test]
fn gatekeeper_policies_can_be_named() {
    let repo = shop();
    repo.write("guards/template.yaml", TEMPLATE);
    let spec = constraint("{match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}}");
    repo.write("guards/constraint.yaml", &spec);
    let expected = "error policy/gatekeeper/K8sOwner apps/api/base/deployment.yaml:1 production: api has no label owner";
    assert_eq!(refusals(&repo, &["--policy", "guards"]), [expected]);
    repo.write(".gitops-lint.yaml", "policies: [guards]\n");
    assert_eq!(refusals(&repo, &[]), [expected]);
}

#[test]
fn gatekeeper_policies_see_the_cluster() {
    let repo = shop();
    let template = TEMPLATE.replace(
        "not labels.has(input.review.object, input.parameters.key)",
        "other := data.inventory.cluster[\"v1\"].Namespace[name]; other.metadata.labels.closed",
    );
    let spec = constraint("{match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}}");
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {closed: 'yes'}}\n";
    enforce(&repo, "production", &[&template, &spec, namespace]);
    enforce(&repo, "staging", &[&template, &spec]);
    assert_eq!(refusals(&repo, &[]).len(), 1);
}

#[test]
fn a_template_that_cannot_be_loaded_is_an_error() {
    let repo = shop();
    let template = TEMPLATE.replace("labels.has(", "labels.nope(");
    enforce(&repo, "production", &[&template, &constraint("{}")]);
    let found = refusals(&repo, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("error policy-error apps/guard/overlays/production/policies.yaml:1")
    );
    assert!(found[0].contains("undefined function"), "{found:?}");
}

#[test]
fn a_change_of_policies_judges_all_apps() {
    let repo = shop();
    enforce(&repo, "production", &[TEMPLATE]);
    repo.git(&["init", "-q"]).commit_on(1, "start");
    let spec = constraint("{match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}}");
    enforce(&repo, "production", &[TEMPLATE, &spec]);
    let report = repo
        .run(&["check", "--base", "HEAD", "--format", "json"])
        .json();
    let found = report["findings"].to_string();
    assert!(found.contains("api has no label owner"), "{found}");
}

const ADMISSION: &str = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  matchConditions:
    - {name: api, expression: 'object.metadata.name != \"other\"'}
  variables:
    - {name: wanted, expression: 'int(params.data.replicas)'}
  validations:
    - expression: object.spec.replicas >= variables.wanted
      messageExpression: '\"needs \" + string(variables.wanted) + \" replicas\"'
    - expression: '!has(object.metadata.annotations) || object.metadata.?annotations[?\"example.com/owner\"].orValue(\"\") != \"root\"'
      message: not owned by root
";
const BINDING: &str = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: replicas}
spec:
  policyName: replicas
  paramRef: {name: replicas, namespace: default, parameterNotFoundAction: Deny}
  validationActions: [Deny]
";
const PARAMETERS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: replicas, namespace: default}
data: {replicas: '2'}
";

#[test]
fn the_api_server_refuses_objects_by_its_own_policies() {
    let repo = shop();
    enforce(&repo, "production", &[ADMISSION, BINDING, PARAMETERS]);
    let refused =
        "policy/admission/replicas apps/api/base/deployment.yaml:1 production: needs 2 replicas";
    assert_eq!(refusals(&repo, &[]), [format!("error {refused}")]);
    for (action, severity) in [
        ("Warn", "warning"),
        ("Audit", "info"),
        ("Audit, Warn", "warning"),
    ] {
        let binding = BINDING.replace("Deny]", &format!("{action}]"));
        enforce(&repo, "production", &[ADMISSION, &binding, PARAMETERS]);
        assert_eq!(refusals(&repo, &[]), [format!("{severity} {refused}")]);
    }
    let admitted = [
        ADMISSION.replace("[deployments]", "[statefulsets]"),
        ADMISSION.replace("[apps]", "[batch]"),
        ADMISSION.replace("\"other\"", "\"api\""),
        ADMISSION.replace("[CREATE, UPDATE]", "[DELETE]"),
        ADMISSION.replace(
            "matchConstraints:",
            "matchConstraints:\n    objectSelector: {matchLabels: {x: y}}",
        ),
        ADMISSION.replace(
            "matchConstraints:",
            "matchConstraints:\n    namespaceSelector: {matchLabels: {x: y}}",
        ),
    ];
    for policy in admitted {
        enforce(&repo, "production", &[&policy, BINDING, PARAMETERS]);
        assert_eq!(refusals(&repo, &[]), [""; 0], "{policy}");
    }
    // without a binding, a policy judges nothing
    enforce(&repo, "production", &[ADMISSION, PARAMETERS]);
    assert_eq!(refusals(&repo, &[]), [""; 0]);
}

#[test]
fn what_of_an_admission_policy_is_not_evaluated_is_told() {
    let repo = shop();
    for (policy, reason) in [
        (
            ADMISSION.replace(
                "object.spec.replicas >=",
                "authorizer.group('').check('x') >=",
            ),
            "authorizer",
        ),
        (
            ADMISSION.replace("object.spec.replicas >=", "object.spec.replicas >= ("),
            "is not evaluated",
        ),
        (
            ADMISSION.replace("object.spec.replicas >=", "object.spec.minReadySeconds >="),
            "minReadySeconds",
        ),
    ] {
        enforce(&repo, "production", &[&policy, BINDING, PARAMETERS]);
        let found = refusals(&repo, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("info policy-error"), "{found:?}");
        assert!(found[0].contains(reason), "{found:?}");
    }
    enforce(&repo, "production", &[ADMISSION, BINDING]);
    let found = refusals(&repo, &[]);
    assert!(found[0].contains("its parameters are not in"), "{found:?}");
}

fn kyverno(rule: &str) -> String {
    format!(
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {{name: team}}\nspec:\n  validationFailureAction: Enforce\n  rules:\n    - name: rule\n      match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}\n{rule}\n"
    )
}

#[test]
fn kyverno_refuses_workloads_by_the_pods_that_they_make() {
    let repo = shop();
    let cases = [
        (
            "      validate: {message: no latest, pattern: {spec: {containers: [{image: '!*:v1'}]}}}",
            "14 production: no latest",
        ),
        (
            "      validate: {message: '{{ request.object.kind }} needs a label', pattern: {metadata: {labels: {team: '?*'}}}}",
            "10 production: Pod needs a label",
        ),
        (
            "      validate:\n        message: not allowed\n        foreach:\n          - list: request.object.spec.containers\n            deny: {conditions: {any: [{key: '{{ element.image }}', operator: AnyIn, value: ['registry.example.com/*']}]}}",
            "13 production: not allowed",
        ),
        (
            "      validate: {message: in CEL, cel: {expressions: [{expression: 'object.spec.containers.all(c, has(c.resources))'}]}}",
            "1 production: in CEL",
        ),
    ];
    for (rule, expected) in cases {
        enforce(&repo, "production", &[&kyverno(rule)]);
        let found = refusals(&repo, &[]);
        let expected =
            format!("error policy/kyverno/team/rule apps/api/base/deployment.yaml:{expected}");
        if rule.contains("in CEL") {
            assert!(
                found[0].ends_with(": in CEL") || found[0].contains("failed expression"),
                "{found:?}"
            );
        } else {
            assert_eq!(found, [expected], "{rule}");
        }
    }
    let audit = kyverno(cases[0].0).replace("Enforce", "Audit");
    enforce(&repo, "production", &[&audit]);
    assert!(refusals(&repo, &[])[0].starts_with("info policy/kyverno/team/rule"));
    for rule in [
        "      exclude: {any: [{resources: {namespaces: ['*'], kinds: [Pod]}}, {resources: {kinds: [Pod]}}]}\n      validate: {message: a, pattern: {spec: {x: y}}}",
        "      preconditions: {all: [{key: '{{ request.operation }}', operator: Equals, value: DELETE}]}\n      validate: {message: a, pattern: {spec: {x: y}}}",
        "      validate: {message: a, pattern: {spec: {containers: [{(image): 'nginx*', name: x}]}}}",
        "      validate: {message: a, anyPattern: [{spec: {x: y}}, {spec: {containers: [{name: server}]}}]}",
    ] {
        enforce(&repo, "production", &[&kyverno(rule)]);
        assert_eq!(refusals(&repo, &[]), [""; 0], "{rule}");
    }
    for rule in [
        "      validate: {podSecurity: {level: baseline}}",
        "      context: [{name: pods, apiCall: {urlPath: /api}}]\n      validate: {message: a, deny: {conditions: {any: [{key: '{{ pods }}', operator: Equals, value: 1}]}}}",
        "      validate: {message: a, deny: {conditions: {any: [{key: '{{ request.userInfo.username }}', operator: Equals, value: b}]}}}",
    ] {
        enforce(&repo, "production", &[&kyverno(rule)]);
        let found = refusals(&repo, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("info policy-error"), "{found:?}");
    }
}

#[test]
fn suites_of_admission_controllers_are_run() {
    let repo = Repo::new();
    repo.write("gatekeeper/template.yaml", TEMPLATE);
    repo.write("gatekeeper/constraint.yaml", &constraint("{}"));
    repo.write("gatekeeper/object.yaml", DEPLOYMENT);
    repo.write("gatekeeper/suite.yaml", "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\nmetadata: {name: a}\ntests:\n  - name: owner\n    template: template.yaml\n    constraint: constraint.yaml\n    cases:\n      - {name: refused, object: object.yaml, assertions: [{violations: 1, message: no label}]}\n      - {name: wrong, object: object.yaml, assertions: [{violations: no}]}\n");
    let rule = "      validate: {message: a, pattern: {spec: {containers: [{image: '!*:v1'}]}}}";
    repo.write("kyverno/policy.yaml", &kyverno(rule));
    repo.write("kyverno/object.yaml", DEPLOYMENT);
    repo.write("kyverno/kyverno-test.yaml", "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\nmetadata: {name: a}\npolicies: [policy.yaml]\nresources: [object.yaml]\nresults:\n  - {policy: team, rule: rule, kind: Deployment, resources: [api], result: fail}\n  - {policy: team, rule: rule, kind: Deployment, resources: [api], result: pass}\n");
    let run = repo.run(&["policy", "test", "."]);
    assert_eq!(run.status, 1);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", run.out);
    assert!(
        lines[0].starts_with("pass ./gatekeeper/suite.yaml:9 owner/refused"),
        "{}",
        run.out
    );
    assert!(
        lines[1].starts_with("FAIL ./gatekeeper/suite.yaml:10 owner/wrong"),
        "{}",
        run.out
    );
    assert!(
        lines[2].starts_with("pass ./kyverno/kyverno-test.yaml:7 team/rule/api"),
        "{}",
        run.out
    );
    assert!(
        lines[3].starts_with("FAIL ./kyverno/kyverno-test.yaml:8 team/rule/api"),
        "{}",
        run.out
    );
}
