# METADATA
# title: Argo CD Applications belong to allowed projects
# description: List the projects under `projects` in the data of the policies. Without a list nothing is reported.
# custom:
#   help: use a project of the list
package main

import rego.v1

application_project := ["spec.project", object.get(input.spec, "project", "default")] if input.kind == "Application"

application_project := ["spec.template.spec.project", input.spec.template.spec.project] if input.kind == "ApplicationSet"

deny_allowed_projects contains {"msg": msg, "path": path} if {
	startswith(input.apiVersion, "argoproj.io/")
	[path, project] := application_project
	count(data.projects) > 0
	not project in data.projects
	msg := sprintf("%s %s belongs to project `%s`, which is not allowed", [input.kind, input.metadata.name, project])
}
