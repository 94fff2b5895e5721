//! `.gitops-lint.yaml`: read with spans, validated, every mistake reported at once.
//!
//! Each part of the file has a module with its types, its keys and their reader. `keys` lists the
//! keys, `read` has what all readers need, and `options` declares the options of rules.

mod bots;
mod clusters;
mod drift;
mod environments;
mod evidence;
mod files;
mod freeze;
mod key;
mod keys;
mod layout;
mod level;
mod load;
mod options;
mod outside;
mod read;
mod remotes;
mod rules;
mod schema;
mod shape;
mod suppress;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::kubernetes::DeclaredField;
use crate::kustomize::remote::Remotes;
use crate::names::NamePattern;
use crate::yaml::Origin;

pub use clusters::Cluster;
pub use drift::{Allowance, PointerPattern};
pub use environments::Environment;
#[cfg(test)]
pub(crate) use environments::MINORS;
pub(crate) use environments::default_environments;
pub use evidence::EvidenceSetting;
pub(crate) use files::missing_files;
pub use freeze::Freeze;
pub use key::Key;
pub use keys::KEYS;
pub use layout::{ConfiguredPair, LayoutPath, LayoutPattern};
pub use level::Level;
pub use load::{misnamed, second};
pub use options::{
    DurationOption, KnownRule, More, OptionSetting, OptionValue, RuleOption, TextsOption,
};
pub use outside::{Dependency, External, Mirror};
pub use read::ConfigProblem;
pub use rules::RuleSettings;
pub(crate) use rules::is_policy;
pub use schema::schema;
pub use shape::{Field, Shape};
pub use suppress::Suppression;

/// The name of the configuration file at the root.
pub const CONFIG_FILE: &str = ".gitops-lint.yaml";

/// True if the last day of an entry or a comment, its `until`, has passed.
pub(crate) fn is_over(until: Option<Date>, today: Date) -> bool {
    until.is_some_and(|until| until < today)
}

/// The whole configuration with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The promotion order; the built-in one unless configured.
    pub environments: Vec<Environment>,
    /// Where the file lists each of [`environments`](Self::environments); empty if it lists none.
    pub environment_origins: Vec<Origin>,
    /// First match wins, before built-in discovery.
    pub layout: Vec<LayoutPattern>,
    /// Pairs that override the built-in pairing.
    pub pairs: Vec<ConfiguredPair>,
    /// By rule id.
    pub rules: BTreeMap<String, RuleSettings>,
    /// Kinds compared by `overlay-drift` besides the built-in ones, with their places in the file.
    pub drift_kinds: Vec<(String, Origin)>,
    /// Differences that are allowed.
    pub drift_allow: Vec<Allowance>,
    /// Objects outside the repo.
    pub external: Vec<External>,
    /// Registries that hold the images of others.
    pub mirrors: Vec<Mirror>,
    /// Fields of custom resources that hold images.
    pub image_fields: Vec<DeclaredField>,
    /// Copies of remote bases, files and charts.
    pub remotes: Remotes,
    /// `builtin/NAME` or folders and files of the repo.
    pub policies: Vec<String>,
    /// Data files for policies.
    pub data: Vec<String>,
    /// Accepted findings.
    pub suppress: Vec<Suppression>,
    /// Names and addresses of bots.
    pub bots: Vec<NamePattern>,
    /// Windows in which nothing may change, or outside of which nothing may change.
    pub freeze: Vec<Freeze>,
    /// The trailer of a commit that lets a change pass a freeze.
    pub break_glass: Option<String>,
    /// Clusters that Argo CD knows.
    pub clusters: Vec<Cluster>,
    /// Which app needs which.
    pub dependencies: Vec<Dependency>,
    /// Files that record what runs where, besides those that are found by their names.
    pub records: Vec<String>,
    /// Reports of scanners that the images of protected environments need.
    pub evidence: Option<EvidenceSetting>,
    /// Folders with JSON schemas of custom resources.
    pub schemas: Vec<String>,
    /// The file with accepted findings, and where it is named.
    pub baseline: Option<(String, Origin)>,
}

impl Config {
    /// The upstream name of an image: the prefix of a mirror is replaced by the original one.
    pub(crate) fn upstream<'n>(&self, name: &'n str) -> Cow<'n, str> {
        for Mirror { from, to, .. } in &self.mirrors {
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
            environment_origins: Vec::new(),
            layout: Vec::new(),
            pairs: Vec::new(),
            rules: BTreeMap::new(),
            drift_kinds: Vec::new(),
            drift_allow: Vec::new(),
            external: Vec::new(),
            mirrors: Vec::new(),
            image_fields: Vec::new(),
            remotes: Remotes::default(),
            policies: Vec::new(),
            data: Vec::new(),
            suppress: Vec::new(),
            bots: bots::built_in(),
            freeze: Vec::new(),
            break_glass: None,
            clusters: Vec::new(),
            dependencies: Vec::new(),
            records: Vec::new(),
            evidence: None,
            schemas: Vec::new(),
            baseline: None,
        }
    }
}
