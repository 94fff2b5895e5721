package main

import rego.v1

evidence_object := {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "api", "image": "a@sha256:1"}]}}}}

test_scan_evidence_recent if {
	count(deny_scan_evidence) == 0 with input as evidence_object with data.gitops.protected as true with data.scan_evidence as {"sha256:1": {"time": "2027-01-20T00:00:00Z", "critical": 0, "high": 9}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_old if {
	count(deny_scan_evidence) == 1 with input as evidence_object with data.gitops.protected as true with data.scan_evidence as {"sha256:1": {"time": "2026-01-20T00:00:00Z", "critical": 0, "high": 0}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_critical if {
	count(deny_scan_evidence) == 1 with input as evidence_object with data.gitops.protected as true with data.scan_evidence as {"sha256:1": {"time": "2027-01-20T00:00:00Z", "critical": 2, "high": 0}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_absent if {
	count(deny_scan_evidence) == 1 with input as evidence_object with data.gitops.protected as true with data.scan_evidence as {"sha256:2": {"time": "2027-01-20T00:00:00Z", "critical": 0, "high": 0}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_elsewhere if {
	count(deny_scan_evidence) == 0 with input as evidence_object with data.gitops.protected as false with data.scan_evidence as {"sha256:2": {}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_of_the_configuration if {
	count(deny_scan_evidence) == 1 with input as evidence_object with data.gitops.protected as true with data.gitops.evidence as {"sha256:1": {"time": "2027-01-20T00:00:00Z", "critical": 1, "high": 0}} with time.now_ns as 1801180800000000000
}

test_scan_evidence_without_a_date if {
	count(deny_scan_evidence) == 1 with input as evidence_object with data.gitops.protected as true with data.gitops.evidence as {"sha256:1": {"time": null, "critical": 0, "high": 0}} with time.now_ns as 1801180800000000000
}
