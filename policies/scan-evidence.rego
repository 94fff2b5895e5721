# METADATA
# title: Every image with a digest in a protected environment has a recent scan within limits
# description: >-
#   The scans are those that `evidence` in the configuration names, and `scan_evidence` in the data of
#   the policies, which maps a digest to an object with `time` (RFC 3339) and the numbers `critical` and
#   `high`. `scan_limits` in the data has `days` (30), `critical` (0) and `high` (any). Without
#   either of the first two, nothing is reported.
# custom:
#   help: scan the image again, or promote a version that has fewer vulnerabilities
package main

import rego.v1

evidence_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

evidence_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

# scans in the data replace those of the configuration
scans := object.union(configured_scans, given_scans)

configured_scans := data.gitops.evidence

else := {}

given_scans := data.scan_evidence

else := {}

are_scans_configured if data.gitops.evidence

are_scans_configured if data.scan_evidence

scan_limit(name, usual) := data.scan_limits[name]

else := usual

scan_problem(digest) := "has no scan" if not scans[digest]

scan_problem(digest) := "has a scan without a date" if {
	object.get(scans[digest], "time", null) == null
} else := problem if {
	scan := scans[digest]
	days := scan_limit("days", 30)
	age := (time.now_ns() - time.parse_rfc3339_ns(scan.time)) / (((24 * 60) * 60) * 1000000000)
	age > days
	problem := sprintf("was last scanned %d days ago (limit: %d)", [floor(age), days])
} else := problem if {
	scan := scans[digest]
	scan.critical > scan_limit("critical", 0)
	problem := sprintf("has %d critical vulnerabilities (limit: %d)", [scan.critical, scan_limit("critical", 0)])
} else := problem if {
	scan := scans[digest]
	scan.high > scan_limit("high", scan.high)
	problem := sprintf("has %d high vulnerabilities (limit: %d)", [scan.high, scan_limit("high", scan.high)])
}

deny_scan_evidence contains {"msg": msg} if {
	data.gitops.protected
	are_scans_configured
	some list in ["containers", "initContainers"]
	some container in evidence_pod[list]
	parts := split(container.image, "@")
	count(parts) == 2
	problem := scan_problem(parts[1])
	msg := sprintf("the image of container `%s` %s: %s", [container.name, problem, container.image])
}
