package main

test_a_label_is_enough if {
	count(deny) == 0 with input as {"metadata": {"labels": {"team": "a"}}}
}

test_that_fails if {
	count(deny) == 0 with input as {"metadata": {}}
}
