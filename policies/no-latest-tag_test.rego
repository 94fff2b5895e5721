package main

import rego.v1

latest_pod_with(image) := {"kind": "Pod", "metadata": {"name": "api"}, "spec": {"containers": [{"name": "api", "image": image}]}}

test_every_form_of_latest_is_denied if {
	every image in ["nginx:latest", "nginx", "registry.example.com:5000/team/nginx"] {
		count(deny_no_latest_tag) == 1 with input as latest_pod_with(image)
	}
}

test_versions_and_digests_are_allowed if {
	every image in ["nginx:1.27", "registry.example.com:5000/team/nginx:2", "nginx@sha256:aa"] {
		count(deny_no_latest_tag) == 0 with input as latest_pod_with(image)
	}
}
