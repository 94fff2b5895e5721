//! Renovate: its `kustomize` manager updates every kustomization.yaml, including those of
//! production, unless the configuration excludes them. Other managers update the files that the
//! configuration gives them.

use regex::Regex;

use crate::finding::{Cause, Severity};
use crate::glob::{self, Stars};
use crate::kustomize::loader::FILE_NAMES;
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::wording;
use crate::yaml::{Node, Origin};

/// Presets that we know, with their settings.
const PRESETS: &[(&str, Setting)] = &[
    (":automergeAll", Setting::Automerge(true)),
    (":automergeMinor", Setting::Automerge(true)),
    (":automergePatch", Setting::Automerge(true)),
    (":automergeDigest", Setting::Automerge(true)),
    (":automergeDisabled", Setting::Automerge(false)),
    (":automergeBranch", Setting::Branch),
    (":disableRenovate", Setting::Enabled(false)),
];

/// Matchers of `packageRules` that we evaluate. Any other matcher may limit a rule to some updates.
const JUDGED: &[&str] = &[
    "matchFileNames",
    "matchPaths",
    "matchManagers",
    "matchDatasources",
    "matchCategories",
];

/// A manager that updates versions in what a cluster applies.
#[derive(Clone, Copy)]
struct Manager {
    name: &'static str,
    /// True if it reads such files without being told to.
    by_default: bool,
    /// True if a file holds a version that it updates.
    reads: fn(name: &str, text: &str) -> bool,
}

const MANAGERS: &[Manager] = &[
    Manager {
        name: "kustomize",
        by_default: true,
        // a kustomization that pins no image has nothing to update
        reads: |name, text| FILE_NAMES.contains(&name) && text.contains("images:"),
    },
    Manager {
        name: "flux",
        by_default: false,
        reads: |_, text| {
            [
                "kind: HelmRelease",
                "kind: OCIRepository",
                "kind: GitRepository",
            ]
            .iter()
            .any(|kind| text.contains(kind))
        },
    },
    Manager {
        name: "argocd",
        by_default: false,
        reads: |_, text| text.contains("kind: Application"),
    },
    Manager {
        name: "kubernetes",
        by_default: false,
        reads: |_, text| text.contains("image:"),
    },
];

#[derive(Clone, Copy)]
enum Setting {
    Automerge(bool),
    Branch,
    Enabled(bool),
}

/// Renovate's permissions for one file.
#[derive(Clone, Copy, Default)]
struct Verdict {
    disabled: bool,
    automerge: Option<Origin>,
    branch: Option<Origin>,
    approval: bool,
}

/// A kustomization of a protected environment that Renovate may change.
struct Reached<'a> {
    overlay: &'a Overlay,
    path: String,
    verdict: Verdict,
}

/// Reports files of protected environments that Renovate may change.
pub(super) fn check(context: &Context, sink: &mut Sink) {
    let Some(renovate) = &context.repo.renovate else {
        return;
    };
    let settings = &renovate.settings;
    let (merging, open): (Vec<Reached>, Vec<Reached>) = reached(context, settings)
        .into_iter()
        .partition(|reached| reached.verdict.automerge.is_some());
    let unknown = unknown_presets(settings);
    let note = match unknown.len() {
        0 => String::new(),
        1 => format!("; the preset {} is not known here", unknown.concat()),
        _ => format!(
            "; the presets {} are not known here",
            wording::list(&unknown)
        ),
    };
    if let Some(first) = merging.first() {
        report_merging(context, first, (&merging, settings.origin, &note), sink);
    } else if let Some(first) = open.first() {
        let environment = context.name_of(first.overlay);
        let message = format!(
            "Renovate proposes new versions for {} even if no earlier environment ran them",
            paths(&open)
        );
        let start = Origin::start_of(renovate.file);
        // an unknown preset may exclude the file
        let severity = if unknown.is_empty() {
            Severity::Warning
        } else {
            Severity::Info
        };
        let draft = Draft::new(severity, start, Cause::new("proposes"), message)
            .help(format!(
                "exclude {environment} with `ignorePaths`, or with a packageRule that has `matchFileNames` and `enabled: false`{note}"
            ))
            .related(first.overlay.origin, format!("the overlay of {environment}"));
        sink.report(context, Some(first.overlay), draft);
    }
}

fn report_merging(
    context: &Context,
    first: &Reached,
    (merging, settings, note): (&[Reached], Origin, &str),
    sink: &mut Sink,
) {
    let environment = context.name_of(first.overlay);
    let (kind, how) = if first.verdict.branch.is_some() {
        ("pushes", "pushes new versions without a pull request")
    } else {
        ("merges", "merges its own pull requests")
    };
    let message = format!(
        "Renovate {how} into {}, which {environment} renders from",
        paths(merging)
    );
    let origin = first.verdict.branch.or(first.verdict.automerge);
    let cause = Cause::new(kind);
    let draft = Draft::new(Severity::Error, origin.unwrap_or(settings), cause, message)
        .help(format!(
            "add a packageRule with `matchFileNames` for {environment} and `automerge: false`, or exclude {environment} with `ignorePaths`{note}"
        ))
        .related(first.overlay.origin, format!("the overlay of {environment}"));
    sink.report(context, Some(first.overlay), draft);
}

/// The kustomizations of protected environments that Renovate changes or opens pull requests for.
fn reached<'a>(context: &Context<'a>, settings: &Node) -> Vec<Reached<'a>> {
    let mut found = Vec::new();
    let overlays = context.judged();
    for overlay in overlays.filter(|overlay| context.repo.protected(overlay)) {
        for file in &overlay.rendered.files {
            let source = context.repo.files.get(*file);
            let name = source.path.rsplit('/').next().unwrap_or(&source.path);
            let verdict = MANAGERS
                .iter()
                .filter(|manager| (manager.reads)(name, &source.text))
                .map(|manager| judge(settings, manager, &source.path))
                .find(|verdict| {
                    !verdict.disabled && (verdict.automerge.is_some() || !verdict.approval)
                });
            found.extend(verdict.map(|verdict| Reached {
                overlay,
                path: source.path.to_string(),
                verdict,
            }));
        }
    }
    found
}

/// The first path, and the number of others.
fn paths(reached: &[Reached]) -> String {
    let mut paths: Vec<&str> = Vec::new();
    for one in reached {
        if !paths.contains(&one.path.as_str()) {
            paths.push(&one.path);
        }
    }
    wording::listed(&paths, 1)
}

/// Presets whose content we do not know.
fn unknown_presets(settings: &Node) -> Vec<String> {
    let known = |preset: &str| {
        PRESETS.iter().any(|(name, _)| *name == preset)
            || preset.starts_with(':')
            || built_in(preset)
    };
    let extends = settings.get("extends").map_or(&[][..], Node::items);
    extends
        .iter()
        .filter_map(Node::text)
        .filter(|preset| !known(preset))
        .map(str::to_string)
        .collect()
}

/// True if a preset belongs to Renovate and neither merges nor excludes anything.
fn built_in(preset: &str) -> bool {
    let families = [
        "config:",
        "default:",
        "docker:",
        "group:",
        "helpers:",
        "monorepo:",
        "npm:",
        "replacements:",
        "schedule:",
        "security:",
        "workarounds:",
    ];
    families.iter().any(|family| preset.starts_with(family))
}

/// Applies the settings to one file. For each field, the last matching rule wins. A rule that may
/// match only some updates can allow something, but cannot forbid it for the file.
fn judge(settings: &Node, kind: &Manager, path: &str) -> Verdict {
    let mut verdict = Verdict::default();
    let manager = settings.get(kind.name);
    let texts = |node: Option<&Node>| -> Vec<String> {
        node.map_or(&[][..], Node::items)
            .iter()
            .filter_map(Node::text)
            .map(str::to_string)
            .collect()
    };
    for preset in settings.get("extends").map_or(&[][..], Node::items) {
        let set = PRESETS
            .iter()
            .find(|(name, _)| preset.text() == Some(name))
            .map(|(_, setting)| *setting);
        match set {
            Some(Setting::Automerge(on)) => verdict.automerge = on.then_some(preset.origin),
            Some(Setting::Branch) => verdict.branch = Some(preset.origin),
            Some(Setting::Enabled(on)) => verdict.disabled = !on,
            None => {}
        }
    }
    for node in [Some(settings), manager].into_iter().flatten() {
        apply(node, true, &mut verdict);
    }
    let enabled = texts(settings.get("enabledManagers"));
    verdict.disabled |= !enabled.is_empty() && !enabled.iter().any(|name| name == kind.name);
    if !kind.by_default {
        let patterns = |key: &str| texts(manager.and_then(|manager| manager.get(key)));
        let named = patterns("managerFilePatterns")
            .iter()
            .any(|pattern| fits(pattern, path))
            || patterns("fileMatch")
                .iter()
                .any(|pattern| fits(&format!("/{pattern}/"), path));
        verdict.disabled |= !named;
    }
    let included = texts(settings.get("includePaths"));
    verdict.disabled |= !included.is_empty() && !included.iter().any(|pattern| fits(pattern, path));
    verdict.disabled |= texts(settings.get("ignorePaths")).iter().any(|pattern| {
        fits(pattern, path) || path.starts_with(&format!("{}/", pattern.trim_end_matches('/')))
    });
    for rule in settings.get("packageRules").map_or(&[][..], Node::items) {
        let matches = |key: &str, test: &dyn Fn(&str) -> bool| {
            let patterns = texts(rule.get(key));
            let (not, yes): (Vec<&String>, Vec<&String>) = patterns
                .iter()
                .partition(|pattern| pattern.starts_with('!'));
            patterns.is_empty()
                || (not
                    .iter()
                    .all(|pattern| !test(pattern.trim_start_matches('!')))
                    && (yes.is_empty() || yes.iter().any(|pattern| test(pattern))))
        };
        let file = |pattern: &str| fits(pattern, path);
        let judged = matches("matchFileNames", &file)
            && matches("matchPaths", &file)
            && matches("matchManagers", &|name| name == kind.name)
            && matches("matchDatasources", &|name| {
                matches!(name, "docker" | "helm" | "github-tags" | "git-tags")
            })
            && matches("matchCategories", &|name| {
                matches!(name, "kubernetes" | "cd" | "docker")
            });
        if judged {
            let narrow = rule.entries().iter().any(|entry| {
                (entry.key.starts_with("match") || entry.key.starts_with("exclude"))
                    && !JUDGED.contains(&&*entry.key)
            });
            apply(rule, !narrow, &mut verdict);
        }
    }
    if verdict.automerge.is_none() {
        verdict.branch = None;
    }
    verdict
}

/// Applies the fields of one rule to the verdict. Unless the rule is `sure` to match all updates,
/// it can only allow something.
fn apply(node: &Node, sure: bool, verdict: &mut Verdict) {
    let flag = |key: &str| {
        node.entry(key)
            .and_then(|entry| Some((entry.value.as_bool()?, entry.key_origin)))
    };
    match flag("enabled") {
        Some((false, _)) if sure => verdict.disabled = true,
        Some((true, _)) => verdict.disabled = false,
        _ => {}
    }
    match flag("automerge") {
        Some((false, _)) if sure => verdict.automerge = None,
        Some((true, origin)) => verdict.automerge = Some(origin),
        _ => {}
    }
    if let Some(entry) = node.entry("automergeType") {
        match entry.value.text() {
            Some("branch") => verdict.branch = Some(entry.key_origin),
            _ if sure => verdict.branch = None,
            _ => {}
        }
    }
    let asked = flag("dependencyDashboardApproval").map(|(on, _)| on);
    let asked = asked.or_else(|| {
        node.get("prCreation")
            .and_then(Node::text)
            .map(|when| when == "approval")
    });
    match asked {
        Some(true) if sure => verdict.approval = true,
        Some(false) => verdict.approval = false,
        _ => {}
    }
}

/// A pattern of Renovate: a regular expression between slashes, else a glob of the whole path.
fn fits(pattern: &str, path: &str) -> bool {
    if let Some(body) = pattern
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/').or(rest.strip_suffix("/i")))
    {
        let insensitive = if pattern.ends_with("/i") { "(?i)" } else { "" };
        return Regex::new(&format!("{insensitive}{body}")).is_ok_and(|regex| regex.is_match(path));
    }
    pattern == path || glob::matches(pattern, Stars::WithinFolder, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;
    use crate::yaml::read::read;

    fn verdict(text: &str) -> (bool, bool, bool) {
        let settings = read(text, FileId(0)).unwrap().documents.remove(0);
        let path = "apps/api/overlays/production/kustomization.yaml";
        let verdict = judge(&settings, &MANAGERS[0], path);
        (
            verdict.disabled,
            verdict.automerge.is_some(),
            verdict.branch.is_some(),
        )
    }

    #[test]
    fn the_last_rule_that_matches_counts_field_by_field() {
        for (text, expected) in [
            ("{}", (false, false, false)),
            ("{automerge: true}", (false, true, false)),
            ("{extends: [':automergeMinor']}", (false, true, false)),
            (
                "{automerge: true, automergeType: branch}",
                (false, true, true),
            ),
            ("{automergeType: branch}", (false, false, false)),
            ("{ignorePaths: ['**/production/**']}", (true, false, false)),
            ("{ignorePaths: ['apps/api']}", (true, false, false)),
            (
                "{includePaths: ['apps/*/overlays/dev/**']}",
                (true, false, false),
            ),
            ("{enabledManagers: [npm]}", (true, false, false)),
            ("{kustomize: {enabled: false}}", (true, false, false)),
            (
                "{packageRules: [{matchFileNames: ['**/production/**'], enabled: false}]}",
                (true, false, false),
            ),
            (
                "{packageRules: [{matchFileNames: ['!**/dev/**'], enabled: false}]}",
                (true, false, false),
            ),
            (
                "{packageRules: [{matchFileNames: ['/production/'], automerge: true}]}",
                (false, true, false),
            ),
            (
                "{automerge: true, packageRules: [{matchFileNames: ['**/production/**'], automerge: false}]}",
                (false, false, false),
            ),
            (
                "{packageRules: [{matchUpdateTypes: [minor], automerge: true}]}",
                (false, true, false),
            ),
            (
                "{automerge: true, packageRules: [{matchUpdateTypes: [major], automerge: false}]}",
                (false, true, false),
            ),
            (
                "{packageRules: [{matchManagers: [npm], automerge: true}]}",
                (false, false, false),
            ),
        ] {
            assert_eq!(verdict(text), expected, "{text}");
        }
    }
}
