# METADATA
# title: Containers behind a Service in protected environments have a readiness probe
# description: Without a readiness probe, traffic reaches pods that cannot answer yet.
package main

import rego.v1

probed_served(labels) if {
	some service in data.gitops.resources
	service.kind == "Service"
	count(service.spec.selector) > 0
	every key, value in service.spec.selector {
		object.get(labels, key, null) == value
	}
}

warn_probes_required contains {"msg": msg} if {
	data.gitops.protected
	input.kind in {"Deployment", "StatefulSet", "Rollout"}
	labels := object.get(input, ["spec", "template", "metadata", "labels"], {})
	probed_served(labels)
	some container in input.spec.template.spec.containers
	count(object.get(container, "ports", [])) > 0
	object.get(container, "readinessProbe", null) == null
	msg := sprintf("container `%s` of %s %s is behind a Service but has no readiness probe", [container.name, input.kind, input.metadata.name])
}
