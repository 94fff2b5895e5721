# METADATA
# title: Every image in a protected environment has passed a scan
# description: >-
#   `scans` in the data of the policies maps a digest to an object with `passed`. Without it nothing is reported.
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
	msg := sprintf("the image of container `%s` has no record of a passed scan: %s", [container.name, digest])
}
