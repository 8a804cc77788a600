"""Registering, tokens and oneself, over the REST API."""
