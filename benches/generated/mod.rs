//! Generated config repos for measurements. `examples/generate.rs` writes them to disk; the
//! benchmarks keep them in memory.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Files by path.
pub(crate) type Tree = Vec<(String, String)>;

/// The environments, in the order of promotion.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];

/// A healthy repo: each base has 5 files, each overlay 2 files and 6 or 7 rendered objects.
pub(crate) fn shop(apps: usize) -> Tree {
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
        tree.push((
            format!("{base}/deployment.yaml"),
            deployment(&app, number % 3 == 0),
        ));
        tree.push((
            format!("{base}/service.yaml"),
            format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {app}\nspec:\n  selector:\n    app: {app}\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n"),
        ));
        tree.push((format!("{base}/availability.yaml"), availability(&app)));
        tree.push((format!("{base}/access.yaml"), access(&app)));
        for environment in ENVIRONMENTS {
            let overlay = format!("apps/{app}/overlays/{environment}");
            tree.push((
                format!("{overlay}/kustomization.yaml"),
                overlay_of(&app, environment, number + 1),
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

/// The kustomization of an overlay that pins a digest.
fn overlay_of(app: &str, environment: &str, digest: usize) -> String {
    let replicas = if environment == "production" { 4 } else { 2 };
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {environment}\nresources:\n  - ../../base\nlabels:\n  - pairs:\n      environment: {environment}\npatches:\n  - path: settings.yaml\nimages:\n  - name: registry.example.com/{app}\n    digest: sha256:{digest:064x}\nreplicas:\n  - name: {app}\n    count: {replicas}\n",
    )
}

/// A Git repository. On `main`, [`shop`] is followed by promotions from dev to production, each of
/// one app in one environment, and by an occasional edit of a base. The branch `change`, which is
/// checked out, promotes one more app to production. Git writes the repository; only the benchmarks
/// and the generator call Git, never the program.
pub(crate) fn repository(folder: &Path, apps: usize, commits: usize) -> std::io::Result<()> {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .current_dir(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
    };
    std::fs::create_dir_all(folder)?;
    git(&["init", "-q", "-b", "main"])?;
    let mut import = Command::new("git")
        .current_dir(folder)
        .args(["fast-import", "--quiet", "--depth=50"])
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(stream) = import.stdin.take() {
        write_history(&mut std::io::BufWriter::new(stream), apps, commits)?;
    }
    import.wait()?;
    git(&["symbolic-ref", "HEAD", "refs/heads/change"])?;
    git(&["reset", "-q", "--hard"])?;
    Ok(())
}

/// The input of `git fast-import`.
fn write_history(out: &mut dyn Write, apps: usize, commits: usize) -> std::io::Result<()> {
    let author = |number: usize| {
        [
            "Ada <ada@example.com>",
            "Grace <grace@example.com>",
            "ci-bot <ci-bot@example.com>",
        ][number % 3]
    };
    let commit = |out: &mut dyn Write,
                  branch: &str,
                  number: usize,
                  message: &str,
                  files: &[(String, String)]|
     -> std::io::Result<()> {
        let (who, when) = (author(number), 1_760_000_000 + number * 600);
        write!(
            out,
            "commit refs/heads/{branch}\nmark :{}\nauthor {who} {when} +0000\ncommitter {who} {when} +0000\n",
            number + 1
        )?;
        write!(out, "data {}\n{message}\n", message.len())?;
        if branch != "main" {
            writeln!(out, "from :{number}")?;
        }
        for (path, text) in files {
            write!(out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len())?;
        }
        Ok(())
    };
    commit(out, "main", 0, "start", &shop(apps))?;
    // the present digest of each app in each environment, and the number of its next one
    let mut running = vec![[0_usize; 3]; apps];
    for (number, digests) in running.iter_mut().enumerate() {
        *digests = [number + 1; 3];
    }
    let promotion = |app: usize, place: usize, digest: usize| {
        let (name, environment) = (format!("service-{app:04}"), ENVIRONMENTS[place]);
        (
            format!("apps/{name}/overlays/{environment}/kustomization.yaml"),
            overlay_of(&name, environment, digest),
        )
    };
    let mut random = 1_usize;
    for number in 1..=commits.saturating_sub(2) {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let app = (random >> 33) % apps;
        if number % 50 == 0 {
            let name = format!("service-{app:04}");
            let text = deployment(&name, app.is_multiple_of(3))
                .replace("cpu: 100m", &format!("cpu: {}m", 100 + number % 7));
            commit(
                out,
                "main",
                number,
                &format!("resources of {name}"),
                &[(format!("apps/{name}/base/deployment.yaml"), text)],
            )?;
            continue;
        }
        let digests = &mut running[app];
        let place = (1..3)
            .rev()
            .find(|place| digests[*place] != digests[place - 1])
            .unwrap_or(0);
        digests[place] = if place == 0 {
            apps + number
        } else {
            digests[place - 1]
        };
        let message = format!("{} of service-{app:04}", ENVIRONMENTS[place]);
        commit(
            out,
            "main",
            number,
            &message,
            &[promotion(app, place, digests[place])],
        )?;
    }
    // the branch `change`: one app gets staging's digest in production
    let last = commits.saturating_sub(1).max(1);
    let app = running
        .iter()
        .position(|digests| digests[1] != digests[2])
        .unwrap_or_default();
    commit(
        out,
        "change",
        last,
        "promote",
        &[promotion(app, 2, running[app][1])],
    )
}

fn deployment(app: &str, settings: bool) -> String {
    let from = if settings {
        format!(
            "          envFrom:\n            - configMapRef:\n                name: {app}-settings\n"
        )
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

/// A chain of kustomizations, each built upon the previous one; the last is `level-NNNN`.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub(crate) fn chain(depth: usize) -> Tree {
    let mut tree = vec![("level-0000/map.yaml".to_string(), config_map("map"))];
    tree.push((
        "level-0000/kustomization.yaml".to_string(),
        "resources: [map.yaml]\n".to_string(),
    ));
    for level in 1..=depth {
        let text = format!(
            "resources: [../level-{:04}]\ncommonAnnotations:\n  level: \"{level}\"\n",
            level - 1
        );
        tree.push((format!("level-{level:04}/kustomization.yaml"), text));
    }
    tree
}

/// One base, many folders that build upon it, and one top that lists them.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub(crate) fn diamond(width: usize) -> Tree {
    let mut tree = vec![("base/deployment.yaml".to_string(), deployment("web", false))];
    tree.push((
        "base/kustomization.yaml".to_string(),
        "resources: [deployment.yaml]\n".to_string(),
    ));
    let mut top = String::from("resources:\n");
    for side in 0..width {
        tree.push((
            format!("side-{side:04}/kustomization.yaml"),
            format!("namePrefix: side-{side}-\nresources: [../base]\n"),
        ));
        let _ = writeln!(top, "  - ../side-{side:04}");
    }
    tree.push(("top/kustomization.yaml".to_string(), top));
    tree
}

/// One file with many objects, and fields that change each of them.
#[allow(dead_code, reason = "the generator writes only the shop")]
pub(crate) fn crowd(resources: usize) -> Tree {
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
