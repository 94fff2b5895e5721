package main

import rego.v1

deny contains "no replicas" if input.spec.replicas == 0
