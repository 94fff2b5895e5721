//! The IAM policy generator of Google's cloud: a service account.

use super::field;
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Node};

/// Makes the service account of an IAM policy generator.
pub(in crate::kustomize) fn iam_policy(
    node: &Node,
    context: &mut BuildContext<'_>,
) -> Option<Resource> {
    let mut problems = Vec::new();
    let Settings {
        cloud,
        service,
        namespace,
        account,
        project,
    } = Settings::decode(node, &mut Decoder::new(&mut problems, Rules::Plugin));
    context.problems.append(&mut problems);
    if cloud != "gke" {
        context.report(
            Problem::error(
                node.origin,
                format!("the cloud {cloud:?} is not supported: only gke is"),
            )
            .with_help("write cloud: gke"),
        );
        return None;
    }
    let here = node.origin.with(By::Generator);
    let text = |text: String| Node::string(text, here);
    let annotation = format!("{account}@{project}.iam.gserviceaccount.com");
    let annotations = Node::map(
        vec![field(
            "iam.gke.io/gcp-service-account",
            text(annotation),
            here,
        )],
        here,
    );
    let mut metadata = vec![
        field("annotations", annotations, here),
        field("name", text(service), here),
    ];
    if !namespace.is_empty() {
        metadata.push(field("namespace", text(namespace), here));
    }
    let fields = vec![
        field("apiVersion", text("v1".into()), here),
        field("kind", text("ServiceAccount".into()), here),
        field("metadata", Node::map(metadata, here), here),
    ];
    Some(Resource::new(Node::map(fields, here)))
}

/// The fields of the generator.
#[derive(Default)]
struct Settings {
    cloud: String,
    /// Name of the Kubernetes service account.
    service: String,
    /// Namespace of the Kubernetes service account.
    namespace: String,
    /// Name of the Google service account.
    account: String,
    project: String,
}

impl Settings {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Settings {
        let mut settings = Settings::default();
        let fields = ["cloud", "kubernetesService", "serviceAccount"];
        for (name, entry) in decoder.fields(node, "the generator", &fields) {
            if name == "cloud" {
                settings.cloud = text(&entry.value, name, decoder);
                continue;
            }
            let fields = ["name", "namespace", "projectId"];
            for (inner, entry) in decoder.fields(&entry.value, name, &fields) {
                let text = text(&entry.value, inner, decoder);
                match (name, inner) {
                    ("kubernetesService", "name") => settings.service = text,
                    ("kubernetesService", "namespace") => settings.namespace = text,
                    ("serviceAccount", "name") => settings.account = text,
                    ("serviceAccount", "projectId") => settings.project = text,
                    _ => {}
                }
            }
        }
        settings
    }
}

fn text(node: &Node, name: &str, decoder: &mut Decoder<'_>) -> String {
    let text = decoder.text(node, name);
    text.map(|text| text.to_string()).unwrap_or_default()
}
