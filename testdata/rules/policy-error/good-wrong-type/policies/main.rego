package main

import rego.v1

# operands of the wrong type and a division by zero are undefined, as in OPA
deny contains "too many replicas" if input.spec.replicas + input.kind > 3

deny contains "too few replicas" if 1 / (input.spec.replicas - input.spec.replicas) > 3
