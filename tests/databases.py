"""Databases beside the one that Django's test runner makes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg


def url_of(name: str) -> str:
    """Return the URL of a database on the run's PostgreSQL."""
    return urlsplit(os.environ["WORLDSEAT_TEST_POSTGRES"])._replace(path=f"/{name}").geturl()


@contextmanager
def own_database(purpose: str) -> Iterator[str]:
    """Make a database on the run's PostgreSQL, yield its URL, and drop it."""
    server = os.environ["WORLDSEAT_TEST_POSTGRES"]
    name = f"{purpose}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield url_of(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
