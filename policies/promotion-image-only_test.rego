package promotion

import rego.v1

test_a_new_workload_is_reported if {
	changes := [{"kind": "Deployment", "name": "shadow", "change": "added", "changes": []}]
	count(warn_promotion_image_only) == 1 with input as {"changes": changes} with data.gitops as {"protected": true, "environment": "production"}
}

test_a_changed_one_is_not if {
	changes := [{"kind": "Deployment", "name": "api", "change": "changed", "changes": []}]
	count(warn_promotion_image_only) == 0 with input as {"changes": changes} with data.gitops as {"protected": true, "environment": "production"}
}
