//! Apps in three environments, in a temporary repo.

#![allow(dead_code, reason = "each test uses a part of it")]

use crate::program::Repo;

/// A digest that repeats one letter.
pub(crate) fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

impl Repo {
    /// An app in three environments that all run build `a`, committed on `main`.
    pub(crate) fn started() -> Repo {
        let repo = Repo::new();
        repo.git(&["init", "-q"]).app("api").commit("start");
        repo
    }

    /// An app in three environments that run build `a`.
    pub(crate) fn app(&self, app: &str) -> &Repo {
        self.write(
            &format!("apps/{app}/base/kustomization.yaml"),
            "resources: [deployment.yaml]\n",
        );
        self.write(
            &format!("apps/{app}/base/deployment.yaml"),
            &deployment(app),
        );
        for environment in ["dev", "staging", "production"] {
            self.pin(app, environment, 'a');
        }
        self
    }

    /// An overlay that pins a build.
    pub(crate) fn pin(&self, app: &str, environment: &str, letter: char) -> &Repo {
        let text = format!(
            "resources: [../../base]\nimages:\n  - name: registry.example.com/{app}\n    digest: {}\n",
            digest(letter)
        );
        self.write(
            &format!("apps/{app}/overlays/{environment}/kustomization.yaml"),
            &text,
        )
    }

    /// Adds an `images` entry that no container uses, which is an error (`unused-image-override`).
    pub(crate) fn spoil(&self, app: &str, environment: &str, name: &str) -> &Repo {
        let path = format!("apps/{app}/overlays/{environment}/kustomization.yaml");
        let text = std::fs::read_to_string(self.path(&path)).unwrap();
        self.write(
            &path,
            &format!("{text}  - name: registry.example.com/{name}\n    newTag: v1\n"),
        )
    }
}

/// A Deployment with one container.
pub(crate) fn deployment(app: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {app}}}\nspec:\n  selector: {{matchLabels: {{app: {app}}}}}\n  template:\n    metadata: {{labels: {{app: {app}}}}}\n    spec:\n      containers:\n        - name: {app}\n          image: registry.example.com/{app}\n          resources: {{requests: {{memory: 64Mi}}, limits: {{memory: 64Mi}}}}\n"
    )
}
