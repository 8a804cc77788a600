"""Databases beside the one that Django's test runner makes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg


@contextmanager
def own_database(purpose: str) -> Iterator[str]:
    """Make a database on the run's PostgreSQL, yield its URL, and drop it."""
    server = os.environ["DATABASE_URL"]
    name = f"{purpose}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
