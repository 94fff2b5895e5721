package main

import rego.v1

resources_of(replicas, cpu, memory) := {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "api", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]}}}}

test_resources_as_before_equal if {
	count(deny_resources_as_before) == 0 with input as resources_of(2, "1", "1Gi") with data.gitops as {"protected": true, "environment": "production", "previous": resources_of(2, "1000m", "1024Mi")}
}

test_resources_as_before_fewer_replicas if {
	count(deny_resources_as_before) == 1 with input as resources_of(1, "1", "1Gi") with data.gitops as {"protected": true, "environment": "production", "previous": resources_of(2, "1", "1Gi")}
}

test_resources_as_before_lower_limits if {
	count(deny_resources_as_before) == 2 with input as resources_of(2, "500m", "512Mi") with data.gitops as {"protected": true, "environment": "production", "previous": resources_of(2, "1", "1Gi")}
}

test_resources_as_before_staging if {
	count(deny_resources_as_before) == 0 with input as resources_of(1, "1", "1Gi") with data.gitops as {"protected": false, "environment": "staging", "previous": resources_of(2, "1", "1Gi")}
}
