"""Each connection: its parameters, its token, its isolation level, its end."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from psycopg import pq

from tests.helpers.waiting import wait_until
from worldseat.dsql import base
from worldseat.dsql.base import CONNECTION_SECONDS, DatabaseWrapper

REGION = "us-east-1"
MakeWrapper = Callable[..., DatabaseWrapper]


@pytest.fixture
def make_wrapper(transactional_db: None) -> Iterator[MakeWrapper]:
    """Make connections to the test database beside Django's own; they are closed at the end."""
    made: list[DatabaseWrapper] = []

    def make(**changes: Any) -> DatabaseWrapper:
        settings = copy.deepcopy(connection.settings_dict)
        settings["CONN_MAX_AGE"] = 0
        options = changes.pop("OPTIONS", {})
        settings.update(changes)
        settings["OPTIONS"] = {**settings["OPTIONS"], **options}
        made.append(DatabaseWrapper(settings, alias=f"beside{len(made)}"))
        return made[-1]

    yield make
    for wrapper in made:
        wrapper.close()
        wrapper.close_pool()


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each token was minted for. The password stands in for the token."""
    minted: list[dict[str, Any]] = []

    def mint(**request: Any) -> str:
        minted.append(request)
        return str(connection.settings_dict["PASSWORD"])

    monkeypatch.setattr(base, "mint_token", mint)
    return minted


IAM = {"iam": True, "region": REGION, "sslmode": "disable"}


def process(wrapper: DatabaseWrapper) -> int:
    """Return the server process that serves the connection."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row: tuple[int] = cursor.fetchone()
        return row[0]


def test_asks_for_verified_tls_with_iam(make_wrapper: MakeWrapper) -> None:
    params = make_wrapper(OPTIONS={"iam": True, "region": REGION}).get_connection_params()
    assert params["sslmode"] == "verify-full"
    assert params["sslrootcert"] == "system"
    if pq.version() >= 170000:
        assert params["sslnegotiation"] == "direct"
    assert not {"iam", "region", "profile", "pool"} & set(params)


def test_keeps_the_root_certificate_it_was_given(make_wrapper: MakeWrapper) -> None:
    options = {"iam": True, "region": REGION, "sslrootcert": "/ca.pem"}
    assert make_wrapper(OPTIONS=options).get_connection_params()["sslrootcert"] == "/ca.pem"


def test_asks_for_no_tls_without_iam(make_wrapper: MakeWrapper) -> None:
    params = make_wrapper(OPTIONS={"iam": False}).get_connection_params()
    assert not {"sslmode", "sslrootcert", "sslnegotiation"} & set(params)


def test_mints_a_token_for_each_connection(
    make_wrapper: MakeWrapper, tokens: list[dict[str, Any]]
) -> None:
    wrapper = make_wrapper(OPTIONS=IAM)
    process(wrapper)
    process(wrapper)
    assert len(tokens) == 1
    wrapper.close()
    process(wrapper)
    assert len(tokens) == 2
    settings = connection.settings_dict
    assert tokens[0] == {
        "host": settings["HOST"],
        "user": settings["USER"],
        "region": REGION,
        "profile": None,
    }


def test_mints_a_token_for_each_pooled_connection(
    make_wrapper: MakeWrapper, tokens: list[dict[str, Any]]
) -> None:
    pool = {"min_size": 0, "max_size": 2, "timeout": 10}
    wrapper = make_wrapper(OPTIONS={**IAM, "pool": pool})
    first = process(wrapper)
    wrapper.close()
    assert process(wrapper) == first
    assert len(tokens) == 1
    wrapper.connection.close()
    wrapper.close()
    assert process(wrapper) != first
    assert len(tokens) >= 2
    # The pool makes one more at the same time, which it counts before it asks for its token.
    wait_until(
        lambda: len(tokens) == wrapper.pool.get_stats()["connections_num"],
        what="a token for each of the pool's connections",
    )


def test_mints_no_token_without_iam(
    make_wrapper: MakeWrapper, tokens: list[dict[str, Any]]
) -> None:
    process(make_wrapper(OPTIONS={"iam": False}))
    assert tokens == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"HOST": ""}, "HOST"),
        ({"USER": ""}, "USER"),
        ({"OPTIONS": {"iam": True, "region": ""}}, "region"),
    ],
)
def test_says_what_it_needs_to_sign(
    make_wrapper: MakeWrapper, changes: dict[str, Any], missing: str
) -> None:
    wrapper = make_wrapper(**{"OPTIONS": IAM, **changes})
    with pytest.raises(ImproperlyConfigured, match=missing):
        wrapper.ensure_connection()


@pytest.mark.parametrize("iam", [True, False])
def test_reads_one_snapshot_in_a_transaction(
    make_wrapper: MakeWrapper, tokens: list[dict[str, Any]], iam: bool
) -> None:
    wrapper = make_wrapper(OPTIONS={**IAM, "iam": iam})
    wrapper.set_autocommit(False)
    with wrapper.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
    wrapper.rollback()


def test_refuses_an_isolation_level_that_dsql_lacks(
    make_wrapper: MakeWrapper, tokens: list[dict[str, Any]]
) -> None:
    wrapper = make_wrapper(OPTIONS={**IAM, "isolation_level": 4})
    with pytest.raises(ImproperlyConfigured, match="isolation_level"):
        wrapper.ensure_connection()


def test_lets_the_stand_in_run_at_another_level(make_wrapper: MakeWrapper) -> None:
    wrapper = make_wrapper(OPTIONS={"iam": False, "isolation_level": 2})
    wrapper.set_autocommit(False)
    with wrapper.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)
    wrapper.rollback()


@pytest.mark.parametrize("age", [0, 60, None, 10**9])
def test_is_closed_before_the_hour(make_wrapper: MakeWrapper, age: int | None) -> None:
    wrapper = make_wrapper(CONN_MAX_AGE=age)
    wrapper.ensure_connection()
    latest = CONNECTION_SECONDS if age is None else min(age, CONNECTION_SECONDS)
    assert wrapper.close_at is not None
    assert wrapper.close_at <= time.monotonic() + latest
    assert CONNECTION_SECONDS < 60 * 60


def test_spreads_the_ends_of_connections(
    make_wrapper: MakeWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    for share in (0.0, 0.5, 1.0):
        monkeypatch.setattr(
            "worldseat.dsql.base.random.uniform", lambda least, most, share=share: share * most
        )
        wrapper = make_wrapper(CONN_MAX_AGE=None)
        began = time.monotonic()
        wrapper.ensure_connection()
        earlier = CONNECTION_SECONDS - share * 5 * 60
        assert began <= wrapper.connection.retires_at - earlier <= time.monotonic()


@pytest.mark.parametrize("options", [{}, {"pool": {"min_size": 0, "max_size": 2}}])
def test_replaces_a_connection_that_is_due_to_retire(
    make_wrapper: MakeWrapper, options: dict[str, Any]
) -> None:
    wrapper = make_wrapper(OPTIONS=options)
    first = process(wrapper)
    assert process(wrapper) == first
    wrapper.connection.retires_at = time.monotonic()
    assert process(wrapper) != first


def test_retires_no_connection_in_a_transaction(transactional_db: None) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            first = cursor.fetchone()
        connection.connection.retires_at = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone() == first
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != first


def test_lets_the_pool_keep_connections_no_longer(make_wrapper: MakeWrapper) -> None:
    wrapper = make_wrapper(OPTIONS={"pool": {"max_lifetime": 10**6}})
    assert wrapper.pool.max_lifetime == CONNECTION_SECONDS
    wrapper = make_wrapper(OPTIONS={"pool": {"max_lifetime": 60}})
    assert wrapper.pool.max_lifetime == 60


def test_declares_no_cursor(make_wrapper: MakeWrapper) -> None:
    wrapper = make_wrapper()
    with wrapper.chunked_cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors")
        assert cursor.fetchone() == (0,)


def test_has_no_savepoints(transactional_db: None) -> None:
    assert not connection.features.uses_savepoints
    assert not connection.features.can_rollback_ddl
    with transaction.atomic():
        assert transaction.savepoint() is None
