"""The API's edges: problem+json, what a body may be, pagination, idempotency keys."""
