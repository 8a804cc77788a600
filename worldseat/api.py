"""The API's edges: problem+json, pagination, idempotency."""
