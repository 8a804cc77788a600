"""A sale driven by chance, from two regions at once, with faults: its invariants hold."""
