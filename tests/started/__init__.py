"""Every task, command, program and make target is started by a test: which one, as data.

`listing` finds in the code what can be started, `table` names the test that starts it, and
`recorder` fails a test that is named and does not.
"""
