# METADATA
# title: Deployments in protected environments have an autoscaler
# description: >-
#   A HorizontalPodAutoscaler or ScaledObject must target the Deployment. A Deployment with the annotation
#   `policy.acme.example/fixed-replicas` is exempt; `fixed_replicas_annotation` in the data of the policies changes its name.
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
	msg := sprintf("no autoscaler targets Deployment %s", [input.metadata.name])
}
