# METADATA
# title: Production has at least the replicas and limits of the previous environment
# description: The policy compares a workload of a protected environment with the same one in the environment before.
# custom:
#   help: raise the value, so that production runs what staging has proved
package main

import rego.v1

deny_resources_as_before contains {"msg": msg, "path": "spec.replicas"} if {
	data.gitops.protected
	before := data.gitops.previous.spec.replicas
	input.spec.replicas < before
	msg := sprintf("%s %s has %d replicas in %s and %d in the environment before", [input.kind, input.metadata.name, input.spec.replicas, data.gitops.environment, before])
}

as_amount(name, text) := units.parse(sprintf("%v", [text])) if name == "cpu"

as_amount(name, text) := units.parse_bytes(sprintf("%v", [text])) if name == "memory"

deny_resources_as_before contains {"msg": msg, "path": path} if {
	data.gitops.protected
	some index, container in input.spec.template.spec.containers
	some before in data.gitops.previous.spec.template.spec.containers
	before.name == container.name
	some name in ["cpu", "memory"]
	own := container.resources.limits[name]
	other := before.resources.limits[name]
	as_amount(name, own) < as_amount(name, other)
	path := sprintf("/spec/template/spec/containers/%d/resources/limits/%s", [index, name])
	msg := sprintf("container `%s` of %s has the %s limit %v in %s and %v in the environment before", [container.name, input.metadata.name, name, own, data.gitops.environment, other])
}
