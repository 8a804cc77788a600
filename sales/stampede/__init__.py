"""Stampedes: many simulated buyers who want one seat at one instant, and who checks on it."""
