package main

import rego.v1

scaled_workload := {"kind": "Deployment", "metadata": {"name": "api"}}

scaler_of(name) := {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"name": name}}}

test_a_deployment_without_autoscaler_is_reported if {
	count(warn_autoscaler_required) == 1 with input as scaled_workload with data.gitops as {"protected": true, "resources": [scaler_of("web")]}
}

test_an_autoscaler_is_enough if {
	count(warn_autoscaler_required) == 0 with input as scaled_workload with data.gitops as {"protected": true, "resources": [scaler_of("api")]}
}

test_the_annotation_is_enough if {
	fixed := object.union(scaled_workload, {"metadata": {"name": "api", "annotations": {"policy.acme.example/fixed-replicas": "singleton"}}})
	count(warn_autoscaler_required) == 0 with input as fixed with data.gitops as {"protected": true, "resources": []}
}
