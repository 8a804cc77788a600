"""A pair of DSQL clusters in two regions, with a witness in a third: make, watch, delete.

`manage.py dsql_cluster` is the way in; docs/clusters.md is its guide. The order of work:
`observe` finds what there is by its tag, `plan_creation` says what is left to do, and
`create_pair` does it, however often and wherever an earlier run was stopped.
"""
