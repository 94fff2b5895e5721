# METADATA
# title: Images in protected environments are pinned to a digest
# description: A tag can be overwritten before production pulls it. A digest always means the same build.
package main

import rego.v1

digest_required_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

digest_required_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

deny_digest_required contains {"msg": msg} if {
	data.gitops.protected
	some list in ["containers", "initContainers"]
	some container in digest_required_pod[list]
	not contains(container.image, "@sha256:")
	msg := sprintf("container `%s` of %s uses %s, which is not pinned to a digest", [container.name, input.metadata.name, container.image])
}
