//! The images that an object runs, and which line wrote each part of the reference. Images occur in
//! containers of pod templates, and in the values that HelmReleases and Applications give to charts.
//!
//! Not here: judging a reference (`rules`).

use std::collections::HashSet;

use super::image::Image;
use super::image_fields::{self, DeclaredField, ImageField};
use super::workload::{self, Role, Workload};
use crate::kustomize::{Rendered, Resource};
use crate::source::Files;
use crate::yaml::read::read_embedded;
use crate::yaml::{Data, Node, Origin, escape_pointer};

/// An image that an object runs.
#[derive(Clone, Debug)]
pub struct ImageUse<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// The JSON pointer to the reference, or to the value of a chart that holds the tag.
    pub pointer: String,
    /// `container api`, `init container migrate`, `Helm value image`.
    pub place: String,
    /// The name in the reference. If the chart fills that in, the value: `HelmRelease/api image`.
    pub name: String,
    /// The reference. If a chart's values name no repository, it begins with the `:` of the tag.
    pub text: String,
    /// The container's `image`; `None` for values of charts.
    pub node: Option<&'a Node>,
    /// True if Kubernetes reads the reference as written, without a chart or controller in between.
    pub direct: bool,
    /// False if a chart fills in the tag.
    pub tag_known: bool,
    /// The place that wrote the name.
    pub name_origin: Origin,
    /// The place that wrote the tag, or left it out.
    pub tag_origin: Origin,
    /// The place that wrote the digest, or left it out.
    pub digest_origin: Origin,
}

impl ImageUse<'_> {
    /// The parts of the reference.
    pub fn image(&self) -> Image<'_> {
        Image::split(&self.text)
    }
    /// The last part of the name.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
    /// Replaces parts of the reference, as an entry of kustomize's `images` does.
    fn rewrite(
        &mut self,
        name: Option<(&Node, &str)>,
        tag: Option<(&Node, &str)>,
        digest: Option<(&Node, &str)>,
    ) {
        if let Some((node, name)) = name {
            self.name = name.to_string();
            self.name_origin = node.origin;
        }
        let image = Image::split(&self.text);
        let (mut own_tag, mut own_digest) = (image.tag, image.digest);
        if tag.is_some() || digest.is_some() {
            own_tag = tag.map(|(_, text)| text);
            own_digest = digest.map(|(_, text)| text);
        }
        let mut text = self.name.clone();
        for (mark, part) in [(':', own_tag), ('@', own_digest)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        self.text = text;
        if let Some((node, _)) = tag.or(digest) {
            self.tag_known = true;
            self.tag_origin = node.origin;
        }
        if let Some((node, _)) = digest {
            self.digest_origin = node.origin;
        }
    }
    /// The line to edit in order to change the tag or to add a digest.
    pub fn origin(&self) -> Origin {
        if self.image().digest.is_some() {
            self.digest_origin
        } else {
            self.tag_origin
        }
    }
}

/// The images that an overlay runs: those of pod templates first, then those of chart values.
pub(crate) fn of_all<'a>(
    rendered: &'a Rendered,
    files: &Files,
    declared: &[DeclaredField],
) -> Vec<ImageUse<'a>> {
    let mut found = Vec::new();
    rendered
        .resources
        .iter()
        .flat_map(workload::of)
        .for_each(|workload| of_workload(&workload, &mut found));
    of_fields(rendered, declared, &mut found);
    of_charts(rendered, files, &mut found);
    found
}

/// The images in the values of charts that are not rendered.
pub(crate) fn of_charts<'a>(rendered: &'a Rendered, files: &Files, found: &mut Vec<ImageUse<'a>>) {
    for release in &rendered.releases {
        let resource = &release.resource;
        let first = found.len();
        Values {
            resource,
            found,
            base: None,
        }
        .search(&release.values, &release.pointer, "");
        post_rendered(resource, first, found);
    }
    let is_release = |resource: &Resource| {
        let mut releases = rendered.releases.iter().map(|release| &release.resource);
        releases.any(|release| release.original == resource.original)
    };
    rendered
        .resources
        .iter()
        // the containers that a rendered chart makes say more than its values
        .filter(|resource| !resource.expanded && !is_release(resource))
        .for_each(|resource| of_values(resource, files, found));
}

/// Applies the `images` of a HelmRelease's post-renderers to the images in its values, which begin
/// at an index. An entry for an image that no value names is an image of its own.
fn post_rendered<'a>(resource: &'a Resource, first: usize, found: &mut Vec<ImageUse<'a>>) {
    let renderers = resource.node.at(&["spec", "postRenderers"]);
    for (number, renderer) in renderers.map_or(&[][..], Node::items).iter().enumerate() {
        let entries = renderer.at(&["kustomize", "images"]);
        for (index, entry) in entries.map_or(&[][..], Node::items).iter().enumerate() {
            let field = |key: &str| {
                let node = entry.get(key)?;
                Some((node, node.text()?.trim())).filter(|(_, text)| !text.is_empty())
            };
            let (Some((at, name)), new_name) = (field("name"), field("newName")) else {
                continue;
            };
            let (tag, digest) = (field("newTag"), field("digest"));
            let begins = |used: &ImageUse| used.name == name;
            if !found.iter().skip(first).any(begins) {
                found.push(ImageUse {
                    resource,
                    pointer: format!("/spec/postRenderers/{number}/kustomize/images/{index}"),
                    place: "post-renderer".to_string(),
                    name: name.to_string(),
                    text: name.to_string(),
                    node: None,
                    direct: false,
                    tag_known: false,
                    name_origin: at.origin,
                    tag_origin: at.origin,
                    digest_origin: at.origin,
                });
            }
            for used in found
                .iter_mut()
                .skip(first)
                .filter(|used| used.name == name)
            {
                used.rewrite(new_name, tag, digest);
            }
        }
    }
}

/// The images of pod templates.
pub(crate) fn of_workload<'a>(workload: &Workload<'a>, found: &mut Vec<ImageUse<'a>>) {
    for container in &workload.containers {
        let Some(node) = container.image() else {
            continue;
        };
        let Some(scalar) = node.as_scalar() else {
            continue;
        };
        let role = match container.role {
            Role::Init => "init container",
            Role::Main => "container",
            Role::Ephemeral => "ephemeral container",
        };
        let place = if container.name.is_empty() {
            role.to_string()
        } else {
            format!("{role} `{}`", container.name)
        };
        found.push(ImageUse {
            resource: workload.resource,
            pointer: format!("{}/image", container.pointer),
            place,
            name: Image::split(scalar.text.trim()).name.to_string(),
            text: scalar.text.trim().to_string(),
            node: Some(node),
            direct: workload.builtin,
            tag_known: true,
            name_origin: writer(node, |image| Some(image.name)),
            tag_origin: writer(node, |image| image.tag),
            digest_origin: writer(node, |image| image.digest),
        });
    }
    for field in image_fields::of_workload(workload) {
        found.extend(of_field(workload.resource, field));
    }
}

/// The images in fields of custom resources, and in those that the configuration declares. Their
/// containers are found before.
pub(crate) fn of_fields<'a>(
    rendered: &'a Rendered,
    declared: &[DeclaredField],
    found: &mut Vec<ImageUse<'a>>,
) {
    let mut known: HashSet<(*const Resource, String)> = found
        .iter()
        .filter(|used| !used.direct || !declared.is_empty())
        .map(|used| (std::ptr::from_ref(used.resource), used.pointer.clone()))
        .collect();
    for resource in &rendered.resources {
        let fields = image_fields::of_custom_resource(resource);
        let fields = fields
            .into_iter()
            .chain(image_fields::declared(resource, declared));
        for field in fields {
            let key = (std::ptr::from_ref(resource), field.pointer.clone());
            if known.insert(key) {
                found.extend(of_field(resource, field));
            }
        }
    }
}

fn of_field<'a>(resource: &'a Resource, field: ImageField<'a>) -> Option<ImageUse<'a>> {
    let text = field.node.text()?.trim();
    let text = text.strip_prefix("docker://").unwrap_or(text);
    Some(ImageUse {
        resource,
        pointer: field.pointer,
        place: field.place,
        name: Image::split(text).name.to_string(),
        text: text.to_string(),
        node: Some(field.node),
        direct: false,
        tag_known: true,
        name_origin: writer(field.node, |image| Some(image.name)),
        tag_origin: writer(field.node, |image| image.tag),
        digest_origin: writer(field.node, |image| image.digest),
    })
}

/// The place that gave a part of a reference its present content. Later places that wrote the same
/// content again do not count.
fn writer(node: &Node, part: impl for<'n> Fn(Image<'n>) -> Option<&'n str>) -> Origin {
    let of = |node: &Node| {
        node.as_scalar()
            .map(|scalar| part(Image::split(&scalar.text)).map(str::to_string))
    };
    let present = of(node);
    let mut writer = node;
    while let Some(before) = writer
        .replaced
        .as_deref()
        .filter(|before| of(before) == present)
    {
        writer = before;
    }
    writer.origin
}

/// The images that the values in an object name.
fn of_values<'a>(resource: &'a Resource, files: &Files, found: &mut Vec<ImageUse<'a>>) {
    let spec: &[&str] = match (resource.group(), resource.kind()) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            if let Some(values) = resource.node.at(&["spec", "values"]) {
                Values {
                    resource,
                    found,
                    base: None,
                }
                .search(values, "/spec/values", "");
            }
            return;
        }
        ("argoproj.io", "Application") => &["spec"],
        ("argoproj.io", "ApplicationSet") => &["spec", "template", "spec"],
        _ => return,
    };
    let Some(node) = resource.node.at(spec) else {
        return;
    };
    let pointer: String = spec.iter().flat_map(|key| ["/", key]).collect();
    let mut values = Values {
        resource,
        found,
        base: None,
    };
    if let Some(source) = node.get("source") {
        values.argo_source(source, &format!("{pointer}/source"), files);
    }
    for (index, source) in node
        .get("sources")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate()
    {
        values.argo_source(source, &format!("{pointer}/sources/{index}"), files);
    }
}

struct Values<'a, 'f> {
    resource: &'a Resource,
    found: &'f mut Vec<ImageUse<'a>>,
    /// The value that holds the chart values as a text. JSON pointers cannot lead into a text.
    base: Option<String>,
}

impl Values<'_, '_> {
    fn argo_source(&mut self, source: &Node, pointer: &str, files: &Files) {
        let Some(helm) = source.get("helm") else {
            return;
        };
        if let Some(values) = helm.get("valuesObject") {
            self.search(values, &format!("{pointer}/helm/valuesObject"), "");
        }
        if let Some(text) = helm
            .get("values")
            .filter(|values| values.as_str().is_some())
        {
            // a text with template actions is not YAML yet
            if let Ok(documents) = read_embedded(text, &files.get(text.origin.file).text) {
                self.base = Some(format!("{pointer}/helm/values"));
                for document in &documents.documents {
                    self.search(document, "", "");
                }
                self.base = None;
            }
        }
        self.parameters(
            helm.get("parameters").map_or(&[][..], Node::items),
            &format!("{pointer}/helm/parameters"),
        );
    }

    /// Parameters such as `image.tag` and `image.digest`, grouped by the part before the last dot.
    fn parameters(&mut self, parameters: &[Node], pointer: &str) {
        let named: Vec<(&str, &str, &Node, usize)> = parameters
            .iter()
            .enumerate()
            .filter_map(|(index, parameter)| {
                let (group, field) = parameter
                    .get("name")
                    .and_then(Node::text)?
                    .rsplit_once('.')?;
                Some((group, field, parameter.get("value")?, index))
            })
            .collect();
        let mut groups: Vec<&str> = named.iter().map(|(group, ..)| *group).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let field = |wanted: &str| {
                named
                    .iter()
                    .find(|(of, field, ..)| *of == group && *field == wanted)
                    .map(|found| (found.2, found.3))
            };
            let pointer = |field: Option<(&Node, usize)>| {
                format!("{pointer}/{}/value", field.map_or(0, |(_, index)| index))
            };
            let (registry, repository, tag, digest) = (
                field("registry"),
                field("repository"),
                field("tag"),
                field("digest"),
            );
            let parts = Parts {
                registry: registry.map(|(node, _)| node),
                repository: repository.map(|(node, _)| node),
                tag: tag.map(|(node, _)| node),
                digest: digest.map(|(node, _)| node),
            };
            let at = pointer(tag.or(digest).or(repository));
            self.parts(parts, group.rsplit('.').next().unwrap_or(group), at, group);
        }
    }

    fn search(&mut self, node: &Node, pointer: &str, path: &str) {
        match &node.data {
            Data::Scalar(_) => {}
            Data::List(list) => {
                for (index, item) in list.items.iter().enumerate() {
                    self.search(
                        item,
                        &format!("{pointer}/{index}"),
                        &format!("{path}[{index}]"),
                    );
                }
            }
            Data::Map(map) => {
                for entry in &map.entries {
                    let key: &str = &entry.key;
                    let pointer = format!("{pointer}/{}", escape_pointer(key));
                    let path = if path.is_empty() {
                        key.to_string()
                    } else {
                        format!("{path}.{key}")
                    };
                    match &entry.value.data {
                        Data::Scalar(_) if is_image_key(key) => {
                            let beside = |names: &[&str]| {
                                names
                                    .iter()
                                    .find_map(|name| node.get(name))
                                    .filter(|node| filled(node).is_some())
                            };
                            let tag = beside(&["tag", "imageTag"]);
                            let digest = beside(&["digest", "imageDigest"]);
                            let parts = Parts {
                                registry: None,
                                repository: Some(&entry.value),
                                tag,
                                digest,
                            };
                            self.parts(parts, key, pointer, &path);
                        }
                        Data::Scalar(_) => {}
                        Data::Map(_) => {
                            let get = |name| entry.value.get(name);
                            let parts = Parts {
                                registry: get("registry"),
                                repository: get("repository"),
                                tag: get("tag"),
                                digest: get("digest"),
                            };
                            let tag = ["tag", "digest", "repository"]
                                .iter()
                                .find(|name| get(name).is_some());
                            let below =
                                tag.map_or(pointer.clone(), |name| format!("{pointer}/{name}"));
                            self.parts(parts, key, below, &path);
                            self.search(&entry.value, &pointer, &path);
                        }
                        Data::List(_) => self.search(&entry.value, &pointer, &path),
                    }
                }
            }
        }
    }

    /// Records the reference that the values under a key make, if they are an image.
    fn parts(&mut self, parts: Parts<'_>, key: &str, pointer: String, path: &str) {
        let repository = parts.repository.and_then(filled);
        let (tag, digest) = (parts.tag.and_then(filled), parts.digest.and_then(filled));
        let git = repository.is_some_and(|name| {
            name.contains("://") || name.contains("git@") || name.ends_with(".git")
        });
        let image = is_image_key(key)
            && (repository.is_some() || tag.is_some() || digest.is_some())
            || repository.is_some() && (parts.tag.is_some() || parts.digest.is_some());
        if !image || git {
            return;
        }
        let mut text = String::new();
        if let (Some(registry), Some(_)) = (parts.registry.and_then(filled), repository) {
            text.push_str(registry.trim_end_matches('/'));
            text.push('/');
        }
        text.push_str(repository.unwrap_or_default());
        for (mark, part) in [(':', tag), ('@', digest)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        // a chart fills in a tag or repository that is left out
        let tag_known = Image::split(&text).tag.is_some();
        if text.contains("{{")
            || (!tag_known && digest.is_none() && repository.is_none_or(|name| !name.contains('/')))
        {
            return;
        }
        let Some(any) = parts
            .tag
            .filter(|_| tag.is_some())
            .or(parts.repository)
            .or(parts.digest)
        else {
            return;
        };
        let origin = |node: Option<&Node>| node.map_or(any.origin, |node| node.origin);
        let name = match Image::split(&text).name {
            "" => format!("{}/{} {path}", self.resource.kind(), self.resource.name()),
            name => name.to_string(),
        };
        self.found.push(ImageUse {
            resource: self.resource,
            pointer: self.base.clone().unwrap_or(pointer),
            place: format!("Helm value `{path}`"),
            name,
            text,
            node: None,
            direct: false,
            tag_known,
            name_origin: origin(parts.repository),
            tag_origin: any.origin,
            digest_origin: origin(parts.digest.filter(|_| digest.is_some())),
        });
    }
}

struct Parts<'n> {
    registry: Option<&'n Node>,
    repository: Option<&'n Node>,
    tag: Option<&'n Node>,
    digest: Option<&'n Node>,
}

fn filled(node: &Node) -> Option<&str> {
    node.text().map(str::trim).filter(|text| !text.is_empty())
}

fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key.ends_with("_image")
}
