"""Events, purchases and orders, over the REST API."""
