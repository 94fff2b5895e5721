# METADATA
# title: Deployments of protected environments scale by themselves
# description: >-
#   A HorizontalPodAutoscaler or a ScaledObject must have the Deployment for its target; the annotation
#   `policy.acme.example/fixed-replicas` is an accepted reason not to. The annotation's name is `fixed_replicas_annotation` in the data.
package main

import rego.v1

default fixed_replicas_annotation := "policy.acme.example/fixed-replicas"

fixed_replicas_annotation := data.fixed_replicas_annotation

autoscaled if {
	some scaler in data.gitops.resources
	scaler.kind in {"HorizontalPodAutoscaler", "ScaledObject"}
	scaler.spec.scaleTargetRef.name == input.metadata.name
}

warn_autoscaler_required contains {"msg": msg} if {
	data.gitops.protected
	input.kind == "Deployment"
	not autoscaled
	annotations := object.get(input, ["metadata", "annotations"], {})
	object.get(annotations, fixed_replicas_annotation, null) == null
	msg := sprintf("nothing scales Deployment %s", [input.metadata.name])
}
