package main

import rego.v1

budget_workload := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "api"}}}}}

budget_of(app) := {"kind": "PodDisruptionBudget", "spec": {"selector": {"matchLabels": {"app": app}}}}

test_a_workload_without_budget_is_denied if {
	count(deny_disruption_budget_required) == 1 with input as budget_workload with data.gitops as {"protected": true, "resources": [budget_of("other")]}
}

test_a_budget_is_enough if {
	count(deny_disruption_budget_required) == 0 with input as budget_workload with data.gitops as {"protected": true, "resources": [budget_of("api")]}
}

test_staging_needs_none if {
	count(deny_disruption_budget_required) == 0 with input as budget_workload with data.gitops as {"protected": false, "resources": []}
}
