package main

import rego.v1

test_each_missing_cost_label_is_denied if {
	object := {"kind": "Deployment", "metadata": {"name": "api", "labels": {"team": "shop"}}}
	count(deny_cost_labels_required) == 1 with input as object with data.cost_labels as ["team", "cost-center"]
}

test_without_a_list_nothing_is_denied if {
	count(deny_cost_labels_required) == 0 with input as {"kind": "Deployment", "metadata": {"name": "api"}}
}
