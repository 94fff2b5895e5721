# METADATA
# title: A promotion changes a limited number of objects
# description: >-
#   The input is a pair of overlays. `promotion_limit` in the data of the policies is the most objects that may
#   differ from the previous environment (20), apart from differences that are normal between environments.
# custom:
#   help: promote in smaller steps
package promotion

import rego.v1

default promotion_limit := 20

promotion_limit := data.promotion_limit

promoted contains sprintf("%s/%s", [change.kind, change.name]) if {
	some change in input.changes
	change.change != "changed"
}

promoted contains sprintf("%s/%s", [change.kind, change.name]) if {
	some change in input.changes
	some value in change.changes
	not value.expected
}

warn_promotion_size contains {"msg": msg} if {
	data.gitops.protected
	count(promoted) > promotion_limit
	msg := sprintf("%d objects of %s differ from the previous environment (limit: %d)", [count(promoted), data.gitops.app, promotion_limit])
}
