# METADATA
# title: Pods do not use the network, processes or files of their node
# description: DaemonSets are not checked, because node agents need this access.
package main

import rego.v1

host_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "Job", "Rollout"}

host_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

deny_no_host_access contains {"msg": msg} if {
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	host_pod[field] == true
	msg := sprintf("%s %s sets %s", [input.kind, input.metadata.name, field])
}

deny_no_host_access contains {"msg": msg} if {
	some volume in host_pod.volumes
	volume.hostPath
	msg := sprintf("%s %s mounts %s from its node", [input.kind, input.metadata.name, volume.hostPath.path])
}
