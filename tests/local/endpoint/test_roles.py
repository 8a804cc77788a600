"""Least privilege: a database role, mapped to an IAM identity."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, parameters
from worldseat.local.endpoint.launch import Endpoint


def test_lets_in_a_role_that_was_granted(connect: Connect, east: Endpoint, table: str) -> None:
    admin = connect(east, autocommit=True)
    role = f"app_{table}"
    admin.execute(f"CREATE ROLE {role} WITH LOGIN")
    with pytest.raises(psycopg.OperationalError, match="access denied"):
        psycopg.connect(**parameters(east, user=role))
    cursor = admin.execute(f"AWS IAM GRANT {role} TO '{east.arn}'")
    assert cursor.statusmessage == "AWS IAM GRANT"
    mapped = admin.execute(
        "SELECT arn FROM sys.iam_pg_role_mappings WHERE pg_role_name = %s", [role]
    )
    assert mapped.fetchone() == (east.arn,)
    connection = connect(east, user=role, autocommit=True)
    assert connection.execute("SELECT current_user").fetchone() == (role,)
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(f"SELECT * FROM {table}")
    for escape in ("RESET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION DEFAULT"):
        with pytest.raises(errors.FeatureNotSupported):
            connection.execute(escape)
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SET ROLE admin")
    admin.execute(f"AWS IAM REVOKE {role} FROM '{east.arn}'")
    with pytest.raises(psycopg.OperationalError, match="access denied"):
        psycopg.connect(**parameters(east, user=role))


def test_refuses_to_grant_what_is_no_arn(connect: Connect, east: Endpoint) -> None:
    admin = connect(east, autocommit=True)
    with pytest.raises(errors.InvalidParameterValue, match="must look like an IAM ARN"):
        admin.execute("AWS IAM GRANT admin TO 'somebody'")
