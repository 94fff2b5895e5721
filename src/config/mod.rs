//! `.gitops-lint.yaml`: read with spans, validated with every mistake reported at once.
//!
//! Here: the typed configuration, defaults, errors with the nearest valid name. Not here: what a
//! rule does with its options.

mod environments;
mod load;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::calendar::Window;
use crate::finding::Severity;
use crate::kustomize::remote::Remotes;
use crate::yaml::{Node, Origin};

pub use environments::{Environment, default_environments};
pub use load::{ConfigProblem, KnownRule, is_other_rule};

/// The name of the configuration file at the root.
pub const CONFIG_FILE: &str = ".gitops-lint.yaml";

/// The level that configuration or the command line gives a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule does not run.
    Off,
    /// Every finding of the rule gets this severity.
    At(Severity),
}

/// What the configuration says of one rule.
#[derive(Clone, Debug, Default)]
pub struct RuleSettings {
    /// `None` leaves the rule's own level.
    pub level: Option<Level>,
    /// The options as written (a map), already checked against the rule's list of options; `None`
    /// when there are none.
    pub options: Option<Node>,
    /// The rule's name in the file; `None` when the command line says it.
    pub origin: Option<Origin>,
}

/// An entry of `drift.allow`.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Kind, `*` allowed; `None` matches all.
    pub kind: Option<String>,
    /// Original or rendered name, `*` allowed.
    pub name: Option<String>,
    /// Pointer, `*` allowed; also matches everything below.
    pub path: Option<String>,
    /// App, `*` allowed.
    pub app: Option<String>,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub until: Option<jiff::civil::Date>,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `external`: an object that exists in the cluster without being in the repo.
#[derive(Clone, Debug)]
pub struct External {
    /// `Secret`, `ConfigMap`, …
    pub kind: String,
    /// Name, `*` allowed.
    pub name: String,
    /// Namespace, when it matters.
    pub namespace: Option<String>,
    /// Environments it exists in; empty for all.
    pub environments: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `suppress`.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Rule id.
    pub rule: String,
    /// Glob of the file.
    pub path: Option<String>,
    /// Kind of the object.
    pub kind: Option<String>,
    /// Name of the object, `*` allowed.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub until: Option<jiff::civil::Date>,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `layout`.
#[derive(Clone, Debug)]
pub struct LayoutPattern {
    /// `deploy/{environment}/{variant}/{app}` or a glob.
    pub path: String,
    /// Paths that match are no overlays.
    pub ignore: bool,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `pairs`.
#[derive(Clone, Debug)]
pub struct ConfiguredPair {
    /// Overlay path of the earlier environment.
    pub from: String,
    /// Overlay path of the later environment.
    pub to: String,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `freeze`.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// What people call it.
    pub name: String,
    /// Whether changes are allowed within it only, rather than forbidden within it.
    pub allow: bool,
    /// When.
    pub window: Window,
    /// Environments that it holds for; empty for the protected ones.
    pub environments: Vec<String>,
    /// Apps that it holds for, `*` allowed; empty for all.
    pub apps: Vec<String>,
    /// Authors whose changes pass, by name or address, `*` allowed.
    pub except_authors: Vec<String>,
    /// Globs of files whose changes pass.
    pub except_paths: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

/// An entry of `dependencies`: an app, and the apps that it needs in the version with which it was
/// proved.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The app.
    pub app: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// The entry in the file.
    pub origin: Origin,
}

/// The whole configuration with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The promotion order; the built-in one unless configured.
    pub environments: Vec<Environment>,
    /// First match wins, before built-in discovery.
    pub layout: Vec<LayoutPattern>,
    /// Pairs that override the built-in pairing.
    pub pairs: Vec<ConfiguredPair>,
    /// By rule id.
    pub rules: BTreeMap<String, RuleSettings>,
    /// Kinds compared by `overlay-drift` besides the built-in ones.
    pub drift_kinds: Vec<String>,
    /// Differences that are allowed.
    pub drift_allow: Vec<Allowance>,
    /// Objects outside the repo.
    pub external: Vec<External>,
    /// Registry mirrors: (from, to) prefixes.
    pub mirrors: Vec<(String, String)>,
    /// Copies of remote bases, files and charts.
    pub remotes: Remotes,
    /// `builtin/NAME` or folders and files of the repo.
    pub policies: Vec<String>,
    /// Data files for policies.
    pub data: Vec<String>,
    /// Accepted findings.
    pub suppress: Vec<Suppression>,
    /// Names and emails of bots, `*` allowed.
    pub bots: Vec<String>,
    /// Windows in which nothing, or something only, may change.
    pub freeze: Vec<Freeze>,
    /// The trailer of a commit that lets a change pass a freeze.
    pub break_glass: Option<String>,
    /// Which app needs which.
    pub dependencies: Vec<Dependency>,
    /// Records of what runs where, besides those that are found by their names.
    pub records: Vec<String>,
    /// The configuration as written, for the places of its entries; `None` when there is none.
    pub document: Option<Node>,
}

impl Config {
    /// The name of an image upstream: a mirror's prefix replaced by that of what it mirrors.
    pub fn upstream<'n>(&self, name: &'n str) -> Cow<'n, str> {
        for (from, to) in &self.mirrors {
            let rest = name
                .strip_prefix(to.trim_end_matches('/'))
                .filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let Some(rest) = rest {
                return Cow::Owned(format!("{}{rest}", from.trim_end_matches('/')));
            }
        }
        Cow::Borrowed(name)
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            environments: default_environments(),
            layout: Vec::new(),
            pairs: Vec::new(),
            rules: BTreeMap::new(),
            drift_kinds: Vec::new(),
            drift_allow: Vec::new(),
            external: Vec::new(),
            mirrors: Vec::new(),
            remotes: Remotes::default(),
            policies: Vec::new(),
            data: Vec::new(),
            suppress: Vec::new(),
            bots: Vec::new(),
            freeze: Vec::new(),
            break_glass: None,
            dependencies: Vec::new(),
            records: Vec::new(),
            document: None,
        }
    }
}
