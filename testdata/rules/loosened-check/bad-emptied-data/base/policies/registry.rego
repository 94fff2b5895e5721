package main

import rego.v1

deny contains "no registry is allowed" if {
	count(data.registries) == 0
}
