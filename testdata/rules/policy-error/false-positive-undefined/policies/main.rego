package main

import rego.v1

# a value that an object does not have is undefined, which is not an error
deny contains "too many replicas" if input.spec.replicas > input.spec.limits.replicas
