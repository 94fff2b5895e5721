package main

import rego.v1

digest_workload(image) := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"spec": {"containers": [{"name": "api", "image": image}]}}}}

test_a_tag_is_denied_in_production if {
	count(deny_digest_required) == 1 with input as digest_workload("acme/api:v1") with data.gitops as {"protected": true}
}

test_a_digest_is_fine if {
	count(deny_digest_required) == 0 with input as digest_workload("acme/api@sha256:aa") with data.gitops as {"protected": true}
}

test_staging_may_use_tags if {
	count(deny_digest_required) == 0 with input as digest_workload("acme/api:v1") with data.gitops as {"protected": false}
}
