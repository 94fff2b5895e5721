//! The fields of agents' objects, to find misspelt ones. Argo CD drops an unknown field without a
//! word; Flux refuses the object or drops it, too.

use super::mistakes::{Mistake, MistakeKind};
use super::{argocd, flux, is};
use crate::names::nearest;
use crate::yaml::Node;

/// A place in an object, and the fields that it may have. `sources` stands for each of its items.
type Place = (&'static [&'static str], &'static [&'static str]);

const KUSTOMIZATION: &[Place] = &[
    (
        &["spec"],
        &[
            "buildMetadata",
            "commonMetadata",
            "components",
            "decryption",
            "deletionPolicy",
            "dependsOn",
            "force",
            "healthCheckExprs",
            "healthChecks",
            "ignoreMissingComponents",
            "images",
            "interval",
            "kubeConfig",
            "namePrefix",
            "nameSuffix",
            "patches",
            "patchesJson6902",
            "patchesStrategicMerge",
            "path",
            "postBuild",
            "prune",
            "retryInterval",
            "serviceAccountName",
            "sourceRef",
            "suspend",
            "targetNamespace",
            "timeout",
            "validation",
            "wait",
        ],
    ),
    (
        &["spec", "sourceRef"],
        &["apiVersion", "kind", "name", "namespace"],
    ),
    (
        &["spec", "postBuild"],
        &["substitute", "substituteFrom", "substituteStrategy"],
    ),
];

const RELEASE: &[Place] = &[(
    &["spec"],
    &[
        "chart",
        "chartRef",
        "commonMetadata",
        "dependsOn",
        "driftDetection",
        "healthCheckExprs",
        "install",
        "interval",
        "kubeConfig",
        "maxHistory",
        "persistentClient",
        "postRenderers",
        "releaseName",
        "rollback",
        "serviceAccountName",
        "storageNamespace",
        "suspend",
        "targetNamespace",
        "test",
        "timeout",
        "uninstall",
        "upgrade",
        "values",
        "valuesFrom",
        "waitStrategy",
    ],
)];

const APPLICATION: &[Place] = &[
    (
        &[],
        &[
            "destination",
            "ignoreDifferences",
            "info",
            "project",
            "revisionHistoryLimit",
            "source",
            "sourceHydrator",
            "sources",
            "syncPolicy",
        ],
    ),
    (&["destination"], &["name", "namespace", "server"]),
    (
        &["syncPolicy"],
        &[
            "automated",
            "managedNamespaceMetadata",
            "retry",
            "syncOptions",
        ],
    ),
    (
        &["syncPolicy", "automated"],
        &["allowEmpty", "enabled", "prune", "selfHeal"],
    ),
];

const SOURCE: &[Place] = &[
    (
        &[],
        &[
            "chart",
            "directory",
            "helm",
            "kustomize",
            "name",
            "path",
            "plugin",
            "ref",
            "repoURL",
            "targetRevision",
        ],
    ),
    (
        &["directory"],
        &["exclude", "include", "jsonnet", "recurse"],
    ),
    (
        &["kustomize"],
        &[
            "apiVersions",
            "commonAnnotations",
            "commonAnnotationsEnvsubst",
            "commonLabels",
            "components",
            "forceCommonAnnotations",
            "forceCommonLabels",
            "ignoreMissingComponents",
            "images",
            "kubeVersion",
            "labelIncludeTemplates",
            "labelWithoutSelector",
            "namePrefix",
            "nameSuffix",
            "namespace",
            "patches",
            "replicas",
            "version",
        ],
    ),
    (
        &["helm"],
        &[
            "apiVersions",
            "fileParameters",
            "ignoreMissingValueFiles",
            "kubeVersion",
            "namespace",
            "parameters",
            "passCredentials",
            "releaseName",
            "skipCrds",
            "skipSchemaValidation",
            "skipTests",
            "valueFiles",
            "values",
            "valuesObject",
            "version",
        ],
    ),
];

const SET: &[Place] = &[(
    &["spec"],
    &[
        "applyNestedSelectors",
        "generators",
        "goTemplate",
        "goTemplateOptions",
        "ignoreApplicationDifferences",
        "preservedFields",
        "strategy",
        "syncPolicy",
        "template",
        "templatePatch",
    ],
)];

/// Fields of an object that are similar to ones that exist.
pub(super) fn misspelt(node: &Node, name: &str) -> Vec<Mistake> {
    let mut found = Found {
        name,
        mistakes: Vec::new(),
    };
    if is(node, "Kustomization", flux::GROUP) {
        found.look(node, KUSTOMIZATION);
    } else if is(node, "HelmRelease", flux::RELEASES) {
        found.look(node, RELEASE);
    } else if is(node, "Application", argocd::GROUP) {
        found.application(node.get("spec"));
    } else if is(node, "ApplicationSet", argocd::GROUP) {
        found.look(node, SET);
        found.application(node.at(&["spec", "template", "spec"]));
    }
    found.mistakes
}

struct Found<'n> {
    name: &'n str,
    mistakes: Vec<Mistake>,
}

impl Found<'_> {
    fn application(&mut self, spec: Option<&Node>) {
        let Some(spec) = spec else { return };
        self.look(spec, APPLICATION);
        let several = spec.get("sources").map_or(&[][..], Node::items);
        for source in spec.get("source").into_iter().chain(several) {
            self.look(source, SOURCE);
        }
    }

    fn look(&mut self, node: &Node, places: &[Place]) {
        for (path, known) in places {
            let Some(place) = node.at(path) else { continue };
            for entry in place.entries() {
                let key = &*entry.key;
                let meant = nearest(key, known).filter(|_| !known.contains(&key));
                // `wait` and `waits` are hardly ever both fields, but a field that is already set
                // was not meant
                let Some(meant) = meant.filter(|meant| place.get(meant).is_none()) else {
                    continue;
                };
                self.mistakes.push(Mistake {
                    kind: MistakeKind::UnknownField,
                    origin: entry.key_origin,
                    subject: key.to_string(),
                    message: format!("{} sets `{key}`, which is not a field", self.name),
                    help: format!("did you mean `{meant}`?"),
                    related: None,
                });
            }
        }
    }
}
