"""Calling the API in tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, LedgerEntry, Order, Seat, SeatStatus, StoredAnswer, Ticket

__all__ = ["ApiAs", "assert_nothing_sold", "assert_problem", "buy"]

ApiAs = Callable[[User], APIClient]


def buy(api: APIClient, event: Event, seat: Any, *, key: str | None = "key-1") -> Any:
    """Buy a seat: a Seat, or whatever stands where its id belongs."""
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"seat": str(seat.pk) if isinstance(seat, Seat) else seat}
    url = f"/api/v1/events/{event.pk}/purchases/"
    return api.post(url, json.dumps(body), content_type="application/json", headers=headers)


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem as RFC 9457 and api.md have it, and return it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:worldseat:problem:{code}"
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == answer.wsgi_request.path
    for secret in ("Traceback", "psycopg", "SELECT", 'File "'):
        assert secret not in answer.content.decode()
    return problem


def assert_nothing_sold() -> None:
    """Check that no sale and no answer is there."""
    for model in (Order, Ticket, LedgerEntry, StoredAnswer):
        assert not model._default_manager.exists(), model
    assert not Seat.objects.exclude(status=SeatStatus.AVAILABLE).exists()
