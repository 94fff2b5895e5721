package main

import rego.v1

probed_workload(container) := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [object.union({"name": "api", "ports": [{"containerPort": 80}]}, container)]}}}}

probed_context := {"protected": true, "resources": [{"kind": "Service", "spec": {"selector": {"app": "api"}}}]}

test_a_container_without_probe_is_reported if {
	count(warn_probes_required) == 1 with input as probed_workload({}) with data.gitops as probed_context
}

test_a_probe_is_enough if {
	count(warn_probes_required) == 0 with input as probed_workload({"readinessProbe": {}}) with data.gitops as probed_context
}

test_nothing_is_reported_without_a_service if {
	count(warn_probes_required) == 0 with input as probed_workload({}) with data.gitops as {"protected": true, "resources": []}
}
