//! Things besides images that an overlay brings in by a version: charts, OCI artifacts, Git
//! repositories and remote bases.
//!
//! Not here: images (`image_use`), which versions may change under their name (`rules`).

use crate::kustomize::{Identity, Rendered, Resource, Unrendered, remote};
use crate::secrets::without_passwords;
use crate::yaml::{Node, Origin};

/// Something that an overlay brings in by a version.
#[derive(Clone, Debug)]
pub(crate) struct Artifact<'a> {
    /// The name in messages: ``chart `redis` ``. The same in every environment.
    pub name: String,
    /// The version as written: `18.1.0`, `^1.0`, `v1.2`, a commit or a digest; `*` where a chart
    /// has none.
    pub version: String,
    /// The value that says so.
    pub origin: Origin,
    /// The object; `None` for an entry of a kustomization.
    pub resource: Option<&'a Resource>,
}

/// The artifacts of an overlay: those that its objects name, then the remote bases, each in the
/// order of the rendering.
pub(crate) fn of(rendered: &Rendered) -> Vec<Artifact<'_>> {
    let mut found: Vec<Artifact> = rendered.resources.iter().flat_map(of_object).collect();
    let releases = rendered.releases.iter().filter(|one| !one.is_object);
    found.extend(releases.filter_map(of_release));
    for problem in &rendered.problems {
        let Some(Identity::Remote(url)) = problem.identity.as_deref() else {
            continue;
        };
        let remote = remote::parse(url).filter(|remote| !remote.reference.is_empty());
        found.extend(remote.map(|remote| Artifact {
            name: match remote.folder.as_str() {
                "" => format!("base `{}`", without_passwords(&remote.repository)),
                folder => {
                    let repository = without_passwords(&remote.repository);
                    format!("base `{repository}//{folder}`")
                }
            },
            version: remote.reference,
            origin: problem.origin,
            resource: None,
        }));
    }
    found
}

/// The chart of a release that no object stands for: of an Application, or of a kustomization.
fn of_release(release: &Unrendered) -> Option<Artifact<'_>> {
    let chart = release.chart.as_ref()?;
    let version = release.version.as_ref();
    Some(Artifact {
        name: format!("chart `{}`", chart.text()?),
        version: version.map_or("*", Node::raw).to_string(),
        origin: version.unwrap_or(chart).origin,
        resource: Some(&release.resource),
    })
}

/// The fields of a reference by which a version is pinned, the strongest first.
const REFERENCE: &[&str] = &["digest", "commit", "semver", "tag"];

fn of_object(resource: &Resource) -> Option<Artifact<'_>> {
    let text = |path: &[&str]| resource.node.at(path).and_then(Node::text);
    let (name, version, origin) = match (resource.group(), resource.kind()) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            chart_of(resource.node.at(&["spec", "chart", "spec"])?)?
        }
        ("helm.cattle.io", "HelmChart") => chart_of(resource.node.get("spec")?)?,
        ("source.toolkit.fluxcd.io", kind @ ("OCIRepository" | "GitRepository")) => {
            let url = text(&["spec", "url"])?;
            let reference = resource.node.at(&["spec", "ref"])?;
            let version = REFERENCE.iter().find_map(|field| reference.get(field))?;
            let what = if kind == "OCIRepository" {
                "artifact"
            } else {
                "repository"
            };
            (
                format!("{what} `{}`", without_passwords(url)),
                version.text()?.to_string(),
                version.origin,
            )
        }
        _ => return None,
    };
    Some(Artifact {
        name,
        version,
        origin,
        resource: Some(resource),
    })
}

/// The chart and version of a map with these keys, and the place of the version. Without a version,
/// the newest one is taken.
fn chart_of(spec: &Node) -> Option<(String, String, Origin)> {
    let chart = spec.get("chart")?;
    let name = format!("chart `{}`", chart.text()?);
    Some(match spec.get("version") {
        Some(version) => (name, version.text()?.to_string(), version.origin),
        None => (name, "*".to_string(), chart.origin),
    })
}

/// True if a version is a range, so that another build may come tomorrow: `^1.0`, `1.x`, `*`.
pub(crate) fn is_range(version: &str) -> bool {
    version.contains(['^', '~', '*', '>', '<', '|', ' ', ','])
        || version
            .split('.')
            .any(|part| part.eq_ignore_ascii_case("x"))
}
