"""AWS's own connector, unmodified, is served: the endpoint is not tuned to our client."""

from __future__ import annotations

import uuid

import aurora_dsql_psycopg
from psycopg import pq

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
