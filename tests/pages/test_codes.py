"""A presale code on the event's page: it buys early, and a wrong one costs no chosen seat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Event, Order, PresaleCode, Seat

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def code(event: Event, now: datetime) -> PresaleCode:
    """A code for one ticket, before the sale."""
    Event.objects.update(on_sale_at=now + timedelta(hours=1))
    times = {"valid_from": now - timedelta(hours=1), "valid_until": now + timedelta(days=1)}
    return PresaleCode.objects.create(event=event, code="CLUB", cap=1, **times)


def buy(client: Client, seat: Seat, code: str) -> Any:
    fields = {"seat": seat.pk, "code": code, "key": uuid4().hex}
    return client.post(f"/events/{seat.event_id}/purchase/", fields)


def chosen(answer: Any, seat: Seat) -> bool:
    return f'<option value="{seat.pk}" selected>' in answer.content.decode()


def test_buys_before_the_sale(
    client_as: ClientAs, code: PresaleCode, seats: list[Seat], fay: User
) -> None:
    fays = client_as(fay)
    page = fays.get(f"/events/{code.event_id}/").content.decode()
    assert "Who has a presale code can buy now" in page
    assert buy(fays, seats[0], "club").status_code == 302
    assert Order.objects.get().state == "paid"
    gone = buy(fays, seats[1], "club")
    assert gone.status_code == 403
    assert "they are gone" in gone.content.decode()
    assert Order.objects.count() == 1


def test_a_wrong_code_keeps_the_seat_chosen_and_what_was_typed(
    client_as: ClientAs, code: PresaleCode, seat: Seat, fay: User
) -> None:
    answer = buy(client_as(fay), seat, "clup")
    assert answer.status_code == 403
    assert "no such code" in answer.content.decode()
    assert chosen(answer, seat)
    assert 'value="clup"' in answer.content.decode()
    assert not Order.objects.exists()


def test_who_has_to_log_in_first_comes_back_to_both(
    client: Client, code: PresaleCode, seat: Seat
) -> None:
    answer = buy(client, seat, "club")
    assert f"seat%3D{seat.pk}" in answer["Location"]
    assert "code%3Dclub" in answer["Location"]
    page = client.get(f"/events/{code.event_id}/", {"seat": str(seat.pk), "code": "club"})
    assert chosen(page, seat)
    assert 'value="club"' in page.content.decode()


def test_asks_for_none_where_there_is_none(
    client_as: ClientAs, event: Event, code: PresaleCode, fay: User, now: datetime
) -> None:
    PresaleCode.objects.update(disabled_at=now)
    page = client_as(fay).get(f"/events/{event.pk}/").content.decode()
    assert 'name="code"' not in page
    assert "presale" not in page
