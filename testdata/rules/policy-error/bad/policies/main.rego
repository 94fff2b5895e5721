package main

import rego.v1

limit := 1 if input.kind == "Deployment"

limit := 2 if input.kind == "Deployment"

deny contains "too many replicas" if input.spec.replicas > limit # error: policy-error
