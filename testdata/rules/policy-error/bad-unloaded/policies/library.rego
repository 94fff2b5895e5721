package library

import rego.v1

is_large(object) if object.spec.replicas > ) # error: policy-error
