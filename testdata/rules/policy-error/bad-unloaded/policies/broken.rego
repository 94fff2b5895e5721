package main

import rego.v1

deny_broken contains msg if {
	msg := sprintf("%s") # error: policy-error
}
