# METADATA
# title: Every workload has an owner label
# description: The label is `app.kubernetes.io/owner`; `owner_label` in the data of the policies changes it.
package main

import rego.v1

default owner_label := "app.kubernetes.io/owner"

owner_label := data.owner_label

deny_owner_label_required contains {"msg": msg} if {
	input.kind in {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Rollout"}
	labels := object.get(input, ["metadata", "labels"], {})
	object.get(labels, owner_label, "") == ""
	msg := sprintf("%s %s has no label `%s`", [input.kind, input.metadata.name, owner_label])
}
