# METADATA
# title: Images of protected environments are built on approved base images
# description: >-
#   `base_images` in the data of the policies lists approved base images (the start of their names), and
#   `built_on` maps a digest to the base image it was built on. Without both nothing is reported.
# custom:
#   help: rebuild the image on an approved base image
package main

import rego.v1

base_pod := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"}

base_pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

is_approved_base(name) if {
	some approved in data.base_images
	startswith(name, approved)
}

base_problem(digest) := "is not known" if not data.built_on[digest]

base_problem(digest) := sprintf("is not approved (%s)", [data.built_on[digest]]) if not is_approved_base(data.built_on[digest])

deny_approved_base_images contains {"msg": msg} if {
	data.gitops.protected
	data.built_on
	count(data.base_images) > 0
	some list in ["containers", "initContainers"]
	some container in base_pod[list]
	parts := split(container.image, "@")
	count(parts) == 2
	problem := base_problem(parts[1])
	msg := sprintf("the base image of container `%s` %s: %s", [container.name, problem, container.image])
}
