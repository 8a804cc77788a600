"""The plain purchase is answered before Django looks further; its answer looks like any other."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from sales.api.lean import _PATH
from sales.models import Seat
from tests.helpers.api_calls import ApiAs

pytestmark = pytest.mark.django_db(transaction=True)

# Of whom they are, and what DRF says of every resource.
_OWN = {"RateLimit", "Server-Timing", "Allow", "Vary"}


def test_knows_the_path_of_the_url_conf() -> None:
    event = uuid4()
    found = _PATH.fullmatch(_purchases(event))
    assert found
    assert found[1] == str(event)


def _purchases(event: Any) -> str:
    return reverse("api:purchases", kwargs={"event_id": event})


def test_has_the_headers_of_the_naive_form(
    api_as: ApiAs, fay: User, seats: list[Seat], settings: Settings
) -> None:
    headers = {}
    for seat, settings.LEAN_PURCHASES in zip(seats, (True, False), strict=False):
        answer = api_as(fay).post(
            _purchases(seat.event_id),
            {"seat": str(seat.pk)},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201
        headers[settings.LEAN_PURCHASES] = {
            name: value for name, value in answer.items() if name not in _OWN
        }
    assert headers[True] == headers[False]
    assert "Content-Security-Policy" in headers[True]


def test_refuses_a_host_that_is_not_ours(api_as: ApiAs, fay: User, seat: Seat) -> None:
    answer = api_as(fay).post(
        _purchases(seat.event_id),
        {"seat": str(seat.pk)},
        headers={"Idempotency-Key": "1", "Host": "elsewhere.example.org"},
    )
    assert answer.status_code == 400
    seat.refresh_from_db()
    assert seat.status == "available"
