//! Settings of an agent's object that decide where and with which rights it applies things, and
//! whether this check sees what it applies.
//!
//! Not here: the repository, revision and folder that it follows (`redirected_agent`).

use crate::finding::Severity;
use crate::yaml::{Node, Origin};

/// A setting that a change altered.
pub(super) struct Altered {
    pub severity: Severity,
    /// The present value, or the object if the value is gone.
    pub origin: Origin,
    /// The earlier value.
    pub was: Option<Origin>,
    /// Identifies the setting.
    pub what: &'static str,
    /// Continues the name of the agent.
    pub message: &'static str,
}

/// The differences that count as altered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// The value differs, or one side lacks it.
    Differs,
    /// Only the head has it.
    Added,
    /// Only the base has it.
    Removed,
    /// Both have it, with different values.
    Altered,
    /// It is true at the head alone.
    SwitchedOn,
    /// It is true at the base alone.
    SwitchedOff,
}

impl When {
    fn holds(self, was: Option<&Node>, is: Option<&Node>) -> bool {
        let differs = || match (was, is) {
            (Some(was), Some(is)) => !was.same_value(is),
            _ => was.is_some() != is.is_some(),
        };
        let is_on = |node: Option<&Node>| node.and_then(Node::as_bool) == Some(true);
        match self {
            When::Differs => differs(),
            When::Added => was.is_none() && is.is_some(),
            When::Removed => was.is_some() && is.is_none(),
            When::Altered => was.is_some() && is.is_some() && differs(),
            When::SwitchedOn => is_on(is) && !is_on(was),
            When::SwitchedOff => is_on(was) && !is_on(is),
        }
    }
}

struct Setting {
    kinds: &'static [&'static str],
    path: &'static [&'static str],
    when: When,
    severity: Severity,
    message: &'static str,
}

const ARGO: &[&str] = &["Application", "ApplicationSet"];
const FLUX: &[&str] = &["Kustomization", "HelmRelease"];
const SOURCES: &[&str] = &["GitRepository", "OCIRepository", "Bucket", "HelmChart"];

const fn setting(
    kinds: &'static [&'static str],
    path: &'static [&'static str],
    when: When,
    severity: Severity,
    message: &'static str,
) -> Setting {
    Setting {
        kinds,
        path,
        when,
        severity,
        message,
    }
}

/// The settings. Paths of Argo CD begin at the `spec` of the Application.
static SETTINGS: &[Setting] = &[
    setting(
        ARGO,
        &["destination", "server"],
        When::Differs,
        Severity::Error,
        "applies to another cluster by this change",
    ),
    setting(
        ARGO,
        &["destination", "name"],
        When::Differs,
        Severity::Error,
        "applies to another cluster by this change",
    ),
    setting(
        ARGO,
        &["destination", "namespace"],
        When::Differs,
        Severity::Warning,
        "applies to another namespace by this change",
    ),
    setting(
        ARGO,
        &["project"],
        When::Differs,
        Severity::Warning,
        "moves to another project, which may allow more",
    ),
    setting(
        ARGO,
        &["source", "plugin"],
        When::Added,
        Severity::Error,
        "builds with a plugin by this change, so its objects are no longer checked",
    ),
    setting(
        ARGO,
        &["source", "chart"],
        When::Added,
        Severity::Error,
        "applies a chart in place of a folder by this change, so its objects are no longer checked",
    ),
    setting(
        ARGO,
        &["ignoreDifferences"],
        When::Added,
        Severity::Warning,
        "no longer corrects what somebody changes in the cluster (`ignoreDifferences`)",
    ),
    setting(
        FLUX,
        &["spec", "kubeConfig"],
        When::Differs,
        Severity::Error,
        "applies to another cluster by this change (`kubeConfig`)",
    ),
    setting(
        FLUX,
        &["spec", "serviceAccountName"],
        When::Differs,
        Severity::Warning,
        "applies with another service account, which may be allowed more",
    ),
    setting(
        FLUX,
        &["spec", "postBuild", "substituteFrom"],
        When::Added,
        Severity::Warning,
        "takes variables from the cluster by this change",
    ),
    setting(
        FLUX,
        &["spec", "decryption"],
        When::Removed,
        Severity::Warning,
        "no longer decrypts Secrets",
    ),
    setting(
        SOURCES,
        &["spec", "include"],
        When::Differs,
        Severity::Error,
        "includes files of another repository, which are not checked",
    ),
    setting(
        SOURCES,
        &["spec", "ignore"],
        When::Differs,
        Severity::Warning,
        "leaves out other files than before (`ignore`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "automated"],
        When::Removed,
        Severity::Warning,
        "no longer applies changes by itself (`automated`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "automated", "selfHeal"],
        When::SwitchedOff,
        Severity::Warning,
        "no longer corrects what somebody changes in the cluster (`selfHeal`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "automated", "prune"],
        When::SwitchedOff,
        Severity::Warning,
        "no longer deletes what is removed from Git (`prune`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "automated", "prune"],
        When::SwitchedOn,
        Severity::Info,
        "now deletes what is removed from Git (`prune`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "automated", "allowEmpty"],
        When::SwitchedOn,
        Severity::Warning,
        "may now delete everything it applied, if it renders to nothing (`allowEmpty`)",
    ),
    setting(
        ARGO,
        &["syncPolicy", "syncOptions"],
        When::Differs,
        Severity::Info,
        "applies objects in another way (`syncOptions`)",
    ),
    setting(
        ARGO,
        &["source", "kustomize"],
        When::Differs,
        Severity::Info,
        "changes what it applies (`kustomize`)",
    ),
    setting(
        FLUX,
        &["spec", "prune"],
        When::SwitchedOff,
        Severity::Warning,
        "no longer deletes what is removed from Git (`prune`)",
    ),
    setting(
        FLUX,
        &["spec", "force"],
        When::SwitchedOn,
        Severity::Warning,
        "now deletes and makes objects again whose fields cannot be changed (`force`)",
    ),
    setting(
        FLUX,
        &["spec", "wait"],
        When::SwitchedOff,
        Severity::Warning,
        "no longer waits until its objects are ready (`wait`)",
    ),
    setting(
        FLUX,
        &["spec", "healthChecks"],
        When::Removed,
        Severity::Warning,
        "no longer waits until its objects are ready (`healthChecks`)",
    ),
    setting(
        FLUX,
        &["spec", "interval"],
        When::Differs,
        Severity::Info,
        "is applied at another interval",
    ),
    setting(
        FLUX,
        &["spec", "postBuild", "substitute"],
        When::Differs,
        Severity::Info,
        "replaces other variables",
    ),
    setting(
        FLUX,
        &["spec", "decryption", "secretRef"],
        When::Altered,
        Severity::Warning,
        "decrypts Secrets with another key",
    ),
    setting(
        SOURCES,
        &["spec", "verify"],
        When::Altered,
        Severity::Warning,
        "verifies signatures in another way",
    ),
    setting(
        SOURCES,
        &["spec", "insecure"],
        When::SwitchedOn,
        Severity::Warning,
        "now fetches without encryption (`insecure`)",
    ),
    setting(
        SOURCES,
        &["spec", "secretRef"],
        When::Differs,
        Severity::Warning,
        "fetches with another key",
    ),
    setting(
        SOURCES,
        &["spec", "verify"],
        When::Removed,
        Severity::Warning,
        "no longer verifies signatures",
    ),
];

/// The settings that differ between an object at the base and at the head.
pub(super) fn altered(before: &Node, now: &Node) -> Vec<Altered> {
    let kind = now.get("kind").and_then(Node::text).unwrap_or_default();
    let root = |node: &'_ Node| -> Option<Node> {
        match kind {
            "Application" => node.get("spec").cloned(),
            "ApplicationSet" => node.at(&["spec", "template", "spec"]).cloned(),
            _ => Some(node.clone()),
        }
    };
    let (Some(old), Some(new)) = (root(before), root(now)) else {
        return Vec::new();
    };
    let settings = SETTINGS.iter().filter(|one| one.kinds.contains(&kind));
    let mut found: Vec<Altered> = settings
        .filter_map(|setting| {
            let (was, is) = (old.at(setting.path), new.at(setting.path));
            // where the whole group is gone, that is reported
            let (_, group) = setting.path.split_last()?;
            let is_told = setting.when == When::SwitchedOff && new.at(group).is_none();
            (!is_told && setting.when.holds(was, is)).then(|| Altered {
                severity: setting.severity,
                origin: is.map_or(now.origin, |is| is.origin),
                was: was.map(|was| was.origin),
                what: setting.path.last().copied().unwrap_or_default(),
                message: setting.message,
            })
        })
        .collect();
    // Argo CD ignores `source` if there are `sources`
    let both = |node: &Node| node.get("source").is_some() && node.get("sources").is_some();
    if let Some(sources) = new.get("sources").filter(|_| both(&new) && !both(&old)) {
        found.push(Altered {
            severity: Severity::Error,
            origin: sources.origin,
            was: None,
            what: "sources",
            message: "has `sources` beside `source`, so Argo CD no longer applies `source`",
        });
    }
    found
}
