//! Images outside of the containers of pod templates: fields of custom resources, image volumes, and
//! variables that name the images which an operator starts (`RELATED_IMAGE_…`).
//!
//! A field of a custom resource is an image if its name says so (`image`, `sidecarImage`) and its
//! value is a reference with a tag or digest; [`FIELDS`] lists those with other names, and the
//! configuration adds to them. Not here: containers and the values of charts (`image_use`).

use super::image::Image;
use super::workload::Workload;
use crate::kustomize::Resource;
use crate::names::NamePattern;
use crate::yaml::{Data, Node, Origin, escape_pointer};

/// A field that holds an image reference.
pub(super) struct ImageField<'a> {
    /// The value.
    pub(super) node: &'a Node,
    /// The JSON pointer to it.
    pub(super) pointer: String,
    /// The field in messages.
    pub(super) place: String,
}

/// A field that the configuration declares to hold images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredField {
    /// The API group of the objects; `None` for every group.
    pub group: Option<String>,
    /// Their kind.
    pub kind: NamePattern,
    /// The keys that lead to the field. Lists on the way are entered whole.
    pub path: Vec<String>,
    /// The entry in the configuration.
    pub origin: Origin,
}

impl DeclaredField {
    /// True if an object has this field, whatever stands in it.
    pub(crate) fn is_of(&self, resource: &Resource) -> bool {
        let group = self.group.as_deref();
        group.is_none_or(|group| group == resource.group()) && self.kind.matches(resource.kind())
    }
}

/// The fields of an object that the configuration declares. Unlike in a field that is found by its
/// name, every text in them is an image.
pub(super) fn declared<'a>(
    resource: &'a Resource,
    declared: &[DeclaredField],
) -> Vec<ImageField<'a>> {
    let mut found = Vec::new();
    for field in declared.iter().filter(|field| field.is_of(resource)) {
        descend(&resource.node, &field.path, String::new(), &mut found);
    }
    found
}

fn descend<'a>(node: &'a Node, path: &[String], pointer: String, found: &mut Vec<ImageField<'a>>) {
    if let Data::List(list) = &node.data {
        for (index, item) in list.items.iter().enumerate() {
            descend(item, path, format!("{pointer}/{index}"), found);
        }
        return;
    }
    match path.split_first() {
        Some((key, rest)) => {
            if let Some(value) = node.get(key) {
                let pointer = format!("{pointer}/{}", escape_pointer(key));
                descend(value, rest, pointer, found);
            }
        }
        None if node.text().is_some_and(|text| !text.trim().is_empty()) => found.push(ImageField {
            node,
            place: place(&pointer),
            pointer,
        }),
        None => {}
    }
}

/// A field in messages.
fn place(pointer: &str) -> String {
    format!("`{}`", pointer.trim_start_matches('/').replace('/', "."))
}

/// Fields of custom resources whose names do not end in `image`, by API group.
const FIELDS: [(&str, &str); 4] = [
    ("postgresql.cnpg.io", "imageName"),
    // OCI packages of providers, functions and configurations
    ("pkg.crossplane.io", "package"),
    ("kubevirt.io", "url"),
    ("cdi.kubevirt.io", "url"),
];

/// API groups whose objects name images without running them, and those whose images are read
/// elsewhere.
const OTHERS: [&str; 8] = [
    "kyverno.io",
    "gatekeeper.sh",
    "toolkit.fluxcd.io",
    "kargo.akuity.io",
    "k8s.io",
    "crd.projectcalico.org",
    "sigstore.dev",
    "olm.operatorframework.io",
];

/// The image fields of a custom resource.
pub(super) fn of_custom_resource(resource: &Resource) -> Vec<ImageField<'_>> {
    let group = resource.group();
    let is_of = |other: &str| {
        let rest = group.strip_suffix(other);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_agent = group == "argoproj.io" && resource.kind().starts_with("Application");
    let mut found = Vec::new();
    if group.contains('.') && !is_agent && !OTHERS.iter().any(|other| is_of(other)) {
        for part in ["spec", "template"] {
            if let Some(node) = resource.node.get(part) {
                search(group, node, &mut format!("/{part}"), &mut found);
            }
        }
    }
    found
}

fn search<'a>(group: &str, node: &'a Node, pointer: &mut String, found: &mut Vec<ImageField<'a>>) {
    let length = pointer.len();
    match &node.data {
        Data::Scalar(_) => {}
        Data::Map(map) => {
            for entry in &map.entries {
                pointer.push('/');
                pointer.push_str(&escape_pointer(&entry.key));
                if is_image_field(group, &entry.key) && is_reference(&entry.value) {
                    found.push(ImageField {
                        node: &entry.value,
                        place: place(pointer),
                        pointer: pointer.clone(),
                    });
                } else {
                    search(group, &entry.value, pointer, found);
                }
                pointer.truncate(length);
            }
        }
        Data::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                search(group, item, pointer, found);
                pointer.truncate(length);
            }
        }
    }
}

/// True if the name of a field of an API group says that it holds an image.
pub(crate) fn is_image_field(group: &str, key: &str) -> bool {
    key == "image" || key.ends_with("Image") || FIELDS.contains(&(group, key))
}

/// True if a value is a reference with a tag or digest. A name alone may be that of anything.
fn is_reference(node: &Node) -> bool {
    let text = node.text().unwrap_or_default().trim();
    let text = text.strip_prefix("docker://").unwrap_or(text);
    let image = Image::split(text);
    (image.tag.is_some() || image.digest.is_some()) && Image::parse(text).is_ok()
}

/// The images of a workload besides those of its containers.
pub(super) fn of_workload<'a>(workload: &Workload<'a>) -> Vec<ImageField<'a>> {
    let mut found = Vec::new();
    let volumes = workload.pod.get("volumes").map_or(&[][..], Node::items);
    for (index, volume) in volumes.iter().enumerate() {
        let name = volume.get("name").and_then(Node::text).unwrap_or_default();
        let node = volume.at(&["image", "reference"]);
        if let Some(node) = node.filter(|node| is_reference(node)) {
            found.push(ImageField {
                node,
                pointer: format!("{}/volumes/{index}/image/reference", workload.pointer),
                place: format!("volume `{name}`"),
            });
        }
    }
    for container in &workload.containers {
        let variables = container.node.get("env").map_or(&[][..], Node::items);
        for (index, variable) in variables.iter().enumerate() {
            let name = variable.get("name").and_then(Node::text);
            let name = name.filter(|name| name.starts_with("RELATED_IMAGE_"));
            let value = variable.get("value").filter(|value| is_reference(value));
            if let Some((name, node)) = name.zip(value) {
                found.push(ImageField {
                    node,
                    pointer: format!("{}/env/{index}/value", container.pointer),
                    place: format!("variable `{name}`"),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn fields(text: &str) -> Vec<String> {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let resource = Resource::new(node);
        let found = of_custom_resource(&resource);
        found.into_iter().map(|field| field.pointer).collect()
    }

    #[test]
    fn a_declared_field_is_an_image_whatever_its_name() {
        let text = "{apiVersion: x.io/v1, kind: Widget, spec: {run: [{ref: 'a/b'}, {ref: ''}, {ref: {a: b}}, {on: c}], ref: d}}";
        let resource = Resource::new(read::read(text, FileId(0)).unwrap().documents.remove(0));
        let field = |group: Option<&str>, kind: &str, path: &str| DeclaredField {
            group: group.map(str::to_string),
            kind: NamePattern::new(kind),
            path: path.split('/').map(str::to_string).collect(),
            origin: Origin::start_of(FileId(0)),
        };
        for (fields, expected) in [
            (
                field(Some("x.io"), "Widget", "spec/run/ref"),
                &["/spec/run/0/ref"][..],
            ),
            (field(None, "W*", "spec/ref"), &["/spec/ref"]),
            (field(Some("y.io"), "Widget", "spec/ref"), &[]),
            (field(None, "Gadget", "spec/ref"), &[]),
            (field(None, "Widget", "spec/ref/more"), &[]),
        ] {
            let found = declared(&resource, &[fields]);
            let found: Vec<&str> = found.iter().map(|field| field.pointer.as_str()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn images_of_custom_resources_are_found_by_their_names_and_values() {
        for (text, expected) in [
            (
                "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, spec: {imageName: 'pg:16'}}",
                &["/spec/imageName"][..],
            ),
            (
                "{apiVersion: argoproj.io/v1alpha1, kind: CronWorkflow, spec: {workflowSpec: {templates: [{container: {image: 'a/b:1'}}]}}}",
                &["/spec/workflowSpec/templates/0/container/image"],
            ),
            (
                "{apiVersion: tekton.dev/v1, kind: Task, spec: {steps: [{image: 'a/b@sha256:1111111111111111111111111111111111111111111111111111111111111111'}]}}",
                &["/spec/steps/0/image"],
            ),
            (
                "{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, spec: {kafka: {image: 'a/b:1'}, entityOperator: {tlsSidecarImage: 'a/c:1'}}}",
                &["/spec/kafka/image", "/spec/entityOperator/tlsSidecarImage"],
            ),
            (
                "{apiVersion: pkg.crossplane.io/v1, kind: Provider, spec: {package: 'xpkg.example.com/aws:v1'}}",
                &["/spec/package"],
            ),
            (
                "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, spec: {image: 'a/b:1'}}",
                &[],
            ),
            (
                "{apiVersion: example.com/v1, kind: Widget, spec: {image: picture.png, cover: {image: 'https://example.com/a.png'}}}",
                &[],
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment, spec: {image: 'a/b:1'}}",
                &[],
            ),
        ] {
            assert_eq!(fields(text), expected, "{text}");
        }
    }
}
