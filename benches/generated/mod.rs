//! Config repos made up for measuring: written by `examples/generate.rs`, held in memory by the benchmarks.

use std::fmt::Write as _;

/// Files by path.
pub type Tree = Vec<(String, String)>;

/// The environments, in the order of promotion.
pub const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];

/// A healthy repo: five files a base, two an overlay, six or seven rendered resources.
pub fn shop(apps: usize) -> Tree {
    let mut tree = Vec::with_capacity(apps * 11);
    for number in 0..apps {
        let app = format!("service-{number:04}");
        let base = format!("apps/{app}/base");
        let mut kustomization = String::from(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - deployment.yaml\n  - service.yaml\n  - availability.yaml\n  - access.yaml\n",
        );
        if number % 3 == 0 {
            let _ = write!(
                kustomization,
                "configMapGenerator:\n  - name: {app}-settings\n    literals:\n      - LOG_FORMAT=json\n      - QUEUE={app}\n"
            );
        }
        tree.push((format!("{base}/kustomization.yaml"), kustomization));
        tree.push((format!("{base}/deployment.yaml"), deployment(&app, number % 3 == 0)));
        tree.push((
            format!("{base}/service.yaml"),
            format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {app}\nspec:\n  selector:\n    app: {app}\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n"),
        ));
        tree.push((format!("{base}/availability.yaml"), availability(&app)));
        tree.push((format!("{base}/access.yaml"), access(&app)));
        for environment in ENVIRONMENTS {
            let overlay = format!("apps/{app}/overlays/{environment}");
            let replicas = if environment == "production" { 4 } else { 2 };
            tree.push((
                format!("{overlay}/kustomization.yaml"),
                format!(
                    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {environment}\nresources:\n  - ../../base\nlabels:\n  - pairs:\n      environment: {environment}\npatches:\n  - path: settings.yaml\nimages:\n  - name: registry.example.com/{app}\n    digest: sha256:{:064x}\nreplicas:\n  - name: {app}\n    count: {replicas}\n",
                    number + 1
                ),
            ));
            tree.push((
                format!("{overlay}/settings.yaml"),
                format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {app}\nspec:\n  template:\n    spec:\n      containers:\n        - name: {app}\n          env:\n            - name: ENVIRONMENT\n              value: {environment}\n"
                ),
            ));
        }
    }
    tree
}

fn deployment(app: &str, settings: bool) -> String {
    let from = if settings {
        format!("          envFrom:\n            - configMapRef:\n                name: {app}-settings\n")
    } else {
        String::new()
    };
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  labels:
    app: {app}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: {app}
  template:
    metadata:
      labels:
        app: {app}
    spec:
      serviceAccountName: {app}
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {app}
          image: registry.example.com/{app}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: ENVIRONMENT
              value: none
            - name: PORT
              value: "8080"
{from}          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          readinessProbe:
            httpGet:
              path: /ready
              port: http
          livenessProbe:
            httpGet:
              path: /live
              port: http
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
"#
    )
}

fn availability(app: &str) -> String {
    format!(
        r#"apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {app}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app: {app}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {app}
spec:
  rules:
    - host: {app}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {app}
                port:
                  name: http
"#
    )
}

fn access(app: &str) -> String {
    format!(
        r#"apiVersion: v1
kind: ServiceAccount
metadata:
  name: {app}
automountServiceAccountToken: false
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {app}
spec:
  podSelector:
    matchLabels:
      app: {app}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: http
"#
    )
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: value\n")
}

/// A chain of kustomizations, each over the one before; the last is `level-NNNN`.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub fn chain(depth: usize) -> Tree {
    let mut tree = vec![("level-0000/map.yaml".to_string(), config_map("map"))];
    tree.push(("level-0000/kustomization.yaml".to_string(), "resources: [map.yaml]\n".to_string()));
    for level in 1..=depth {
        let text = format!("resources: [../level-{:04}]\ncommonAnnotations:\n  level: \"{level}\"\n", level - 1);
        tree.push((format!("level-{level:04}/kustomization.yaml"), text));
    }
    tree
}

/// One base under many folders under one top.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub fn diamond(width: usize) -> Tree {
    let mut tree = vec![("base/deployment.yaml".to_string(), deployment("web", false))];
    tree.push(("base/kustomization.yaml".to_string(), "resources: [deployment.yaml]\n".to_string()));
    let mut top = String::from("resources:\n");
    for side in 0..width {
        tree.push((format!("side-{side:04}/kustomization.yaml"), format!("namePrefix: side-{side}-\nresources: [../base]\n")));
        let _ = writeln!(top, "  - ../side-{side:04}");
    }
    tree.push(("top/kustomization.yaml".to_string(), top));
    tree
}

/// One file of many objects, with what touches every one of them.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub fn crowd(resources: usize) -> Tree {
    let object = |number: usize| match number % 5 {
        0 => deployment(&format!("web-{number}"), true),
        1 => config_map(&format!("web-{}-settings", number - 1)),
        _ => config_map(&format!("map-{number}")),
    };
    let objects: Vec<String> = (0..resources).map(object).collect();
    vec![
        ("base/all.yaml".to_string(), objects.join("---\n")),
        ("base/kustomization.yaml".to_string(), "resources: [all.yaml]\n".to_string()),
        (
            "top/kustomization.yaml".to_string(),
            "namePrefix: a-\nnamespace: shop\nresources: [../base]\nlabels:\n  - pairs: {team: shop}\n".to_string(),
        ),
    ]
}
