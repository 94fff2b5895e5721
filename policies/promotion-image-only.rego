# METADATA
# title: Production differs from the environment before it in expected ways only
# description: The whole pair is the input. Containers that only production has are named.
package promotion

import rego.v1

warn_promotion_image_only contains {"msg": msg, "kind": change.kind, "name": change.name} if {
	data.gitops.protected
	some change in input.changes
	change.change == "added"
	change.kind in {"Deployment", "StatefulSet", "DaemonSet"}
	msg := sprintf("%s %s runs in %s and was nowhere before", [change.kind, change.name, data.gitops.environment])
}
