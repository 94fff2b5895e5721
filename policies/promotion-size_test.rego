package promotion

import rego.v1

size_changes := {"changes": [
	{"kind": "Deployment", "name": "api", "change": "changed", "changes": [{"expected": false}]},
	{"kind": "Service", "name": "api", "change": "added", "changes": []},
	{"kind": "Ingress", "name": "api", "change": "changed", "changes": [{"expected": true}]},
]}

test_promotion_size_too_many if {
	count(warn_promotion_size) == 1 with input as size_changes with data.gitops as {"protected": true, "app": "api"} with data.promotion_limit as 1
}

test_promotion_size_within_the_limit if {
	count(warn_promotion_size) == 0 with input as size_changes with data.gitops as {"protected": true, "app": "api"} with data.promotion_limit as 2
}
