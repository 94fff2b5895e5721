package main

import rego.v1

privileged_workload(value) := {"kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {"template": {"spec": {"initContainers": [{"name": "setup", "securityContext": {"privileged": value}}]}}}}

test_privileged_is_denied if {
	count(deny_no_privileged_containers) == 1 with input as privileged_workload(true)
}

test_unprivileged_is_fine if {
	count(deny_no_privileged_containers) == 0 with input as privileged_workload(false)
}
