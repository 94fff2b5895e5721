package main

deny contains "the team label is missing" if {
	not input.metadata.labels.team
}
