# METADATA
# title: Every workload has the labels that its costs are assigned by
# description: List the labels under `cost_labels` in the data of the policies. Without a list nothing is reported.
# custom:
#   help: add the label to the object and to its pod template
package main

import rego.v1

deny_cost_labels_required contains {"msg": msg, "path": "metadata.labels"} if {
	input.kind in {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Rollout", "PersistentVolumeClaim"}
	some label in data.cost_labels
	labels := object.get(input, ["metadata", "labels"], {})
	object.get(labels, label, "") == ""
	msg := sprintf("%s %s has no label `%s`", [input.kind, input.metadata.name, label])
}
