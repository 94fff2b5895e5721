package main

import rego.v1

test_a_workload_without_owner_is_denied if {
	count(deny_owner_label_required) == 1 with input as {"kind": "Deployment", "metadata": {"name": "api"}}
}

test_an_owner_is_enough if {
	count(deny_owner_label_required) == 0 with input as {"kind": "Deployment", "metadata": {"name": "api", "labels": {"app.kubernetes.io/owner": "shop"}}}
}

test_other_objects_need_none if {
	count(deny_owner_label_required) == 0 with input as {"kind": "Service", "metadata": {"name": "api"}}
}
