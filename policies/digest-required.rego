# METADATA
# title: Images of protected environments are pinned by digest
# description: A tag can point elsewhere by the time production pulls it; a digest cannot.
package main

import rego.v1

digest_required_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

digest_required_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

deny_digest_required contains {"msg": msg} if {
	data.gitops.protected
	some list in ["containers", "initContainers"]
	some container in digest_required_pod[list]
	not contains(container.image, "@sha256:")
	msg := sprintf("container %s of %s runs %s, which is not pinned by digest", [container.name, input.metadata.name, container.image])
}
