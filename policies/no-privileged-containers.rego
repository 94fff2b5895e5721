# METADATA
# title: Containers are not privileged
# description: A privileged container has full control of its node.
package main

import rego.v1

privileged_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

privileged_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

deny_no_privileged_containers contains {"msg": msg} if {
	some list in ["containers", "initContainers"]
	some container in privileged_pod[list]
	container.securityContext.privileged == true
	msg := sprintf("container `%s` of %s %s is privileged", [container.name, input.kind, input.metadata.name])
}
