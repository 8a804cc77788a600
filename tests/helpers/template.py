"""A database with all tables, migrated once and copied for each process of the tests.

It is kept on the server of the test run, under a name that says which migrations made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections

__all__ = ["template_database"]

# Held while a template is made: another process then finds it.
_LOCK = 7_315_550_911
_KEPT = 3
_BEGUN = "begun_template"


def template_database(server: str, using: str = "default") -> str:
    """Return the name of a database with the tables of all apps, which is made if there is none.

    `server` is the URL of the PostgreSQL. Nobody connects to the database afterwards, so that it
    can be copied.
    """
    name = f"template_{_digest()}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            # What an interrupted run has left.
            session.execute(f"DROP DATABASE IF EXISTS {_BEGUN} WITH (FORCE)")
            session.execute(f"CREATE DATABASE {_BEGUN}")
            with _connected_to(using, _BEGUN):
                call_command("migrate", database=using, verbosity=0, interactive=False)
            session.execute(f"ALTER DATABASE {_BEGUN} RENAME TO {name}")
            _drop_old(session)
    return name


def _drop_old(session: psycopg.Connection) -> None:
    """Drop the templates of earlier migrations but for a few, which other branches may use."""
    old = session.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%%' "
        "AND NOT datistemplate ORDER BY oid DESC OFFSET %s",
        [_KEPT],
    )
    for (name,) in old.fetchall():
        session.execute(f"DROP DATABASE IF EXISTS {name}")


@contextmanager
def _connected_to(using: str, name: str) -> Iterator[None]:
    connection = connections[using]
    connection.close()
    before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _digest() -> str:
    """Digest the migrations of all apps: their files' contents, and what makes tables of them."""
    digest = hashlib.sha256()
    folders = [Path(config.path) / "migrations" for config in apps.get_app_configs()]
    folders.append(Path(__file__).parents[2] / "worldseat" / "dsql")
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
