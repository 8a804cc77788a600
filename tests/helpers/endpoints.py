"""Connecting to a region's endpoint as a client of DSQL does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import errors

from worldseat.dsql.auth import mint_token
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.endpoint.limits import Limits

# Limits of time that a test can wait for.
LIMITS = Limits(transaction_seconds=60.0)

Connect = Callable[..., "psycopg.Connection[tuple[Any, ...]]"]


def parameters(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    """Return libpq's parameters for an endpoint, a fresh token included."""
    user = changes.get("user", "admin")
    token = mint_token(host=endpoint.host, user=user, region=endpoint.region)
    return {
        "host": endpoint.host,
        "hostaddr": "127.0.0.1",
        "port": endpoint.port,
        "user": user,
        "dbname": "postgres",
        "password": token,
        "sslmode": "verify-full",
        "sslrootcert": str(endpoint.root),
        "sslnegotiation": "direct",
        **changes,
    }


def settled(
    connection: psycopg.Connection[Any], sql: str, *values: object, prepare: bool = False
) -> psycopg.Cursor[Any]:
    """Run a statement again after OC001, as every client of DSQL has to."""
    for _ in range(5):
        try:
            return connection.execute(sql, values or None, prepare=prepare)
        except errors.SerializationFailure as error:
            if "OC001" not in str(error):
                raise
            connection.rollback()
    raise AssertionError("OC001 does not end")
