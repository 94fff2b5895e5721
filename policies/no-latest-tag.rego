# METADATA
# title: No image uses the tag latest
# description: The policy reports the tag `latest`, and images without a tag and digest, in every environment.
# custom:
#   help: name a version, or a digest
package main

import rego.v1

latest_template := "/spec/template/spec" if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

latest_template := "/spec/jobTemplate/spec/template/spec" if input.kind == "CronJob"

latest_template := "/spec" if input.kind == "Pod"

latest_pod := input.spec if input.kind == "Pod"

latest_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

latest_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

is_latest(image) if endswith(image, ":latest")

is_latest(image) if {
	name := regex.replace(image, `^.*/`, "")
	not contains(name, ":")
	not contains(image, "@")
}

deny_no_latest_tag contains {"msg": msg, "path": path} if {
	some list in ["containers", "initContainers"]
	some index, container in latest_pod[list]
	is_latest(container.image)
	path := sprintf("%s/%s/%d/image", [latest_template, list, index])
	msg := sprintf("container `%s` of %s uses the tag `latest`: %s", [container.name, input.metadata.name, container.image])
}
