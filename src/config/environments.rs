//! The environments of the promotion order.

/// One environment of the promotion order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name: `production`.
    pub name: String,
    /// Other words for it in paths: `prod`, `prd`, `live`. Lower case.
    pub aliases: Vec<String>,
    /// Whether only a reviewed, promoted change may touch it.
    pub protected: bool,
    /// The Kubernetes version it runs, such as `1.33`.
    pub kubernetes: Option<String>,
}

/// The promotion order when none is configured: dev → test → staging → production, production
/// protected.
pub fn default_environments() -> Vec<Environment> {
    let environment = |name: &str, aliases: &[&str], protected| Environment {
        name: name.to_string(),
        aliases: aliases.iter().map(|alias| alias.to_string()).collect(),
        protected,
        kubernetes: None,
    };
    vec![
        environment("dev", &["development", "develop", "sandbox", "sbx"], false),
        environment("test", &["qa", "uat", "testing"], false),
        environment(
            "staging",
            &[
                "stage",
                "stg",
                "staging",
                "preprod",
                "preproduction",
                "nonprod",
                "nonproduction",
            ],
            false,
        ),
        environment("production", &["prod", "prd", "live"], true),
    ]
}
