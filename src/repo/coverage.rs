//! Lists the parts of a repo that a check does not judge.
//!
//! Not here: how serious that is (`rules`).

use std::collections::BTreeMap;
use std::ops::Range;

use foldhash::HashSet;

use super::controls::{Control, group_of};
use super::discover::{Layout, Root, in_chart, is_example, is_set_aside};
use super::{Overlay, Repo};
use crate::helm::leads_to_web;
use crate::source::{EntryKind, folder_of};
use crate::yaml::{FileId, Node, Origin};

/// Why something is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnseenKind {
    /// A kustomization that belongs to no overlay.
    Kustomization,
    /// An environment whose place in the promotion order is not known.
    Environment,
    /// An agent's object that is not followed: it applies a chart or another repository.
    Agent,
    /// An object that deploys something which is not rendered.
    Object,
    /// A release of a chart that is not in the repository: only its values are judged.
    Release,
    /// A chart that nothing in the repo applies, or that lacks values to render it.
    Chart,
    /// The schema of a chart's values that refers to the web, which is not fetched.
    Schema,
    /// A kind without a schema: the fields of its objects are not judged.
    Kind,
    /// A file of Kubernetes objects, edited by the change, that nothing applies.
    Manifest,
    /// The comparison of environments: no overlay belongs to one.
    Comparison,
}

impl UnseenKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            UnseenKind::Kustomization => "kustomization",
            UnseenKind::Environment => "environment",
            UnseenKind::Agent => "agent",
            UnseenKind::Object => "object",
            UnseenKind::Release => "release",
            UnseenKind::Chart => "chart",
            UnseenKind::Schema => "schema",
            UnseenKind::Kind => "kind",
            UnseenKind::Manifest => "manifest",
            UnseenKind::Comparison => "comparison",
        }
    }
}

/// One thing that is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Why.
    pub kind: UnseenKind,
    /// Its name: a folder, an environment, or an object such as `Application argocd/web`.
    pub name: String,
    /// Its place.
    pub origin: Origin,
}

/// An object in a file that makes an agent apply what is not in the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The chart is elsewhere, or the whole folder.
    pub kind: UnseenKind,
    /// Its name: `HelmRelease shop/web`.
    pub name: String,
    /// Its place.
    pub origin: Origin,
    /// The environment according to the path of its file.
    pub environment: Option<usize>,
    /// The URL of each source, or for Flux its kind and name.
    pub sources: Vec<String>,
    /// The name of each chart.
    pub charts: Vec<String>,
}

/// Kinds that deploy something and are not rendered, with the end of their API group.
const DEPLOYERS: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("helm.cattle.io", "HelmChart"),
    ("fleet.cattle.io", "Bundle"),
    ("fleet.cattle.io", "GitRepo"),
    ("kappctrl.k14s.io", "App"),
    ("packaging.carvel.dev", "PackageInstall"),
    ("infra.contrib.fluxcd.io", "Terraform"),
    ("operators.coreos.com", "Subscription"),
    ("pkg.crossplane.io", "Configuration"),
    ("pkg.crossplane.io", "Function"),
    ("pkg.crossplane.io", "Provider"),
];

impl Repo {
    /// The parts that are not judged, sorted by kind and name. Only objects of the overlays in
    /// `judged` are listed.
    pub fn unseen<'o>(&self, judged: impl Iterator<Item = &'o Overlay>) -> Vec<Unseen> {
        let mut found = self.unseen_environments();
        found.extend(self.unseen_comparison());
        for folder in &self.uncovered {
            found.extend(self.kustomization_origin(folder).map(|origin| Unseen {
                kind: UnseenKind::Kustomization,
                name: folder.clone(),
                origin,
            }));
        }
        found.extend(self.unseen_agents());
        found.extend(self.unseen_charts());
        let judged: Vec<&Overlay> = judged.collect();
        found.extend(
            judged
                .iter()
                .filter_map(|overlay| self.unrendered_chart(overlay)),
        );
        found.extend(self.unseen_schemas(&judged));
        found.extend(unseen_objects(judged.into_iter()));
        found.sort_by_cached_key(|unseen| {
            let path = self.files.get(unseen.origin.file).path.clone();
            (unseen.kind, unseen.name.clone(), path, unseen.origin.start)
        });
        // a base that several overlays build upon is one place
        found.dedup();
        found
    }

    /// The files of Kubernetes objects among some that no overlay, agent or kustomization reads, in
    /// the order of their paths. `judged` are the overlays that may read one of them.
    pub fn unapplied<'p>(
        &self,
        paths: impl Iterator<Item = &'p str>,
        judged: impl Iterator<Item = &'p Overlay>,
    ) -> Vec<Unseen> {
        let candidates: Vec<&str> = paths.filter(|path| self.may_be_manifest(path)).collect();
        if candidates.is_empty() {
            return Vec::new();
        }
        let rendered = judged.flat_map(|overlay| overlay.rendered.files.iter().copied());
        let agents = self.controls().iter().map(|control| control.file);
        let unlisted = self.unreferenced.iter().map(|one| one.file);
        let read: HashSet<FileId> = rendered.chain(agents).chain(unlisted).collect();
        let unread = candidates.into_iter().filter_map(|path| {
            let parsed = self.renderer.parsed(path).ok()?;
            let file = self.renderer.file_id(path)?;
            let mut objects = parsed.documents.iter().filter(|node| is_applied(node));
            let first = objects.next().filter(|_| !read.contains(&file))?;
            Some(Unseen {
                kind: UnseenKind::Manifest,
                name: path.to_string(),
                origin: first.origin,
            })
        });
        unread.collect()
    }

    /// True for a path at which a manifest may lie that somebody applies: not an example, and in no
    /// chart, hidden folder or kustomization, about which other findings tell.
    fn may_be_manifest(&self, path: &str) -> bool {
        let is_yaml = [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| path.ends_with(end));
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        let folder = folder_of(path);
        let mut above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let is_root = |folder: &str| {
            let roots = &self.roots;
            roots
                .binary_search_by(|root| root.folder.as_str().cmp(folder))
                .is_ok()
        };
        let is_uncovered = |folder: &str| self.uncovered.iter().any(|one| one == folder);
        is_yaml
            && !is_hidden
            && self.source.kind(path) == Some(EntryKind::File)
            && !is_set_aside(folder)
            && !self.is_ignored(folder)
            && !in_chart(path, &*self.source)
            && !is_root(folder)
            && !above.any(is_uncovered)
    }

    fn unseen_environments(&self) -> Vec<Unseen> {
        let mut places: BTreeMap<&str, Origin> = BTreeMap::new();
        for overlay in self.overlays.iter().filter(|one| self.is_unordered(one)) {
            if let Some(environment) = self.environment(overlay) {
                places.entry(&environment.name).or_insert(overlay.origin);
            }
        }
        let unseen = places.into_iter().map(|(name, origin)| Unseen {
            kind: UnseenKind::Environment,
            name: name.to_string(),
            origin,
        });
        unseen.collect()
    }

    /// The comparison, if no overlay belongs to an environment. The only cluster, and a single overlay,
    /// have nothing to be compared with.
    fn unseen_comparison(&self) -> Option<Unseen> {
        let is_compared = |one: &Overlay| one.environment.is_some();
        let first = self.overlays.first()?;
        if self.overlays.len() == 1 || self.overlays.iter().any(is_compared) {
            return None;
        }
        let fleet = self.fleet();
        let followed = fleet.applied.iter().filter(|one| one.overlay.is_some());
        let is_alone = fleet.has_one_cluster() && followed.count() * 2 >= self.overlays.len();
        (!is_alone).then(|| Unseen {
            kind: UnseenKind::Comparison,
            name: "environments".to_string(),
            origin: first.origin,
        })
    }

    fn unseen_charts(&self) -> impl Iterator<Item = Unseen> {
        let charts = self.agents.uninstalled.iter();
        charts.map(|file| Unseen {
            kind: UnseenKind::Chart,
            name: folder_of(&self.files.get(*file).path).to_string(),
            origin: Origin::start_of(*file),
        })
    }

    /// The schemas of rendered charts that refer to the web.
    fn unseen_schemas(&self, judged: &[&Overlay]) -> Vec<Unseen> {
        let read = judged.iter().flat_map(|overlay| &overlay.rendered.files);
        let read: HashSet<FileId> = read.copied().collect();
        let schemas = read.into_iter().filter_map(|file| {
            let source = self.files.get(file);
            let is_schema = source.path.ends_with("/values.schema.json");
            (is_schema && leads_to_web(&source.text)).then(|| Unseen {
                kind: UnseenKind::Schema,
                name: source.path.to_string(),
                origin: Origin::start_of(file),
            })
        });
        schemas.collect()
    }

    /// The release of a chart that is assumed, and lacks values to render it.
    fn unrendered_chart(&self, overlay: &Overlay) -> Option<Unseen> {
        let pointer = self.pointers().get(overlay.applied?)?;
        // of a chart whose dependencies are elsewhere, the values are checked
        let kind = match overlay.rendered.releases.is_empty() {
            true => UnseenKind::Chart,
            false => UnseenKind::Release,
        };
        (pointer.assumed && !overlay.rendered.complete).then(|| Unseen {
            kind,
            name: pointer.agent.name.trim_start_matches("chart ").to_string(),
            origin: overlay.origin,
        })
    }

    /// The agents' objects that lead out of the repo.
    pub(super) fn unseen_agents(&self) -> Vec<Unseen> {
        let unseen = self.outside_agents();
        unseen
            .map(|(control, kind)| Unseen {
                kind,
                name: name_of(&control.node),
                origin: control.node.origin,
            })
            .collect()
    }

    /// The objects in files that make an agent apply what is not in the repo, in the order of the
    /// files.
    pub fn outside(&self) -> Vec<Outside> {
        let is_patch = |control: &&Control| self.is_patch(control);
        let releases = self.controls().iter().filter(|one| is_release(&one.node));
        let releases = releases
            .filter(|one| !is_patch(one))
            .map(|one| (one, UnseenKind::Release));
        let expanded = self.expanded();
        let is_expanded = |control: &Control| {
            let Origin { file, start, .. } = control.node.origin;
            expanded.contains(&(file, start))
        };
        let releases = releases.filter(|(control, _)| !is_expanded(control));
        let found = self.outside_agents().chain(releases);
        found
            .map(|(control, kind)| Outside {
                kind,
                name: name_of(&control.node),
                origin: control.node.origin,
                environment: control.environment,
                sources: sources_of(&control.node),
                charts: charts_of(&control.node),
            })
            .collect()
    }

    /// The agents' objects that are not followed, or whose chart is elsewhere.
    fn outside_agents(&self) -> impl Iterator<Item = (&Control, UnseenKind)> {
        let mut followed: BTreeMap<FileId, Vec<Range<u32>>> = BTreeMap::new();
        for pointer in self.pointers() {
            let Origin {
                file, start, end, ..
            } = pointer.object.origin;
            followed.entry(file).or_default().push(start..end);
        }
        let is_followed = move |control: &Control| {
            let Origin { start, end, .. } = control.node.origin;
            let within = |range: &Range<u32>| start <= range.start && range.end <= end;
            let ranges = followed.get(&control.file);
            ranges.is_some_and(|ranges| ranges.iter().any(within))
        };
        let agents = self
            .controls()
            .iter()
            .filter(|control| is_agent(&control.node) && !self.is_patch(control));
        agents.filter_map(move |control| match is_followed(control) {
            false => Some((control, UnseenKind::Agent)),
            true => {
                let is_unseen = has_chart(&control.node) && !self.has_copies(&control.node);
                is_unseen.then_some((control, UnseenKind::Release))
            }
        })
    }

    /// The places of the HelmReleases whose charts are rendered from copies.
    fn expanded(&self) -> HashSet<(FileId, u32)> {
        let has_copies = !self.renderer.options().remotes.chart_folders.is_empty();
        let overlays = self.overlays.iter().filter(|_| has_copies);
        let resources = overlays.flat_map(|overlay| &overlay.rendered.resources);
        let expanded = resources.filter(|resource| resource.expanded);
        let places = expanded.map(|resource| resource.node.origin);
        places.map(|origin| (origin.file, origin.start)).collect()
    }

    /// True if the repository has copies of all charts of an Application.
    fn has_copies(&self, application: &Node) -> bool {
        let Some(charts) = self.renderer.charts() else {
            return false;
        };
        let spec = application.get("spec");
        let several = spec.and_then(|spec| spec.get("sources"));
        let sources = several.map(Node::items).unwrap_or_default().iter();
        let sources = sources.chain(spec.and_then(|spec| spec.get("source")));
        let mut sources = sources
            .filter(|source| source.get("chart").is_some())
            .peekable();
        sources.peek().is_some()
            && sources.all(|source| {
                let text = |key: &str| source.get(key).and_then(Node::text);
                let version = text("targetRevision").unwrap_or_default();
                let copy = text("chart").and_then(|name| charts.copy_of(name, version));
                copy.is_some()
            })
    }

    /// True if a kustomization uses the file of an object as a patch, which looks like the object.
    pub fn is_patch(&self, control: &Control) -> bool {
        let path = &self.files.get(control.file).path;
        self.agents.patches.contains(&**path)
    }
}

/// True if an object is a HelmRelease whose chart is in no Git repository.
fn is_release(node: &Node) -> bool {
    let text = |path: &[&str]| node.at(path).and_then(Node::text);
    group_of(node) == "helm.toolkit.fluxcd.io"
        && text(&["kind"]) == Some("HelmRelease")
        && text(&["spec", "chart", "spec", "sourceRef", "kind"]) != Some("GitRepository")
}

/// The sources of an agent's object: URLs, or for Flux the kind and name of the source.
fn sources_of(node: &Node) -> Vec<String> {
    let references = [
        &["spec", "sourceRef"][..],
        &["spec", "chartRef"],
        &["spec", "chart", "spec", "sourceRef"],
    ];
    let references = references.into_iter().filter_map(|path| node.at(path));
    let names = references.filter_map(|reference| {
        let text = |key: &str| reference.get(key).and_then(Node::text);
        Some(format!("{} {}", text("kind")?, text("name")?))
    });
    let urls = argo_sources(node);
    let urls = urls.filter_map(|source| Some(source.get("repoURL")?.text()?.to_string()));
    names.chain(urls).collect()
}

/// The sources of an Application, or of those that an ApplicationSet makes.
fn argo_sources(node: &Node) -> impl Iterator<Item = &Node> {
    let specs = [&["spec"][..], &["spec", "template", "spec"]];
    let specs = specs.into_iter().filter_map(|path| node.at(path));
    specs.flat_map(|spec| {
        let several = spec.get("sources").map_or(&[][..], Node::items);
        spec.get("source").into_iter().chain(several)
    })
}

/// The names of the charts that an agent's object or a release installs.
fn charts_of(node: &Node) -> Vec<String> {
    let of_flux = node.at(&["spec", "chart", "spec"]).into_iter();
    let specs = of_flux.chain(argo_sources(node));
    let charts = specs.filter_map(|spec| Some(spec.get("chart")?.text()?.to_string()));
    charts.collect()
}

/// API groups, or their ends, whose objects no cluster gets: they configure programs.
const CONFIGURATION: &[&str] = &[
    "backstage.io",
    "cli.kyverno.io",
    "ctlptl.dev",
    "eksctl.io",
    "k3d.io",
    "kind.x-k8s.io",
    "kpt.dev",
    "kubeadm.k8s.io",
    "kubelet.config.k8s.io",
    "kustomize.config.k8s.io",
    "skaffold",
    "test.gatekeeper.sh",
];

/// True for an object that a cluster may get.
fn is_applied(node: &Node) -> bool {
    let text = |path: &[&str]| node.at(path).and_then(Node::text);
    let group = group_of(node);
    text(&["apiVersion"]).is_some()
        && text(&["kind"]).is_some_and(|kind| kind != "Config")
        && text(&["metadata", "name"]).is_some()
        && !CONFIGURATION.iter().any(|other| group.ends_with(other))
}

/// True if an object tells an agent what to apply.
fn is_agent(node: &Node) -> bool {
    let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
    match group_of(node) {
        "argoproj.io" => ["Application", "ApplicationSet"].contains(&kind),
        "kustomize.toolkit.fluxcd.io" => kind == "Kustomization",
        _ => false,
    }
}

/// True if a source of an Application, or of an ApplicationSet's template, is a chart.
fn has_chart(node: &Node) -> bool {
    let specs = [&["spec"][..], &["spec", "template", "spec"]];
    let specs = specs.into_iter().filter_map(|path| node.at(path));
    let is_chart = |source: &Node| source.get("chart").is_some();
    specs.into_iter().any(|spec| {
        let several = spec.get("sources").map(Node::items).unwrap_or_default();
        spec.get("source").is_some_and(is_chart) || several.iter().any(is_chart)
    })
}

/// `HelmRelease shop/web`.
fn name_of(node: &Node) -> String {
    let text = |path: &[&str]| node.at(path).and_then(Node::text);
    let kind = text(&["kind"]).unwrap_or_default();
    let name = text(&["metadata", "name"]).unwrap_or_default();
    match text(&["metadata", "namespace"]) {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// The objects of overlays that deploy something which is not rendered, such as a HelmRelease.
fn unseen_objects<'o>(judged: impl Iterator<Item = &'o Overlay>) -> impl Iterator<Item = Unseen> {
    let objects = judged.flat_map(|overlay| &overlay.rendered.resources);
    let deployers = objects
        .filter(|object| DEPLOYERS.contains(&(group_of(&object.node), object.kind())))
        .filter(|object| !object.expanded);
    deployers.map(|object| Unseen {
        kind: if object.kind() == "HelmRelease" {
            UnseenKind::Release
        } else {
            UnseenKind::Object
        },
        name: name_of(&object.node),
        origin: object.node.origin,
    })
}

/// The kustomizations that belong to no overlay, in the order of the roots. Components, examples,
/// and archived or ignored folders are left out.
pub(super) fn uncovered(roots: &[Root], layout: &Layout, overlays: &[Overlay]) -> Vec<String> {
    let mut covered: HashSet<&str> = HashSet::default();
    let mut waiting: Vec<&str> = overlays.iter().map(|one| one.path.as_str()).collect();
    while let Some(folder) = waiting.pop() {
        if covered.insert(folder) {
            let root = roots.binary_search_by(|root| root.folder.as_str().cmp(folder));
            let root = root.ok().and_then(|index| roots.get(index));
            waiting.extend(
                root.iter()
                    .flat_map(|root| &root.references)
                    .map(String::as_str),
            );
        }
    }
    roots
        .iter()
        .filter(|root| !root.component && !root.only_gathers)
        .map(|root| &root.folder)
        .filter(|folder| !covered.contains(folder.as_str()))
        .filter(|folder| !is_example(folder) && !is_set_aside(folder) && !layout.is_ignored(folder))
        .cloned()
        .collect()
}

/// The folders of kustomizations that the configuration ignores, in the order of the roots.
pub(super) fn ignored(roots: &[Root], layout: &Layout) -> Vec<String> {
    let folders = roots.iter().map(|root| &root.folder);
    let ignored = folders.filter(|folder| layout.is_ignored(folder));
    ignored.cloned().collect()
}
