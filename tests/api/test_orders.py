"""One's own orders, and nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import User
from sales.models import Event, Seat
from tests.helpers.api_calls import ApiAs, assert_problem, buy

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/orders/"


def test_lists_them_newest_first(api_as: ApiAs, fay: User, event: Event, seats: list[Seat]) -> None:
    api = api_as(fay)
    bought = [buy(api, event, seat, key=seat.guid).json() for seat in seats[:3]]
    assert api.get(URL).json() == {"results": bought[::-1], "next": None, "previous": None}
    page = api.get(URL, {"limit": 2}).json()
    assert page["results"] == bought[:0:-1]
    assert api.get(page["next"]).json()["results"] == bought[:1]


def test_shows_one(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    bought = buy(api, event, seat).json()
    assert api.get(f"{URL}{bought['id']}/").json() == bought


def test_shows_nobody_elses(
    api_as: ApiAs, fay: User, alice: User, charlie: User, event: Event, seat: Seat
) -> None:
    order = buy(api_as(fay), event, seat).json()
    for other in (alice, charlie):
        assert api_as(other).get(URL).json()["results"] == []
        assert_problem(api_as(other).get(f"{URL}{order['id']}/"), 404, "not-found")


def test_knows_no_order_that_is_none(api_as: ApiAs, fay: User) -> None:
    for id_ in (str(uuid4()), "1", "x"):
        assert_problem(api_as(fay).get(f"{URL}{id_}/"), 404, "not-found")
    assert_problem(api_as(fay).get(URL, {"cursor": "x"}), 400, "invalid")


def test_lists_with_as_many_queries_however_many_there_are(
    api_as: ApiAs,
    fay: User,
    event: Event,
    seats: list[Seat],
    django_assert_num_queries: Any,
) -> None:
    api = api_as(fay)
    for seat in seats[:4]:
        buy(api, event, seat, key=seat.guid)
    with django_assert_num_queries(3):  # the token, the orders, the tickets
        assert len(api.get(URL).json()["results"]) == 4
