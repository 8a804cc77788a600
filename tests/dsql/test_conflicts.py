"""What counts as a conflict, and what as a lost connection."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection

from tests.helpers.databases import Session
from worldseat.dsql.occ import is_conflict, is_connection_lost


def wrapped(cause: psycopg.Error) -> OperationalError:
    """Return an error as Django's wrapper raises it."""
    error = OperationalError(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.SerializationFailure("could not serialize access"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        wrapped(psycopg.errors.SerializationFailure("could not serialize access")),
        psycopg.OperationalError("change conflicts with another transaction (OC000)"),
        DatabaseError("change conflicts with another transaction, please retry: (OC000)"),
        DatabaseError("schema has been updated by another transaction (OC001)"),
    ],
)
def test_recognises_a_conflict(error: Exception) -> None:
    assert is_conflict(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.UniqueViolation("duplicate key"),
        IntegrityError("duplicate key"),
        psycopg.errors.InFailedSqlTransaction("current transaction is aborted"),
        psycopg.errors.ProgramLimitExceeded("transaction row limit exceeded"),
        ValueError("order OC000 is unknown"),
        DatabaseError("no such order: DOC0001"),
    ],
)
def test_takes_nothing_else_for_a_conflict(error: Exception) -> None:
    assert not is_conflict(error)
    assert not is_connection_lost(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.errors.ConnectionFailure("connection failure"),
        psycopg.errors.AdminShutdown("terminating connection"),
        psycopg.errors.StatementCompletionUnknown("unknown"),
        wrapped(psycopg.OperationalError("the connection is lost")),
        wrapped(psycopg.errors.InternalError_("server unavailable")),
    ],
)
def test_recognises_a_lost_connection(error: Exception) -> None:
    assert is_connection_lost(error)
    assert not is_conflict(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.InternalError_("cache lookup failed"),
        psycopg.errors.SerializationFailure("(OC000)"),
    ],
)
def test_takes_nothing_else_for_a_lost_connection(error: Exception) -> None:
    assert not is_connection_lost(error)


def test_recognises_the_conflict_that_psycopg_raises(probe: str, rival_session: Session) -> None:
    rival_session.autocommit = False
    rival_session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    rival_session.execute("SELECT n FROM probe")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE probe SET n = 1")
    with pytest.raises(psycopg.Error) as caught:
        rival_session.execute("UPDATE probe SET n = 2")
    assert is_conflict(caught.value)
    rival_session.rollback()
