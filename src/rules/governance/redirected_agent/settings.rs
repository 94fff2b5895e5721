//! Settings of an agent's object that decide where and with which rights it applies things, and
//! whether this check sees what it applies.
//!
//! Not here: the repository, revision and folder that it follows (`redirected_agent`).

use crate::finding::Severity;
use crate::wording;
use crate::yaml::{Node, Origin};

/// A setting that a change altered.
pub(super) struct Altered {
    pub severity: Severity,
    /// The present value, or the object if the value is gone.
    pub origin: Origin,
    /// The earlier value.
    pub was: Option<Origin>,
    /// Identifies the setting.
    pub what: String,
    /// The present value, if it is a text.
    pub value: String,
    /// Continues the name of the agent.
    pub message: String,
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
const RELEASES: &[&str] = &["HelmRelease"];
const SOURCES: &[&str] = &[
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "HelmChart",
    "HelmRepository",
];

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
        &["sourceHydrator"],
        When::Added,
        Severity::Error,
        "applies a branch that Argo CD writes by this change (`sourceHydrator`), in place of its source",
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
        RELEASES,
        &["spec", "targetNamespace"],
        When::Differs,
        Severity::Warning,
        "installs into another namespace by this change (`targetNamespace`)",
    ),
    setting(
        RELEASES,
        &["spec", "storageNamespace"],
        When::Differs,
        Severity::Warning,
        "looks for its release in another namespace by this change (`storageNamespace`), and installs a second one",
    ),
    setting(
        RELEASES,
        &["spec", "releaseName"],
        When::Differs,
        Severity::Warning,
        "installs under another name by this change (`releaseName`), and Helm deletes the old release",
    ),
    setting(
        RELEASES,
        &["spec", "upgrade", "force"],
        When::SwitchedOn,
        Severity::Warning,
        "now replaces objects whose fields cannot be changed (`force`)",
    ),
    setting(
        RELEASES,
        &["spec", "driftDetection"],
        When::Removed,
        Severity::Warning,
        "no longer corrects what somebody changes in the cluster (`driftDetection`)",
    ),
    setting(
        RELEASES,
        &["spec", "driftDetection", "mode"],
        When::Altered,
        Severity::Warning,
        "detects what somebody changes in the cluster in another way (`driftDetection`)",
    ),
    setting(
        SOURCES,
        &["spec", "sparseCheckout"],
        When::Differs,
        Severity::Warning,
        "fetches other folders than before (`sparseCheckout`)",
    ),
    setting(
        SOURCES,
        &["spec", "proxySecretRef"],
        When::Differs,
        Severity::Warning,
        "fetches through another proxy",
    ),
    setting(
        SOURCES,
        &["spec", "certSecretRef"],
        When::Differs,
        Severity::Warning,
        "trusts other certificates when it fetches",
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

/// The settings that differ between an object at the base and at the head. What an ApplicationSet
/// makes has the kind `Application`, whatever its template says.
pub(super) fn altered(kind: &str, before: &Node, now: &Node) -> Vec<Altered> {
    let (Some(old), Some(new)) = (settings_of(kind, before), settings_of(kind, now)) else {
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
                what: setting.path.last().copied().unwrap_or_default().to_string(),
                value: is.and_then(Node::text).unwrap_or_default().to_string(),
                message: setting.message.to_string(),
            })
        })
        .collect();
    // Argo CD ignores `source` if there are `sources`
    let both = |node: &Node| node.get("source").is_some() && node.get("sources").is_some();
    if let Some(sources) = new.get("sources").filter(|_| both(new) && !both(old)) {
        found.push(Altered {
            severity: Severity::Error,
            origin: sources.origin,
            was: None,
            what: "sources".to_string(),
            value: String::new(),
            message: "has `sources` beside `source`, so Argo CD no longer applies `source`"
                .to_string(),
        });
    }
    found.extend(unencrypted(old, new));
    found.extend(others(kind, (old, new), now));
    found
}

/// The part of an object in which the paths of [`SETTINGS`] begin.
fn settings_of<'n>(kind: &str, node: &'n Node) -> Option<&'n Node> {
    match kind {
        "Application" => node.get("spec"),
        "ApplicationSet" => node.at(&["spec", "template", "spec"]),
        _ => Some(node),
    }
}

/// A source that is fetched without encryption from now on.
fn unencrypted(old: &Node, new: &Node) -> Option<Altered> {
    let [was, is] = [old, new].map(|node| node.at(&["spec", "url"]));
    let (was, is) = (was?, is?);
    let now_open = is.text()?.starts_with("http://") && !was.text()?.starts_with("http://");
    now_open.then(|| Altered {
        severity: Severity::Warning,
        origin: is.origin,
        was: Some(was.origin),
        what: "url".to_string(),
        value: String::new(),
        message: "now fetches without encryption (`http://`)".to_string(),
    })
}

/// Keys of agents' objects that are followed, rendered or compared elsewhere, and those that have no
/// effect on what is applied.
const ELSEWHERE: &[&str] = &[
    "path",
    "sourceRef",
    "ref",
    "url",
    "source",
    "sources",
    "suspend",
    "components",
    "images",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "commonMetadata",
    "postBuild",
    "dependsOn",
    "chart",
    "chartRef",
    "values",
    "valuesFrom",
    "interval",
    "destination",
    "syncPolicy",
    "info",
    "revisionHistoryLimit",
];

/// All other settings that differ, as one. None of them is known to be dangerous.
fn others(kind: &str, (old, new): (&Node, &Node), object: &Node) -> Option<Altered> {
    let (old, new) = match kind {
        "Application" | "ApplicationSet" => (Some(old), Some(new)),
        _ => (old.get("spec"), new.get("spec")),
    };
    let (old, new) = (old?, new?);
    let told = |key: &str| {
        let known = SETTINGS.iter().filter(|one| one.kinds.contains(&kind));
        let mut heads = known.filter_map(|one| match one.path {
            ["spec", key, ..] => Some(*key),
            [key, ..] => Some(*key),
            [] => None,
        });
        ELSEWHERE.contains(&key) || heads.any(|head| head == key)
    };
    let entries = new.entries().iter().chain(old.entries());
    let mut keys: Vec<&str> = entries.map(|entry| &*entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| !told(key) && When::Differs.holds(old.get(key), new.get(key)));
    let first = keys.first()?;
    let names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    Some(Altered {
        severity: Severity::Info,
        origin: new.get(first).map_or(object.origin, |value| value.origin),
        was: old.get(first).map(|value| value.origin),
        what: keys.join(","),
        value: String::new(),
        message: format!(
            "is applied with other settings: {}",
            wording::listed(&names, 3)
        ),
    })
}
