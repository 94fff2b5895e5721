package main

import rego.v1

application_of(project) := {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "api"}, "spec": {"project": project}}

test_allowed_projects_allowed if {
	count(deny_allowed_projects) == 0 with input as application_of("shop") with data.projects as ["shop"]
}

test_allowed_projects_other if {
	count(deny_allowed_projects) == 1 with input as application_of("default") with data.projects as ["shop"]
}

test_allowed_projects_no_list if {
	count(deny_allowed_projects) == 0 with input as application_of("default")
}
