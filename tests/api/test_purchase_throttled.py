"""Who buys too often is told to wait, in either form of the purchase."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import User
from sales.models import Event, Order, Seat
from tests.helpers.api_calls import ApiAs, assert_problem, buy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("form", "limits_on")]


def test_stops_a_fan_after_so_many_and_sells_to_another(
    api_as: ApiAs, fay: User, charlie: User, event: Event, seats: list[Seat], settings: Settings
) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "sell": (2, 60), "sell-address": (100, 60)}
    api = api_as(fay)
    left = [buy(api, event, seat, key=seat.guid)["RateLimit"] for seat in seats[:2]]
    assert [each.split(";")[1] for each in left] == ["r=1", "r=0"]
    refused = buy(api, event, seats[2], key="third")
    assert_problem(refused, 429, "throttled")
    assert refused["Retry-After"]
    assert Order.objects.count() == 2
    assert buy(api_as(charlie), event, seats[2]).status_code == 201
