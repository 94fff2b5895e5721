# METADATA
# title: A passed scan is on record for every image of a protected environment
# description: >-
#   The records are `scans` in the policies' data: a map from digest to an object with `passed`. Without it the policy is silent.
package main

import rego.v1

scan_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

scan_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

scan_passed(digest) if data.scans[digest].passed == true

deny_scan_required contains {"msg": msg} if {
	data.gitops.protected
	data.scans
	some list in ["containers", "initContainers"]
	some container in scan_pod[list]
	parts := split(container.image, "@")
	count(parts) == 2
	digest := parts[1]
	not scan_passed(digest)
	msg := sprintf("no passed scan is on record for the image of container %s: %s", [container.name, digest])
}
