# METADATA
# title: Images come from allowed registries
# description: List the allowed registries under `registries` in the data of the policies. Without a list nothing is reported.
package main

import rego.v1

registry_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

registry_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

registry_allowed(image) if {
	some registry in data.registries
	startswith(image, sprintf("%s/", [trim_suffix(registry, "/")]))
}

deny_allowed_registries contains {"msg": msg} if {
	count(data.registries) > 0
	some list in ["containers", "initContainers"]
	some container in registry_pod[list]
	image := container.image
	not registry_allowed(image)
	msg := sprintf("container `%s` of %s uses %s, which is not from an allowed registry", [container.name, input.metadata.name, image])
}
