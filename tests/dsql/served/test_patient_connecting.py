"""Refusals that pass are waited for; a token that has expired is minted again, once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from worldseat.dsql import auth, base
from worldseat.dsql.base import DatabaseWrapper
from worldseat.local.endpoint.launch import Endpoint


@pytest.fixture
def pooled(served: DatabaseWrapper) -> Iterator[DatabaseWrapper]:
    """A connection out of a pool, which has none yet."""
    settings = copy.deepcopy(served.settings_dict)
    settings["CONN_MAX_AGE"] = 0
    settings["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 1, "timeout": 30}
    wrapper = DatabaseWrapper(settings, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that we would have waited; nobody waits."""
    waited: list[float] = []
    monkeypatch.setattr("worldseat.dsql.connecting._sleep", waited.append)
    return waited


@pytest.fixture
def old_tokens(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[object]]:
    """Sign the tokens of so many boto3 clients an hour ago; returns the client of each token."""

    def arm(times: float) -> list[object]:
        clients: list[object] = []

        def sign(**request: Any) -> str:
            client = auth._clients.get((request["region"], request["profile"]))
            clients.append(client)
            ago = timedelta(hours=1) if len(clients) <= times else timedelta(0)
            with pytest.MonkeyPatch.context() as clock:
                clock.setattr("botocore.auth.get_current_datetime", lambda: _now() - ago)
                return auth.mint_token(**request)

        monkeypatch.setattr(base, "mint_token", sign)
        return clients

    return arm


def _now() -> datetime:
    # botocore signs with a time without a zone.
    return datetime.now(UTC).replace(tzinfo=None)


def answer(wrapper: DatabaseWrapper) -> object:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 7")
        return cursor.fetchone()


@pytest.mark.parametrize("fault", ["waking", "too_many", "rate"])
def test_waits_for_what_passes(
    endpoint: Endpoint, served: DatabaseWrapper, waits: list[float], fault: str
) -> None:
    endpoint.control.set(**{fault: 3})
    before = endpoint.control.counters()["refused"]
    assert answer(served) == (7,)
    assert endpoint.control.counters()["refused"] == before + 3
    assert len(waits) == 3


def test_waits_in_a_pool_too(endpoint: Endpoint, pooled: DatabaseWrapper) -> None:
    endpoint.control.set(waking=1)
    assert answer(pooled) == (7,)


def test_mints_an_expired_token_again_with_credentials_looked_up_anew(
    served: DatabaseWrapper, waits: list[float], old_tokens: Callable[[float], list[object]]
) -> None:
    served.fresh_connection_params()  # signs
    clients = old_tokens(1)
    assert answer(served) == (7,)
    assert len(clients) == 2
    assert clients[0] is not None
    assert clients[1] is None  # made anew for it
    assert waits == []


def test_looks_credentials_up_anew_in_a_pool_too(
    pooled: DatabaseWrapper, old_tokens: Callable[[float], list[object]]
) -> None:
    pooled.fresh_connection_params()  # signs
    clients = old_tokens(1)
    assert answer(pooled) == (7,)
    assert clients[0] is not None
    assert clients[1] is None


def test_gives_up_when_the_second_token_has_expired_too(
    served: DatabaseWrapper, old_tokens: Callable[[float], list[object]]
) -> None:
    clients = old_tokens(9)
    with pytest.raises(OperationalError, match="Signature expired"):
        answer(served)
    assert len(clients) == 2


def test_does_not_ask_again_where_access_is_denied(
    served: DatabaseWrapper, waits: list[float], old_tokens: Callable[[float], list[object]]
) -> None:
    clients = old_tokens(0)
    served.settings_dict["USER"] = "stranger"
    with pytest.raises(OperationalError, match="access denied"):
        answer(served)
    assert len(clients) == 1
    assert waits == []


def test_gives_up_waiting_in_the_end(
    endpoint: Endpoint, served: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worldseat.dsql.connecting.DEADLINE_SECONDS", 0.0)
    endpoint.control.set(waking=1)
    with pytest.raises(OperationalError, match="waking up"):
        answer(served)
    assert answer(served) == (7,)
