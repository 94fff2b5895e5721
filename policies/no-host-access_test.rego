package main

import rego.v1

host_workload(spec) := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"spec": spec}}}

test_host_network_is_denied if {
	count(deny_no_host_access) == 1 with input as host_workload({"hostNetwork": true})
}

test_host_paths_are_denied if {
	count(deny_no_host_access) == 1 with input as host_workload({"volumes": [{"name": "run", "hostPath": {"path": "/run"}}]})
}

test_ordinary_pods_are_fine if {
	count(deny_no_host_access) == 0 with input as host_workload({"volumes": [{"name": "tmp", "emptyDir": {}}]})
}
