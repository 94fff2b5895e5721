# METADATA
# title: Production runs no workload that the previous environment does not run
# description: The input is a pair of overlays. The policy reports workloads that only the later environment has.
package promotion

import rego.v1

warn_promotion_image_only contains {"msg": msg, "kind": change.kind, "name": change.name} if {
	data.gitops.protected
	some change in input.changes
	change.change == "added"
	change.kind in {"Deployment", "StatefulSet", "DaemonSet"}
	msg := sprintf("%s %s runs in %s but not in the previous environment", [change.kind, change.name, data.gitops.environment])
}
