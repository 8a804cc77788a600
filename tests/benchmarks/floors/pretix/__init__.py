"""pretix, the ticket shop that the product is held against, as a good operator runs it.

Unchanged, and in an environment of its own: it is another's program with other dependencies.
"""
