"""What the product is held against: as little as can sell a seat, each in another way.

The naive sale alone: read the seat, mark it sold, write an order and a ticket; no token, no key, no
ledger, no limit. Kept here so that both run in the same minutes on the same machine.
"""
