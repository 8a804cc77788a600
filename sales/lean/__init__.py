"""The sale of one seat in two round trips, authentication included: `sales.purchases`, leaner.

`purchases.py` is the sale as it is meant to be read, and what it does is what counts. This does the
same for the plain case only, with one read and one batch of writes, and leaves every other case to
it: `None` means "ask the other one", and nothing was written then. Tests hold the two against each
other (tests/sales/lean).
"""
