//! conftest's conventions: which rules are evaluated, what their names mean, and what METADATA says
//! about them.

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value as Json;

use super::opa::Definition;
use crate::finding::{RuleDescription, Severity};

/// The package whose input is a pair of overlays.
pub(super) const PROMOTION: &str = "promotion";

/// The package whose input is a document of a file.
pub(super) const SOURCE: &str = "source";

/// Which packages are evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// `main`, `promotion`, `source` and those of the built-in policies.
    #[default]
    Default,
    /// Packages by their names; `*` stands for any text, dots included.
    Named(Vec<String>),
    /// Every package.
    All,
}

impl Namespaces {
    /// True if a package is evaluated.
    pub(super) fn matches(&self, package: &str) -> bool {
        match self {
            Namespaces::All => true,
            Namespaces::Default => matches!(package, "main" | PROMOTION | SOURCE),
            Namespaces::Named(patterns) => patterns.iter().any(|pattern| {
                pattern == package || glob(pattern).is_some_and(|matcher| matcher.is_match(package))
            }),
        }
    }

    /// The packages in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Namespaces::All => "any package".to_string(),
            Namespaces::Default => "the packages `main`, `promotion` and `source`".to_string(),
            Namespaces::Named(patterns) => {
                let named: Vec<String> = patterns.iter().map(|one| format!("`{one}`")).collect();
                let noun = if named.len() == 1 {
                    "package"
                } else {
                    "packages"
                };
                format!("the {noun} {}", named.join(", "))
            }
        }
    }
}

fn glob(pattern: &str) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(pattern).literal_separator(false).build();
    built.ok().map(|glob| glob.compile_matcher())
}

/// The severity of a rule by its name: `deny`, `deny_latest`, `violation`, `warn`, …; nothing for
/// names such as `allow` and `denied`, which are not findings.
pub(super) fn severity(name: &str) -> Option<Severity> {
    let is = |word: &str| {
        name.strip_prefix(word).is_some_and(|rest| {
            let plain = |part: &str| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            rest.is_empty()
                || rest
                    .strip_prefix('_')
                    .is_some_and(|rest| rest.split('_').all(plain))
        })
    };
    if is("deny") || is("violation") {
        Some(Severity::Error)
    } else if is("warn") {
        Some(Severity::Warning)
    } else {
        None
    }
}

/// A rule whose results are findings.
#[derive(Clone, Debug)]
pub(super) struct PolicyRule {
    /// Its id in the configuration and in reports: `policy/main/deny_latest`.
    pub(super) id: String,
    /// `main`
    pub(super) package: String,
    /// `deny_latest`
    pub(super) name: String,
    /// `data.main.deny_latest`
    pub(super) query: String,
    pub(super) severity: Severity,
    /// The advice, from METADATA.
    pub(super) help: Option<String>,
    /// The facts of METADATA about the rule.
    pub(super) description: RuleDescription,
    /// Index of the first file that defines it, and the byte range of its head.
    pub(super) file: usize,
    pub(super) head: (u32, u32),
    /// The path of the package's `exception`, if it has one.
    pub(super) exception: Option<String>,
}

impl PolicyRule {
    /// The rule that a definition belongs to, if its results are findings.
    pub(super) fn of(definition: &Definition, all: &[Definition]) -> Option<PolicyRule> {
        if definition.is_function {
            return None;
        }
        let severity = severity(&definition.name)?;
        let Definition { package, name, .. } = definition;
        let exception = all.iter().find(|other| {
            other.package == *package && other.name == "exception" && !other.is_function
        });
        let stated = || stated_severity(&definition.annotations);
        let id = match stated_id(&definition.annotations) {
            Some(id) => format!("policy/{id}"),
            None => format!("policy/{package}/{name}"),
        };
        Some(PolicyRule {
            id: id.clone(),
            package: package.clone(),
            name: name.clone(),
            query: definition.query.clone(),
            severity: stated().unwrap_or(severity),
            help: help(&definition.annotations),
            description: described(id, &definition.annotations),
            file: definition.file,
            head: (definition.at.start, definition.at.end),
            exception: exception.map(|other| other.query.clone()),
        })
    }

    /// The name by which an `exception` exempts the rule: `latest` of `deny_latest`.
    pub(super) fn exemption(&self) -> &str {
        self.name.split_once('_').map_or("", |(_, rest)| rest)
    }
}

/// The severity of METADATA, `custom.severity`, in the words of trivy and others.
fn stated_severity(annotations: &[Json]) -> Option<Severity> {
    let stated = |one: &Json| Some(one.pointer("/custom/severity")?.as_str()?.to_lowercase());
    match annotations.iter().find_map(stated)?.as_str() {
        "critical" | "high" | "error" => Some(Severity::Error),
        "medium" | "warning" | "warn" => Some(Severity::Warning),
        "low" | "info" | "note" => Some(Severity::Info),
        _ => None,
    }
}

/// The id of METADATA, `custom.id`, if it can stand in a configuration.
fn stated_id(annotations: &[Json]) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let stated = annotations.first()?.pointer("/custom/id")?.as_str();
    stated.filter(|id| !id.is_empty() && id.len() <= 100 && id.bytes().all(is_plain))
}

/// The facts of METADATA about a rule, for reports that describe rules apart from findings.
fn described(id: String, annotations: &[Json]) -> RuleDescription {
    let text = |key: &str| {
        let text = annotations.iter().find_map(|one| one.get(key)?.as_str());
        text.map(str::to_string)
    };
    RuleDescription {
        id,
        title: text("title"),
        description: text("description"),
        help: help(annotations),
        link: annotations.iter().find_map(link),
    }
}

/// The first related resource.
fn link(annotations: &Json) -> Option<String> {
    let first = annotations.get("related_resources")?.get(0)?;
    let link = first.as_str().or_else(|| first.get("ref")?.as_str());
    link.map(str::to_string)
}

/// The advice of METADATA: `custom.help` or the like, and the first related resource.
fn help(annotations: &[Json]) -> Option<String> {
    const KEYS: [&str; 4] = [
        "help",
        "recommended_actions",
        "recommended_action",
        "remediation",
    ];
    let text = |one: &Json| {
        let found = KEYS
            .iter()
            .find_map(|key| one.get("custom")?.get(key)?.as_str());
        found.map(str::to_string)
    };
    let text = annotations.iter().find_map(text);
    let link = annotations.iter().find_map(link);
    let link = link.map(|link| format!("see {link}"));
    let parts: Vec<String> = text.into_iter().chain(link).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_rule_is_for() {
        for name in ["deny", "violation_x", "deny_1_b", "deny_Latest"] {
            assert_eq!(severity(name), Some(Severity::Error), "{name}");
        }
        assert_eq!(severity("warn_1"), Some(Severity::Warning));
        for name in ["denied", "deny_", "allow", "deny__x", "deny-x", "warning"] {
            assert_eq!(severity(name), None, "{name}");
        }
    }

    #[test]
    fn namespaces_are_names_or_patterns() {
        let named = Namespaces::Named(vec!["main".into(), "team.*".into()]);
        for (package, expected) in [
            ("main", true),
            ("main.sub", false),
            ("team.a", true),
            ("team.a.b", true),
            ("teams", false),
        ] {
            assert_eq!(named.matches(package), expected, "{package}");
        }
    }
}
