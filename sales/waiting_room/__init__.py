"""The waiting room of an event: who may buy when, while more fans come than seats.

docs/waiting-room.md says what it promises, decisions/0004 why it is made so. In short: a fan's
place follows from a signed ticket that she keeps; who joined is also written to the database, in
batches; what everybody needs to know to place herself (the standing) is read from there once a
second and shared by a region's servers through the cache. A poll asks the database nothing.
"""
