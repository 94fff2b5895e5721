# METADATA
# title: Workloads in protected environments have a PodDisruptionBudget
# description: A Deployment or StatefulSet with 2 or more replicas, or with an autoscaler, needs a PodDisruptionBudget that selects its pods.
package main

import rego.v1

budget_selects(labels) if {
	some budget in data.gitops.resources
	budget.kind == "PodDisruptionBudget"
	wanted := object.get(budget, ["spec", "selector", "matchLabels"], {})
	every key, value in wanted {
		object.get(labels, key, null) == value
	}
}

budget_replicated if input.spec.replicas > 1

budget_replicated if {
	some scaler in data.gitops.resources
	scaler.kind == "HorizontalPodAutoscaler"
	scaler.spec.scaleTargetRef.name == input.metadata.name
}

deny_disruption_budget_required contains {"msg": msg} if {
	data.gitops.protected
	input.kind in {"Deployment", "StatefulSet"}
	budget_replicated
	labels := object.get(input, ["spec", "template", "metadata", "labels"], {})
	not budget_selects(labels)
	msg := sprintf("no PodDisruptionBudget selects the pods of %s %s", [input.kind, input.metadata.name])
}
