"""AWS's own connector, unmodified, is served: the endpoint is not tuned to our client."""

from __future__ import annotations

import uuid
from typing import Any

import aurora_dsql_psycopg
from django.db import connections, transaction
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from psycopg import IsolationLevel, pq
from pytest_django import DjangoDbBlocker

from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.pipelines import Statement, begin_with_read, write_at_commit
from worldseat.dsql.url import database_from_url
from worldseat.local.endpoint.launch import Endpoint


def test_serves_the_aws_connector(east: Endpoint, west: Endpoint) -> None:
    table = f"connector_{uuid.uuid4().hex[:8]}"
    for endpoint, number in ((east, 1), (west, 2)):
        connection = aurora_dsql_psycopg.connect(
            host=endpoint.host,
            region=endpoint.region,
            user="admin",
            hostaddr="127.0.0.1",
            port=endpoint.port,
            sslmode="verify-full",
            sslrootcert=str(endpoint.root),
            autocommit=True,
        )
        with connection:
            if number == 1:
                connection.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, name text)")
            with connection.transaction():
                connection.execute(f"INSERT INTO {table} VALUES (%s, %s)", [number, "a"])
            rows = connection.execute(f"SELECT id FROM {table} ORDER BY id").fetchall()
            assert rows == [(n + 1,) for n in range(number)]
            assert connection.info.status == pq.ConnStatus.OK


def test_takes_our_pipelines_over_the_aws_connector(
    east: Endpoint, django_db_blocker: DjangoDbBlocker
) -> None:
    """What the lean sale sends is the protocol's own: no client has to be ours for it."""
    table = f"pipelined_{uuid.uuid4().hex[:8]}"
    wrapper = _wrapper(east)
    connections["connector"] = wrapper
    put = Statement("put", f"INSERT INTO {table} VALUES ($1::int, $2::text)")
    count = Statement("count", f"SELECT count(*) FROM {table}")
    try:
        with django_db_blocker.unblock():
            with wrapper.cursor() as cursor:
                cursor.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, name text)")
            assert type(wrapper.connection).__module__.startswith("aurora_dsql_psycopg")
            for number in range(3):
                with transaction.atomic(using="connector"):
                    assert begin_with_read(count, [], using="connector") == [(2 * number,)]
                    writes = [(put, [2 * number + each, "a"]) for each in range(2)]
                    write_at_commit(writes, using="connector")
            with wrapper.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")
                assert cursor.fetchone() == (6,)
            wrapper.close()
    finally:
        del connections["connector"]


def _wrapper(endpoint: Endpoint) -> Any:
    """Return Django's side of a database, on a connection that AWS's connector makes."""
    settings = {
        **connections["default"].settings_dict,
        **database_from_url(endpoint.database_url),
    }
    wrapper = DatabaseWrapper(settings, alias="connector")

    def connect(conn_params: dict[str, Any]) -> Any:
        made = aurora_dsql_psycopg.connect(
            host=endpoint.host,
            region=endpoint.region,
            user="admin",
            hostaddr="127.0.0.1",
            port=endpoint.port,
            sslmode="verify-full",
            sslrootcert=str(endpoint.root),
            context=get_adapters_template(True, wrapper.timezone),
        )
        made.isolation_level = IsolationLevel.REPEATABLE_READ
        wrapper._configure_connection(made)
        return made

    wrapper.get_new_connection = connect  # type: ignore[method-assign]  # made by another client
    return wrapper
