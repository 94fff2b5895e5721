//! The additions of Flux and Argo CD objects to the folders that they apply, and the overlays that
//! result. The repos are small, in memory, and rendered completely.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use gitops_lint::config::Config;
use gitops_lint::repo::{Overlay, Repo};
use gitops_lint::source::memory::Memory;
use gitops_lint::yaml::Node;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 1\n  template: {spec: {containers: [{name: api, image: 'acme/api:v1', env: [{name: HOST, value: '${HOST}'}]}]}}\n";

fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Repo {
    Repo::load(Arc::new(Memory::new(files)), None, &Config::default())
}

fn flux(name: &str, path: &str, rest: &str) -> String {
    let head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n";
    format!(
        "{head}metadata: {{name: {name}, namespace: flux-system}}\nspec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{rest}"
    )
}

fn argo(name: &str, path: &str, rest: &str) -> String {
    let head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n";
    format!(
        "{head}metadata: {{name: {name}, namespace: argocd}}\nspec:\n  source:\n    repoURL: https://git.example.com/shop/config\n    path: {path}\n{rest}"
    )
}

/// `production/eu`, or the folder if the overlay belongs to no environment.
fn place(repo: &Repo, overlay: &Overlay) -> String {
    let name = repo
        .environment(overlay)
        .map_or(&*overlay.path, |environment| &*environment.name);
    overlay
        .variant
        .as_ref()
        .map_or(name.to_string(), |variant| format!("{name}/{variant}"))
}

fn value(overlay: &Overlay, pointer: &str) -> String {
    let found = overlay
        .rendered
        .resources
        .iter()
        .find_map(|resource| resource.node.pointer(pointer)?.text());
    found.unwrap_or("-").to_string()
}

/// One line per overlay: its environment, and the values at the pointers.
fn lines(repo: &Repo, pointers: &[&str]) -> Vec<String> {
    let line = |overlay: &Overlay| {
        let values: Vec<String> = pointers
            .iter()
            .map(|pointer| value(overlay, pointer))
            .collect();
        let complete = if overlay.rendered.complete {
            ""
        } else {
            " incomplete"
        };
        format!("{}: {}{complete}", place(repo, overlay), values.join(" "))
    };
    repo.overlays.iter().map(line).collect()
}

fn problems(repo: &Repo) -> Vec<String> {
    let told = |overlay: &Overlay| -> Vec<String> {
        let refused = overlay
            .rendered
            .problems
            .iter()
            .filter(|problem| problem.kind.refused());
        refused.map(|problem| problem.message.clone()).collect()
    };
    repo.overlays.iter().flat_map(told).collect()
}

const IMAGE: &str = "/spec/template/spec/containers/0/image";

#[test]
fn flux_merges_images_and_appends_patches_and_components() {
    let object = flux(
        "api",
        "./apps/api",
        "  images:\n  - {name: acme/api, newTag: v2}\n  patches:\n  - {patch: '- {op: replace, path: /spec/replicas, value: 3}', target: {kind: Deployment}}\n  components: [../../traced, ../../missing]\n  ignoreMissingComponents: true\n  namePrefix: x-\n  targetNamespace: shop\n  commonMetadata: {labels: {team: '${HOST}'}}\n  postBuild: {substitute: {HOST: web.example}}\n",
    );
    let repo = load([
        ("clusters/production/api.yaml", &*object),
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]\nnamePrefix: y-\nimages: [{name: acme/api, newName: mirror/api, digest: 'sha256:ab'}]\n",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
        (
            "traced/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {traced: 'on'}\n",
        ),
    ]);
    let pointers = [
        "/metadata/name",
        "/metadata/namespace",
        IMAGE,
        "/spec/replicas",
        "/metadata/annotations/traced",
        "/metadata/labels/team",
    ];
    // the object's own tag removes the digest and keeps the new name; common metadata is added
    // after variables are replaced, so `${HOST}` stays
    assert_eq!(
        lines(&repo, &pointers),
        ["production: x-api shop mirror/api:v2 3 on ${HOST}"]
    );
    assert_eq!(problems(&repo), Vec::<String>::new());
    assert_eq!(
        value(
            &repo.overlays[0],
            "/spec/template/spec/containers/0/env/0/value"
        ),
        "web.example"
    );
}

#[test]
fn flux_reads_a_folder_without_kustomization_as_a_walk_does() {
    let config =
        |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let (a, b, c, d) = (config("a"), config("b"), config("c"), config("d"));
    let object = flux("all", "./clusters/production", "  targetNamespace: shop\n");
    let repo = load([
        ("clusters/production/flux-system/gotk-sync.yaml", &*object),
        (
            "clusters/production/flux-system/kustomization.yaml",
            "resources: [gotk-sync.yaml]",
        ),
        (".sourceignore", "*.draft.yaml\n"),
        ("clusters/production/a.yaml", &*a),
        ("clusters/production/a/b.yml", &*b),
        ("clusters/production/a/not.draft.yaml", "{"),
        (
            "clusters/production/c/deep/kustomization.yaml",
            "resources: [c.yaml]\nnamePrefix: built-",
        ),
        ("clusters/production/c/deep/c.yaml", &*c),
        ("clusters/production/c/deep/left-out.yaml", &*d),
        ("clusters/production/.sops.yaml", "creation_rules: []"),
        ("clusters/production/values.json", "{}"),
    ]);
    let overlay = repo
        .overlays
        .iter()
        .find(|overlay| overlay.path == "clusters/production")
        .unwrap();
    let names: Vec<(&str, Option<&str>)> = overlay
        .rendered
        .resources
        .iter()
        .map(|resource| (resource.name(), resource.namespace()))
        .collect();
    assert_eq!(
        names,
        [
            ("a", Some("shop")),
            ("b", Some("shop")),
            ("built-c", Some("shop")),
            ("all", Some("shop"))
        ]
    );
    assert_eq!(problems(&repo), Vec::<String>::new());
}

#[test]
fn variables_come_from_the_config_maps_of_the_environment() {
    let object = |region: &str| {
        flux(
            "apps",
            "./apps",
            &format!(
                "  postBuild:\n    substitute: {{REGION: {region}}}\n    substituteFrom:\n    - {{kind: ConfigMap, name: vars}}\n    - {{kind: Secret, name: keys}}\n    - {{kind: ConfigMap, name: none, optional: true}}\n"
            ),
        )
    };
    let (eu, us) = (object("eu"), object("us"));
    let loose = |host: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: vars, namespace: flux-system}}\ndata: {{HOST: {host}, KEY: shown}}\n"
        )
    };
    let (staging, production) = (loose("stage.example"), loose("shop.example"));
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {KEY: 'ENC[x]'}\nsops: {}\n";
    let object_file = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  a: ${HOST}/${REGION}\n  b: ${KEY}\n  c: ${OTHER:-x}\n";
    let repo = load([
        ("apps/kustomization.yaml", "resources: [web.yaml]"),
        ("apps/web.yaml", object_file),
        ("clusters/staging/apps.yaml", &*eu),
        ("clusters/production/apps.yaml", &*us),
        ("clusters/staging/vars.yaml", &*staging),
        ("clusters/production/vars.yaml", &*production),
        ("clusters/production/keys.yaml", secret),
        ("clusters/staging/keys.yaml", secret),
    ]);
    // values that may come from a Secret, or from an object outside of the repo, are unknown and
    // stay as written
    let expected = [
        "staging: stage.example/eu ${KEY} ${OTHER:-x}",
        "production: shop.example/us ${KEY} ${OTHER:-x}",
    ];
    assert_eq!(lines(&repo, &["/data/a", "/data/b", "/data/c"]), expected);
}

#[test]
fn a_config_map_counts_as_its_environment_renders_it() {
    let object = flux(
        "apps",
        "./apps",
        "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n",
    );
    let repo = load([
        ("apps/kustomization.yaml", "resources: [web.yaml]"),
        (
            "apps/web.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: '${HOST}', n: '${NONE}'}\n",
        ),
        ("base/kustomization.yaml", "resources: [vars.yaml]"),
        (
            "base/vars.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars}\ndata: {HOST: base.example}\n",
        ),
        (
            "clusters/staging/kustomization.yaml",
            "resources: [apps.yaml, ../../base]\n",
        ),
        (
            "clusters/production/kustomization.yaml",
            "resources: [apps.yaml, ../../base]\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: vars}, data: {HOST: shop.example}}'}]\n",
        ),
        ("clusters/staging/apps.yaml", &*object),
        ("clusters/production/apps.yaml", &*object),
    ]);
    let found: Vec<String> = lines(&repo, &["/data/a", "/data/n"])
        .into_iter()
        .filter(|line| line.contains("example"))
        .collect();
    // all sources are known, so Flux refuses a variable that none of them has
    assert_eq!(
        found,
        [
            "staging: base.example ${NONE} incomplete",
            "production: shop.example ${NONE} incomplete"
        ]
    );
}

#[test]
fn one_folder_makes_an_overlay_for_each_environment_and_setting() {
    let object = |host: &str| {
        flux(
            "api",
            "./apps/api",
            &format!("  postBuild: {{substitute: {{HOST: {host}}}}}\n"),
        )
    };
    let (eu, us, stage) = (
        object("eu.example"),
        object("us.example"),
        object("stage.example"),
    );
    let files = [
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
    ];
    let host = ["/spec/template/spec/containers/0/env/0/value"];
    let regions = load(files.into_iter().chain([
        ("clusters/production-eu/api.yaml", &*eu),
        ("clusters/production-us/api.yaml", &*us),
        ("clusters/staging-eu/api.yaml", &*stage),
    ]));
    assert_eq!(
        lines(&regions, &host),
        [
            "staging/eu: stage.example",
            "production/eu: eu.example",
            "production/us: us.example"
        ]
    );
    assert_eq!(regions.pairs.len(), 2);
    // the folders of the files name no environment, but the names of the objects do
    let named = |name: &str, host: &str| {
        argo(
            name,
            "apps/api",
            &format!("    kustomize: {{nameSuffix: -{host}}}\n"),
        )
    };
    let all = [named("api-staging", "a"), named("api-production", "b")].join("---\n");
    let names = load(files.into_iter().chain([("argocd/api.yaml", &*all)]));
    assert_eq!(
        lines(&names, &["/metadata/name"]),
        ["staging: api-a", "production: api-b"]
    );
    // `api-test` alone is no evidence for an environment `test`: no sibling differs by it
    let lone = load(
        files
            .into_iter()
            .chain([("argocd/x.yaml", &*named("api-test", "a"))]),
    );
    assert_eq!(lines(&lone, &["/metadata/name"]), ["apps/api: api-a"]);
    // two tenants in one environment
    let tenants = [
        flux("tenant-a", "apps/api", "  targetNamespace: a\n"),
        flux("tenant-b", "apps/api", "  targetNamespace: b\n"),
    ]
    .join("---\n");
    let tenants = load(
        files
            .into_iter()
            .chain([("clusters/production/tenants.yaml", &*tenants)]),
    );
    assert_eq!(
        lines(&tenants, &["/metadata/namespace"]),
        ["production/tenant-a: a", "production/tenant-b: b"]
    );
}

#[test]
fn other_repositories_are_not_looked_for_here() {
    let source = |name: &str, url: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: {url}}}\n---\n"
        )
    };
    let objects = [
        source("flux-system", "ssh://git@git.example.com/shop/config"),
        source("podinfo", "https://git.example.com/other/podinfo"),
        source("same", "https://git.example.com/shop/config.git"),
        flux("podinfo", "./apps/api", "  namePrefix: wrong-\n")
            .replace("name: flux-system}\n", "name: podinfo}\n"),
        "---\n".to_string()
            + &flux("api", "./apps/api", "  namePrefix: right-\n")
                .replace("name: flux-system}\n", "name: same}\n"),
        "---\n".to_string()
            + &argo("other", "apps/api", "    kustomize: {namePrefix: wrong-}\n")
                .replace("shop/config", "shop/elsewhere"),
        "---\n".to_string()
            + &flux("oci", "./apps/api", "  namePrefix: wrong-\n")
                .replace("kind: GitRepository, name", "kind: OCIRepository, name"),
    ];
    let objects = objects.concat();
    let repo = load([
        ("clusters/production/all.yaml", &*objects),
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
    ]);
    assert_eq!(lines(&repo, &["/metadata/name"]), ["production: right-api"]);
}

#[test]
fn argo_cd_edits_as_kustomize_does() {
    let object = argo(
        "api",
        "apps/api",
        "    kustomize:\n      images: ['acme/api=*:v3']\n      replicas: [{name: api, count: '4'}]\n      patches: [{target: {kind: Deployment}, patch: '- {op: add, path: /spec/paused, value: true}'}]\n      components: [../../none]\n      ignoreMissingComponents: true\n      commonLabels: {app: $ARGOCD_APP_NAME}\n      labelWithoutSelector: true\n      commonAnnotations: {a: '$ARGOCD_APP_NAME'}\n      namespace: shop\n",
    );
    let files = [
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]\nimages: [{name: acme/api, newName: mirror/api, newTag: v2}]\n",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
    ];
    let pointers = [
        IMAGE,
        "/spec/replicas",
        "/spec/paused",
        "/metadata/labels/app",
        "/spec/selector/matchLabels/app",
        "/metadata/annotations/a",
    ];
    let repo = load(files.into_iter().chain([("argocd/api.yaml", &*object)]));
    assert_eq!(
        lines(&repo, &pointers),
        ["apps/api: mirror/api:v3 4 true api - $ARGOCD_APP_NAME"]
    );
    let source = "kustomize: {replicas: null, images: ['acme/api:v9']}";
    let files_beside = load(files.into_iter().chain([
        ("argocd/api.yaml", &*object),
        ("apps/api/.argocd-source-argocd_api.yaml", source),
    ]));
    assert_eq!(
        lines(&files_beside, &pointers[..2]),
        ["apps/api: acme/api:v9 1"]
    );
    // the overlay's list of files includes the Application and `.argocd-source.yaml`
    let read = files_beside.overlays[0]
        .rendered
        .files
        .iter()
        .map(|file| files_beside.files.get(*file).path.to_string());
    let read: std::collections::BTreeSet<String> = read.collect();
    for path in [
        "argocd/api.yaml",
        "apps/api/.argocd-source-argocd_api.yaml",
        "apps/api/deployment.yaml",
    ] {
        assert!(read.contains(path), "{read:?}");
    }
}

#[test]
fn what_argo_cd_cannot_build_is_told() {
    let kustomization = "resources: [deployment.yaml]\ncommonLabels: {team: a}\n";
    let rest = "    kustomize: {commonLabels: {team: b}, images: [acme/api]}\n";
    let file = |object: &str| {
        problems(&load([
            ("argocd/api.yaml", object),
            ("apps/api/kustomization.yaml", kustomization),
            ("apps/api/deployment.yaml", DEPLOYMENT),
            ("plain/deployment.yaml", DEPLOYMENT),
        ]))
    };
    assert_eq!(
        file(&argo("api", "apps/api", rest)),
        [
            "this image sets no new name, tag or digest; Argo CD cannot build it",
            "label \"team\" is already set by the kustomization; Argo CD cannot build it",
        ]
    );
    let forced = rest.replace("images: [acme/api]", "forceCommonLabels: true");
    assert_eq!(
        file(&argo("api", "apps/api", &forced)),
        Vec::<String>::new()
    );
    let asked = file(&argo("plain", "plain", "    kustomize: {namePrefix: a-}\n"));
    assert_eq!(
        asked,
        [
            "Application argocd/plain uses `source.kustomize`, but \"plain\" has no kustomization file"
        ]
    );
}

#[test]
fn applications_that_are_kept_elsewhere_show_in_the_files_beside() {
    let image = "/spec/template/spec/containers/0/image";
    let (base, overlay) = ("resources: [deployment.yaml]", "resources: [../../base]");
    let load_with = |beside: &[(&'static str, &'static str)]| {
        let files = [
            ("apps/api/base/kustomization.yaml", base),
            ("apps/api/base/deployment.yaml", DEPLOYMENT),
            ("apps/api/overlays/staging/kustomization.yaml", overlay),
            ("apps/api/overlays/production/kustomization.yaml", overlay),
        ];
        load(files.into_iter().chain(beside.iter().copied()))
    };
    let own = (
        "apps/api/overlays/production/.argocd-source-api-production.yaml",
        "kustomize: {images: ['acme/api:v2']}",
    );
    let all = (
        "apps/api/overlays/staging/.argocd-source.yaml",
        "kustomize: {images: ['acme/api:v3']}",
    );
    let repo = load_with(&[own, all]);
    assert_eq!(
        lines(&repo, &[image]),
        ["production: acme/api:v2", "staging: acme/api:v3"]
    );
    let names: Vec<&str> = repo
        .overlays
        .iter()
        .filter_map(|overlay| overlay.agent.as_ref())
        .map(|agent| &*agent.name)
        .collect();
    assert_eq!(names, ["Application api-production", "Application"]);
    // two Applications apply one folder
    let other = (
        "apps/api/overlays/production/.argocd-source-argocd_api-eu.yaml",
        "kustomize: {images: ['acme/api:v4']}",
    );
    let repo = load_with(&[own, other]);
    assert_eq!(
        lines(&repo, &[image]),
        [
            "production/api-production: acme/api:v2",
            "production/api-eu: acme/api:v4",
            "staging: acme/api:v1"
        ]
    );
    // `.argocd-source` files beside a Helm chart are ignored
    let chart = (
        "charts/api/.argocd-source-api.yaml",
        "helm: {parameters: [{name: tag, value: v2}]}",
    );
    assert_eq!(
        lines(&load_with(&[chart]), &[image]),
        ["production: acme/api:v1", "staging: acme/api:v1"]
    );
}

#[test]
fn argo_cd_reads_plain_folders_as_configured() {
    let config =
        |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let (a, b, c) = (config("a"), config("b"), config("c"));
    let skipped = format!("# +argocd:skip-file-rendering\n{}", config("skipped"));
    let names = |rest: &str| {
        let object = argo("plain", "plain", rest);
        let repo = load([
            ("argocd/plain.yaml", &*object),
            ("plain/a.yaml", &*a),
            ("plain/values.yaml", "image: x"),
            ("plain/broken.yaml", "{{ template }}"),
            ("plain/skipped.yaml", &*skipped),
            ("plain/deep/b.yml", &*b),
            ("plain/deep/c.json", &*c),
            (
                "plain/hook.yaml",
                "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n",
            ),
        ]);
        let overlay = repo
            .overlays
            .iter()
            .find(|overlay| overlay.path == "plain")
            .unwrap();
        assert!(overlay.rendered.complete, "{:?}", overlay.rendered.problems);
        overlay
            .rendered
            .resources
            .iter()
            .map(|resource| resource.name().to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(""), "a ");
    assert_eq!(names("    directory: {recurse: true}\n"), "a b c ");
    assert_eq!(
        names("    directory: {recurse: true, exclude: '{hook.yaml,*.json}'}\n"),
        "a b"
    );
    assert_eq!(
        names("    directory: {recurse: true, include: 'deep/*'}\n"),
        "b c"
    );
}

#[test]
fn every_source_of_an_application_counts() {
    let object = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: api}\nspec:\n  sources:\n  - {repoURL: 'https://charts.example.com', chart: redis}\n  - {repoURL: 'https://git.example.com/shop/config', ref: values}\n  - {repoURL: 'https://git.example.com/shop/config', path: apps/api, kustomize: {namePrefix: a-}}\n  - {repoURL: 'https://git.example.com/shop/config', path: apps/web, directory: {recurse: true}}\n";
    let repo = load([
        ("argocd/api.yaml", object),
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
        ("apps/web/deployment.yaml", DEPLOYMENT),
    ]);
    assert_eq!(
        lines(&repo, &["/metadata/name"]),
        ["apps/api: a-api", "apps/web: api", "argocd/api.yaml/api: -"]
    );
}

#[test]
fn generators_merge_select_and_read_files() {
    let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: apps}\nspec:\n  generators:\n  - merge:\n      mergeKeys: [env]\n      generators:\n      - git: {repoURL: x, files: [{path: envs/*.yaml}], values: {suffix: '-{{env}}'}}\n      - list: {elements: [{env: production, suffix: -special}]}\n    selector: {matchExpressions: [{key: env, operator: NotIn, values: [dev]}]}\n  template:\n    metadata: {name: 'api-{{env}}'}\n    spec:\n      destination: {namespace: '{{env}}'}\n      source: {repoURL: x, path: apps/api, kustomize: {nameSuffix: '{{suffix}}', namePrefix: '{{region.name}}'}}\n";
    let repo = load([
        ("argocd/set.yaml", set),
        (
            "envs/dev.yaml",
            "{env: dev, suffix: -d, region: {name: x-}}",
        ),
        (
            "envs/staging.yaml",
            "{env: staging, suffix: -s, region: {name: eu-}}",
        ),
        (
            "envs/production.yaml",
            "[{env: production, suffix: -p, region: {name: us-}}]",
        ),
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
    ]);
    assert_eq!(
        lines(&repo, &["/metadata/name"]),
        ["staging: eu-api-s", "production: us-api-special"]
    );
    assert!(repo.notes().is_empty());
}

#[test]
fn a_matrix_has_two_generators() {
    let list = |key: &str| format!("      - list: {{elements: [{{{key}: production}}]}}\n");
    let repo = |lists: &[&str]| {
        let lists: String = lists.iter().map(|key| list(key)).collect();
        let set = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: apps}}\nspec:\n  generators:\n  - matrix:\n      generators:\n{lists}  template:\n    metadata: {{name: 'api-{{{{a}}}}'}}\n    spec:\n      source: {{repoURL: x, path: apps/api, kustomize: {{namePrefix: a-}}}}\n"
        );
        load([
            ("argocd/set.yaml", &*set),
            (
                "apps/api/kustomization.yaml",
                "resources: [deployment.yaml]",
            ),
            ("apps/api/deployment.yaml", DEPLOYMENT),
        ])
    };
    assert_eq!(
        lines(&repo(&["a", "b"]), &["/metadata/name"]),
        ["apps/api: a-api"]
    );
    for refused in [&["a"][..], &["a", "b", "c"]] {
        let repo = repo(refused);
        assert_eq!(lines(&repo, &["/metadata/name"]), ["apps/api: api"]);
        let notes: Vec<&str> = repo
            .notes()
            .iter()
            .map(|note| note.message.as_str())
            .collect();
        assert_eq!(
            notes,
            [
                "a matrix generator needs exactly two generators; Argo CD creates no Application from this one"
            ]
        );
    }
}

#[test]
fn values_know_which_agent_wrote_them() {
    let object = flux(
        "api",
        "./apps/api",
        "  commonMetadata: {labels: {team: web}}\n  postBuild: {substitute: {HOST: shop.example}}\n",
    );
    let repo = load([
        ("clusters/production/api.yaml", &*object),
        (
            "apps/api/kustomization.yaml",
            "resources: [deployment.yaml]",
        ),
        ("apps/api/deployment.yaml", DEPLOYMENT),
    ]);
    let node = &repo.overlays[0].rendered.resources[0].node;
    let told = |pointer: &str| {
        let node = node.pointer(pointer).unwrap();
        let file = repo.files.get(node.origin.file);
        let text = &file.text[node.origin.start as usize..node.origin.end as usize];
        let before = node
            .replaced
            .as_ref()
            .and_then(|before| Node::text(before))
            .unwrap_or_default()
            .to_string();
        format!("{} {} {text} {before}", node.origin.by.as_str(), file.path)
    };
    assert_eq!(
        told("/spec/template/spec/containers/0/env/0/value"),
        "flux clusters/production/api.yaml shop.example ${HOST}"
    );
    assert_eq!(
        told("/metadata/labels/team"),
        "flux clusters/production/api.yaml web "
    );
}

/// The overlays of an ApplicationSet with a `clusters` generator, in a repo that registers two
/// clusters, and whose configuration names a third.
fn of_clusters(generator: &str, template: &str) -> Vec<String> {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: cluster-eu\n  labels: {argocd.argoproj.io/secret-type: cluster, env: production}\n  annotations: {size: large}\nstringData: {name: EU_1, server: 'https://eu.example.com'}\n";
    let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: staging-1}\nspec:\n  encryptedData: {name: AgB, server: AgC}\n  template:\n    metadata: {labels: {argocd.argoproj.io/secret-type: cluster, env: staging}}\n";
    let set = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: apps}}\nspec:\n{generator}  template:\n{template}"
    );
    let configuration = "version: 1\nclusters:\n- name: us\n  server: https://us.example.com\n  labels: {env: production}\n";
    let files = Arc::new(gitops_lint::source::Files::default());
    let text = files.add(".gitops-lint.yaml", None, configuration.into());
    let documents = gitops_lint::yaml::read::read(configuration, text).unwrap();
    let config = Config::load(&documents, &[]).unwrap();
    let memory = Memory::new([
        ("clusters/eu.yaml", secret),
        ("clusters/staging.yaml", sealed),
        ("sets/apps.yaml", &set),
        ("apps/api/kustomization.yaml", "resources: [d.yaml]\n"),
        ("apps/api/d.yaml", DEPLOYMENT),
    ]);
    let repo = Repo::load_with(Arc::new(memory), None, &config, files);
    let pointers = ["/metadata/name", "/metadata/namespace"];
    let mut lines = lines(&repo, &pointers);
    lines.sort();
    lines
}

#[test]
fn clusters_are_known_by_their_secrets_and_the_configuration() {
    let source = "    spec:\n      destination: {server: '{{server}}', namespace: '{{metadata.labels.env}}'}\n      source: {repoURL: x, path: apps/api, kustomize: {namePrefix: '{{values.prefix}}-'}}\n";
    let plain = format!("    metadata: {{name: 'api-{{{{nameNormalized}}}}'}}\n{source}");
    let selected = "  generators:\n  - clusters:\n      selector: {matchLabels: {env: production}}\n      values: {prefix: '{{name}}'}\n";
    assert_eq!(
        of_clusters(selected, &plain),
        ["apps/api: EU_1-api -", "apps/api: us-api -"]
    );
    // without a selector, the cluster of Argo CD itself is one of them
    let every = "  generators:\n  - clusters: {}\n";
    let named = "    metadata: {name: 'api-{{name}}'}\n    spec:\n      destination: {server: '{{server}}'}\n      source: {repoURL: x, path: apps/api, kustomize: {namePrefix: '{{name}}-'}}\n";
    assert_eq!(
        of_clusters(every, named),
        [
            "apps/api: EU_1-api -",
            "apps/api: in-cluster-api -",
            "apps/api: staging-1-api -",
            "apps/api: us-api -"
        ]
    );
    let go = "  goTemplate: true\n  generators:\n  - clusters:\n      selector: {matchExpressions: [{key: size, operator: DoesNotExist}, {key: env, operator: In, values: [staging]}]}\n";
    let fields = "    metadata: {name: 'api-{{.name}}'}\n    spec:\n      destination: {server: '{{.server}}'}\n      source: {repoURL: x, path: apps/api, kustomize: {namePrefix: '{{.metadata.labels.env}}-'}}\n";
    assert_eq!(of_clusters(go, fields), ["apps/api: staging-api -"]);
    let flat = "  goTemplate: true\n  generators:\n  - clusters: {flatList: true}\n";
    let first = "    metadata: {name: api}\n    spec:\n      source: {repoURL: x, path: apps/api, kustomize: {namePrefix: '{{ len .clusters }}-'}}\n";
    assert_eq!(of_clusters(flat, first), ["apps/api: 4-api -"]);
}
