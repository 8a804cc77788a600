"""The version: the same one, wherever a client asks."""

from __future__ import annotations

import pytest

from tests.helpers.endpoints import Connect, settled
from worldseat.local.endpoint.launch import Endpoint

ASKED = [
    ("SHOW server_version", "16.15"),
    ("SHOW server_version_num", "160015"),
    ("SELECT version()", "PostgreSQL 16.15"),
    ("SELECT pg_catalog.version() FOR UPDATE", "PostgreSQL 16.15"),
    ("SELECT current_setting('server_version')", "16.15"),
    ("SELECT a.setting FROM (SELECT current_setting('server_version_num')) a(setting)", "160015"),
    ("SELECT setting FROM pg_settings WHERE pg_settings.name = 'server_version'", "16.15"),
    ("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'server_version_num'", "160015"),
    ("SELECT current_setting('timezone')", "UTC"),
    ("SELECT 'version()'", "version()"),
]


@pytest.mark.parametrize(("sql", "told"), ASKED)
def test_is_told(connect: Connect, east: Endpoint, sql: str, told: str) -> None:
    connection = connect(east)
    assert connection.info.server_version == 160015
    assert settled(connection, sql).fetchone() == (told,)


def test_leaves_columns_their_names(connect: Connect, east: Endpoint) -> None:
    cursor = settled(connect(east), "SELECT version(), current_setting('datestyle')")
    assert [column.name for column in cursor.description or ()] == ["version", "current_setting"]
