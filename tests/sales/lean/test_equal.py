"""The lean purchase does what the naive one does: same answer, same rows, from any state.

States are drawn by chance (with a seed that a failure names). Each is sold in once, set back, and
sold in again in the other way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from sales.lean.purchases import purchase
from sales.models import (
    Allowance,
    Event,
    LedgerEntry,
    Order,
    OutboxEvent,
    PresaleCode,
    PriceCategory,
    Seat,
    SeatStatus,
    StoredAnswer,
    Ticket,
)
from tests.helpers.api_calls import ApiAs

pytestmark = pytest.mark.django_db(transaction=True)

STATES = 60
WRITTEN = (OutboxEvent, LedgerEntry, Ticket, Order, StoredAnswer, Allowance)
MADE_ANEW = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[2-9A-Z]{10}|\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{16}\b"
)


@pytest.mark.parametrize("seed", range(3))
def test_answers_and_writes_the_same(
    api_as: ApiAs, fay: User, seats: list[Seat], settings: Settings, monkeypatch: Any, seed: int
) -> None:
    chance = random.Random(seed)
    api, lean_ones = api_as(fay), _counting(monkeypatch)
    for number in range(STATES // 3):
        state = _State(chance, seats, fay)
        found = {}
        for form in ("naive", "lean"):
            settings.LEAN_PURCHASES = form == "lean"
            state.set()
            found[form] = [_bought(api, seats[0], state, f"{number}"), _rows()]
            found[form].append(_bought(api, seats[0], state, f"{number}"))
        assert found["lean"] == found["naive"], (seed, number, vars(state))
    assert lean_ones, "some were plain"


def _counting(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that gets the lean answers."""
    answered: list[Any] = []

    def note(*arguments: Any, **options: Any) -> Any:
        found = purchase(*arguments, **options)
        if found is not None:
            answered.append(found)
        return found

    monkeypatch.setattr("sales.api.lean.purchase", note)
    return answered


class _State:
    """What a purchase may meet; `set` makes it so, whatever was before."""

    def __init__(self, chance: random.Random, seats: list[Seat], fan: User) -> None:
        self._seats, self._fan = seats, fan
        rarely: Callable[[], bool] = lambda: chance.random() < 0.1  # noqa: E731
        self.status = chance.choice([*[SeatStatus.AVAILABLE] * 3, *SeatStatus])
        self.held = timedelta(minutes=chance.choice([-1, 1]))
        self.event: dict[str, Any] = {
            "state": chance.choice(["published"] * 8 + ["paused", "draft", "closed"]),
            "on_sale_at": timedelta(hours=1 if rarely() else -1),
            "off_sale_at": timedelta(hours=2),
            "limit_per_fan": chance.choice([1, 2, 4]),
            "fee_minor": chance.choice([0, 150]),
            "fee_basis_points": chance.choice([0, 250, 333]),
            "has_waiting_room": rarely(),
        }
        self.category: dict[str, Any] = {
            "price_minor": chance.choice([0, 1, 4500, 999_999]),
            "code_required": rarely(),
            "limit_per_fan": chance.choice([None] * 5 + [1]),
        }
        self.has_code = rarely()
        self.used = chance.choice([None, None, 0, 1, 2])
        self.answered_ago = chance.choice([None] * 4 + [timedelta(hours=1), timedelta(hours=25)])
        self.name = chance.choice(["Opening Night", 'Ünïcode "quoted" \\ 東京', "{}'; --"])
        self.is_active = not rarely()

    def set(self) -> None:
        now, seat = timezone.now(), self._seats[0]
        for model in WRITTEN:
            model._default_manager.all().delete()
        User.objects.filter(pk=self._fan.pk).update(is_active=self.is_active)
        Seat.objects.filter(pk=seat.pk).update(status=self.status, held_until=now + self.held)
        Event.objects.filter(pk=seat.event_id).update(name=self.name, **_at(now, self.event))
        PriceCategory.objects.filter(pk=seat.category_id).update(**self.category)
        PresaleCode.objects.all().delete()
        if self.has_code:
            PresaleCode.objects.create(
                event_id=seat.event_id,
                code="EARLY",
                valid_from=now - timedelta(1),
                valid_until=now + timedelta(1),
            )
        if self.used is not None:
            Allowance.objects.create(event_id=seat.event_id, fan=self._fan, used=self.used)
        if self.answered_ago is not None:
            StoredAnswer.objects.create(
                fan=self._fan,
                key="kept",
                fingerprint="f" * 64,
                status=201,
                body={"first": True},
                created_at=now - self.answered_ago,
            )


def _at(now: datetime, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }


def _bought(api: APIClient, seat: Seat, state: _State, key: str) -> Any:
    used = "kept" if state.answered_ago is not None else key
    answer = api.post(
        f"/api/v1/events/{seat.event_id}/purchases/",
        {"seat": str(seat.pk)},
        headers={"Idempotency-Key": used},
    )
    replayed = answer.headers.get("Idempotency-Replayed")
    return answer.status_code, answer["Content-Type"], replayed, _told(answer.json(), seat)


def _told(value: Any, seat: Seat | None = None) -> Any:
    """Leave out what is another one each time: ids, references, times."""
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_told(each) for each in value]
    if isinstance(value, UUID | datetime):
        return type(value).__name__
    if isinstance(value, int) and not isinstance(value, bool) and value > 10**15:
        return "sequence"
    return MADE_ANEW.sub("*", value) if isinstance(value, str) else value


def _rows() -> Any:
    """Return everything that a sale writes, and the seats."""
    return {
        model.__name__: sorted((_told(row) for row in model._default_manager.values()), key=repr)
        for model in (*WRITTEN, Seat)
    }
