package main

import rego.v1

scan_workload := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"spec": {"containers": [{"name": "api", "image": "acme/api@sha256:aa"}]}}}}

test_an_unknown_digest_is_denied if {
	count(deny_scan_required) == 1 with input as scan_workload with data.gitops as {"protected": true} with data.scans as {"sha256:bb": {"passed": true}}
}

test_a_failed_scan_is_denied if {
	count(deny_scan_required) == 1 with input as scan_workload with data.gitops as {"protected": true} with data.scans as {"sha256:aa": {"passed": false}}
}

test_a_passed_scan_is_enough if {
	count(deny_scan_required) == 0 with input as scan_workload with data.gitops as {"protected": true} with data.scans as {"sha256:aa": {"passed": true}}
}
