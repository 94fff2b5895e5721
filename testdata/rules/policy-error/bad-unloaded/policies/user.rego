package main

import rego.v1

deny_large contains "too large" if data.library.is_large(input) # error: policy-error
