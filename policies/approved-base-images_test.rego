package main

import rego.v1

base_object := {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "api", "image": "a@sha256:1"}]}}}}

test_approved_base_images_approved if {
	count(deny_approved_base_images) == 0 with input as base_object with data.gitops.protected as true with data.base_images as ["registry.example.com/base/"] with data.built_on as {"sha256:1": "registry.example.com/base/java:21"}
}

test_approved_base_images_other if {
	count(deny_approved_base_images) == 1 with input as base_object with data.gitops.protected as true with data.base_images as ["registry.example.com/base/"] with data.built_on as {"sha256:1": "debian:12"}
}

test_approved_base_images_unknown if {
	count(deny_approved_base_images) == 1 with input as base_object with data.gitops.protected as true with data.base_images as ["registry.example.com/base/"] with data.built_on as {"sha256:2": "debian:12"}
}
