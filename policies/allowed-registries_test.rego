package main

import rego.v1

registry_workload(image) := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"spec": {"containers": [{"name": "api", "image": image}]}}}}

test_other_registries_are_denied if {
	count(deny_allowed_registries) == 1 with input as registry_workload("docker.io/acme/api:v1") with data.registries as ["registry.acme.example"]
}

test_the_list_is_allowed if {
	count(deny_allowed_registries) == 0 with input as registry_workload("registry.acme.example/api:v1") with data.registries as ["registry.acme.example/"]
}

test_a_longer_name_is_another_registry if {
	count(deny_allowed_registries) == 1 with input as registry_workload("registry.acme.example.evil/api:v1") with data.registries as ["registry.acme.example"]
}

test_nothing_is_reported_without_a_list if {
	count(deny_allowed_registries) == 0 with input as registry_workload("x") with data.registries as []
}
